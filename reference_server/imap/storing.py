"""STORE and UID STORE (RFC 3501 §6.4.6), conditional ones too (RFC 7162 §3.1.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reference_server.imap.condstore import mod_sequence_or_zero
from reference_server.imap.grammar import SYSTEM_FLAGS, Cursor, SequenceSet
from reference_server.imap.modifiers import read_modifiers
from reference_server.imap.responses import sequence_set
from reference_server.imap.rights import ALL
from reference_server.imap.selection import Selection
from reference_server.imap.session import RefusedError

# store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
HOW = re.compile(rb"([+-]?)FLAGS(\.SILENT)?", re.IGNORECASE)

MAX_KEYWORD_OCTETS = 255
"""Longest keyword that is kept."""

ANSWERS_AT_ONCE = 100
"""Messages that STORE answers for until it looks whether the client keeps up."""


@dataclass(frozen=True, slots=True)
class StoreFlags:
    """Arguments of STORE: `sign` is `+`, `-` or nothing."""

    messages: SequenceSet
    sign: bytes
    silent: bool
    flags: tuple[str, ...]
    unchanged_since: int | None = None


MODIFIERS: Mapping[bytes, Callable[[Cursor], int]] = MappingProxyType({
    b"UNCHANGEDSINCE": mod_sequence_or_zero,
})  # fmt: skip
"""What may precede the data item (RFC 4466 §2.5): names, to what reads their values."""


def parse_store(cursor: Cursor) -> StoreFlags:
    """`store = "STORE" SP sequence-set [SP "(" store-modifier *(SP store-modifier) ")"] SP store-att-flags`."""
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    given: dict[bytes, int] = {}
    if cursor.peek(b"("):
        given = read_modifiers(cursor, MODIFIERS)
        cursor.space()
    how = cursor.need(HOW, "FLAGS")
    cursor.space()
    if cursor.peek(b"("):
        flags = cursor.flag_list()
    else:
        flags = [cursor.flag()]
        while cursor.skip(b" "):
            flags.append(cursor.flag())
    return StoreFlags(messages, how[1], how[2] is not None, tuple(flags), given.get(b"UNCHANGEDSINCE"))


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
        named = view.numbers(asked.messages, uid=self.running.uid)
        flags = frozenset(view.spelling(flag) for flag in asked.flags if can_be_kept(flag))
        if asked.unchanged_since is not None:
            self.enable_condstore()
        if self.rights_here() is not ALL:
            self.require_some_right(flags)
        modified: set[int] = set()
        expected: dict[int, frozenset[str]] = {}
        pending: Sequence[int] = named
        # Once, unless somebody in another thread changes the same messages meanwhile.
        while pending:
            if asked.unchanged_since is not None:
                since = asked.unchanged_since
                late = {number for number in pending if self.is_modified(number, since, asked.sign, flags)}
                modified |= late
                pending = [number for number in pending if number not in late]
            pending = self.store_flags(pending, asked.sign, flags, expected)
            view.refresh()
        self.tell_new_keywords()
        numbers = [number for number in named if number not in modified] if modified else named
        answers = self.answers_in_steps(numbers, expected, silent=asked.silent)
        code = self.modified_code(modified)
        if view.gone and not self.running.uid and any(view.messages[number - 1].uid in view.gone for number in named):
            for _ in answers:
                pass
            # RFC 2180 §4.2.1: better than an OK for something that did not happen.
            raise RefusedError("some of the messages are no more", code=code or b"EXPUNGEISSUED")
        self.say_in_steps(answers)
        return (b"[%b] " % code if code else b"") + b"STORE completed"

    def answers_in_steps(
        self, numbers: Sequence[int], expected: Mapping[int, frozenset[str]], *, silent: bool
    ) -> Iterator[None]:
        """What STORE says of each message, some at a time."""
        for start in range(0, len(numbers), ANSWERS_AT_ONCE):
            for number in numbers[start : start + ANSWERS_AT_ONCE]:
                self.tell_stored(number, expected[number], silent=silent)
            yield

    def store_flags(
        self, numbers: Sequence[int], sign: bytes, flags: frozenset[str], expected: dict[int, frozenset[str]]
    ) -> list[int]:
        """Change the flags of these messages, and note in `expected` what they are then.

        What somebody else has changed since we looked is not changed on what it was; those numbers are returned.
        """
        changes: dict[int, frozenset[str]] = {}
        known: dict[int, int] = {}
        is_mine = self.rights_here() is ALL
        for number in numbers:
            message = self.selected.messages[number - 1]
            after = self.flags_after(message.flags, sign, flags)
            expected[number] = after if is_mine else self.flags_permitted(message.flags, after)
            if expected[number] != message.flags:
                changes[message.uid], known[message.uid] = expected[number], message.modseq
        late = self.selected.mailbox.set_flags(changes, known=known)
        return [number for number in numbers if self.selected.messages[number - 1].uid in late] if late else []

    def is_modified(self, number: int, since: int, sign: bytes, flags: frozenset[str]) -> bool:
        """Whether what a conditional STORE is about has changed since (RFC 7162 §3.1.3).

        There is one mod-sequence for a message. Where flags are only added or taken away it is no matter that others
        changed, as far as what the client was last told shows it (§3.1.12). A keyword that is not set is a metadata
        item that does not exist, which even UNCHANGEDSINCE 0 cannot fail (Example 8).
        """
        view = self.selected
        message, told = view.messages[number - 1], view.told[number - 1]
        if message.modseq <= since:
            return False
        if not sign:
            return True
        if told.modseq <= since and told.flags & flags == message.flags & flags:
            return False
        return since > 0 or any(flag in SYSTEM_FLAGS or flag in message.flags for flag in flags)

    def modified_code(self, numbers: set[int]) -> bytes:
        """MODIFIED with those messages, by UID in a UID command, or nothing if there are none (RFC 7162 §3.1.3)."""
        if not numbers:
            return b""
        found = sorted(numbers)
        if self.running.uid:
            found = [self.selected.messages[number - 1].uid for number in found]
        return b"MODIFIED " + sequence_set(found)

    def flags_after(self, before: frozenset[str], sign: bytes, flags: frozenset[str]) -> frozenset[str]:
        """Replaced, added to or taken from (RFC 3501 §6.4.6); \\Recent is kept elsewhere and never touched."""
        if sign == b"+":
            return before | flags
        return before - flags if sign == b"-" else flags

    def require_some_right(self, flags: frozenset[str]) -> None:
        """Refuse a STORE of which nothing may be done; what little may be is (RFC 4314 §4)."""
        if not (any(map(self.may_change, flags)) if flags else self.rights_here() & {"s", "t", "w"}):
            raise RefusedError("you may change none of these flags", code=b"NOPERM")

    def flags_permitted(self, before: frozenset[str], after: frozenset[str]) -> frozenset[str]:
        """What comes of a change where some flags are not the user's to change."""
        return before ^ frozenset(filter(self.may_change, before ^ after))

    def tell_stored(self, number: int, expected: frozenset[str], *, silent: bool) -> None:
        """The FETCH response to STORE; `.SILENT` holds back what the client can work out, not what others did.

        It does not hold back MODSEQ from a client that asked for it (RFC 7162 §3.1.3).
        """
        if not silent:
            self.tell_flags(number)
        elif self.selected.messages[number - 1].flags == expected:
            self.selected.note_told(number)
            if self.tells_modseqs():
                self.tell_news(number, [])
