"""The report that fits the runs given, and what is written to a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.load import encode_load
from reports.records import decode_run, encode_run
from reports.rendering import render_records, render_runs
from reports.writing import write_report
from tests.reports.example_load import faster_load, full_load
from tests.reports.example_run import HELP_MISSING, example_run
from tests.reports.golden import clean_run, later_run


def test_one_run_gets_its_report() -> None:
    text, page = render_runs([example_run()], run_file="a.json")
    assert "VIOLATES 3 MUST RULES" in text
    assert "mailspec replay a.json" in text
    assert "<h1>Violates 3 MUST rules</h1>" in page


def test_one_run_with_a_baseline_is_compared() -> None:
    text, page = render_runs([later_run()], baseline=example_run())
    assert "Newly violated (1)" in text
    assert "<h1>1 new violation</h1>" in page


def test_several_runs_stand_side_by_side_the_baseline_first() -> None:
    text, page = render_runs([later_run(), clean_run()], baseline=example_run())
    assert "  1. mx.example.test (2026-03-01T09:30:00Z)" in text
    assert "<h1>3 runs side by side</h1>" in page
    assert "<h1>2 runs side by side</h1>" in render_runs([later_run(), clean_run()])[1]


def test_no_run_makes_no_report() -> None:
    with pytest.raises(ValueError, match="no run"):
        render_runs([])


def test_strict_reaches_the_headline() -> None:
    run = example_run(results=(*clean_run().results, HELP_MISSING))
    assert "VIOLATES 1 SHOULD RULE" in render_runs([run], strict=True)[0]


def test_the_folder_holds_the_record_the_page_and_the_text_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    for _ in range(2):
        assert write_report(example_run(), folder) == folder / "index.html"
    assert {path.name for path in folder.iterdir()} == {"run.json", "index.html", "report.txt"}
    assert decode_run((folder / "run.json").read_bytes()) == example_run()
    assert (folder / "index.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_failed_write_leaves_the_former_file_and_no_rubbish(tmp_path: Path) -> None:
    write_report(example_run(), tmp_path)
    former = (tmp_path / "index.html").read_bytes()
    (tmp_path / "report.txt").unlink()
    (tmp_path / "report.txt").mkdir()
    with pytest.raises(OSError, match=r"report\.txt"):
        write_report(clean_run(), tmp_path)
    assert (tmp_path / "index.html").read_bytes() == former
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "index.html", "report.txt"}


def test_records_of_either_kind_find_their_report() -> None:
    run, load = encode_run(example_run()), encode_load(full_load())
    assert render_records([run])[0] == render_runs([example_run()])[0]
    assert "Newly violated (1)" in render_records([encode_run(later_run())], baseline=run)[0]
    text, page = render_records([load])
    assert text.endswith("3 THRESHOLDS BROKEN\nlost > 0 (3); doubled > 0 (1); damaged > 0 (2).\n")
    # What the scenario does is in the record, so that the page is the one that the run itself wrote.
    assert "hand in messages of 4,096 octets" in page


def test_two_load_runs_are_compared_the_baseline_first() -> None:
    before, after = encode_load(full_load()), encode_load(faster_load())
    text, page = render_records([before, after])
    assert text.endswith("2 FIGURES WORSE, 13 BETTER\nThe runs did not ask the same of the server.\n")
    assert "<h1>2 figures worse, 13 better</h1>" in page
    assert render_records([after], baseline=before)[0] == text


@pytest.mark.parametrize(
    ("records", "baseline", "words"),
    [
        ([encode_run(example_run()), encode_load(full_load())], None, "only one kind"),
        ([encode_run(example_run())], encode_load(full_load()), "only one kind"),
        ([encode_load(full_load())] * 3, None, "two at a time"),
        ([encode_load(full_load()).replace(b'"schema_version": 2', b'"schema_version": 1')], None, "schema 1"),
        ([b"{"], None, "not a mailspec run"),
        ([], None, "no run"),
    ],
    ids=["mixed", "mixed baseline", "three", "old", "no JSON", "none"],
)
def test_records_that_do_not_go_together_are_not_reported(
    records: list[bytes], baseline: bytes | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        render_records(records, baseline=baseline)
