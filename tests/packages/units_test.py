"""The systemd units: each is read by systemd without a word, and its sandbox is rated 2.0 or better
by `systemd-analyze security` (0 is closed, 10 is open).

    units_test.py SOURCE_FOLDER
"""

import pathlib
import shutil
import subprocess
import sys

THRESHOLD = 20  # In tenths.


def main():
    units = sorted((pathlib.Path(sys.argv[1]) / "packaging/systemd").iterdir())
    if len(units) != 8:
        sys.exit(f"eight units were expected: {units}")
    if shutil.which("systemd-analyze") is None:
        sys.exit("needs systemd-analyze: packaging/install-packages build test")
    failed = False
    for unit in units:
        if unit.suffix == ".service":
            rated = subprocess.run(
                ["systemd-analyze", "security", "--offline=true", "--no-pager",
                 f"--threshold={THRESHOLD}", str(unit)], capture_output=True, text=True, check=False)
            print(rated.stdout.strip().splitlines()[-1] if rated.stdout else rated.stderr)
            failed = failed or rated.returncode != 0
        # The programs and pages need not be installed here.
        read = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, units)],
                              capture_output=True, text=True, check=False)
        wrong = [line for line in read.stderr.splitlines()
                 if "edcsync" in line and "is not executable" not in line]
        if wrong:
            print("\n".join(wrong))
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
