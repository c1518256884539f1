"""Certificates as a client that verifies would see them: whom they name, until when, and who vouches for them.

RFC 5280 has their form, RFC 6125 and RFC 7817 how a mail client compares names.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from reports.records import TlsRecord


@cache
def verifying_tls() -> ssl.SSLContext:
    """A TLS context that wants a chain to an authority the system trusts; names are compared elsewhere."""
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


def tls_record(
    host: str, *, version: str, cipher: str, certificate: bytes, distrust: str, now: datetime | None = None
) -> TlsRecord:
    """What the handshake with `host` showed; `certificate` is in DER.

    `distrust` is why no chain leads to an authority of the system, empty if one does.
    """
    try:
        read = x509.load_der_x509_certificate(certificate)
        names = _names(read)
        issuer = read.issuer.rfc4514_string()
        begins, ends = read.not_valid_before_utc, read.not_valid_after_utc
    except ValueError as error:
        # What no library can read, no client trusts; the server is judged all the same.
        return TlsRecord(version=version, cipher=cipher, objections=(f"the certificate cannot be read: {error}",))
    return TlsRecord(
        version=version,
        cipher=cipher,
        names=names,
        issuer=issuer,
        not_before=f"{begins:%Y-%m-%d}",
        not_after=f"{ends:%Y-%m-%d}",
        objections=tuple(_objections(host, names, begins, ends, distrust, now or datetime.now(UTC))),
    )


def _objections(
    host: str, names: Sequence[str], begins: datetime, ends: datetime, distrust: str, now: datetime
) -> Iterator[str]:
    if not any(names_host(name, host) for name in names):
        yield f"it does not name {host}"
    if now < begins:
        yield f"it is not valid before {begins:%Y-%m-%d}"
    if now > ends:
        yield f"it expired on {ends:%Y-%m-%d}"
    if distrust:
        yield f"no authority that this system trusts vouches for it: {distrust}"


def names_host(name: str, host: str) -> bool:
    """Whether a name of a certificate means the host; `*` stands for the whole leftmost label (RFC 6125 §6.4.3)."""
    name, host = name.lower().rstrip("."), host.lower().rstrip(".")
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(host)
    except ValueError:
        pass
    if name.startswith("*."):
        return host.partition(".")[2] == name[2:] and bool(host.partition(".")[0])
    return name == host


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternatives = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        alternatives = x509.SubjectAlternativeName([])
    assert isinstance(alternatives, x509.SubjectAlternativeName)
    names = [
        *alternatives.get_values_for_type(x509.DNSName),
        *map(str, alternatives.get_values_for_type(x509.IPAddress)),
    ]
    if names:
        return tuple(names)
    # RFC 6125 §6.4.4: the common name counts only where there is no other identity.
    return tuple(str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
