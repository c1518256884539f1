"""STARTTLS, AUTHENTICATE and LOGIN (RFC 3501 §6.2; SASL-IR, RFC 4959; response codes of RFC 5530)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reference_server import sasl
from reference_server.imap.capability import AnyState
from reference_server.imap.grammar import Cursor
from reference_server.imap.literals import Line
from reference_server.imap.session import RefusedError, State
from reference_server.sasl import Need
from reference_server.stores import Account

# authenticate  = "AUTHENTICATE" SP auth-type [SP (base64 / "=")] *(CRLF base64)      (RFC 4959 §7)
# Anything but a space is let through here, so that bad base64 is judged in one place.
INITIAL_RESPONSE = re.compile(rb"[^\x00-\x20\x7f-\xff]+")

FAILURES = {
    sasl.Kind.CANCELLED: (b"BAD", b"cancelled by the client"),
    sasl.Kind.NOT_BASE64: (b"BAD", b"not base64"),
    sasl.Kind.MALFORMED: (b"NO", b"[AUTHENTICATIONFAILED] malformed response"),
    sasl.Kind.PREMATURE: (b"NO", b"[AUTHENTICATIONFAILED] the challenge comes first"),
    sasl.Kind.WRONG_CREDENTIALS: (b"NO", b"[AUTHENTICATIONFAILED] wrong name or password"),
    sasl.Kind.REFUSED: (b"NO", b"[AUTHENTICATIONFAILED] wrong token"),
    sasl.Kind.NOT_AUTHORIZED: (b"NO", b"[AUTHORIZATIONFAILED] may not act for that identity"),
}
"""How each end of an exchange is answered (RFC 3501 §6.2.2: BAD when the client cancels)."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Arguments of LOGIN."""

    name: bytes
    password: bytes


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Arguments of AUTHENTICATE: the mechanism in capitals."""

    mechanism: str
    initial: bytes | None


def parse_login(cursor: Cursor) -> Credentials:
    """`login = "LOGIN" SP userid SP password`, both astrings."""
    cursor.space()
    name = cursor.astring()
    cursor.space()
    return Credentials(name, cursor.astring())


def parse_authenticate(cursor: Cursor) -> Authenticate:
    """`authenticate`, with the initial response of RFC 4959."""
    cursor.space()
    mechanism = cursor.atom().decode("ascii")
    initial = cursor.need(INITIAL_RESPONSE, "an initial response")[0] if cursor.skip(b" ") else None
    return Authenticate(mechanism, initial)


class Authentication(AnyState):
    """Mixin: how a session comes to be somebody's."""

    exchange: sasl.Exchange | None = None

    def on_starttls(self, _: None) -> None:
        """Answer STARTTLS; from the OK on nothing is taken in the clear (RFC 3501 §6.2.1)."""
        if not self.may_start_tls():
            self.complete(b"BAD", b"TLS is not on offer" if not self.tls else b"TLS is active already")
            return
        self.complete(b"OK", b"begin TLS now")
        self.start_tls()

    def on_login(self, credentials: Credentials) -> bytes:
        """Answer LOGIN."""
        self.require_privacy()
        try:
            account = self.verify(credentials.name.decode("utf-8"), credentials.password.decode("utf-8"))
        except UnicodeDecodeError:
            account = None
        if account is None:
            self.note_failure(sasl.Kind.WRONG_CREDENTIALS)
            raise RefusedError("wrong name or password", code=b"AUTHENTICATIONFAILED")
        return self.logged_in(account)

    def require_privacy(self) -> None:
        """Refuse passwords while LOGINDISABLED is announced (RFC 3501 §6.2.3)."""
        if not self.may_log_in():
            raise RefusedError("use TLS first", code=b"PRIVACYREQUIRED")

    def logged_in(self, account: Account) -> bytes:
        """Enter the authenticated state; the text tells what can be done now (RFC 3501 §6.2.2, §7.2.1)."""
        self.account = account
        self.state = State.AUTHENTICATED
        return b"[CAPABILITY %b] logged in" % b" ".join(self.capabilities())

    def on_authenticate(self, asked: Authenticate) -> None:
        """Begin AUTHENTICATE; it goes on in `on_response`."""
        mechanism = self.sasl_mechanisms.get(asked.mechanism)
        if mechanism is None:
            raise RefusedError("no such mechanism", code=b"CANNOT")
        if Need.PRIVACY in mechanism.needs:
            self.require_privacy()
        if not all(map(self.meets, mechanism.needs - {Need.PRIVACY})):
            raise RefusedError("this mechanism is not available now", code=b"CANNOT")
        self.exchange = mechanism(self)
        self.on_step(self.exchange.start(asked.initial))

    def on_response(self, line: Line) -> None:
        """The client's next line in the exchange."""
        assert self.exchange is not None, "a response is only awaited within an exchange"
        self.on_next_line = None
        self.on_step(sasl.Failure(sasl.Kind.NOT_BASE64) if line.overlong else self.exchange.step(line.octets))

    def on_step(self, step: sasl.Step) -> None:
        """Put what the mechanism has to say in IMAP's words."""
        if isinstance(step, sasl.Challenge):
            self.on_next_line = self.on_response
            self.continuation(step.encoded)
            return
        self.exchange = None
        if isinstance(step, sasl.Success):
            self.complete(b"OK", self.logged_in(step.account))
        else:
            self.note_failure(step.kind)
            self.complete(*FAILURES[step.kind])
