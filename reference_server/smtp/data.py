"""DATA: the mail text, its transparency and its limits (RFC 5321 §4.1.1.4, §4.5.2, §4.5.3.1).

Lines end in CRLF and in nothing else, and the only end of the text is a line of a single dot. Whatever is wrong with
the text is noted while it goes by and answered after that dot, so that no octet of it is ever taken for a command.
"""

from __future__ import annotations

import re
from typing import ClassVar

from reference_server.smtp import blocks
from reference_server.smtp.base import Session
from reference_server.smtp.session import Event, Verb
from reference_server.smtp.trace import header_of

# CR and LF stand only together, as CRLF (RFC 5321 §2.3.8); NUL is no character of a message (RFC 5322 §2.2, §3.5).
_STRAY = re.compile(rb"[\0\r\n]")
_RECEIVED = re.compile(rb"^received:", re.IGNORECASE | re.MULTILINE)

_SEE_EACH_LINE = (
    *("text_line_end", "is_end_of_data", "take_text_line", "keep_text_line"),
    *("unstuff", "refusal_of_text_line", "has_stray_octet"),
)


class Text(Session):
    """Receives the text of one message after another.

    Lines are taken in blocks, as many as arrived. A class that overrides one of the methods that see each line has
    them called for each line: that is settled when the class is made, and `by_block` says how.
    """

    by_block: ClassVar[bool] = True
    _text: list[bytes]
    _text_octets: int
    _refusal: bytes | None
    _inside_overlong_line: bool = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.by_block = all(getattr(cls, name) is getattr(Text, name) for name in _SEE_EACH_LINE)

    def on_data(self) -> bytes:
        """DATA: everything after this is text. Arbitrary octets come by BDAT only (RFC 3030 §3)."""
        if self.transaction.binary:
            return self.bad_sequence("BODY=BINARYMIME needs BDAT")
        self.begin_text()
        self.advance(Verb.DATA)
        return self.reply(354, "end with a line of a single dot")

    def forget_transaction(self) -> None:
        """Drop what was received of its text, too."""
        super().forget_transaction()
        self.begin_text()

    def begin_text(self) -> None:
        """Forget what is left of an earlier message."""
        self._text = []
        self._text_octets = 0
        self._refusal = None
        self._inside_overlong_line = False

    def read_text(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Take whole lines from `pending`, from `at` on; returns where it stopped, and the reply if the text ended."""
        return self._read_block(pending, at) if self.by_block else self._read_lines(pending, at)

    def _read_block(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        if self._inside_overlong_line:
            end = self.text_line_end(pending, at)
            if not end:
                return self._read_rest(pending, at)
            self._inside_overlong_line = False
            at = end
        stop, end, stuffed = blocks.whole_lines(pending, at)
        if stop > at:
            block = pending[at:stop]
            self.keep_block(blocks.unstuffed(block) if stuffed else block)
        return (end, self.on_end_of_data()) if end else self._read_rest(pending, stop)

    def _read_lines(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        while (end := self.text_line_end(pending, at)) > 0:
            line = pending[at:end]
            at = end
            if self._inside_overlong_line:
                self._inside_overlong_line = False
            elif self.is_end_of_data(line):
                return at, self.on_end_of_data()
            else:
                self.take_text_line(line)
        return self._read_rest(pending, at)

    def _read_rest(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        # 1 for a stuffed dot, 1 for a CR whose LF is still to come: anything more is too long however it goes on.
        if len(pending) - at > self.text_line_limit() + 2:
            self._inside_overlong_line = True
            self.refuse_text(self.line_too_long())
            at = len(pending) - 1
        return at, None

    def text_line_end(self, pending: bytes, at: int) -> int:
        """Index after the next line end at or after `at`, 0 if there is none yet (RFC 5321 §2.3.8: only CRLF)."""
        end = pending.find(b"\r\n", at)
        return end + 2 if end >= 0 else 0

    def is_end_of_data(self, line: bytes) -> bool:
        """Whether the line, with its CRLF, is the lone dot (RFC 5321 §4.1.1.4)."""
        return line == b".\r\n"

    def take_text_line(self, line: bytes) -> None:
        """Keep one line of the text as it is on the wire, or note why the message cannot be accepted."""
        self.keep_text_line(self.unstuff(line))

    def keep_text_line(self, line: bytes) -> None:
        """Keep one line of the text as it is meant, or note why the message cannot be accepted."""
        self._text_octets += len(line)
        if self._refusal is None:
            refusal = self.refusal_of_text_line(line)
            if refusal is not None:
                self.refuse_text(refusal)
            elif self._text_octets > self.max_text_octets():
                self.refuse_text(self.too_big())
            else:
                self._text.append(line)

    def keep_block(self, block: bytes) -> None:
        """Keep whole lines of the text as they are meant, or note why the message cannot be accepted."""
        octets = self._text_octets + len(block)
        if self._refusal is None and (
            octets > self.max_text_octets()
            or not blocks.is_plain(block, line_octets=self.text_line_limit(), eight_bit=self.eight_bit_allowed())
        ):
            # Which line it is, and so what is wrong first, shows only line by line.
            for line in block.split(b"\r\n")[:-1]:
                self.keep_text_line(line + b"\r\n")
            return
        self._text_octets = octets
        if self._refusal is None:
            self._text.append(block)

    def refuse_text(self, reply: bytes) -> None:
        """The message will be answered with this; the first reason counts, and nothing more of it is kept."""
        if self._refusal is None:
            self._refusal = reply
            self._text.clear()

    def unstuff(self, line: bytes) -> bytes:
        """Remove exactly one leading dot (RFC 5321 §4.5.2)."""
        return line[1:] if line[:1] == b"." else line

    def text_line_limit(self) -> int:
        """Longest line of text in octets, CRLF included, before stuffing."""
        return self.settings.smtp_limits.text_line_octets

    def max_text_octets(self) -> int:
        """Greatest message in octets after unstuffing (RFC 1870 §3)."""
        return self.settings.max_message_octets

    def refusal_of_text_line(self, line: bytes) -> bytes | None:
        """Why a message with this line, CRLF included and unstuffed, is refused; None if it is not."""
        if len(line) > self.text_line_limit():
            return self.line_too_long()
        if self.has_stray_octet(line):
            return self.reply(554, "bare CR, bare LF or NUL in the message", enhanced="5.6.0")
        if not line.isascii() and not self.eight_bit_allowed():
            return self.reply(554, "8-bit text without BODY=8BITMIME", enhanced="5.6.1")
        return None

    def has_stray_octet(self, line: bytes) -> bool:
        """Whether a bare CR, a bare LF or a NUL stands before the CRLF that ends the line."""
        return _STRAY.search(line, 0, len(line) - 2) is not None

    def eight_bit_allowed(self) -> bool:
        """Only if MAIL said so; RFC 5321 §2.4 lets a server refuse the rest, and refusing damages nothing."""
        return self.transaction.eight_bit or self.transaction.utf8

    def line_too_long(self) -> bytes:
        """The answer to a message with an over-long line: refused, never cut in two."""
        return self.reply(554, "line too long in the message", enhanced="5.6.0")

    def on_end_of_data(self) -> bytes:
        """The lone dot, or the last chunk, came: deliver or refuse, and be ready for the next transaction."""
        text = b"".join(self._text)
        refusal = self._refusal or self.refusal_of_message(text)
        if refusal is None:
            self.deliver(text)
            refusal = self.refusal_after_delivery()
        reply = self.final_reply(refusal)
        self.forget_transaction()
        self.advance(Event.END_OF_DATA)
        return reply

    def refusal_of_message(self, text: bytes) -> bytes | None:
        """Why the whole message is refused; None if it is not."""
        hops = self.settings.smtp_limits.hops
        header = header_of(text)
        # Few headers are long enough to be worth a closer look.
        if len(header) > hops * len(b"received:") and len(_RECEIVED.findall(header)) > hops:
            return self.reply(554, "too many hops", enhanced="5.4.6")
        return self.refusal_of_header(header)

    def final_reply(self, refusal: bytes | None) -> bytes:
        """What is sent after the lone dot or the last chunk."""
        return refusal or self.accepted()

    def accepted(self) -> bytes:
        """From here on the message is ours to keep (RFC 5321 §4.2.5)."""
        return self.reply(250, "message accepted", enhanced="2.0.0")
