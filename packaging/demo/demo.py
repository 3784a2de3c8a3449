#!/usr/bin/env python3
"""The main job of edcsync, played with real records: an outage, and what comes of it.

Started by ./run-demo. Three sites of the CDISC pilot study capture; one line is cut; the same
forms are changed at both ends; the line returns. Ends with 0 if the centre holds exactly what was
submitted, item by item, and 1 if not.
"""
import argparse
import collections
import pathlib
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

import records
from processes import DemoFailed, Program, Services, wait_until

SITES = {"kisumu": "703", "tororo": "705", "busia": "714"}  # Edge and its site of the study.
CUT_OFF = "kisumu"
FORMS_CHANGED_TWICE = 6
HERE = pathlib.Path(__file__).resolve().parent


def free_port():
    """Returns a port below those that the kernel gives to connections, or one may take it."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DemoFailed("No port of 127.0.0.1 from 20000 to 32000 is free")


class Demo:
    def __init__(self, arguments):
        self.bin = pathlib.Path(arguments.bin).resolve()
        self.data = pathlib.Path(arguments.data)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="edcsync-demo-"))
        self.services = Services(self.folder)
        self.gateway = Program(self.bin / "central-gateway", self.folder / "gateway")
        self.edges = {edge: Program(self.bin / "edge-agent", self.folder / edge)
                      for edge in SITES}
        self.submitted = []          # (origin, record), each to stand in the history once.
        self.expected = {}           # Key: content that must be current at the end.
        self.conflicts_opened = 0
        self.resolved = None
        self.step = 0
        self.started = time.monotonic()

    def say(self, text):
        self.step += 1
        print(f"{self.step:3}  {text}", flush=True)

    def detail(self, text):
        print(f"     {text}", flush=True)

    # --- what happens, in this order ---

    def play(self):
        self.set_up()
        self.capture_online()
        self.cut_line()
        self.work_apart()
        self.line_returns()
        self.resolve_one()
        self.wall_s = time.monotonic() - self.started
        self.table()
        return self.verify()

    def set_up(self):
        self.say("A gateway with its own Mosquitto broker, and an agent at each of three sites")
        for name in ("central-gateway", "edge-agent"):
            if not (self.bin / name).is_file():
                raise DemoFailed(f"There is no program {self.bin / name}: build it first")
        port = free_port()
        self.gateway.run("init", "--broker-port", port, "--desk-port", 0,
                         "--enrolment-port", 0)
        self.configure_gateway()
        self.gateway.run("study", "import", self.data / "metadata.xml")
        for edge, site in SITES.items():
            self.gateway.run("edge", "add", edge, "--site", f"SITE.{site}", "--out",
                             self.folder / edge)
        self.services.start("gateway", *self.gateway.command, "run")
        wait_until(self.services, "the gateway starts",
                   lambda: "broker.connected" in self.services.log_of("gateway"))
        self.broker_port = port
        self.line_port = self.put_line(0)
        self.lead_through_line(self.edges[CUT_OFF].folder / "edge-agent.toml")
        for edge, program in self.edges.items():
            self.services.start(edge, *program.command, "run")
        for edge in SITES:
            wait_until(self.services, f"{edge} starts",
                       lambda: "agent.ready" in self.services.log_of(edge))
            wait_until(self.services, f"{edge} connects", lambda: self.state_of(edge) == "live")

    def configure_gateway(self):
        """Before it runs for the first time: the browser tests have more to say."""

    def capture_online(self):
        self.forms = {edge: records.read(self.data / f"site-{site}.ndjson")
                      for edge, site in SITES.items()}
        # The site that will be cut off keeps a third of its forms for the outage.
        self.kept_back = len(self.forms[CUT_OFF]) // 3
        first = {edge: forms[:-self.kept_back] if edge == CUT_OFF else forms
                 for edge, forms in self.forms.items()}
        self.say("Real records of the study are captured at all three sites: "
                 + ", ".join(f"{edge} {len(forms)}" for edge, forms in first.items()))
        for edge, forms in first.items():
            self.submit(edge, forms)
        for edge in SITES:
            self.wait_delivered(edge)
        self.detail(f"delivered: the centre holds {self.gateway.json('status')['records']} records")

    def cut_line(self):
        self.say(f"The line of {CUT_OFF} is cut")
        self.services.kill("line")
        wait_until(self.services, f"{CUT_OFF} notices", lambda: self.state_of(CUT_OFF) != "live")

    def work_apart(self):
        forms = self.forms[CUT_OFF]
        twice = [form for form in forms[:-self.kept_back]
                 if form["formOID"] == "F.VS" and records.blood_pressure(form)]
        twice = twice[:FORMS_CHANGED_TWICE]
        self.say(f"{CUT_OFF} goes on without it: {self.kept_back} new forms, "
                 f"{len(twice)} changes of older ones")
        self.submit(CUT_OFF, forms[-self.kept_back:])
        at_site, at_centre = [], []
        for number, form in enumerate(twice):
            # Four times one item gets two values, once two items are changed, once both agree.
            item, by = [("IT.VS.SYS_BP", 10), ("IT.VS.PULSE", 4), ("IT.VS.SYS_BP", 2)][
                max(0, number - len(twice) + 3)]
            at_site.append(records.changed(form, "IT.VS.SYS_BP", 2, "nurse.achieng",
                                           "Typing error, corrected from the source document"))
            at_centre.append(records.changed(form, item, by, "dm.okello",
                                             "Corrected after the site's answer to a query"))
        self.submit(CUT_OFF, at_site)
        waiting = self.edges[CUT_OFF].json("status")["waiting"]
        self.detail(f"all captured; {waiting} revisions wait on {CUT_OFF}'s disk")
        self.say(f"Online at the centre, the same {len(at_centre)} forms are changed too")
        self.submit(None, at_centre)
        self.agreed = {records.key_of(site) for site, centre in zip(at_site, at_centre)
                       if records.content_of(site) == records.content_of(centre)}

    def line_returns(self):
        self.say(f"The line returns; {CUT_OFF} finds it by itself")
        self.put_line(self.line_port)
        returned = time.monotonic()
        self.wait_delivered(CUT_OFF)
        drained_s = time.monotonic() - returned
        conflicts = self.gateway.json("conflict", "list")
        self.conflicts_opened = len(conflicts)
        hard = sum(1 for conflict in conflicts if conflict["severity"] == "hard")
        self.detail(f"the backlog is drained {drained_s:.1f} s later")
        self.detail(f"{len(conflicts)} conflicts ({hard} hard: one item, two values); "
                    f"{len(self.agreed)} form was changed alike at both ends: nobody is asked")
        if len(conflicts) != FORMS_CHANGED_TWICE - len(self.agreed):
            raise DemoFailed("The conflicts are not those that were made")

    def resolve_one(self):
        conflict = self.gateway.json("conflict", "list")[0]
        shown = self.gateway.json("conflict", "show", conflict["conflictId"])
        dispute = shown["dispute"][0]
        take = next(head for head in shown["headRevisions"] if head["origin"] == "site")
        self.say(f"A data manager resolves one: {shown['key']}")
        for head in shown["headRevisions"]:
            self.detail(f"{head['user']} ({head['origin']}) {dispute['path']} = "
                        f"{dispute['values'][head['revisionId']]}")
        self.gateway.run("conflict", "resolve", conflict["conflictId"], "--take",
                         take["revisionId"], "--user", "dm.okello", "--reason",
                         "The site read the source document again")
        self.resolved = shown["key"]
        self.expected[records.key_of(take)] = records.content_of(take)
        edge = self.edges[CUT_OFF]

        def arrived():
            record = edge.json("record", "show", self.resolved)
            return record["conflict"] is None and record["current"]["origin"] == "resolution"
        wait_until(self.services, "the resolution reaches the site", arrived)
        self.detail(f"the site's value was taken, and {CUT_OFF} knows: "
                    "its record shows the resolution")

    # --- the end ---

    def table(self):
        status = self.gateway.json("status")
        through = {edge["edgeId"]: edge["acknowledgedThrough"] for edge in status["edges"]}
        captured = {edge: program.json("status")["captured"]
                    for edge, program in self.edges.items()}
        online = sum(1 for origin, _ in self.submitted if origin == "online")
        print(f"\n     {'':24}" + "".join(f"{name:>9}" for name in [*SITES, "centre", "all"]))
        self.row("captured", [*captured.values(), online, sum(captured.values()) + online])
        self.row("delivered to the centre", [*(through[edge] for edge in SITES), "",
                                             sum(through.values())])
        self.row("duplicates dropped", ["", "", "", "", status["duplicatesDropped"]])
        self.row("conflicts opened", ["", "", "", "", self.conflicts_opened])
        self.row("conflicts still open", ["", "", "", "", status["conflictsOpen"]])
        self.row("wall time", ["", "", "", "", f"{self.wall_s:.1f} s"])
        print(flush=True)

    @staticmethod
    def row(name, cells):
        print(f"     {name:24}" + "".join(f"{cell:>9}" for cell in cells))

    def verify(self):
        self.say("Compared, item by item")
        wrong = []
        history = self.gateway.export("--history")
        taken = collections.Counter((r["origin"], records.key_of(r), records.content_of(r))
                                    for r in history if r["origin"] in ("site", "online"))
        given = collections.Counter((origin, records.key_of(r), records.content_of(r))
                                    for origin, r in self.submitted)
        items = sum(len(records.content_of(record)[2]) for _, record in self.submitted)
        self.judge(f"each of the {len(self.submitted)} submissions ({items} items) stands in the "
                   "centre's history exactly once, and nothing else",
                   [f"{count} of {what[1]}" for what, count in
                    list((taken - given).items()) + list((given - taken).items())][:10], wrong)
        self.judge("the centre's export shows for each form what the rule says is current",
                   records.differences(self.expected, self.by_key(self.gateway.export())), wrong)
        for edge, site in SITES.items():
            self.judge(f"{edge} shows the same as the centre, for each form of its site",
                       records.differences(
                           self.by_key(self.gateway.export("--site", f"SITE.{site}")),
                           self.by_key(self.edges[edge].export())), wrong)
        for name, program in {"centre": self.gateway, **self.edges}.items():
            report = program.run("check", allowed=(0, 1))
            self.judge(f"check of {name}: database, audit chain, every revision",
                       [] if report.startswith("Sound") else report.splitlines(), wrong)
        return not wrong

    def judge(self, sentence, findings, wrong):
        self.detail(f"{'WRONG' if findings else 'yes'}: {sentence}")
        for finding in findings:
            self.detail(f"   {finding}")
        wrong.extend(findings)

    def desk(self):
        """Accounts for the desk's pages: {name: first password}, and the pages' address."""
        port = (self.gateway.folder / "desk.port").read_text().strip()
        people = {"dm.okello": ("Amina Okello", "data_manager"),
                  "monitor.weber": ("Jonas Weber", "monitor"),
                  "admin": ("Demo Administrator", "administrator")}
        passwords = {}
        for name, (full_name, role) in people.items():
            added = self.gateway.json("user", "add", name, "--full-name", full_name, "--role", role)
            passwords[name] = (role, added["firstPassword"])
        return f"https://localhost:{port}/", passwords

    def invite(self):
        address, passwords = self.desk()
        accounts = "\n".join(f"    {name:14} {password}   {role.replace('_', ' ')}"
                             for name, (role, password) in passwords.items())
        print(f"""
