"""Every mechanism in every protocol over real TLS, channel bindings, and client certificates for EXTERNAL."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import trustme

from reference_server.accounts import Directory, User
from reference_server.certificates import certificate
from reference_server.core import Settings
from reference_server.running import RunningServer, running_server
from reference_server.sasl import MECHANISMS, Challenge
from reference_server.stores.memory import MemoryStore
from tests.reference_server.sasl_dialogue import ScramClient

ALICE = "alice@example.test"
PASSWORD, TOKEN = "pa55-w0rd", "t0ken-of-alice"
LIMIT_S = 10.0
CLIENTS = trustme.CA()


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    users = Directory([User(address=ALICE, password=PASSWORD, token=TOKEN), User(address="bob@example.test")])
    certificates = certificate(frozenset({"example.test"}), CLIENTS.cert_pem.bytes().decode())
    with running_server(store=MemoryStore(users), certificates=certificates) as running:
        yield running
        assert running.errors == []


@dataclass(frozen=True)
class Protocol:
    """How a protocol words an exchange; `before` is said on a new connection, and how many lines answer it."""

    service: str
    command: str
    challenge: str
    success: str
    before: str = ""


PROTOCOLS = {
    "smtp": Protocol("smtps", "AUTH", "334 ", "235 ", before="HELO x"),
    "pop3": Protocol("pop3s", "AUTH", "+ ", "+OK "),
    "imap": Protocol("imaps", "a AUTHENTICATE", "+ ", "a OK "),
}

Respond = Callable[[bytes, ssl.SSLSocket], bytes]
"""The client's half: a challenge to a response, both without base64."""


class Session:
    """A TLS connection to one service, greeted."""

    def __init__(self, protocol: Protocol, stream: ssl.SSLSocket) -> None:
        self.protocol, self.stream = protocol, stream
        self.lines = stream.makefile("rwb", newline=None)
        self.read()
        if protocol.before:
            self.say(protocol.before)

    def read(self) -> str:
        return self.lines.readline().decode()

    def say(self, line: str) -> str:
        self.lines.write(line.encode() + b"\r\n")
        self.lines.flush()
        return self.read()

    def authenticate(self, mechanism: str, respond: Respond, *, at_once: bool = False) -> str:
        """Go through an exchange; the reply that ended it."""
        initial = f" {base64.b64encode(respond(b'', self.stream)).decode() or '='}" if at_once else ""
        answer = self.say(f"{self.protocol.command} {mechanism}{initial}")
        while answer.startswith(self.protocol.challenge):
            challenge = base64.b64decode(answer.removeprefix(self.protocol.challenge).strip())
            answer = self.say(base64.b64encode(respond(challenge, self.stream)).decode())
        return answer


