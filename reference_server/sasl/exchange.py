"""One authentication exchange, whatever the mechanism (RFC 4422 §3), with base64 as strict as RFC 4648 §3 allows.

An exchange is fed the lines that the client sent, without their CRLF, and knows nothing of how a protocol words its
replies: each core maps `Challenge`, `Success` and `Failure` to its own (RFC 4954 §4, RFC 5034 §4, RFC 3501 §6.2.2).
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Protocol

from reference_server.accounts import ScramKeys
from reference_server.stores import Account

MAX_LINE_OCTETS = 12_288
"""Longest line of an exchange, CRLF included, that a server has to accept (RFC 4954 §4.3 names this figure)."""

CANCEL = b"*"
"""What a client sends instead of a response to end the exchange (RFC 4954 §4, RFC 5034 §4, RFC 3501 §6.2.2)."""

EMPTY_INITIAL_RESPONSE = b"="
"""How an initial response of no octets is written on the command line; anywhere else it is bad base64."""


class Kind(Enum):
    """Why an exchange failed."""

    CANCELLED = "the client cancelled"
    NOT_BASE64 = "the response is not base64"
    MALFORMED = "the response breaks the mechanism's grammar"
    PREMATURE = "a response came before the challenge that it would have to answer"
    WRONG_CREDENTIALS = "unknown name or wrong proof"
    NOT_AUTHORIZED = "may not act for that identity"
    REFUSED = "wrong proof, as was said and counted before the client's last word"


class Need(Enum):
    """What has to be there before a mechanism is offered."""

    PRIVACY = "nobody can listen, or the operator does not mind (RFC 8314 §3)"
    SHARED_SECRETS = "passwords are kept in the clear"
    CHANNEL_BINDING = "TLS, and something of it that both ends know (RFC 5056)"
    CERTIFICATE = "the client has shown a certificate, and it was verified"


class Authority(Protocol):
    """What an exchange asks the core: the core has the last word on who may log in and on what base64 is.

    Each `verify...` returns the account, or None without telling what was wrong.
    """

    def verify(self, name: str, password: str) -> Account | None:
        """Whose name and password these are."""

    def verify_keyed_digest(self, name: str, challenge: bytes, digest: str) -> Account | None:
        """Whose name it is, if the digest is the right one (RFC 2195 §2)."""

    def verify_token(self, token: str, name: str) -> Account | None:
        """Whose bearer token it is, and of that name unless it is empty (RFC 7628 §3.1)."""

    def verify_certificate(self, name: str) -> Account | None:
        """Whose the client's certificate is, and of that name unless it is empty (RFC 4422 appendix A)."""

    def scram_keys(self, name: str, scheme: str) -> ScramKeys:
        """Keys to be proved; also where there is no such name (RFC 5802 §5)."""

    def proved(self, name: str) -> Account | None:
        """The account of that name, whose keys have just been proved."""

    def channel_binding(self, kind: str) -> bytes | None:
        """Channel binding data of that kind (RFC 5056 §7); None where there is none."""

    def binds_channels(self) -> bool:
        """Whether a mechanism with channel binding is on offer right now (RFC 5802 §6)."""

    def note_failure(self, kind: Kind) -> None:
        """A proof was wrong, though the exchange goes on to say why; every other failure is noted at its end."""

    def nonce(self) -> str:
        """Letters and digits that nobody can foresee and that never come back."""

    def message_id(self) -> str:
        """The same in the form of a message id (RFC 2195 §2)."""

    def decode_base64(self, line: bytes) -> bytes:
        """Base64 to octets; raises ValueError."""


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
    """One authentication exchange; a subclass is a mechanism, and `needs` is when that may be offered."""

    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, authority: Authority) -> None:
        self.authority = authority

    def start(self, initial: bytes | None) -> Step:
        """Begin. `initial` is the initial response as it stood on the command line, None if there was none."""
        if initial is None:
            return self.first_challenge()
        return self.take_initial(b"" if initial == EMPTY_INITIAL_RESPONSE else initial)

    def take_initial(self, line: bytes) -> Step:
        """Take the initial response; a mechanism in which the server speaks first has none (RFC 4422 §5)."""
        return self._decoded(line)

    def step(self, line: bytes) -> Step:
        """Go on with the client's next line, CRLF removed."""
        if line == CANCEL:
            return Failure(Kind.CANCELLED)
        return self._decoded(line)

    def _decoded(self, line: bytes) -> Step:
        try:
            octets = self.authority.decode_base64(line)
        except ValueError:
            return Failure(Kind.NOT_BASE64)
        return self.respond(octets)

    def first_challenge(self) -> Challenge:
        """What to send when there was no initial response: empty where the client speaks first (RFC 4422 §5)."""
        return Challenge(b"")

    def respond(self, octets: bytes) -> Step:
        """Take the client's response, base64 removed."""
        raise NotImplementedError

    def log_in(self, name: str, password: str) -> Step:
        """The end of a mechanism that has the password: try it."""
        return self.concluded(self.authority.verify(name, password))

    def concluded(self, account: Account | None) -> Step:
        """The end of every mechanism: somebody was found, or nobody."""
        return Success(account) if account else Failure(Kind.WRONG_CREDENTIALS)


def same_identity(authzid: str, authcid: str, account: Account) -> bool:
    """Whether a client asks to act for itself; nobody acts for others here (RFC 4422 §3.4.1)."""
    return authzid.casefold() in {authcid.casefold(), account.name.casefold()}
