"""Reads procedures out of packaging/runbook.md: what a person would type, where, and what is then
to be seen.

A procedure is a section (`##`, `###`) below `<!-- procedure: NAME -->`; one that needs a machine
of its own, with its packages and service manager, says so: `<!-- procedure in tests/packages:
NAME -->`. Its commands stand in fenced `console` blocks behind a prompt that names the machine
(`site$`, `centre$`); a line without one is told by the command above it, with `...` for what
differs from time to time. What is to be added to a configuration file stands in a `toml site` or
`toml centre` block. A `##` section that is no procedure says why: `<!-- no procedure: WHY -->`; a
`###` without a mark is part of its section.
"""

import re
from dataclasses import dataclass, field

HERE = "tests/runbook"
MARK = re.compile(r"^<!-- procedure(?: in (tests/packages))?: ([a-z0-9-]+) -->$")
EXEMPT = re.compile(r"^<!-- no procedure: .+ -->$")
COMMAND = re.compile(r"^(site|centre)\$ (.+)$")
SETTINGS = re.compile(r"^toml (site|centre)$")
HEADING = re.compile(r"^(##|###) (.+)$")
PROMPT_OF_NOBODY = re.compile(r"^[\w@~.-]*[$#] ")


@dataclass
class Command:
    machine: str
    text: str  # Of settings: the lines.
    line: int
    told: list = field(default_factory=list)
    is_settings: bool = False


@dataclass
class Procedure:
    name: str
    title: str
    line: int
    place: str  # The folder of its test.
    commands: list = field(default_factory=list)


class DocumentError(Exception):
    """The document does not keep its own form; the message names the line."""


class Reader:
    def __init__(self):
        self.procedures = {}
        self.mark = self.current = self.section = self.fence = None
        self.place = HERE
        self.in_block = []  # The commands of the open block.

    def line(self, number, line):
        if self.fence is not None:
            self._in_fence(number, line)
        elif line.startswith("```"):
            self.fence, self.in_block = line[3:].strip(), []
            if SETTINGS.match(self.fence):
                self._add(number, Command(SETTINGS.match(self.fence)[1], "", number,
                                          is_settings=True))
        elif match := MARK.match(line):
            self.mark, self.place = match[2], match[1] or HERE
        elif EXEMPT.match(line):
            self.mark = ""
        elif match := HEADING.match(line):
            self._heading(number, match[1], match[2])

    def _in_fence(self, number, line):
        if line.startswith("```"):
            self.fence = None
        elif SETTINGS.match(self.fence):
            self.in_block[-1].text += line + "\n"
        elif self.fence == "console":
            command = COMMAND.match(line)
            if command is not None:
                self._add(number, Command(command[1], command[2], number))
            elif not self.in_block or PROMPT_OF_NOBODY.match(line):
                raise DocumentError(f"line {number}: no `site$` or `centre$` before the command")
            else:
                self.in_block[-1].told.append(line)

    def _add(self, number, command):
        if self.current is None:
            raise DocumentError(f"line {number}: a command outside any procedure")
        self.current.commands.append(command)
        self.in_block.append(command)

    def _heading(self, number, depth, title):
        if self.mark is None and depth == "##":
            raise DocumentError(f"line {number}: the section is marked neither as a procedure nor "
                                "as none")
        if self.mark is None:
            self.current = self.section
            return
        self.current = None
        if self.mark:
            if self.mark in self.procedures:
                raise DocumentError(f"line {number}: a second procedure {self.mark}")
            self.current = self.procedures[self.mark] = Procedure(self.mark, title, number,
                                                                       self.place)
        if depth == "##":
            self.section = self.current
        self.mark = None


def read(text):
    """Returns {name: Procedure}, in the document's order."""
    reader = Reader()
    for number, line in enumerate(text.splitlines(), 1):
        reader.line(number, line)
    for procedure in reader.procedures.values():
        if not procedure.commands:
            raise DocumentError(f"line {procedure.line}: the procedure {procedure.name} has no "
                                "command")
    return reader.procedures


def differences(documented, tested):
    """What is wrong between the document's procedures and the tests, {folder: names}, as lines."""
    for name, procedure in documented.items():
        if name not in tested[procedure.place]:
            yield f"the procedure {name} of the runbook has no test in {procedure.place}"
    for place, names in tested.items():
        for name in names:
            if name not in documented or documented[name].place != place:
                yield f"{place} tests {name}, which the runbook does not hold for it"


def not_told(command, output, replaced):
    """The lines that the document shows below the command and `output` does not hold; `replaced`
    puts a world's own names in the place of the examples."""
    for line in command.told:
        parts = [re.escape(" ".join(part.split())) for part in replaced(line).split("...")]
        pattern = re.compile(".*".join(parts))
        if not any(pattern.search(" ".join(told.split())) for told in output.splitlines()):
            yield line
