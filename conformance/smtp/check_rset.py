"""RSET: RFC 5321 §4.1.1.5."""

from __future__ import annotations

from conformance.checks import must
from conformance.expectations import expect_code
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import expect_no_recipients


@must("rfc5321/4.1.1.5/2", "rfc5321/4.1.1.5/1")
def check_discards_the_pending_transaction(dial: Dial) -> None:
    """RSET discards the stored sender, recipients and mail data.

    A client that gives up a message with RSET and starts the next must not find the old recipients in it.
    """
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        smtp.rset()
        expect_no_recipients(smtp, because="RSET discarded sender and recipients")


@must("rfc5321/4.1.1.5/3", "rfc5321/4.1.1.5/4", "rfc5321/4.1.1.5/6", "rfc5321/4.1.1.5/5", "rfc5321/4.3.2/22")
def check_is_answered_250(dial: Dial) -> None:
    """RSET without arguments is answered 250 whenever it comes."""
    with dial() as smtp:
        # A server that demands STARTTLS refuses all but NOOP, EHLO, STARTTLS and QUIT before it (RFC 3207 §4).
        if not dial.facts.demands_tls:
            expect_code(smtp.rset(), {250}, because="RSET is in order before EHLO too")
        smtp.greet()
        expect_code(smtp.rset(), {250}, because="RSET is in order with nothing to discard")
        smtp.begin()
        expect_code(smtp.rset(), {250}, because="RSET is in order in a transaction")
