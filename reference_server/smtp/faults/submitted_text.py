"""Submission services that alter texts and leave them worse than they might be (RFC 6409 §4.2, §5.1, §8)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.trace import header_of
from reference_server.smtp.variants import CompletesSubmissionsSmtp


@fault("submission-adds-no-message-id", breaks="rfc6409/8.3/1")
class SubmissionAddsNoMessageId(SmtpCore):
    """Takes messages as they are."""

    def completed(self, text: bytes) -> bytes:
        """Nothing is lacking."""
        return text


@fault("submission-keeps-message-ids-that-are-none", breaks="rfc6409/8.3/1")
class SubmissionKeepsMessageIdsThatAreNone(SmtpCore):
    """Adds Message-ID where there is none, and looks no closer."""

    def completed(self, text: bytes) -> bytes:
        """A field of that name will do."""
        return text if b"\r\nmessage-id:" in b"\r\n" + header_of(text).lower() else super().completed(text)


@fault("submission-takes-half-a-domain-in-the-header", breaks="rfc6409/4.2/2")
class SubmissionTakesHalfADomainInTheHeader(SmtpCore):
    """Looks whether addresses in the header are addresses, and not at their domains."""

    def refusal_of_domains(self, domains: list[bytes] | None) -> bytes | None:
        """Any will do."""
        return super().refusal_of_domains(domains if domains is None else [])


@fault("submission-takes-illegal-addresses-in-the-header", breaks="rfc6409/5.1/2")
class SubmissionTakesIllegalAddressesInTheHeader(SmtpCore):
    """Reads address fields as far as it can make sense of them."""

    def refusal_of_domains(self, domains: list[bytes] | None) -> bytes | None:
        """None of it is no reason to refuse."""
        return super().refusal_of_domains(domains or [])


@fault("submission-adds-half-a-sender", breaks="rfc6409/8.1/2")
class SubmissionAddsHalfASender(CompletesSubmissionsSmtp):
    """Writes the user's name into Sender, and no domain."""

    def user_who_sends(self) -> str:
        """As the user typed it, perhaps."""
        return super().user_who_sends().partition("@")[0]


@fault("submission-adds-an-unknown-sender", breaks="rfc6409/8.1/2")
class SubmissionAddsAnUnknownSender(CompletesSubmissionsSmtp):
    """Writes an address into Sender that looks like one and is nobody's."""

    def user_who_sends(self) -> str:
        """As it was before the user had another name."""
        return f"x-{super().user_who_sends()}"


@fault("submission-dates-messages-its-own-way", breaks="rfc6409/8/2")
class SubmissionDatesMessagesItsOwnWay(SmtpCore):
    """Adds Date where there is none, as its database has it."""

    def completed(self, text: bytes) -> bytes:
        """In the form of RFC 3339."""
        text = super().completed(text)
        if not self.surroundings.submission or b"\r\ndate:" in b"\r\n" + header_of(text).lower():
            return text
        return b"Date: %s\r\n" % self.settings.wall_clock().isoformat().encode("ascii") + text


@fault("submission-adds-a-line-that-is-no-field", breaks="rfc6409/8/2")
class SubmissionAddsALineThatIsNoField(SmtpCore):
    """Adds a banner to the header that is no field."""

    def completed(self, text: bytes) -> bytes:
        """A line of its own."""
        header = header_of(text)
        if not self.surroundings.submission or not header:
            return super().completed(text)
        return super().completed(header + b"This message was scanned\r\n" + text[len(header) :])
