"""Planted faults of APPEND (RFC 3501 §6.3.11, RFC 4315 §3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from reference_server.imap.append import Append
from reference_server.imap.core import ImapCore
from reference_server.imap.literals import RawCommand
from reference_server.imap.session import RefusedError
from reference_server.registry import fault
from reference_server.stores import Mailbox, NewMessage, StoredMessage


@fault("quotes-from-lines", breaks="rfc3501/6.3.11/3")
class QuotesFromLines(ImapCore):
    """Puts `>` before lines of an appended message that begin with From, as mbox stores do."""

    def new_message(self, octets: bytes, flags: frozenset[str], internal_date: datetime | None) -> NewMessage:
        """Writes for mbox."""
        return super().new_message(octets.replace(b"\r\nFrom ", b"\r\n>From "), flags, internal_date)


@fault("ends-every-message-with-a-line-end", breaks="rfc3501/6.3.11/3")
class EndsEveryMessageWithALineEnd(ImapCore):
    """Adds CRLF to a message whose last line has none."""

    def new_message(self, octets: bytes, flags: frozenset[str], internal_date: datetime | None) -> NewMessage:
        """Writes whole lines only."""
        whole = octets if octets.endswith(b"\r\n") else octets + b"\r\n"
        return super().new_message(whole, flags, internal_date)


@fault("refuses-8-bit-text", breaks="rfc3501/6.3.11/5")
class Refuses8BitText(ImapCore):
    """Answers NO to a message with 8-bit characters."""

    def require_fit(self, octets: bytes) -> None:
        """Takes ASCII only."""
        super().require_fit(octets)
        if not octets.isascii():
            raise RefusedError("8-bit characters")


@fault(
    "append-forgets-the-flags",
    breaks="rfc3501/6.3.11/9",
    also={"imap/status/counts_as_select_does": "what it counts as seen was appended as seen"},
)
class AppendForgetsTheFlags(ImapCore):
    """Stores an appended message without its flags."""

    def new_message(self, octets: bytes, flags: frozenset[str], internal_date: datetime | None) -> NewMessage:
        """Leaves them out."""
        return super().new_message(octets, frozenset(), internal_date)


@fault("append-forgets-the-date", breaks="rfc3501/6.3.11/11")
class AppendForgetsTheDate(ImapCore):
    """Gives every appended message the present time as internal date."""

    def new_message(self, octets: bytes, flags: frozenset[str], internal_date: datetime | None) -> NewMessage:
        """Leaves the date out."""
        return super().new_message(octets, flags, None)


@fault("never-says-trycreate", breaks=("rfc3501/6.3.11/14", "rfc3501/6.4.7/6"))
class NeverSaysTrycreate(ImapCore):
    """Refuses APPEND and COPY to a missing mailbox without the code TRYCREATE."""

    def target(self, wire_name: bytes) -> Mailbox:
        """Treats it as any missing mailbox."""
        return self.existing(wire_name)


@fault(
    "append-creates-the-mailbox",
    breaks="rfc3501/6.3.11/13",
    also={"imap/append/says_trycreate_where_the_mailbox_is_missing": "it succeeds where it should be refused"},
)
class AppendCreatesTheMailbox(ImapCore):
    """Makes the mailbox where APPEND names one that is missing."""

    def on_append(self, asked: Append) -> bytes:
        """Creates first."""
        name = self.name_of(asked.mailbox)
        if self.user.mailbox(name) is None:
            self.user.create(name)
        return super().on_append(asked)


@fault("keeps-nul", breaks="rfc3501/9/8", also={"imap/grammar/response": "NUL is in no grammar"})
class KeepsNul(ImapCore):
    """Stores NUL in a message, and sends it again."""

    def require_fit(self, octets: bytes) -> None:
        """Does not look for NUL."""
        super().require_fit(octets.replace(b"\0", b" "))

    def octets_of(self, message: StoredMessage) -> bytes:
        """As they are."""
        return message.octets


@fault(
    "append-tells-no-new-count",
    breaks="rfc3501/6.3.11/16",
    also={"imap/search/tells_recent_new_and_old_apart": "what has come is told too late to count as recent"},
)
class AppendTellsNoNewCount(ImapCore):
    """Sends no EXISTS with the answer to APPEND; the next command brings it."""

    def tell_changes(self) -> None:
        """Keeps quiet after APPEND."""
        if self.running.verb != b"APPEND":
            super().tell_changes()


_NAME = re.compile(rb' APPEND "?([^" ]+)', re.IGNORECASE)


@fault("keeps-the-message-of-a-refused-append", breaks="rfc3501/6.3.11/12")
class KeepsTheMessageOfARefusedAppend(ImapCore):
    """Stores the message before it looks at the date: what is refused is there all the same."""

    def on_command(self, raw: RawCommand) -> None:
        """Stores after the refusal as well."""
        super().on_command(raw)
        named = _NAME.search(raw.lines[0])
        if self.refused and named and raw.literals and self.account is not None:
            mailbox = self.account.mailbox(self.name_of(named[1]))
            if mailbox is not None:
                mailbox.append(raw.literals[-1].replace(b"\0", b""))

    def complete(self, status: bytes, text: bytes) -> None:
        """Remembers how it ended."""
        self.refused = status != b"OK" and self.running.verb == b"APPEND"
        super().complete(status, text)

    refused = False


@fault("appenduid-names-the-next-uid", breaks="rfc4315/3/4")
class AppenduidNamesTheNextUid(ImapCore):
    """APPENDUID has the UID that the next message will get."""

    def append_uid(self, mailbox: Mailbox, uids: Sequence[int]) -> bytes:
        """Asks the mailbox too late."""
        return super().append_uid(mailbox, [mailbox.uid_next])


@fault("lists-uidplus-without-its-codes", breaks="rfc4315/3/1")
class ListsUidplusWithoutItsCodes(ImapCore):
    """Lists UIDPLUS but returns neither APPENDUID nor COPYUID."""

    def append_uid(self, mailbox: Mailbox, uids: Sequence[int]) -> bytes:
        """Has nothing to say."""
        return b""

    def copy_uid(self, target: Mailbox, messages: list[StoredMessage], uids: list[int]) -> bytes:
        """Has nothing to say."""
        return b""
