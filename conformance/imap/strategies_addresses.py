"""Generated address fields whose envelope is known (RFC 5322 §3.4; RFC 3501 §7.4.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Told = tuple[bytes | None, bytes | None, bytes | None, bytes | None]
"""Name, source route, mailbox and host as an envelope has them; None is NIL."""

_PHRASE = re.compile(rb"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_DOT_ATOM = re.compile(rb"[A-Za-z0-9+=-]+(?:\.[A-Za-z0-9+=-]+)*")


@dataclass(frozen=True, slots=True)
class AddressField:
    """The value of an address field as it is written, and what the envelope has to say of it."""

    written: bytes
    told: tuple[Told, ...]


def _quoted(octets: bytes) -> bytes:
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _address(name: bytes | None, local_part: bytes, domain: bytes) -> tuple[bytes, Told]:
    spec = (local_part if _DOT_ATOM.fullmatch(local_part) else _quoted(local_part)) + b"@" + domain
    if name is None:
        return spec, (None, None, local_part, domain)
    phrase = name if _PHRASE.fullmatch(name) else _quoted(name)
    return b"%b <%b>" % (phrase, spec), (name, None, local_part, domain)


def _single() -> SearchStrategy[tuple[bytes, Told]]:
    names = st.sampled_from(
        (
            None,
            b"Ann",
            b"Ann Author",
            b"Author, Ann",
            b'Ann "A" Author',
            b"back\\slash",
            b"Ann (A)",
            b"NIL",
            b"a@b",
            b"{5}",
        )
    )
    local_parts = st.sampled_from((b"ann", b"ann.author", b"ann+tag", b"NIL", b"two words", b"a@b", b'q"uote'))
    domains = st.sampled_from((b"client.example", b"Sub.Client.Example", b"[192.0.2.1]"))
    return st.builds(_address, names, local_parts, domains)


def address_lists() -> SearchStrategy[AddressField]:
    """One to four addresses, with a name in need of quotes among them, perhaps on several lines."""

    def build(addresses: Sequence[tuple[bytes, Told]], *, folded: bool) -> AddressField:
        written = (b",\r\n " if folded else b", ").join(each for each, _ in addresses)
        return AddressField(written, tuple(told for _, told in addresses))

    tricky = st.sampled_from((b"Author, Ann", b'Ann "A" Author', b"Ann (A)")).map(
        lambda name: _address(name, b"tricky", b"client.example")
    )
    lists = st.builds(
        lambda before, one, after: [*before, one, *after],
        st.lists(_single(), max_size=2),
        tricky,
        st.lists(_single(), max_size=1),
    )
    return st.builds(build, lists, folded=st.booleans())


GROUP_END: Told = (None, None, None, None)


def group_lists() -> SearchStrategy[AddressField]:
    """A group, empty or not, alone or with an address before and after it."""

    def build(
        name: bytes, members: Sequence[tuple[bytes, Told]], before: Sequence[tuple[bytes, Told]], *, after: bool
    ) -> AddressField:
        shown = name if _PHRASE.fullmatch(name) else _quoted(name)
        group = b"%b: %b;" % (shown, b", ".join(each for each, _ in members))
        written = [*(each for each, _ in before), group]
        told: list[Told] = [*(each for _, each in before), (None, None, name, None)]
        told += [*(each for _, each in members), GROUP_END]
        if after:
            written.append(b"last@client.example")
            told.append((None, None, b"last", b"client.example"))
        return AddressField(b", ".join(written), tuple(told))

    return st.builds(
        build,
        st.sampled_from((b"Team", b"Undisclosed recipients", b"Team, old")),
        st.lists(_single(), max_size=2),
        st.lists(_single(), max_size=1),
        after=st.booleans(),
    )
