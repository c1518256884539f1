"""Open load: operations begin when the schedule says, not when the server has answered the one before.

Arrivals are given to idle users. One that finds no user idle waits in line, and its latency counts from when it was
due, so that a server that stalls is not let off by users that wait for it (coordinated omission). One that waits for
too long is dropped, and counted.

Two kinds of lateness are told apart. That of starts grows when the server is slow, since then all users are busy. That
of the generator is how late its own clock woke for an arrival: it grows only when this process, or its machine, has no
time, and then the run says nothing about the server.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import gevent  # type: ignore[import-untyped]
from gevent.hub import Waiter  # type: ignore[import-untyped]

from loadtest.bookkeeping.histogram import LatencyHistogram
from loadtest.rates.alarm import Alarm
from loadtest.rates.schedule import Schedule
from reports import load as reports

LONGEST_WAIT_S = 10.0
"""How long an arrival waits for a user before it is dropped; as long as users by default wait for a reply."""

MOST_WAITING = 100_000
"""Arrivals in line in one process; those that find it full are dropped at once."""

LATE_S = 0.010
"""An arrival for which the generator's clock woke later than this is overdue by the generator's own fault."""

OVERDUE_SHARE = 0.01
"""More overdue arrivals than this show in the 99th percentile of every latency: the generator is saturated."""

OVERDUE_LEAST = 5
"""So few overdue arrivals may be one hiccup of the machine, however short the run."""


class Tally:
    """How a schedule was kept: by one process, or by several together."""

    def __init__(self) -> None:
        self.offered = self.started = self.overdue = 0
        self.dropped_at: Counter[int] = Counter()
        self.lateness = LatencyHistogram()
        self.generator_lateness = LatencyHistogram()

    @property
    def dropped(self) -> int:
        """Arrivals that nobody was free to begin in time."""
        return self.dropped_at.total()

    @property
    def waiting(self) -> int:
        """Arrivals that have neither begun nor been dropped."""
        return self.offered - self.started - self.dropped

    def offer(self, *, late_s: float) -> None:
        """An arrival is due, and the generator woke for it so late."""
        self.offered += 1
        self.overdue += late_s > LATE_S
        self.generator_lateness.record(int(late_s * 1_000_000))

    def start(self, *, late_s: float) -> None:
        """A user has begun with an arrival, so long after it was due."""
        self.started += 1
        self.lateness.record(int(late_s * 1_000_000))

    def drop(self, *, due_s: float) -> None:
        """An arrival has waited for too long, or found the line full; it was due so long after the run's start."""
        self.dropped_at[int(due_s)] += 1

    def begin_anew(self) -> None:
        """Forget all but the arrivals that wait: what counts begins now."""
        self.offered = self.waiting
        self.started = self.overdue = 0
        self.dropped_at.clear()
        self.lateness.clear()
        self.generator_lateness.clear()

    def saturated(self) -> str:
        """Why the generator, not the server, kept the run from its schedule; empty if it did not."""
        if self.overdue < OVERDUE_LEAST or self.overdue <= OVERDUE_SHARE * self.offered:
            return ""
        (p99_us,) = self.generator_lateness.percentiles_us((99,))
        return (
            f"the schedule's own clock woke more than {LATE_S * 1000:.0f} ms late for {self.overdue:,} of "
            f"{self.offered:,} arrivals ({self.overdue / self.offered:.1%}; p99 {p99_us / 1000:,.1f} ms)"
        )

    def encode(self) -> dict[str, Any]:
        """As plain data for another process."""
        return {
            "counts": [self.offered, self.started, self.overdue],
            "dropped_at": [[second, number] for second, number in self.dropped_at.items()],
            "lateness": self.lateness.encode_exactly(),
            "generator_lateness": self.generator_lateness.encode_exactly(),
        }

    def merge(self, encoded: dict[str, Any]) -> None:
        """Add another process's, exactly: the outcome is what one process would hold that had seen all arrivals.

        Raises:
            ValueError: it is not what `encode` gives.
        """
        offered, started, overdue = encoded["counts"]
        self.offered += offered
        self.started += started
        self.dropped_at.update(dict(encoded["dropped_at"]))
        self.overdue += overdue
        self.lateness.merge(LatencyHistogram.decode_exactly(encoded["lateness"]))
        self.generator_lateness.merge(LatencyHistogram.decode_exactly(encoded["generator_lateness"]))

    def record(self, schedule: str) -> reports.Arrivals:
        """As the report has it."""
        return reports.Arrivals(
            schedule=schedule,
            offered=self.offered,
            started=self.started,
            dropped=self.dropped,
            waiting=self.waiting,
            lateness_us=self.lateness.summary(),
            generator_lateness_us=self.generator_lateness.summary(),
        )


