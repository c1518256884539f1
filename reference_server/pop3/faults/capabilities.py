"""Planted faults in CAPA and response codes (RFC 2449)."""

from __future__ import annotations

from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import State
from reference_server.registry import fault


@fault("pop3-capabilities-in-columns", breaks=("rfc2449/3/4", "rfc2449/5/11"))
class CapabilitiesWithTwoSpaces(Pop3Core):
    """Puts two spaces between a capability and its arguments, and one at the end of a line without any."""

    def capabilities(self) -> list[str]:
        """Lists a capability of its own that way."""
        return [*super().capabilities(), "X-COLUMNS  wide "]


@fault("pop3-capability-of-513-octets", breaks=("rfc2449/3/5", "rfc2449/5/13"))
class CapabilityOf513Octets(Pop3Core):
    """Lists a capability in 513 octets."""

    def capabilities(self) -> list[str]:
        """One octet too many."""
        return [*super().capabilities(), "X-LONG ".ljust(511, "x")]


@fault("pop3-capa-before-the-log-in-only", breaks=("rfc2449/5/1", "rfc2449/5/9"))
class CapaBeforeTheLogInOnly(Pop3Core):
    """Knows CAPA before the log-in only."""

    def on_capa(self) -> bytes:
        """Out of place after the log-in."""
        return self.out_of_place() if self.state is State.TRANSACTION else super().on_capa()


@fault("pop3-tells-of-top-after-the-log-in-only", breaks=("rfc2449/6.1/2", "rfc2449/6.8/2"))
class TellsOfTopAfterTheLogInOnly(Pop3Core):
    """Announces TOP and UIDL to those who are logged in, and to nobody else."""

    def capabilities(self) -> list[str]:
        """Leaves them out before the log-in."""
        offered = super().capabilities()
        return offered if self.state is State.TRANSACTION else [name for name in offered if name not in ("TOP", "UIDL")]


@fault("pop3-forgets-sasl-after-the-log-in", breaks=("rfc2449/5/3", "rfc5034/3/9"))
class ForgetsSaslAfterTheLogIn(Pop3Core):
    """Announces SASL and USER no more once somebody is logged in."""

    def capabilities(self) -> list[str]:
        """Leaves out what cannot be used any more."""
        offered = super().capabilities()
        if self.state is not State.TRANSACTION:
            return offered
        return [name for name in offered if name != "USER" and not name.startswith("SASL")]


@fault("pop3-two-implementations", breaks="rfc2449/6.9/2")
class TwoImplementations(Pop3Core):
    """Calls itself by another name after the log-in."""

    def capabilities(self) -> list[str]:
        """Another version behind the proxy."""
        offered = super().capabilities()
        return [name.replace("mailspec", "other") for name in offered] if self.state is State.TRANSACTION else offered


@fault("pop3-expires-soon", breaks=("rfc2449/6.7/1",))
class ExpiresSoon(Pop3Core):
    """Announces EXPIRE with a word for its days."""

    def capabilities(self) -> list[str]:
        """No number."""
        return [name.replace("EXPIRE NEVER", "EXPIRE soon") for name in super().capabilities()]


@fault("pop3-anonymous-implementation", breaks=("rfc2449/6.9/3",))
class AnonymousImplementation(Pop3Core):
    """Announces IMPLEMENTATION without saying which."""

    def capabilities(self) -> list[str]:
        """Leaves the argument out."""
        return [name.replace("IMPLEMENTATION mailspec", "IMPLEMENTATION") for name in super().capabilities()]


@fault("pop3-announces-top-without-having-it", breaks="rfc2449/6.1/4")
class AnnouncesTopWithoutHavingIt(Pop3Core):
    """Announces TOP and refuses it."""

    def on_top(self, argument: bytes) -> bytes:
        """Not there."""
        return self.err("unknown command")


@fault("pop3-announces-uidl-without-having-it", breaks="rfc2449/6.8/4")
class AnnouncesUidlWithoutHavingIt(Pop3Core):
    """Announces UIDL and refuses it."""

    def on_uidl(self, argument: bytes) -> bytes:
        """Not there."""
        return self.err("unknown command")


@fault("pop3-brackets-free-text", breaks=("rfc2449/6.4/3", "rfc2449/8/1"))
class BracketsFreeText(Pop3Core):
    """Announces RESP-CODES and puts remarks in brackets that are no codes."""

    def no_such_message(self) -> bytes:
        """A remark."""
        return self.err("[no such message] try LIST")


@fault("pop3-response-codes-unannounced", breaks="rfc2449/8/6")
class ResponseCodesUnannounced(Pop3Core):
    """Sends response codes and does not announce RESP-CODES."""

    def capabilities(self) -> list[str]:
        """Leaves it out."""
        return [name for name in super().capabilities() if name != "RESP-CODES"]
