"""The key-encryption key: rotated, moved, lost; a token's PIN."""

import pathlib
import shutil
import subprocess

from registry import procedure

LIBRARY = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "273581"


def delivered(world, count):
    world.make().start_both()
    world.capture(world.lines[:count])
    world.wait_delivered()


def opens_with(world, machine, key_file):
    """Whether a copy of the database opens with that key file alone."""
    folder = {"site": world.site / "data", "centre": world.gateway}[machine]
    name = {"site": "edge", "centre": "central"}[machine]
    copy = world.folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    shutil.copy(world.config(machine), copy)
    if machine == "site":
        for file in world.site.iterdir():
            if file.is_file():
                shutil.copy(file, copy)
        (copy / "data").mkdir()
    else:
        shutil.copytree(world.gateway / "pki", copy / "pki")
    there = copy / "data" if machine == "site" else copy
    for suffix in ("", "-wal", "-shm"):
        if (folder / f"{name}.db{suffix}").exists():
            shutil.copy(folder / f"{name}.db{suffix}", there)
    shutil.copy(key_file, there / f"{name}.key")
    program = {"site": "edge-agent", "centre": "central-gateway"}[machine]
    done = world.shell(machine, f"{program} --dir {copy} check")
    world.expect(done.returncode == 0 or "key_wrong" in done.stderr, done.stdout + done.stderr)
    return done.returncode == 0


@procedure("key-rotate")
def _(world):
    delivered(world, 5)
    world.edge("backup", world.backups / "before.db")
    world.run_next("edge-agent key status")
    before = {"site": world.edge_json("key", "status"),
              "centre": world.centre_json("key", "status")}
    world.run_next("edge-agent key rotate")
    world.capture(world.lines[5:10])
    world.run_next("edge-agent backup")
    world.run_next("central-gateway key rotate")
    world.run_next("central-gateway key status")
    world.run_next("central-gateway backup")
    world.capture(world.lines[10:15])
    world.expect_the_same_at_both(15)
    world.expect("reason=Yearly rotation" in world.audit("key.rotated")[-1], "it is audited")
    world.stop("site")
    world.stop("centre")
    for machine, folder, name in (("site", world.site / "data", "edge"),
                                  ("centre", world.gateway, "central")):
        former = folder / f"{name}.key.{before[machine]['keyId']}"
        world.expect(opens_with(world, machine, folder / f"{name}.key"), f"{name}: the new opens")
        world.expect(not opens_with(world, machine, former), f"{name}: the former does not")
    # Backups: each with the key of its time.
    former = world.site / "data" / f"edge.key.{before['site']['keyId']}"
    former.rename(world.safe / "former.key")
    newest = next(world.backups.rglob("edge-kisumu-*.db"))
    refused = world.shell("site", f"edge-agent restore {world.backups}/before.db")
    world.expect(refused.returncode != 0 and "key" in refused.stderr,
                 f"a backup of before needs the former key: {refused.stdout}{refused.stderr}")
    (world.safe / "former.key").rename(former)
    world.edge("restore", world.backups / "before.db")
    former.unlink()
    world.edge("restore", newest)


def with_token(world):
    folder = world.folder / "token"
    (folder / "tokens").mkdir(parents=True)
    conf = folder / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n"
                    "log.level = ERROR\n")
    world.environment["SOFTHSM2_CONF"] = str(conf)
    if not pathlib.Path(LIBRARY).exists():
        raise FileNotFoundError(f"{LIBRARY}: packaging/install-packages test")
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "trial", "--so-pin",
                    "8643571", "--pin", PIN], check=True, capture_output=True,
                   env={"PATH": "/usr/bin:/bin", **world.environment})
    write_pin(world, PIN)


def write_pin(world, pin):
    (world.safe / "pin").touch(0o600)
    (world.safe / "pin").write_text(pin + "\n")


@procedure("key-to-token")
def _(world):
    with_token(world)
    delivered(world, 5)
    world.write_next_settings("centre")
    world.run_next("central-gateway key rotate")
    world.capture(world.lines[5:10])
    world.write_next_settings("centre")
    world.run_next("systemctl restart")
    world.run_next("central-gateway key status")
    world.stop("centre")
    for file in world.gateway.glob("central.key*"):
        file.unlink()
    world.start("centre")
    world.expect_the_same_at_both(10)


@procedure("key-pin")
def _(world):
    with_token(world)
    delivered(world, 5)
    world.configure("centre", "[keys]", f'pkcs11_module = "{LIBRARY}"', 'pkcs11_token = "trial"',
                    f'pkcs11_pin_file = "{world.safe}/pin"')
    world.centre("key", "rotate", "--to", "pkcs11")
    world.configure("centre", 'source = "pkcs11"')
    world.stop("centre")
    write_pin(world, "999999")
    started = world.shell("centre", "systemctl start edcsync-central-gateway")
    world.expect(started.returncode == 1 and "pin" in started.stderr, started.stderr)
    world.run_next("central-gateway key status", exit_code=1)
    write_pin(world, PIN)
    world.run_next("central-gateway key status --try-pin")
    world.run_next("systemctl start")
    world.capture(world.lines[5:10])
    world.expect_the_same_at_both(10)


@procedure("key-lost")
def _(world):
    delivered(world, 5)
    world.centre("backup", world.backups / "full", "--full", "--keys", world.safe / "keys")
    wanted = world.centre_json("key", "status")["keyId"]
    world.stop("centre")
    key, database = world.gateway / "central.key", world.gateway / "central.db"
    key.unlink()
    before = database.read_bytes()
    world.run_next("systemctl start", exit_code=1)
    world.run_next("journalctl")
    said = world.run_next("central-gateway key status", exit_code=1)
    world.expect(wanted in said and str(key) in said, f"which key, and where: {said}")
    world.expect(not key.exists() and database.read_bytes() == before,
                 "nothing was made or altered")
    world.centre("key", "generate", key)  # Another one.
    wrong = world.shell("centre", "central-gateway key status")
    world.expect(wrong.returncode == 1 and "key_wrong" in wrong.stderr and wanted in wrong.stderr,
                 wrong.stderr)
    world.run_next("install")
    world.run_next("systemctl start")
    world.run_next("central-gateway key status")
    world.capture(world.lines[5:10])
    world.expect_the_same_at_both(10)