The conflict desk waits in your browser, with {self.conflicts_opened - 1} conflicts to decide:

    {address}

    name           first password (you choose another at the first log-in)
{accounts}

Its certificate is of this demo's own authority, so the browser asks once whether you trust it.""",
              flush=True)
        conflict = self.gateway.json("conflict", "list")[0]
        take = conflict["heads"][0]
        key = conflict["key"]
        print(f"""
Everything stays up until Ctrl-C. In another terminal, try:

  export PATH={self.bin}:$PATH
  export EDCSYNC_GATEWAY_DIR={self.gateway.folder} EDCSYNC_EDGE_DIR={self.edges[CUT_OFF].folder}

  central-gateway status
  central-gateway conflict list
  central-gateway conflict show {conflict['conflictId']}
  central-gateway conflict resolve {conflict['conflictId']} --take {take} \\
      --user you --reason "Agreed with the site"
  edge-agent status
  edge-agent record show {key} --history
  edge-agent sync pause          # cut the link yourself; submit; then: sync resume
  edge-agent export | head -1    # a record in submission format, to change and submit again
  central-gateway feed tail --follow

Logs: {self.folder}/*.log
""", flush=True)

    # --- means ---

    def submit(self, edge, forms):
        """Submits at an edge, or online at the centre if `edge` is None."""
        file = self.folder / f"{edge or 'centre'}.ndjson"
        records.write(file, forms)
        program = self.edges[edge] if edge else self.gateway
        program.run("submit", file)
        for form in forms:
            self.submitted.append(("site" if edge else "online", form))
            # Of two versions alike the later edit wins, and the centre's are the later ones.
            self.expected[records.key_of(form)] = records.content_of(form)

    def state_of(self, edge):
        return self.edges[edge].json("status")["sync"]["state"]

    def wait_delivered(self, edge):
        def delivered():
            status = self.edges[edge].json("status")
            waiting = status["waiting"]
            return waiting == 0 or (f"{waiting} of {status['captured']} wait, "
                                    f"link {status['sync']['state']}")
        wait_until(self.services, f"{edge} delivers", delivered)

    def put_line(self, port):
        line = self.services.start("line", sys.executable, "-B", HERE / "forwarder.py", str(port),
                                   str(self.broker_port))
        return int(line.stdout.readline())

    def lead_through_line(self, config):
        text = config.read_text()
        config.write_text(text.replace(f"port = {self.broker_port}\n", f"port = {self.line_port}\n"))

    @staticmethod
    def by_key(exported):
        return {records.key_of(record): records.content_of(record) for record in exported}

    def end(self):
        self.services.stop_all()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--once", action="store_true")
    arguments = parser.parse_args()
    # An interrupt while everything ends would leave something behind.
    ended = threading.Event()

    def stop(number, _):
        if not ended.is_set():
            ended.set()
            raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    demo, sound, shown = None, False, False
    try:
        demo = Demo(arguments)
        sound = demo.play()
        print(f"\n{'All of it agrees.' if sound else 'SOMETHING IS WRONG, see above.'}", flush=True)
        shown = True
        if sound and not arguments.once:
            demo.invite()
            while True:
                demo.services.check_alive()
                time.sleep(0.5)
    except DemoFailed as failed:
        print(f"\nrun-demo failed: {failed}", file=sys.stderr, flush=True)
        for log in sorted(demo.folder.rglob("*.log")) if demo else []:
            print(f"\n{log.name} ends with:", *log.read_text(errors="replace").splitlines()[-5:],
                  sep="\n  ", file=sys.stderr, flush=True)
        sound = False
    except SystemExit:
        if not shown:
            raise
    finally:
        ended.set()
        if demo is not None:
            print("Stopping; removing the demo's folder.", flush=True)
            demo.end()
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
