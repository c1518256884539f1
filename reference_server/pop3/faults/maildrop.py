"""Planted faults of the POP3 server: each overrides one small method and breaks one requirement."""

from __future__ import annotations

from reference_server.pop3.core import Pop3Core
from reference_server.registry import fault


@fault("pop3-unstuffed", breaks="rfc1939/3/17")
class Unstuffed(Pop3Core):
    """Sends lines that begin with a dot as they are."""

    def stuff(self, text: bytes) -> bytes:
        """Leaves the text as it is."""
        return text


@fault("pop3-commits-without-quit", breaks="rfc1939/6/3")
class CommitsWithoutQuit(Pop3Core):
    """Removes marked messages when the connection is lost."""

    def disconnected(self) -> None:
        """Treats a lost connection like QUIT."""
        if self._maildrop is not None:
            self._maildrop.commit()
        super().disconnected()


@fault("pop3-runs-what-followed-stls", breaks="rfc2595/4/1")
class RunsWhatFollowedStls(Pop3Core):
    """Keeps clear text that came after STLS and runs it inside TLS."""

    def left_over(self, octets: bytes) -> bytes:
        """Keeps everything."""
        return octets
