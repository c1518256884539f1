"""Smuggling: does a sequence inside the text end it, so that what follows is obeyed (RFC 5321 §4.1.1.4)?

The probe sends one message whose text holds the sequence and, behind it, the commands of a second message, and then
the true end of data. A server that reads all of it as text owes one reply. One that took the sequence for the end owes
a reply to each smuggled command as well; they are counted by what QUIT gets, never by waiting. Where the first message
is accepted the mailbox is looked at too: a server may pass the sequence on unchanged to a next hop that takes it for
the end, and then the system as a whole delivers two.

What becomes of the sequence otherwise is not judged here: to refuse the message, to keep the octets, and to turn them
into something else all leave it one message.
"""

from __future__ import annotations

from conformance.errors import InconclusiveError, ViolationError
from conformance.fixtures import Mailbox, SmtpDial
from conformance.smtp.session import SmtpSession, path, stuffed
from conformance.wire.errors import ClosedError
from conformance.wire.smtp import Reply


def expect_only_text(dial: SmtpDial, mailbox: Mailbox, sequence: bytes) -> None:
    """The sequence is text of the message like any other.

    Raises:
        ViolationError: what follows it was obeyed, or arrived as a message of its own.
    """
    outer, inner = mailbox.token(), mailbox.token()
    with dial() as smtp:
        smtp.greet()
        eight_bit = not sequence.isascii() and "8BITMIME" in smtp.capabilities
        smtp.begin_data(parameters=["BODY=8BITMIME"] if eight_bit else [])
        reply, answer = _put(smtp, mailbox, sequence, outer, inner)
        smtp.abandon()
    if answer is not None and answer.code not in (221, 421):
        raise ViolationError(
            f"one reply to the text with {sequence!r} in it, and then 221 to QUIT",
            f"{reply}; to QUIT, before its own reply: {answer}",
        )
    if reply is None or not reply.positive:
        return
    mailbox.wait_for(outer)
    mailbox.settle()
    if any(message.token == inner for message in mailbox.all_messages()):
        raise ViolationError(
            f"one message with {sequence!r} in its text",
            "two messages: what stands behind the sequence arrived as one of its own",
        )


def _put(
    smtp: SmtpSession, mailbox: Mailbox, sequence: bytes, outer: str, inner: str
) -> tuple[Reply | None, Reply | None]:
    """The reply to the text and the one to QUIT; None for a connection that closed instead.

    Raises:
        NoReplyError: the server waits for more after the true end of data.
    """
    commands = b"MAIL FROM:%s\r\nRCPT TO:%s\r\nDATA\r\n" % (path(smtp.setting.sender), path(smtp.recipient))
    text = (
        stuffed(mailbox.compose(outer, b"before"))
        + sequence
        + commands
        + stuffed(mailbox.compose(inner, b"smuggled\r\n"))
        + b".\r\n"
    )
    try:
        reply = smtp.raw_text(text)
    except ClosedError:
        return None, None
    try:
        smtp.send(b"QUIT\r\n")
        return reply, smtp.read_reply(allow_421=True)
    except ClosedError:
        # A server may have had enough after such a text (RFC 5321 §7.8); it has answered once, as it should.
        if reply.positive:
            raise InconclusiveError(f"the server hung up after {reply}") from None
        return reply, None
