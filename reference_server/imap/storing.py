"""STORE and UID STORE (RFC 3501 §6.4.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reference_server.imap.grammar import SYSTEM_FLAGS, Cursor, SequenceSet
from reference_server.imap.selection import Selection
from reference_server.imap.session import RefusedError

# store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
HOW = re.compile(rb"([+-]?)FLAGS(\.SILENT)?", re.IGNORECASE)

MAX_KEYWORD_OCTETS = 255
"""Longest keyword that is kept."""


@dataclass(frozen=True, slots=True)
class StoreFlags:
    """Arguments of STORE: `sign` is `+`, `-` or nothing."""

    messages: SequenceSet
    sign: bytes
    silent: bool
    flags: tuple[str, ...]


def parse_store(cursor: Cursor) -> StoreFlags:
    """`store = "STORE" SP sequence-set SP store-att-flags`."""
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    how = cursor.need(HOW, "FLAGS")
    cursor.space()
    if cursor.peek(b"("):
        flags = cursor.flag_list()
    else:
        flags = [cursor.flag()]
        while cursor.skip(b" "):
            flags.append(cursor.flag())
    return StoreFlags(messages, how[1], how[2] is not None, tuple(flags))


def can_be_kept(flag: str) -> bool:
    """Whether PERMANENTFLAGS covers it; any other flag is ignored, as RFC 3501 §7.1 lets a server do."""
    return flag in SYSTEM_FLAGS or (not flag.startswith("\\") and len(flag) <= MAX_KEYWORD_OCTETS)


class StoreCommand(Selection):
    """Mixin: STORE."""

    def on_store(self, asked: StoreFlags) -> bytes:
        """Answer STORE: FETCH responses with the new flags, unless `.SILENT`."""
        self.require_write()
        view = self.selected
        view.refresh()
        numbers = view.numbers(asked.messages, uid=self.running.uid)
        flags = frozenset(view.spelling(flag) for flag in asked.flags if can_be_kept(flag))
        expected = {number: self.flags_after(view.messages[number - 1].flags, asked.sign, flags) for number in numbers}
        view.mailbox.set_flags({
            view.messages[number - 1].uid: after
            for number, after in expected.items()
            if after != view.messages[number - 1].flags
        })  # fmt: skip
        view.refresh()
        self.tell_new_keywords()
        for number in numbers:
            self.tell_stored(number, expected[number], silent=asked.silent)
        if not self.running.uid and any(view.messages[number - 1].uid in view.gone for number in numbers):
            # RFC 2180 §4.2.1: better than an OK for something that did not happen.
            raise RefusedError("some of the messages are no more", code=b"EXPUNGEISSUED")
        return b"STORE completed"

    def flags_after(self, before: frozenset[str], sign: bytes, flags: frozenset[str]) -> frozenset[str]:
        """Replaced, added to or taken from (RFC 3501 §6.4.6); \\Recent is kept elsewhere and never touched."""
        if sign == b"+":
            return before | flags
        return before - flags if sign == b"-" else flags

    def tell_stored(self, number: int, expected: frozenset[str], *, silent: bool) -> None:
        """The FETCH response to STORE; `.SILENT` holds back what the client can work out, not what others did."""
        if not silent:
            self.tell_flags(number)
        elif self.selected.messages[number - 1].flags == expected:
            self.selected.note_told(number)
