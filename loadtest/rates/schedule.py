"""Open schedules: when each operation of a run is due, whatever the server does.

A schedule is written as

    SCHEDULE = ["poisson"] PIECE *("then" PIECE)
    PIECE    = RATE ["for" TIME]
             | "ramp" RATE "to" RATE "over" TIME
             | "steps" RATE "to" RATE "by" RATE "every" TIME
             | "spike" RATE "to" RATE "at" TIME "for" TIME
    RATE     = a number, as in `50/s`, `0.5/s`, `120/min` or `3600/h`
    TIME     = a length of time, as in `500ms`, `10s`, `2m`, `1m30s` or `1h`

so `50/s`, `ramp 10/s to 200/s over 60s`, `steps 50/s to 500/s by 50/s every 10s`, `spike 50/s to 500/s at 30s for 5s`,
`poisson 50/s`, `100/s for 1m then ramp 100/s to 0/s over 30s`. What the last piece ends with goes on until the run
does. A ramp changes its rate evenly. A step that would go beyond the last rate goes to it. A spike has its first rate
before and after.

Arrivals are evenly spaced unless `poisson` says that they are independent of each other, as those of many people are:
then the gaps are exponential, drawn from the run's seed, and the rate is what they have on average at that moment.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_RATE = re.compile(rf"({_NUMBER})/(s|min|h)")
_TIME = re.compile(rf"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:({_NUMBER})s)?|({_NUMBER})ms")
_SECONDS_BY_UNIT = {"s": 1, "min": 60, "h": 3600}

HIGHEST_PER_S = 1_000_000
"""More than any generator in Python can begin; what is above is taken for a slip of the keyboard."""

MOST_STEPS = 10_000

_FORMS = (
    "write '50/s', 'ramp 10/s to 200/s over 60s', 'steps 50/s to 500/s by 50/s every 10s' or "
    "'spike 50/s to 500/s at 30s for 5s'; 'poisson' before it, 'then' between several"
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a schedule in which the rate changes evenly; `length_s` None is the last, which has no end."""

    first_per_s: Fraction
    last_per_s: Fraction
    length_s: Fraction | None

    @property
    def arrivals(self) -> Fraction:
        """How many arrivals it has, the part of one at its end included; of a stretch that ends."""
        assert self.length_s is not None
        return (self.first_per_s + self.last_per_s) / 2 * self.length_s


class Schedule:
    """When arrivals are due. Times are seconds since the run's start; arrivals are numbered from 0.

    The expected number of arrivals up to a time is the rate's integral, held as exact fractions at the ends of
    stretches: arrival k of an even schedule is due when it reaches k, so that nothing drifts, however long the run.
    """

    def __init__(self, text: str, stretches: tuple[Stretch, ...], *, poisson: bool) -> None:
        self.text = text
        self.stretches = stretches
        self.poisson = poisson
        self._begins: list[tuple[Fraction, Fraction, Stretch]] = []
        at_s = arrivals = Fraction(0)
        for stretch in stretches:
            self._begins.append((at_s, arrivals, stretch))
            if stretch.length_s is not None:
                at_s += stretch.length_s
                arrivals += stretch.arrivals

    def __str__(self) -> str:
        return self.text

    def after(self, lead_s: float) -> Schedule:
        """This schedule, begun so many seconds late and led up to at the rate that it begins with."""
        if not lead_s:
            return self
        lead = _level(self.stretches[0].first_per_s, Fraction(lead_s))
        return Schedule(self.text, (lead, *self.stretches), poisson=self.poisson)

    @property
    def shape_s(self) -> float:
        """From when on the rate no longer changes: as long as a run must be to show all of it; 0 if constant."""
        return float(self._begins[-1][0])

    @property
    def peak_per_s(self) -> float:
        """The highest rate."""
        return float(max(max(stretch.first_per_s, stretch.last_per_s) for stretch in self.stretches))

    def rate_per_s(self, at_s: float) -> float:
        """The rate at this time; where it jumps, the one after."""
        begins_s, _, stretch = max((b for b in self._begins if b[0] <= at_s), key=lambda b: b[0])
        if stretch.length_s is None:
            return float(stretch.first_per_s)
        share = (Fraction(at_s) - begins_s) / stretch.length_s
        return float(stretch.first_per_s + share * (stretch.last_per_s - stretch.first_per_s))

    def starts(self, *, seed: int = 0, index: int = 0, of: int = 1) -> Iterator[float]:
        """When the arrivals of process `index` out of so many are due, in order; without end unless the rate stays 0.

        Process i has arrivals i, i + of, i + 2 of, …: all processes together have each arrival of the schedule once.
        """
        if self.poisson:
            numbered = (mass for number, mass in enumerate(_exponential_sums(seed)) if number % of == index)
            return self._times(numbered)
        return self._times(count(index, of))

    def _times(self, masses: Iterator[int] | Iterator[float]) -> Iterator[float]:
        """For each of these numbers of arrivals, which ascend, when the rate's integral reaches it."""
        stretches = iter(self._begins)
        begins_s, before, stretch = next(stretches)
        origin_s, skipped, first, gain, end = _floats(begins_s, before, stretch)
        for mass in masses:
            # An arrival on the very edge belongs to what begins there, which is the same time unless the rate is 0.
            while mass >= end:
                following = next(stretches, None)
                if following is None:
                    return
                origin_s, skipped, first, gain, end = _floats(*following)
            due = mass - skipped
            if due <= 0:
                yield origin_s
            elif gain:
                # Solves first t + gain t² / 2 = due, in the form that loses no digits where either is small.
                yield origin_s + 2 * due / (first + math.sqrt(max(first * first + 2 * gain * due, 0.0)))
            else:
                yield origin_s + due / first


