"""The packages on a clean Debian 12, with its own systemd: installed, configured, upgraded, broken,
removed and purged, by the commands that a person types, with services started as they would be.
What is a procedure of the runbook is read from there.

    packages_test.py --programs build/release --cache build/packages/cache

Builds the packages twice from the programs given (the earlier one under a lower version; its
databases are taken back to an earlier release's schema while they are upgraded). Says a
line per case as GoogleTest does; one line SKIPPED, with the reason, where a machine cannot be booted.
"""

import argparse
import concurrent.futures
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import traceback

import machine as machines
import older_schema

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCE / "tests/runbook"))
import document  # noqa: E402
OLD = "0.0.9"
EDGE, GATEWAY = "edcsync-edge-agent", "edcsync-central-gateway"
SERVICES = (EDGE, GATEWAY)
EDGE_DATA, GATEWAY_DATA = "/var/lib/edcsync/edge-agent", "/var/lib/edcsync/central-gateway"
EDGE_BACKUPS = "/var/backups/edcsync/edge-agent"
GATEWAY_BACKUPS = "/var/backups/edcsync/central-gateway"
COMMANDS_MAX = 6
SECONDS_MAX = 600
PROCEDURES = set()  # Of the runbook, carried out by the cases below.


def project_version():
    line = next(line for line in (SOURCE / "CMakeLists.txt").read_text().splitlines()
                if line.startswith("project("))
    return line.split("VERSION ")[1].split()[0]


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def carries_out(procedure):
    PROCEDURES.add(procedure)
    return lambda case: case


class Typist:
    """Types a procedure of the runbook, one command after another, as it stands there but for NAMES
    IN CAPITALS."""

    def __init__(self, world, name, **names):
        self.machine = world.machine
        text = (SOURCE / "packaging/runbook.md").read_text()
        self.commands = document.read(text)[name].commands
        self.names = {"NEW": world.new, "amd64": world.architecture, **names}
        self.typed = []

    def type(self, starting_with):
        """Types the next command, which must begin so."""
        text = self._next(starting_with)
        self.typed.append(text)
        return self.machine.run(text, seconds=3600)

    def pass_over(self, starting_with):
        """The next command was typed at the centre already, and one machine is site and centre."""
        text = self._next(starting_with)
        expect(text in self.typed, f"`{text}` was not typed before")
        self.typed.append(text)

    def _next(self, starting_with):
        command = self.commands[len(self.typed)]
        text = re.sub(f"(?<![A-Za-z0-9])({'|'.join(self.names)})(?![A-Za-z0-9])",
                      lambda name: self.names[name[0]], command.text)
        expect(text.startswith(starting_with),
               f"line {command.line} of the runbook is `{text}`, not `{starting_with}`")
        return text

    def type_all(self):
        while len(self.typed) < len(self.commands):
            self.type("")

    def finish(self):
        expect(len(self.typed) == len(self.commands),
               f"never typed: {self.commands[len(self.typed):]}")


