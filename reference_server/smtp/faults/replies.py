"""Servers whose replies have the wrong form or the wrong code (RFC 5321 §4.2, §4.3.2, RFC 854, RFC 2034)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore


@fault("gives-status-codes-of-another-class", breaks="rfc2034/4/7")
class GivesStatusCodesOfAnotherClass(SmtpCore):
    """Says 503 and, right behind it, that the failure will pass."""

    def bad_sequence(self, text: str = "bad sequence of commands") -> bytes:
        """For good, and for now."""
        return self.reply(503, text, enhanced="4.5.1")


@fault(
    "leaves-out-status-codes",
    breaks="rfc2034/3/3",
    also={"smtp/status_codes/are_there_without_ehlo": "what is not known has none after HELO either"},
)
class LeavesOutStatusCodes(SmtpCore):
    """Offers ENHANCEDSTATUSCODES, and has none for unknown commands."""

    def unknown_command(self) -> bytes:
        """Only the reply code."""
        return self.reply(500, "command not recognised")


@fault("gives-status-codes-on-first-lines-only", breaks="rfc2034/4/8")
class GivesStatusCodesOnFirstLinesOnly(SmtpCore):
    """Gives the status code once in a reply of several lines."""

    def on_help(self, argument: bytes) -> bytes:
        """The second line has none."""
        return b"214-2.0.0 see RFC 5321\r\n214 and ask your administrator\r\n"


@fault("answers-expn-with-554", breaks=("rfc5321/4.3.1/6", "rfc5321/4.3.2/26"))
class AnswersExpnWith554(SmtpCore):
    """Refuses EXPN with a code that is about transactions."""

    def on_expn(self, argument: bytes) -> bytes:
        """The wrong code."""
        return super().on_expn(argument).replace(b"550", b"554", 1)


@fault("ends-replies-with-lf", breaks=("rfc5321/2.3.8/1", "rfc854/3.4/4"))
class EndsRepliesWithLf(SmtpCore):
    """Ends its reply to HELP with a bare LF."""

    def on_help(self, argument: bytes) -> bytes:
        """As its text file has it."""
        return super().on_help(argument).replace(b"\r\n", b"\n")


@fault(
    "invents-a-reply-code",
    breaks="rfc5321/4.2/15",
    also={"smtp/replies/codes_are_those_of_the_table": "a code that is none is not in the table either"},
)
class InventsAReplyCode(SmtpCore):
    """Answers HELP with a code outside the grammar."""

    def on_help(self, argument: bytes) -> bytes:
        """2 8 4."""
        return self.reply(284, "see RFC 5321", enhanced="2.0.0")


@fault("changes-the-code-within-a-reply", breaks="rfc5321/4.2.1/23")
class ChangesTheCodeWithinAReply(SmtpCore):
    """Begins its reply to HELP with 214 and ends it with 211."""

    def on_help(self, argument: bytes) -> bytes:
        """Two answers glued together."""
        return super().on_help(argument).replace(b"214 ", b"211 ")


@fault("puts-a-colon-behind-the-code", breaks="rfc5321/4.2/14")
class PutsAColonBehindTheCode(SmtpCore):
    """Writes its reply to HELP with a colon where the space belongs."""

    def on_help(self, argument: bytes) -> bytes:
        """As people write lists."""
        return super().on_help(argument).replace(b"214 ", b"214:")


@fault("replies-in-latin-1", breaks=("rfc5321/4.2/12", "rfc854/3/1", "rfc854/2/1"))
class RepliesInLatin1(SmtpCore):
    """Has an octet above 127 in its reply to HELP."""

    def on_help(self, argument: bytes) -> bytes:
        """For its French users."""
        return super().on_help(argument).replace(b"commands", b"r\xe9f\xe9rence")


@fault("overprints-its-replies", breaks=("rfc854/3.4/5", "rfc854/3.4/6"))
class OverprintsItsReplies(SmtpCore):
    """Has a CR by itself within its reply to HELP."""

    def on_help(self, argument: bytes) -> bytes:
        """As a progress bar would."""
        return super().on_help(argument).replace(b"commands", b"... \rcommands")
