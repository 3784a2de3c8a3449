"""Who is let in: enrolment, certificates, the authority, revocation, a rebuilt machine; people."""

import json
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request

from registry import procedure


def token_of(output):
    """The token stands in the first line."""
    return output.splitlines()[0].strip()


def identity_of(world):
    """The folder with the certificate and key that the edge shows."""
    tls = world.site / "data" / "tls"
    return tls if tls.exists() else world.site


def serial(file):
    """In the form that TLS and `status` tell it."""
    told = subprocess.run(["openssl", "x509", "-in", file, "-noout", "-serial"], check=True,
                          capture_output=True, text=True).stdout
    return told.strip().removeprefix("serial=").lower()


def mode(path):
    return path.stat().st_mode & 0o777


@procedure("enrol")
def _(world):
    world.make_centre()
    world.start("centre")
    invited = world.run_next("central-gateway edge invite")
    world.names["TOKEN"] = token_of(invited)
    world.run_next("edge-agent enroll")
    tls = world.site / "data" / "tls"
    world.expect(mode(tls / "edge.key") == 0o600 and mode(tls) == 0o700, "the key is the agent's")
    world.take_any_health_port("site")
    world.run_next("systemctl restart")
    world.wait_delivered()
    world.run_next("edge-agent status")
    world.capture(world.lines[:10])
    world.expect_the_same_at_both(10)
    refused = world.shell("site", f"edge-agent --dir {world.folder}/second enroll TOKEN")
    world.expect(refused.returncode == 1 and "was used on" in refused.stderr,
                 f"a token is good once: {refused.stderr}")
    key = (tls / "edge.key").read_bytes()
    again = world.shell("site", "edge-agent enroll TOKEN")  # As if it had been broken off.
    world.expect(again.returncode == 0 and (tls / "edge.key").read_bytes() == key,
                 f"the same token in the same folder goes on: {again.stderr}")
    world.expect_alerts()


