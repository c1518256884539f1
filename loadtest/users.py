"""What all of our locust users have in common: the run they belong to, their pace, and patience after a failure."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, ClassVar

from locust import User

from loadtest.books import Books
from loadtest.plan import LoadPlan, Persona
from loadtest.target import Address

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
"""Pauses after failures: doubled each time, up to this. Without them a server that is down is called without end."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """Where the users of one run work: its plan, its books, and what was settled at its start."""

    plan: LoadPlan
    books: Books
    address: Address
    run_id: str
    started: datetime
    user_numbers: count[int] = field(default_factory=count)


class MailUser(User):
    """A locust user with a persona; `desk` is set on the class that a run is given (see `user_class_for`)."""

    abstract = True
    desk: ClassVar[Desk]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.number = next(self.desk.user_numbers)
        self.persona: Persona = self.desk.plan.personas[self.number % len(self.desk.plan.personas)]
        self._rng = random.Random(f"{self.desk.plan.seed}/{self.number}")  # noqa: S311 - pauses, no secrets
        self._next_turn_at = time.perf_counter()
        self._pause_s = 0.0
        self._trouble_s = FIRST_PAUSE_S

    def wait_time(self) -> float:
        """Seconds until the next task: the pause after a failure, else what is left of the turn at this pace.

        Sleeping is left to locust, which can wake the user when the run ends.
        """
        pause_s, self._pause_s = self._pause_s, 0.0
        if pause_s:
            return pause_s
        pace = self.desk.plan.pace_per_s
        if not pace:
            return 0.0
        now = time.perf_counter()
        self._next_turn_at = max(now, self._next_turn_at + 1 / pace)
        return self._next_turn_at - now

    def went_well(self) -> None:
        """Be fast again."""
        self._trouble_s = FIRST_PAUSE_S

    def had_trouble(self) -> None:
        """Pause before the next task; longer after each failure in a row, and never all users in step."""
        self._pause_s = self._trouble_s * self._rng.uniform(0.75, 1.0)
        self._trouble_s = min(2 * self._trouble_s, LONGEST_PAUSE_S)

    def report(self, name: str, *, seconds: float, octets: int, error: Exception | None = None) -> None:
        """Tell locust, whose live page and listeners see what happens through this."""
        self.environment.events.request.fire(
            request_type="SMTP",
            name=name,
            response_time=seconds * 1000,
            response_length=octets,
            exception=error,
            context={},
        )


def user_class_for(base: type[MailUser], desk: Desk) -> type[MailUser]:
    """The class of users for one run: `base` at this desk, under its own name."""
    return type(base.__name__, (base,), {"desk": desk, "__doc__": base.__doc__})
