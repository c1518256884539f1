"""A share of the replies under load, held against the judge's grammars: is a server that is pressed still correct?

Whoever reads replies asks `sample` for each (or for several at once), which costs a subtraction, and hands over the
octets of those that are due. The grammars are those of the conformance checks; here nothing is said about MUST and
SHOULD, only which kinds of deviation there were, how many, and when each first showed.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log, log1p
from typing import Any

from conformance.wire import pop3, smtp
from conformance.wire.errors import FloodError
from reports.load import Interval, JudgedDeviation, Judgement

JUDGED_OCTETS = 256 * 1024
"""Octets of the longest reply that is judged: a longer one would keep every user waiting."""

EXAMPLE_OCTETS = 2048
"""Octets kept of the first reply with each kind of deviation."""


@dataclass(slots=True)
class _Seen:
    count: int
    first_at_s: float
    example: bytes


class ReplyJudge:
    """The judge of one process. `share` (above 0, up to 1) of the replies are sampled, at random and repeatably.

    Gaps between samples are drawn, not counted: every hundredth reply could always be the reply to DATA.
    """

    __slots__ = ("_clock", "_left", "_rng", "_scale", "_seen", "began", "replies", "sampled", "share")

    def __init__(
        self, share: float, *, seed: int = 0, began: float = 0.0, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"a share of {share}; use one above 0 and up to 1")
        # Reads its compiled grammar, which would otherwise keep the first sampled reply of a run waiting.
        from conformance.wire.imap_grammar import recognise

        recognise(b"* 1 EXISTS\r\n")
        self.share = share
        self.began = began
        self._clock = clock
        self._rng = random.Random(seed)  # noqa: S311 - which replies to look at, no secret
        self._scale = 0.0 if share == 1 else 1 / log1p(-share)
        self._seen: dict[str, _Seen] = {}
        self.replies = 0
        self.sampled = 0
        self._left = self._gap()

    def sample(self, replies: int = 1) -> bool:
        """Whether one of the next replies, as many as told, is due; then all of these are to be handed over."""
        self.replies += replies
        self._left -= replies
        if self._left > 0:
            return False
        self._left = self._gap()
        return True

    def _gap(self) -> int:
        """Replies up to and including the next one that is due: geometric, with `share` as probability."""
        return 1 + int(log(1.0 - self._rng.random()) * self._scale)

    def smtp(self, raw: bytes) -> None:
        """One or several whole replies of SMTP or LMTP."""
        if len(raw) > JUDGED_OCTETS:
            return
        reader = smtp.ReplyReader()
        reader.feed(raw)
        try:
            while (reply := reader.next_reply()) is not None:
                self._note("smtp", (deviation.name.lower() for deviation in reply.deviations), reply.raw)
        except FloodError:
            # More lines than the judge listens to; the client has its own opinion of that.
            return

    def pop3(self, raw: bytes, *, multi_line: bool) -> None:
        """One whole response of POP3; `multi_line` as the command asked for."""
        if len(raw) > JUDGED_OCTETS:
            return
        reader = pop3.ResponseReader()
        reader.feed(raw)
        response = reader.next_response(multi_line=multi_line)
        if response is not None:
            self._note("pop3", (deviation.name.lower() for deviation in response.deviations), raw)

    def imap(self, raw: bytes) -> None:
        """One whole response of IMAP, with its literals. What belongs to an unknown extension is no deviation."""
        from conformance.wire.imap_grammar import recognise

        if len(raw) <= JUDGED_OCTETS:
            self._note("imap", (deviation.kind for deviation in recognise(raw) if deviation.proven), raw)

    def _note(self, protocol: str, kinds: Iterable[str], raw: bytes) -> None:
        self.sampled += 1
        for kind in set(kinds):
            name = f"{protocol}/{kind}"
            seen = self._seen.get(name)
            if seen is None:
                self._seen[name] = _Seen(1, max(self._clock() - self.began, 0.0), raw[:EXAMPLE_OCTETS])
            else:
                seen.count += 1

    def encode(self) -> dict[str, Any]:
        """All of it, for another process."""
        seen = [[kind, one.count, one.first_at_s, one.example] for kind, one in self._seen.items()]
        return {"replies": self.replies, "sampled": self.sampled, "seen": seen}

    def merge(self, encoded: dict[str, Any]) -> None:
        """Add what another process's judge has seen; the earlier example stays."""
        self.replies += encoded["replies"]
        self.sampled += encoded["sampled"]
        for kind, count, first_at_s, example in encoded["seen"]:
            mine = self._seen.get(kind)
            if mine is None:
                self._seen[kind] = _Seen(count, first_at_s, example)
                continue
            mine.count += count
            if first_at_s < mine.first_at_s:
                mine.first_at_s, mine.example = first_at_s, example

    def judgement(self, timeline: Sequence[Interval]) -> Judgement:
        """The record of it. The rate at which each kind first showed is read off the run's timeline."""
        return Judgement(
            share=self.share,
            replies=max(self.replies, self.sampled),
            sampled=self.sampled,
            deviations=tuple(
                JudgedDeviation(
                    kind=kind,
                    count=one.count,
                    first_at_s=round(one.first_at_s, 3),
                    rate_per_s=rate_at(timeline, one.first_at_s),
                    example=base64.b64encode(one.example).decode("ascii"),
                )
                for kind, one in sorted(self._seen.items(), key=lambda item: (item[1].first_at_s, item[0]))
            ),
        )


def rate_at(timeline: Sequence[Interval], at_s: float) -> float:
    """Operations done per second in the interval in which this moment lies; 0 where there is none."""
    for interval in timeline:
        if interval.at_s <= at_s < interval.at_s + interval.length_s:
            return round(interval.done / interval.length_s, 3)
    return 0.0
