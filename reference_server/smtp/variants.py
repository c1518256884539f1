"""Legal SMTP servers of another taste: no check may convict them."""

from __future__ import annotations

from reference_server.registry import variant
from reference_server.smtp import replies
from reference_server.smtp.core import SmtpCore


@variant("smtp-terse")
class TerseSmtp(SmtpCore):
    """Says no more than the code wherever the text is for people (RFC 5321 §4.2)."""

    def reply(self, code: int, text: str, *more: str, enhanced: str | None = None) -> bytes:
        """Text stays only where a program reads it: names, extensions, challenges, mailboxes."""
        if more or code in {220, 221, 334, 421} or text.startswith("<") or enhanced is None:
            return super().reply(code, text, *more, enhanced=enhanced)
        return replies.build(code, ("",), enhanced=enhanced)


@variant("smtp-multiline-greeting")
class MultilineGreetingSmtp(SmtpCore):
    """Greets in several lines, as the grammar of RFC 5321 §4.2 allows."""

    def greeting(self) -> bytes:
        """A banner of the kind that forbids unsolicited mail."""
        return self.reply(220, f"{self.settings.hostname} ESMTP", "no unsolicited mail", "ready")