class World:
    def __init__(self, args):
        self.folder = args.cache
        self.new = project_version()
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            root = pool.submit(machines.bare_root, args.cache)  # Most of it waits for the mirror.
            debs = {version: pool.submit(self._build, args.programs, version)
                    for version in (OLD, self.new)}
            self.debs = {version: built.result() for version, built in debs.items()}
            root.result()
        built_s = time.monotonic() - began
        archive, self.download_s = machines.root_with_downloads(
            args.cache, list(self.debs[self.new].values()))
        self.machine = machines.Machine(archive, args.cache / "machine")
        print(f"packages and root made in {built_s:.0f} s, machine booted after "
              f"{time.monotonic() - began:.0f} s", flush=True)
        self.machine.run("printf '127.0.0.1 localhost sync.example.org\\n' >/etc/hosts")
        root = self.machine.root / "root"
        self.bring(OLD)
        # What a person answers when apt asks.
        (self.machine.root / "etc/apt/apt.conf.d/98yes").write_text(
            'APT::Get::Assume-Yes "true";\n')
        self.architecture = self.machine.says("dpkg --print-architecture")
        data = SOURCE / "tests/data/cdiscpilot"
        (root / "study.xml").write_bytes((data / "metadata.xml").read_bytes())
        self.form = (data / "site-702.ndjson").read_text().splitlines()[0]
        self.subject = json.loads(self.form)["subjectKey"]
        self.records = args.records
        self.submitted = 0

    def _build(self, programs, version):
        out = self.folder / f"debs-{version}"
        machines.run(str(SOURCE / "packaging/build-packages"), "--programs", str(programs),
                     "--version", version, "--out", str(out),
                     *(["--no-lintian"] if version == OLD else []), seconds=600)
        return {package: next(out.glob(f"{package}_{version}_*.deb")) for package in SERVICES}

    def bring(self, version):
        """Puts a release's packages where a person downloaded them to."""
        for file in self.debs[version].values():
            shutil.copy(file, self.machine.root / "root")

    def apt(self, version, packages=SERVICES):
        names = " ".join(f"./{self.debs[version][one].name}" for one in packages)
        return f"apt-get install -y {names}"

    def next_forms(self, count, file="form.ndjson"):
        """A file with so many more records, each of a subject of its own."""
        with open(self.machine.root / "root" / file, "w") as out:
            for number in range(self.submitted, self.submitted + count):
                out.write(self.form.replace(self.subject, f"01-702-{number:07d}") + "\n")
        self.submitted += count
        return file

    def next_form(self):
        return self.next_forms(1)

    def await_receipted(self):
        seconds = 180 + self.submitted // 500
        def all_receipted():
            text = self.machine.says("edge-agent status --json")
            status = json.loads(text) if text.startswith("{") else {}
            return status.get("captured") == self.submitted and status.get("waiting") == 0
        self.machine.await_that("everything captured is receipted", all_receipted, seconds)
        # A restored centre gets again what it forgot only with the next session.
        self.machine.await_that(
            f"the centre holds {self.submitted} records", lambda: json.loads(self.machine.run(
                "central-gateway status --json").stdout)["records"] == self.submitted, seconds)

    def await_active(self, service, but_pid="0"):
        self.machine.await_that(
            f"{service} runs", lambda: self.machine.is_active(service)
            and self.machine.property_of(service, "MainPID") != but_pid)


@carries_out("install")
def installing_starts_nothing_that_is_not_configured(world):
    """Installs the earlier release: the first of the six commands."""
    machine = world.machine
    world.next_form()
    world.install, world.began = Typist(world, "install"), time.monotonic()
    world.install.type("apt install")
    expect(machine.says("systemctl --failed --no-legend") == "", "a unit failed")
    for service in SERVICES:
        expect(machine.says(f"systemctl is-active {service}") == "inactive", f"{service} runs")
        expect(machine.says(f"systemctl is-enabled {service}") == "enabled", f"{service} not enabled")
        expect(machine.is_active(f"{service}.path"), f"{service}.path does not wait")
    expect(machine.says("systemctl is-active mosquitto") == "inactive", "mosquitto.service runs")
    expect(machine.says("systemctl is-enabled mosquitto") == "masked", "mosquitto.service may start")
    expect(listening(machine) == set(), f"ports are taken: {listening(machine)}")


def listening(machine):
    """Local TCP ports somebody listens on."""
    lines = machine.says("cat /proc/net/tcp /proc/net/tcp6").splitlines()
    rows = [line.split() for line in lines if ":" in line and "local" not in line]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}


def running(machine):
    """The names of the machine's processes (as ps says: 15 characters at most)."""
    return set(machine.says("cat /proc/[0-9]*/comm").split())