def _floats(begins_s: Fraction, before: Fraction, stretch: Stretch) -> tuple[float, float, float, float, float]:
    """A stretch for quick sums: begin, arrivals before it, first rate, change of rate per second, arrivals to its end.

    Each is the double nearest to the exact value, so whole numbers of arrivals are whole.
    """
    if stretch.length_s is None:
        end = math.inf if stretch.first_per_s else float(before)
        return float(begins_s), float(before), float(stretch.first_per_s), 0.0, end
    gain = (stretch.last_per_s - stretch.first_per_s) / stretch.length_s
    return float(begins_s), float(before), float(stretch.first_per_s), float(gain), float(before + stretch.arrivals)


def _exponential_sums(seed: int) -> Iterator[float]:
    rng = random.Random(f"arrivals/{seed}")  # noqa: S311 - gaps, no secrets
    total = 0.0
    while True:
        total -= math.log(1.0 - rng.random())
        yield total


def parse_schedule(text: str) -> Schedule:
    """Read a schedule in the form that this module's docstring gives.

    Raises:
        ValueError: it is none; the text says which part cannot be read and what there is.
    """
    words = text.split()
    clean = " ".join(words)
    poisson = words[:1] == ["poisson"]
    stretches: list[Stretch] = []
    pieces = _split(words[poisson:])
    for number, piece in enumerate(pieces):
        try:
            found = _piece(piece)
        except ValueError as error:
            raise ValueError(f"cannot read the schedule {text!r}: {error}") from None
        *_, last = found
        if number < len(pieces) - 1:
            if last.length_s is None and len(found) == 1:
                raise ValueError(
                    f"cannot read the schedule {text!r}: for how long is {' '.join(piece)!r}, before 'then'?"
                )
            found = found[:-1] if last.length_s is None else found
        stretches += found
    last = stretches[-1]
    if last.length_s is not None:
        stretches.append(Stretch(last.last_per_s, last.last_per_s, None))
    if not any(stretch.first_per_s or stretch.last_per_s for stretch in stretches):
        raise ValueError(f"the schedule {text!r} has no arrivals: its rate is always 0")
    return Schedule(clean, tuple(stretches), poisson=poisson)


def _split(words: list[str]) -> list[list[str]]:
    pieces: list[list[str]] = [[]]
    for word in words:
        if word == "then":
            pieces.append([])
        else:
            pieces[-1].append(word)
    return pieces


def _piece(words: list[str]) -> list[Stretch]:
    match words:
        case [rate]:
            return [_level(_rate(rate), None)]
        case [rate, "for", time]:
            return [_level(_rate(rate), _time(time))]
        case ["ramp", first, "to", last, "over", time]:
            return [Stretch(_rate(first), _rate(last), _time(time))]
        case ["steps", first, "to", last, "by", step, "every", time]:
            return _steps(_rate(first), _rate(last), _rate(step), _time(time))
        case ["spike", base, "to", peak, "at", begin, "for", time]:
            level = _rate(base)
            return [_level(level, _time(begin)), _level(_rate(peak), _time(time)), _level(level, None)]
        case _:
            raise ValueError(f"{' '.join(words)!r} is no part of one; {_FORMS}" if words else _FORMS)


def _steps(first: Fraction, last: Fraction, step: Fraction, length_s: Fraction) -> list[Stretch]:
    if not step:
        raise ValueError("steps of 0/s lead nowhere")
    steps = abs(last - first) / step
    if steps > MOST_STEPS:
        raise ValueError(f"more than {MOST_STEPS:,} steps")
    signed = step if last >= first else -step
    levels = [first + number * signed for number in range(math.ceil(steps))]
    return [_level(level, length_s) for level in (*levels, last)]


def _level(rate: Fraction, length_s: Fraction | None) -> Stretch:
    return Stretch(rate, rate, length_s)


def _rate(word: str) -> Fraction:
    match = _RATE.fullmatch(word)
    if match is None:
        raise ValueError(f"{word!r} is no rate: write 50/s, 120/min or 3600/h; {_FORMS}")
    rate = Fraction(match[1]) / _SECONDS_BY_UNIT[match[2]]
    if rate > HIGHEST_PER_S:
        raise ValueError(f"{word} is more than any generator makes; at most {HIGHEST_PER_S:,}/s")
    return rate


def _time(word: str) -> Fraction:
    match = _TIME.fullmatch(word)
    if match is None:
        raise ValueError(f"{word!r} is no length of time: write 500ms, 10s, 1m30s or 1h")
    hours, minutes, seconds, milliseconds = (Fraction(part or 0) for part in match.groups())
    time = 3600 * hours + 60 * minutes + seconds + milliseconds / 1000
    if not time:
        raise ValueError(f"{word!r} is no time at all")
    return time
