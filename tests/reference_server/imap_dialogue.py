"""Dialogues with the IMAP core, written as transcripts: what the client sends, and every octet that it gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from textwrap import dedent
from types import MappingProxyType

from conformance.wire.imap_grammar import recognise
from reference_server.core import Action, Close, Send, Settings, StartTls, Surroundings
from reference_server.imap.core import ImapCore
from reference_server.stores.mailbox import MemoryMailbox
from reference_server.stores.memory import MemoryStore

LITERAL = re.compile(rb"\{([0-9]+)\}\r\n\Z")

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECRETS: Mapping[str, str] = MappingProxyType({"alice@example.test": "secret", "bob@example.test": "secret"})


def new_store() -> MemoryStore:
    """Two accounts, UIDVALIDITY 7 for each INBOX."""
    return MemoryStore(SECRETS, first_uid_validity=7)


def inbox(store: MemoryStore) -> MemoryMailbox:
    """Alice's INBOX."""
    return folder(store, "INBOX")


def folder(store: MemoryStore, name: str) -> MemoryMailbox:
    """A folder of Alice's."""
    account = store.account("alice@example.test")
    assert account is not None
    mailbox = account.mailbox(name)
    assert mailbox is not None
    return mailbox


def message(text: str) -> bytes:
    """A message written with the source's own line ends."""
    return dedent(text).lstrip("\n").replace("\n", "\r\n").encode()


def octets_of(actions: list[Action]) -> bytes:
    """What is sent; the other actions in angle brackets on lines of their own."""
    names = {StartTls: b"<StartTls>\r\n", Close: b"<Close>\r\n"}
    return b"".join(action.octets if isinstance(action, Send) else names[type(action)] for action in actions)


def responses_in(octets: bytes) -> list[bytes]:
    """Complete responses: lines, each with the literals in it and what stands after those."""
    responses, start, at = [], 0, 0
    while start < len(octets):
        end = octets.index(b"\r\n", at) + 2
        announced = LITERAL.search(octets, at, end)
        if announced:
            at = end + int(announced[1])
        else:
            responses.append(octets[start:end])
            start = at = end
    return responses


class Client:
    """One session that can be played a transcript."""

    def __init__(
        self,
        store: MemoryStore,
        *,
        core: type[ImapCore] = ImapCore,
        tls: bool = True,
        tls_available: bool = True,
        settings: Settings | None = None,
    ) -> None:
        self.core = core(store, settings or Settings(), Surroundings(tls=tls, tls_available=tls_available))
        self.greeting = octets_of(self.core.connected(0.0))

    def say(self, octets: bytes) -> bytes:
        """Send octets and get what comes back, all of it."""
        actions = self.core.receive(octets, 0.0)
        while self.core.busy:
            actions += self.core.wake(0.0)
        return octets_of(actions)

    def play(self, transcript: str) -> None:
        """Say the lines marked `C:` and expect the lines marked `S:`, no more and no fewer.

        In an expected line `…` stands for anything. The octets of a literal are lines of the transcript too.
        """
        expected: list[str] = []
        got = b""
        for line in dedent(transcript).strip("\n").split("\n"):
            marker, text = line[:2], line[3:]
            if marker == "S:":
                expected.append(text)
                continue
            assert marker == "C:", f"neither C: nor S: {line!r}"
            self._compare(expected, got)
            expected, got = [], self.say(text.encode("latin-1") + b"\r\n")
        self._compare(expected, got)

    def _compare(self, expected: list[str], got: bytes) -> None:
        for response in responses_in(got):
            assert response.startswith(b"<") or not recognise(response), (
                f"{response!r} is not in the grammar: {recognise(response)}"
            )
        lines = got.decode("latin-1").split("\r\n")
        assert lines.pop() == "", f"output does not end with CRLF: {got!r}"
        patterns = [".*".join(map(re.escape, line.split("…"))) for line in expected]
        fits = len(lines) == len(patterns) and all(
            re.fullmatch(pattern, line, re.DOTALL) for pattern, line in zip(patterns, lines, strict=True)
        )
        assert fits, "\n".join(["expected", *expected, "got", *lines])


def logged_in(store: MemoryStore, *, core: type[ImapCore] = ImapCore, settings: Settings | None = None) -> Client:
    """Alice, in the authenticated state."""
    client = Client(store, core=core, settings=settings)
    client.play(
        """
        C: a LOGIN alice secret
        S: a OK [CAPABILITY …] logged in
        """
    )
    return client


def selected(store: MemoryStore, name: str = "INBOX", *, core: type[ImapCore] = ImapCore) -> Client:
    """Alice, with a mailbox selected."""
    client = logged_in(store, core=core)
    reply = client.say(b"s SELECT %b\r\n" % name.encode())
    assert reply.endswith(b"s OK [READ-WRITE] SELECT completed\r\n"), reply
    return client
