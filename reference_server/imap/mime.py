"""MIME structure of a message as ranges of its octets (RFC 2045, 2046, RFC 5322 §2.1).

Total: any octets have a structure. What cannot be understood is what RFC 2045 §5.2 makes of it, plain text. Depth and
number of parts are bounded, and every octet is looked at once a level at most.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

from reference_server.imap.lexer import Kind, unfolded, words
from reference_server.imap.parameters import joined

MAX_DEPTH = 50
"""Levels of multipart and message/rfc822 that are looked into; what lies deeper is one opaque part."""

MAX_PARTS = 10_000
"""Parts of one message; the last of them holds the rest."""

MAX_FIELDS = 50_000
"""Header fields of one message, those of its parts included; the rest of a header is then one field without name."""

RFC822 = frozenset({(b"MESSAGE", b"RFC822")})
RFC822_AND_GLOBAL = frozenset({*RFC822, (b"MESSAGE", b"GLOBAL")})
"""Media types that hold a message; the second one does in IMAP4rev2 only (RFC 9051 §9, media-message)."""

MAX_PARAMETERS = 200
"""Parameters of one header field."""

MAX_REMEMBERED_OCTETS = 200
"""Longest value of a field that is not read anew each time it comes."""

# token := 1*<any (US-ASCII) CHAR except SPACE, CTLs, or tspecials>       (RFC 2045 §5.1; 8-bit octets let through)
TOKEN = re.compile(rb'[^\x00-\x20\x7f()<>@,;:\\"/\[\]?=]+')


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: name in capitals (None if the line is none), and all its octets, line ends included."""

    name: bytes | None
    octets: bytes

    @property
    def value(self) -> bytes:
        """What stands after the colon, unfolded (RFC 5322 §2.2.3), outer white space removed."""
        return unfolded(self.octets.partition(b":")[2])


@dataclass(frozen=True, slots=True)
class Parameterized:
    """A value with parameters, such as Content-Type (RFC 2045 §5.1): everything as written."""

    value: bytes
    parameters: tuple[tuple[bytes, bytes], ...] = ()

    def parameter(self, name: bytes) -> bytes | None:
        """The first parameter of that name, case apart."""
        return next((value for key, value in self.parameters if key.upper() == name), None)


@dataclass(slots=True)
class Entity:
    """A message or body part: `octets[start:body]` is its header with the blank line, `octets[body:end]` its body."""

    octets: bytes
    start: int
    body: int
    end: int
    fields: tuple[Field, ...]
    type: bytes
    subtype: bytes
    parameters: tuple[tuple[bytes, bytes], ...]
    parts: list[Entity] = field(default_factory=list)
    embedded: Entity | None = None

    @property
    def header_octets(self) -> bytes:
        """The header with its blank line."""
        return self.octets[self.start : self.body]

    @property
    def body_octets(self) -> bytes:
        """The body."""
        return self.octets[self.body : self.end]

    @property
    def line_count(self) -> int:
        """Lines of the body, a last one without its line end included."""
        body = self.body_octets
        return body.count(b"\n") + (not body.endswith(b"\n") if body else 0)

    def first(self, name: bytes) -> bytes | None:
        """Value of the first field of that name (in capitals), or None."""
        for each in self.fields:
            if each.name == name:
                return each.value
        return None


def parse(octets: bytes, *, inner: Collection[tuple[bytes, bytes]] = RFC822) -> Entity:
    """The structure of a message; parts of the types `inner` are messages themselves."""
    return _Parser(octets, inner).entity(0, len(octets), depth=0, in_digest=False)


def parse_header(octets: bytes) -> Entity:
    """A message of which only the header was looked at: it passes for one of plain text."""
    fields, body = split_header(octets, 0, len(octets))
    return Entity(octets, 0, body, len(octets), fields, *PLAIN_TEXT)


class _Parser:
    def __init__(self, octets: bytes, inner: Collection[tuple[bytes, bytes]]) -> None:
        self._octets = octets
        self._inner = inner
        self._parts_left = MAX_PARTS
        self._fields_left = MAX_FIELDS

    def entity(self, start: int, end: int, *, depth: int, in_digest: bool) -> Entity:
        fields, body = split_header(self._octets, start, end, most=self._fields_left)
        self._fields_left -= len(fields)
        given = next((each.value for each in fields if each.name == b"CONTENT-TYPE"), None)
        kind, subtype, parameters = media_type(given, in_digest=in_digest)
        entity = Entity(self._octets, start, body, end, fields, kind, subtype, parameters)
        if kind == b"MULTIPART":
            self._divide(entity, depth)
        elif (kind, subtype) in self._inner:
            if depth < MAX_DEPTH:
                entity.embedded = self.entity(body, end, depth=depth + 1, in_digest=False)
            else:
                _make_opaque(entity)
        return entity

    def _divide(self, entity: Entity, depth: int) -> None:
        if depth >= MAX_DEPTH:
            _make_opaque(entity)
            return
        boundary = Parameterized(b"", entity.parameters).parameter(b"BOUNDARY")
        ranges = self._ranges(entity, boundary) if boundary else []
        if not ranges:
            # Not a multipart that can be read, so its Content-Type is no good: RFC 2045 §5.2 makes it plain text.
            entity.type, entity.subtype, entity.parameters = PLAIN_TEXT
            return
        for start, end in ranges:
            part = self.entity(start, end, depth=depth + 1, in_digest=entity.subtype == b"DIGEST")
            entity.parts.append(part)

    def _ranges(self, entity: Entity, boundary: bytes) -> list[tuple[int, int]]:
        # delimiter := CRLF "--" boundary; then transport-padding := *LWSP-char; close-delimiter adds "--" (RFC 2046
        # §5.1.1). The line end before it belongs to it, not to the part. A bare LF counts: mail has it all the same.
        marker = b"--" + boundary
        octets, end = self._octets, entity.end
        ranges: list[tuple[int, int]] = []
        open_at: int | None = None
        at = entity.body
        while (found := octets.find(marker, at, end)) >= 0:
            at = found + 1
            tail = _DELIMITER_TAIL.match(octets, found + len(marker), end)
            if tail is None or (found > entity.body and octets[found - 1] != 0x0A):
                continue
            closing = tail[1] is not None
            if self._parts_left <= 0 and not closing:
                break
            if open_at is not None:
                before = found - 2 if octets[found - 2 : found] == b"\r\n" else found - 1
                ranges.append((open_at, max(before, open_at)))
                open_at = None
            if closing:
                break
            self._parts_left -= 1
            at = open_at = tail.end()
        if open_at is not None:
            ranges.append((open_at, end))
        return ranges