def six_commands_and_ten_minutes_lead_to_a_receipted_record(world):
    """From the bare root, gateway and site on one machine."""
    machine = world.machine
    install = world.install
    install.type("central-gateway init")
    install.type("central-gateway study import")
    install.names["TOKEN"] = install.type("central-gateway edge invite").stdout.split()[0]
    install.pass_over("apt install")
    world.await_active(GATEWAY)  # It was started by init; a person is slower.
    install.type("edge-agent enroll")
    # By itself: the service starts when its configuration is there.
    install.type("edge-agent submit")
    install.finish()
    world.await_receipted()
    took = time.monotonic() - world.began + world.download_s
    for service in SERVICES:
        world.await_active(service)
        machine.await_that(f"{service}.path has ended",
                           lambda name=service: not machine.is_active(f"{name}.path"))
    typed = dict.fromkeys(install.typed)  # On one machine both packages come by one command.
    print(f"{len(typed)} commands, {took:.0f} s, of them {world.download_s:.0f} s for apt's "
          "downloads when the root was prepared:")
    for command in typed:
        print(f"  {command}")
    expect(len(typed) <= COMMANDS_MAX, f"{len(typed)} commands were typed")
    expect(took < SECONDS_MAX, f"it took {took:.0f} s")


def services_run_as_their_own_users_and_root_leaves_no_file_behind(world):
    machine = world.machine
    for service, user, data in ((EDGE, "edcsync-edge", EDGE_DATA),
                                (GATEWAY, "edcsync-gateway", GATEWAY_DATA)):
        pid = machine.property_of(service, "MainPID")
        expect(machine.says(f"stat -c %U /proc/{pid}") == user, f"{service} is not {user}'s")
        expect(machine.says(f"stat -c %a {data}") == "700", f"{data} is open to others")
    machine.run("central-gateway user add nakato --full-name 'Rose Nakato' --role administrator")
    machine.run("central-gateway edge add tororo --site SITE.703 --out tororo")
    machine.run("central-gateway edge revoke tororo --reason 'Tried only'")
    machine.run("central-gateway check")
    machine.run("edge-agent check")
    for data, user in ((EDGE_DATA, "edcsync-edge"), (GATEWAY_DATA, "edcsync-gateway")):
        foreign = machine.says(f"find {data} ! -user {user}")
        expect(foreign == "", f"not {user}'s: {foreign}")
    mode = machine.says("stat -c '%a %U %G' /etc/edcsync/central-gateway.toml")
    expect(mode == "640 root edcsync-gateway", f"central-gateway.toml is {mode}")
    expect("mosquitto" in running(machine), "the gateway's Mosquitto does not run in its sandbox")


def the_sandbox_shuts_the_rest_of_the_machine_out(world):
    machine = world.machine
    for service, data in ((EDGE, EDGE_DATA), (GATEWAY, GATEWAY_DATA)):
        pid = machine.property_of(service, "MainPID")
        inside = f"nsenter --target {pid} --mount --root"
        expect(machine.run(f"{inside} touch /usr/x", check=False).returncode != 0, "/usr is open")
        expect(machine.run(f"{inside} touch /etc/edcsync/x", check=False).returncode != 0,
               "/etc/edcsync is open")
        expect(machine.run(f"{inside} ls {data}", check=False).returncode == 0, f"no {data}")
        status = dict(line.split(":\t", 1)
                      for line in machine.says(f"cat /proc/{pid}/status").splitlines())
        expect(status["NoNewPrivs"] == "1" and int(status["CapBnd"], 16) == 0
               and status["Seccomp"] == "2", f"{service}: {status}")


def a_killed_service_comes_back(world):
    machine = world.machine
    for service in SERVICES:
        pid = machine.property_of(service, "MainPID")
        machine.run(f"mkdir -p /run/systemd/system/{service}.service.d && printf "
                    f"'[Service]\\nRestartSec=1s\\n' >/run/systemd/system/{service}.service.d/x.conf "
                    "&& systemctl daemon-reload")
        machine.run(f"kill -KILL {pid}")
        world.await_active(service, but_pid=pid)
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    world.await_receipted()


