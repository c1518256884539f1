"""Who may connect: limits on open connections, and on failed log-ins from one address (RFC 5321 §7.8)."""

from __future__ import annotations

from collections import Counter, OrderedDict

MOST_ADDRESSES = 10_000
"""Addresses with failed log-ins that are remembered at once; of more, those that failed last."""


class FailedLogIns:
    """Counts failed log-ins by address, for `remembered_s` after the last of them; `now` is on any monotonic clock.

    Kept for all protocols together, since a password that is guessed by one opens all.
    """

    def __init__(self, *, most: int, remembered_s: float, most_addresses: int = MOST_ADDRESSES) -> None:
        self._most = most
        self._remembered_s = remembered_s
        self._most_addresses = most_addresses
        # By the time of the last failure, the oldest first.
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def note(self, address: str, now: float) -> None:
        """One more failed from there."""
        count, _ = self._seen.pop(address, (0, 0.0)) if self._is_remembered(address, now) else (0, 0.0)
        self._seen[address] = (count + 1, now)
        self._seen.move_to_end(address)
        if len(self._seen) > self._most_addresses:
            self._seen.popitem(last=False)

    def are_enough(self, address: str, now: float) -> bool:
        """Whether more failed from there than may."""
        return self._is_remembered(address, now) and self._seen[address][0] > self._most

    def _is_remembered(self, address: str, now: float) -> bool:
        if address not in self._seen:
            return False
        if now - self._seen[address][1] <= self._remembered_s:
            return True
        del self._seen[address]
        return False


class Admission:
    """Counts the connections of one server. It knows nothing of sockets; all methods run in one thread."""

    def __init__(self, *, most: int, most_from_one_address: int, failed_log_ins: FailedLogIns | None = None) -> None:
        self._most = most
        self._most_from_one_address = most_from_one_address
        self._open: Counter[str] = Counter()
        self._total = 0
        self._failed_log_ins = failed_log_ins

    def enter(self, address: str, now: float = 0.0) -> bool:
        """Whether one more may connect from there; it then counts until `leave`."""
        if self._total >= self._most or self._open[address] >= self._most_from_one_address:
            return False
        if self._failed_log_ins is not None and self._failed_log_ins.are_enough(address, now):
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

    def note_failed_log_in(self, address: str, now: float) -> bool:
        """A log-in failed on a connection from there; whether that was one too many."""
        if self._failed_log_ins is None:
            return False
        self._failed_log_ins.note(address, now)
        return self._failed_log_ins.are_enough(address, now)