# What follows "--" boundary on its line, to the line end
_DELIMITER_TAIL = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\Z)")


def _make_opaque(entity: Entity) -> None:
    entity.type, entity.subtype, entity.parameters = b"APPLICATION", b"OCTET-STREAM", ()


def split_header(octets: bytes, start: int, end: int, *, most: int = MAX_FIELDS) -> tuple[tuple[Field, ...], int]:
    """The fields of a header and where its body starts: after the first empty line, or at the end if there is none.

    What comes after the `most` fields that are told apart is one field without a name.
    """
    fields: list[Field] = []
    at = start
    while at < end:
        if octets.startswith((b"\r\n", b"\n"), at, end):
            at = octets.index(b"\n", at) + 1
            break
        if len(fields) >= most:
            rest = _REST_OF_HEADER.search(octets, at, end)
            stop = rest.start() + 1 if rest else end
            fields.append(Field(None, octets[at:stop]))
            at = rest.end() if rest else end
            break
        found = _FIELD.match(octets, at, end)
        assert found is not None, "anything is a line"
        name = found[1]
        fields.append(Field(name.upper() if name else None, found[0]))
        at = found.end()
    return tuple(fields), at


# field-name = 1*ftext     ; %d33-57 / %d59-126. White space before the colon is obsolete, but read (RFC 5322 §4.5.8)
# A line that begins with white space goes on with the field before it (RFC 5322 §2.2.3).
_FIELD = re.compile(rb"(?:([\x21-\x39\x3b-\x7e]+)[ \t]*+:)?[^\n]*+(?:\n[ \t][^\n]*+)*+\n?")


_REST_OF_HEADER = re.compile(rb"\n\r?\n")


PLAIN_TEXT = (b"TEXT", b"PLAIN", ((b"CHARSET", b"US-ASCII"),))
"""What an entity is that does not say, or says it badly (RFC 2045 §5.2)."""


@lru_cache(maxsize=256)  # a few types make up most mail
def _short_media_type(value: bytes) -> tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...]]:
    return _media_type(value)


def media_type(value: bytes | None, *, in_digest: bool) -> tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...]]:
    """Type and subtype in capitals, and the parameters, defaults filled in (RFC 2045 §5.2, RFC 2046 §4.1.2, §5.1.5)."""
    if value is None:
        return (b"MESSAGE", b"RFC822", ()) if in_digest else PLAIN_TEXT
    return _short_media_type(value) if len(value) <= MAX_REMEMBERED_OCTETS else _media_type(value)


def _media_type(value: bytes) -> tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...]]:
    parsed = parameterized(value)
    kind, slash, subtype = parsed.value.upper().partition(b"/")
    if not (TOKEN.fullmatch(kind) and slash and TOKEN.fullmatch(subtype)):
        return PLAIN_TEXT
    parameters = parsed.parameters
    if kind == b"TEXT" and subtype == b"PLAIN" and parsed.parameter(b"CHARSET") is None:
        parameters = (*parameters, (b"CHARSET", b"US-ASCII"))
    return kind, subtype, parameters


def parameterized(value: bytes) -> Parameterized:
    """`value *(";" attribute "=" value)`, comments dropped; what is no parameter is passed over (RFC 2045 §5.1)."""
    return _short_parameterized(value) if len(value) <= MAX_REMEMBERED_OCTETS else _parameterized(value)


@lru_cache(maxsize=256)
def _short_parameterized(value: bytes) -> Parameterized:
    return _parameterized(value)


def _parameterized(value: bytes) -> Parameterized:
    head: list[bytes] = []
    parameters: list[tuple[bytes, bytes]] = []
    name: bytes | None = None
    text: list[bytes] | None = None

    def close() -> None:
        if name and text is not None and len(parameters) < MAX_PARAMETERS:
            parameters.append((name, b"".join(text)))

    in_head = True
    for word in words(value, TOKEN):
        if word.is_special(b";"):
            close()
            in_head, name, text = False, None, None
        elif in_head:
            head.append(word.octets)
        elif word.is_special(b"=") and text is None:
            text = []
        elif text is not None:
            text.append(word.octets)
        elif word.kind is Kind.ATOM:
            name = word.octets
    close()
    return Parameterized(b"".join(head), joined(tuple(parameters)))
