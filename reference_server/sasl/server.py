"""What every core has of SASL: which mechanisms are offered when, and what proves who (RFC 4422, RFC 8314 §3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from reference_server.accounts import ScramKeys
from reference_server.core import Settings, Surroundings
from reference_server.sasl import MECHANISMS, Exchange, Kind, Need, decode_base64
from reference_server.stores import Account, Store

BINDINGS = ("tls-server-end-point", "tls-exporter", "tls-unique")
"""Channel bindings of TLS (RFC 5929, RFC 9266); the first is the one that is always there if any is."""

FEWEST_FAILURES = 3
"""How many failed log-ins a session may have however many others from its address had (RFC 4954 §9)."""


class SaslServer:
    """Mixin of the three cores; implements `exchange.Authority`."""

    store: Store
    settings: Settings
    surroundings: Surroundings
    tls: bool
    failed_log_ins: int = 0
    address_guessed_enough: bool = False
    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = MECHANISMS

    # What is on offer.

    def plaintext_allowed(self) -> bool:
        """Whether a password or a token may be sent as things are (RFC 8314 §3, RFC 6750 §5.3)."""
        return self.tls or self.settings.allow_cleartext

    def offered_mechanisms(self) -> list[str]:
        """Names of the mechanisms that may be used right now."""
        return [name for name, mechanism in self.sasl_mechanisms.items() if self.is_on_offer(mechanism)]

    def is_on_offer(self, mechanism: type[Exchange]) -> bool:
        """Whether it may be used right now: all that it needs is there."""
        return all(map(self.meets, mechanism.needs))

    def meets(self, need: Need) -> bool:
        """Whether there is, right now, what a mechanism needs."""
        return {
            Need.PRIVACY: self.plaintext_allowed,
            Need.SHARED_SECRETS: self.keeps_secrets,
            Need.CHANNEL_BINDING: self.has_channel,
            Need.CERTIFICATE: self.has_certificate,
        }[need]()

    def keeps_secrets(self) -> bool:
        """Whether passwords are there to be compared with a digest (RFC 2195 §2)."""
        return self.store.users.shared_secrets

    def has_channel(self) -> bool:
        """Whether there is TLS, and something of it to bind to (RFC 5929)."""
        return self.channel_binding(BINDINGS[0]) is not None

    def has_certificate(self) -> bool:
        """Whether the client has shown a certificate that was verified."""
        return self.tls and bool(self.surroundings.certificate_names())

    def note_failure(self, kind: Kind) -> None:
        """Count what may be guessing; a message that cannot be read guesses nothing."""
        if kind in (Kind.WRONG_CREDENTIALS, Kind.NOT_AUTHORIZED):
            self.failed_log_ins += 1
            self.address_guessed_enough = self.surroundings.log_in_failed()

    def has_guessed_enough(self) -> bool:
        """Whether the session has to end: for its own failures, or sooner for all those from its address.

        A session in which less than three failed does not suffer for others (RFC 4954 §9).
        """
        return self.failed_log_ins > self.settings.max_failed_log_ins or (
            self.address_guessed_enough and self.failed_log_ins >= FEWEST_FAILURES
        )

    # What proves who.

    def verify(self, name: str, password: str) -> Account | None:
        """Whose name and password these are."""
        return self.store.log_in(name, password)

    def verify_keyed_digest(self, name: str, challenge: bytes, digest: str) -> Account | None:
        """Whose name and CRAM-MD5 digest these are (RFC 2195 §2)."""
        return self._account(self.store.users.verify_keyed_digest(name, challenge, digest))

    def verify_token(self, token: str, name: str) -> Account | None:
        """Whose bearer token it is (RFC 7628 §3.2)."""
        return self._account(self.store.users.verify_token(token, name))

    def verify_certificate(self, name: str) -> Account | None:
        """Whose the client's certificate is (RFC 4422 appendix A)."""
        return self._account(self.store.users.verify_certificate(self.surroundings.certificate_names(), name))

    def scram_keys(self, name: str, scheme: str) -> ScramKeys:
        """Keys that a client has to prove (RFC 5802 §3)."""
        return self.store.users.scram_keys(name, scheme)

    def proved(self, name: str) -> Account | None:
        """Whose keys these were."""
        return self._account(self.store.users.address_of(name))

    def channel_binding(self, kind: str) -> bytes | None:
        """What binds to this very TLS connection (RFC 5929)."""
        return self.surroundings.channel_binding(kind) if self.tls else None

    def binds_channels(self) -> bool:
        """Whether a -PLUS mechanism is on offer, so that a client cannot believe otherwise (RFC 5802 §6)."""
        return any(name.endswith("-PLUS") for name in self.offered_mechanisms())

    def nonce(self) -> str:
        """Letters and digits for SCRAM; random (RFC 5802 §5.1)."""
        return self.settings.nonce()

    def message_id(self) -> str:
        """A CRAM-MD5 challenge (RFC 2195 §2)."""
        return f"<{self.settings.nonce()}@{self.settings.hostname}>"

    def decode_base64(self, line: bytes) -> bytes:
        """Base64, strictly. Raises ValueError (RFC 4954 §4, RFC 5034 §4: nothing outside the alphabet)."""
        return decode_base64(line)

    def _account(self, address: str | None) -> Account | None:
        return self.store.account(address) if address else None
