"""BODY and BODYSTRUCTURE (RFC 3501 §7.4.2, §9 body)."""

from __future__ import annotations

from reference_server.imap.envelope import envelope
from reference_server.imap.lexer import Kind, words
from reference_server.imap.mime import TOKEN, Entity, parameterized
from reference_server.imap.responses import String, nstring

DEFAULT_ENCODING = b"7BIT"
"""RFC 2045 §6.1."""


def body(entity: Entity, string: String, *, extended: bool) -> bytes:
    """`body`; with extension data if `extended`, which only BODYSTRUCTURE may carry."""
    if entity.parts:
        return _multipart(entity, string, extended=extended)
    fields = [string(entity.type), string(entity.subtype), _parameters(entity.parameters, string)]
    fields += [nstring(entity.first(name), string) for name in (b"CONTENT-ID", b"CONTENT-DESCRIPTION")]
    fields += [string(_encoding(entity)), b"%d" % len(entity.body_octets)]
    if entity.embedded is not None:
        fields += [envelope(entity.embedded, string), body(entity.embedded, string, extended=extended)]
    if entity.embedded is not None or entity.type == b"TEXT":
        fields.append(b"%d" % entity.line_count)
    if extended:
        fields += [nstring(entity.first(b"CONTENT-MD5"), string), *_placement(entity, string)]
    return b"(%b)" % b" ".join(fields)


def _multipart(entity: Entity, string: String, *, extended: bool) -> bytes:
    """`body-type-mpart`: the parts without spaces between them."""
    fields = [b"".join(body(part, string, extended=extended) for part in entity.parts), string(entity.subtype)]
    if extended:
        fields += [_parameters(entity.parameters, string), *_placement(entity, string)]
    return b"(%b)" % b" ".join(fields)


def _placement(entity: Entity, string: String) -> tuple[bytes, bytes, bytes]:
    """Disposition (RFC 2183), language (RFC 3282) and location (RFC 2557)."""
    disposition = b"NIL"
    if given := entity.first(b"CONTENT-DISPOSITION"):
        parsed = parameterized(given)
        disposition = b"(%b %b)" % (string(parsed.value.upper()), _parameters(parsed.parameters, string))
    tags = [word.octets for word in words(entity.first(b"CONTENT-LANGUAGE") or b"", TOKEN) if word.kind is Kind.ATOM]
    language = b"NIL" if not tags else string(tags[0]) if len(tags) == 1 else b"(%b)" % b" ".join(map(string, tags))
    return disposition, language, nstring(entity.first(b"CONTENT-LOCATION"), string)


def _parameters(parameters: tuple[tuple[bytes, bytes], ...], string: String) -> bytes:
    """`body-fld-param`: names in capitals, or NIL for none."""
    if not parameters:
        return b"NIL"
    return b"(%b)" % b" ".join(b"%b %b" % (string(name.upper()), string(value)) for name, value in parameters)


def _encoding(entity: Entity) -> bytes:
    return parameterized(entity.first(b"CONTENT-TRANSFER-ENCODING") or b"").value.upper() or DEFAULT_ENCODING
