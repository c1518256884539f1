"""Planted faults of mailbox names, CREATE, DELETE and RENAME (RFC 3501 §4.5, §5.1, §6.3.3 to §6.3.5)."""

from __future__ import annotations

from collections.abc import Sequence

from reference_server.imap.core import ImapCore
from reference_server.imap.grammar import GrammarError
from reference_server.imap.mailboxes import Rename
from reference_server.imap.names import DELIMITER, INBOX
from reference_server.imap.session import RefusedError
from reference_server.registry import fault
from reference_server.stores import Mailbox


@fault("folds-the-case-of-names", breaks=("rfc3501/5.1.3/8", "rfc3501/5.1/6"))
class FoldsTheCaseOfNames(ImapCore):
    """LIST shows all names in small letters, the base64 of modified UTF-7 among them."""

    def tell_name(
        self, response: bytes, attributes: list[bytes], wire_name: bytes, items: Sequence[bytes] = ()
    ) -> None:
        """In small letters, in LIST."""
        super().tell_name(response, attributes, wire_name.lower() if response == b"LIST" else wire_name, items)


@fault("takes-nil-for-no-name", breaks="rfc3501/4.5/2")
class TakesNilForNoName(ImapCore):
    """NIL as a mailbox name is taken for a missing argument."""

    def name_of(self, wire_name: bytes) -> str:
        """Finds none."""
        if wire_name.upper() == b"NIL":
            raise GrammarError("a mailbox name is missing")
        return super().name_of(wire_name)


@fault("knows-inbox-in-capitals-only", breaks=("rfc3501/5.1/4", "rfc3501/9/38"))
class KnowsInboxInCapitalsOnly(ImapCore):
    """INBOX in small letters is a mailbox that does not exist."""

    def existing(self, wire_name: bytes, *, code: bytes = b"NONEXISTENT") -> Mailbox:
        """Goes by the case."""
        if wire_name != wire_name.upper() and wire_name.upper() == b"INBOX":
            raise RefusedError("there is no such mailbox", code=code)
        return super().existing(wire_name, code=code)


@fault("takes-any-ampersand", breaks=("rfc3501/5.1.3/9", "rfc3501/5.1.3/4"))
class TakesAnyAmpersand(ImapCore):
    """A name that is no modified UTF-7 is taken as it is."""

    def name_of(self, wire_name: bytes) -> str:
        """Where it is ASCII at least."""
        try:
            return super().name_of(wire_name)
        except RefusedError:
            if not wire_name.isascii():
                raise
            return wire_name.decode("ascii")


@fault("takes-eight-bit-names", breaks=("rfc3501/5.1/3", "rfc3501/5.1/1"))
class TakesEightBitNames(ImapCore):
    """A name with 8-bit octets is taken for ISO 8859-1."""

    def name_of(self, wire_name: bytes) -> str:
        """As it comes."""
        return super().name_of(wire_name) if wire_name.isascii() else wire_name.decode("latin-1")


@fault("creates-what-is-there", breaks="rfc3501/6.3.3/2")
class CreatesWhatIsThere(ImapCore):
    """CREATE of a mailbox that exists is answered OK."""

    def on_create(self, wire_name: bytes) -> bytes:
        """Minds nothing."""
        name = self.name_of(wire_name)
        if name != INBOX and self.user.mailbox(name):
            return b"CREATE completed"
        return super().on_create(wire_name)


@fault("creates-inbox", breaks="rfc3501/9/27")
class CreatesInbox(ImapCore):
    """CREATE INBOX is answered OK."""

    def on_create(self, wire_name: bytes) -> bytes:
        """It is there, after all."""
        return b"CREATE completed" if self.name_of(wire_name) == INBOX else super().on_create(wire_name)


@fault("refuses-a-delimiter-at-the-end", breaks="rfc3501/6.3.3/4")
class RefusesDelimiterAtTheEnd(ImapCore):
    """CREATE of a name with the delimiter at its end is answered NO."""

    def on_create(self, wire_name: bytes) -> bytes:
        """Finds it empty below."""
        if wire_name.endswith(self.delimiter):
            raise RefusedError("the last level has no name")
        return super().on_create(wire_name)


@fault("wants-the-level-above-first", breaks=("rfc3501/6.3.3/6", "rfc3501/6.3.3/7"))
class WantsTheLevelAboveFirst(ImapCore):
    """CREATE below a mailbox that does not exist is answered NO."""

    def on_create(self, wire_name: bytes) -> bytes:
        """One level at a time."""
        above = self.name_of(wire_name).removesuffix(DELIMITER).rpartition(DELIMITER)[0]
        if above and self.user.mailbox(above) is None:
            raise RefusedError("there is nothing to put it below")
        return super().on_create(wire_name)


@fault("has-one-uidvalidity-for-all", breaks=("rfc3501/6.3.3/8", "rfc3501/2.3.1.1/13", "rfc3501/6.3.4/9"))
class HasOneUidvalidityForAll(ImapCore):
    """UIDVALIDITY is the same for every mailbox that ever was."""

    def validity_of(self, mailbox: Mailbox) -> int:
        """A popular number."""
        return 1


@fault("deletes-what-is-not-there", breaks="rfc3501/6.3.4/3")
class DeletesWhatIsNotThere(ImapCore):
    """DELETE of a mailbox that does not exist is answered OK."""

    def on_delete(self, wire_name: bytes) -> bytes:
        """It is gone, after all."""
        name = self.name_of(wire_name)
        if self.user.mailbox(name) is None and name not in self.implied_names(set(self.user.names())):
            return b"DELETE completed"
        return super().on_delete(wire_name)


