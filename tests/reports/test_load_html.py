"""The page of a load run: whole with and without its script, harmless, and its plots of what was measured."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from reports.load import Interval, LoadResult, SizePoint, Threshold
from reports.load_figures import figures_of
from reports.load_html import render_load_html
from reports.load_plotting import embedded, library, logarithmic, plain
from reports.load_timeline import MOST_ERRORS, MOST_INTERVALS, row_end, whole_intervals
from tests.reports.example_load import HOSTILE, SUMMARY, clean_load, empty_load, example_load, full_load, row_of
from tests.reports.page import Page, assert_harmless

EVIL = "</script><script>alert(1)</script><a href='https://evil.example/'>x</a><!--\u2028"


def page_of(result: LoadResult, **more: str) -> Page:
    """The page, without the octets of the library, which are not what these tests are about."""
    text = render_load_html(result, **more)
    return Page(text.replace(library(), "/* library */"))


def figure(result: LoadResult, name: str) -> Any:
    (found,) = [figure for figure in figures_of(result) if figure.name == name]
    return found


@pytest.mark.parametrize(
    ("result", "scripts"),
    [(full_load(), 4), (example_load(), 4), (clean_load(), 1), (empty_load(), 1)],
    ids=["full", "example", "clean", "empty"],
)
def test_the_page_is_whole_and_loads_nothing(result: LoadResult, scripts: int) -> None:
    page = page_of(result, about="what it does")
    assert_harmless(page, scripts=scripts)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in page.attributes("href")} <= set(ids)
    for name in ("aria-labelledby", "aria-describedby"):
        assert set(page.attributes(name)) <= set(ids)
    assert page.tags.count("h1") == 1


def test_a_page_without_plots_goes_without_the_library() -> None:
    assert len(render_load_html(clean_load())) < 50_000
    assert "plotly" not in render_load_html(clean_load())


def test_the_library_stands_in_the_page_once_with_its_licence() -> None:
    text = render_load_html(full_load())
    assert text.count(library()) == 1
    notice = text[text.index("plotly.js v") :][:200]
    assert "Copyright" in notice
    assert "Licensed under the MIT license" in notice


def test_the_policy_lets_the_page_reach_nothing() -> None:
    policy = Page(render_load_html(full_load())).attributes("content")[0]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "eval" not in policy
    assert re.findall(r"script-src ([^;]*)", policy)[0].count("sha256-") == 3
    assert "'unsafe-inline'" not in re.sub(r"style-src-attr [^;]*;", "", policy)


def test_a_servers_words_show_as_text() -> None:
    page = page_of(example_load())
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in page.text


@pytest.mark.parametrize("evil", [HOSTILE, EVIL])
def test_hostile_names_are_escaped_wherever_they_stand(evil: str) -> None:
    full = full_load()
    summary = msgspec.structs.replace(
        full.summary,
        errors_by_reply_code={evil: full.summary.refused},
        errors_by_kind={evil: full.summary.ledger.failed},
        reply_texts={evil: evil},
        latency_us={evil: full.summary.latency_us["submit"]},
        ledger=msgspec.structs.replace(full.summary.ledger, named={evil: (evil,)}),
    )
    assert full.arrivals is not None
    assert full.judge is not None
    assert full.capacity is not None
    result = msgspec.structs.replace(
        full,
        tool_version=evil, scenario=evil, about=evil, target=evil, started_at=evil, run_id=evil, headline=evil,
        operations=evil, generator_saturated=evil, parameters={evil: evil, "recipients": (evil,)}, summary=summary,
        histograms={evil: full.histograms["submit"]},
        thresholds=(msgspec.structs.replace(full.thresholds[0], fail_if=evil, value=evil),),
        arrivals=msgspec.structs.replace(full.arrivals, schedule=evil),
        judge=msgspec.structs.replace(
            full.judge, deviations=(msgspec.structs.replace(full.judge.deviations[0], kind=evil),)
        ),
        capacity=msgspec.structs.replace(
            full.capacity,
            objective=evil, verdict=evil, steps=(msgspec.structs.replace(full.capacity.steps[0], reason=evil),),
        ),
        series=tuple(msgspec.structs.replace(point, phase=evil) for point in full.series),
        processes=tuple(msgspec.structs.replace(process, name=evil) for process in full.processes),
        timeline=tuple(msgspec.structs.replace(part, errors={evil: 1}) for part in full.timeline),
    )  # fmt: skip
    page = page_of(result)
    assert_harmless(page, scripts=4)
    assert all("<" not in text for text in words_in(json.loads(page.scripts[0])))


def words_in(value: Any) -> list[str]:
    """Every string in the data of the plots."""
    if isinstance(value, dict):
        return [word for inner in value.values() for word in words_in(inner)]
    if isinstance(value, list):
        return [word for inner in value for word in words_in(inner)]
    # Only our own template of what a pointer shows has the library's own tag.
    return [value] if isinstance(value, str) and not value.endswith("<extra></extra>") else []


def test_the_data_of_the_plots_cannot_end_their_script() -> None:
    (bars,) = figure(full_load(), "errors").data[:1]
    hostile = msgspec.structs.replace(full_load().timeline[0], errors={EVIL: 1})
    result = msgspec.structs.replace(full_load(), timeline=(hostile, *full_load().timeline[1:]))
    text = embedded(figures_of(result))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text)[0]["name"] == "capacity"
    assert bars["type"] == "bar"


def test_words_in_a_plot_are_no_tags_to_the_library() -> None:
    assert plain("<b>&amp;\x1b" + "x" * 100) == "&lt;b&gt;&amp;amp;␛" + "x" * 50 + "…"


def test_the_page_tells_the_verdict_the_books_the_latencies_and_the_settings() -> None:
    text = page_of(example_load(), about="what it does").text
    for words in (
        "1 threshold broken: load on smtp://127.0.0.1:2525 (mailspec)",
        "28.6/s messages; 117 kB per second",
        "in doubt 2",
        "submit 100 9.00 14.0 12.3 20.0 30.0 1,235 1,300 1,300",
        "final_dot: closed",
        "what it does",
        "Message size, octets 4,096",
        "alice@example.test, bob@example.test",
        "1.4 s (40% of one core)",
    ):
        assert words.replace(" ", "") in text.replace(" ", "")


def test_the_page_tells_of_mailboxes_arrivals_the_judge_and_the_rates_that_were_tried() -> None:
    text = page_of(full_load(), about="not used: the record says").text.replace(" ", "")
    for words in (
        "3 thresholds broken",
        "✗ 6 bad 3 lost, 1 doubled, 2 damaged",
        "Mailboxes (read to the end)",
        "lost ✗ 3 accepted, and in no mailbox",
        "Lost: 3 by name",
        "0123abcd.000.00004.0000000001 accepted at 41.2 s",
        "dropped 1,200 nobody was free to begin them",
        "the schedule's clock woke 0.059",
        "First deviation at 850 messages a second, 51.4 s after the start: line ends in LF without CR.",
        "250 okLF",
        "900 892 2.10 34.7 0 0 ✗ not met: p99(submit) was too long",
        "knee",
        "hand in messages of 4,096 octets",
    ):
        assert words.replace(" ", "").lower() in text.lower()


def test_a_clean_run_reads_as_such_and_one_without_mail_as_no_verdict() -> None:
    assert 'class="hero grade-conforms"' in render_load_html(clean_load())
    assert 'class="hero grade-inconclusive"' in render_load_html(empty_load())
    assert "Nothing was timed." in render_load_html(empty_load())


def test_only_what_there_is_to_show_is_shown() -> None:
    assert [figure.name for figure in figures_of(full_load())] == [
        "capacity", "rate", "latency", "heat", "errors", "percentiles", "sizes", "workers",
    ]  # fmt: skip
    assert [figure.name for figure in figures_of(example_load())] == ["rate", "latency"]
    assert figures_of(clean_load()) == figures_of(empty_load()) == []


def test_every_plot_has_a_sentence_and_those_without_a_table_elsewhere_one_of_their_own() -> None:
    for one in figures_of(full_load()):
        assert one.about.endswith(".")
        assert bool(one.rows) == (one.name in {"sizes", "workers"})


def test_without_script_the_tables_are_open() -> None:
    page = page_of(full_load())
    inside = [attributes for tag, attributes in page.elements if tag == "details"]
    assert sum("open" in attributes for attributes in inside) == 4  # named messages, intervals, sizes, workers
    assert all("hidden" in attributes for tag, attributes in page.elements if tag == "button")


def test_plots_leave_out_the_second_that_the_end_cut_short() -> None:
    rate, latency = figures_of(example_load())
    assert [curve["name"] for curve in rate.data] == ["done", "refused", "failed"]
    assert [curve["name"] for curve in latency.data] == ["max", "p99", "p90", "p50"]
    assert [curve["x"] for curve in rate.data] == [[0.5, 1.5, 2.5]] * 3
    assert rate.data[0]["y"] == [50, 0, 40]


def test_the_longest_wait_is_told_even_where_it_is_not_drawn() -> None:
    rows = (Interval(at_s=0, done=50, max_us=2_000), Interval(at_s=1, done=50, max_us=3_000))
    told = figure(example_load(timeline=rows, duration_s=2.0), "latency").about
    assert told.endswith("the longest wait shown, 3.00 ms, falls 1 s after the start.")
    last = Interval(at_s=2, done=1, max_us=50_300)
    ended = example_load(timeline=(msgspec.structs.replace(rows[0], done=49), rows[1], last), duration_s=2.1)
    assert figure(ended, "latency").about.endswith("The last moments, which are not drawn, have one of 50.3 ms.")


def test_pushes_that_nobody_waited_for_are_told_in_words() -> None:
    rows = tuple(Interval(at_s=at, done=50, heat={"0": 40, "1000": 10}) for at in range(2))
    assert "took less than 0.001 ms" in figure(example_load(timeline=rows, duration_s=2.0), "heat").about


def test_a_rate_that_the_generator_did_not_keep_has_a_mark_of_its_own() -> None:
    found = full_load().capacity
    assert found is not None
    late = msgspec.structs.replace(found.by_rate[-1], reason="the generator was the limit: it was busy")
    result = msgspec.structs.replace(
        full_load(), capacity=msgspec.structs.replace(found, steps=(*found.by_rate[:-1], late))
    )
    capacity = figure(result, "capacity")
    assert capacity.data[1]["marker"]["symbol"][-1] == "diamond"
    assert capacity.about.endswith("a diamond one at which the generator was the limit.")
    assert "? no verdict: the generator was the limit: it was busy" in page_of(result).text


def test_a_threshold_that_nothing_was_held_against_is_not_called_kept() -> None:
    unread = Threshold(fail_if="lost > 0", value="not known", broken=False, known=False)
    assert "– not judged" in page_of(example_load(thresholds=(unread,))).text


def test_a_second_without_mail_interrupts_the_curves_of_latency() -> None:
    p50 = figure(example_load(), "latency").data[-1]
    assert p50["y"] == [10.0, None, 12.0]
    assert p50["mode"] == "lines+markers"  # a stretch of one second still shows
    assert not p50["connectgaps"]


def test_an_open_run_shows_what_was_offered_and_where_the_first_deviation_was() -> None:
    rate = figure(full_load(), "rate")
    assert [curve["name"] for curve in rate.data] == ["offered", "done", "dropped", "refused", "failed", "users"]
    assert rate.layout["shapes"][0]["x0"] == 51.4
    assert rate.layout["annotations"][0]["text"] == "first deviation: line ends in LF without CR"


def test_a_stall_is_drawn_on_a_logarithmic_axis_that_the_reader_can_switch() -> None:
    assert figure(full_load(), "latency").layout["yaxis"]["type"] == "log"
    assert figure(full_load(), "latency").log_axis == "yaxis"
    calm = tuple(
        Interval(at_s=at, done=25, p50_us=1_000, p90_us=2_000, p99_us=3_000, max_us=4_000) for at in range(4)
    )  # fmt: skip
    result = example_load(timeline=calm, duration_s=4.0)
    assert "type" not in figure(result, "latency").layout["yaxis"]


def test_a_long_run_is_thinned_without_losing_a_spike_or_a_count() -> None:
    rows = tuple(
        Interval(at_s=at, done=1, offered=2, dropped=1, max_us=9_000_000 if at == 1234 else 1000, heat={"8": 1},
                 errors={"451": 1})
        for at in range(5000)
    )  # fmt: skip
    ledger = msgspec.structs.replace(SUMMARY.ledger, attempted=5010, accepted=5000, sent=5002)
    summary = msgspec.structs.replace(SUMMARY, accepted=5000, ledger=ledger)
    result = example_load(timeline=rows, duration_s=5000.0, summary=summary)
    parts = whole_intervals(result)
    assert len(parts) <= MOST_INTERVALS
    assert sum(part.length_s for part in parts) == sum(part.done for part in parts) == 5000
    assert sum(part.heat["8"] for part in parts) == sum(part.errors["451"] for part in parts) == 5000
    assert max(figure(result, "latency").data[0]["y"]) == 9_000
    assert set(figure(result, "rate").data[1]["y"]) == {1.0}


def test_the_heat_map_has_every_row_between_the_fastest_and_the_slowest() -> None:
    heat = figure(full_load(), "heat").data[0]
    assert len(heat["y"]) == len(heat["z"]) + 1
    assert len(heat["x"]) == len(heat["z"][0]) + 1
    assert heat["y"] == sorted(heat["y"])
    shown = sum(round(10**count) for row in heat["z"] for count in row if count is not None)
    assert shown == full_load().summary.accepted


@pytest.mark.parametrize(
    ("row", "end"), [(1, 2), (2, 3), (3, 4), (4, 5), (7, 8), (8, 10), (10, 12), (14, 16), (16, 20), (1024, 1280)]
)
def test_rows_of_the_heat_map_meet(row: int, end: int) -> None:
    assert row_end(row) == end
    assert row_of(end) == end


def test_many_kinds_of_error_share_the_last_colour() -> None:
    errors = {f"4{number:02}": 10 - number for number in range(10)}
    row = Interval(at_s=0, done=50, errors=errors)
    result = example_load(timeline=(row, Interval(at_s=1, done=50)), duration_s=2.0)
    bars = figure(result, "errors").data
    assert [bar["name"] for bar in bars] == [f"4{number:02}" for number in range(MOST_ERRORS)] + ["3 other kinds"]
    assert sum(sum(bar["y"]) for bar in bars) == sum(errors.values())


def test_the_curve_of_percentiles_ends_at_the_slowest_of_all() -> None:
    drawn = figure(full_load(), "percentiles").data
    assert [curve["name"] for curve in drawn][:2] == ["submit", "connect"]
    submit, latency = drawn[0], full_load().summary.latency_us["submit"]
    assert submit["y"][-1] == latency.max / 1000
    assert submit["x"] == sorted(submit["x"])
    assert submit["y"] == sorted(submit["y"])
    at_99 = min(zip(submit["x"], submit["y"], strict=True), key=lambda point: abs(point[0] - 100))
    assert at_99[1] == pytest.approx(latency.p99 / 1000, rel=0.1)


@pytest.mark.parametrize("blob", ["", "x", "AAAA", "HISTFAAA", "ä" * 8])
def test_a_histogram_that_cannot_be_read_costs_its_curve_alone(blob: str) -> None:
    result = msgspec.structs.replace(full_load(), histograms={"submit": blob, "mail": full_load().histograms["mail"]})
    assert [curve["name"] for curve in figure(result, "percentiles").data] == ["mail"]


def test_the_capacity_plot_marks_the_knee_and_the_rates_that_broke() -> None:
    capacity = figure(full_load(), "capacity")
    achieved = capacity.data[1]
    assert achieved["x"] == sorted(achieved["x"])
    assert achieved["marker"]["symbol"] == ["circle"] * 5 + ["x"] * 4
    assert capacity.layout["annotations"][0]["text"] == "knee: 850 per second"
    found = full_load().capacity
    assert found is not None
    none = msgspec.structs.replace(full_load(), capacity=msgspec.structs.replace(found, knee_per_s=None))
    assert "shapes" not in figure(none, "capacity").layout


def test_the_plot_over_mailbox_sizes_says_which_command_grows_most() -> None:
    sizes = figure(full_load(), "sizes")
    assert "search grows most" in sizes.about
    assert [curve["name"] for curve in sizes.data if curve.get("showlegend", True)] == ["select", "fetch", "search"]
    alone = (SizePoint(mailbox_messages=10, phase="select", count=1, p50_us=0, p99_us=0),)
    assert figure(msgspec.structs.replace(full_load(), series=alone), "sizes").rows == (
        ("10", "select", "1", "0.000", "0.000"),
    )


def test_a_short_logarithmic_axis_has_marks_between_powers_of_ten() -> None:
    assert logarithmic([0.3, None, 20.0])["ticktext"] == ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50"]
    for values in ([None, 1.0, 100.0], [0.0], []):
        assert logarithmic(values) == {"type": "log", "dtick": 1}


def test_one_process_is_a_sentence_and_no_plot() -> None:
    alone = msgspec.structs.replace(full_load(), processes=full_load().processes[:1])
    assert "workers" not in [figure.name for figure in figures_of(alone)]
