"""LHLO has no place in SMTP: RFC 2033 §1, §5."""

from __future__ import annotations

from conformance.checks import must
from conformance.expectations import expect
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask
from conformance.smtp.session import CLIENT_NAME


@must("rfc2033/5/1", "rfc2033/1/1")
def check_is_not_taken_for_a_greeting(dial: Dial) -> None:
    """The SMTP service, whose port is 25, does not speak LMTP: LHLO is refused.

    A client that sends it counts replies after the text, and a host beyond the queue would get several.
    """
    with dial() as smtp:
        reply = ask(smtp, f"LHLO {CLIENT_NAME}")
        if reply is not None:
            expect(not reply.positive, "LHLO to be refused where SMTP is spoken", reply)
