"""What every protocol core has in common, so that one shell can run them all.

A core is sans-IO: it is fed octets and the time, and hands back what is to be done. It never touches a socket, a clock
or TLS, and never raises on input: whatever a peer sends has a reply or closes the session.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from reference_server.smtp.limits import MINIMUM, SmtpLimits


@dataclass(frozen=True, slots=True)
class Send:
    """Write these octets to the peer."""

    octets: bytes


@lru_cache(maxsize=1024)
def _kept(octets: bytes) -> Send:
    return Send(octets)


def sending(octets: bytes) -> Send:
    """What writes these octets; for a short reply, which is given over and over, the same object each time."""
    return _kept(octets) if len(octets) <= _SHORT_OCTETS else Send(octets)


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin the TLS handshake now. The shell drops whatever clear text it still holds (RFC 3207 §4.2)."""


@dataclass(frozen=True, slots=True)
class Close:
    """Flush, then close the connection."""


@dataclass(frozen=True, slots=True)
class HalfClose:
    """Send no more, but go on reading: the peer sees the end of the stream. Only a broken line does that."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection with a TCP reset. Only a broken line does that."""


Action = Send | StartTls | Close | HalfClose | Reset


_SHORT_OCTETS = 100

MAX_OUTPUT_AT_ONCE_OCTETS = 1_048_576
"""Octets of replies after which a core takes no further command until it is woken."""


class Core(Protocol):
    """One session of one protocol. `now` is in seconds on any monotonic clock.

    A core with something outside to watch, or with more to do than it does at once, has an attribute `request_wake`,
    which the shell sets; the shell answers its call, from any thread, with `wake`, but not before the peer has read
    what was sent before. While `busy`, where a core has that, is true, nothing more is read from the peer.
    """

    def connected(self, now: float) -> list[Action]:
        """The connection is open (and, for implicit TLS, secured): greet."""

    def turned_away(self, now: float) -> list[Action]:
        """The same in place of `connected` where there are too many connections: say so and close."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Octets arrived, cut anywhere."""

    def tls_started(self, now: float) -> list[Action]:
        """The handshake that `StartTls` asked for is done; all knowledge from before it is gone."""

    def wake(self, now: float) -> list[Action]:
        """Something outside changed (a mailbox this session watches): say so if the protocol lets one."""

    def timer(self, now: float) -> list[Action]:
        """Called at or after `deadline`: the peer was silent for too long."""

    @property
    def deadline(self) -> float | None:
        """When `timer` should be called, or None."""

    def going_down(self, now: float) -> list[Action]:
        """The server is being shut down: say so if the protocol lets one, and close."""

    def disconnected(self) -> None:
        """The connection is gone: release locks and subscriptions, commit nothing."""


def utc_now() -> datetime:
    """The wall clock, for dates that people read; time-outs run on the `now` of the shell."""
    return datetime.now(UTC)


def token_maker() -> Callable[[], str]:
    """A source of tokens of letters and digits, none of which comes twice in this process or is likely in another."""
    start, counter = os.urandom(4).hex(), itertools.count(1)
    return lambda: f"{start}{next(counter):06x}"


def random_nonce() -> str:
    """144 random bits in letters and digits: what SCRAM and CRAM-MD5 need (RFC 5802 §5.1, RFC 2195 §2)."""
    return secrets.token_hex(18)


def no_channel_binding(kind: str) -> bytes | None:
    """Stands in where there is no TLS connection to bind to."""
    return None


def never_too_many() -> bool:
    """Stands in where failed log-ins are counted for each session alone."""
    return False


def no_certificate() -> tuple[str, ...]:
    """Stands in where the client has shown no certificate."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an operator sets, the same for every core.

    `allow_cleartext` permits plain-text log-in without TLS (RFC 8314 asks for the opposite). `max_message_octets` is
    what SIZE advertises (RFC 1870); RFC 5321 §4.5.3.1.7 wants 65,536 at least, and §4.5.3.1.8 that `max_recipients` be
    100 or more. `smtp_limits` are the smaller sizes of §4.5.3.1. Time-outs default to those of RFC 5321 §4.5.3.2.7
    (`smtp_timeout_s`, between commands) and §4.5.3.2.5 (`smtp_data_timeout_s`, between pieces of a message; the other
    times of §4.5.3.2 are for clients), RFC 1939 §3 and RFC 3501 §5.4.
    `pop3_login_delay_s` is how long a user has to stay away from his maildrop (LOGIN-DELAY, RFC 2449 §6.5).
    `max_bad_commands` in a row, or `max_failed_log_ins` in all, are what one session may have without being ended (RFC
    5321 §7.8; no RFC names a figure). `max_failed_log_ins_per_address` is for all sessions from one address together,
    and forgotten when none has failed for `failed_log_ins_remembered_s`. `max_connections` may be open,
    `max_connections_per_address` from one address.
    `wall_clock` dates messages, `unique` names them, `nonce` is what nobody can foresee: a core reads no clock and no
    randomness of its own.
    """

    hostname: str = "mail.example.test"
    domains: frozenset[str] = frozenset({"example.test"})
    allow_cleartext: bool = False
    max_message_octets: int = 10_240_000
    max_recipients: int = 1000
    smtp_limits: SmtpLimits = MINIMUM
    smtp_timeout_s: float = 300.0
    smtp_data_timeout_s: float = 180.0
    pop3_timeout_s: float = 600.0
    pop3_login_delay_s: int = 0
    imap_timeout_s: float = 1800.0
    max_bad_commands: int = 100
    max_failed_log_ins: int = 10
    max_failed_log_ins_per_address: int = 20_000
    failed_log_ins_remembered_s: float = 600.0
    max_connections: int = 20_000
    max_connections_per_address: int = 20_000
    wall_clock: Callable[[], datetime] = utc_now
    unique: Callable[[], str] = token_maker()  # noqa: RUF009  (one source for the whole process is the point)
    nonce: Callable[[], str] = random_nonce


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a session knows of the connection it runs on.

    `channel_binding` gives the data of a TLS channel binding by its name (RFC 5929), or None; `certificate_names` the
    names in the client's certificate once it was verified. Both answer for the TLS that is there when they are called.
    `log_in_failed` is to be called for each wrong proof; it says whether the sessions from that address together have
    had too many.
    """

    peer: str = "127.0.0.1"
    tls: bool = False
    tls_available: bool = True
    submission: bool = False
    channel_binding: Callable[[str], bytes | None] = no_channel_binding
    certificate_names: Callable[[], tuple[str, ...]] = no_certificate
    log_in_failed: Callable[[], bool] = never_too_many
