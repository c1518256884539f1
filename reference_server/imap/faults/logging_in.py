"""Planted faults of STARTTLS, AUTHENTICATE and LOGIN (RFC 3501 §6.2, RFC 4616, RFC 4648)."""

from __future__ import annotations

import re

from reference_server import sasl
from reference_server.imap.auth import Authenticate, Credentials
from reference_server.imap.commands import Command
from reference_server.imap.core import ImapCore
from reference_server.imap.grammar import GrammarError
from reference_server.imap.listing_options import Listing
from reference_server.imap.literals import Announced
from reference_server.imap.session import RefusedError, State
from reference_server.registry import fault
from reference_server.stores import Account

NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")


@fault(
    "imap-takes-no-literals-in-login",
    breaks="rfc3501/6.2.3/1",
    also={"imap/literals/takes_literals_wherever_a_string_may_stand": "LOGIN is one of the places"},
)
class TakesNoLiteralsInLogin(ImapCore):
    """LOGIN with a literal is answered BAD."""

    def refusal_of(self, literal: Announced) -> bytes | None:
        """Wants quotes."""
        if b" LOGIN " in literal.lines[0].upper():
            return b"BAD quote it"
        return super().refusal_of(literal)


@fault("imap-lets-anybody-log-in", breaks="rfc3501/6.2.3/2")
class LetsAnybodyLogIn(ImapCore):
    """LOGIN does not look at the password."""

    def on_login(self, credentials: Credentials) -> bytes:
        """Asks only whether there is such a user."""
        self.require_privacy()
        account = self.store.account(credentials.name.decode("utf-8", "replace"))
        if account is None:
            raise RefusedError("no such user")
        return self.logged_in(account)


@fault("imap-lets-anybody-authenticate", breaks=("rfc4616/2/13", "rfc3501/6.2.2/1"))
class LetsAnybodyAuthenticate(ImapCore):
    """AUTHENTICATE does not look at the password."""

    def verify(self, name: str, password: str) -> Account | None:
        """Asks only whether there is such a user."""
        if self.running.verb == b"LOGIN":
            return super().verify(name, password)
        return self.store.account(name)


@fault("imap-never-authenticates", breaks=("rfc3501/6.2.2/1", "rfc4616/2/14"))
class NeverAuthenticates(ImapCore):
    """AUTHENTICATE is answered NO whatever the password."""

    def verify(self, name: str, password: str) -> Account | None:
        """Knows nobody."""
        return super().verify(name, password) if self.running.verb == b"LOGIN" else None


@fault("imap-logs-in-despite-logindisabled", breaks=("rfc3501/7.2.1/5", "rfc3501/11.2/4", "rfc2595/3.2/2"))
class LogsInDespiteLogindisabled(ImapCore):
    """LOGIN works in the clear though LOGINDISABLED is listed."""

    def require_privacy(self) -> None:
        """Not of LOGIN."""
        if self.running.verb != b"LOGIN":
            super().require_privacy()


@fault("imap-authenticates-despite-logindisabled", breaks=("rfc3501/11.2/5", "rfc3501/11.2/3"))
class AuthenticatesDespiteLogindisabled(ImapCore):
    """AUTHENTICATE PLAIN works in the clear though LOGINDISABLED is listed."""

    def require_privacy(self) -> None:
        """Not of AUTHENTICATE."""
        if self.running.verb != b"AUTHENTICATE":
            super().require_privacy()


@fault(
    "imap-challenges-without-the-space",
    breaks=("rfc3501/6.2.2/5", "rfc3501/9/26"),
    also={"imap/grammar/response": "a continuation request without its space is not in the formal syntax"},
)
class ChallengesWithoutTheSpace(ImapCore):
    """An empty challenge is a plus sign and nothing else."""

    def continuation(self, text: bytes) -> None:
        """Leaves the space out where nothing follows it."""
        if text:
            super().continuation(text)
        else:
            self.send(b"+\r\n")


