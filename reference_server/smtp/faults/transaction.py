"""Planted faults of the SMTP server: each overrides one small method and breaks one requirement."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore


@fault(
    "keeps-transaction-after-rset",
    breaks="rfc5321/4.1.1.5/2",
    also={
        "smtp/eight_bit_mime/takes_the_body_parameter": "MAIL is tried twice in one session, with RSET between",
        "smtp/auth/takes_the_auth_parameter": "MAIL is tried twice in one session, with RSET between",
        "smtp/commands/tolerates_trailing_white_space": "MAIL is tried twice in one session, with RSET between",
    },
)
class KeepsTransactionAfterRset(SmtpCore):
    """Answers RSET with 250 but keeps the sender and recipients."""

    def on_rset(self) -> bytes:
        """Says that it forgot, and does not."""
        return self.reply(250, "reset", enhanced="2.0.0")


@fault("keeps-stuffed-dot", breaks=("rfc5321/4.5.2/3", "rfc6152/3/8"))
class KeepsStuffedDot(SmtpCore):
    """Stores the dot that the client added for transparency."""

    def unstuff(self, line: bytes) -> bytes:
        """Leaves the line as it came."""
        return line


@fault("runs-what-followed-starttls", breaks="rfc3207/4.2/1")
class RunsWhatFollowedStarttls(SmtpCore):
    """Keeps clear text that came after STARTTLS and runs it inside TLS (CVE-2011-0411)."""

    def left_over(self, octets: bytes) -> bytes:
        """Keeps everything."""
        return octets
