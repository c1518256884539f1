"""Messages and the SIZE they were declared with, or the limit it announces: RFC 1870. The parameter's own syntax is
judged with the other parameters.
"""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import destructive, given, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import assert_same_octets, expect, expect_code
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import settled
from conformance.smtp.session import SmtpSession, stuffed
from conformance.wire.errors import SilenceError
from conformance.wire.smtp import Reply

LARGEST_TRY = 32 * 1024 * 1024
"""Octets above which no message is sent just to see whether the limit holds."""

_LINE = b"." + b"x" * 75 + b"\r\n"
"""Begins with a period, so that what is transmitted is longer than what is meant."""

_PLAIN_LINE = b"x" * 76 + b"\r\n"


@must("rfc1870/6/8")
@given(declared=st.sampled_from((1, 100, 400)) | st.integers(1, 2000), at_most=5)
def check_does_not_end_the_data(dial: Dial, mailbox: Mailbox, declared: int) -> None:
    """The data end at the lone period, however many octets MAIL declared: fewer than come, or more.

    A server that counts instead runs the rest of the message as commands, or waits for octets that never come.
    """
    body = b"NOOP\r\n" * 100 + b"last line\r\n"
    octets = len(mailbox.compose(mailbox.token(), body))
    with dial() as smtp:
        smtp.greet()
        if "SIZE" not in smtp.capabilities:
            raise not_applicable("SIZE is not offered")
        for size in (declared, octets + declared):
            token = mailbox.token()
            smtp.begin_data(parameters=[f"SIZE={size}"])
            try:
                reply = smtp.text(mailbox.compose(token, body))
            except SilenceError as error:
                smtp.abandon()
                raise ViolationError(f"a reply to the period at the end, SIZE={size} or not", error.what) from error
            # A message that is larger than was declared may be refused (§6.1, §6.3).
            after = smtp.command("NOOP")
            expect_code(after, {250}, because=f"the message was answered {reply.code}, and nothing is left of it")
            if reply.positive:
                got = mailbox.wait_for(token).body
                expect(body in got, f"the whole text, {len(body)} octets, after SIZE={size}", f"{len(got)} octets")


def _limit(smtp: SmtpSession) -> int:
    """The limit that SIZE announces, if it can be tried.

    Raises:
        NotApplicableError: there is none, or it is too large.
    """
    value = smtp.capabilities.get("SIZE", "")
    limit = int(value) if value.isascii() and value.isdigit() else 0
    if not 0 < limit <= LARGEST_TRY:
        raise not_applicable(f"no limit of up to {LARGEST_TRY} octets is announced: SIZE {value}")
    return limit


def _send_octets(smtp: SmtpSession, mailbox: Mailbox, octets: int) -> Reply:
    """The reply to a message of just so many octets, most of its lines with a period in front."""
    head = mailbox.compose(mailbox.token(), b"")
    lines, rest = divmod(octets - len(head), len(_LINE))
    # One line takes up what the others leave.
    return smtp.raw_text(stuffed(head + b"x" * (rest + len(_LINE) - 2) + b"\r\n" + _LINE * (lines - 1)) + b".\r\n")


@must("rfc1870/4/2")
@destructive
def check_more_than_the_limit_is_answered_552(dial: Dial, mailbox: Mailbox) -> None:
    """A message larger than the number that SIZE announces is answered 552, also where nothing was declared.

    Clients take 552 for the message's size, and other codes for something that may be mended.
    """
    with dial() as smtp:
        smtp.greet()
        limit = _limit(smtp)
        smtp.begin_data()
        # The fields that the server adds are no part of the message; nor do servers agree to the octet.
        expect_code(settled(_send_octets(smtp, mailbox, limit + 1000)), {552}, because=f"it is larger than {limit}")


@should("rfc1870/6.3/1", "rfc1870/5/1")
@destructive
def check_what_was_agreed_on_is_no_longer_too_large(dial: Dial, mailbox: Mailbox) -> None:
    """A message as large as was declared and accepted is not answered 552.

    Its size is that of the text: the periods added for transparency and the one at the end do not count.
    """
    with dial() as smtp:
        smtp.greet()
        size = _limit(smtp) * 9 // 10
        reply = smtp.mail(smtp.setting.sender, f"SIZE={size}")
        if not reply.positive or not smtp.rcpt(smtp.recipient).positive or smtp.data().code != 354:
            raise InconclusiveError(f"a message of {size} octets is not wanted: {reply}")
        reply = _send_octets(smtp, mailbox, size)
        expect(reply.code != 552, f"no 552 to {size} octets, as many as MAIL declared", reply)


@must("rfc5321/4.5.2/4")
@destructive
def check_messages_near_the_limit_arrive_whole(dial: Dial, mailbox: Mailbox) -> None:
    """A message just below the limit that SIZE announces, if it is accepted, is delivered with every octet."""
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        octets = _limit(smtp) * 9 // 10
        body = _PLAIN_LINE * (octets // len(_PLAIN_LINE))
        smtp.begin_data()
        if not smtp.text(mailbox.compose(token, body)).positive:
            raise InconclusiveError(f"a message of {octets} octets is not wanted")
    assert_same_octets(mailbox.wait_for(token).body, body, what="octets of body")
