"""Carries out every procedure of packaging/runbook.md against real processes.

    runbook.py check DOCUMENT                         each procedure has a test, and the reverse
    runbook.py self-test                              that a difference would be seen
    runbook.py run DOCUMENT --bin DIR --data DIR [NAME ...]   carries out all, or those named
"""

import argparse
import pathlib
import sys
import time
import traceback

from document import HERE, DocumentError, differences, read
from procedures import TESTS
from world import World

BOOTED = "tests/packages"

SOUND = """# R
<!-- procedure: one -->
## One
```console
site$ edge-agent status
```
<!-- no procedure: it is a table -->
## Two
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
    ("a section without a mark", "<!-- no procedure: it is a table -->\n", "", ("one",), "line 7"),
    ("a command without a machine", "site$ ", "$ ", ("one",), "no `site$`"),
    ("a procedure without a command", "site$ edge-agent status\n", "", ("one",), "has no command"),
    ("a command outside a procedure", "## Two\n", "## Two\n```console\nsite$ x\n```\n", ("one",),
     "outside any procedure"),
    ("the same name twice", "<!-- no procedure: it is a table -->", "<!-- procedure: one -->",
     ("one",), "a second procedure one"),
)


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
    print(f"{len(PLANTED) + 1 - failures} of {len(PLANTED) + 1} cases as expected")
    return 1 if failures else 0


def check(document):
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "packages"))
    from packages_test import PROCEDURES
    found = problems_of(document.read_text(), TESTS, PROCEDURES)
    print(*found, f"{len(TESTS)} procedures tested here, {len(PROCEDURES)} in {BOOTED}, "
          f"{len(found)} differences", sep="\n")
    return 1 if found else 0


def carry_out(document, binaries, data, names):
    procedures = read(document.read_text())
    failed = 0
    for name in names or [one.name for one in procedures.values() if one.place == HERE]:
        begun = time.monotonic()
        world = World(binaries, data, procedures[name])
        try:
            skipped = TESTS[name](world)
            if not skipped:
                world.finish()
            print(f"{'SKIPPED' if skipped else 'ok'}      {name} ({time.monotonic() - begun:.1f} s)"
                  f"{': ' + skipped if skipped else ''}", flush=True)
        except Exception:  # Whatever it was, the other procedures are tried too.
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}{world.logs()}", flush=True)
        finally:
            world.close()
    print(f"{failed} procedures failed")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("check", "self-test", "run"))
    parser.add_argument("document", nargs="?", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.action == "self-test":
        return self_test()
    if arguments.action == "check":
        return check(arguments.document)
    return check(arguments.document) or carry_out(arguments.document, arguments.bin.resolve(),
                                                  arguments.data.resolve(), arguments.names)


if __name__ == "__main__":
    sys.exit(main())
