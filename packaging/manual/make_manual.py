"""Writes the manual's pages and the shell completion of a program, from what it says about itself
and from its commented configuration file.

    make_manual.py --program build/release/bin/edge-agent --config schema/config/edge-agent.toml
                   --pages packaging/manual --version 0.1.0 --date 2026-01-31 --out FOLDER

Writes FOLDER/NAME.8, NAME.toml.5 and NAME.bash.
"""

import argparse
import pathlib
import re

import help_text


def roff(text):
    """`text` as a line of a page: what roff would take for its own is escaped."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def heading(name, section, args):
    title = "edcsync manual"
    return [f'.TH {name.upper()} {section} "{args.date}" "edcsync {args.version}" "{title}"']


def entry(names, value, text):
    shown = ", ".join(f"\\fB{roff(one)}\\fR" for one in names)
    value = f" \\fI{roff(value)}\\fR" if value else ""
    return [".TP", shown + value, roff(text) if text else "\\&"]


def command_section(command, name):
    lines = [f'.SS "{" ".join(command.path)}"', roff(command.about), ".PP", ".nf",
             f"\\fB{roff(command.usage)}\\fR", ".fi"]
    for one in command.operands:
        lines += entry(one.names, one.shown_value if one.choices else "", one.text)
    for one in command.options:
        if "--help" not in one.names:
            lines += entry(one.names, one.shown_value, one.text)
    return lines


def program_page(name, commands, extra, args):
    top = commands[0]
    about, _, exit_codes = top.about.partition("Exit codes: ")
    short = about.split(":", 1)[0]
    lines = heading(name, 8, args)
    lines += [".SH NAME", f"{roff(name)} \\- {roff(short)}", ".SH SYNOPSIS",
              f".B {roff(name)}", "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR ...", ".br", f".B {roff(name)}",
              "[\\fB\\-\\-dir\\fR \\fIFOLDER\\fR] \\fB\\-\\-check\\-config\\fR",
              ".SH DESCRIPTION", roff(about.strip())]
    lines += extra["DESCRIPTION"]
    lines += [".SH OPTIONS", "These may stand before or after any command."]
    for one in top.options:
        lines += entry(one.names, one.shown_value, one.text)
    lines += [".SH COMMANDS"]
    for command in commands[1:]:
        # A group is no command of its own, unless it takes options.
        if not command.subcommands or any("--help" not in one.names for one in command.options):
            lines += command_section(command, name)
    lines += [".SH EXIT STATUS", roff(exit_codes.strip())]
    for title in extra:
        if title != "DESCRIPTION":
            lines += [f".SH {title}", *extra[title]]
    lines += [".SH SEE ALSO", f".BR {roff(name)}.toml (5)"]
    return "\n".join(lines) + "\n"


def extra_of(path):
    """The hand-written parts of a page: `# TITLE`, then paragraphs; `    text` is typed as it is."""
    parts, title = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("# "):
            title = line[2:]
            parts[title] = [".PP"] if title == "DESCRIPTION" else []
        elif not line.strip():
            parts[title].append(".PP")
        elif line.startswith("    "):
            parts[title] += [".nf", roff(line), ".fi"]
        elif found := re.match(r"(\S+)  +(.*)", line):  # A file or variable, and what it is.
            parts[title] += [".TP", f"\\fB{roff(found[1])}\\fR", roff(found[2])]
        else:
            parts[title].append(roff(line))
    return parts


def config_page(name, text, args):
    lines = heading(f"{name}.toml", 5, args)
    lines += [".SH NAME", f"{roff(name)}.toml \\- configuration of {roff(name)}(8)", ".SH SYNOPSIS",
              f"/etc/edcsync/{roff(name)}.toml", ".SH DESCRIPTION"]
    comment = []
    for line in text.splitlines():
        if line.startswith("# "):
            comment.append(line[2:])
        elif not line.strip():
            lines += [roff(one) for one in comment]
            comment = []
        elif found := re.match(r"#?(\[+[a-z.]+\]+)$", line):
            lines += [f".SH {roff(found[1])}", *[roff(one) for one in comment]]
            comment = []
        elif found := re.match(r"#?([a-z0-9_]+) = (.*)$", line):
            lines += [".TP", f"\\fB{roff(found[1])}\\fR = {roff(found[2])}"]
            for one in comment:
                if one.startswith("Default:"):
                    lines.append(".br")
                lines.append(roff(one))
            comment = []
        else:
            raise SystemExit(f"make_manual: {name}.toml: what is this line? {line}")
    lines += [".SH SEE ALSO", f".BR {roff(name)} (8)"]
    return "\n".join(lines) + "\n"


COMPLETION = """# Completion of NAME for bash. Made from what `NAME --help` says; do not edit.
declare -A _FN_commands=(COMMANDS)
declare -A _FN_options=(OPTIONS)
declare -A _FN_valued=(VALUED)
declare -A _FN_choices=(CHOICES)

