"""The digest of the header that a message left with: what a server may do to a header does not change it.

A server puts trace fields before a message (RFC 5321 §4.4), filters add fields of their own above and below, and
neither a relay nor who delivers changes or removes those that are there (§3.6.3, §6.4). So what is looked at are the
fields that a generated message has itself, by name and wherever they stand: that each is there just once, and what it
says. Four things are let pass that harm nobody: other folds and white space, as DKIM's relaxed form does (RFC 6376
§3.4.2), the order, angle brackets come or gone around addresses, and a mark put before the subject, as filters do.

Who takes in mail for submission may rewrite addresses, too (RFC 6409 §8.7, §8.8; RFC 5321 §6.4).
"""

from __future__ import annotations

import hashlib
import re
from typing import TypeAlias

OCTETS = 8
"""Of the digest as text."""

NAMES = (b"from", b"to", b"date", b"subject", b"message-id", b"x-mailspec")
"""The fields of a generated message."""

SUBJECT = b"mailspec load"

Fields: TypeAlias = dict[bytes, list[bytes]]
"""What each of them says, by name in small letters, as often as it is there; folds and line ends as they stand."""

_WHITE = re.compile(rb"[ \t\r\n]+")
_FIELD = re.compile(
    rb"^(%b)[ \t]*:((?:[^\n]*\n[ \t])*[^\n]*)" % b"|".join(NAMES),  # folded lines included (RFC 5322 §2.2.3)
    re.MULTILINE | re.IGNORECASE,
)


def header_digest(header: bytes, token: bytes, *, addresses: bool) -> bytes:
    """The digest of the header of the message with this token; without `addresses` theirs may be any."""
    return _digest(own_fields(header), token, addresses=addresses)


def is_whole(fields: Fields, token: bytes, told: bytes) -> bool:
    """Whether these are still the fields of the header whose digest is told, with its addresses or without."""
    return told == _digest(fields, token, addresses=True) or told == _digest(fields, token, addresses=False)


def own_fields(header: bytes) -> Fields:
    """What a header has of the fields of a generated message."""
    found: Fields = {}
    for name, value in _FIELD.findall(header):
        found.setdefault(name.lower(), []).append(value)
    return found


def _digest(fields: Fields, token: bytes, *, addresses: bool) -> bytes:
    lines = [b"with addresses" if addresses else b"without"]
    for name in NAMES:
        for value in fields.get(name, ()):
            lines += (name, _canonical(name, value, token, addresses=addresses))
    return hashlib.blake2b(b"\n".join(lines), digest_size=OCTETS // 2).hexdigest().encode()


def _canonical(name: bytes, value: bytes, token: bytes, *, addresses: bool) -> bytes:
    if name == b"x-mailspec":
        return b""  # It holds this digest, and has one of its own.
    if name in (b"from", b"to"):
        return value.translate(None, b"<> \t\r\n") if addresses else b""
    if name == b"message-id":
        # But for the token all messages of a user have the same.
        return value.translate(None, b" \t\r\n").replace(token, b"")
    text = _WHITE.sub(b" ", value).strip(b" ")
    return SUBJECT if name == b"subject" and text.endswith(b" " + SUBJECT) else text
