"""CONDSTORE: modification sequences, and who is told of them (RFC 7162 §3.1).

Every mailbox here keeps them for as long as it lives, so that NOMODSEQ is never said.
"""

from __future__ import annotations

from collections.abc import Iterable

from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.session import Session
from reference_server.stores import Mailbox

CONDSTORE = b"CONDSTORE"


def mod_sequence(cursor: Cursor) -> int:
    """`SP mod-sequence-value`: above zero, 63 bits (RFC 7162 §7)."""
    value = mod_sequence_or_zero(cursor)
    if value == 0:
        raise GrammarError("expected a mod-sequence above zero")
    return value


def mod_sequence_or_zero(cursor: Cursor) -> int:
    """`SP mod-sequence-valzer`."""
    cursor.space()
    return cursor.number64()


class ModSequences(Session):
    """Mixin: the session's part in modification sequences."""

    def enable_condstore(self) -> None:
        """A CONDSTORE enabling command was given; the first one with a mailbox open tells HIGHESTMODSEQ (§3.1)."""
        if CONDSTORE not in self.enabled:
            self.enabled.add(CONDSTORE)
            if self.view is not None:
                self.view.refresh()
                self.tell_highest_modseq()

    def tells_modseqs(self) -> bool:
        """Whether FETCH responses that nobody asked for have UID and MODSEQ in them (RFC 7162 §3.2.4)."""
        return CONDSTORE in self.enabled

    def tell_highest_modseq(self) -> None:
        """HIGHESTMODSEQ as an untagged OK (RFC 7162 §3.1.2.1)."""
        self.untagged(b"OK [HIGHESTMODSEQ %d] highest mod-sequence" % self.highest_modseq())

    def highest_modseq(self) -> int:
        """What the client may take itself to know: less than the mod-sequence of any removal yet to be told (§3.2)."""
        return self.selected.told_modseq

    def status_highestmodseq(self, mailbox: Mailbox) -> int:
        """HIGHESTMODSEQ of STATUS, which enables CONDSTORE too (RFC 7162 §3.1, §3.1.7)."""
        self.enable_condstore()
        return mailbox.modseq

    def modseq_of(self, number: int) -> int:
        """The mod-sequence of a message, by its number."""
        return self.selected.messages[number - 1].modseq

    def changed_since(self, numbers: Iterable[int], modseq: int) -> list[int]:
        """Those of the messages that have a greater mod-sequence (RFC 7162 §3.1.4.1)."""
        return [number for number in numbers if self.modseq_of(number) > modseq]
