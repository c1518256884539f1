"""A message's text for searching: encoded words and transfer encodings undone (RFC 2047, RFC 2045 §6; RFC 3501 §6.4.4).

Total: what cannot be decoded is taken as it stands.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from reference_server.imap.charsets import to_text
from reference_server.imap.mime import Entity, Parameterized, parameterized

# encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="              (RFC 2047 §2, RFC 2231 §5)
ENCODED_WORD = re.compile(r"=\?([^\s?*]+)(?:\*[^\s?]*)?\?([bBqQ])\?([^\s?]*)\?=")
NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def decode_words(octets: bytes) -> str:
    """Encoded words undone.

    White space between two of them is not part of the text (RFC 2047 §6.2). Neighbours of one charset are decoded
    together: composers that do not heed §5 cut characters in two.
    """
    text = octets.decode("utf-8", "replace")
    if "=?" not in text:
        return text
    pieces: list[str] = []
    run: list[bytes] = []
    charset = ""
    at = 0
    for found in ENCODED_WORD.finditer(text):
        between = text[at : found.start()]
        at = found.end()
        apart = not run or between.strip(" \t\r\n") != ""
        if apart or found[1].upper() != charset:
            pieces.append(to_text(b"".join(run), charset))
            run = []
        if apart:
            pieces.append(between)
        charset = found[1].upper()
        run.append(_word_octets(found[2], found[3].encode("utf-8")))
    return "".join((*pieces, to_text(b"".join(run), charset), text[at:]))


def _word_octets(encoding: str, encoded: bytes) -> bytes:
    return base64_octets(encoded) if encoding in "bB" else binascii.a2b_qp(encoded, header=True)


def base64_octets(encoded: bytes) -> bytes:
    """What base64 stands for, as far as it goes."""
    clean = NOT_BASE64.sub(b"", encoded)
    # One digit alone in the last group stands for nothing.
    clean = clean[:-1] if len(clean) % 4 == 1 else clean
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def header_text(octets: bytes) -> str:
    """All fields of a header, names and all, unfolded and decoded, NUL between them: no search string has one."""
    lines = octets.replace(b"\r\n", b"\n")
    # A line end before white space is one that folding made, and goes (RFC 5322 §2.2.3).
    return decode_words(lines.replace(b"\n ", b" ").replace(b"\n\t", b"\t")).replace("\n", "\0")


def body_texts(entity: Entity) -> Iterator[str]:
    """The text in a body: text parts decoded, headers of parts, messages within; other media left out (§6.4.4)."""
    if entity.embedded is not None:
        yield header_text(entity.embedded.header_octets)
        yield from body_texts(entity.embedded)
    elif entity.parts:
        for part in entity.parts:
            yield header_text(part.header_octets)
            yield from body_texts(part)
    elif entity.type == b"TEXT":
        encoding = parameterized(entity.first(b"CONTENT-TRANSFER-ENCODING") or b"").value
        yield to_text(transfer_decoded(entity.body_octets, encoding.upper()), _charset(entity))


def _charset(entity: Entity) -> str:
    given = Parameterized(b"", entity.parameters).parameter(b"CHARSET") or b"UTF-8"
    # ASCII is what is assumed when nothing is said; UTF-8 has it, and shows what is really there.
    return "utf-8" if given.upper() == b"US-ASCII" else given.decode("ascii", "replace")


def transfer_decoded(octets: bytes, encoding: bytes) -> bytes:
    """A body without its transfer encoding, which is given in capitals (RFC 2045 §6)."""
    if encoding == b"BASE64":
        return base64_octets(octets)
    return binascii.a2b_qp(octets) if encoding == b"QUOTED-PRINTABLE" else octets
