"""`conformance.progress`: what a person sees while checks run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from conformance.progress import ProgressDisplay
from reports.records import CheckResult, Level, Verdict


def result(verdict: Verdict, *, check: str = "smtp/noop/answers", reason: str = "") -> CheckResult:
    return CheckResult(
        check=check, title="T.", requirements=("rfc5321/4.2/1",), rules={}, level=Level.MUST, verdict=verdict,
        reason=reason, duration_s=0.25,
    )  # fmt: skip


def shown(*results: CheckResult, terminal: bool) -> str:
    said = io.StringIO()
    console = Console(file=said, force_terminal=terminal, width=100, highlight=False, color_system=None)
    with ProgressDisplay(console) as progress:
        progress.start(len(results))
        for one in results:
            progress.show(one)
    return said.getvalue()


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_log_has_a_line_for_every_check(verdict: Verdict) -> None:
    lines = shown(result(verdict, reason="because"), result(Verdict.SATISFIED), terminal=False).splitlines()
    assert len(lines) == 2
    assert lines[0].split()[0] == "1/2"
    assert "smtp/noop/answers" in lines[0]
    assert lines[0].endswith("0.25 s  because")


def test_a_terminal_has_a_line_for_what_is_wrong_alone() -> None:
    results = [
        result(Verdict.SATISFIED, check="smtp/a/good"),
        result(Verdict.NOT_APPLICABLE, check="smtp/a/absent"),
        result(Verdict.VIOLATED, check="smtp/a/bad"),
        result(Verdict.INCONCLUSIVE, check="smtp/a/unknown", reason="why"),
    ]
    lines = [line.replace("\x1b[2K", "").strip() for line in shown(*results, terminal=True).splitlines()]
    assert "VIOLATED    smtp/a/bad" in lines
    assert "no verdict  smtp/a/unknown  why" in lines
    assert not [line for line in lines if line.startswith(("ok", "n/a"))]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_servers_words_steer_no_terminal(terminal: bool) -> None:
    words = "\x1b]0;title\x07[bold]\x1b[2J\u202e"
    said = shown(result(Verdict.INCONCLUSIVE, reason=words), terminal=terminal)
    assert "\x1b]0" not in said
    assert "\x1b[2J" not in said
    assert "\u202e" not in said
    assert "[bold]" in said


def test_a_long_id_fits_its_column() -> None:
    said = shown(result(Verdict.SATISFIED, check="smtp/topic/" + "x" * 80), terminal=True)
    assert "…" in said
