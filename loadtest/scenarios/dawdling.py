"""A client that dawdles on purpose (slowloris): it begins something, never ends it, and sees how long it is borne.

What it stands on are the timers of the protocols. An SMTP server bears five minutes of silence between commands (RFC
5321 §4.5.3.2.7); a POP3 server that logs idle clients out bears ten, and then goes without a word (RFC 1939 §3); an
IMAP server bears thirty (RFC 3501 §5.4), but need not before the log-in (RFC 9051 §5.4). No RFC asks a server to begin
its timer anew with every octet: only a whole command has to do that.

No client here logs in: whoever attacks a server has no account there.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from conformance.wire.connection import client_tls
from loadtest.clients.session import BrokenError, by_deadline, kind_of
from loadtest.clients.smtp_client import Envelope
from loadtest.plan import Route

OCTET_EVERY_S = 1.0
"""Whoever says a command slowly takes this long for an octet."""

LAST_WORDS_S = 5.0
"""What a server said longer ago than this when it closed was no word of farewell."""

MOST_OCTETS = 1_048_576
"""A server that says more than this to somebody who asked for nothing is not listened to any longer."""

_TAIL_OCTETS = 8192

# Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF   ; RFC 5321 §4.2
# response = single-line CRLF ; single-line = status [SP text]                              ; RFC 2449 §7
# greeting = "*" SP (resp-cond-auth / resp-cond-bye) CRLF, response-tagged, continue-req    ; RFC 9051 §9
_ANSWER: Mapping[str, re.Pattern[bytes]] = MappingProxyType(
    {
        "smtp": re.compile(rb"^([2-5][0-9][0-9])(?:[ \r][^\n]*)?\n", re.MULTILINE),
        "pop3": re.compile(rb"^(\+OK|-ERR|\+)[^\n]*\n", re.MULTILINE),
        "imap": re.compile(rb"^(?:\* (OK|PREAUTH|BYE)|L[0-9] (OK|NO|BAD)|(\+))[^\n]*\n", re.MULTILINE | re.IGNORECASE),
    }
)
"""A whole answer, of which any further line only repeats the word that counts."""


def protocol_of(scheme: str) -> str:
    """`smtp`, of which LMTP has the replies, `pop3` or `imap`."""
    return next((protocol for protocol in ("pop3", "imap") if scheme.startswith(protocol)), "smtp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """One way to dawdle: what is said `before`, each when the last was answered, and what is begun then.

    What is begun is said octet by octet where it `drips`, or else at once; in both cases it never ends.
    `in_handshake` ones begin before there is TLS, and so before there is a greeting.
    """

    name: str
    begun: bytes
    before: tuple[bytes, ...] = ()
    drips: bool = False
    in_handshake: bool = False


def manners_for(scheme: str, envelope: Envelope) -> tuple[Manner, ...]:
    """The ways to dawdle with a server of this scheme; `envelope` is that of a message that is begun there."""
    hello = b"LHLO" if scheme == "lmtp" else b"EHLO"
    found = {
        # 512 octets are the most that a command has (RFC 5321 §4.5.3.1.4).
        "smtp": (
            Manner(name="a command octet by octet", begun=hello + b" " + b"x" * 480, drips=True),
            Manner(
                name="a text that stops",
                before=(hello + b" client.example\r\n", envelope.mail, *envelope.rcpts, b"DATA\r\n"),
                begun=b"Subject: wait\r\n\r\nI shall be",
            ),
        ),
        # 255 (RFC 2449 §4).
        "pop3": (
            Manner(name="a command octet by octet", begun=b"USER " + b"x" * 240, drips=True),
            Manner(name="half a password", before=(b"USER nobody\r\n",), begun=b"PASS I shall be"),
        ),
        # 8,192 at least (RFC 9051 §4).
        "imap": (
            Manner(name="a command octet by octet", begun=b'L1 LOGIN "' + b"x" * 7200, drips=True),
            Manner(name="half a literal", before=(b"L1 LOGIN {40}\r\n",), begun=b"I shall be saying"),
        ),
    }[protocol_of(scheme)]
    if scheme in ("smtps", "submissions", "pop3s", "imaps"):
        return (*found, Manner(name="a handshake octet by octet", begun=_hello(), drips=True, in_handshake=True))
    return found


def _hello() -> bytes:
    """What a TLS client says first (RFC 8446 §4.1.2), but for its last octet."""
    said = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        client_tls().wrap_bio(ssl.MemoryBIO(), said).do_handshake()
    return said.read()[:-1]


class Fate(Enum):
    """What becomes of a slow client's session."""

    TURNED_AWAY = "turned away"
    DROPPED = "dropped"
    BORNE = "borne"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended, after how many seconds, and with which words: `421`, `-ERR`, `BYE`; empty for none."""

    fate: Fate
    after_s: float
    word: str = ""

    def __str__(self) -> str:
        how = f"with {self.word}" if self.word else "without a word"
        return f"{self.fate.value} {how}, after {about(self.after_s)}"


class SlowClient:
    """One session of one slow client. `connected_at` is on the monotonic clock; 0 as long as there is no connection."""

    def __init__(self, route: Route, protocol: str, manner: Manner) -> None:
        self.manner = manner
        self.connected_at = 0.0
        self.is_greeted = False
        self._route = route
        self._answer = _ANSWER[protocol]
        self._sock: socket.socket | None = None
        self._tail = b""
        self._heard_at = 0.0
        self._heard_octets = 0

    @property
    def age_s(self) -> float:
        """How long the connection has been there."""
        return time.perf_counter() - self.connected_at

    @property
    def is_borne(self) -> bool:
        """Whether the server has taken this client in: greeted it, or begun a handshake with it."""
        return bool(self.connected_at) and (self.is_greeted or self.manner.in_handshake)

    def dawdle(self, *, longest_s: float) -> Ending:
        """Connect and hold on until the server lets go, or for so many seconds.

        Raises:
            BrokenError: there was no connection, or what came over it is none that one can dawdle on.
        """
        self._connect()
        until = self.connected_at + longest_s
        try:
            if not self.manner.in_handshake:
                if self._route.implicit_tls:
                    self._secure()
                word = self._wait_for_answer(until)
                if word and not word.startswith(("2", "+", "OK", "PREAUTH")):
                    return Ending(Fate.TURNED_AWAY, self.age_s, word)
                self.is_greeted = bool(word)
                for command in self.manner.before:
                    self._say(command)
                    if (word := self._wait_for_answer(until)) in ("421", "BYE"):
                        return Ending(Fate.DROPPED, self.age_s, word)
            return self._hold(until)
        except _ClosedError as closed:
            taken_in = self.is_greeted or self.manner.in_handshake
            return Ending(Fate.DROPPED if taken_in else Fate.TURNED_AWAY, self.age_s, self._last_word() or closed.how)

    def close(self) -> None:
        """Let go."""
        if self._sock is not None:
            self._sock.close()

    def _connect(self) -> None:
        address, patience = self._route.address, self._route.patience
        try:
            self._sock = sock = socket.socket(address.family, socket.SOCK_STREAM)
            sock.settimeout(patience.connect_s)
            sock.connect(address.sockaddr)
        except OSError as error:
            self.close()
            raise BrokenError("connect", kind_of(error)) from error
        self.connected_at = time.perf_counter()

    def _secure(self) -> None:
        assert self._sock is not None
        try:
            secured = client_tls().wrap_socket(self._sock, do_handshake_on_connect=False)
            self._sock = secured
            secured.settimeout(0.0)
            by_deadline(secured, time.perf_counter() + self._route.patience.reply_s, secured.do_handshake)
        except (OSError, ValueError) as error:
            what = "timeout" if isinstance(error, TimeoutError) else "handshake failed"
            raise BrokenError("tls", what) from error

    def _say(self, octets: bytes) -> None:
        assert self._sock is not None
        self._tail = b""
        self._send(octets)

    def _send(self, octets: bytes) -> None:
        assert self._sock is not None
        try:
            self._sock.settimeout(self._route.patience.reply_s)
            self._sock.sendall(octets)
        except TimeoutError:
            pass  # it does not read any more, but has not let go either
        except OSError as error:
            raise _ClosedError(_how(error)) from error

    def _wait_for_answer(self, until: float) -> str:
        """The word that the next answer begins with; empty if none came by then."""
        while (match := self._answer.search(self._tail)) is None:
            if time.perf_counter() >= until:
                return ""
            self._hear(until)
        return next(word for word in match.groups() if word).decode("ascii").upper()

    def _hold(self, until: float) -> Ending:
        begun, drips = self.manner.begun, self.manner.drips
        self._say(begun[:1] if drips else begun)
        sent = 1 if drips else len(begun)
        next_at = time.perf_counter() + OCTET_EVERY_S
        while (now := time.perf_counter()) < until:
            if sent < len(begun) and now >= next_at:
                self._send(begun[sent : sent + 1])
                sent += 1
                next_at = now + OCTET_EVERY_S
            self._hear(min(until, next_at) if sent < len(begun) else until)
        return Ending(Fate.BORNE, self.age_s)

    def _hear(self, until: float) -> None:
        """Whatever the server says, or nothing by then."""
        assert self._sock is not None
        try:
            self._sock.settimeout(max(until - time.perf_counter(), 0.001))
            octets = self._sock.recv(4096)
        except TimeoutError:
            return
        except OSError as error:
            raise _ClosedError(_how(error)) from error
        if not octets:
            raise _ClosedError("")
        self._heard_at = time.perf_counter()
        self._heard_octets += len(octets)
        if self._heard_octets > MOST_OCTETS:
            raise BrokenError("listening", "endless reply")
        self._tail = (self._tail + octets)[-_TAIL_OCTETS:]

    def _last_word(self) -> str:
        """The word of refusal that the server closed with."""
        if time.perf_counter() - self._heard_at > LAST_WORDS_S:
            return ""
        words = [next(word for word in match.groups() if word) for match in self._answer.finditer(self._tail)]
        last = words[-1].decode("ascii").upper() if words else ""
        return "" if last.startswith(("2", "3", "+", "OK", "PREAUTH")) else last


class _ClosedError(Exception):
    """The server let go; `how` is `a reset`, or empty where it closed in good order."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


def _how(error: OSError) -> str:
    return "a TLS alert" if isinstance(error, ssl.SSLError) else "a reset"


def about(seconds: float) -> str:
    """The time in words, coarse enough to be counted: `1 to 10 s`."""
    edges = (1, 10, 30, 60, 120, 300, 600)
    lower = max((edge for edge in edges if edge <= seconds), default=0)
    upper = next((edge for edge in edges if edge > seconds), None)
    return f"{lower} to {upper} s" if upper else f"more than {lower} s"
