"""Modifiers of FETCH and STORE, and parameters of SELECT: lists of names, with or without values (RFC 4466 §2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from reference_server.imap.grammar import Cursor, GrammarError

T = TypeVar("T")


def read_modifiers(cursor: Cursor, readers: Mapping[bytes, Callable[[Cursor], T]]) -> dict[bytes, T]:
    """`"(" modifier *(SP modifier) ")"`; each name, in capitals, to what its reader makes of what follows it.

    Raises:
        GrammarError: a name is not known (RFC 4466 §2.1, §2.4, §2.5), or comes twice.
    """
    found: dict[bytes, T] = {}

    def modifier() -> None:
        name = cursor.atom()
        if name not in readers or name in found:
            raise GrammarError("no such modifier, or one twice")
        found[name] = readers[name](cursor)

    cursor.list_of(modifier)
    return found
