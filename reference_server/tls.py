"""TLS as a layer between octets and octets, so that the shell upgrades a connection at exactly one octet.

The event loop's own upgrade would leave open what becomes of clear text that it has read already, and that is the very
thing RFC 3207 §4.2, RFC 2595 §4 and RFC 3501 §6.2.1 are about.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Any

_CHUNK_OCTETS = 65_536


class ServerContext(ssl.SSLContext):
    """A context of the server's side: TLS 1.2 and 1.3, and what channel binding needs to know of its certificate.

    `end_point` is the digest of RFC 5929 §4.1, None where the certificate has none. `complete` puts the certificate in
    when the first connection needs it: making one takes longer than starting all the rest of a server.
    """

    end_point: bytes | None = None
    complete: Callable[[ServerContext], None] | None = None
    _guard: threading.Lock

    def __new__(cls) -> ServerContext:
        """A context without a certificate yet."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A new handshake in the middle of a session has no place here, and could change who the peer is.
        context.options |= ssl.OP_NO_RENEGOTIATION
        context._guard = threading.Lock()
        return context

    def make_ready(self) -> None:
        """Have the certificate put in, if that was left for later. From any thread; a second call does nothing."""
        with self._guard:
            complete, self.complete = self.complete, None
            if complete is not None:
                complete(self)


class TlsLayer:
    """The server's end of one TLS connection; every method may leave octets for `outgoing`."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        if isinstance(context, ServerContext):
            context.make_ready()
        self._tls = context.wrap_bio(self._from_peer, self._to_peer, server_side=True)
        self.established = False
        self.ended = False

    def receive(self, octets: bytes) -> bytes:
        """Take octets off the wire; returns what they say in clear, empty during the handshake.

        `ended` is set when the peer closed the layer.

        Raises:
            ssl.SSLError: they are not TLS, or the handshake failed; `outgoing` holds the alert.
        """
        self._from_peer.write(octets)
        if not self.established:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self.established = True
        clear: list[bytes] = []
        try:
            while octets := self._tls.read(_CHUNK_OCTETS):
                clear.append(octets)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return b"".join(clear)

    def send(self, clear: bytes) -> None:
        """Encrypt octets for the peer."""
        self._tls.write(clear)

    def close(self) -> None:
        """Say that nothing more will follow (close_notify)."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            # Nobody waits for the peer's own close_notify, and a broken layer has none to send.
            return

    def outgoing(self) -> bytes:
        """Octets to put on the wire now."""
        return self._to_peer.read()

    # What an established connection tells of itself.

    def channel_binding(self, kind: str) -> bytes | None:
        """The data of a channel binding by its registered name; None where there is none (RFC 5929, RFC 9266)."""
        if not self.established:
            return None
        if kind == "tls-server-end-point":
            # Not the context that was asked for the connection: SNI may have put another in its place.
            return getattr(self._tls.context, "end_point", None)
        # tls-unique is not defined for TLS 1.3 (RFC 8446 appendix C.5). tls-exporter comes with the Python that has it.
        if kind not in ssl.CHANNEL_BINDING_TYPES or (kind == "tls-unique" and self._tls.version() != "TLSv1.2"):
            return None
        return self._tls.get_channel_binding(kind)

    def certificate_names(self) -> tuple[str, ...]:
        """Names in the peer's certificate, if it sent one: it was verified, or the handshake would have failed.

        Addresses first, then host names, then what stands in the subject.
        """
        shown = self._tls.getpeercert() if self.established else None
        return names_in(shown) if shown else ()


def names_in(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """Names in a certificate, in the form in which the standard library shows it, each once."""
    alternative = certificate.get("subjectAltName", ())
    subject = [entry for part in certificate.get("subject", ()) for entry in part]
    names = [
        *(value for kind, value in alternative if kind == "email"),
        *(value for kind, value in alternative if kind == "DNS"),
        *(value for kind, value in subject if kind == "emailAddress"),
        *(value for kind, value in subject if kind == "commonName"),
    ]
    return tuple(dict.fromkeys(names))
