"""The states of a POP3 session and the transitions between them, as data (RFC 1939 §3, RFC 2595 §4, RFC 5034 §4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class State(Enum):
    """Where a session stands. UPDATE is no state here: it is over before QUIT is answered."""

    AUTHORIZATION = "connected, nobody logged in"
    USER_GIVEN = "USER accepted, PASS to follow at once"
    AUTHENTICATING = "after a challenge, until the exchange ends"
    SECURING = "STLS accepted, TLS not yet there"
    TRANSACTION = "logged in, maildrop locked"
    CLOSED = "QUIT answered, or timed out"


class Verb(Enum):
    """Commands that are known here."""

    USER = b"USER"
    PASS = b"PASS"
    APOP = b"APOP"
    AUTH = b"AUTH"
    STLS = b"STLS"
    CAPA = b"CAPA"
    STAT = b"STAT"
    LIST = b"LIST"
    RETR = b"RETR"
    DELE = b"DELE"
    NOOP = b"NOOP"
    RSET = b"RSET"
    TOP = b"TOP"
    UIDL = b"UIDL"
    UTF8 = b"UTF8"
    LANG = b"LANG"
    QUIT = b"QUIT"


class Event(Enum):
    """What moves a session without being a command."""

    LOGGED_IN = "the maildrop is locked and open"
    LOG_IN_FAILED = "wrong credentials, a cancelled exchange, or the maildrop is in use"
    TLS_STARTED = "the handshake is done"


VERBS: Mapping[bytes, Verb] = MappingProxyType({verb.value: verb for verb in Verb})

Transitions = Mapping[tuple[State, Verb | Event], State]

# A pair missing from this table is answered -ERR and changes nothing (RFC 1939 §3).
ON_ACCEPT: Transitions = MappingProxyType(
    {
        # PASS comes immediately after USER (RFC 1939 §7): before any other command the core leaves USER_GIVEN.
        (State.AUTHORIZATION, Verb.USER): State.USER_GIVEN,
        (State.USER_GIVEN, Verb.PASS): State.TRANSACTION,
        (State.AUTHORIZATION, Verb.APOP): State.TRANSACTION,
        (State.AUTHORIZATION, Verb.AUTH): State.AUTHENTICATING,
        (State.AUTHORIZATION, Verb.STLS): State.SECURING,
        (State.AUTHORIZATION, Verb.CAPA): State.AUTHORIZATION,
        (State.AUTHORIZATION, Verb.UTF8): State.AUTHORIZATION,
        (State.AUTHORIZATION, Verb.LANG): State.AUTHORIZATION,
        (State.AUTHORIZATION, Verb.QUIT): State.CLOSED,
        (State.TRANSACTION, Verb.QUIT): State.CLOSED,
        **{
            (state, Event.LOGGED_IN): State.TRANSACTION
            for state in (State.AUTHORIZATION, State.USER_GIVEN, State.AUTHENTICATING)
        },
        **{
            (state, Event.LOG_IN_FAILED): State.AUTHORIZATION
            for state in (State.AUTHORIZATION, State.USER_GIVEN, State.AUTHENTICATING)
        },
        (State.SECURING, Event.TLS_STARTED): State.AUTHORIZATION,
        **{
            (State.TRANSACTION, verb): State.TRANSACTION
            for verb in (
                Verb.CAPA,
                Verb.LANG,
                Verb.STAT,
                Verb.LIST,
                Verb.RETR,
                Verb.DELE,
                Verb.NOOP,
                Verb.RSET,
                Verb.TOP,
                Verb.UIDL,
            )
        },
    }
)
