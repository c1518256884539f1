"""Enhanced status codes where they are easily forgotten: RFC 2034 §3, §4.

`check_replies` asks commands for them; here are the replies that other parts of a server write.
"""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, intrusive, must
from conformance.errors import not_applicable
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import compose
from conformance.smtp.chunks import greet_for_chunks, send_chunk
from conformance.smtp.dialogue import ask, expect_status_code
from conformance.smtp.logging_in import account_of, answered, challenged, plain, ready
from conformance.smtp.session import SmtpSession


def _require_codes(smtp: SmtpSession) -> None:
    if "ENHANCEDSTATUSCODES" not in smtp.capabilities:
        raise not_applicable("the server does not offer ENHANCEDSTATUSCODES")


@must("rfc2034/3/3", "rfc2034/4/6", "rfc2034/4/7")
def check_are_in_replies_to_mail_data(dial: Dial, mailbox: Mailbox) -> None:
    """The reply to a message begins with a status code, be it taken or not; 354 has none."""
    with dial() as smtp:
        smtp.greet()
        _require_codes(smtp)
        smtp.begin_data()
        expect_status_code(smtp.text(mailbox.compose(mailbox.token(), b"text\r\n")), to="a message")


@must("rfc2034/3/3", "rfc2034/4/6", "rfc2034/4/7")
@intrusive
def check_are_in_replies_to_chunks(dial: Dial) -> None:
    """Each BDAT is answered with a status code: chunk, last chunk, and one that is out of place."""
    with dial() as smtp:
        greet_for_chunks(smtp)
        _require_codes(smtp)
        expect_status_code(send_chunk(smtp, b"out of place", last=True), to="BDAT without a transaction")
        smtp.begin()
        message = compose("mailspec", b"text\r\n", recipient=smtp.recipient)
        for octets, last in ((message[:40], False), (message[40:], True)):
            expect_status_code(send_chunk(smtp, octets, last=last), to="BDAT")


@must("rfc2034/3/3", "rfc2034/4/6", "rfc2034/4/7")
def check_are_in_replies_to_quit_and_starttls(dial: Dial) -> None:
    """221 and the 220 of STARTTLS begin with a status code like others: only the greeting's 220 does not."""
    with dial() as smtp:
        smtp.greet(clear=True)
        _require_codes(smtp)
        if "STARTTLS" in smtp.capabilities:
            reply = smtp.command("STARTTLS")
            expect_status_code(reply, to="STARTTLS")
            if reply.code == 220:
                smtp.handshake()
                smtp.ehlo()
        expect_status_code(smtp.quit(), to="QUIT")
        smtp.abandon()


@must("rfc2034/3/3", "rfc2034/4/6", "rfc2034/4/7")
def check_are_in_replies_to_auth(submission: Dial) -> None:
    """Whatever ends a log-in has a status code: done, refused, given up, or no mechanism of that name. 334 has none."""
    with ready(submission) as smtp:
        _require_codes(smtp)
        account = account_of(smtp)
        expect_status_code(smtp.command("AUTH X-MAILSPEC"), to="AUTH X-MAILSPEC")
        challenged(smtp)
        expect_status_code(smtp.command("*"), to="the end of an exchange")
        expect_status_code(answered(smtp, plain(account.name, account.password)), to="a log-in")


LATE = ("DATA", "DATA now", "RSET now", "MAIL FROM:<> X-MAILSPEC=1", "MAIL FROM:<> SIZE=99999999999999", "BDAT")


@must("rfc2034/4/6", "rfc2034/3/3", "rfc2034/4/7")
@given(lines=st.lists(st.sampled_from((*LATE, "NOOP " + "x" * 4000)), min_size=1, max_size=3, unique=True), at_most=6)
def check_are_in_refusals_of_all_kinds(dial: Dial, lines: list[str]) -> None:
    """Refusals have a status code whoever in the server speaks them: order, arguments, parameters, length of line."""
    with dial() as smtp:
        smtp.greet()
        _require_codes(smtp)
        for line in lines:
            reply = ask(smtp, line)
            if reply is None:
                return
            expect_status_code(reply, to=line[:80])
            if reply.code == 354:
                smtp.raw_text(b".\r\n")
