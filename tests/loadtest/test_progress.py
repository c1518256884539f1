"""What somebody reads while a run lasts."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from loadtest.plan import LoadPlan
from loadtest.planning import Options, plan_from
from loadtest.progress import ProgressLine
from reports.load import Step

if TYPE_CHECKING:
    # With it comes locust, which patches the standard library of whoever imports it.
    from loadtest.generators import Glimpse

IMAP = "imap://alice%40example.test:secret@127.0.0.1:1143"


def plan(scenario: str, *urls: str, users: int | None = None, arrivals: str | None = None) -> LoadPlan:
    return plan_from(Options(scenario=scenario, urls=urls, users=users, arrivals=arrivals), until_ended=False)


def glimpse(*, elapsed_s: float, done: int, p99_us: int) -> Glimpse:
    what = SimpleNamespace(elapsed_s=elapsed_s, users=10, done=done, refused=0, failed=0, p99_us=p99_us)
    return cast("Glimpse", what)


def announced(of: LoadPlan) -> str:
    stream = io.StringIO()
    ProgressLine(stream).announce(of)
    return stream.getvalue()


def test_it_is_said_what_is_about_to_be_done_and_who_gets_mail() -> None:
    assert announced(plan("relay", "smtp://127.0.0.1:2525")) == (
        "relay on smtp://127.0.0.1:2525: 10 users, for 10 s, messages of 4,096 octets to alice@example.test\n"
    )
    assert ": 50/s, at most 1 user, for 10 s," in announced(
        plan("relay", "smtp://127.0.0.1:2525", arrivals="50/s", users=1)
    )


def test_slow_clients_are_announced_with_the_users_they_come_beside() -> None:
    assert ": 10 users and 100 slow clients, for 10 s," in announced(plan("slow-clients", "smtp://127.0.0.1:2525"))


@pytest.mark.parametrize(
    ("scenario", "urls", "mail"),
    [
        ("connections", ("smtp://127.0.0.1:2525",), False),
        ("imap-idle", (IMAP,), False),
        ("imap-idle", (IMAP, "smtp://127.0.0.1:2525"), True),
    ],
)
def test_nobody_is_said_to_get_mail_where_none_is_sent(scenario: str, urls: tuple[str, ...], mail: bool) -> None:
    assert ("octets to alice@example.test" in announced(plan(scenario, *urls))) == mail


def test_a_second_in_which_nothing_went_well_has_no_latency() -> None:
    stream = io.StringIO()
    with ProgressLine(stream) as line:
        line.announce(plan("relay", "smtp://127.0.0.1:2525"))
        line.show(glimpse(elapsed_s=1.0, done=0, p99_us=0))
        line.show(glimpse(elapsed_s=2.0, done=7, p99_us=12_345))
    assert [text.rpartition("p99 ")[2] for text in stream.getvalue().splitlines()[1:]] == ["–", "12.3 ms"]


def test_workers_are_told_how_to_be_started() -> None:
    stream = io.StringIO()
    ProgressLine(stream).waiting(plan("relay", "smtp://127.0.0.1:2525"), "192.0.2.7:5557")
    assert stream.getvalue() == (
        "waiting for 1 worker, each started by: mailspec load --worker --master-host 192.0.2.7 --master-port 5557\n"
    )


def test_a_step_of_a_search_has_its_sign_its_rates_and_why() -> None:
    stream = io.StringIO()
    step = Step(
        offered_per_s=100.0, achieved_per_s=99.0, p50_us=1_000, p99_us=2_000, failures=0, dropped=0, met=True
    )  # fmt: skip
    ProgressLine(stream).step(step)
    assert stream.getvalue() == "✓ 100/s offered: 99.0/s carried, p99 2.00 ms: holds\n"
