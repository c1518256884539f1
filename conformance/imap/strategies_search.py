"""Search keys, each with a model of what it matches: RFC 3501 §6.4.4."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.imap.search_model import CORPUS, Key, Stored, contains
from conformance.imap.session import quoted

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Strings that stand within a phrase, an address or a text, so that nothing hangs on how a field is taken apart.
IN_ADDRESSES = ("Ann Author", "ann@client.example", "client.example", "bob", "OL", "dan@hidden", "third", "nobody")
IN_SUBJECTS = ("report", "QUARTERLY REPORT", "Re:", "unch", "3 Feb", "inu", "year", "lunchtime")
IN_BODIES = ("figures", "Ann", "green folder", "DECIDED", "noon.", "xxxxxxxxxx", "Happy", "client.example", "sunset")
IN_HEADERS = ("X-Colour", "lunch", "two@server", "Comments: lunch", "quarterly")
CASES: tuple[Callable[[str], str], ...] = (str, str.upper, str.lower, str.swapcase)


def _strings(*choices: str) -> SearchStrategy[str]:
    return st.tuples(st.sampled_from(choices), st.sampled_from(CASES)).map(lambda drawn: drawn[1](drawn[0]))


def _field_key(name: str, wanted: str) -> Key:
    return Key(
        name.encode() + b" " + quoted(wanted), lambda message: any(contains(v, wanted) for v in message.values(name))
    )


def envelope_keys() -> SearchStrategy[Key]:
    """FROM, TO, CC, BCC with parts of addresses, and SUBJECT with parts of subjects."""
    addresses = st.tuples(st.sampled_from(("FROM", "TO", "CC", "BCC")), _strings(*IN_ADDRESSES))
    subjects = st.tuples(st.just("SUBJECT"), _strings(*IN_SUBJECTS))
    return st.one_of(addresses, subjects).map(lambda drawn: _field_key(*drawn))


def header_keys() -> SearchStrategy[Key]:
    """HEADER with fields that some messages have, and strings that are in them, in others or nowhere, or empty."""

    def key(drawn: tuple[str, str]) -> Key:
        name, wanted = drawn
        line = b"HEADER " + name.encode() + b" " + quoted(wanted)
        return Key(line, lambda message: any(contains(value, wanted) for value in message.values(name)))

    names = st.sampled_from(("X-Colour", "x-colour", "Comments", "Message-ID", "Subject", "X-None"))
    return st.tuples(names, _strings("", "green", "white", "late", "two@server", "report", "nowhere")).map(key)


def text_keys() -> SearchStrategy[Key]:
    """BODY and TEXT with strings from bodies and headers."""

    def key(drawn: tuple[str, str]) -> Key:
        name, wanted = drawn
        if name == "BODY":
            return Key(b"BODY " + quoted(wanted), lambda message: contains(message.written.body, wanted))
        return Key(b"TEXT " + quoted(wanted), lambda message: contains(message.written.octets.decode("ascii"), wanted))

    return st.tuples(st.sampled_from(("BODY", "TEXT")), _strings(*IN_BODIES, *IN_HEADERS)).map(key)


FLAGS = ("ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN")


def _flag_key(name: str, *, negated: bool) -> Key:
    flag = "\\" + name.lower()
    line = ("UN" if negated else "") + name
    return Key(line.encode(), lambda message: (flag in message.flags) is not negated)


def flag_keys() -> SearchStrategy[Key]:
    """ALL, and each system flag and its opposite."""
    found = [_flag_key(name, negated=negated) for name in FLAGS for negated in (False, True)]
    return st.sampled_from([Key(b"ALL", lambda message: True), *found])


SIZES = sorted({len(message.octets) + more for message in CORPUS for more in (-1, 0, 1)} | {0, 4294967295})


def size_keys() -> SearchStrategy[Key]:
    """LARGER and SMALLER at, just under and just over the size of each message."""

    def key(drawn: tuple[str, int]) -> Key:
        name, octets = drawn
        larger = name == "LARGER"
        return Key(
            f"{name} {octets}".encode(), lambda message: message.size > octets if larger else message.size < octets
        )

    return st.tuples(st.sampled_from(("LARGER", "SMALLER")), st.sampled_from(SIZES)).map(key)


DAYS = sorted({message.sent + timedelta(days=more) for message in CORPUS for more in (-1, 0, 1)} | {date(2025, 12, 31)})


def _date_key(name: str, day: date, form: str) -> Key:
    text = f"{day.day}-{MONTHS[day.month - 1]}-{day.year}"
    text = {"plain": text, "quoted": f'"{text}"', "two digits": f"{day.day:02d}{text[text.index('-') :]}"}[form]
    way = name.removeprefix("SENT")

    def holds(message: Stored) -> bool:
        of_message = message.written.sent if name.startswith("SENT") else message.arrived
        return {"BEFORE": of_message < day, "ON": of_message == day, "SINCE": of_message >= day}[way]

    return Key(f"{name} {text}".encode(), holds)


def date_keys(*, sent: bool) -> SearchStrategy[Key]:
    """BEFORE, ON and SINCE, or SENTBEFORE, SENTON and SENTSINCE, about the days of the messages."""
    names = st.sampled_from(("SENTBEFORE", "SENTON", "SENTSINCE") if sent else ("BEFORE", "ON", "SINCE"))
    forms = st.sampled_from(("plain", "quoted", "two digits"))
    return st.builds(_date_key, names, st.sampled_from(DAYS), forms)


def set_keys() -> SearchStrategy[Key]:
    """Sequence sets within the six messages, ends in either order, with and without `*`."""

    def key(ranges: list[tuple[int, int]]) -> Key:
        shown = ",".join(f"{a}" if a == b else f"{a}:{b}".replace("6", "*") for a, b in ranges)
        return Key(shown.encode(), lambda message: any(min(pair) <= message.number <= max(pair) for pair in ranges))

    ends = st.integers(1, len(CORPUS))
    return st.lists(st.tuples(ends, ends), min_size=1, max_size=3).map(key)


def combined_keys() -> SearchStrategy[Key]:
    """Keys put together with NOT, OR, parentheses and by standing beside each other."""
    simple = st.one_of(flag_keys(), size_keys(), set_keys())

    def more(inner: SearchStrategy[Key]) -> SearchStrategy[Key]:
        return st.one_of(
            inner.map(lambda key: Key(b"NOT " + key.line, lambda message: not key.holds(message))),
            st.tuples(inner, inner).map(lambda two: _either(*two)),
            st.lists(inner, min_size=1, max_size=3).map(_all_of),
        )

    # Outermost always a combination, or small runs would see none.
    return more(st.recursive(simple, more, max_leaves=4))


def _either(first: Key, second: Key) -> Key:
    return Key(b"OR " + first.line + b" " + second.line, lambda message: first.holds(message) or second.holds(message))


def _all_of(keys: list[Key]) -> Key:
    line = b"(" + b" ".join(key.line for key in keys) + b")"
    return Key(line, lambda message: all(key.holds(message) for key in keys))


def key_rows() -> SearchStrategy[Key]:
    """Two or three keys beside each other, without parentheses."""
    simple = st.one_of(flag_keys(), size_keys(), set_keys())
    return st.lists(simple, min_size=2, max_size=3).map(
        lambda keys: Key(b" ".join(k.line for k in keys), lambda message: all(k.holds(message) for k in keys))
    )
