"""An open schedule keeps its rate whatever the server does, and every arrival is accounted for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count, pairwise

import gevent  # type: ignore[import-untyped]
import pytest
from gevent import socket
from gevent.event import Event  # type: ignore[import-untyped]
from gevent.hub import Waiter  # type: ignore[import-untyped]
from gevent.server import StreamServer  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.rates.alarm import Alarm
from loadtest.rates.arrivals import LATE_S, Arrivals, Line, Tally
from loadtest.rates.schedule import parse_schedule

LONG_S = 20.0
"""Far more than any of this takes: what hangs is to fail, not to hang."""


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    with gevent.Timeout(LONG_S):
        yield


class VirtualTime:
    """A clock that stands until everybody waits for it, and then goes on to the first time that somebody waits for."""

    def __init__(self, began: float = 1000.0) -> None:
        self.now = began
        self._sleepers: list[tuple[float, int, Waiter]] = []
        self._numbers = count()

    def clock(self) -> float:
        return self.now

    def wait_until(self, at: float) -> None:
        waiter = Waiter()
        heappush(self._sleepers, (max(at, self.now), next(self._numbers), waiter))
        waiter.get()

    def run_until(self, end: float) -> None:
        loop = gevent.get_hub().loop
        gevent.idle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.now, _, waiter = heappop(self._sleepers)
            loop.run_callback(waiter.switch, None)
            gevent.idle()
        self.now = end


class Simulation:
    """Users at a server whose operations last as long as a function of the time says; all in virtual time."""

    def __init__(self, schedule: str, *, users: int, service_s: Callable[[float], float], **limits: float) -> None:
        self.time = VirtualTime()
        self.began = self.time.now
        self.arrivals = Arrivals(
            parse_schedule(schedule),
            began=self.began,
            clock=self.time.clock,
            wait_until=self.time.wait_until,
            **limits,  # type: ignore[arg-type]
        )
        self.latencies_s: list[float] = []
        self.due: list[float] = []
        self._service_s = service_s
        self.users = [gevent.spawn(self._use, number) for number in range(users)]
        self.arrivals.start()

    def _use(self, number: int) -> None:
        while (due := self.arrivals.take(number)) is not None:
            self.due.append(due - self.began)
            now = self.time.now
            self.time.wait_until(now + self._service_s(now - self.began))
            self.latencies_s.append(self.time.now - due)

    def run(self, seconds: float) -> Tally:
        self.time.run_until(self.began + seconds)
        self.arrivals.stop()
        gevent.idle()
        gevent.killall(self.users)
        return self.arrivals.tally


def stalled(begin_s: float, end_s: float, *, usually_s: float = 0.001) -> Callable[[float], float]:
    """A server that answers nothing in between, and then everything."""
    return lambda at_s: end_s - at_s if begin_s <= at_s < end_s else usually_s


def test_a_server_that_keeps_up_is_used_when_the_schedule_says() -> None:
    simulation = Simulation("10/s", users=3, service_s=lambda at_s: 0.05)
    tally = simulation.run(2.05)
    assert simulation.due == pytest.approx([number / 10 for number in range(21)])
    assert (tally.offered, tally.started, tally.dropped, tally.waiting) == (21, 21, 0, 0)
    assert tally.lateness.max_us <= 1
    assert simulation.latencies_s[:20] == pytest.approx([0.05] * 20)


def test_the_rate_is_kept_while_the_server_stalls() -> None:
    simulation = Simulation("100/s", users=10, service_s=stalled(2, 5))
    tally = simulation.run(10.005)
    # All that were due were offered, none was dropped, and each began in the end.
    assert (tally.offered, tally.started, tally.dropped) == (1001, 1001, 0)
    # Three seconds' worth met the stall, and each of those counts its wait from its own time on.
    waited = sorted(latency for latency in simulation.latencies_s if latency > 0.5)
    assert len(waited) == pytest.approx(250, abs=5)
    assert waited[-1] == pytest.approx(3.0, abs=0.02)
    assert tally.lateness.max_us == pytest.approx(2.9e6, rel=0.01)
    # That the server is slow is not the generator's fault.
    assert tally.generator_lateness.max_us <= 1
    assert tally.saturated() == ""


def test_users_that_wait_for_the_server_do_not_hide_a_stall() -> None:
    """What a closed loop would have seen: ten slow operations. What arrivals see: a third of them slow."""
    tally_of_closed = 10
    simulation = Simulation("100/s", users=10, service_s=stalled(2, 5))
    simulation.run(10.005)
    assert sum(latency > 0.1 for latency in simulation.latencies_s) > 25 * tally_of_closed


def test_what_waits_for_too_long_is_dropped_and_counted() -> None:
    simulation = Simulation("100/s", users=10, service_s=stalled(2, 5), longest_wait_s=1.0)
    tally = simulation.run(10.005)
    assert tally.offered == 1001
    # Ten are with the server; what was due from 2.1 s to 4 s has waited for more than a second when it is back.
    assert tally.dropped == pytest.approx(190, abs=2)
    assert tally.started == tally.offered - tally.dropped
    assert tally.lateness.max_us <= 1.001e6
    # By the second in which they were due, in seconds of the run.
    assert list(tally.dropped_at) == [2, 3]
    assert tally.dropped_at[3] == 100


def test_what_finds_the_line_full_is_dropped_and_those_before_it_keep_their_place() -> None:
    simulation = Simulation("100/s", users=10, service_s=stalled(2, 5), most_waiting=50)
    tally = simulation.run(10.005)
    assert tally.offered == 1001
    assert tally.dropped == pytest.approx(240, abs=2)
    assert [due for due in simulation.due if 2.1 <= due < 4.9] == pytest.approx([2.1 + n / 100 for n in range(50)])


def test_what_still_waits_at_the_end_is_told() -> None:
    tally = Simulation("100/s", users=4, service_s=stalled(1, 60)).run(2.005)
    assert (tally.offered, tally.started, tally.dropped, tally.waiting) == (201, 104, 0, 97)
    assert tally.record("100/s").waiting == 97


@pytest.mark.parametrize(
    ("squads", "expected"),
    [
        ("abc", [0, 1, 2] * 3 + [0, 1]),
        # No more users of a squad are used than the load takes, ...
        ("aaa", [2] * 11),
        # ... and squads are used alike, however many they are.
        ("aab", [1, 2] * 5 + [1]),
    ],
)
def test_squads_take_turns_and_in_each_whoever_was_last_at_work_goes_on(squads: str, expected: list[int]) -> None:
    virtual = VirtualTime()
    arrivals = Arrivals(parse_schedule("10/s"), began=virtual.now, clock=virtual.clock, wait_until=virtual.wait_until)
    turns: list[int] = []

    def use(number: int) -> None:
        while arrivals.take(squads[number]) is not None:
            turns.append(number)

    users = [gevent.spawn(use, number) for number in range(3)]
    gevent.idle()
    arrivals.start()
    virtual.run_until(virtual.now + 1)
    arrivals.stop()
    gevent.joinall(users, raise_error=True)
    assert turns == expected


def test_a_user_may_leave_off_waiting_and_take_it_up_again() -> None:
    virtual = VirtualTime()
    arrivals = Arrivals(
        parse_schedule("1/s"), began=virtual.now + 1, clock=virtual.clock, wait_until=virtual.wait_until
    )
    rests: list[float] = []

    def use() -> float | None:
        try:
            return arrivals.take("alone")
        except ValueError:
            rests.append(virtual.now)
            return arrivals.take("alone")

    user = gevent.spawn(use)
    gevent.idle()
    user.kill(ValueError, block=False)
    gevent.idle()
    arrivals.start()
    virtual.run_until(virtual.now + 1)
    assert rests == [virtual.now - 1]
    assert user.value == virtual.now
    assert (arrivals.tally.offered, arrivals.tally.started) == (1, 1)
    arrivals.stop()


def test_a_schedule_that_ends_leaves_its_users_idle_until_the_run_is_over() -> None:
    simulation = Simulation("10/s for 1s then 0/s", users=2, service_s=lambda at_s: 0.001)
    simulation.time.run_until(simulation.began + 5)
    assert not any(user.ready() for user in simulation.users)
    tally = simulation.run(10)
    assert (tally.offered, tally.started) == (10, 10)
    assert all(user.ready() for user in simulation.users)


def test_a_user_that_is_ended_before_it_began_leaves_its_arrival_to_another() -> None:
    virtual = VirtualTime()
    users: list[gevent.Greenlet] = []

    def end_the_first_at_once(at: float) -> None:
        # Put into the event loop's queue before the arrival is handed over, so that the user never gets to run.
        virtual.wait_until(at)
        users[0].kill(block=False)

    arrivals = Arrivals(parse_schedule("1/s"), began=virtual.now, clock=virtual.clock, wait_until=end_the_first_at_once)
    users += [gevent.spawn(arrivals.take, number) for number in range(2)]
    gevent.idle()
    arrivals.start()
    virtual.run_until(virtual.now + 0.5)
    assert isinstance(users[0].value, gevent.GreenletExit)
    assert users[1].value == virtual.now - 0.5
    assert (arrivals.tally.offered, arrivals.tally.started) == (1, 1)
    arrivals.stop()


def test_an_idle_user_may_be_ended() -> None:
    virtual = VirtualTime()
    arrivals = Arrivals(
        parse_schedule("1/s"), began=virtual.now + 5, clock=virtual.clock, wait_until=virtual.wait_until
    )
    user = gevent.spawn(arrivals.take, "alone")
    gevent.idle()
    user.kill()
    arrivals.start()
    virtual.run_until(virtual.now + 6)
    assert (arrivals.tally.offered, arrivals.tally.waiting) == (2, 2)
    arrivals.stop()
    assert arrivals.take("alone") is None
    arrivals.stop()


def test_the_run_may_begin_in_the_future() -> None:
    virtual = VirtualTime()
    began = virtual.now + 3
    arrivals = Arrivals(parse_schedule("1/s"), began=began, clock=virtual.clock, wait_until=virtual.wait_until)
    user = gevent.spawn(arrivals.take, "alone")
    arrivals.start()
    virtual.run_until(began - 0.1)
    assert not user.ready()
    virtual.run_until(began)
    assert user.value == began
    arrivals.stop()


# -- the generator's own lateness -------------------------------------------------------------------------------------


def late_tally(overdue: int, punctual: int) -> Tally:
    tally = Tally()
    for late_s in [2 * LATE_S] * overdue + [0.0] * punctual:
        tally.offer(late_s=late_s)
    return tally


@pytest.mark.parametrize(
    ("overdue", "punctual", "saturated"),
    [
        (0, 0, False),
        (4, 0, False),
        (5, 0, True),
        (5, 495, False),
        (6, 494, True),
        (100, 9900, False),
        (101, 9899, True),
    ],
)
def test_a_generator_is_saturated_when_more_than_one_arrival_in_a_hundred_is_overdue(
    overdue: int, punctual: int, *, saturated: bool
) -> None:
    assert bool(late_tally(overdue, punctual).saturated()) is saturated


def test_a_clock_that_oversleeps_is_the_generators_fault_and_said_in_words() -> None:
    virtual = VirtualTime()

    def oversleep(at: float) -> None:
        virtual.wait_until(at + 0.2)

    arrivals = Arrivals(parse_schedule("20/s"), began=virtual.now, clock=virtual.clock, wait_until=oversleep)
    users = [gevent.spawn(lambda: [None for _ in iter(lambda: arrivals.take("all"), None)]) for _ in range(10)]
    arrivals.start()
    virtual.run_until(virtual.now + 10)
    arrivals.stop()
    gevent.joinall(users, raise_error=True)
    # What was due in the last 0.2 s it woke for too late.
    assert arrivals.tally.offered == 201
    assert arrivals.tally.started >= 196
    assert arrivals.tally.saturated().startswith("the schedule's own clock woke more than 10 ms late for ")
    assert "p99 200.0 ms" in arrivals.tally.saturated()


def test_after_a_warm_up_only_arrivals_that_wait_are_left() -> None:
    tally = Tally()
    for late_s in (0.0, 0.0, 0.02):
        tally.offer(late_s=late_s)
    tally.start(late_s=0.5)
    tally.begin_anew()
    assert (tally.offered, tally.started, tally.dropped, tally.overdue, tally.waiting) == (2, 0, 0, 0, 2)
    tally.start(late_s=0.25)
    record = tally.record("3/s")
    assert record.lateness_us is not None
    assert (record.lateness_us.count, record.lateness_us.max) == (1, 250_000)
    assert record.generator_lateness_us is None


# -- exactly, over processes ------------------------------------------------------------------------------------------

lateness_s = st.floats(0, 20)
events = st.lists(st.tuples(st.sampled_from(["offer", "start", "drop"]), lateness_s), max_size=40)


def counted(events: list[tuple[str, float]]) -> Tally:
    tally = Tally()
    for what, late_s in events:
        tally.offer(late_s=late_s / 100)
        if what == "start":
            tally.start(late_s=late_s)
        if what == "drop":
            tally.drop(due_s=late_s)
    return tally


@settings(max_examples=50)
@given(one=events, other=events)
def test_merging_gives_what_one_process_would_have_counted(
    one: list[tuple[str, float]], other: list[tuple[str, float]]
) -> None:
    merged = counted(one)
    merged.merge(json.loads(json.dumps(counted(other).encode())))
    together = counted(one + other)
    assert merged.encode() == together.encode()
    assert merged.record("x") == together.record("x")
    assert merged.saturated() == together.saturated()


def test_what_is_no_tally_is_refused() -> None:
    encoded = Tally().encode()
    with pytest.raises(ValueError):
        Tally().merge({**encoded, "lateness": ["garbage", 0, 0]})


# -- the line alone ---------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    gaps=st.lists(st.floats(0, 3), max_size=60),
    moves=st.lists(st.tuples(st.floats(0, 4), st.booleans()), max_size=60),
    longest_wait_s=st.floats(0, 10),
    most_waiting=st.integers(0, 8),
)
def test_every_arrival_is_taken_dropped_or_in_line(
    gaps: list[float], moves: list[tuple[float, bool]], longest_wait_s: float, most_waiting: int
) -> None:
    starts = [sum(gaps[: number + 1]) for number in range(len(gaps))]
    tally = Tally()
    line = Line(iter(starts), tally, longest_wait_s=longest_wait_s, most_waiting=most_waiting)
    now, taken = 0.0, []
    for pause, takes in moves:
        now += pause
        line.release(now)
        if takes and (due := line.take(now)) is not None:
            assert 0 <= now - due <= longest_wait_s
            taken.append(due)
        assert len(line) <= most_waiting
        assert tally.offered == sum(start <= now for start in starts)
        assert tally.offered == len(taken) + tally.dropped + len(line)
    assert all(before <= after for before, after in pairwise(taken))


def test_what_is_given_back_is_next() -> None:
    line = Line(iter([1.0, 2.0, 3.0]), Tally(), longest_wait_s=10, most_waiting=10)
    line.release(2.5)
    first = line.take(2.5)
    assert first == 1.0
    line.give_back(first)
    assert [line.take(2.5) for _ in range(3)] == [1.0, 2.0, None]
    assert line.next_due == 3.0


# -- with real time and a real socket ---------------------------------------------------------------------------------


@pytest.mark.parametrize("precise", [True, False])
def test_an_alarm_never_wakes_early_and_lets_others_run(*, precise: bool) -> None:
    alarm = Alarm(precise=precise)
    ran: list[int] = []

    def run() -> None:
        for number in range(3):
            ran.append(number)
            gevent.sleep(0)

    other = gevent.spawn(run)
    try:
        for wait_s in (0.02, 0.0005, 0.0, -5.0):
            at = time.perf_counter() + wait_s
            alarm.wait_until(at)
            assert time.perf_counter() >= at - 1e-6 if precise else at - 0.002
    finally:
        alarm.close()
        alarm.close()
    gevent.joinall([other], raise_error=True)
    assert ran == [0, 1, 2]


def test_arrivals_go_on_while_a_real_server_says_nothing() -> None:
    """The server answers twenty times and falls silent; arrivals are counted on, and all are served when it is back."""
    answers = iter(range(20))
    back = Event()

    def serve(connection: socket.socket, address: object) -> None:
        while connection.recv(1):
            if next(answers, None) is None:
                back.wait()
            connection.sendall(b".")

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    schedule = parse_schedule("500/s for 600ms then 0/s")
    arrivals = Arrivals(schedule, began=time.perf_counter(), longest_wait_s=LONG_S)
    latencies_s: list[float] = []

    def use() -> None:
        with socket.create_connection(server.address) as connection:
            while (due := arrivals.take(connection)) is not None:
                connection.sendall(b"?")
                assert connection.recv(1) == b"."
                latencies_s.append(time.perf_counter() - due)

    users = [gevent.spawn(use) for _ in range(4)]
    arrivals.start()
    tally = arrivals.tally
    try:
        while tally.offered < 200:
            gevent.sleep(0.005)
        # Twenty were answered, four more are with the server, and those that came since wait.
        assert (tally.started, tally.dropped, len(latencies_s)) == (24, 0, 20)
        assert tally.waiting == tally.offered - 24
        back.set()
        while len(latencies_s) < 300:
            gevent.sleep(0.005)
    finally:
        arrivals.stop()
        back.set()
        gevent.joinall(users, raise_error=True)
        server.stop()
    assert tally.started == tally.offered == len(latencies_s) == 300
    assert tally.lateness.count == tally.generator_lateness.count == 300
    # 176 arrivals lie 0.352 s apart, so the first of them had waited for that long, however fast this machine is.
    assert tally.lateness.max_us > 300_000
    assert sum(latency > 0.1 for latency in latencies_s) >= 100
