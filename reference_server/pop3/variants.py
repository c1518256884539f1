"""Legal POP3 servers of another taste: no check may convict them."""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import ClassVar

from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import ON_ACCEPT, State, Transitions, Verb
from reference_server.registry import variant
from reference_server.sasl import Exchange
from reference_server.stores import Mailbox

_OPTIONAL = frozenset({Verb.CAPA, Verb.TOP, Verb.UIDL, Verb.APOP, Verb.AUTH, Verb.STLS, Verb.UTF8, Verb.LANG})


@variant("pop3-terse")
class TersePop3(Pop3Core):
    """Says no more than +OK or -ERR wherever the text is for people (RFC 1939 §3)."""

    def ok(self, text: str) -> bytes:
        """Text stays where a program reads it: numbers, and the challenge of APOP."""
        return super().ok(text) if text[:1].isdigit() or "<" in text else b"+OK\r\n"

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """Only a response code is left."""
        return f"-ERR [{code}]\r\n".encode("ascii") if code else b"-ERR\r\n"


@variant("pop3-no-apop")
class NoApopPop3(Pop3Core):
    """Offers no APOP: RFC 1939 §7 leaves that to the server."""

    def greeting(self) -> bytes:
        """No challenge in the greeting."""
        return self.ok("POP3 ready")


@variant("pop3-minimal")
class MinimalPop3(NoApopPop3):
    """Has what RFC 1939 §7 asks of every server, USER and PASS, and nothing else: no TOP, UIDL, CAPA, AUTH or STLS."""

    transitions: ClassVar[Transitions] = MappingProxyType(
        {(state, what): then for (state, what), then in ON_ACCEPT.items() if what not in _OPTIONAL}
    )

    def plaintext_allowed(self) -> bool:
        """There is no TLS to wait for."""
        return True


@variant("pop3-passwords-in-clear")
class PasswordsInClearPop3(Pop3Core):
    """Takes passwords with TLS and without."""

    def plaintext_allowed(self) -> bool:
        """Always."""
        return True


@variant("pop3-impatient")
class ImpatientPop3(Pop3Core):
    """Hangs up after every refused log-in (RFC 1939 §4), after three refusals of any kind, and on lines too long."""

    _refusals = 0

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """Counts, and says goodbye with the third."""
        self._refusals += 1
        if self._refusals >= 3:
            self._hang_up()
        return super().err(text, code=code)

    def wrong_credentials(self) -> bytes:
        """Once is enough."""
        answer = super().wrong_credentials()
        self._hang_up()
        return answer

    def on_overlong_line(self) -> bytes:
        """Says so and hangs up."""
        answer = super().on_overlong_line()
        self._hang_up()
        return answer

    def _hang_up(self) -> None:
        self.release()
        self.state = State.CLOSED


@variant("pop3-long-unique-ids")
class LongUniqueIdsPop3(Pop3Core):
    """Makes unique-ids of 70 characters, with all kinds of signs in them (RFC 1939 §7)."""

    def unique_id(self, number: int) -> str:
        """A digest of what never changes and never comes again."""
        digest = hashlib.sha256(self.maildrop.unique_id(number).encode("ascii")).hexdigest()
        return f"!{digest}~.+=]"[:70]


@variant("pop3-many-capabilities")
class ManyCapabilitiesPop3(Pop3Core):
    """Announces what few servers do, and other days and delays before the log-in than after it (RFC 2449 §6)."""

    def capabilities(self) -> list[str]:
        """In small letters, in another order, with capabilities of its own."""
        after = self.state is State.TRANSACTION
        otherwise = ("EXPIRE", "IMPLEMENTATION", "LOGIN-DELAY", "LANG")
        offered = [name for name in super().capabilities() if not name.startswith(otherwise)]
        own = ["EXPIRE 60" if after else "EXPIRE 30 USER", "LOGIN-DELAY 0" if after else "LOGIN-DELAY 5 USER"]
        if after:
            own += ["IMPLEMENTATION Other-Server 1.0 (build 7)", "LANG"]
        return [name.lower() if name == "UIDL" else name for name in (*own, "X-OWN a=b c", *reversed(offered))]


@variant("pop3-talkative")
class TalkativePop3(Pop3Core):
    """Says all it can: response codes of two levels, and texts up to the limit of 512 octets."""

    def ok(self, text: str) -> bytes:
        """Texts that nobody reads by program are drawn out; listings and challenges are not."""
        answer = super().ok(text)
        if text[:1].isdigit() and not text.endswith("octets"):
            return answer
        if "<" in text:
            return answer
        return super().ok(text.ljust(506, "."))

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """A code for everything."""
        return super().err(text.ljust(400, "."), code=code or "SYS/PERM")


@variant("pop3-knows-whom-it-serves")
class KnowsWhomItServesPop3(Pop3Core):
    """Refuses a name that it does not know at USER already (RFC 1939 §7)."""

    def on_user(self, argument: bytes) -> bytes:
        """Looks the name up."""
        name = argument.decode("ascii")
        if self.store.account(name) is None and self.store.account(f"{name}@example.test") is None:
            return self.err("never heard of that name")
        return super().on_user(argument)


@variant("pop3-snapshots")
class SnapshotPop3(Pop3Core):
    """Lets several sessions in at once: each has the messages it began with, whatever the others remove."""

    def acquire(self, inbox: Mailbox) -> bool:
        """No lock is necessary (RFC 1939 §4: as necessary to prevent messages from being removed)."""
        return True


@variant("pop3-sasl-only")
class SaslOnlyPop3(Pop3Core):
    """Takes no USER (RFC 1939 §7), and begins texts with brackets that are no response codes (RFC 2449 §6.4)."""

    def greeting(self) -> bytes:
        """An address as it is written in SMTP."""
        return self.ok("[127.0.0.1] POP3 ready")

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """Without RESP-CODES there are no codes, and brackets are just brackets."""
        return super().err(f"[sorry] {text}")

    def on_user(self, argument: bytes) -> bytes:
        """Refers to AUTH."""
        return self.err("no USER here")

    def capabilities(self) -> list[str]:
        """Names the mechanisms after the log-in in another order than before."""
        offered = [name for name in super().capabilities() if name not in ("USER", "RESP-CODES", "AUTH-RESP-CODE")]
        if self.state is State.TRANSACTION:
            return [_turned(name) if name.startswith("SASL ") else name for name in offered]
        return offered


def _turned(capability: str) -> str:
    name, *arguments = capability.split()
    return " ".join((name, *reversed(arguments)))


@variant("pop3-one-thing-at-a-time")
class OneThingAtATimePop3(PasswordsInClearPop3):
    """Refuses STLS once a log-in has begun with USER: what comes next is PASS."""

    def on_stls(self) -> bytes:
        """Not now."""
        return self.err("PASS first") if self.state is State.USER_GIVEN else super().on_stls()


@variant("pop3-no-auth-before-tls")
class NoAuthBeforeTlsPop3(NoApopPop3):
    """Offers no mechanism at all before TLS, as Dovecot does with ssl=required (RFC 8314 §3.3)."""

    def is_on_offer(self, mechanism: type[Exchange]) -> bool:
        """Not even what shows no password."""
        return self.tls and super().is_on_offer(mechanism)
