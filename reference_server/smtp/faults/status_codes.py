"""Servers whose enhanced status codes are not quite codes (RFC 2034, RFC 3463), or whose 521 is not (RFC 7504)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.grammar import Address


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
