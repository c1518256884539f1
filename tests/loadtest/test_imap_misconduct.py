"""The IMAP client survives a server that does anything at all: each call returns or raises a LoadError in time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.session import BrokenError, LoadError
from loadtest.plan import Route
from loadtest.target import Address, TlsUse
from tests.loadtest.imap_dialogue import ALICE, GREETING, PATIENT, SHORT, TEXT, dialogue, opened
from tests.loadtest.scripted_server import Peer, serving
from tests.loadtest.stand_ins import StreamSocket, Times


def _silent(peer: Peer) -> None:
    peer.until_gone()


def _flood(octets: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        while True:
            peer.send(octets)

    return script


def _drip(peer: Peer) -> None:
    for _ in range(200):
        peer.send(b"x")
        time.sleep(0.02)


MISCONDUCT = pytest.mark.parametrize(
    ("conduct", "kinds"),
    [
        (lambda peer: None, {"closed"}),
        (Peer.reset, {"reset"}),
        (_silent, {"timeout"}),
        (_drip, {"timeout"}),
        (lambda peer: (peer.send(b"\x00\xffwhat?\r\n"), peer.until_gone()), {"unintelligible"}),
        (lambda peer: (peer.send(b"+ unasked\r\n"), peer.until_gone()), {"unexpected reply"}),
        (lambda peer: (peer.send(b"* SEARCH {99999999999}\r\n"), peer.until_gone()), {"endless reply"}),
        (_flood(b"* 1 FETCH (FLAGS (" + b"x" * 100_000 + b"))\r\n"), {"timeout"}),
        (_flood(b"* SEARCH 1\r\n" * 5000), {"timeout", "endless reply"}),
        (_flood(b"* " + b"x" * 100_000), {"endless reply", "timeout"}),
    ],
    ids=["closes", "resets", "silent", "drips", "babbles", "go-ahead", "literal", "unasked", "wanted", "one line"],
)


@MISCONDUCT
def test_misconduct_has_its_kind_and_ends_in_time(conduct: Callable[[Peer], None], kinds: set[str]) -> None:
    def script(peer: Peer) -> None:
        peer.send(GREETING)
        peer.line()
        conduct(peer)

    with serving(script) as address:
        session = opened(address)
        began = time.perf_counter()
        with pytest.raises(BrokenError) as caught:
            session.uid_search("ALL")
        assert (caught.value.phase, caught.value.what in kinds) == ("search", True), caught.value
        assert time.perf_counter() - began < 8.0
        assert not session.is_open


def test_a_search_of_the_whole_world_is_not_believed() -> None:
    _, script = dialogue((b"SEARCH", b'* ESEARCH (TAG "x") UID ALL 1:4000000000\r\nTAG OK done\r\n'))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(BrokenError, match="search: endless reply"):
            session.uid_search("ALL")


def _idle_once(session: ImapSession) -> None:
    with session.idle() as idling:
        idling.wait(0.01)


USES: list[Callable[[ImapSession], object]] = [
    lambda session: session._set_up(
        Route(address=Address(socket.AF_INET, ("127.0.0.1", 1)), account=ALICE, tls=TlsUse.NEVER)
    ),
    lambda session: session.select("INBOX"),
    lambda session: session.status("INBOX"),
    lambda session: session.list_mailboxes(),
    lambda session: session.uid_fetch("1:*", "FLAGS"),
    lambda session: list(session.messages([1, 2])),
    lambda session: session.uid_search("ALL"),
    lambda session: session.append("box", TEXT),
    lambda session: session.append_all("box", [TEXT, TEXT]),
    lambda session: session.enable(b"CONDSTORE"),
    lambda session: session.select("INBOX", b"(QRESYNC (1 1))"),
    lambda session: session.noop(),
    lambda session: session.logout(),
    _idle_once,
]

PIECES = [
    b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", b"* PREAUTH x\r\n", b"* BYE\r\n", b"+ \r\n", b"+\r\n",
    b"L1 OK\r\n", b"L1 OK [APPENDUID 1 x]\r\n", b"L2 OK done\r\n", b"L1 NO\r\n", b"L2 BAD\r\n", b"L1", b"\r\n", b"\n",
    b" ", b"* ", b"*", b"* 1 EXISTS\r\n", b"* 99999999999999999999999 EXISTS\r\n", b"* -1 EXPUNGE\r\n",
    b"* CAPABILITY\r\n", b"* OK [UIDNEXT 5] x\r\n", b"* OK [UIDVALIDITY", b"* STATUS INBOX (MESSAGES 1 X)\r\n",
    b"* STATUS\r\n", b"* STATUS (((\r\n", b'* LIST () "/" x\r\n', b"* LIST () NIL {3}\r\na\r\n\r\n", b"* LIST\r\n",
    b"* ENABLED\r\n", b"* ENABLED (X) CONDSTORE\r\n", b"* VANISHED 1:4294967295\r\n", b"* VANISHED (EARLIER) x\r\n",
    b"* VANISHED\r\n", b"* SEARCH 1 2 x\r\n", b"* SEARCH {1}\r\n2\r\n", b"* ESEARCH UID ALL 1:2,7,x,9:\r\n",
    b"* ESEARCH ALL\r\n",
    b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n", b"* 1 FETCH (BODY[] {3}\r\nabc UID 2)\r\n",
    b"* 1 FETCH (UID 1 BODY[] {3}\r\nabcd)\r\n", b"* 1 FETCH (UID 1 BODY[] NIL)\r\n",
    b'* 1 FETCH (UID 1 BODY[] "abc" FLAGS (x))\r\n', b"* 1 FETCH (UID (1) BODY[] ())\r\n", b"* 1 FETCH ((UID) 1)\r\n",
    b"* FETCH\r\n", b"* 1 FETCH\r\n", b"* 1 FETCH (UID 1 BODY[] {99999999999999}\r\n", b"{5}\r\n", b"\xff\x00", b'"',
    b"(", b")",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    use=st.sampled_from(USES),
    pieces=st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=12),
    cuts=st.lists(st.integers(1, 300), max_size=6),
)
def test_whatever_a_server_sends_the_outcome_is_a_value_or_a_load_error(
    use: Callable[[ImapSession], object], pieces: list[bytes], cuts: list[int]
) -> None:
    session = ImapSession(StreamSocket(b"".join(pieces), cuts), SHORT, Times())  # type: ignore[arg-type]
    broken = False
    try:
        use(session)
    except LoadError as error:
        broken = isinstance(error, BrokenError)
    assert not (broken and session.is_open)


@settings(max_examples=100, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=8),
    cuts=st.lists(st.integers(1, 300), max_size=6),
)
def test_responses_do_not_depend_on_how_the_stream_is_cut(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)

    def outcome(cuts: list[int]) -> object:
        session = ImapSession(StreamSocket(stream, cuts), SHORT, Times())  # type: ignore[arg-type]
        try:
            return list(session.messages([1, 2]))
        except LoadError as error:
            return str(error)

    assert outcome(cuts) == outcome([])


DIALOGUE = [
    GREETING,
    b"* CAPABILITY X\r\nTAG OK in\r\n",
    b"* 1 EXISTS\r\n* OK [UIDNEXT 2] x\r\nTAG OK done\r\n",
    b"* 1 FETCH (UID 1 BODY[] {4}\r\nab\r\n)\r\nTAG OK done\r\n",
    b"+ idling\r\n",
    b"TAG OK done\r\n",
    b"* BYE\r\nTAG OK\r\n",
]


def _whole_session(address: Address) -> list[str]:
    """A session from greeting to LOGOUT; says where it failed, if it did."""
    try:
        session = opened(address, account=ALICE, patience=PATIENT)
        session.select("box")
        assert list(session.messages([1])) == [(1, b"ab\r\n")]
        with session.idle():
            pass
        session.logout()
    except LoadError as error:
        return [error.phase]
    return []


def test_a_server_that_closes_after_any_octet_is_survived_and_the_phase_told() -> None:
    total = sum(map(len, DIALOGUE))
    phases = []
    for octets in range(total + 1):

        def script(peer: Peer, octets: int = octets) -> None:
            left = octets
            tag = b""
            for step, answer in enumerate(DIALOGUE):
                if step:
                    line = peer.line()
                    if line != b"DONE":
                        tag = line.partition(b" ")[0]
                peer.send(answer.replace(b"TAG", tag)[:left])
                left -= len(answer)
                if left <= 0:
                    return

        with serving(script) as address:
            phases += _whole_session(address)
    order = ["greeting", "auth", "select", "fetch", "idle", "done", "logout"]
    assert list(dict.fromkeys(phases)) == order
    assert len(phases) >= total - 20
