"""Single fields of a header, found without taking the header apart (RFC 5322 §2.2).

What counts as a field, and where the header ends, is as in `mime.split_header`; a search has no time to split them all.
"""

from __future__ import annotations

import re
from functools import lru_cache

from reference_server.imap.lexer import unfolded


def body_start(octets: bytes) -> int:
    """Where the body begins: after the first empty line, or at the end if there is none."""
    if octets.startswith((b"\r\n", b"\n")):
        return octets.index(b"\n") + 1
    crlf = octets.find(b"\n\r\n")
    bare = octets.find(b"\n\n", 0, crlf + 1 if crlf >= 0 else len(octets))
    if bare >= 0:
        return bare + 2
    return crlf + 3 if crlf >= 0 else len(octets)


# field-name = 1*ftext                                                                            (RFC 5322 §3.6.8)
FIELD_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]+")


@lru_cache(maxsize=64)
def _pattern(name: bytes) -> re.Pattern[bytes]:
    # field = field-name *WSP ":" *( *any [line end WSP] )         (RFC 5322 §2.2; white space before the colon: §4.5.8)
    return re.compile(rb"\n" + re.escape(name) + rb"[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)", re.IGNORECASE)


def field_values(octets: bytes, end: int, name: bytes) -> list[bytes]:
    """The values of all fields of that name in the header `octets[:end]`, unfolded, outer white space removed."""
    if not FIELD_NAME.fullmatch(name):
        return []
    pattern = _pattern(name)
    values = [
        unfolded(found[1]) if b"\n" in found[1] else found[1].strip(b" \t\r")
        for found in pattern.finditer(octets, 0, end)
    ]
    # No line end stands before the first field.
    if octets[: len(name)].upper() == name.upper() and (found := pattern.match(b"\n" + octets[:end])):
        values.insert(0, unfolded(found[1]))
    return values
