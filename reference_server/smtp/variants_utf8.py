"""Legal SMTP servers of another taste about text beyond ASCII (RFC 6531): no check may convict them."""

from __future__ import annotations

from reference_server.registry import variant
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State, Verb
from reference_server.smtp.trace import header_of


@variant("smtp-keeps-addresses-in-ascii")
class KeepsAddressesInAsciiSmtp(SmtpCore):
    """Takes internationalized messages between addresses in ASCII alone (RFC 6531 §3.5)."""

    def on_mail(self, argument: bytes) -> bytes:
        """550 is the code for senders."""
        reply = super().on_mail(argument) if argument.isascii() or self.state is not State.IDLE else None
        return reply or self.reply(550, "an address in ASCII, please", enhanced="5.6.7")

    def on_rcpt(self, argument: bytes) -> bytes:
        """And 553 that for recipients."""
        path = argument.partition(b">")[0]
        reply = super().on_rcpt(argument) if path.isascii() or self.state is State.IDLE else None
        return reply or self.reply(553, "an address in ASCII, please", enhanced="5.6.7")


@variant("smtp-wants-ascii-addresses")
class WantsAsciiAddressesSmtp(SmtpCore):
    """Answers addresses of UTF-8 without SMTPUTF8 with 550 and 553, as RFC 6531 §3.5 words it, and not with 501."""

    def invalid_octet(self, verb: Verb | None) -> bytes:
        """The two codes that are for it."""
        if verb is Verb.MAIL:
            return self.reply(550, "an ASCII address is needed", enhanced="5.6.7")
        if verb is Verb.RCPT:
            return self.reply(553, "an ASCII address is needed", enhanced="5.6.7")
        return super().invalid_octet(verb)


@variant("smtp-shows-names-in-utf8")
class ShowsNamesInUtf8Smtp(SmtpCore):
    """Puts the user's name before the mailbox where VRFY has SMTPUTF8 (RFC 6531 §3.7.4.2)."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """As people write it."""
        reply = super().on_vrfy(argument)
        return reply.replace(b" <", " Zoë Müller <".encode(), 1) if self.takes_utf8(argument) else reply


@variant("smtp-wants-ascii-headers")
class WantsAsciiHeadersSmtp(SmtpCore):
    """Takes addresses of UTF-8, and no messages with any in the header, for its recipients' sake (RFC 6531 §3.5)."""

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """The code that is for it."""
        if header_of(text).isascii():
            return super().refusal_of_message(text)
        return self.reply(554, "the recipient cannot take a header in UTF-8", enhanced="5.6.9")
