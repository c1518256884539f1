"""Servers that offer CRAM-MD5 or SCRAM and do something else (RFC 2195, RFC 5802)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from reference_server import sasl
from reference_server.accounts import ScramKeys
from reference_server.registry import fault
from reference_server.sasl import Exchange
from reference_server.smtp.core import SmtpCore
from reference_server.stores import Account


@fault("digests-another-challenge", breaks="rfc4954/4/7")
class DigestsAnotherChallenge(SmtpCore):
    """Looks for the CRAM-MD5 digest of the challenge without its angle brackets."""

    def verify_keyed_digest(self, name: str, challenge: bytes, digest: str) -> Account | None:
        """Not what was sent."""
        return super().verify_keyed_digest(name, challenge.strip(b"<>"), digest)


@fault("takes-any-digest", breaks="rfc4954/6/11")
class TakesAnyDigest(SmtpCore):
    """Logs in by CRAM-MD5 whoever names a user."""

    def verify_keyed_digest(self, name: str, challenge: bytes, digest: str) -> Account | None:
        """The digest is not looked at."""
        return self.store.account(name)


@fault("signs-with-another-key", breaks="rfc4954/4/7")
class SignsWithAnotherKey(SmtpCore):
    """Ends SCRAM with a signature that anybody could have made."""

    def scram_keys(self, name: str, scheme: str) -> ScramKeys:
        """A key of zeros."""
        keys = super().scram_keys(name, scheme)
        return dataclasses.replace(keys, server_key=bytes(len(keys.server_key)))


@fault("forgets-its-scram-keys", breaks="rfc4954/4/7")
class ForgetsItsScramKeys(SmtpCore):
    """Offers SCRAM and has no right key for anybody."""

    def scram_keys(self, name: str, scheme: str) -> ScramKeys:
        """Of an earlier password."""
        keys = super().scram_keys(name, scheme)
        return dataclasses.replace(keys, stored_key=bytes(len(keys.stored_key)))


class CredulousScram(sasl.ScramSha256):
    """SCRAM-SHA-256 without its one comparison."""

    def is_right(self, proof: bytes, message: bytes, keys: ScramKeys) -> bool:
        """Who would lie?"""
        return True


@fault("takes-any-scram-proof", breaks="rfc4954/6/11")
class TakesAnyScramProof(SmtpCore):
    """Logs in by SCRAM-SHA-256 whoever names a user."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = MappingProxyType(
        {**sasl.MECHANISMS, "SCRAM-SHA-256": CredulousScram}
    )


@fault("lists-cram-md5-and-wants-tls-for-it", breaks="rfc4954/6/17")
class ListsCramMd5AndWantsTlsForIt(SmtpCore):
    """Answers CRAM-MD5 538 before TLS and lists it there."""

    def on_auth(self, argument: bytes) -> bytes:
        """Not yet."""
        if not self.tls and argument[:8].upper() == b"CRAM-MD5":
            return self.reply(538, "encryption required for this mechanism", enhanced="5.7.11")
        return super().on_auth(argument)
