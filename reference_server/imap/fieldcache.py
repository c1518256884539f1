"""Header fields as they are compared, kept for the next search of the same mailbox (RFC 3501 §6.4.4)."""

from __future__ import annotations

MAX_KEPT_CHARACTERS = 4_000_000
"""How much of fields is kept for later searches of one mailbox, with `ENTRY_CHARACTERS` for each message and field."""

ENTRY_CHARACTERS = 250
"""About what an entry takes beside its text."""


class FieldCache:
    """Decoded and folded fields of a mailbox's messages: the first that are asked for, until there is no more room."""

    def __init__(self) -> None:
        self._fields: dict[tuple[str, int], tuple[str, ...]] = {}
        self._room = MAX_KEPT_CHARACTERS

    def get(self, name: str, uid: int) -> tuple[str, ...] | None:
        """The fields of that name of a message, if they are known."""
        return self._fields.get((name, uid))

    def keep(self, name: str, uid: int, values: tuple[str, ...]) -> bool:
        """Keep them, if there is room; whether there was."""
        needed = ENTRY_CHARACTERS + sum(map(len, values))
        if needed > self._room:
            return False
        self._room -= needed
        self._fields[name, uid] = values
        return True
