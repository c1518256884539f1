"""Where the judge cuts the octets it sends into TCP segments.

No verdict may depend on it: TCP carries a stream, not messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

CUTS_INTO = "octets go out in segments of these lengths, over and over: "
"""How the note begins that tells, in a transcript, how octets were cut; the lengths follow."""

MOST_PIECES = 200
"""Pieces into which one write is cut at the most, or one message of 64 KiB would cost 64 Ki system calls."""


class Segmentation:
    """Octets sent whole: one write for each call."""

    def __repr__(self) -> str:
        return "Whole()"

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        """The octets in order, cut into non-empty pieces."""
        if octets:
            yield octets


class Cuts(Segmentation):
    """Octets cut into pieces of the given lengths, over and over. `Cuts([1])` sends octet by octet."""

    def __init__(self, lengths: Sequence[int]) -> None:
        if not lengths or min(lengths) < 1:
            raise ValueError(f"piece lengths must be positive, not {lengths}")
        self.lengths = tuple(lengths)

    def __repr__(self) -> str:
        # By value: the runner knows an example again by it.
        return f"Cuts({list(self.lengths)})"

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        """The octets in order, cut into non-empty pieces.

        Where they are many, the beginning and the end are cut and the middle goes out whole: commands begin with a
        verb, and texts end with their end of data.
        """
        edge = MOST_PIECES // 2 * max(self.lengths)
        if len(octets) <= 2 * edge:
            yield from self._cut(octets)
        else:
            yield from self._cut(octets[:edge])
            yield octets[edge:-edge]
            yield from self._cut(octets[-edge:])

    def _cut(self, octets: bytes) -> Iterator[bytes]:
        start = 0
        for length in cycle(self.lengths):
            if start >= len(octets):
                return
            yield octets[start : start + length]
            start += length


WHOLE = Segmentation()
OCTET_BY_OCTET = Cuts([1])
