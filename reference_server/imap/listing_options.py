"""What the extended LIST command can ask for (RFC 5258 §6; options of RFC 5819 and RFC 6154)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.mailboxes import parse_status_items
from reference_server.imap.names import parse_mailbox


@dataclass(frozen=True, slots=True)
class Extended:
    """What only an extended LIST can say: every pattern, selection options, and return options with their arguments."""

    patterns: tuple[bytes, ...]
    selection: frozenset[bytes]
    returns: Mapping[bytes, object]

    @property
    def criteria(self) -> frozenset[bytes]:
        """The selection options that restrict what is listed."""
        return self.selection & CRITERIA

    @property
    def asks_for_subscriptions(self) -> bool:
        """The selection option implies the return option (RFC 5258 §3.1)."""
        return b"SUBSCRIBED" in self.selection or b"SUBSCRIBED" in self.returns


@dataclass(frozen=True, slots=True)
class Listing:
    """Arguments of LIST and LSUB, as on the wire; of several patterns the first stands in `pattern`."""

    reference: bytes
    pattern: bytes
    extended: Extended | None = None


BASE_OPTIONS = frozenset({b"SUBSCRIBED"})
"""list-select-base-opt: one of these has to be there for RECURSIVEMATCH to mean anything."""

CRITERIA = BASE_OPTIONS | {b"SPECIAL-USE"}
"""Selection options that restrict. REMOTE widens instead, and no mailbox here is remote."""

SELECTION_OPTIONS = CRITERIA | {b"REMOTE", b"RECURSIVEMATCH"}
"""list-select-opt: what may stand before the reference. An extension adds its names."""


def _nothing(_: Cursor) -> None:
    """An option without argument."""


def _status_items(cursor: Cursor) -> tuple[bytes, ...]:
    cursor.space()
    return parse_status_items(cursor)


RETURN_OPTIONS: Mapping[bytes, Callable[[Cursor], object]] = MappingProxyType({
    b"SUBSCRIBED": _nothing,
    b"CHILDREN": _nothing,
    b"SPECIAL-USE": _nothing,
    b"STATUS": _status_items,
    b"MYRIGHTS": _nothing,  # RFC 8440
})  # fmt: skip
"""return-option: what reads its argument. An extension adds its rows."""

# list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]      (RFC 5258 §6)


def parse_list(cursor: Cursor) -> Listing:
    """`list`, plain or extended.

    Raises:
        GrammarError: also for options that are not known, and for RECURSIVEMATCH on its own (RFC 5258 §3, §3.1).
    """
    extended = cursor.peek(b" (")
    selection: frozenset[bytes] = frozenset()
    if extended:
        cursor.space()
        selection = _selection(cursor)
    reference = parse_mailbox(cursor)
    cursor.space()
    if cursor.peek(b"("):
        extended = True
        patterns = tuple(cursor.list_of(cursor.list_mailbox))
    else:
        patterns = (cursor.list_mailbox(),)
    returns: Mapping[bytes, object] = {}
    if cursor.skip(b" "):
        extended = True
        returns = _returns(cursor)
    return Listing(reference, patterns[0], Extended(patterns, selection, returns) if extended else None)


def parse_lsub(cursor: Cursor) -> Listing:
    """`lsub = "LSUB" SP mailbox SP list-mailbox`."""
    reference = parse_mailbox(cursor)
    cursor.space()
    return Listing(reference, cursor.list_mailbox())


def _selection(cursor: Cursor) -> frozenset[bytes]:
    options = frozenset(cursor.list_of(cursor.atom, may_be_empty=True))
    if not options <= SELECTION_OPTIONS:
        raise GrammarError("no such selection option")
    if b"RECURSIVEMATCH" in options and not options & BASE_OPTIONS:
        raise GrammarError("RECURSIVEMATCH needs something to match")
    return options


def _returns(cursor: Cursor) -> Mapping[bytes, object]:
    if cursor.atom() != b"RETURN":
        raise GrammarError("expected RETURN")
    cursor.space()

    def option() -> tuple[bytes, object]:
        name = cursor.atom()
        if name not in RETURN_OPTIONS:
            raise GrammarError("no such return option")
        return name, RETURN_OPTIONS[name](cursor)

    return dict(cursor.list_of(option, may_be_empty=True))
