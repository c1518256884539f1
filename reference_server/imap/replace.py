"""REPLACE and UID REPLACE (RFC 8508): a new message in place of an old one, in one step."""

from __future__ import annotations

from dataclasses import dataclass

from reference_server.imap.append import AppendCommand, Given, parse_given
from reference_server.imap.grammar import Cursor, GrammarError, SequenceSet
from reference_server.imap.names import parse_mailbox
from reference_server.imap.selection import Selection
from reference_server.imap.session import RefusedError


@dataclass(frozen=True, slots=True)
class Replace:
    """Arguments of REPLACE: one message, the mailbox as on the wire, and what comes in its place."""

    message: SequenceSet
    mailbox: bytes
    given: Given


def parse_replace(cursor: Cursor) -> Replace:
    """`replace = "REPLACE" SP seq-number SP mailbox append-message` (RFC 8508 §5)."""
    cursor.space()
    message = cursor.sequence_set()
    if len(message.ranges) != 1 or message.ranges[0][0] != message.ranges[0][1]:
        raise GrammarError("expected one message")
    return Replace(message, parse_mailbox(cursor), parse_given(cursor))


class ReplaceCommand(Selection, AppendCommand):
    """Mixin: REPLACE."""

    def on_replace(self, asked: Replace) -> bytes:
        """Answer REPLACE: APPENDUID first, then EXISTS and EXPUNGE with the changes told last (RFC 8508 §4.3)."""
        self.require_write()
        self.require_here("te")
        target = self.target(asked.mailbox)
        view = self.selected
        view.refresh()
        numbers = view.numbers(asked.message, uid=self.running.uid)
        old = view.messages[numbers[0] - 1] if numbers else None
        if old is None or old.uid in view.gone:
            raise RefusedError("there is no such message")
        new = self.made_of(asked.given)
        # Stored first: whatever goes wrong, the old message stays (RFC 8508 §3.4).
        uids = self.store_all(target, [new], replacing=[old])
        self.untagged(b"OK " + self.append_uid(target, uids) + b"replacement stored")
        self.remove([old.uid])
        return b"REPLACE completed"
