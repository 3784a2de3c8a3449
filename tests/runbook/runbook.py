"""Carries out every procedure of packaging/runbook.md against real processes.

    runbook.py check DOCUMENT                         each procedure has a test, and the reverse
    runbook.py self-test                              that a difference would be seen
    runbook.py run DOCUMENT --bin DIR --data DIR [NAME ...]   carries out all, or those named
"""

import argparse
import concurrent.futures
import pathlib
import sys
import time
import traceback

import procedures  # noqa: F401  (each registers its tests)
import procedures_access  # noqa: F401
import procedures_keys  # noqa: F401
import procedures_watch  # noqa: F401
from document import HERE, DocumentError, differences, not_told, read
from registry import TESTS
from world import World, die_with_parent

BOOTED = "tests/packages"

SOUND = """# R
<!-- procedure: one -->
## One
```console
site$ edge-agent status
link   live since ..., 2 waiting
```
```toml site
[health]
```
<!-- no procedure: it is a table -->
## Two
### A part of it
<!-- procedure in tests/packages: three -->
## Three
```console
site$ apt install ./edcsync-*.deb
```
"""
# (what is planted, the text that is replaced, by what, the tests there are, a part of the message)
PLANTED = (
    ("a procedure without a test", "", "", (), "one of the runbook has no test"),
    ("a test without a procedure", "", "", ("one", "two"), "which the runbook does not hold"),
    ("a procedure without a test on a booted machine", "three", "four", ("one",),
     "four of the runbook has no test in tests/packages"),
    ("a procedure that is tested in the other place", " in tests/packages", "", ("one",),
     "three of the runbook has no test in tests/runbook"),
    ("a section without a mark", "<!-- no procedure: it is a table -->\n", "", ("one",), "line 11"),
    ("a command without a machine", "site$ ", "$ ", ("one",), "no `site$`"),
    ("a procedure without a command", SOUND[SOUND.index("```"):SOUND.index("<!-- no")], "",
     ("one",), "has no command"),
    ("another's prompt after a command", "link ", "$ link ", ("one",), "line 6: no `site$`"),
    ("settings outside a procedure", "### A part", "```toml site\n```\n### A part", ("one",),
     "outside any procedure"),
    ("a part that is a procedure", "### A part", "<!-- procedure: part -->\n### A part", ("one",),
     "part has no command"),
    ("a command outside a procedure", "## Two\n", "## Two\n```console\nsite$ x\n```\n", ("one",),
     "outside any procedure"),
    ("the same name twice", "<!-- no procedure: it is a table -->", "<!-- procedure: one -->",
     ("one",), "a second procedure one"),
)


# (what the command tells, whether that is what SOUND shows below it)
TOLD = (("edge   kisumu\nlink live since 10:15, 2 waiting\n", True),
        ("link live since 10:15\n2 waiting\n", False),
        ("link offline since 10:15, 2 waiting", False), ("", False))


def problems_of(text, tested, booted):
    try:
        return list(differences(read(text), {HERE: tested, BOOTED: booted}))
    except DocumentError as error:
        return [str(error)]


def self_test():
    failures = 0
    if found := problems_of(SOUND, ("one",), ("three",)):
        failures += 1
        print("the sound document is not accepted:", found)
    for what, old, new, tested, expected in PLANTED:
        found = problems_of(SOUND.replace(old, new, 1) if old else SOUND, tested, ("three",))
        if not any(expected in line for line in found):
            failures += 1
            print(f"not seen: {what}; found: {found}")
    command = read(SOUND)["one"].commands[0]
    for told, fits in TOLD:
        if (list(not_told(command, told, lambda text: text)) == []) != fits:
            failures += 1
            print(f"judged wrong: {told!r}")
    cases = len(PLANTED) + len(TOLD) + 1
    print(f"{cases - failures} of {cases} cases as expected")
    return 1 if failures else 0


def check(document):
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "packages"))
    from packages_test import PROCEDURES as booted
    found = problems_of(document.read_text(), TESTS, booted)
    print(*found, f"{len(TESTS)} procedures tested here, {len(booted)} in {BOOTED}, "
          f"{len(found)} differences", sep="\n")
    return 1 if found else 0


def carry_out_one(procedure, binaries, data):
    """Returns what became of it ("ok", "SKIPPED", "FAILED"), and a text about it."""
    begun = time.monotonic()
    world = World(binaries, data, procedure)
    try:
        skipped = TESTS[procedure.name](world)
        if not skipped:
            world.finish()
        text = f"{procedure.name} ({time.monotonic() - begun:.1f} s)"
        return ("SKIPPED", f"{text}: {skipped}") if skipped else ("ok", text)
    except Exception:  # Whatever it was, the other procedures are tried too.
        return "FAILED", f"{procedure.name}\n{traceback.format_exc()}{world.logs()}"
    finally:
        world.close()


def carry_out(document, binaries, data, names):
    """Two at a time: each has a world of its own, and mostly waits."""
    procedures = read(document.read_text())
    names = names or [one.name for one in procedures.values() if one.place == HERE]
    failed = 0
    with concurrent.futures.ProcessPoolExecutor(2, initializer=die_with_parent) as pool:
        running = [pool.submit(carry_out_one, procedures[name], binaries, data) for name in names]
        for done in running:
            end, text = done.result()
            failed += end == "FAILED"
            print(f"{end:7} {text}", flush=True)
    print(f"{failed} procedures failed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("check", "self-test", "run"))
    parser.add_argument("document", nargs="?", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path)
    arguments = parser.parse_intermixed_args()
    if arguments.action == "self-test":
        return self_test()
    if arguments.action == "check":
        return check(arguments.document)
    return check(arguments.document) or carry_out(arguments.document, arguments.bin.resolve(),
                                                  arguments.data.resolve(), arguments.names)


if __name__ == "__main__":
    sys.exit(main())
