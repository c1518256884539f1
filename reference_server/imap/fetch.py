"""FETCH and UID FETCH (RFC 3501 §6.4.5, §6.4.8, §7.4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from reference_server.imap.binary import BinarySections
from reference_server.imap.columns import ByKey
from reference_server.imap.condstore import mod_sequence
from reference_server.imap.grammar import Cursor, GrammarError, SequenceSet, no_arguments
from reference_server.imap.modifiers import read_modifiers
from reference_server.imap.objectid import email_id, thread_id
from reference_server.imap.preview import MAX_LAZY_OCTETS, preview_of
from reference_server.imap.qresync import QuickResync
from reference_server.imap.responses import astring, date_time, parenthesized
from reference_server.imap.sections import Section, parse_section, parse_section_binary
from reference_server.imap.session import RefusedError
from reference_server.imap.structure import Structures
from reference_server.stores import StoredMessage

# fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
#             "BODY" ["STRUCTURE"] / "UID" / "BODY" [".PEEK"] section ["<" number "." nz-number ">"]
ITEM = re.compile(rb"[A-Z][A-Z0-9]*(?:\.[A-Z0-9]+)*+", re.IGNORECASE)

# preview-mod = "LAZY"                                                                                 (RFC 8970 §6)
LAZY = re.compile(rb" \(LAZY\)", re.IGNORECASE)

MESSAGES_AT_ONCE = 2000
"""Messages of which data without text is written in one go."""

MAX_ITEMS = 1000
"""Data items of one FETCH."""


@dataclass(frozen=True, slots=True)
class Item:
    """One data item as asked for, its name in capitals; BODY.PEEK is BODY with `peek`."""

    name: bytes
    section: Section | None = None
    partial: tuple[int, int] | None = None
    peek: bool = False
    lazy: bool = False


FLAGS, UID, MODSEQ = Item(b"FLAGS"), Item(b"UID"), Item(b"MODSEQ")


@dataclass(frozen=True, slots=True)
class Fetch:
    """Arguments of FETCH."""

    messages: SequenceSet
    items: tuple[Item, ...]
    changed_since: int | None = None
    vanished: bool = False


MODIFIERS: Mapping[bytes, Callable[[Cursor], int | None]] = MappingProxyType({
    b"CHANGEDSINCE": mod_sequence,
    b"VANISHED": no_arguments,
})  # fmt: skip
"""What may follow the data items (RFC 4466 §2.4): names, to what reads their values."""

MACROS: Mapping[bytes, tuple[Item, ...]] = MappingProxyType({
    b"ALL": (Item(b"FLAGS"), Item(b"INTERNALDATE"), Item(b"RFC822.SIZE"), Item(b"ENVELOPE")),
    b"FAST": (Item(b"FLAGS"), Item(b"INTERNALDATE"), Item(b"RFC822.SIZE")),
    b"FULL": (Item(b"FLAGS"), Item(b"INTERNALDATE"), Item(b"RFC822.SIZE"), Item(b"ENVELOPE"), Item(b"BODY")),
})  # fmt: skip
"""RFC 3501 §6.4.5: each stands for its items, and only on its own."""

RENDERERS: Mapping[bytes, str] = MappingProxyType({
    b"BODY": "fetch_body",
    b"BODYSTRUCTURE": "fetch_bodystructure",
    b"ENVELOPE": "fetch_envelope",
    b"FLAGS": "fetch_flags",
    b"INTERNALDATE": "fetch_internaldate",
    b"RFC822": "fetch_rfc822",
    b"RFC822.HEADER": "fetch_rfc822_header",
    b"RFC822.SIZE": "fetch_rfc822_size",
    b"RFC822.TEXT": "fetch_rfc822_text",
    b"UID": "fetch_uid",
    b"MODSEQ": "fetch_modseq",
    b"EMAILID": "fetch_emailid",
    b"THREADID": "fetch_threadid",
    b"SAVEDATE": "fetch_savedate",
    b"PREVIEW": "fetch_preview",
})  # fmt: skip
"""Data item without section to the core's method that gives its value. An extension adds its rows."""

