"""REQUIRETLS: RFC 8689 §2."""

from __future__ import annotations

from conformance.checks import must
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import expect_sender_is_taken, mail_alone

SYNTAX_ERRORS = frozenset({500, 501, 502, 504, 555})
"""What says that a parameter was not understood. Others may be about TLS that is not good enough, or about mail."""


def _offered(dial: Dial) -> None:
    if not dial.facts.offers("REQUIRETLS"):
        raise not_applicable("the server does not offer REQUIRETLS")


@must("rfc8689/2/8")
def check_is_offered_after_starttls(dial: Dial) -> None:
    """A server that knows REQUIRETLS lists it in the reply to the EHLO after STARTTLS."""
    _offered(dial)
    with dial() as smtp:
        smtp.greet()
        if not smtp.secured:
            smtp.start_tls()
        expect("REQUIRETLS" in smtp.capabilities, "REQUIRETLS inside TLS", sorted(smtp.capabilities))


@must("rfc8689/2/2")
def check_has_no_value(dial: Dial) -> None:
    """MAIL takes REQUIRETLS by itself, whatever it says to the sender, and refuses REQUIRETLS=anything."""
    _offered(dial)
    with dial() as smtp:
        smtp.greet()
        if not smtp.secured:
            smtp.start_tls()
        expect_sender_is_taken(smtp)
        reply = mail_alone(smtp, "REQUIRETLS")
        expect(reply.code not in SYNTAX_ERRORS, "REQUIRETLS, which is on offer, to be understood", reply)
        for words in ("REQUIRETLS=1", "REQUIRETLS=yes"):
            reply = mail_alone(smtp, words)
            expect(not reply.positive, f"{words} to be refused", reply)


@must("rfc8689/2/5")
def check_is_not_promised_in_clear(dial: Dial) -> None:
    """MAIL with REQUIRETLS is refused where the session has no TLS: the message came in the clear already."""
    _offered(dial)
    with dial() as smtp:
        smtp.greet()
        if smtp.secured:
            raise not_applicable("the server takes no mail without TLS")
        expect_sender_is_taken(smtp)
        reply = mail_alone(smtp, "REQUIRETLS")
        expect(not reply.positive, "MAIL with REQUIRETLS to be refused without TLS", reply)
