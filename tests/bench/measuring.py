"""What is measured and how: rounds of paired work, wall time and the processor time of the server's processes."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True, kw_only=True)
class Measurement:
    """One kind of work against one server, a value for each round.

    `elapsed_s` is wall time for `count` units of work; `cpu_s` is what the server's processes used meanwhile, which
    other load on the machine hardly changes. `missing` says why there is nothing.
    """

    work: str
    server: str
    count: int = 0
    unit: str = ""
    elapsed_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    missing: str = ""

    @property
    def per_s(self) -> float:
        """Median rate over the rounds."""
        return self.count / statistics.median(self.elapsed_s)

    @property
    def cpu_us(self) -> float:
        """Median processor time of the server for one unit, in microseconds."""
        return statistics.median(self.cpu_s) / self.count * 1e6


class Books:
    """All measurements of a run, by work and server, in the order in which they were first made."""

    def __init__(self) -> None:
        self._measurements: dict[tuple[str, str], Measurement] = {}

    def all(self) -> list[Measurement]:
        return list(self._measurements.values())

    def of(self, work: str, server: str) -> Measurement | None:
        return self._measurements.get((work, server))

    def missing(self, work: str, server: str, why: str) -> None:
        """There is no figure, for this reason."""
        self._entry(work, server).missing = why

    def measure(
        self,
        work: str,
        server: str,
        pid: int,
        do: Callable[[], object],
        *,
        count: int,
        unit: str,
        warm_up: bool = False,
    ) -> None:
        """Do the work once and note what it took; `count` units of it were done."""
        cpu_before_s = processor_time_s(pid)
        before_s = time.perf_counter()
        do()
        elapsed_s = time.perf_counter() - before_s
        cpu_s = processor_time_s(pid) - cpu_before_s
        self.note(work, server, count=count, unit=unit, elapsed_s=elapsed_s, cpu_s=cpu_s)

    def note(self, work: str, server: str, *, count: int, unit: str, elapsed_s: float, cpu_s: float) -> None:
        """Add one round's figures."""
        entry = self._entry(work, server)
        entry.count, entry.unit = count, unit
        entry.elapsed_s.append(elapsed_s)
        entry.cpu_s.append(cpu_s)

    def _entry(self, work: str, server: str) -> Measurement:
        return self._measurements.setdefault((work, server), Measurement(work=work, server=server))


def in_turn(names: list[str], round_number: int) -> list[str]:
    """The same names, beginning with another one each round, so that no server always goes first."""
    at = round_number % len(names) if names else 0
    return names[at:] + names[:at]


def processor_time_s(pid: int) -> float:
    """User and system time of a process and of all below it, those that ended and were waited for included."""
    return sum(_times_s(each) for each in [pid, *_descendants(pid)])


def memory_octets(pid: int) -> dict[str, int]:
    """Resident and proportional memory of one process, by the kernel's names `Rss` and `Pss`."""
    found = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in {"Rss", "Pss"}:
            found[name] = int(rest.split()[0]) * 1024
    return found


@contextmanager
def own_child() -> Iterator[Callable[[], int]]:
    """Inside the block a process may be started; the callable gives the pid of the youngest child begun since."""
    before = set(_children(os.getpid()))
    yield lambda: max(set(_children(os.getpid())) - before)


def _children(pid: int) -> list[int]:
    return [child for child, parent in _parents().items() if parent == pid]


def _descendants(pid: int) -> list[int]:
    parents = _parents()
    found: list[int] = []
    layer = {pid}
    while layer := {child for child, parent in parents.items() if parent in layer}:
        found += layer
    return found


def _parents() -> dict[int, int]:
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            found[int(entry.name)] = int(fields[1])
    return found


def _times_s(pid: int) -> float:
    # To the nanosecond for the threads that run; children that ended and were waited for only in ticks: cutime and
    # cstime of proc(5), counted from the state that follows the name in brackets.
    running_ns = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            running_ns += int(task.read_text().split()[0])
    return running_ns / 1e9 + sum(map(int, _stat(pid)[13:15])) / _TICKS_PER_S


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
