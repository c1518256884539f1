"""Search keys, each with a model of what it matches: RFC 3501 §6.4.4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    telling = st.sampled_from((("X-Colour", ""), ("Comments", "green"), ("x-colour", "GREEN"), ("X-None", "report")))
    names = st.sampled_from(("X-Colour", "x-colour", "Comments", "Message-ID", "Subject", "X-None"))
    strings = _strings("", "green", "white", "late", "two@server", "report", "nowhere")
    return st.one_of(telling, st.tuples(names, strings)).map(key)


def text_keys() -> SearchStrategy[Key]:
    """BODY and TEXT with strings from bodies and headers."""

    def key(drawn: tuple[str, str]) -> Key:
        name, wanted = drawn
        if name == "BODY":
            return Key(b"BODY " + quoted(wanted), lambda message: contains(message.written.body, wanted))
        return Key(b"TEXT " + quoted(wanted), lambda message: contains(message.written.octets.decode("ascii"), wanted))

    telling = st.tuples(st.sampled_from(("BODY", "TEXT")), _strings(*IN_HEADERS))
    return st.one_of(telling, st.tuples(st.sampled_from(("BODY", "TEXT")), _strings(*IN_BODIES, *IN_HEADERS))).map(key)


FLAGS = ("ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN")


def _flag_key(name: str, *, negated: bool) -> Key:
    flag = "\\" + name.lower()
    line = ("UN" if negated else "") + name
    return Key(line.encode(), lambda message: (flag in message.flags) is not negated)


FLAG_KEYS = (
    Key(b"ALL", lambda message: True),
    *(_flag_key(name, negated=negated) for name in FLAGS for negated in (False, True)),
)
"""ALL, and each system flag and its opposite."""


def larger(octets: int) -> Key:
    """LARGER."""
    return Key(b"LARGER %d" % octets, lambda message: message.size > octets)


def smaller(octets: int) -> Key:
    """SMALLER."""
    return Key(b"SMALLER %d" % octets, lambda message: message.size < octets)


def sizes() -> SearchStrategy[int]:
    """The sizes of the messages, and the largest number that has neighbours on both sides."""
    return st.sampled_from([*(len(message.octets) for message in CORPUS), 4294967294])


DATE_FORMS = ("plain", "quoted", "two digits")
"""How a day can be written."""


def date_keys(names: Sequence[str], day: date, form: str) -> list[Key]:
    """BEFORE, ON and SINCE, or their SENT forms, with a day, the one before and the one after."""
    return [_date_key(name, day + timedelta(days=more), form) for name in names for more in (-1, 0, 1)]


def _date_key(name: str, day: date, form: str) -> Key:
    text = f"{day.day}-{MONTHS[day.month - 1]}-{day.year}"
    text = {"plain": text, "quoted": f'"{text}"', "two digits": f"{day.day:02d}{text[text.index('-') :]}"}[form]
    way = name.removeprefix("SENT")

    def holds(message: Stored) -> bool:
        of_message = message.written.sent if name.startswith("SENT") else message.arrived
        return {"BEFORE": of_message < day, "ON": of_message == day, "SINCE": of_message >= day}[way]

    return Key(f"{name} {text}".encode(), holds)


def simple_keys() -> SearchStrategy[Key]:
    """Keys that stand alone: flags, sizes and sets."""
    of_sizes = st.tuples(st.sampled_from((larger, smaller)), sizes()).map(lambda drawn: drawn[0](drawn[1]))
    return st.one_of(st.sampled_from(FLAG_KEYS), of_sizes, set_keys())


def set_keys() -> SearchStrategy[Key]:
    """Sequence sets within the six messages, ends in either order, with and without `*`."""

    def key(ranges: list[tuple[int, int]]) -> Key:
        shown = ",".join(f"{a}" if a == b else f"{a}:{b}".replace("6", "*") for a, b in ranges)
        return Key(shown.encode(), lambda message: any(min(pair) <= message.number <= max(pair) for pair in ranges))

    ends = st.integers(1, len(CORPUS))
    return st.lists(st.tuples(ends, ends), min_size=1, max_size=3).map(key)


def combined_keys() -> SearchStrategy[Key]:
    """`OR NOT key (key key)`, where each key may be such a combination again."""

    def combined(inner: SearchStrategy[Key]) -> SearchStrategy[Key]:
        several = st.lists(inner, min_size=1, max_size=3)
        return st.builds(lambda one, more: _either(_opposite(one), _all_of(more)), inner, several)

    return combined(st.recursive(simple_keys(), combined, max_leaves=4))


def _opposite(key: Key) -> Key:
    return Key(b"NOT " + key.line, lambda message: not key.holds(message))


def _either(first: Key, second: Key) -> Key:
    return Key(b"OR " + first.line + b" " + second.line, lambda message: first.holds(message) or second.holds(message))


def _all_of(keys: list[Key]) -> Key:
    line = b"(" + b" ".join(key.line for key in keys) + b")"
    return Key(line, lambda message: all(key.holds(message) for key in keys))


def key_rows() -> SearchStrategy[Key]:
    """Two or three keys beside each other, without parentheses."""
    return st.lists(simple_keys(), min_size=2, max_size=3).map(
        lambda keys: Key(b" ".join(k.line for k in keys), lambda message: all(k.holds(message) for k in keys))
    )
