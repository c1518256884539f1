"""What the sessions of all protocols share: how they open, wait, secure themselves and break."""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Callable
from typing import NoReturn

import pytest

from conformance.wire.connection import client_tls
from loadtest.clients.session import BrokenError, MissingOfferError, Session, kind_of
from loadtest.plan import Patience, Route
from loadtest.target import Account, Address, TlsUse
from tests.loadtest.scripted_server import Peer, drip_a_handshake, serving

SHORT = Patience(connect_s=2.0, reply_s=0.2)
LONG = Patience(connect_s=20.0, reply_s=20.0)
"""Where silence is not the matter a busy machine may take its time."""
ELSEWHERE = Address(socket.AF_INET, ("192.0.2.1", 25))
HERE = Address(socket.AF_INET, ("127.0.0.1", 25))
ANN = Account("ann", "pw")


class LineSession(Session):
    """Reads lines, of which the first is all of its set-up."""

    __slots__ = ("_pending",)
    REPLY_OCTETS = 1000
    wants_greeting = True

    def _set_up(self, route: Route) -> None:
        self._pending = b""
        if self.wants_greeting:
            self._send("line", b"hello\n")
            self.line()

    def _take_in(self, phase: str, octets: bytes) -> None:
        *lines, self._pending = (self._pending + octets).split(b"\n")
        self._ready.extend(lines)

    def line(self) -> bytes:
        if not self._ready:
            self._receive("line", self._patience.reply_s)
        line: bytes = self._ready.popleft()
        return line


class SilentSession(LineSession):
    __slots__ = ()
    wants_greeting = False


def record(phase: str, seconds: float) -> None:
    assert seconds >= 0


def breakage(
    script: Callable[[Peer], None], *, implicit_tls: bool = False, patience: Patience = LONG
) -> tuple[str, str]:
    def after_the_first_octets(peer: Peer) -> None:
        peer.anything()
        script(peer)

    with serving(after_the_first_octets) as address, pytest.raises(BrokenError) as caught:
        LineSession.open(Route(address=address, patience=patience, implicit_tls=implicit_tls), record)
    return caught.value.phase, caught.value.what


def _flood(peer: Peer) -> None:
    while True:
        peer.send(b"x" * 1000)


def _drip(peer: Peer) -> None:
    for _ in range(200):
        peer.send(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("conduct", "kind"),
    [
        (lambda peer: None, "closed"),
        (Peer.reset, "reset"),
        (Peer.until_gone, "timeout"),
        (_drip, "timeout"),
        (_flood, "endless reply"),
    ],
)
def test_a_wait_ends_whatever_the_server_does_and_says_how(conduct: Callable[[Peer], None], kind: str) -> None:
    began = time.perf_counter()
    assert breakage(conduct, patience=SHORT if kind == "timeout" else LONG) == ("line", kind)
    assert time.perf_counter() - began < 8.0


def test_replies_that_came_together_are_handed_out_one_by_one() -> None:
    def script(peer: Peer) -> None:
        peer.send(b"greeting\none\ntw")
        peer.until_gone()

    with serving(script) as address:
        session = LineSession.open(Route(address=address, patience=Patience(connect_s=20.0, reply_s=2.0)), record)
        assert session.line() == b"one"
        with pytest.raises(BrokenError, match="line: timeout"):
            session.line()
        assert not session.is_open


@pytest.mark.parametrize("conduct", [lambda peer: peer.send(b"no TLS\r\n"), lambda peer: None])
def test_a_handshake_that_fails_is_told_of(conduct: Callable[[Peer], None]) -> None:
    assert breakage(conduct, implicit_tls=True) == ("tls", "handshake failed")


def test_a_handshake_is_not_waited_for_forever() -> None:
    assert breakage(Peer.until_gone, implicit_tls=True, patience=SHORT) == ("tls", "timeout")


def test_a_handshake_that_comes_in_drops_has_one_deadline_for_all_of_them() -> None:
    began = time.perf_counter()
    assert breakage(drip_a_handshake, implicit_tls=True, patience=SHORT) == ("tls", "timeout")
    assert time.perf_counter() - began < 8.0


def test_all_handshakes_share_one_context() -> None:
    assert client_tls() is client_tls()


def test_a_process_without_a_file_to_open_has_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_left(*arguments: object) -> NoReturn:
        raise OSError(errno.EMFILE, "x")

    monkeypatch.setattr(socket, "socket", nothing_left)
    with pytest.raises(BrokenError, match="connect: EMFILE"):
        LineSession.open(Route(address=HERE, patience=SHORT), record)


def test_a_server_that_is_gone_breaks_the_write() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    session = SilentSession(ours, SHORT, record)
    with pytest.raises(BrokenError) as caught:
        session._send("say", b"x")
    assert (caught.value.phase, caught.value.what) == ("say", "reset")
    assert not session.is_open


def test_what_interrupts_the_opening_leaves_no_socket_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    class EndedError(BaseException):
        pass

    closed = []

    class EndedSocket:
        def __init__(self, *arguments: object) -> None: ...
        def settimeout(self, seconds: float) -> None: ...
        def connect(self, address: object) -> None:
            raise EndedError

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(socket, "socket", EndedSocket)
    with pytest.raises(EndedError):
        LineSession.open(Route(address=HERE, patience=SHORT), record)
    assert closed == [True]


@pytest.mark.parametrize(
    ("tls", "account", "address", "offered", "takes_passwords", "wanted"),
    [
        (TlsUse.NEVER, ANN, ELSEWHERE, True, True, False),
        (TlsUse.ALWAYS, None, HERE, True, True, True),
        (TlsUse.ALWAYS, None, HERE, False, True, None),
        (TlsUse.AUTO, None, ELSEWHERE, True, True, False),
        (TlsUse.AUTO, ANN, HERE, True, True, False),
        (TlsUse.AUTO, ANN, HERE, True, False, True),
        (TlsUse.AUTO, ANN, HERE, False, True, False),
        (TlsUse.AUTO, ANN, ELSEWHERE, True, True, True),
        (TlsUse.AUTO, ANN, ELSEWHERE, False, True, None),
    ],
)
def test_a_password_crosses_no_network_in_clear(
    tls: TlsUse, account: Account | None, address: Address, offered: bool, takes_passwords: bool, wanted: bool | None
) -> None:
    session = SilentSession(socket.socket(), SHORT, record)
    route = Route(address=address, tls=tls, account=account)
    if wanted is None:
        with pytest.raises(MissingOfferError, match="STLS"):
            session._wants_tls(route, command="STLS", offered=offered, takes_passwords=takes_passwords)
    else:
        assert session._wants_tls(route, command="STLS", offered=offered, takes_passwords=takes_passwords) is wanted
    session.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(), "connection refused"),
        (BrokenPipeError(), "reset"),
        (ssl.SSLError(), "TLS broke"),
        (OSError(errno.EHOSTUNREACH, "x"), "EHOSTUNREACH"),
        (OSError(), "OSError"),
    ],
)
def test_kinds_are_the_same_words_for_every_connection(error: OSError, kind: str) -> None:
    assert kind_of(error) == kind
