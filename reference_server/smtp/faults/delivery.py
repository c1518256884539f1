"""Servers that deliver what they should not, lose what they should not, or mark it wrongly (RFC 5321 §4.4, §6.1)."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State
from reference_server.stores import Account, Mailbox


@fault("delivers-twice", breaks=("rfc5321/6.1/1", "rfc5321/4.2.5/2"))
class DeliversTwice(SmtpCore):
    """Puts two copies of each message into the mailbox."""

    def receivers(self) -> list[Account]:
        """Each account two times."""
        return [account for account in super().receivers() for _ in range(2)]


@fault("takes-mail-back-when-the-connection-breaks", breaks=("rfc5321/4.1.1.10/4", "rfc5321/6.1/1", "rfc5321/6.1/2"))
class TakesMailBackWhenTheConnectionBreaks(SmtpCore):
    """Removes the messages of a session again that ends without QUIT."""

    _delivered: tuple[tuple[Mailbox, int], ...] = ()

    def deliver(self, text: bytes) -> None:
        """Delivers, and remembers what."""
        super().deliver(text)
        inboxes = [account.mailbox("INBOX") for account in self.receivers()]
        self._delivered += tuple((inbox, inbox.uid_next - 1) for inbox in inboxes if inbox is not None)

    def disconnected(self) -> None:
        """Takes the missing QUIT for a change of mind."""
        if self.state is not State.CLOSED:
            for inbox, uid in self._delivered:
                inbox.expunge([uid])
        super().disconnected()


@fault("delivers-unfinished-mail", breaks="rfc5321/4.1.1.10/4")
class DeliversUnfinishedMail(SmtpCore):
    """Delivers what there is of a message when the connection breaks."""

    def disconnected(self) -> None:
        """Better than nothing, it thinks."""
        if self.state is State.RECEIVING and self._refusal is None:
            self.deliver(b"".join(self._text) + self._pending)
        super().disconnected()


@fault("delivers-refused-mail", breaks=("rfc5321/4.2.5/8", "rfc5321/4.2.5/5"))
class DeliversRefusedMail(SmtpCore):
    """Answers 554 and delivers the message all the same, as far as it was good."""

    def refuse_text(self, reply: bytes) -> None:
        """Keeps what it has."""
        if self._refusal is None:
            self._refusal = reply

    def final_reply(self, refusal: bytes | None) -> bytes:
        """Delivers late."""
        if refusal is not None:
            self.deliver(b"".join(self._text))
        return super().final_reply(refusal)


@fault("writes-no-received", breaks=("rfc5321/4.4/1", "rfc5321/4.4/14", "rfc5321/4.4/2", "rfc5321/4.1.1.4/16"))
class WritesNoReceived(SmtpCore):
    """Delivers without a Received field of its own."""

    def received(self) -> bytes:
        """Nothing."""
        return b""


@fault("puts-received-at-the-bottom", breaks=("rfc5321/4.4/1", "rfc5321/4.4/7", "rfc5321/4.4/14", "rfc5321/4.4/2"))
class PutsReceivedAtTheBottom(SmtpCore):
    """Writes its Received field below the message's own header fields."""

    def with_trace(self, text: bytes) -> bytes:
        """Where it is easier to add."""
        header, _, body = text.partition(b"\r\n\r\n")
        return self.return_path() + header + b"\r\n" + self.received() + b"\r\n" + body


@fault("rewrites-older-received", breaks=("rfc5321/4.4/6", "rfc5321/3.7.2/2"))
class RewritesOlderReceived(SmtpCore):
    """Brings Received fields of earlier hops into a form that it likes better."""

    def with_trace(self, text: bytes) -> bytes:
        """Their names, to begin with."""
        header, between, body = text.partition(b"\r\n\r\n")
        return super().with_trace(re.sub(rb"(?im)^received:\s*", b"Received: ", header) + between + body)


@fault("writes-received-without-from", breaks=("rfc5321/4.4/2", "rfc5321/4.4/3", "rfc5321/4.4/34"))
class WritesReceivedWithoutFrom(SmtpCore):
    """Leaves the FROM clause out of its Received field."""

    def received(self) -> bytes:
        """BY comes first."""
        return re.sub(rb"from .*?\r\n\tby", b"by", super().received(), count=1, flags=re.DOTALL)


@fault("writes-two-digit-years", breaks="rfc5321/4.4/33")
class WritesTwoDigitYears(SmtpCore):
    """Dates its Received field with two digits of year."""

    def received(self) -> bytes:
        """The last two."""
        return re.sub(rb" \d\d(\d\d) (\d\d:)", rb" \1 \2", super().received())


@fault("writes-zone-names", breaks="rfc5321/4.4/8")
class WritesZoneNames(SmtpCore):
    """Dates its Received field in GMT."""

    def received(self) -> bytes:
        """By name."""
        return super().received().replace(b"+0000", b"GMT")


@fault("writes-return-path-below-received", breaks="rfc5321/4.4/14")
class WritesReturnPathBelowReceived(SmtpCore):
    """Writes Return-Path behind its Received field."""

    def with_trace(self, text: bytes) -> bytes:
        """The wrong way round."""
        return self.received() + self.return_path() + text


@fault("writes-return-path-twice", breaks="rfc5321/4.4/20")
class WritesReturnPathTwice(SmtpCore):
    """Writes two Return-Path lines."""

    def return_path(self) -> bytes:
        """And again."""
        return super().return_path() * 2


@fault("writes-the-null-path-as-mailer-daemon", breaks=("rfc5321/4.4/13", "rfc5321/4.4/30"))
class WritesTheNullPathAsMailerDaemon(SmtpCore):
    """Writes an address into Return-Path where MAIL gave none."""

    def return_path(self) -> bytes:
        """One that can be answered."""
        return super().return_path().replace(b"<>", b"<MAILER-DAEMON@%s>" % self.settings.hostname.encode("ascii"))


@fault("tidies-header-fields", breaks="rfc5321/4.5.2/4")
class TidiesHeaderFields(SmtpCore):
    """Unfolds header fields and puts one space behind each colon; trace fields are left alone."""

    def with_trace(self, text: bytes) -> bytes:
        """Field by field."""
        header, between, body = text.partition(b"\r\n\r\n")
        return super().with_trace(b"\r\n".join(map(self.tidied, re.split(rb"\r\n(?![ \t])", header))) + between + body)

    def tidied(self, field: bytes) -> bytes:
        """One field on one line."""
        if field[:9].lower() == b"received:":
            return field
        return re.sub(rb":[ \t]*", b": ", re.sub(rb"\r\n[ \t]+", b" ", field), count=1)
