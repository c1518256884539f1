"""The columns of the ledger: what is known of each message and of each of its deliveries, in flat arrays.

A message takes 17 octets, and each recipient whose mailbox is read 9 more; one that another process has entered takes
13 for each of them. Two sightings of a delivery become one in a
way that does not depend on their order or grouping, which is what makes ledgers of several processes add up exactly.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from typing import TypeAlias

IN_FLIGHT, ACCEPTED, REFUSED, FAILED, UNCONFIRMED = range(5)
"""States of a message."""

SEEN, DOUBLED, DAMAGED, WATCHED, NOT_EXPECTED, UNORDERED, IN_DOUBT = 1, 2, 4, 8, 16, 32, 64
"""Flags of a delivery.

Watched: whoever saw it first was looking all the time. Not expected: the message has fewer recipients, or the server
refused this one. Unordered: seen by POP3 alone, whose numbers for messages say nothing of their order. In doubt: the
server owed a reply for this recipient and broke off (LMTP, RFC 2033 §4.2), so that it may come or not.
"""

MOST = 0xFFFFFFFF
"""The greatest UID, and the last millisecond (after 49 days); what is greater counts as this."""

Sighting: TypeAlias = tuple[int, int, int]
"""UID, milliseconds since the run's start, flags."""

KEPT = 0xFFFFFFFF
"""What of a body's digest is kept where its message was entered elsewhere: half, to be compared there."""


def both(one: Sighting, other: Sighting) -> Sighting:
    """Two sightings of a delivery as one: the same in whatever order they come, however often.

    Two UIDs are two copies. A UID of IMAP and a number of POP3 cannot be compared, so that there IMAP has the word.
    """
    either = one[2] | other[2]
    if (one[2] ^ other[2]) & UNORDERED:
        by_imap = other if one[2] & UNORDERED else one
        uid, copies = by_imap[0], by_imap[2] & DOUBLED
    else:
        uid = min(one[0], other[0])
        copies = either & (DOUBLED | UNORDERED) | (DOUBLED if one[0] != other[0] else 0)
    # When it came is told by who saw it first; in a tie by who had been watching.
    first = min(one, other, key=lambda sighting: (sighting[1], not sighting[2] & WATCHED))
    return uid, first[1], SEEN | copies | first[2] & WATCHED | either & (DAMAGED | NOT_EXPECTED | IN_DOUBT)


class Deliveries:
    """What was seen of so many deliveries."""

    __slots__ = ("flags", "seen_ms", "uids")

    def __init__(self, count: int = 0) -> None:
        self.uids = array("I", bytes(4 * count))
        self.seen_ms = array("I", bytes(4 * count))
        self.flags = bytearray(count)

    @property
    def octets(self) -> int:
        """Octets that they take, room to grow included."""
        return sum(map(sys.getsizeof, (self.uids, self.seen_ms, self.flags)))

    def see(self, at: int, sighting: Sighting) -> bool:
        """Note a sighting; whether it is the first."""
        before = self.flags[at]
        if before & SEEN:
            sighting = both((self.uids[at], self.seen_ms[at], before), sighting)
        else:
            sighting = (sighting[0], sighting[1], sighting[2] | before)
        self.uids[at], self.seen_ms[at], self.flags[at] = sighting
        return not before & SEEN

    def sightings(self) -> Iterator[tuple[int, Sighting]]:
        """Those that were seen, each with its place."""
        for at, flags in enumerate(self.flags):
            if flags & SEEN:
                yield at, (self.uids[at], self.seen_ms[at], flags)

    def encode(self) -> list[bytes]:
        """As octets for another process, which may be on a machine of another kind."""
        return [_octets(self.uids), _octets(self.seen_ms), bytes(self.flags)]

    @classmethod
    def decode(cls, columns: list[bytes]) -> Deliveries:
        """Read what `encode` gave."""
        deliveries = cls()
        deliveries.fill(columns)
        return deliveries

    def fill(self, columns: list[bytes]) -> None:
        """Take over what `encode` gave."""
        self.uids, self.seen_ms = (_numbers("I", column) for column in columns[:2])
        self.flags = bytearray(columns[2])


