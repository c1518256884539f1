"""The client's side of the formal syntax: what arguments are made of (RFC 3501 §9, RFC 7888 §6).

Each expression stands under the ABNF it implements. Nothing is tolerated that the ABNF does not allow; what each
command takes is in that command's own module.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TypeVar

from reference_server.imap.literals import RawCommand

T = TypeVar("T")

# tag             = 1*<any ASTRING-CHAR except "+">
TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+')
# ATOM-CHAR       = <any CHAR except atom-specials>
# atom-specials   = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
# ASTRING-CHAR    = ATOM-CHAR / resp-specials
ASTRING_CHARS = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
# list-char       = ATOM-CHAR / list-wildcards / resp-specials
LIST_CHARS = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
# quoted          = DQUOTE *QUOTED-CHAR DQUOTE
# QUOTED-CHAR     = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials     ; TEXT-CHAR: 7 bit, no NUL, CR, LF
QUOTED = re.compile(rb'"((?:[^\x00\r\n\x80-\xff"\\]|\\["\\])*+)"')
# QUOTED-CHAR     =/ UTF8-2 / UTF8-3 / UTF8-4                                     (RFC 6855 §3, RFC 9051 §9; RFC 3629)
QUOTED_UTF8 = re.compile(rb'"((?:[^\x00\r\n"\\]|\\["\\])*+)"')
QUOTED_PAIR = re.compile(rb'\\(["\\])')
# literal         = "{" number ["+"] "}" CRLF *CHAR8
LITERAL = re.compile(rb"\{[0-9]+\+?\}\Z")
# number          = 1*DIGIT     ; unsigned, 32 bits
NUMBER = re.compile(rb"[0-9]+")
# nz-number       = digit-nz *DIGIT
NZ_NUMBER = re.compile(rb"[1-9][0-9]*")
# flag            = "\" atom / atom        ; \Recent is not one that a client may name
FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
# use-attr        = "\" atom         (RFC 6154 §6)
ATTRIBUTE = re.compile(rb'\\[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
# date-text       = date-day "-" date-month "-" date-year         ; 1*2DIGIT, name, 4DIGIT
MONTHS = (b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC")
_MONTH = rb"(?:" + b"|".join(MONTHS) + rb")"
DATE = re.compile(rb'("?)([0-9]{1,2})-(' + _MONTH + rb")-([0-9]{4})\1", re.IGNORECASE)
# date-time       = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
# date-day-fixed  = (SP DIGIT) / 2DIGIT
DATE_TIME = re.compile(
    rb'"( [0-9]|[0-9]{2})-(' + _MONTH + rb")-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"
    rb'"',
    re.IGNORECASE,
)
_SEQ_NUMBER = rb"(?:[1-9][0-9]*|\*)"
_SEQ_ITEM = _SEQ_NUMBER + rb"(?::" + _SEQ_NUMBER + rb")?"
# sequence-set    = (seq-number / seq-range) ["," sequence-set] / seq-last-command     ; RFC 9051 §9, RFC 5182 §3
# seq-last-command = "$"
SEQUENCE_SET = re.compile(_SEQ_ITEM + rb"(?:," + _SEQ_ITEM + rb")*+(?:,\$)?|\$")

MAX_NUMBER = 4_294_967_295
"""Numbers are unsigned and of 32 bits (RFC 3501 §9)."""

MAX_NUMBER64 = 9_223_372_036_854_775_807
"""Those called `number64` have 63 bits (RFC 9051 §9; RFC 7162 §7, mod-sequence-value)."""

SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
"""Flags that a client may set, \\Recent apart (RFC 3501 §2.3.2)."""

_SPELLING = {name.upper(): name for name in SYSTEM_FLAGS}


class GrammarError(Exception):
    """The client's command does not follow the formal syntax; the text is fit for a BAD reply."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason.encode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Message numbers or UIDs as written: pairs of ends in any order, None for `*` (RFC 3501 §9, sequence-set).

    `saved` tells that the result of the last search that was saved is meant as well (RFC 5182).
    """

    ranges: tuple[tuple[int | None, int | None], ...]
    saved: bool = False

    def resolved(self, largest: int) -> list[tuple[int, int]]:
        """Ascending ranges that do not overlap, with `largest` for `*`."""
        pairs = sorted(
            (min(a, b), max(a, b))
            for a, b in ((largest if a is None else a, largest if b is None else b) for a, b in self.ranges)
        )
        merged: list[tuple[int, int]] = []
        for low, high in pairs:
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(high, merged[-1][1])
            else:
                merged.append((low, high))
        return merged


class Cursor:
    """A place in a command; reads one syntax element after the other, or raises GrammarError."""

    def __init__(self, command: RawCommand, *, utf8: bool = False) -> None:
        self._utf8 = utf8
        self._lines = command.lines
        self._literals = command.literals
        self._line = 0
        self._at = 0

    @property
    def _text(self) -> bytes:
        return self._lines[self._line]

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Step over the pattern if it stands here."""
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def need(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        """Step over the pattern."""
        found = self.match(pattern)
        if found is None:
            raise GrammarError(f"expected {what}")
        return found

    def skip(self, octets: bytes) -> bool:
        """Step over exactly these octets if they stand here."""
        if not self._text.startswith(octets, self._at):
            return False
        self._at += len(octets)
        return True

    def peek(self, octets: bytes) -> bool:
        """Whether these octets stand here."""
        return self._text.startswith(octets, self._at)

    def expect(self, octets: bytes) -> None:
        """Step over exactly these octets."""
        if not self.skip(octets):
            raise GrammarError(f"expected {octets.decode('ascii')!r}")

    def space(self) -> None:
        """SP: exactly one, and nothing else will do (RFC 3501 §9, note 2)."""
        if not self.skip(b" "):
            raise GrammarError("expected one space")

    def end(self) -> None:
        """Nothing more may follow."""
        if self._at != len(self._text) or self._line + 1 != len(self._lines):
            raise GrammarError("unexpected octets after the command")

    def list_of(self, item: Callable[[], T], *, may_be_empty: bool = False) -> list[T]:
        """`"(" item *(SP item) ")"`."""
        self.expect(b"(")
        items: list[T] = []
        if may_be_empty and self.skip(b")"):
            return items
        items.append(item())
        while self.skip(b" "):
            items.append(item())
        self.expect(b")")
        return items

    def atom(self) -> bytes:
        """`atom`, in capitals: wherever a command takes one, case does not matter."""
        return self.need(ATOM, "an atom")[0].upper()

    def tag(self) -> bytes:
        """`tag`."""
        return self.need(TAG, "a tag")[0]

    def string(self) -> bytes:
        """`string = quoted / literal`, unwrapped. What is no UTF-8 is BAD between quotes (RFC 6855 §3)."""
        if quoted := self.match(QUOTED_UTF8 if self._utf8 else QUOTED):
            octets = QUOTED_PAIR.sub(rb"\1", quoted[1])
            if self._utf8 and not is_utf8(octets):
                raise GrammarError("not UTF-8")
            return octets
        if self.peek(b"{"):
            octets = self.literal()
            # literal = "{" number "}" CRLF *CHAR8 and CHAR8 has no NUL.
            if b"\0" in octets:
                raise GrammarError("NUL in a literal")
            return octets
        raise GrammarError("expected a string")

    def literal(self) -> bytes:
        """`literal`; NUL included, for the caller to judge."""
        # A line that ends in an announcement and has no literal after it was refused before it came to parsing.
        if not self.match(LITERAL) or self._line == len(self._literals):
            raise GrammarError("expected a literal")
        octets = self._literals[self._line]
        self._line += 1
        self._at = 0
        return octets

    def literal8(self) -> bytes:
        """`literal8 = "~{" number ["+"] "}" CRLF *OCTET`: NUL is welcome in it (RFC 3516 §7; "+" from RFC 4466 §6)."""
        self.expect(b"~")
        return self.literal()

    def astring(self) -> bytes:
        """`astring = 1*ASTRING-CHAR / string`."""
        bare = self.match(ASTRING_CHARS)
        return bare[0] if bare else self.string()

    def list_mailbox(self) -> bytes:
        """`list-mailbox = 1*list-char / string`: a name that may hold wildcards."""
        bare = self.match(LIST_CHARS)
        return bare[0] if bare else self.string()

    def nstring(self) -> bytes | None:
        """`nstring = string / nil`."""
        return None if self.match(NIL) else self.string()

    def number(self) -> int:
        """`number`."""
        return self._within_32_bits(self.need(NUMBER, "a number")[0])

    def number64(self) -> int:
        """`number64`."""
        return self._within(MAX_NUMBER64, self.need(NUMBER, "a number")[0])

    def nz_number(self) -> int:
        """`nz-number`."""
        return self._within_32_bits(self.need(NZ_NUMBER, "a number above zero")[0])

    def nz_number64(self) -> int:
        """`nz-number64`."""
        return self._within(MAX_NUMBER64, self.need(NZ_NUMBER, "a number above zero")[0])

    def _within_32_bits(self, digits: bytes) -> int:
        return self._within(MAX_NUMBER, digits)

    def _within(self, largest: int, digits: bytes) -> int:
        # Measured first: Python refuses to convert digits by the thousand, and rightly.
        significant = digits.lstrip(b"0")
        if len(significant) > 19 or (value := int(significant or b"0")) > largest:
            raise GrammarError(f"number above {largest}")
        return value

    def sequence_set(self) -> SequenceSet:
        """`sequence-set`."""
        text = self.need(SEQUENCE_SET, "a sequence set")[0]
        ranges: list[tuple[int | None, int | None]] = []
        items = text.split(b",")
        saved = items[-1] == b"$"
        for item in items[:-1] if saved else items:
            first, _, last = item.partition(b":")
            low = None if first == b"*" else self._within_32_bits(first)
            ranges.append((low, low if not last else None if last == b"*" else self._within_32_bits(last)))
        return SequenceSet(tuple(ranges), saved)

    def flag(self) -> str:
        """`flag`; the RFC's spelling for system flags, the client's for keywords."""
        text = self.need(FLAG, "a flag")[0].decode("ascii")
        if text.upper() == "\\RECENT":
            raise GrammarError("\\Recent is not the client's to set")
        return _SPELLING.get(text.upper(), text)

    def attribute(self) -> str:
        """`"\\" atom`: a mailbox attribute, as the client spells it."""
        return self.need(ATTRIBUTE, "an attribute")[0].decode("ascii")

    def flag_list(self) -> list[str]:
        """`flag-list = "(" [flag *(SP flag)] ")"`."""
        return self.list_of(self.flag, may_be_empty=True)

    def date(self) -> date:
        """`date = date-text / DQUOTE date-text DQUOTE`."""
        found = self.need(DATE, "a date")
        try:
            return date(int(found[4]), month_number(found[3]), int(found[2]))
        except ValueError as error:
            raise GrammarError("no such day") from error

    def date_time(self) -> datetime | None:
        """`date-time`; None if there is no such moment, such as the 31st of February."""
        found = self.need(DATE_TIME, "a date-time")
        day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
        offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
        try:
            if int(found[9]) > 59 or second > 60:
                raise ValueError
            zone = timezone(-offset if found[7] == b"-" else offset)
            # A leap second is a real moment that datetime cannot hold.
            return datetime(year, month_number(found[2]), day, hour, minute, min(second, 59), tzinfo=zone)
        except ValueError:
            return None


# nil             = "NIL"       ; and nothing of an atom after it
NIL = re.compile(rb"NIL(?![^\x00-\x20\x7f-\xff(){%*\"\\\]])", re.IGNORECASE)


def month_number(name: bytes) -> int:
    """1 to 12 for the English three-letter name, case apart."""
    return MONTHS.index(name.upper()) + 1


def is_utf8(octets: bytes) -> bool:
    """Whether they are UTF-8 (RFC 3629 §4)."""
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def no_arguments(cursor: Cursor) -> None:
    """A command that takes none."""
