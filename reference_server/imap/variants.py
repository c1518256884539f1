"""Legal IMAP servers of another taste: what RFC 3501 leaves free, done differently."""

from __future__ import annotations

from reference_server.imap.core import ImapCore
from reference_server.registry import variant


@variant("imap-talkative")
class Talkative(ImapCore):
    """Sends untagged data that nobody asked for before each completion (RFC 3501 §7: a client must bear it)."""

    def tagged(self, tag: bytes, status: bytes, text: bytes) -> None:
        """Adds an OK, unless the reply is itself untagged."""
        if tag != b"*":
            self.untagged(b"OK still here")
        super().tagged(tag, status, text)
