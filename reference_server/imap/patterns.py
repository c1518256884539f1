"""The patterns of LIST and LSUB: `*` stands for anything, `%` for anything within one level (RFC 3501 §6.3.8)."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType

MAX_PATTERN_OCTETS = 4096
"""Longest pattern, or all patterns of one command together; no name is as long."""

# A run of wildcards is worth as much as one: "*" if there is one in it, else "%".
WILDCARDS = re.compile(rb"[*%]{2,}")


class Pattern:
    """One pattern, ready to be held against many names.

    All places that could be reached are carried along as the bits of one number. The time goes with the length of the
    name, whatever the pattern: nobody can keep the server busy with asterisks.
    """

    def __init__(self, pattern: bytes, delimiter: bytes) -> None:
        short = WILDCARDS.sub(lambda run: b"*" if b"*" in run[0] else b"%", pattern)
        octets: dict[int, int] = {}
        for place, octet in enumerate(short):
            octets[octet] = octets.get(octet, 0) | 1 << place
        self._anything = octets.pop(ord("*"), 0)
        self._one_level = octets.pop(ord("%"), 0)
        self._octets = MappingProxyType(octets)
        self._delimiter = delimiter[0]
        self._end = 1 << len(short)

    def matches(self, name: bytes) -> bool:
        """Whether the whole name fits."""
        wild = self._anything | self._one_level
        reached = self._past(1, wild)
        for octet in name:
            stays = self._anything if octet == self._delimiter else wild
            reached = self._past((reached & self._octets.get(octet, 0)) << 1 | reached & stays, wild)
            if not reached:
                return False
        return bool(reached & self._end)

    @staticmethod
    def _past(reached: int, wild: int) -> int:
        """These places, and those behind wildcards that stand for nothing."""
        return reached | (reached & wild) << 1


@lru_cache(maxsize=256)
def compiled(pattern: bytes, delimiter: bytes) -> Pattern:
    """The pattern, made ready once."""
    return Pattern(pattern, delimiter)


def matches(pattern: bytes, name: bytes, delimiter: bytes = b"/") -> bool:
    """Whether the name fits the pattern."""
    return compiled(pattern, delimiter).matches(name)
