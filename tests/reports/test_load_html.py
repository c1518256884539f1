"""The page of a load run: whole, harmless, and its charts drawn to scale."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reports.load import Interval, LoadResult
from reports.load_html import HEIGHT, MOST_POINTS, WIDTH, Line, charts, nice_steps, render_load_html
from tests.reports.example_load import HOSTILE, SUMMARY, clean_load, empty_load, example_load
from tests.reports.page import Page, assert_harmless


def points(line: Line) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for stretch in line.stretches for pair in stretch.split())
    return [(float(x), float(y)) for x, y in pairs]


@pytest.mark.parametrize("result", [example_load(), clean_load(), empty_load()], ids=["example", "clean", "empty"])
def test_the_page_is_whole_and_loads_nothing(result: LoadResult) -> None:
    page = Page(render_load_html(result, about="what it does"))
    assert_harmless(page)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in page.attributes("href")} <= set(ids)
    assert set(page.attributes("aria-labelledby")) <= set(ids)
    assert page.tags.count("h1") == 1


def test_a_servers_words_show_as_text() -> None:
    page = Page(render_load_html(example_load()))
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in page.text
    assert page.tags.count("script") == 1


def test_hostile_names_are_escaped_wherever_they_stand() -> None:
    evil = HOSTILE
    summary = msgspec.structs.replace(
        SUMMARY,
        errors_by_reply_code={evil: SUMMARY.refused},
        errors_by_kind={evil: SUMMARY.ledger.failed},
        reply_texts={evil: evil},
        latency_us={evil: SUMMARY.latency_us["mail"]},
    )
    result = example_load(
        tool_version=evil, scenario=evil, target=evil, started_at=evil, run_id=evil,
        parameters={evil: evil, "recipients": (evil,)}, summary=summary,
    )  # fmt: skip
    assert_harmless(Page(render_load_html(result, about=evil)))


def test_the_page_tells_the_verdict_the_books_the_latencies_and_the_settings() -> None:
    text = Page(render_load_html(example_load(), about="what it does")).text
    for words in (
        "1 threshold broken: load on smtp://127.0.0.1:2525 (mailspec)",
        "28.6 messages per second, 0.1 MB per second",
        "in doubt 2",
        "submit 100 12.3 20.0 1,235 1,300 1,300".replace(" ", ""),
        "final_dot: closed",
        "what it does",
        "Message size, octets 4,096",
        "alice@example.test, bob@example.test",
        "1.4 s (40% of one core)",
    ):
        assert words.replace(" ", "") in text.replace(" ", "")


def test_a_clean_run_reads_as_such_and_one_without_mail_as_no_verdict() -> None:
    assert 'class="hero grade-conforms"' in render_load_html(clean_load())
    assert 'class="hero grade-inconclusive"' in render_load_html(empty_load())
    assert "Nothing was timed." in render_load_html(empty_load())


def test_charts_leave_out_the_second_that_the_end_cut_short() -> None:
    rate, latency = charts(example_load())
    assert [line.name for line in rate.lines] == ["accepted", "refused", "failed"]
    assert [line.name for line in latency.lines] == ["p50", "p99", "max"]
    assert [len(points(line)) for line in rate.lines] == [3, 3, 3]


def test_a_second_without_mail_interrupts_the_curves_of_latency() -> None:
    _, latency = charts(example_load())
    for line in latency.lines:
        assert [stretch.count(",") for stretch in line.stretches] == [1, 1]
    page = Page(render_load_html(example_load()))
    assert page.tags.count("circle") == 6  # a stretch of one second still shows


def test_curves_lie_within_the_chart_and_to_scale() -> None:
    rate, _ = charts(example_load())
    (x0, full), (x1, nothing), (x2, most) = points(rate.lines[0])
    scale = {label: y for y, label in rate.vertical}
    assert (full, nothing) == (scale["50"], scale["0"])
    assert nothing - most == pytest.approx((nothing - full) * 40 / 50, abs=0.1)
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.1)
    for chart in charts(example_load()):
        for line in chart.lines:
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(line))


def test_there_is_no_chart_of_a_run_too_short_to_have_a_course() -> None:
    assert charts(clean_load()) == []
    assert charts(empty_load()) == []


def test_a_long_run_is_thinned_without_losing_a_spike() -> None:
    rows = tuple(Interval(at_s=at, done=1, max_us=9_000_000 if at == 1234 else 1000)
                 for at in range(5000))  # fmt: skip
    ledger = msgspec.structs.replace(SUMMARY.ledger, attempted=5010, accepted=5000, sent=5002)
    summary = msgspec.structs.replace(SUMMARY, accepted=5000, ledger=ledger)
    _, latency = charts(example_load(timeline=rows, duration_s=5000.0, summary=summary))
    worst = latency.lines[2]
    drawn = points(worst)
    assert len(drawn) <= MOST_POINTS
    top = {label: y for y, label in latency.vertical}
    assert min(y for _, y in drawn) <= top["8,000"]
    assert drawn[-1][0] == max(x for x, _ in drawn)


@example(highest=0.05, most=5)
@given(highest=st.floats(0.002, 1e9), most=st.integers(2, 10))
def test_a_scale_reaches_its_highest_value_in_few_equal_steps(highest: float, most: int) -> None:
    steps = nice_steps(highest, most=most)
    assert steps[0] == 0
    assert steps[-1] >= highest * 0.999
    assert 2 <= len(steps) <= most + 1
    assert all(later > earlier for earlier, later in itertools.pairwise(steps))


def test_a_scale_of_nothing_still_has_two_ends() -> None:
    assert nice_steps(0) == [0.0, 1.0]
