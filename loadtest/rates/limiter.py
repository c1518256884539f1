"""`--max-rate`: so many operations per second and no more, over all users of this process.

Each user that comes is given the next free time, in the order in which they come: nobody overtakes, and a timer that
wakes late costs no rate, since the times do not depend on it. Of time that nobody used a little may be made good.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent  # type: ignore[import-untyped]

CATCH_UP_S = 0.1
"""Of time in which nobody came, or a timer overslept, this much is made good: in any T seconds there are at most
rate × (T + 0.1) + 1 operations, and so never a burst of more than about a tenth of a second's worth.
"""


class Limiter:
    """Gives out times to begin, `rate_per_s` of them a second at most."""

    def __init__(
        self,
        rate_per_s: float,
        *,
        of: int = 1,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = gevent.sleep,
    ) -> None:
        """Limit this process to its share.

        Args:
            rate_per_s: operations per second of the whole run.
            of: how many processes share them, this one among them.
            clock: tells the time in seconds.
            sleep: lets others run for so many seconds.

        Raises:
            ValueError: a rate at which nothing ever happens.
        """
        if rate_per_s <= 0 or of < 1:
            raise ValueError(f"a rate of {rate_per_s}/s among {of} processes lets nobody begin")
        self._gap_s = of / rate_per_s
        self._clock = clock
        self._sleep = sleep
        self._next_at = clock()

    def reserve(self, now: float) -> float:
        """The time, now or later, at which whoever asks may begin."""
        at = max(self._next_at, now - CATCH_UP_S)
        self._next_at = at + self._gap_s
        return max(at, now)

    def wait(self) -> None:
        """Wait for one's turn."""
        now = self._clock()
        at = self.reserve(now)
        # Woken early, as timers of other clocks may, one waits for the rest.
        while now < at:
            self._sleep(at - now)
            now = self._clock()