@fault("imap-ignores-the-initial-response", breaks="rfc3501/6.2.2/1")
class IgnoresTheInitialResponse(ImapCore):
    """SASL-IR is listed, and the response that came with the command is asked for again."""

    def on_authenticate(self, asked: Authenticate) -> None:
        """Drops it."""
        super().on_authenticate(Authenticate(asked.mechanism, None))


@fault("imap-skips-what-is-not-base64", breaks="rfc4648/3.3/1")
class SkipsWhatIsNotBase64(ImapCore):
    """Characters outside the base64 alphabet are passed over."""

    def decode_base64(self, line: bytes) -> bytes:
        """Takes them out."""
        return super().decode_base64(NOT_BASE64.sub(b"", line))


@fault("imap-takes-base64-padded-anyhow", breaks="rfc3501/2.2.2/5")
class TakesBase64PaddedAnyhow(ImapCore):
    """Pad characters may be missing or too many."""

    def decode_base64(self, line: bytes) -> bytes:
        """Puts them right."""
        bare = line.rstrip(b"=")
        return super().decode_base64(bare + b"=" * (-len(bare) % 4))


@fault("imap-answers-a-cancelled-exchange-no", breaks="rfc3501/6.2.2/7")
class AnswersCancelledExchangeNo(ImapCore):
    """An exchange that the client breaks off is answered NO."""

    def complete(self, status: bytes, text: bytes) -> None:
        """Takes it for a failure."""
        super().complete(b"NO" if text == b"cancelled by the client" else status, text)


@fault("imap-answers-unknown-mechanisms-bad", breaks="rfc3501/6.2.2/3")
class AnswersUnknownMechanismsBad(ImapCore):
    """A mechanism that there is none of is answered BAD."""

    def on_authenticate(self, asked: Authenticate) -> None:
        """Takes it for a syntax error."""
        if asked.mechanism not in sasl.MECHANISMS:
            raise GrammarError("no such mechanism")
        super().on_authenticate(asked)


@fault("imap-passes-over-a-third-nul", breaks="rfc4616/2/11")
class PassesOverThirdNul(ImapCore):
    """A NUL behind the password of PLAIN, and what follows it, is passed over."""

    def decode_base64(self, line: bytes) -> bytes:
        """Cuts it off."""
        return b"\0".join(super().decode_base64(line).split(b"\0")[:3])


@fault("imap-leaves-the-authorization-identity-aside", breaks=("rfc4616/2/13", "rfc3501/6.2.2/17"))
class LeavesAuthorizationIdentityAside(ImapCore):
    """PLAIN with another user to act as logs in the owner of the password."""

    def decode_base64(self, line: bytes) -> bytes:
        """Drops the identity."""
        first, nul, rest = super().decode_base64(line).partition(b"\0")
        return nul + rest if rest.count(b"\0") == 1 else first + nul + rest


@fault("imap-keeps-clear-text-over-the-handshake", breaks=("rfc3501/6.2.1/1", "rfc2595/3.1/4"))
class KeepsClearTextOverHandshake(ImapCore):
    """Commands that came in one segment with STARTTLS are answered under TLS (CVE-2011-0411)."""

    def drop_clear_text(self) -> None:
        """Keeps it."""


@fault("imap-opens-to-everybody-under-tls", breaks=("rfc3501/6.2.1/3", "rfc2595/3.1/7"))
class OpensToEverybodyUnderTls(ImapCore):
    """LSUB works after STARTTLS without log-in."""

    def is_valid_now(self, name: bytes, command: Command) -> bool:
        """TLS is proof enough."""
        lax = name == b"LSUB" and self.tls and self.state is State.NOT_AUTHENTICATED
        return lax or super().is_valid_now(name, command)

    def on_lsub(self, asked: Listing) -> bytes:
        """Nobody's subscriptions are none."""
        return super().on_lsub(asked) if self.account else b"LSUB completed"


@fault("imap-refuses-the-starttls-that-it-lists", breaks=("rfc2595/3.1/2", "rfc3501/6.2/3"))
class RefusesTheStarttlsThatItLists(ImapCore):
    """STARTTLS is listed and answered NO."""

    def on_starttls(self, _: None) -> None:
        """Not today."""
        raise RefusedError("TLS is out of order")
