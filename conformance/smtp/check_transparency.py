"""Transparency of mail text: RFC 5321 §4.5.2."""

from __future__ import annotations

from conformance.checks import given, must
from conformance.expectations import assert_same_octets
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.strategies import dotted_bodies


@must("rfc5321/4.5.2/3")
@given(body=dotted_bodies())
def check_removes_exactly_one_leading_dot(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """A leading period is removed from every line that has more on it.

    Servers that remove none, or all, damage every message with a line that begins with a period: patches, diffs,
    hidden file names.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        reply = mailbox.deliver(smtp, mailbox.compose(token, body))
        if not reply.positive:
            return
    assert_same_octets(mailbox.wait_for(token).body, body, what="octets of body")