def a_service_that_hangs_is_seen_by_its_watchdog(world):
    machine = world.machine
    for service in SERVICES:
        machine.run(f"printf '[Service]\\nRestartSec=1s\\nWatchdogSec=3s\\nTimeoutAbortSec=2s\\n' "
                    f">/run/systemd/system/{service}.service.d/x.conf && systemctl daemon-reload "
                    f"&& systemctl restart {service}")
        world.await_active(service)
        # It pings: three times the watchdog's time, and it is still the same process.
        pid = machine.property_of(service, "MainPID")
        began = machine.property_of(service, "WatchdogTimestampMonotonic")
        machine.await_that(
            f"{service} pings", lambda name=service, first=began:
            int(machine.property_of(name, "WatchdogTimestampMonotonic")) > int(first) + 9_000_000)
        expect(machine.property_of(service, "MainPID") == pid, f"{service} was restarted")
        machine.run(f"kill -STOP {pid}")
        world.await_active(service, but_pid=pid)
        expect("Watchdog timeout" in machine.says(f"journalctl -u {service} --no-pager"),
               "systemd restarted it for another reason")
        machine.run(f"rm -r /run/systemd/system/{service}.service.d && systemctl daemon-reload")
        machine.run(f"systemctl restart {service}")
        world.await_active(service)


@contextlib.contextmanager
def capturing(world):
    """Submits one record after another meanwhile, as a front end does that tries again until it is
    answered. Yields the list of how long each took, filled at the end."""
    answered_ms = []
    machine = world.machine
    count = 20_000
    world.next_forms(count, "while.ndjson")
    script = ("while read -r line && [ ! -e stop ]; do a=$(date +%s%3N); "
              "printf '%s\\n' \"$line\" | edge-agent submit --wait 600 >/dev/null || exit 1; "
              "echo $(($(date +%s%3N) - a)) >>answered; done <while.ndjson")
    machine.run("rm -f stop answered")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        loop = pool.submit(machine.run, script, 7200)
        machine.await_that("capturing begins", lambda: machine.says("wc -l <answered") not in ("", "0"))
        try:
            yield answered_ms
        finally:
            machine.run("touch stop")
        loop.result()
    answered_ms += map(int, machine.says("cat answered").split())
    world.submitted -= count - len(answered_ms)


class OlderSchema:
    """Takes the database of a service back to an earlier release's schema, once, between the end of
    the former program and the start of the next: what that finds is an earlier release's."""

    def __init__(self, world, service, database, schema):
        self.machine, self.service, self.schema = world.machine, service, schema
        self.database = self.machine.root / database.lstrip("/")
        self.seconds = None
        self.drop_in = f"/run/systemd/system/{service}.service.d"
        self.once, self.waits = f"/run/{service}.once", f"/run/{service}.waits"
        script = (f"[ ! -e {self.once} ] || {{ mv {self.once} {self.waits}; "
                  f"while [ -e {self.waits} ]; do sleep 0.02; done; }}")
        self.machine.run(f"touch {self.once} && mkdir -p {self.drop_in} && printf "
                         f"\"[Service]\\nExecStartPre=+/bin/sh -c '{script}'\\n\" "
                         f">{self.drop_in}/older.conf && systemctl daemon-reload")

    def take_back(self):
        self.machine.await_that(
            f"{self.service} stands between two releases", lambda: self.machine.run(
                f"test -e {self.waits}", check=False).returncode == 0, seconds=3600)
        began = time.monotonic()
        try:
            older_schema.take_back(self.database, self.schema)
        finally:  # What failed is told when the installation has ended, which waits for this.
            self.machine.run(f"rm {self.waits}")
        self.seconds = time.monotonic() - began

    def expect_migrated(self):
        self.machine.run(f"rm -r {self.drop_in} && systemctl daemon-reload")
        expect(older_schema.version(self.database) == older_schema.newest(self.schema),
               f"{self.database} was not migrated")
        lines = self.machine.says(f"journalctl -u {self.service} --no-pager")
        expect(lines.count("storage.migrated") >= older_schema.newest(self.schema) - self.schema[1],
               f"{self.service} tells of no migration")

    def restart_s(self):
        """From the former program's end to the service's readiness, without the taking back."""
        moment = [int(self.machine.property_of(self.service, f"{one}TimestampMonotonic")) / 1e6
                  for one in ("InactiveEnter", "ActiveEnter")]
        return moment[1] - moment[0] - self.seconds


