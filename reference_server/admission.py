"""Who may connect: limits on open connections, in all and from one address (RFC 5321 §7.8 and the like)."""

from __future__ import annotations

from collections import Counter


class Admission:
    """Counts the connections of one server. It knows nothing of sockets; all methods run in one thread."""

    def __init__(self, *, most: int, most_from_one_address: int) -> None:
        self._most = most
        self._most_from_one_address = most_from_one_address
        self._open: Counter[str] = Counter()
        self._total = 0

    def enter(self, address: str) -> bool:
        """Whether one more may connect from there; it then counts until `leave`."""
        if self._total >= self._most or self._open[address] >= self._most_from_one_address:
            return False
        self._open[address] += 1
        self._total += 1
        return True

    def leave(self, address: str) -> None:
        """A connection that was let in is gone."""
        self._total -= 1
        self._open[address] -= 1
        if not self._open[address]:
            # Addresses come without end; those of the past are not remembered.
            del self._open[address]
