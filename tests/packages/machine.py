"""A Debian 12 machine of its own: a root made by mmdebstrap, booted with its own systemd by
systemd-nspawn, with a network of its own (loopback only). What the packages depend on has been
downloaded into it beforehand, so that apt works there as at a site with a mirror.

Roots are kept as archives below a cache folder: the bare one for a week, the one with downloads
for each list of dependencies.
"""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

MIRROR = "http://deb.debian.org/debian"
SOURCES = [MIRROR, f"deb {MIRROR} bookworm-updates main",
           "deb http://deb.debian.org/debian-security bookworm-security main"]
BARE = "systemd,systemd-sysv,dbus,ca-certificates"  # Besides what is essential, and apt.
WEEK_S = 7 * 24 * 3600
MAKE_S_MAX = 900
BOOT_S_MAX = 90
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")


class NotPossible(Exception):
    """This machine cannot do it; the reason is for a person."""


def run(*command, seconds=120, check=True, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False,
                          **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n"
                           f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def check_possible():
    if os.geteuid() != 0:
        raise NotPossible("needs root: it boots a machine of its own")
    for program in ("systemd-nspawn", "mmdebstrap", "nsenter", "tar"):
        if shutil.which(program) is None:
            raise NotPossible(f"needs {program}: packaging/install-packages build test ci")
    if not os.path.isdir("/sys/fs/cgroup"):
        raise NotPossible("there are no control groups on this machine")


def bare_root(cache):
    """Returns the archive of a bare Debian 12, made if there is none of this week."""
    cache.mkdir(parents=True, exist_ok=True)
    archive = cache / "debian12.tar"
    if archive.exists() and time.time() - archive.stat().st_mtime < WEEK_S:
        return archive
    fresh = cache / "debian12.new.tar"
    try:
        run("mmdebstrap", "--variant=minbase", f"--include={BARE}", "bookworm", str(fresh),
            *SOURCES, seconds=MAKE_S_MAX)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        fresh.unlink(missing_ok=True)
        if archive.exists():
            return archive  # An older one does where the mirror is away.
        raise NotPossible(f"a Debian 12 root cannot be made here: {error}") from error
    fresh.rename(archive)
    return archive


def root_with_downloads(cache, packages):
    """Returns (archive, seconds): the bare root, with what `packages` depend on downloaded but not
    installed, and how long the download took when it was made."""
    bare = bare_root(cache)
    fields = [run("dpkg-deb", "-f", str(one), "Depends", "Recommends").stdout for one in packages]
    key = hashlib.sha256("".join([str(bare.stat().st_mtime), *fields]).encode()).hexdigest()[:16]
    archive, took = cache / f"with-downloads-{key}.tar", cache / f"with-downloads-{key}.seconds"
    if archive.exists() and took.exists():
        return archive, float(took.read_text())
    for old in cache.glob("with-downloads-*"):
        old.unlink()
    root = cache / "downloads"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    try:
        run("tar", "-xf", str(bare), "-C", str(root))
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        (root / "etc/apt/apt.conf.d/99keep").write_text(
            'Binary::apt::APT::Keep-Downloaded-Packages "true";\n')
        for one in packages:
            shutil.copy(one, root / "root")
        names = [f"/root/{one.name}" for one in packages]
        began = time.monotonic()
        run("chroot", str(root), "apt-get", "-q", "update", seconds=300)
        run("chroot", str(root), "apt-get", "-q", "-y", "--download-only", "install", *names,
            seconds=MAKE_S_MAX)
        seconds = time.monotonic() - began
        for one in packages:
            (root / "root" / one.name).unlink()
        run("tar", "-cf", f"{archive}.new", "-C", str(root), ".", seconds=300)
        took.write_text(f"{seconds:.1f}\n")
        pathlib.Path(f"{archive}.new").rename(archive)
        return archive, seconds
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        raise NotPossible(f"the packages' dependencies cannot be downloaded: {error}") from error
    finally:
        shutil.rmtree(root, ignore_errors=True)


class Machine:
    """Booted; `run` runs a command in it as root."""

    def __init__(self, archive, folder):
        self.root = pathlib.Path(folder)
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        run("tar", "-xf", str(archive), "-C", str(self.root))
        (self.root / "etc/hostname").write_text("bare\n")
        self.boot()

    def boot(self):
        self.log = open(self.root.parent / "boot.log", "w")
        # --register=no, --keep-unit: there need not be a systemd outside.
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--directory", str(self.root), "--boot",
             "--private-network", "--register=no", "--keep-unit", "--console=pipe",
             "--machine=edcsync-test"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            start_new_session=True)
        try:
            self.init = self._await_init()
        except NotPossible:
            self.stop()
            raise

    def _await_init(self):
        end = time.monotonic() + BOOT_S_MAX
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise NotPossible("systemd-nspawn does not boot here: "
                                  + (self.root.parent / "boot.log").read_text()[-500:])
            for child in children.read_text().split():
                self.init = child
                state = self.run("systemctl is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return child
            time.sleep(0.2)
        raise NotPossible(f"systemd did not come up within {BOOT_S_MAX} s")

    def run(self, command, seconds=180, check=True):
        return run("nsenter", "--target", self.init, *NAMESPACES, "/usr/bin/env", "-i",
                   "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "/bin/sh", "-c",
                   f"cd /root && {command}", seconds=seconds, check=check)

    def says(self, command):
        """The command's output, trimmed, whatever its exit code."""
        return self.run(command, check=False).stdout.strip()

    def await_that(self, what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s in vain: {what}\n"
                                     + self.says("journalctl -n 40 --no-pager"))
            time.sleep(0.1)

    def property_of(self, unit, name):
        return self.says(f"systemctl show -P {name} {unit}")

    def is_active(self, unit):
        return self.says(f"systemctl is-active {unit}") == "active"

    def stop(self):
        self.shut_down()
        shutil.rmtree(self.root, ignore_errors=True)

    def shut_down(self):
        if self.process.poll() is None:
            try:
                self.run("systemctl --no-block poweroff", seconds=20, check=False)
                self.process.wait(30)
            except (subprocess.TimeoutExpired, AttributeError):
                self.process.send_signal(signal.SIGKILL)  # Its PID namespace ends with its init.
                if hasattr(self, "init"):
                    try:
                        os.kill(int(self.init), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.process.wait(30)
        self.log.close()
