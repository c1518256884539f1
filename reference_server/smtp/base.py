"""What every part of the SMTP core stands on: state, settings, replies (RFC 5321 §4.2, RFC 2034)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from reference_server.core import Settings, Surroundings
from reference_server.smtp import replies
from reference_server.smtp.grammar import Address
from reference_server.smtp.session import ON_ACCEPT, Event, State, Transaction, Transitions, Verb
from reference_server.stores import Account, Store

_GREETINGS = frozenset({Verb.HELO, Verb.EHLO, Verb.LHLO})


def _nobody_to_wake() -> None:
    """Stands in until a shell sets `request_wake`."""


class Session:
    """State of one session and the few things that all commands do.

    `greeting_name` is what the client called itself, empty before; `extended` says that it did so with EHLO or LHLO.
    `longer_lines` is by how many octets the extensions that it was offered lengthen the line of a command.
    """

    protocol: ClassVar[str] = "smtp"
    transitions: ClassVar[Transitions] = ON_ACCEPT
    greeting_verbs: ClassVar[frozenset[Verb]] = frozenset({Verb.HELO, Verb.EHLO})

    def __init__(self, store: Store, settings: Settings, surroundings: Surroundings) -> None:
        self.store = store
        self.settings = settings
        self.surroundings = surroundings
        self.tls = surroundings.tls
        self.state = State.FRESH
        self.account: Account | None = None
        self.greeting_name = ""
        self.extended = False
        self.longer_lines: Mapping[bytes, int] = {}
        self.transaction = Transaction()
        self.bad_commands = 0
        self.request_wake: Callable[[], None] = _nobody_to_wake

    def advance(self, what: Verb | Event) -> None:
        """Go where the table says an accepted command, or an event, leads."""
        self.state = self.transitions[self.state, what]

    def is_offered(self, verb: Verb) -> bool:
        """Of the greeting commands only those of this protocol are; BDAT is, where CHUNKING is."""
        if verb is Verb.BDAT:
            return self.offers_chunking()
        return verb not in _GREETINGS or verb in self.greeting_verbs

    def offers_chunking(self) -> bool:
        """Whether CHUNKING is offered (RFC 3030 §2)."""
        return True

    def offers_binary(self) -> bool:
        """Whether BINARYMIME is offered, which needs CHUNKING (RFC 3030 §3)."""
        return self.offers_chunking()

    def offers_dsn(self) -> bool:
        """Whether DSN is offered (RFC 3461 §3)."""
        return True

    def offers_require_tls(self) -> bool:
        """Whether REQUIRETLS is offered: never in the clear (RFC 8689 §2)."""
        return self.tls

    def forget_transaction(self) -> None:
        """Drop sender, recipients and what was said of the text."""
        self.transaction = Transaction()

    def forget_session(self) -> None:
        """Drop all that the client said: what a new TLS layer demands (RFC 3207 §4.2)."""
        self.forget_transaction()
        self.account = None
        self.greeting_name = ""
        self.extended = False
        self.longer_lines = {}

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """One reply; the enhanced code goes on every line (RFC 2034 §4).

        Replies to the greeting commands, and 3xx, never have an enhanced code.
        """
        limit = self.settings.smtp_limits.reply_line_octets
        return replies.build(code, (text, *more), enhanced=enhanced, limit=limit)

    def bad_sequence(self, text: str = "bad sequence of commands") -> bytes:
        """The answer to a command that is out of place (RFC 5321 §4.1.4)."""
        return self.reply(503, text, enhanced="5.5.1")

    def bad_argument(self, text: str, *, enhanced: str = "5.5.4") -> bytes:
        """The answer to a command whose argument does not follow the grammar."""
        return self.reply(501, text, enhanced=enhanced)

    # What one part defines and another needs; never run, since every core has all parts.

    def mechanisms(self) -> list[str]:
        """SASL mechanisms that may be used right now; see `auth`."""
        raise NotImplementedError  # pragma: no cover

    def is_local(self, address: Address) -> bool:
        """Whether we give mail service to its domain; see `envelope`."""
        raise NotImplementedError  # pragma: no cover

    def refusal_of_sender(self, sender: Address) -> bytes | None:
        """Why a sender is turned down; see `submission`."""
        raise NotImplementedError  # pragma: no cover

    def refusal_of_unqualified(self, recipient: Address) -> bytes | None:
        """Why a recipient is turned down for its domain alone; see `submission`."""
        raise NotImplementedError  # pragma: no cover

    def refusal_of_header(self, header: bytes) -> bytes | None:
        """Why a message is turned down for its address fields; see `submission`."""
        raise NotImplementedError  # pragma: no cover

    def completed(self, text: bytes) -> bytes:
        """The message with what it lacks; see `submission`."""
        raise NotImplementedError  # pragma: no cover

    def account_of(self, recipient: Address) -> Account | None:
        """Who gets mail for a local recipient; see `envelope`."""
        raise NotImplementedError  # pragma: no cover

    def refusal_of_room(self, account: Account, octets: int) -> bytes | None:
        """Why a message of that size cannot go to that account; see `delivery`."""
        raise NotImplementedError  # pragma: no cover

    def deliver(self, text: bytes) -> None:
        """Put a message where it belongs; see `delivery`."""
        raise NotImplementedError  # pragma: no cover

    def refusal_after_delivery(self) -> bytes | None:
        """Why nobody got the message; see `delivery`."""
        raise NotImplementedError  # pragma: no cover

    def too_big(self) -> bytes:
        """The answer to a message above the size that is offered; see `envelope`."""
        raise NotImplementedError  # pragma: no cover
