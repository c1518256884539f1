"""Servers that serve one client at a time, or have commands that are best forgotten (RFC 5321 §4.5.4.2, appendix F)."""

from __future__ import annotations

from typing import ClassVar
from weakref import WeakKeyDictionary, WeakSet

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State
from reference_server.stores import Store


@fault("takes-one-transaction-at-a-time", breaks=("rfc5321/4.5.4.2/2", "rfc5321/4.5.4.2/3"))
class TakesOneTransactionAtATime(SmtpCore):
    """Puts MAIL off while another session is in a transaction."""

    _busy: ClassVar[WeakKeyDictionary[Store, WeakSet[SmtpCore]]] = WeakKeyDictionary()

    def on_mail(self, argument: bytes) -> bytes:
        """One at a time, please."""
        sessions = self._busy.setdefault(self.store, WeakSet())
        if any(each is not self and each.state in {State.SENDER_GIVEN, State.RECIPIENT_GIVEN} for each in sessions):
            return self.reply(450, "busy, come again later", enhanced="4.3.2")
        sessions.add(self)
        return super().on_mail(argument)


@fault("turns-round", breaks="rfc5321/F.1/1")
class TurnsRound(SmtpCore):
    """Answers TURN 250, whoever asks."""

    def on_command(self, line: bytes) -> bytes:
        """As RFC 821 had it."""
        return self.reply(250, "turning", enhanced="2.0.0") if line.upper() == b"TURN" else super().on_command(line)


@fault("has-soml-and-does-not-say-so", breaks="rfc5321/F.6/3")
class HasSomlAndDoesNotSaySo(SmtpCore):
    """Takes SOML for MAIL and lists it nowhere."""

    def on_command(self, line: bytes) -> bytes:
        """Send or mail, it is mail."""
        return super().on_command(b"MAIL" + line[4:] if line[:4].upper() == b"SOML" else line)


@fault("grows-impatient-after-noop", breaks="rfc5321/4.5.3.2.7/1")
class GrowsImpatientAfterNoop(SmtpCore):
    """Closes the session of a client that is quiet for some tenths of a second after NOOP."""

    _idle_s: ClassVar[float] = 0.3
    _dawdles = False

    def on_noop(self, argument: bytes) -> bytes:
        """Who has nothing to say may go."""
        self._dawdles = True
        return super().on_noop(argument)

    @property
    def deadline(self) -> float | None:
        """Much too soon."""
        regular = super().deadline
        if regular is None or not self._dawdles:
            return regular
        return regular - self.settings.smtp_timeout_s + self._idle_s

    def on_command(self, line: bytes) -> bytes:
        """Whoever goes on is busy."""
        self._dawdles = False
        return super().on_command(line)
