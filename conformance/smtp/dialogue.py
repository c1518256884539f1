"""Questions to an SMTP server that take more than one command, and what the answers show (RFC 5321 §4.1.4, §4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.fixtures import SmtpDial
from conformance.smtp.session import CLIENT_NAME, SmtpSession
from conformance.smtp.syntax import STATUS_CODE
from conformance.wire.errors import ClosedError
from conformance.wire.smtp import Reply

MANY = 64
"""Replies nobody asked for after which the judge stops counting."""


def line_of(step: str, smtp: SmtpSession) -> str:
    """The command line that a short word for a step stands for; a step that is none of these stands for itself."""
    domain = smtp.recipient.rpartition("@")[2]
    return {
        "MAIL": f"MAIL FROM:<{smtp.setting.sender}>",
        "MAIL bad": "MAIL FROM:",
        "RCPT": f"RCPT TO:<{smtp.recipient}>",
        "RCPT nobody": f"RCPT TO:<mailspec-nobody@{domain}>",
        "VRFY": "VRFY mailspec-nobody",
        "VRFY known": f"VRFY {smtp.recipient}",
        "VRFY nobody": f"VRFY mailspec-nobody@{domain}",
        "EXPN": "EXPN mailspec-nobody",
        "EHLO": f"EHLO {CLIENT_NAME}",
        "HELO": f"HELO {CLIENT_NAME}",
        "X": "XMAILSPEC",
    }.get(step, step)


def ask(smtp: SmtpSession, line: str | bytes) -> Reply | None:
    """The reply to a command, or None where the server ends the session with 421 or by closing.

    For checks that send much that is wrong: a server may defend itself against that (RFC 5321 §7.8), and what was
    asked before still stands.
    """
    octets = line.encode() if isinstance(line, str) else line
    return ask_octets(smtp, octets + b"\r\n")


def ask_octets(smtp: SmtpSession, octets: bytes) -> Reply | None:
    """The same for octets that are no plain line."""
    smtp.send(octets)
    try:
        reply = smtp.read_reply(allow_421=True)
    except ClosedError:
        smtp.abandon()
        return None
    if reply.code == 421:
        smtp.abandon()
        return None
    return reply


def settled(reply: Reply) -> Reply:
    """The reply, if it is for good: what is put off for now may be done the next time (RFC 5321 §4.2.1).

    Raises:
        InconclusiveError: it is 4yz.
    """
    if reply.transient:
        raise InconclusiveError(f"the server puts it off: {reply}")
    return reply


def replies_until_farewell(smtp: SmtpSession, *, allow_421: bool = True) -> list[Reply]:
    """Send QUIT and read on to its 221; every reply before that, each of which answers something sent earlier.

    So replies are counted without waiting for any that might still come. A 421 or a close ends the count too.

    Raises:
        RefusedError: 421, where it is not allowed, so that the count would be short.
    """
    smtp.send(b"QUIT\r\n")
    smtp.abandon()
    replies: list[Reply] = []
    try:
        while (reply := smtp.read_reply(allow_421=allow_421)).code not in (221, 421):
            replies.append(reply)
            if len(replies) > MANY:
                break
    except ClosedError:
        # What came last was the answer to QUIT then, whatever its code.
        del replies[-1:]
    return replies


def ask_together(smtp: SmtpSession, lines: Sequence[bytes]) -> list[Reply]:
    """The replies to command lines sent as one group (RFC 2920), CRLF added to each."""
    smtp.send(b"".join(line + b"\r\n" for line in lines))
    return [smtp.read_reply() for _ in lines]


def expect_no_recipients(smtp: SmtpSession, *, because: str) -> None:
    """The session holds no recipient, so that DATA cannot lead to a message.

    A server refuses DATA then (503 or 554), but RFC 5321 §3.3 only lets it, and RFC 2920 §3.2 speaks of 354 without
    recipients: so a 354 is followed by an empty message, and that must be refused.

    Raises:
        ViolationError: a message was accepted, or DATA got a reply that it cannot have.
    """
    reply = smtp.data()
    if reply.code == 354:
        reply = smtp.raw_text(b".\r\n")
    if not (reply.transient or reply.permanent):
        raise ViolationError(f"503 or 554 (or another refusal) to DATA: {because}", str(reply))


def expect_status_code(reply: Reply, *, to: str) -> None:
    """Each line of a 2yz, 4yz or 5yz reply begins with the same status code, of the reply's class (RFC 2034 §4).

    Raises:
        ViolationError: one does not.
    """
    if reply.code < 200 or 300 <= reply.code < 400:
        return
    codes = [STATUS_CODE.match(line) for line in reply.lines]
    if not all(codes):
        raise ViolationError(f"a status code at the start of each line in the reply to {to}", str(reply))
    found = {match[0] for match in codes if match is not None}
    if len(found) > 1:
        raise ViolationError(f"the same status code on each line in the reply to {to}", str(reply))
    if any(code[:1] != b"%d" % (reply.code // 100) for code in found):
        raise ViolationError(f"a status code of class {reply.code // 100} in the reply to {to}", str(reply))


def early_session(dial: SmtpDial) -> SmtpSession:
    """A session in which commands are sent before EHLO.

    Raises:
        NotApplicableError: the server wants TLS first, and may then refuse nearly everything (RFC 3207 §4).
    """
    if dial.facts.demands_tls:
        raise not_applicable("the server demands STARTTLS before almost all commands")
    return dial()


def mail_alone(smtp: SmtpSession, *parameters: str, sender: str | None = None) -> Reply:
    """The reply to MAIL with no transaction open: RSET goes before it.

    Raises:
        InconclusiveError: there is one all the same, so the reply would tell nothing about this MAIL.
    """
    smtp.rset()
    reply = smtp.mail(smtp.setting.sender if sender is None else sender, *parameters)
    if reply.code == 503:
        raise InconclusiveError(f"MAIL is out of order after RSET: {reply}")
    return reply


def expect_sender_is_taken(smtp: SmtpSession) -> None:
    """MAIL without parameters is accepted, so that a refusal with one is about the parameter and no policy.

    Raises:
        InconclusiveError: it is not.
    """
    reply = mail_alone(smtp)
    if not reply.positive:
        raise InconclusiveError(f"MAIL is refused without parameters too: {reply}")


def usable_sender_domain(smtp: SmtpSession) -> str:
    """A domain from which the server takes mail, for questions about the length or form of a sender.

    Raises:
        InconclusiveError: it takes none that the judge may use.
    """
    own = smtp.setting.sender.rpartition("@")[2]
    said: list[str] = []
    for domain in dict.fromkeys(("client.example", own)):
        if not domain:
            continue
        reply = mail_alone(smtp, sender=f"mailspec@{domain}")
        if reply.positive:
            return domain
        said.append(str(reply))
    raise InconclusiveError(f"no sender is accepted: {'; '.join(said)}")
