"""Runs ctest, as many programs at a time as there are cores, and shows each GoogleTest case as it
ends, with the output of those that fail.

ctest alone shows one line per program, and a program may hold a hundred cases and run for
minutes. The last line is `N passed, N failed`; it counts cases, and programs that are no
GoogleTest as one case each. A program that crashes, hangs or is not found counts as failed.

Nothing outlives this script: it is made the parent of every process that a test leaves behind
(prctl PR_SET_CHILD_SUBREAPER), names it, and ends it. Called by ./run-tests.
"""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
OUTPUT_LINES_MAX = 2000  # Kept of one case or program, so that a test gone wild fits in memory.

START = re.compile(r"^\s*Start\s+(\d+): (\S+)")
OUTPUT = re.compile(r"^(\d+): ?(.*)$")
END = re.compile(r"^\s*\d+/\d+ Test\s+#(\d+): (\S+) [. ]*(.*?)\s+([\d.]+) sec")
CASE_RUN = re.compile(r"^\[ RUN      \] ")
CASE_END = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] (\S+?)(?:, where .*)? \((\d+) ms\)$")


class Program:
    """One ctest test: its cases so far, and the output since the last one ended."""

    def __init__(self):
        self.cases = {"OK": 0, "FAILED": 0, "SKIPPED": 0}
        self.output = []

    def add(self, line):
        if len(self.output) < OUTPUT_LINES_MAX:
            self.output.append(line)


class Report:
    def __init__(self):
        self.programs = {}
        self.passed = 0
        self.skipped = []
        self.failed = []

    def read(self, line):
        if match := START.match(line):
            self.programs[match[1]] = Program()
            print(f"-- {match[2]}", flush=True)
        elif (match := OUTPUT.match(line)) and match[1] in self.programs:
            self._read_output(self.programs[match[1]], match[2])
        elif match := END.match(line):
            self._end_program(self.programs.pop(match[1], Program()), *match.group(2, 3, 4))
        elif line.startswith(("No tests were found", "Errors while", "CMake Error")):
            print(line)

    def _read_output(self, program, text):
        if CASE_RUN.match(text):
            program.output = [text]  # Names the case, should the program crash in it.
        elif match := CASE_END.match(text):
            self._end_case(program, *match.groups())
        else:
            program.add(text)

    def _end_case(self, program, outcome, name, milliseconds):
        program.cases[outcome] += 1
        print(f"   {outcome.lower():7} {name} ({milliseconds} ms)", flush=True)
        if outcome == "OK":
            self.passed += 1
        elif outcome == "SKIPPED":
            self.skipped.append(name)
            self._print_output(program)
        else:
            self.failed.append(name)
            self._print_output(program)
        program.output = []

    def _end_program(self, program, name, verdict, seconds):
        succeeded = verdict.startswith("Passed")
        is_gtest = any(program.cases.values())
        if not succeeded:
            # A sanitizer's reports come last, be there a failed case or not.
            self._print_output(program)
            if program.cases["FAILED"] == 0:
                self.failed.append(f"{name} ({verdict.strip('* ')})")
        elif succeeded and not is_gtest:
            self.passed += 1
        print(f"   {'passed' if succeeded else 'FAILED'} {name} ({seconds} s)", flush=True)

    @staticmethod
    def _print_output(program):
        for line in program.output:
            print(f"     | {line}")
        sys.stdout.flush()

    def abandon(self):
        """Counts the programs that never ended as failed."""
        for number in list(self.programs):
            self.failed.append(f"test {number} (did not end)")
            self._print_output(self.programs.pop(number))

    def summarize(self):
        print()
        for title, names in (("skipped", self.skipped), ("failed", self.failed)):
            for name in names:
                print(f"{title}: {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)


def descendants():
    """Returns {pid: command} of all live processes below this one."""
    children, commands = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                stat = file.read()
        except OSError:
            continue
        state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
        if state != "Z":
            children.setdefault(int(parent), []).append(int(entry))
            commands[int(entry)] = stat[stat.index("(") + 1 : stat.rindex(")")]
    found, waiting = {}, [os.getpid()]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found[child] = commands[child]
            waiting.append(child)
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_descendants(grace_seconds, report_them):
    """Waits for the processes below this one to end, then ends those that do not."""
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        for pid, command in descendants().items() if number else ():
            if report_them and number == signal.SIGTERM:
                print(f"left running by a test, now ended: {command} ({pid})", flush=True)
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + grace_seconds
        while time.monotonic() < deadline:
            reap()
            if not descendants():
                return
            time.sleep(0.05)


def main():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def stop(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    command = ["ctest", "--verbose", "--no-tests=error", "--parallel",
               # Tests of real processes mostly wait: two more than there are cores.
               str((os.cpu_count() or 1) + 2),
               *sys.argv[1:]]
    # A session of its own, so that Ctrl-C reaches this script alone, which then ends the rest.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, start_new_session=True)
    report = Report()
    interrupted = True
    try:
        for line in process.stdout:
            report.read(line.decode("utf-8", "replace").rstrip("\n"))
        status = process.wait()
        report.abandon()
        interrupted = False
    finally:
        end_descendants(2.0, report_them=not interrupted)
    if status != 0 and not report.failed:
        report.failed.append(f"ctest (exit code {status})")
    report.summarize()
    return 1 if report.failed or status != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