@contextmanager
def session(
    server: RunningServer,
    protocol: Protocol,
    *,
    identity: str | None = None,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> Iterator[Session]:
    context = ssl.create_default_context(cadata=server.ca_pem.decode())
    context.minimum_version = context.maximum_version = version
    if identity is not None:
        CLIENTS.issue_cert(identity).configure_cert(context)
    url = urlsplit(server.urls[protocol.service])
    with (
        socket.create_connection((url.hostname, url.port), LIMIT_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as stream,
    ):
        yield Session(protocol, stream)


def once(message: bytes) -> Callable[[str], Respond]:
    return lambda _: lambda _challenge, _stream: message


def plain(password: str) -> Respond:
    return lambda _challenge, _stream: b"\0alice\0" + password.encode()


def login(password: str) -> Respond:
    return lambda challenge, _stream: b"alice" if challenge in (b"", b"Username:") else password.encode()


def cram_md5(password: str) -> Respond:
    return lambda challenge, _stream: b"alice " + hmac.digest(password.encode(), challenge, "md5").hex().encode()


def oauthbearer(password: str) -> Respond:
    token = TOKEN if password == PASSWORD else password
    return lambda challenge, _stream: b"\1" if challenge else f"n,a=alice,\1auth=Bearer {token}\1\1".encode()


def xoauth2(password: str) -> Respond:
    token = TOKEN if password == PASSWORD else password
    return lambda challenge, _stream: b"" if challenge else f"user=alice\1auth=Bearer {token}\1\1".encode()


def scram(digest: str, binding: str = "") -> Callable[[str], Respond]:
    def make(password: str) -> Respond:
        client: ScramClient | None = None

        def respond(challenge: bytes, stream: ssl.SSLSocket) -> bytes:
            nonlocal client
            if client is None:
                header, data = (f"p={binding},,", binding_data(binding, stream)) if binding else ("n,,", b"")
                client = ScramClient("alice", password, digest=digest, header=header, binding=data)
                return client.first()
            if challenge.startswith(b"v="):
                assert base64.b64decode(challenge[2:]) == client.signature
                return b""
            return client.final(Challenge(challenge))

        return respond

    return make


def binding_data(kind: str, stream: ssl.SSLSocket) -> bytes:
    shown = stream.getpeercert(binary_form=True)
    assert shown is not None
    data = hashlib.sha256(shown).digest() if kind == "tls-server-end-point" else stream.get_channel_binding(kind)
    assert data is not None
    return data


CLIENT_HALVES: dict[str, Callable[[str], Respond]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
    "OAUTHBEARER": oauthbearer,
    "XOAUTH2": xoauth2,
    "SCRAM-SHA-1": scram("sha1"),
    "SCRAM-SHA-256": scram("sha256"),
    "SCRAM-SHA-1-PLUS": scram("sha1", "tls-server-end-point"),
    "SCRAM-SHA-256-PLUS": scram("sha256", "tls-server-end-point"),
}


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("mechanism", CLIENT_HALVES)
@pytest.mark.parametrize("at_once", [False, True], ids=["challenged", "at-once"])
def test_a_mechanism_lets_the_right_user_in_and_no_other(
    server: RunningServer, name: str, mechanism: str, *, at_once: bool
) -> None:
    protocol, make = PROTOCOLS[name], CLIENT_HALVES[mechanism]
    # In CRAM-MD5 the server speaks first: an initial response is out of place.
    right = not (at_once and mechanism == "CRAM-MD5")
    with session(server, protocol) as client:
        assert not client.authenticate(mechanism, make("guess"), at_once=at_once).startswith(protocol.success)
        assert client.authenticate(mechanism, make(PASSWORD), at_once=at_once).startswith(protocol.success) is right


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_client_certificate_logs_its_owner_in(server: RunningServer, name: str) -> None:
    protocol = PROTOCOLS[name]
    with session(server, protocol, identity=ALICE) as client:
        assert not client.authenticate("EXTERNAL", once(b"bob")(""), at_once=True).startswith(protocol.success)
        assert client.authenticate("EXTERNAL", once(b"")(""), at_once=True).startswith(protocol.success)
    with session(server, protocol) as client:
        assert not client.authenticate("EXTERNAL", once(b"")("")).startswith(protocol.success)


def test_with_tls_1_2_a_client_may_bind_to_the_handshake(server: RunningServer) -> None:
    protocol = PROTOCOLS["imap"]
    with session(server, protocol, version=ssl.TLSVersion.TLSv1_2) as client:
        respond = scram("sha256", "tls-unique")(PASSWORD)
        assert client.authenticate("SCRAM-SHA-256-PLUS", respond).startswith(protocol.success)


def test_what_is_offered_is_what_there_is(server: RunningServer) -> None:
    for name, question in (("imap", "b CAPABILITY"), ("pop3", "CAPA"), ("smtp", "EHLO x")):
        for identity in (ALICE, None):
            with session(server, PROTOCOLS[name], identity=identity) as client:
                client.lines.write(question.encode() + b"\r\nQUIT\r\nb LOGOUT\r\n")
                client.lines.flush()
                said = client.lines.read().decode().replace("AUTH=", "").replace("\r\n", " ").split()
                assert {mechanism for mechanism in MECHANISMS if mechanism in said} == (
                    set(MECHANISMS) - ({"EXTERNAL"} if identity is None else set())
                )


def test_who_has_guessed_in_all_protocols_together_is_turned_away_at_the_next_connection() -> None:
    strict = Settings(max_failed_log_ins_per_address=2)
    with running_server(store=MemoryStore(Directory([User(address=ALICE, password=PASSWORD)])), settings=strict) as one:
        with session(one, PROTOCOLS["smtp"]) as early:
            for name, protocol in PROTOCOLS.items():
                with session(one, protocol) as client:
                    assert not client.authenticate("PLAIN", plain("guess")).startswith(protocol.success), name
            for protocol in PROTOCOLS.values():
                with session(one, protocol) as late:
                    assert late.say("QUIT") == "", "the connection was closed after what stood for a greeting"
            # Who is there already may still log in.
            assert early.authenticate("PLAIN", plain(PASSWORD)).startswith("235 ")
        assert one.errors == []


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_secret_is_logged_or_shown(
    server: RunningServer, name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    for mechanism in MECHANISMS.values():
        real = mechanism.__init__

        def noting(self: object, *arguments: object, real: Callable[..., None] = real) -> None:
            made.append(self)
            real(self, *arguments)

        monkeypatch.setattr(mechanism, "__init__", noting)
    guess = "a-gue55-of-mine"
    with caplog.at_level(logging.DEBUG), session(server, PROTOCOLS[name]) as client:
        for mechanism_name, make in CLIENT_HALVES.items():
            client.authenticate(mechanism_name, make(guess))
        client.authenticate("PLAIN", plain(PASSWORD))
    assert len(made) >= len(CLIENT_HALVES)
    authorities = {exchange.authority for exchange in made if hasattr(exchange, "authority")}
    shown = [record.getMessage() + str(record.exc_info) for record in caplog.records]
    for thing in (*made, *authorities, server, server.store, *server.store.users):
        shown += [repr(thing), str(thing)]
    for secret in (PASSWORD, TOKEN, guess):
        encoded = base64.b64encode(secret.encode()).decode()
        assert not [text for text in shown if secret in text or encoded in text]
