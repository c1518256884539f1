"""IDLE: entered, broken off, ended by the server, cut in the middle of a line (RFC 2177)."""

from __future__ import annotations

import threading

import pytest

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.session import BrokenError, LoadError, RefusedError
from tests.loadtest.imap_dialogue import GREETING, PATIENT, dialogue, opened
from tests.loadtest.scripted_server import Peer, serving


@pytest.mark.parametrize(
    ("answer", "error", "usable"),
    [
        (b"TAG NO too long\r\n", RefusedError, True),
        (b"* BYE\r\n", RefusedError, False),
        (b"X OK\r\n", BrokenError, False),
        (b"+ again\r\n", BrokenError, False),
    ],
)
def test_a_server_may_end_idle_by_itself(answer: bytes, error: type[LoadError], usable: bool) -> None:
    _, script = dialogue((b"IDLE", b"+ idling\r\n" + answer))

    def idle_on(session: ImapSession) -> None:
        with session.idle() as idling:
            while True:
                idling.wait(5.0)

    with serving(script) as address:
        session = opened(address)
        with pytest.raises(error):
            idle_on(session)
        assert session.is_open is usable
        session.close()


@pytest.mark.parametrize(
    "answer", [b"TAG OK at once\r\n", b"TAG NO not now\r\n", b"X OK\r\n", b"* BYE\r\n", b"TAG WHAT\r\n"]
)
def test_idle_that_is_not_entered_is_told_of(answer: bytes) -> None:
    _, script = dialogue((b"IDLE", answer))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(LoadError) as caught, session.idle():
            pass
        assert caught.value.phase == "idle"
        session.close()


def test_a_connection_that_breaks_during_idle_is_told_of() -> None:
    def script(peer: Peer) -> None:
        peer.send(GREETING)
        peer.line()
        peer.send(b"+ \r\n")

    with serving(script) as address:
        session = opened(address)
        with pytest.raises(BrokenError, match="idle: closed"), session.idle() as idling:
            idling.wait(5.0)
        assert not session.is_open


def test_a_wait_that_gets_half_a_line_gives_it_to_the_next() -> None:
    go = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(GREETING)
        tag = peer.line().partition(b" ")[0]
        peer.send(b"+ \r\n* 3 EXI")
        go.wait(5.0)
        peer.send(b"STS\r\n")
        peer.line()
        peer.send(tag + b" OK\r\n")

    with serving(script) as address:
        session = opened(address, patience=PATIENT)
        with session.idle() as idling:
            assert idling.wait(0.05) == []
            go.set()
            assert [event.number for event in idling.wait(5.0)] == [3]
        session.close()
