"""What became of every message of a run: lost, doubled, damaged, late, reordered, or where it should be.

A message is entered before it is sent, accepted when the server has taken responsibility for it by its final 250 (RFC
5321 §4.2.5, §6.1), and closed for each recipient whose mailbox is read when it is found there. Everything is kept in
flat columns, some twenty octets a message with one recipient, and the ledgers of several processes add up exactly: a
message may be handed in by one and read by another.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from loadtest.messages import Identity

NAMED = 20
"""Messages of each kind that are told by name."""

MOST_FOREIGN = 100_000
"""Foreign messages that are told apart; beyond that they are not counted."""

_IN_FLIGHT, _ACCEPTED, _REFUSED, _FAILED, _UNCONFIRMED = range(5)
_STATES = {
    _IN_FLIGHT: "in flight when the run ended",
    _ACCEPTED: "accepted",
    _REFUSED: "refused",
    _FAILED: "not handed over",
    _UNCONFIRMED: "sent whole, without a reply",
}

_SEEN, _DOUBLED, _DAMAGED, _REORDERED, _WATCHED, _NOT_EXPECTED = 1, 2, 4, 8, 16, 32


@dataclass(slots=True)
class Account:
    """What the ledger comes to. Deliveries are messages times recipients whose mailboxes are read."""

    entered: int = 0
    sent: int = 0
    accepted: int = 0
    unknown: int = 0
    expected: int = 0
    delivered: int = 0
    missing: int = 0
    doubled: int = 0
    damaged: int = 0
    late: int = 0
    reordered: int = 0
    refused_but_delivered: int = 0
    unknown_but_delivered: int = 0
    foreign: int = 0
    named: dict[str, list[str]] = field(default_factory=dict)


class Ledger:
    """The ledger of one process, `origin`, for messages with up to `slots` recipients whose mailboxes are read.

    Numbers begin at 1. Times are seconds since the run's start.
    """

    def __init__(self, *, origin: int, slots: int) -> None:
        self.origin = origin
        self.slots = slots
        self._own = _Page(slots)
        self._pages = {origin: self._own}
        self._elsewhere: dict[tuple[int, int, int], tuple[int, int, int]] = {}
        self._foreign: set[tuple[str, int]] = set()
        self._newest: dict[tuple[str, int, int], tuple[int, int]] = {}

    @property
    def entered(self) -> int:
        """Messages that this process has entered."""
        return len(self._own.states)

    @property
    def octets(self) -> int:
        """Octets that the columns take."""
        return sum(page.octets for page in self._pages.values())

    # -- handing in --------------------------------------------------------------------------------------------------

    def enter(self, digest: int, *, slots: int | None = None) -> int:
        """A message of this digest is about to be sent, to `slots` recipients that are read; its number."""
        page = self._own
        page.digests.append(digest)
        page.accepted_ms.append(0)
        page.states.append(_IN_FLIGHT)
        if self.slots:
            page.open_slots(self.slots if slots is None else slots)
        return len(page.states)

    def accepted(self, number: int, at_s: float, *, refused_slots: tuple[int, ...] = ()) -> None:
        """The server took responsibility for it; not for these recipients, where LMTP refuses some (RFC 2033 §4.2)."""
        page = self._own
        page.accepted_ms[number - 1] = _milliseconds(at_s)
        page.states[number - 1] = _ACCEPTED
        for slot in refused_slots:
            page.flags[(number - 1) * self.slots + slot] |= _NOT_EXPECTED

    def refused(self, number: int) -> None:
        """The server turned it away."""
        self._own.states[number - 1] = _REFUSED

    def failed(self, number: int) -> None:
        """It never reached the server whole."""
        self._own.states[number - 1] = _FAILED

    def unconfirmed(self, number: int) -> None:
        """The server has all of it, and did not say what became of it."""
        self._own.states[number - 1] = _UNCONFIRMED

    def accepted_at_s(self, identity: Identity) -> float | None:
        """When a message was accepted; None where this process does not know."""
        page = self._pages.get(identity.origin)
        if page is None or not 0 < identity.number <= len(page.states) or page.states[identity.number - 1] != _ACCEPTED:
            return None
        return page.accepted_ms[identity.number - 1] / 1000

    # -- reading -----------------------------------------------------------------------------------------------------

    def close(
        self,
        identity: Identity,
        *,
        mailbox: str,
        slot: int,
        uid: int,
        digest: int | None,
        at_s: float,
        watched: bool,
        in_order: bool = True,
    ) -> bool:
        """A message was found in a mailbox; whether that closes it, for it may have been seen before.

        Args:
            identity: whose it is.
            mailbox: where; together with `uid` it tells one copy from another.
            slot: which of the message's recipients that mailbox belongs to.
            uid: of this copy; the same copy may be read again and again.
            digest: of the body found; None where it was not the one that the message itself tells.
            at_s: when.
            watched: somebody has been looking into the mailbox all the time, so that `at_s` tells when it came.
            in_order: a greater `uid` means that it came later, as IMAP has it and POP3 does not.
        """
        flags = _SEEN | (_WATCHED if watched else 0)
        if in_order:
            stream = (mailbox, identity.origin, identity.sender)
            newest = self._newest.get(stream, (0, 0))
            if identity.number < newest[0] and uid > newest[1]:
                flags |= _REORDERED
            self._newest[stream] = max(newest, (identity.number, uid))
        page = self._pages.get(identity.origin)
        if digest is None:
            flags |= _DAMAGED
        if page is None:
            key = (identity.origin, identity.number, slot)
            # The digest itself is checked where the message was entered; the message's own word for it is checked here.
            return self._note_elsewhere(key, (uid, _milliseconds(at_s), flags))
        if not page.knows(identity.number, slot, self.slots):
            self.foreign(mailbox, uid)
            return False
        if digest is not None and digest != page.digests[identity.number - 1]:
            flags |= _DAMAGED
        return page.see((identity.number - 1) * self.slots + slot, uid, _milliseconds(at_s), flags)

    def foreign(self, mailbox: str, uid: int) -> None:
        """A message was found that this run did not make."""
        if len(self._foreign) < MOST_FOREIGN:
            self._foreign.add((mailbox, uid))

    def _note_elsewhere(self, key: tuple[int, int, int], seen: tuple[int, int, int]) -> bool:
        before = self._elsewhere.get(key)
        self._elsewhere[key] = seen if before is None else _both(before, seen)
        return before is None

    # -- several processes -------------------------------------------------------------------------------------------

    def encode(self) -> dict[str, Any]:
        """As plain data for another process."""
        return {
            "slots": self.slots,
            "pages": [[origin, *page.encode()] for origin, page in self._pages.items()],
            "elsewhere": [[*key, *seen] for key, seen in self._elsewhere.items()],
            "foreign": [list(place) for place in self._foreign],
        }

    def merge(self, encoded: dict[str, Any]) -> None:
        """Add another process's ledger.

        Raises:
            ValueError: it is of a run with other slots.
        """
        if encoded["slots"] != self.slots:
            raise ValueError(f"a ledger of {encoded['slots']} slots and one of {self.slots} do not add up")
        for origin, *columns in encoded["pages"]:
            page = _Page.decode(self.slots, columns)
            known = self._pages.get(origin)
            if known is not None and len(known.states):
                if len(page.states):
                    raise ValueError(f"two processes have entered messages as {origin}")
                continue
            self._pages[origin] = page
            if origin == self.origin:
                self._own = page
        for origin, number, slot, *seen in encoded["elsewhere"]:
            self._note_elsewhere((origin, number, slot), (seen[0], seen[1], seen[2]))
        for origin, number, slot in list(self._elsewhere):
            page_of = self._pages.get(origin)
            if page_of is not None and page_of.knows(number, slot, self.slots):
                page_of.see((number - 1) * self.slots + slot, *self._elsewhere.pop((origin, number, slot)))
        self._foreign.update((mailbox, uid) for mailbox, uid in encoded["foreign"])

    # -- the end -----------------------------------------------------------------------------------------------------

    def missing(self) -> int:
        """Deliveries of accepted messages that nobody has found yet."""
        return sum(
            1
            for page in self._pages.values()
            for _, _, state, flags in page.deliveries(self.slots)
            if state == _ACCEPTED and not flags & (_SEEN | _NOT_EXPECTED)
        )

    def account(self, run_id: str, *, late_after_s: float) -> Account:
        """What it all comes to; a delivery is late if it came so many seconds after its message was accepted."""
        account = Account(foreign=len(self._foreign))
        late_ms = _milliseconds(late_after_s)
        for origin, page in self._pages.items():
            states = Counter(page.states)
            account.entered += len(page.states)
            account.accepted += states[_ACCEPTED]
            account.unknown += states[_UNCONFIRMED]
            account.sent += states[_ACCEPTED] + states[_UNCONFIRMED]
            for number, slot, state, flags in page.deliveries(self.slots):
                if flags == _NOT_EXPECTED:
                    continue
                kinds = self._kinds(account, page, number, slot, state, flags, late_ms)
                for kind in kinds:
                    setattr(account, kind, getattr(account, kind) + 1)
                    named = account.named.setdefault(kind, [])
                    if len(named) < NAMED:
                        named.append(_name(run_id, origin, page, number, slot, self.slots))
        return account

    def _kinds(
        self, account: Account, page: _Page, number: int, slot: int, state: int, flags: int, late_ms: int
    ) -> list[str]:
        """What is wrong with a delivery; what is right with it is counted."""
        seen = bool(flags & _SEEN)
        kinds = []
        if state == _ACCEPTED and not flags & _NOT_EXPECTED:
            account.expected += 1
            account.delivered += seen
            if not seen:
                return ["missing"]
            at = (number - 1) * self.slots + slot
            if flags & _WATCHED and page.seen_ms[at] - page.accepted_ms[number - 1] > late_ms:
                kinds.append("late")
        elif seen and state in (_REFUSED, _FAILED, _ACCEPTED):
            kinds.append("refused_but_delivered")
        elif seen and state == _UNCONFIRMED:
            kinds.append("unknown_but_delivered")
        if flags & _DOUBLED:
            kinds.append("doubled")
        if flags & _DAMAGED:
            kinds.append("damaged")
        if flags & _REORDERED:
            kinds.append("reordered")
        return kinds


class _Page:
    """The columns of the messages of one process."""

    __slots__ = ("_closed_slots", "accepted_ms", "digests", "flags", "seen_ms", "states", "uids")

    def __init__(self, slots: int) -> None:
        self.digests = array("Q")
        self.accepted_ms = array("I")
        self.states = bytearray()
        self.uids = array("I")
        self.seen_ms = array("I")
        self.flags = bytearray()
        self._closed_slots = [
            (array("I", [0] * slots), bytes([0] * open_ + [_NOT_EXPECTED] * (slots - open_)))
            for open_ in range(slots + 1)
        ]

    @property
    def octets(self) -> int:
        columns = (self.digests, self.accepted_ms, self.uids, self.seen_ms)
        return sum(column.itemsize * len(column) for column in columns) + len(self.states) + len(self.flags)

    def open_slots(self, count: int) -> None:
        zeros, flags = self._closed_slots[count]
        self.uids.extend(zeros)
        self.seen_ms.extend(zeros)
        self.flags += flags

    def knows(self, number: int, slot: int, slots: int) -> bool:
        return 0 < number <= len(self.states) and 0 <= slot < slots

    def see(self, at: int, uid: int, at_ms: int, flags: int) -> bool:
        before = self.flags[at]
        if not before & _SEEN:
            self.uids[at], self.seen_ms[at] = uid, at_ms
            self.flags[at] = before | flags
            return True
        self.uids[at], self.seen_ms[at], self.flags[at] = _both(
            (self.uids[at], self.seen_ms[at], before), (uid, at_ms, flags)
        )
        return False

    def deliveries(self, slots: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, slot, state and flags of each delivery."""
        at = 0
        for index, state in enumerate(self.states):
            for slot in range(slots):
                yield index + 1, slot, state, self.flags[at]
                at += 1

    def encode(self) -> list[bytes]:
        return [
            self.digests.tobytes(), self.accepted_ms.tobytes(), bytes(self.states),
            self.uids.tobytes(), self.seen_ms.tobytes(), bytes(self.flags),
        ]  # fmt: skip

    @classmethod
    def decode(cls, slots: int, columns: list[bytes]) -> _Page:
        page = cls(slots)
        page.digests.frombytes(columns[0])
        page.accepted_ms.frombytes(columns[1])
        page.states += columns[2]
        page.uids.frombytes(columns[3])
        page.seen_ms.frombytes(columns[4])
        page.flags += columns[5]
        return page


def _both(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    """Two sightings of a delivery as one: the same in whatever order they came. Two UIDs are two copies."""
    flags = one[2] | other[2] | (_DOUBLED if one[0] != other[0] else 0)
    # Late is what came late to the first who watched.
    return min(one[0], other[0]), min(one[1], other[1]), flags


def _milliseconds(at_s: float) -> int:
    return max(int(at_s * 1000), 0)


def _name(run_id: str, origin: int, page: _Page, number: int, slot: int, slots: int) -> str:
    at = (number - 1) * slots + slot
    words = [f"{run_id}.{origin:03d} number {number}, recipient {slot + 1}, {_STATES[page.states[number - 1]]}"]
    if page.accepted_ms[number - 1]:
        words.append(f"accepted at {page.accepted_ms[number - 1] / 1000:.3f} s")
    if page.flags[at] & _SEEN:
        words.append(f"found at {page.seen_ms[at] / 1000:.3f} s as UID {page.uids[at]}")
    return ", ".join(words)
