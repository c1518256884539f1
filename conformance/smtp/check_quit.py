"""QUIT: RFC 5321 §3.8, §4.1.1.10."""

from __future__ import annotations

from conformance.checks import must
from conformance.errors import ViolationError
from conformance.expectations import expect_code
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.session import SmtpSession
from conformance.wire.errors import ClosedError, SilenceError


def _expect_farewell(smtp: SmtpSession, *, when: str) -> None:
    reply = smtp.quit()
    smtp.abandon()
    expect_code(reply, {221}, because=f"QUIT is in order {when}")
    try:
        also = smtp.read_reply(allow_421=True)
    except ClosedError:
        return
    except SilenceError as error:
        raise ViolationError(f"the connection to close after 221, {when}", error.what) from error
    raise ViolationError("nothing after 221", str(also))


@must(
    "rfc5321/4.1.1.10/1",
    "rfc5321/3.8/1",
    "rfc5321/4.1.1.10/5",
    "rfc5321/4.3.2/30",
    "rfc5321/4.2.2/9",
    "rfc5321/4.1.1.10/6",
)
def check_is_answered_221_and_closes(dial: Dial) -> None:
    """QUIT is answered 221 whenever it comes, and then the server closes the connection."""
    with dial() as smtp:
        _expect_farewell(smtp, when="in a fresh session")
    with dial() as smtp:
        smtp.greet()
        _expect_farewell(smtp, when="after EHLO")
    with dial() as smtp:
        smtp.greet()
        smtp.begin()
        _expect_farewell(smtp, when="in a transaction")


@must("rfc5321/4.1.1.10/4", "rfc5321/4.1.1/5", "rfc5321/4.1.1.5/7")
def check_a_lost_connection_cancels_the_message(dial: Dial, mailbox: Mailbox) -> None:
    """A connection that breaks inside the mail data cancels the message: no part of it is delivered.

    The client never had a 250 and will send the message again.
    """
    token = mailbox.token()
    message = mailbox.compose(token, b"a first line, and no end of data\r\n" * 3)
    with dial() as smtp:
        smtp.greet()
        smtp.begin_data()
        smtp.send(message)
        smtp.drop()
    mailbox.settle()
    found = mailbox.with_token(token)
    if found:
        raise ViolationError("no part of a message whose end never came", f"{len(found[0].octets)} octets of it")
