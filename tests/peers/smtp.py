"""A mail server that writes down what it took, and fails when told to.

    smtp.py LEDGER [--port PORT] [--login USER:PASSWORD] [--tls CERTIFICATE KEY [--tls-required | --tls-at-once]]

It prints its port. Each message it took is a line of JSON in LEDGER, on disk before it is answered; what it was told in
clear text is in LEDGER.clear, byte by byte. It is told what goes wrong by lines on its standard input, and says "ok" to
each: "next FAULT", "always FAULT", "well". At the end of its input it ends.
"""

import argparse
import asyncio
import collections
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

FAULTS = {
    "refuse_greeting",  # 421 instead of a greeting's answer
    "defer_recipient",  # 451 at RCPT
    "bounce_recipient",  # 550 5.1.1 at RCPT
    "refuse_sender",  # 550 at MAIL
    "drop_at_data",  # the connection is gone when the body is there; it was not taken
    "defer_body",  # 451 after the body
    "bounce_body",  # 554 after the body
    "take_and_drop",  # it was taken, and the connection is gone before the answer
    "take_and_wait",  # it was taken, and nothing is ever said
    "whisper_at_starttls",  # somebody on the way adds an answer of theirs to the last one in clear text
}


class Heard(SMTP):
    """Keeps what it is told before TLS, and in its place."""

    def __init__(self, peer, options, **keys):
        super().__init__(peer, **keys)
        self.peer = peer
        self.options = options

    @property
    def in_clear(self):
        return self.session.ssl is None and not self.options.tls_at_once

    def data_received(self, data):
        if self.in_clear:
            with open(self.options.ledger + ".clear", "ab") as file:
                file.write(data)
        super().data_received(data)

    async def push(self, status):
        if status == "220 Ready to start TLS" and self.peer.told("whisper_at_starttls"):
            status += "\r\n250 Whispered"
        await super().push(status)


class Peer:
    def __init__(self, ledger):
        self.ledger = ledger
        self.next = collections.deque()
        self.standing = None

    def told(self, *names):
        """The fault to follow now, if it is one of these."""
        if self.standing in names:
            return self.standing
        if self.next and self.next[0] in names:
            return self.next.popleft()
        return None

    def command(self, line):
        words = line.split()
        if words == ["well"]:
            self.next.clear()
            self.standing = None
        elif len(words) == 2 and words[1] in FAULTS and words[0] == "next":
            self.next.append(words[1])
        elif len(words) == 2 and words[1] in FAULTS and words[0] == "always":
            self.standing = words[1]
        else:
            return "what?"
        return "ok"

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if self.told("refuse_greeting"):
            return ["421 4.3.2 Not now"]
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.told("refuse_sender"):
            return "550 5.7.1 Not from here"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        fault = self.told("defer_recipient", "bounce_recipient")
        if fault == "defer_recipient":
            return "451 4.2.1 Try again later"
        if fault == "bounce_recipient":
            return "550 5.1.1 No such person here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        fault = self.told("drop_at_data", "defer_body", "bounce_body", "take_and_drop", "take_and_wait")
        if fault == "defer_body":
            return "451 4.3.0 Try again later"
        if fault == "bounce_body":
            return "554 5.6.0 Not such a message"
        if fault == "drop_at_data":
            server.transport.abort()
            return "421 4.3.2 Never seen"
        self.take(server, session, envelope)
        if fault == "take_and_drop":
            server.transport.abort()
        if fault == "take_and_wait":
            await asyncio.sleep(3600)
        return "250 2.0.0 Taken"

    def take(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)

        def body(kind):
            part = message.get_body(preferencelist=(kind,))
            return part.get_content() if part else None

        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "message_id": message["Message-ID"],
            "subject": message["Subject"],
            "text": body("plain"),
            "html": body("html"),
            "headers": [[name, str(value)] for name, value in message.items()],
            "attachments": [
                {"name": part.get_filename(), "media_type": part.get_content_type()}
                for part in message.iter_attachments()
            ],
            "tls": not server.in_clear,
            "login": (getattr(session, "known_login", None) or b"").decode() or None,
        }
        with open(self.ledger, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


async def serve(options):
    loop = asyncio.get_running_loop()
    peer = Peer(options.ledger)
    keys = {}
    at_once = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*options.tls)
        if options.tls_at_once:
            at_once = context
        else:
            keys.update(tls_context=context, require_starttls=options.tls_required)
    if options.login:
        user, password = options.login.split(":", 1)

        def login(server, session, envelope, mechanism, data):
            known = isinstance(data, LoginPassword) and data.login == user.encode() and data.password == password.encode()
            session.known_login = data.login if known else None
            return AuthResult(success=known, handled=False)

        # The tests' own machine, so that a login without TLS can be tried, too.
        keys.update(authenticator=login, auth_required=True, auth_require_tls=False)
    server = await loop.create_server(
        lambda: Heard(peer, options, hostname="peer.example", data_size_limit=64 << 20, loop=loop, **keys),
        "127.0.0.1",
        options.port,
        ssl=at_once,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(peer.command(line.decode()), flush=True)


parser = argparse.ArgumentParser()
parser.add_argument("ledger")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--login")
parser.add_argument("--tls", nargs=2)
parser.add_argument("--tls-required", action="store_true")
parser.add_argument("--tls-at-once", action="store_true")
asyncio.run(serve(parser.parse_args()))
