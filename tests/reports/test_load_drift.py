"""What a reader is told of drift."""

from __future__ import annotations

import msgspec
import pytest

from reports.load import LoadResult, decode_load, encode_load
from reports.load_drift import Drift, Stretch, Trend
from reports.load_html import render_load_html
from reports.load_text import render_load_text
from reports.load_wording import drift_words, remarks
from tests.reports.example_load import clean_load

FIRST = Stretch(at_s=1, length_s=12, operations=200, troubles=2, p50_us=1_000, p99_us=9_000)
LAST = Stretch(at_s=109, length_s=12, operations=200, troubles=20, p50_us=2_500, p99_us=9_100)


def drifted(p50: Trend = "steady", p99: Trend = "steady", errors: Trend = "steady", *, last: Stretch = LAST) -> Drift:
    return Drift(first=FIRST, last=last, p50=p50, p99=p99, errors=errors)


def result_with(drift: Drift | None) -> LoadResult:
    result = clean_load()
    return msgspec.structs.replace(result, summary=msgspec.structs.replace(result.summary, drift=drift))


@pytest.mark.parametrize(
    ("drift", "words"),
    [
        (
            drifted("rose", "steady", "rose"),
            "Drift between 1 s to 13 s and 109 s to 121 s: p50 rose from 1.00 to 2.50 ms (2.5 times), p99 within "
            "chance (9.00 and 9.10 ms), errors rose from 1 to 10 %.",
        ),
        (
            drifted(),
            "No drift between 1 s to 13 s and 109 s to 121 s: p50 within chance (1.00 and 2.50 ms), p99 within chance "
            "(9.00 and 9.10 ms), errors within chance (1 and 10 %).",
        ),
        (
            drifted("unknown", "unknown", "rose"),
            "Drift between 1 s to 13 s and 109 s to 121 s: p50 not known, p99 not known, errors rose from 1 to 10 %.",
        ),
    ],
)
def test_the_parts_their_figures_and_what_became_of_them_are_told(drift: Drift, words: str) -> None:
    assert drift_words(drift) == words


def test_the_text_and_the_page_have_it_among_the_remarks() -> None:
    result = result_with(drifted("rose", "rose"))
    words = drift_words(drifted("rose", "rose"))
    assert remarks(result).count(words) == 1
    assert words in " ".join(render_load_text(result).split())
    assert words in " ".join(render_load_html(result).split())
    assert decode_load(encode_load(result)) == result


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert not any("rift" in remark for remark in remarks(result_with(None)))


def test_a_drift_fails_no_run_by_itself() -> None:
    steady, worse = (render_load_text(result_with(drift)).splitlines()[-1] for drift in (None, drifted("rose", "rose")))
    assert steady == worse
