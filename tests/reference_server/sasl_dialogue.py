"""A core with nothing but SASL in it, and the client's half of SCRAM, for the tests of the mechanisms."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping

from reference_server.accounts import DEFAULT_USERS, Directory
from reference_server.core import Settings, Surroundings
from reference_server.sasl import Challenge, Step, Success
from reference_server.sasl.server import SaslServer
from reference_server.stores.memory import MemoryStore

END_POINT = b"certificate's digest"


class Server(SaslServer):
    """What an exchange asks of a core."""

    def __init__(
        self,
        users: Mapping[str, str] | Directory = DEFAULT_USERS,
        *,
        tls: bool = True,
        bindings: Mapping[str, bytes] | None = None,
        names: tuple[str, ...] = (),
        nonce: str = "ours",
        allow_cleartext: bool = False,
    ) -> None:
        known: Mapping[str, bytes] = {} if bindings is None else bindings
        self.store = MemoryStore(users)
        self.settings = Settings(nonce=lambda: nonce, allow_cleartext=allow_cleartext)
        self.surroundings = Surroundings(tls=tls, channel_binding=known.get, certificate_names=lambda: names)
        self.tls = tls


def token(octets: bytes) -> bytes:
    """A response as it goes on the wire."""
    return base64.b64encode(octets)


def who(step: Step) -> str:
    """Who is logged in after this step."""
    assert isinstance(step, Success)
    return step.account.name


class ScramClient:
    """The client of RFC 5802 §3, written from the RFC and apart from the server's half."""

    def __init__(
        self, name: str, password: str, *, digest: str = "sha256", header: str = "n,,", binding: bytes = b""
    ) -> None:
        self._password, self._digest = password.encode(), digest
        self._header, self._binding = header.encode(), binding
        self._bare = f"n={name},r=theirs".encode()
        self.signature = b""

    def first(self) -> bytes:
        """The client's first message."""
        return self._header + self._bare

    def final(self, challenge: Step, change: Callable[[bytes], bytes] = bytes) -> bytes:
        """The client's final message; `change` may spoil the proof."""
        assert isinstance(challenge, Challenge)
        nonce, salt, count = (part[2:] for part in challenge.octets.split(b","))
        salted = hashlib.pbkdf2_hmac(self._digest, self._password, base64.b64decode(salt), int(count))
        key = hmac.digest(salted, b"Client Key", self._digest)
        unproved = b"c=" + base64.b64encode(self._header + self._binding) + b",r=" + nonce
        message = self._bare + b"," + challenge.octets + b"," + unproved
        stored = hashlib.new(self._digest, key).digest()
        signature = hmac.digest(stored, message, self._digest)
        self.signature = hmac.digest(hmac.digest(salted, b"Server Key", self._digest), message, self._digest)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return unproved + b",p=" + base64.b64encode(change(proof))