def end_soon(world, name):
    """The centre's certificate `name` is now one that ends in ten days."""
    pki = world.gateway / "pki"
    subprocess.run(
        ["openssl", "req", "-x509", "-key", pki / f"{name}.key", "-CA", pki / "ca.crt", "-CAkey",
         pki / "ca.key", "-days", "10", "-out", pki / f"{name}.crt", "-subj",
         f"/CN={'gateway' if name == 'gateway' else 'localhost'}", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True)


@procedure("certificate-rotate")
def _(world):
    world.make_centre()
    end_soon(world, "gateway")
    world.enrol().start("site")
    world.capture(world.lines[:5])
    world.wait_delivered()
    pki, tls = world.gateway / "pki", world.site / "data" / "tls"
    held = serial(tls / "gateway.crt")
    end_soon(world, "broker")
    fires = world.expect_alerts("EdcsyncCertificateEnds")["EdcsyncCertificateEnds"]
    world.expect({labels["certificate"] for labels in fires} == {"gateway", "broker"}, f"{fires}")
    world.run_next_rotation("central-gateway certificate rotate")
    world.capture(world.lines[5:10])  # Sealed to the former one.
    world.wait_delivered()
    world.run_next("edge-agent sync now")
    world.wait("the edge seals to the new one",
               lambda: serial(tls / "gateway.crt") == serial(pki / "gateway.crt") != held)
    world.wait("the broker shows its new one",
               lambda: world.tls(world.broker_port)[0] == serial(pki / "broker.crt"))
    world.capture(world.lines[10:15])
    world.expect_the_same_at_both(15)
    world.expect_alerts()


@procedure("authority-rotate")
def _(world):
    world.make_enrolled().start("site")
    world.capture(world.lines[:5])
    world.wait_delivered()
    former = world.folder / "former"
    shutil.copytree(identity_of(world), former)
    world.expect(world.broker_takes(former) and world.gateway_takes(former), "they let it in")
    report = world.folder / "before.json"
    world.centre("reconcile", "--site", "SITE.702", "--reason", "Before", "--out", report)
    world.run_next_rotation("central-gateway ca rotate")
    world.run_next("central-gateway ca status")
    early = world.shell("centre", "central-gateway ca retire")
    world.expect(early.returncode == 1 and "edge kisumu" in early.stderr, early.stderr)
    world.capture(world.lines[5:10])
    world.run_next("edge-agent sync now")
    world.wait("nothing needs the former authority",
               lambda: not world.centre_json("ca", "status")["formerNeededBy"])
    world.run_next("central-gateway ca status")
    world.run_next_rotation("central-gateway ca retire")
    world.wait("the former certificate is let in no more",
               lambda: not world.broker_takes(former) and not world.gateway_takes(former))
    world.wait("the new one is", lambda: world.broker_takes(identity_of(world)))
    world.edge("sync", "now")
    world.capture(world.lines[10:15])
    world.expect_the_same_at_both(15)
    said = world.centre("reconcile", "verify", report)
    world.expect("as both sides signed it" in said, said)


@procedure("authority-stolen")
def _(world):
    world.make_enrolled().start("site")
    world.capture(world.lines[:5])
    world.wait_delivered()
    former = world.folder / "former"
    shutil.copytree(identity_of(world), former)
    world.run_next_rotation("central-gateway ca rotate")
    world.run_next_rotation("central-gateway ca retire --regardless")
    world.wait("the former certificate is let in no more",
               lambda: not world.broker_takes(former) and not world.gateway_takes(former))
    world.capture(world.lines[5:10])  # Waits at the site.
    world.names["TOKEN"] = token_of(world.run_next("central-gateway edge invite"))
    world.run_next("edge-agent enroll")
    world.run_next("systemctl restart")
    world.wait_stopped()
    world.run_next("edge-agent status")
    world.run_next("edge-agent sync new-incarnation")
    world.wait_delivered()
    world.run_next("edge-agent status")
    world.expect_the_same_at_both(10)


@procedure("revoke")
def _(world):
    world.make_enrolled().start("site")
    world.capture(world.lines[:5])
    world.wait_delivered()
    stolen = identity_of(world)
    world.expect(world.broker_takes(stolen) and world.gateway_takes(stolen), "they let it in")
    world.run_next("central-gateway edge revoke")
    world.wait("the broker lets it in no more", lambda: not world.broker_takes(stolen))
    world.expect(not world.gateway_takes(stolen), "nor does the gateway")
    world.capture(world.lines[5:7])
    world.edge("sync", "now")
    world.expect(world.wait_stopped() == "revoked_edge", "the edge is told")
    world.run_next("central-gateway edge list")
    world.expect(world.edge_status()["waiting"] == 2, "what it has stays there")
    world.expect(len(world.revisions("centre")) == 5, "nothing of it came to the centre")
    world.expect_alerts("EdcsyncEdgeStopped")
    readmitted = world.shell("centre", "central-gateway edge readmit kisumu --reason Found")
    world.expect(readmitted.returncode != 0, "no command takes it back")


@procedure("rebuild")
def _(world):
    world.make_enrolled().start("site")
    world.capture(world.lines[:10])
    world.wait_delivered()
    world.edge("sync", "pause")
    world.capture(world.lines[10:12])
    world.kill("site")
    stolen = world.folder / "stolen"
    shutil.copytree(identity_of(world), stolen)
    shutil.rmtree(world.site)  # Two captured revisions went with it.
    invited = world.run_next("central-gateway edge invite")
    world.expect("through sequence 10 of" in invited, f"the known loss: {invited}")
    world.names["TOKEN"] = token_of(invited)
    world.run_next("edge-agent enroll")
    world.take_any_health_port("site")
    world.run_next("systemctl restart")
    world.wait_delivered()
    world.run_next("edge-agent status")
    world.wait("it is filled from the feed", lambda: len(world.revisions("site")) == 10)
    world.capture(world.lines[10:12])  # Again, from source.
    world.expect_the_same_at_both(12)
    world.wait("the former certificate is let in no more",
               lambda: not world.broker_takes(stolen) and not world.gateway_takes(stolen))
    world.expect("known through sequence=10" in world.audit("edge.enrolled")[-1],
                 f"the audit trail names the loss: {world.audit('edge.enrolled')}")


def log_in(world, user, password):
    """The desk's answer to a log-in with a password: its status."""
    context = ssl.create_default_context(cafile=world.gateway / "pki" / "trust.pem")
    port = (world.gateway / "desk.port").read_text().strip()
    call = urllib.request.Request(
        f"https://localhost:{port}/api/v1/session", method="POST",
        data=json.dumps({"user": user, "password": password}).encode(),
        headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(call, timeout=20, context=context) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


@procedure("identity-provider")
def _(world):
    world.make()
    pages = world.folder / "page"  # The desk's own need Node.js to be built.
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html><title>desk</title>")
    world.set("centre", "desk", f'page_folder = "{pages}"')
    world.configure("centre", "[desk.oidc]", 'issuer = "http://127.0.0.1:9"',
                    'client_id = "edcsync-desk"')
    world.names["NAME"] = "otieno"
    world.centre("user", "add", "otieno", "--full-name", "A. Otieno", "--role", "data_manager",
                 "--oidc")
    world.start("centre")
    world.expect(log_in(world, "otieno", "any password at all") == 401, "it has no password")
    world.run_next("central-gateway user unlink")
    said = world.run_next("central-gateway user reset-password")
    password = said.split("First password: ")[1].split()[0]
    world.expect(log_in(world, "otieno", password) == 200, "it logs in with one of the desk's")
    world.run_next("central-gateway user link")
