"""The record of a load run: books that balance, a schema that says the same, grades, and the words for them."""

from __future__ import annotations

import importlib
import json
from typing import Any

import msgspec
import pytest

from reports.load import (
    Latency,
    Ledger,
    LoadExit,
    LoadResult,
    Second,
    Summary,
    decode_load,
    encode_load,
    load_exit,
)
from reports.load_schema import PUBLISHED, load_schema, schema_file
from reports.load_text import render_load_text
from reports.load_wording import headline, milliseconds, remarks
from tests.reports.example_load import HOSTILE, LEDGER, THRESHOLDS, clean_load, empty_load, example_load

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
    for record in (LoadResult, Summary, Ledger, Latency, Second):
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
        (("schema_version",), 2),
        (("duration_s",), -1),
        (("users",), "20"),
        (("summary", "ledger", "unknown"), -1),
        (("summary", "latency_us", "submit", "p99"), None),
        (("timeline", 0, "accepted"), -1),
        (("thresholds", 0, "broken"), "yes"),
    ],
)
def test_a_run_with_a_wrong_value_does_not_validate(validator: Any, path: tuple[str | int, ...], value: object) -> None:
    assert not validator.is_valid(json.loads(changed(path, value)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), 2),
        (("summary", "ledger", "failed"), 6),
        (("summary", "ledger", "deferred"), 5),
        (("summary", "ledger", "unknown"), 7),
        (("summary", "ledger", "sent"), 99),
        (("summary", "latency_us", "submit", "p50"), 2_000_000),
        (("summary", "latency_us", "submit", "count"), 0),
        (("summary", "accepted"), 99),
        (("summary", "errors_by_reply_code", "451"), 2),
        (("summary", "errors_by_kind", "final_dot: closed"), 4),
        (("timeline", 0, "accepted"), 49),
        (("target",), None),
    ],
)
def test_books_that_do_not_balance_are_not_read(path: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(ValueError, match="load run"):
        decode_load(changed(path, value))


def test_octets_that_are_no_json_are_not_read() -> None:
    with pytest.raises(ValueError, match="not a mailspec load run"):
        decode_load(b"\xff{")


def test_grades() -> None:
    assert load_exit(clean_load()) is LoadExit.WITHIN_THRESHOLDS
    assert load_exit(example_load()) is LoadExit.BROKEN
    assert load_exit(empty_load()) is LoadExit.NO_VERDICT


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
    ("latency_us", "text"), [(0, "0.000"), (1, "0.001"), (9_994, "9.99"), (12_345, "12.3"), (1_234_567, "1,235")]
)
def test_milliseconds_have_the_digits_that_were_measured(latency_us: int, text: str) -> None:
    assert milliseconds(latency_us) == text


def test_the_text_tells_outcomes_latencies_errors_and_the_verdict_last() -> None:
    text = render_load_text(example_load())
    for words in (
        "mailspec 1.2.3: load submit on smtp://127.0.0.1:2525",
        "28.6 messages/s   110 attempted: 100 accepted, 4 refused, 5 failed, 1 abandoned",
        "2 sent whole, and nobody knows whether they arrived",
        "3 × 550: 550 <script>alert(1)</script>␛[2J",
        "5 × final_dot: closed",
        "✗ fail if p99(submit) > 200ms: 1,234.567 ms",
        "✓ fail if failures > 50%: 7.27 %",
    ):
        assert words in text
    assert text.endswith("1 THRESHOLD BROKEN\np99(submit) > 200ms (1,234.567 ms).\n")
    assert HOSTILE[-4:] not in text  # a server's words must not steer the terminal


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
