"""The judge's LMTP session (RFC 2033): SMTP's, but for LHLO and the replies after the text."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.errors import InconclusiveError
from conformance.session import setting_up
from conformance.smtp.session import SmtpSession, stuffed
from conformance.wire.smtp import Reply


class LmtpSession(SmtpSession):
    """One LMTP connection. The oracles that watch it are SMTP's, since its commands and replies are."""

    hello = "LHLO"

    def envelope(self, recipients: Sequence[str]) -> list[Reply]:
        """MAIL, and RCPT for each of these; the replies to RCPT.

        Raises:
            InconclusiveError: MAIL is refused.
        """
        self.begin(to=[])
        with setting_up("RCPT"):
            return [self.rcpt(recipient) for recipient in recipients]

    def by_data(self, message: bytes) -> None:
        """DATA, the message and its end; the replies to that are the caller's to read.

        Raises:
            InconclusiveError: DATA is refused.
        """
        with setting_up("DATA"):
            reply = self.data()
        if reply.code != 354:
            raise InconclusiveError(f"DATA was refused: {reply}")
        self.send(stuffed(message) + b".\r\n")

    def by_chunks(self, message: bytes) -> None:
        """BDAT LAST with the whole message (RFC 3030 §2); the replies are the caller's to read."""
        self.send(b"BDAT %d LAST\r\n" % len(message) + message)
