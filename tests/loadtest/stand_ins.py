"""What stands in for what a session works with: its socket, and the books that are told how long things took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise


class Times:
    """Counts what was timed, by phase."""

    def __init__(self) -> None:
        self.phases: Counter[str] = Counter()

    def __call__(self, phase: str, seconds: float) -> None:
        assert seconds >= 0
        self.phases[phase] += 1


class StreamSocket:
    """A socket that hands out a stream in pieces, cut at these places, and after it the end."""

    def __init__(self, stream: bytes, cuts: Iterable[int]) -> None:
        edges = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
        self._pieces = iter([stream[start:end] for start, end in pairwise(edges)])
        self._open = True

    def recv(self, octets: int) -> bytes:
        return next(self._pieces, b"")

    def sendall(self, octets: bytes) -> None: ...

    def settimeout(self, timeout_s: float) -> None: ...

    def fileno(self) -> int:
        return 3 if self._open else -1

    def close(self) -> None:
        self._open = False
