"""BINARY: parts without their transfer encoding, and messages with NUL (RFC 3516; FETCH in RFC 9051 too)."""

from __future__ import annotations

import re

from reference_server.imap.decoded import transfer_decoded
from reference_server.imap.encoding import ENCODINGS, IDENTITIES, encode_binary, transfer_encoding
from reference_server.imap.mime import Entity
from reference_server.imap.responses import literal8
from reference_server.imap.sections import Section, Sections
from reference_server.imap.session import RefusedError
from reference_server.stores import StoredMessage

BARE_LF = re.compile(rb"(?<!\r)\n")


class Binary(bytes):
    """A literal8, told apart from a literal: NUL may be in it."""

    __slots__ = ()


class BinarySections(Sections):
    """Mixin: what BINARY sections hold, and how it is written."""

    def binary_of(self, message: StoredMessage, section: Section) -> bytes | None:
        """A part without its transfer encoding, or None if there is no such part; `[]` is the message as stored."""
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
