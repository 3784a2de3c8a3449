"""One trial for one procedure: a gateway with its broker, the edge `kisumu`, real processes.

Commands come from the runbook and are run by a shell, with the names that the document uses as
examples in the place of this world's: folders, and NAMES IN CAPITALS that the test has set.
`systemctl` stands for the service manager: here it starts and stops the same programs as children.
"""

import ctypes
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

WAIT_SECONDS = 120
UNITS = {"edcsync-edge-agent": "site", "edcsync-central-gateway": "centre"}


class ProcedureFailed(Exception):
    """The outcome is not what the runbook promises; the message says what is."""


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class World:
    def __init__(self, binaries, data, procedure):
        self.procedure = procedure
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="edcsync-runbook-"))
        self.binaries = pathlib.Path(binaries)
        self.data = pathlib.Path(data)
        self.gateway = self.folder / "gateway"
        self.site = self.folder / "kisumu"
        self.backups = self.folder / "backups"
        self.safe = self.folder / "safe"
        self.backups.mkdir()
        self.safe.mkdir()
        self.names = {"/var/backups/edcsync": str(self.backups), "/media/safe": str(self.safe)}
        self.running = {}
        self.next = 0
        self.lines = [json.loads(line) for line in
                      (self.data / "site-702.ndjson").read_text().splitlines()]

    # ---- the document's commands

    def run_next(self, starting_with, exit_code=0):
        """Runs the procedure's next command, which must begin so. Returns its standard output."""
        if self.next >= len(self.procedure.commands):
            raise ProcedureFailed(f"the procedure has no command `{starting_with}` left")
        command = self.procedure.commands[self.next]
        self.next += 1
        where = f"{self.procedure.name}, line {command.line}: {command.machine}$ {command.text}"
        if not command.text.startswith(starting_with):
            raise ProcedureFailed(f"{where}\nis not the `{starting_with}` that its test expects")
        done = self.shell(command.machine, command.text)
        if done.returncode != exit_code:
            raise ProcedureFailed(f"{where}\nended with {done.returncode}, not {exit_code}:\n"
                                  f"{done.stdout}{done.stderr}")
        return done.stdout

    def finish(self):
        """Every command of the procedure was run."""
        if self.next != len(self.procedure.commands):
            raise ProcedureFailed(f"never run: {self.procedure.commands[self.next].text}")

    def shell(self, machine, text):
        for example, actual in self.names.items():
            text = re.sub(rf"(?<![\w/]){re.escape(example)}(?!\w)", lambda _: actual, text)
        words = shlex.split(text)
        if words[0] == "systemctl":
            return self.service_manager(machine, words)
        environment = {"PATH": f"{self.binaries}:/usr/bin:/bin:/usr/sbin:/sbin",
                       "HOME": str(self.folder), "EDCSYNC_GATEWAY_DIR": str(self.gateway),
                       "EDCSYNC_EDGE_DIR": str(self.site)}
        return subprocess.run(["bash", "-c", text], capture_output=True, text=True,
                              cwd=self.folder, env=environment, timeout=300,
                              preexec_fn=die_with_parent, check=False)

    def service_manager(self, machine, words):
        action, unit = words[1], words[2].removesuffix(".service")
        if UNITS.get(unit) != machine:
            return subprocess.CompletedProcess(words, 5, "", f"{unit} is not on the {machine}")
        if action in ("stop", "restart"):
            self.stop(machine)
        if action in ("start", "restart"):
            self.start(machine)
        return subprocess.CompletedProcess(words, 0, "", "")

    # ---- setting the stage

    def centre(self, *words):
        return self.must("centre", "central-gateway", *words)

    def edge(self, *words):
        return self.must("site", "edge-agent", *words)

    def must(self, machine, *words):
        done = self.shell(machine, shlex.join(map(str, words)))
        if done.returncode != 0:
            raise ProcedureFailed(f"{shlex.join(map(str, words))}: {done.stdout}{done.stderr}")
        return done.stdout

    def edge_status(self):
        return json.loads(self.edge("status", "--json"))

    def centre_json(self, *words):
        return json.loads(self.centre(*words, "--json"))

    def make(self):
        """A gateway with the study, and the registered edge; nothing runs yet."""
        self.centre("init", "--broker-port", free_port(), "--desk-port", 0,
                    "--enrolment-port", 0)
        self.centre("study", "import", self.data / "metadata.xml")
        self.centre("edge", "add", "kisumu", "--site", "SITE.702", "--out", self.site)
        return self

    def start(self, machine):
        program = {"site": "edge-agent", "centre": "central-gateway"}[machine]
        folder = {"site": self.site, "centre": self.gateway}[machine]
        log = open(self.folder / f"{program}.log", "ab")
        begun = log.tell()
        if machine == "site":
            (self.site / "data" / "http.port").unlink(missing_ok=True)
        process = subprocess.Popen([self.binaries / program, "--dir", folder, "run"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True, preexec_fn=die_with_parent)
        log.close()
        self.running[machine] = process

        def is_up():
            if process.poll() is not None:
                raise ProcedureFailed(f"{program} ended: {self.log(program)[-2000:]}")
            if machine == "site":
                return (self.site / "data" / "http.port").exists()
            return "broker.connected" in self.log(program)[begun:]
        self.wait(f"{program} is up", is_up)

    def stop(self, machine):
        process = self.running.pop(machine)
        process.terminate()
        if process.wait(timeout=60) != 0:
            raise ProcedureFailed(f"the program at the {machine} did not end in order")

    def kill(self, machine):
        process = self.running.pop(machine)
        process.kill()
        process.wait()

    def log(self, program):
        return (self.folder / f"{program}.log").read_bytes().decode(errors="replace")

    def start_both(self):
        self.start("centre")
        self.start("site")

    def capture(self, lines):
        file = self.folder / "forms.ndjson"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.edge("submit", file)

    def edited(self, line, value, user="nurse-1"):
        """The same form with another first item."""
        line = json.loads(json.dumps(line))
        items = line["itemGroups"][0]["items"]
        items[sorted(items)[0]] = value
        line["user"] = user
        line["reasonForChange"] = "as on the source document"
        return line

    def edit_online(self, line):
        file = self.folder / "online.ndjson"
        file.write_text(json.dumps(line) + "\n")
        self.centre("submit", file)

    # ---- outcomes

    def wait(self, what, holds):
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise ProcedureFailed(f"not within {WAIT_SECONDS} s: {what}")
            time.sleep(0.1)

    def wait_delivered(self):
        self.wait("the edge is live and nothing waits", lambda: (
            (status := self.edge_status())["sync"]["state"] == "live" and status["waiting"] == 0))

    def wait_stopped(self):
        self.wait("the edge was told to stop", lambda: self.edge_status()["stoppedFor"])
        return self.edge_status()["stoppedFor"]["name"]

    def expect(self, holds, otherwise):
        if not holds:
            raise ProcedureFailed(otherwise)

    def revisions(self, side):
        text = self.edge("export", "--history") if side == "site" else \
            self.centre("export", "--history")
        return sorted(json.loads(line)["revisionId"] for line in text.splitlines())

    def expect_the_same_at_both(self, count):
        """Site and centre hold the same revisions, so many, each once; both are sound."""
        self.wait_delivered()
        self.wait("both sides hold the same",
                  lambda: self.revisions("site") == self.revisions("centre"))
        there = self.revisions("centre")
        self.expect(len(there) == count == len(set(there)),
                    f"{len(there)} revisions at the centre, not {count}")
        self.edge("check")
        self.centre("check")

    def close(self):
        for process in self.running.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self):
        return "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
                       for path in self.folder.glob("*.log"))