SETS_SEEN = frozenset({b"RFC822", b"RFC822.TEXT"})
"""Items without section that set \\Seen (RFC 3501 §6.4.5); RFC822.HEADER does not."""


def parse_fetch(cursor: Cursor) -> Fetch:
    """`"FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")`.

    Then, by RFC 4466 §2.4, `[SP "(" fetch-modifier *(SP fetch-modifier) ")"]`.
    """
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    if cursor.peek(b"("):
        items = tuple(dict.fromkeys(cursor.list_of(lambda: _item(cursor))))
    else:
        name = cursor.need(ITEM, "a data item")[0].upper()
        items = MACROS.get(name) or (_item_named(name, cursor),)
    if len(items) > MAX_ITEMS:
        raise GrammarError("too many data items")
    given = read_modifiers(cursor, MODIFIERS) if cursor.skip(b" ") else {}
    if b"VANISHED" in given and b"CHANGEDSINCE" not in given:
        raise GrammarError("VANISHED needs CHANGEDSINCE")
    return Fetch(messages, items, given.get(b"CHANGEDSINCE"), b"VANISHED" in given)


def parse_attributes(cursor: Cursor) -> tuple[Item, ...]:
    """`fetch-att *(SP fetch-att) ")"`: what stands behind an opened parenthesis, each once (RFC 5465 §8)."""
    items = [_item(cursor)]
    while cursor.skip(b" "):
        items.append(_item(cursor))
    cursor.expect(b")")
    if len(items) > MAX_ITEMS:
        raise GrammarError("too many data items")
    return tuple(dict.fromkeys(items))


def _item(cursor: Cursor) -> Item:
    return _item_named(cursor.need(ITEM, "a data item")[0].upper(), cursor)


def _item_named(name: bytes, cursor: Cursor) -> Item:
    if name in (b"BODY", b"BODY.PEEK") and cursor.peek(b"["):
        return Item(b"BODY", parse_section(cursor), _partial(cursor), peek=name == b"BODY.PEEK")
    if name in (b"BINARY", b"BINARY.PEEK"):
        return Item(b"BINARY", parse_section_binary(cursor), _partial(cursor), peek=name == b"BINARY.PEEK")
    if name == b"BINARY.SIZE":
        return Item(name, parse_section_binary(cursor), peek=True)
    if name == b"PREVIEW" and cursor.match(LAZY):
        return Item(name, lazy=True)
    if name not in RENDERERS:
        raise GrammarError("no such data item")
    return Item(name)


def _partial(cursor: Cursor) -> tuple[int, int] | None:
    # partial = "<" number64 "." nz-number64 ">"                              (RFC 9051 §9; 32 bits in RFC 3501 §9)
    # The origin goes back in the response, where both have room for 32 bits only.
    if not cursor.skip(b"<"):
        return None
    first = cursor.number()
    cursor.expect(b".")
    count = cursor.nz_number64()
    cursor.expect(b">")
    return first, count


_SEE_EACH_MESSAGE = (
    *("send_message_data", "item_data", "untagged", "send"),
    *("fetch_flags", "flags_of", "fetch_uid", "fetch_envelope"),
)


