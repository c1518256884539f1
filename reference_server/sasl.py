"""Server side of SASL PLAIN (RFC 4616) and LOGIN, with base64 as strict as RFC 4648 §3 allows; the same for all cores.

An exchange is fed the lines that the client sent, without their CRLF, and knows nothing of how a protocol words its
replies: each core maps `Challenge`, `Success` and `Failure` to its own (RFC 4954 §4, RFC 5034 §4, RFC 3501 §6.2.2).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from reference_server.stores import Account

MAX_LINE_OCTETS = 12_288
"""Longest line of an exchange, CRLF included, that a server has to accept (RFC 4954 §4.3 names this figure)."""

CANCEL = b"*"
"""What a client sends instead of a response to end the exchange (RFC 4954 §4, RFC 5034 §4, RFC 3501 §6.2.2)."""

EMPTY_INITIAL_RESPONSE = b"="
"""How an initial response of no octets is written on the command line; anywhere else it is bad base64."""

Verify = Callable[[str, str], Account | None]
"""Name and password to account, or None: `Store.log_in` or a core's own method."""

Decode = Callable[[bytes], bytes]
"""Base64 to octets; raises ValueError."""


class Kind(Enum):
    """Why an exchange failed."""

    CANCELLED = "the client cancelled"
    NOT_BASE64 = "the response is not base64"
    MALFORMED = "the response breaks the mechanism's grammar"
    WRONG_CREDENTIALS = "unknown name or wrong password"
    NOT_AUTHORIZED = "may not act for that identity"


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send these octets, in base64, and feed the next line to `step`."""

    octets: bytes

    @property
    def encoded(self) -> bytes:
        """The challenge as it goes on the wire, without prefix and CRLF."""
        return binascii.b2a_base64(self.octets, newline=False)


@dataclass(frozen=True, slots=True)
class Success:
    """The client is this account now."""

    account: Account


@dataclass(frozen=True, slots=True)
class Failure:
    """The exchange is over and nobody is logged in."""

    kind: Kind


Step = Challenge | Success | Failure

# base64 = *(4B64) [2B64 "==" / 3B64 "="]         (RFC 4648 §4; no white space, §3.3; padding required, §3.2)
BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def decode_base64(line: bytes) -> bytes:
    """The octets that a line of base64 stands for.

    Stricter than RFC 4648 §3.5 has to be: bits left over in the last group must be zero, so that one value has one
    spelling.

    Raises:
        ValueError: an octet outside the alphabet, padding missing, surplus or in the middle, or stray bits.
    """
    if not BASE64.fullmatch(line):
        raise ValueError("not base64")
    octets = binascii.a2b_base64(line)
    if binascii.b2a_base64(octets, newline=False) != line:
        raise ValueError("bits left over in the last base64 group")
    return octets


class Exchange:
    """One authentication exchange; a subclass is a mechanism.

    `verify` and `decode` come from the core, so that it has the last word on who may log in and on what base64 is.
    """

    def __init__(self, verify: Verify, decode: Decode = decode_base64) -> None:
        self._verify = verify
        self._decode = decode

    def start(self, initial: bytes | None) -> Step:
        """Begin. `initial` is the initial response as it stood on the command line, None if there was none."""
        if initial is None:
            return self.first_challenge()
        return self._decoded(b"" if initial == EMPTY_INITIAL_RESPONSE else initial)

    def step(self, line: bytes) -> Step:
        """Go on with the client's next line, CRLF removed."""
        if line == CANCEL:
            return Failure(Kind.CANCELLED)
        return self._decoded(line)

    def _decoded(self, line: bytes) -> Step:
        try:
            octets = self._decode(line)
        except ValueError:
            return Failure(Kind.NOT_BASE64)
        return self.respond(octets)

    def first_challenge(self) -> Challenge:
        """What to send when there was no initial response."""
        raise NotImplementedError

    def respond(self, octets: bytes) -> Step:
        """Take the client's response, base64 removed."""
        raise NotImplementedError

    def log_in(self, name: str, password: str) -> Step:
        """The end of every mechanism here: try the credentials."""
        account = self._verify(name, password)
        return Success(account) if account else Failure(Kind.WRONG_CREDENTIALS)


class Plain(Exchange):
    """PLAIN (RFC 4616): one response, `[authzid] NUL authcid NUL passwd` in UTF-8."""

    def first_challenge(self) -> Challenge:
        """Empty: the client speaks first (RFC 4616 §2)."""
        return Challenge(b"")

    def respond(self, octets: bytes) -> Step:
        """Log in, unless the message breaks the grammar or asks to act for somebody else."""
        parts = octets.split(b"\0")
        # message = [authzid] UTF8NUL authcid UTF8NUL passwd; authcid and passwd have at least one character (§2).
        if len(parts) != 3 or not parts[1] or not parts[2]:
            return Failure(Kind.MALFORMED)
        try:
            authzid, authcid, password = (part.decode("utf-8") for part in parts)
        except UnicodeDecodeError:
            return Failure(Kind.MALFORMED)
        result = self.log_in(authcid, password)
        # Only after the password: who may act for whom is nobody's business without it.
        if isinstance(result, Success) and authzid and not _same_identity(authzid, authcid, result.account):
            return Failure(Kind.NOT_AUTHORIZED)
        return result


class Login(Exchange):
    """LOGIN: never standardised, widely used; two prompts, each answered in base64."""

    def __init__(self, verify: Verify, decode: Decode = decode_base64) -> None:
        super().__init__(verify, decode)
        self._name: bytes | None = None

    def first_challenge(self) -> Challenge:
        """Asks for the name."""
        return Challenge(b"Username:")

    def respond(self, octets: bytes) -> Step:
        """The first response (or the initial one) is the name, the second the password."""
        if not octets:
            return Failure(Kind.MALFORMED)
        if self._name is None:
            self._name = octets
            return Challenge(b"Password:")
        try:
            name, password = self._name.decode("utf-8"), octets.decode("utf-8")
        except UnicodeDecodeError:
            return Failure(Kind.MALFORMED)
        return self.log_in(name, password)


def _same_identity(authzid: str, authcid: str, account: Account) -> bool:
    return authzid.casefold() in {authcid.casefold(), account.name.casefold()}


MECHANISMS: Mapping[str, type[Exchange]] = MappingProxyType({"PLAIN": Plain, "LOGIN": Login})
"""Mechanism names in capitals, strongest first."""
