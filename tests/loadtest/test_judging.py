"""A share of the replies is held against the grammars: which kinds are found, how many, when, and at what cost."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import gevent.socket  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.judging import EXAMPLE_OCTETS, JUDGED_OCTETS, ReplyJudge, rate_at
from loadtest.clients.pop3_client import Pop3Session
from loadtest.clients.session import Session
from loadtest.clients.smtp_client import Envelope, SmtpSession
from loadtest.plan import Patience, Route
from reports.load import Interval
from tests.loadtest.scripted_server import Peer, serving


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def judge(share: float = 1.0, *, seed: int = 1, clock: Callable[[], float] | None = None) -> ReplyJudge:
    return ReplyJudge(share, seed=seed, began=100.0, clock=clock or Clock())


def kinds(judged: ReplyJudge) -> dict[str, int]:
    return {kind: count for kind, count, _, _ in judged.encode()["seen"]}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"250 ok\r\n", set()),
        (b"250 ok\n", {"smtp/bare_lf"}),
        (b"what\r\n", {"smtp/bad_code"}),
        (b"250-a\r\n251 b\r\n", {"smtp/code_changed"}),
        (b"250_a\r\n", {"smtp/bad_separator"}),
        (b"250 " + b"x" * 600 + b"\r\n", {"smtp/overlong"}),
        (b"250 \xff\n", {"smtp/not_text", "smtp/bare_lf"}),
    ],
)
def test_deviations_of_smtp_replies_are_found(raw: bytes, found: set[str]) -> None:
    judged = judge()
    judged.smtp(raw)
    assert set(kinds(judged)) == found
    assert judged.sampled == 1


@pytest.mark.parametrize(
    ("raw", "multi_line", "found"),
    [
        (b"+OK 1 2\r\n", False, set()),
        (b"+OK\r\na\r\n.\r\n", True, set()),
        (b"-ERR no\r\n", True, set()),
        (b"+OK\r\na\n.\r\n", True, {"pop3/bare_lf"}),
        (b"+ok\r\n", False, {"pop3/bad_status"}),
        (b"+OKAY\r\n", False, {"pop3/bad_separator"}),
        (b"+OK " + b"x" * 600 + b"\r\n", False, {"pop3/overlong"}),
        (b"+OK \x00\r\n", False, {"pop3/not_printable"}),
    ],
)
def test_deviations_of_pop3_responses_are_found(raw: bytes, multi_line: bool, found: set[str]) -> None:
    judged = judge()
    judged.pop3(raw, multi_line=multi_line)
    assert set(kinds(judged)) == found


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"* 1 EXISTS\r\n", set()),
        (b"L1 OK done\r\n", set()),
        (b"* 1 FETCH (UID 1 BODY[] {2}\r\na\n)\r\n", set()),
        (b"* X-NEW thing\r\n", set()),  # of an extension that nobody here knows
        (b"* 1 EXISTS \r\n", {"imap/trailing_space"}),
        (b"* 1 EXISTS\n", {"imap/bare_lf"}),
        (b"* 1 FETCH (UID 1 BODY[] {2}\r\n\x00a)\r\n", {"imap/nul"}),
    ],
)
def test_deviations_of_imap_responses_are_found(raw: bytes, found: set[str]) -> None:
    judged = judge()
    judged.imap(raw)
    assert set(kinds(judged)) == found


def test_several_smtp_replies_at_once_are_judged_one_by_one() -> None:
    judged = judge()
    judged.smtp(b"250 ok\r\n250 ok\n250 ok\n354 go\r\n")
    assert (judged.sampled, kinds(judged)) == (4, {"smtp/bare_lf": 2})


def test_what_is_too_long_is_left_alone() -> None:
    judged = judge()
    judged.smtp(b"250-x\n" * JUDGED_OCTETS)
    judged.pop3(b"+OK" + b"x" * JUDGED_OCTETS + b"\n", multi_line=False)
    judged.imap(b"* OK" + b"x" * JUDGED_OCTETS + b"\n")
    judged.smtp(b"250-x\n" * 11_000)
    assert (judged.sampled, kinds(judged)) == (0, {})


@given(octets=st.binary(max_size=80), multi_line=st.booleans())
def test_no_octets_make_the_judge_fail(octets: bytes, multi_line: bool) -> None:
    judged = judge()
    for raw in (octets, octets + b"\r\n", b"+OK\r\n" + octets, b"* " + octets):
        judged.smtp(raw)
        judged.pop3(raw, multi_line=multi_line)
        judged.imap(raw)
    assert judged.sampled >= 4


@pytest.mark.parametrize("share", [0.5, 0.01, 0.001])
def test_the_share_is_kept_at_random_and_repeatably(share: float) -> None:
    first, again, other = judge(share), judge(share), judge(share, seed=2)
    drawn = [first.sample() for _ in range(100_000)]
    assert sum(drawn) == pytest.approx(share * 100_000, rel=0.3)
    assert drawn == [again.sample() for _ in range(100_000)]
    assert drawn != [other.sample() for _ in range(100_000)]
    due = [at for at, sampled in enumerate(drawn) if sampled]
    assert len({at % 7 for at in due}) == 7  # never only every so-many-th
    assert first.replies == 100_000


def test_all_of_them_means_all_and_several_are_one_question() -> None:
    everything = judge(1.0)
    assert all(everything.sample(3) for _ in range(100))
    assert everything.replies == 300
    some = judge(0.01)
    assert 500 < sum(some.sample(4) for _ in range(20_000)) < 1100


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_is_above_none_and_up_to_all(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        ReplyJudge(share)


def test_the_record_says_when_and_at_which_rate_a_kind_first_showed() -> None:
    clock = Clock()
    judged = judge(clock=clock)
    clock.now = 103.25
    judged.sample()
    judged.smtp(b"250 late\n")
    clock.now = 103.5
    judged.sample(2)
    judged.smtp(b"what\n250 " + b"x" * 5000 + b"\r\n")
    timeline = (Interval(at_s=0, length_s=2, done=10), Interval(at_s=2, length_s=2, done=1700))
    record = judged.judgement(timeline)
    bare, code, long = record.deviations
    assert (bare.kind, bare.count, bare.first_at_s, bare.rate_per_s) == ("smtp/bare_lf", 2, 3.25, 850.0)
    assert base64.b64decode(bare.example) == b"250 late\n"
    assert (code.kind, code.first_at_s, base64.b64decode(code.example)) == ("smtp/bad_code", 3.5, b"what\n")
    assert len(base64.b64decode(long.example)) == EXAMPLE_OCTETS
    assert (record.share, record.replies, record.sampled) == (1.0, 3, 3)
    assert rate_at((), 1.0) == 0.0


def test_the_judges_of_several_processes_add_up() -> None:
    one, two = judge(clock=(early := Clock())), judge(clock=(late := Clock()))
    early.now, late.now = 101.0, 102.0
    for _ in range(3):
        two.sample()
        two.smtp(b"250 two\n")
    one.sample()
    one.smtp(b"250 one\n")
    two.sample()
    two.imap(b"* 1 EXISTS \r\n")
    whole = judge()
    for part in (two, one):
        whole.merge(part.encode())
    record = whole.judgement(())
    assert (record.replies, record.sampled) == (5, 5)
    assert kinds(whole) == {"smtp/bare_lf": 4, "imap/trailing_space": 1}
    first = record.deviations[0]
    assert (first.kind, first.first_at_s, base64.b64decode(first.example)) == ("smtp/bare_lf", 1.0, b"250 one\n")


@pytest.mark.parametrize(
    ("session_class", "answers", "end", "found"),
    [
        (SmtpSession, [b"220 hi\n", b"250 x\r\n", b"221 bye\n"], SmtpSession.quit, {"smtp/bare_lf": 2}),
        (Pop3Session, [b"+OK hi\r\n", b"+OK\r\nUIDL\n.\r\n", b"+OK\n"], Pop3Session.quit, {"pop3/bare_lf": 2}),
        (ImapSession, [b"* OK [CAPABILITY X] hi \n", b"* BYE\r\nL1 OK\n"], ImapSession.logout, None),
    ],
)
def test_sessions_put_every_reply_to_their_judge(
    session_class: type[Session], answers: list[bytes], end: Callable[[Session], None], found: dict[str, int] | None
) -> None:
    def script(peer: Peer) -> None:
        for step, answer in enumerate(answers):
            if step:
                peer.line()
            peer.send(answer)

    judged = judge()
    with serving(script) as address:
        route = Route(address=address, patience=Patience(connect_s=2.0, reply_s=2.0))
        end(session_class.open(route, lambda phase, seconds: None, judge=judged))
    assert judged.replies == judged.sampled == 3
    assert (kinds(judged) == found) if found else kinds(judged)["imap/bare_lf"] == 2


def test_no_reply_is_known_at_a_glance_where_there_is_a_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    # Only cooperative sockets are ever read that way.
    monkeypatch.setattr("loadtest.clients.session.socket", gevent.socket)
    envelope = Envelope("a@client.example", ["b@example.test"])
    well = b"250 a\r\n250 b\r\n354 go\r\n"
    messages = 4

    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n")
        for number in range(messages):
            for _ in envelope.phases:
                peer.line()
            peer.send(well if number == 0 else b"250 \xff kept\r\n" + well)
            peer.text()
        peer.send(b"250 \xff kept\r\n")

    judged = judge()
    with serving(script) as address:
        route = Route(address=address, patience=Patience(connect_s=2.0, reply_s=2.0))
        session = SmtpSession.open(route, lambda phase, seconds: None, judge=judged)
        for number in range(messages):
            then = envelope if number < messages - 1 else None
            session.submit(envelope, b"Subject: x\r\n\r\nx\r\n.\r\n", pipelining=True, then=then)
        session.close()
    assert judged.replies == judged.sampled == 2 + 4 * messages
    assert kinds(judged) == {"smtp/not_text": messages}


def test_asking_costs_next_to_nothing() -> None:
    asked = judge(0.01)
    began = time.process_time()
    for _ in range(100_000):
        asked.sample()
    assert (
        time.process_time() - began < 1.0
    )  # it takes 0.03 s; a message asks five times, and takes a hundred times as long
