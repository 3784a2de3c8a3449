"""The packages on a clean Debian 12, with its own systemd: installed, configured, upgraded, broken,
removed and purged, by the commands that a person types, with services started as they would be.

    packages_test.py --programs build/release --cache build/packages/cache

Builds the packages twice from the programs given (the earlier one under a lower version). Says a
line per case as GoogleTest does; one line SKIPPED, with the reason, where a machine cannot be booted.
"""

import argparse
import concurrent.futures
import contextlib
import json
import pathlib
import subprocess
import sys
import time
import traceback

import machine as machines

SOURCE = pathlib.Path(__file__).resolve().parents[2]
OLD = "0.0.9"
EDGE, GATEWAY = "edcsync-edge-agent", "edcsync-central-gateway"
SERVICES = (EDGE, GATEWAY)
EDGE_DATA, GATEWAY_DATA = "/var/lib/edcsync/edge-agent", "/var/lib/edcsync/central-gateway"
COMMANDS_MAX = 6
SECONDS_MAX = 600


def project_version():
    line = next(line for line in (SOURCE / "CMakeLists.txt").read_text().splitlines()
                if line.startswith("project("))
    return line.split("VERSION ")[1].split()[0]


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


class World:
    def __init__(self, args):
        self.folder = args.cache
        self.new = project_version()
        self.debs = {version: self._build(args.programs, version) for version in (OLD, self.new)}
        archive, self.download_s = machines.root_with_downloads(
            args.cache, list(self.debs[self.new].values()))
        self.machine = machines.Machine(archive, args.cache / "machine")
        self.machine.run("printf '127.0.0.1 localhost sync.example.org\\n' >/etc/hosts")
        root = self.machine.root / "root"
        for debs in self.debs.values():
            for file in debs.values():
                (root / file.name).write_bytes(file.read_bytes())
        data = SOURCE / "tests/data/cdiscpilot"
        (root / "study.xml").write_bytes((data / "metadata.xml").read_bytes())
        self.form = (data / "site-702.ndjson").read_text().splitlines()[0]
        self.subject = json.loads(self.form)["subjectKey"]
        self.records = args.records
        self.submitted = 0

    def _build(self, programs, version):
        out = self.folder / f"debs-{version}"
        machines.run(str(SOURCE / "packaging/build-packages"), "--programs", str(programs),
                     "--version", version, "--out", str(out), seconds=600)
        return {package: next(out.glob(f"{package}_{version}_*.deb")) for package in SERVICES}

    def apt(self, version, packages=SERVICES):
        names = " ".join(f"./{self.debs[version][one].name}" for one in packages)
        return f"apt-get install -y {names}"

    def next_forms(self, count, file="form.ndjson"):
        """A file with so many more records, each of a subject of its own."""
        numbers = range(self.submitted, self.submitted + count)
        (self.machine.root / "root" / file).write_text("".join(
            self.form.replace(self.subject, f"01-702-{number:07d}") + "\n" for number in numbers))
        self.submitted += count
        return file

    def next_form(self):
        return self.next_forms(1)

    def await_receipted(self):
        def all_receipted():
            text = self.machine.says("edge-agent status --json")
            status = json.loads(text) if text.startswith("{") else {}
            return status.get("captured") == self.submitted and status.get("waiting") == 0
        self.machine.await_that("everything captured is receipted", all_receipted, seconds=180)
        # A restored centre gets again what it forgot only with the next session.
        self.machine.await_that(
            f"the centre holds {self.submitted} records", lambda: json.loads(self.machine.run(
                "central-gateway status --json").stdout)["records"] == self.submitted, seconds=180)

    def await_active(self, service, but_pid="0"):
        self.machine.await_that(
            f"{service} runs", lambda: self.machine.is_active(service)
            and self.machine.property_of(service, "MainPID") != but_pid)


def installing_starts_nothing_that_is_not_configured(world):
    """Installs the earlier release; its first command is one of the six."""
    machine = world.machine
    world.typed, world.began = [], time.monotonic()
    type_(world, world.apt(OLD))
    expect(machine.says("systemctl --failed --no-legend") == "", "a unit failed")
    for service in SERVICES:
        expect(machine.says(f"systemctl is-active {service}") == "inactive", f"{service} runs")
        expect(machine.says(f"systemctl is-enabled {service}") == "enabled", f"{service} not enabled")
        expect(machine.is_active(f"{service}.path"), f"{service}.path does not wait")
    expect(machine.says("systemctl is-active mosquitto") == "inactive", "mosquitto.service runs")
    expect(machine.says("systemctl is-enabled mosquitto") == "masked", "mosquitto.service may start")
    expect(listening(machine) == set(), f"ports are taken: {listening(machine)}")


