"""Body sections: `BODY[1.2.MIME]` and what it stands for (RFC 3501 §6.4.5, §9 section)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.mime import Entity

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


def locate(message: Entity, part: tuple[int, ...]) -> Entity | None:
    """The part of that number, or None.

    A message that is no multipart has its body as part 1; the parts of a message/rfc822 part are those of the message
    in it (RFC 3501 §6.4.5).
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


def header_subset(message: Entity, names: tuple[bytes, ...], *, keep: bool) -> bytes:
    """The fields so named (or, not `keep`, all others) and the blank line, if the message has one."""
    wanted = {name.upper() for name in names}
    chosen = b"".join(field.octets for field in message.fields if (field.name in wanted) is keep)
    in_fields = sum(len(field.octets) for field in message.fields)
    return chosen + message.octets[message.start + in_fields : message.body]


def section_octets(message: Entity, section: Section) -> bytes | None:
    """The octets of a section, or None if the message has no such part."""
    if not section.part:
        if not section.text:
            return message.octets
        return _message_text(message, section)
    part = locate(message, section.part)
    if part is None:
        return None
    if section.text == b"MIME":
        return part.header_octets
    if not section.text:
        return part.body_octets
    # HEADER and TEXT of a part are those of the message in it; a part without one has neither.
    return None if part.embedded is None else _message_text(part.embedded, section)


def _message_text(message: Entity, section: Section) -> bytes:
    if section.text == b"TEXT":
        return message.body_octets
    if section.text == b"HEADER":
        return message.header_octets
    return header_subset(message, section.names, keep=section.text == b"HEADER.FIELDS")
