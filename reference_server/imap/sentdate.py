"""Dates of messages as SEARCH and SORT compare them: by day, or as moments (RFC 3501 §6.4.4, RFC 5256 §2.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from reference_server.imap.grammar import MONTHS, month_number
from reference_server.imap.lexer import words

# date = day month year                       ; names of months longer than three letters are read     (RFC 5322 §3.3)
DAY = re.compile(rb"\b([0-9]{1,2})\s+(" + b"|".join(MONTHS) + rb")[a-z]*+\s+([0-9]{2,4})\b", re.IGNORECASE)
# time = time-of-day zone      time-of-day = hour ":" minute [ ":" second ]      ; zone may be missing as in old mail
TIME = re.compile(rb"\s+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:\s*([+-][0-9]{4}|[A-Z]++))?", re.IGNORECASE)
# What a date has, colons and signs included, so that comments can be told from it.
ATOM = re.compile(rb'[^\x00-\x20\x7f()<>"\[\]]+')

DAY_S = 86_400

# obs-zone; all others, military letters too, tell nothing that can be relied on                        (RFC 5322 §4.3)
HOURS_OF_ZONE: Mapping[bytes, int] = MappingProxyType({
    b"EDT": -4, b"EST": -5, b"CDT": -5, b"CST": -6, b"MDT": -6, b"MST": -7, b"PDT": -7, b"PST": -8,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SentDate:
    """What a Date field says: the day as it is written there, and the moment."""

    day: date
    moment_s: int


def sent_date(value: bytes | None) -> SentDate | None:
    """What a Date field says, or None if that is no date. A time or zone that is none counts as midnight or UTC."""
    if value is None:
        return None
    if b"(" in value:
        value = b" ".join(word.octets for word in words(value, ATOM))
    found = DAY.search(value)
    if found is None:
        return None
    year = int(found[3])
    if len(found[3]) < 4:
        # obs-year: two digits below 50 are of this century, all others count from 1900     (RFC 5322 §4.3)
        year += 2000 if len(found[3]) == 2 and year < 50 else 1900
    try:
        day = date(year, month_number(found[2]), int(found[1]))
    except ValueError:
        return None
    return SentDate(day, day.toordinal() * DAY_S + _seconds_of_day(TIME.match(value, found.end())))


def _seconds_of_day(found: re.Match[bytes] | None) -> int:
    if found is None:
        return 0
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or b"0")
    if hour > 23 or minute > 59 or second > 60:
        return 0
    return hour * 3600 + minute * 60 + second - _offset_s(found[4] or b"")


def _offset_s(zone: bytes) -> int:
    if zone[:1] in (b"+", b"-"):
        minutes = int(zone[3:])
        offset_s = int(zone[1:3]) * 3600 + minutes * 60 if minutes < 60 else 0
        return -offset_s if zone[:1] == b"-" else offset_s
    return HOURS_OF_ZONE.get(zone.upper(), 0) * 3600


def moment_s(moment: datetime) -> int:
    """Whole seconds on the same scale as `SentDate.moment_s`; a moment without zone is in UTC."""
    offset = moment.utcoffset() or timedelta()
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return moment.toordinal() * DAY_S + seconds - (offset.days * DAY_S + offset.seconds)
