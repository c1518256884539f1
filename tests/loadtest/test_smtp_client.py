"""The load client against servers that refuse, vanish, babble and fall silent: each has its own outcome, in time."""

from __future__ import annotations

import base64
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import gevent.socket  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.wire.smtp import ReplyReader
from loadtest.clients.session import BrokenError, LoadError, MissingOfferError, RefusedError
from loadtest.clients.smtp_client import Envelope, SmtpSession
from loadtest.plan import Patience, Route
from loadtest.target import Account, Address, TlsUse
from tests.loadtest.scripted_server import Peer, serving
from tests.loadtest.stand_ins import Times

ENVELOPE = Envelope("alice@example.test", ["bob@example.test", "carol@example.test"])
TEXT = b"Subject: x\r\n\r\n..dotted\r\n.\r\n"
PATIENT = Patience(connect_s=10.0, reply_s=10.0)
SHORT = Patience(connect_s=10.0, reply_s=1.0)
"""Where silence is the matter. A busy machine may let the scripted server wait for its turn for tenths of a second."""
OFFERS = b"250-mail.test\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n"
GOES_WELL = (b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")

PIPELINING = pytest.mark.parametrize("pipelining", [False, True], ids=["step by step", "pipelined"])


@pytest.fixture(autouse=True, scope="module", params=["blocking", "cooperative"])
def _sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything holds with Python's sockets and with gevent's, which are waited for in another way."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "cooperative":
            patch.setattr("loadtest.clients.session.socket", gevent.socket)
        yield


def route(address: Address, **settings: object) -> Route:
    return Route(address=address, **{"patience": PATIENT, **settings})  # type: ignore[arg-type]


def greeted(peer: Peer) -> None:
    peer.send(b"220 mail.test\r\n")
    peer.replies(OFFERS)


def refused_slots(session: SmtpSession) -> list[tuple[int, str]]:
    return [(refusal.slot, refusal.error.code) for refusal in session.refusals]


@dataclass
class Outcome:
    """What one submission came to, looked at before the session is closed."""

    times: Times
    error: LoadError | None
    sent_final_dot: bool
    usable: bool
    refused_slots: list[tuple[int, str]]

    @property
    def refusal(self) -> tuple[str, str]:
        assert isinstance(self.error, RefusedError)
        return self.error.phase, self.error.code

    @property
    def breakage(self) -> tuple[str, str]:
        assert isinstance(self.error, BrokenError)
        return self.error.phase, self.error.what


def submitting(script: Callable[[Peer], None], *, pipelining: bool = False, patience: Patience = PATIENT) -> Outcome:
    """Submit one message to a server that plays the script after EHLO."""

    def whole(peer: Peer) -> None:
        greeted(peer)
        script(peer)

    error = None
    with serving(whole) as address:
        session = SmtpSession.open(route(address, patience=patience), times := Times())
        try:
            session.submit(ENVELOPE, TEXT, pipelining=pipelining)
        except LoadError as caught:
            error = caught
        outcome = Outcome(times, error, session.sent_final_dot, session.is_open, refused_slots(session))
        session.close()
    return outcome


@PIPELINING
def test_a_message_is_handed_in_and_every_phase_is_timed_once(*, pipelining: bool) -> None:
    got = []

    def script(peer: Peer) -> None:
        peer.replies(*GOES_WELL)
        got.append(peer.text())
        peer.send(b"250 kept\r\n")

    outcome = submitting(script, pipelining=pipelining)
    assert got == [b"Subject: x\r\n\r\n..dotted\r\n"]
    assert outcome.times.phases == Counter(
        {"connect": 1, "greeting": 1, "ehlo": 1, "mail": 1, "rcpt": 2, "data": 1, "final_dot": 1}
    )
    assert (outcome.error, outcome.sent_final_dot, outcome.usable) == (None, True, True)


def test_pipelined_commands_leave_in_one_write() -> None:
    received: list[bytes] = []

    def script(peer: Peer) -> None:
        received.extend(peer.line() for _ in range(4))  # answers nothing before it has all four
        peer.send(b"".join(GOES_WELL))
        peer.text()
        peer.send(b"250 kept\r\n")

    submitting(script, pipelining=True)
    assert [line.split(b":")[0] for line in received] == [b"MAIL FROM", b"RCPT TO", b"RCPT TO", b"DATA"]


@PIPELINING
@pytest.mark.parametrize(("step", "phase"), [(0, "mail"), (1, "rcpt"), (3, "data"), (4, "final_dot")])
def test_a_refusal_says_where_and_leaves_the_session_usable(step: int, phase: str, *, pipelining: bool) -> None:
    refusal = b"450-4.2.0 not\r\n450 now\r\n"
    after: list[bytes] = []

    def script(peer: Peer) -> None:
        if pipelining:
            # As a server does that refuses one command: no text is asked for where there is no transaction.
            answers = [b"250 ok\r\n"] * 3 + [b"354 go\r\n"]
            if step < 4:
                answers[3] = b"503 no\r\n"
                answers[step] = refusal
            if step in (0, 1):
                answers[2] = b"503 no\r\n"
            peer.replies(*answers)
        else:
            peer.replies(*GOES_WELL[:step], *([refusal] if step < 4 else []), *([b"550 who\r\n"] if step == 1 else []))
        if step == 4:
            peer.text()
            peer.send(refusal)
        after.append(peer.line())
        if after[0]:
            peer.send(b"250 ok\r\n")

    outcome = submitting(script, pipelining=pipelining)
    assert outcome.refusal == (phase, "450")
    assert (outcome.sent_final_dot, outcome.usable) == (step == 4, True)
    # Where a transaction may be open it is dropped; a refused MAIL opened none, a refused text ended it.
    assert after == [b"RSET" if step in (1, 2, 3) or (pipelining and step == 0) else b""]


@PIPELINING
def test_a_message_goes_to_the_recipients_that_are_accepted(*, pipelining: bool) -> None:
    got = []

    def script(peer: Peer) -> None:
        peer.replies(b"250 ok\r\n", b"550 who\r\n", b"250 ok\r\n", b"354 go\r\n")
        got.append(peer.text())
        peer.send(b"250 kept\r\n")

    outcome = submitting(script, pipelining=pipelining)
    assert got == [b"Subject: x\r\n\r\n..dotted\r\n"]
    assert (outcome.error, outcome.refused_slots, outcome.usable) == (None, [(0, "550")], True)


@pytest.mark.parametrize("end", [b"554 no recipients\r\n", b"250 for nobody\r\n"])
def test_a_text_that_every_recipient_was_refused_for_is_a_lone_dot(end: bytes) -> None:
    """RFC 2920 §3.1: 354 may come all the same."""
    rest: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.replies(b"250 ok\r\n", b"550 who\r\n", b"551 who\r\n", b"354 go\r\n")
        rest.append(peer.line())
        peer.send(end)
        rest.append(peer.line())

    outcome = submitting(script, pipelining=True)
    assert (outcome.refusal, outcome.usable, rest) == (("rcpt", "550"), True, [b".", b""])
    assert not outcome.sent_final_dot


def test_a_text_with_recipients_and_no_sender_is_not_ended() -> None:
    rest: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.replies(b"550 not you\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
        rest.append(peer.line())

    outcome = submitting(script, pipelining=True)
    assert (outcome.refusal, outcome.usable, rest) == (("mail", "550"), False, [b""])


@PIPELINING
def test_after_421_the_session_is_over(*, pipelining: bool) -> None:
    outcome = submitting(lambda peer: peer.replies(b"250 ok\r\n", b"421 bye\r\n"), pipelining=pipelining)
    assert (outcome.refusal, outcome.usable) == (("rcpt", "421"), False)


def test_a_reset_that_fails_does_not_hide_the_refusal() -> None:
    outcome = submitting(lambda peer: peer.replies(b"250 ok\r\n", b"550 who\r\n", b"550 who\r\n"))
    assert (outcome.refusal, outcome.usable) == (("rcpt", "550"), False)


def _closes(peer: Peer) -> None:
    pass


def _silent(peer: Peer) -> None:
    peer.until_gone()


def _babbles(peer: Peer) -> None:
    peer.send(b"\x00\xffwhat?\r\n")
    peer.until_gone()


def _floods(peer: Peer) -> None:
    while True:
        peer.send(b"250-more\r\n" * 1000)


def _one_endless_line(peer: Peer) -> None:
    while True:
        peer.send(b"x" * 10_000)


def _endless_long_lines(peer: Peer) -> None:
    while True:
        peer.send(b"250-" + b"x" * 50_000 + b"\r\n")


def _says_go_ahead(peer: Peer) -> None:
    peer.send(b"354 go\r\n")
    peer.until_gone()


MISCONDUCT = pytest.mark.parametrize(
    ("conduct", "kind"),
    [
        (_closes, "closed"),
        (Peer.reset, "reset"),
        (_silent, "timeout"),
        (_babbles, "unintelligible"),
        (_floods, "endless reply"),
        (_one_endless_line, "endless reply"),
        (_endless_long_lines, "endless reply"),
        (_says_go_ahead, "unexpected reply"),
    ],
)


@MISCONDUCT
def test_misconduct_before_the_text_costs_the_message_and_nothing_is_in_doubt(
    conduct: Callable[[Peer], None], kind: str
) -> None:
    def script(peer: Peer) -> None:
        peer.replies(b"250 ok\r\n")
        peer.line()
        conduct(peer)

    outcome = submitting(script, patience=SHORT if kind == "timeout" else PATIENT)
    assert outcome.breakage == ("rcpt", kind)
    assert (outcome.sent_final_dot, outcome.usable) == (False, False)


@MISCONDUCT
def test_misconduct_after_the_text_leaves_the_message_in_doubt(conduct: Callable[[Peer], None], kind: str) -> None:
    def script(peer: Peer) -> None:
        peer.replies(*GOES_WELL)
        peer.text()
        conduct(peer)

    outcome = submitting(script, patience=SHORT if kind == "timeout" else PATIENT)
    assert outcome.breakage == ("final_dot", kind)
    assert (outcome.sent_final_dot, outcome.usable) == (True, False)


def test_a_reply_that_comes_in_drops_does_not_renew_the_deadline() -> None:
    def script(peer: Peer) -> None:
        peer.line()
        for octet in b"250-" + b"x" * 1000:
            peer.send(bytes([octet]))
            time.sleep(0.02)

    began = time.perf_counter()
    assert submitting(script, patience=SHORT).breakage == ("mail", "timeout")
    assert time.perf_counter() - began < 12.0  # the drops alone would have taken twenty seconds


class PiecemealSocket:
    """Stands in for a socket: hands out pieces, and keeps what time-outs it was given."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)
        self.timeouts_s: list[float] = []

    def recv(self, octets: int) -> bytes:
        return next(self._pieces)

    def sendall(self, octets: bytes) -> None:
        pass

    def settimeout(self, timeout_s: float) -> None:
        self.timeouts_s.append(timeout_s)


def test_each_piece_has_only_the_rest_of_the_time_and_the_next_reply_has_all_of_it_again() -> None:
    sock = PiecemealSocket(b"250-a\r\n25", b"0 b\r\n", b"250 c\r\n")
    session = SmtpSession(sock, SHORT, Times())  # type: ignore[arg-type]
    session._expect("mail", 2, None)
    rest_s, again_s = sock.timeouts_s
    assert 0 < rest_s < again_s == SHORT.reply_s
    session._expect("rcpt", 2, None)
    assert len(sock.timeouts_s) == 2  # a reply in one piece needs none of this


def test_nobody_there_is_told_apart_from_a_refusal() -> None:
    with serving(_closes) as address:
        pass
    with pytest.raises(BrokenError) as caught:
        SmtpSession.open(route(address), Times())
    assert (caught.value.phase, caught.value.what) == ("connect", "connection refused")


@pytest.mark.parametrize(
    ("greeting", "error", "phase"),
    [
        (b"554 go away\r\n", RefusedError, "greeting"),
        (b"hello\r\n", BrokenError, "greeting"),
        (b"", BrokenError, "greeting"),
    ],
)
def test_a_greeting_may_turn_the_client_away(greeting: bytes, error: type[LoadError], phase: str) -> None:
    with serving(lambda peer: peer.send(greeting)) as address, pytest.raises(error) as caught:
        SmtpSession.open(route(address), Times())
    assert caught.value.phase == phase


@pytest.mark.parametrize(
    ("offer", "dialogue"),
    [
        (b"AUTH LOGIN PLAIN", [(b"AUTH PLAIN " + base64.b64encode(b"\0alice\0pw"), b"235 ok\r\n")]),
        (
            b"auth login",
            [
                (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"),
                (base64.b64encode(b"alice"), b"334 UGFzc3dvcmQ6\r\n"),
                (base64.b64encode(b"pw"), b"235 ok\r\n"),
            ],
        ),
    ],
)
def test_the_client_logs_in_by_what_is_offered(offer: bytes, dialogue: list[tuple[bytes, bytes]]) -> None:
    said = []

    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"250-mail.test\r\n250 " + offer + b"\r\n")
        for _, reply in dialogue:
            said.append(peer.line())
            peer.send(reply)

    with serving(script) as address:
        SmtpSession.open(route(address, account=Account("alice", "pw")), times := Times()).close()
    assert said == [line for line, _ in dialogue]
    assert times.phases["auth"] == 1


def _offering(*keywords: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"".join(b"250-%b\r\n" % keyword for keyword in (b"mail.test", *keywords)) + b"250 HELP\r\n")
        peer.until_gone()

    return script


def test_a_log_in_that_is_not_offered_is_said_to_be_missing() -> None:
    with serving(_offering(b"AUTH GSSAPI")) as address, pytest.raises(MissingOfferError, match="neither"):
        SmtpSession.open(route(address, account=Account("alice", "pw")), Times())


def test_tls_that_must_be_and_is_not_offered_is_said_to_be_missing() -> None:
    with serving(_offering()) as address, pytest.raises(MissingOfferError, match="STARTTLS"):
        SmtpSession.open(route(address, tls=TlsUse.ALWAYS), Times())


def test_octets_slipped_in_before_the_handshake_end_the_session() -> None:
    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"250-mail.test\r\n250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n")

    with serving(script) as address, pytest.raises(BrokenError, match="octets before the handshake"):
        SmtpSession.open(route(address, tls=TlsUse.ALWAYS), Times())


def test_a_handshake_that_fails_is_counted_as_such() -> None:
    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"250-mail.test\r\n250 STARTTLS\r\n", b"220 go\r\n")
        peer.anything()
        peer.send(b"this is no TLS\r\n")

    with serving(script) as address, pytest.raises(BrokenError) as caught:
        SmtpSession.open(route(address, tls=TlsUse.ALWAYS), Times())
    assert (caught.value.phase, caught.value.what) == ("tls", "handshake failed")


def test_quit_waits_for_the_reply_but_not_for_long() -> None:
    def script(peer: Peer) -> None:
        greeted(peer)
        peer.until_gone()

    with serving(script) as address:
        session = SmtpSession.open(route(address), Times())
        began = time.perf_counter()
        with pytest.raises(BrokenError, match="quit: timeout"):
            session.quit(within_s=0.05)
        assert time.perf_counter() - began < 8.0  # less than a reply may take
        assert not session.is_open


REPLIES = st.lists(
    st.sampled_from(
        [
            b"250 ok\r\n",
            b"250-a\r\n250 b\r\n",
            b"354 \r\n",
            b"550 no\n",
            b"250\r\n",
            b"999 x\r\n",
            b"what\r\n",
            b"421-\r\n421 x\r\n",
        ]
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60)
@given(replies=REPLIES, cuts=st.lists(st.integers(1, 80), max_size=6))
def test_the_fast_way_reads_what_the_strict_reader_reads_however_it_is_cut(
    replies: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(replies)
    edges = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    strict = ReplyReader()
    strict.feed(stream)
    wanted = []
    while (reply := strict.next_reply()) is not None:
        wanted.append((reply.code, reply.raw))
    with socket.socket() as unused:
        session = SmtpSession(unused, SHORT, Times())
        for start, end in pairwise(edges):
            session._take_in("mail", stream[start:end])
        assert list(session._ready) == wanted
