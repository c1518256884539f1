"""Servers that mistake how large a message is, or may be (RFC 1870)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore


@fault("ends-the-data-at-the-declared-size", breaks="rfc1870/6/8")
class EndsTheDataAtTheDeclaredSize(SmtpCore):
    """Takes as many octets as MAIL declared for the message, and what follows for commands."""

    _declared = 0

    def take_size(self, value: bytes | None) -> None:
        """Remembered."""
        super().take_size(value)
        self._declared = int(value or b"0")

    def is_end_of_data(self, line: bytes) -> bool:
        """The line behind the one that reached the size."""
        return super().is_end_of_data(line) or 0 < self._declared <= self._text_octets


@fault("announces-no-limit-and-has-one", breaks="rfc1870/3/4")
class AnnouncesNoLimitAndHasOne(SmtpCore):
    """Says SIZE 0 and refuses what is larger than its limit."""

    def extensions(self) -> list[str]:
        """The configuration says 0, and means the default."""
        return ["SIZE 0" if word.startswith("SIZE") else word for word in super().extensions()]


@fault("answers-too-large-a-message-with-554", breaks="rfc1870/4/2")
class AnswersTooLargeAMessageWith554(SmtpCore):
    """Has one code for everything that is wrong with a message."""

    def final_reply(self, refusal: bytes | None) -> bytes:
        """The same for all."""
        return (
            self.reply(554, "rejected", enhanced="5.6.0") if refusal == self.too_big() else super().final_reply(refusal)
        )


@fault("counts-the-added-periods", breaks=("rfc1870/5/1", "rfc1870/6.3/1"))
class CountsTheAddedPeriods(SmtpCore):
    """Measures what was transmitted, periods added for transparency included, and with that what was declared."""

    _declared = 0

    def take_size(self, value: bytes | None) -> None:
        """Remembered."""
        super().take_size(value)
        self._declared = int(value or b"0")

    def unstuff(self, line: bytes) -> bytes:
        """One octet less in the text is one more in the sum."""
        kept = super().unstuff(line)
        self._text_octets += len(line) - len(kept)
        return kept

    def max_text_octets(self) -> int:
        """No more than was declared."""
        return min(self._declared or 1 << 62, super().max_text_octets())


@fault("keeps-one-mebibyte", breaks="rfc5321/4.5.2/4")
class KeepsOneMebibyte(SmtpCore):
    """Accepts messages of any size that it announces, and delivers the first mebibyte."""

    def deliver(self, text: bytes) -> None:
        """What the column of its database takes."""
        super().deliver(text[: 1 << 20])
