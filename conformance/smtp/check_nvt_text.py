"""Octets of the mail text (RFC 5321 §2.3.8, §4.1.1.4, §4.5.2, RFC 854): ASCII passes, and only CRLF ends a line.

Bare CR, bare LF and NUL are for no client to send (§2.3.8, RFC 5322 §3.5), so a server may refuse a message that has
one. It may also carry them as the characters that they are. What it may not do is to take them for something else.
"""

from __future__ import annotations

import base64
import re

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import Delivered
from conformance.smtp.passage import assert_same_lines, passed
from conformance.smtp.strategies_text import blank_bodies, control_bodies, graphic_bodies


def expect_no_line_end(dial: Dial, mailbox: Mailbox, octet: bytes) -> None:
    """A line does not end at the octet, as far as transparency shows: two periods behind it stay two.

    Whether the mailbox shows the octet itself as CRLF proves nothing about the SMTP server, since many stores keep
    lines in a form of their own; but the period that opens a line is taken off by the SMTP server alone (§4.5.2).
    """
    message = passed(dial, mailbox, b"before%s..behind\r\nlast\r\n" % octet)
    if message is None:
        return
    if b"..behind" not in message.body:
        raise ViolationError(
            f"both periods after {octet!r}, or a refusal: they do not stand at the beginning of a line",
            f"a period taken off, as at the beginning of a line: {message.body!r}",
        )


@must("rfc5321/4.1.1.4/7", "rfc5321/2.3.8/2")
def check_does_not_end_a_line_at_lf(dial: Dial, mailbox: Mailbox) -> None:
    """A bare LF in the text does not begin a new line, so that a period behind it is not taken off.

    The RFC forbids the custom of accepting lines that end in LF alone in so many words, even for robustness' sake. A
    server that goes on to demand the exact CRLF.CRLF as the end of data, as Postfix does when it "normalizes", is no
    longer open to smuggling by it; it still reads a line where there is none.
    """
    expect_no_line_end(dial, mailbox, b"\n")


@must("rfc5321/2.3.8/2")
def check_does_not_end_a_line_at_cr(dial: Dial, mailbox: Mailbox) -> None:
    """A bare CR in the text does not begin a new line, so that a period behind it is not taken off."""
    expect_no_line_end(dial, mailbox, b"\r")


@must("rfc5321/4.5.2/4")
@given(body=control_bodies())
def check_delivers_control_characters(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """Control characters of ASCII reach the mailbox as they are.

    Terminal art is rare today; signatures over a body that was sent with an ESC or a form feed in it are not.
    """
    message = passed(dial, mailbox, body)
    if message is not None:
        assert_same_lines(message, body)


@must("rfc5321/4.5.2/4", "rfc854/3.4/1")
@given(body=graphic_bodies())
def check_delivers_graphic_characters(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """Each of the 95 characters of ASCII that can be seen reaches the mailbox as it is."""
    message = passed(dial, mailbox, body)
    if message is not None:
        assert_same_lines(message, body)


@must("rfc5321/4.5.2/4")
@given(body=blank_bodies())
def check_delivers_blanks_and_tabs(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """Blanks and tabs reach the mailbox as they are, at the ends of lines and alone on them too.

    Format=flowed, signatures and patches all hang on white space that looks idle.
    """
    message = passed(dial, mailbox, body)
    if message is not None:
        assert_same_lines(message, body)


@must("rfc5321/4.5.2/4")
@given(
    body=st.sampled_from((b"a\x00b\r\n", b"\x00\r\n", b"\x00start\r\n", b"end\x00\r\n", b"a\x00\x00b\r\n")), at_most=5
)
def check_loses_nothing_at_nul(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """A message with NUL in it is refused, or whatever stands beside the NUL is delivered.

    IMAP cannot carry the octet itself (RFC 3501 §9 excludes it from literals), so nobody is convicted for the NUL as
    such: it may be missing, or stand as another octet, or the body come in base64 (RFC 9051 §4.3.1). The text behind it
    has no such excuse.
    """
    message = passed(dial, mailbox, body + b"after\r\n")
    if message is None:
        return
    pieces = [piece for piece in (body + b"after\r\n").split(b"\x00") if piece]
    at, got = 0, _shown(message)
    for piece in pieces:
        found = got.find(piece, at)
        expect(found >= 0, f"{piece!r} after the first {at} octets of the body", repr(got))
        at = found + len(piece)


def _shown(message: Delivered) -> bytes:
    """The body, decoded where the server put it into base64 so that IMAP can carry it."""
    if re.search(rb"(?im)^content-transfer-encoding:[ \t]*base64", message.header) is None:
        return message.body
    try:
        return base64.b64decode(message.body)
    except ValueError:
        return message.body
