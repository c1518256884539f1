"""A message's text for searching: encoded words and transfer encodings undone (RFC 2047, RFC 2045 §6; RFC 3501 §6.4.4).

Total: what cannot be decoded is taken as it stands.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from datetime import date

from reference_server.imap.grammar import MONTHS
from reference_server.imap.mime import Entity, Field, Parameterized, parameterized

# encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="              (RFC 2047 §2, RFC 2231 §5)
ENCODED_WORD = re.compile(r"=\?([^\s?*]+)(?:\*[^\s?]*)?\?([bBqQ])\?([^\s?]*)\?=")
BETWEEN_WORDS = re.compile(r"(\?=)[ \t]+(?==\?)")
# date = day month year; only these count in a search                                        (RFC 5322 §3.3)
DATE = re.compile(rb"\b([0-9]{1,2})\s+(" + b"|".join(MONTHS) + rb")[a-z]*\s+([0-9]{2,4})\b", re.IGNORECASE)
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def field_text(field: Field) -> str:
    """A field's value, unfolded and decoded."""
    return decode_words(field.value)


def decode_words(octets: bytes) -> str:
    """Encoded words undone; white space between two of them is not part of the text (RFC 2047 §6.2)."""
    text = octets.decode("utf-8", "replace")
    return ENCODED_WORD.sub(_decode_word, BETWEEN_WORDS.sub(r"\1", text)) if "=?" in text else text


def _decode_word(found: re.Match[str]) -> str:
    encoded = found[3].encode("utf-8")
    octets = base64_octets(encoded) if found[2] in "bB" else binascii.a2b_qp(encoded, header=True)
    return to_text(octets, found[1])


def base64_octets(encoded: bytes) -> bytes:
    """What base64 stands for, as far as it goes."""
    clean = NOT_BASE64.sub(b"", encoded)
    # One digit alone in the last group stands for nothing.
    clean = clean[:-1] if len(clean) % 4 == 1 else clean
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def to_text(octets: bytes, charset: str) -> str:
    """Octets in a charset; UTF-8 stands in for one that is not known."""
    try:
        return octets.decode(charset, "replace")
    # Codecs that are no charsets (rot13, zlib) raise what they like, and so do names with NUL.
    except Exception:
        return octets.decode("utf-8", "replace")


def header_texts(entity: Entity) -> Iterator[str]:
    """Every field of a header, name and all, decoded."""
    for field in entity.fields:
        yield decode_words(field.octets.replace(b"\r\n", b"").replace(b"\n", b""))


def body_texts(entity: Entity) -> Iterator[str]:
    """The text in a body: text parts decoded, headers of parts, messages within; other media left out (§6.4.4)."""
    if entity.embedded is not None:
        yield from header_texts(entity.embedded)
        yield from body_texts(entity.embedded)
    elif entity.parts:
        for part in entity.parts:
            yield from header_texts(part)
            yield from body_texts(part)
    elif entity.type == b"TEXT":
        yield to_text(_transfer_decoded(entity), _charset(entity))


def _charset(entity: Entity) -> str:
    given = Parameterized(b"", entity.parameters).parameter(b"CHARSET") or b"UTF-8"
    # ASCII is what is assumed when nothing is said; UTF-8 has it, and shows what is really there.
    return "utf-8" if given.upper() == b"US-ASCII" else given.decode("ascii", "replace")


def _transfer_decoded(entity: Entity) -> bytes:
    encoding = parameterized(entity.first(b"CONTENT-TRANSFER-ENCODING") or b"").value.upper()
    octets = entity.body_octets
    if encoding == b"BASE64":
        return base64_octets(octets)
    return binascii.a2b_qp(octets) if encoding == b"QUOTED-PRINTABLE" else octets


def sent_date(message: Entity) -> date | None:
    """The day in the Date field, time and zone left aside; None if there is none (RFC 3501 §6.4.4, SENTON)."""
    found = DATE.search(message.first(b"DATE") or b"")
    if found is None:
        return None
    year = int(found[3])
    if len(found[3]) < 4:
        # obs-year: two digits below 50 are of this century, all others count from 1900     (RFC 5322 §4.3)
        year += 2000 if len(found[3]) == 2 and year < 50 else 1900
    try:
        return date(year, MONTHS.index(found[2].upper()) + 1, int(found[1]))
    except ValueError:
        return None
