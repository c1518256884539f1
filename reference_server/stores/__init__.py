"""Where mail is kept: the interface that the cores see, whatever stands behind it.

A mailbox is an ascending sequence of messages by UID (RFC 3501 §2.3.1.1). Every change to it raises `modseq`, and a
message carries the modseq of its last change, so that a session that knows an older state can tell what is new
(RFC 7162 §3.1.1). `changes_since` says so at a cost that goes with the changes, not with the size of the mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    from reference_server.accounts import Directory

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NOTHING_KNOWN: Mapping[int, int] = MappingProxyType({})


class StoredMessage:
    """One message, octet for octet as it was accepted; never changed once made.

    Flags are as in IMAP, `\\Seen` or keywords; never `\\Recent`. `saved_at` is when it came into its mailbox (RFC 8514
    §1), which a copy does not share with its original. A store that does not hold its mail in memory makes `octets` a
    property of a subclass; `size` is always at hand.
    """

    __slots__ = ("flags", "internal_date", "modseq", "octets", "saved_at", "size", "uid")

    octets: bytes

    at_hand: ClassVar[bool] = True
    """Whether it costs nothing to look at `octets`."""

    def __init__(
        self,
        *,
        uid: int,
        octets: bytes,
        internal_date: datetime,
        flags: frozenset[str] = frozenset(),
        modseq: int = 1,
        saved_at: datetime = EPOCH,
    ) -> None:
        self.uid = uid
        self.octets = octets
        self.size = len(octets)
        self.internal_date = internal_date
        self.flags = flags
        self.modseq = modseq
        self.saved_at = saved_at

    def with_flags(self, flags: frozenset[str], modseq: int) -> StoredMessage:
        """The same message after a change of its flags."""
        changed = object.__new__(type(self))
        changed.uid, changed.octets, changed.size = self.uid, self.octets, self.size
        changed.internal_date, changed.saved_at = self.internal_date, self.saved_at
        changed.flags, changed.modseq = flags, modseq
        return changed

    def __repr__(self) -> str:
        return f"StoredMessage(uid={self.uid}, size={self.size}, flags={sorted(self.flags)}, modseq={self.modseq})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message that is to be stored; without a date it is dated now."""

    octets: bytes
    flags: frozenset[str] = frozenset()
    internal_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to a mailbox since some modseq: messages that are new or have other flags, and UIDs that are gone.

    Both ascend by UID; a message that came and went meanwhile is among `gone` alone.
    """

    messages: Sequence[StoredMessage]
    gone: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one user may have: octets and messages over all folders, and octets of one message. None: no limit."""

    storage_octets: int | None = None
    messages: int | None = None
    message_octets: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one user has over all folders."""

    storage_octets: int
    messages: int


class MailboxError(Exception):
    """A mailbox cannot be made, renamed, deleted or filled; the text is fit for a NO reply."""


class OverQuotaError(MailboxError):
    """There is no room left for that message (RFC 9208 §4.3)."""


class StoreFailedError(MailboxError):
    """The store cannot keep anything any more; what was not yet committed is lost, and no change is taken."""


class Mailbox(Protocol):
    """One folder of one account."""

    @property
    def owner(self) -> str:
        """The name of the account that it belongs to."""

    @property
    def name(self) -> str:
        """Full name, `/` between levels, as Unicode."""

    @property
    def mailbox_id(self) -> str:
        """Letters and digits that stay with the folder when it is renamed and never come back (RFC 8474 §4)."""

    @property
    def uid_validity(self) -> int:
        """RFC 3501 §2.3.1.1; new whenever a name is used again."""

    @property
    def uid_next(self) -> int:
        """Greater than every UID ever given out here."""

    @property
    def modseq(self) -> int:
        """Raised by every change; never less than the modseq of any message here (RFC 7162 §3.1.2.1)."""

    @property
    def special_uses(self) -> frozenset[str]:
        """Attributes such as `\\Sent` that the folder was made with (RFC 6154 §2)."""

    @property
    def messages(self) -> Sequence[StoredMessage]:
        """All messages, UIDs ascending. A snapshot: later changes make a new sequence."""

    def changes_since(self, modseq: int) -> Changes | None:
        """What is new since the mailbox had that modseq; None if that is too long ago to be told apart."""

    def append(self, octets: bytes, *, flags: Iterable[str] = (), internal_date: datetime | None = None) -> int:
        """Store a message and return its UID. Raises OverQuotaError."""

    def append_all(self, messages: Sequence[NewMessage], *, replacing: Sequence[StoredMessage] = ()) -> list[int]:
        """Store all of them or, raising OverQuotaError, none; their UIDs (RFC 3502 §6.3.11).

        The room of those in `replacing`, which the caller is about to remove, counts as free (RFC 8508 §3.4).
        """

    def set_flags(
        self, changes: Mapping[int, Iterable[str]], *, known: Mapping[int, int] = NOTHING_KNOWN
    ) -> frozenset[int]:
        """Replace the flags of messages, by UID, in one step. One that is gone stays gone, without an error.

        `known` has modseqs by UID: a message that has another one by now is left as it is, and is among the UIDs that
        are returned. That makes of reading and changing one step (RFC 7162 §3.1.3).
        """

    def expunge(self, uids: Iterable[int]) -> None:
        """Remove messages for good."""

    def claim_recent(self, *, peek: bool) -> frozenset[int]:
        """UIDs that no session was told of as recent yet; unless `peek`, they are the caller's (RFC 3501 §2.3.2)."""

    @property
    def annotations(self) -> Mapping[str, bytes]:
        """Metadata entries of the folder by name, such as `/private/comment` (RFC 5464 §3)."""

    def annotate(self, entry: str, value: bytes | None) -> None:
        """Set a metadata entry; None removes it. A change raises `modseq` (RFC 7162 §3.2)."""

    @property
    def rights(self) -> Mapping[str, str]:
        """Rights that others than the owner have here, letters by identifier (RFC 4314 §2)."""

    def set_rights(self, identifier: str, rights: str) -> None:
        """Give an identifier these rights in place of those it had; an empty string removes its entry."""

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

    @property
    def limits(self) -> Limits:
        """What the user may have at most."""

    @property
    def usage(self) -> Usage:
        """What the user has now."""

    def mailbox(self, name: str) -> Mailbox | None:
        """The folder of that name, or None."""

    def names(self) -> Sequence[str]:
        """Names of all folders, sorted; INBOX first."""

    def create(self, name: str, *, special_uses: Iterable[str] = ()) -> None:
        """Make a folder and its missing parents. Raises MailboxError."""

    def delete(self, name: str) -> None:
        """Remove a folder and its messages. Raises MailboxError (INBOX, absent)."""

    def rename(self, old: str, new: str) -> None:
        """RFC 3501 §6.3.5: inferiors move along; renaming INBOX moves its messages. Raises MailboxError."""

    @property
    def subscriptions(self) -> frozenset[str]:
        """Subscribed names; they may name folders that no longer exist (RFC 3501 §6.3.6)."""

    def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions."""

    def unsubscribe(self, name: str) -> None:
        """Take a name from the subscriptions; one that is not there is passed over."""

    @property
    def annotations(self) -> Mapping[str, bytes]:
        """Metadata entries that belong to no folder (RFC 5464 §3, the empty mailbox name)."""

    def annotate(self, entry: str, value: bytes | None) -> None:
        """Set a metadata entry; None removes it."""

    def access_key(self, mailbox_id: str) -> bytes:
        """The account's secret for URLs into that mailbox, made when first asked for (RFC 4467 §2.2)."""

    def reset_access_keys(self, mailbox_id: str | None = None) -> None:
        """Forget one such secret, or all."""

    def watch(self, notify: Callable[[str], None]) -> Callable[[], None]:
        """Call `notify` with a folder's name after a change to it; the returned callable ends that.

        That is any change: of messages, name, rights, metadata, and whether the name is subscribed. The empty name
        stands for the account's own metadata. May be called from any thread.
        """


