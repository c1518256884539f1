"""Drives any server core with any input and demands what every core promises, whoever makes the input up.

The promises: no exception; a declared state after every call; nothing sent after `Close`; actions, octets out and
octets held bounded by what went in; and the same replies however the octets are cut.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from reference_server.accounts.directory import Directory
from reference_server.accounts.user import User
from reference_server.core import Action, Close, Core, Send, Settings, StartTls, Surroundings
from reference_server.imap import session as imap_session
from reference_server.imap.core import ImapCore
from reference_server.pop3 import session as pop3_session
from reference_server.pop3.core import Pop3Core
from reference_server.smtp import session as smtp_session
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.lmtp import LmtpCore
from reference_server.stores import Limits
from reference_server.stores.memory import MemoryStore

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
ALICE, BOB = "alice@example.test", "bob@example.test"

MAX_MESSAGE_OCTETS = 65_536
"""What the server under test takes in one message."""

ROOM = Limits(storage_octets=262_144, messages=100)
"""What one account may have: COPY doubles a mailbox, and no input may fill the memory."""

HELD_OCTETS = 2_097_152
"""What a session may hold in all its buffers: a message, a command with its literals, compressed octets that wait."""

MOST_SINGLE_OCTETS = 512
"""The longest input that comes octet by octet."""

CPU_S = 5.0
"""Longest time for one step; the sizes above are worth milliseconds."""

MESSAGES = (
    b"From: Carol <carol@client.example>\r\nTo: alice@example.test\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"
    b"Date: Sun, 1 Mar 2026 12:00:00 +0000\r\nMessage-ID: <1@client.example>\r\n\r\n.\r\n..\r\nbody\r\n",
    b"Subject: parts\r\nIn-Reply-To: <1@client.example>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\npreamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nZ3LDvMOfZQ==\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\n\r\ninner body\r\n--b--\r\nepilogue\r\n",
)


@dataclass(frozen=True, slots=True)
class Feed:
    """The client sends these octets."""

    octets: bytes


class Happening(Enum):
    """What befalls a session beside octets."""

    TLS_STARTED = "the handshake is done; nothing unless the core asked for one"
    TIMER = "the deadline is over"
    EARLY_TIMER = "the timer comes too soon"
    WAKE = "somebody woke the session"
    DELIVERY = "a message comes into the INBOX"
    DISCONNECTED = "the connection is gone"


Step = Feed | Happening


class LegibleImapCore(ImapCore):
    """Compresses as ever but sends the clear text: where the portions end is not what matters here."""

    def outgoing(self, octets: bytes) -> bytes:
        super().outgoing(octets)
        return octets


CORES: MappingProxyType[str, tuple[type[Any], type[Enum]]] = MappingProxyType(
    {
        "smtp": (SmtpCore, smtp_session.State),
        "submission": (SmtpCore, smtp_session.State),
        "lmtp": (LmtpCore, smtp_session.State),
        "pop3": (Pop3Core, pop3_session.State),
        "imap": (LegibleImapCore, imap_session.State),
    }
)
"""Service to its core and the states that this declares."""

# One for all stores: keys are derived once, and names that nobody has get the same made-up salt in every session.
_DIRECTORY = Directory(
    User(address=address, password="secret", token=f"{address}'s token", limits=ROOM) for address in (ALICE, BOB)
)


class Session:
    """One core with a store of its own, and what a shell would know of it."""

    def __init__(self, service: str) -> None:
        kind, self.states = CORES[service]
        self.store = MemoryStore(_DIRECTORY, first_uid_validity=7)
        self.inbox = self.store.accounts[0].boxes()[0]
        for octets in MESSAGES:
            self.inbox.append(octets, internal_date=NOON)
        settings = Settings(
            allow_cleartext=True,
            max_message_octets=MAX_MESSAGE_OCTETS,
            wall_clock=lambda: NOON,
            unique=lambda: "id1",
            nonce=lambda: "nonce",
        )
        self.core: Core = kind(self.store, settings, Surroundings(submission=service == "submission"))
        self.wake_asked = False
        if hasattr(self.core, "request_wake"):
            self.core.request_wake = self._ask_wake
        self.handshaking = False
        self.closed = False
        self.now = 0.0
        self.call(self.core.connected(self.now), 0)

    def _ask_wake(self) -> None:
        self.wake_asked = True

    @property
    def state(self) -> Enum:
        """Where the session stands."""
        state: Enum = self.core.state  # type: ignore[attr-defined]
        return state

    @property
    def is_patient(self) -> bool:
        """Whether the time for the peer is not over."""
        deadline = self.core.deadline
        return deadline is None or deadline > self.now

    def do(self, step: Step) -> tuple[bytes, tuple[Action, ...]]:
        """Take one step: what was sent, and what else is to be done."""
        actions: list[Action] = []
        if isinstance(step, Feed):
            actions = self.call(self.core.receive(step.octets, self.now), len(step.octets))
        elif step is Happening.TLS_STARTED and self.handshaking:
            self.handshaking = False
            actions = self.call(self.core.tls_started(self.now), 0)
        elif step is Happening.TIMER and self.core.deadline is not None:
            self.now = max(self.now, self.core.deadline)
            actions = self.call(self.core.timer(self.now), 0)
            assert self.is_patient, "time-outs come to an end"
        elif step is Happening.EARLY_TIMER:
            assert self.core.timer(self.now) == [], "a timer that comes too soon does nothing"
        elif step is Happening.WAKE:
            actions = self.call(self.core.wake(self.now), 0)
        elif step is Happening.DELIVERY and len(self.inbox.messages) < 90:
            self.inbox.append(b"Subject: new\r\n\r\nnew\r\n", internal_date=NOON)
        elif step is Happening.DISCONNECTED:
            self.core.disconnected()
            self.closed = True
        while self.wake_asked:
            # As the shell does: never from within a call, and as often as it is asked for.
            self.wake_asked = False
            if not self.closed:
                actions += self.call(self.core.wake(self.now), 0)
        sent = b"".join(action.octets for action in actions if isinstance(action, Send))
        return sent, tuple(action for action in actions if not isinstance(action, Send))

    def call(self, actions: list[Action], octets_in: int) -> list[Action]:
        """Check what one call of the core came to."""
        assert isinstance(actions, list)
        assert len(actions) <= 4 + 2 * octets_in, f"{len(actions)} actions for {octets_in} octets"
        assert self.state in self.states
        for action in actions:
            assert not self.closed, f"{action} after Close"
            assert isinstance(action, Send | StartTls | Close)
            if isinstance(action, StartTls):
                assert not self.handshaking
                self.handshaking = True
            self.closed |= isinstance(action, Close)
            assert not isinstance(action, Send) or action.octets, "nothing is no reply"
        assert not self.closed or self.core.deadline is None, "a session that is over waits for nothing"
        return actions


def most_octets_out(session: Session, octets_in: int) -> int:
    """The most that may be sent for so many octets.

    A command can ask for the whole mailbox with some seven octets (`BODY[] BODY[] …`), or for its structure, which is
    several times as long as an empty part.
    """
    folders = session.store.accounts[0].boxes()
    stored = sum(len(message.octets) for folder in folders for message in folder.messages)
    return 65_536 + (octets_in + 65_536) * (len(folders) * 64 + stored * 8 + 4096)


def play(service: str, steps: Sequence[Step], *, piece_octets: int = 0) -> list[tuple[bytes, tuple[Action, ...]]]:
    """A whole session: for each step what came of it. Octets come in pieces of that size, as a whole if it is 0."""
    session = Session(service)
    results: list[tuple[bytes, tuple[Action, ...]]] = []
    fed = 0
    for step in steps:
        began = time.thread_time()
        if isinstance(step, Feed) and piece_octets:
            cuts = range(0, len(step.octets), piece_octets)
            parts = [session.do(Feed(step.octets[at : at + piece_octets])) for at in cuts]
            result = b"".join(sent for sent, _ in parts), tuple(other for _, others in parts for other in others)
        else:
            result = session.do(step)
        spent = time.thread_time() - began
        fed += len(step.octets) if isinstance(step, Feed) else 0
        assert spent < CPU_S, f"{spent:.1f} s for {step!r:.200}"
        assert len(result[0]) <= most_octets_out(session, fed), f"{len(result[0])} octets out for {step!r:.200}"
        if step is steps[-1] or (isinstance(step, Feed) and len(step.octets) > MOST_SINGLE_OCTETS):
            held = held_octets(session.core)
            assert held <= min(HELD_OCTETS, 300_000 + 40 * fed), f"{held} octets held after {fed}"
        results.append((legible(result[0]), result[1]))
    session.core.disconnected()
    assert session.state in session.states
    assert session.core.deadline is None
    return results


def check(service: str, steps: Sequence[Step]) -> None:
    """All that a core promises, for one session."""
    whole = play(service, steps)
    octets = sum(len(step.octets) for step in steps if isinstance(step, Feed))
    # Octet by octet where that is soon done, else in pieces whose size has nothing to do with what they say.
    piece_octets = 1 if octets <= MOST_SINGLE_OCTETS else octets // 97
    cut = play(service, steps, piece_octets=piece_octets)
    for step, together, apart in zip(steps, whole, cut, strict=True):
        assert together == apart, f"{piece_octets} octets at a time {step!r} comes to {apart}, as a whole to {together}"


# What differs from run to run and is no matter of the octets: when APPEND came, made-up ids, and tokens of URLAUTH.
_VARIABLE = re.compile(
    rb'(?<=INTERNALDATE )"[^"]*"|(?<=SAVEDATE )"[^"]*"|\b[A-Z][0-9a-f]{18}\b|(?<=:internal:)[0-9a-f]+', re.IGNORECASE
)


def legible(octets: bytes) -> bytes:
    """Octets with what is different in every run taken out."""
    return _VARIABLE.sub(b"", octets)


_NO_BUFFERS = (type, FunctionType, ModuleType, re.Pattern, Enum, Settings, Surroundings, MappingProxyType)
_OF_THE_STORE = ("reference_server.stores", "reference_server.accounts")


def held_octets(core: Core) -> int:
    """Octets in everything that a core holds, whatever it is called; what lies in the store is not its own."""
    seen: set[int] = set()
    total = 0
    to_do: list[object] = [core]
    while to_do:
        thing = to_do.pop()
        if id(thing) in seen or isinstance(thing, _NO_BUFFERS) or type(thing).__module__.startswith(_OF_THE_STORE):
            continue
        seen.add(id(thing))
        if isinstance(thing, bytes | bytearray | str):
            total += len(thing)
        else:
            inner = list(_inside(thing))
            total += 8 * len(inner)
            to_do += inner
    return total


def _inside(thing: object) -> Iterator[object]:
    if isinstance(thing, dict):
        yield from thing.keys()
        yield from thing.values()
    elif isinstance(thing, list | tuple | set | frozenset) or type(thing).__name__ == "deque":
        assert isinstance(thing, Iterable)
        yield from thing
    elif isinstance(thing, MethodType):
        yield thing.__self__
    else:
        yield from getattr(thing, "__dict__", {}).values()
        for kind in type(thing).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if hasattr(thing, name):
                    yield getattr(thing, name)
