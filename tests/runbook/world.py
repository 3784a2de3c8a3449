"""One trial for one procedure: a gateway with its broker, the edge `kisumu`, real processes.

Commands come from the runbook and are run by a shell, with this world's names in the place of
those that the document uses as examples: folders, and NAMES IN CAPITALS that the test has set.
`systemctl` and `journalctl` stand for the service manager: here it starts and stops the same
programs as children and keeps their logs.
"""

import contextlib
import ctypes
import getpass
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import alerts
from document import not_told

WAIT_SECONDS = 120
SCRAPE_KEPT_SECONDS = 1.1  # shared/telemetry/health_server.cc answers /metrics anew once a second.
PROGRAMS = {"site": "edge-agent", "centre": "central-gateway"}
UNITS = {f"edcsync-{program}": machine for machine, program in PROGRAMS.items()}
DEFAULT_HEALTH = {"site": "http://127.0.0.1:9465", "centre": "http://127.0.0.1:9464"}


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
        for program in ("edge-agent", "central-gateway"):  # As the packages make them.
            (self.backups / program).mkdir(parents=True)
        self.safe.mkdir()
        self.names = {"/var/backups/edcsync": str(self.backups), "/media/safe": str(self.safe),
                      "/var/lib/edcsync/edge-agent": str(self.site / "data"),
                      "/var/lib/edcsync/central-gateway": str(self.gateway),
                      "/etc/edcsync/edge-agent.toml": str(self.site / "edge-agent.toml"),
                      "/etc/edcsync/central-gateway.toml":
                          str(self.gateway / "central-gateway.toml"),
                      "edcsync-edge": getpass.getuser(), "edcsync-gateway": getpass.getuser()}
        self.environment = {}
        self.running = {}
        self.scraped_at = 0.0
        self.next = 0
        self.lines = [json.loads(line) for line in
                      (self.data / "site-702.ndjson").read_text().splitlines()]

    # ---- the document's commands

    def run_next(self, starting_with, exit_code=0):
        """Runs the procedure's next command, which must begin so, end with `exit_code` (None: any)
        and tell what the document says. Returns its output."""
        command = self.take(starting_with)
        if command.is_settings:
            raise ProcedureFailed(f"line {command.line}: settings, not `{starting_with}`")
        done = self.shell(command.machine, command.text)
        where = f"{self.procedure.name}, line {command.line}: {command.machine}$ {command.text}"
        output = done.stdout + done.stderr
        if exit_code is not None and done.returncode != exit_code:
            raise ProcedureFailed(f"{where}\nended with {done.returncode}, not {exit_code}:\n"
                                  f"{output}")
        if missing := list(not_told(command, output, self.replaced)):
            raise ProcedureFailed(f"{where}\ndoes not tell: {missing}, but:\n{output}")
        return output

    def write_next_settings(self, machine):
        """Adds the lines that the document shows next to the machine's configuration."""
        command = self.take("")
        if not command.is_settings or command.machine != machine:
            raise ProcedureFailed(f"line {command.line}: no settings of the {machine}")
        folder = {"site": self.site, "centre": self.gateway}[machine]
        with open(folder / f"{PROGRAMS[machine]}.toml", "a", encoding="utf-8") as config:
            config.write("\n" + self.replaced(command.text))

    def take(self, starting_with):
        if self.next >= len(self.procedure.commands):
            raise ProcedureFailed(f"the procedure has no command `{starting_with}` left")
        command = self.procedure.commands[self.next]
        if not command.text.startswith(starting_with):
            raise ProcedureFailed(f"{self.procedure.name}, line {command.line}: {command.machine}$ "
                                  f"{command.text}\nis not the `{starting_with}` that its test "
                                  "expects")
        self.next += 1
        return command

    def finish(self):
        """Every command of the procedure was run."""
        if self.next != len(self.procedure.commands):
            raise ProcedureFailed(f"never run: {self.procedure.commands[self.next].text}")

    def replaced(self, text):
        for example in sorted(self.names, key=len, reverse=True):
            text = re.sub(rf"(?<![\w/-]){re.escape(example)}(?![\w-])",
                          lambda _, name=self.names[example]: name, text)
        return text

    def shell(self, machine, text):
        text = self.replaced(text)
        words = shlex.split(text)
        if words[0] == "systemctl":
            return self.service_manager(machine, words)
        if words[0] == "journalctl":
            return self.journal(machine, words)
        return subprocess.run(["bash", "-c", text], capture_output=True, text=True,
                              cwd=self.folder, env=self.environment_of(machine), timeout=300,
                              preexec_fn=die_with_parent, check=False)

    def environment_of(self, machine):
        return {"PATH": f"{self.binaries}:/usr/bin:/bin:/usr/sbin:/sbin",
                "HOME": str(self.folder), "EDCSYNC_GATEWAY_DIR": str(self.gateway),
                "EDCSYNC_EDGE_DIR": str(self.site), **self.environment}

    def run_next_rotation(self, starting_with):
        """Runs the next command, which changes whom the centre trusts or as whom it speaks; returns
        once the running gateway has followed, as it does within a second."""
        begun = len(self.log("central-gateway"))
        output = self.run_next(starting_with)
        self.wait("the gateway has followed",
                  lambda: "trust.changed" in self.log("central-gateway")[begun:])
        return output

    # ---- the service manager

    def service_manager(self, machine, words):
        def done(code, out="", err=""):
            return subprocess.CompletedProcess(words, code, out, err)
        action = words[1]
        unit = words[2].removesuffix(".service")
        if UNITS.get(unit) != machine:
            return done(5, err=f"{unit} is not on the {machine}")
        is_active = machine in self.running and self.running[machine].poll() is None
        if action == "status":
            told = "active (running)" if is_active else "inactive (dead)"
            return done(0 if is_active else 3, f"{unit}.service\n     Active: {told}\n")
        if action in ("stop", "restart") and is_active:
            self.stop(machine)
        try:
            if action in ("start", "restart"):
                self.start(machine)
        except ProcedureFailed as failed:
            self.running.pop(machine, None)
            return done(1, err=f"Job for {unit}.service failed.\n{failed}")
        return done(0)

    def journal(self, machine, words):
        unit = words[words.index("-u") + 1]
        if UNITS.get(unit) != machine:
            return subprocess.CompletedProcess(words, 1, "", f"{unit} is not on the {machine}")
        lines = self.log(PROGRAMS[machine]).splitlines(keepends=True)
        return subprocess.CompletedProcess(words, 0, "".join(lines[-int(words[-1]):]), "")

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

    def edge_json(self, *words):
        return json.loads(self.edge(*words, "--json"))

    def centre_json(self, *words):
        return json.loads(self.centre(*words, "--json"))

    def make(self):
        """A gateway with the study, and the registered edge; nothing runs yet."""
        self.make_centre()
        self.centre("edge", "add", "kisumu", "--site", "SITE.702", "--out", self.site)
        self.take_any_health_port("site")
        return self

    def make_centre(self):
        self.broker_port, self.enrolment_port = free_port(), free_port()
        self.centre("init", "--broker-port", self.broker_port, "--desk-port", 0,
                    "--enrolment-port", self.enrolment_port)
        self.take_any_health_port("centre")
        self.centre("study", "import", self.data / "metadata.xml")

    def make_enrolled(self):
        """As make(), but the edge has enrolled itself, and the gateway runs."""
        self.make_centre()
        return self.enrol()

    def enrol(self):
        self.start("centre")
        invited = self.centre_json("edge", "invite", "kisumu", "--site", "SITE.702")
        self.edge("enroll", invited["token"])
        self.take_any_health_port("site")
        return self

    def config(self, machine):
        return {"site": self.site / "edge-agent.toml",
                "centre": self.gateway / "central-gateway.toml"}[machine]

    def configure(self, machine, *lines):
        with open(self.config(machine), "a", encoding="utf-8") as config:
            config.write("".join(f"\n{line}" for line in lines) + "\n")

    def set(self, machine, section, line):
        """Adds a line to a section that is there already."""
        file = self.config(machine)
        file.write_text(file.read_text().replace(f"\n[{section}]\n", f"\n[{section}]\n{line}\n", 1))

    def take_any_health_port(self, machine):
        """Other programs of this machine may have the usual one."""
        file = self.config(machine)
        text, count = re.subn(r"(\[health\](?:\n(?!\[).*)*?\nport = )\d+", r"\g<1>0",
                              file.read_text())
        if count != 1:
            raise ProcedureFailed(f"{file} has no [health] port")
        file.write_text(text)

    def start(self, machine):
        program = PROGRAMS[machine]
        folder = {"site": self.site, "centre": self.gateway}[machine]
        log = open(self.folder / f"{program}.log", "ab")
        begun = log.tell()
        ports = [(self.site / "data" / "http.port"), (self.site / "data" / "health.port")] \
            if machine == "site" else [self.gateway / "health.port"]
        for port in ports:
            port.unlink(missing_ok=True)
        process = subprocess.Popen([self.binaries / program, "--dir", folder, "run"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True, preexec_fn=die_with_parent,
                                   env=self.environment_of(machine))
        log.close()
        self.running[machine] = process

        def is_up():
            if process.poll() is not None:
                raise ProcedureFailed(f"{program} ended: {self.log(program)[-2000:]}")
            log = self.log(program)[begun:]
            return all(port.exists() for port in ports) and \
                (machine == "site" or ("broker.connected" in log and "gateway.ready" in log))
        self.wait(f"{program} is up", is_up)
        self.names[DEFAULT_HEALTH[machine]] = f"http://127.0.0.1:{ports[-1].read_text().strip()}"

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

    def sql(self, database, *statements):
        """Changes a database behind its program's back, which must not run."""
        with contextlib.closing(sqlite3.connect(database)) as store:
            store.execute("PRAGMA foreign_keys = OFF")
            for statement in statements:
                store.execute(statement)
            store.commit()

    # ---- outcomes

    def audit(self, action):
        """The centre's audit entries of an action, as texts."""
        address = f"file:{self.gateway}/central.db?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as store:
            return [" ".join(map(str, row)) for row in store.execute(
                "SELECT actor, object, detail FROM audit WHERE action = ?", [action])]

    def scrape(self):
        """What Prometheus would read now; None for a program that does not answer."""
        time.sleep(max(0, self.scraped_at + SCRAPE_KEPT_SECONDS - time.monotonic()))
        found = {}
        for machine, job in (("site", "edcsync-edge"), ("centre", "edcsync-gateway")):
            address = self.names.get(DEFAULT_HEALTH[machine])
            try:
                with urllib.request.urlopen(f"{address}/metrics", timeout=10) as answer:
                    found[job] = alerts.parse(answer.read().decode())
            except (OSError, ValueError):
                found[job] = None
        self.scraped_at = time.monotonic()
        return found

    def firing(self, before=None, aged_s=0):
        """{name of the alert: its labels, one dictionary each time it fires}"""
        found = {}
        for labels in alerts.firing(self.folder, self.scrape(), before, aged_s):
            found.setdefault(labels["alertname"], []).append(labels)
        return found

    def expect_alerts(self, *names, before=None, aged_s=0):
        """These alerts fire, as the rules ship, and no others; this machine's disk is its own
        affair."""
        found = self.firing(before, aged_s)
        self.expect(set(found) - {"EdcsyncDiskLow", "EdcsyncDiskAlmostFull"} == set(names),
                    f"alerts: {found}, not {names}")
        return found

    def tls(self, port, folder=None):
        """Connects to a server of the centre's as whoever has the certificate in `folder` (or as
        nobody). Returns the server's certificate's serial and its answer to an MQTT Connect; what
        TLS refuses is raised as ssl.SSLError or ConnectionError."""
        context = ssl.create_default_context(cafile=self.gateway / "pki" / "trust.pem")
        if folder is not None:
            context.load_cert_chain(folder / "edge.crt", folder / "edge.key")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as link:
                serial = link.getpeercert()["serialNumber"].lower()
                if folder is None:
                    return serial, b""
                client = b"runbook"
                rest = b"\0\x04MQTT\x05\x02\0\x1e\0" + bytes((0, len(client))) + client
                link.sendall(bytes((0x10, len(rest))) + rest)
                return serial, link.recv(4)

    def broker_takes(self, folder):
        """Whether the broker lets in who has the certificate in `folder`."""
        try:
            answer = self.tls(self.broker_port, folder)[1]
        except (ssl.SSLError, ConnectionError):
            return False
        return answer[:1] == b"\x20" and answer[3:4] == b"\0"

    def gateway_takes(self, folder):
        """Whether the gateway's enrolment service answers who has the certificate in `folder`."""
        context = ssl.create_default_context(cafile=self.gateway / "pki" / "trust.pem")
        context.load_cert_chain(folder / "edge.crt", folder / "edge.key")
        address = f"https://localhost:{self.enrolment_port}/v1/edge/configuration"
        try:
            with urllib.request.urlopen(address, timeout=20, context=context) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as refused:
            return refused.code not in (401, 403)
        except (urllib.error.URLError, ConnectionError):
            return False  # TLS itself refused it.

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
