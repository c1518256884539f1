"""Servers that get STARTTLS wrong (RFC 3207). The one that obeys what came in clear is among `transaction`."""

from __future__ import annotations

from reference_server.core import Action
from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State, Verb
from reference_server.smtp.variants import DemandsTlsSmtp


@fault("lists-starttls-with-a-parameter", breaks="rfc3207/2/2")
class ListsStarttlsWithAParameter(SmtpCore):
    """Writes a version after STARTTLS."""

    def extensions(self) -> list[str]:
        """One word too many on its line."""
        return [line.replace("STARTTLS", "STARTTLS TLS1.3") for line in super().extensions()]


@fault("offers-starttls-and-has-none", breaks=("rfc3207/3/1", "rfc3207/4/2"))
class OffersStarttlsAndHasNone(SmtpCore):
    """Lists STARTTLS and does not implement it."""

    def on_starttls(self) -> bytes:
        """502, as if it had never been listed."""
        return self.reply(502, "not implemented", enhanced="5.5.1")


class KeepsSomethingThroughTls(SmtpCore):
    """What the next faults stand on: the state before STARTTLS is remembered."""

    _before = State.FRESH

    def on_starttls(self) -> bytes:
        """Remembers."""
        self._before = self.state
        return super().on_starttls()


@fault("keeps-the-transaction-through-tls", breaks=("rfc3207/4.2/1", "rfc3207/4.2/2"))
class KeepsTheTransactionThroughTls(KeepsSomethingThroughTls):
    """Goes on inside TLS with the sender and recipients from before."""

    def tls_started(self, now: float) -> list[Action]:
        """Takes nothing back."""
        transaction = self.transaction
        actions = super().tls_started(now)
        self.transaction, self.state = transaction, self._before
        return actions


@fault("keeps-the-greeting-through-tls", breaks="rfc3207/4.2/2")
class KeepsTheGreetingThroughTls(SmtpCore):
    """Forgets the transaction, and still knows inside TLS who said EHLO in clear."""

    def tls_started(self, now: float) -> list[Action]:
        """The name stays, and with it the right to go on."""
        name, extended = self.greeting_name, self.extended
        actions = super().tls_started(now)
        self.greeting_name, self.extended, self.state = name, extended, State.IDLE
        return actions


@fault("offers-starttls-inside-tls", breaks="rfc3207/4.2/8")
class OffersStarttlsInsideTls(SmtpCore):
    """Lists STARTTLS inside TLS as well."""

    def offers_starttls(self) -> bool:
        """Always."""
        return True


@fault("grants-starttls-inside-tls", breaks="rfc3207/4.2/6")
class GrantsStarttlsInsideTls(SmtpCore):
    """Answers STARTTLS by 220 inside TLS, though it does not list it there."""

    def on_starttls(self) -> bytes:
        """Does not know how things stand; what should follow is left out."""
        return self.reply(220, "go ahead", enhanced="2.0.0") if self.tls else super().on_starttls()


@fault("passes-over-a-parameter-of-starttls", breaks="rfc3207/4/2")
class PassesOverAParameterOfStarttls(SmtpCore):
    """Starts TLS whatever stands behind STARTTLS."""

    def on_surplus_argument(self, verb: Verb) -> bytes:
        """Does not look."""
        return self.on_starttls() if verb is Verb.STARTTLS else super().on_surplus_argument(verb)


@fault("insists-on-tls-with-554", breaks=("rfc3207/4/8", "rfc3207/4/9"))
class InsistsOnTlsWith554(DemandsTlsSmtp):
    """Demands TLS for mail with 530, and refuses all else before it with 554."""

    _asked: Verb | None = None

    def needs_auth(self, verb: Verb) -> bool:
        """Remembers the command."""
        self._asked = verb
        return super().needs_auth(verb)

    def tls_required(self) -> bytes:
        """Only for MAIL."""
        reply = super().tls_required()
        return reply if self._asked is Verb.MAIL else reply.replace(b"530 5.7.0", b"554 5.7.1")
