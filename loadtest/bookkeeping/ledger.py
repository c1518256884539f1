"""What became of every message of a run: lost, doubled, damaged, late, reordered, or where it should be.

A message is entered before it is sent, accepted when the server has taken responsibility for it by its final 250 (RFC
5321 §4.2.5, §6.1), and closed for each recipient whose mailbox is read when it is found there. Everything is kept in
flat columns (see `columns`), 26 octets a message with one recipient, and the ledgers of several processes add up
exactly: a message may be handed in by one and read by another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from loadtest.bookkeeping.columns import (
    ACCEPTED,
    DAMAGED,
    DOUBLED,
    FAILED,
    IN_DOUBT,
    IN_FLIGHT,
    KEPT,
    MOST,
    NOT_EXPECTED,
    REFUSED,
    SEEN,
    UNCONFIRMED,
    UNORDERED,
    WATCHED,
    Page,
    Sighting,
    Strays,
)
from loadtest.mail.messages import Identity

NAMED = 20
"""Messages of each kind that are told by name."""

MOST_FOREIGN = 100_000
"""Foreign messages that are told apart; beyond that they are not counted."""

STRAYS_TOGETHER = 256
"""Sightings of messages that another process has entered are kept in blocks of so many messages."""

_STATES = {
    IN_FLIGHT: "in flight when the run ended",
    ACCEPTED: "accepted",
    REFUSED: "refused",
    FAILED: "not handed over",
    UNCONFIRMED: "sent whole, without a reply",
}


@dataclass(slots=True)
class Account:
    """What the ledger comes to: `entered` is the sum of accepted, refused, failed, unknown and in flight.

    From `expected` on, deliveries are counted: messages times recipients whose mailboxes are read. Those for whom the
    server's reply never came are `in_doubt`, and expected nowhere.
    """

    entered: int = 0
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    unknown: int = 0
    in_flight: int = 0
    expected: int = 0
    delivered: int = 0
    missing: int = 0
    in_doubt: int = 0
    doubled: int = 0
    damaged: int = 0
    late: int = 0
    reordered: int = 0
    refused_but_delivered: int = 0
    unknown_but_delivered: int = 0
    foreign: int = 0
    named: dict[str, list[str]] = field(default_factory=dict)

    def count(self, kind: str) -> list[str] | None:
        """One more of this kind; where to put its name if it is among the first."""
        setattr(self, kind, getattr(self, kind) + 1)
        named = self.named.setdefault(kind, [])
        return named if len(named) < NAMED else None


class Ledger:
    """The ledger of one process, `origin`, for messages with up to `slots` recipients whose mailboxes are read.

    Numbers begin at 1. Times are seconds since the run's start.
    """

    def __init__(self, *, origin: int, slots: int) -> None:
        self.origin = origin
        self.slots = slots
        self._own = Page(slots)
        self._pages = {origin: self._own}
        self._strays: dict[tuple[int, int], Strays] = {}
        self._foreign: set[tuple[str, int]] = set()

    @property
    def entered(self) -> int:
        """Messages that this process has entered."""
        return len(self._own.states)

    @property
    def octets(self) -> int:
        """Octets that the columns take."""
        pages = sum(page.octets for page in self._pages.values())
        return pages + sum(strays.octets for strays in self._strays.values())

    # -- handing in --------------------------------------------------------------------------------------------------

    def enter(self, digest: int, *, sender: int, slots: int | None = None) -> int:
        """A message of this digest is about to be sent by this user, to `slots` recipients that are read; its number.

        What becomes of it is then told by one of the four methods below, the last of which has the last word; while
        none is, it is in flight.
        """
        return self._own.enter(digest, sender, self.slots if slots is None else slots)

    def accepted(self, number: int, at_s: float) -> None:
        """The server took responsibility for it, but for recipients of whom `not_for` or `in_doubt_for` tells."""
        page = self._own
        page.accepted_ms[number - 1] = _milliseconds(at_s)
        page.states[number - 1] = ACCEPTED

    def not_for(self, number: int, slots: Iterable[int]) -> None:
        """The server refused these recipients, whatever becomes of the message (RFC 5321 §3.3, RFC 2033 §4.2)."""
        self._own.mark(number, slots, NOT_EXPECTED)

    def in_doubt_for(self, number: int, slots: Iterable[int]) -> None:
        """The server has told what becomes of the message, but not for these recipients (RFC 2033 §4.2)."""
        self._own.mark(number, slots, IN_DOUBT)

    def refused(self, number: int) -> None:
        """The server turned it away."""
        self._own.states[number - 1] = REFUSED

    def failed(self, number: int) -> None:
        """It never reached the server whole."""
        self._own.states[number - 1] = FAILED

    def unconfirmed(self, number: int) -> None:
        """The server has all of it, and did not say what became of it."""
        self._own.states[number - 1] = UNCONFIRMED

    def accepted_at_s(self, identity: Identity) -> float | None:
        """When a message was accepted; None where this process does not know."""
        page = self._pages.get(identity.origin)
        if page is None or not 0 < identity.number <= len(page.states) or page.states[identity.number - 1] != ACCEPTED:
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
            digest: of the body found; None where the message contradicts itself.
            at_s: when.
            watched: somebody has been looking into the mailbox all the time, so that `at_s` tells when it came.
            in_order: a greater `uid` means that it came later, as IMAP has it and POP3 does not.
        """
        flags = SEEN | (WATCHED if watched else 0) | (0 if in_order else UNORDERED)
        if digest is None:
            flags |= DAMAGED
        if not 0 <= slot < self.slots:
            self.foreign(mailbox, uid)
            return False
        sighting = (min(uid, MOST), _milliseconds(at_s), flags)
        page = self._pages.get(identity.origin)
        if page is None or not page.knows(identity.number):
            # Its digest is compared as soon as the two ledgers come together.
            return self._stray(identity.origin, identity.number, slot, sighting, digest or 0) and page is None
        if digest is not None and digest != page.digests[identity.number - 1]:
            sighting = (*sighting[:2], flags | DAMAGED)
        return page.deliveries.see(page.place(identity.number, slot), sighting)

    def foreign(self, mailbox: str, uid: int) -> None:
        """A message was found that this run did not make."""
        if len(self._foreign) < MOST_FOREIGN:
            self._foreign.add((mailbox, uid))

    def _stray(self, origin: int, number: int, slot: int, sighting: Sighting, digest: int) -> bool:
        block, rest = divmod(number, STRAYS_TOGETHER)
        strays = self._strays.get((origin, block))
        if strays is None:
            strays = self._strays[origin, block] = Strays(STRAYS_TOGETHER * self.slots)
        return strays.find(rest * self.slots + slot, sighting, digest)

    def _found_strays(self) -> Iterator[tuple[int, int, int, Sighting, int]]:
        """Origin, number, slot, sighting and digest of each, in order."""
        for (origin, block), strays in sorted(self._strays.items()):
            for at, sighting, digest in strays.found():
                rest, slot = divmod(at, self.slots)
                yield origin, block * STRAYS_TOGETHER + rest, slot, sighting, digest

    # -- several processes -------------------------------------------------------------------------------------------

    def encode(self) -> dict[str, Any]:
        """As plain data for another process."""
        return {
            "slots": self.slots,
            "pages": [[origin, *page.encode()] for origin, page in self._pages.items()],
            "strays": [[*block, *strays.encode()] for block, strays in self._strays.items()],
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
            page = Page.decode(self.slots, columns)
            known = self._pages.get(origin)
            if known is not None and len(known.states):
                if len(page.states):
                    raise ValueError(f"two processes have entered messages as {origin}")
                continue
            self._pages[origin] = page
            if origin == self.origin:
                self._own = page
        strays, self._strays = list(self._found_strays()), {}
        for origin, block, *columns in encoded["strays"]:
            for at, sighting, digest in Strays.decode(columns).found():
                rest, slot = divmod(at, self.slots)
                strays.append((origin, block * STRAYS_TOGETHER + rest, slot, sighting, digest))
        for origin, number, slot, sighting, digest in strays:
            entered = self._pages.get(origin)
            if entered is None or not entered.knows(number):
                self._stray(origin, number, slot, sighting, digest)
                continue
            uid, seen_ms, flags = sighting
            if digest != entered.digests[number - 1] & KEPT:
                flags |= DAMAGED
            entered.deliveries.see(entered.place(number, slot), (uid, seen_ms, flags))
        self._foreign.update((mailbox, uid) for mailbox, uid in encoded["foreign"])

    # -- the end -----------------------------------------------------------------------------------------------------

    def missing(self) -> int:
        """Deliveries of accepted messages that nobody has found yet."""
        return sum(
            1
            for page in self._pages.values()
            for _, _, state, flags in page.all_deliveries()
            if state == ACCEPTED and not flags & (SEEN | NOT_EXPECTED | IN_DOUBT)
        )

    def account(self, run_id: str, *, late_after_s: float) -> Account:
        """What it all comes to; a delivery is late if it came so many seconds after its message was accepted."""
        account = Account(foreign=len(self._foreign))
        late_ms = _milliseconds(late_after_s)
        for origin, page in sorted(self._pages.items()):
            states = Counter(page.states)
            account.entered += len(page.states)
            account.accepted += states[ACCEPTED]
            account.refused += states[REFUSED]
            account.failed += states[FAILED]
            account.unknown += states[UNCONFIRMED]
            account.in_flight += states[IN_FLIGHT]
            account.sent += states[ACCEPTED] + states[UNCONFIRMED]
            reordered = page.reordered()
            for number, slot, state, flags in page.all_deliveries():
                if flags == NOT_EXPECTED:
                    continue
                kinds = _kinds(account, page, number, slot, state, flags, late_ms)
                if page.place(number, slot) in reordered:
                    kinds.append("reordered")
                for kind in kinds:
                    if (named := account.count(kind)) is not None:
                        named.append(_name(run_id, origin, page, number, slot))
        for origin, number, slot, (uid, *_), _ in self._found_strays():
            if (named := account.count("foreign")) is not None:
                named.append(f"{run_id}.{origin:03d} number {number}, recipient {slot + 1}, UID {uid}: never entered")
        return account


def _kinds(account: Account, page: Page, number: int, slot: int, state: int, flags: int, late_ms: int) -> list[str]:
    """What is wrong with a delivery; what is right with it is counted."""
    seen = bool(flags & SEEN)
    kinds = []
    if flags & NOT_EXPECTED:
        kinds += ["refused_but_delivered"] * seen
    elif flags & IN_DOUBT and state in (ACCEPTED, REFUSED):
        kinds += ["in_doubt"] + ["unknown_but_delivered"] * seen
    elif state == ACCEPTED:
        account.expected += 1
        account.delivered += seen
        if not seen:
            return ["missing"]
        took_ms = page.deliveries.seen_ms[page.place(number, slot)] - page.accepted_ms[number - 1]
        if flags & WATCHED and took_ms > late_ms:
            kinds.append("late")
    elif seen and state in (REFUSED, FAILED):
        kinds.append("refused_but_delivered")
    elif seen and state == UNCONFIRMED:
        kinds.append("unknown_but_delivered")
    if flags & DOUBLED:
        kinds.append("doubled")
    if flags & DAMAGED:
        kinds.append("damaged")
    return kinds


def _milliseconds(at_s: float) -> int:
    at_ms = int(at_s * 1000)
    return at_ms if 0 <= at_ms <= MOST else 0 if at_ms < 0 else MOST


def _name(run_id: str, origin: int, page: Page, number: int, slot: int) -> str:
    """The message by its token, which also stands in its Message-ID and so in the server's log."""
    at = page.place(number, slot)
    token = f"{run_id}.{origin:03d}.{page.senders[number - 1]:05d}.{number:010d}"
    words = [f"{token}, recipient {slot + 1}, {_STATES[page.states[number - 1]]}"]
    if page.states[number - 1] == ACCEPTED:
        words.append(f"accepted at {page.accepted_ms[number - 1] / 1000:.3f} s")
    if page.deliveries.flags[at] & NOT_EXPECTED:
        words.append("but not for this recipient")
    elif page.deliveries.flags[at] & IN_DOUBT:
        words.append("no reply for this recipient")
    if page.deliveries.flags[at] & SEEN:
        found = "found by POP3" if page.deliveries.flags[at] & UNORDERED else f"found as UID {page.deliveries.uids[at]}"
        words.append(f"{found} at {page.deliveries.seen_ms[at] / 1000:.3f} s")
    return ", ".join(words)
