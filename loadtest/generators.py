"""Who makes the load: what a run asks of it, and the generator that does it all in this process, on locust's runner.

Importing this module patches the standard library for gevent (locust does that), so it comes before anything that
opens a socket, and only when a run is certain.
"""

from __future__ import annotations

# isort: off
# First, because it patches what the others import.
import locust
from locust.env import Environment
# isort: on

import argparse
import functools
import importlib
import importlib.util
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loadtest.desk import Desk, Findings, Opening, Part
from loadtest.plan import LoadPlan
from loadtest.users import MailUser, user_class_for

DRAIN_S = 0.8
"""How long users may take to finish what they are at once the run is over; the command ends within 2 s."""


OPEN_LEAD_S = 0.5
"""The schedule of an open run begins so long after its users are called: they are there when the first is due."""


class GeneratorError(Exception):
    """Load cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """How far a run is: seconds since measuring began, below 0 while it warms up. Latencies are of the headline phase,
    in microseconds, over the whole run so far.
    """

    elapsed_s: float
    users: int
    done: int
    refused: int
    failed: int
    p99_us: int


class Generator(Protocol):
    """Makes the load of one plan."""

    environment: Environment

    def start(self, opening: Opening) -> float:
        """Begin, and tell when, on the monotonic clock.

        Raises:
            GeneratorError: it cannot.
        """

    def glimpse(self) -> Glimpse:
        """How far it is."""

    def stop(self, *, hurry: bool) -> Findings:
        """End within `DRAIN_S` and a little, and tell what was found."""

    def close(self) -> None:
        """Leave nothing behind."""


class LocalGenerator:
    """All users in this process."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._desk: Desk | None = None
        self.environment = environment_for(plan)
        self._runner = self.environment.create_local_runner()

    def start(self, opening: Opening) -> float:
        """Begin."""
        self._desk = Desk(self._plan, opening, Part())
        self.environment.user_classes = [user_class_for(load_user_class(self._plan, self.environment), self._desk)]
        self._desk.books.timeline.users = lambda: self._runner.user_count
        self._runner.start(self._plan.users, self._plan.spawn_rate_per_s)
        self._desk.start()
        return self._desk.books.began

    def glimpse(self) -> Glimpse:
        """How far it is."""
        assert self._desk is not None
        return glimpse_of(self._desk, self._runner.user_count)

    def stop(self, *, hurry: bool) -> Findings:
        """End and tell."""
        assert self._desk is not None
        self._desk.stop()
        self._runner.quit()
        return self._desk.close("mailspec")

    def close(self) -> None:
        """Nothing is left once the runner has quit."""
        self._runner.quit()


def glimpse_of(desk: Desk, users: int) -> Glimpse:
    """How far this process is."""
    books = desk.books
    return Glimpse(
        elapsed_s=time.perf_counter() - books.measured_from,
        users=users,
        done=books.done_count,
        refused=books.refused,
        failed=books.failed,
        p99_us=books.histogram(books.headline).percentiles_us((99,))[0],
    )


def environment_for(plan: LoadPlan | None) -> Environment:
    """locust's environment, with the few of its own options that its web page shows."""
    # Its remarks on spawn rates and processor use are for who reads its own log; ours are in the report.
    logging.getLogger("locust").setLevel(logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)
    return Environment(
        host=str(plan.main.target) if plan else None,
        stop_timeout=DRAIN_S,
        parsed_options=argparse.Namespace(
            num_users=plan.users if plan else 1,
            spawn_rate=plan.spawn_rate_per_s if plan else 1,
            run_time=None,
            stats_history_enabled=True,
            headless=False,
            enable_rebalancing=False,
            expect_workers=plan.processes if plan else 1,
            web_base_path="",
        ),
    )


def load_user_class(plan: LoadPlan, environment: Environment) -> type[MailUser]:
    """The class that the scenario names, in a module of ours or in a file of the user's own.

    What such a file listens to in `locust.events` it hears of this environment.

    Raises:
        GeneratorError: the file cannot be read or holds no such class.
    """
    module_name, _, class_name = plan.scenario.user_class.rpartition(":")
    if not module_name.endswith(".py"):
        found: type[MailUser] = getattr(importlib.import_module(module_name), class_name)
        return found
    classes = user_classes_in(Path(module_name))
    for name, hook in vars(locust.events).items():
        for listener in hook._handlers:
            getattr(environment.events, name).add_listener(listener)
    if not class_name and len(classes) == 1:
        return next(iter(classes.values()))
    if class_name not in classes:
        raise GeneratorError(f"say which: {' or '.join(f'{module_name}:{name}' for name in classes)}")
    return classes[class_name]


@functools.cache
def user_classes_in(path: Path) -> dict[str, type[MailUser]]:
    """The user classes that a locust file defines, by name; it is read once, however many runs there are.

    Raises:
        GeneratorError: it cannot be read, or defines none.
    """
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise GeneratorError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise GeneratorError(f"{path}: {type(error).__name__}: {error}") from error
    classes = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, MailUser) and value.__module__ == module.__name__
    }
    if not classes:
        raise GeneratorError(f"{path} defines no class that derives from MailUser")
    return classes
