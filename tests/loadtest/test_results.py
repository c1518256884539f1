"""What the processes of a run found becomes its record."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from loadtest.desk import Desk, Opening, Part
from loadtest.planning import Options, plan_from
from loadtest.results import result_of


def test_the_timeline_tells_when_arrivals_were_due_that_began_or_were_dropped() -> None:
    options = Options(
        scenario="relay", urls=("smtp://127.0.0.1:1",), arrivals="3/s for 1s then 2/s", warm_up=2.0, run_time=3.0
    )
    opening = Opening(run_id="0a1b2c3d", started=datetime.now(UTC), began_at_s=time.time(), addresses={})
    desk = Desk(plan_from(options, until_ended=False), opening, Part())
    tally = desk.findings.tally
    assert tally is not None
    for due_s in (1.5, 2.25, 4.0, 4.5):  # seconds since the load began, two of which are the warm-up
        tally.offer(late_s=0.0)
        tally.drop(due_s=due_s)
    desk.books.measure()
    result = result_of(
        desk.plan, opening, desk.findings, ended=desk.books.measured_from + 3.0 - 1e-6, interrupted=False
    )
    assert [(interval.offered, interval.dropped) for interval in result.timeline] == [(3, 2), (2, 0), (2, 2)]
    assert result.arrivals is not None
    assert result.arrivals.dropped == 4
