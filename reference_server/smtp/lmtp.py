"""The LMTP server core (RFC 2033): LHLO instead of EHLO, and one reply for each recipient after the text."""

from __future__ import annotations

from typing import ClassVar

from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import Verb


class LmtpCore(SmtpCore):
    """One LMTP session; implements `core.Core`."""

    protocol: ClassVar[str] = "lmtp"
    greeting_verbs: ClassVar[frozenset[Verb]] = frozenset({Verb.LHLO})

    def greeting(self) -> bytes:
        """The 220 that is sent on connecting."""
        return self.reply(220, f"{self.settings.hostname} LMTP ready")

    def final_reply(self, refusal: bytes | None) -> bytes:
        """One reply for each recipient that RCPT accepted, in that order (RFC 2033 §4.2)."""
        return b"".join(self.reply_for_recipient(refusal) for _ in self.transaction.recipients)

    def reply_for_recipient(self, refusal: bytes | None) -> bytes:
        """What becomes of the message for one recipient; the same for all, since all are delivered alike."""
        return refusal or self.accepted()
