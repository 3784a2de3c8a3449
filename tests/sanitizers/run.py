"""Runs a test program of a sanitizer build so that no report goes unseen.

    run.py REPORTS PROGRAM [ARGUMENT]...
    run.py self-test REPORTS PLANTED KIND...   expects that each planted defect is found

A report ends the program that caused it, but the test may have been about to kill that program, or
may take its exit code for another reason. So every process below this one (the test program and
the edge agents and gateways that it starts) writes its reports to the folder REPORTS, emptied at
the start; if one is there at the end, it is shown and the exit code is 1 whatever the test says.
A test that then waits in vain for the process that ended is not waited for.

With SANITIZERS_GO_ON=1 the processes of a thread sanitizer build go on after a report, so that one
run shows many.

The environment's own ASAN_OPTIONS, UBSAN_OPTIONS, LSAN_OPTIONS and TSAN_OPTIONS come after the
ones set here and win. edcsync_test() in packaging/cmake/layer.cmake registers every test this way.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

ADDR_NO_RANDOMIZE = 0x0040000
PR_SET_PDEATHSIG = 1
REPORT_EXIT_CODE = 86  # Of no program of ours; the sanitizers' own defaults include 1.
REPORTS_SHOWN_MAX = 10
REPORT_LINES_MAX = 150
GRACE_SECONDS = 20  # For the test to say itself what the end of a process did to it.

HERE = os.path.dirname(os.path.abspath(__file__))
OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1"
                    ":check_initialization_order=1:strict_init_order=1:detect_leaks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "LSAN_OPTIONS": f"suppressions={HERE}/leak.supp:print_suppressions=0",
    "TSAN_OPTIONS": f"second_deadlock_stack=1:suppressions={HERE}/thread.supp"
                    ":print_suppressions=0",
}


def environment(reports, go_on):
    """Returns this process's environment with the sanitizers' options."""
    variables = dict(os.environ)
    for name, options in OPTIONS.items():
        common = f"halt_on_error={int(not go_on)}:exitcode={REPORT_EXIT_CODE}:log_exe_name=1"
        parts = [common, f"log_path={reports}/report", options, variables.get(name, "")]
        variables[name] = ":".join(part for part in parts if part)
    return variables


def begin_program():
    """In the child, before the program: it ends with this script, at addresses TSan can take."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Clang 14's thread sanitizer cannot place its shadow memory where the kernel randomizes
    # addresses widely (vm.mmap_rnd_bits above 28). Where this is forbidden, that is seen soon.
    libc.personality(ADDR_NO_RANDOMIZE)


def wait_for(process, reports, go_on):
    """Returns the exit code; ends the process if a report was written and it goes on for long."""
    reported_at = None
    while True:
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            if reported_at is None and os.listdir(reports) and not go_on:
                reported_at = time.monotonic()
            if reported_at is not None and time.monotonic() > reported_at + GRACE_SECONDS:
                print("Ended because of a sanitizer's report", flush=True)
                process.kill()


def show(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    print(f"---- {os.path.basename(path)}: a sanitizer's report")
    print("\n".join(lines[:REPORT_LINES_MAX]))


def run(reports, command):
    """Returns the exit code for `command`; its reports are in the folder `reports` after it."""
    shutil.rmtree(reports, ignore_errors=True)
    os.makedirs(reports)
    go_on = os.environ.get("SANITIZERS_GO_ON") == "1"
    process = subprocess.Popen(command, env=environment(reports, go_on), preexec_fn=begin_program)
    status = wait_for(process, reports, go_on)
    found = sorted((os.path.join(reports, name) for name in os.listdir(reports)),
                   key=os.path.getmtime)
    for path in found[:REPORTS_SHOWN_MAX]:
        show(path)
    if found:
        print(f"{len(found)} sanitizer report(s) of {os.path.basename(command[0])} and its "
              f"processes, in {reports}", flush=True)
        return 1
    if status < 0:
        print(f"{command[0]} was ended by {signal.Signals(-status).name}", flush=True)
        return 128 - status
    return status


def self_test(reports, planted, kinds):
    """Runs the planted defects, at first hand and in a child whose end nobody looks at."""
    missed = [] if run(reports, [planted]) == 0 else ["a program without a defect fails"]
    for kind in kinds:
        for arguments in ([kind], ["child", kind]):
            if run(reports, [planted, *arguments]) != 1 or len(os.listdir(reports)) != 1:
                missed.append(f"{' '.join(arguments)} is not found")
    for line in missed:
        print(f"self-test: {line}")
    return 1 if missed else 0


def main():
    if sys.argv[1] == "self-test":
        return self_test(os.path.abspath(sys.argv[2]), sys.argv[3], sys.argv[4:])
    return run(os.path.abspath(sys.argv[1]), sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
