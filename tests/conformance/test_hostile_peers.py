"""The judge survives any peer: every run ends, in bounded time and memory, with results and without an exception."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import resource
import select
import socket
import struct
from collections.abc import Collection

import pytest

from conformance.bench import Bench, Life
from conformance.checks import Tier, all_checks, check_of, must
from conformance.discovery import SESSION_OF
from conformance.errors import InconclusiveError
from conformance.imap.session import ImapSession
from conformance.plan import Plan, Profile
from conformance.runner import run_check
from conformance.target import Account, Target, target_of
from conformance.wire.connection import Connection, Patience
from conformance.wire.errors import ConnectError, NoReplyError
from conformance.wire.transcript import Transcript
from reports.records import CheckResult, Ended, Verdict
from tests.conformance.hostile_peer import Behaviour, hostile_peer

PATIENCE = Patience(connect_s=5.0, reply_s=0.2, reply_octets=2_000_000, line_octets=200_000)
PLAN = Plan(profile=Profile.QUICK, tier=Tier.DESTRUCTIVE, shrink=False)
ACCOUNTS = [Account("alice@example.test", "secret"), Account("bob@example.test", "secret")]
GREETINGS = {"smtp": b"220 here\r\n", "pop3": b"+OK here\r\n", "imap": b"* OK here\r\n"}


def endless_line(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"x" * 65536)


def endless_lines(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"220-and on\r\n* OK and on\r\n" * 2000)


def silence(peer: socket.socket) -> None:
    while peer.recv(65536):
        pass


def garbage(peer: socket.socket) -> None:
    noise = bytes((7 * i * i + 13 * i) % 256 for i in range(4096))
    peer.sendall(noise)
    while peer.recv(65536):
        peer.sendall(noise)


def close_at_once(peer: socket.socket) -> None:
    peer.close()


def never_reads(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    peer.sendall(b"220 here\r\n+OK here\r\n* OK here\r\n")
    hung_up = select.poll()
    with contextlib.suppress(ValueError):  # The run was over, and the socket closed, before it could be watched.
        hung_up.register(peer, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        hung_up.poll()


def huge_literal(peer: socket.socket) -> None:
    peer.sendall(b"* OK here\r\n")
    while line := peer.recv(65536):
        tag = line.split(b" ", 1)[0]
        peer.sendall(b"* 1 FETCH (BODY[] {9223372036854775808}\r\nx)\r\n" + tag + b" OK done\r\n")


def nested_parentheses(peer: socket.socket) -> None:
    peer.sendall(b"* OK here\r\n")
    while line := peer.recv(65536):
        tag = line.split(b" ", 1)[0]
        peer.sendall(b"* 1 FETCH " + b"(" * 50_000 + b"\r\n" + tag + b" OK done\r\n")


def one_octet_at_a_time_for_ever(peer: socket.socket) -> None:
    peer.settimeout(0.01)
    for octet in itertools.cycle(b"220 never a line end "):
        peer.sendall(bytes([octet]))
        with contextlib.suppress(TimeoutError):
            peer.recv(4096)


def judged(port: int, protocol: str, *, most: int, topics: Collection[str] = ()) -> list[CheckResult]:
    """A run of the protocol's first checks, of these topics if any, against the peer."""
    bench = Bench(target_of([f"{protocol}://127.0.0.1:{port}"], ACCOUNTS, patience=PATIENCE), PLAN)
    bench.discover()
    checks = [check for check in all_checks().values() if check.suite == protocol]
    checks = [check for check in checks if not topics or check.id.split("/")[1] in topics][:most]
    try:
        return [run_check(bench, check) for check in checks] + bench.oracles.results([])
    finally:
        bench.close()


@pytest.mark.parametrize("protocol", ["smtp", "pop3", "imap"])
@pytest.mark.parametrize(
    "behave",
    [endless_line, endless_lines, silence, garbage, close_at_once, one_octet_at_a_time_for_ever, never_reads],
    ids=lambda behave: behave.__name__,
)
def test_a_run_against_a_peer_that_speaks_no_protocol_ends_and_proves_nothing(protocol: str, behave: Behaviour) -> None:
    with hostile_peer(behave) as port:
        results = judged(port, protocol, most=3)
    assert results
    assert not [result.check for result in results if result.verdict is Verdict.SATISFIED and result.examples]


@pytest.mark.parametrize("behave", [huge_literal, nested_parentheses], ids=lambda behave: behave.__name__)
def test_no_response_makes_the_judge_read_or_nest_without_bound(behave: Behaviour) -> None:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with hostile_peer(behave) as port:
        results = judged(port, "imap", most=5)
    assert results
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 400_000, "a literal of 2^63 octets must not be waited for in memory"


def resetting_after(octets: int, script: bytes) -> Behaviour:
    """Serve the script, whatever is asked, and reset the connection after so many octets of it."""

    def behave(peer: socket.socket) -> None:
        left = octets
        for line in script.splitlines(keepends=True):
            piece = line[:left]
            peer.sendall(piece)
            left -= len(piece)
            if left <= 0:
                break
            if not peer.recv(65536):
                return
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


SMTP_SCRIPT = b"220 here\r\n250 hello\r\n250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n250 noop\r\n221 bye\r\n"


