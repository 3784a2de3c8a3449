"""A test for each procedure of packaging/runbook.md: sets the stage, runs the document's commands,
and looks whether what the document promises has come true. Here: what fails, backup and restore."""

import http.server
import os
import pathlib
import shutil
import signal
import subprocess
import threading

from registry import procedure

DAY_S = 86400


@procedure("look-first")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:5])
    world.wait_delivered()
    world.expect("0 problems" in world.run_next("edge-agent doctor"), "the edge is sound")
    world.run_next("edge-agent support-bundle")
    world.expect("0 problems" in world.run_next("central-gateway doctor"), "the centre is sound")
    world.run_next("central-gateway support-bundle")
    for name in ("site", "centre"):
        names = subprocess.run(["tar", "-tzf", world.backups / f"{name}.tar.gz"],
                               capture_output=True, text=True, check=True).stdout
        world.expect("doctor.json" in names and "status.json" in names, f"{name}: {names}")


@procedure("site-offline")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:5])
    world.wait_delivered()
    world.kill("centre")
    world.capture(world.lines[5:10])
    world.wait("the edge is offline", lambda: world.edge_status()["sync"]["state"] != "live")
    status = world.run_next("edge-agent status")
    world.expect("5 of 10 captured, the oldest since" in status, status)
    found = world.run_next("edge-agent doctor", exit_code=1)
    world.expect("broker.tcp" in found and "takes no connection" in found, found)
    world.expect_alerts("EdcsyncProgramDown", "EdcsyncOutboxOld", aged_s=2 * DAY_S)
    world.start("centre")
    world.run_next("edge-agent sync now")
    world.expect_the_same_at_both(10)
    world.expect_alerts(aged_s=2 * DAY_S)


def restored_by_hand(world):
    """A database of yesterday, copied back without a word to anybody."""
    world.make().start_both()
    world.capture(world.lines[:10])
    world.wait_delivered()
    world.edge("backup", world.backups / "kisumu.db")
    world.capture(world.lines[10:20])
    world.wait_delivered()
    world.stop("site")


@procedure("edge-refused")
def _(world):
    restored_by_hand(world)
    data = world.site / "data"
    for name in ("edge.db", "edge.db-wal", "edge.db-shm"):
        (data / name).unlink(missing_ok=True)
    shutil.copy(world.backups / "kisumu.db", data / "edge.db")
    world.start("site")
    world.expect(world.wait_stopped() == "incarnation_mismatch", "it is refused")
    world.expect("suspended" in world.run_next("central-gateway edge list"), "it is suspended")
    world.expect_alerts("EdcsyncEdgeStopped", "EdcsyncEdgeSuspended")
    world.run_next("central-gateway edge readmit")
    world.run_next("edge-agent sync new-incarnation")
    world.run_next("edge-agent status")
    world.expect_the_same_at_both(20)
    world.expect_alerts()


@procedure("back-up-edge")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:5])
    said = world.run_next("edge-agent backup")
    world.expect("verified: 5 captured" in said, said)
    made = list(world.backups.rglob("edge-kisumu-*.db"))
    world.expect(len(made) == 1, f"{made}")


@procedure("restore-edge")
def _(world):
    restored_by_hand(world)
    world.start("site")
    world.run_next("systemctl stop")
    said = world.run_next("edge-agent restore")
    world.expect("holds 10 captured" in said and "edge readmit kisumu" in said, said)
    world.expect(list((world.site / "data").glob("edge.db.before-*")), "the former one is kept")
    world.run_next("systemctl start")
    world.wait_stopped()
    status = world.run_next("edge-agent status")
    world.expect("STOPPED" in status, status)
    world.capture(world.lines[20:22])  # It captures at once.
    world.centre("edge", "readmit", "kisumu", "--reason", "as in the section above")
    world.edge("sync", "new-incarnation")
    world.expect_the_same_at_both(22)


@procedure("edge-disk-lost")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:10])
    world.wait_delivered()
    world.kill("site")
    shutil.rmtree(world.site / "data")
    world.start("site")
    world.wait_stopped()
    said = world.run_next("central-gateway edge readmit")
    world.expect("through sequence 10" in said, said)
    world.run_next("edge-agent sync now")
    world.wait_delivered()
    world.run_next("edge-agent status")
    world.expect_the_same_at_both(10)


def make_conflict(world):
    world.make().start_both()
    world.capture(world.lines[:3])
    world.wait_delivered()
    world.edge("sync", "pause")
    world.edit_online(world.edited(world.lines[0], "1931-01-01", "dm.okello"))
    world.capture([world.edited(world.lines[0], "1931-01-31")])
    world.edge("sync", "resume")
    world.wait_delivered()


