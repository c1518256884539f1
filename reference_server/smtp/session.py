"""The states of an SMTP session and the transitions between them, as data.

RFC 5321 §4.1.4; RFC 3030 for BDAT, RFC 3207 for STARTTLS, RFC 4954 for AUTH.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

from reference_server.smtp.grammar import NOBODY, Address


class State(Enum):
    """Where a session stands."""

    __hash__ = object.__hash__  # that of Enum is written in Python, and the tables below are looked into all the time

    FRESH = "connected, no greeting yet"
    IDLE = "greeted, no mail transaction"
    SENDER_GIVEN = "MAIL accepted"
    RECIPIENT_GIVEN = "at least one RCPT accepted"
    RECEIVING = "after 354, until the lone dot"
    BETWEEN_CHUNKS = "a BDAT was accepted, and none that was the last"
    CHUNKS_REFUSED = "a chunk was refused, and with it the message"
    AUTHENTICATING = "after 334, until the exchange ends"
    SECURING = "STARTTLS accepted, TLS not yet there"
    CLOSED = "221 or 421 sent"


class Verb(Enum):
    """Commands that are known here."""

    __hash__ = object.__hash__  # that of Enum is written in Python, and the tables below are looked into all the time

    HELO = b"HELO"
    EHLO = b"EHLO"
    LHLO = b"LHLO"
    MAIL = b"MAIL"
    RCPT = b"RCPT"
    DATA = b"DATA"
    BDAT = b"BDAT"
    RSET = b"RSET"
    VRFY = b"VRFY"
    EXPN = b"EXPN"
    HELP = b"HELP"
    NOOP = b"NOOP"
    QUIT = b"QUIT"
    AUTH = b"AUTH"
    STARTTLS = b"STARTTLS"


class Event(Enum):
    """What moves a session without being a command."""

    __hash__ = object.__hash__  # that of Enum is written in Python, and the tables below are looked into all the time

    END_OF_DATA = "the lone dot, or the last chunk, arrived"
    CHUNK_REFUSED = "a chunk that was not the last was refused"
    END_OF_AUTH = "the exchange succeeded, failed or was cancelled"
    TLS_STARTED = "the handshake is done"


VERBS: Mapping[bytes, Verb] = MappingProxyType({verb.value: verb for verb in Verb})

IN_TRANSACTION = (State.SENDER_GIVEN, State.RECIPIENT_GIVEN, State.BETWEEN_CHUNKS, State.CHUNKS_REFUSED)
"""The states between MAIL and the end of the message in which commands are read."""

ANY_OPEN = (State.FRESH, State.IDLE, *IN_TRANSACTION)
"""The states in which commands are read."""

Transitions = Mapping[tuple[State, Verb | Event], State]

# A pair missing from this table is answered 503 and changes nothing (RFC 5321 §4.1.4).
ON_ACCEPT: Transitions = MappingProxyType(
    {
        # §4.1.4: EHLO, HELO and LHLO also reset.
        **{(state, Verb.EHLO): State.IDLE for state in ANY_OPEN},
        **{(state, Verb.HELO): State.IDLE for state in ANY_OPEN},
        **{(state, Verb.LHLO): State.IDLE for state in ANY_OPEN},
        (State.IDLE, Verb.MAIL): State.SENDER_GIVEN,
        (State.SENDER_GIVEN, Verb.RCPT): State.RECIPIENT_GIVEN,
        (State.RECIPIENT_GIVEN, Verb.RCPT): State.RECIPIENT_GIVEN,
        (State.RECIPIENT_GIVEN, Verb.DATA): State.RECEIVING,
        (State.RECEIVING, Event.END_OF_DATA): State.IDLE,
        # RFC 3030 §2: chunk after chunk, and no DATA, MAIL or RCPT among them.
        (State.RECIPIENT_GIVEN, Verb.BDAT): State.BETWEEN_CHUNKS,
        (State.BETWEEN_CHUNKS, Verb.BDAT): State.BETWEEN_CHUNKS,
        # What follows a refused chunk would be a message with a gap: it is thrown away up to its last chunk.
        **{(state, Event.CHUNK_REFUSED): State.CHUNKS_REFUSED for state in IN_TRANSACTION},
        **{(state, Event.END_OF_DATA): State.IDLE for state in IN_TRANSACTION},
        # §4.1.1.5: RSET drops the transaction, never the greeting.
        **{(state, Verb.RSET): State.FRESH if state is State.FRESH else State.IDLE for state in ANY_OPEN},
        # §4.1.4: these need no greeting and move nothing.
        **{(state, Verb.NOOP): state for state in ANY_OPEN},
        **{(state, Verb.HELP): state for state in ANY_OPEN},
        **{(state, Verb.VRFY): state for state in ANY_OPEN},
        **{(state, Verb.EXPN): state for state in ANY_OPEN},
        **{(state, Verb.QUIT): State.CLOSED for state in ANY_OPEN},
        # RFC 4954 §4: never inside a mail transaction.
        (State.IDLE, Verb.AUTH): State.AUTHENTICATING,
        (State.AUTHENTICATING, Event.END_OF_AUTH): State.IDLE,
        (State.IDLE, Event.END_OF_AUTH): State.IDLE,
        # An extension is used after EHLO named it; inside a transaction STARTTLS is legal and ends it (RFC 3207 §4.2).
        **{(state, Verb.STARTTLS): State.SECURING for state in ANY_OPEN if state is not State.FRESH},
        (State.SECURING, Event.TLS_STARTED): State.FRESH,
    }
)


@dataclass(frozen=True, slots=True)
class Recipient(Address):
    """A recipient and what its RCPT asked of notices: NOTIFY, and ORCPT as it came (RFC 3461 §4). None: not said."""

    notify: frozenset[str] | None = None
    orcpt: bytes | None = None


@lru_cache(maxsize=512)  # as with paths: the same people get mail over and over
def without_parameters(address: Address) -> Recipient:
    """The recipient of a RCPT that names an address and nothing else."""
    return Recipient(address.local_part, address.domain, address.written)


@dataclass(slots=True)
class Transaction:
    """A mail transaction: the sender, the recipients, and what MAIL said of the text (RFC 5321 §3.3).

    `ret` and `envid` are of RFC 3461 §4.3 and §4.4, the latter in xtext as it came; `require_tls` is the tag of
    RFC 8689 §4.1; `declared_octets` is the value of SIZE (RFC 1870 §6).
    """

    sender: Address = NOBODY
    recipients: list[Recipient] = field(default_factory=list)
    eight_bit: bool = False
    binary: bool = False
    utf8: bool = False
    declared_octets: int | None = None
    ret: str | None = None
    envid: bytes | None = None
    require_tls: bool = False