@fault("deletes-inbox", breaks="rfc3501/9/30")
class DeletesInbox(ImapCore):
    """DELETE INBOX is answered OK."""

    def on_delete(self, wire_name: bytes) -> bytes:
        """Says so, but the mail of the next check is still wanted."""
        return b"DELETE completed" if self.name_of(wire_name) == INBOX else super().on_delete(wire_name)


@fault("keeps-deleted-mailboxes", breaks=("rfc3501/6.3.4/2", "rfc3501/6.3.4/1", "rfc3501/6.3.4/8", "rfc3501/6.3.4/6"))
class KeepsDeletedMailboxes(ImapCore):
    """DELETE is answered OK and does nothing."""

    def on_delete(self, wire_name: bytes) -> bytes:
        """Lets it be, if it is there."""
        name = self.name_of(wire_name)
        if name == INBOX or self.user.mailbox(name) is None:
            return super().on_delete(wire_name)
        return b"DELETE completed"


@fault(
    "deletes-what-is-below",
    breaks=("rfc3501/6.3.4/4", "rfc3501/6.3.4/5"),
    also={"imap/list/names_levels_for_a_percent_sign_at_the_end": "the level goes when what is below it does"},
)
class DeletesWhatIsBelow(ImapCore):
    """DELETE takes the mailboxes below along."""

    def on_delete(self, wire_name: bytes) -> bytes:
        """The lower ones first."""
        start = self.name_of(wire_name) + DELIMITER
        for name in [name for name in self.user.names() if name.startswith(start)]:
            self.user.delete(name)
        return super().on_delete(wire_name)


@fault(
    "lists-deleted-levels-as-mailboxes",
    breaks=("rfc3501/6.3.4/8", "rfc3501/6.3.8/20"),
    also={"imap/lsub/names_the_level_above_for_a_percent_sign": "LSUB shows a mere level with the same attributes"},
)
class ListsDeletedLevelsAsMailboxes(ImapCore):
    """A level that is no mailbox is listed without \\Noselect."""

    def attributes(self, *, selectable: bool, has_children: bool) -> list[bytes]:
        """Whatever stands behind the name."""
        return super().attributes(selectable=True, has_children=has_children)


@fault("deletes-levels", breaks="rfc3501/6.3.4/6")
class DeletesLevels(ImapCore):
    """DELETE of a \\Noselect name with others below it is answered OK."""

    def on_delete(self, wire_name: bytes) -> bytes:
        """There is nothing to do."""
        if self.name_of(wire_name) in self.implied_names(set(self.user.names())):
            return b"DELETE completed"
        return super().on_delete(wire_name)


@fault(
    "leaves-the-old-name-behind",
    breaks="rfc3501/6.3.5/1",
    also={"imap/rename/takes_the_mailboxes_below_along": "the old name of the mailbox itself is still there"},
)
class LeavesTheOldNameBehind(ImapCore):
    """RENAME leaves an empty mailbox under the old name."""

    def on_rename(self, asked: Rename) -> bytes:
        """Makes it anew."""
        text = super().on_rename(asked)
        old = self.name_of(asked.old)
        if old != INBOX:
            self.user.create(old)
        return text


@fault("renames-onto-what-is-there", breaks="rfc3501/6.3.5/2")
class RenamesOntoWhatIsThere(ImapCore):
    """RENAME to a name that exists takes that mailbox's place."""

    def on_rename(self, asked: Rename) -> bytes:
        """Makes room."""
        new = self.name_of(asked.new)
        if new != INBOX and self.user.mailbox(new):
            self.user.delete(new)
        return super().on_rename(asked)


@fault("renames-to-inbox", breaks="rfc3501/9/49")
class RenamesToInbox(ImapCore):
    """RENAME to INBOX is answered OK."""

    def on_rename(self, asked: Rename) -> bytes:
        """Says so."""
        return b"RENAME completed" if self.name_of(asked.new) == INBOX else super().on_rename(asked)


@fault("renames-what-is-below-not", breaks="rfc3501/6.3.5/4")
class RenamesWhatIsBelowNot(ImapCore):
    """RENAME leaves the mailboxes below under the old name."""

    def on_rename(self, asked: Rename) -> bytes:
        """Puts them back."""
        text = super().on_rename(asked)
        old, new = self.name_of(asked.old), self.name_of(asked.new)
        if old != INBOX:
            # What is deeper goes along with the level above it.
            start, depth = new + DELIMITER, new.count(DELIMITER) + 1
            for name in [n for n in self.user.names() if n.startswith(start) and n.count(DELIMITER) == depth]:
                self.user.rename(name, old + name.removeprefix(new))
        return text


@fault("wants-the-new-level-above-first", breaks=("rfc3501/6.3.5/5", "rfc3501/6.3.5/6"))
class WantsTheNewLevelAboveFirst(ImapCore):
    """RENAME to a name below a mailbox that does not exist is answered NO."""

    def on_rename(self, asked: Rename) -> bytes:
        """One level at a time."""
        above = self.name_of(asked.new).rpartition(DELIMITER)[0]
        if above and self.user.mailbox(above) is None:
            raise RefusedError("there is nothing to put it below")
        return super().on_rename(asked)


@fault("leaves-the-mail-in-a-renamed-inbox", breaks="rfc3501/6.3.5/9")
class LeavesTheMailInRenamedInbox(ImapCore):
    """RENAME of INBOX makes an empty mailbox and leaves the messages where they were."""

    def on_rename(self, asked: Rename) -> bytes:
        """Only the name is new."""
        if self.name_of(asked.old) == INBOX:
            self.user.create(self.name_of(asked.new))
            return b"RENAME completed"
        return super().on_rename(asked)
