"""`conformance.replay`: a recorded finding put to a server again, octet for octet."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator

import pytest

from conformance.errors import HarnessError, UsageError
from conformance.replay import replay
from conformance.target import Account, parse_url
from conformance.wire.connection import CLOSES, CONNECTS, HALF_CLOSES, RESETS, Patience
from conformance.wire.segmentation import CUTS_INTO
from reference_server.running import RunningServer, running_server
from reports.records import CheckResult, Direction, Event, Level, Verdict
from reports.replay_script import CONNECT_REMARK, END_REMARKS
from tests.conformance.hostile_peer import hostile_peer

ALICE = Account("alice@example.test", "secret")
JUDGED = "smtp://127.0.0.1:9"
QUICK = Patience(connect_s=5.0, reply_s=0.3)


def sent(octets: bytes, *, session: int = 1, at_s: float = 0.0) -> Event:
    return Event(at_s=at_s, direction=Direction.SENT, octets=octets, session=session)


def received(octets: bytes, *, session: int = 1) -> Event:
    return Event(at_s=0.0, direction=Direction.RECEIVED, octets=octets, session=session)


def note(text: str, *, session: int = 1) -> Event:
    return Event(at_s=0.0, direction=Direction.NOTE, note=text, session=session)


def finding(*events: Event, url: str = JUDGED) -> CheckResult:
    return CheckResult(
        check="smtp/x/y", title="T.", requirements=("rfc5321/4.2/1",), rules={}, level=Level.MUST,
        verdict=Verdict.VIOLATED, transcript=events, url=url,
    )  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(protocols=("smtp", "pop3", "imap")) as server:
        yield server


def test_both_sides_are_shown_and_answers_are_waited_for(server: RunningServer) -> None:
    record = finding(
        note(f"{CONNECTS}{JUDGED}"), received(b"220 x\r\n"), sent(b"NOOP\r\n"), received(b"250\r\n"), sent(b"QUIT\r\n")
    )
    lines = list(replay(record, parse_url(server.urls["smtp"])[0], []))
    assert lines[0] == f"   {CONNECTS}{server.urls['smtp']}"
    assert lines[1].startswith(" < 220 ")
    assert lines[2] == " > NOOP␍␊"
    assert lines[3].startswith(" < 250 ")
    assert lines[4] == " > QUIT␍␊"
    assert lines[5].startswith(" < 221 ")
    assert lines[5].endswith("after the last step")


def test_lines_are_counted_and_not_octets() -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(b"220 a much longer greeting than then\r\n")
        peer.recv(100)
        peer.sendall(b"250 short\r\n")
        peer.recv(100)

    record = finding(received(b"220 x\r\n"), sent(b"NOOP\r\n"), received(b"250 " + b"y" * 100 + b"\r\n"))
    with hostile_peer(talk) as port:
        lines = list(replay(record, parse_url(f"smtp://127.0.0.1:{port}")[0], []))
    assert lines[0] == " < 220 a much longer greeting than then␍␊"
    assert lines[2] == " < 250 short␍␊"


def test_passwords_are_filled_in_and_never_shown(server: RunningServer) -> None:
    record = finding(
        note(f"{CONNECTS}pop3://127.0.0.1:9"), received(b"+OK\r\n"),
        sent(b"NOOP {password of alice@example.test}\r\n"), received(b"-ERR secret\r\n"), url="pop3://127.0.0.1:9",
    )  # fmt: skip
    got: list[bytes] = []

    def echo(peer: socket.socket) -> None:
        peer.sendall(b"+OK\r\n")
        got.append(peer.recv(1000))
        peer.sendall(b"-ERR " + got[0])
        peer.recv(1)

    with hostile_peer(echo) as port:
        lines = list(replay(record, parse_url(f"pop3://127.0.0.1:{port}")[0], [ALICE]))
    assert got == [b"NOOP secret\r\n"]
    assert not [line for line in lines if "secret" in line]


def test_each_session_goes_where_it_went_and_those_with_the_judged_one_go_elsewhere(server: RunningServer) -> None:
    imap = server.urls["imap"]
    record = finding(
        note(f"{CONNECTS}{JUDGED}"), received(b"220 x\r\n"),
        note(f"{CONNECTS}{imap}", session=2), received(b"* OK\r\n", session=2), sent(b"A NOOP\r\n", session=2),
        received(b"A OK\r\n", session=2), note("read back 3 octets", session=0),
    )  # fmt: skip
    lines = list(replay(record, parse_url(server.urls["smtp"])[0], []))
    assert lines[1].startswith(" < 220 ")
    assert lines[2] == f"2  {CONNECTS}{imap}"
    assert lines[3].startswith("2< * OK ")
    assert "   then: read back 3 octets" in lines


def test_a_recorded_handshake_is_made_again(server: RunningServer) -> None:
    record = finding(
        received(b"220 x\r\n"), sent(b"EHLO x\r\n"), received(b"250 x\r\n"), sent(b"STARTTLS\r\n"),
        received(b"220 x\r\n"), note("TLS starts (TLSv1.3)"), sent(b"NOOP\r\n"), received(b"250 x\r\n"),
    )  # fmt: skip
    # The EHLO reply of then had one line. Now it has several, all of which must be read before the handshake.
    lines = list(replay(record, parse_url(server.urls["smtp"])[0], []))
    assert "250-PIPELINING" in lines[2]
    assert lines[5] == "   TLS starts (TLSv1.3)"
    assert lines[7].startswith(" < 250 ")


def test_a_handshake_that_fails_now_is_told() -> None:
    def answer(peer: socket.socket) -> None:
        peer.sendall(b"220 x\r\n")
        peer.recv(100)
        peer.sendall(b"no handshake")

    record = finding(received(b"220 x\r\n"), note("TLS starts (TLSv1.3)"), sent(b"NOOP\r\n"))
    with hostile_peer(answer) as port:
        lines = list(replay(record, parse_url(f"smtp://127.0.0.1:{port}")[0], []))
    assert "handshake failed" in lines[1]


def test_octets_are_cut_as_they_were() -> None:
    pieces: list[bytes] = []

    def collect(peer: socket.socket) -> None:
        peer.sendall(b"220 x\r\n")
        while piece := peer.recv(1):
            pieces.append(piece)
            if piece == b"\n":
                peer.sendall(b"250 ok\r\n")

    record = finding(
        note(f"{CUTS_INTO}[3, 1]", session=0),
        received(b"220 x\r\n"),
        sent(b"NO"),
        sent(b"OP\r\n"),
        received(b"250\r\n"),
    )
    with hostile_peer(collect) as port:
        lines = list(replay(record, parse_url(f"smtp://127.0.0.1:{port}")[0], []))
    assert b"".join(pieces) == b"NOOP\r\n"
    assert lines[2:4] == [" > NO", " > OP␍␊"]


@pytest.mark.parametrize("ending", ["silence", "close"])
def test_an_answer_that_does_not_come_is_told_by_how(ending: str) -> None:
    def fail(peer: socket.socket) -> None:
        peer.sendall(b"220 x\r\n")
        peer.recv(100)
        if ending == "silence":
            peer.recv(100)

    record = finding(received(b"220 x\r\n"), sent(b"NOOP\r\n"), received(b"250\r\n"))
    with hostile_peer(fail) as port:
        lines = list(replay(record, parse_url(f"smtp://127.0.0.1:{port}")[0], [], patience=QUICK))
    assert ("no more" if ending == "silence" else "closed") in lines[2]


def test_a_peer_that_floods_does_not_keep_the_replay() -> None:
    def flood(peer: socket.socket) -> None:
        while True:
            peer.sendall(b"x" * 65536)

    record = finding(received(b"220 x\r\n"), sent(b"NOOP\r\n"), received(b"250\r\n"))
    with hostile_peer(flood) as port:
        lines = list(replay(record, parse_url(f"smtp://127.0.0.1:{port}")[0], [], patience=QUICK))
    assert "more than is read" in lines[0]
    assert max(len(line) for line in lines) < 2000


def test_nothing_sent_cannot_be_sent_again() -> None:
    with pytest.raises(UsageError, match="no recorded octets"):
        replay(finding(received(b"220 x\r\n")), parse_url("smtp://127.0.0.1:1")[0], [])


@pytest.mark.parametrize("where", ["judged", "other"])
def test_a_server_beyond_this_machine_needs_a_word(where: str) -> None:
    far = "imap://mail.example.invalid:143"
    record = finding(note(f"{CONNECTS}{far if where == 'other' else JUDGED}"), sent(b"NOOP\r\n"))
    with pytest.raises(UsageError, match="i-own-this-server"):
        replay(record, parse_url(far if where == "judged" else "smtp://127.0.0.1:1")[0], [])


def test_a_server_that_is_not_there_is_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HarnessError, match="no connection"):
        list(replay(finding(sent(b"NOOP\r\n")), parse_url(f"smtp://127.0.0.1:{port}")[0], []))


@pytest.mark.parametrize(
    ("remark", "seen"), [(CLOSES, "closed"), (RESETS, "reset"), (HALF_CLOSES, "half-closed"), ("waits", "open")]
)
def test_what_the_judge_ended_is_ended_again(remark: str, seen: str) -> None:
    ends: queue.Queue[str] = queue.Queue()

    def behave(peer: socket.socket) -> None:
        peer.sendall(b"220 x\r\n")
        try:
            while peer.recv(100):
                pass
            peer.sendall(b"250 still here\r\n")
            ends.put("closed")
        except OSError:
            ends.put("reset")

    record = finding(received(b"220 x\r\n"), sent(b"NOOP\r\n"), note(remark))
    with hostile_peer(behave) as port:
        lines = list(replay(record, parse_url(f"smtp://127.0.0.1:{port}")[0], [], patience=QUICK))
        end = ends.get(timeout=10)
    assert lines[2] == f"   {remark}"
    assert end == ("reset" if seen == "reset" else "closed")
    assert [line.split(" ")[2] for line in lines[3:]] == {"half-closed": ["250"], "open": ["(then"]}.get(seen, [])


def test_the_script_knows_the_same_remarks() -> None:
    assert set(END_REMARKS) == {CLOSES, RESETS, HALF_CLOSES}
    assert CONNECT_REMARK == CONNECTS
