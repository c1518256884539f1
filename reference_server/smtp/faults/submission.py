"""Submission services that are no more than MTAs, or less (RFC 6409)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.grammar import Address
from reference_server.smtp.session import Verb


@fault("submission-without-auth", breaks=("rfc6409/7/12", "rfc6409/7/23"))
class SubmissionWithoutAuth(SmtpCore):
    """Has no AUTH where mail is submitted."""

    def mechanisms(self) -> list[str]:
        """None there."""
        return [] if self.surroundings.submission else super().mechanisms()


@fault("submission-with-etrn", breaks=("rfc6409/7/3", "rfc6409/7/16"))
class SubmissionWithEtrn(SmtpCore):
    """Has ETRN and ATRN for users."""

    def extensions(self) -> list[str]:
        """Two more there."""
        return [*super().extensions(), *(("ETRN", "ATRN") if self.surroundings.submission else ())]


@fault("submission-without-dsn", breaks="rfc6409/7/5")
class SubmissionWithoutDsn(SmtpCore):
    """Offers users no DSN."""

    def offers_dsn(self) -> bool:
        """Not there."""
        return not self.surroundings.submission and super().offers_dsn()


@fault("submission-asks-for-log-in-at-rcpt", breaks="rfc6409/4.3/1")
class SubmissionAsksForLogInAtRcpt(SmtpCore):
    """Takes MAIL from anybody, and asks who it is afterwards."""

    def needs_auth(self, verb: Verb) -> bool:
        """A command too late."""
        return verb is not Verb.MAIL and super().needs_auth(verb)


@fault(
    "submission-asks-for-log-in-with-503",
    breaks="rfc6409/4.3/2",
    also={"smtp/auth/what_waits_for_a_log_in_is_answered_530": "RFC 4954 §6 has the same rule"},
)
class SubmissionAsksForLogInWith503(SmtpCore):
    """Takes MAIL before AUTH for a matter of order."""

    def auth_required(self) -> bytes:
        """The wrong code."""
        return self.reply(503, "authenticate first", enhanced="5.5.1")


@fault("submission-refuses-the-null-path", breaks="rfc6409/3.2/3")
class SubmissionRefusesTheNullPath(SmtpCore):
    """Takes no mail without a sender from users."""

    def refusal_of_sender(self, sender: Address) -> bytes | None:
        """Bounces, it thinks, are for servers."""
        if self.surroundings.submission and not sender.domain:
            return self.reply(550, "a user has a name", enhanced="5.7.1")
        return super().refusal_of_sender(sender)


@fault("submission-guards-senders-with-553", breaks="rfc6409/6.1/2")
class SubmissionGuardsSendersWith553(SmtpCore):
    """Has the code for mailbox names where a sender is another user's."""

    def refusal_of_sender(self, sender: Address) -> bytes | None:
        """As if there were no such sender."""
        if self.may_send_as(sender):
            return super().refusal_of_sender(sender)
        return self.reply(553, "not your address", enhanced="5.7.1")


@fault("submission-takes-illegal-addresses", breaks="rfc6409/5.1/1")
class SubmissionTakesIllegalAddresses(SmtpCore):
    """Looks at no recipient when it is given."""

    def on_rcpt(self, argument: bytes) -> bytes:
        """Later, perhaps."""
        reply = super().on_rcpt(argument)
        bad = self.surroundings.submission and reply[:3] == b"501" and argument.endswith(b">")
        return self.reply(250, "recipient ok", enhanced="2.1.5") if bad else reply


@fault("submission-answers-bad-syntax-with-554", breaks="rfc6409/6.3/3")
class SubmissionAnswersBadSyntaxWith554(SmtpCore):
    """Has 554 for all that is wrong with DATA."""

    def on_surplus_argument(self, verb: Verb) -> bytes:
        """The command's own syntax among it."""
        if verb is Verb.DATA and self.surroundings.submission:
            return self.reply(554, "no", enhanced="5.5.4")
        return super().on_surplus_argument(verb)


@fault(
    "submission-takes-half-a-domain",
    breaks="rfc6409/4.2/1",
    also={"smtp/submitted_text/domains_of_address_fields_are_full_ones": "the same eye looks at domains in the header"},
)
class SubmissionTakesHalfADomain(SmtpCore):
    """Leaves a sender's domain as short as it came."""

    def is_qualified(self, address: Address) -> bool:
        """It will do."""
        return True


@fault("submission-thinks-about-help", breaks="rfc6409/5.3/1")
class SubmissionThinksAboutHelp(SmtpCore):
    """Asks somebody who is not there."""

    def on_help(self, argument: bytes) -> bytes:
        """Users go without."""
        return b"" if self.surroundings.submission else super().on_help(argument)
