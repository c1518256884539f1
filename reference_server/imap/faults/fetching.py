"""Planted faults of FETCH: sections, partials, macros and sizes (RFC 3501 §6.4.5, §7.4.2)."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from reference_server.imap.core import ImapCore
from reference_server.imap.fetch import MACROS, SETS_SEEN, Item
from reference_server.imap.responses import date_time
from reference_server.imap.sections import Section
from reference_server.registry import fault
from reference_server.stores import StoredMessage


class ChangedSections(ImapCore):
    """What `changed` makes of a section, where the whole of it was asked for."""

    whole = True

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """The section as the fault has it."""
        raise NotImplementedError

    def section_data(self, message: StoredMessage, item: Item, section: Section) -> bytes:
        """Leaves partial fetches alone."""
        self.whole = item.partial is None
        return super().section_data(message, item, section)

    def octets_of_section(self, message: StoredMessage, section: Section) -> bytes | None:
        """Changes the section."""
        octets = super().octets_of_section(message, section)
        return self.changed(octets, message, section) if self.whole else octets


@fault(
    "unfolds-the-header-in-body",
    breaks="rfc3501/6.4.5/9",
    also={
        "imap/append/keeps_every_octet_of_the_message": "BODY[] is not what was appended",
        "imap/sizes/rfc822_size_is_the_length_of_the_message": "BODY[] is shorter than the message",
        "delivery/trace/leaves_older_received_alone": "the judge sees delivered mail by BODY[]",
    },
)
class UnfoldsTheHeaderInBody(ChangedSections):
    """Sends `BODY[]` with its folded fields on one line."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Takes line ends before a space out of the header."""
        if octets is None or section.part or section.text:
            return octets
        header, blank, body = octets.partition(b"\r\n\r\n")
        return header.replace(b"\r\n ", b" ") + blank + body


@fault(
    "header-without-its-blank-line",
    breaks=("rfc3501/6.4.5/17", "rfc3501/6.4.5/20"),
    also={"imap/body/body_is_the_whole_message": "header and text do not make up the message"},
)
class HeaderWithoutItsBlankLine(ChangedSections):
    """`BODY[HEADER]` ends with the last field."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Cuts the blank line off."""
        if octets is None or section.part or section.text != b"HEADER":
            return octets
        return octets.removesuffix(b"\r\n")


@fault(
    "text-begins-with-the-blank-line",
    breaks="rfc3501/6.4.5/22",
    also={"imap/body/body_is_the_whole_message": "header and text have the blank line twice"},
)
class TextBeginsWithTheBlankLine(ChangedSections):
    """`BODY[TEXT]` has the blank line that belongs to the header."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Puts it in front."""
        return octets if octets is None or section.part or section.text != b"TEXT" else b"\r\n" + octets


@fault("plain-messages-have-no-part-1", breaks="rfc3501/6.4.5/10")
class PlainMessagesHaveNoPart1(ChangedSections):
    """Has parts only in multiparts."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Finds nothing."""
        return octets if section.part != (1,) or self.selected.parsed(message).parts else None


@fault("plain-messages-have-a-part-2", breaks="rfc3501/6.4.5/11")
class PlainMessagesHaveAPart2(ChangedSections):
    """Returns the text of a plain message for every part number."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Does not look at the number."""
        entity = self.selected.parsed(message)
        return octets if entity.parts or entity.embedded or not section.part else entity.body_octets


@fault("header-fields-match-by-their-beginning", breaks="rfc3501/6.4.5/19")
class HeaderFieldsMatchByTheirBeginning(ChangedSections):
    """HEADER.FIELDS takes a name for the beginning of other names."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Compares no further than the name goes."""
        if section.part or not section.text.startswith(b"HEADER.FIELDS"):
            return octets
        given = tuple(name.upper() for name in section.names)
        entity = self.selected.parsed(message)
        names = tuple(field.name for field in entity.fields if field.name and field.name.startswith(given))
        return self.header_subset(entity, names, keep=section.text == b"HEADER.FIELDS")


@fault("header-fields-without-a-blank-line", breaks="rfc3501/7.4.2/10")
class HeaderFieldsWithoutABlankLine(ChangedSections):
    """HEADER.FIELDS and HEADER.FIELDS.NOT end with the last field."""

    def changed(self, octets: bytes | None, message: StoredMessage, section: Section) -> bytes | None:
        """Cuts the blank line off."""
        if octets is None or not section.text.startswith(b"HEADER.FIELDS"):
            return octets
        return octets.removesuffix(b"\r\n")


class _Reading(ImapCore):
    """Sets \\Seen for other items than the RFC names."""

    also_read: frozenset[bytes] = frozenset()
    not_read: frozenset[bytes] = frozenset()

    def reads(self, items: tuple[Item, ...]) -> bool:
        """Goes by its own list."""
        without = tuple(item for item in items if item.name not in self.not_read or item.section is not None)
        return super().reads(without) or any(item.name in self.also_read for item in items)