class Line:
    """Arrivals that are due, in the order in which they were, until somebody takes them. Has no clock of its own.

    All times are seconds on one clock, on which the run `began` then. `starts` says when arrivals are due, in order.
    """

    def __init__(
        self, starts: Iterator[float], tally: Tally, *, longest_wait_s: float, most_waiting: int, began: float = 0.0
    ) -> None:
        self._began = began
        self._starts = starts
        self._tally = tally
        self._longest_wait_s = longest_wait_s
        self._most_waiting = most_waiting
        self._waiting: deque[float] = deque()
        self.next_due: float | None = next(starts, None)

    def __len__(self) -> int:
        return len(self._waiting)

    def release(self, now: float) -> None:
        """Put all that are due by now into the line, and drop those that cannot wait."""
        while self.next_due is not None and self.next_due <= now:
            self._tally.offer(late_s=now - self.next_due)
            self._waiting.append(self.next_due)
            self.next_due = next(self._starts, None)
        self._drop_expired(now)
        # Whoever comes last to a full line does not get in; those before it have the longer latencies to tell of.
        while len(self._waiting) > self._most_waiting:
            self._drop(self._waiting.pop())

    def take(self, now: float) -> float | None:
        """The arrival that has waited longest and may still begin; None if there is none."""
        self._drop_expired(now)
        return self._waiting.popleft() if self._waiting else None

    def give_back(self, due: float) -> None:
        """Put one that was taken and did not begin back to the front."""
        self._waiting.appendleft(due)

    def _drop_expired(self, now: float) -> None:
        while self._waiting and now - self._waiting[0] > self._longest_wait_s:
            self._drop(self._waiting.popleft())

    def _drop(self, due: float) -> None:
        self._tally.drop(due_s=due - self._began)


class Arrivals:
    """The arrivals of one process, handed to its users by a greenlet of its own."""

    def __init__(
        self,
        schedule: Schedule,
        *,
        began: float,
        seed: int = 0,
        index: int = 0,
        of: int = 1,
        longest_wait_s: float = LONGEST_WAIT_S,
        most_waiting: int = MOST_WAITING,
        clock: Callable[[], float] = time.perf_counter,
        wait_until: Callable[[float], None] | None = None,
    ) -> None:
        """Nothing is handed out before `start`.

        Args:
            schedule: when arrivals are due.
            began: the run's start on `clock`; may lie ahead.
            seed: of the run; the same in all processes.
            index: which process this is, from 0; it has every `of`-th arrival.
            of: how many processes share the schedule.
            longest_wait_s: how long an arrival may wait for a user.
            most_waiting: how many may.
            clock: tells the time.
            wait_until: lets other greenlets run until a time of `clock`; by default an `Alarm` does.
        """
        self.tally = Tally()
        self._clock = clock
        self._alarm: Alarm | None = None
        if wait_until is None:
            self._alarm = Alarm()
            wait_until = self._alarm.wait_until
        self._wait_until = wait_until
        # Here and nowhere else do they become times of the clock: what is due is compared with what was waited for.
        starts = (began + start for start in schedule.starts(seed=seed, index=index, of=of))
        self._line = Line(starts, self.tally, longest_wait_s=longest_wait_s, most_waiting=most_waiting, began=began)
        # Squads in the order in which they were last called or came; in each, its idle users as they became idle.
        self._idle: dict[Hashable, dict[Waiter, None]] = {}
        # Those that have been given an arrival and have not run since.
        self._handed: dict[Waiter, float] = {}
        self._loop = gevent.get_hub().loop
        self._dispatcher: Any = None
        self._over = False

    def start(self) -> None:
        """Begin to hand out arrivals."""
        self._dispatcher = gevent.spawn(self._dispatch)

    def take(self, squad: Hashable) -> float | None:
        """Wait, as an idle user of a squad, for an arrival, and begin with it now.

        Squads are called in turn; within one whoever has been idle for the shortest time, so that no more of its users,
        and of their sessions, are in use than the load takes. May be left by an exception, as a time-out is.

        Returns when it was due, on the clock, which is where its latency counts from; None when the run is over.
        """
        due = None if self._over else self._line.take(self._clock())
        if due is None:
            due = self._wait_for_one(squad)
            if due is None:
                return None
        self.tally.start(late_s=self._clock() - due)
        return due

    def stop(self) -> None:
        """The run is over: count what was due by now, hand out nothing more, and send idle users away."""
        if self._over:
            return
        self._over = True
        if self._dispatcher is not None:
            self._dispatcher.kill()
        if self._alarm is not None:
            self._alarm.close()
        self._line.release(self._clock())
        while self._idle:
            self._loop.run_callback(self._call_next().switch, None)

    def _wait_for_one(self, squad: Hashable) -> float | None:
        if self._over:
            return None
        waiter = Waiter()
        self._idle.setdefault(squad, {})[waiter] = None
        try:
            due: float | None = waiter.get()
        except BaseException:  # locust ends users by an exception, wherever they are
            self._forget(squad, waiter)
            lost = self._handed.pop(waiter, None)
            if lost is not None:
                self._line.give_back(lost)
                self._serve()
            raise
        self._handed.pop(waiter, None)
        return due

    def _dispatch(self) -> None:
        while (due := self._line.next_due) is not None:
            self._wait_until(due)
            self._line.release(self._clock())
            self._serve()

    def _serve(self) -> None:
        """Give what is in line to those that are idle."""
        while self._idle and (due := self._line.take(self._clock())) is not None:
            waiter = self._call_next()
            self._handed[waiter] = due
            self._loop.run_callback(waiter.switch, due)

    def _call_next(self) -> Waiter:
        """Of the squad that has not been called for longest, whoever became idle last."""
        squad = next(iter(self._idle))
        idle = self._idle.pop(squad)
        waiter, _ = idle.popitem()
        if idle:
            self._idle[squad] = idle
        return waiter

    def _forget(self, squad: Hashable, waiter: Waiter) -> None:
        idle = self._idle.get(squad, {})
        idle.pop(waiter, None)
        if not idle:
            self._idle.pop(squad, None)
