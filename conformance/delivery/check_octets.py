"""What went in over SMTP comes out over IMAP (RFC 3501) and POP3 (RFC 1939): RFC 5321 §4.5.2."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.delivery.reading_back import accepted, expect_came_through, over_imap, over_pop3
from conformance.expectations import assert_same_octets
from conformance.fixtures import ImapDial, Mailbox, Pop3Dial
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.passage import MIME_8BIT, body_of
from conformance.smtp.strategies import dotted_bodies
from conformance.smtp.strategies_text import blank_bodies, eight_bit_lines, header_fields, joined

BODIES = st.builds(
    lambda dotted, blank, rest: b"." + b"x" * 997 + b"\r\n" + dotted + blank + rest,
    dotted_bodies(),
    blank_bodies(),
    st.sampled_from((b"", joined([b"."]), joined([b"last"]), joined([b"x", b"", b""]))),
)
"""Everything that has been damaged on the way: periods, blanks, empty lines, a line of full length."""


@must("rfc5321/4.5.2/4", "rfc5321/4.5.2/3", "rfc5321/4.1.1.4/4", "rfc5321/4.1.1.4/5", "rfc3501/6.4.5/9")
@given(body=BODIES, headers=header_fields(), at_most=8)
def check_come_out_over_imap_as_they_went_in(
    dial: Dial, mailbox: Mailbox, imap: ImapDial, body: bytes, headers: bytes
) -> None:
    """A message that was accepted over SMTP is the same over IMAP: each header line in its place, each octet of body.

    The mail system as a whole is judged here, transport, delivery and store together.
    """
    token = accepted(dial, mailbox, body, headers=headers)
    expect_came_through(over_imap(imap, token).message, mailbox.compose(token, body, headers=headers))


@must("rfc5321/4.5.2/4", "rfc5321/4.5.2/3", "rfc5321/4.1.1.4/4", "rfc5321/4.1.1.4/5", "rfc1939/5/27", "rfc1939/3/17")
@given(body=BODIES, headers=header_fields(), at_most=8)
def check_come_out_over_pop3_as_they_went_in(
    dial: Dial, mailbox: Mailbox, pop3: Pop3Dial, body: bytes, headers: bytes
) -> None:
    """A message accepted over SMTP is the same over POP3: each header line in its place, each octet of body."""
    token = accepted(dial, mailbox, body, headers=headers)
    expect_came_through(over_pop3(pop3, token).message, mailbox.compose(token, body, headers=headers))


def _high(octets: bytes) -> bytes:
    return bytes(octet for octet in octets if octet > 0x7F)


@must("rfc6152/3/11", "rfc6152/3/7", "rfc1939/5/27", "rfc3501/6.4.5/9")
@given(body=st.lists(eight_bit_lines(), min_size=1, max_size=4).map(joined), at_most=6)
def check_keep_all_eight_bits_to_the_end(
    dial: Dial, mailbox: Mailbox, imap: ImapDial, pop3: Pop3Dial, body: bytes
) -> None:
    """8-bit text that was announced and accepted has every bit over IMAP and over POP3."""
    if not dial.facts.offers("8BITMIME"):
        return
    body = b"\xe4\xff\x80\r\n" + body
    token = accepted(dial, mailbox, body, headers=MIME_8BIT, parameters=("BODY=8BITMIME",))
    for found in (over_imap(imap, token), over_pop3(pop3, token)):
        # Only the octets in question: what became of the others the two checks above look at.
        assert_same_octets(_high(body_of(found.message)), _high(body), what="octets above 127")
