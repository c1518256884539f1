"""BINARY: parts without their transfer encoding, and messages with NUL (RFC 3516; FETCH in RFC 9051 too)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence

from reference_server.imap.decoded import transfer_decoded
from reference_server.imap.mime import Entity, parameterized, parse
from reference_server.imap.responses import literal8
from reference_server.imap.sections import Section, Sections
from reference_server.imap.session import RefusedError
from reference_server.stores import StoredMessage

IDENTITIES = frozenset({b"", b"7BIT", b"8BIT", b"BINARY"})
"""Transfer encodings that change nothing (RFC 2045 §6.2); nothing said is 7BIT."""

ENCODINGS = frozenset({*IDENTITIES, b"BASE64", b"QUOTED-PRINTABLE"})
"""Transfer encodings that are known here."""

BARE_LF = re.compile(rb"(?<!\r)\n")
BASE64_LINE_OCTETS = 57
"""Octets that one line of base64 stands for: 76 characters (RFC 2045 §6.8)."""


class Binary(bytes):
    """A literal8, told apart from a literal: NUL may be in it."""

    __slots__ = ()


class BinarySections(Sections):
    """Mixin: what BINARY sections hold, and how it is written."""

    def binary_of(self, message: StoredMessage, section: Section) -> bytes | None:
        """A part without its transfer encoding, or None if there is no such part; `[]` is the message as it stands."""
        if not section.part:
            return message.octets
        part = self.part_at(self.selected.parsed(message), section.part)
        return None if part is None else self.decoded_part(part)

    def decoded_part(self, part: Entity) -> bytes:
        """A part's body without its transfer encoding; lines of text end in CRLF, however they are kept (§6)."""
        octets = transfer_decoded(part.body_octets, transfer_encoding(part))
        return BARE_LF.sub(b"\r\n", octets) if part.type == b"TEXT" else octets

    def can_be_decoded(self, message: StoredMessage, section: Section) -> bool:
        """Whether the transfer encoding is known, where there is one; what has parts can have none (RFC 2045 §6.4)."""
        part = self.part_at(self.selected.parsed(message), section.part) if section.part else None
        if part is None:
            return True
        return transfer_encoding(part) in (IDENTITIES if part.parts or part.embedded else ENCODINGS)

    def render_binary(self, octets: bytes | None) -> bytes:
        """`nstring / literal8`: a literal8 only where there is a NUL (RFC 3516 §4.3)."""
        if octets is None:
            return b"NIL"
        return literal8(octets) if b"\0" in octets else self.render_literal(octets)

    def without_nul(self, octets: bytes) -> bytes:
        """The message as IMAP can give it out: parts with NUL in base64 instead of BINARY (RFC 3516 §4.4).

        Raises:
            RefusedError: there is a NUL where nothing can be encoded, with UNKNOWN-CTE.
        """
        encoded = encode_binary(octets)
        if b"\0" in encoded:
            raise RefusedError("NUL outside of what can be encoded", code=b"UNKNOWN-CTE")
        return encoded


def transfer_encoding(entity: Entity) -> bytes:
    """Content-Transfer-Encoding in capitals, empty if there is none."""
    return parameterized(entity.first(b"CONTENT-TRANSFER-ENCODING") or b"").value.upper()


def encode_binary(octets: bytes) -> bytes:
    """The same message with every BINARY part that has a NUL in it encoded in base64, and all else as it was."""
    pieces: list[bytes] = []
    at = 0
    for part in leaves(parse(octets)):
        if transfer_encoding(part) != b"BINARY" or b"\0" not in part.body_octets:
            continue
        # Only the first such field was looked at; a second one would contradict it.
        named = [field for field in part.fields if field.name == b"CONTENT-TRANSFER-ENCODING"]
        start = part.start
        for field in part.fields:
            end = start + len(field.octets)
            if field in named:
                pieces += [octets[at:start], b"Content-Transfer-Encoding: base64\r\n" if field is named[0] else b""]
                at = end
            start = end
        pieces += [octets[at : part.body], _base64_lines(part.body_octets)]
        at = part.end
    return b"".join((*pieces, octets[at:]))


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
