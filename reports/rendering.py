"""Which report fits: one run by itself, several side by side, or one against its baseline; as text and as a page."""

from __future__ import annotations

from collections.abc import Sequence

from reports.html import render_html
from reports.matrix import (
    compare,
    matrix,
    render_comparison_html,
    render_comparison_text,
    render_matrix_html,
    render_matrix_text,
)
from reports.records import RunResult
from reports.terminal import render_text


def render_runs(
    runs: Sequence[RunResult], *, baseline: RunResult | None = None, strict: bool = False, run_file: str = "run.json"
) -> tuple[str, str]:
    """Text and HTML page of these runs. A baseline with several runs becomes the first column of their matrix.

    Raises:
        ValueError: there are no runs.
    """
    if baseline is not None and len(runs) == 1:
        change = compare(baseline, runs[0])
        return render_comparison_text(change), render_comparison_html(change)
    if baseline is None and len(runs) == 1:
        text = render_text(runs[0], strict=strict, run_file=run_file)
        return text, render_html(runs[0], strict=strict, run_file=run_file)
    if not runs:
        raise ValueError("there is no run to report on")
    table = matrix([*([baseline] if baseline else []), *runs], strict=strict)
    return render_matrix_text(table), render_matrix_html(table)
