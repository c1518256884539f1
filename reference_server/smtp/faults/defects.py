"""Servers that refuse messages for their form (RFC 5321 §3.3)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.trace import header_of


@fault("wants-resent-fields-in-pairs", breaks="rfc5321/3.3/30")
class WantsResentFieldsInPairs(SmtpCore):
    """Refuses messages whose Resent fields are not as many of one kind as of the other."""

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """Counts them."""
        header = b"\r\n" + header_of(text).lower()
        counts = {header.count(b"\r\nresent-%s:" % name) for name in (b"to", b"from", b"date")}
        if len(counts) > 1:
            return self.reply(554, "Resent fields do not match", enhanced="5.6.0")
        return super().refusal_of_message(text)


@fault("refuses-broken-mime", breaks="rfc5321/3.3/29")
class RefusesBrokenMime(SmtpCore):
    """Refuses multipart messages in which it does not find the boundary, and types without a slash."""

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """Reads the form."""
        header = header_of(text)
        if (b"multipart/mixed" in header and b"\r\n--" not in text) or b"Content-Type: nonsense" in header:
            return self.reply(554, "not MIME", enhanced="5.6.0")
        return super().refusal_of_message(text)


@fault("counts-the-names-in-the-header", breaks="rfc5321/4.5.3.1.8/3")
class CountsTheNamesInTheHeader(SmtpCore):
    """Refuses messages whose header has more than a hundred addresses."""

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """So many people cannot want it."""
        if header_of(text).count(b"@") > 100:
            return self.reply(554, "too many recipients in the header", enhanced="5.7.1")
        return super().refusal_of_message(text)


@fault(
    "refuses-messages-with-553",
    breaks="rfc5321/4.3.2/19",
    also={
        "smtp/size/more_than_the_limit_is_answered_552": "a message that is too large is refused at its end",
    },
)
class RefusesMessagesWith553(SmtpCore):
    """Refuses a message at its end with the code for mailbox names."""

    def final_reply(self, refusal: bytes | None) -> bytes:
        """Whatever was wrong with it."""
        return super().final_reply(refusal and self.reply(553, "not acceptable", enhanced="5.6.0"))
