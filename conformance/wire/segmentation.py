"""Where the judge cuts the octets it sends into TCP segments.

No verdict may depend on it: TCP carries a stream, not messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

MOST_PIECES = 600
"""A long text is sent octet by octet only so far, or one message of 64 KiB would cost 64 Ki system calls."""


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
        """The octets in order, cut into non-empty pieces; what is left after MOST_PIECES goes out whole."""
        start = 0
        for count, length in enumerate(cycle(self.lengths)):
            if start >= len(octets):
                return
            end = len(octets) if count >= MOST_PIECES else start + length
            yield octets[start:end]
            start = end


WHOLE = Segmentation()
OCTET_BY_OCTET = Cuts([1])
