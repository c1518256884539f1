"""Smuggling: does a sequence inside the text end it, so that what follows is obeyed (RFC 5321 §4.1.1.4)?

The probe sends one message whose text holds the sequence and, behind it, the commands of a second message, and then
the true end of data. A server that reads all of it as text owes one reply. One that took the sequence for the end owes
a reply to each smuggled command as well; they are counted by what QUIT gets, never by waiting. Where the first message
is accepted the mailbox is looked at too: a server may pass the sequence on unchanged to a next hop that takes it for
the end, and then the system as a whole delivers two.

What becomes of the sequence otherwise is not judged here: to refuse the message, to keep the octets, and to turn them
into something else all leave it one message. But the three are not the same to whoever gets the message next, so the
result says which it was: a refusal is best, and what is kept as it came may be an end of data to the next hop.
"""

from __future__ import annotations

from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.fixtures import Mailbox, SmtpDial
from conformance.smtp.apart import send_apart
from conformance.smtp.session import SmtpSession, path, stuffed
from conformance.wire.errors import ClosedError
from conformance.wire.smtp import Reply

_BEFORE = b"before"
"""What stands in the text straight before the sequence."""


def expect_only_text(dial: SmtpDial, mailbox: Mailbox, sequence: bytes, *, record_ends_at: int = 0) -> None:
    """The sequence is text of the message like any other.

    With `record_ends_at`, all goes inside TLS, and a TLS record ends behind so many octets of the sequence.

    Raises:
        ViolationError: what follows it was obeyed, or arrived as a message of its own.
        NotApplicableError: there is no TLS.
    """
    outer, inner = mailbox.token(), mailbox.token()
    with dial() as smtp:
        smtp.greet()
        if record_ends_at and not smtp.secured:
            if "STARTTLS" not in smtp.capabilities:
                raise not_applicable("TLS is not offered")
            smtp.start_tls()
        eight_bit = not sequence.isascii() and "8BITMIME" in smtp.capabilities
        smtp.begin_data(parameters=["BODY=8BITMIME"] if eight_bit else [])
        reply, answer = _put(smtp, mailbox, sequence, outer, inner, record_ends_at)
        smtp.abandon()
    if answer is not None and answer.code not in (221, 421):
        raise ViolationError(
            f"one reply to the text with {sequence!r} in it, and then 221 to QUIT",
            f"{reply}; to QUIT, before its own reply: {answer}",
        )
    if reply is None or not reply.positive:
        dial.remark("a message with the sequence is refused, which is best")
        return
    message = mailbox.wait_for(outer)
    mailbox.settle()
    if any(message.token == inner for message in mailbox.all_messages()):
        raise ViolationError(
            f"one message with {sequence!r} in its text",
            "two messages: what stands behind the sequence arrived as one of its own",
        )
    dial.remark(_became(sequence, message.body))


def _became(sequence: bytes, body: bytes) -> str:
    """What a mailbox has in place of the sequence, in words."""
    between = body.partition(_BEFORE)[2].partition(b"MAIL FROM:")[0]
    if between == sequence:
        return "the sequence is kept as it came, and some next hop may take it for the end"
    return f"the sequence is changed into {between!r}"


def _put(
    smtp: SmtpSession, mailbox: Mailbox, sequence: bytes, outer: str, inner: str, record_ends_at: int
) -> tuple[Reply | None, Reply | None]:
    """The reply to the text and the one to QUIT; None for a connection that closed instead.

    Raises:
        NoReplyError: the server waits for more after the true end of data.
    """
    commands = b"MAIL FROM:%s\r\nRCPT TO:%s\r\nDATA\r\n" % (path(smtp.setting.sender), path(smtp.recipient))
    start = stuffed(mailbox.compose(outer, _BEFORE))
    rest = commands + stuffed(mailbox.compose(inner, b"smuggled\r\n")) + b".\r\n"
    try:
        if record_ends_at:
            send_apart(smtp, start + sequence[:record_ends_at], sequence[record_ends_at:] + rest)
            reply = smtp.read_reply()
        else:
            reply = smtp.raw_text(start + sequence + rest)
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
