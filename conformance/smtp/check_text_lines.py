"""Lengths of lines and messages: RFC 5321 §4.5.3.1.6, §4.5.3.1.7, and the ends of the text, §4.1.1.4."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import ViolationError
from conformance.expectations import assert_same_octets
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.passage import assert_same_lines, passed, taken
from conformance.smtp.strategies_text import LONGEST_LINE

SMALLEST_MESSAGE_LIMIT = 64 * 1024
"""Octets of header and body together that every server takes (RFC 5321 §4.5.3.1.7)."""

LONGER_LINES = (999, 1000, 1001, 2000, 2048, 4096, 65536)
"""Octets without CRLF that no server has to carry: just over the limit, and where buffers of programs end."""

ENDINGS = (b"", b"x\r\n", b"\r\n", b"\r\n\r\n", b"x\r\n\r\n", b"x\r\n\r\n\r\n\r\n", b"x\r\n \r\n", b" \r\n\r\n")
"""Bodies that differ in how they end."""


@must("rfc5321/4.5.3.1.6/1", "rfc5321/4.5.3.1/1")
@given(
    octets=st.sampled_from((LONGEST_LINE, LONGEST_LINE - 1)),
    filling=st.sampled_from((b"x", b"long words ", b"x.", b"%00")),
    at_most=8,
)
def check_carries_lines_of_1000_octets(dial: Dial, mailbox: Mailbox, octets: int, filling: bytes) -> None:
    """A line of 998 octets and CRLF is accepted and delivered whole."""
    line = (filling * octets)[: octets - 1] + b"|"
    body = b"before\r\n" + line + b"\r\nafter\r\n"
    message = taken(dial, mailbox, body, what=f"a line of {octets} octets and CRLF")
    assert_same_lines(message, body)


@must("rfc5321/4.5.2/6", "rfc5321/4.5.2/4")
def check_never_breaks_longer_lines(dial: Dial, mailbox: Mailbox) -> None:
    """A line over the limit is refused, or delivered as it came: never folded, cut or split on the quiet.

    The limit lets a server refuse such a line. One that accepts it may store it as it likes, as long as the line can be
    had back (§4.5.2). A line break put in by a mail system, with or without a blank behind it, can be told from none of
    the writer's own; every signature over the text breaks with it, and lines cut in two have turned text into periods
    at the beginning of lines and words into other words.
    """
    for octets in LONGER_LINES:
        line = (b"0123456789abcdef" * 4096)[: octets - 1] + b"|"
        body = b"before\r\n" + line + b"\r\nafter\r\n"
        message = passed(dial, mailbox, body)
        if message is not None:
            assert_same_lines(message, body, what=f"octets of body with a line of {octets} octets")


@must("rfc5321/4.5.3.1.7/1", "rfc5321/4.5.3.1/1")
def check_takes_messages_of_64_kilo_octets(dial: Dial, mailbox: Mailbox) -> None:
    """A message of 65,536 octets, header and body together, is accepted and delivered whole."""
    overhead = len(mailbox.compose(mailbox.token(), b"")) + len("9999")  # tokens of this run grow by digits
    line = b"0123456789" * 7 + b"\r\n"
    body = line * ((SMALLEST_MESSAGE_LIMIT - overhead) // len(line))
    body += b"x" * (SMALLEST_MESSAGE_LIMIT - overhead - len(body) - 2) + b"\r\n"
    message = taken(dial, mailbox, body, what=f"a message of {SMALLEST_MESSAGE_LIMIT} octets")
    assert_same_lines(message, body)


@must("rfc5321/4.1.1.4/5")
@given(body=st.sampled_from(ENDINGS), at_most=len(ENDINGS))
def check_adds_no_empty_line(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """Nothing is added to the end of the message: the first CRLF of the end of data ends its last line, no more."""
    message = passed(dial, mailbox, body)
    if message is None or not message.body.startswith(body):
        return
    added = message.body[len(body) :]
    # Text at the end, such as the footer of a site, is no empty line.
    if added and not added.strip(b"\r\n"):
        raise ViolationError(f"the body to end with {body!r}", f"{added!r} behind it")


@must("rfc5321/4.1.1.4/4", "rfc6152/3/9")
@given(body=st.sampled_from(ENDINGS), at_most=len(ENDINGS))
def check_keeps_the_end_of_the_last_line(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """The CRLF before the final period belongs to the last line, which is kept with it, empty or not."""
    message = passed(dial, mailbox, body)
    if message is not None and message.body.count(b"\r\n") < body.count(b"\r\n"):
        assert_same_octets(message.body, body, what="octets of body")
