"""A webhook receiver and a mail server for tests, real ones on loopback, with a mind of their own.

    notice_receivers.py FOLDER [--webhook PORT] [--smtp PORT] [--smtps PORT] [--secret TEXT]
                        [--certificate FILE --key FILE]

What arrives is appended to FOLDER/received.ndjson, one JSON object a line, before it is answered.
How to answer stands in FOLDER/webhook and FOLDER/mail, read anew each time; absent: take it.

    webhook   a status ("500"), "hold" (answer when the file says otherwise), "redirect"
    mail      "hang" (say nothing at all), "refuse ADDRESS", "greylist", "reject", "no-starttls"

With a certificate the webhook is HTTPS and the SMTP port offers STARTTLS. FOLDER/ready is made
once all listen. Passwords are "correct horse".
"""

import argparse
import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import json
import os
import ssl

PASSWORD = "correct horse"


class Receivers:
    def __init__(self, arguments):
        self.folder = arguments.folder
        self.secret = arguments.secret.encode()
        self.context = None
        if arguments.certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(arguments.certificate, arguments.key)

    def mode(self, name):
        try:
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""

    def keep(self, entry):
        with open(os.path.join(self.folder, "received.ndjson"), "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    # ---- Webhook

    async def webhook(self, reader, writer):
        try:
            await self.answer_webhook(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def answer_webhook(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers["content-length"]))
        signed = headers["edcsync-timestamp"].encode() + b"." + body
        expected = "v1=" + hmac.new(self.secret, signed, hashlib.sha256).hexdigest()
        self.keep({"to": "webhook", "request": head[0], "headers": headers,
                   "signed": hmac.compare_digest(expected, headers["edcsync-signature"]),
                   "body": json.loads(body)})
        while self.mode("webhook") == "hold":
            await asyncio.sleep(0.02)
        mode = self.mode("webhook") or "200"
        more = ""
        if mode == "redirect":
            mode, more = "307", "Location: /elsewhere\r\n"
        writer.write(f"HTTP/1.1 {mode} Answer\r\n{more}Content-Length: 0\r\n"
                     "Connection: close\r\n\r\n".encode())
        await writer.drain()

    # ---- Mail

    async def smtp(self, reader, writer):
        await self.mail(reader, writer, secured=False)

    async def smtps(self, reader, writer):
        await self.mail(reader, writer, secured=True)

    async def mail(self, reader, writer, secured):
        try:
            if self.mode("mail") == "hang":
                self.keep({"to": "mail", "event": "connected"})
                await reader.read()  # Until the other side gives up.
                self.keep({"to": "mail", "event": "gone"})
                return
            await self.talk(reader, writer, secured)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def talk(self, reader, writer, secured):
        async def say(text):
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        mode, state = self.mode("mail"), {"user": None, "from": None, "recipients": []}
        commands = []
        await say("220 mail.example.org ESMTP")
        while line := (await reader.readline()).decode("latin-1").rstrip("\r\n"):
            word = line.split(" ")[0].upper()
            commands.append(word)
            if word == "EHLO":
                offers = ["mail.example.org", "AUTH PLAIN LOGIN"]
                if self.context and not secured and mode != "no-starttls":
                    offers.insert(1, "STARTTLS")
                for offer in offers[:-1]:
                    await say("250-" + offer)
                await say("250 " + offers[-1])
            elif word == "STARTTLS":
                await say("220 Go ahead")
                await writer.start_tls(self.context)
                secured = True
            elif word == "AUTH":
                await self.log_in(line, reader, say, state)
            elif word == "MAIL":
                state["from"] = line[len("MAIL FROM:"):].split(" ")[0]
                await say("550 5.7.1 Not from you" if mode == "reject" else "250 OK")
            elif word == "RCPT":
                address = line[len("RCPT TO:"):].strip("<> ")
                if mode == "greylist":
                    await say("451 4.7.1 Try again later")
                elif mode.startswith("refuse") and mode.split(" ")[1] in (address, "all"):
                    await say("550 5.1.1 No such user here")
                else:
                    state["recipients"].append(address)
                    await say("250 OK")
            elif word == "DATA":
                await say("354 Go on")
                self.keep_mail(await read_data(reader), state, secured, commands)
                await say("250 OK")
            elif word == "QUIT":
                await say("221 Bye")
                return
            else:
                await say("502 What?")

    async def log_in(self, line, reader, say, state):
        words = line.split(" ")
        given = words[2] if len(words) > 2 else None
        if words[1] == "PLAIN":
            if given is None:
                await say("334 ")
                given = (await reader.readline()).decode().strip()
            _, user, password = base64.b64decode(given).decode().split("\0")
        else:
            answers = []
            for prompt in ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"):
                await say("334 " + prompt)
                answers.append(base64.b64decode((await reader.readline()).strip()).decode())
            user, password = answers
        state["user"] = user
        await say("235 Welcome" if password == PASSWORD else "535 5.7.8 Wrong")

    def keep_mail(self, raw, state, secured, commands):
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        self.keep({"to": "mail", "event": "mail", "secured": secured, "user": state["user"],
                   "from": state["from"], "recipients": state["recipients"],
                   "commands": commands, "headers": [name for name, _ in mail.items()],
                   "subject": mail["Subject"], "message_id": mail["Message-ID"],
                   "notice_id": mail["Edcsync-Notice-Id"], "text": mail.get_content(),
                   "defects": [str(defect) for defect in mail.defects],
                   "longest_line": max(len(line) for line in raw.split(b"\r\n"))})


async def read_data(reader):
    raw = b""
    while (line := await reader.readline()) != b".\r\n":
        raw += line[1:] if line.startswith(b".") else line
    return raw


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    for name in ("webhook", "smtp", "smtps"):
        parser.add_argument("--" + name, type=int)
    for name in ("secret", "certificate", "key"):
        parser.add_argument("--" + name, default="")
    arguments = parser.parse_args()
    receivers = Receivers(arguments)
    servers = []
    for port, handler, context in ((arguments.webhook, receivers.webhook, receivers.context),
                                   (arguments.smtp, receivers.smtp, None),
                                   (arguments.smtps, receivers.smtps, receivers.context)):
        if port:
            servers.append(await asyncio.start_server(handler, "127.0.0.1", port, ssl=context))
    with open(os.path.join(arguments.folder, "ready"), "w", encoding="utf-8"):
        pass
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
