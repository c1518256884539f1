"""Two load runs side by side: what is weighed, what is only told, and a page as harmless as any."""

from __future__ import annotations

import msgspec
import pytest

from reports.load import Capacity, LoadResult
from reports.load_comparison import (
    LoadComparison,
    Row,
    compare_loads,
    comparison_figures,
    render_load_comparison_html,
    render_load_comparison_text,
)
from reports.load_plotting import library
from tests.reports.example_load import HOSTILE, clean_load, empty_load, example_load, faster_load, full_load
from tests.reports.page import Page, assert_harmless


def row(change: LoadComparison, group: str, name: str) -> Row:
    (found,) = [row for one in change.groups if one.title == group for row in one.rows if row.name == name]
    return found


def slower(run: LoadResult, share: float) -> LoadResult:
    """The run, with a submit that takes so much longer at the median."""
    latency = run.summary.latency_us["submit"]
    changed = msgspec.structs.replace(latency, p50=int(latency.p50 * (1 + share)))
    latencies = run.summary.latency_us | {"submit": changed}
    return msgspec.structs.replace(run, summary=msgspec.structs.replace(run.summary, latency_us=latencies))


def test_a_run_beside_itself_has_not_changed() -> None:
    change = compare_loads(full_load(), full_load())
    assert change.words == "No notable change"
    assert change.unlike == ()
    assert {row.change for group in change.groups for row in group.rows} == {""}


@pytest.mark.parametrize(("share", "better"), [(0.1, False), (0.04, None), (-0.04, None), (-0.1, True)])
def test_a_latency_is_weighed_when_it_differs_by_more_than_chance(share: float, better: bool | None) -> None:
    change = compare_loads(faster_load(), slower(faster_load(), share))
    assert row(change, "Latency of submit", "p50, ms").better is better
    assert (change.worse, change.better) == (better is False, better is True)


def test_the_longest_wait_is_told_and_not_weighed() -> None:
    found = row(compare_loads(full_load(), faster_load()), "Latency of submit", "max, ms")
    assert found.change.startswith("-")
    assert found.better is None


def test_percentiles_of_few_samples_are_told_and_not_weighed() -> None:
    few = msgspec.structs.replace(faster_load().summary.latency_us["connect"], count=29)
    latencies = faster_load().summary.latency_us | {"connect": few}
    summary = msgspec.structs.replace(faster_load().summary, latency_us=latencies)
    change = compare_loads(full_load(), msgspec.structs.replace(faster_load(), summary=summary))
    found = row(change, "Latency of connect", "p50, ms")
    assert (found.change, found.better) == ("-6.7 %", None)


def test_changes_have_no_more_digits_than_a_reader_wants() -> None:
    for factor, text in ((1.0001, ""), (1.004, "+0.4 %"), (0.5, "-50.0 %"), (20.0, "+1,900 %")):
        summary = msgspec.structs.replace(faster_load().summary, operations_per_s=1000.0 * factor)
        before = msgspec.structs.replace(faster_load().summary, operations_per_s=1000.0)
        runs = [msgspec.structs.replace(faster_load(), summary=one) for one in (before, summary)]
        assert row(compare_loads(*runs), "Rate", "messages per second").change == text


def test_figures_of_a_generator_that_was_the_limit_are_no_verdict() -> None:
    saturated = msgspec.structs.replace(slower(faster_load(), 0.1), generator_saturated="it was busy")
    change = compare_loads(faster_load(), saturated)
    assert change.worse == 1
    assert change.reservations == ["In run 2 the generator was the limit: its figures are not the server's."]
    assert change.reservations[0] in render_load_comparison_text(change)
    page = render_load_comparison_html(change)
    assert 'class="hero grade-neutral"' in page
    assert "In run 2 the generator was the limit" in page


def test_a_rate_is_weighed_unless_a_schedule_asked_for_it() -> None:
    summary = msgspec.structs.replace(faster_load().summary, operations_per_s=1.0)
    half = msgspec.structs.replace(faster_load(), summary=summary)
    assert row(compare_loads(faster_load(), half), "Rate", "messages per second").better is False
    assert row(compare_loads(half, faster_load()), "Rate", "messages per second").better is True
    assert row(compare_loads(full_load(), half), "Rate", "messages per second").better is None


def test_knees_are_compared_where_both_runs_looked_for_one() -> None:
    capacity = full_load().capacity
    assert isinstance(capacity, Capacity)
    higher = msgspec.structs.replace(full_load(), capacity=msgspec.structs.replace(capacity, knee_per_s=1_700.0))
    assert row(compare_loads(full_load(), higher), "Rate", "knee, per second").change == "+100 %"
    assert not [
        r for g in compare_loads(full_load(), faster_load()).groups for r in g.rows if r.name.startswith("knee")
    ]


