"""How a peer can fail to answer. What that means is for the caller to say: a set-up that failed, or a violation."""

from __future__ import annotations

from typing import ClassVar

from reports.records import Ended


class NoReplyError(Exception):
    """No complete reply came. `pending` holds the octets of the unfinished one."""

    ended: ClassVar[Ended] = Ended.HUNG

    def __init__(self, what: str, pending: bytes = b"") -> None:
        super().__init__(what)
        self.what = what
        self.pending = pending


class SilenceError(NoReplyError):
    """The deadline passed without a complete reply."""


class ClosedError(NoReplyError):
    """The peer closed or reset the connection."""

    ended = Ended.CLOSED


class FloodError(NoReplyError):
    """The peer sent more than the octet budget of one reply, with no end in sight."""

    ended = Ended.DESYNCHRONISED


class TlsError(NoReplyError):
    """The TLS handshake failed."""

    ended = Ended.CLOSED


class ConnectError(Exception):
    """No connection could be opened."""