@carries_out("upgrade")
def an_upgrade_from_an_older_schema_keeps_configuration_and_records_and_restarts(world):
    machine = world.machine
    for program in ("edge-agent", "central-gateway"):
        machine.run(f"printf '# A remark of ours.\\n' >>/etc/edcsync/{program}.toml")
    began = time.monotonic()
    machine.run(f"edge-agent submit --batch 500 {world.next_forms(world.records)} >submitted",
                seconds=7200)
    captured_s = time.monotonic() - began
    world.await_receipted()
    print(f"{world.records} records captured in {captured_s:.0f} s, receipted in "
          f"{time.monotonic() - began:.0f} s", flush=True)
    before = machine.says("sha256sum /etc/edcsync/*; stat -c '%a %U %G' /etc/edcsync/*")
    pids = {one: machine.property_of(one, "MainPID") for one in SERVICES}
    # What waits for the centre goes over the upgrade, too.
    machine.run(f"systemctl stop {GATEWAY}")
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    machine.run(f"systemctl start {GATEWAY}")
    pids[GATEWAY] = machine.property_of(GATEWAY, "MainPID")
    world.bring(world.new)
    older = {EDGE: OlderSchema(world, EDGE, f"{EDGE_DATA}/edge.db", older_schema.EDGE),
             GATEWAY: OlderSchema(world, GATEWAY, f"{GATEWAY_DATA}/central.db",
                                  older_schema.CENTRE)}
    upgrade = Typist(world, "upgrade")
    with capturing(world) as answered_ms, concurrent.futures.ThreadPoolExecutor(1) as pool:
        for service, program in ((GATEWAY, "central-gateway"), (EDGE, "edge-agent")):
            began = time.monotonic()
            upgrade.type(f"{program} backup")
            taken_back = pool.submit(older[service].take_back)
            backed_up_s = time.monotonic() - began
            upgrade.type("apt install")
            taken_back.result()
            world.await_active(service, but_pid=pids[service])
            upgrade.type(f"{program} status")
            print(f"{service}: backed up in {backed_up_s:.1f} s; restarted, migrations included, "
                  f"in {older[service].restart_s():.1f} s (without {older[service].seconds:.1f} s "
                  "to make it an older one)", flush=True)
    upgrade.finish()
    print(f"{len(answered_ms)} records captured during the upgrade, {world.submitted} in all; the "
          f"longest took {max(answered_ms)} ms to be answered", flush=True)
    for one in SERVICES:
        expect(machine.says(f"dpkg-query -W -f '${{Version}}' {one}") == world.new, "not upgraded")
        expect(machine.property_of(one, "MainPID") != pids[one], f"{one} is the former program")
        older[one].expect_migrated()
    expect(machine.says("sha256sum /etc/edcsync/*; stat -c '%a %U %G' /etc/edcsync/*") == before,
           "the configuration has changed")
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    world.await_receipted()
    machine.run("central-gateway check", seconds=3600)
    machine.run("edge-agent check", seconds=3600)
    expect(machine.says("systemctl --failed --no-legend") == "", "a unit failed")
    machine.run("rm -f form.ndjson while.ndjson submitted")


@carries_out("key-credential")
def the_key_encryption_key_comes_from_a_systemd_credential(world):
    machine = world.machine
    procedure = Typist(world, "key-credential")
    procedure.type_all()
    procedure.finish()
    for service, program, data, file in ((EDGE, "edge-agent", EDGE_DATA, "edge.key"),
                                         (GATEWAY, "central-gateway", GATEWAY_DATA, "central.key")):
        # The database opens with nothing but the credential.
        machine.run(f"mkdir -p away && mv {data}/{file} away/")
        machine.run(f"systemctl restart {service}")
        world.await_active(service)
        status = json.loads(machine.says(f"{program} key status --json"))
        expect(status["source"] == status["chosenSource"] == "credential", f"{program}: {status}")
        machine.run(f"{program} check", seconds=3600)
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    world.await_receipted()


