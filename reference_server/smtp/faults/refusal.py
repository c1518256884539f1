"""Servers that refuse service in their greeting, and then do it wrongly (RFC 5321 §3.1, RFC 7504 §3)."""

from __future__ import annotations

from reference_server.core import Action, Close
from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State


@fault("refuses-service-with-550", breaks="rfc5321/4.3.2/11")
class RefusesServiceWith550(SmtpCore):
    """Has the code for mailboxes in its greeting."""

    def greeting(self) -> bytes:
        """As if somebody had been asked for."""
        return self.reply(550, "go away")


@fault("closes-after-554", breaks="rfc5321/3.1/5")
class ClosesAfter554(SmtpCore):
    """Says no and hangs up."""

    def greeting(self) -> bytes:
        """No."""
        return self.reply(554, f"{self.settings.hostname} no service for you")

    def connected(self, now: float) -> list[Action]:
        """Without a word more."""
        actions = super().connected(now)
        self.state = State.CLOSED
        return [*actions, Close()]


@fault("closes-after-521", breaks="rfc7504/3/5")
class ClosesAfter521(ClosesAfter554):
    """Says that it never takes mail and hangs up."""

    def greeting(self) -> bytes:
        """Never."""
        return self.reply(521, f"{self.settings.hostname} does not accept mail")


@fault("takes-mail-after-521", breaks="rfc7504/3/1")
class TakesMailAfter521(SmtpCore):
    """Says that it never takes mail, and takes it from whoever does not mind."""

    def greeting(self) -> bytes:
        """Never."""
        return self.reply(521, f"{self.settings.hostname} does not accept mail")