def type_(world, command):
    """A command that a person types; counted."""
    world.typed.append(command)
    return world.machine.run(command, seconds=300)


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
    type_(world, "central-gateway init --broker-host sync.example.org --broker-address 0.0.0.0")
    type_(world, "central-gateway study import study.xml")
    token = type_(world, "central-gateway edge invite kisumu --site SITE.702").stdout.split()[0]
    world.await_active(GATEWAY)  # It was started by init; a person is slower.
    type_(world, f"edge-agent enroll {token}")
    # By itself: the service starts when its configuration is there.
    type_(world, f"edge-agent submit --wait 60 {world.next_form()}")
    world.await_receipted()
    took = time.monotonic() - world.began + world.download_s
    for service in SERVICES:
        world.await_active(service)
        machine.await_that(f"{service}.path has ended",
                           lambda name=service: not machine.is_active(f"{name}.path"))
    print(f"{len(world.typed)} commands, {took:.0f} s, of them {world.download_s:.0f} s for apt's "
          "downloads when the root was prepared:")
    for command in world.typed:
        print(f"  {command}")
    expect(len(world.typed) <= COMMANDS_MAX, f"{len(world.typed)} commands were typed")
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
    count = 2000
    world.next_forms(count, "while.ndjson")
    script = ("while read -r line && [ ! -e stop ]; do a=$(date +%s%3N); "
              "printf '%s\\n' \"$line\" | edge-agent submit --wait 600 >/dev/null || exit 1; "
              "echo $(($(date +%s%3N) - a)) >>answered; done <while.ndjson")
    machine.run("rm -f stop answered")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        loop = pool.submit(machine.run, script, 900)
        machine.await_that("capturing begins", lambda: machine.says("wc -l <answered") not in ("", "0"))
        yield answered_ms
        machine.run("touch stop")
        loop.result()
    answered_ms += map(int, machine.says("cat answered").split())
    world.submitted -= count - len(answered_ms)


def an_upgrade_keeps_configuration_and_records_and_restarts_the_services(world):
    machine = world.machine
    for program in ("edge-agent", "central-gateway"):
        machine.run(f"printf '# A remark of ours.\\n' >>/etc/edcsync/{program}.toml")
    machine.run(f"edge-agent submit --batch 500 {world.next_forms(world.records)}", seconds=3600)
    world.await_receipted()
    before = machine.says("sha256sum /etc/edcsync/*; stat -c '%a %U %G' /etc/edcsync/*")
    pids = {one: machine.property_of(one, "MainPID") for one in SERVICES}
    # What waits for the centre goes over the upgrade, too.
    machine.run(f"systemctl stop {GATEWAY}")
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    machine.run(f"systemctl start {GATEWAY}")
    pids[GATEWAY] = machine.property_of(GATEWAY, "MainPID")
    with capturing(world) as answered_ms:
        machine.run(world.apt(world.new), seconds=300)
    print(f"{len(answered_ms)} records captured during the upgrade, {world.submitted} in all; the "
          f"longest took {max(answered_ms)} ms to be answered")
    for one in SERVICES:
        expect(machine.says(f"dpkg-query -W -f '${{Version}}' {one}") == world.new, "not upgraded")
        world.await_active(one, but_pid=pids[one])
    expect(machine.says("sha256sum /etc/edcsync/*; stat -c '%a %U %G' /etc/edcsync/*") == before,
           "the configuration has changed")
    machine.run(f"edge-agent submit --wait 60 {world.next_form()}")
    world.await_receipted()
    machine.run("central-gateway check")
    expect(machine.says("systemctl --failed --no-legend") == "", "a unit failed")


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
    machine.run(f"systemctl stop {GATEWAY} && central-gateway restore {central}")
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


def removing_keeps_data_and_configuration(world):
    machine = world.machine
    before = machine.says("sha256sum /etc/edcsync/*")
    machine.run(f"apt-get remove -y {EDGE} {GATEWAY}")
    left = running(machine) & {"edge-agent", "central-gateway", "mosquitto"}
    expect(left == set(), f"{left} runs on")
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
    said = machine.run(f"apt-get purge -y {EDGE} {GATEWAY}")
    said = said.stdout + said.stderr
    for data, database, program in ((EDGE_DATA, "edge.db", "edge-agent"),
                                    (GATEWAY_DATA, "central.db", "central-gateway")):
        expect(f"{data} is KEPT" in said, "the purge says not what it keeps")
        expect(machine.run(f"test -s {data}/{database}", check=False).returncode == 0,
               f"{data}/{database} is gone")
        expect(machine.run(f"test -e /etc/edcsync/{program}.toml", check=False).returncode != 0,
               "the configuration is still there")
    # And what was kept can be used: the configuration went beside it.
    machine.run(world.apt(world.new), seconds=300)
    for data, program in ((EDGE_DATA, "edge-agent"), (GATEWAY_DATA, "central-gateway")):
        machine.run(f"mv {data}/{program}.toml.purged /etc/edcsync/{program}.toml.new && "
                    f"chgrp $(stat -c %G {data}) /etc/edcsync/{program}.toml.new && "
                    f"chmod 0640 /etc/edcsync/{program}.toml.new && "
                    f"mv /etc/edcsync/{program}.toml.new /etc/edcsync/{program}.toml")
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
    an_upgrade_keeps_configuration_and_records_and_restarts_the_services,
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
