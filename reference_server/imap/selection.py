"""SELECT, EXAMINE, CHECK, CLOSE and EXPUNGE (RFC 3501 §6.3.1, §6.3.2, §6.4.1 to §6.4.3).

With UNSELECT (RFC 3691) and UID EXPUNGE (RFC 4315).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reference_server.imap.condstore import CONDSTORE
from reference_server.imap.grammar import Cursor, SequenceSet, no_arguments
from reference_server.imap.modifiers import read_modifiers
from reference_server.imap.names import Names, parse_mailbox
from reference_server.imap.qresync import QuickResync, Resync, parse_qresync
from reference_server.imap.rights import WRITING
from reference_server.imap.session import RefusedError, State
from reference_server.imap.view import View
from reference_server.stores import Mailbox


@dataclass(frozen=True, slots=True)
class Select:
    """Arguments of SELECT and EXAMINE: the mailbox as on the wire, and parameters."""

    mailbox: bytes
    condstore: bool = False
    known: Resync | None = None


# select-param = "CONDSTORE" / "QRESYNC" SP "(" ... ")"                                    (RFC 4466 §6, RFC 7162 §7)
PARAMETERS: Mapping[bytes, Callable[[Cursor], Resync | None]] = MappingProxyType({
    b"CONDSTORE": no_arguments,
    b"QRESYNC": parse_qresync,
})  # fmt: skip


def parse_select(cursor: Cursor) -> Select:
    """`select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]`; EXAMINE likewise (RFC 4466 §2.1)."""
    mailbox = parse_mailbox(cursor)
    given = read_modifiers(cursor, PARAMETERS) if cursor.skip(b" ") else {}
    return Select(mailbox, condstore=b"CONDSTORE" in given, known=given.get(b"QRESYNC"))


def parse_uids(cursor: Cursor) -> SequenceSet:
    """`uid-expunge = "UID" SP "EXPUNGE" SP sequence-set`."""
    cursor.space()
    return cursor.sequence_set()


class Selection(QuickResync, Names):
    """Mixin: entering and leaving a mailbox, and removing what is marked."""

    def on_select(self, asked: Select) -> bytes:
        """Answer SELECT."""
        self.select_with(asked, read_only=False)
        return b"[READ-ONLY] SELECT completed" if self.selected.read_only else b"[READ-WRITE] SELECT completed"

    def on_examine(self, asked: Select) -> bytes:
        """Answer EXAMINE: SELECT, but nothing changes, not even \\Recent (RFC 3501 §6.3.2)."""
        self.select_with(asked, read_only=True)
        return b"[READ-ONLY] EXAMINE completed"

    def select_with(self, asked: Select, *, read_only: bool) -> None:
        """Enter the mailbox, and do what the parameters ask for."""
        if asked.known is not None:
            self.require_qresync()
        if asked.condstore:
            self.enabled.add(CONDSTORE)
        self.select(asked.mailbox, read_only=read_only)
        if asked.known is not None:
            self.resynchronize(asked.known)

    def leave(self) -> None:
        """Leave the mailbox that is open, and say so: what comes next is of another one (RFC 7162 §3.2.11)."""
        if self.view is not None:
            self.let_go()
            self.tell_closed()

    def tell_closed(self) -> None:
        """CLOSED, told whatever was enabled (RFC 7162 §3.2.11)."""
        self.untagged(b"OK [CLOSED] previous mailbox left")

    def select(self, wire_name: bytes, *, read_only: bool) -> None:
        """Enter a mailbox, and leave another if need be; if that fails none is selected (RFC 3501 §6.3.1)."""
        self.leave()
        mailbox = self.existing(wire_name)
        # Whoever can change nothing is told so at once (RFC 4314 §5.2).
        self.view = self.open_view(mailbox, read_only=read_only or not self.rights_on(mailbox) & WRITING)
        self.view.rights = self.rights_on(mailbox)
        self.view.refresh()
        self.view.admit()
        self.view.new_keywords()
        self.state = State.SELECTED
        self.tell_mailbox()

    def open_view(self, mailbox: Mailbox, *, read_only: bool) -> View:
        """What the session knows of the mailbox from now on."""
        return View(mailbox, read_only=read_only, on_change=self.mailbox_changed)

    def tell_mailbox(self) -> None:
        """The untagged data that SELECT and EXAMINE owe (RFC 3501 §6.3.1)."""
        self.tell_flags_defined()
        self.tell_sizes()
        self.tell_first_unseen()
        self.tell_permanent_flags()
        self.tell_uid_next()
        self.tell_uid_validity()
        self.tell_mailbox_id()
        self.tell_highest_modseq()

    def tell_mailbox_id(self) -> None:
        """MAILBOXID (RFC 8474 §4.2)."""
        self.untagged(b"OK [MAILBOXID %b] stays with the mailbox" % self.object_id(self.selected.mailbox))

    def tell_first_unseen(self) -> None:
        """UNSEEN; there is no such number if all are seen (RFC 3501 §7.1)."""
        number = self.selected.first_unseen()
        if number is not None:
            self.untagged(b"OK [UNSEEN %d] first unseen message" % number)

    def tell_uid_next(self) -> None:
        """UIDNEXT (RFC 3501 §2.3.1.1)."""
        self.untagged(b"OK [UIDNEXT %d] next UID" % self.selected.mailbox.uid_next)

    def tell_uid_validity(self) -> None:
        """UIDVALIDITY (RFC 3501 §2.3.1.1)."""
        self.untagged(b"OK [UIDVALIDITY %d] UIDs valid" % self.validity_of(self.selected.mailbox))

    def mailbox_changed(self) -> None:
        """The store says so, perhaps from another thread: only IDLE lets it be told at once, and NOTIFY."""
        if self.listens():
            self.request_wake()

    def on_check(self, _: None) -> bytes:
        """Answer CHECK: nothing here needs housekeeping (RFC 3501 §6.4.1)."""
        return b"CHECK completed"

    def on_close(self, _: None) -> bytes:
        """Answer CLOSE: removes what is marked and tells nothing of it (RFC 3501 §6.4.2)."""
        if not self.selected.read_only and self.may_here("e"):
            self.remove(self.deleted_uids())
        self.let_go()
        return b"CLOSE completed"

    def on_unselect(self, _: None) -> bytes:
        """Answer UNSELECT: CLOSE that removes nothing (RFC 3691 §2)."""
        self.let_go()
        return b"UNSELECT completed"

    def on_expunge(self, _: None) -> bytes:
        """Answer EXPUNGE; the responses come with the changes that every command tells (RFC 3501 §6.4.3)."""
        self.require_write()
        self.require_here("e")
        uids = self.deleted_uids()
        self.remove(uids)
        return self.code_after_removal(uids) + b"EXPUNGE completed"

    def on_uid_expunge(self, wanted: SequenceSet) -> bytes:
        """Answer UID EXPUNGE: only what is both marked and named (RFC 4315 §2.1)."""
        self.require_write()
        self.require_here("e")
        view = self.selected
        view.refresh()
        named = {view.messages[number - 1].uid for number in view.numbers(wanted, uid=True)}
        uids = [uid for uid in self.deleted_uids() if uid in named]
        self.remove(uids)
        return self.code_after_removal(uids) + b"UID EXPUNGE completed"

    def require_write(self) -> None:
        """Refuse changes to a mailbox that is only examined."""
        if self.selected.read_only:
            raise RefusedError("the mailbox is read-only")

    def require_here(self, rights: str) -> None:
        """Refuse what takes rights in the selected mailbox that the user does not have (RFC 4314 §4)."""
        if not all(map(self.may_here, rights)):
            raise RefusedError("you may not do that here", code=b"NOPERM")

    def deleted_uids(self) -> list[int]:
        """UIDs of all messages with \\Deleted, whether the client knows of them or not (RFC 3501 §6.4.3)."""
        return [message.uid for message in self.selected.mailbox.messages if "\\Deleted" in message.flags]

    def remove(self, uids: list[int]) -> None:
        """Remove messages for good."""
        self.selected.mailbox.expunge(uids)
