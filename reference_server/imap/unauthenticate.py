"""UNAUTHENTICATE: back to where nobody is logged in, on the same connection (RFC 8437)."""

from __future__ import annotations

from reference_server.imap.compress import Compression


class UnauthenticateCommand(Compression):
    """Mixin: UNAUTHENTICATE."""

    def on_unauthenticate(self, _: None) -> None:
        """Answer UNAUTHENTICATE: no NO is possible, nothing is expunged, and compression ends behind the OK (§3)."""
        self.let_go()
        self.forget_user()
        self.complete(b"OK", b"UNAUTHENTICATE completed")
        self.end_compression()
