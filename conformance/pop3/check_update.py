"""The UPDATE state: when marked messages are removed and when not. RFC 1939 §3, §5, §6, §8."""

from __future__ import annotations

import contextlib

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import InconclusiveError
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.fixtures import Pop3Dial as Dial
from conformance.pop3.listings import tokens
from conformance.pop3.session import Pop3Session
from conformance.pop3.strategies import subsets
from conformance.wire.errors import ClosedError

_BODIES = [b"%d\r\n" % number for number in range(4)]


def _mark(pop3: Pop3Session, numbers: frozenset[int]) -> None:
    for number in sorted(numbers):
        response = pop3.dele(number)
        if not response.ok:
            raise InconclusiveError(f"DELE {number} was refused: {response}")


def _now_in(maildrop: Maildrop) -> set[str]:
    with maildrop.opened() as pop3:
        return set(tokens(pop3).values())


@must("rfc1939/6/6", "rfc1939/6/8", "rfc1939/6/1", "rfc1939/5/31", "rfc1939/3/25")
@given(at_most=8, marked=subsets(of=4))
def check_removes_exactly_what_is_marked(maildrop: Maildrop, marked: frozenset[int]) -> None:
    """QUIT removes the messages marked as deleted and no other."""
    filled = set(maildrop.fill(_BODIES))
    with maildrop.opened() as pop3:
        token_of = tokens(pop3)
        _mark(pop3, marked)
        response = pop3.quit()
        pop3.abandon()
        pop3.rest()
        if not response.ok:
            return  # RFC 1939 §6: then some or none of them may be gone.
    wanted = filled - {token_of[number] for number in marked}
    left = _now_in(maildrop) & filled
    expect(left == wanted, f"{sorted(wanted)} left after {sorted(marked)} of {token_of} were deleted", sorted(left))


@must("rfc1939/6/3", "rfc1939/5/33", "rfc1939/4/8", "rfc1939/8/3")
@given(at_most=8, marked=subsets(of=4), ending=st.sampled_from(("dropped", "reset", "half-closed")))
def check_removes_nothing_without_quit(maildrop: Maildrop, marked: frozenset[int], ending: str) -> None:
    """A session that ends without QUIT removes nothing, and the next one begins with nothing marked.

    A connection that breaks after the client fetched half of the mail must not cost it the other half.
    """
    filled = set(maildrop.fill(_BODIES))
    with maildrop.opened() as pop3:
        tokens(pop3)
        _mark(pop3, marked)
        if ending == "half-closed":
            pop3.abandon()
            with contextlib.suppress(ClosedError):
                pop3.connection.half_close()
            pop3.rest()
        elif ending == "reset":
            pop3.abandon()
            pop3.connection.reset()
        else:
            pop3.drop()
    left = _now_in(maildrop) & filled
    expect(left == filled, f"all of {sorted(filled)} still there: the session was {ending}", sorted(left))


@must("rfc1939/5/40", "rfc1939/5/41")
@given(at_most=8, marked=subsets(of=4))
def check_removes_nothing_that_rset_took_back(maildrop: Maildrop, marked: frozenset[int]) -> None:
    """RSET is answered +OK and takes off every mark: QUIT then removes nothing."""
    filled = set(maildrop.fill(_BODIES))
    with maildrop.opened() as pop3:
        _mark(pop3, marked)
        response = pop3.rset()
        expect(response.ok, "+OK to RSET", response)
    left = _now_in(maildrop) & filled
    expect(left == filled, f"all of {sorted(filled)} still there after RSET and QUIT", sorted(left))


@must("rfc1939/4/18", "rfc1939/4/17", "rfc1939/6/2")
def check_quit_before_the_log_in_removes_nothing(dial: Dial, maildrop: Maildrop) -> None:
    """QUIT before the log-in is answered +OK and removes nothing."""
    filled = set(maildrop.fill(_BODIES[:2]))
    with dial() as pop3:
        response = pop3.quit()
        expect(response.ok, "+OK to QUIT", response)
        pop3.abandon()
    left = _now_in(maildrop) & filled
    expect(left == filled, f"all of {sorted(filled)} still there", sorted(left))


@must("rfc1939/3/27", "rfc1939/6/9", "rfc1939/6/5", "rfc1939/3/26")
def check_closes_the_connection_after_quit(dial: Dial, maildrop: Maildrop) -> None:
    """After the answer to QUIT, before the log-in or after it, the server closes the connection."""
    for open_session in (dial, maildrop.opened):
        with open_session() as pop3:
            pop3.quit()
            pop3.abandon()
            rest = pop3.rest(within_s=pop3.connection.patience.reply_s)
            closed = pop3.connection.closed_by_peer
            expect(closed, "the end of the connection after the answer to QUIT", f"a connection still open {rest!r}")