class FetchCommands(QuickResync, BinarySections, Structures):
    """Mixin: FETCH. Every data item has a method of its own.

    Where no text is asked for, the answer is written item by item for all messages rather than message by message. A
    class that overrides one of the methods that see each message has them called for each: that is settled when the
    class is made, and `by_column` says how.
    """

    by_column: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.by_column = all(getattr(cls, name) is getattr(FetchCommands, name) for name in _SEE_EACH_MESSAGE)

    def on_fetch(self, asked: Fetch) -> bytes:
        """Answer FETCH: first \\Seen for what is going to be read, then the data, message by message.

        CHANGEDSINCE leaves messages out and asks for MODSEQ (RFC 7162 §3.1.4.1).
        """
        if asked.vanished:
            self.require_vanished()
        view = self.selected
        view.refresh()
        numbers = view.numbers(asked.messages, uid=self.running.uid)
        if asked.changed_since is not None or MODSEQ in asked.items:
            self.enable_condstore()
        if asked.changed_since is not None:
            if asked.vanished:
                self.tell_vanished_earlier(asked.messages, asked.changed_since)
            numbers = self.changed_since(numbers, asked.changed_since)
        self.require_decodable(numbers, asked.items)
        changed = self.mark_seen(numbers) if self.reads(asked.items) else set()
        self.tell_new_keywords()
        items = self.items_to_send(asked.items)
        if asked.changed_since is not None and MODSEQ not in items:
            items = (*items, MODSEQ)
        self.say_in_steps(self.data_in_steps(numbers, items, changed))
        return b"FETCH completed"

    def data_in_steps(self, numbers: list[int], items: tuple[Item, ...], changed: set[int]) -> Iterator[None]:
        """The FETCH responses, a few at a time."""
        if self.by_column and not changed and all(item.section is None and not item.lazy for item in items):
            for start in range(0, len(numbers), MESSAGES_AT_ONCE):
                self.send_columns(numbers[start : start + MESSAGES_AT_ONCE], items)
                yield
        else:
            for number in numbers:
                self.send_message_data(number, items, with_flags=number in changed)
                yield

    def send_columns(self, numbers: list[int], items: tuple[Item, ...]) -> None:
        """A FETCH response for each message."""
        known = self.selected.messages
        messages = known if len(numbers) == len(known) else [known[number - 1] for number in numbers]
        columns = [self.column(item.name, numbers, messages) for item in items]
        rows = columns[0] if len(columns) == 1 else map(b" ".join, zip(*columns, strict=True))
        self.send(*[b"* %d FETCH (%b)\r\n" % row for row in zip(numbers, rows, strict=True)])

    def column(self, name: bytes, numbers: list[int], messages: list[StoredMessage]) -> list[bytes]:
        """Name and value of one data item, for each of these messages."""
        if name == b"FLAGS":
            return self.flags_column(numbers, messages)
        if name == b"UID":
            return [b"UID %d" % message.uid for message in messages]
        value: Callable[[int, StoredMessage], bytes] = getattr(self, RENDERERS[name])
        return [b"%b %b" % (name, value(number, message)) for number, message in zip(numbers, messages, strict=True)]

    def flags_column(self, numbers: list[int], messages: list[StoredMessage]) -> list[bytes]:
        """FLAGS of these messages, which the client is told with this."""
        view = self.selected
        view.note_all_told(numbers)
        # Many messages have few different sets of flags.
        written = ByKey(lambda flags: b"FLAGS " + self.render_flags(flags))
        if not view.recent:
            return [written[message.flags] for message in messages]
        recent, recently = view.recent, ByKey(lambda flags: b"FLAGS " + self.render_flags(flags | {"\\Recent"}))
        return [(recently if message.uid in recent else written)[message.flags] for message in messages]

    def items_to_send(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """UID FETCH always gives the UID, asked for or not (RFC 3501 §6.4.8)."""
        return (UID, *items) if self.running.uid and UID not in items else items

    def reads(self, items: tuple[Item, ...]) -> bool:
        """Whether these items set \\Seen (RFC 3501 §6.4.5): text of any kind, unless only peeked at."""
        return any(not item.peek if item.section is not None else item.name in SETS_SEEN for item in items)

    def mark_seen(self, numbers: list[int]) -> set[int]:
        """Set \\Seen where it is missing; the numbers of those messages. Nothing in a mailbox that is only examined."""
        view = self.selected
        if view.read_only or not self.may_here("s"):
            return set()
        unseen = [number for number in numbers if "\\Seen" not in view.messages[number - 1].flags]
        chosen = [view.messages[number - 1] for number in unseen]
        while chosen:
            late = view.mailbox.set_flags(
                {message.uid: message.flags | {"\\Seen"} for message in chosen},
                known={message.uid: message.modseq for message in chosen},
            )
            view.refresh()
            # Others may have changed them in another thread since we looked; what they did stays.
            chosen = [view.messages[number - 1] for number in unseen if view.messages[number - 1].uid in late]
        return {number for number in unseen if view.messages[number - 1].flags != view.told[number - 1].flags}

    def send_message_data(self, number: int, items: tuple[Item, ...], *, with_flags: bool) -> None:
        """One FETCH response; FLAGS too if the command changed them (RFC 3501 §6.4.5)."""
        message = self.selected.messages[number - 1]
        if with_flags:
            items = (*items, *(item for item in self.news_of_flags() if item not in items))
        data = [self.item_data(number, message, item) for item in items]
        self.untagged(b"%d FETCH %b" % (number, parenthesized(data)))

    def news_of_flags(self) -> list[Item]:
        """What there is to tell of a message that has become \\Seen by being read."""
        return [FLAGS, UID, MODSEQ] if self.tells_modseqs() else [FLAGS]

    def item_data(self, number: int, message: StoredMessage, item: Item) -> bytes:
        """Name and value of one data item."""
        if item.section is not None:
            if item.name != b"BODY":
                return self.binary_data(message, item, item.section)
            return self.section_data(message, item, item.section)
        method = "fetch_preview_lazily" if item.lazy else RENDERERS[item.name]
        value: bytes = getattr(self, method)(number, message)
        return b"%b %b" % (item.name, value)

    def section_data(self, message: StoredMessage, item: Item, section: Section) -> bytes:
        """`"BODY" section ["<" number ">"] SP nstring`: the origin only if a partial was asked for."""
        octets = self.octets_of_section(message, section)
        name = b"BODY[%b]" % self.section_name(section)
        if item.partial is not None:
            name += b"<%d>" % item.partial[0]
            if octets is not None:
                octets = self.octets_of_partial(octets, *item.partial)
        return b"%b %b" % (name, b"NIL" if octets is None else self.render_literal(octets))

    def require_decodable(self, numbers: list[int], items: tuple[Item, ...]) -> None:
        """Refuse FETCH, before anything is \\Seen, if it asks for a part that cannot be decoded.

        Raises:
            RefusedError: with UNKNOWN-CTE (RFC 3516 §4.3).
        """
        messages = self.selected.messages
        for section in [item.section for item in items if item.section is not None and item.name != b"BODY"]:
            if not all(self.can_be_decoded(messages[number - 1], section) for number in numbers):
                raise RefusedError("that transfer encoding is not known", code=b"UNKNOWN-CTE")

    def binary_data(self, message: StoredMessage, item: Item, section: Section) -> bytes:
        """`"BINARY" section-binary ["<" number ">"] SP (nstring / literal8)`, or `"BINARY.SIZE" ... SP number`."""
        octets = self.binary_of(message, section)
        name = b"%b[%b]" % (item.name, self.section_name(section))
        if item.name == b"BINARY.SIZE":
            return b"%b %d" % (name, len(octets or b""))
        if item.partial is not None:
            name += b"<%d>" % item.partial[0]
            if octets is not None:
                octets = self.octets_of_partial(octets, *item.partial)
        return b"%b %b" % (name, self.render_binary(octets))

    def section_name(self, section: Section) -> bytes:
        """The section as the response repeats it."""
        pieces = [b"%d" % number for number in section.part]
        if section.text:
            pieces.append(section.text)
        name = b".".join(pieces)
        if section.names:
            name += b" " + parenthesized(astring(each, self.render_string) for each in section.names)
        return name

    def octets_of_section(self, message: StoredMessage, section: Section) -> bytes | None:
        """What the section holds, or None if there is no such part."""
        if not section.part and not section.text:
            return self.octets_of(message)
        return self.section_of(self.selected.parsed(message), section)

    def octets_of(self, message: StoredMessage) -> bytes:
        """The message as it was stored, but for NUL: BODY[] is never cut short (RFC 3501 §7.4.2)."""
        return self.selected.octets_of(message)

    def octets_of_partial(self, octets: bytes, first: int, count: int) -> bytes:
        """`<first.count>`: cut off at the end, and nothing when it begins beyond (RFC 3501 §6.4.5)."""
        return octets[first : first + count]

    def size_of(self, message: StoredMessage) -> int:
        """RFC822.SIZE: the octets of the whole message."""
        return self.selected.size_of(message)

    def fetch_flags(self, number: int, message: StoredMessage) -> bytes:
        """FLAGS, \\Recent among them."""
        return self.flags_of(number)

    def fetch_uid(self, number: int, message: StoredMessage) -> bytes:
        """UID."""
        return b"%d" % message.uid

    def fetch_modseq(self, number: int, message: StoredMessage) -> bytes:
        """MODSEQ."""
        return b"(%d)" % message.modseq

    def fetch_emailid(self, number: int, message: StoredMessage) -> bytes:
        """EMAILID (RFC 8474 §5.1)."""
        return b"(%b)" % email_id(message)

    def fetch_threadid(self, number: int, message: StoredMessage) -> bytes:
        """THREADID (RFC 8474 §5.2)."""
        return b"(%b)" % thread_id(message)

    def fetch_savedate(self, number: int, message: StoredMessage) -> bytes:
        """SAVEDATE: when the message came into this mailbox (RFC 8514 §4.2)."""
        return date_time(message.saved_at)

    def fetch_preview(self, number: int, message: StoredMessage) -> bytes:
        """PREVIEW, however long it takes (RFC 8970 §3.2)."""
        return self.render_string(preview_of(self.selected.parsed(message)).encode("utf-8", "replace"))

    def fetch_preview_lazily(self, number: int, message: StoredMessage) -> bytes:
        """PREVIEW, or NIL where that would take its time (RFC 8970 §4.1)."""
        return self.fetch_preview(number, message) if message.size <= MAX_LAZY_OCTETS else b"NIL"

    def fetch_internaldate(self, number: int, message: StoredMessage) -> bytes:
        """INTERNALDATE, in the zone it was given in."""
        return date_time(message.internal_date)

    def fetch_envelope(self, number: int, message: StoredMessage) -> bytes:
        """ENVELOPE, worked out once in a selected mailbox."""
        envelopes = self.selected.envelopes
        envelope = envelopes.get(message.uid)
        if envelope is None:
            envelope = self.envelope_of(self.selected.octets_of(message)) or self.render_envelope(
                self.selected.header_of(message)
            )
            envelopes.keep(message.uid, envelope)
        return envelope

    def fetch_body(self, number: int, message: StoredMessage) -> bytes:
        """BODY: the structure without extension data."""
        return self.render_body(self.selected.parsed(message), extended=False)

    def fetch_bodystructure(self, number: int, message: StoredMessage) -> bytes:
        """BODYSTRUCTURE."""
        return self.render_body(self.selected.parsed(message), extended=True)

    def fetch_rfc822(self, number: int, message: StoredMessage) -> bytes:
        """RFC822: BODY[] under another name."""
        return self.render_literal(self.octets_of(message))

    def fetch_rfc822_header(self, number: int, message: StoredMessage) -> bytes:
        """RFC822.HEADER: BODY.PEEK[HEADER] under another name."""
        return self.render_literal(self.selected.parsed(message).header_octets)

    def fetch_rfc822_text(self, number: int, message: StoredMessage) -> bytes:
        """RFC822.TEXT: BODY[TEXT] under another name."""
        return self.render_literal(self.selected.parsed(message).body_octets)

    def fetch_rfc822_size(self, number: int, message: StoredMessage) -> bytes:
        """RFC822.SIZE."""
        return b"%d" % self.size_of(message)
