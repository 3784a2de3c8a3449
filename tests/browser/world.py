#!/usr/bin/env python3
"""Runs the browser tests in a real world: a gateway with its broker, three sites with real records and
five conflicts of an outage (as ./run-demo makes them), accounts, and Debian's Chromium.

    world.py --bin BUILD/bin --data tests/data/cdiscpilot --out BUILD/browser

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


def install_modules(out):
    """The modules of the lock file, in a copy of this folder below `out`."""
    folder = out / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = folder / "installed.lock"
    for name in ("package.json", "package-lock.json", ".npmrc", "support.mjs", "desk.test.mjs"):
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
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.out).resolve()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no chromium: run packaging/install-packages build test")
    folder = install_modules(out)
    demo = Demo(arguments)
    try:
        demo.set_up()
        demo.capture_online()
        demo.cut_line()
        demo.work_apart()
        demo.line_returns()
        address, people = demo.desk()
        passwords = {name: password for name, (_, password) in people.items()}
        passwords["dm.wanjiru"] = demo.gateway.json(
            "user", "add", "dm.wanjiru", "--full-name", "Grace Wanjiru", "--role",
            "data_manager")["firstPassword"]
        programs = {"gateway": demo.gateway.command,
                    **{name: edge.command for name, edge in demo.edges.items()}}
        world = {"address": address, "passwords": passwords, "chromium": chromium,
                 "shots": str(out), "programs": {name: [str(part) for part in command]
                                                 for name, command in programs.items()}}
        world_file = demo.folder / "world.json"
        world_file.write_text(json.dumps(world))
        return subprocess.run(["node", "--test", "--test-reporter=spec", "desk.test.mjs"], cwd=folder,
                              env={**os.environ, "EDCSYNC_WORLD": str(world_file)}).returncode
    finally:
        demo.end()


if __name__ == "__main__":
    sys.exit(main())
