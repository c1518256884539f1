"""Sets of UIDs as ranges: small however many messages they name (RFC 3501 §9 sequence-set, RFC 5182 §2.1)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence


class Uids:
    """An immutable set of UIDs, and whatever `also` has: `1:*` takes two numbers, `$` none of its own."""

    __slots__ = ("_also", "_highs", "_lows")

    def __init__(self, ranges: Sequence[tuple[int, int]] = (), also: Uids | None = None) -> None:
        """Ranges ascend and do not overlap."""
        self._lows = [low for low, _ in ranges]
        self._highs = [high for _, high in ranges]
        self._also = also

    def __contains__(self, uid: int) -> bool:
        at = bisect_right(self._lows, uid) - 1
        return (at >= 0 and uid <= self._highs[at]) or (self._also is not None and uid in self._also)

    @classmethod
    def of(cls, uids: Iterable[int]) -> Uids:
        """The set of these UIDs, which may come in any order."""
        ranges: list[tuple[int, int]] = []
        for uid in sorted(uids):
            if ranges and uid <= ranges[-1][1] + 1:
                ranges[-1] = ranges[-1][0], uid
            else:
                ranges.append((uid, uid))
        return cls(ranges)

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """All of it, as ascending ranges; those of `also` may overlap the others."""
        own = list(zip(self._lows, self._highs, strict=True))
        return sorted((*own, *self._also.ranges)) if self._also is not None else own


NO_UIDS = Uids()
