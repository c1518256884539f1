"""What locust's web page shows, brought up to date once a second and not once an operation.

locust's own way, an event for each request, costs more than a whole message does here. Its statistics get the same
numbers, in bulk; its event is fired where somebody beside locust listens to it.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import gevent  # type: ignore[import-untyped]

REFRESH_S = 1.0

_LOCUSTS_OWN_LISTENERS = 1
"""The runner's, which feeds its statistics."""


class LiveStatistics:
    """Operations of one process that went well and that locust has not heard of yet."""

    def __init__(self, *, request_type: str) -> None:
        self._request_type = request_type
        self._seconds: dict[str, list[float]] = {}
        self._octets: Counter[str] = Counter()
        self._refreshing = False

    def is_listened_to(self, environment: Any) -> bool:
        """Whether somebody wants to hear of every request."""
        return len(environment.events.request._handlers) > _LOCUSTS_OWN_LISTENERS

    def note(self, environment: Any, name: str, *, seconds: float, octets: int) -> None:
        """An operation went well; locust will hear of it within `REFRESH_S`."""
        try:
            self._seconds[name].append(seconds)
        except KeyError:
            self._seconds[name] = [seconds]
        self._octets[name] += octets
        if not self._refreshing:
            self._refreshing = True
            gevent.spawn(self._refresh, environment)

    def flush(self, environment: Any) -> None:
        """Tell locust's statistics all that they have not heard."""
        noted, self._seconds = self._seconds, {}
        octets, self._octets = self._octets, Counter()
        stats = environment.stats
        for name, seconds in noted.items():
            milliseconds = Counter(int(took_s * 1000) for took_s in seconds)
            for entry in (stats.total, stats.get(name, self._request_type)):
                _add(entry, milliseconds, octets[name], total_ms=sum(seconds) * 1000)

    def _refresh(self, environment: Any) -> None:
        while self._seconds:
            gevent.sleep(REFRESH_S)
            self.flush(environment)
        self._refreshing = False


def _add(entry: Any, milliseconds: Counter[int], octets: int, *, total_ms: float) -> None:
    """What locust's own `StatsEntry.log` does, for many at once."""
    count = milliseconds.total()
    now = time.time()
    if entry.use_response_times_cache and entry.last_request_timestamp and int(now) > int(entry.last_request_timestamp):
        # The page's percentiles of the last seconds come from these copies.
        entry._cache_response_times(int(now) - 1)
    entry.num_requests += count
    entry.num_reqs_per_sec[int(now)] += count
    entry.last_request_timestamp = now
    entry.total_response_time += total_ms
    least, most = min(milliseconds), max(milliseconds)
    entry.min_response_time = least if entry.min_response_time is None else min(entry.min_response_time, least)
    entry.max_response_time = max(entry.max_response_time, most)
    entry.total_content_length += octets
    for took_ms, number in milliseconds.items():
        entry.response_times[took_ms] += number
