"""TLS as a layer between octets and octets, so that the shell upgrades a connection at exactly one octet.

The event loop's own upgrade would leave open what becomes of clear text that it has read already, and that is the very
thing RFC 3207 §4.2, RFC 2595 §4 and RFC 3501 §6.2.1 are about.
"""

from __future__ import annotations

import ssl

_CHUNK_OCTETS = 65_536


class TlsLayer:
    """The server's end of one TLS connection; every method may leave octets for `outgoing`."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
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
