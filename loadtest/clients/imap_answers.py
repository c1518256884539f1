"""What the load client makes of IMAP responses, and what it puts into commands (RFC 3501 §6, §7, §9; RFC 9051).

Pure functions on octets that a server chose: each gives a value, however poor, and never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from conformance.wire.imap import Atom, Response, Value, parse

LONGEST_OFFER = 8192
"""Octets of a capability list that are looked at."""

# What nearly all servers answer to UID FETCH (BODY.PEEK[]), the UID before or after; everything else is parsed.
_WHOLE_MESSAGE = re.compile(rb"\* [0-9]{1,10} FETCH \((?:UID ([0-9]{1,10}) )?BODY\[\] \{([0-9]{1,10})\}\r\n")
_UID_BEHIND = re.compile(rb" UID ([0-9]{1,10})\)\r\n")
# QUOTED-CHAR without what needs a backslash is most of it; CR, LF, NUL and 8-bit octets need a literal (RFC 3501 §9).
_QUOTABLE = re.compile(rb"[\x20-\x7e]*")
_SPECIAL = re.compile(rb'(["\\])')

_NOT_THERE = frozenset({rb"\NOSELECT", rb"\NONEXISTENT"})


class Literal(bytes):
    """Part of a command that is sent as a literal (RFC 9051 §4.3)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command came to: its tagged response, and those untagged ones that were asked for."""

    done: Response
    data: tuple[Response, ...]


@dataclass(frozen=True, slots=True)
class Selected:
    """What SELECT told of a mailbox; 0 where the server did not say.

    `changed` and `vanished` count messages that it told of because a client had asked what became of its copy (QRESYNC,
    RFC 7162 §3.2.5).
    """

    exists: int
    uid_next: int
    uid_validity: int
    highest_modseq: int = 0
    changed: int = 0
    vanished: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """One FETCH response that has a UID. `items` by upper-cased name: `FLAGS`, `RFC822.SIZE`, `BODY[]`, …"""

    number: int
    uid: int
    items: dict[bytes, Value]


def astring(octets: bytes) -> bytes:
    """The octets as a quoted string, or as a literal where they cannot be one."""
    if _QUOTABLE.fullmatch(octets):
        return b'"%b"' % _SPECIAL.sub(rb"\\\1", octets)
    return Literal(octets)


def mailbox(name: str) -> bytes:
    """A mailbox name, which is given as it crosses the wire (modified UTF-7 or UTF-8)."""
    return astring(name.encode("utf-8", "surrogateescape"))


def mailbox_names(responses: Iterable[Response]) -> list[str]:
    """The names in LIST responses of mailboxes that can be opened, as they crossed the wire.

    `mailbox` makes the same octets of them again.
    """
    # Attributes, hierarchy delimiter, name; extended items may follow (RFC 9051 §7.3.1).
    told = [response.values[:3] for response in responses if len(response.values) >= 3]
    return [
        name.decode("utf-8", "surrogateescape")
        for attributes, _, name in told
        if isinstance(name, bytes) and not _NOT_THERE & _words(attributes)
    ]


def _words(value: Value) -> set[bytes]:
    """The atoms of a list, upper-cased."""
    return {word.upper() for word in value if isinstance(word, bytes)} if isinstance(value, list) else set()


def number(value: Value) -> int | None:
    """The number that a value is, if it is one of up to twenty digits."""
    return int(value) if isinstance(value, bytes) and len(value) <= 20 and value.isdigit() else None


def named(value: Value) -> dict[bytes, Value]:
    """A list of names and values in turn, by upper-cased name."""
    if not isinstance(value, list):
        return {}
    return {name.upper(): item for name, item in zip(value[::2], value[1::2], strict=False) if isinstance(name, bytes)}


def coded_numbers(responses: Iterable[Response]) -> dict[bytes, int]:
    """The numbers in response codes, such as UIDNEXT (RFC 9051 §7.1)."""
    found = {}
    for response in responses:
        name, _, rest = response.code.partition(b" ")
        if (figure := number(rest)) is not None:
            found[name.upper()] = figure
    return found


def figures(responses: Iterable[Response]) -> dict[bytes, int]:
    """The numbers in STATUS responses (RFC 9051 §7.3.4)."""
    return {
        name: figure
        for response in responses
        for name, value in named(response.values[-1] if response.values else None).items()
        if (figure := number(value)) is not None
    }


@lru_cache(maxsize=64)
def _offered(words: bytes) -> frozenset[bytes]:
    return frozenset(words.upper().split())


def capabilities(words: bytes) -> frozenset[bytes]:
    """Capabilities, upper-cased. Ten thousand sessions with one server share one set."""
    return _offered(words[:LONGEST_OFFER])


def uid_set(uids: Sequence[int]) -> bytes:
    """Ascending UIDs as a sequence set, neighbours as ranges."""
    parts: list[bytes] = []
    at = 0
    while at < len(uids):
        end = at
        while end + 1 < len(uids) and uids[end + 1] == uids[end] + 1:
            end += 1
        parts.append(b"%d" % uids[at] if end == at else b"%d:%d" % (uids[at], uids[end]))
        at = end + 1
    return b",".join(parts)


def ranges(value: Value) -> Iterator[tuple[int, int]]:
    """First and last number of each part of a sequence set; what is none is left out."""
    for part in value.split(b",") if isinstance(value, bytes) else ():
        first, colon, last = part.partition(b":")
        ends = (number(first), number(last) if colon else number(first))
        if ends[0] is not None and ends[1] is not None:
            yield min(ends[0], ends[1]), max(ends[0], ends[1])


def gone(response: Response) -> tuple[int, bool]:
    """How many messages a VANISHED response names, and whether they went before this session (RFC 7162 §3.2.10)."""
    values = response.values
    count = sum(last - first + 1 for first, last in ranges(values[-1] if values else None))
    return count, len(values) > 1


def found(responses: Iterable[Response], *, at_most: int) -> list[int] | None:
    """The numbers of SEARCH and ESEARCH results (RFC 9051 §7.3.4), None if they are more than `at_most`."""
    numbers: list[int] = []
    for response in responses:
        if response.name == b"ESEARCH":
            at = [isinstance(value, bytes) and value.upper() == b"ALL" for value in response.values]
            parts = ranges(response.values[at.index(True) + 1]) if True in at[:-1] else iter(())
        else:
            plain = [figure for value in response.values if (figure := number(value)) is not None]
            parts = zip(plain, plain, strict=True)
        for first, last in parts:
            if len(numbers) + last - first >= at_most:
                return None
            numbers.extend(range(first, last + 1))
    return numbers


def fetched(response: Response) -> Fetched | None:
    """A FETCH response, if it tells a UID: what has none was sent unasked (RFC 9051 §6.4.9)."""
    items = named(response.values[0] if response.values else None)
    uid = number(items.get(b"UID"))
    return None if uid is None or response.number is None else Fetched(response.number, uid, items)


def whole_message(raw: bytes) -> tuple[int, bytes] | None:
    """UID and octets of the message in a FETCH response, if it holds both."""
    if (head := _WHOLE_MESSAGE.match(raw)) is not None:
        start = head.end()
        end = start + int(head[2])
        if head[1] is not None:
            if raw[end:] == b")\r\n":
                return int(head[1]), raw[start:end]
        elif (tail := _UID_BEHIND.fullmatch(raw, end)) is not None:
            return int(tail[1]), raw[start:end]
    if name_of(raw) != b"FETCH" or (other := fetched(parse(raw))) is None:
        return None
    octets = other.items.get(b"BODY[]")
    return (other.uid, octets) if isinstance(octets, bytes) and not isinstance(octets, Atom) else None


def name_of(raw: bytes) -> bytes:
    """The upper-cased name of an untagged response, without parsing the rest."""
    words = raw[2:64].split(None, 2)
    if words and words[0].isdigit():
        del words[0]
    return words[0].upper() if words else b""
