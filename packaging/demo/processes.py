"""Processes of the demo: each is started, waited for and ended by its own id."""
import ctypes
import json
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
TERMINAL = sys.stdout.isatty()


class DemoFailed(Exception):
    """Something did not go as it must; the message says what."""


def die_with_parent():
    # So that nothing stays behind even if the demo itself is killed.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Services:
    """What runs in the background, each with a log in the demo's folder."""

    def __init__(self, folder):
        self.folder = folder
        self.running = {}

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "ab")
        # Its own session: Ctrl-C reaches the demo only, which then ends the others in order.
        self.running[name] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True, preexec_fn=die_with_parent)
        log.close()
        return self.running[name]

    def log_of(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def kill(self, name):
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def check_alive(self):
        for name, process in self.running.items():
            if process.poll() is not None:
                raise DemoFailed(f"{name} ended with code {process.returncode}:\n"
                                 + self.log_of(name)[-2000:])

    def stop_all(self):
        for name in reversed(list(self.running)):
            process = self.running.pop(name)
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Program:
    """One of the two programs with its folder, for commands that end by themselves."""

    def __init__(self, binary, folder):
        self.command = [str(binary), "--dir", str(folder)]
        self.folder = folder

    def run(self, *arguments, allowed=(0,)):
        done = subprocess.run([*self.command, *map(str, arguments)], capture_output=True,
                              text=True, start_new_session=True, preexec_fn=die_with_parent)
        if done.returncode not in allowed:
            raise DemoFailed(f"{' '.join(self.command)} {' '.join(map(str, arguments))}\n"
                             f"ended with code {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def export(self, *arguments):
        return [json.loads(line) for line in self.run("export", *arguments).splitlines()]


def wait_until(services, what, reached, seconds=90):
    """Waits until reached() is true; it may return a text instead to show how far it is."""
    deadline = time.monotonic() + seconds
    while True:
        state = reached()
        if state is True:
            if TERMINAL:
                print("\r\033[K", end="", flush=True)
            return
        services.check_alive()
        if time.monotonic() > deadline:
            raise DemoFailed(f"{what} did not happen within {seconds} s: {state}")
        if TERMINAL:
            print(f"\r\033[K      {what}: {state or 'waiting'}", end="", flush=True)
        time.sleep(0.1)
