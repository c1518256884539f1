"""Messages with something wrong in their header or MIME structure: RFC 5321 §3.3."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.passage import hand_in

RESENT = (
    b"Resent-To: <mailspec@client.example>\r\n",
    b"Resent-To: <mailspec@client.example>\r\nResent-From: <mailspec@client.example>\r\n",
    b"Resent-To: <mailspec@client.example>\r\nResent-Date: Mon, 5 Jan 2026 11:00:00 +0000\r\n",
    b"Resent-To: <a@client.example>\r\nResent-To: <b@client.example>\r\nResent-From: <mailspec@client.example>\r\n"
    b"Resent-Date: Mon, 5 Jan 2026 11:00:00 +0000\r\n",
    b"Resent-Date: Mon, 5 Jan 2026 11:00:00 +0000\r\nResent-Date: Mon, 5 Jan 2026 12:00:00 +0000\r\n"
    b"Resent-From: <mailspec@client.example>\r\n",
)
"""Resent fields that are not balanced, or lack the sender or the date."""

DEFECTS = (
    b"Date: yesterday\r\n",
    b"Cc: undisclosed recipients\r\n",
    b"Reply-To: nobody at all <\r\n",
    b"Message-ID: none\r\n",
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n",
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n',
    b"MIME-Version: 1.0\r\nContent-Type: nonsense\r\n",
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\r\nContent-Transfer-Encoding: 9bit\r\n",
)
"""Fields that break RFC 5322 or MIME and are still lines of a header section."""


MANY_RECIPIENTS = b"To: " + b",\r\n ".join(b"<reader-%d@client.example>" % number for number in range(200)) + b"\r\n"
"""As many as RFC 5321 §4.5.3.1.8 has servers take in the envelope, twice, and a header of a few thousand octets."""


def _expect_taken(dial: Dial, mailbox: Mailbox, headers: bytes, *, because: str) -> None:
    """The message is accepted with these fields in it.

    Raises:
        InconclusiveError: it is refused without them too.
    """
    with dial() as smtp:
        smtp.greet()
        if not hand_in(smtp, mailbox, mailbox.token(), b"text\r\n").positive:
            raise InconclusiveError("a plain message is refused too")
        reply = hand_in(smtp, mailbox, mailbox.token(), b"text\r\n", headers=headers)
        expect(reply.positive, f"a message with {headers!r} to be accepted: {because}", reply)


@must("rfc5321/3.3/30")
@given(fields=st.sampled_from(RESENT), at_most=5)
def check_unbalanced_resent_fields_are_no_ground_for_refusal(dial: Dial, mailbox: Mailbox, fields: bytes) -> None:
    """A message whose Resent fields do not match, or lack Resent-From or Resent-Date, is not refused.

    Many programs that send mail on never knew the rule, and the message is none the worse for it.
    """
    _expect_taken(dial, mailbox, fields, because="Resent fields are no ground for refusal")


@should("rfc5321/3.3/29")
@given(fields=st.sampled_from(DEFECTS), at_most=5)
def check_defects_are_no_ground_for_refusal(dial: Dial, mailbox: Mailbox, fields: bytes) -> None:
    """A message is not refused for what seems wrong with its header section or its MIME structure."""
    _expect_taken(dial, mailbox, fields, because="a server transports messages and does not judge their form")


@should("rfc5321/3.3/29", "rfc5321/4.5.3.1.8/3")
def check_many_names_in_the_header_are_no_ground_for_refusal(dial: Dial, mailbox: Mailbox) -> None:
    """A message is not refused for how many recipients its header shows: its envelope says how many there are."""
    _expect_taken(dial, mailbox, MANY_RECIPIENTS, because="who is named in the header does not matter")
