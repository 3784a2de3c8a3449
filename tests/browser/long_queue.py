#!/usr/bin/env python3
"""Runs long_queue.test.mjs: the queue's page on a real gateway with a hundred thousand open conflicts.

    long_queue.py --bin BUILD/bin --data tests/data/cdiscpilot --out BUILD/browser
                  --seed BUILD/tests/seed_queue

How long the gateway's answers take is printed and not judged: the machine may be busy. Exit code 0 if
the page did what it should.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

from world import install_modules

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "packaging" / "demo"))

from processes import Program, Services, wait_until  # noqa: E402

TEST = "long_queue.test.mjs"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--conflicts", type=int, default=100_000)
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out).resolve()
    modules = install_modules(out, [TEST])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="edcsync-queue-"))
    services = Services(folder)
    gateway = Program(pathlib.Path(arguments.bin).resolve() / "central-gateway", folder / "gateway")
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        gateway.run("init", "--broker-port", port, "--desk-port", 0,
                    "--enrolment-port", 0)
        gateway.run("study", "import", pathlib.Path(arguments.data) / "metadata.xml")
        subprocess.run([arguments.seed, gateway.folder, str(arguments.conflicts)], check=True)
        password = gateway.json("user", "add", "dm.okello", "--full-name", "Amina Okello", "--role",
                                "data_manager")["firstPassword"]
        process = services.start("gateway", *gateway.command, "run")
        wait_until(services, "the gateway starts", lambda: "desk.ready" in services.log_of("gateway"))
        desk_port = (gateway.folder / "desk.port").read_text().strip()
        world = {"address": f"https://localhost:{desk_port}/", "passwords": {"dm.okello": password},
                 "chromium": shutil.which("chromium"), "shots": str(out),
                 "conflicts": arguments.conflicts, "gatewayPid": process.pid,
                 "programs": {"gateway": [str(part) for part in gateway.command]}}
        world_file = folder / "world.json"
        world_file.write_text(json.dumps(world))
        return subprocess.run(["node", "--test", "--test-reporter=spec", TEST], cwd=modules,
                              env={**os.environ, "EDCSYNC_WORLD": str(world_file)}).returncode
    finally:
        services.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
