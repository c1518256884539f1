"""Legal POP3 servers of another taste: no check may convict them."""

from __future__ import annotations

from reference_server.pop3.core import Pop3Core
from reference_server.registry import variant


@variant("pop3-terse")
class TersePop3(Pop3Core):
    """Says no more than +OK or -ERR wherever the text is for people (RFC 1939 §3)."""

    def ok(self, text: str) -> bytes:
        """Text stays where a program reads it: numbers, and the challenge of APOP."""
        return super().ok(text) if text[:1].isdigit() or "<" in text else b"+OK\r\n"

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """Only a response code is left."""
        return f"-ERR [{code}]\r\n".encode("ascii") if code else b"-ERR\r\n"


@variant("pop3-no-apop")
class NoApopPop3(Pop3Core):
    """Offers no APOP: RFC 1939 §7 leaves that to the server."""

    def greeting(self) -> bytes:
        """No challenge in the greeting."""
        return self.ok("POP3 ready")
