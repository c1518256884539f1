"""IDLE (RFC 2177)."""

from __future__ import annotations

from reference_server.imap.changes import Changes
from reference_server.imap.literals import Line


class IdleCommand(Changes):
    """Mixin: IDLE."""

    def on_idle(self, _: None) -> None:
        """Begin IDLE: the continuation first, then whatever there is to tell, at once (RFC 2177 §3)."""
        self.continuation(b"idling")
        self.idling = True
        self.on_next_line = self.on_done
        self.tell_changes()

    def on_wake(self) -> None:
        """The mailbox changed: only IDLE lets it be told now."""
        if self.idling:
            self.tell_changes()

    def on_done(self, line: Line) -> None:
        """The next line has to be DONE; any other ends IDLE as well, with BAD."""
        self.idling = False
        self.on_next_line = None
        if line.octets.upper() == b"DONE":
            self.tell_changes()
            self.complete(b"OK", b"IDLE completed")
        else:
            self.complete(b"BAD", b"expected DONE")
