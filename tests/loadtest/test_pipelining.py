"""Messages one after the other in one session, each envelope in one write with the text before (RFC 2920 §3.1).

Whatever the server refuses, and wherever it falls silent: no message is lost to the books, none is sent twice, and
every reply goes to the command that it belongs to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import gevent.socket  # type: ignore[import-untyped]
import pytest

from loadtest.clients.session import BrokenError, LoadError, RefusedError
from loadtest.clients.smtp_client import Envelope, SmtpSession
from loadtest.plan import Patience, Route
from tests.loadtest.scripted_server import Peer, serving

ENVELOPE = Envelope("alice@example.test", ["bob@example.test", "carol@example.test"])
GROUP = [b"MAIL FROM:<alice@example.test>", b"RCPT TO:<bob@example.test>", b"RCPT TO:<carol@example.test>", b"DATA"]
GOES_WELL = (b"250 sender\r\n", b"250 one\r\n", b"250 two\r\n", b"354 go\r\n")
PATIENCE = Patience(connect_s=10.0, reply_s=10.0)
SHORT = Patience(connect_s=10.0, reply_s=1.0)
"""Where silence is the matter. A busy machine may let the scripted server wait for its turn for tenths of a second."""


@pytest.fixture(autouse=True, scope="module", params=["blocking", "cooperative"])
def _sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "cooperative":
            patch.setattr("loadtest.clients.session.socket", gevent.socket)
        yield


def wire(number: int) -> bytes:
    return b"Subject: %d\r\n\r\nx\r\n.\r\n" % number


@dataclass
class Course:
    """What a client made of a server: the outcome of each message, in order, and what was timed."""

    outcomes: list[str] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)
    refused_slots: list[list[int]] = field(default_factory=list)
    usable: bool = False
    has_envelope_ahead: bool = False


def handing_in(script: Callable[[Peer], None], *, messages: int = 3, patience: Patience = PATIENCE) -> Course:
    """Hand in so many messages, the last without an envelope after it; end where the session does."""

    def whole(peer: Peer) -> None:
        peer.send(b"220 mail.test\r\n")
        peer.replies(b"250-mail.test\r\n250 PIPELINING\r\n")
        script(peer)

    course = Course()

    def record(phase: str, seconds: float) -> None:
        assert seconds >= 0
        course.times[phase] += 1

    with serving(whole) as address:
        session = SmtpSession.open(Route(address=address, patience=patience), record)
        for number in range(messages):
            then = ENVELOPE if number < messages - 1 else None
            try:
                took_s = session.submit(ENVELOPE, wire(number), pipelining=True, then=then)
                assert took_s > 0
                course.outcomes.append("accepted")
            except RefusedError as refusal:
                course.outcomes.append(f"{refusal.phase} {refusal.code}")
            except BrokenError as error:
                course.outcomes.append(
                    f"{error.phase} {error.what}, {'sent' if session.sent_final_dot else 'not sent'}"
                )
            course.refused_slots.append([refusal.slot for refusal in session.refusals])
            if not session.is_open:
                break
        course.usable, course.has_envelope_ahead = session.is_open, session.has_envelope_ahead
        session.close()
    return course


def envelope(peer: Peer, *replies: bytes) -> None:
    """Take an envelope whole before answering any of it."""
    assert [peer.line() for _ in GROUP] == GROUP
    peer.send(b"".join(replies))


def test_each_envelope_leaves_with_the_text_before_it() -> None:
    texts: list[bytes] = []

    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        for number in range(5):
            texts.append(peer.text())
            if number == 4:
                peer.send(b"250 kept\r\n")
                break
            # The text is not answered before the envelope behind it is there: they left together.
            assert [peer.line() for _ in GROUP] == GROUP
            peer.send(b"250 kept as %d\r\n" % number + b"".join(GOES_WELL))

    course = handing_in(script, messages=5)
    assert course.outcomes == ["accepted"] * 5
    assert texts == [wire(number).removesuffix(b".\r\n") for number in range(5)]
    assert course.times == Counter(
        {"connect": 1, "greeting": 1, "ehlo": 1, "mail": 5, "rcpt": 10, "data": 5, "final_dot": 5}
    )
    assert (course.usable, course.has_envelope_ahead) == (True, False)


class EverythingJudge:
    """Stands in for the judge: wants every reply."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def sample(self) -> bool:
        return True

    def smtp(self, raw: bytes) -> None:
        self.seen.append(raw)


