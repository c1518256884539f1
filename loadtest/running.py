"""A load run inside this process: locust's runner and users, our clock, books and end.

Importing this module patches the standard library for gevent (locust does that), so it comes before anything that
opens a socket, and only when a run is certain.
"""

from __future__ import annotations

# isort: off
# First, because it patches what the others import.
from locust.env import Environment
# isort: on

import argparse
import contextlib
import importlib
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import gevent  # type: ignore[import-untyped]
from gevent.event import Event  # type: ignore[import-untyped]

from loadtest.books import Books
from loadtest.plan import LoadPlan
from loadtest.session import LoadError
from loadtest.smtp_client import SmtpSession
from loadtest.target import Address
from loadtest.users import Desk, MailUser, user_class_for
from loadtest.web import serve_page
from reports.load import LoadResult

DRAIN_S = 0.8
"""How long users may take to finish the message they are at once the run is over; the command ends within 2 s."""


class NoVerdictError(Exception):
    """Nothing could be measured, and the text says why."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """How far a run is."""

    elapsed_s: float
    users: int
    books: Books


def run_load(
    plan: LoadPlan,
    *,
    web_port: int | None = None,
    on_page: Callable[[str], None] = lambda url: None,
    on_second: Callable[[Glimpse], None] = lambda glimpse: None,
) -> LoadResult:
    """Do the run. It ends after its time, or at the first SIGINT or SIGTERM, and has a result either way.

    Args:
        plan: what to do.
        web_port: serve locust's web page on this port of loopback; 0 lets the kernel choose, None serves none.
        on_page: is told the page's URL.
        on_second: is told once a second how far the run is.

    Raises:
        NoVerdictError: the server cannot be reached, or refuses the very first session.
        WebPageError: the page's port is taken.
    """
    # Its remarks on spawn rates and processor use are for who reads its own log; ours are in the report.
    logging.getLogger("locust").setLevel(logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)
    desk = Desk(
        plan=plan,
        books=Books(),
        address=first_contact(plan),
        run_id=os.urandom(4).hex(),
        started=datetime.now(UTC),
    )
    environment = Environment(
        user_classes=[user_class_for(_user_class(plan), desk)],
        host=str(plan.target),
        stop_timeout=DRAIN_S,
        parsed_options=_options(plan),
    )
    runner = environment.create_local_runner()
    over = Event()
    handlers = [gevent.signal_handler(number, over.set) for number in (signal.SIGINT, signal.SIGTERM)]
    page = None
    try:
        if web_port is not None:
            page, url = serve_page(environment, port=web_port)
            on_page(url)
        processor_s = time.process_time()
        began = desk.books.began = time.perf_counter()
        runner.start(plan.users, plan.spawn_rate_per_s)
        _wait(plan, over, lambda now: on_second(Glimpse(now - began, runner.user_count, desk.books)), began)
        runner.quit()
        ended = time.perf_counter()
        processor_s = time.process_time() - processor_s
    finally:
        if page is not None:
            page.stop()
        for handler in handlers:
            handler.cancel()
    return _result(desk, ended=ended, processor_s=processor_s, interrupted=over.is_set())


def first_contact(plan: LoadPlan) -> Address:
    """The first of the target's addresses at which a session can be set up as the plan asks.

    Raises:
        NoVerdictError: there is none; the text says what happened at the last of them.
    """
    trouble: Exception | None = None
    for address in plan.addresses:
        try:
            session = SmtpSession.open(plan.route(plan.personas[0], address), lambda phase, seconds: None)
        except LoadError as error:
            trouble = error
            continue
        offers = session.offers
        # It did all that was asked of it; what becomes of later farewells is in the books.
        with contextlib.suppress(LoadError):
            session.quit(within_s=plan.patience.connect_s)
        if plan.pipelining and b"PIPELINING" not in offers:
            raise NoVerdictError(f"{plan.target} does not offer PIPELINING (RFC 2920); leave --pipelining out")
        limit = offers.get(b"SIZE", b"")
        if limit.isdigit() and 0 < int(limit) < plan.message_octets:
            raise NoVerdictError(f"{plan.target} takes at most {int(limit)} octets (RFC 1870)")
        return address
    raise NoVerdictError(f"no session with {plan.target}: {trouble}")


def _wait(plan: LoadPlan, over: Event, tell: Callable[[float], None], began: float) -> None:
    """Until the run's time is up or it is ended, telling once a second how far it is."""
    end = None if plan.run_time_s is None else began + plan.run_time_s
    tick = 1
    while not over.is_set():
        now = time.perf_counter()
        if end is not None and now >= end:
            return
        next_tick = began + tick
        if now >= next_tick:
            tell(now)
            tick = int(now - began) + 1
            continue
        over.wait(next_tick - now if end is None else min(next_tick, end) - now)


def _result(desk: Desk, *, ended: float, processor_s: float, interrupted: bool) -> LoadResult:
    plan, books = desk.plan, desk.books
    duration_s = ended - books.began
    summary = books.summary(duration_s=duration_s)
    return LoadResult(
        tool_version=tool_version(),
        scenario=plan.scenario.name,
        target=str(plan.target),
        started_at=desk.started.isoformat(timespec="seconds"),
        duration_s=round(duration_s, 3),
        interrupted=interrupted,
        users=plan.users,
        seed=plan.seed,
        run_id=desk.run_id,
        generator_cpu_s=round(processor_s, 3),
        parameters=plan.parameters(),
        summary=summary,
        thresholds=tuple(condition.judge(summary) for condition in plan.conditions),
        histograms=books.encoded_histograms(),
        timeline=books.timeline(now=ended),
    )


def tool_version() -> str:
    """The installed version of mailspec."""
    try:
        return version("mailspec")
    except PackageNotFoundError:
        return "unknown"


def _user_class(plan: LoadPlan) -> type[MailUser]:
    module, _, name = plan.scenario.user_class.partition(":")
    found: type[MailUser] = getattr(importlib.import_module(module), name)
    return found


def _options(plan: LoadPlan) -> Any:
    """The few of locust's own options that its web page shows."""
    return argparse.Namespace(
        num_users=plan.users,
        spawn_rate=plan.spawn_rate_per_s,
        run_time=None,
        stats_history_enabled=True,
        headless=False,
    )
