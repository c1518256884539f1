"""The record of a load run: books that balance, a schema that says the same, grades, and the words for them."""

from __future__ import annotations

import importlib
import json
from typing import Any

import msgspec
import pytest

from reports.load import (
    GENERATOR_WAS_THE_LIMIT,
    Arrivals,
    Capacity,
    Interval,
    JudgedDeviation,
    Judgement,
    Latency,
    Ledger,
    LoadExit,
    LoadResult,
    Process,
    SizePoint,
    Step,
    Summary,
    Threshold,
    decode_load,
    encode_load,
    load_exit,
)
from reports.load_drift import Drift, Stretch
from reports.load_schema import PUBLISHED, load_schema, schema_file
from reports.load_text import render_load_text
from reports.load_wording import headline, milliseconds, remarks, step_sign, volume
from tests.reports.example_load import HOSTILE, LEDGER, THRESHOLDS, clean_load, empty_load, example_load

DEVIATION = JudgedDeviation(kind="bare LF", count=2, first_at_s=1.5, rate_per_s=850.0, example="MjUwIG9rCg==")
STEP = Step(
    offered_per_s=100.0, achieved_per_s=99.0, p50_us=1_000, p99_us=2_000, failures=0, dropped=0, met=True
)  # fmt: skip

jsonschema: Any = importlib.import_module("jsonschema")  # has no types of its own


@pytest.fixture
def validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_bytes()))


def test_the_published_schema_is_what_the_records_generate() -> None:
    assert PUBLISHED.read_bytes() == schema_file(), "write it anew: python -m reports.load_schema"


def test_the_schema_is_a_valid_schema_of_its_dialect() -> None:
    jsonschema.Draft202012Validator.check_schema(load_schema())


@pytest.mark.parametrize("result", [example_load(), clean_load(), empty_load()], ids=["example", "clean", "empty"])
def test_a_run_validates_and_reads_back_the_same(validator: Any, result: LoadResult) -> None:
    data = encode_load(result)
    validator.validate(json.loads(data))
    assert decode_load(data) == result


def test_every_field_of_the_records_is_in_the_schema() -> None:
    for record in (
        LoadResult, Summary, Ledger, Latency, Interval, Threshold, Arrivals, Judgement, JudgedDeviation, Capacity, Step,
        SizePoint, Process, Drift, Stretch,
    ):  # fmt: skip
        properties = load_schema()["$defs"][record.__name__]["properties"]
        assert set(properties) == {field.encode_name for field in msgspec.structs.fields(record)}


