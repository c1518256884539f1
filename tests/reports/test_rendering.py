"""The report that fits the runs given, and what is written to a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.records import decode_run
from reports.rendering import render_runs
from reports.writing import write_report
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
