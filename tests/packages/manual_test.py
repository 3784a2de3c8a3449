"""The manual and the completion tell of every command and option that a program knows, and of every
key of its configuration: they are made, rendered by man, asked through bash, and compared with what
each `--help` prints.

    manual_test.py SOURCE_FOLDER BIN_FOLDER
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAMS = ("edge-agent", "central-gateway")


def said(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


def known(program, path=()):
    """Yields (path, options, subcommands) of each command, from the lines of its help."""
    part, options, subcommands = "", [], []
    for line in said(program, *path, "--help").splitlines():
        if line in ("Options:", "Subcommands:", "Positionals:"):
            part = line
        elif part == "Options:":
            if names := re.match(r"  (-\S+)", line):
                options += names[1].split(",")
        elif part == "Subcommands:":
            if name := re.match(r"  (\S+)", line):
                subcommands.append(name[1])
    yield path, options, subcommands
    for one in subcommands:
        yield from known(program, (*path, one))


def offered(completion, *words):
    """What bash offers behind these words; the last one is being typed."""
    name = pathlib.Path(words[0]).name
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              f'_{name.replace("-", "_")}; printf "%s\\n" "${{COMPREPLY[@]}}"')
    return set(said("bash", "-c", script, "bash", str(completion), *words).split())


def rendered(page):
    """The page as people read it, on one line, and what man has to complain about."""
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
                          capture_output=True, text=True, check=False)
    text = said("man", "-l", str(page), env={**os.environ, "MANWIDTH": "200"})
    return re.sub(r"\s+", " ", text.replace("\u2010", "-").replace("\u2212", "-")), done.stderr


def check(source, program, out):
    name = program.name
    config = source / f"schema/config/{name}.toml"
    said(sys.executable, "-B", str(source / "packaging/manual/make_manual.py"), "--program",
         str(program), "--config", str(config), "--pages", str(source / "packaging/manual"),
         "--version", "0.0.0", "--date", "2026-01-01", "--out", str(out))
    page, complaints = rendered(out / f"{name}.8")
    yield from ([f"man complains: {complaints}"] if complaints.strip() else [])
    completion = out / f"{name}.bash"
    top_options = next(known(str(program)))[1]
    commands = list(known(str(program)))
    print(f"{name}: {len(commands)} commands, {sum(len(one[1]) for one in commands)} options")
    for path, options, subcommands in commands:
        shown = " ".join((name, *path))
        if missing := set(subcommands) - offered(completion, name, *path, ""):
            yield f"{shown}: the completion offers not {missing}"
        if missing := {*options, *top_options} - offered(completion, name, *path, "-"):
            yield f"{shown}: the completion offers not {missing}"
        if path and not subcommands and shown not in page:
            yield f"{shown}: not in the manual"
        for option in options:
            if option not in ("-h", "--help") and option not in page:
                yield f"{shown} {option}: not in the manual"
    invented = {one for one in offered(completion, name, "-")} - set(top_options)
    if invented:
        yield f"{name}: the completion offers {invented}, which there is not"
    config_page, complaints = rendered(out / f"{name}.toml.5")
    yield from ([f"man complains: {complaints}"] if complaints.strip() else [])
    for key in re.findall(r"^#?([a-z0-9_]+) = ", config.read_text(), re.M):
        if f"{key} = " not in config_page:
            yield f"{name}.toml: {key} is not in the manual"


def main():
    source, binaries = map(pathlib.Path, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        wrong = [one for name in PROGRAMS for one in check(source, binaries / name,
                                                           pathlib.Path(folder))]
        completion = pathlib.Path(folder) / "central-gateway.bash"
        # An option's value is not taken for a command, and values are offered where they are few.
        if "merge_disjoint" not in offered(completion, "central-gateway", "--dir", "edge", "study",
                                           "policy", "CDISCPILOT01", ""):
            wrong.append("study policy: its values are not offered")
        if "administrator" not in offered(completion, "central-gateway", "user", "add", "nakato",
                                          "--role", ""):
            wrong.append("user add --role: its values are not offered")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
