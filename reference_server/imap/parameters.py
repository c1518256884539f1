"""Parameters that are continued, or have a charset (RFC 2231 §3, §4). Total: what does not fit stays as it is."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from reference_server.imap.charsets import to_text

Parameters = tuple[tuple[bytes, bytes], ...]
"""Names and values, in order, as they are written."""

# section := "*" ("0" / DIGIT 1*DIGIT), then "*" if the segment is encoded                              (RFC 2231 §7)
SEGMENT = re.compile(rb"(.+?)\*(0|[1-9][0-9]{0,2})(\*?)", re.DOTALL)
# attribute-char := <any (US-ASCII) CHAR except SPACE, CTLs, "*", "'", "%", or tspecials>
NOT_ATTRIBUTE_CHAR = re.compile(rb"[^\x21\x23-\x24\x26\x2b\x2d-\x2e0-9A-Z\x5e-\x7a\x7b-\x7e]")


def joined(parameters: Parameters) -> Parameters:
    """Continued values in one piece; with an encoded segment in them they keep the `*` and their charset (§4.1)."""
    if not any(b"*" in name for name, _ in parameters):
        return parameters
    segments: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in parameters:
        if found := SEGMENT.fullmatch(name):
            segments.setdefault(found[1].upper(), {}).setdefault(int(found[2]), (value, bool(found[3])))
    result: list[tuple[bytes, bytes]] = []
    done: set[bytes] = set()
    for name, value in parameters:
        found = SEGMENT.fullmatch(name)
        if not found or 0 not in segments[found[1].upper()]:
            result.append((name, value))
        elif (whole := found[1].upper()) not in done:
            done.add(whole)
            result.append(_in_one_piece(found[1], segments[whole]))
    return tuple(result)


def _in_one_piece(name: bytes, segments: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    # A segment after a gap belongs to nothing.
    count = next(number for number in range(len(segments) + 1) if number not in segments)
    pieces = [segments[number] for number in range(count)]
    if not any(encoded for _, encoded in pieces):
        return name, b"".join(value for value, _ in pieces)
    text = b"".join(value if encoded else NOT_ATTRIBUTE_CHAR.sub(_percent, value) for value, encoded in pieces)
    # Only the first segment can say what charset it is (§4.1).
    return name + b"*", text if pieces[0][1] else b"''" + text


def _percent(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


def in_utf8(parameters: Parameters) -> Parameters:
    """Values with a charset decoded and in UTF-8; they keep the `*` after their name (RFC 9051 §7.5.2)."""
    return tuple((name, _decoded(value) if name.endswith(b"*") else value) for name, value in parameters)


def _decoded(value: bytes) -> bytes:
    # extended-initial-value := [charset] "'" [language] "'" extended-other-values
    charset, _, rest = value.partition(b"'")
    _, apostrophe, text = rest.partition(b"'")
    if not apostrophe:
        return value
    decoded = to_text(unquote_to_bytes(text), charset.decode("ascii", "replace") or "utf-8").encode("utf-8", "replace")
    # What no string can have in it stays as it is written.
    return value if b"\0" in decoded else decoded