def a_lost_credential_ends_the_service_once_and_names_it(world):
    machine = world.machine
    for service, name in ((EDGE, "edge-key"), (GATEWAY, "central-key")):
        stored = f"/etc/credstore.encrypted/{name}"
        machine.run(f"mv {stored} away/ && systemctl restart {service}", check=False)
        machine.await_that(
            f"{service} has failed",
            lambda one=service: machine.says(f"systemctl is-failed {one}") == "failed")
        expect(machine.property_of(service, "NRestarts") == "0", "it is tried again and again")
        said = machine.says(f"journalctl -u {service} -n 30 --no-pager")
        expect("there is no credential" in said and f"LoadCredentialEncrypted={name}" in said,
               f"the journal says not why: {said}")
        machine.run(f"mv away/{name} {stored} && systemctl start {service}")
        world.await_active(service)
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    world.await_receipted()


def the_nightly_backup_is_verified_before_an_older_one_goes(world):
    machine = world.machine
    for service, folder, user, file in (
            (EDGE, EDGE_BACKUPS, "edcsync-edge", "/etc/edcsync/edge-agent.toml"),
            (GATEWAY, GATEWAY_BACKUPS, "edcsync-gateway", "/etc/edcsync/central-gateway.toml")):
        backup = f"{service}-backup"
        expect(machine.is_active(f"{backup}.timer"), f"{backup}.timer does not wait")
        expect(machine.says(f"systemctl is-enabled {backup}.timer") == "enabled", "not enabled")
        machine.run(f"mkdir -p /run/systemd/system/{backup}.service.d && printf "
                    f"'[Service]\\nEnvironment=KEEP=2\\n' "
                    f">/run/systemd/system/{backup}.service.d/x.conf && systemctl daemon-reload")
        made = machine.says(f"ls {folder}").split()
        expect(len(made) == 1, f"the upgrade's backup is not there alone: {made}")
        for _ in range(2):
            time.sleep(1.1)  # Their names tell seconds.
            machine.run(f"systemctl start {backup}", seconds=3600)
            made += [one for one in machine.says(f"ls {folder}").split() if one not in made]
        expect(len(made) == 3 and machine.says(f"ls {folder}").split() == made[1:],
               f"made {made}, left {machine.says(f'ls {folder}')}")
        expect(set(machine.says(f"stat -c '%U %a' {folder}/*").splitlines()) == {f"{user} 600"},
               "a backup is open to others")
        # No room: nothing is made, nothing goes, and whoever looks sees it.
        machine.run(f"cp -a {file} saved && "
                    f"printf '\\n[guards]\\ndisk_warn_mib = 1073741824\\n' >>{file}")
        expect(machine.run(f"systemctl start {backup}", check=False).returncode != 0,
               "a backup was made though the disk is low")
        expect("No backup is made" in machine.says(f"journalctl -u {backup} -n 20 --no-pager"),
               "the journal says not why")
        expect(machine.says(f"ls {folder}").split() == made[1:], "a backup has gone")
        machine.run(f"cp -a saved {file} && systemctl reset-failed {backup} && "
                    f"rm -r /run/systemd/system/{backup}.service.d && systemctl daemon-reload")


