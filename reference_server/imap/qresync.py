"""QRESYNC: a client that comes back is told what changed while it was away (RFC 7162 §3.2)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reference_server.imap.changes import Changes
from reference_server.imap.condstore import mod_sequence
from reference_server.imap.grammar import MAX_NUMBER, Cursor, GrammarError, SequenceSet
from reference_server.imap.responses import range_set, runs

QRESYNC = b"QRESYNC"

MAX_RANGES = 500
"""Ranges of UIDs in one VANISHED response; more go into further ones, so that no line grows without end."""

CODE_FOLLOWS = frozenset({b"EXPUNGE", b"UID EXPUNGE", b"MOVE", b"UID MOVE"})
"""Commands that tell HIGHESTMODSEQ when they are completed (RFC 7162 §3.2.7, §3.2.9; RFC 6851 §4.4)."""

Ranges = list[tuple[int, int]]
"""Ranges of UIDs with both ends, ascending and apart."""


@dataclass(frozen=True, slots=True)
class Resync:
    """What a client remembers of a mailbox: the UIDs it knows, and of some messages the numbers and their UIDs."""

    uid_validity: int
    modseq: int
    uids: SequenceSet | None = None
    sample: tuple[SequenceSet, SequenceSet] | None = None


def parse_qresync(cursor: Cursor) -> Resync:
    """`SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"` (RFC 7162 §7)."""
    cursor.space()
    cursor.expect(b"(")
    uid_validity = cursor.nz_number()
    modseq = mod_sequence(cursor)
    uids: SequenceSet | None = None
    sample: tuple[SequenceSet, SequenceSet] | None = None
    more = cursor.skip(b" ")
    if more and not cursor.peek(b"("):
        uids = known_set(cursor)
        more = cursor.skip(b" ")
    if more:
        # seq-match-data = "(" known-sequence-set SP known-uid-set ")"
        cursor.expect(b"(")
        numbers = ascending_set(cursor)
        cursor.space()
        sample = numbers, ascending_set(cursor)
        cursor.expect(b")")
    cursor.expect(b")")
    return Resync(uid_validity, modseq, uids, sample)


def known_set(cursor: Cursor) -> SequenceSet:
    """A sequence set without `*`."""
    found = cursor.sequence_set()
    if found.saved or any(None in ends for ends in found.ranges):
        raise GrammarError("expected numbers only")
    return found


def ascending_set(cursor: Cursor) -> SequenceSet:
    """A sequence set without `*`, in ascending order (RFC 7162 §3.2.5.2)."""
    found = known_set(cursor)
    ends = [end for pair in found.ranges for end in ((pair[0],) if pair[0] == pair[1] else pair) if end is not None]
    if any(later <= earlier for earlier, later in pairwise(ends)):
        raise GrammarError("expected numbers in ascending order")
    return found


def members(numbers: SequenceSet) -> Iterator[int]:
    """One by one; the caller stops in time."""
    for low, high in numbers.ranges:
        assert low is not None
        assert high is not None
        yield from range(low, high + 1)


def gaps(present: Sequence[int], wanted: Ranges) -> Ranges:
    """What of the wanted ranges is not there; `present` ascends."""
    missing: Ranges = []
    for low, high in wanted:
        at = low
        for uid in present[bisect_left(present, low) : bisect_right(present, high)]:
            if at < uid:
                missing.append((at, uid - 1))
            at = uid + 1
        if at <= high:
            missing.append((at, high))
    return missing


def among(uids: Sequence[int], wanted: Ranges) -> Ranges:
    """Those of the ascending UIDs that the wanted ranges hold."""
    return runs(uid for low, high in wanted for uid in uids[bisect_left(uids, low) : bisect_right(uids, high)])


class QuickResync(Changes):
    """Mixin: QRESYNC of SELECT, VANISHED of UID FETCH, and the VANISHED response."""

    def require_qresync(self) -> None:
        """BAD for what wants QRESYNC to be enabled, where it is not (RFC 7162 §3.2.5, §3.2.6)."""
        if QRESYNC not in self.enabled:
            raise GrammarError("QRESYNC is not enabled")

    def require_vanished(self) -> None:
        """BAD for VANISHED where QRESYNC is not enabled, and in FETCH by number (RFC 7162 §3.2.6)."""
        self.require_qresync()
        if not self.running.uid:
            raise GrammarError("VANISHED belongs to UID FETCH")

    def resynchronize(self, known: Resync) -> None:
        """Tell what vanished and what changed, once a mailbox is open (RFC 7162 §3.2.5.1).

        Nothing at all if its UIDs are not those that the client knows.
        """
        view = self.selected
        if known.uid_validity != view.mailbox.uid_validity:
            return
        uids = known.uids or SequenceSet(((1, MAX_NUMBER),))
        self.tell_vanished_earlier(uids, known.modseq, above=self.last_match(known))
        for number in self.changed_since(view.numbers(uids, uid=True), known.modseq):
            self.tell_flags(number)

    def last_match(self, known: Resync) -> int:
        """The last UID of the client's sample that still has its number: it knows of all removals up to there."""
        uids = self.selected.uids
        last = 0
        if known.sample is not None:
            for number, uid in zip(*map(members, known.sample), strict=False):
                if number > len(uids):
                    break
                if uids[number - 1] == uid:
                    last = uid
        return last

    def tell_vanished_earlier(self, uids: SequenceSet, modseq: int, *, above: int = 0) -> None:
        """VANISHED (EARLIER): which of the UIDs, greater than `above`, were removed since (RFC 7162 §3.2.6)."""
        self.tell_vanished(self.vanished_since(uids, modseq, above=above), earlier=True)

    def vanished_since(self, uids: SequenceSet, modseq: int, *, above: int) -> Ranges:
        """Removed UIDs; where the mailbox does not remember that far back, all that are not there (§3.2.6)."""
        view = self.selected
        # Looked at before the messages: what comes later has a UID that is not asked about.
        last = view.mailbox.uid_next - 1
        wanted = [
            (max(low, above + 1), min(high, last))
            for low, high in uids.resolved(last)
            if high > above and low <= last
        ]  # fmt: skip
        changes = view.mailbox.changes_since(modseq)
        if changes is None:
            # What the client still counts is told with VANISHED proper.
            present = {message.uid for message in view.mailbox.messages}.union(view.uids)
            return gaps(sorted(present), wanted)
        return among([uid for uid in changes.gone if uid not in view.gone], wanted)

    def tell_gone(self) -> bool:
        """VANISHED in place of EXPUNGE for a client that enabled QRESYNC (RFC 7162 §3.2.10).

        No mod-sequence comes with it, so that HIGHESTMODSEQ follows, unless the command's own reply has it.
        """
        if QRESYNC not in self.enabled:
            return super().tell_gone()
        uids = sorted(self.selected.gone)
        self.selected.drop_gone()
        self.tell_vanished(runs(uids), earlier=False)
        return self.running.verb not in CODE_FOLLOWS

    def tell_vanished(self, ranges: Ranges, *, earlier: bool) -> None:
        """VANISHED responses for these UIDs; none if there are none."""
        for start in range(0, len(ranges), MAX_RANGES):
            written = range_set(ranges[start : start + MAX_RANGES])
            self.untagged(b"VANISHED (EARLIER) " + written if earlier else b"VANISHED " + written)

    def code_after_removal(self, uids: list[int]) -> bytes:
        """HIGHESTMODSEQ and a space, if QRESYNC is enabled and anything was removed (RFC 7162 §3.2.7, RFC 6851 §4.4).

        What was removed is told first: the client must not take itself to know more than it does.
        """
        if QRESYNC not in self.enabled or not uids:
            return b""
        self.tell_changes()
        return b"[HIGHESTMODSEQ %d] " % self.highest_modseq()
