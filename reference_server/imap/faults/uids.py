"""Planted faults of UIDs and sequence sets (RFC 3501 §2.3.1.1, §6.4.8, §9)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from reference_server.imap.copying import Copy
from reference_server.imap.core import ImapCore
from reference_server.imap.fetch import Fetch, Item
from reference_server.imap.grammar import GrammarError, SequenceSet
from reference_server.imap.literals import RawCommand
from reference_server.imap.session import RefusedError
from reference_server.imap.storing import StoreFlags
from reference_server.registry import fault
from reference_server.stores import Mailbox, NewMessage, StoredMessage


@fault("swaps-uids-on-the-second-page", breaks=("rfc3501/2.3.1.1/11", "rfc3501/2.3.1.2/2"))
class SwapsUidsOnTheSecondPage(ImapCore):
    """Tells two UIDs in the wrong order where there are more than eight messages."""

    def fetch_uid(self, number: int, message: StoredMessage) -> bytes:
        """Mixes up the eighth and the ninth."""
        messages = self.selected.messages
        if len(messages) > 8 and number in (8, 9):
            message = messages[16 - number]
        return super().fetch_uid(number, message)


@fault(
    "uidnext-is-too-high",
    breaks=("rfc3501/2.3.1.1/7", "rfc3501/6.3.1/10"),
    also={"imap/status/counts_as_select_does": "STATUS has the right one"},
)
class UidnextIsTooHigh(ImapCore):
    """Tells a UIDNEXT that the next message does not reach."""

    def tell_uid_next(self) -> None:
        """Leaves some out."""
        self.untagged(b"OK [UIDNEXT %d] next UID" % (self.selected.mailbox.uid_next + 10))


@fault("uidnext-follows-the-highest-uid", breaks="rfc3501/2.3.1.1/6")
class UidnextFollowsTheHighestUid(ImapCore):
    """Works UIDNEXT out from the messages that are there, so that it goes back when the last one is removed."""

    def tell_uid_next(self) -> None:
        """Looks at the last message."""
        messages = self.selected.messages
        self.untagged(b"OK [UIDNEXT %d] next UID" % (messages[-1].uid + 1 if messages else 1))


@fault(
    "uses-uids-again",
    breaks=("rfc3501/2.3.1.1/1", "rfc3501/2.3.1.1/14"),
    also={"imap/uids/uidnext_changes_only_with_new_messages": "UIDNEXT goes back with the UIDs"},
)
class UsesUidsAgain(ImapCore):
    """Gives a new message the UID after the highest that is there, which a message had that was removed."""

    def store_all(
        self, mailbox: Mailbox, messages: Sequence[NewMessage], *, replacing: Sequence[StoredMessage] = ()
    ) -> list[int]:
        """Counts from the last message."""
        if mailbox.messages and hasattr(mailbox, "_uid_next"):
            mailbox._uid_next = mailbox.messages[-1].uid + 1
        return super().store_all(mailbox, messages, replacing=replacing)


@fault(
    "counts-uids-anew-in-each-session",
    breaks=("rfc3501/2.3.1.1/4", "rfc3501/2.3.1.1/14"),
    also={
        "imap/copy/copyuid_says_which_copy_is_whose": "the session that looks finds other UIDs",
        "imap/macros/what_is_static_never_changes": "the session that looks finds another UID",
        "imap/select/a_select_that_fails_leaves_none_selected": "the session that looks finds other UIDs",
    },
)
class CountsUidsAnewInEachSession(ImapCore):
    """FETCH tells other UIDs in a session that has added nothing, under the same UIDVALIDITY."""

    def store_all(
        self, mailbox: Mailbox, messages: Sequence[NewMessage], *, replacing: Sequence[StoredMessage] = ()
    ) -> list[int]:
        """Notes that this session adds."""
        self.has_added = True
        return super().store_all(mailbox, messages, replacing=replacing)

    def fetch_uid(self, number: int, message: StoredMessage) -> bytes:
        """Counts from elsewhere."""
        moved = 0 if self.has_added or self.running.uid else 1000
        return b"%d" % (message.uid + moved)

    has_added = False


def _upwards(messages: SequenceSet) -> SequenceSet:
    """The set without ranges that run down."""
    kept = tuple((a, b) for a, b in messages.ranges if a is None or b is None or a <= b)
    return SequenceSet(kept or ((4_294_967_295, 4_294_967_295),))


@fault("uid-commands-drop-ranges-that-run-down", breaks="rfc3501/6.4.8/1")
class UidCommandsDropRangesThatRunDown(ImapCore):
    """A UID range whose higher end comes first names nothing."""

    def on_fetch(self, asked: Fetch) -> bytes:
        """Drops them."""
        return super().on_fetch(dataclasses.replace(asked, messages=self._read(asked.messages)))

    def on_store(self, asked: StoreFlags) -> bytes:
        """Drops them."""
        return super().on_store(dataclasses.replace(asked, messages=self._read(asked.messages)))

    def on_copy(self, asked: Copy) -> bytes:
        """Drops them."""
        return super().on_copy(dataclasses.replace(asked, messages=self._read(asked.messages)))

    def _read(self, messages: SequenceSet) -> SequenceSet:
        return _upwards(messages) if self.running.uid else messages


@fault(
    "fetch-drops-ranges-that-run-down",
    breaks="rfc3501/9/54",
    also={"imap/uids/uid_fetch_returns_what_fetch_does": "FETCH of the same messages returns less"},
)
class FetchDropsRangesThatRunDown(ImapCore):
    """A range of message numbers whose higher end comes first is an error, or is passed over."""

    def on_fetch(self, asked: Fetch) -> bytes:
        """Drops them."""
        messages = asked.messages if self.running.uid else _upwards(asked.messages)
        return super().on_fetch(dataclasses.replace(asked, messages=messages))


@fault(
    "sets-must-rise",
    breaks="rfc3501/9/55",
    also={"imap/uids/uid_fetch_returns_what_fetch_does": "FETCH of the same messages is refused"},
)
class SetsMustRise(ImapCore):
    """FETCH by message number is answered BAD where a number comes after a higher one."""

    def on_fetch(self, asked: Fetch) -> bytes:
        """Insists on an order."""
        starts = [min(a or 0, b or 0) for a, b in asked.messages.ranges if a and b]
        if not self.running.uid and starts != sorted(starts):
            raise GrammarError("numbers have to rise")
        return super().on_fetch(asked)


@fault("passes-over-numbers-beyond-the-last", breaks="rfc3501/9/53")
class PassesOverNumbersBeyondTheLast(ImapCore):
    """FETCH of a message number that is not there is answered OK."""

    def on_fetch(self, asked: Fetch) -> bytes:
        """Returns what there is."""
        count = len(self.selected.messages)
        fitting = tuple((a, b) for a, b in asked.messages.ranges if (a or 1) <= count and (b or 1) <= count)
        if self.running.uid or fitting == asked.messages.ranges:
            return super().on_fetch(asked)
        return super().on_fetch(dataclasses.replace(asked, messages=SequenceSet(fitting))) if fitting else b"nothing"


@fault("takes-number-0-for-1", breaks="rfc3501/9/47")
class TakesNumber0For1(ImapCore):
    """FETCH 0 returns the first message."""

    def on_command(self, raw: RawCommand) -> None:
        """Counts from 0 where it suits."""
        super().on_command(
            RawCommand((raw.lines[0].replace(b" FETCH 0 ", b" FETCH 1 "), *raw.lines[1:]), raw.literals, raw.refused)
        )


@fault("uid-only-where-it-is-asked-for", breaks="rfc3501/6.4.8/10")
class UidOnlyWhereItIsAskedFor(ImapCore):
    """UID FETCH returns the UID only if the command asks for it."""

    def items_to_send(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """Adds nothing."""
        return items


@fault("uid-search-returns-numbers", breaks=("rfc3501/6.4.8/4", "rfc3501/7.2.5/1"))
class UidSearchReturnsNumbers(ImapCore):
    """UID SEARCH answers with message numbers."""

    def found_numbers(self, numbers: list[int]) -> list[int]:
        """Does not translate."""
        return numbers


@fault("a-uid-that-is-gone-is-an-error", breaks=("rfc3501/6.4.8/2", "rfc3501/6.4.8/3"))
class AUidThatIsGoneIsAnError(ImapCore):
    """UID FETCH that meets no message is answered NO, unless the mailbox is empty."""

    def on_fetch(self, asked: Fetch) -> bytes:
        """Insists on a message."""
        view = self.selected
        view.refresh()
        if self.running.uid and view.messages and not view.numbers(asked.messages, uid=True):
            raise RefusedError("no such message")
        return super().on_fetch(asked)


@fault("a-range-above-the-last-is-empty", breaks="rfc3501/6.4.8/7")
class ARangeAboveTheLastIsEmpty(ImapCore):
    """`UID FETCH n:*` returns nothing where n is above the highest UID."""

    def on_fetch(self, asked: Fetch) -> bytes:
        """Does not turn the range round."""
        messages = self.selected.messages
        highest = messages[-1].uid if messages else 0
        kept = tuple(ends for ends in asked.messages.ranges if None not in ends or max(e or 0 for e in ends) <= highest)
        if self.running.uid and not kept:
            return b"nothing new"
        return super().on_fetch(dataclasses.replace(asked, messages=SequenceSet(kept)) if self.running.uid else asked)