def what_root_backs_up_and_restores_the_services_can_use(world):
    machine = world.machine
    central = "/var/backups/edcsync/central-gateway/central.db"
    machine.run("edge-agent backup /var/backups/edcsync/edge-agent/edge.db")
    machine.run(f"central-gateway backup {central}")
    for file, user in ((central, "edcsync-gateway"),
                       ("/var/backups/edcsync/edge-agent/edge.db", "edcsync-edge")):
        expect(machine.says(f"stat -c '%U %a' {file}") == f"{user} 600", f"{file} is open")
    # Captured after the backup: the site has it, and sends it again.
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    world.await_receipted()
    # The key is a credential: a command has it while the service is stopped, too.
    machine.run(f"systemctl stop {GATEWAY} && systemd-run --pipe --wait "
                f"-p LoadCredentialEncrypted=central-key central-gateway restore {central}")
    foreign = machine.says(f"find {GATEWAY_DATA} ! -user edcsync-gateway")
    expect(foreign == "", f"not the service's: {foreign}")
    machine.run(f"systemctl start {GATEWAY}")
    world.await_receipted()
    machine.run("central-gateway check")


def a_stopped_service_stays_stopped_whatever_is_written(world):
    machine = world.machine
    for service, program in ((EDGE, "edge-agent"), (GATEWAY, "central-gateway")):
        machine.run(f"systemctl stop {service}")
        machine.run(f"printf '# Another remark.\\n' >>/etc/edcsync/{program}.toml")
        expect(not machine.is_active(f"{service}.path"), f"{service}.path waits still")
        expect(not machine.is_active(service), f"{service} was started by a change")
        machine.run(f"systemctl start {service}")


def a_wrong_configuration_ends_the_service_once_and_names_the_line(world):
    machine = world.machine
    for service, program in ((EDGE, "edge-agent"), (GATEWAY, "central-gateway")):
        file = f"/etc/edcsync/{program}.toml"
        machine.run(f"cp -a {file} saved && sed -i 's/^port = 8883/port = 70000/' {file}")
        line = machine.says(f"grep -n '^port = 70000' {file} | cut -d: -f1")
        machine.run(f"systemctl restart {service}", check=False)
        machine.await_that(f"{service} has failed",
                           lambda name=service: machine.says(f"systemctl is-failed {name}") == "failed")
        expect(machine.property_of(service, "ExecMainStatus") == "2", "exit code is not 2")
        expect(machine.property_of(service, "NRestarts") == "0", "it is tried again and again")
        told = f"{file} line {line}: port must be a whole number from 1 to 65535"
        expect(told in machine.says(f"journalctl -u {service} --no-pager"), "the journal says not why")
        checked = machine.run(f"{program} --check-config", check=False)
        expect(checked.returncode == 2 and told in checked.stderr, checked.stderr)
        machine.run(f"cp -a saved {file} && {program} run --check-config")
        machine.run(f"systemctl start {service}")
    world.await_receipted()


def after_a_boot_the_services_run_again(world):
    machine = world.machine
    machine.shut_down()
    machine.boot()
    for service in SERVICES:
        world.await_active(service)
        expect(not machine.is_active(f"{service}.path"), f"{service}.path waits still")
    expect(machine.says("systemctl --failed --no-legend") == "", "a unit failed")
    world.await_receipted()


@carries_out("remove")
def removing_keeps_data_and_configuration(world):
    machine = world.machine
    before = machine.says("sha256sum /etc/edcsync/*")
    world.remove = Typist(world, "remove")
    world.remove.type(f"apt remove {EDGE}")
    world.remove.type(f"apt remove {GATEWAY}")
    left = running(machine) & {"edge-agent", "central-gateway", "mosquitto"}
    expect(left == set(), f"{left} runs on")
    expect(machine.says("systemctl list-timers --no-legend 'edcsync*'") == "", "a timer waits on")
    expect(machine.says("sha256sum /etc/edcsync/*") == before, "the configuration is gone")
    expect(machine.says("systemctl is-enabled mosquitto") != "masked", "mosquitto stays masked")
    machine.run(world.apt(world.new), seconds=300)
    for service in SERVICES:
        world.await_active(service)
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    world.await_receipted()


