"""Servers that mind the length of lines, or their periods, in the wrong way (RFC 5321 §4.5.2, §4.5.3.1)."""

from __future__ import annotations

from reference_server.core import Action
from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State

_ROOMY_OCTETS = 1_000_000


@fault("takes-shorter-lines", breaks=("rfc5321/4.5.3.1.6/1", "rfc5321/4.5.3.1/1"))
class TakesShorterLines(SmtpCore):
    """Takes 998 for the length with the CRLF, and refuses lines of 997 octets and more."""

    def refusal_of_text_line(self, line: bytes) -> bytes | None:
        """Two octets too early; 8-bit text is left out, to which another rule applies too."""
        return self.line_too_long() if line.isascii() and len(line) > 998 else super().refusal_of_text_line(line)


@fault("counts-the-added-dot", breaks=("rfc5321/4.5.3.1.6/1", "rfc5321/4.5.2/3"))
class CountsTheAddedDot(SmtpCore):
    """Measures lines of text before it has taken the added period off."""

    def take_text_line(self, line: bytes) -> None:
        """The limit is put to what came over the wire."""
        if len(line) > self.text_line_limit():
            self.refuse_text(self.line_too_long())
        super().take_text_line(line)


class TakesLongLines(SmtpCore):
    """What the next faults stand on: lines of any length are accepted."""

    def text_line_limit(self) -> int:
        """None to speak of."""
        return _ROOMY_OCTETS


@fault("folds-long-lines", breaks=("rfc5321/4.5.2/6", "rfc5321/4.5.2/4"))
class FoldsLongLines(TakesLongLines):
    """Accepts lines of any length and puts CRLF and a blank into them after each 998 octets."""

    def unstuff(self, line: bytes) -> bytes:
        """As if each line were a header field."""
        line = super().unstuff(line).removesuffix(b"\r\n")
        return b"\r\n ".join(line[at : at + 998] for at in range(0, max(len(line), 1), 998)) + b"\r\n"

    def has_stray_octet(self, line: bytes) -> bool:
        """The line ends are its own."""
        return super().has_stray_octet(line.replace(b"\r\n ", b"") if len(line) > 998 else line)


@fault("cuts-long-lines", breaks=("rfc5321/4.5.2/6", "rfc5321/4.5.2/4"))
class CutsLongLines(TakesLongLines):
    """Accepts lines of any length and keeps the first 4096 octets of each."""

    def unstuff(self, line: bytes) -> bytes:
        """What does not fit the buffer is gone."""
        return super().unstuff(line).removesuffix(b"\r\n")[:4096] + b"\r\n"


@fault("takes-smaller-messages", breaks=("rfc5321/4.5.3.1.7/1", "rfc5321/4.5.3.1/1"))
class TakesSmallerMessages(SmtpCore):
    """Refuses messages of more than 65,000 octets, while it offers more by SIZE."""

    def max_text_octets(self) -> int:
        """64 times a thousand and some, taken for 64 K."""
        return 65_000


@fault("adds-an-empty-line", breaks="rfc5321/4.1.1.4/5")
class AddsAnEmptyLine(SmtpCore):
    """Stores the CRLF before the final period as a line of its own."""

    def with_trace(self, text: bytes) -> bytes:
        """One CRLF too many."""
        return super().with_trace(text) + b"\r\n"


@fault("drops-empty-lines-at-the-end", breaks="rfc5321/4.1.1.4/4")
class DropsEmptyLinesAtTheEnd(SmtpCore):
    """Stores a message without the empty lines at its end."""

    def with_trace(self, text: bytes) -> bytes:
        """Leaves one line end, or the header's end."""
        octets = super().with_trace(text)
        head, between, body = octets.partition(b"\r\n\r\n")
        while body.endswith(b"\r\n\r\n") or body == b"\r\n":
            body = body.removesuffix(b"\r\n")
        return head + between + body


@fault("unstuffs-every-dot", breaks=("rfc5321/4.5.2/3", "rfc6152/3/8"))
class UnstuffsEveryDot(SmtpCore):
    """Takes all leading periods off a line, not one."""

    def unstuff(self, line: bytes) -> bytes:
        """An lstrip where a slice belongs."""
        return line.lstrip(b".")


@fault("unstuffs-behind-blanks", breaks="rfc5321/4.5.2/3")
class UnstuffsBehindBlanks(SmtpCore):
    """Takes a period off lines that begin with blanks or tabs and then a period."""

    def unstuff(self, line: bytes) -> bytes:
        """Looks at the first character that is no blank."""
        blanks = line[: len(line) - len(line.lstrip(b" \t"))]
        return blanks + super().unstuff(line[len(blanks) :])


@fault(
    "unstuffs-before-looking-for-the-end",
    breaks=("rfc5321/4.5.2/3", "rfc5321/4.5.2/2", "rfc6152/3/8"),
    also={"smtp/synchrony/one_answer_to_each_command": "text behind the doubled period is taken for commands"},
)
class UnstuffsBeforeLookingForTheEnd(SmtpCore):
    """Takes the added period off first, so that a doubled lone period ends the data as well."""

    def is_end_of_data(self, line: bytes) -> bool:
        """One period or two."""
        return line in (b".\r\n", b"..\r\n")


@fault(
    "unstuffs-at-the-start-of-a-segment",
    breaks="rfc5321/4.5.2/3",
    also={"smtp/segmentation/same_verdict_however_cut": "what it does hangs on where the segments are cut"},
)
class UnstuffsAtTheStartOfASegment(SmtpCore):
    """Takes the start of each segment for the start of a line, and a period there for an added one."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Takes it off while text comes in; a period that may begin the end of data is left."""
        if self.state is State.RECEIVING and self._pending and octets[:1] == b"." and octets[1:2] not in b"\r":
            octets = octets[1:]
        return super().receive(octets, now)