def test_a_judge_is_asked_about_every_reply_also_where_all_are_as_before() -> None:
    def script(peer: Peer) -> None:
        peer.send(b"220 mail.test\r\n")
        peer.replies(b"250 mail.test\r\n")
        envelope(peer, *GOES_WELL)
        for _ in range(2):
            peer.text()
            envelope(peer, b"250 kept\r\n", *GOES_WELL)
        peer.text()
        peer.send(b"250 kept\r\n")

    judge = EverythingJudge()
    with serving(script) as address:
        route = Route(address=address, patience=PATIENCE)
        session = SmtpSession.open(route, lambda phase, seconds: None, judge=judge)  # type: ignore[arg-type]
        for number in range(3):
            session.submit(ENVELOPE, wire(number), pipelining=True, then=ENVELOPE if number < 2 else None)
        session.close()
    assert judge.seen[-15:] == [*GOES_WELL, b"250 kept\r\n"] * 3


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_replies_may_be_cut_anywhere(cut: int) -> None:
    replies = b"250-kept\r\n250 it\r\n" + b"".join(GOES_WELL)

    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        for _ in range(3):
            peer.text()
            assert [peer.line() for _ in GROUP] == GROUP
            peer.send(replies[:cut])
            peer.send(replies[cut:])
        peer.text()
        peer.send(b"250 kept\r\n")

    assert handing_in(script, messages=4).outcomes == ["accepted"] * 4


REFUSALS = pytest.mark.parametrize(
    ("answers", "outcome", "lines"),
    [
        ((b"450 later\r\n", b"503 no\r\n", b"503 no\r\n", b"503 no\r\n"), "mail 450", [b"RSET"]),
        ((b"250 ok\r\n", b"550 no\r\n", b"551 no\r\n", b"554 no\r\n"), "rcpt 550", [b"RSET"]),
        ((b"250 ok\r\n", b"550 no\r\n", b"551 no\r\n", b"354 go\r\n"), "rcpt 550", [b"."]),
        ((b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"451 no\r\n"), "data 451", [b"RSET"]),
        ((b"250 ok\r\n", b"550 no\r\n", b"250 ok\r\n", b"451 no\r\n"), "data 451", [b"RSET"]),
        ((b"550 no\r\n", b"503 no\r\n", b"503 no\r\n", b"354 go\r\n"), "mail 550", [b"."]),
    ],
)


@REFUSALS
def test_an_envelope_that_is_refused_after_a_text_was_accepted_costs_its_own_message_alone(
    answers: tuple[bytes, ...], outcome: str, lines: list[bytes]
) -> None:
    said: list[bytes] = []

    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        peer.text()
        envelope(peer, b"250 kept\r\n", *answers)
        said.extend(peer.line() for _ in lines)
        peer.send(b"250 reset\r\n")
        envelope(peer, *GOES_WELL)
        said.append(peer.text())
        peer.send(b"250 kept\r\n")

    course = handing_in(script)
    assert course.outcomes == ["accepted", outcome, "accepted"]
    assert said == [*lines, b"Subject: 2\r\n\r\nx\r\n"]
    assert course.usable


def test_a_text_that_is_refused_leaves_the_envelope_behind_it_open() -> None:
    texts = []

    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        texts.append(peer.text())
        envelope(peer, b"552 too much\r\n", *GOES_WELL)
        texts.append(peer.text())
        envelope(peer, b"250 kept\r\n", *GOES_WELL)
        texts.append(peer.text())
        peer.send(b"250 kept\r\n")

    assert handing_in(script).outcomes == ["final_dot 552", "accepted", "accepted"]
    assert [text[9:10] for text in texts] == [b"0", b"1", b"2"]