def purging_never_deletes_clinical_records(world):
    machine = world.machine
    # Without a gateway this one waits: it is nowhere but in the site's database.
    machine.run(f"systemctl stop {GATEWAY}")
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    backups = machine.says("find /var/backups/edcsync -type f")
    said = [world.remove.type(f"apt purge {one}") for one in SERVICES]
    said = "".join(one.stdout + one.stderr for one in said)
    for data, database, program in ((EDGE_DATA, "edge.db", "edge-agent"),
                                    (GATEWAY_DATA, "central.db", "central-gateway")):
        expect(f"{data} is KEPT" in said, "the purge says not what it keeps")
        expect(machine.run(f"test -s {data}/{database}", check=False).returncode == 0,
               f"{data}/{database} is gone")
        expect(machine.run(f"test -e /etc/edcsync/{program}.toml", check=False).returncode != 0,
               "the configuration is still there")
    expect(backups and machine.says("find /var/backups/edcsync -type f") == backups,
           "backups have gone")
    # And what was kept can be used: the configuration went beside it.
    world.remove.type_all()
    for service in SERVICES:
        world.await_active(service)
    world.await_receipted()


def purging_what_was_never_used_leaves_nothing(world):
    machine = world.machine
    machine.run(f"apt-get purge -y {EDGE} {GATEWAY}")
    machine.run(f"rm -r {EDGE_DATA} {GATEWAY_DATA}")  # As the purge says.
    machine.run("rm -rf /var/backups/edcsync")  # Those of a test before: a purge keeps backups.
    machine.run(world.apt(world.new), seconds=300)
    machine.run(f"apt-get purge -y {EDGE} {GATEWAY}")
    left = machine.says("ls -d /etc/edcsync /var/lib/edcsync /var/backups/edcsync 2>/dev/null")
    expect(left == "", f"left: {left}")


CASES = (
    installing_starts_nothing_that_is_not_configured,
    six_commands_and_ten_minutes_lead_to_a_receipted_record,
    services_run_as_their_own_users_and_root_leaves_no_file_behind,
    the_sandbox_shuts_the_rest_of_the_machine_out,
    a_killed_service_comes_back,
    a_service_that_hangs_is_seen_by_its_watchdog,
    an_upgrade_from_an_older_schema_keeps_configuration_and_records_and_restarts,
    the_key_encryption_key_comes_from_a_systemd_credential,
    a_lost_credential_ends_the_service_once_and_names_it,
    the_nightly_backup_is_verified_before_an_older_one_goes,
    what_root_backs_up_and_restores_the_services_can_use,
    a_stopped_service_stays_stopped_whatever_is_written,
    a_wrong_configuration_ends_the_service_once_and_names_the_line,
    after_a_boot_the_services_run_again,
    removing_keeps_data_and_configuration,
    purging_never_deletes_clinical_records,
    purging_what_was_never_used_leaves_nothing,
)


def run_case(case, world):
    name = "Packages." + "".join(word.capitalize() for word in case.__name__.split("_"))
    print(f"[ RUN      ] {name}", flush=True)
    began = time.monotonic()
    try:
        case(world)
        outcome = "      OK"
    except (AssertionError, RuntimeError, subprocess.TimeoutExpired):
        traceback.print_exc(file=sys.stdout)
        print(world.machine.says("journalctl -n 60 --no-pager"))
        outcome = " FAILED "
    print(f"[ {outcome} ] {name} ({(time.monotonic() - began) * 1000:.0f} ms)", flush=True)
    return outcome != " FAILED "


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--records", type=int, default=5000, help="captured before the upgrade")
    args = parser.parse_args()
    args.cache = args.cache.resolve()
    args.programs = args.programs.resolve()
    try:
        machines.check_possible()
        world = World(args)
    except machines.NotPossible as reason:
        print("[ RUN      ] Packages.OnACleanDebian12")
        print(f"skipped: {reason}")
        print("[  SKIPPED ] Packages.OnACleanDebian12 (0 ms)")
        return 0
    try:
        # Each goes on where the one before ended.
        failed = next((case for case in CASES if not run_case(case, world)), None)
    finally:
        world.machine.stop()
    return 0 if failed is None else 1


if __name__ == "__main__":
    sys.exit(main())
