"""Planted faults in STLS (RFC 2595 §4)."""

from __future__ import annotations

from reference_server.core import Action
from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import State, Verb
from reference_server.registry import fault


@fault("pop3-runs-what-followed-stls", breaks="rfc2595/4/5")
class RunsWhatFollowedStls(Pop3Core):
    """Keeps clear text that came after STLS and runs it inside TLS."""

    def left_over(self, octets: bytes) -> bytes:
        """Keeps everything."""
        return octets


class _TakesNamesInClear(Pop3Core):
    """Takes USER in clear too, and keeps the name aside."""

    name_in_clear: str | None = None

    def on_user(self, argument: bytes) -> bytes:
        if self.tls or not argument:
            return super().on_user(argument)
        self.name_in_clear = argument.decode("ascii")
        return super().on_user(argument) if self.plaintext_allowed() else self.ok("send PASS")


@fault("pop3-keeps-user-across-stls", breaks="rfc1939/7/32")
class KeepsUserAcrossStls(_TakesNamesInClear):
    """Takes a PASS inside TLS for the USER that was sent in clear before it."""

    def tls_started(self, now: float) -> list[Action]:
        """Goes on where USER left off."""
        actions = super().tls_started(now)
        if self.name_in_clear is not None:
            self.user_name, self.state = self.name_in_clear, State.USER_GIVEN
        return actions


@fault("pop3-logs-in-by-stls", breaks="rfc2595/4/8")
class LogsInByStls(_TakesNamesInClear):
    """Takes the handshake for a proof of who the client is."""

    def tls_started(self, now: float) -> list[Action]:
        """Opens the maildrop of whom USER named."""
        actions = super().tls_started(now)
        account = self.store.account(self.name_in_clear or "")
        if account is not None:
            self.opened(account)
        return actions


@fault("pop3-offers-stls-after-the-log-in", breaks=("rfc2595/4/2", "rfc2595/8/3"))
class OffersStlsAfterTheLogIn(Pop3Core):
    """Lists STLS in CAPA after the log-in."""

    def capabilities(self) -> list[str]:
        """One line too many."""
        offered = super().capabilities()
        return [*offered, "STLS"] if self.state is State.TRANSACTION else offered


@fault("pop3-stls-at-any-time", breaks="rfc2595/4/4")
class StlsAtAnyTime(Pop3Core):
    """Answers +OK to STLS after the log-in."""

    def on_command(self, line: bytes) -> bytes:
        """Says that it begins, and does not."""
        if self.state is State.TRANSACTION and line.upper() == b"STLS":
            return self.ok("begin TLS negotiation")
        return super().on_command(line)


@fault("pop3-stls-with-an-argument", breaks="rfc2595/4/3")
class StlsWithAnArgument(Pop3Core):
    """Ignores an argument of STLS."""

    def surplus_argument(self, verb: Verb) -> bytes:
        """Begins nevertheless."""
        return self.on_stls() if verb is Verb.STLS else super().surplus_argument(verb)


@fault("pop3-stls-without-capa", breaks="rfc2595/4/1")
class StlsWithoutCapa(Pop3Core):
    """Has STLS and no CAPA. It takes passwords in clear, or nobody would get in."""

    def on_capa(self) -> bytes:
        """Not there."""
        return self.err("unknown command")

    def plaintext_allowed(self) -> bool:
        """Always."""
        return True
