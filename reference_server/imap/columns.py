"""What FETCH of many messages keeps by the way: values that come again and again (RFC 3501 §6.4.5)."""

from __future__ import annotations

from collections.abc import Callable

MAX_ENVELOPES_OCTETS = 16_777_216
"""How much of envelopes is kept for one selected mailbox."""

ENTRY_OCTETS = 150
"""About what an entry takes beside its text."""


class ByKey(dict[frozenset[str], bytes]):
    """Values worked out the first time that they are asked for."""

    def __init__(self, work_out: Callable[[frozenset[str]], bytes]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, key: frozenset[str]) -> bytes:
        value = self[key] = self._work_out(key)
        return value


class EnvelopeCache(dict[int, bytes]):
    """Envelopes by UID, as they are written: the first that are asked for, until there is no more room."""

    _room = MAX_ENVELOPES_OCTETS

    def keep(self, uid: int, envelope: bytes) -> None:
        """Keep it, if there is room."""
        needed = ENTRY_OCTETS + len(envelope)
        if needed <= self._room:
            self._room -= needed
            self[uid] = envelope
