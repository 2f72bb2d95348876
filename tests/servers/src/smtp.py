"""A mail server for tests: aiosmtpd, where the name of a recipient says what becomes of a mail.

What is accepted is kept as one file of JSON each, read by Python's own e-mail package, so that
nothing of ours has a hand in how a mail is understood. The port is written to the file `port`.
"""

import argparse
import asyncio
import json
import os
import ssl
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

AT_RCPT = {
    "unknown": "550 5.1.1 there is no such mailbox here",
    "full": "452 4.2.2 the mailbox is full",
    "later": "451 4.7.1 come again later",
    "stopping": "421 4.3.2 the server is about to stop",
    "stranger": "530 5.7.0 who are you",
}
AFTER_DATA = {
    "gone": "550 5.1.1 there is no such mailbox here",
    "disliked": "554 5.6.0 not a mail that we take",
    "jammed": "451 4.3.0 the disk is full",
}


class Keeper:
    """Keeps mails in a folder, or does what the recipient's name says."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = AT_RCPT.get(name_of(address))
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        name = name_of(envelope.rcpt_tos[0])
        if name == "silent":
            await asyncio.sleep(3600)
        if name == "closing":
            server.transport.abort()
            return "250 2.0.0 never heard"
        if name in AFTER_DATA:
            return AFTER_DATA[name]
        self.keep(server, session, envelope)
        return "250 2.0.0 ok"

    def keep(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        kept = {
            "connection": session.peer[1],
            "encrypted": server.transport.get_extra_info("sslcontext") is not None,
            "login": session.auth_data and session.auth_data.decode(),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in mail.items()],
            "type": mail.get_content_type(),
            "defects": [str(it) for part in mail.walk() for it in part.defects],
            "parts": [
                [part.get_content_type(), part.get_content()]
                for part in mail.walk()
                if not part.is_multipart()
            ],
            "raw": envelope.content.decode("latin-1"),
        }
        self.count += 1
        write(os.path.join(self.folder, f"{self.count:06}.json"), json.dumps(kept))


def name_of(address):
    return address.split("@")[0]


def write(path, text):
    """A reader sees all of it or nothing."""
    with open(path + "~", "w") as file:
        file.write(text)
    os.rename(path + "~", path)


async def serve(options):
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
    extra = {}
    if options.login:

        def check(server, session, envelope, mechanism, data):
            user, _, password = options.login.partition(":")
            right = data.login == user.encode() and data.password == password.encode()
            return AuthResult(success=right, handled=False, auth_data=data.login)

        extra = {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    if options.tls == "starttls":
        extra |= {"tls_context": context, "require_starttls": True}
    keeper = Keeper(options.folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(keeper, hostname="mail.test", ident="test", **extra),
        "127.0.0.1",
        0,
        ssl=context if options.tls == "smtps" else None,
    )
    write(os.path.join(options.folder, "port"), str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--login", help="user:password")
parser.add_argument("--tls", choices=["starttls", "smtps"])
parser.add_argument("--certificate")
parser.add_argument("--key")
try:
    asyncio.run(serve(parser.parse_args()))
except KeyboardInterrupt:
    pass
