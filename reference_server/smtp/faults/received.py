"""Servers whose Received field misleads, or that meddle with the header otherwise (RFC 5321 §4.4, §6.3, §7.2)."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore


@fault("writes-id-before-with", breaks=("rfc5321/4.4/37", "rfc5321/4.4/31"))
class WritesIdBeforeWith(SmtpCore):
    """Has the ID clause in front of the WITH clause."""

    def received(self) -> bytes:
        """The two change places."""
        return re.sub(rb"(with \S+) (id \S+)", rb"\2 \1", super().received(), count=1)


@fault("names-local-users-in-for", breaks="rfc5321/4.4/39")
class NamesLocalUsersInFor(SmtpCore):
    """Has a user's name without a domain in the FOR clause."""

    def received(self) -> bytes:
        """What stands before the @."""
        return re.sub(rb"for <([^@>]+)@[^>]*>", rb"for <\1>", super().received(), count=1)


@fault(
    "calls-its-protocol-xsmtp",
    breaks="rfc5321/4.4/44",
    also={"delivery/internationalized_trace/names_the_protocol_with_utf8": "it has that name with SMTPUTF8, too"},
)
class CallsItsProtocolXsmtp(SmtpCore):
    """Has a protocol in the WITH clause that nobody knows."""

    def received(self) -> bytes:
        """A name of its own."""
        return re.sub(rb"with \S+", b"with XSMTP", super().received(), count=1)


@fault("believes-the-address-in-ehlo", breaks="rfc5321/4.4/36")
class BelievesTheAddressInEhlo(SmtpCore):
    """Shows the address literal of EHLO as the address of the connection."""

    def received(self) -> bytes:
        """What the client says, if it says one."""
        if not self.greeting_name.startswith("["):
            return super().received()
        return re.sub(rb"\(\[.*?\]\)", b"(%s)" % self.greeting_name.encode("ascii"), super().received(), count=1)


@fault("keeps-quiet-about-log-ins", breaks="rfc4954/7/2")
class KeepsQuietAboutLogIns(SmtpCore):
    """Has ESMTPS in the WITH clause whether the client logged in or not."""

    def received(self) -> bytes:
        """Without its A."""
        return re.sub(rb"with ESMTP(S?)A", rb"with ESMTP\1", super().received(), count=1)


@fault("lists-all-recipients-in-for", breaks=("rfc5321/4.4/5", "rfc5321/7.2/1", "rfc5321/7.6/1"))
class ListsAllRecipientsInFor(SmtpCore):
    """Has every recipient in the FOR clause."""

    def received(self) -> bytes:
        """All the world may know."""
        written = b", ".join(recipient.written for recipient in self.transaction.recipients)
        head, semicolon, date = super().received().rpartition(b";")
        return re.sub(rb"\s+for <[^>]*>", b"", head) + b"\r\n\tfor " + written + semicolon + date


@fault("sees-a-loop-after-thirty-hops", breaks="rfc5321/6.3/1")
class SeesALoopAfterThirtyHops(SmtpCore):
    """Refuses mail with more than thirty Received fields."""

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """Far too few."""
        hops = text.partition(b"\r\n\r\n")[0].lower().count(b"\r\nreceived:")
        return self.reply(554, "too many hops", enhanced="5.4.6") if hops > 30 else super().refusal_of_message(text)


@fault("delivers-by-the-header", breaks="rfc5321/C/7")
class DeliversByTheHeader(SmtpCore):
    """Gives mail to whoever is in its header, as well as to its recipients."""

    def deliver(self, text: bytes) -> None:
        """One copy for everybody who is named."""
        super().deliver(text)
        got = {account.name for account in self.receivers()}
        header = text.partition(b"\r\n\r\n")[0]
        named = re.findall(rb"(?im)^(?:to|cc|bcc|resent-to|apparently-to):.*?<([^>\r\n]+)>", header)
        for name in {each.decode("utf-8", "replace") for each in named} - got:
            account = self.store.account(name)
            if account is not None:
                self.put(account, self.with_trace(text))


@fault("writes-apparently-to", breaks="rfc5321/7.2/4")
class WritesApparentlyTo(SmtpCore):
    """Adds Apparently-To where a message has no recipients in its header."""

    def completed(self, text: bytes) -> bytes:
        """From the envelope."""
        text = super().completed(text)
        if re.search(rb"(?im)^(?:to|cc|bcc):", text.partition(b"\r\n\r\n")[0]):
            return text
        return b"".join(b"Apparently-To: %s\r\n" % each.written for each in self.transaction.recipients) + text
