"""ENVELOPE and the addresses in it (RFC 3501 §7.4.2, RFC 5322 §3.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reference_server.imap.lexer import Word, words
from reference_server.imap.mime import Entity
from reference_server.imap.responses import String, nstring

MAX_ADDRESSES = 5000
"""Addresses of one field; the rest of it is not read."""

# atext and "." together: a dot-atom is one word; 8-bit octets are let through (RFC 6532)      (RFC 5322 §3.2.3)
ADDRESS_ATOM = re.compile(rb'[^\x00-\x20\x7f()<>@,;:\\"\[\]]+')


@dataclass(frozen=True, slots=True)
class Address:
    """One address structure: None is NIL. A host of None marks a group's start, or its end if there is no mailbox."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


GROUP_END = Address(None, None, None, None)


def addresses(value: bytes) -> list[Address]:
    """The addresses of a field's value, groups in their special form. Total: what is no address is read as best it can.

    An address without a domain gets an empty host, since NIL would make it the start of a group.
    """
    found: list[Address] = []
    pending: list[Word] = []  # the words since the last delimiter
    in_group = False
    stream = words(value, ADDRESS_ATOM)
    for word in stream:
        if len(found) >= MAX_ADDRESSES:
            break
        if word.is_special(b"<"):
            found.append(_angle(pending, stream))
            pending = []
        elif word.is_special(b":") and not in_group:
            found.append(Address(None, None, _phrase(pending) or b"", None))
            pending, in_group = [], True
        elif word.is_special(b",") or (in_group and word.is_special(b";")):
            found += _bare(pending)
            pending = []
            if word.is_special(b";"):
                found.append(GROUP_END)
                in_group = False
        else:
            pending.append(word)
    found += _bare(pending)
    if in_group:
        found.append(GROUP_END)
    return found


def _angle(phrase: Sequence[Word], stream: Iterator[Word]) -> Address:
    """angle-addr = "<" [obs-route] addr-spec ">", obs-route = 1*("," / "@" domain) ":"."""
    route: bytes | None = None
    inside: list[Word] = []
    for word in stream:
        if word.is_special(b">"):
            break
        if word.is_special(b":") and route is None:
            route = _joined(inside)
            inside = []
        else:
            inside.append(word)
    local_part, domain = _split_at_sign(inside)
    return Address(_phrase(phrase), route, _joined(local_part), _joined(domain))


def _bare(pending: Sequence[Word]) -> list[Address]:
    """addr-spec on its own, if there is anything."""
    if not pending:
        return []
    local_part, domain = _split_at_sign(pending)
    return [Address(None, None, _joined(local_part), _joined(domain))]


def _split_at_sign(spec: Sequence[Word]) -> tuple[Sequence[Word], Sequence[Word]]:
    for index in range(len(spec) - 1, -1, -1):
        if spec[index].is_special(b"@"):
            return spec[:index], spec[index + 1 :]
    return spec, ()


def _joined(spec: Sequence[Word]) -> bytes:
    return b"".join(word.octets for word in spec)


def _phrase(pending: Sequence[Word]) -> bytes | None:
    """phrase = 1*word, quoting removed; white space between words is one space."""
    return b" ".join(word.octets for word in pending) if pending else None


# The fields in the order of the envelope (RFC 3501 §7.4.2); of a field that is there twice the first counts.
def envelope(message: Entity, string: String) -> bytes:
    """`envelope`: absent and empty strings told apart; From stands in for a missing Sender or Reply-To."""
    author = address_list(message.first(b"FROM"), string)

    def addressed(name: bytes, default: bytes = b"NIL") -> bytes:
        given = address_list(message.first(name), string)
        return default if given == b"NIL" else given

    return b"(%b)" % b" ".join(
        (
            nstring(message.first(b"DATE"), string),
            nstring(message.first(b"SUBJECT"), string),
            author,
            addressed(b"SENDER", author),
            addressed(b"REPLY-TO", author),
            addressed(b"TO"),
            addressed(b"CC"),
            addressed(b"BCC"),
            nstring(message.first(b"IN-REPLY-TO"), string),
            nstring(message.first(b"MESSAGE-ID"), string),
        )
    )


def address_list(value: bytes | None, string: String) -> bytes:
    """`"(" 1*address ")" / nil`: no spaces between addresses (RFC 3501 §9, env-from)."""
    found = addresses(value) if value else []
    if not found:
        return b"NIL"
    return b"(%b)" % b"".join(
        b"(%b)" % b" ".join(nstring(part, string) for part in (each.name, each.route, each.mailbox, each.host))
        for each in found
    )
