"""Servers that see the end of the mail data where there is none, or miss it where it is (RFC 5321 §4.1.1.4)."""

from __future__ import annotations

import re
from typing import ClassVar

from reference_server.core import Action
from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State

_ANY_NEWLINE = re.compile(rb"\r\n|\r|\n")
_UNICODE_NEWLINE = rb"(?:[\x0b\x0c\x1c-\x1e]|(?:\xc2)?\x85|\xe2\x80[\xa8\xa9])"
_DOT_BETWEEN_THEM = re.compile(_UNICODE_NEWLINE + rb"\." + _UNICODE_NEWLINE)

_CUT_OFTEN = {
    "smtp/segmentation/same_verdict_however_cut": "what it does hangs on where the segments are cut, in every check"
}


@fault(
    "ends-text-lines-at-bare-lf",
    breaks=("rfc5321/4.1.1.4/8", "rfc5321/4.1.1.4/3", "rfc5321/4.1.1.4/7", "rfc5321/2.3.8/2"),
)
class EndsTextLinesAtBareLf(SmtpCore):
    """Reads the text by LF and drops a CR before it, so that LF.LF, LF.CRLF and CRLF.LF end the data."""

    def text_line_end(self, pending: bytes, at: int) -> int:
        """Any LF will do."""
        return pending.find(b"\n", at) + 1

    def is_end_of_data(self, line: bytes) -> bool:
        """With or without the CR."""
        return line in (b".\n", b".\r\n")

    def refusal_of_text_line(self, line: bytes) -> bytes | None:
        """Sees no difference between the two line ends."""
        return super().refusal_of_text_line(line.removesuffix(b"\n").removesuffix(b"\r") + b"\r\n")


@fault("reads-text-with-universal-newlines", breaks=("rfc5321/4.1.1.4/3", "rfc5321/4.1.1.4/8", "rfc5321/2.3.8/2"))
class ReadsTextWithUniversalNewlines(SmtpCore):
    """Ends a line of text at CR, at LF and at CRLF alike; the lines themselves are then refused, too late."""

    def text_line_end(self, pending: bytes, at: int) -> int:
        """The first of the three; a CR at the very end may still get its LF."""
        found = _ANY_NEWLINE.search(pending, at)
        if found is None or (found[0] == b"\r" and found.end() == len(pending)):
            return 0
        return found.end()

    def is_end_of_data(self, line: bytes) -> bool:
        """A period and any of the three."""
        return line.rstrip(b"\r\n") == b"."

    def has_stray_octet(self, line: bytes) -> bool:
        """Refuses other lines that do not end in CRLF."""
        return not line.endswith(b"\r\n") or super().has_stray_octet(line)


@fault("drops-nul-before-looking-for-the-end", breaks="rfc5321/4.1.1.4/3")
class DropsNulBeforeLookingForTheEnd(SmtpCore):
    """Looks for the lone period after it has taken every NUL out of the line."""

    def is_end_of_data(self, line: bytes) -> bool:
        """Blind to NUL."""
        return line.replace(b"\0", b"") == b".\r\n"


@fault("drops-surplus-cr-before-looking-for-the-end", breaks=("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2"))
class DropsSurplusCrBeforeLookingForTheEnd(SmtpCore):
    """Strips all CRs from the end of a line, not only the one of its CRLF."""

    def is_end_of_data(self, line: bytes) -> bool:
        """As many CRs as there may be."""
        return line.rstrip(b"\r\n") == b"."


@fault("trims-lines-before-looking-for-the-end", breaks="rfc5321/4.1.1.4/3")
class TrimsLinesBeforeLookingForTheEnd(SmtpCore):
    """Takes white space off both ends of a line before it compares it with the lone period."""

    def is_end_of_data(self, line: bytes) -> bool:
        """Blank and tab do not count; stray CRs do."""
        return line.removesuffix(b"\r\n").strip(b" \t") == b"."


@fault("reads-text-with-unicode-newlines", breaks=("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2"))
class ReadsTextWithUnicodeNewlines(SmtpCore):
    """Ends a line of text wherever Unicode may: vertical tab, form feed, NEL and the like."""

    def read_text(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Finds a lone period between such line ends first."""
        found = _DOT_BETWEEN_THEM.search(pending, at)
        if found is not None and found.start() < pending.find(b"\r\n.\r\n", at):
            return found.end(), self.on_end_of_data()
        return super().read_text(pending, at)


@fault("refuses-an-end-of-data-that-is-cut", breaks=("rfc5321/4.1.1.4/3", "rfc5321/4.5.2/2"), also=_CUT_OFTEN)
class RefusesAnEndOfDataThatIsCut(SmtpCore):
    """Knows the end of data only if its line came in one segment; otherwise the message is refused as broken off."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Remembers whether a line of text goes on from the segment before."""
        if self.state is State.RECEIVING and self._pending and (self._pending + octets).startswith(b".\r\n"):
            self.refuse_text(self.reply(554, "text broken off", enhanced="5.6.0"))
        return super().receive(octets, now)


@fault("waits-for-a-line-before-the-end", breaks="rfc5321/4.1.1.4/4")
class WaitsForALineBeforeTheEnd(SmtpCore):
    """Wants CRLF before the lone period even where the text has no line at all."""

    def is_end_of_data(self, line: bytes) -> bool:
        """The period ends nothing while there is nothing to end."""
        return super().is_end_of_data(line) and self._text_octets > 0


class _EndsDataAt(SmtpCore):
    """Knows the right end of data, and takes one more sequence for it."""

    also_ends: ClassVar[re.Pattern[bytes]]

    def read_text(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Whichever comes first; what stands before it is refused as any text with a stray octet is."""
        found = self.also_ends.search(pending, at)
        right = pending.find(b"\r\n.\r\n", at)
        if found is None or 0 <= right < found.start() or pending.startswith(b".\r\n", at):
            return super().read_text(pending, at)
        return found.end(), self.on_end_of_data()


@fault("ends-data-at-lf-dot-crlf", breaks=("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2"))
class EndsDataAtLfDotCrlf(_EndsDataAt):
    """Takes LF.CRLF for the end of data besides CRLF.CRLF (CVE-2023-51764, CVE-2023-51765)."""

    also_ends: ClassVar[re.Pattern[bytes]] = re.compile(rb"(?<!\r)\n\.\r\n")


@fault("ends-data-at-crlf-dot-lf", breaks=("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2"))
class EndsDataAtCrlfDotLf(_EndsDataAt):
    """Takes CRLF.LF for the end of data besides CRLF.CRLF (CVE-2023-51766)."""

    also_ends: ClassVar[re.Pattern[bytes]] = re.compile(rb"\r\n\.\n")


@fault("ends-data-at-cr-dot-cr", breaks=("rfc5321/4.1.1.4/3", "rfc5321/2.3.8/2"))
class EndsDataAtCrDotCr(_EndsDataAt):
    """Takes CR.CR for the end of data besides CRLF.CRLF."""

    also_ends: ClassVar[re.Pattern[bytes]] = re.compile(rb"\r\.\r(?!\n)")


@fault("ends-data-at-lf-dot-lf", breaks=("rfc5321/4.1.1.4/8", "rfc5321/2.3.8/2"))
class EndsDataAtLfDotLf(_EndsDataAt):
    """Takes LF.LF for the end of data besides CRLF.CRLF (CVE-2023-51747)."""

    also_ends: ClassVar[re.Pattern[bytes]] = re.compile(rb"(?<!\r)\n\.\n")
