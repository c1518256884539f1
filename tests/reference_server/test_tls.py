"""TLS: versions, SNI, client certificates and what a connection tells of itself (RFC 5929, RFC 6066, RFC 8314)."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from pathlib import Path
from typing import cast

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, SHA384, HashAlgorithm

from reference_server.certificates import (
    NAMES,
    Certificate,
    authority_pem,
    certificate,
    certificate_from,
    end_point,
    made_context,
    names_of,
)
from reference_server.tls import ServerContext, TlsLayer, names_in

CLIENTS = trustme.CA()
CLIENT_CA = CLIENTS.cert_pem.bytes().decode()


class Client:
    """A TLS client in memory."""

    def __init__(
        self, server: Certificate, name: str = "localhost", *, identity: trustme.LeafCert | None = None
    ) -> None:
        self.context = ssl.create_default_context(cadata=server.ca_pem.decode())
        if identity is not None:
            identity.configure_cert(self.context)
        self.name = name
        self.layer = TlsLayer(server.context)
        self.incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    def shake_hands(self) -> ssl.SSLObject:
        """Connect; both ends are established afterwards."""
        tls = self.context.wrap_bio(self.incoming, self._outgoing, server_hostname=self.name)
        for _ in range(4):
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            self.layer.receive(self._outgoing.read())
            self.incoming.write(self.layer.outgoing())
        assert self.layer.established
        return tls


def host_names(tls: ssl.SSLObject) -> set[str]:
    shown = tls.getpeercert(binary_form=True)
    assert shown is not None
    return set(names_of(x509.load_der_x509_certificate(shown)))


def test_the_made_certificate_is_for_this_machine() -> None:
    assert host_names(Client(certificate()).shake_hands()) == {"localhost", "mail.example.test"}
    assert certificate() is certificate()
    assert "127.0.0.1" in NAMES


def test_a_server_that_speaks_no_tls_does_without_a_certificate() -> None:
    context = made_context(["x.test"])
    assert context.end_point is None
    with pytest.raises(ssl.SSLError):
        Client(Certificate(ServerContext(), authority_pem)).shake_hands()
    client = Client(Certificate(context, authority_pem), "x.test")
    assert host_names(client.shake_hands()) == {"x.test"}
    assert context.end_point is not None
    made = context.end_point
    context.make_ready()
    assert context.end_point == made


def test_a_context_from_elsewhere_binds_to_no_end_point() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CLIENTS.issue_cert("x.test").configure_cert(context)
    client = Client(Certificate(context, CLIENTS.cert_pem.bytes), "x.test")
    client.shake_hands()
    assert client.layer.channel_binding("tls-server-end-point") is None


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_ends_bind_to_the_same_data(version: ssl.TLSVersion) -> None:
    client = Client(certificate())
    client.context.minimum_version = client.context.maximum_version = version
    assert client.layer.channel_binding("tls-server-end-point") is None
    tls = client.shake_hands()
    shown = tls.getpeercert(binary_form=True)
    assert shown is not None
    assert client.layer.channel_binding("tls-server-end-point") == hashlib.sha256(shown).digest()
    unique = tls.get_channel_binding("tls-unique") if version is ssl.TLSVersion.TLSv1_2 else None
    assert client.layer.channel_binding("tls-unique") == unique
    assert client.layer.channel_binding("tls-nonsense") is None


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    client = Client(certificate())
    client.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    client.context.maximum_version = ssl.TLSVersion.TLSv1_1
    client.context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        client.shake_hands()


def test_each_domain_has_a_certificate_of_its_own() -> None:
    made = certificate(frozenset({"one.test", "two.test"}))
    for name, names in (
        ("one.test", {"one.test", "mail.one.test"}),
        ("Mail.Two.test", {"two.test", "mail.two.test"}),
        ("localhost", {"localhost", "mail.example.test"}),
    ):
        client = Client(made, name)
        tls = client.shake_hands()
        assert host_names(tls) == names
        shown = tls.getpeercert(binary_form=True)
        assert shown is not None
        assert client.layer.channel_binding("tls-server-end-point") == hashlib.sha256(shown).digest()


@pytest.mark.parametrize("name", ["elsewhere.test", "x.one.test", ""])
def test_a_name_that_nobody_has_gets_the_first_certificate(name: str) -> None:
    client = Client(certificate(frozenset({"one.test"})), name)
    client.context.check_hostname = False
    if not name:
        client.name = "127.0.0.1"  # an address is never sent as a name (RFC 6066 §3)
    assert host_names(client.shake_hands()) == {"localhost", "mail.example.test"}


def written(folder: Path, *certificates: trustme.LeafCert) -> list[tuple[Path, Path]]:
    files = []
    for number, leaf in enumerate(certificates):
        chain, key = folder / f"{number}.pem", folder / f"{number}.key"
        for pem in leaf.cert_chain_pems:
            pem.write_to_path(chain, append=True)
        leaf.private_key_pem.write_to_path(key)
        files.append((chain, key))
    return files


def test_certificates_can_be_brought_along(tmp_path: Path) -> None:
    authority = trustme.CA()
    files = written(
        tmp_path, authority.issue_cert("a.test"), authority.issue_cert("*.b.test"), CLIENTS.issue_cert("x@y.test")
    )
    own = certificate_from(files)
    assert own.ca_pem.startswith(files[0][0].read_bytes())
    own = Certificate(own.context, authority.cert_pem.bytes)
    assert host_names(Client(own, "a.test").shake_hands()) == {"a.test"}
    assert host_names(Client(own, "www.b.test").shake_hands()) == {"*.b.test"}
    stranger = Client(own, "elsewhere.test")
    stranger.context.check_hostname = False
    assert host_names(stranger.shake_hands()) == {"a.test"}


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    (chain, _), (_, key) = written(tmp_path, CLIENTS.issue_cert("a.test"), CLIENTS.issue_cert("b.test"))
    with pytest.raises(ValueError, match="not a certificate and its key"):
        certificate_from([(chain, key)])
    with pytest.raises(OSError, match="nowhere"):
        certificate_from([(tmp_path / "nowhere", key)])


def test_a_client_certificate_is_asked_for_verified_and_read() -> None:
    trusting = certificate(client_ca=CLIENT_CA)
    client = Client(trusting, identity=CLIENTS.issue_cert("alice@example.test", "alice.test", common_name="Alice"))
    assert client.layer.certificate_names() == ()
    client.shake_hands()
    assert client.layer.certificate_names() == ("alice@example.test", "alice.test", "Alice")


def test_a_client_without_a_certificate_is_nobody_and_welcome() -> None:
    client = Client(certificate(client_ca=CLIENT_CA))
    client.shake_hands()
    assert client.layer.certificate_names() == ()


def test_a_certificate_of_another_authority_ends_the_handshake() -> None:
    client = Client(certificate(client_ca=CLIENT_CA), identity=trustme.CA().issue_cert("alice@example.test"))
    with pytest.raises(ssl.SSLError):
        client.shake_hands()


def test_a_server_that_trusts_no_clients_asks_for_no_certificate() -> None:
    client = Client(certificate(), identity=CLIENTS.issue_cert("alice@example.test"))
    client.shake_hands()
    assert client.layer.certificate_names() == ()


def test_a_name_is_taken_once_and_from_wherever_it_stands() -> None:
    assert names_in({}) == ()
    assert names_in({
        "subject": ((("commonName", "a@b.test"),), (("emailAddress", "c@d.test"), ("organizationName", "x"))),
        "subjectAltName": (("DNS", "b.test"), ("email", "a@b.test"), ("IP Address", "127.0.0.1")),
    }) == ("a@b.test", "b.test", "c@d.test")  # fmt: skip


class Signed:
    """As much of a certificate as its digest is made of."""

    def __init__(self, algorithm: HashAlgorithm | None) -> None:
        self.signature_hash_algorithm = algorithm

    def public_bytes(self, encoding: object) -> bytes:
        return b"der"


@pytest.mark.parametrize(
    ("algorithm", "digest"), [(MD5(), "sha256"), (SHA1(), "sha256"), (SHA256(), "sha256"), (SHA384(), "sha384")]
)
def test_the_end_point_is_digested_as_its_signature_was_or_better(algorithm: HashAlgorithm, digest: str) -> None:
    assert end_point(cast("x509.Certificate", Signed(algorithm))) == hashlib.new(digest, b"der").digest()
    assert end_point(cast("x509.Certificate", Signed(None))) is None


def test_a_certificate_may_name_no_host() -> None:
    assert names_of(x509.load_pem_x509_certificate(CLIENTS.cert_pem.bytes())) == []
