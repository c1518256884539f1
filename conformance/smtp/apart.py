"""Sending pieces of one line so that they arrive apart: TCP may cut anywhere, and joins what comes close together."""

from __future__ import annotations

from conformance.errors import ViolationError
from conformance.smtp.session import SmtpSession
from conformance.wire.errors import SilenceError

LISTEN_S = 0.004
"""How long the judge listens between two pieces: long enough for a server nearby to have read the first."""


def send_apart(smtp: SmtpSession, *pieces: bytes) -> None:
    """Send pieces in segments of their own. Nothing may be said to a piece whose line is not complete.

    Where two pieces are joined on the way after all, the server is only asked less.

    Raises:
        ViolationError: a reply came too early (RFC 5321 §2.4: no action is taken before CRLF).
        RefusedError: 421, which answers no line and may come at any time (§3.8).
    """
    for number, piece in enumerate(pieces, 1):
        smtp.send_segment(piece)
        if number == len(pieces):
            return
        try:
            reply = smtp.read_reply(within_s=LISTEN_S)
        except SilenceError:
            continue
        raise ViolationError(f"nothing before the line is complete, of which {piece!r} was the last piece", str(reply))
