"""The published schema and the records say the same."""

from __future__ import annotations

import importlib
import json
from typing import Any

import msgspec
import pytest

from reports.records import CheckResult, RunResult, decode_run, encode_run
from reports.schema import PUBLISHED, run_schema, schema_file
from tests.reports.example_run import example_run

jsonschema: Any = importlib.import_module("jsonschema")  # has no types of its own


@pytest.fixture
def validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_bytes()))


def test_the_published_file_is_what_the_records_generate() -> None:
    assert PUBLISHED.read_bytes() == schema_file(), "write it anew: python -m reports.schema"


def test_the_schema_is_a_valid_schema_of_its_dialect() -> None:
    jsonschema.Draft202012Validator.check_schema(run_schema())


def test_an_example_run_validates_and_reads_back_the_same(validator: Any) -> None:
    data = encode_run(example_run())
    validator.validate(json.loads(data))
    assert decode_run(data) == example_run()


def test_every_field_of_the_records_is_in_the_schema() -> None:
    for record in (RunResult, CheckResult):
        properties = run_schema()["$defs"][record.__name__]["properties"]
        assert set(properties) == {field.encode_name for field in msgspec.structs.fields(record)}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), 2),
        (("target", "urls"), "smtp://127.0.0.1"),
        (("duration_s",), -1),
        (("results", 0, "verdict"), "passed"),
        (("results", 0, "level"), "must"),
        (("results", 2, "transcript", 0, "session"), -1),
        (("results", 2, "transcript", 0, "direction"), "client"),
        (("coverage", 0, "open"), -1),
    ],
)
def test_a_run_with_a_wrong_value_does_not_validate(validator: Any, path: tuple[str | int, ...], value: object) -> None:
    data = json.loads(encode_run(example_run()))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert [error.absolute_path for error in validator.iter_errors(data)] != []


def test_a_run_without_a_target_does_not_validate(validator: Any) -> None:
    data = json.loads(encode_run(example_run()))
    del data["target"]
    assert not validator.is_valid(data)
