"""Notifications of mail that was accepted and could not be delivered: RFC 5321 §3.6.3, §4.4, §6.1.

They are judged where a server accepts recipients whom it then does not find, as qmail does. It is better to refuse such
recipients, and most servers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from conformance.checks import must, should
from conformance.delivery.check_trace import fields_of, is_called
from conformance.delivery.notices import is_report
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import Delivered
from conformance.smtp.dialogue import settled

LOOKS = 4
"""How often the judge waits for a later message before it believes that no notification is coming."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message that was accepted for these recipients, of whom the mailbox may be one."""

    token: str
    nobodies: tuple[str, ...]


def _send(
    dial: Dial,
    mailbox: Mailbox,
    *,
    sender: bytes,
    nobodies: int = 1,
    beside: Sequence[str] = (),
    headers: bytes = b"",
) -> _Sent:
    """Send to recipients that do not exist, and to those beside them.

    Raises:
        NotApplicableError: the server refuses such recipients.
    """
    token = mailbox.token()
    missing = tuple(f"mailspec-nobody-{token}-{number}@{dial.domain}" for number in range(nobodies))
    with dial() as smtp:
        smtp.greet()
        reply = smtp.command(b"MAIL FROM:<%s>" % sender)
        if not reply.positive:
            raise InconclusiveError(f"MAIL was refused: {reply}")
        for address in (*beside, *missing):
            if not smtp.rcpt(address).positive:
                raise not_applicable("recipients that there are not are refused in the session, as is best")
        if smtp.data().code != 354:
            raise InconclusiveError("DATA was refused")
        reply = settled(smtp.text(mailbox.compose(token, b"text\r\n", headers=headers)))
        if not reply.positive and not beside:
            raise not_applicable("the message is refused in the session")
        expect(reply.positive, "a positive reply, as one of the recipients gets the message", reply)
    return _Sent(token, missing)


def _notifications(mailbox: Mailbox, sent: _Sent) -> list[Delivered]:
    """What came back to the mailbox about a message; the message itself left out."""
    for _ in range(LOOKS):
        mailbox.settle()
        about = [message for message in mailbox.with_token(sent.token) if _is_about(message, sent)]
        if about:
            return about
    return []


def _is_about(message: Delivered, sent: _Sent) -> bool:
    return sent.token.encode() in message.octets and (message.token != sent.token or _is_null(message))


def _is_null(message: Delivered) -> bool:
    return any(is_called(field, b"Return-Path") and field.rstrip().endswith(b"<>") for field in fields_of(message))


def _bounced(
    dial: Dial, mailbox: Mailbox, *, sender: bytes, nobodies: int = 1, beside: Sequence[str] = ()
) -> tuple[_Sent, list[Delivered]]:
    sent = _send(dial, mailbox, sender=sender, nobodies=nobodies, beside=beside)
    return sent, _notifications(mailbox, sent)


def _somebody_hears(dial: Dial, mailbox: Mailbox) -> None:
    """Mail for nobody comes back at all.

    Raises:
        NotApplicableError: it does not, so that somebody may have it: there are servers that catch all.
    """
    if not _bounced(dial, mailbox, sender=mailbox.address.encode())[1]:
        raise not_applicable("nothing comes back, so that somebody may get what is sent to any name")


@must(
    "rfc5321/6.1/4",
    "rfc5321/4.4/29",
    "rfc5321/3.6.3/5",
)
def check_have_a_null_reverse_path(dial: Dial, mailbox: Mailbox) -> None:
    """A notification has the null reverse-path.

    Two servers that notify each other of notifications never stop.
    """
    _, about = _bounced(dial, mailbox, sender=mailbox.address.encode())
    if not about:
        raise not_applicable("nothing comes back, so that somebody may get what is sent to any name")
    if not all(any(is_called(field, b"Return-Path") for field in fields_of(message)) for message in about):
        raise InconclusiveError("mail is delivered without its Return-Path, which is judged by itself")
    expect(all(map(_is_null, about)), "Return-Path: <> in the notification", repr(about[0].header))


