"""Sizes of delivered mail: what POP3 (RFC 1939 §5, §11) and IMAP (RFC 3501 §2.3.4) say before they hand it out."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.delivery.reading_back import Found, accepted, over_imap, over_pop3
from conformance.errors import InconclusiveError
from conformance.expectations import expect
from conformance.fixtures import ImapDial, Mailbox, Pop3Dial
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.strategies import text_lines
from conformance.smtp.strategies_text import blank_bodies, bodies_of


def _expect_exact(found: Found, what: str) -> None:
    if found.size is None:
        raise InconclusiveError(f"{what} names no size")
    octets = len(found.message.octets)
    expect(found.size == octets, f"{octets} octets, as the message has", f"{found.size} in {what}")


# No line begins with a period: a server that stuffs those wrongly sends another text, and its sizes may be right.
BODIES = st.builds(lambda blank, rest: b"x" * 998 + b"\r\n" + blank + rest, blank_bodies(), bodies_of(text_lines(70)))


@must("rfc1939/11/1", "rfc1939/5/19", "rfc1939/5/14")
@given(body=BODIES.filter(lambda body: b"\r\n." not in body), at_most=6)
def check_pop3_lists_what_it_sends(dial: Dial, mailbox: Mailbox, pop3: Pop3Dial, body: bytes) -> None:
    """LIST names the octets that RETR sends, line ends counted as two.

    Stores that keep lines with LF alone are off by the number of lines.
    """
    _expect_exact(over_pop3(pop3, accepted(dial, mailbox, body)), "LIST")


@must("rfc3501/2.3.4/1", "rfc3501/7.4.2/60", "rfc3501/6.4.5/37")
@given(body=BODIES, at_most=6)
def check_imap_lists_what_it_sends(dial: Dial, mailbox: Mailbox, imap: ImapDial, body: bytes) -> None:
    """RFC822.SIZE is the number of octets in BODY[] for mail that came over SMTP."""
    _expect_exact(over_imap(imap, accepted(dial, mailbox, body)), "RFC822.SIZE")
