"""SCRAM-SHA-1 (RFC 5802) and SCRAM-SHA-256 (RFC 7677), with channel binding (-PLUS) and without.

Neither the password nor anything that would do in its place crosses the wire or has to be kept. A failure ends the
exchange without the optional `e=` message (RFC 5802 §5.1): the protocols have their own words for it.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from typing import ClassVar

from reference_server.accounts import ScramKeys
from reference_server.accounts.scram_keys import DIGESTS
from reference_server.sasl.exchange import (
    Authority,
    Challenge,
    Exchange,
    Failure,
    Kind,
    Need,
    Step,
    Success,
    decode_base64,
    same_identity,
)
from reference_server.sasl.saslname import decode_saslname

# client-first-message = gs2-header client-first-message-bare                             (RFC 5802 §7)
# gs2-header           = gs2-cbind-flag "," [authzid] ","
# gs2-cbind-flag       = ("p=" cb-name) / "n" / "y";  cb-name = 1*(ALPHA / DIGIT / "." / "-")
# client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
# A reserved-mext (m=) has to be refused, so that it has no place here.
_FIRST = re.compile(
    rb"(?P<gs2>(?P<flag>p=(?P<kind>[A-Za-z0-9.-]+)|[ny]),(?:a=(?P<authzid>[^,\x00]+))?,)"
    rb"(?P<bare>n=(?P<name>[^,\x00]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,\x00]+)*)"
)

# client-final-message = channel-binding "," nonce ["," extensions] "," proof
_FINAL = re.compile(
    rb"(?P<unproved>c=(?P<binding>[A-Za-z0-9+/]+=*),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,\x00]+)*)"
    rb",p=(?P<proof>[A-Za-z0-9+/]+=*)"
)


class Scram(Exchange):
    """The dialogue of RFC 5802 §3; a subclass names its hash function."""

    scheme: ClassVar[str]
    plus: ClassVar[bool] = False

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._name = self._authzid = ""
        self._nonce = self._first = self._binding = b""
        self._keys: ScramKeys | None = None
        self._proved: Success | None = None

    def respond(self, octets: bytes) -> Step:
        """First message, final message, and the empty one that answers the server's signature."""
        if self._proved is not None:
            # The outcome carries no data in these protocols, so that the signature went out as a challenge.
            return Failure(Kind.MALFORMED) if octets else self._proved
        return self.on_first(octets) if self._keys is None else self.on_final(octets, self._keys)

    def on_first(self, octets: bytes) -> Step:
        """`client-first-message`: answered by nonce, salt and iteration count, whether the name is known or not."""
        found = _FIRST.fullmatch(octets)
        if found is None:
            return Failure(Kind.MALFORMED)
        name = decode_saslname(found["name"])
        authzid = decode_saslname(found["authzid"]) if found["authzid"] else ""
        if name is None or authzid is None:
            return Failure(Kind.MALFORMED)
        data = self.binding_data(found["flag"], found["kind"])
        if data is None:
            return Failure(Kind.MALFORMED)
        self._name, self._authzid, self._binding = name, authzid, found["gs2"] + data
        self._keys = keys = self.authority.scram_keys(name, self.scheme)
        self._nonce = self.server_nonce(found["nonce"])
        salt = binascii.b2a_base64(keys.salt, newline=False)
        challenge = b"r=%b,s=%b,i=%d" % (self._nonce, salt, keys.iterations)
        self._first = found["bare"] + b"," + challenge
        return Challenge(challenge)

    def server_nonce(self, of_client: bytes) -> bytes:
        """The client's nonce with ours behind it (RFC 5802 §5.1)."""
        return of_client + self.authority.nonce().encode("ascii")

    def binding_data(self, flag: bytes, kind: bytes | None) -> bytes | None:
        """Channel binding data to expect after the GS2 header; None if the flag is not acceptable (RFC 5802 §6)."""
        if self.plus:
            return None if kind is None else self.authority.channel_binding(kind.decode("ascii"))
        # "y": the client could bind and believes that we cannot. If we can, somebody has tampered with the list.
        if kind is not None or (flag == b"y" and self.authority.binds_channels()):
            return None
        return b""

    def on_final(self, octets: bytes, keys: ScramKeys) -> Step:
        """`client-final-message`: the proof, answered by our signature."""
        found = _FINAL.fullmatch(octets)
        if found is None or not hmac.compare_digest(found["nonce"], self._nonce):
            return Failure(Kind.MALFORMED)
        try:
            binding, proof = decode_base64(found["binding"]), decode_base64(found["proof"])
        except ValueError:
            return Failure(Kind.MALFORMED)
        message = self._first + b"," + found["unproved"]
        account = None
        # Both comparisons are made before either tells: what was wrong stays ours.
        if self.is_right(proof, message, keys) & hmac.compare_digest(binding, self._binding):
            account = self.authority.proved(self._name)
        if account is None:
            return Failure(Kind.WRONG_CREDENTIALS)
        if self._authzid and not same_identity(self._authzid, self._name, account):
            return Failure(Kind.NOT_AUTHORIZED)
        self._proved = Success(account)
        signature = hmac.digest(keys.server_key, message, DIGESTS[self.scheme])
        return Challenge(b"v=" + binascii.b2a_base64(signature, newline=False))

    def is_right(self, proof: bytes, message: bytes, keys: ScramKeys) -> bool:
        """ClientKey is what the proof hides; its hash has to be StoredKey (RFC 5802 §3)."""
        digest = DIGESTS[self.scheme]
        signature = hmac.digest(keys.stored_key, message, digest)
        if len(proof) != len(signature):
            return False
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        return hmac.compare_digest(hashlib.new(digest, client_key).digest(), keys.stored_key)


class ScramSha1(Scram):
    """SCRAM-SHA-1 (RFC 5802)."""

    scheme = "SCRAM-SHA-1"


class ScramSha256(Scram):
    """SCRAM-SHA-256 (RFC 7677)."""

    scheme = "SCRAM-SHA-256"


class ScramSha1Plus(ScramSha1):
    """SCRAM-SHA-1-PLUS: the client proves that it is at the other end of this very TLS connection."""

    needs = frozenset({Need.CHANNEL_BINDING})
    plus = True


class ScramSha256Plus(ScramSha256):
    """SCRAM-SHA-256-PLUS, likewise."""

    needs = frozenset({Need.CHANNEL_BINDING})
    plus = True
