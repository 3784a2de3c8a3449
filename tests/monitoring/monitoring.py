"""Holds together what ships for Prometheus and Grafana (packaging/monitoring).

    monitoring.py complete                 every alert has a case in which it fires, one in which it
                                           keeps quiet, and its procedure in the runbook
    monitoring.py exposed FILE...          every metric that the rules and the dashboard name is in the
                                           files, which are answers of /metrics; and every edcsync_
                                           metric there is named by one of the two
"""

import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "packaging", "monitoring")
METRIC = re.compile(r"\b(?:edcsync|process)_[a-z_]+\b")
SUFFIXES = ("_bucket", "_count", "_sum")
# Not for a panel or an alert of their own; for a look by hand.
LOOKED_AT_BY_HAND = {
    "edcsync_edge_outbox_captured_total", "edcsync_edge_revisions_sent_total",
    "edcsync_edge_frames_sent_total", "edcsync_edge_feed_revisions_total",
    "edcsync_edge_feed_held", "edcsync_edge_last_contact_timestamp_seconds",
    "edcsync_gateway_received_bytes_total", "edcsync_gateway_audit_entries_total",
    "edcsync_gateway_duplicates_total", "edcsync_gateway_quarantined",
    "edcsync_gateway_notices_waiting", "edcsync_gateway_credit_bytes",
    "edcsync_edge_certificate_renewed_timestamp_seconds",
    "edcsync_edge_certificate_renewal_due_timestamp_seconds",
    "edcsync_edge_reconciliation_last_timestamp_seconds",
}
# Exposed only where there is such a thing: a notices channel, an enrolment service that answered.
CONDITIONAL = {"edcsync_gateway_breaker_state", "edcsync_gateway_notices_waiting",
               "edcsync_edge_renewal_last_success_timestamp_seconds"}


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as file:
        return file.read()


def complete():
    alerts = re.findall(r"^\s*- alert: (\w+)$", read(FOLDER, "edcsync.rules.yml"), re.M)
    cases = read(FOLDER, "edcsync.rules.test.yml")
    runbook = read(ROOT, "packaging", "runbook.md")
    for alert in alerts:
        for kind in ("fires", "keeps quiet"):
            if f"  - name: {alert} {kind}\n" not in cases:
                yield f"no case: {alert} {kind}"
        if not re.search(rf"^#+ {alert}$", runbook, re.M):
            yield f"packaging/runbook.md has no section {alert}"
    for section in re.findall(r"^#+ (Edcsync\w+)$", runbook, re.M):
        if section not in alerts:
            yield f"packaging/runbook.md tells of {section}, which is no alert"


def base(name):
    return next((name[:-len(s)] for s in SUFFIXES if name.endswith(s)), name)


def named():
    rules = "\n".join(line for line in read(FOLDER, "edcsync.rules.yml").splitlines()
                      if not line.lstrip().startswith(("#", "- name:")))
    expressions = [target["expr"]
                   for panel in json.loads(read(FOLDER, "edcsync.dashboard.json"))["panels"]
                   for target in panel.get("targets", [])]
    return {base(name) for name in METRIC.findall(rules + "\n".join(expressions))}


def exposed(files):
    there = set()
    for file in files:
        there |= set(re.findall(r"^# TYPE (\w+) ", read(file), re.M))
    for name in sorted(named() - there - CONDITIONAL):
        yield f"{name} is named by a rule or the dashboard, but not exposed"
    ours = {name for name in there if name.startswith("edcsync_")}
    for name in sorted(ours - named() - LOOKED_AT_BY_HAND):
        yield f"{name} is exposed, but no rule or panel shows it"


def main(arguments):
    if arguments == ["complete"]:
        findings = list(complete())
    elif len(arguments) > 1 and arguments[0] == "exposed":
        findings = list(exposed(arguments[1:]))
    else:
        print(__doc__)
        return 2
    print(*findings, f"{len(findings)} findings", sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
