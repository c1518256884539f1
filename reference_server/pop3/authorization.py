"""USER and PASS, APOP, AUTH, STLS: how a client becomes somebody (RFC 1939 §4, §7, RFC 2595 §4, RFC 5034)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reference_server import sasl
from reference_server.core import Settings, Surroundings
from reference_server.pop3.international import International
from reference_server.pop3.maildrop import Maildrop
from reference_server.pop3.session import Event, State, Verb
from reference_server.sasl import Challenge, Exchange, Failure, Kind, Step, Success
from reference_server.sasl.server import SaslServer
from reference_server.stores import Account, Mailbox, Store

_FAILURES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.CANCELLED: "authentication cancelled",
        Kind.NOT_BASE64: "not base64",
        Kind.MALFORMED: "response does not follow the mechanism",
        Kind.PREMATURE: "the challenge comes first",
        Kind.NOT_AUTHORIZED: "not authorised to act for that user",
    }
)


class Authorization(SaslServer, International):
    """Commands of the AUTHORIZATION state."""

    def __init__(self, store: Store, settings: Settings, surroundings: Surroundings) -> None:
        super().__init__(store, settings, surroundings)
        self._exchange: Exchange | None = None
        self._timestamp: bytes | None = None

    def greeting(self) -> bytes:
        """The first line; holds the APOP challenge when it can be checked (RFC 1939 §7)."""
        if not self.store.users.shared_secrets:
            return self.ok(f"{self.settings.hostname} POP3 ready")
        self._timestamp = self.timestamp()
        return self.ok(f"POP3 ready {self._timestamp.decode('ascii')}")

    def timestamp(self) -> bytes:
        """An APOP challenge in the form of a message id, different for every session (RFC 1939 §7)."""
        return f"<{self.settings.unique()}@{self.settings.hostname}>".encode("ascii")

    def on_user(self, argument: bytes) -> bytes:
        """USER: the name is taken whether it is known or not, so that nobody can ask who is (RFC 1939 §13)."""
        if not argument:
            return self.err("USER needs a name")
        if not self.plaintext_allowed():
            return self.err("encryption required: STLS first")
        self.user_name = argument.decode("utf-8")
        self.advance(Verb.USER)
        return self.ok("send PASS")

    def on_pass(self, argument: bytes) -> bytes:
        """PASS: everything after the one space is the password, spaces included (RFC 1939 §7)."""
        name, self.user_name = self.user_name, None
        assert name is not None, "PASS is only reached after USER"
        account = self.verify(name, argument.decode("utf-8")) if argument else None
        return self.opened(account) if account else self.wrong_credentials()

    def on_apop(self, argument: bytes) -> bytes:
        """APOP: name and digest; may be tried again with the same challenge (RFC 1939 §7)."""
        if self._timestamp is None:
            return self.err("APOP is not offered here")
        name, space, digest = argument.rpartition(b" ")
        if not (name and space and digest):
            return self.err("APOP needs a name and a digest")
        account = self.verify_digest(name.decode("utf-8"), self._timestamp, digest.decode("utf-8"))
        return self.opened(account) if account else self.wrong_credentials()

    def verify_digest(self, name: str, timestamp: bytes, digest: str) -> Account | None:
        """Whose name and APOP digest these are."""
        return self._account(self.store.users.verify_digest(name, timestamp, digest))

    def opened(self, account: Account) -> bytes:
        """The credentials are right: lock the maildrop and number its messages, or say why not."""
        if self.too_soon(account):
            self.advance(Event.LOG_IN_FAILED)
            return self.err(f"{self.settings.pop3_login_delay_s} seconds between log-ins", code="LOGIN-DELAY")
        inbox = account.mailbox("INBOX")
        if inbox is None:
            self.advance(Event.LOG_IN_FAILED)
            return self.err("no maildrop", code="SYS/PERM")
        if not self.acquire(inbox):
            self.advance(Event.LOG_IN_FAILED)
            return self.err("another session has the maildrop", code="IN-USE")
        self._maildrop = self.open_maildrop(inbox)
        self.store.users.visits[account.name] = self.heard_at
        self.advance(Event.LOGGED_IN)
        return self.ok("maildrop locked and ready")

    def too_soon(self, account: Account) -> bool:
        """Whether the user's last log-in is not long enough ago (RFC 2449 §6.5)."""
        last = self.store.users.visits.get(account.name)
        return last is not None and self.heard_at - last < self.settings.pop3_login_delay_s

    def acquire(self, inbox: Mailbox) -> bool:
        """Take the exclusive lock (RFC 1939 §4); False when another session has it."""
        if not inbox.lock():
            return False
        self._locked = inbox
        return True

    def open_maildrop(self, inbox: Mailbox) -> Maildrop:
        """Number the messages (RFC 1939 §4)."""
        return Maildrop(inbox)

    def wrong_credentials(self) -> bytes:
        """The same words whether the name or the password was wrong (RFC 1939 §13, RFC 3206 §4)."""
        self.log_in_failed(Kind.WRONG_CREDENTIALS)
        return self.err("authentication failed", code="AUTH")

    def log_in_failed(self, kind: Kind) -> None:
        """Back to the beginning, or to the end where somebody has guessed too often."""
        self.note_failure(kind)
        self.advance(Event.LOG_IN_FAILED)
        if self.has_guessed_enough():
            self.state = State.CLOSED

    def release(self) -> None:
        """Give the maildrop back, if there is one; nothing is removed."""
        if self._locked is not None:
            self._locked.unlock()
        self._locked = self._maildrop = None

    def on_auth(self, argument: bytes) -> bytes:
        """AUTH: begin a SASL exchange (RFC 5034 §4)."""
        words = argument.split(b" ")
        if not words[0] or len(words) > 2:
            return self.err("AUTH mechanism [initial-response]")
        mechanism = self.sasl_mechanisms.get(words[0].upper().decode("ascii"))
        if mechanism is None:
            return self.err("mechanism not supported")
        if not self.is_on_offer(mechanism):
            return self.err("not available as things are" if self.tls else "encryption required: STLS first")
        self._exchange = mechanism(self)
        return self.after_step(self._exchange.start(words[1] if len(words) == 2 else None))

    def on_auth_line(self, line: bytes) -> bytes:
        """A response to a challenge, CRLF removed."""
        assert self._exchange is not None
        return self.after_step(self._exchange.step(line))

    def after_step(self, step: Step) -> bytes:
        """Word the outcome of a step, and move on."""
        if isinstance(step, Challenge):
            if self.state is not State.AUTHENTICATING:
                self.advance(Verb.AUTH)
            return self.challenge(step.encoded)
        self._exchange = None
        if isinstance(step, Success):
            return self.opened(step.account)
        return self.auth_failed(step)

    def challenge(self, encoded: bytes) -> bytes:
        """The `+`; the space stays even when nothing follows it (RFC 5034 §4)."""
        return b"+ " + encoded + b"\r\n"

    def auth_failed(self, failure: Failure) -> bytes:
        """The refusal for each kind of failure."""
        if failure.kind is Kind.WRONG_CREDENTIALS:
            return self.wrong_credentials()
        self.log_in_failed(failure.kind)
        if failure.kind is Kind.REFUSED:
            return self.err("authentication failed", code="AUTH")
        return self.err(_FAILURES[failure.kind])

    def auth_line_too_long(self) -> bytes:
        """A response beyond the buffer ends the exchange."""
        self._exchange = None
        self.advance(Event.LOG_IN_FAILED)
        return self.err("line too long")

    def auth_line_limit(self) -> int:
        """Longest response in octets, CRLF included; the limit on commands does not hold here (RFC 5034 §4)."""
        return sasl.MAX_LINE_OCTETS

    def offers_stls(self) -> bool:
        """Only before the log-in, and never inside TLS (RFC 2595 §4)."""
        return self.surroundings.tls_available and not self.tls and self.state is not State.TRANSACTION

    def on_stls(self) -> bytes:
        """STLS: after the +OK nothing more is read in clear."""
        if self.utf8:
            return self.err("STLS goes before UTF8")
        if not self.offers_stls():
            return self.err("TLS is active already" if self.tls else "TLS is not offered here")
        self.advance(Verb.STLS)
        return self.ok("begin TLS negotiation")

    def forget_session(self) -> None:
        """Drop all that the client said in clear."""
        self.user_name = None
        self._exchange = None