@procedure("conflict")
def _(world):
    make_conflict(world)
    conflict = world.centre_json("conflict", "list")[0]
    world.expect_alerts("EdcsyncConflictOld", aged_s=15 * DAY_S)
    world.expect(conflict["conflictId"] in world.run_next("central-gateway conflict list"),
                 "the list shows it")
    world.names["ID"] = conflict["conflictId"]
    world.run_next("central-gateway conflict show")
    world.names["REVISION"] = conflict["heads"][0]
    world.names["NAME"] = "dm.okello"
    world.run_next("central-gateway conflict resolve")
    world.expect(world.centre_json("conflict", "list") == [], "none is open")
    world.expect_the_same_at_both(6)
    world.expect_alerts(aged_s=15 * DAY_S)


@procedure("quarantine")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:3])
    world.wait_delivered()
    world.edge("sync", "pause")
    world.capture([world.edited(world.lines[0], "1931-01-31")])
    world.centre("lock", "set", "study", "CDISCPILOT01", "--reason", "Interim analysis")
    world.edge("sync", "resume")
    world.wait("it waits in quarantine", lambda: world.centre_json("quarantine", "list"))
    world.expect_alerts("EdcsyncQuarantineOld", aged_s=4 * DAY_S)
    waiting = world.centre_json("quarantine", "list")[0]
    world.expect("locked" in world.run_next("central-gateway quarantine list"), "with its reason")
    world.names["REVISION"] = waiting["revisionId"]
    world.run_next("central-gateway quarantine show")
    world.run_next("central-gateway quarantine release")
    world.expect(world.centre_json("quarantine", "list") == [], "nothing waits any more")
    world.expect_the_same_at_both(4)
    world.expect_alerts(aged_s=4 * DAY_S)


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook's receiver that refuses for good until it is mended."""
    status, got = 404, 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got += 1
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@procedure("notices")
def _(world):
    Receiver.status, Receiver.got = 404, 0
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        world.make()
        secret = world.gateway / "hook.secret"
        secret.touch(0o600)
        secret.write_text("0123456789abcdef\n")
        with open(world.gateway / "central-gateway.toml", "a", encoding="utf-8") as config:
            config.write("[notices]\ndigest_minutes = 0\n[[notices.webhook]]\nname = \"chat\"\n"
                         f"url = \"http://127.0.0.1:{server.server_port}/\"\n"
                         "secret_file = \"hook.secret\"\n")
        world.names["CHANNEL"] = "chat"
        world.start_both()
        world.capture(world.lines[:3])
        world.wait_delivered()
        world.wait("the receiver refused a notice", lambda: told_of_quarantine(world))
        world.run_next("central-gateway notices status")
        world.run_next("central-gateway notices test", exit_code=1)
        Receiver.status, before = 204, Receiver.got
        world.run_next("central-gateway notices retry --all")
        world.wait("it was sent again", lambda: Receiver.got > before)
    finally:
        server.shutdown()
        server.server_close()


def told_of_quarantine(world):
    """Whether the notice of a record was refused that came while the study was locked, before the
    site knew of it."""
    if not world.centre_json("quarantine", "list"):
        world.edge("sync", "pause")
        world.capture([world.edited(world.lines[0], "1931-01-31")])
        world.centre("lock", "set", "study", "CDISCPILOT01", "--reason", "Interim analysis")
        world.edge("sync", "resume")
        world.wait("it waits in quarantine", lambda: world.centre_json("quarantine", "list"))
    return "failed" in world.centre("notices", "status")


@procedure("back-up-centre")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:5])
    world.wait_delivered()
    world.run_next("central-gateway backup")
    world.expect(list(world.backups.rglob("central-*.db")), "a dated backup")
    world.run_next("central-gateway backup")
    world.expect(not list((world.backups / "full").rglob("*.key")), "no key beside the backup")
    world.expect((world.safe / "keys" / "central.key").stat().st_mode & 0o077 == 0, "keys are 0600")


def back_up_and_go_on(world, *words):
    world.make().start_both()
    world.capture(world.lines[:10])
    world.wait_delivered()
    world.centre("backup", *words)
    make_more(world)


def make_more(world):
    """Captures, and a decision that reached the site; all acknowledged after the backup."""
    world.capture(world.lines[10:20])
    world.wait_delivered()
    world.edge("sync", "pause")
    world.edit_online(world.edited(world.lines[0], "1931-01-01", "dm.okello"))
    world.capture([world.edited(world.lines[0], "1931-01-31")])
    world.edge("sync", "resume")
    world.wait_delivered()
    conflict = world.centre_json("conflict", "list")[0]
    world.centre("conflict", "resolve", conflict["conflictId"], "--take", conflict["heads"][0],
                 "--user", "dm.okello", "--reason", "Source document")
    world.wait("the decision reached the site", lambda: world.edge_status()["conflictsOpen"] == 0)


