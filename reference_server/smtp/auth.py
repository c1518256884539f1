"""AUTH: SASL in SMTP (RFC 4954), and what a submission server asks for before mail (RFC 6409 §4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reference_server import sasl
from reference_server.sasl import Challenge, Exchange, Failure, Kind, Need, Step, Success
from reference_server.sasl.server import SaslServer
from reference_server.smtp.base import Session
from reference_server.smtp.session import Event, State, Verb

# RFC 4954 §6: these need no log-in even where all else does. STARTTLS belongs to them, or no log-in could be safe.
_FREE = frozenset({Verb.AUTH, Verb.EHLO, Verb.HELO, Verb.LHLO, Verb.NOOP, Verb.RSET, Verb.QUIT, Verb.STARTTLS})

# RFC 4954 §4 fixes code and enhanced code for the cancelled and the undecodable; §6 for the rest.
_FAILURES: Mapping[Kind, tuple[int, str, str]] = MappingProxyType(
    {
        Kind.CANCELLED: (501, "authentication cancelled", "5.7.0"),
        Kind.NOT_BASE64: (501, "not base64", "5.5.2"),
        Kind.MALFORMED: (501, "response does not follow the mechanism", "5.5.2"),
        Kind.PREMATURE: (501, "the challenge comes first", "5.7.0"),
        Kind.WRONG_CREDENTIALS: (535, "authentication failed", "5.7.8"),
        Kind.REFUSED: (535, "authentication failed", "5.7.8"),
        Kind.NOT_AUTHORIZED: (535, "not authorised to act for that user", "5.7.8"),
    }
)

# What would be there, or could be, after STARTTLS.
_GIVEN_BY_TLS = frozenset({Need.PRIVACY, Need.CHANNEL_BINDING, Need.CERTIFICATE})


class Auth(SaslServer, Session):
    """Logs a client in."""

    _exchange: Exchange | None = None

    def mechanisms(self) -> list[str]:
        """What EHLO advertises; no password in clear among it (RFC 4954 §4)."""
        return self.offered_mechanisms()

    def needs_auth(self, verb: Verb) -> bool:
        """Whether a command must wait for a log-in (RFC 4954 §6, RFC 6409 §4.3)."""
        return self.surroundings.submission and self.account is None and verb not in _FREE

    def auth_required(self) -> bytes:
        """The answer to a command that must wait."""
        return self.reply(530, "authentication required", enhanced="5.7.0")

    def on_auth(self, argument: bytes) -> bytes:
        """AUTH: begin an exchange, at most one successful in a session."""
        if self.account is not None:
            return self.bad_sequence("already authenticated")
        words = argument.split(b" ")
        if not words[0] or len(words) > 2:
            return self.bad_argument("AUTH mechanism [initial-response]")
        mechanism = self.sasl_mechanisms.get(words[0].upper().decode("ascii", "replace"))
        if mechanism is None:
            return self.reply(504, "mechanism not supported", enhanced="5.5.4")
        if not self.is_on_offer(mechanism):
            return self.mechanism_unavailable(mechanism)
        self._exchange = mechanism(self)
        return self.after_step(self._exchange.start(words[1] if len(words) == 2 else None))

    def mechanism_unavailable(self, mechanism: type[Exchange]) -> bytes:
        """The answer to a mechanism that there is, and that cannot be used as things are (RFC 4954 §4, §6)."""
        if not self.tls and not mechanism.needs.isdisjoint(_GIVEN_BY_TLS):
            return self.reply(538, "encryption required for this mechanism", enhanced="5.7.11")
        return self.reply(504, "mechanism not available", enhanced="5.5.4")

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
        self.end_exchange()
        if isinstance(step, Success):
            self.account = step.account
            return self.reply(235, "authenticated", enhanced="2.7.0")
        self.note_failure(step.kind)
        return self.too_many_failures() if self.has_guessed_enough() else self.auth_failed(step)

    def too_many_failures(self) -> bytes:
        """The session ends: somebody is guessing (RFC 4954 §9)."""
        self.state = State.CLOSED
        return self.reply(421, f"{self.settings.hostname} closing: too many failed log-ins", enhanced="4.7.0")

    def challenge(self, encoded: bytes) -> bytes:
        """The 334; the space stays even when nothing follows it (RFC 4954 §4)."""
        return self.reply(334, encoded.decode("ascii"))

    def auth_failed(self, failure: Failure) -> bytes:
        """The refusal for each kind of failure."""
        code, text, enhanced = _FAILURES[failure.kind]
        return self.reply(code, text, enhanced=enhanced)

    def auth_line_too_long(self) -> bytes:
        """A response beyond the buffer ends the exchange (RFC 4954 §4)."""
        self.end_exchange()
        return self.reply(500, "line too long", enhanced="5.5.6")

    def auth_line_limit(self) -> int:
        """Longest response in octets, CRLF included."""
        return sasl.MAX_LINE_OCTETS

    def end_exchange(self) -> None:
        """The exchange is over, however it went."""
        self._exchange = None
        self.advance(Event.END_OF_AUTH)
