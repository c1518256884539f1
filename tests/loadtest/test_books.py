"""The books balance, and tell what happened second by second."""

from __future__ import annotations

import pytest

from loadtest.books import Books


def books() -> Books:
    """Four messages: accepted, refused for now, failed in doubt, and one still in flight."""
    kept = Books(began=100.0)
    for _ in range(4):
        kept.begin()
    kept.latency("submit", 0.0015)
    kept.accept(octets=500, submit_s=0.0015, now=100.2)
    kept.refuse(code="451", text="451 later", sent=True, now=102.5)
    kept.fail(phase="final_dot", kind="closed", sent=True, now=102.6)
    return kept


def test_every_message_has_one_outcome() -> None:
    ledger = books().summary(duration_s=4.0).ledger
    assert (ledger.attempted, ledger.accepted, ledger.refused, ledger.failed, ledger.abandoned) == (4, 1, 1, 1, 1)
    assert (ledger.sent, ledger.deferred, ledger.unknown) == (3, 1, 1)


def test_a_message_without_its_final_reply_is_never_accepted() -> None:
    kept = Books()
    kept.begin()
    kept.leave_in_doubt()
    summary = kept.summary(duration_s=1.0)
    assert summary.accepted == 0
    assert (summary.ledger.abandoned, summary.ledger.sent, summary.ledger.unknown) == (1, 1, 1)


def test_errors_are_counted_by_code_and_by_kind_with_the_first_text_of_each_code() -> None:
    kept = books()
    kept.begin()
    kept.refuse(code="451", text="451 other words", sent=False, now=102.7)
    kept.remark(phase="quit", kind="closed")
    summary = kept.summary(duration_s=4.0)
    assert summary.errors_by_reply_code == {"451": 2}
    assert summary.reply_texts == {"451": "451 later"}
    assert summary.errors_by_kind == {"final_dot: closed": 1, "quit: closed": 1}
    assert summary.ledger.failed == 1  # the farewell cost no message


def test_rate_and_octets_count_accepted_messages_alone() -> None:
    summary = books().summary(duration_s=4.0)
    assert summary.messages_per_s == 0.25
    assert summary.octets == 500
    assert Books().summary(duration_s=0.0).messages_per_s == 0.0


def test_the_timeline_has_a_row_for_every_second_also_where_nothing_happened() -> None:
    rows = books().timeline(now=103.1)
    assert [(row.at_s, row.done, row.refused, row.failed) for row in rows] == [
        (0, 1, 0, 0),
        (1, 0, 0, 0),
        (2, 0, 1, 1),
        (3, 0, 0, 0),
    ]
    assert (rows[0].p50_us, rows[0].p99_us, rows[0].max_us, rows[0].octets) == (
        1500,
        1500,
        1500,
        500,
    )


def test_a_seconds_percentiles_are_nearest_rank() -> None:
    kept = Books()
    for milliseconds in range(100, 0, -1):
        kept.begin()
        kept.accept(octets=1, submit_s=milliseconds / 1000, now=0.5)
    (row,) = kept.timeline(now=0.9)
    assert row.p50_us == pytest.approx(50_000, abs=1)
    assert row.p99_us == pytest.approx(99_000, abs=1)
    assert row.max_us == pytest.approx(100_000, abs=1)


def test_only_phases_that_were_timed_have_figures() -> None:
    kept = books()
    assert set(kept.summary(duration_s=1.0).latency_us) == {"submit"} == set(kept.encoded_histograms())
    assert kept.summary(duration_s=1.0).latency_us["submit"].max == 1500