@procedure("restore-centre")
def _(world):
    back_up_and_go_on(world, world.backups / "central.db")
    world.run_next("systemctl stop")
    said = world.run_next("central-gateway restore")
    world.expect("new history" in said and "signatures" in said, said)
    world.expect(list(world.gateway.glob("central.db.before-*")), "the former one is kept")
    world.run_next("systemctl start")
    world.run_next("central-gateway edge list")
    world.edge("sync", "now")
    world.expect_the_same_at_both(23)
    world.expect(world.centre_json("conflict", "list") == [], "the decision came back")


@procedure("centre-machine-lost")
def _(world):
    world.make()
    world.centre("certificate", "rotate")  # The former one still opens frames; it must come back.
    former = {file.name: file.read_bytes() for file in (world.gateway / "pki/former").iterdir()}
    world.start_both()
    world.capture(world.lines[:10])
    world.wait_delivered()
    world.centre("backup", world.backups / "full", "--full", "--keys", world.safe / "keys")
    make_more(world)
    world.kill("centre")
    shutil.rmtree(world.gateway)
    world.run_next("central-gateway restore")
    world.expect(len(former) == 2 and former == {
        file.name: file.read_bytes() for file in (world.gateway / "pki/former").iterdir()},
        "certificate and key of before the rotation are back")
    world.run_next("central-gateway doctor")
    world.run_next("systemctl start")
    world.edge("sync", "now")
    world.expect_the_same_at_both(23)


@procedure("broker-lost")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:10])
    world.wait_delivered()
    broker = subprocess.run(["pgrep", "-P", str(world.running["centre"].pid)], capture_output=True,
                            text=True, check=True).stdout.split()
    for process in broker:
        os.kill(int(process), signal.SIGKILL)
    os.rename(world.gateway / "broker", world.folder / "lost")  # Its supervisor still writes there.
    world.capture(world.lines[10:20])
    world.run_next("systemctl restart")
    world.run_next("edge-agent sync now")
    world.expect_the_same_at_both(20)


@procedure("disk-full")
def _(world):
    world.make()
    data = world.site / "data"
    data.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs", data],
                             check=False).returncode == 0
    if not mounted:
        return "this user may not mount a small disk"
    try:
        world.start_both()
        forms = world.folder / "many.ndjson"
        lines = (world.data / "site-702.ndjson").read_text()
        forms.write_text(lines + "".join(
            line.replace('"subjectKey":"', f'"subjectKey":"{copy}-') + "\n"
            for copy in range(60) for line in lines.splitlines()))
        done = world.shell("site", f"edge-agent submit {forms} --batch 20")
        world.expect(done.returncode == 3 and "disk_full" in done.stderr, done.stdout + done.stderr)
        world.expect("disk.room" in world.run_next("edge-agent doctor", exit_code=1), "it is named")
        filler = data / "filler"  # What is left is less than what a receipt takes.
        filler.write_bytes(bytes(max(0, shutil.disk_usage(data).free - 2**16)))
        fires = world.firing()
        filler.unlink()
        for name in ("EdcsyncDiskLow", "EdcsyncDiskAlmostFull"):
            jobs = [labels["job"] for labels in fires.get(name, [])]
            world.expect("edcsync-edge" in jobs, f"{name} does not fire: {fires}")
        subprocess.run(["mount", "-o", "remount,size=200m", data], check=True)
        world.names["FORMS"] = str(forms)
        world.run_next("edge-agent submit")
        world.expect_the_same_at_both(len(forms.read_text().splitlines()))
    finally:
        for machine in list(world.running):
            world.kill(machine)
        subprocess.run(["umount", "-l", data], check=True)
    return None


def damage(database):
    with open(database, "r+b") as file:
        for page in range(4, pathlib.Path(database).stat().st_size // 4096, 3):
            file.seek(page * 4096)
            file.write(b"\xff" * 100)


@procedure("database-damaged")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:20])
    world.wait_delivered()
    world.stop("site")
    world.stop("centre")
    damage(world.site / "data" / "edge.db")
    damage(world.gateway / "central.db")
    world.run_next("edge-agent check", exit_code=1)
    world.run_next("central-gateway check", exit_code=1)


@procedure("clock")
def _(world):
    world.make().start_both()
    world.capture(world.lines[:3])
    world.wait_delivered()
    found = world.run_next("edge-agent doctor")
    world.expect("clock.drift" in found and "clock.synchronised" in found, found)
    world.expect("ms from the centre's" in world.run_next("edge-agent status"), "the drift is told")
