"""What the users of one process work with, and what they find. Nothing here needs locust."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

import gevent  # type: ignore[import-untyped]

from loadtest.bookkeeping.books import Books
from loadtest.bookkeeping.histogram import LatencyHistogram
from loadtest.bookkeeping.ledger import Ledger
from loadtest.clients.judging import ReplyJudge
from loadtest.clients.session import Session
from loadtest.mail.messages import Letterhead
from loadtest.plan import Endpoint, LoadPlan, Route
from loadtest.rates.arrivals import Arrivals, Tally
from loadtest.rates.limiter import Limiter
from loadtest.rates.schedule import parse_schedule
from loadtest.target import Account, Address

AnyOpened = TypeVar("AnyOpened", bound=Session)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which of how many processes this one is; users, arrivals and rates are shared out by it."""

    index: int = 0
    of: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is settled once for all processes: the run's name, its start, and the address of each server that answered.

    `began_at_s` is the start in seconds since the epoch; processes on several machines need clocks that agree.
    `seven_bit_roles` are those of servers that do not offer 8BITMIME (RFC 6152).
    """

    run_id: str
    started: datetime
    began_at_s: float
    addresses: dict[str, Address]
    seven_bit_roles: tuple[str, ...] = ()

    @property
    def began(self) -> float:
        """The start on this process's monotonic clock."""
        return time.perf_counter() + (self.began_at_s - time.time())


class Findings:
    """What one process found, or several together."""

    def __init__(
        self, books: Books, ledger: Ledger, *, tally: Tally | None = None, judge: ReplyJudge | None = None
    ) -> None:
        self.books = books
        self.ledger = ledger
        self.tally = tally
        self.judge = judge
        self.processor_s: dict[str, float] = {}
        self.by_size: dict[tuple[int, str], LatencyHistogram] = {}
        self.mailboxes_read = False
        self.backlog = 0

    @classmethod
    def blank(cls, plan: LoadPlan, *, began: float, part: Part) -> Findings:
        """For a run of this plan that begins then, on the monotonic clock."""
        return cls(
            Books(headline=plan.scenario.headline, began=began, warm_up_s=plan.warm_up_s),
            Ledger(origin=part.index, slots=plan.slots),
            tally=Tally() if plan.arrivals else None,
            # No two processes look at the same replies of their users.
            judge=ReplyJudge(plan.judge_share, seed=plan.seed + part.index, began=began + plan.warm_up_s)
            if plan.judge_share
            else None,
        )

    def measure(self) -> None:
        """The warm-up is over: what happens from now on counts. The ledger and the judge forget nothing."""
        self.books.measure()
        self.by_size.clear()
        if self.tally is not None:
            self.tally.begin_anew()

    def cost(self, mailbox_messages: int, phase: str, seconds: float) -> None:
        """A command took so long in a mailbox of so many messages."""
        histogram = self.by_size.setdefault((mailbox_messages, phase), LatencyHistogram())
        histogram.record(int(seconds * 1_000_000))

    def encode(self, *, now: float) -> dict[str, Any]:
        """As plain data for another process."""
        return {
            "processor_s": self.processor_s,
            "books": self.books.encode(now=now),
            "ledger": self.ledger.encode(),
            "by_size": [[*key, *histogram.encode_exactly()] for key, histogram in self.by_size.items()],
            "tally": self.tally.encode() if self.tally is not None else None,
            "judge": self.judge.encode() if self.judge is not None else None,
        }

    def merge(self, encoded: dict[str, Any]) -> None:
        """Add another process's findings, exactly."""
        self.processor_s.update(encoded["processor_s"])
        self.books.merge(encoded["books"])
        self.ledger.merge(encoded["ledger"])
        for size, phase, *histogram in encoded["by_size"]:
            self.by_size.setdefault((size, phase), LatencyHistogram()).merge(LatencyHistogram.decode_exactly(histogram))
        if self.tally is not None:
            self.tally.merge(encoded["tally"])
        if self.judge is not None:
            self.judge.merge(encoded["judge"])


class Desk:
    """Where the users of one process work."""

    def __init__(self, plan: LoadPlan, opening: Opening, part: Part) -> None:
        self.plan = plan
        self.opening = opening
        self.part = part
        self.findings = Findings.blank(plan, began=opening.began, part=part)
        self.books = self.findings.books
        self.ledger = self.findings.ledger
        self.judge = self.findings.judge
        self.limiter = Limiter(plan.max_rate_per_s, of=part.of) if plan.max_rate_per_s else None
        self.arrivals: Arrivals | None = None
        if plan.arrivals:
            schedule = parse_schedule(plan.arrivals).after(plan.warm_up_s)
            self.arrivals = Arrivals(
                schedule, began=opening.began, seed=plan.seed, index=part.index, of=part.of,
                longest_wait_s=plan.patience.reply_s,
            )  # fmt: skip
            self.findings.tally = self.arrivals.tally
        self._user_numbers = count(part.index, part.of)
        self._processor_s = time.process_time()
        self._warm_up: Any = None

    def start(self) -> None:
        """The users are there: arrivals may come."""
        self._processor_s = time.process_time()
        if self.plan.warm_up_s:
            self._warm_up = gevent.spawn(self._measure_in_time)
        if self.arrivals is not None:
            self.arrivals.start()

    def stop(self) -> None:
        """The run is over: nobody begins anything new."""
        if self.arrivals is not None:
            self.arrivals.stop()

    def close(self, process_name: str) -> Findings:
        """All users have gone: what was found, by a process of this name. A run ended in its warm-up has measured
        nothing.
        """
        if self._warm_up is not None and not self._warm_up.dead:
            self._warm_up.kill()
            self._measure()
        self.findings.processor_s[process_name] = time.process_time() - self._processor_s
        return self.findings

    def _measure_in_time(self) -> None:
        gevent.sleep(max(self.books.measured_from - time.perf_counter(), 0.0))
        self._measure()

    def _measure(self) -> None:
        self._processor_s = time.process_time()
        self.findings.measure()

    def dial(self, kind: type[AnyOpened], role: str, account: Account | None) -> AnyOpened:
        """A session with the server of this role, whose phases are timed and whose replies may be judged.

        Raises:
            LookupError: no server fills the role.
            LoadError: it cannot be set up.
        """
        return kind.open(self.route(role, account), self.books.latency, judge=self.judge)

    def next_user_number(self) -> int:
        """A number that no other user of the run has, in any process."""
        return next(self._user_numbers)

    def letterhead(self, user_number: int) -> Letterhead:
        """What all messages of a user have in common."""
        persona = self.plan.persona_of(user_number)
        return Letterhead(
            run_id=self.opening.run_id,
            origin=self.part.index,
            sender_number=user_number,
            sender=persona.sender,
            recipients=persona.recipients,
            date=self.opening.started,
        )

    def endpoint(self, role: str) -> Endpoint:
        """The server that fills this role.

        Raises:
            LookupError: none does; a scenario asks only for what its entry in the table needs, or looks first.
        """
        endpoint = self.plan.endpoint(role)
        if endpoint is None:
            raise LookupError(f"no server is given for {role}")
        return endpoint

    def route(self, role: str, account: Account | None) -> Route:
        """How to get to the server of this role, as whom.

        Raises:
            LookupError: no server fills the role.
        """
        endpoint = self.endpoint(role)
        return self.plan.route(endpoint, self.opening.addresses[endpoint.role], account)
