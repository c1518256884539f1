"""Texts that are compared letter by letter with files; `python -m tests.reports.golden` writes the files anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from reports.load_comparison import compare_loads, render_load_comparison_text
from reports.load_text import render_load_text
from reports.matrix import compare, matrix, render_comparison_text, render_matrix_text
from reports.records import RunResult, Verdict
from reports.terminal import render_coverage, render_text
from tests.reports.example_load import example_load, faster_load, full_load
from tests.reports.example_run import (
    COVERAGE,
    DOT_KEPT,
    EIGHT_BIT_CUT,
    HELP_MISSING,
    KNOWN,
    RESULTS,
    example_run,
    satisfied,
    without_verdict,
)

FILES = Path(__file__).with_name("golden")


def later_run() -> RunResult:
    """The example's server a month on: one rule mended, one newly broken, two no longer judged, one check new."""
    replaced = {
        DOT_KEPT.check: msgspec.structs.replace(DOT_KEPT, verdict=Verdict.SATISFIED, transcript=()),
        EIGHT_BIT_CUT.check: msgspec.structs.replace(EIGHT_BIT_CUT, verdict=Verdict.INCONCLUSIVE, reason="refused"),
        "smtp/rset/discards_the_pending_transaction": msgspec.structs.replace(
            RESULTS[0], verdict=Verdict.VIOLATED, expected="503", got="250 2.1.5 ok"
        ),
        "pop3/apop/accepts_a_digest": without_verdict("pop3/apop/accepts_a_digest", Verdict.INCONCLUSIVE, "refused"),
    }
    gone = HELP_MISSING.check
    results = tuple(replaced.get(result.check, result) for result in RESULTS if result.check != gone)
    new = satisfied("smtp/vrfy/is_answered", "VRFY is answered.", "rfc5321/3.5.1/1")
    return msgspec.structs.replace(example_run(results=(*results, new)), started_at="2026-04-01T09:30:00Z")


def clean_run() -> RunResult:
    """A run with nothing to say."""
    return example_run(results=tuple(r for r in RESULTS if r.verdict is Verdict.SATISFIED), name="clean.example.test")


TEXTS: dict[str, Callable[[], str]] = {
    "run.txt": lambda: render_text(example_run()),
    "run_narrow.txt": lambda: render_text(example_run(), width=60, strict=True, run_file="a run.json"),
    "run_clean.txt": lambda: render_text(clean_run()),
    "run_should_only.txt": lambda: render_text(example_run(results=(*clean_run().results, HELP_MISSING))),
    "run_known.txt": lambda: render_text(
        example_run(
            results=(
                *clean_run().results,
                KNOWN,
                msgspec.structs.replace(KNOWN, verdict=Verdict.SATISFIED, check="pop3/top/other"),
            )
        )
    ),
    "coverage.txt": lambda: render_coverage(COVERAGE),
    "matrix.txt": lambda: render_matrix_text(matrix([example_run(), later_run(), clean_run()])),
    "load.txt": lambda: render_load_text(full_load()),
    "load_closed.txt": lambda: render_load_text(example_load()),
    "load_comparison.txt": lambda: render_load_comparison_text(compare_loads(full_load(), faster_load())),
    "comparison.txt": lambda: render_comparison_text(compare(example_run(), later_run())),
}


def write() -> None:
    """Write every file as the code renders it now; review the difference before it is committed."""
    FILES.mkdir(exist_ok=True)
    for name, render in TEXTS.items():
        FILES.joinpath(name).write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    write()
