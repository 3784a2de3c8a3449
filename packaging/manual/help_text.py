"""Reads what a program says about itself (`PROGRAM ... --help`, as CLI11 prints it): each command
with its options, operands and subcommands. The manual and the completion are made of it, so that
neither can tell of a command that there is not."""

import re
import subprocess

NAME_COLUMN = 2
TEXT_COLUMN = 30
SECTIONS = {"Positionals:": "operands", "Options:": "options", "Subcommands:": "subcommands"}


class Entry:
    """One option, operand or subcommand: `--port INT:INT in [1 - 65535]  TLS port of the broker`."""

    def __init__(self, name, text):
        self.names = name.split(" ", 1)[0].split(",")
        self.value = name.split(" ", 1)[1].strip() if " " in name else ""
        self.text = text

    @property
    def takes_value(self):
        return bool(self.value)

    @property
    def choices(self):
        found = re.search(r"\{([^}]*)\}", self.value)
        return found[1].split(",") if found else []

    @property
    def shown_value(self):
        """The value for people: `TEXT`, `a|b`, `1..65535`."""
        if self.choices:
            return "|".join(self.choices)
        if found := re.search(r"in \[(\S+) - (\S+)\]", self.value):
            return f"{found[1]}..{found[2]}"
        return self.value.replace(" REQUIRED", "").split(":")[0]


class Command:
    def __init__(self, path, text):
        self.path = path  # ("edge", "add"); () is the program.
        self.operands, self.options, self.subcommands = [], [], []
        lines = text.splitlines()
        usage = next(i for i, line in enumerate(lines) if line.startswith("Usage:"))
        self.about = " ".join(lines[:usage]).strip()
        self.usage = lines[usage].removeprefix("Usage: ")
        self._read(lines[usage + 1:])

    def _read(self, lines):
        section = None
        for line in lines:
            if line in SECTIONS:
                section = getattr(self, SECTIONS[line])
            elif section is not None and line.strip():
                if len(line) - len(line.lstrip()) == NAME_COLUMN:
                    name, text = self._split(line)
                    section.append(Entry(name, text))
                else:
                    section[-1].text = (section[-1].text + " " + line.strip()).strip()

    @staticmethod
    def _split(line):
        """The text begins in its column, or on the next line if the name is long."""
        if len(line) > TEXT_COLUMN and line[TEXT_COLUMN - 1] == " ":
            return line[NAME_COLUMN:TEXT_COLUMN].strip(), line[TEXT_COLUMN:].strip()
        return line.strip(), ""


def commands_of(program):
    """Returns every Command of `program`, itself first, each before its subcommands."""
    def walk(path):
        run = subprocess.run([program, *path, "--help"], capture_output=True, text=True, check=True)
        command = Command(path, run.stdout)
        yield command
        for one in command.subcommands:
            yield from walk((*path, one.names[0]))
    return list(walk(()))
