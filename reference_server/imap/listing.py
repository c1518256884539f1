"""LIST and LSUB (RFC 3501 §6.3.8, §6.3.9; attributes of RFC 3348)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reference_server.imap.grammar import Cursor
from reference_server.imap.names import DELIMITER, INBOX, Names, levels_above, parse_mailbox
from reference_server.imap.responses import parenthesized
from reference_server.imap.session import RefusedError

MAX_PATTERN_OCTETS = 4096
"""Longest pattern; no name is as long."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Arguments of LIST and LSUB, as on the wire."""

    reference: bytes
    pattern: bytes


def parse_listing(cursor: Cursor) -> Listing:
    """`list = "LIST" SP mailbox SP list-mailbox`."""
    reference = parse_mailbox(cursor)
    cursor.space()
    return Listing(reference, cursor.list_mailbox())


def matches(pattern: bytes, name: bytes, delimiter: bytes = DELIMITER.encode("ascii")) -> bool:
    """Whether the name fits: `*` stands for anything, `%` for anything within one level (RFC 3501 §6.3.8).

    All places of the pattern that could be reached are carried along, so that the time is bounded by the product of the
    lengths, whatever the pattern.
    """
    reached = _past_wildcards(pattern, {0})
    for octet in name:
        after: set[int] = set()
        for at in reached:
            if at == len(pattern):
                continue
            if pattern[at] == 0x2A or (pattern[at] == 0x25 and octet != delimiter[0]):
                after.add(at)
            elif pattern[at] == octet and pattern[at] != 0x25:
                after.add(at + 1)
        if not after:
            return False
        reached = _past_wildcards(pattern, after)
    return len(pattern) in reached


def _past_wildcards(pattern: bytes, places: Iterable[int]) -> set[int]:
    """These places, and those that lie behind wildcards that stand for nothing."""
    reached = set()
    for place in places:
        at = place
        reached.add(at)
        while at < len(pattern) and pattern[at] in b"*%":
            at += 1
            if at in reached:
                break
            reached.add(at)
    return reached


class ListCommands(Names):
    """Mixin: LIST and LSUB."""

    def on_list(self, asked: Listing) -> bytes:
        """Answer LIST; an empty pattern asks for the delimiter and the root (RFC 3501 §6.3.8)."""
        if not asked.pattern:
            self.tell_name(b"LIST", [b"\\Noselect"], self.root_of(asked.reference))
            return b"LIST completed"
        names = set(self.user.names())
        above = levels_above(names)
        for name in self.in_order(names | above):
            if self.is_listed(asked, name):
                attributes = self.attributes(selectable=name in names, has_children=name in above)
                self.tell_name(b"LIST", attributes, self.wire_name(name))
        return b"LIST completed"

    def on_lsub(self, asked: Listing) -> bytes:
        """Answer LSUB; subscribed names that are gone still count (RFC 3501 §6.3.9)."""
        subscribed = set(self.user.subscriptions)
        existing = set(self.user.names())
        # With "%" at the end a level is given, as \\Noselect, where only something below it is subscribed.
        implied = self.implied_names(subscribed) if asked.pattern.endswith(b"%") else set()
        for name in self.in_order(subscribed | implied):
            if self.is_listed(asked, name):
                selectable = name in existing and name not in implied
                self.tell_name(b"LSUB", [] if selectable else [b"\\Noselect"], self.wire_name(name))
        return b"LSUB completed"

    def root_of(self, reference: bytes) -> bytes:
        """The root of a reference: empty, since no name here begins with the delimiter."""
        return b""

    def in_order(self, names: set[str]) -> list[str]:
        """INBOX first, the others sorted."""
        return sorted(names, key=lambda name: (name != INBOX, name))

    def is_listed(self, asked: Listing, name: str) -> bool:
        """Whether the name fits reference and pattern, one put after the other; INBOX fits in any case."""
        pattern = asked.reference + asked.pattern
        if len(pattern) > MAX_PATTERN_OCTETS:
            raise RefusedError("the pattern is too long", code=b"LIMIT")
        wire_name = self.wire_name(name)
        return self.pattern_matches(pattern, wire_name) or (
            name == INBOX and self.pattern_matches(pattern.upper(), wire_name)
        )

    def pattern_matches(self, pattern: bytes, wire_name: bytes) -> bool:
        """`matches`."""
        return matches(pattern, wire_name, self.delimiter)

    def attributes(self, *, selectable: bool, has_children: bool) -> list[bytes]:
        """\\Noselect for a name that is only a level; whether there is anything below (RFC 3348 §3)."""
        attributes = [] if selectable else [b"\\Noselect"]
        return [*attributes, b"\\HasChildren" if has_children else b"\\HasNoChildren"]

    def tell_name(self, response: bytes, attributes: list[bytes], wire_name: bytes) -> None:
        """One LIST or LSUB response (RFC 3501 §7.2.2)."""
        name = self.render_mailbox(wire_name) if wire_name else b'""'
        self.untagged(b'%b %b "%b" %b' % (response, parenthesized(attributes), self.delimiter, name))
