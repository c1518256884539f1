"""The LMTP server core (RFC 2033): LHLO instead of EHLO, and one reply for each recipient after the text."""

from __future__ import annotations

from typing import ClassVar

from reference_server.smtp.core import SmtpCore
from reference_server.smtp.grammar import Address
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
        return b"".join(self.reply_for_recipient(recipient, refusal) for recipient in self.transaction.recipients)

    def reply_for_recipient(self, recipient: Address, refusal: bytes | None) -> bytes:
        """What became of the message for one recipient; `refusal` is of the message as a whole."""
        account = self.account_of(recipient)
        assert account is not None, "RCPT was accepted"
        return refusal or self.undelivered.get(account.name) or self.accepted_for(recipient)

    def accepted_for(self, recipient: Address) -> bytes:
        """From here on the message for that recipient is ours to keep (RFC 2033 §4.2)."""
        return self.accepted()

    def refusal_after_delivery(self) -> bytes | None:
        """None for the message as a whole: each recipient has its own."""
        return None

    def failures_are_answered(self) -> bool:
        """Every recipient's failure is, so that no notice of it is due."""
        return True
