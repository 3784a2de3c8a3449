"""Which of the shipped alerts fire, if what the programs' /metrics say now stays so.

Prometheus' own tool judges: promtool gets the samples as a series of two hours, so that every
`for:` is over, and packaging/monitoring/edcsync.rules.yml as it ships. Counters go on as they went
between two scrapes; a time (`..._timestamp_seconds`) is told from now: promtool begins at 1970.
"""

import json
import pathlib
import re
import subprocess
import time

RULES = pathlib.Path(__file__).parents[2] / "packaging" / "monitoring" / "edcsync.rules.yml"
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? ([-+0-9.eE]+|NaN|\+Inf)$")
COUNTER = re.compile(r"_(total|bucket|count|sum)$")
STEP_MINUTES = 5  # Rates look back ten at least.
STEPS = 24
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse(text):
    """{(name, labels as text): value} of an answer of /metrics."""
    found = {}
    for line in text.splitlines():
        if match := SAMPLE.match(line):
            found[match[1], match[2] or ""] = float(match[3])
    return found


def series(job, now, before, aged_s):
    """promtool's input of one program: `now`, and `before` (or None) as it was a minute ago. What
    waits is `aged_s` older than it says."""
    yield f'up{{job="{job}",instance="{job}"}}', f"{0 if now is None else 1}x{STEPS}"
    for (name, labels), value in (now or {}).items():
        grows = 0
        if before and COUNTER.search(name):
            grows = STEP_MINUTES * (value - before.get((name, labels), 0))
        if name.endswith("_timestamp_seconds"):
            value -= time.time()
        if name.endswith(("_oldest_seconds", "_oldest_waiting_seconds")) and value > 0:
            value += aged_s
        here = f'job="{job}",instance="{job}"' + (f",{labels}" if labels else "")
        yield f"{name}{{{here}}}", f"{value:.3f}{grows:+.3f}x{STEPS}" if grows else \
            f"{value:.3f}x{STEPS}"


def firing(folder, scrapes, before=None, aged_s=0):
    """The alerts that fire, each as its labels. `scrapes` is {job: parse(...), or None if nothing
    answered}."""
    wanted = set(re.findall(r"\b(?:edcsync)_[a-z_]+\b", RULES.read_text()))
    inputs = [{"series": name, "values": values}
              for job, samples in scrapes.items()
              for name, values in series(job, samples, (before or {}).get(job), aged_s)
              if name.startswith("up{") or name.split("{")[0] in wanted]
    case = folder / "alerts.test.yml"  # JSON is YAML.
    case.write_text(json.dumps({
        "rule_files": [str(RULES)], "evaluation_interval": f"{STEP_MINUTES}m",
        "tests": [{"interval": f"{STEP_MINUTES}m", "input_series": inputs, "promql_expr_test": [
            {"expr": 'ALERTS{alertstate="firing"}', "exp_samples": [],
             "eval_time": f"{STEP_MINUTES * (STEPS - 1)}m"}]}]}))
    done = subprocess.run(["promtool", "test", "rules", case], capture_output=True, text=True,
                          timeout=60, check=False)
    told = done.stdout + done.stderr
    if done.returncode == 0:
        return []
    if "FAILED" not in told or "got: " not in told:
        raise RuntimeError(f"promtool did not judge: {told}")
    return [dict(LABEL.findall(labels))
            for labels in re.findall(r'\{__name__="ALERTS"(.*?)\} ', told)]
