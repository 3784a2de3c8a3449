#!/usr/bin/env python3
"""Runs the browser tests in a real world: a gateway with its broker, three sites with real records and
five conflicts of an outage (as ./run-demo makes them), accounts, and Debian's Chromium.

    world.py --bin BUILD/bin --data tests/data/cdiscpilot --out BUILD/browser \
             --provider BUILD/tests/identity_provider

Exit code 0 if every test passed. Screenshots lie in OUT afterwards.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "packaging" / "demo"))

from demo import Demo  # noqa: E402
from processes import wait_until  # noqa: E402

# One after the other: they share the world.
TESTS = ("provider.test.mjs", "firefox.test.mjs", "desk.test.mjs")

CLIENT = "edcsync-desk"
SECRET = "told to the provider and the gateway only"
PEOPLE = {"p.wafula": "sub-1", "stranger": "sub-2"}  # At the provider.
PASSWORD_THERE = "known to the provider only"


class WorldWithProvider(Demo):
    """The demo's world, whose gateway knows an identity provider."""

    def __init__(self, arguments):
        super().__init__(arguments)
        self.provider_program = arguments.provider

    def start_provider(self):
        file = self.folder / "provider.address"
        self.services.start("provider", self.provider_program, file, CLIENT, SECRET,
                            *(f"{name}:{PASSWORD_THERE}:{subject}"
                              for name, subject in PEOPLE.items()))
        wait_until(self.services, "the identity provider starts", file.exists)
        self.provider = file.read_text().strip()

    def configure_gateway(self):
        secret = self.gateway.folder / "oidc.secret"
        secret.touch(0o600)
        secret.write_text(SECRET + "\n")
        with open(self.gateway.folder / "central-gateway.toml", "a") as file:
            file.write(f"""
[desk.oidc]
issuer = "{self.provider}"
client_id = "{CLIENT}"
client_secret_file = "oidc.secret"
label = "St. Mary SSO"
""")


def install_modules(out, tests):
    """The modules of the lock file, and `tests`, in a copy of this folder below `out`."""
    folder = out / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = folder / "installed.lock"
    for name in ("package.json", "package-lock.json", ".npmrc", "support.mjs", "world.mjs", *tests):
        shutil.copy(HERE / name, folder / name)
    if not stamp.exists() or stamp.read_bytes() != lock:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder,
                       check=True)
        stamp.write_bytes(lock)
    return folder


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--provider", required=True)
    parser.add_argument("--only", choices=TESTS, help="one file of tests")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out).resolve()
    chromium = shutil.which("chromium")
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if chromium is None or firefox is None:
        sys.exit("There is no chromium or no firefox: run packaging/install-packages build test")
    folder = install_modules(out, TESTS)
    demo = WorldWithProvider(arguments)
    try:
        demo.start_provider()
        demo.set_up()
        demo.capture_online()
        demo.cut_line()
        demo.work_apart()
        demo.line_returns()
        address, people = demo.desk()
        passwords = {name: password for name, (_, password) in people.items()}
        for user, full_name in (("dm.wanjiru", "Grace Wanjiru"), ("dm.mutua", "James Mutua")):
            passwords[user] = demo.gateway.json("user", "add", user, "--full-name", full_name,
                                                "--role", "data_manager")["firstPassword"]
        demo.gateway.run("user", "add", "dm.wafula", "--full-name", "Peter Wafula", "--role",
                         "data_manager", "--oidc", "--provider-name", "p.wafula")
        programs = {"gateway": demo.gateway.command,
                    **{name: edge.command for name, edge in demo.edges.items()}}
        world = {"address": address, "provider": demo.provider, "passwordThere": PASSWORD_THERE,
                  "passwords": passwords, "chromium": chromium, "firefox": firefox,
                 "shots": str(out), "programs": {name: [str(part) for part in command]
                                                 for name, command in programs.items()}}
        world_file = demo.folder / "world.json"
        world_file.write_text(json.dumps(world))
        codes = [subprocess.run(["node", "--test", "--test-reporter=spec", test], cwd=folder,
                                env={**os.environ, "EDCSYNC_WORLD": str(world_file)}).returncode
                 for test in ([arguments.only] if arguments.only else TESTS)]
        return max(codes)
    finally:
        demo.end()


if __name__ == "__main__":
    sys.exit(main())
