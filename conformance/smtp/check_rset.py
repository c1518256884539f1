"""RSET: RFC 5321 §4.1.1.5."""

from __future__ import annotations

from conformance.checks import must
from conformance.expectations import expect_bad_sequence, expect_code
from conformance.fixtures import SmtpDial as Dial


@must("rfc5321/4.1.1.5/2")
def check_discards_the_pending_transaction(dial: Dial) -> None:
    """RSET discards the stored sender, recipients and mail data.

    A client that gives up a message with RSET and starts the next must not find the old recipients in it.
    """
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        smtp.rset()
        expect_bad_sequence(smtp.data(), because="RSET discarded sender and recipients")


@must("rfc5321/4.1.1.5/3")
def check_is_answered_250(dial: Dial) -> None:
    """RSET without arguments is answered 250 whenever it comes."""
    with dial() as smtp:
        expect_code(smtp.rset(), {250}, because="RSET is in order before EHLO too")
        smtp.greet()
        expect_code(smtp.rset(), {250}, because="RSET is in order with nothing to discard")
        smtp.begin()
        expect_code(smtp.rset(), {250}, because="RSET is in order in a transaction")
