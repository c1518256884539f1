"""Transcripts are joined and cut without hiding evidence."""

from __future__ import annotations

from reports.records import Direction
from reports.transcripts import excerpt, several_sessions, turns
from tests.reports.example_run import received, remark, sent


def test_octets_written_one_by_one_are_shown_as_one_turn_with_the_count() -> None:
    (turn,) = turns([sent(n / 1000, b"NOOP\r\n"[n : n + 1]) for n in range(6)])
    assert (turn.octets, turn.pieces, turn.at_s) == (b"NOOP\r\n", 6, 0.0)


def test_a_pause_within_a_reply_stays_visible() -> None:
    assert [turn.at_s for turn in turns([received(0.0, b"250-a\r\n"), received(3.0, b"250 b\r\n")])] == [0.0, 3.0]


def test_sessions_directions_and_notes_are_kept_apart() -> None:
    events = [sent(0, b"a"), sent(0, b"b", session=2), received(0, b"c"), remark(0, "n"), remark(0, "m"), sent(0, b"d")]
    assert [(t.session, t.octets, t.note) for t in turns(events)] == [
        (1, b"a", ""),
        (2, b"b", ""),
        (1, b"c", ""),
        (1, b"", "n"),
        (1, b"", "m"),
        (1, b"d", ""),
    ]
    assert turns(events)[3].direction is Direction.NOTE


def test_an_excerpt_says_how_many_turns_it_leaves_out() -> None:
    many = turns([remark(0, str(n)) for n in range(20)])
    shown = excerpt(many, head=2, tail=3)
    assert ([t.note for t in shown.head], shown.left_out) == (["0", "1"], 15)
    assert [t.note for t in shown.tail] == ["17", "18", "19"]


def test_a_gap_of_a_single_turn_is_not_worth_leaving_out() -> None:
    many = turns([remark(0, str(n)) for n in range(6)])
    assert excerpt(many, head=2, tail=3).head == tuple(many)
    assert excerpt(many, head=2, tail=3).left_out == 0
    assert [t.note for t in excerpt(many, head=0, tail=3).tail] == ["3", "4", "5"]


def test_a_remark_outside_all_sessions_makes_no_second_session() -> None:
    assert not several_sessions([sent(0, b"a"), remark(0, "n", session=0)])
    assert several_sessions([sent(0, b"a"), sent(0, b"b", session=2)])
