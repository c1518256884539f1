"""The text reports, letter by letter."""

from __future__ import annotations

import msgspec
import pytest

from reports.records import CoverageRow, Level, Verdict
from reports.terminal import MIN_WIDTH, columns, render_coverage, render_text
from tests.reports.example_run import COVERAGE, DOT_KEPT, example_run, sent, without_verdict
from tests.reports.golden import FILES, TEXTS


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_the_text_is_the_golden_one(name: str) -> None:
    golden = FILES.joinpath(name).read_text(encoding="utf-8")
    assert TEXTS[name]() == golden, "if the change is meant: python -m tests.reports.golden"


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in FILES.iterdir()} == set(TEXTS)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_no_text_can_steer_the_terminal(name: str) -> None:
    assert all(char.isprintable() or char == "\n" for char in TEXTS[name]())


@pytest.mark.parametrize("width", [0, MIN_WIDTH, 60, 100, 200])
def test_lines_keep_to_the_width_except_for_ids_and_commands(width: int) -> None:
    for line in render_text(example_run(), width=width).splitlines():
        if "violated:" not in line and "   replay" not in line:
            # Beside the time, a turn always gets twenty columns of text.
            assert len(line) <= max(width, MIN_WIDTH + 1) or len(line.split()[-1]) > 20


def test_the_verdict_comes_last() -> None:
    assert "VIOLATES 3 MUST RULES" in render_text(example_run()).splitlines()[-3:]


def test_the_end_of_a_long_transcript_is_shown() -> None:
    events = tuple(sent(float(n), b"NOOP %d\r\n" % n) for n in range(50))
    text = render_text(example_run(results=(msgspec.structs.replace(DOT_KEPT, transcript=events),)))
    assert "transcript, last 8 of 50 turns" in text
    assert "NOOP 49" in text
    assert "NOOP 41" not in text


def test_a_requirement_without_a_rule_is_still_cited() -> None:
    text = render_text(example_run(results=(msgspec.structs.replace(DOT_KEPT, rules={}),)))
    assert "see      RFC 5321 §4.5.2" in text


def test_many_checks_of_one_reason_are_counted_and_not_all_listed() -> None:
    results = tuple(without_verdict(f"pop3/uidl/number_{n}", Verdict.NOT_APPLICABLE, "no UIDL") for n in range(9))
    text = " ".join(render_text(example_run(results=results)).split())
    assert "no UIDL: pop3/uidl/number_0, pop3/uidl/number_1, pop3/uidl/number_2 and 6 more" in text


def test_no_coverage_says_so() -> None:
    assert render_coverage([]) == "no coverage recorded\n"


def test_bars_of_one_table_have_one_length_and_do_not_round_open_sentences_away() -> None:
    rows = [*COVERAGE, CoverageRow(rfc="rfc2595", level=Level.MUST, sentences=999, checked=998, unobservable=0, open=1)]
    bars = [line.split()[-1] for line in render_coverage(rows, width=80).splitlines()[1:]]
    assert len({len(bar) for bar in bars}) == 1
    assert any(bar.endswith("#.") for bar in bars)


def test_columns_align() -> None:
    assert columns([["a", "1"], ["bbb", "22"]]) == ["a     1", "bbb  22"]
