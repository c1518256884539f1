"""Servers that take the wrong recipients, or refuse them wrongly (RFC 5321 §3.3, §3.6.2, §4.1.2, §4.5)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.grammar import Address
from reference_server.smtp.session import Verb
from reference_server.stores import Account

_TABLE = "smtp/replies/codes_are_those_of_the_table"


@fault("stops-at-99-recipients", breaks="rfc5321/4.5.3.1.8/1")
class StopsAt99Recipients(SmtpCore):
    """Has room for 99 recipients of a message."""

    def max_recipients(self) -> int:
        """One too few."""
        return 99


@fault("answers-too-many-recipients-with-451", breaks="rfc5321/4.5.3.1.10/4")
class AnswersTooManyRecipientsWith451(SmtpCore):
    """Refuses the recipients beyond its limit as if it had failed itself."""

    def too_many_recipients(self) -> bytes:
        """A code that makes clients come back with the same message."""
        return self.reply(451, "too many recipients", enhanced="4.5.3")


@fault(
    "answers-unknown-recipients-with-554",
    breaks="rfc5321/3.3/12",
    also={_TABLE: "554 is not among the replies to RCPT"},
)
class AnswersUnknownRecipientsWith554(SmtpCore):
    """Refuses recipients that do not exist as if the transaction had failed."""

    def refusal_of(self, recipient: Address) -> bytes | None:
        """The code is about something else."""
        refusal = super().refusal_of(recipient)
        return refusal.replace(b"550", b"554", 1) if refusal and self.is_local(recipient) else refusal


@fault(
    "counts-refused-recipients",
    breaks="rfc5321/4.2.1/9",
    also={
        "smtp/sequence/commands_out_of_order_change_nothing": "DATA is accepted after no RCPT was",
        "smtp/chunks/octets_of_a_refused_chunk_are_no_commands": "BDAT is accepted after no RCPT was",
    },
)
class CountsRefusedRecipients(SmtpCore):
    """Accepts DATA after a RCPT that it has refused, and a message for nobody."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """The state moves on although the answer is no."""
        reply = super().on_rcpt(argument)
        if reply[:1] == b"5":
            self.advance(Verb.RCPT)
        return reply


@fault("refuses-the-null-reverse-path", breaks="rfc5321/4.1.2/1")
class RefusesTheNullReversePath(SmtpCore):
    """Takes no bounces: MAIL FROM:<> is bad syntax."""

    def on_mail(self, argument: bytes) -> bytes:
        """An address is asked for."""
        return self.bad_argument("an address is needed") if b":<>" in argument else super().on_mail(argument)


@fault("takes-a-null-forward-path", breaks=("rfc5321/4.3.2/7", "rfc5321/4.1.2/2"))
class TakesANullForwardPath(SmtpCore):
    """Accepts RCPT TO:<>."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """Nobody is somebody."""
        if not argument.endswith(b":<>"):
            return super().on_rcpt(argument)
        self.advance(Verb.RCPT)
        return self.reply(250, "recipient ok", enhanced="2.1.5")


@fault("takes-quotes-for-part-of-the-name", breaks="rfc5321/4.1.2/27")
class TakesQuotesForPartOfTheName(SmtpCore):
    """Looks for a user whose name has quotes in it."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """There is none."""
        if b'"' in argument.partition(b">")[0]:
            return self.reply(550, "no such user here", enhanced="5.1.1")
        return super().on_rcpt(argument)


@fault("knows-no-source-routes", breaks="rfc5321/4.1.1.3/3")
class KnowsNoSourceRoutes(SmtpCore):
    """Takes a source route for bad syntax."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """An at sign does not begin an address."""
        return self.bad_argument("not an address") if b"<@" in argument else super().on_rcpt(argument)


@fault("sends-along-source-routes", breaks="rfc5321/3.6.1/3")
class SendsAlongSourceRoutes(SmtpCore):
    """Hands mail with a source route to the first host in it, whom nobody can find."""

    _routed = False

    def on_mail(self, argument: bytes) -> bytes:
        """The next message may go straight."""
        self._routed = False
        return super().on_mail(argument)

    def on_rcpt(self, argument: bytes) -> bytes:
        """Notes the way."""
        self._routed |= b"<@" in argument
        return super().on_rcpt(argument)

    def deliver(self, text: bytes) -> None:
        """Never to be seen again."""
        if not self._routed:
            super().deliver(text)


@fault("reads-domains-in-small-letters-only", breaks="rfc5321/2.4/9")
class ReadsDomainsInSmallLettersOnly(SmtpCore):
    """Takes its own domain in capitals for another one."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """Compared as it came."""
        domain = argument.partition(b">")[0].rpartition(b"@")[2]
        if domain.startswith(b"TO:") or domain == domain.lower():
            return super().on_rcpt(argument)
        return self.reply(550, "no relaying", enhanced="5.7.1")


@fault("knows-no-bare-postmaster", breaks="rfc5321/4.5.1/4")
class KnowsNoBarePostmaster(SmtpCore):
    """Wants a domain behind Postmaster."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """Without one it is no address."""
        if argument.lower() == b"to:<postmaster>":
            return self.reply(550, "no such user here", enhanced="5.1.1")
        return super().on_rcpt(argument)


@fault("reads-postmaster-in-small-letters-only", breaks="rfc5321/4.1.1.3/13")
class ReadsPostmasterInSmallLettersOnly(SmtpCore):
    """Knows postmaster at its domain, and no Postmaster."""

    def account_of(self, recipient: Address) -> Account | None:
        """Compared as it came."""
        is_postmaster = recipient.local_part.lower() == "postmaster"
        return None if is_postmaster and recipient.local_part != "postmaster" else super().account_of(recipient)


@fault("relays-for-anybody", breaks="rfc5321/7.9/2")
class RelaysForAnybody(SmtpCore):
    """Is an open relay; the messages go nowhere."""

    def refusal_of(self, recipient: Address) -> bytes | None:
        """Other domains are welcome."""
        return super().refusal_of(recipient) if self.is_local(recipient) else None


@fault("relays-by-percent-sign", breaks="rfc5321/7.9/2")
class RelaysByPercentSign(SmtpCore):
    """Takes user%elsewhere at its own domain for mail to elsewhere, and accepts it from anybody."""

    def refusal_of(self, recipient: Address) -> bytes | None:
        """Its own domain is where it looked."""
        return None if "%" in recipient.local_part.partition(".")[0] else super().refusal_of(recipient)


@fault("refuses-relaying-with-554", breaks="rfc5321/3.6.2/3", also={_TABLE: "554 is not among the replies to RCPT"})
class RefusesRelayingWith554(SmtpCore):
    """Refuses to relay as if the transaction had failed."""

    def refusal_of(self, recipient: Address) -> bytes | None:
        """The code is about something else."""
        refusal = super().refusal_of(recipient)
        return refusal if self.is_local(recipient) or not refusal else refusal.replace(b"550", b"554", 1)
