"""Commands and what comes back: literals, news that nobody asked for, refusals, BYE (RFC 9051 §4.3, §7)."""

from __future__ import annotations

import time

import pytest

from loadtest.clients.session import BrokenError, RefusedError
from tests.loadtest.imap_dialogue import PATIENT, dialogue, opened
from tests.loadtest.scripted_server import Peer, serving


@pytest.mark.parametrize(
    ("offers", "octets", "at_once"),
    [(b"LITERAL+", 5000, True), (b"LITERAL-", 4096, True), (b"LITERAL-", 4097, False), (b"", 10, False)],
)
def test_a_literal_waits_where_it_has_to(offers: bytes, octets: int, at_once: bool) -> None:
    said: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.send(b"* OK [CAPABILITY IMAP4rev1 %b] hi\r\n" % offers)
        tag, _, line = peer.line().partition(b" ")
        said.append(line)
        if not at_once:
            peer.send(b"* 3 EXISTS\r\n+ go\r\n")
        said.append(peer.line())
        peer.send(tag + b" OK [APPENDUID 7 42] stored\r\n")
        peer.until_gone()

    with serving(script) as address:
        session = opened(address)
        assert session.append("box", b"x" * octets) == 42
        assert session.exists == (0 if at_once else 3)
        session.close()
    assert said == [b'APPEND "box" {%d%b}' % (octets, b"+" if at_once else b""), b"x" * octets]


def test_a_literal_that_is_refused_is_not_sent() -> None:
    said, script = dialogue((b"APPEND", b"TAG NO full\r\n"), (b"NOOP", b"TAG OK fine\r\n"))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(RefusedError, match="full"):
            session.append("box", b"x" * 10)
        session.noop()
        session.close()
    assert said == [b'APPEND "box" {10}', b"NOOP"]


def test_what_comes_unasked_is_waited_past() -> None:
    news = b"* OK still here\r\n* 5 EXISTS\r\n* 2 EXPUNGE\r\n* 1 FETCH (FLAGS ())\r\n* NO watch out\r\n* X-NEW 1\r\n"
    _, script = dialogue(
        (b"SEARCH", news + b"* SEARCH 3\r\n" + news + b"* SEARCH 4\r\nTAG OK done\r\n"),
        (b"NOOP", news + b"TAG OK done\r\n"),
        (b"FETCH", news + b"* 1 FETCH (BODY[] {2}\r\nab UID 1)\r\n" + news + b"TAG OK done\r\n"),
    )
    with serving(script) as address:
        session = opened(address)
        assert session.uid_search("ALL") == [3, 4]
        assert session.exists == 4
        assert [response.name for response in session.noop()] == [b"EXISTS", b"EXPUNGE", b"FETCH"]
        assert list(session.messages([1])) == [(1, b"ab")]
        session.close()


def test_a_message_is_given_out_once_and_only_if_it_was_asked_for() -> None:
    one, two, three = (b"* %d FETCH (UID %d BODY[] {1}\r\nx)\r\n" % (uid, uid) for uid in (1, 2, 3))
    _, script = dialogue((b"FETCH", two + one + two + three + b"TAG OK done\r\n"))
    with serving(script) as address:
        session = opened(address)
        assert list(session.messages([1, 2])) == [(2, b"x"), (1, b"x")]
        session.close()


@pytest.mark.parametrize("answer", [b"TAG NO gone\r\n", b"TAG BAD what\r\n"])
def test_reading_that_is_refused_leaves_the_session_open(answer: bytes) -> None:
    _, script = dialogue((b"FETCH", answer), (b"NOOP", b"TAG OK\r\n"))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(RefusedError):
            list(session.messages([1]))
        session.noop()
        session.close()


def test_several_literals_wait_one_after_the_other() -> None:
    steps = ((b"APPEND", b"+ go\r\n"), (b"...", b"+ go on\r\n"), (b"...", b"TAG OK stored\r\n"))
    said, script = dialogue(*steps)
    with serving(script) as address:
        session = opened(address)
        session.append_all("box", [b"x" * 10, b"y" * 5])
        session.close()
    assert said == [b'APPEND "box" {10}', b"x" * 10 + b" {5}", b"y" * 5]


def test_more_may_vanish_than_there_is() -> None:
    news = b"* 2 EXISTS\r\n* VANISHED (EARLIER) 1:40\r\n"
    _, script = dialogue((b"NOOP", news + b"TAG OK\r\n"), (b"NOOP", b"* VANISHED 41:45,50\r\nTAG OK\r\n"))
    with serving(script) as address:
        session = opened(address)
        session.noop()
        assert session.exists == 2
        session.noop()
        assert session.exists == 0
        session.close()


def test_bye_in_the_middle_ends_the_session() -> None:
    _, script = dialogue((b"NOOP", b"* BYE shutting down\r\n"))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(RefusedError) as caught:
            session.noop()
        assert (caught.value.phase, caught.value.code, session.is_open) == ("noop", "BYE", False)


def test_logout_does_not_wait_for_long() -> None:
    _, script = dialogue()
    with serving(script) as address:
        session = opened(address, patience=PATIENT)
        began = time.perf_counter()
        with pytest.raises(BrokenError, match="logout: timeout"):
            session.logout(within_s=0.05)
        assert time.perf_counter() - began < 8.0
        assert not session.is_open
