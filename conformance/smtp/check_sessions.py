"""Sessions beside each other, and the commands that nobody should have any more: RFC 5321 §4.5.4.2, appendix F."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, ViolationError
from conformance.expectations import expect, expect_refused
from conformance.fixtures import SmtpDial as Dial
from conformance.wire.errors import SilenceError


@must("rfc5321/4.5.4.2/2", "rfc5321/4.5.4.2/3")
def check_are_served_side_by_side(dial: Dial) -> None:
    """While one client is in a transaction another one can begin its own.

    A server may limit the connections that it takes, but not to one transaction at a time.
    """
    with dial() as first:
        first.greet()
        first.begin()
        with dial() as second:
            second.greet()
            try:
                meanwhile = second.mail(second.setting.sender)
            except SilenceError as error:
                raise ViolationError("a reply to MAIL while another transaction is open", error.what) from error
            if meanwhile.positive:
                return
            first.rset()
            afterwards = second.mail(second.setting.sender)
            if not afterwards.positive:
                raise InconclusiveError(f"MAIL is refused, another transaction or not: {afterwards}")
    raise ViolationError("MAIL to be accepted while another session is in a transaction", str(meanwhile))


@should("rfc5321/F.1/1")
def check_do_not_turn(dial: Dial) -> None:
    """TURN is refused: it would hand the mail of a domain to anybody who calls himself by its name."""
    with dial() as smtp:
        smtp.greet()
        reply = smtp.command("TURN")
        if not (reply.transient or reply.permanent):
            smtp.abandon()
        expect_refused(reply, because="nothing proves who the client is")


@must("rfc5321/F.6/3")
@given(verb=st.sampled_from(("SEND", "SOML", "SAML")), at_most=3)
def check_list_the_send_commands_they_have(dial: Dial, verb: str) -> None:
    """SEND, SOML and SAML are accepted only by servers that list them in their reply to EHLO."""
    with dial() as smtp:
        smtp.greet()
        reply = smtp.command(f"{verb} FROM:<{smtp.setting.sender}>")
        smtp.rset()
        if verb not in smtp.capabilities:
            expect(not reply.positive, f"a refusal of {verb}, which EHLO does not list", reply)
