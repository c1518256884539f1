"""What is kept of a password: salted keys that SCRAM and PLAIN can be checked against (RFC 5802 §3, RFC 5803)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field

ITERATIONS = 4096
"""The fewest that RFC 5802 §5.1 and RFC 7677 §4 allow: test accounts, and a client pays for every log-in as well."""

MAX_ITERATIONS = 1_000_000
"""More would let a line of the users file hold up a log-in for seconds."""

SALT_OCTETS = 16

DIGESTS = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
"""Scheme to the hash function it stands on, the stronger first."""

# authInfo = iter-count ":" salt;  authValue = stored-key ":" server-key       (RFC 5803 §3)
_TEXT = re.compile(
    r"(?P<scheme>SCRAM-SHA-(?:1|256))\$(?P<iterations>[1-9][0-9]{0,6}):(?P<salt>[A-Za-z0-9+/]+=*)"
    r"\$(?P<stored>[A-Za-z0-9+/]+=*):(?P<server>[A-Za-z0-9+/]+=*)"
)


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """StoredKey and ServerKey of one password under one hash function, with their salt and iteration count.

    Whoever has them can play the server, and can try passwords; the password itself is not in them.
    """

    scheme: str
    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    def matches(self, password: bytes) -> bool:
        """Whether this is the password; it costs one derivation, and nothing in it depends on how wrong it is."""
        derived = derive(self.scheme, password, salt=self.salt, iterations=self.iterations)
        return hmac.compare_digest(derived.stored_key, self.stored_key)

    def text(self) -> str:
        """The form of RFC 5803 §3, as the users file has it."""
        salt, stored, server = (
            binascii.b2a_base64(octets, newline=False).decode("ascii")
            for octets in (self.salt, self.stored_key, self.server_key)
        )
        return f"{self.scheme}${self.iterations}:{salt}${stored}:{server}"


def derive(scheme: str, password: bytes, *, salt: bytes, iterations: int = ITERATIONS) -> ScramKeys:
    """The keys of a prepared password, in the names of RFC 5802 §3.

    Raises:
        KeyError: there is no such scheme.
    """
    digest = DIGESTS[scheme]
    salted_password = hashlib.pbkdf2_hmac(digest, password, salt, iterations)
    client_key = hmac.digest(salted_password, b"Client Key", digest)
    return ScramKeys(
        scheme,
        salt,
        iterations,
        stored_key=hashlib.new(digest, client_key).digest(),
        server_key=hmac.digest(salted_password, b"Server Key", digest),
    )


def parse(text: str) -> ScramKeys:
    """Read what `ScramKeys.text` writes.

    Raises:
        ValueError: it is something else; the text is not repeated, since it may be a password in the wrong place.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError("not of the form SCRAM-SHA-256$ITERATIONS:SALT$STORED-KEY:SERVER-KEY (RFC 5803)")
    try:
        salt, stored, server = (binascii.a2b_base64(found[part]) for part in ("salt", "stored", "server"))
    except binascii.Error:
        raise ValueError("salt or keys are not base64 (RFC 5803)") from None
    scheme, iterations = found["scheme"], int(found["iterations"])
    octets = hashlib.new(DIGESTS[scheme]).digest_size
    if {len(stored), len(server)} != {octets}:
        raise ValueError(f"a key of {scheme} has {octets} octets")
    if not ITERATIONS <= iterations <= MAX_ITERATIONS:
        raise ValueError(f"{iterations} iterations; {ITERATIONS} to {MAX_ITERATIONS} are taken (RFC 5802 §5.1)")
    return ScramKeys(scheme, salt, iterations, stored, server)
