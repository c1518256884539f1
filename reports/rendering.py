"""Which report fits: one run by itself, several side by side, or one against its baseline; as text and as a page.

A conformance run and a load run are told apart by their records; they answer different questions and never share a
report.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reports.html import render_html
from reports.load import LoadResult, decode_load
from reports.load_comparison import compare_loads, render_load_comparison_html, render_load_comparison_text
from reports.load_html import render_load_html
from reports.load_text import render_load_text
from reports.matrix import (
    compare,
    matrix,
    render_comparison_html,
    render_comparison_text,
    render_matrix_html,
    render_matrix_text,
)
from reports.records import RunResult, decode_run
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


def render_records(
    records: Sequence[bytes], *, baseline: bytes | None = None, run_file: str = "run.json"
) -> tuple[str, str]:
    """Text and HTML page of recorded runs, conformance or load, as they were written.

    Raises:
        ValueError: there are none, they cannot be read, or are of both kinds, or more than two are of load.
    """
    given = [*([] if baseline is None else [baseline]), *records]
    loads = [_is_load(record) for record in given]
    if any(loads) and not all(loads):
        raise ValueError("conformance runs and load runs answer different questions: give only one kind")
    if any(loads):
        return render_loads([decode_load(record) for record in given])
    before = None if baseline is None else decode_run(baseline)
    return render_runs([decode_run(record) for record in records], baseline=before, run_file=run_file)


def render_loads(runs: Sequence[LoadResult]) -> tuple[str, str]:
    """Text and HTML page of one load run, or of two laid over each other.

    Raises:
        ValueError: there are more than two, or none.
    """
    if len(runs) == 1:
        return render_load_text(runs[0]), render_load_html(runs[0])
    if len(runs) != 2:
        raise ValueError("load runs are compared two at a time")
    change = compare_loads(runs[0], runs[1])
    return render_load_comparison_text(change), render_load_comparison_html(change)


class _Kind(msgspec.Struct):
    """What only the record of a load run has."""

    scenario: str | None = None
    summary: dict[str, object] | None = None


def _is_load(record: bytes) -> bool:
    try:
        kind = msgspec.json.decode(record, type=_Kind)
    except msgspec.MsgspecError:
        # Whoever decodes it says what is wrong with it.
        return False
    return kind.scenario is not None and kind.summary is not None
