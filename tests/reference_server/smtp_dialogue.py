"""A client for SMTP and LMTP cores, without a socket: scripts, replies and what was stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from reference_server.core import Send, Settings, Surroundings
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.lmtp import LmtpCore
from reference_server.stores.memory import MemoryStore

NOON = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
USERS = {"alice@example.test": "secret", "bob@example.test": "secret"}


def settings(**changed: Any) -> Settings:
    """Settings with a clock that stands still."""
    return Settings(**{"wall_clock": lambda: NOON, "unique": lambda: "id1", **changed})


def fresh(
    kind: type[SmtpCore] = SmtpCore, *, store: MemoryStore | None = None, changed: Settings | None = None, **around: Any
) -> SmtpCore:
    """A session that was greeted and has said nothing; `around` is of its `Surroundings`."""
    core = kind(store or MemoryStore(USERS), changed or settings(), Surroundings(**around))
    core.connected(0.0)
    return core


def greeted(kind: type[SmtpCore] = SmtpCore, **more: Any) -> SmtpCore:
    """The same after EHLO or LHLO."""
    core = fresh(kind, **more)
    said(core, b"LHLO client.example\r\n" if issubclass(kind, LmtpCore) else b"EHLO client.example\r\n")
    return core


def said(core: SmtpCore, octets: bytes) -> bytes:
    """What the server says to these octets."""
    return b"".join(action.octets for action in core.receive(octets, 1.0) if isinstance(action, Send))


def codes(core: SmtpCore, octets: bytes) -> list[str]:
    """The codes, with the enhanced ones, of the replies to these octets; one for each reply, however many lines."""
    lines = said(core, octets).decode("utf-8").split("\r\n")
    last = [line for line in lines if line[3:4] == " "]
    return [" ".join(line.split(" ")[: 1 + line[4:5].isdigit()]) for line in last]


def play(core: SmtpCore, script: str) -> None:
    """`> line` is sent; each `< start` must begin the next reply line, `<< 250` all lines of a reply; none is left."""
    pending: list[bytes] = []
    for line in script.strip().splitlines():
        direction, _, text = line.strip().partition(" ")
        if direction == ">":
            assert not pending, f"unexpected {pending} before {text}"
            pending = said(core, text.encode() + b"\r\n").split(b"\r\n")[:-1]
            continue
        assert pending, f"no reply where {text} was expected"
        if direction == "<<":
            while pending[0].startswith(f"{text}-".encode()):
                pending.pop(0)
            text += " "
        assert pending[0].startswith(text.encode()), f"{pending[0]!r} where {text} was expected"
        pending.pop(0)
    assert not pending


def inbox(core: SmtpCore, user: str = "alice@example.test") -> list[bytes]:
    """The messages of a user, octet for octet."""
    account = core.store.account(user)
    assert account is not None
    box = account.mailbox("INBOX")
    assert box is not None
    return [message.octets for message in box.messages]


def without_trace(message: bytes) -> bytes:
    """What came over the wire: everything after Return-Path and Received."""
    trace, _, rest = message.partition(b";\r\n\t")
    assert trace.startswith(b"Return-Path: ")
    return rest.partition(b"\r\n")[2]
