"""Reads procedures out of packaging/runbook.md: what a person would type, and where.

A procedure is a section below `<!-- procedure: NAME -->`; its commands stand in fenced `console`
blocks behind a prompt that names the machine (`site$`, `centre$`). One that needs a machine of its
own, with its packages and service manager, says so: `<!-- procedure in tests/packages: NAME -->`.
A section that is none says why: `<!-- no procedure: WHY -->`.
"""

import re
from dataclasses import dataclass, field

HERE = "tests/runbook"
MARK = re.compile(r"^<!-- procedure(?: in (tests/packages))?: ([a-z0-9-]+) -->$")
EXEMPT = re.compile(r"^<!-- no procedure: .+ -->$")
COMMAND = re.compile(r"^(site|centre)\$ (.+)$")


@dataclass
class Command:
    machine: str
    text: str
    line: int


@dataclass
class Procedure:
    name: str
    title: str
    line: int
    place: str  # The folder of its test.
    commands: list = field(default_factory=list)


class DocumentError(Exception):
    """The document does not keep its own form; the message names the line."""


def read(text):
    """Returns {name: Procedure}, in the document's order."""
    procedures, mark, current, fence = {}, None, None, None
    for number, line in enumerate(text.splitlines(), 1):
        if fence is not None:
            if line.startswith("```"):
                fence = None
            elif fence == "console":
                command = COMMAND.match(line)
                if command is None:
                    raise DocumentError(f"line {number}: no `site$` or `centre$` before the "
                                        "command")
                if current is None:
                    raise DocumentError(f"line {number}: a command outside any procedure")
                current.commands.append(Command(command[1], command[2], number))
        elif line.startswith("```"):
            fence = line[3:].strip()
        elif match := MARK.match(line):
            mark, place = match[2], match[1] or HERE
        elif EXEMPT.match(line):
            mark = ""
        elif line.startswith("## "):
            if mark is None:
                raise DocumentError(f"line {number}: the section is marked neither as a procedure "
                                    "nor as none")
            current = None
            if mark:
                if mark in procedures:
                    raise DocumentError(f"line {number}: a second procedure {mark}")
                current = procedures[mark] = Procedure(mark, line[3:], number,
                                                                  place)
            mark = None
    for procedure in procedures.values():
        if not procedure.commands:
            raise DocumentError(f"line {procedure.line}: the procedure {procedure.name} has no "
                                "command")
    return procedures


def differences(documented, tested):
    """What is wrong between the document's procedures and the tests, {folder: names}, as lines."""
    for name, procedure in documented.items():
        if name not in tested[procedure.place]:
            yield f"the procedure {name} of the runbook has no test in {procedure.place}"
    for place, names in tested.items():
        for name in names:
            if name not in documented or documented[name].place != place:
                yield f"{place} tests {name}, which the runbook does not hold for it"
