"""Transparency of mail text: RFC 5321 §4.5.2."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import cuts_itself, given, must
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.apart import send_apart
from conformance.smtp.passage import assert_same_lines, passed, taken
from conformance.smtp.session import stuffed
from conformance.smtp.strategies import dotted_bodies
from conformance.smtp.strategies_text import LONGEST_LINE, joined


@must("rfc5321/4.5.2/3")
@given(body=dotted_bodies())
def check_removes_exactly_one_leading_dot(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """A leading period is removed from every line that has more on it.

    Servers that remove none, or all, damage every message with a line that begins with a period: patches, diffs,
    hidden file names.
    """
    message = passed(dial, mailbox, body)
    if message is not None:
        assert_same_lines(message, body)


@must("rfc5321/4.5.2/3", "rfc5321/4.5.2/2")
def check_keeps_a_line_of_one_dot(dial: Dial, mailbox: Mailbox) -> None:
    """A line of a period alone, sent as two, is delivered as one, and so is everything that follows it.

    Here a server that unstuffs before it looks for the end cuts the message off, and takes the rest for commands.
    """
    body = joined([b"before", b".", b"between", b".", b".", b"..", b"", b".", b"after"])
    message = taken(dial, mailbox, body, what="text with lines of a lone period, doubled")
    assert_same_lines(message, body)


@must("rfc5321/4.5.2/3")
@given(
    body=st.lists(
        st.sampled_from((b"x.", b"x..", b" .x", b"\t.x", b" ..x", b"a.b..c", b"x. .", b"...", b"")),
        min_size=3,
        max_size=8,
    ).map(joined)
)
def check_leaves_other_dots_alone(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """Periods that do not open a line are none of transparency's business."""
    message = passed(dial, mailbox, body)
    if message is not None:
        assert_same_lines(message, body)


@must("rfc5321/4.5.3.1.6/1", "rfc5321/4.5.2/3")
@given(dots=st.sampled_from((1, 2, LONGEST_LINE)), at_most=3)
def check_does_not_count_the_added_dot(dial: Dial, mailbox: Mailbox, dots: int) -> None:
    """A line of 998 octets that begins with a period is accepted with the period added: 1001 octets on the wire.

    The limit of 1000 octets is expressly one before stuffing (§4.5.3.1.6).
    """
    body = b"before\r\n" + b"." * dots + b"x" * (LONGEST_LINE - dots) + b"\r\nafter\r\n"
    message = taken(dial, mailbox, body, what="a line of 998 octets with a period added in front")
    assert_same_lines(message, body)


@must("rfc5321/4.5.2/3")
@cuts_itself
def check_removes_the_dot_wherever_it_is_cut(dial: Dial, mailbox: Mailbox) -> None:
    """The period is removed once however TCP cuts the line: before it, behind it, between the two.

    A server that takes the start of a segment for the start of a line, or forgets at its end where it was, removes too
    much or too little, and only when the network is in the mood.
    """
    body = b"before\r\n.x\r\n.\r\n..y\r\nz.w\r\nafter\r\n"
    tokens = []
    with dial() as smtp:
        smtp.greet()
        sent = stuffed(body)
        for cut in range(1, len(sent)):
            token = mailbox.token()
            smtp.begin_data()
            head = mailbox.compose(token, b"")
            send_apart(smtp, head + sent[:cut], sent[cut:] + b".\r\n")
            if smtp.read_reply().positive:
                tokens.append(token)
    for token in tokens:
        assert_same_lines(mailbox.wait_for(token), body)
