"""Watching: whether both sides hold the same, and what alerts say."""

import json
import os
import signal
import socket
import subprocess

from procedures_access import end_soon
from registry import procedure


@procedure("reconcile")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:20])
    world.edit_online(world.edited(world.lines[1], "1931-01-02", "dm.okello"))
    world.wait("the site has the online edit", lambda: len(world.revisions("site")) == 21)
    world.wait_delivered()
    lost = world.revisions("site")
    world.stop("site")
    # One of its own, and the one made at the centre.
    world.sql(world.site / "data" / "edge.db", "DROP TRIGGER IF EXISTS revision_is_never_removed",
              "DELETE FROM revision WHERE revision_rowid IN (7, 21)")
    world.start("site")
    world.expect(world.shell("site", "edge-agent check").returncode == 1, "check finds it")
    said = world.run_next("central-gateway reconcile --site", exit_code=1)
    there = json.loads((world.folder / "report.json").read_text())["reports"][0]["report"]
    named = {one["revision"]: one for one in there["differences"]["named"]}
    world.expect(len(named) == 2 and set(named) <= set(lost) and all(one in said for one in named),
                 f"the report names both: {named}")
    world.run_next("central-gateway reconcile verify")
    world.run_next("central-gateway reconcile list")
    world.run_next("edge-agent reconcile list")
    world.expect_the_same_at_both(21)  # `check` of both sides is content, too.
    equal = world.shell("centre", "central-gateway reconcile --site SITE.702")
    world.expect(equal.returncode == 0 and "equal" in equal.stdout, equal.stdout)
    text = (world.folder / "report.json").read_text()
    (world.folder / "report.json").write_text(text.replace("brought_back", "not_brought_", 1))
    altered = world.shell("centre", "central-gateway reconcile verify report.json")
    world.expect(altered.returncode == 1, "an altered report is not what they signed")
    world.stop("site")
    away = world.shell("centre", "central-gateway reconcile --site SITE.702 --wait 1")
    world.expect(away.returncode == 3 and "Not done yet" in away.stdout, away.stdout + away.stderr)


@procedure("alerts")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:3])
    world.wait_delivered()
    for _ in range(2):
        world.expect('"checks"' in world.run_next("curl"), "each check is told")
    world.run_next("curl")
    world.expect('"broker"' in world.run_next("curl"), "the broker's too")
    world.expect_alerts()
    line = world.lines[0]
    world.names["KEY"] = world.edge_json("record", "list")[0]["key"]
    world.names["TRACE"] = world.edge_json("record", "show", world.names["KEY"])["traceId"]
    world.expect(line["studyOID"] in world.names["KEY"] and world.names["TRACE"], "it is known")
    world.run_next("edge-agent record show")
    world.run_next("central-gateway record show")


@procedure("alert-program-down")
def _(world):
    world.make().start_both()
    world.kill("site")
    fires = world.expect_alerts("EdcsyncProgramDown")["EdcsyncProgramDown"]
    world.expect([labels["job"] for labels in fires] == ["edcsync-edge"], f"{fires}")
    world.run_next("systemctl status", exit_code=3)
    world.expect("agent.ready" in world.run_next("journalctl"), "the log is there")
    world.run_next("systemctl start")
    world.wait_delivered()
    world.expect_alerts()


@procedure("alert-certificate-ends")
def _(world):
    world.make_centre()
    world.set("centre", "enrolment", "certificate_minutes = 20160")
    world.enrol().start("site")
    world.wait_delivered()
    for name in ("desk", "enrolment"):
        end_soon(world, name)
    fires = world.expect_alerts("EdcsyncCertificateEnds")["EdcsyncCertificateEnds"]
    world.expect({labels.get("certificate", labels.get("edge")) for labels in fires} ==
                 {"edge", "kisumu", "desk", "enrolment"}, f"{fires}")
    world.run_next("central-gateway doctor", exit_code=None)
    world.run_next("systemctl restart")
    world.wait_delivered()
    world.run_next("edge-agent status")
    fires = world.firing()["EdcsyncCertificateEnds"]
    world.expect({labels.get("certificate", labels.get("edge")) for labels in fires} ==
                 {"edge", "kisumu"}, f"the gateway made its own anew: {fires}")


@procedure("alert-capture-refused")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:3])
    before = world.scrape()
    forms = world.folder / "forms.ndjson"
    lines = [dict(line, siteOID="SITE.701") for line in world.lines[3:8]]
    forms.write_text("".join(json.dumps(line) + "\n" for line in lines))
    world.shell("site", f"edge-agent submit {forms}")
    world.wait_delivered()
    world.expect("EdcsyncCaptureRefused" in world.firing(before), "it is told")
    world.names["FORMS"] = str(forms)
    said = world.run_next("edge-agent submit", exit_code=1)
    world.expect("SITE.701" in said or "site" in said, f"the reason is told: {said}")
    world.expect(len((world.folder / "refused.ndjson").read_text().splitlines()) == 5,
                 "the refused lines are kept")


def broker_of(world):
    return [int(process) for process in subprocess.run(
        ["pgrep", "-P", str(world.running["centre"].pid)], capture_output=True, text=True,
        check=False).stdout.split()]


@procedure("alert-broker-lost")
def _(world):
    world.make().start_both()
    world.wait_delivered()
    before = world.scrape()
    for _ in range(3):
        ended = broker_of(world)
        for process in ended:
            os.kill(process, signal.SIGKILL)
        world.wait("it was started again",
                   lambda gone=ended: (now := broker_of(world)) and not set(now) & set(gone))
    world.expect("EdcsyncBrokerRestarts" in world.firing(before), "three times is told")
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def takes_the_port():
        for process in broker_of(world):
            os.kill(process, signal.SIGKILL)
        try:
            taken.bind(("127.0.0.1", world.broker_port))
            taken.listen(50)
            return True
        except OSError:
            return False
    world.wait("another program has the broker's port", takes_the_port)
    world.wait("the alert fires", lambda: "EdcsyncBrokerLost" in world.firing())
    world.wait("it was tried", lambda: "broker.not_started" in world.log("central-gateway"))
    world.capture(world.lines[:5])  # Waits.
    world.run_next("curl")
    world.run_next("journalctl")
    world.run_next("tail")
    taken.close()
    begun = len(world.log("central-gateway"))
    world.wait("the gateway is connected again",
               lambda: "broker.connected" in world.log("central-gateway")[begun:])
    world.edge("sync", "now")
    world.wait_delivered()
    world.expect_the_same_at_both(5)
    world.expect_alerts()


@procedure("alert-edges-silent")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:3])
    world.wait_delivered()
    world.stop("site")
    world.stop("centre")
    world.sql(world.gateway / "central.db",
              "UPDATE edge SET last_contact_ms = last_contact_ms - 25 * 3600000")
    world.start("centre")
    world.expect_alerts("EdcsyncProgramDown", "EdcsyncEdgesSilent")
    said = world.run_next("central-gateway edge list")
    heard = world.centre_json("edge", "list")[0]["lastContactAt"]
    world.expect(heard in said, said)
    world.start("site")
    world.wait_delivered()
    world.expect_alerts()
