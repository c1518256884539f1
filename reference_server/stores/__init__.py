"""Where mail is kept: the interface that the cores see, whatever stands behind it.

A mailbox is an ascending sequence of messages by UID (RFC 3501 §2.3.1.1). Every change to it raises `modseq`, and a
message carries the modseq of its last change, so that a session that knows an older state can tell what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One message, octet for octet as it was accepted. Flags are as in IMAP, `\\Seen` or keywords; never `\\Recent`."""

    uid: int
    octets: bytes
    internal_date: datetime
    flags: frozenset[str] = frozenset()
    modseq: int = 1


class MailboxError(Exception):
    """A mailbox cannot be made, renamed or deleted; the text is fit for a NO reply."""


class Mailbox(Protocol):
    """One folder of one account."""

    @property
    def name(self) -> str:
        """Full name, `/` between levels, as Unicode."""

    @property
    def uid_validity(self) -> int:
        """RFC 3501 §2.3.1.1; new whenever a name is used again."""

    @property
    def uid_next(self) -> int:
        """Greater than every UID ever given out here."""

    @property
    def modseq(self) -> int:
        """Raised by every change."""

    @property
    def messages(self) -> Sequence[StoredMessage]:
        """All messages, UIDs ascending. A snapshot: later changes make a new sequence."""

    def append(self, octets: bytes, *, flags: Iterable[str] = (), internal_date: datetime | None = None) -> int:
        """Store a message and return its UID."""

    def set_flags(self, uid: int, flags: Iterable[str]) -> None:
        """Replace a message's flags. A message that is gone stays gone, without an error."""

    def expunge(self, uids: Iterable[int]) -> None:
        """Remove messages for good."""

    def claim_recent(self, *, peek: bool) -> frozenset[int]:
        """UIDs that no session was told of as recent yet; unless `peek`, they are the caller's (RFC 3501 §2.3.2)."""

    def lock(self) -> bool:
        """Take the exclusive maildrop lock (RFC 1939 §4); False when another session holds it."""

    def unlock(self) -> None:
        """Give the maildrop lock back."""

    def watch(self, notify: Callable[[], None]) -> Callable[[], None]:
        """Call `notify` after every change; the returned callable ends that."""


class Account(Protocol):
    """One user's mail. INBOX is always there and its name is case-insensitive."""

    @property
    def name(self) -> str:
        """The canonical address, such as `alice@example.test`."""

    def mailbox(self, name: str) -> Mailbox | None:
        """The folder of that name, or None."""

    def names(self) -> Sequence[str]:
        """Names of all folders, sorted; INBOX first."""

    def create(self, name: str) -> None:
        """Make a folder and its missing parents. Raises MailboxError."""

    def delete(self, name: str) -> None:
        """Remove a folder and its messages. Raises MailboxError (INBOX, absent)."""

    def rename(self, old: str, new: str) -> None:
        """RFC 3501 §6.3.5: inferiors move along; renaming INBOX moves its messages. Raises MailboxError."""

    @property
    def subscriptions(self) -> set[str]:
        """Subscribed names; they may name folders that no longer exist (RFC 3501 §6.3.6)."""


class Store(Protocol):
    """All accounts."""

    def log_in(self, name: str, password: str) -> Account | None:
        """The account, if the password is right. Takes the same time when it is not. The domain may be left out."""

    def account(self, address: str) -> Account | None:
        """The account a recipient address belongs to (domain and local part case-insensitively), or None."""

    def postmaster(self) -> Account | None:
        """Whose INBOX gets mail for postmaster (RFC 5321 §4.5.1); None when there is no account."""


@runtime_checkable
class SharedSecrets(Protocol):
    """What a store can do on top when it keeps passwords in the clear; POP3 offers APOP only with it."""

    def log_in_by_digest(self, name: str, challenge: bytes, digest: str) -> Account | None:
        """The account, if `digest` is the lower-case hexadecimal MD5 of challenge and password (RFC 1939 §7)."""
