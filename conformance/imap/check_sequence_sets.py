"""Sequence sets: RFC 3501 §9."""

from __future__ import annotations

from conformance.checks import given, must, should
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import fetched
from conformance.imap.session import ImapSession
from conformance.imap.strategies_messages import plain
from conformance.imap.strategies_sets import SequenceSet, sequence_sets
from conformance.wire.imap import Atom

COUNT = 6
NAMES = range(1, COUNT + 1)


def _expect_met(imap: ImapSession, written: str, numbers: list[int]) -> None:
    met = sorted(fetched(imap, written, "RFC822.SIZE"))
    expect(met == numbers, f"messages {numbers} for the set {written}", f"messages {met}")


@must("rfc3501/9/54")
def check_reads_a_range_from_either_end(folder: Folder) -> None:
    """A range means the same whichever of its ends comes first, `*` too."""
    with folder.opened([plain()] * COUNT) as imap:
        for low, high in ((1, 2), (2, 5), (1, COUNT), (3, 3)):
            _expect_met(imap, f"{low}:{high}", list(range(low, high + 1)))
            _expect_met(imap, f"{high}:{low}", list(range(low, high + 1)))
        _expect_met(imap, "4:*", [4, 5, 6])
        _expect_met(imap, "*:4", [4, 5, 6])
        _expect_met(imap, "*", [COUNT])
        _expect_met(imap, "*:*", [COUNT])


@must("rfc3501/9/55", "rfc3501/9/54")
@given(chosen=sequence_sets(COUNT))
def check_meets_each_message_of_the_set(folder: Folder, chosen: SequenceSet) -> None:
    """A set meets every message that it names, in whatever order and however often, and no other."""
    with folder.opened([plain()] * COUNT) as imap:
        for ranges in (chosen.ranges, ((5, 6), (2, 2), (3, 1)), ((6, 6), (1, 1)), ((4, 2), (3, None), (4, 4))):
            each = SequenceSet(tuple(ranges), COUNT)
            _expect_met(imap, each.written(NAMES), each.numbers)


@should("rfc3501/9/53")
def check_answers_bad_to_a_number_beyond_the_last(folder: Folder) -> None:
    """A message number above the count is answered BAD, and so is `*` in an empty mailbox.

    Such a command comes from a client that counts otherwise than the server; the sooner both know, the better.
    """
    with folder.opened([plain(), plain()]) as imap:
        for command in ("FETCH 3 (UID)", "FETCH 1,4 (UID)", "FETCH 4294967295 (UID)"):
            answer = imap.command(command)
            expect(answer.tagged.name == b"BAD", f"BAD to {command} with 2 messages", answer)
    with folder.opened() as imap:
        answer = imap.command("FETCH * (UID)")
        expect(answer.tagged.name == b"BAD", "BAD to FETCH * with no message", answer)


@must("rfc3501/9/47")
def check_makes_nothing_of_number_0(folder: Folder) -> None:
    """There is no message number 0: a set with it is refused, or meets nothing for it."""
    with folder.opened([plain(), plain()]) as imap:
        answer = imap.command("FETCH 0 (UID)")
        told = [each for response in answer.named("FETCH") for each in response.values if not isinstance(each, Atom)]
        expect(not (answer.ok and told), "a refusal of FETCH 0", answer)
