"""The record of who sent what when, which is a finding's evidence."""

from __future__ import annotations

from reports.records import Direction, Event

MOST_OCTETS = 1 << 20
"""What one transcript keeps at the most; a peer that floods must not fill the judge's memory."""


class Transcript:
    """Events of all connections of one example, in the order in which the judge saw them.

    Neighbouring pieces of one direction on one connection are joined, so that cutting the stream otherwise does
    not change the transcript.
    """

    def __init__(self, *, most_octets: int = MOST_OCTETS) -> None:
        self._events: list[Event] = []
        self._room = most_octets
        self.sessions = 0

    def open_session(self) -> int:
        """Number of a new connection, from 1."""
        self.sessions += 1
        return self.sessions

    def add(self, direction: Direction, octets: bytes, *, at_s: float, session: int, starts_anew: bool = False) -> None:
        """Record octets; past the limit only their number is kept. What `starts_anew` is not joined to what was before:
        that it came in a segment of its own is the point.
        """
        if self._room <= 0:
            return
        if len(octets) > self._room:
            kept, left = octets[: self._room], len(octets) - self._room
            self._room = 0
            self._join(direction, kept, at_s, session, starts_anew=starts_anew)
            self.note(f"{left} further octets and all that followed were not recorded", at_s=at_s, session=session)
            return
        self._room -= len(octets)
        self._join(direction, octets, at_s, session, starts_anew=starts_anew)

    def _join(self, direction: Direction, octets: bytes, at_s: float, session: int, *, starts_anew: bool) -> None:
        last = self._events[-1] if self._events else None
        if not starts_anew and last is not None and (last.direction, last.session) == (direction, session):
            self._events[-1] = Event(at_s=last.at_s, direction=direction, octets=last.octets + octets, session=session)
        else:
            self._events.append(Event(at_s=at_s, direction=direction, octets=octets, session=session))

    def note(self, text: str, *, at_s: float, session: int) -> None:
        """Record something that crosses no wire, such as the start of TLS."""
        self._events.append(Event(at_s=at_s, direction=Direction.NOTE, note=text, session=session))

    @property
    def events(self) -> tuple[Event, ...]:
        """All events so far."""
        return tuple(self._events)
