"""Run records refuse what they cannot mean."""

from __future__ import annotations

import pytest

from reports.records import CoverageRow, Level, decode_run, encode_run
from tests.reports.example_run import example_run


def test_a_coverage_row_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ValueError, match="does not add up"):
        CoverageRow(rfc="rfc5321", level=Level.MUST, sentences=3, checked=1, unobservable=1, open=0)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"schema_version": "one"}'])
def test_what_is_no_run_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a mailspec run"):
        decode_run(data)


def test_a_run_of_another_schema_is_refused_by_number() -> None:
    data = encode_run(example_run()).replace(b'"schema_version": 1', b'"schema_version": 99')
    with pytest.raises(ValueError, match="schema 99"):
        decode_run(data)


def test_a_coverage_row_in_a_file_must_add_up_too() -> None:
    data = encode_run(example_run()).replace(b'"sentences": 180', b'"sentences": 181')
    with pytest.raises(ValueError, match="does not add up"):
        decode_run(data)
