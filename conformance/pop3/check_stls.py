"""STLS: RFC 2595 §4, §8."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import cuts_itself, given, must
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.fixtures import Pop3Dial as Dial
from conformance.session import setting_up
from conformance.wire.errors import TlsError

_INJECTED = (b"CAPA\r\n", b"NOOP\r\n", b"CAPA\r\nNOOP\r\n", b"USER x\r\n", b"STAT\n", b"NOOP")


def _demand_stls(dial: Dial) -> None:
    if dial.endpoint.means.implicit_tls or "STLS" not in dial.facts.capabilities:
        raise not_applicable("the server does not offer STLS on this endpoint")


@must("rfc2595/4/5")
@cuts_itself
@given(
    at_most=8,
    injected=st.sampled_from((b"CAPA\r\n", b"NOOP\r\n", b"CAPA\r\nNOOP\r\n", b"USER x\r\n", b"STAT\n", b"NOOP")),
)
def check_runs_nothing_that_was_sent_in_clear(dial: Dial, injected: bytes) -> None:
    """What comes in clear behind STLS belongs to the handshake: it is never run as a command inside TLS.

    Else whoever sits on the line puts commands into the protected session (CVE-2011-0411 and its like).
    """
    _demand_stls(dial)
    with dial() as pop3:
        pop3.abandon()
        pop3.send_segment(b"STLS\r\n" + injected)
        with setting_up("STLS"):
            response = pop3.read_response()
        if not response.ok:
            return  # refusing to go on is one of the cures
        expect(not pop3.unread, "nothing in clear after the +OK to STLS", pop3.unread[:400])
        try:
            pop3.connection.start_tls()
        except TlsError:
            return  # the injected octets have broken the handshake, as they should
        pop3.send(b"QUIT\r\n")
        answers = pop3.rest()
        expect(answers.count(b"\n") <= 1, "one answer inside TLS, the one to QUIT", answers[:400])


@must("rfc2595/4/8")
def check_logs_nobody_in(dial: Dial) -> None:
    """After the handshake the session is in the AUTHORIZATION state: nobody is logged in, USER in clear or not."""
    _demand_stls(dial)
    for named in (False, True):
        with dial() as pop3:
            if named:
                pop3.user(pop3.account.name)
            try:
                pop3.start_tls()
            except InconclusiveError:
                if named:
                    return  # STLS may be refused once a log-in has begun
                raise
            response = pop3.stat()
            expect(not response.ok, "-ERR to STAT: nobody is logged in", response)


@must("rfc2595/4/2", "rfc2595/8/3")
def check_is_announced_where_it_is_valid(dial: Dial, maildrop: Maildrop) -> None:
    """CAPA lists STLS before the log-in, not after it, and inside TLS only if it could be used again."""
    _demand_stls(dial)
    with maildrop.opened() as pop3:
        announced = "STLS" in (pop3.capa() or {})
        expect(not announced, "no STLS in CAPA after the log-in", "STLS")
    with dial() as pop3:
        pop3.start_tls()
        if "STLS" in (pop3.capa() or {}):
            response = pop3.command("STLS")
            expect(response.ok, "+OK to STLS inside TLS, as it is announced there", response)
            pop3.abandon()


@must("rfc2595/4/4", "rfc1939/3/29")
def check_is_refused_after_the_log_in(dial: Dial, maildrop: Maildrop) -> None:
    """STLS after the log-in is answered -ERR, and the session goes on."""
    _demand_stls(dial)
    with maildrop.opened() as pop3:
        response = pop3.command("STLS")
        if response.ok:
            pop3.abandon()
        expect(not response.ok, "-ERR to STLS after the log-in", response)
        response = pop3.stat()
        expect(response.ok, "+OK to STAT: the session goes on", response)


@must("rfc2595/4/3", "rfc1939/3/28")
def check_takes_no_argument(dial: Dial) -> None:
    """STLS with an argument is malformed and answered -ERR."""
    _demand_stls(dial)
    with dial() as pop3:
        response = pop3.command("STLS now")
        expect(not response.ok, "-ERR to STLS with an argument", response)


@must("rfc2595/4/1", "rfc2595/A/18")
def check_comes_with_capa(dial: Dial) -> None:
    """A server that has STLS has CAPA too, so that nobody need try it out."""
    if dial.endpoint.means.implicit_tls:
        raise not_applicable("TLS is on from the start on this endpoint")
    with dial() as pop3:
        response = pop3.command("STLS")
        pop3.abandon()
        if not response.ok:
            raise not_applicable("the server has no STLS")
    with dial() as pop3:
        response = pop3.command("CAPA", multi_line=True)
        expect(response.ok, "+OK to CAPA from a server that has STLS", response)
