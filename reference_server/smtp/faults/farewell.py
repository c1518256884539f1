"""Servers that end sessions wrongly, or do not survive them (RFC 5321 §3.8, §4.1.1.10)."""

from __future__ import annotations

from weakref import WeakSet

from reference_server.core import Action, Close
from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State
from reference_server.stores import Store

_DEAD: WeakSet[Store] = WeakSet()
"""Stores of servers that have died: a fault's class is shared by all servers of the process, its store is not."""


@fault("answers-an-early-quit-with-250", breaks=("rfc5321/4.1.1.10/1", "rfc5321/4.3.2/30"))
class AnswersAnEarlyQuitWith250(SmtpCore):
    """Closes after a QUIT that comes before EHLO, but says 250 before it does."""

    def on_quit(self) -> bytes:
        """The wrong code."""
        early = self.state is State.FRESH and not self.tls
        reply = super().on_quit()
        return reply.replace(b"221", b"250", 1) if early else reply


@fault("says-more-after-its-farewell", breaks=("rfc5321/4.1.1.10/1", "rfc5321/4.2/1"))
class SaysMoreAfterItsFarewell(SmtpCore):
    """Answers QUIT, and then says that it times out."""

    def on_quit(self) -> bytes:
        """Two replies to one command."""
        return super().on_quit() + self.reply(421, f"{self.settings.hostname} timeout", enhanced="4.4.2")


@fault("delivers-messages-that-were-cut-off", breaks="rfc5321/4.1.1.10/4")
class DeliversMessagesThatWereCutOff(SmtpCore):
    """Delivers what it has when the connection breaks in the middle of a message."""

    def disconnected(self) -> None:
        """Half a message is better than none."""
        if self.state is State.RECEIVING and self._text:
            self.deliver(b"".join(self._text))
        super().disconnected()


@fault("dies-of-help", breaks="rfc5321/3.8/2")
class DiesOfHelp(SmtpCore):
    """Answers HELP once; after that no connection is greeted any more."""

    def on_help(self, argument: bytes) -> bytes:
        """The last thing that works."""
        _DEAD.add(self.store)
        return super().on_help(argument)

    def connected(self, now: float) -> list[Action]:
        """Hangs up at once where it has died."""
        return [Close()] if self.store in _DEAD else super().connected(now)
