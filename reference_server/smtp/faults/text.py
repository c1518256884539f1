"""Servers that change the mail text on its way (RFC 5321 §4.1.1.4, §4.5.2, RFC 6152)."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.envelope import RefusedError

_DAMAGED_ON_THE_WAY = {
    "delivery/octets/come_out_over_imap_as_they_went_in": "the same damage, seen over IMAP",
    "delivery/octets/come_out_over_pop3_as_they_went_in": "the same damage, seen over POP3",
}


class ChangesText(SmtpCore):
    """What the faults here stand on: a method by which a line is stored as another one."""

    def unstuff(self, line: bytes) -> bytes:
        """Unstuffed as ever, then changed."""
        return self.changed(super().unstuff(line))

    def changed(self, line: bytes) -> bytes:
        """The line that is stored in its place."""
        raise NotImplementedError


class TakesStrayOctets(ChangesText):
    """Refuses neither bare CR nor bare LF nor NUL, so that the faults have them to change."""

    def has_stray_octet(self, line: bytes) -> bool:
        """Nothing is astray."""
        return False


@fault("ends-lines-at-lf-once-the-data-ended", breaks=("rfc5321/4.1.1.4/7", "rfc5321/2.3.8/2"))
class EndsLinesAtLfOnceTheDataEnded(TakesStrayOctets):
    """Waits for the exact end of data, and then turns each bare LF into CRLF and unstuffs what follows it."""

    def changed(self, line: bytes) -> bytes:
        """Line by line, as if each had come by itself."""
        first, *rest = line.removesuffix(b"\r\n").split(b"\n")
        return b"\r\n".join([first, *(part.removeprefix(b".") for part in rest)]) + b"\r\n"


@fault("ends-lines-at-cr-once-the-data-ended", breaks="rfc5321/2.3.8/2")
class EndsLinesAtCrOnceTheDataEnded(TakesStrayOctets):
    """Waits for the exact end of data, and then turns each bare CR into CRLF and unstuffs what follows it."""

    def changed(self, line: bytes) -> bytes:
        """Line by line, as if each had come by itself."""
        first, *rest = line.removesuffix(b"\r\n").split(b"\r")
        return b"\r\n".join([first, *(part.removeprefix(b".") for part in rest)]) + b"\r\n"


@fault("blots-out-control-characters", breaks="rfc5321/4.5.2/4", also=_DAMAGED_ON_THE_WAY)
class BlotsOutControlCharacters(ChangesText):
    """Stores a question mark for each control character."""

    def changed(self, line: bytes) -> bytes:
        """Tab, CR and LF stay, and so does NUL, which is refused."""
        return re.sub(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]", b"?", line)


@fault("fills-in-templates", breaks=("rfc854/3.4/1", "rfc5321/4.5.2/4"))
class FillsInTemplates(ChangesText):
    """Takes three characters of the text for a place that its templates leave open, and fills it in."""

    def changed(self, line: bytes) -> bytes:
        """With nothing."""
        return line.replace(b"{|}", b"")


@fault("trims-text-lines", breaks="rfc5321/4.5.2/4", also=_DAMAGED_ON_THE_WAY)
class TrimsTextLines(ChangesText):
    """Takes blanks and tabs off the ends of lines."""

    def changed(self, line: bytes) -> bytes:
        """As an editor would."""
        return line.removesuffix(b"\r\n").rstrip(b" \t") + b"\r\n"


@fault("cuts-text-lines-at-nul", breaks="rfc5321/4.5.2/4")
class CutsTextLinesAtNul(ChangesText):
    """Stores a line up to its first NUL."""

    def changed(self, line: bytes) -> bytes:
        """As a string function of C would."""
        return line.removesuffix(b"\r\n").partition(b"\0")[0] + b"\r\n"


@fault(
    "clears-the-top-bit",
    breaks=("rfc6152/3/7", "rfc6152/3/11"),
    also={
        "smtp/eight_bit_mime/spares_the_ascii_beside_unannounced_octets": "an octet above 127 turns into ASCII",
        "delivery/internationalized_header/comes_through": "the same damage to header fields",
    },
)
class ClearsTheTopBit(TakesStrayOctets):
    """Offers 8BITMIME and stores seven bits of each octet of the text."""

    def changed(self, line: bytes) -> bytes:
        """What RFC 5321 §2.4 allows to servers that offer nothing."""
        return bytes(octet & 0x7F or 0x40 for octet in line) if not line.isascii() else line


@fault("cuts-lines-at-unannounced-octets", breaks=("rfc5321/4.5.2/4", "rfc6152/3/7"))
class CutsLinesAtUnannouncedOctets(SmtpCore):
    """Takes 8-bit text that was not announced, and stores each line up to its first octet above 127."""

    def refusal_of_text_line(self, line: bytes) -> bytes | None:
        """Judges what it is going to store."""
        return super().refusal_of_text_line(self.unstuff(b"." + line))

    def unstuff(self, line: bytes) -> bytes:
        """Cuts the line."""
        line = super().unstuff(line)
        if self.eight_bit_allowed() or line.isascii():
            return line
        return re.split(rb"[\x80-\xff]", line, maxsplit=1)[0] + b"\r\n"


@fault("lists-8bitmime-with-a-parameter", breaks="rfc6152/2/2")
class Lists8bitmimeWithAParameter(SmtpCore):
    """Writes a version after 8BITMIME."""

    def extensions(self) -> list[str]:
        """One keyword too many on its line."""
        return [line.replace("8BITMIME", "8BITMIME 1.0") for line in super().extensions()]


@fault(
    "refuses-the-body-parameter",
    breaks=("rfc6152/3/2", "rfc6152/2/3"),
    also={
        "smtp/binarymime/takes_all_three_bodies": "BODY is refused whatever its value",
        "smtp/dsn/takes_parameters_of_full_length": "BODY is one of the parameters there",
        "smtp/grammar/understands_mail_with_parameters": "BODY is one of the parameters there",
    },
)
class RefusesTheBodyParameter(SmtpCore):
    """Lists 8BITMIME and does not know BODY."""

    def take_body(self, value: bytes | None) -> bool:
        """Knows no such parameter."""
        raise RefusedError(self.unknown_parameter())


@fault("takes-any-body", breaks=("rfc5321/4.1.1.11/1", "rfc6152/2/5"))
class TakesAnyBody(SmtpCore):
    """Takes any value of BODY for 8BITMIME."""

    def take_body(self, value: bytes | None) -> bool:
        """Does not look."""
        return True


@fault("refuses-announced-eight-bit-text", breaks="rfc6152/3/2")
class RefusesAnnouncedEightBitText(SmtpCore):
    """Takes MAIL with BODY=8BITMIME, and refuses the text that it announces."""

    def eight_bit_allowed(self) -> bool:
        """Has forgotten what MAIL said."""
        return False


@fault("leaves-eight-bit-text-stuffed", breaks="rfc6152/3/8")
class LeavesEightBitTextStuffed(SmtpCore):
    """Stores announced 8-bit text with the periods that were added for transparency."""

    def unstuff(self, line: bytes) -> bytes:
        """Takes transparency for a matter of 7-bit text."""
        return line if self.transaction.eight_bit else super().unstuff(line)


@fault("takes-shorter-eight-bit-lines", breaks=("rfc6152/1/1", "rfc6152/3/10"))
class TakesShorterEightBitLines(SmtpCore):
    """Refuses lines of more than 512 octets in 8-bit text."""

    def refusal_of_text_line(self, line: bytes) -> bytes | None:
        """A limit for commands, put to text."""
        return self.line_too_long() if not line.isascii() and len(line) > 512 else super().refusal_of_text_line(line)