def test_a_recipient_that_is_refused_once_is_known_of_that_message_alone() -> None:
    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        peer.text()
        envelope(peer, b"250 kept\r\n", b"250 ok\r\n", b"250 ok\r\n", b"550 who\r\n", b"354 go\r\n")
        peer.text()
        envelope(peer, b"250 kept\r\n", *GOES_WELL)
        peer.text()
        peer.send(b"250 kept\r\n")

    course = handing_in(script)
    assert (course.outcomes, course.refused_slots) == (["accepted"] * 3, [[], [1], []])


def test_a_recipient_without_a_sender_ends_the_session_and_no_text_is_ended() -> None:
    rest = []

    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        peer.text()
        envelope(peer, b"250 kept\r\n", b"550 no\r\n", b"250 ok\r\n", b"550 no\r\n", b"354 go\r\n")
        rest.append(peer.line())

    assert handing_in(script).outcomes == ["accepted", "mail 550"]
    assert rest == [b""]


@pytest.mark.parametrize(
    ("replies", "outcomes"),
    [
        # 421 anywhere: what was answered counts, the message it answers is refused, and no other one is begun.
        ((b"421 bye\r\n",), ["final_dot 421"]),
        ((b"250 kept\r\n", b"421 bye\r\n"), ["accepted", "mail 421"]),
        ((b"250 kept\r\n", b"250 ok\r\n", b"421 bye\r\n"), ["accepted", "rcpt 421"]),
        ((b"250 kept\r\n", b"250 ok\r\n", b"550 no\r\n", b"421 bye\r\n"), ["accepted", "rcpt 421"]),
        ((b"250 kept\r\n", *GOES_WELL[:3], b"421 bye\r\n"), ["accepted", "data 421"]),
        # A close anywhere.
        ((), ["final_dot closed, sent"]),
        ((b"250 kept\r\n",), ["accepted", "mail closed, not sent"]),
        ((b"250 kept\r\n", b"250 ok\r\n"), ["accepted", "rcpt closed, not sent"]),
        ((b"250 kept\r\n", *GOES_WELL[:3]), ["accepted", "data closed, not sent"]),
        ((b"250 kept\r\n", b"250 ok\r\n", b"550 no\r\n", b"550 no\r\n"), ["accepted", "data closed, not sent"]),
        # Answers that are none.
        ((b"nonsense\r\n",), ["final_dot unintelligible, sent"]),
        ((b"250 kept\r\n", b"what?\r\n"), ["accepted", "mail unintelligible, not sent"]),
        ((b"250 kept\r\n", *GOES_WELL[:3], b"250 no text?\r\n"), ["accepted", "data unexpected reply, not sent"]),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
def test_the_end_of_a_session_costs_one_message_at_most(
    replies: tuple[bytes, ...], outcomes: list[str], *, at_once: bool
) -> None:
    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        peer.text()
        assert [peer.line() for _ in GROUP] == GROUP
        if at_once:
            peer.send(b"".join(replies))
        else:
            for reply in replies:
                peer.send(reply)

    course = handing_in(script)
    assert (course.outcomes, course.usable) == (outcomes, False)


def test_silence_after_a_text_is_waited_for_so_long_and_no_longer() -> None:
    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        peer.text()
        peer.until_gone()

    assert handing_in(script, patience=SHORT).outcomes == ["final_dot timeout, sent"]


def test_a_session_that_breaks_after_the_text_and_envelope_left_says_that_the_text_may_be_there() -> None:
    def script(peer: Peer) -> None:
        envelope(peer, *GOES_WELL)
        peer.text()
        peer.reset()

    (outcome,) = handing_in(script).outcomes
    assert outcome in ("final_dot reset, sent", "final_dot closed, sent")


def test_an_envelope_that_went_ahead_is_left_without_a_text_and_without_quit() -> None:
    rest = []

    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n")
        envelope(peer, *GOES_WELL)
        peer.text()
        envelope(peer, b"250 kept\r\n", *GOES_WELL)
        rest.append(peer.line())

    with serving(script) as address:
        session = SmtpSession.open(Route(address=address, patience=PATIENCE), lambda phase, seconds: None)
        session.submit(ENVELOPE, wire(0), pipelining=True, then=ENVELOPE)
        assert session.has_envelope_ahead
        with pytest.raises(ValueError, match="another envelope"):
            session.submit(Envelope("a@example.test", ["b@example.test"]), wire(1), pipelining=True)
        session.quit()
        assert not session.is_open
    assert rest == [b""]


LmtpReplies = tuple[bytes, ...]


@pytest.mark.parametrize(
    ("replies", "outcome", "refused", "unanswered", "usable"),
    [
        ((b"250 one\r\n", b"250 two\r\n"), "accepted", [], [], True),
        ((b"250 one\r\n", b"452 full\r\n"), "accepted", [1], [], True),
        ((b"452 full\r\n", b"250 two\r\n"), "accepted", [0], [], True),
        ((b"452 full\r\n", b"550 gone\r\n"), "final_dot 452", [0, 1], [], True),
        ((b"250 one\r\n",), "accepted", [], [1], False),
        ((b"250 one\r\n", b"421 bye\r\n"), "accepted", [1], [], False),
        ((b"421 bye\r\n",), "final_dot 421", [0], [1], False),
        ((b"452 full\r\n",), "final_dot closed, sent", [0], [1], False),
        ((), "final_dot closed, sent", [], [0, 1], False),
    ],
)
@pytest.mark.parametrize("pipelining", [False, True], ids=["step by step", "pipelined"])
def test_lmtp_answers_for_each_recipient(
    replies: LmtpReplies, outcome: str, refused: list[int], unanswered: list[int], *, usable: bool, pipelining: bool
) -> None:
    """RFC 2033 §4.2."""
    got, seen = lmtp(GOES_WELL, replies, pipelining=pipelining)
    assert got == (outcome, refused, unanswered, usable)
    assert seen == [b"LHLO client.example"]


def test_lmtp_has_no_reply_for_a_recipient_that_was_refused_before() -> None:
    answers = (b"250 ok\r\n", b"550 who\r\n", b"250 ok\r\n", b"354 go\r\n")
    assert lmtp(answers, (b"250 two\r\n",), pipelining=True)[0] == ("accepted", [0], [], True)
    assert lmtp(answers, (b"452 full\r\n",), pipelining=True)[0] == ("final_dot 452", [0, 1], [], True)


def test_lmtp_does_not_end_a_text_for_nobody_as_there_would_be_no_reply() -> None:
    answers = (b"250 ok\r\n", b"550 who\r\n", b"550 who\r\n", b"354 go\r\n")
    assert lmtp(answers, (), pipelining=True)[0] == ("rcpt 550", [], [], False)


Ending = tuple[str, list[int], list[int], bool]


def lmtp(answers: tuple[bytes, ...], replies: LmtpReplies, *, pipelining: bool) -> tuple[Ending, list[bytes]]:
    """One message over LMTP; the server closes after these replies unless both recipients have one."""
    seen = []

    def script(peer: Peer) -> None:
        peer.send(b"220 mail.test LMTP\r\n")
        seen.append(peer.line())
        peer.send(b"250-mail.test\r\n250 PIPELINING\r\n")
        peer.replies(*answers)
        if peer.text() != b"\r\n":
            peer.send(b"".join(replies))

    with serving(script) as address:
        route = Route(address=address, patience=PATIENCE, lmtp=True)
        session = SmtpSession.open(route, lambda phase, seconds: None)
        outcome = "accepted"
        try:
            session.submit(ENVELOPE, wire(0), pipelining=pipelining)
        except RefusedError as refusal:
            outcome = f"{refusal.phase} {refusal.code}"
        except LoadError as error:
            outcome = f"{error.phase} {error.what}, {'sent' if session.sent_final_dot else 'not sent'}"
        refused = [refusal.slot for refusal in session.refusals]
        ending = (outcome, refused, list(session.unanswered), session.is_open)
        session.close()
    return ending, seen