@must("rfc5321/6.1/7", "rfc5321/6.1/8", "rfc5321/C/9")
def check_pass_over_source_routes(dial: Dial, mailbox: Mailbox) -> None:
    """Of a reverse-path with a source route the notification uses the last address alone."""
    _somebody_hears(dial, mailbox)
    route = b"@relay.mailspec.test,@hop.mailspec.test:" + mailbox.address.encode()
    sent = _send(dial, mailbox, sender=route)
    came = mailbox.wait_until(lambda message: _is_about(message, sent))
    expect(came, f"a notification to {mailbox.address}", "none in its mailbox")


@must("rfc5321/6.1/5", "rfc5321/4.4/22", "rfc5321/4.5.5/2")
def check_go_to_nobody_in_the_header(dial: Dial, mailbox: Mailbox) -> None:
    """Of a failed message only its reverse-path hears by mail, whoever its header names."""
    if len(dial.accounts) < 2:
        raise InconclusiveError("this check needs two accounts: repeat --account")
    sender = dial.accounts[1].address(dial.domain) or dial.accounts[1].name
    about = _notifications(mailbox, _send(dial, mailbox, sender=sender.encode(), headers=_naming(mailbox)))
    expect(not about, f"no mail about a message from {sender}", f"{len(about)} in {mailbox.address}")


def _naming(mailbox: Mailbox) -> bytes:
    """Header fields from which somebody might take the address for a notification."""
    names = (b"Reply-To", b"Errors-To", b"Sender", b"Return-Receipt-To")
    return b"".join(b"%s: <%s>\r\n" % (name, mailbox.address.encode()) for name in names)


@must("rfc5321/6.1/6", "rfc5321/4.5.4/2", "rfc5321/3.6.3/4")
def check_are_not_sent_about_notifications(dial: Dial, mailbox: Mailbox) -> None:
    """Of a failed message with the null reverse-path nobody in its header hears by mail."""
    _somebody_hears(dial, mailbox)
    about = _notifications(mailbox, _send(dial, mailbox, sender=b"", headers=_naming(mailbox)))
    expect(not about, "no mail about a message with the null reverse-path", f"{len(about)} in {mailbox.address}")


def _tells_of(sent: _Sent, address: str, message: Delivered) -> bool:
    return _is_about(message, sent) and address.encode() in message.octets


@must(
    "rfc5321/4.4/27",
    "rfc5321/4.4/26",
    "rfc5321/4.4/25",
    "rfc5321/3.3/28",
    "rfc5321/6.1/3",
    "rfc5321/6.2/2",
    "rfc5321/3.6.3/1",
    "rfc5321/4.1.1.4/15",
    "rfc5321/4.2.5/4",
)
def check_name_every_failed_recipient(dial: Dial, mailbox: Mailbox) -> None:
    """A message that some recipients get is accepted, and those who do not are all named to its sender."""
    _somebody_hears(dial, mailbox)
    sent = _send(dial, mailbox, sender=mailbox.address.encode(), nobodies=2, beside=[mailbox.address])
    missing = [address for address in sent.nobodies if mailbox.wait_until(partial(_tells_of, sent, address)) is None]
    expect(not missing, f"{' and '.join(sent.nobodies)} in notifications", f"no word of {missing}")


@should("rfc5321/4.4/28")
def check_are_one_for_all_recipients(dial: Dial, mailbox: Mailbox) -> None:
    """Two recipients of one message who fail together are told of in one notification."""
    _somebody_hears(dial, mailbox)
    sent, about = _bounced(dial, mailbox, sender=mailbox.address.encode(), nobodies=2)
    whole = [message for message in about if all(address.encode() in message.octets for address in sent.nobodies)]
    expect(whole, "one notification that names both", f"{len(about)} notifications, none with both")


@should("rfc5321/3.6.3/2")
def check_have_the_standard_format(dial: Dial, mailbox: Mailbox) -> None:
    """A notification is a multipart/report, whose fields programs can read (RFC 3464).

    Of other forms each server has its own, and list software has to guess which of its addresses failed.
    """
    _, about = _bounced(dial, mailbox, sender=mailbox.address.encode())
    if not about:
        raise not_applicable("nothing comes back, so that somebody may get what is sent to any name")
    expect(any(map(is_report, about)), "a notification of the type multipart/report", repr(about[0].header))