@fault("rfc822-leaves-a-message-unseen", breaks="rfc3501/6.4.5/35")
class Rfc822LeavesAMessageUnseen(_Reading):
    """RFC822 does not set \\Seen."""

    not_read = frozenset({b"RFC822"})


@fault("rfc822-text-leaves-a-message-unseen", breaks="rfc3501/6.4.5/38")
class Rfc822TextLeavesAMessageUnseen(_Reading):
    """RFC822.TEXT does not set \\Seen."""

    not_read = frozenset({b"RFC822.TEXT"})


@fault("rfc822-header-sets-seen", breaks=("rfc3501/6.4.5/36", "rfc3501/7.4.2/58"))
class Rfc822HeaderSetsSeen(_Reading):
    """RFC822.HEADER sets \\Seen."""

    also_read = frozenset({b"RFC822.HEADER"})


@fault("peeking-sets-seen", breaks="rfc3501/6.4.5/28")
class PeekingSetsSeen(ImapCore):
    """BODY.PEEK sets \\Seen as BODY does."""

    def reads(self, items: tuple[Item, ...]) -> bool:
        """Makes no difference."""
        return any(item.section is not None or item.name in SETS_SEEN for item in items)


@fault("reading-leaves-a-message-unseen", breaks="rfc3501/6.4.5/27")
class ReadingLeavesAMessageUnseen(ImapCore):
    """`BODY[section]` does not set \\Seen."""

    def reads(self, items: tuple[Item, ...]) -> bool:
        """Knows only the old names."""
        return any(item.name in SETS_SEEN for item in items)


@fault("fast-leaves-the-size-out", breaks="rfc3501/6.4.5/5")
class FastLeavesTheSizeOut(ImapCore):
    """The macro FAST stands for FLAGS and INTERNALDATE."""

    def items_to_send(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """Drops the last of FAST."""
        return super().items_to_send(items[:-1] if items == MACROS[b"FAST"] else items)


@fault(
    "internal-date-follows-the-flags",
    breaks="rfc3501/2.3.1.1/15",
    also={"imap/search/compares_internal_dates_by_day": "SEARCH goes by another date than FETCH tells"},
)
class InternalDateFollowsTheFlags(ImapCore):
    """A message that is flagged is dated a day later."""

    def fetch_internaldate(self, number: int, message: StoredMessage) -> bytes:
        """Has another date for it."""
        moved = timedelta(days="\\Flagged" in message.flags)
        return date_time(message.internal_date + moved)


@fault(
    "counts-partials-from-1",
    breaks=("rfc3501/7.4.2/5", "rfc3501/6.4.5/23", "rfc3501/6.4.5/24", "rfc3501/6.4.5/26"),
)
class CountsPartialsFrom1(ImapCore):
    """The first octet of a section is number 1."""

    def octets_of_partial(self, octets: bytes, first: int, count: int) -> bytes:
        """Is one off."""
        return super().octets_of_partial(octets, max(first - 1, 0), count)


@fault("partial-past-the-end-is-nil", breaks="rfc3501/6.4.5/23")
class PartialPastTheEndIsNil(ImapCore):
    """A partial fetch that begins past the end returns NIL."""

    def section_data(self, message: StoredMessage, item: Item, section: Section) -> bytes:
        """Finds nothing there."""
        data = super().section_data(message, item, section)
        return data.removesuffix(b"{0}\r\n") + b"NIL" if item.partial and data.endswith(b"{0}\r\n") else data


@fault("partial-over-the-end-is-empty", breaks="rfc3501/6.4.5/24")
class PartialOverTheEndIsEmpty(ImapCore):
    """A partial fetch that asks for more than there is returns nothing."""

    def octets_of_partial(self, octets: bytes, first: int, count: int) -> bytes:
        """Gives all that was asked for or nothing."""
        return b"" if first + count > len(octets) else super().octets_of_partial(octets, first, count)


@fault("partial-of-everything-has-no-origin", breaks="rfc3501/6.4.5/25")
class PartialOfEverythingHasNoOrigin(ImapCore):
    """Leaves the origin out where the partial fetch covers the whole."""

    def section_data(self, message: StoredMessage, item: Item, section: Section) -> bytes:
        """Takes it for a fetch of everything."""
        if item.partial and item.partial[0] == 0 and item.partial[1] >= len(message.octets):
            item = dataclasses.replace(item, partial=None)
        return super().section_data(message, item, section)


@fault("counts-partials-in-the-message", breaks="rfc3501/6.4.5/26")
class CountsPartialsInTheMessage(ImapCore):
    """A partial fetch of a part of the header counts octets of the whole message."""

    def section_data(self, message: StoredMessage, item: Item, section: Section) -> bytes:
        """Cuts the message and not the section."""
        self.to_cut = message.octets if item.partial and section.text else None
        return super().section_data(message, item, section)

    def octets_of_partial(self, octets: bytes, first: int, count: int) -> bytes:
        """Takes the message."""
        return super().octets_of_partial(octets if self.to_cut is None else self.to_cut, first, count)

    to_cut: bytes | None = None
