"""The POP3 client: what it does with a server that works, and that it survives one that does anything at all."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.wire.pop3 import ResponseReader
from loadtest.clients.pop3_client import Pop3Session
from loadtest.clients.session import BrokenError, LoadError, MissingOfferError, RefusedError
from loadtest.plan import Patience, Route
from loadtest.target import Account, Address, TlsUse
from reference_server.running import RunningServer, running_server
from tests.loadtest.scripted_server import Peer, serving
from tests.loadtest.stand_ins import StreamSocket, Times

PATIENT = Patience(connect_s=5.0, reply_s=10.0)
SHORT = Patience(connect_s=2.0, reply_s=0.2)
ALICE = Account("alice@example.test", "secret")
NO_CAPA = b"-ERR what\r\n"
TEXTS = [b"Subject: 1\r\n\r\n.\r\n..two\r\nend\r\n", b"", b".\r\n"]


def opened(address: Address, *, account: Account | None = None, patience: Patience = SHORT) -> Pop3Session:
    return Pop3Session.open(Route(address=address, account=account, patience=patience), Times())


# -- with a server that works ------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running_server(protocols=["pop3", "pop3s"]) as running:
        account = running.store.account(ALICE.name)
        assert account is not None
        inbox = account.mailbox("INBOX")
        assert inbox is not None
        for text in TEXTS:
            inbox.append(text)
        yield running


def address_of(server: RunningServer, scheme: str = "pop3") -> Address:
    return Address(socket.AF_INET, server.address(scheme))


@pytest.mark.parametrize(("scheme", "tls"), [("pop3", TlsUse.AUTO), ("pop3", TlsUse.ALWAYS), ("pop3s", TlsUse.AUTO)])
def test_a_session_reads_and_removes_messages(server: RunningServer, scheme: str, tls: TlsUse) -> None:
    times = Times()
    route = Route(
        address=address_of(server, scheme), tls=tls, implicit_tls=scheme == "pop3s", account=ALICE, patience=PATIENT
    )
    session = Pop3Session.open(route, times)
    count, octets = session.stat()
    sizes, uids = session.list_messages(), session.uidl()
    assert count == len(TEXTS) == len(sizes) == len(set(uids.values()))
    assert octets == sum(sizes.values())
    assert [session.retr(number) for number in sizes] == TEXTS
    assert session.top(1, 0) == b"Subject: 1\r\n\r\n"
    session.dele(1)
    session.rset()
    session.noop()
    session.dele(2)
    session.quit()
    assert not session.is_open
    assert {phase: times.phases[phase] for phase in ("connect", "greeting", "tls", "auth", "retr", "dele", "quit")} == {
        "connect": 1, "greeting": 1, "tls": 1, "auth": 1, "retr": 3, "dele": 2, "quit": 1,
    }  # fmt: skip
    session = Pop3Session.open(route, times)
    assert list(session.uidl().values()) == [uids[1], uids[3]]
    session.quit()


def test_a_refusal_leaves_the_session_usable(server: RunningServer) -> None:
    session = opened(address_of(server), account=ALICE, patience=PATIENT)
    with pytest.raises(RefusedError) as caught:
        session.retr(99)
    assert (caught.value.phase, caught.value.code) == ("retr", "-ERR")
    assert session.stat()[0] == 3
    session.close()


def test_a_wrong_password_is_refused(server: RunningServer) -> None:
    with pytest.raises(RefusedError) as caught:
        opened(address_of(server), account=Account(ALICE.name, "wrong"), patience=PATIENT)
    assert caught.value.phase == "auth"


# -- with a script -----------------------------------------------------------------------------------------------------


def dialogue(*answers: bytes, greeting: bytes = b"+OK hi\r\n") -> tuple[list[bytes], Callable[[Peer], None]]:
    said: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.send(greeting)
        for answer in answers:
            said.append(peer.line())
            peer.send(answer)
        peer.until_gone()

    return said, script


@pytest.mark.parametrize(
    ("capa", "log_in"),
    [
        (b"+OK\r\nUSER\r\nSASL LOGIN PLAIN\r\n.\r\n", [b"AUTH PLAIN " + base64.b64encode(b"\0ann\0pw")]),
        (b"+OK\r\nuser\r\n.\r\n", [b"USER ann", b"PASS pw"]),
        (NO_CAPA, [b"USER ann", b"PASS pw"]),
    ],
)
def test_the_client_logs_in_by_what_is_offered(capa: bytes, log_in: list[bytes]) -> None:
    said, script = dialogue(capa, *[b"+OK\r\n"] * len(log_in))
    with serving(script) as address:
        opened(address, account=Account("ann", "pw")).close()
    assert said == [b"CAPA", *log_in]


def test_a_log_in_that_is_not_offered_is_said_to_be_missing() -> None:
    _, script = dialogue(b"+OK\r\nSASL GSSAPI\r\n.\r\n")
    with serving(script) as address, pytest.raises(MissingOfferError, match="neither"):
        opened(address, account=ALICE)


def test_octets_slipped_in_before_the_handshake_end_the_session() -> None:
    _, script = dialogue(b"+OK\r\nSTLS\r\n.\r\n", b"+OK go\r\n+OK injected\r\n")
    with serving(script) as address, pytest.raises(BrokenError, match="octets before the handshake"):
        Pop3Session.open(Route(address=address, patience=SHORT, tls=TlsUse.ALWAYS), Times())


def test_an_answer_that_nobody_asked_for_ends_the_session() -> None:
    _, script = dialogue(NO_CAPA, b"+OK\r\n+OK 1 2\r\n")
    with serving(script) as address:
        session = opened(address)
        session.noop()
        with pytest.raises(BrokenError, match="stat: unexpected reply"):
            session.stat()


@pytest.mark.parametrize("answer", [b"+OK\r\n", b"+OK two of them\r\n", b"+OK " + b"9" * 5000 + b" 1\r\n"])
def test_figures_that_are_none_make_no_sense(answer: bytes) -> None:
    _, script = dialogue(NO_CAPA, answer)
    with serving(script) as address, pytest.raises(BrokenError, match="stat: unintelligible"):
        opened(address).stat()


def test_lines_that_make_no_sense_are_left_out_of_a_listing() -> None:
    _, script = dialogue(NO_CAPA, b"+OK\r\n1 a\r\nx\r\n2\r\n\r\n3 c d\r\n.\r\n", b"+OK\r\n1 a\r\n2 20\r\n.\r\n")
    with serving(script) as address:
        session = opened(address)
        assert session.uidl() == {1: b"a", 3: b"c"}
        assert session.list_messages() == {2: 20}
        session.close()


def test_quit_does_not_wait_for_long() -> None:
    _, script = dialogue(NO_CAPA)
    with serving(script) as address:
        session = opened(address, patience=PATIENT)
        began = time.perf_counter()
        with pytest.raises(BrokenError, match="quit: timeout"):
            session.quit(within_s=0.05)
        assert time.perf_counter() - began < 8.0
        assert not session.is_open


# -- with anything at all ----------------------------------------------------------------------------------------------


def _flood(octets: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        while True:
            peer.send(octets)

    return script


def _drip(peer: Peer) -> None:
    for _ in range(200):
        peer.send(b"+")
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("conduct", "kinds"),
    [
        (lambda peer: None, {"closed"}),
        (Peer.reset, {"reset"}),
        (Peer.until_gone, {"timeout"}),
        (_drip, {"timeout"}),
        (lambda peer: peer.send(b"\x00\xffwhat?\r\n"), {"unintelligible"}),
        (lambda peer: peer.send(b"+ go on\r\n"), {"unexpected reply"}),
        (_flood(b"x" * 100_000), {"endless reply"}),
        (_flood(b"+OK\r\n" + b"1 2\r\n" * 20_000), {"endless reply", "timeout"}),
    ],
    ids=["closes", "resets", "silent", "drips", "babbles", "go-ahead", "one line", "listing"],
)
def test_misconduct_has_its_kind_and_ends_in_time(conduct: Callable[[Peer], None], kinds: set[str]) -> None:
    def script(peer: Peer) -> None:
        peer.send(b"+OK hi\r\n")
        peer.replies(NO_CAPA)
        peer.line()
        conduct(peer)

    with serving(script) as address:
        session = opened(address)
        began = time.perf_counter()
        with pytest.raises(BrokenError) as caught:
            session.uidl()
        assert (caught.value.phase, caught.value.what in kinds) == ("uidl", True), caught.value
        assert time.perf_counter() - began < 8.0
        assert not session.is_open


CUTS = st.lists(st.integers(1, 200), max_size=8)
USES: list[Callable[[Pop3Session], object]] = [
    lambda session: session._set_up(
        Route(address=Address(socket.AF_INET, ("127.0.0.1", 1)), account=ALICE, tls=TlsUse.NEVER)
    ),
    lambda session: session.stat(),
    lambda session: session.list_messages(),
    lambda session: session.uidl(),
    lambda session: session.retr(1),
    lambda session: session.top(1, 2),
    lambda session: session.dele(1),
    lambda session: session.quit(),
]
PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"+OK\r\n", b"+OK 1 2\r\n", b"-ERR x\r\n", b"+ \r\n", b".\r\n", b".\n", b"\r\n", b"\n",
                         b"SASL PLAIN\r\n", b"1 2\r\n", b"1\r\n", b"..x\r\n", b".", b"\r", b"+OK\n", b"STLS\r\n"]),
        st.binary(max_size=20),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(use=st.sampled_from(USES), pieces=PIECES, cuts=CUTS)
def test_whatever_a_server_sends_the_outcome_is_a_value_or_a_load_error(
    use: Callable[[Pop3Session], object], pieces: list[bytes], cuts: list[int]
) -> None:
    session = Pop3Session(StreamSocket(b"".join(pieces), cuts), SHORT, Times())  # type: ignore[arg-type]
    broken = False
    try:
        use(session)
    except LoadError as error:
        broken = isinstance(error, BrokenError)
    assert not (broken and session.is_open)


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(
        st.sampled_from([b"a\r\n", b"..\r\n", b"..b\r\n", b"\r\n", b"\n", b".c\r\n", b"d\n", b"..\n"]), max_size=8
    ),
    status=st.sampled_from([b"+OK\r\n", b"+OK . x\r\n", b"+OK\n"]),
    end=st.sampled_from([b".\r\n", b".\n"]),
    cuts=CUTS,
)  # fmt: skip
def test_a_message_is_what_the_judges_reader_makes_of_it(
    lines: list[bytes], status: bytes, end: bytes, cuts: list[int]
) -> None:
    stream = b"".join((status, *lines, end))
    reader = ResponseReader()
    reader.feed(stream)
    response = reader.next_response(multi_line=True)
    assert response is not None
    session = Pop3Session(StreamSocket(stream, cuts), SHORT, Times())  # type: ignore[arg-type]
    assert session.retr(1) == response.content


def test_a_server_that_closes_after_any_octet_is_survived_and_the_phase_told() -> None:
    answers = [
        b"+OK hi\r\n",
        b"-ERR what\r\n",
        b"+OK\r\n",
        b"+OK\r\n",
        b"+OK 1 2\r\n",
        b"+OK\r\n..a\r\n.\r\n",
        b"+OK bye\r\n",
    ]
    total = sum(map(len, answers))
    phases = []
    for octets in range(total + 1):

        def script(peer: Peer, octets: int = octets) -> None:
            left = octets
            for step, answer in enumerate(answers):
                if step:
                    peer.line()
                peer.send(answer[:left])
                left -= len(answer)
                if left <= 0:
                    return

        with serving(script) as address:
            try:
                session = opened(address, account=ALICE, patience=PATIENT)
                session.stat()
                assert session.retr(1) == b".a\r\n"
                session.quit()
            except LoadError as error:
                phases.append(error.phase)
    assert list(dict.fromkeys(phases)) == ["greeting", "capa", "auth", "stat", "retr", "quit"]
    assert len(phases) >= total - 1
