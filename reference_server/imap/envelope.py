"""ENVELOPE and the addresses in it (RFC 3501 §7.4.2, RFC 5322 §3.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, cast

from reference_server.imap.headers import body_start
from reference_server.imap.lexer import Word, words
from reference_server.imap.mime import Entity
from reference_server.imap.responses import parenthesized
from reference_server.imap.session import Session

MAX_ADDRESSES = 5000
"""Addresses of one field; the rest of it is not read."""

MAX_USUAL_OCTETS = 1000
"""Longest value of which the addresses are kept for the next message that has it."""

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
    return [*_usual_addresses(value)] if len(value) <= MAX_USUAL_OCTETS else _any_addresses(value)


# mailbox-list without comments, groups, routes, quoted pairs and folding, which is nearly all there is: a name of atoms
# or between quotes before an address in brackets, or an address alone                           (RFC 5322 §3.4)
_ATOM = ADDRESS_ATOM.pattern
_USUAL = re.compile(
    rb'(?:(?:"([^"\\\r\n]*+)"|(' + _ATOM + rb"(?: " + _ATOM + rb")*+))? ?<(" + _ATOM + rb")@(" + _ATOM + rb")>"
    rb"|(" + _ATOM + rb")@(" + _ATOM + rb"))(?:, ?|\Z)"
)


@lru_cache(maxsize=512)  # the same people write over and over
def _usual_addresses(value: bytes) -> tuple[Address, ...]:
    found: list[Address] = []
    at = 0
    while at < len(value):
        match = _USUAL.match(value, at)
        if match is None:
            return tuple(_any_addresses(value))
        quoted, atoms, local_part, domain, bare_local_part, bare_domain = match.groups()
        if bare_domain is not None:
            found.append(Address(None, None, bare_local_part, bare_domain))
        else:
            found.append(Address(atoms if quoted is None else quoted, None, local_part, domain))
        at = match.end()
    return tuple(found)


def _any_addresses(value: bytes) -> list[Address]:
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


# QUOTED-CHAR without what has to be escaped, for strings that need no second look                     (RFC 3501 §9)
_PLAIN = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7e]{0,1000}")
# The fields that make an envelope, each with its line end, and whether another line follows   (RFC 5322 §2.2, §2.2.3)
_FIELDS = re.compile(
    rb"\n(date|subject|from|sender|reply-to|to|cc|bcc|in-reply-to|message-id)[ \t]*+:([^\n]*+)(?:\Z|(?=\n([ \t])?))",
    re.IGNORECASE,
)


def usual_envelope(octets: bytes) -> bytes | None:
    """The envelope of a message whose header has nothing unusual in it; None for others, which are read with care.

    Usual are fields of one line, addresses as in `_USUAL`, and strings that can stand between quotes as they are.
    """
    found: dict[bytes, bytes] = {}
    for match in _FIELDS.finditer(b"\n" + octets[: body_start(octets)]):
        name, value, more = match.groups()
        if more is not None:
            return None
        found.setdefault(name.upper(), value.strip(b" \t\r"))
    author = _usual_list(found.get(b"FROM", b""))
    values = (
        _usual_text(found.get(b"DATE")),
        _usual_text(found.get(b"SUBJECT")),
        author,
        _usual_list(found.get(b"SENDER", b""), author),
        _usual_list(found.get(b"REPLY-TO", b""), author),
        _usual_list(found.get(b"TO", b"")),
        _usual_list(found.get(b"CC", b"")),
        _usual_list(found.get(b"BCC", b"")),
        _usual_text(found.get(b"IN-REPLY-TO")),
        _usual_text(found.get(b"MESSAGE-ID")),
    )
    return None if None in values else b"(%b)" % b" ".join(cast("tuple[bytes, ...]", values))


def _usual_text(value: bytes | None) -> bytes | None:
    if value is None:
        return b"NIL"
    return b'"%b"' % value if _PLAIN.fullmatch(value) else None


def _usual_list(value: bytes, default: bytes | None = b"NIL") -> bytes | None:
    if not value:
        return default
    return _usual_rendered(value) if len(value) <= MAX_USUAL_OCTETS else None


@lru_cache(maxsize=512)  # as above
def _usual_rendered(value: bytes) -> bytes | None:
    rendered = []
    for address in _usual_addresses(value):
        parts = [*map(_usual_text, (address.name, address.route, address.mailbox, address.host))]
        if None in parts:
            return None
        rendered.append(parenthesized(cast("list[bytes]", parts)))
    # Without an address in it the field is as good as absent, which is for others to sort out.
    return b"(%b)" % b"".join(rendered) if rendered else None


WRITE_ENVELOPES = (
    *("render_envelope", "envelope_text", "envelope_addresses", "envelope_author", "addresses_of"),
    *("render_addresses", "render_address", "render_nstring", "render_string", "fetch_envelope"),
)
"""What a core must not override for `usual_envelope` to stand in for it."""


class Envelopes(Session):
    """Mixin: ENVELOPE, value by value."""

    usual_envelopes: ClassVar[bool] = True

    def envelope_of(self, octets: bytes) -> bytes | None:
        """The envelope without taking the header apart, where that can be done and nothing here is overridden."""
        return usual_envelope(octets) if self.usual_envelopes else None

    def render_envelope(self, message: Entity) -> bytes:
        """`envelope`, in the order of RFC 3501 §7.4.2. Of a field that is there twice the first counts."""
        return parenthesized((
            self.envelope_text(message, b"DATE"),
            self.envelope_text(message, b"SUBJECT"),
            self.envelope_addresses(message, b"FROM"),
            self.envelope_author(message, b"SENDER"),
            self.envelope_author(message, b"REPLY-TO"),
            self.envelope_addresses(message, b"TO"),
            self.envelope_addresses(message, b"CC"),
            self.envelope_addresses(message, b"BCC"),
            self.envelope_text(message, b"IN-REPLY-TO"),
            self.envelope_text(message, b"MESSAGE-ID"),
        ))  # fmt: skip

    def envelope_text(self, message: Entity, name: bytes) -> bytes:
        """A field as `nstring`: NIL if it is absent, `""` if it is empty."""
        return self.render_nstring(message.first(name))

    def envelope_addresses(self, message: Entity, name: bytes) -> bytes:
        """A field as addresses: NIL if there is none in it."""
        return self.render_addresses(self.addresses_of(message, name))

    def envelope_author(self, message: Entity, name: bytes) -> bytes:
        """Sender or Reply-To; where they are absent or empty, From stands in (RFC 3501 §7.4.2)."""
        return self.render_addresses(self.addresses_of(message, name) or self.addresses_of(message, b"FROM"))

    def addresses_of(self, message: Entity, name: bytes) -> list[Address]:
        """What addresses a field has."""
        return addresses(message.first(name) or b"")

    def render_addresses(self, found: list[Address]) -> bytes:
        """`"(" 1*address ")" / nil`: no spaces between addresses (RFC 3501 §9, env-from)."""
        return b"(%b)" % b"".join(map(self.render_address, found)) if found else b"NIL"

    def render_address(self, address: Address) -> bytes:
        """`address`: name, route, mailbox, host."""
        parts = (address.name, address.route, address.mailbox, address.host)
        return parenthesized(self.render_nstring(part) for part in parts)
