"""Messages with NUL, in a form that IMAP can carry (RFC 9051 §4.3.1; RFC 3501 §4.3.1, §9 CHAR8; RFC 3516 §4.4)."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence

from reference_server.imap.mime import Entity, parameterized, parse

IDENTITIES = frozenset({b"", b"7BIT", b"8BIT", b"BINARY"})
"""Transfer encodings that change nothing (RFC 2045 §6.2); nothing said is 7BIT."""

ENCODINGS = frozenset({*IDENTITIES, b"BASE64", b"QUOTED-PRINTABLE"})
"""Transfer encodings that are known here."""

BASE64_LINE_OCTETS = 57
"""Octets that one line of base64 stands for: 76 characters (RFC 2045 §6.8)."""

STAND_IN = b"?"
"""What is shown for a NUL where nothing can be encoded, such as in a header."""


def transfer_encoding(entity: Entity) -> bytes:
    """Content-Transfer-Encoding in capitals, empty if there is none."""
    return parameterized(entity.first(b"CONTENT-TRANSFER-ENCODING") or b"").value.upper()


def without_nul(octets: bytes) -> bytes:
    """The message as far as it can be told in literals: the same one if there is no NUL in it.

    Bodies that no transfer encoding protects are put into base64, so that nothing of them is lost. Elsewhere no octet
    may be NUL anyway (RFC 5322 §4.1 keeps it out of new headers, RFC 2045 §6.7, §6.8 out of what is encoded).
    """
    if b"\0" not in octets:
        return octets
    return encode_parts(octets, IDENTITIES).replace(b"\0", STAND_IN)


def encode_binary(octets: bytes) -> bytes:
    """The same message with every BINARY part that has a NUL in it encoded in base64, and all else as it was."""
    return encode_parts(octets, frozenset({b"BINARY"}))


def encode_parts(octets: bytes, encodings: frozenset[bytes]) -> bytes:
    """The same message with every part encoded in base64 that has a NUL in it and one of these transfer encodings."""
    pieces: list[bytes] = []
    at = 0
    for part in leaves(parse(octets)):
        if transfer_encoding(part) not in encodings or b"\0" not in part.body_octets:
            continue
        # Only the first such field was looked at; a second one would contradict it.
        named = [field for field in part.fields if field.name == b"CONTENT-TRANSFER-ENCODING"]
        start = part.start
        for field in part.fields:
            end = start + len(field.octets)
            if field in named:
                pieces += [octets[at:start], NOW_BASE64 if field is named[0] else b""]
                at = end
            start = end
        if not named:
            pieces += [octets[at:start], NOW_BASE64]
            at = start
        pieces += [octets[at : part.body], _base64_lines(part.body_octets)]
        at = part.end
    return b"".join((*pieces, octets[at:]))


NOW_BASE64 = b"Content-Transfer-Encoding: base64\r\n"


def leaves(entity: Entity) -> Iterator[Entity]:
    """The parts of a message that have none themselves, in order; the message itself if it has none."""
    inner: Sequence[Entity] = (entity.embedded,) if entity.embedded is not None else entity.parts
    if not inner:
        yield entity
    for part in inner:
        yield from leaves(part)


def _base64_lines(octets: bytes) -> bytes:
    return b"\r\n".join(
        binascii.b2a_base64(octets[at : at + BASE64_LINE_OCTETS], newline=False)
        for at in range(0, len(octets), BASE64_LINE_OCTETS)
    )