def changed(path: tuple[str | int, ...], value: object) -> bytes:
    data = json.loads(encode_load(example_load()))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), 3),
        (("duration_s",), -1),
        (("users",), "20"),
        (("summary", "ledger", "unknown"), -1),
        (("summary", "latency_us", "submit", "p99"), None),
        (("timeline", 0, "done"), -1),
        (("load_model",), "half open"),
        (("arrivals",), {}),
        (("judge",), []),
        (("thresholds", 0, "broken"), "yes"),
    ],
)
def test_a_run_with_a_wrong_value_does_not_validate(validator: Any, path: tuple[str | int, ...], value: object) -> None:
    assert not validator.is_valid(json.loads(changed(path, value)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), 3),
        (("summary", "ledger", "failed"), 6),
        (("summary", "ledger", "deferred"), 5),
        (("summary", "ledger", "unknown"), 103),
        (("summary", "ledger", "expected"), 1),
        (("summary", "latency_us", "submit", "min"), 12_346),
        (("summary", "latency_us", "submit", "p50"), 2_000_000),
        (("summary", "latency_us", "submit", "count"), 0),
        (("summary", "accepted"), 99),
        (("summary", "errors_by_reply_code", "451"), 2),
        (("summary", "errors_by_kind", "final_dot: closed"), 3),
        (("timeline", 0, "done"), 49),
        (("timeline", 0, "p90_us"), 9_999),
        (("timeline", 0, "length_s"), 0),
        (("timeline", 0, "length_s"), 2),
        (("timeline", 0, "heat"), {"fast": 50}),
        (("arrivals",), {"schedule": "10 per second", "offered": 1, "started": 1, "dropped": 0}),
        (("target",), None),
    ],
)
def test_books_that_do_not_balance_are_not_read(path: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(ValueError, match="load run"):
        decode_load(changed(path, value))


def test_a_run_of_the_schema_before_is_told_by_its_number() -> None:
    with pytest.raises(ValueError, match="load run of schema 1; this mailspec reads 2"):
        decode_load(b'{"schema_version": 1, "timeline": [{"at_s": 0, "accepted": 3}]}')


BROKEN_BOOKS = msgspec.structs.replace(LEDGER, closed=True, expected=100, delivered=99, lost=1)


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (LEDGER, {"deferred": 5}),
        (LEDGER, {"prevented": 6}),
        (BROKEN_BOOKS, {"closed": False}),
        (BROKEN_BOOKS, {"in_flight": 1}),
        (Arrivals(schedule="", offered=3, started=1, dropped=1, waiting=1), {"dropped": 2}),
        (Judgement(share=0.01, replies=100, sampled=1), {"share": 0.0}),
        (Judgement(share=0.01, replies=100, sampled=1), {"sampled": 101}),
        (DEVIATION, {"count": 0}),
        (DEVIATION, {"example": "%"}),
        (STEP, {"p50_us": 2_001}),
        (STEP, {"integrity_ok": False}),
        (Capacity(objective="", steps=(STEP,), knee_per_s=100.0, verdict=""), {"steps": ()}),
        (SizePoint(mailbox_messages=10, phase="select", count=1, p50_us=1, p99_us=1), {"count": 0}),
        (SizePoint(mailbox_messages=10, phase="select", count=1, p50_us=1, p99_us=1), {"p50_us": 2}),
    ],
)
def test_a_record_that_contradicts_itself_cannot_be_made(record: msgspec.Struct, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        type(record)(**msgspec.structs.asdict(record) | changes)


def test_octets_that_are_no_json_are_not_read() -> None:
    with pytest.raises(ValueError, match="not a mailspec load run"):
        decode_load(b"\xff{")


def test_grades() -> None:
    assert load_exit(clean_load()) is LoadExit.WITHIN_THRESHOLDS
    assert load_exit(example_load()) is LoadExit.BROKEN
    assert load_exit(empty_load()) is LoadExit.NO_VERDICT


def test_a_broken_promise_counts_even_where_nothing_was_accepted() -> None:
    summary = empty_load().summary
    ledger = msgspec.structs.replace(summary.ledger, closed=True, refused_but_delivered=1)
    threshold = Threshold(fail_if="refused_but_delivered > 0", value="1", broken=True, about="integrity")
    run = msgspec.structs.replace(
        empty_load(), summary=msgspec.structs.replace(summary, ledger=ledger), thresholds=(threshold,)
    )
    assert load_exit(run) is LoadExit.BROKEN


@pytest.mark.parametrize(
    ("load_model", "about", "broken", "grade"),
    [
        ("closed", "latency", False, LoadExit.WITHIN_THRESHOLDS),
        ("closed", "rate", True, LoadExit.NO_VERDICT),
        ("closed", "latency", True, LoadExit.NO_VERDICT),
        ("closed", "integrity", True, LoadExit.BROKEN),
        ("open", "latency", False, LoadExit.NO_VERDICT),
        ("open", "rate", True, LoadExit.NO_VERDICT),
        ("open", "integrity", True, LoadExit.BROKEN),
    ],
)
def test_a_saturated_generator_leaves_a_verdict_on_integrity_alone(
    load_model: str, about: str, broken: bool, grade: LoadExit
) -> None:
    threshold = msgspec.convert({"fail_if": "x > 1", "value": "2", "broken": broken, "about": about}, Threshold)
    run = msgspec.structs.replace(
        clean_load(), load_model=load_model, thresholds=(threshold,), generator_saturated="it used 95% of one core"
    )
    assert load_exit(run) is grade


def test_a_deviation_keeps_the_octets_of_its_example() -> None:
    assert DEVIATION.octets == b"250 ok\n"


def test_the_share_of_the_generator_is_that_of_its_busiest_process() -> None:
    processes = (Process(name="worker 1", cpu_s=1.0, share=0.2), Process(name="worker 2", cpu_s=3.0, share=0.8))
    assert clean_load().generator_share == pytest.approx(0.3 / 0.9)
    assert msgspec.structs.replace(clean_load(), processes=processes).generator_share == 0.8
    assert msgspec.structs.replace(clean_load(), duration_s=0.0).generator_share == 0.0


def test_a_run_that_accepted_nothing_has_no_verdict_even_if_a_threshold_is_broken() -> None:
    broken = msgspec.structs.replace(empty_load(), thresholds=THRESHOLDS)
    assert load_exit(broken) is LoadExit.NO_VERDICT


def test_headlines_say_what_they_rest_on() -> None:
    assert headline(clean_load()).words == "Within thresholds"
    assert headline(example_load()).words == "1 threshold broken"
    assert headline(example_load()).detail == "p99(submit) > 200ms (1,234.567 ms)."
    assert headline(empty_load()).detail == "None of 3 messages was accepted, so nothing was measured."


def test_a_reader_is_warned_where_the_generator_may_be_the_limit() -> None:
    assert remarks(clean_load()) == []
    (remark,) = remarks(msgspec.structs.replace(clean_load(), generator_cpu_s=0.85))
    assert "94% of one core" in remark
    said = " ".join(remarks(example_load(interrupted=True)))
    assert "before its time" in said
    assert "1 message refused for now" in said


@pytest.mark.parametrize(
    ("latency_us", "text"),
    [
        (0, "0.000"),
        (1, "0.001"),
        (9_994, "9.99"),
        (9_996, "10.0"),
        (12_345, "12.3"),
        (99_960, "100"),
        (1_234_567, "1,235"),
    ],
)
def test_milliseconds_have_the_digits_that_were_measured(latency_us: int, text: str) -> None:
    assert milliseconds(latency_us) == text


def test_the_text_tells_outcomes_latencies_errors_and_the_verdict_last() -> None:
    text = render_load_text(example_load())
    for words in (
        "mailspec 1.2.3: load submit on smtp://127.0.0.1:2525",
        "28.6 messages/s   110 attempted: 100 accepted, 4 refused, 5 failed, 1 abandoned",
        "2 in doubt: sent whole, and no reply",
        "3 × 550 <script>alert(1)</script>␛[2J",
        "5 × final_dot: closed",
        "✗ fail if p99(submit) > 200ms: 1,234.567 ms",
        "✓ fail if failures > 50%: 7.27 %",
    ):
        assert words in text
    assert text.endswith("1 THRESHOLD BROKEN\np99(submit) > 200ms (1,234.567 ms).\n")
    assert HOSTILE[-4:] not in text  # a server's words must not steer the terminal


def test_what_nothing_was_held_against_is_neither_kept_nor_broken() -> None:
    unread = Threshold(fail_if="lost > 0", value="not known: no mailbox was read", broken=False, known=False)
    assert "\n– fail if lost > 0: not known" in render_load_text(example_load(thresholds=(unread,)))


def test_who_read_no_mailbox_is_told_that_nothing_is_known_of_the_mail() -> None:
    assert "no mailbox was read, so nothing tells whether the mail arrived" in headline(clean_load()).detail
    ledger = msgspec.structs.replace(clean_load().summary.ledger, closed=True)
    summary = msgspec.structs.replace(clean_load().summary, ledger=ledger)
    nothing_came = msgspec.structs.replace(clean_load(), summary=summary)
    assert "deliver" not in headline(nothing_came).detail


def test_a_step_that_the_generator_could_not_keep_up_with_is_no_verdict() -> None:
    saturated = msgspec.structs.replace(
        STEP, met=False, reason=f"{GENERATOR_WAS_THE_LIMIT}: it was late {'and so ' * 20}"
    )
    broken = msgspec.structs.replace(STEP, met=False, reason="p99 too long")
    assert [step_sign(step) for step in (STEP, saturated, broken)] == ["✓", "?", "✗"]
    capacity = Capacity(
        objective="p99(submit) < 1ms", steps=(saturated,), knee_per_s=None, verdict="no knee found: why"
    )
    result = msgspec.structs.replace(clean_load(), capacity=capacity)
    text = render_load_text(result)
    assert "?        100        99.0" in text
    assert "   No knee found: why.\n" in text
    assert max(map(len, text.splitlines())) <= 100
    assert headline(result).words == "No knee found"
    assert headline(result).detail == "Why."


@pytest.mark.parametrize(
    ("octets", "text"), [(0, "0.0 kB"), (3_277, "3.3 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (2e8, "200 MB")]
)
def test_volumes_have_the_unit_that_shows_them(octets: float, text: str) -> None:
    assert volume(octets) == text


def test_the_table_of_latencies_is_aligned() -> None:
    lines = render_load_text(example_load()).splitlines()
    start = next(number for number, line in enumerate(lines) if "p99.9" in line)
    table = lines[start : start + 4]
    assert len({len(line) for line in table}) == 1
    assert table[3].split() == ["submit", "100", "12.3", "20.0", "1,235", "1,300", "1,300"]


def test_a_clean_run_lists_no_errors() -> None:
    assert "Errors:" not in render_load_text(clean_load())


def test_the_ledger_of_the_example_balances() -> None:
    assert LEDGER.attempted == LEDGER.accepted + LEDGER.refused + LEDGER.failed + LEDGER.abandoned
