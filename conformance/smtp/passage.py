"""How a message passes: handed in by DATA, read back from the mailbox (RFC 5321 §4.1.1.4, §4.5.2)."""

from __future__ import annotations

import quopri
import re
from base64 import b64decode
from collections.abc import Sequence

from conformance.errors import InconclusiveError, ViolationError
from conformance.expectations import assert_same_octets
from conformance.fixtures import Mailbox, SmtpDial
from conformance.messages import Delivered
from conformance.smtp.session import SmtpSession
from conformance.wire.smtp import Reply

MIME_8BIT = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n"
"""Header fields that make a body of any octets lawful under 8BITMIME (RFC 5321 §2.4)."""


# 550 to the end of data is for refusals by policy (§4.3.2). So is class 7 of the status codes, and 2.2 is about a
# mailbox that is full (RFC 3463 §3.8, §3.3). Whoever says that, says nothing against the form of the text.
_POLICY_STATUS = re.compile(rb"5\.(?:7\.\d+|2\.2)(?: |$)")

_ENCODING = re.compile(rb"^Content-Transfer-Encoding:[ \t]*(quoted-printable|base64)[ \t]*\r?$", re.MULTILINE | re.I)


def body_of(message: Delivered) -> bytes:
    """The body, without an encoding that a hop has put on 8-bit text which the judge sent without one.

    RFC 6152 §3 lets a mail system encode what it passes on to a part of it that has no 8BITMIME: no bit is lost.
    """
    found = _ENCODING.search(message.header)
    if found is None:
        return message.body
    return b64decode(message.body) if found[1].lower() == b"base64" else quopri.decodestring(message.body)


def _is_about_policy(reply: Reply) -> bool:
    return reply.code == 550 or any(_POLICY_STATUS.match(line) for line in reply.lines)


def hand_in(
    smtp: SmtpSession,
    mailbox: Mailbox,
    token: str,
    body: bytes,
    *,
    headers: bytes = b"",
    parameters: Sequence[str] = (),
) -> Reply:
    """Send a message with exactly this body; the reply to its end.

    Raises:
        InconclusiveError: the transaction was refused before its text, or the text for now (4yz): ask again later.
    """
    reply = mailbox.deliver(smtp, mailbox.compose(token, body, headers=headers), parameters=parameters)
    if reply.transient:
        raise InconclusiveError(f"the message was put off: {reply}")
    return reply


def passed(
    dial: SmtpDial, mailbox: Mailbox, body: bytes, *, headers: bytes = b"", parameters: Sequence[str] = ()
) -> Delivered | None:
    """The message as it lies in the mailbox, or None where the server refused it.

    Raises:
        ViolationError: it was accepted and did not arrive (RFC 5321 §6.1).
        InconclusiveError: see `hand_in`.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        reply = hand_in(smtp, mailbox, token, body, headers=headers, parameters=parameters)
        if not reply.positive:
            return None
    return mailbox.wait_for(token)


def assert_same_lines(message: Delivered, body: bytes, *, what: str = "octets of body") -> None:
    """The body came through octet for octet, leaving aside how many empty lines it ends with.

    What is added or lost at the very end is one mistake, which `check_text_lines` judges, and not one of every check.

    Raises:
        ViolationError: it did not.
    """
    got, sent = (octets.rstrip(b"\r\n") + b"\r\n" for octets in (message.body, body))
    assert_same_octets(got, sent, what=what)


def taken(
    dial: SmtpDial, mailbox: Mailbox, body: bytes, *, what: str, headers: bytes = b"", parameters: Sequence[str] = ()
) -> Delivered:
    """The message as it lies in the mailbox; the server may not refuse it.

    Raises:
        ViolationError: it was refused although a message with an ordinary body was not.
        InconclusiveError: the ordinary one was refused too, or the refusal is one by policy.
    """
    token, control = mailbox.token(), mailbox.token()
    with dial() as smtp:
        smtp.greet()
        reply = hand_in(smtp, mailbox, token, body, headers=headers, parameters=parameters)
    if not reply.positive:
        if _is_about_policy(reply):
            raise InconclusiveError(f"the message was refused by policy: {reply}")
        with dial() as smtp:
            smtp.greet()
            if not hand_in(smtp, mailbox, control, b"An ordinary line.\r\n").positive:
                raise InconclusiveError(f"the server takes no mail from us: {reply}")
        raise ViolationError(f"{what} to be accepted, as an ordinary message is", str(reply))
    return mailbox.wait_for(token)