class Strays(Deliveries):
    """What was seen of messages that another process has entered, with the digests of the bodies found."""

    __slots__ = ("digests",)

    def __init__(self, count: int = 0) -> None:
        super().__init__(count)
        self.digests = array("I", bytes(4 * count))

    @property
    def octets(self) -> int:
        """Octets that they take."""
        return super().octets + sys.getsizeof(self.digests)

    def find(self, at: int, sighting: Sighting, digest: int) -> bool:
        """Note a sighting with the digest of its body, of which `KEPT` is kept; whether it is the first."""
        uid, seen_ms, flags = sighting
        if self.flags[at] & SEEN and self.digests[at] != digest & KEPT:
            # Whatever was handed in, at least one of the two is something else.
            flags |= DAMAGED
        self.digests[at] = digest & KEPT
        return self.see(at, (uid, seen_ms, flags))

    def found(self) -> Iterator[tuple[int, Sighting, int]]:
        """Those that were seen, each with its place and the digest of its body."""
        for at, sighting in self.sightings():
            yield at, sighting, self.digests[at]

    def encode(self) -> list[bytes]:
        """As octets for another process."""
        return [*super().encode(), _octets(self.digests)]

    @classmethod
    def decode(cls, columns: list[bytes]) -> Strays:
        """Read what `encode` gave."""
        strays = cls()
        strays.fill(columns)
        strays.digests = _numbers("I", columns[3])
        return strays


class Page:
    """The messages of one process, and their deliveries: `slots` places for each."""

    __slots__ = ("_blank", "accepted_ms", "deliveries", "digests", "senders", "slots", "states")

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.digests = array("Q")
        self.accepted_ms = array("I")
        self.senders = array("I")
        self.states = bytearray()
        self.deliveries = Deliveries()
        self._blank = [
            (array("I", bytes(4 * slots)), bytes(read) + bytes([NOT_EXPECTED]) * (slots - read))
            for read in range(slots + 1)
        ]

    @property
    def octets(self) -> int:
        """Octets that the columns take, room to grow included."""
        return sum(map(sys.getsizeof, (self.digests, self.accepted_ms, self.senders, self.states))) + (
            self.deliveries.octets
        )

    def enter(self, digest: int, sender: int, read: int) -> int:
        """One message more, with so many recipients whose mailboxes are read; its number, from 1 on."""
        self.digests.append(digest)
        self.accepted_ms.append(0)
        self.senders.append(sender)
        self.states.append(IN_FLIGHT)
        if self.slots:
            zeros, flags = self._blank[read]
            deliveries = self.deliveries
            deliveries.uids.extend(zeros)
            deliveries.seen_ms.extend(zeros)
            deliveries.flags += flags
        return len(self.states)

    def knows(self, number: int) -> bool:
        """Whether a message of this number was entered."""
        return 0 < number <= len(self.states)

    def place(self, number: int, slot: int) -> int:
        """Where the delivery stands."""
        return (number - 1) * self.slots + slot

    def mark(self, number: int, slots: Iterable[int], flag: int) -> None:
        """Something is so of these deliveries of a message."""
        for slot in slots:
            self.deliveries.flags[self.place(number, slot)] |= flag

    def all_deliveries(self) -> Iterator[tuple[int, int, int, int]]:
        """Number, slot, state and flags of each delivery."""
        at = 0
        flags = self.deliveries.flags
        for number, state in enumerate(self.states, start=1):
            for slot in range(self.slots):
                yield number, slot, state, flags[at]
                at += 1

    def reordered(self) -> set[int]:
        """Places of the deliveries that came after a later message of the same sender, as IMAP numbers mailboxes.

        A user always writes to the same recipients, so that its messages with the same slot are in the same mailbox.
        """
        found = set()
        lowest_later: dict[tuple[int, int], int] = {}
        deliveries = self.deliveries
        for at in range(len(deliveries.flags) - 1, -1, -1):
            if deliveries.flags[at] & (SEEN | UNORDERED) != SEEN:
                continue
            number, slot = divmod(at, self.slots)
            stream = (self.senders[number], slot)
            uid = deliveries.uids[at]
            lowest = lowest_later.get(stream, MOST)
            if uid > lowest:
                found.add(at)
            else:
                lowest_later[stream] = uid
        return found

    def encode(self) -> list[bytes]:
        """As octets for another process."""
        return [
            *(_octets(self.digests), _octets(self.accepted_ms), _octets(self.senders), bytes(self.states)),
            *self.deliveries.encode(),
        ]

    @classmethod
    def decode(cls, slots: int, columns: list[bytes]) -> Page:
        """Read what `encode` gave."""
        page = cls(slots)
        page.digests = _numbers("Q", columns[0])
        page.accepted_ms, page.senders = (_numbers("I", column) for column in columns[1:3])
        page.states = bytearray(columns[3])
        page.deliveries = Deliveries.decode(columns[4:])
        return page


def _octets(column: array[int]) -> bytes:
    """Least significant octet first, whatever the machine."""
    if sys.byteorder == "big":  # pragma: no cover
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _numbers(kind: str, octets: bytes) -> array[int]:
    column = array(kind, octets)
    if sys.byteorder == "big":  # pragma: no cover
        column.byteswap()
    return column
