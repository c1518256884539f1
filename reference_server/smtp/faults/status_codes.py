"""Servers whose enhanced status codes are not quite codes (RFC 2034, RFC 3463), or whose 521 is not (RFC 7504)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.sasl import Failure, Kind
from reference_server.smtp.chunking import Chunk
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.grammar import Address
from reference_server.smtp.session import State, Verb


@fault("writes-status-codes-with-leading-zeros", breaks="rfc3463/2/6")
class WritesStatusCodesWithLeadingZeros(SmtpCore):
    """Has all its numbers with two digits."""

    def on_noop(self, argument: bytes) -> bytes:
        """As a clock has them."""
        return self.reply(250, "ok", enhanced="2.00.00")


@fault("invents-status-codes", breaks="rfc3463/2/8")
class InventsStatusCodes(SmtpCore):
    """Has a subject of its own for what it does not know."""

    def unknown_command(self) -> bytes:
        """Nobody has registered it."""
        return self.reply(500, "command not recognised", enhanced="5.9.77")


@fault("has-status-codes-after-ehlo-alone", breaks=("rfc2034/4/9", "rfc2034/5/1"))
class HasStatusCodesAfterEhloAlone(SmtpCore):
    """Takes EHLO for the command that switches status codes on."""

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """Without, until then."""
        return super().reply(code, text, *more, enhanced=enhanced if self.extended else None)


@fault(
    "refuses-one-recipient-with-521",
    breaks=("rfc7504/3/4", "rfc6409/7/7"),
    also={"smtp/replies/codes_are_those_of_the_table": "the table has 521 for the greeting alone"},
)
class RefusesOneRecipientWith521(SmtpCore):
    """Says of itself that it takes no mail, where one recipient has none."""

    def refusal_of(self, recipient: Address) -> bytes | None:
        """The wrong code."""
        refusal = super().refusal_of(recipient)
        return (
            refusal
            if refusal is None or not self.is_local(recipient)
            else self.reply(521, "does not accept mail", enhanced="5.3.2")
        )


@fault("forgets-status-codes-after-mail-data", breaks="rfc2034/3/3")
class ForgetsStatusCodesAfterMailData(SmtpCore):
    """Has a queue that speaks for itself, and knows no status codes."""

    def accepted(self) -> bytes:
        """Plain."""
        return self.reply(250, "message accepted")


@fault("forgets-status-codes-of-chunks", breaks="rfc2034/3/3")
class ForgetsStatusCodesOfChunks(SmtpCore):
    """Answers chunks that are not the last with no more than 250."""

    def chunk_taken(self, chunk: Chunk) -> bytes:
        """Plain."""
        return self.reply(250, f"{chunk.size_octets} octets received")


@fault("forgets-the-status-code-of-quit", breaks="rfc2034/3/3")
class ForgetsTheStatusCodeOfQuit(SmtpCore):
    """Says good-bye without a status code."""

    def on_quit(self) -> bytes:
        """Plain."""
        self.advance(Verb.QUIT)
        return self.reply(221, f"{self.settings.hostname} closing")


@fault("forgets-the-status-code-of-starttls", breaks="rfc2034/3/3")
class ForgetsTheStatusCodeOfStarttls(SmtpCore):
    """Takes the 220 of STARTTLS for another greeting."""

    def on_starttls(self) -> bytes:
        """Plain."""
        reply = super().on_starttls()
        return reply.replace(b"220 2.0.0 ", b"220 ", 1)


@fault("forgets-the-status-code-of-cancelled-log-ins", breaks="rfc2034/3/3")
class ForgetsTheStatusCodeOfCancelledLogIns(SmtpCore):
    """Has none where the client gave up."""

    def auth_failed(self, failure: Failure) -> bytes:
        """Plain."""
        if failure.kind is Kind.CANCELLED:
            return self.reply(501, "authentication cancelled")
        return super().auth_failed(failure)


@fault("forgets-the-status-code-of-long-lines", breaks="rfc2034/4/6")
class ForgetsTheStatusCodeOfLongLines(SmtpCore):
    """Has a reader of lines that refuses by itself."""

    def on_overlong_line(self) -> bytes:
        """Plain, unless it belongs to a log-in."""
        return super().on_overlong_line() if self.state is State.AUTHENTICATING else self.reply(500, "line too long")
