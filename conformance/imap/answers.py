"""What the answers to IMAP commands hold, taken out for checks: data items, flags, UIDs (RFC 3501 §7.4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect
from conformance.imap.session import Answer, ImapSession
from conformance.wire.imap import Atom, Response, Value

Items = Mapping[str, Value]
"""The data items of one message, names in upper case."""

UNASKED = frozenset({"FLAGS", "UID"})
"""Data items that come without being asked for."""

SYSTEM_FLAGS = frozenset({"\\answered", "\\flagged", "\\deleted", "\\seen", "\\draft"})
"""Flags that a client may set, in lower case (RFC 3501 §2.3.2)."""


def expect_ok(answer: Answer, what: str) -> Answer:
    """The command was done; the answer is handed on.

    Raises:
        ViolationError: it was not.
    """
    expect(answer.ok, f"OK to {what}", answer.tagged)
    return answer


def set_up(imap: ImapSession, line: str | bytes) -> Answer:
    """A command that has to work before the question can be put.

    Raises:
        InconclusiveError: it was refused.
    """
    answer = imap.command(line)
    if not answer.ok:
        shown = line if isinstance(line, str) else line.decode("ascii", "backslashreplace")
        raise InconclusiveError(f"{shown} was refused: {answer.tagged}")
    return answer


def expect_alone(imap: ImapSession, *answers: Answer) -> None:
    """These commands got one tagged answer each and no more, and so does a NOOP after them.

    Raises:
        ViolationError: something else has a tag, or the session is out of step.
    """
    after = expect_ok(imap.command("NOOP"), "a NOOP afterwards")
    stray = [response for answer in (*answers, after) for response in answer.untagged if response.tag != b"*"]
    expect(not stray, "exactly one tagged answer to each command", f"also {stray[:1] and stray[0]}")


def need(imap: ImapSession, *capabilities: str) -> str:
    """The first of these capabilities that the server lists.

    Raises:
        NotApplicableError: it lists none of them.
    """
    listed = imap.capabilities()
    for name in capabilities:
        if name in listed:
            return name
    raise not_applicable(f"{' or '.join(capabilities)} is not offered")


def fetched(imap: ImapSession, messages: str, items: str, *, uid: bool = False) -> dict[int, Items]:
    """What FETCH returned for these messages, by message number.

    A server may tell flags and UIDs of any message at any time (RFC 3501 §7.4.2), so that a message counts as answered
    only if more than these came, where more was asked for.

    Raises:
        ViolationError: FETCH was refused.
    """
    command = f"{'UID ' if uid else ''}FETCH {messages} ({items})"
    found = by_number(expect_ok(imap.command(command), command))
    if set(items.split(" ")) <= UNASKED:
        return found
    return {each: told for each, told in found.items() if not set(told) <= UNASKED}


def by_number(answer: Answer) -> dict[int, Items]:
    """The data items in an answer, by message number."""
    numbers = dict.fromkeys(response.number or 0 for response in answer.named("FETCH"))
    return {number: answer.fetched(number) for number in numbers}


def fetched_one(imap: ImapSession, items: str, *, number: int = 1) -> Items:
    """What FETCH returned for one message.

    Raises:
        ViolationError: FETCH was refused or said nothing of the message.
    """
    found = fetched(imap, str(number), items)
    expect(number in found, f"a FETCH response for message {number}", f"FETCH responses for {sorted(found)}")
    return found[number]


def value(items: Items, name: str) -> Value:
    """The value of a data item.

    Raises:
        ViolationError: it is not there.
    """
    expect(name in items, f"the data item {name}", f"only {', '.join(items) or 'none'}")
    return items[name]


def string(items: Items, name: str) -> bytes:
    """The value of a data item that is a string.

    Raises:
        ViolationError: it is not there, or is something else.
    """
    found = value(items, name)
    if not isinstance(found, bytes) or isinstance(found, Atom):
        raise ViolationError(f"a string as the value of {name}", shown(found))
    return found


def number(items: Items, name: str) -> int:
    """The value of a data item that is a number.

    Raises:
        ViolationError: it is not there, or is something else.
    """
    found = value(items, name)
    if not isinstance(found, Atom) or not found.isdigit():
        raise ViolationError(f"a number as the value of {name}", shown(found))
    return int(found)


def flags(items: Items) -> frozenset[str]:
    """The flags of a message, in lower case: case does not tell flags apart (RFC 3501 §9, note 1).

    Raises:
        ViolationError: there is no FLAGS, or it is no list.
    """
    found = value(items, "FLAGS")
    if not isinstance(found, list):
        raise ViolationError("a list as the value of FLAGS", shown(found))
    return frozenset(each.decode("ascii", "backslashreplace").lower() for each in found if isinstance(each, bytes))


def system_flags(items: Items) -> frozenset[str]:
    """Those of the flags that a client may set; servers add keywords of their own."""
    return flags(items) & SYSTEM_FLAGS


def fetch_items(response: Response) -> Items:
    """The data items of one FETCH response."""
    return Answer((response,), response).fetched(response.number or 0)


def uids(imap: ImapSession) -> list[int]:
    """The UIDs of all messages by message number.

    Raises:
        ViolationError: FETCH does not tell them.
    """
    found = fetched(imap, "1:*", "UID")
    expect(sorted(found) == list(range(1, len(found) + 1)), "message numbers from 1 on", sorted(found))
    return [number(found[each], "UID") for each in sorted(found)]


def exists(answer: Answer) -> int | None:
    """The last EXISTS in an answer."""
    counts = [response.number for response in answer.named("EXISTS")]
    return counts[-1] if counts else None


def numbers_found(answer: Answer) -> list[int]:
    """The numbers in the SEARCH responses of an answer, ascending."""
    return sorted(
        int(each) for response in answer.named("SEARCH") for each in response.values if isinstance(each, Atom)
    )


def permanent_flags(selected: Answer) -> frozenset[str]:
    """PERMANENTFLAGS in the answer to SELECT, in lower case; without it all flags are (RFC 3501 §6.3.1)."""
    code = selected.code("PERMANENTFLAGS")
    return SYSTEM_FLAGS | {"\\*"} if code is None else frozenset(code.strip("() ").lower().split())


def internal_date(items: Items) -> datetime:
    """INTERNALDATE as a moment.

    Raises:
        ViolationError: it is none.
    """
    text = string(items, "INTERNALDATE").decode("ascii", "backslashreplace")
    try:
        return datetime.strptime(text.strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        raise ViolationError("INTERNALDATE as day-month-year time zone", text) from None


def uid_set(text: str) -> list[int]:
    """The UIDs of a set such as `4:6,9` in the order written (RFC 4315 §4).

    Raises:
        ViolationError: it is no such set.
    """
    found: list[int] = []
    for piece in text.split(","):
        low, colon, high = piece.partition(":")
        if not (low.isdigit() and (high.isdigit() or not colon)):
            raise ViolationError("a set of UIDs without *", text)
        ends = sorted((int(low), int(high or low)))
        expect(ends[1] - ends[0] < 1000, "no more UIDs than there are messages", text)
        found += range(ends[0], ends[1] + 1)
    return found


def shown(found: object) -> str:
    """A value for a report."""
    return repr(found)[:300]


def sequence(numbers: Iterable[int]) -> str:
    """A sequence set that spells every number out."""
    return ",".join(map(str, numbers))
