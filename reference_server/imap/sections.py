"""Body sections: `BODY[1.2.MIME]` and what it stands for (RFC 3501 §6.4.5, §9 section)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.mime import Entity
from reference_server.imap.session import Session

# section-spec    = section-msgtext / (section-part ["." section-text])
# section-part    = nz-number *("." nz-number)
PART = re.compile(rb"[1-9][0-9]*(?:\.[1-9][0-9]*)*+")
# section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"     ; section-text adds "MIME"
TEXT = re.compile(rb"HEADER(?:\.FIELDS(?:\.NOT)?)?|TEXT|MIME", re.IGNORECASE)

MAX_PART_LEVELS = 200
"""Numbers of one part specifier; no structure that is looked into is as deep."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section as asked for. `text` is in capitals, empty for the part itself; `names` as the client wrote them."""

    part: tuple[int, ...] = ()
    text: bytes = b""
    names: tuple[bytes, ...] = ()


def parse_section(cursor: Cursor) -> Section:
    """`section = "[" [section-spec] "]"`."""
    cursor.expect(b"[")
    part: tuple[int, ...] = ()
    text = b""
    names: tuple[bytes, ...] = ()
    if found := cursor.match(PART):
        numbers = found[0].split(b".")
        if len(numbers) > MAX_PART_LEVELS or max(map(len, numbers)) > 10:
            raise GrammarError("no such part")
        part = tuple(map(int, numbers))
    if not part or cursor.skip(b"."):
        text_found = cursor.match(TEXT)
        if text_found:
            text = text_found[0].upper()
        elif part:
            raise GrammarError("expected HEADER, HEADER.FIELDS, TEXT or MIME")
    if text == b"MIME" and not part:
        raise GrammarError("MIME needs a part number")
    if text.startswith(b"HEADER.FIELDS"):
        cursor.space()
        names = tuple(cursor.list_of(cursor.astring))
    cursor.expect(b"]")
    return Section(part, text, names)


def parse_section_binary(cursor: Cursor) -> Section:
    """`section-binary = "[" [section-part] "]"` (RFC 3516 §7)."""
    section = parse_section(cursor)
    if section.text:
        raise GrammarError("expected a part number only")
    return section


class Sections(Session):
    """Mixin: what each section of a message holds."""

    def section_of(self, message: Entity, section: Section) -> bytes | None:
        """The octets of a section, or None if the message has no such part."""
        if not section.part:
            return self.text_of(message, section) if section.text else message.octets
        part = self.part_at(message, section.part)
        if part is None:
            return None
        if section.text == b"MIME":
            return self.mime_header_of(part)
        if not section.text:
            return self.part_octets(part)
        # HEADER and TEXT of a part are those of the message in it; a part without one has neither.
        return None if part.embedded is None else self.text_of(part.embedded, section)

    def part_at(self, message: Entity, part: tuple[int, ...]) -> Entity | None:
        """The part of that number, or None.

        A message that is no multipart has its body as part 1; the parts of a message/rfc822 part are those of the
        message in it (RFC 3501 §6.4.5).
        """
        node, is_message = message, True
        for number in part:
            if not is_message and node.embedded is not None:
                node, is_message = node.embedded, True
            if number <= len(node.parts):
                node = node.parts[number - 1]
            elif node.parts or not is_message or number != 1:
                return None
            is_message = False
        return node

    def text_of(self, message: Entity, section: Section) -> bytes:
        """HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT or TEXT of a message."""
        if section.text == b"TEXT":
            return message.body_octets
        if section.text == b"HEADER":
            return message.header_octets
        return self.header_subset(message, section.names, keep=section.text == b"HEADER.FIELDS")

    def part_octets(self, part: Entity) -> bytes:
        """A part's body."""
        return part.body_octets

    def mime_header_of(self, part: Entity) -> bytes:
        """MIME: the header of the part itself (RFC 3501 §6.4.5)."""
        return part.header_octets

    def header_subset(self, message: Entity, names: tuple[bytes, ...], *, keep: bool) -> bytes:
        """The fields so named (or, not `keep`, all others) and the blank line, if the message has one."""
        wanted = {name.upper() for name in names}
        chosen = b"".join(field.octets for field in message.fields if (field.name in wanted) is keep)
        return chosen + self.blank_line_of(message)

    def blank_line_of(self, message: Entity) -> bytes:
        """What separates header and body; it goes with every subset of the header (RFC 3501 §7.4.2)."""
        in_fields = sum(len(field.octets) for field in message.fields)
        return message.octets[message.start + in_fields : message.body]
