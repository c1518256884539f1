"""`find-capacity`: run after run at rates that the search asks for, until it knows where the objective breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from loadtest.plan import LoadPlan
from loadtest.rates.capacity import CapacitySearch, Measured, Objective, Trial, judge
from reports.load import LoadResult, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is searched for, and how."""

    objective: Objective
    start_per_s: float
    step_s: float


def find_capacity(
    plan: LoadPlan,
    wanted: Wanted,
    run: Callable[[LoadPlan], LoadResult],
    *,
    on_step: Callable[[Step], None] = lambda step: None,
) -> LoadResult:
    """The result of the run at the highest rate at which the objective holds, with all steps of the search.

    Where it holds nowhere, that of the first run. Ended by whoever ended a run.
    """
    limit = plan.max_rate_per_s
    search = CapacitySearch(
        start_per_s=min(wanted.start_per_s, limit) if limit else wanted.start_per_s,
        step_s=wanted.step_s,
        **({"limit_per_s": limit} if limit else {}),
    )
    steps: list[Step] = []
    first: LoadResult | None = None
    met: dict[float, LoadResult] = {}
    ended_early = False
    while (trial := search.next()) is not None:
        result = run(replace(plan, arrivals=f"{trial.rate_per_s:.10g}/s", run_time_s=trial.length_s))
        first = first or result
        ended_early = result.interrupted
        measured = _measured(trial, result)
        if ended_early and not measured.integrity:
            # A part of a step says nothing about its rate.
            break
        outcome, step = judge(measured, wanted.objective)
        steps.append(step)
        on_step(step)
        if ended_early:
            break
        search.record(trial, outcome)
        if step.met:
            met[trial.rate_per_s] = result
    assert first is not None
    # Until a rate is known to hold, one at which it did once.
    told = met.get(search.holds_at_per_s or 0.0) or (met[max(met)] if met else first)
    parameters = {**told.parameters, "objective": wanted.objective.text, "step_s": wanted.step_s}
    capacity = search.result(wanted.objective, steps)
    return msgspec.structs.replace(told, capacity=capacity, parameters=parameters, interrupted=ended_early)


def _measured(trial: Trial, result: LoadResult) -> Measured:
    broken = [
        f"{threshold.fail_if} ({threshold.value})"
        for threshold in result.thresholds
        if threshold.broken and threshold.about == "integrity"
    ]
    warm_up_s = result.warm_up.length_s if result.warm_up is not None else 0.0
    return Measured(
        offered_per_s=trial.rate_per_s,
        achieved_per_s=result.summary.accepted / trial.length_s,
        length_s=warm_up_s + trial.length_s,
        summary=result.summary,
        headline=result.headline,
        dropped=result.arrivals.dropped if result.arrivals is not None else 0,
        integrity=", ".join(broken),
        generator=result.generator_saturated,
    )
