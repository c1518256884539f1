"""One folder held in memory (RFC 3501 §2.3.1).

Safe to use from several threads. Whoever watches a folder is called after the change is complete.

A store that keeps more than memory subclasses it: `_kept` and the `_record_…` methods are told of every change before
anybody can see it, and what they raise leaves the folder as it was.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import repeat
from typing import TypeVar

from reference_server.stores import NOTHING_KNOWN, Changes, Limits, NewMessage, StoredMessage
from reference_server.stores.room import Room
from reference_server.stores.watchers import Watchers

RECENT = frozenset({"\\Recent"})

V = TypeVar("V")

MAX_HISTORY = 50_000
"""How many changes of a folder are remembered at least, for sessions that ask what is new."""


class MemoryMailbox:
    """One folder; implements `stores.Mailbox`. `changed` is told of every change, with the folder's name."""

    def __init__(
        self,
        name: str,
        *,
        uid_validity: int,
        owner: str = "",
        special_uses: Iterable[str] = (),
        room: Room | None = None,
        changed: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._owner = owner
        self._name = name
        self._mailbox_id = new_mailbox_id()
        self._uid_validity = uid_validity
        self._special_uses = frozenset(special_uses)
        self._room = room or Room(Limits())
        self._changed = changed
        self._uid_next = 1
        self._modseq = 1
        self._messages: list[StoredMessage] = []
        self._uids: list[int] = []
        self._snapshot: tuple[StoredMessage, ...] | None = ()
        # What changed, as two columns: the modseq of a change (ascending) and the UID it was of.
        self._changed_at: list[int] = []
        self._changed_uids: list[int] = []
        self._forgotten = 0
        self._recent: set[int] = set()
        self._annotations: dict[str, bytes] = {}
        self._rights: dict[str, str] = {}
        self._watchers: Watchers[[]] = Watchers()
        self._guard: AbstractContextManager[object] = threading.Lock()
        self._maildrop = threading.Lock()

    @property
    def owner(self) -> str:
        """The name of the account that it belongs to."""
        return self._owner

    @property
    def name(self) -> str:
        """Full name, `/` between levels, as Unicode."""
        return self._name

    @property
    def mailbox_id(self) -> str:
        """Stays with the folder when it is renamed and never comes back (RFC 8474 §4)."""
        return self._mailbox_id

    @property
    def uid_validity(self) -> int:
        """RFC 3501 §2.3.1.1; new whenever a name is used again."""
        return self._uid_validity

    @property
    def uid_next(self) -> int:
        """Greater than every UID ever given out here."""
        return self._uid_next

    @property
    def modseq(self) -> int:
        """Raised by every change; never less than the modseq of any message here."""
        return self._modseq

    @property
    def special_uses(self) -> frozenset[str]:
        """Attributes that the folder was made with (RFC 6154 §2)."""
        return self._special_uses

    @property
    def messages(self) -> Sequence[StoredMessage]:
        """All messages, UIDs ascending. A snapshot, made only when one is asked for after a change."""
        snapshot = self._snapshot
        if snapshot is None:
            with self._guard:
                snapshot = self._snapshot = tuple(self._messages)
        return snapshot

    def changes_since(self, modseq: int) -> Changes | None:
        """What is new since the mailbox had that modseq; None if that is too long ago."""
        with self._guard:
            if modseq < self._forgotten:
                return None
            uids = sorted(set(self._changed_uids[bisect_right(self._changed_at, modseq) :]))
            messages, gone = [], []
            for uid in uids:
                message = self._find(uid)
                if message is None:
                    gone.append(uid)
                else:
                    messages.append(message)
        return Changes(messages, gone)

    def append(self, octets: bytes, *, flags: Iterable[str] = (), internal_date: datetime | None = None) -> int:
        """Store a message and return its UID. `\\Recent` among the flags is dropped: the store keeps that itself.

        Raises:
            OverQuotaError: the account has no room for it.
        """
        return self.append_all([NewMessage(octets=octets, flags=frozenset(flags), internal_date=internal_date)])[0]

    def append_all(self, messages: Sequence[NewMessage], *, replacing: Sequence[StoredMessage] = ()) -> list[int]:
        """Store all of them or, raising OverQuotaError, none; their UIDs. The room of `replacing` counts as free."""
        if not messages:
            return []
        sizes = [len(message.octets) for message in messages]
        self._room.take(sizes, freed=[message.size for message in replacing])
        with self._guard:
            try:
                stored = self._kept(messages, first_uid=self._uid_next, modseq=self._modseq + 1)
            except BaseException:
                self._room.give_back(sizes)
                raise
            self._uid_next += len(messages)
            self._modseq += 1
            uids = [message.uid for message in stored]
            self._messages += stored
            self._uids += uids
            self._recent.update(uids)
            self._note_changed(uids)
        self._notify()
        return uids

    def set_flags(
        self, changes: Mapping[int, Iterable[str]], *, known: Mapping[int, int] = NOTHING_KNOWN
    ) -> frozenset[int]:
        """Replace the flags of messages, by UID, in one step. One that is gone stays gone, without an error.

        Those whose modseq is no longer that in `known` are left as they are, and returned.
        """
        with self._guard:
            modseq = self._modseq + 1
            changed: dict[int, StoredMessage] = {}
            late: set[int] = set()
            for uid, flags in changes.items():
                at = bisect_left(self._uids, uid)
                if at == len(self._uids) or self._uids[at] != uid:
                    continue
                message = self._messages[at]
                if known.get(uid, message.modseq) == message.modseq:
                    changed[at] = message.with_flags(frozenset(flags) - RECENT, modseq)
                else:
                    late.add(uid)
            if not changed:
                return frozenset(late)
            self._record_flags(changed.values())
            for at, message in changed.items():
                self._messages[at] = message
            self._modseq = modseq
            self._note_changed([message.uid for message in changed.values()])
        self._notify()
        return frozenset(late)

    def expunge(self, uids: Iterable[int]) -> None:
        """Remove messages for good. UIDs that are not there are passed over."""
        with self._guard:
            gone = {uid: message for uid in uids if (message := self._find(uid)) is not None}
            if not gone:
                return
            self._record_gone(gone, self._modseq + 1)
            self._modseq += 1
            self._messages = [message for message in self._messages if message.uid not in gone]
            self._uids = [message.uid for message in self._messages]
            self._recent.difference_update(gone)
            self._note_changed(gone)
        self._room.give_back(message.size for message in gone.values())
        self._notify()

    def claim_recent(self, *, peek: bool) -> frozenset[int]:
        """UIDs that no session was told of as recent yet; unless `peek`, they are the caller's (RFC 3501 §2.3.2)."""
        with self._guard:
            recent = frozenset(self._recent)
            if recent and not peek:
                self._record_claimed(recent)
                self._recent.clear()
        return recent

    @property
    def annotations(self) -> Mapping[str, bytes]:
        """Metadata entries of the folder by name (RFC 5464 §3)."""
        return self._annotations

    def annotate(self, entry: str, value: bytes | None) -> None:
        """Set a metadata entry; None removes it. A change raises the mod-sequence (RFC 7162 §3.2)."""
        with self._guard:
            if self._annotations.get(entry) == value:
                return
            self._modseq += 1
            self._record_annotation(entry, value)
            self._annotations = with_entry(self._annotations, entry, value)
        self._changed(self._name)

    @property
    def rights(self) -> Mapping[str, str]:
        """Rights that others than the owner have here, letters by identifier (RFC 4314 §2)."""
        return self._rights

    def set_rights(self, identifier: str, rights: str) -> None:
        """Give an identifier these rights in place of those it had; an empty string removes its entry."""
        with self._guard:
            self._record_rights(identifier, rights)
            self._rights = with_entry(self._rights, identifier, rights or None)
        self._changed(self._name)

    def lock(self) -> bool:
        """Take the exclusive maildrop lock (RFC 1939 §4); False when another session holds it."""
        return self._maildrop.acquire(blocking=False)

    def unlock(self) -> None:
        """Give the maildrop lock back.

        Raises:
            RuntimeError: nobody holds it.
        """
        self._maildrop.release()

    def watch(self, notify: Callable[[], None]) -> Callable[[], None]:
        """Call `notify` after every change, in the thread that made it; the returned callable ends that."""
        return self._watchers.add(notify)

    def _find(self, uid: int) -> StoredMessage | None:
        at = bisect_left(self._uids, uid)
        return self._messages[at] if at < len(self._uids) and self._uids[at] == uid else None

    def _note_changed(self, uids: Collection[int]) -> None:
        self._snapshot = None
        self._changed_uids += uids
        self._changed_at += repeat(self._modseq, len(uids))
        if len(self._changed_at) > 2 * MAX_HISTORY:
            surplus = len(self._changed_at) - MAX_HISTORY
            self._forgotten = self._changed_at[surplus - 1]
            del self._changed_at[:surplus], self._changed_uids[:surplus]

    def _notify(self) -> None:
        self._changed(self._name)
        self._watchers.tell()

    def _moved_to(self, name: str, *, uid_validity: int) -> None:
        self._name = name
        self._uid_validity = uid_validity

    # What a store that keeps more than memory overrides; all run under the folder's own lock.

    def _kept(self, messages: Sequence[NewMessage], *, first_uid: int, modseq: int) -> list[StoredMessage]:
        """What these messages, not empty, are from now on, with ascending UIDs."""
        now = datetime.now(UTC)
        return [
            StoredMessage(
                uid=uid,
                octets=message.octets,
                internal_date=message.internal_date or now,
                flags=message.flags - RECENT,
                modseq=modseq,
                saved_at=now,
            )
            for uid, message in enumerate(messages, first_uid)
        ]

    def _record_flags(self, messages: Collection[StoredMessage]) -> None:
        """Messages get other flags, and the folder their modseq."""

    def _record_gone(self, messages: Mapping[int, StoredMessage], modseq: int) -> None:
        """Messages go, by UID, and the folder gets that modseq."""

    def _record_claimed(self, uids: frozenset[int]) -> None:
        """Messages are recent no more."""

    def _record_annotation(self, entry: str, value: bytes | None) -> None:
        """A metadata entry is set, or removed."""

    def _record_rights(self, identifier: str, rights: str) -> None:
        """An identifier gets rights, or none."""


def new_mailbox_id() -> str:
    """An identifier that no other folder has (RFC 8474 §4)."""
    return f"F{os.urandom(9).hex()}"


def with_entry(entries: Mapping[str, V], name: str, value: V | None) -> dict[str, V]:
    """A copy of the mapping with that entry changed, or without it; whoever reads the old one is not disturbed."""
    changed = dict(entries)
    if value is None:
        changed.pop(name, None)
    else:
        changed[name] = value
    return changed
