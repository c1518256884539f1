"""The server's side of the formal syntax: strings, lists and dates as they go on the wire (RFC 3501 §4, §9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from reference_server.imap.grammar import is_utf8

MAX_QUOTED_OCTETS = 1024
"""Longer strings go as literals, so that no reply line grows without end."""

# QUOTED-CHAR without CTL: the RFC lets a quoted string hold TAB and the like, clients do not expect it.
QUOTABLE = re.compile(rb"[\x20-\x7e]*")
PRINTABLE = re.compile(rb"[\x20-\x7e\x80-\xff]*")
# astring   = 1*ASTRING-CHAR / string
BARE = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

String = Callable[[bytes], bytes]
"""How a core writes a string: one of its own methods, so that it has the last word."""


def literal(octets: bytes) -> bytes:
    """`literal`: the count is of octets (RFC 3501 §4.3)."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def literal8(octets: bytes) -> bytes:
    """`literal8`: a literal that may have NUL in it (RFC 3516 §7)."""
    return b"~" + literal(octets)


def quoted(octets: bytes) -> bytes:
    """`quoted`; the octets must be quotable."""
    return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def is_quotable(octets: bytes) -> bool:
    """Whether these octets may and should stand between quotes: short, 7 bit, no control characters."""
    return len(octets) <= MAX_QUOTED_OCTETS and QUOTABLE.fullmatch(octets) is not None


def is_quotable_utf8(octets: bytes) -> bool:
    """Whether they may stand between quotes where UTF-8 may: TEXT-CHAR, UTF8-2, UTF8-3, UTF8-4 (RFC 9051 §9)."""
    return len(octets) <= MAX_QUOTED_OCTETS and PRINTABLE.fullmatch(octets) is not None and is_utf8(octets)


def nstring(octets: bytes | None, string: String) -> bytes:
    """`nstring = string / nil`."""
    return b"NIL" if octets is None else string(octets)


def astring(octets: bytes, string: String) -> bytes:
    """`astring`; bare where that is possible and cannot be taken for NIL."""
    return octets if BARE.fullmatch(octets) and octets.upper() != b"NIL" else string(octets)


def parenthesized(items: Iterable[bytes]) -> bytes:
    """`"(" item *(SP item) ")"`."""
    return b"(%b)" % b" ".join(items)


def date_time(moment: datetime) -> bytes:
    """`date-time`, the day in two places (RFC 3501 §9, date-day-fixed)."""
    offset = moment.utcoffset() or timedelta()
    minutes = offset // timedelta(minutes=1)
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    day = f"{moment.day:2d}-{MONTHS[moment.month - 1]}-{moment.year:04d}"
    return f'"{day} {moment:%H:%M:%S} {zone}"'.encode("ascii")


def sequence_set(numbers: Iterable[int]) -> bytes:
    """`sequence-set` of ascending numbers, runs joined (RFC 4315 §3, uid-set; RFC 4731 §3.1)."""
    return range_set(runs(numbers))


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of ascending numbers that has no gap."""
    found: list[tuple[int, int]] = []
    first = last = -1
    for number in numbers:
        if number != last + 1 or first < 0:
            if first >= 0:
                found.append((first, last))
            first = number
        last = number
    if first >= 0:
        found.append((first, last))
    return found


def range_set(ranges: Iterable[tuple[int, int]]) -> bytes:
    """`sequence-set` of ranges, as they stand."""
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in ranges)
