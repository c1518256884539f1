"""8BITMIME (RFC 6152), and octets above 127 in text that nobody announced (RFC 5321 §2.4)."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import assert_same_octets, expect, expect_done, expect_refused
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import expect_sender_is_taken, mail_alone, settled
from conformance.smtp.passage import MIME_8BIT, body_of, passed, taken
from conformance.smtp.session import SmtpSession
from conformance.smtp.strategies_text import LONGEST_LINE, eight_bit_bodies

ANNOUNCED = ("BODY=8BITMIME",)


def _needs_8bitmime(dial: Dial) -> None:
    if not dial.facts.offers("8BITMIME"):
        raise not_applicable("8BITMIME is not offered")


def _greet(smtp: SmtpSession) -> None:
    smtp.greet()
    if "8BITMIME" not in smtp.capabilities:
        raise not_applicable("8BITMIME is not offered")


def _ascii_of(octets: bytes) -> bytes:
    return bytes(octet for octet in octets if octet < 0x80)


@must("rfc6152/2/2")
def check_is_listed_alone(dial: Dial) -> None:
    """The EHLO line of 8BITMIME has nothing after the keyword."""
    with dial() as smtp:
        _greet(smtp)
        listed = smtp.capabilities["8BITMIME"]
        expect(listed == "", "nothing after 8BITMIME", repr(listed))


@must("rfc6152/3/2", "rfc6152/2/3", "rfc6152/2/5")
@given(value=st.sampled_from(("8BITMIME", "7BIT", "8bitmime", "7bit")), at_most=4)
def check_takes_the_body_parameter(dial: Dial, value: str) -> None:
    """MAIL with BODY=7BIT and with BODY=8BITMIME, in any case, is accepted like MAIL without."""
    with dial() as smtp:
        _greet(smtp)
        expect_sender_is_taken(smtp)
        expect_done(settled(mail_alone(smtp, f"BODY={value}")), because="the same MAIL without BODY is accepted")


@must("rfc5321/4.1.1.11/1", "rfc6152/2/5")
@given(value=st.sampled_from(("BODY=", "BODY", "BODY=9BIT", "BODY=8BIT", "BODY=8BITMIMEX")), at_most=5)
def check_refuses_other_bodies(dial: Dial, value: str) -> None:
    """MAIL with a BODY that is neither 7BIT nor 8BITMIME is refused.

    A client that is told 250 believes that its kind of body was understood. Further values belong to other extensions,
    such as BINARYMIME.
    """
    with dial() as smtp:
        _greet(smtp)
        expect_refused(smtp.mail(smtp.setting.sender, value), because="BODY has two values, 7BIT and 8BITMIME")


@must("rfc6152/3/2")
@given(body=eight_bit_bodies())
def check_takes_eight_bit_messages(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """A MIME message with octets of any value is accepted after MAIL with BODY=8BITMIME."""
    _needs_8bitmime(dial)
    taken(dial, mailbox, body, what="an announced 8-bit message", headers=MIME_8BIT, parameters=ANNOUNCED)


@must("rfc6152/3/7", "rfc6152/3/11")
@given(body=eight_bit_bodies(), announced=st.booleans())
def check_keeps_all_eight_bits(dial: Dial, mailbox: Mailbox, body: bytes, *, announced: bool) -> None:
    """Where 8BITMIME is offered every octet above 127 reaches the mailbox as it is, announced or not.

    The rule is about each octet that passes through DATA. What is not announced may be refused, but an accepted message
    whose letters have become others is lost in all but name.
    """
    _needs_8bitmime(dial)
    message = passed(dial, mailbox, body, headers=MIME_8BIT, parameters=ANNOUNCED if announced else ())
    if message is None:
        return
    got = body_of(message)
    if len(got) == len(body):
        assert_same_octets(got, body, what="octets of body")
    else:
        got = bytes(octet for octet in got if octet > 0x7F)
        assert_same_octets(got, bytes(octet for octet in body if octet > 0x7F), what="octets above 127")


@must("rfc6152/3/8")
@given(
    body=st.sampled_from(
        (
            b".\xff\r\n",
            b"..\r\n\xe4\r\n",
            b".\r\n\xe4\r\n",
            b"\xe4\r\n.\r\n.\r\n",
            b"...\xe4\r\n.\r\n",
            b".\r\n..\xe4\r\n",
        )
    ),
    at_most=6,
)
def check_keeps_dots_in_eight_bit_text(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """In 8-bit text too exactly one period is taken off the lines that begin with one."""
    _needs_8bitmime(dial)
    message = passed(dial, mailbox, body, headers=MIME_8BIT, parameters=ANNOUNCED)
    # Only the ASCII: what became of the other octets, and of the end, is judged by itself.
    if message is not None and message.body != bytes(octet & 0x7F for octet in body):
        got, sent = (_ascii_of(octets).rstrip(b"\r\n") for octets in (body_of(message), body))
        assert_same_octets(got, sent, what="octets of ASCII in the body")


@must("rfc6152/1/1", "rfc6152/3/10")
@given(octets=st.sampled_from((LONGEST_LINE - 1, LONGEST_LINE)), at_most=2)
def check_takes_long_eight_bit_lines(dial: Dial, mailbox: Mailbox, octets: int) -> None:
    """Lines of up to 1000 octets with their CRLF are accepted in 8-bit text."""
    _needs_8bitmime(dial)
    if passed(dial, mailbox, b"\xe4\r\n", headers=MIME_8BIT, parameters=ANNOUNCED) is None:
        raise InconclusiveError("8-bit text is refused in short lines too")
    taken(
        dial,
        mailbox,
        b"\xe4" * octets + b"\r\n",
        what=f"an 8-bit line of {octets} octets and CRLF",
        headers=MIME_8BIT,
        parameters=ANNOUNCED,
    )


# Octets that are NUL, LF, CR or a period once their top bit is cleared, which makes other lines of the text.
_TREACHEROUS = bytes.maketrans(b"\x80\x8a\x8d\xae", b"\xe4" * 4)


@must("rfc5321/4.5.2/4")
@given(body=eight_bit_bodies().map(lambda body: body.translate(_TREACHEROUS)))
def check_spares_the_ascii_beside_unannounced_octets(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """A message with octets above 127 that nobody announced is refused, or all ASCII in it is delivered.

    RFC 5321 §2.4 lets a server without 8BITMIME clear the top bit of such octets, and says nothing against keeping
    them. Nothing lets it cut the line there.
    """
    message = passed(dial, mailbox, b"first\r\n" + body + b"last\r\n", headers=MIME_8BIT)
    if message is None:
        return
    sent, got = (octets.rstrip(b"\r\n").split(b"\r\n") for octets in (b"first\r\n" + body + b"last", body_of(message)))
    if len(got) != len(sent):
        raise ViolationError(f"{len(sent)} lines: {sent!r}", f"{len(got)} lines: {got!r}")
    for mine, theirs in zip(sent, got, strict=True):
        cleared = bytes(octet & 0x7F for octet in mine)
        if _ascii_of(theirs) not in (_ascii_of(mine), cleared):
            raise ViolationError(f"a line with all of {_ascii_of(mine)!r}", repr(theirs))
