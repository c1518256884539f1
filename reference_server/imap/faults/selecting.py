"""Planted faults of SELECT, EXAMINE and IDLE (RFC 3501 §6.3.1, §6.3.2; RFC 2177)."""

from __future__ import annotations

import dataclasses

from reference_server.imap.commands import ANY, Command
from reference_server.imap.core import ImapCore
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.literals import Line
from reference_server.imap.selection import Select
from reference_server.imap.session import RefusedError
from reference_server.registry import fault


@fault("select-tells-no-uidnext", breaks="rfc3501/6.3.1/1")
class SelectTellsNoUidnext(ImapCore):
    """SELECT leaves UIDNEXT out; EXAMINE tells it."""

    def tell_uid_next(self) -> None:
        """Says nothing after SELECT."""
        if self.selected.read_only:
            super().tell_uid_next()


@fault("examine-tells-no-flags", breaks="rfc3501/6.3.2/1")
class ExamineTellsNoFlags(ImapCore):
    """EXAMINE leaves FLAGS out."""

    def tell_flags_defined(self) -> None:
        """Says nothing after EXAMINE."""
        if not self.selected.read_only:
            super().tell_flags_defined()


@fault("examine-says-read-write", breaks="rfc3501/6.3.2/4")
class ExamineSaysReadWrite(ImapCore):
    """The tagged OK of EXAMINE has the code of SELECT."""

    def on_examine(self, asked: Select) -> bytes:
        """Promises too much."""
        return super().on_examine(asked).replace(b"READ-ONLY", b"READ-WRITE")


@fault("select-says-nothing-of-writing", breaks="rfc3501/6.3.1/14")
class SelectSaysNothingOfWriting(ImapCore):
    """The tagged OK of SELECT has no code."""

    def on_select(self, asked: Select) -> bytes:
        """Leaves the client to guess."""
        return super().on_select(asked).replace(b"[READ-WRITE] ", b"")


@fault("defines-no-draft", breaks="rfc3501/7.2.6/1")
class DefinesNoDraft(ImapCore):
    """FLAGS lists the system flags without \\Draft."""

    def flags_defined(self) -> list[bytes]:
        """Forgets one."""
        return [flag for flag in super().flags_defined() if flag != b"\\Draft"]


@fault("exists-leaves-the-deleted-out", breaks=("rfc3501/6.3.1/6", "rfc3501/7.3.1/1"))
class ExistsLeavesTheDeletedOut(ImapCore):
    """EXISTS at selection counts only messages that are not flagged \\Deleted."""

    def exists_count(self) -> int:
        """Counts ahead of EXPUNGE."""
        if self.running.verb not in (b"SELECT", b"EXAMINE"):
            return super().exists_count()
        return sum("\\Deleted" not in message.flags for message in self.selected.messages)


@fault(
    "recent-is-never-over",
    breaks=("rfc3501/6.3.1/7", "rfc3501/7.3.2/1"),
)
class RecentIsNeverOver(ImapCore):
    """RECENT is the count of all messages."""

    def recent_count(self) -> int:
        """Counts what is there."""
        return len(self.selected.messages)


@fault("unseen-names-the-last", breaks=("rfc3501/6.3.1/8", "rfc3501/7.1/15"))
class UnseenNamesTheLast(ImapCore):
    """UNSEEN is the number of the last message, unless all are seen."""

    def tell_first_unseen(self) -> None:
        """Looks from the wrong end."""
        if self.selected.first_unseen() is not None:
            self.untagged(b"OK [UNSEEN %d] unseen message" % len(self.selected.messages))


@fault("a-select-that-fails-changes-nothing", breaks="rfc3501/6.3.1/13")
class ASelectThatFailsChangesNothing(ImapCore):
    """After a SELECT that was refused the mailbox of before is still selected."""

    def select(self, wire_name: bytes, *, read_only: bool) -> None:
        """Looks before it leaves."""
        self.existing(wire_name)
        super().select(wire_name, read_only=read_only)


@fault("a-missing-mailbox-is-bad", breaks="rfc3501/6.3.1/2")
class AMissingMailboxIsBad(ImapCore):
    """SELECT of a mailbox that is not there is answered BAD."""

    def select(self, wire_name: bytes, *, read_only: bool) -> None:
        """Blames the syntax."""
        try:
            super().select(wire_name, read_only=read_only)
        except RefusedError as error:
            raise GrammarError("no such mailbox") from error


@fault("selects-another-in-name-only", breaks="rfc3501/6.3.1/12")
class SelectsAnotherInNameOnly(ImapCore):
    """SELECT of another mailbox tells of that one, and commands go on working on the one before."""

    def select(self, wire_name: bytes, *, read_only: bool) -> None:
        """Keeps the old view where the name is another."""
        before = self.view
        super().select(wire_name, read_only=read_only)
        if before is not None and before.mailbox is not self.selected.mailbox and not read_only:
            self.view = before


@fault("idles-only-in-a-mailbox", breaks=("rfc2177/3/5", "rfc2177/3/2"))
class IdlesOnlyInAMailbox(ImapCore):
    """IDLE is refused while no mailbox is selected."""

    def on_idle(self, _: None) -> None:
        """Wants a mailbox."""
        if self.view is None:
            raise RefusedError("nothing is selected")
        super().on_idle(None)


@fault("knows-done-in-capitals-only", breaks="rfc2177/3/7")
class KnowsDoneInCapitalsOnly(ImapCore):
    """`done` does not end IDLE well."""

    def on_done(self, line: Line) -> None:
        """Compares octets."""
        super().on_done(Line(b"?") if line.octets != b"DONE" else line)


@fault("idles-before-log-in", breaks="rfc2177/4/1")
class IdlesBeforeLogIn(ImapCore):
    """IDLE works before log-in."""

    def read_head(self, cursor: Cursor) -> tuple[bytes, bytes, Command]:
        """Takes it in any state."""
        tag, name, command = super().read_head(cursor)
        return tag, name, dataclasses.replace(command, valid_in=ANY) if name == b"IDLE" else command