def test_errors_are_weighed_by_their_share_of_what_was_attempted() -> None:
    change = compare_loads(full_load(), faster_load())
    assert row(change, "Errors", "421") == Row("421", "80", "0", "-100 %", better=True)
    assert row(compare_loads(faster_load(), full_load()), "Errors", "421") == Row("421", "0", "80", "new", better=False)
    few = example_load()
    ledger = msgspec.structs.replace(few.summary.ledger, attempted=1010, accepted=1000, sent=1002)
    summary = msgspec.structs.replace(few.summary, accepted=1000, ledger=ledger)
    longer = msgspec.structs.replace(few, summary=summary, timeline=())
    found = row(compare_loads(few, longer), "Errors", "550")
    assert (found.before, found.after, found.better) == ("3", "3", True)


def test_lost_mail_is_worse_and_mail_that_nobody_looked_for_is_neither() -> None:
    assert row(compare_loads(faster_load(), full_load()), "Mailboxes", "lost") == Row("lost", "0", "3", better=False)
    assert row(compare_loads(full_load(), faster_load()), "Mailboxes", "lost").better is True
    assert row(compare_loads(example_load(), full_load()), "Mailboxes", "lost") == Row("lost", "not read", "3")


def test_a_phase_that_only_one_run_timed_is_told() -> None:
    assert row(compare_loads(full_load(), faster_load()), "Latency of tls", "p50, ms") == Row("p50, ms", "1.90", "–")


def test_settings_by_which_the_runs_differ_are_named() -> None:
    unlike = compare_loads(full_load(), faster_load()).unlike
    assert [(row.name, row.before, row.after) for row in unlike] == [
        ("Load model", "open", "closed"),
        ("Users", "50", "60"),
        ("Processes", "4", "1"),
    ]
    missing = msgspec.structs.replace(full_load(), parameters={})
    assert ("Pipelining", "yes", "–") in [
        (row.name, row.before, row.after) for row in compare_loads(full_load(), missing).unlike
    ]


def test_the_text_ends_with_the_outcome() -> None:
    assert render_load_comparison_text(compare_loads(full_load(), full_load())).endswith("\n\nNO NOTABLE CHANGE\n")


@pytest.mark.parametrize(
    ("before", "after", "scripts"),
    [(full_load(), faster_load(), 4), (example_load(), full_load(), 4), (empty_load(), clean_load(), 1)],
    ids=["full", "mixed", "bare"],
)
def test_the_page_is_whole_and_loads_nothing(before: LoadResult, after: LoadResult, scripts: int) -> None:
    text = render_load_comparison_html(compare_loads(before, after))
    page = Page(text.replace(library(), "/* library */"))
    assert_harmless(page, scripts=scripts)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert set(page.attributes("aria-labelledby")) <= set(ids)


def test_hostile_names_are_escaped() -> None:
    evil = msgspec.structs.replace(
        full_load(),
        scenario=HOSTILE,
        target=HOSTILE,
        operations=HOSTILE,
        headline=HOSTILE,
        parameters={HOSTILE: HOSTILE},
    )
    text = render_load_comparison_html(compare_loads(evil, full_load()))
    assert_harmless(Page(text.replace(library(), "/* library */")), scripts=4)
    assert "\x1b" not in render_load_comparison_text(compare_loads(evil, full_load()))


def test_the_plots_lay_both_runs_over_each_other() -> None:
    rate, latency, percentiles = comparison_figures(compare_loads(full_load(), faster_load()))
    for figure in (rate, percentiles):
        assert [(curve["name"], curve["line"]["dash"]) for curve in figure.data] == [
            ("run 1", "dot"),
            ("run 2", "solid"),
        ]
    assert [curve["name"] for curve in latency.data] == ["run 1: p99", "run 1: p50", "run 2: p99", "run 2: p50"]
    assert rate.layout["xaxis"]["range"] == [0, 90]
    assert comparison_figures(compare_loads(clean_load(), full_load())) == []


def test_different_questions_are_told_at_the_top_and_are_no_verdict() -> None:
    text = render_load_comparison_html(compare_loads(full_load(), faster_load()))
    assert 'class="hero grade-neutral"' in text
    assert '<p class="detail">The runs did not ask the same of the server.</p>' in text
    text = render_load_comparison_html(compare_loads(faster_load(), slower(faster_load(), 0.2)))
    assert 'class="hero grade-violates"' in text
