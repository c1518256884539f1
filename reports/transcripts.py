"""A transcript as a reader wants it: events joined into turns, and the middle of a long one left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.records import Direction, Event

SAME_TURN_S = 0.05
"""Octets in one direction at most this far apart make up one turn. A longer pause is evidence and stays visible."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side sent at a stretch; `pieces` counts the writes or reads it was seen in."""

    at_s: float
    direction: Direction
    session: int
    octets: bytes
    pieces: int
    note: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The turns to show: `head`, then the count of those left out, then `tail`."""

    head: tuple[Turn, ...]
    left_out: int
    tail: tuple[Turn, ...]


def turns(events: Iterable[Event]) -> list[Turn]:
    """Join neighbouring events of one session and direction into turns, in the order of the events."""
    groups: list[list[Event]] = []
    for event in events:
        if groups and _continues(groups[-1][-1], event):
            groups[-1].append(event)
        else:
            groups.append([event])
    return [
        Turn(first.at_s, first.direction, first.session, b"".join(e.octets for e in group), len(group), first.note)
        for group in groups
        for first in group[:1]
    ]


def _continues(last: Event, event: Event) -> bool:
    return (
        event.direction is not Direction.NOTE
        and (last.direction, last.session) == (event.direction, event.session)
        and not (last.note or event.note)
        and event.at_s - last.at_s <= SAME_TURN_S
    )


def excerpt(all_turns: Sequence[Turn], *, head: int, tail: int) -> Excerpt:
    """The first `head` and last `tail` turns; the whole transcript when that leaves out nothing (or a single turn)."""
    left_out = len(all_turns) - head - tail
    if left_out <= 1:
        return Excerpt(tuple(all_turns), 0, ())
    return Excerpt(tuple(all_turns[:head]), left_out, tuple(all_turns[len(all_turns) - tail :]))


def several_sessions(events: Iterable[Event]) -> bool:
    """Whether session numbers tell anything; 0 marks a remark that belongs to no session."""
    return len({event.session for event in events} - {0}) > 1
