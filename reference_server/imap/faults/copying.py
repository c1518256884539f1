"""Planted faults of COPY (RFC 3501 §6.4.7, RFC 4315 §3)."""

from __future__ import annotations

from reference_server.imap.copying import Copy
from reference_server.imap.core import ImapCore
from reference_server.imap.session import RefusedError
from reference_server.registry import fault
from reference_server.stores import Mailbox, StoredMessage


@fault("copy-moves", breaks="rfc3501/6.4.7/2")
class CopyMoves(ImapCore):
    """COPY by message number takes the messages away from where they were."""

    def on_copy(self, asked: Copy) -> bytes:
        """Is MOVE."""
        done = super().on_copy(asked)
        if not self.running.uid and not self.selected.read_only:
            view = self.selected
            self.remove([view.messages[number - 1].uid for number in view.numbers(asked.messages, uid=False)])
        return done


@fault("copy-forgets-flags-and-date", breaks="rfc3501/6.4.7/3")
class CopyForgetsFlagsAndDate(ImapCore):
    """A copy has no flags and the present time as internal date."""

    def copy(self, messages: list[StoredMessage], target: Mailbox) -> list[int]:
        """Copies the text alone."""
        return [target.append(message.octets) for message in messages]


@fault(
    "copy-creates-the-mailbox",
    breaks="rfc3501/6.4.7/5",
    also={"imap/copy/says_trycreate_where_the_mailbox_is_missing": "it succeeds where it should be refused"},
)
class CopyCreatesTheMailbox(ImapCore):
    """Makes the mailbox where COPY names one that is missing."""

    def on_copy(self, asked: Copy) -> bytes:
        """Creates first."""
        name = self.name_of(asked.mailbox)
        if self.user.mailbox(name) is None:
            self.user.create(name)
        return super().on_copy(asked)


@fault("copies-what-is-left-and-fails", breaks="rfc3501/6.4.7/7")
class CopiesWhatIsLeftAndFails(ImapCore):
    """COPY of several messages, one of which is gone, copies the others and then answers NO."""

    def messages_to_copy(self, asked: Copy) -> list[StoredMessage]:
        """Copies too early."""
        try:
            return super().messages_to_copy(asked)
        except RefusedError:
            view = self.selected
            chosen = [view.messages[number - 1] for number in view.numbers(asked.messages, uid=self.running.uid)]
            self.copy([message for message in chosen if message.uid not in view.gone], self.target(asked.mailbox))
            raise


@fault("copyuid-names-the-sources-twice", breaks=("rfc4315/3/10", "rfc4315/3/11"))
class CopyuidNamesTheSourcesTwice(ImapCore):
    """COPYUID has the source UIDs where those of the copies belong."""

    def copy_uid(self, target: Mailbox, messages: list[StoredMessage], uids: list[int]) -> bytes:
        """Looks at the wrong mailbox."""
        return super().copy_uid(target, messages, [message.uid for message in messages])