class Store(Protocol):
    """All accounts. Who may log in is in `users`, the same directory for every store."""

    @property
    def users(self) -> Directory:
        """Names and proofs; each of its addresses has an account here."""

    def log_in(self, name: str, password: str) -> Account | None:
        """The account, if the password is right: `users.verify`, then `account`."""

    def account(self, address: str) -> Account | None:
        """The account a recipient address belongs to (`users.recipient`: in any case, aliases too), or None."""

    def postmaster(self) -> Account | None:
        """Whose INBOX gets mail for postmaster (RFC 5321 §4.5.1); None when there is no account."""

    def shared(self) -> Sequence[Mailbox]:
        """Folders of all accounts in whose rights anybody is named (RFC 4314 §2)."""


@runtime_checkable
class Durable(Protocol):
    """What a store does on top that keeps mail beyond the end of its process.

    A change made in a thread for which commits are deferred is durable when `commit` returns, and whoever deferred them
    lets nobody hear of it before; in any other thread it is durable when the method that made it returns.
    """

    @property
    def pending(self) -> bool:
        """Whether there are changes that `commit` would make durable."""

    def commit(self) -> None:
        """Make all changes durable. Raises StoreFailedError if that cannot be; then none of them is."""

    def defer_commits(self) -> Callable[[], None]:
        """Leave commits of changes made in this thread to the caller, until the returned callable is called (there)."""

    def close(self) -> None:
        """Commit, and give files and locks back. The store cannot be used after that; a second call does nothing."""