@pytest.mark.parametrize("octets", range(len(SMTP_SCRIPT)))
def test_a_reset_at_any_octet_is_an_answer_that_did_not_come(octets: int) -> None:
    with hostile_peer(resetting_after(octets, SMTP_SCRIPT)) as port:
        target = target_of([f"smtp://127.0.0.1:{port}"], ACCOUNTS, patience=PATIENCE)
        outcome = dialogue(target)
    complete = SMTP_SCRIPT[:octets].count(b"\n")
    # A reset takes with it what had arrived and was not read yet: the last reply may be lost, none is made up.
    assert complete - 1 <= outcome <= complete


def dialogue(target: Target) -> int:
    """How many replies of one whole transaction came."""
    from conformance.wire.smtp import ReplyReader

    endpoint = target.endpoints[0]
    try:
        connection = Connection.open(endpoint.host, endpoint.port, Transcript(), patience=target.patience)
    except ConnectError:
        return 0  # a peer that resets at once may do so before connect() has returned
    reader = ReplyReader()
    replies = 0
    with contextlib.closing(connection):
        for _ in range(8):
            deadline = connection.deadline()
            try:
                while reader.next_reply() is None:
                    reader.feed(connection.receive(deadline))
                replies += 1
                connection.send(b"NOOP\r\n")
            except NoReplyError:
                return replies
    return replies


@pytest.mark.parametrize("protocol", ["smtp", "pop3", "imap"])
def test_a_server_that_only_greets_is_never_found_to_conform(protocol: str) -> None:
    def greet_and_fall_silent(peer: socket.socket) -> None:
        peer.sendall(GREETINGS[protocol])
        silence(peer)

    with hostile_peer(greet_and_fall_silent) as port:
        results = judged(port, protocol, most=6, topics=("commands", "capability"))
    asked = [result for result in results if result.examples]
    assert asked
    assert not [result.check for result in asked if result.verdict is Verdict.SATISFIED]


@pytest.mark.parametrize("protocol", ["smtp", "pop3", "imap"])
def test_what_a_server_does_not_tell_of_itself_is_not_held_to_be_absent(protocol: str) -> None:
    def greet_and_fall_silent(peer: socket.socket) -> None:
        peer.sendall(GREETINGS[protocol])
        silence(peer)

    with hostile_peer(greet_and_fall_silent) as port:
        bench = Bench(target_of([f"{protocol}://127.0.0.1:{port}"], ACCOUNTS, patience=PATIENCE), PLAN)
        bench.discover()
        with pytest.raises(InconclusiveError, match="not known"):
            bench.facts_of(bench.target.endpoints[0]).offers("STARTTLS")
        if protocol == "smtp":
            with pytest.raises(InconclusiveError, match="AUTH"):
                bench.submission_endpoint()


def test_a_server_that_talks_on_for_ever_does_not_keep_the_judge() -> None:
    def talk(peer: socket.socket) -> None:
        peer.settimeout(0.05)
        while True:
            peer.sendall(b"* OK still here\r\n")
            with contextlib.suppress(TimeoutError):
                peer.recv(65536)

    patience = Patience(connect_s=5.0, reply_s=0.15)
    with hostile_peer(talk) as port:
        bench = Bench(target_of([f"imap://127.0.0.1:{port}"], ACCOUNTS, patience=patience), PLAN)
        session = bench.connect(bench.target.endpoints[0], ImapSession)
        with pytest.raises(NoReplyError):
            session.command("NOOP")
        with pytest.raises(NoReplyError):
            session.command_with_literals(b"X ", b"y")
        session.drop()


@pytest.mark.parametrize(
    ("protocol", "refusal"),
    [
        ("smtp", b"421 4.7.0 too many connections\r\n"),
        ("smtp", b"554 no service for you\r\n"),
        ("pop3", b"-ERR [SYS/TEMP] later\r\n"),
        ("imap", b"* BYE too many connections\r\n"),
    ],
)
def test_a_server_that_refuses_service_after_a_check_has_not_died(protocol: str, refusal: bytes) -> None:
    served: list[int] = []

    def serve_twice(peer: socket.socket) -> None:
        served.append(1)
        peer.sendall(GREETINGS[protocol] if len(served) <= 2 else refusal)

    @must("rfc5321/4.2/1")
    def check_connects(smtp: object = None, pop3: object = None, imap: object = None) -> None:
        """Connects."""
        bench.connect(bench.target.endpoints[0], SESSION_OF[protocol]).drop()

    check = check_of(check_connects)
    assert check is not None
    with hostile_peer(serve_twice) as port:
        bench = Bench(target_of([f"{protocol}://127.0.0.1:{port}"], patience=PATIENCE), PLAN)
        result = run_check(bench, dataclasses.replace(check, id=f"{protocol}/x/y"), {})
        assert (result.verdict, result.ended) == (Verdict.SATISFIED, Ended.ANSWERED)
        assert bench.life(protocol)[0] is Life.REFUSES
        again = run_check(bench, dataclasses.replace(check, id=f"{protocol}/x/y"), {})
    assert again.verdict is Verdict.INCONCLUSIVE
    assert "refuses" in again.reason
    assert {found.verdict for found in bench.oracles.results([])} == {Verdict.SATISFIED}


def test_an_endpoint_that_never_greets_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.bench.MOST_LOST_S", 0.3)
    connections: list[int] = []

    def count(peer: socket.socket) -> None:
        connections.append(1)
        silence(peer)

    with hostile_peer(count) as port:
        bench = Bench(target_of([f"smtp://127.0.0.1:{port}"], patience=PATIENCE), PLAN)
        lives = [bench.life("smtp") for _ in range(6)]
    assert [life for life, _ in lives] == [Life.SILENT] * 6
    assert "given up" in lives[-1][1]
    assert len(connections) == 2
