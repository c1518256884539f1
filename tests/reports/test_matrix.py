"""Runs side by side, and against a baseline."""

from __future__ import annotations

import msgspec
import pytest

from reports.matrix import (
    compare,
    matrix,
    render_comparison_html,
    render_comparison_text,
    render_matrix_html,
    sign,
    worst_by_check,
)
from reports.records import Verdict
from tests.reports.example_run import DOT_KEPT, HELP_MISSING, HOSTILE, RESULTS, example_run
from tests.reports.golden import clean_run, later_run
from tests.reports.page import Page, assert_harmless


def test_only_rows_that_differ_or_are_violated_are_kept() -> None:
    table = matrix([example_run(), later_run(), clean_run()])
    assert all(Verdict.VIOLATED in row.verdicts or len(set(row.verdicts) - {None}) > 1 for row in table.rows)
    assert len(table.rows) + table.alike == len(RESULTS) + 1


def test_must_rows_come_first() -> None:
    levels = [row.level.value for row in matrix([example_run()]).rows]
    assert levels == ["MUST", "MUST", "MUST", "SHOULD"]


def test_runs_of_one_name_are_told_apart() -> None:
    assert len(set(matrix([example_run(), later_run()]).names)) == 2
    assert len(set(matrix([example_run(), example_run()]).names)) == 2
    assert matrix([example_run(), clean_run()]).names == ("mx.example.test", "clean.example.test")


def test_no_runs_make_no_matrix() -> None:
    with pytest.raises(ValueError, match="at least one"):
        matrix([])


def test_the_worst_of_several_results_stands_for_a_check() -> None:
    results = [msgspec.structs.replace(DOT_KEPT, verdict=v) for v in (Verdict.SATISFIED, Verdict.VIOLATED)]
    for order in (results, results[::-1]):
        assert worst_by_check(order)[DOT_KEPT.check].verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("was", "now", "group"),
    [
        (Verdict.SATISFIED, Verdict.VIOLATED, "newly_violated"),
        (Verdict.INCONCLUSIVE, Verdict.VIOLATED, "newly_violated"),
        (None, Verdict.VIOLATED, "newly_violated"),
        (Verdict.VIOLATED, Verdict.VIOLATED, "still_violated"),
        (Verdict.VIOLATED, Verdict.SATISFIED, "mended"),
        (Verdict.VIOLATED, Verdict.INCONCLUSIVE, "no_longer_judged"),
        (Verdict.VIOLATED, Verdict.NOT_APPLICABLE, "no_longer_judged"),
        (Verdict.VIOLATED, None, "no_longer_judged"),
    ],
)
def test_each_change_has_its_group_and_only_satisfied_is_mended(
    was: Verdict | None, now: Verdict | None, group: str
) -> None:
    before, after = (
        example_run(results=() if verdict is None else (msgspec.structs.replace(DOT_KEPT, verdict=verdict),))
        for verdict in (was, now)
    )
    change = compare(before, after)
    groups = {
        name: getattr(change, name) for name in ("newly_violated", "still_violated", "mended", "no_longer_judged")
    }
    assert {name for name, results in groups.items() if results} == {group}
    assert (change.unchanged, change.other_changes) == (0, 0)


def test_a_run_compared_with_itself_has_nothing_new() -> None:
    change = compare(example_run(), example_run())
    assert (change.newly_violated, change.mended, change.no_longer_judged, change.other_changes) == ((), (), (), 0)
    assert len(change.still_violated) + change.unchanged == len(RESULTS)
    assert "Newly violated (0)\n  none" in render_comparison_text(change)


def test_a_change_without_violation_is_counted_as_other() -> None:
    before = example_run(results=(msgspec.structs.replace(HELP_MISSING, verdict=Verdict.SATISFIED),))
    after = example_run(results=(msgspec.structs.replace(HELP_MISSING, verdict=Verdict.INCONCLUSIVE),))
    assert compare(before, after).other_changes == 1


def test_a_check_that_the_run_lacks_has_a_sign_of_its_own() -> None:
    assert sign(None) not in {sign(verdict) for verdict in Verdict}


@pytest.mark.parametrize("hostile", [False, True])
def test_both_pages_are_as_safe_as_the_report(*, hostile: bool) -> None:
    evil = HOSTILE.decode()
    run = example_run(results=tuple(msgspec.structs.replace(r, title=evil, check=r.check + evil) for r in RESULTS))
    before = example_run(name=evil) if hostile else example_run()
    after = run if hostile else later_run()
    for text in (render_matrix_html(matrix([before, after])), render_comparison_html(compare(before, after))):
        page = Page(text)
        assert_harmless(page)
        assert page.tags.count("h1") == 1


def test_the_comparison_page_says_what_is_new_and_what_is_gone() -> None:
    text = Page(render_comparison_html(compare(example_run(), later_run()))).text
    assert "1 new violation" in text
    assert "not in the run" in text
    assert "No new violation" in Page(render_comparison_html(compare(example_run(), example_run()))).text
    assert "the runs agree" in Page(render_matrix_html(matrix([clean_run()]))).text
