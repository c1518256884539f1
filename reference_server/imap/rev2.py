"""What is different after `ENABLE IMAP4rev2`, as far as it goes across commands (RFC 9051 Appendix A, E).

The answer to SEARCH is in `search`, UTF-8 in `utf8`. What RFC 9051 only calls deprecated (LSUB, CHECK, RFC822) is still
answered when it is asked for.
"""

from __future__ import annotations

from reference_server.imap.append import Append, AppendCommand
from reference_server.imap.fetch import UID, FetchCommands, Item
from reference_server.imap.grammar import GrammarError
from reference_server.imap.listing import ListCommands
from reference_server.imap.listing_options import Extended, Listing
from reference_server.imap.mailboxes import Create, Rename
from reference_server.imap.mime import RFC822_AND_GLOBAL
from reference_server.imap.names import INBOX
from reference_server.imap.parameters import Parameters, in_utf8
from reference_server.imap.selection import Selection
from reference_server.imap.view import View
from reference_server.stores import Mailbox

IN_FULL = Listing(b"", b"*", Extended((b"*",), frozenset(), {}))
"""As whom LIST responses are written for that nobody asked for."""


class Revision2(Selection, FetchCommands, AppendCommand, ListCommands):
    """Mixin: IMAP4rev2 where it differs from IMAP4rev1."""

    def select(self, wire_name: bytes, *, read_only: bool) -> None:
        """Tell the name too, and the one that was given if it is another (RFC 9051 §6.3.2, §6.3.9.7)."""
        super().select(wire_name, read_only=read_only)
        if self.speaks_rev2():
            self.tell_selected_name(wire_name)

    def tell_selected_name(self, given: bytes) -> None:
        """The LIST response that SELECT and EXAMINE owe."""
        name = self.name_of(given)
        self.tell_old_name(None if given == self.wire_name(name) else given, name)

    def tell_old_name(self, given: bytes | None, name: str) -> None:
        """A LIST response with the name that was given, if there is one (RFC 9051 §6.3.9.7)."""
        items = [] if given is None else [b'"OLDNAME" (%b)' % self.render_string(given)]
        self.tell_name(b"LIST", self.attributes_of(name, self.tree(), IN_FULL), self.wire_name(name), items)

    def is_another_name(self, given: bytes) -> bool:
        """Whether the client has to be told that the name it gave stands for another one."""
        return self.speaks_rev2() and given != self.wire_name(self.name_of(given))

    def on_create_for(self, asked: Create) -> bytes:
        """Tell the name that was made where it is not the one that was given (RFC 9051 §6.3.4)."""
        text = super().on_create_for(asked)
        given = asked.mailbox.removesuffix(self.delimiter)
        if self.is_another_name(given):
            self.tell_selected_name(given)
        return text

    def on_delete(self, wire_name: bytes) -> bytes:
        """So too, and that it is no more (RFC 9051 §6.3.5)."""
        text = super().on_delete(wire_name)
        if self.is_another_name(wire_name):
            self.tell_selected_name(wire_name)
        return text

    def on_rename(self, asked: Rename) -> bytes:
        """So too, with the old name as it was given (RFC 9051 §6.3.6); INBOX keeps its name."""
        text = super().on_rename(asked)
        moved = self.name_of(asked.old) != INBOX
        if moved and (self.is_another_name(asked.old) or self.is_another_name(asked.new)):
            self.tell_old_name(asked.old, self.name_of(asked.new))
        return text

    def on_append(self, asked: Append) -> bytes:
        """So too (RFC 9051 §6.3.12)."""
        text = super().on_append(asked)
        if self.is_another_name(asked.mailbox):
            self.tell_selected_name(asked.mailbox)
        return text

    def tell_first_unseen(self) -> None:
        """UNSEEN is deprecated (RFC 9051 §7.1)."""
        if not self.speaks_rev2():
            super().tell_first_unseen()

    def tell_recent(self) -> None:
        """RECENT is no longer told (RFC 9051 Appendix E, 12)."""
        if not self.speaks_rev2():
            super().tell_recent()

    def status_recent(self, mailbox: Mailbox) -> int:
        """RECENT is no status item any more (RFC 9051 §9, status-att)."""
        if self.speaks_rev2():
            raise GrammarError("no such status item")
        return super().status_recent(mailbox)

    def render_flags(self, flags: frozenset[str]) -> bytes:
        """\\Recent is no flag any more (RFC 9051 §2.3.2)."""
        return super().render_flags(flags - {"\\Recent"} if self.speaks_rev2() else flags)

    def tells_uids(self) -> bool:
        """FETCH responses that nobody asked for have to have the UID (RFC 9051 §7.5.2)."""
        return self.speaks_rev2() or super().tells_uids()

    def open_view(self, mailbox: Mailbox, *, read_only: bool) -> View:
        """MESSAGE/GLOBAL is a message too (RFC 9051 §9, media-message)."""
        view = super().open_view(mailbox, read_only=read_only)
        if self.speaks_rev2():
            view.inner = RFC822_AND_GLOBAL
        return view

    def body_parameters(self, parameters: Parameters) -> bytes:
        """Values that have a charset are decoded (RFC 9051 §7.5.2)."""
        return super().body_parameters(in_utf8(parameters) if self.speaks_rev2() else parameters)

    def news_of_flags(self) -> list[Item]:
        """So do those of messages that became \\Seen."""
        items = super().news_of_flags()
        return [*items, UID] if self.speaks_rev2() and UID not in items else items
