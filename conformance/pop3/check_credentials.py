"""USER and PASS: RFC 1939 §4, §7."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Pop3Dial as Dial
from conformance.pop3.session import Pop3Session
from conformance.session import setting_up
from conformance.wire.errors import ClosedError


def _expect_nobody_in(pop3: Pop3Session) -> None:
    try:
        response = pop3.stat()
    except ClosedError:
        return  # RFC 1939 §4: after refusing a log-in the server may hang up.
    expect(not response.ok, "-ERR to STAT: nobody is logged in", response)


@must("rfc1939/4/7", "rfc1939/5/1", "rfc1939/3/24", "rfc1939/7/27", "rfc1939/7/33", "rfc2449/6.2/4", "rfc1939/4/5")
def check_right_ones_open_the_maildrop(dial: Dial) -> None:
    """The right name and password are answered +OK, and the maildrop is open; QUIT in place of PASS is in order."""
    with dial() as pop3:
        pop3.make_ready()
        if not pop3.user(pop3.account.name).ok:
            raise InconclusiveError("USER is refused")
        response = pop3.quit()
        expect(response.ok, "+OK to QUIT after USER", response)
        pop3.abandon()
    with dial() as pop3:
        pop3.log_in()
        response = pop3.stat()
        expect(response.ok, "+OK to STAT after the log-in", response)


@must("rfc1939/7/35", "rfc1939/7/33")
@given(at_most=4, kind=st.sampled_from(("longer", "other", "empty", "in front")))
def check_a_wrong_password_is_refused(dial: Dial, kind: str) -> None:
    """A wrong password is answered -ERR, and nobody is logged in: one that goes on after the right one's end too."""
    with dial() as pop3:
        pop3.make_ready()
        if not pop3.user(pop3.account.name).ok:
            raise not_applicable("USER is refused")
        right = pop3.account.password
        wrong = {"longer": right + "x", "other": "not-the-password", "empty": "", "in front": "x" + right}[kind]
        response = pop3.pass_(wrong)
        expect(not response.ok, "-ERR to a wrong password", response)
        _expect_nobody_in(pop3)


@must("rfc1939/7/33")
@given(at_most=3, name=st.sampled_from(("nobody-of-that-name", "", "x" * 40)))
def check_an_unknown_name_is_refused(dial: Dial, name: str) -> None:
    """Nobody is logged in by a name that does not exist, at USER or at PASS, with the password of another."""
    with dial() as pop3:
        pop3.make_ready()
        if pop3.user(name).ok:
            response = pop3.pass_(pop3.account.password)
            expect(not response.ok, "-ERR to the password of another", response)
        _expect_nobody_in(pop3)


@must("rfc1939/4/12")
def check_can_be_given_again(dial: Dial) -> None:
    """After a refused log-in the client can log in on the same connection, as far as the server keeps it open."""
    with dial() as pop3:
        pop3.make_ready()
        with setting_up("a wrong password"):
            if not pop3.user(pop3.account.name).ok:
                raise not_applicable("USER is refused")
            pop3.pass_("not-the-password")
        try:
            response = pop3.user(pop3.account.name)
            if response.ok:
                response = pop3.pass_(pop3.account.password)
        except ClosedError:
            return
        expect(response.ok, "+OK to the right password after a wrong one", response)
