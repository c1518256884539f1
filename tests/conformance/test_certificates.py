"""`conformance.wire.certificates`: what a client that verifies would say (RFC 5280, RFC 6125)."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance.wire.certificates import names_host, tls_record
from reports.records import TlsRecord


def _der(leaf: trustme.LeafCert) -> bytes:
    return ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())


def _record(host: str, certificate: bytes, *, distrust: str = "", now: datetime | None = None) -> TlsRecord:
    return tls_record(
        host, version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", certificate=certificate, distrust=distrust, now=now
    )


@pytest.fixture(scope="module")
def leaf() -> bytes:
    return _der(trustme.CA().issue_cert("mail.example.test", "*.wild.example.test", "127.0.0.1"))


@pytest.mark.parametrize("host", ["mail.example.test", "MAIL.example.test", "a.wild.example.test", "127.0.0.1"])
def test_a_certificate_for_the_host_draws_no_objection(leaf: bytes, host: str) -> None:
    assert _record(host, leaf).objections == ()


@pytest.mark.parametrize("host", ["example.test", "wild.example.test", "a.b.wild.example.test", "127.0.0.2", "::1"])
def test_a_certificate_for_another_host_is_objected_to(leaf: bytes, host: str) -> None:
    assert _record(host, leaf).objections == (f"it does not name {host}",)


def test_a_certificate_outside_of_its_time_is_objected_to(leaf: bytes) -> None:
    record = _record("mail.example.test", leaf)
    early, late = datetime(1999, 1, 1, tzinfo=UTC), datetime(3999, 1, 1, tzinfo=UTC)
    assert _record("mail.example.test", leaf, now=early).objections == (f"it is not valid before {record.not_before}",)
    assert _record("mail.example.test", leaf, now=late).objections == (f"it expired on {record.not_after}",)


def test_a_chain_to_nobody_is_objected_to_in_the_words_of_the_library(leaf: bytes) -> None:
    (objection,) = _record("mail.example.test", leaf, distrust="self-signed certificate").objections
    assert objection.endswith("vouches for it: self-signed certificate")


def test_octets_that_are_no_certificate_are_objected_to_and_no_more() -> None:
    record = _record("mail.example.test", b"\x30\x00junk")
    assert record.names == ()
    assert record.objections[0].startswith("the certificate cannot be read")


def test_the_common_name_counts_where_there_is_no_other() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old.example.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    record = _record("old.example.test", certificate.public_bytes(serialization.Encoding.DER))
    assert (record.names, record.issuer, record.objections) == (("old.example.test",), "CN=old.example.test", ())


@pytest.mark.parametrize(
    ("name", "host", "means"),
    [
        ("*.example.test", ".example.test", False),
        ("*", "example", False),
        ("m*.example.test", "mail.example.test", False),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("mail.example.test.", "mail.example.test", True),
    ],
)
def test_an_asterisk_is_one_whole_label(name: str, host: str, *, means: bool) -> None:
    assert names_host(name, host) is means
