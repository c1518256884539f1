"""A load run from first contact to result.

Importing this module patches the standard library for gevent (locust does that), so it comes before anything that
opens a socket, and only when a run is certain.
"""

from __future__ import annotations

# isort: off
# First, because it patches what the others import.
from loadtest.distribution import generator_for
# isort: on

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import gevent  # type: ignore[import-untyped]
from gevent.event import Event  # type: ignore[import-untyped]

from loadtest.bookkeeping.audit import Audit, inboxes_of
from loadtest.clients.session import LoadError
from loadtest.contact import NoVerdictError, first_contact
from loadtest.desk import Findings, Opening
from loadtest.generators import OPEN_LEAD_S, Generator, Glimpse
from loadtest.plan import LoadPlan
from loadtest.results import result_of
from loadtest.web import serve_page
from reports.load import LoadResult

HURRIED_AUDIT_S = 0.5
"""How long mailboxes are read when somebody has ended the run: the command ends within 2 s of that."""


def run_load(
    plan: LoadPlan,
    *,
    web_port: int | None = None,
    on_page: Callable[[str], None] = lambda url: None,
    on_second: Callable[[Glimpse], None] = lambda glimpse: None,
    on_reading: Callable[[int], None] = lambda missing: None,
    make_generator: Callable[[LoadPlan], Generator] = generator_for,
) -> LoadResult:
    """Do the run. It ends after its time, or at the first SIGINT or SIGTERM, and has a result either way.

    Args:
        plan: what to do.
        web_port: serve locust's web page on this port of loopback; 0 lets the kernel choose, None serves none.
        on_page: is told the page's URL.
        on_second: is told once a second how far the run is.
        on_reading: is told how many deliveries are still missing each time that the mailboxes have been read.
        make_generator: makes what makes the load.

    Raises:
        NoVerdictError: a server cannot be reached, or refuses the very first session.
        GeneratorError: load cannot be made.
        WebPageError: the page's port is taken.
    """
    contact = first_contact(plan)
    audit = Audit(plan, inboxes_of(plan, contact.addresses))
    over = Event()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_ended_by_signals(over))
        generator = make_generator(plan)
        stack.callback(generator.close)
        if web_port is not None:
            page, url = serve_page(generator.environment, port=web_port)
            stack.callback(page.stop)
            on_page(url)
        _mark(audit)
        opening = Opening(
            run_id=os.urandom(4).hex(),
            started=datetime.now(UTC),
            began_at_s=time.time() + (OPEN_LEAD_S if plan.arrivals else 0.0),
            addresses=contact.addresses,
            seven_bit_roles=contact.seven_bit_roles,
        )
        began = generator.start(opening)
        _wait(plan, over, began, lambda: on_second(generator.glimpse()))
        interrupted = over.is_set()
        findings = generator.stop(hurry=interrupted)
        ended = time.perf_counter()
        _close(audit, findings, opening.run_id, over, on_reading)
        return result_of(plan, opening, findings, ended=ended, interrupted=interrupted)


def _mark(audit: Audit) -> None:
    try:
        audit.mark()
    except LoadError as error:
        raise NoVerdictError(f"a mailbox cannot be read: {error}") from error


def _close(audit: Audit, findings: Findings, run_id: str, over: Event, on_reading: Callable[[int], None]) -> None:
    """Read the mailboxes; whoever has ended the run does not wait for that, but for what a moment shows."""
    reading = gevent.spawn(audit.close, findings, run_id, on_reading=on_reading)
    if over.is_set():
        reading.join(timeout=HURRIED_AUDIT_S)
    else:
        gevent.wait([reading, over], count=1)
    reading.kill()
    if reading.exception is not None:
        raise reading.exception


@contextlib.contextmanager
def _ended_by_signals(over: Event) -> Iterator[None]:
    handlers = [gevent.signal_handler(number, over.set) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for handler in handlers:
            handler.cancel()


def _wait(plan: LoadPlan, over: Event, began: float, tell: Callable[[], None]) -> None:
    """Until the run's time is up or it is ended, telling once a second how far it is."""
    end = None if plan.run_time_s is None else began + plan.warm_up_s + plan.run_time_s
    tick = 1
    while not over.is_set():
        now = time.perf_counter()
        if end is not None and now >= end:
            return
        next_tick = began + tick
        if now >= next_tick:
            tell()
            tick = int(now - began) + 1
            continue
        over.wait(next_tick - now if end is None else min(next_tick, end) - now)
