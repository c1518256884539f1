"""BODY and BODYSTRUCTURE (RFC 3501 §7.4.2, §9 body)."""

from __future__ import annotations

from reference_server.imap.envelope import Envelopes
from reference_server.imap.lexer import Kind, words
from reference_server.imap.mime import TOKEN, Entity, parameterized
from reference_server.imap.responses import parenthesized

DEFAULT_ENCODING = b"7BIT"
"""RFC 2045 §6.1."""


class Structures(Envelopes):
    """Mixin: the structure of a message, value by value."""

    def render_body(self, entity: Entity, *, extended: bool) -> bytes:
        """`body`; with extension data if `extended`, which only BODYSTRUCTURE may carry."""
        if entity.parts:
            return self.render_multipart(entity, extended=extended)
        fields = [*self.media_type(entity), *self.body_fields(entity)]
        if entity.embedded is not None:
            fields += [self.render_envelope(entity.embedded), self.render_body(entity.embedded, extended=extended)]
        if entity.embedded is not None or entity.type == b"TEXT":
            fields.append(b"%d" % self.body_lines(entity))
        if extended:
            fields += [self.render_nstring(entity.first(b"CONTENT-MD5")), *self.body_placement(entity)]
        return parenthesized(fields)

    def render_multipart(self, entity: Entity, *, extended: bool) -> bytes:
        """`body-type-mpart`: the parts without spaces between them."""
        parts = b"".join(self.render_body(part, extended=extended) for part in entity.parts)
        fields = [parts, self.render_string(entity.subtype)]
        if extended:
            fields += [self.body_parameters(entity.parameters), *self.body_placement(entity)]
        return parenthesized(fields)

    def media_type(self, entity: Entity) -> tuple[bytes, bytes]:
        """Type and subtype, both strings."""
        return self.render_string(entity.type), self.render_string(entity.subtype)

    def body_fields(self, entity: Entity) -> tuple[bytes, ...]:
        """`body-fields`: parameters, id, description, encoding, octets."""
        return (
            self.body_parameters(entity.parameters),
            self.render_nstring(entity.first(b"CONTENT-ID")),
            self.render_nstring(entity.first(b"CONTENT-DESCRIPTION")),
            self.render_string(self.body_encoding(entity)),
            b"%d" % self.body_size(entity),
        )

    def body_parameters(self, parameters: tuple[tuple[bytes, bytes], ...]) -> bytes:
        """`body-fld-param`: names in capitals, or NIL for none."""
        if not parameters:
            return b"NIL"
        return parenthesized(self.render_string(each) for name, value in parameters for each in (name.upper(), value))

    def body_encoding(self, entity: Entity) -> bytes:
        """`body-fld-enc`, 7BIT where nothing is said."""
        given = entity.first(b"CONTENT-TRANSFER-ENCODING") or b""
        return parameterized(given).value.upper() or DEFAULT_ENCODING

    def body_size(self, entity: Entity) -> int:
        """`body-fld-octets`: as it is encoded."""
        return len(entity.body_octets)

    def body_lines(self, entity: Entity) -> int:
        """`body-fld-lines`: as it is encoded."""
        return entity.line_count

    def body_placement(self, entity: Entity) -> tuple[bytes, bytes, bytes]:
        """Disposition (RFC 2183), language (RFC 3282) and location (RFC 2557)."""
        location = self.render_nstring(entity.first(b"CONTENT-LOCATION"))
        return self.body_disposition(entity), self.body_language(entity), location

    def body_disposition(self, entity: Entity) -> bytes:
        """`body-fld-dsp`."""
        given = entity.first(b"CONTENT-DISPOSITION")
        if not given:
            return b"NIL"
        parsed = parameterized(given)
        return parenthesized((self.render_string(parsed.value.upper()), self.body_parameters(parsed.parameters)))

    def body_language(self, entity: Entity) -> bytes:
        """`body-fld-lang`: one tag as a string, several as a list."""
        given = words(entity.first(b"CONTENT-LANGUAGE") or b"", TOKEN)
        tags = [self.render_string(word.octets) for word in given if word.kind is Kind.ATOM]
        if not tags:
            return b"NIL"
        return tags[0] if len(tags) == 1 else parenthesized(tags)
