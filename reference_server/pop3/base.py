"""What every part of the POP3 core stands on: state, settings, responses (RFC 1939 §3, RFC 2449 §8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from reference_server.core import Settings, Surroundings
from reference_server.pop3.maildrop import Maildrop
from reference_server.pop3.session import ON_ACCEPT, Event, State, Transitions, Verb
from reference_server.stores import Mailbox, Store


def _nobody_to_wake() -> None:
    """Stands in until a shell sets `request_wake`."""


class Session:
    """State of one session and the few things that all commands do."""

    protocol: ClassVar[str] = "pop3"
    transitions: ClassVar[Transitions] = ON_ACCEPT

    def __init__(self, store: Store, settings: Settings, surroundings: Surroundings) -> None:
        self.store = store
        self.settings = settings
        self.surroundings = surroundings
        self.tls = surroundings.tls
        self.state = State.AUTHORIZATION
        self.user_name: str | None = None
        self.request_wake: Callable[[], None] = _nobody_to_wake
        self.heard_at = 0.0
        self.busy = False
        self.bad_commands = 0
        self._maildrop: Maildrop | None = None
        self._locked: Mailbox | None = None

    @property
    def maildrop(self) -> Maildrop:
        """The open maildrop; there is one in TRANSACTION, and only there."""
        assert self._maildrop is not None
        return self._maildrop

    def advance(self, what: Verb | Event) -> None:
        """Go where the table says an accepted command, or an event, leads."""
        self.state = self.transitions[self.state, what]

    def ok(self, text: str) -> bytes:
        """A positive single-line response; in capitals, 512 octets at most (RFC 1939 §3, RFC 2449 §4)."""
        return b"+OK " + text.encode("utf-8") + b"\r\n"

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """A negative response, with a response code where one is defined (RFC 2449 §8, RFC 3206)."""
        return b"-ERR " + (f"[{code}] {text}" if code else text).encode("ascii") + b"\r\n"

    def multi_line(self, first: bytes, text: bytes) -> bytes:
        """A multi-line response: the text stuffed, then the line that ends it (RFC 1939 §3)."""
        return first + self.stuff(text) + self.terminator()

    def stuff(self, text: bytes) -> bytes:
        """Put a dot before each line that begins with one (RFC 1939 §3). Lines end in CRLF."""
        return (b"\r\n" + text).replace(b"\r\n.", b"\r\n..")[2:]

    def terminator(self) -> bytes:
        """The line that ends a multi-line response."""
        return b".\r\n"
