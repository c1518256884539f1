"""Notifications that a sender asked for (RFC 3461 §6), as his mailbox shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.fixtures import Mailbox, SmtpDial
from conformance.messages import Delivered, compose
from conformance.smtp.dialogue import settled

BODY = b"only the body has this line\r\n"

_REPORT = re.compile(rb"^Content-Type:[ \t\r\n]*multipart/report", re.MULTILINE | re.IGNORECASE)

_REPORTING_MTA = re.compile(rb"^Reporting-MTA:[ \t]*[^;\s]+;[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)


def send(
    dial: SmtpDial,
    mailbox: Mailbox,
    *,
    mail: Sequence[str] = (),
    rcpt: Sequence[str] = (),
    sender: str | None = None,
    beside: Sequence[tuple[str, str]] = (),
    named: bool = True,
) -> str:
    """Send a message from the mailbox to itself with these parameters, and wait until it is there; its token.

    `beside` are further recipients, each with a parameter. The header names the mailbox as author in any case. With
    `named` ENVID is the token, unless `mail` has an ENVID, so that a report without any of the message is known, too.

    Raises:
        NotApplicableError: DSN is not offered.
        InconclusiveError: the message is refused.
        ViolationError: it was accepted and did not arrive.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        if "DSN" not in smtp.capabilities:
            raise not_applicable("DSN is not offered")
        mail = _with_a_name(token, mail) if named else mail
        replies = [settled(smtp.mail(mailbox.address if sender is None else sender, *mail))]
        replies += [settled(smtp.rcpt(mailbox.address, *rcpt))]
        replies += [settled(smtp.rcpt(address, parameter)) for address, parameter in beside]
        if not all(reply.positive for reply in replies) or smtp.data().code != 354:
            raise InconclusiveError(f"the message is refused: {'; '.join(map(str, replies))}")
        reply = settled(smtp.text(compose(token, BODY, sender=mailbox.address, recipient=mailbox.address)))
        if not reply.positive:
            raise InconclusiveError(f"the message is refused: {reply}")
    mailbox.wait_for(token)
    return token


def _with_a_name(token: str, mail: Sequence[str]) -> Sequence[str]:
    return mail if any(word.startswith("ENVID=") for word in mail) else (*mail, f"ENVID={token}")


@dataclass(frozen=True, slots=True)
class Notice:
    """A report as it was delivered, and its parts as MIME has them (RFC 6522 §3)."""

    delivered: Delivered
    whole: Message
    parts: tuple[Message, ...]

    @property
    def blocks(self) -> list[Message]:
        """The fields of message/delivery-status: those about the message, then those about each recipient.

        Raises:
            ViolationError: there is no such part, or it lacks either kind.
        """
        for part in self.parts:
            if part.get_content_type() in {"message/delivery-status", "message/global-delivery-status"}:
                # An empty line at the end makes no further block.
                blocks = [block for block in part.get_payload() if isinstance(block, Message) and len(block)]
                if len(blocks) > 1:
                    return blocks
        raise ViolationError("fields about the message and about a recipient", repr(self.delivered.body))

    def of_message(self, name: str) -> str | None:
        """The value of a field about the message."""
        return _value(self.blocks[0], name)

    def of_recipient(self, name: str) -> str | None:
        """The value of a field about the first recipient."""
        return _value(self.blocks[1], name)


def _value(block: Message, name: str) -> str | None:
    value = block.get(name)
    return None if value is None else str(value).strip()


def is_report(message: Delivered) -> bool:
    """Whether the message is a multipart/report (RFC 6522)."""
    return _REPORT.search(message.header) is not None


def about(token: str, message: Delivered) -> bool:
    """Whether a message is a report that names this token; the message itself is none."""
    return is_report(message) and token.encode() in message.octets


def is_of_the_server(dial: SmtpDial, report: Delivered) -> bool:
    """Whether the Reporting-MTA is the server of this endpoint, by the name in its greeting.

    Mail may fail at a server behind it, which need not know DSN, and then nobody can make that one keep to it.
    """
    found = _REPORTING_MTA.search(report.octets)
    return found is not None and found[1].lower() in dial.facts.greeting.lower().split()


def asked_for(
    dial: SmtpDial,
    mailbox: Mailbox,
    *,
    mail: Sequence[str] = (),
    rcpt: Sequence[str] = (),
    beside: Sequence[tuple[str, str]] = (),
    named: bool = True,
) -> Notice:
    """Ask for a notification of success, and wait for it.

    Raises:
        InconclusiveError: it does not come, which one check alone judges.
    """
    token = send(dial, mailbox, mail=mail, rcpt=("NOTIFY=SUCCESS", *rcpt), beside=beside, named=named)
    found = mailbox.wait_until(lambda message: about(token, message))
    if found is None:
        raise InconclusiveError("no notification of success has come")
    return read(found)


def read(found: Delivered) -> Notice:
    """A report that was found, taken apart."""
    whole = message_from_bytes(found.octets)
    payload = whole.get_payload()
    parts = tuple(part for part in payload if isinstance(part, Message)) if isinstance(payload, list) else ()
    return Notice(found, whole, parts)
