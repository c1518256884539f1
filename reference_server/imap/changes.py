"""Telling a session, unasked, what changed in its mailbox: EXPUNGE, EXISTS, RECENT, FETCH (RFC 3501 §5.2, §7)."""

from __future__ import annotations

from reference_server.imap.access import Permissions
from reference_server.imap.condstore import ModSequences
from reference_server.imap.grammar import SYSTEM_FLAGS
from reference_server.imap.responses import parenthesized
from reference_server.imap.rights import ALL

# RFC 3501 §7.4.1: numbers must not change while a command is answered that names messages by them. The UID forms are
# other commands, and free to. SORT and THREAD: RFC 5256 §3.
WITHOUT_EXPUNGE = frozenset({b"FETCH", b"STORE", b"SEARCH", b"SORT", b"THREAD"})
"""Commands during which no EXPUNGE response may be sent."""


class Changes(Permissions, ModSequences):
    """Mixin: untagged data that no command asked for."""

    def tell_changes(self) -> None:
        """Tell all that may be told at this moment; the client's numbers change only here."""
        view = self.view
        if view is None:
            return
        if view.rights is not (rights := self.rights_on(view.mailbox)):
            self.tell_rights(rights)
        view.refresh()
        modseq_is_owed = False
        if view.gone and self.may_tell_expunges():
            modseq_is_owed = self.tell_gone()
        if view.arrived:
            view.admit()
            self.tell_sizes()
        if self.tells_flag_changes() and (changed := view.changed_flags(or_modseq=self.tells_modseqs())):
            self.tell_new_keywords()
            for number in changed:
                self.tell_flags(number)
        if modseq_is_owed or (view.gone and self.tells_modseqs()):
            # The client may have heard of greater mod-sequences than those of removals that it has yet to be told of.
            self.tell_highest_modseq()

    def tells_flag_changes(self) -> bool:
        """Whether the client wants to know of flags that others changed."""
        return True

    def may_tell_expunges(self) -> bool:
        """Not while a command by message number is answered (RFC 3501 §7.4.1)."""
        return self.running.verb not in WITHOUT_EXPUNGE

    def tell_gone(self) -> bool:
        """Tell which messages are no more, and close the gaps; whether HIGHESTMODSEQ has to follow."""
        for number in self.expunge_numbers(self.selected.drop_gone()):
            self.tell_expunge(number)
        return False

    def expunge_numbers(self, gone: list[int]) -> list[int]:
        """What to send for messages that had these numbers: each response moves all later ones down at once."""
        return [number - earlier for earlier, number in enumerate(gone)]

    def tell_expunge(self, number: int) -> None:
        """One EXPUNGE response (RFC 3501 §7.4.1)."""
        self.untagged(b"%d EXPUNGE" % number)

    def tell_sizes(self) -> None:
        """EXISTS and RECENT (RFC 3501 §7.3)."""
        self.untagged(b"%d EXISTS" % self.exists_count())
        self.tell_recent()

    def tell_recent(self) -> None:
        """RECENT (RFC 3501 §7.3.2)."""
        self.untagged(b"%d RECENT" % self.recent_count())

    def exists_count(self) -> int:
        """How many messages the client has to reckon with."""
        return len(self.selected.messages)

    def recent_count(self) -> int:
        """How many of them are \\Recent (RFC 3501 §2.3.2)."""
        return self.selected.recent_count()

    def tell_flags(self, number: int) -> None:
        """A message's flags, and what goes with them."""
        self.tell_news(number, [b"FLAGS " + self.flags_of(number)])

    def tell_news(self, number: int, items: list[bytes]) -> None:
        """A FETCH response that the client did not ask for, with UID and MODSEQ where these are owed."""
        if self.tells_uids():
            items.append(b"UID %d" % self.selected.messages[number - 1].uid)
        if self.tells_modseqs():
            items.append(b"MODSEQ (%d)" % self.modseq_of(number))
        self.untagged(b"%d FETCH %b" % (number, parenthesized(items)))

    def tells_uids(self) -> bool:
        """Always while a UID command runs (RFC 3501 §6.4.8), and with mod-sequences (RFC 7162 §3.2.4)."""
        return self.running.uid or self.tells_modseqs()

    def tell_new_keywords(self) -> None:
        """FLAGS and PERMANENTFLAGS anew once there are keywords that they did not list (RFC 3501 §7.2.6)."""
        if self.selected.new_keywords():
            self.tell_flags_defined()
            self.tell_permanent_flags()

    def tell_rights(self, rights: frozenset[str]) -> None:
        """FLAGS and PERMANENTFLAGS anew if what the user may do has changed meanwhile (RFC 4314 §5.1.1)."""
        if rights != self.selected.rights:
            self.selected.rights = rights
            self.tell_flags_defined()
            self.tell_permanent_flags()

    def tell_flags_defined(self) -> None:
        """FLAGS: what is defined in this mailbox."""
        self.untagged(b"FLAGS " + parenthesized(self.flags_defined()))

    def tell_permanent_flags(self) -> None:
        """PERMANENTFLAGS: what the client can change for good; nothing in a mailbox that is only examined."""
        self.untagged(b"OK [PERMANENTFLAGS %b] flags that stay" % parenthesized(self.permanent_flags()))

    def flags_defined(self) -> list[bytes]:
        """System flags, then keywords."""
        return [flag.encode("ascii") for flag in (*SYSTEM_FLAGS, *sorted(self.selected.keywords))]

    def permanent_flags(self) -> list[bytes]:
        """All flags, and `\\*`: new keywords may be made by using them."""
        flags = [] if self.selected.read_only else [*self.flags_defined(), b"\\*"]
        return flags if self.rights_here() is ALL else [flag for flag in flags if self.may_change(flag.decode("ascii"))]

    def flags_of(self, number: int) -> bytes:
        """The flag list of a message, which the client is told with this."""
        return self.render_flags(self.selected.note_told(number))

    def render_flags(self, flags: frozenset[str]) -> bytes:
        """`flag-list` in a steady order: system flags first."""
        order = sorted(flags, key=lambda flag: (not flag.startswith("\\"), flag))
        return parenthesized(flag.encode("ascii") for flag in order)
