"""What a person does with mail, done with Python's own smtplib, poplib and imaplib, always checking the certificate."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALICE = "alice@example.test"
BOB = "bob@example.test"
PASSWORD = "secret"
TIMEOUT_S = 20.0


class Server(Protocol):
    """What these clients need to know of a server."""

    @property
    def urls(self) -> Mapping[str, str]:
        """Service name to URL."""

    @property
    def ca_pem(self) -> bytes:
        """The authority that signed the server's certificate."""


def address_of(server: Server, service: str) -> tuple[str, int]:
    url = urlsplit(server.urls[service])
    assert url.hostname is not None
    assert url.port is not None
    return url.hostname, url.port


def tls_trusting(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=server.ca_pem.decode("ascii"))


def new_message(body: bytes = b"A line.\r\n") -> tuple[str, bytes]:
    """A message nobody sent before, as its subject and its octets."""
    subject = f"interop-{uuid.uuid4().hex}"
    header = f"From: <{ALICE}>\r\nTo: <{BOB}>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.test>\r\n"
    return subject, header.encode("ascii") + b"\r\n" + body


def body_of(message: bytes) -> bytes:
    """The octets after the header, which delivery may not change (RFC 5321 §2.3.1: trace fields go on top)."""
    return message.partition(b"\r\n\r\n")[2]


@contextmanager
def smtp_session(server: Server, service: str, *, user: str | None = None) -> Iterator[smtplib.SMTP]:
    """A session under TLS, from the start or by STARTTLS, logged in where a user is given."""
    host, port = address_of(server, service)
    tls = tls_trusting(server)
    if service in ("smtps", "submissions"):
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, "client.example", timeout=TIMEOUT_S, context=tls)
    else:
        client = smtplib.SMTP(host, port, "client.example", timeout=TIMEOUT_S)
    with client:
        if not isinstance(client, smtplib.SMTP_SSL):
            client.starttls(context=tls)
        client.ehlo()
        if user is not None:
            client.login(user, PASSWORD)
        yield client


@contextmanager
def imap_session(server: Server, service: str, user: str) -> Iterator[imaplib.IMAP4]:
    """A session under TLS with INBOX selected."""
    host, port = address_of(server, service)
    tls = tls_trusting(server)
    client = (
        imaplib.IMAP4_SSL(host, port, ssl_context=tls, timeout=TIMEOUT_S)
        if service == "imaps"
        else imaplib.IMAP4(host, port, timeout=TIMEOUT_S)
    )
    with client:
        if service == "imap":
            client.starttls(tls)
        client.login(user, PASSWORD)
        client.select("INBOX")
        yield client


@contextmanager
def pop3_session(server: Server, service: str, user: str) -> Iterator[poplib.POP3]:
    """A session under TLS in the TRANSACTION state; QUIT at the end, or nothing where the block raised."""
    host, port = address_of(server, service)
    tls = tls_trusting(server)
    client = (
        poplib.POP3_SSL(host, port, context=tls, timeout=TIMEOUT_S)
        if service == "pop3s"
        else poplib.POP3(host, port, timeout=TIMEOUT_S)
    )
    try:
        if service == "pop3":
            client.stls(tls)
        client.user(user)
        client.pass_(PASSWORD)
        yield client
        client.quit()
    finally:
        client.close()


def uids_of(imap: imaplib.IMAP4, subject: str) -> list[str]:
    """The UIDs of the messages with this subject in the selected mailbox."""
    status, found = imap.uid("SEARCH", "SUBJECT", subject)
    assert status == "OK", found
    return (found[0] or b"").decode("ascii").split()


def await_uid(imap: imaplib.IMAP4, subject: str) -> str:
    """The UID of the one message with this subject; an MTA may answer 250 a while before the message is delivered."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not (found := uids_of(imap, subject)):
        assert time.monotonic() < deadline_s, f"{subject} was not delivered in {TIMEOUT_S:.0f} s"
        time.sleep(0.05)
        imap.noop()
    assert len(found) == 1
    return found[0]


def fetch_octets(imap: imaplib.IMAP4, uid: str) -> bytes:
    """The whole message; does not set \\Seen."""
    status, data = imap.uid("FETCH", uid, "(BODY.PEEK[])")
    assert status == "OK", data
    assert isinstance(data[0], tuple)
    return bytes(data[0][1])


def flags_of(imap: imaplib.IMAP4, uid: str) -> set[str]:
    status, data = imap.uid("FETCH", uid, "(FLAGS)")
    assert status == "OK", data
    assert isinstance(data[0], bytes)
    return {flag.decode("ascii") for flag in imaplib.ParseFlags(data[0])}


def retr_by_subject(pop3: poplib.POP3, subject: str) -> tuple[int, bytes]:
    """Number and octets of the one message with this subject, in a mailbox that is known to hold it."""
    found = []
    for number in range(1, pop3.stat()[0] + 1):
        message = b"".join(line + b"\r\n" for line in pop3.retr(number)[1])
        if f"Subject: {subject}\r\n".encode("ascii") in message:
            found.append((number, message))
    assert len(found) == 1
    return found[0]
