"""Compiles every header of the layers by itself, so that none leans on what stands before it.

    headers_alone.py ROOT COMPILE_COMMANDS WORK_FOLDER   every header of ROOT
    headers_alone.py self-test COMPILER                  a planted header that leans on another

A header is compiled with the compiler and definitions of its own folder's sources, without the
precompiled header, and twice in a row, so that a missing #pragma once shows too. Objects are made
(rather than -fsyntax-only) because ccache keeps those: a second run takes seconds.
"""

import concurrent.futures
import json
import os
import shlex
import subprocess
import sys
import tempfile

from layering import SOURCE_FOLDERS, files_below, sources_of

KEPT_FLAGS = ("-D", "-I", "-std=", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-")


def flags_of(entry):
    """Returns (compiler, flags) of a compile command without output, optimization and PCH."""
    words = shlex.split(entry["command"])
    if os.path.basename(words[0]) == "ccache":
        words = words[1:]
    kept = [word for word in words[1:] if word.startswith(KEPT_FLAGS)]
    kept += [part for flag, path in zip(words, words[1:]) if flag == "-isystem"
             for part in (flag, path)]
    return words[0], [word for word in kept if "_FORTIFY_SOURCE" not in word]


def commands_by_folder(root, entries):
    """Returns {layer folder: (compiler, flags)}; "" holds those of any source."""
    found = {}
    for entry in entries:
        if entry["file"].endswith((".c", "cmake_pch.hxx.cxx")):
            continue
        for source in sources_of(entry):
            path = os.path.relpath(source, root)
            found.setdefault(os.path.dirname(path), flags_of(entry))
        found.setdefault("", flags_of(entry))
    return found


def compile_alone(root, header, command, work_folder):
    """Returns the compiler's complaint, or None."""
    compiler, flags = command
    name = os.path.join(work_folder, header.replace("/", "+"))
    text = f'#include "{header}"\n#include "{header}"  // Has a guard.\n'
    with open(name + ".cc", "w", encoding="utf-8") as file:
        file.write(text)
    result = subprocess.run(
        [compiler, *flags, f"-I{root}", "-fsyntax-only", name + ".cc"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return result.stdout if result.returncode else None


def check(root, entries, work_folder):
    """Returns {header: complaint} of the headers that do not compile alone."""
    os.makedirs(work_folder, exist_ok=True)
    commands = commands_by_folder(root, entries)
    headers = list(files_below(root, SOURCE_FOLDERS, (".h",)))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = pool.map(
            lambda header: compile_alone(
                root, header, commands.get(os.path.dirname(header), commands[""]), work_folder),
            headers)
        return len(headers), {h: text for h, text in zip(headers, complaints) if text is not None}


def self_test(compiler):
    headers = {
        "shared/base/whole.h": "#pragma once\n#include <string>\ninline std::string f();\n",
        "shared/base/leans.h": "#pragma once\nstd::string g();\n",
        "shared/base/twice.h": "struct Twice {};\n",
    }
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "shared/base"))
        for path, text in headers.items():
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        entries = [{"directory": root, "file": "shared/base/a.cc",
                    "command": f"{compiler} -std=c++20 -O2 -o a.o -c a.cc"}]
        _, found = check(root, entries, os.path.join(root, "work"))
    print("do not compile alone:", sorted(found))
    return 0 if sorted(found) == ["shared/base/leans.h", "shared/base/twice.h"] else 1


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "self-test":
        return self_test(arguments[1])
    if len(arguments) != 3:
        print(__doc__)
        return 2
    root, commands, work_folder = arguments
    with open(commands, encoding="utf-8") as file:
        count, complaints = check(os.path.abspath(root), json.load(file), work_folder)
    for header, text in complaints.items():
        print(f"{header}: does not compile alone\n{text}")
    print(f"{count} headers, {len(complaints)} do not compile alone")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
