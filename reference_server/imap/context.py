"""Results that are kept up to date: RETURN (UPDATE), ADDTO, REMOVEFROM and CANCELUPDATE (RFC 5267 §4.3).

REMOVEFROM goes out before the EXPUNGE responses and ADDTO after EXISTS, so that message numbers in them are valid.
What flags have brought about is told after the FETCH responses with these (RFC 5465 §5.1).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reference_server.imap.candidates import Candidate
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.matching import Matching, Test
from reference_server.imap.responses import quoted, sequence_set
from reference_server.imap.searchkeys import Key, mentions

MAX_CONTEXTS = 10
"""Results that one session may have kept up to date at a time; one is owed, more are asked for (RFC 5267 §4.3.1)."""

EVERY_S = 10
"""How often results that change with time alone are looked at; they may lag behind (RFC 5032 §2)."""

TIMED = frozenset({"search_older", "search_younger"})
"""Keys by which messages come and go though nothing happens to them."""

Rank = Callable[[Candidate], tuple[Any, ...]]
"""What orders messages among others; of two messages it never says the same."""


@dataclass(slots=True)
class Context:
    """One result: whom it was told to, what makes it, and the UIDs that the client has.

    `order` is theirs if the client asked for one with `rank`, and empty where it is mailbox order. What is older than
    `modseq`, and not above `highest`, was looked at.
    """

    tag: bytes
    uid: bool
    test: Test
    rank: Rank | None
    timed: bool
    modseq: int
    highest: int
    looked_at_s: int
    members: set[int]
    order: list[int]


class Contexts(Matching):
    """Mixin: contexts. They end with the selection, since it is the view that has them."""

    # Beginning and ending.

    def check_tag(self) -> None:
        """Refuse UPDATE with the tag of a result that is kept up to date already (RFC 5267 §4.3)."""
        if self.running.tag in self.selected.contexts:
            raise GrammarError("that tag has a result that is being updated")

    def begin_updates(self, key: Key, found: Sequence[int], rank: Rank | None) -> None:
        """Keep the result of the command in progress up to date, or say that this is not done (RFC 5267 §4.3.1)."""
        view = self.selected
        uids = [view.uids[number - 1] for number in found]
        if not self.may_update():
            self.untagged(b"NO [NOUPDATE %b] too many results are being updated" % quoted(self.running.tag))
            return
        view.contexts[self.running.tag] = Context(
            self.running.tag,
            self.running.uid,
            self.test_of(key),
            rank,
            mentions(key, TIMED),
            view.modseq,
            view.uids[-1] if view.uids else 0,
            self.searched_at_s,
            set(uids),
            uids if rank else [],
        )

    def may_update(self) -> bool:
        """Whether one more result can be kept up to date."""
        return len(self.selected.contexts) < MAX_CONTEXTS

    def on_cancelupdate(self, tags: tuple[bytes, ...]) -> bytes:
        """Answer CANCELUPDATE; tags without a result are passed over (RFC 5267 §4.3.5)."""
        for tag in tags:
            self.selected.contexts.pop(tag, None)
        return b"CANCELUPDATE completed"

    # Telling.

    def tell_changes(self) -> None:
        """Tell of results too, around what changes them."""
        view = self.view
        if view is None or not view.contexts:
            super().tell_changes()
            return
        view.refresh()
        modseq, self.searched_at_s = view.modseq, self.search_time_s()
        contexts = [
            each for each in view.contexts.values() if each.modseq != modseq or view.arrived or self.is_due(each)
        ]
        for context in contexts:
            self.tell_removed(context, context.members & view.gone)
        super().tell_changes()
        for context in contexts:
            # What the FETCH responses above have brought about comes after them (RFC 5465 §5.1).
            self.tell_removed(context, self.lost(context))
            self.tell_added(context, self.gained(context))
            if self.is_due(context):
                context.looked_at_s = self.searched_at_s
            context.modseq = modseq
            context.highest = view.uids[-1] if view.uids else 0

    def tell_gone(self) -> bool:
        """Nothing is expunged of which a result still has to say that it lost it (RFC 5267 §4.3.4)."""
        for context in self.selected.contexts.values():
            self.tell_removed(context, context.members & self.selected.gone)
        return super().tell_gone()

    def is_due(self, context: Context) -> bool:
        """Whether all messages are to be looked at, since time alone may have changed the result."""
        return context.timed and self.searched_at_s - context.looked_at_s >= EVERY_S

    def lost(self, context: Context) -> set[int]:
        """UIDs of results that are none any more."""
        changed = (each for each in self.to_look_at(context) if each.message.uid in context.members)
        ceased = {candidate.message.uid for candidate in changed if not context.test(candidate)}
        return ceased | (context.members & self.selected.gone)

    def gained(self, context: Context) -> list[Candidate]:
        """Messages that are results now, in mailbox order."""
        others = (each for each in self.to_look_at(context) if each.message.uid not in context.members)
        return [candidate for candidate in others if context.test(candidate)]

    def to_look_at(self, context: Context) -> Iterator[Candidate]:
        """Messages that may have become results, or have ceased to be; not those that are gone."""
        view = self.selected
        changes = None if self.is_due(context) else view.mailbox.changes_since(context.modseq)
        if changes is None:
            uids = list(view.uids)
        else:
            new = view.uids[bisect_right(view.uids, context.highest) :]
            uids = sorted({message.uid for message in changes.messages}.union(new))
        for uid in uids:
            number = view.number_of(uid)
            if number is not None and uid not in view.gone:
                yield Candidate(view, number, view.messages[number - 1], self.folded)

    def tell_removed(self, context: Context, uids: set[int]) -> None:
        """REMOVEFROM, from the end, so that no place is shifted that is still to come (RFC 5267 §4.3.4)."""
        if not uids:
            return
        context.members -= uids
        places = [(place, uid) for place, uid in enumerate(context.order, 1) if uid in uids]
        context.order = [uid for uid in context.order if uid not in uids]
        runs = neighbours(places)[::-1] if context.rank else [(0, sorted(uids))]
        self.tell_update(context, b"REMOVEFROM", runs)

    def tell_added(self, context: Context, gained: list[Candidate]) -> None:
        """ADDTO, from the beginning, so that each is told the place where it stays (RFC 5267 §4.3.3)."""
        if not gained:
            return
        uids = [candidate.message.uid for candidate in gained]
        runs = neighbours(self.enter(context.order, gained, context.rank)) if context.rank else [(0, uids)]
        context.members.update(uids)
        self.tell_update(context, b"ADDTO", runs)

    def enter(self, order: list[int], gained: list[Candidate], rank: Rank) -> list[tuple[int, int]]:
        """Put results where they belong; the places they have now, ascending, and their UIDs."""
        view = self.selected
        ranks = {candidate.message.uid: rank(candidate) for candidate in gained}
        places: list[tuple[int, int]] = []

        def rank_of(uid: int) -> tuple[Any, ...]:
            # Binary search comes to the same few again and again.
            if uid not in ranks:
                at = bisect_left(view.uids, uid)
                ranks[uid] = rank(Candidate(view, at + 1, view.messages[at], self.folded))
            return ranks[uid]

        for uid in sorted(ranks, key=rank_of):
            at = bisect_left(order, ranks[uid], key=rank_of)
            order.insert(at, uid)
            places.append((at + 1, uid))
        return places

    def tell_update(self, context: Context, name: bytes, runs: list[tuple[int, list[int]]]) -> None:
        """One ESEARCH response with ADDTO or REMOVEFROM, for the command that asked for updates."""
        pairs = (b"%d %b" % (place, sequence_set(self.as_told(context, uids))) for place, uids in runs)
        self.tell_esearch(context.tag, [b"%b (%b)" % (name, b" ".join(pairs))], uid=context.uid)

    def as_told(self, context: Context, uids: list[int]) -> list[int]:
        """UIDs, or message numbers for a command that was not a UID command (RFC 5267 §4.3.2)."""
        return uids if context.uid else [bisect_left(self.selected.uids, uid) + 1 for uid in uids]

    def tell_esearch(self, tag: bytes, data: Iterable[bytes], *, uid: bool) -> None:
        """`esearch-response` for the command with that tag (RFC 4466 §2.6.2)."""
        self.untagged(b" ".join((b"ESEARCH (TAG %b)" % quoted(tag), *((b"UID",) if uid else ()), *data)))


def neighbours(places: Iterable[tuple[int, int]]) -> list[tuple[int, list[int]]]:
    """UIDs in places that follow each other, together: the first of the places, and all of them."""
    found: list[tuple[int, list[int]]] = []
    for place, uid in places:
        if found and place == found[-1][0] + len(found[-1][1]):
            found[-1][1].append(uid)
        else:
            found.append((place, [uid]))
    return found


def parse_cancelupdate(cursor: Cursor) -> tuple[bytes, ...]:
    """`"CANCELUPDATE" 1*(SP quoted)`."""
    tags: list[bytes] = []
    while not tags or cursor.peek(b" "):
        cursor.space()
        if not cursor.peek(b'"'):
            raise GrammarError("expected a quoted tag")
        tags.append(cursor.string())
    return tuple(tags)
