"""The server's certificates: made here with an authority of their own, or brought along; one for each name (SNI).

A made certificate is for localhost, mail.example.test, 127.0.0.1 and ::1, so that a client that verifies (RFC 6125,
RFC 7817) can; each further domain gets one of its own when a client first asks for a name in it (RFC 6066 §3).
"""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from reference_server.tls import ServerContext

# They take longer to import than all the rest of the server, and a server that speaks no TLS does without.
if TYPE_CHECKING:
    import trustme
    from cryptography import x509

NAMES = ("localhost", "mail.example.test", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server needs to speak TLS, and what gives a client what it needs to believe it."""

    context: ssl.SSLContext
    make_ca_pem: Callable[[], bytes]

    @property
    def ca_pem(self) -> bytes:
        """The certificate authority's certificate, in PEM."""
        return self.make_ca_pem()


class Chooser:
    """Picks the context for the name that a client asks for; the first one where none fits, or none was asked for."""

    def __init__(self, domains: Iterable[str] = (), *, makes: bool = False) -> None:
        self._contexts: dict[str, ServerContext] = {}
        self._domains = tuple(domains)
        self._makes = makes
        self._client_ca: str | None = None

    def trust_clients_of(self, client_ca: str | None) -> None:
        """From now on ask for client certificates, and take only those of this authority, in PEM."""
        self._client_ca = client_ca

    def add(self, names: Iterable[str], context: ServerContext) -> ServerContext:
        """Use this context for these names. A name that has one already keeps it."""
        if self._client_ca is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=self._client_ca)
        for name in names:
            self._contexts.setdefault(name.lower(), context)
        context.sni_callback = self.choose
        return context

    def choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """What OpenSSL calls during the handshake (RFC 6066 §3)."""
        if name is not None and (found := self.context_for(name)) is not None:
            connection.context = found

    def context_for(self, name: str) -> ServerContext | None:
        """The context whose certificate has that name, or a wildcard for it in place of its first label."""
        name = name.lower().rstrip(".")
        wildcard = "*." + name.partition(".")[2]
        return self._contexts.get(name) or self._contexts.get(wildcard) or self._made_for(name)

    def _made_for(self, name: str) -> ServerContext | None:
        for domain in self._domains if self._makes else ():
            if name in (domain, f"mail.{domain}"):
                names = (domain, f"mail.{domain}")
                context = self.add(names, made_context(names))
                context.make_ready()
                return context
        return None


@cache
def certificate(domains: frozenset[str] = frozenset(), client_ca: str | None = None) -> Certificate:
    """The made certificates of this process; the key never goes into a file that stays.

    `domains` are those that get a certificate of their own; `client_ca` is the authority of client certificates.
    """
    chooser = Chooser(sorted(domains), makes=True)
    chooser.trust_clients_of(client_ca)
    return Certificate(chooser.add(NAMES, made_context(NAMES)), authority_pem)


def certificate_from(files: Sequence[tuple[Path, Path]], *, client_ca: str | None = None) -> Certificate:
    """Certificates that the operator brings along: chain and key of each in PEM, the default one first.

    Raises:
        ValueError: a file is not what it should be.
        OSError: a file cannot be read.
    """
    from cryptography import x509

    chooser = Chooser()
    chooser.trust_clients_of(client_ca)
    contexts = []
    for chain, key in files:
        pem = chain.read_bytes()
        context = ServerContext()
        try:
            context.load_cert_chain(chain, key)
            leaf = x509.load_pem_x509_certificate(pem)
            context.end_point = end_point(leaf)
            contexts.append(chooser.add(names_of(leaf), context))
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(f"{chain} and {key} are not a certificate and its key: {error}") from error
    pems = b"".join(chain.read_bytes() for chain, _ in files)
    return Certificate(contexts[0], lambda: pems)


def made_context(names: Sequence[str]) -> ServerContext:
    """A context that gets a new certificate for these names once it is needed."""

    def complete(context: ServerContext) -> None:
        from cryptography import x509

        leaf = _authority().issue_cert(*names)
        leaf.configure_cert(context)
        context.end_point = end_point(x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()))

    context = ServerContext()
    context.complete = complete
    return context


def authority_pem() -> bytes:
    """The certificate of the authority that made certificates come from, in PEM."""
    return _authority().cert_pem.bytes()


def end_point(leaf: x509.Certificate) -> bytes | None:
    """Channel binding tls-server-end-point (RFC 5929 §4.1): the certificate's digest by its own signature's hash.

    MD5 and SHA-1 are replaced by SHA-256; where the signature has no hash function of its own there is no binding.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    algorithm = leaf.signature_hash_algorithm
    if algorithm is None:
        return None
    name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
    return hashlib.new(name, leaf.public_bytes(Encoding.DER)).digest()


def names_of(leaf: x509.Certificate) -> list[str]:
    """The host names that a certificate is for (RFC 6125 §6.4)."""
    from cryptography import x509

    try:
        alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return alternative.get_values_for_type(x509.DNSName)


_ONE_AT_A_TIME = threading.Lock()
"""Who makes the authority: a client's thread that asks for it and the server's must not make one each."""


def _authority() -> trustme.CA:
    with _ONE_AT_A_TIME:
        return _made_authority()


@cache
def _made_authority() -> trustme.CA:
    import trustme

    return trustme.CA(organization_name="mailspec reference server")
