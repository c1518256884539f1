"""COPY and UID COPY (RFC 3501 §6.4.7; COPYUID, RFC 4315 §3) and MOVE and UID MOVE (RFC 6851)."""

from __future__ import annotations

from dataclasses import dataclass

from reference_server.imap.grammar import Cursor, SequenceSet
from reference_server.imap.names import parse_mailbox
from reference_server.imap.responses import sequence_set
from reference_server.imap.selection import Selection
from reference_server.imap.session import RefusedError
from reference_server.stores import Mailbox, NewMessage, OverQuotaError, StoredMessage


@dataclass(frozen=True, slots=True)
class Copy:
    """Arguments of COPY and MOVE: the mailbox as on the wire."""

    messages: SequenceSet
    mailbox: bytes


def parse_copy(cursor: Cursor) -> Copy:
    """`copy = "COPY" SP sequence-set SP mailbox`; MOVE likewise."""
    cursor.space()
    messages = cursor.sequence_set()
    return Copy(messages, parse_mailbox(cursor))


class CopyCommands(Selection):
    """Mixin: COPY and MOVE."""

    def on_copy(self, asked: Copy) -> bytes:
        """Answer COPY."""
        target = self.target(asked.mailbox)
        messages = self.messages_to_copy(asked)
        code = self.copy_uid(target, messages, self.copy(messages, target))
        return code + b"COPY completed"

    def on_move(self, asked: Copy) -> bytes:
        """Answer MOVE: COPYUID first, the EXPUNGE responses with the changes told last (RFC 6851 §4.3)."""
        self.require_write()
        self.require_here("te")
        target = self.target(asked.mailbox)
        messages = self.messages_to_copy(asked)
        if code := self.copy_uid(target, messages, self.copy(messages, target)):
            self.untagged(b"OK " + code + b"moved")
        uids = [message.uid for message in messages]
        self.remove(uids)
        return self.code_after_removal(uids) + b"MOVE completed"

    def messages_to_copy(self, asked: Copy) -> list[StoredMessage]:
        """The messages, all of them or none (RFC 3501 §6.4.7): NO if one that is named by number is gone."""
        view = self.selected
        view.refresh()
        chosen = [view.messages[number - 1] for number in view.numbers(asked.messages, uid=self.running.uid)]
        present = [message for message in chosen if message.uid not in view.gone]
        if len(present) < len(chosen) and not self.running.uid:
            raise RefusedError("some of the messages are no more", code=b"EXPUNGEISSUED")
        return present

    def copy(self, messages: list[StoredMessage], target: Mailbox) -> list[int]:
        """Copy with flags and internal date (RFC 3501 §6.4.7); the new UIDs."""
        try:
            return target.append_all([self.as_permitted(target, self.copy_of(message)) for message in messages])
        except OverQuotaError as error:
            raise RefusedError(str(error), code=b"OVERQUOTA") from error

    def copy_of(self, message: StoredMessage) -> NewMessage:
        """What one message is in the other mailbox."""
        return NewMessage(octets=message.octets, flags=message.flags, internal_date=message.internal_date)

    def copy_uid(self, target: Mailbox, messages: list[StoredMessage], uids: list[int]) -> bytes:
        """The COPYUID code and a space, or nothing if nothing was copied (RFC 4315 §3)."""
        if not messages:
            return b""
        source = sequence_set(message.uid for message in messages)
        return b"[COPYUID %d %b %b] " % (self.validity_of(target), source, sequence_set(uids))
