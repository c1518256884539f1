"""Planted faults of message numbers and removal (RFC 3501 §5.2, §6.4.2, §6.4.3, §7.4.1; RFC 4315 §2.1)."""

from __future__ import annotations

from reference_server.imap.core import ImapCore
from reference_server.imap.grammar import SequenceSet
from reference_server.registry import fault

WRONG_NUMBERS = {
    "imap/expunge/keeps_count_over_expunge_and_append": "the numbers told are beyond the count, or too few",
    "imap/expunge/tells_what_another_session_expunged": "the numbers told are beyond the count, or others",
}


@fault("expunge-stops-after-one", breaks="rfc3501/6.4.3/2")
class ExpungeStopsAfterOne(ImapCore):
    """EXPUNGE removes the first message that is flagged \\Deleted and leaves the others."""

    def deleted_uids(self) -> list[int]:
        """Finds one."""
        found = super().deleted_uids()
        return found[:1] if self.running.verb == b"EXPUNGE" else found


@fault(
    "expunge-tells-the-numbers-of-before",
    breaks=("rfc3501/7.4.1/2", "rfc3501/7.4.1/1", "rfc3501/2.3.1.2/4"),
    also=WRONG_NUMBERS,
)
class ExpungeTellsTheNumbersOfBefore(ImapCore):
    """Tells the numbers that the messages had before any of them was removed."""

    def expunge_numbers(self, gone: list[int]) -> list[int]:
        """Does not count down."""
        return gone


@fault(
    "expunge-tells-of-one-less",
    breaks="rfc3501/6.4.3/3",
    also={
        **WRONG_NUMBERS,
        "imap/expunge/lowers_later_numbers_with_each_expunge": "the client counts a message that is gone",
    },
)
class ExpungeTellsOfOneLess(ImapCore):
    """Leaves the last of several EXPUNGE responses out."""

    def expunge_numbers(self, gone: list[int]) -> list[int]:
        """Drops one."""
        found = super().expunge_numbers(gone)
        return found[:-1] if len(found) > 1 else found


@fault(
    "exists-lowers-the-count",
    breaks=("rfc3501/5.2/5", "rfc3501/2.3.1.2/5"),
    also={"imap/append/tells_the_new_count_at_once": "the count told is not the new one"},
)
class ExistsLowersTheCount(ImapCore):
    """After APPEND the count told leaves two messages out."""

    def exists_count(self) -> int:
        """Counts wrongly."""
        return max(super().exists_count() - 2 * (self.running.verb == b"APPEND"), 0)


@fault(
    "keeps-removals-to-itself",
    breaks="rfc3501/7/8",
    also={"imap/idle/loses_no_news_while_it_runs": "what another session removed is not told there either"},
)
class KeepsRemovalsToItself(ImapCore):
    """Tells EXPUNGE only to the session that expunges."""

    def may_tell_expunges(self) -> bool:
        """Never by the way."""
        return self.running.verb in (b"EXPUNGE", b"UID EXPUNGE", b"MOVE", b"UID MOVE")


@fault("noop-tells-of-no-new-message", breaks=("rfc3501/7/7", "rfc3501/7.3.1/2", "rfc3501/5.2/3"))
class NoopTellsOfNoNewMessage(ImapCore):
    """NOOP does not look for new messages."""

    def tell_changes(self) -> None:
        """Overlooks them."""
        if self.view is not None and self.running.verb == b"NOOP":
            self.view.refresh()
            self.view.arrived = []
        super().tell_changes()


@fault("tells-removals-during-fetch", breaks=("rfc3501/7.4.1/4",))
class TellsRemovalsDuringFetch(ImapCore):
    """Sends EXPUNGE whenever there is one, during FETCH, STORE and SEARCH too."""

    def may_tell_expunges(self) -> bool:
        """Always."""
        return True


@fault("close-removes-nothing", breaks="rfc3501/6.4.2/2")
class CloseRemovesNothing(ImapCore):
    """CLOSE leaves the mailbox as it is."""

    def on_close(self, _: None) -> bytes:
        """Is UNSELECT."""
        self.let_go()
        return b"CLOSE completed"


@fault("close-tells-what-it-removes", breaks="rfc3501/6.4.2/3")
class CloseTellsWhatItRemoves(ImapCore):
    """CLOSE sends EXPUNGE responses."""

    def on_close(self, _: None) -> bytes:
        """Is EXPUNGE first."""
        if not self.selected.read_only:
            self.remove(self.deleted_uids())
            self.tell_changes()
        self.let_go()
        return b"CLOSE completed"


@fault("close-removes-in-what-is-only-examined", breaks="rfc3501/6.4.2/4")
class CloseRemovesInWhatIsOnlyExamined(ImapCore):
    """CLOSE removes messages after EXAMINE too."""

    def on_close(self, _: None) -> bytes:
        """Does not ask how the mailbox was opened."""
        self.remove(self.deleted_uids())
        self.let_go()
        return b"CLOSE completed"


@fault(
    "selecting-another-removes",
    breaks="rfc3501/6.4.2/6",
    also={"imap/select/tells_the_true_count": "what was only flagged is gone when the mailbox is selected again"},
)
class SelectingAnotherRemoves(ImapCore):
    """SELECT and EXAMINE do what CLOSE does to the mailbox that was open."""

    def select(self, wire_name: bytes, *, read_only: bool) -> None:
        """Tidies up before it leaves."""
        if self.view is not None and not self.view.read_only:
            self.remove(self.deleted_uids())
        super().select(wire_name, read_only=read_only)


@fault("uid-expunge-removes-all-that-is-deleted", breaks="rfc4315/2.1/3")
class UidExpungeRemovesAllThatIsDeleted(ImapCore):
    """UID EXPUNGE pays no heed to its UIDs."""

    def on_uid_expunge(self, wanted: SequenceSet) -> bytes:
        """Is EXPUNGE."""
        return self.on_expunge(None)


@fault("forgets-what-came-while-idling", breaks="rfc2177/3/6")
class ForgetsWhatCameWhileIdling(ImapCore):
    """Tells nothing while IDLE runs, and takes it for told when it ends."""

    def on_wake(self) -> None:
        """Sleeps on."""

    def on_idle(self, _: None) -> None:
        """Notes that it idles."""
        self.idled = True
        super().on_idle(None)

    def tell_changes(self) -> None:
        """Overlooks messages that are new after IDLE, until the mailbox changes again."""
        if self.view is not None and self.idled and not self.idling:
            self.view.refresh()
            self.view.arrived = []
        super().tell_changes()

    idled = False