_FN() {
  local word=${COMP_WORDS[COMP_CWORD]} path=. before= one i operands=0 offered=
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    one=${COMP_WORDS[i]}
    if [[ -n $before ]]; then
      before=
    elif [[ ${_FN_valued[$path]} == *" $one "* ]]; then
      before=$one
    elif [[ $one != -* && " ${_FN_commands[$path]} " == *" $one "* ]]; then
      path+=$one.
    elif [[ $one != -* ]]; then
      ((operands += 1))
    fi
  done
  if [[ -n $before ]]; then
    offered=${_FN_choices[$path$before]}
  elif [[ $word == -* ]]; then
    offered=${_FN_options[$path]}
  else
    offered="${_FN_commands[$path]} ${_FN_choices[$path$operands]}"
  fi
  # Nothing to offer: bash offers files.
  mapfile -t COMPREPLY < <(compgen -W "$offered" -- "$word")
}
complete -o default -F _FN NAME
"""


def completion(name, commands):
    tables = {"COMMANDS": {}, "OPTIONS": {}, "VALUED": {}, "CHOICES": {}}
    by_path = {command.path: command for command in commands}
    for command in commands:
        path = "." + "".join(one + "." for one in command.path)
        # What a command does not know itself, those above it take.
        options = {}
        for depth in range(len(command.path) + 1):
            for one in by_path[command.path[:depth]].options:
                options.update({option: one for option in one.names})
        tables["COMMANDS"][path] = " ".join(one.names[0] for one in command.subcommands)
        tables["OPTIONS"][path] = " ".join(sorted(options))
        tables["VALUED"][path] = " " + " ".join(
            sorted(option for option, one in options.items() if one.takes_value)) + " "
        for option, one in options.items():
            if one.choices:
                tables["CHOICES"][path + option] = " ".join(one.choices)
        for place, one in enumerate(command.operands):
            if one.choices:
                tables["CHOICES"][path + str(place)] = " ".join(one.choices)
    text = COMPLETION
    for table, rows in tables.items():
        body = "".join(f'  ["{key}"]="{value}"\n' for key, value in rows.items())
        text = text.replace(f"({table})", f"(\n{body})")
    return text.replace("_FN", "_" + name.replace("-", "_")).replace("NAME", name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("program", "config", "pages", "version", "date", "out"):
        parser.add_argument(f"--{option}", required=True)
    args = parser.parse_args()
    program = pathlib.Path(args.program).resolve()
    name = program.name
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    commands = help_text.commands_of(str(program))
    extra = extra_of(pathlib.Path(args.pages) / f"{name}.txt")
    (out / f"{name}.8").write_text(program_page(name, commands, extra, args))
    config = pathlib.Path(args.config).read_text()
    (out / f"{name}.toml.5").write_text(config_page(name, config, args))
    (out / f"{name}.bash").write_text(completion(name, commands))


if __name__ == "__main__":
    main()
