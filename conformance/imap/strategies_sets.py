"""Generated sequence sets with the numbers that they mean (RFC 3501 §9, sequence-set)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

End = int | None
"""A number from 1 on, or None for `*`."""


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A sequence set of message numbers in a mailbox of `count` messages."""

    ranges: tuple[tuple[End, End], ...]
    count: int

    @property
    def numbers(self) -> list[int]:
        """The numbers that it means, ascending."""
        found: set[int] = set()
        for ends in self.ranges:
            low, high = sorted(self.count if end is None else end for end in ends)
            found.update(range(low, high + 1))
        return sorted(found)

    def with_range(self, first: End, last: End) -> SequenceSet:
        """The same set and one range more."""
        return SequenceSet((*self.ranges, (first, last)), self.count)

    def written(self, names: Sequence[int]) -> str:
        """The set on the wire, number n written as `names[n - 1]`: as it is, or as a UID."""

        def end(number: End) -> str:
            return "*" if number is None else str(names[number - 1])

        return ",".join(end(a) if a == b else f"{end(a)}:{end(b)}" for a, b in self.ranges)


def sequence_sets(count: int) -> SearchStrategy[SequenceSet]:
    """Sets within a mailbox of `count` messages: numbers, ranges from either end, overlaps, `*` in every place."""
    number = st.integers(1, count)
    end = st.one_of(number, number, st.none())
    single = number.map(lambda n: (n, n))
    pair = st.tuples(end, end)
    ranges = st.lists(st.one_of(single, pair), min_size=1, max_size=4)
    return ranges.map(lambda found: SequenceSet(tuple(found), count))
