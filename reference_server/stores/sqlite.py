"""Mail kept in an SQLite file: what was acknowledged survives the end of the process at any moment (RFC 5321 §4.2.5).

What is known of mailboxes and messages is in memory just as in the memory store, so that reading costs the same; texts
come from the file when they are asked for, and every change goes there before anybody can see it. How far a commit
reaches is told in `stores.database`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from reference_server.accounts import DEFAULT_USERS, Directory, User
from reference_server.stores import NOTHING_KNOWN, Changes, Limits, NewMessage, StoredMessage, Usage
from reference_server.stores.database import Database
from reference_server.stores.lazy import LazyMessage
from reference_server.stores.mailbox import MAX_HISTORY, RECENT, MemoryMailbox, new_mailbox_id
from reference_server.stores.memory import INBOX, MemoryAccount, MemoryStore
from reference_server.stores.room import Room


class Body:
    """A message text in the file, shared by all states of its message.

    It outlives the message's removal for as long as somebody holds any of these, such as a session that was not told of
    the removal (RFC 2180 §4.1.1).
    """

    __slots__ = ("database", "is_unused", "number")

    def __init__(self, number: int, database: Database) -> None:
        self.number = number
        self.database = database
        self.is_unused = False

    def octets(self) -> bytes:
        """Read the text; raises StoreFailedError if it cannot be read."""
        return self.database.body(self.number)

    def __del__(self) -> None:
        if self.is_unused:
            self.database.discard_body(self.number)


class SqliteMailbox(MemoryMailbox):
    """One folder; its messages are read from the file when it is first opened."""

    def __init__(
        self, database: Database, row: Mapping[str, Any], *, owner: str, room: Room, changed: Callable[[str], None]
    ) -> None:
        super().__init__(
            row["name"],
            owner=owner,
            uid_validity=row["uid_validity"],
            special_uses=row["special_uses"].split(),
            room=room,
            changed=changed,
        )
        self.key: int = row["id"]
        self._database = database
        self._mailbox_id = row["mailbox_id"]
        self._uid_next = row["uid_next"]
        self._modseq = row["modseq"]
        self._forgotten = row["forgotten"]
        self._first_recent: int = row["first_recent"]
        self._loaded = False
        self._annotations = dict(
            database.rows("SELECT entry, value FROM mailbox_annotation WHERE mailbox = ?", self.key)
        )
        self._rights = dict(database.rows("SELECT identifier, rights FROM access WHERE mailbox = ?", self.key))

    # Whatever touches the messages has them loaded first.

    @property
    def messages(self) -> Sequence[StoredMessage]:
        """All messages, UIDs ascending. A snapshot."""
        self.load()
        return super().messages

    def changes_since(self, modseq: int) -> Changes | None:
        """What is new since the mailbox had that modseq; None if that is too long ago."""
        self.load()
        return super().changes_since(modseq)

    def append_all(self, messages: Sequence[NewMessage], *, replacing: Sequence[StoredMessage] = ()) -> list[int]:
        """Store all of them or, raising OverQuotaError, none; their UIDs. The room of `replacing` counts as free."""
        self.load()
        return super().append_all(messages, replacing=replacing)

    def set_flags(
        self, changes: Mapping[int, Iterable[str]], *, known: Mapping[int, int] = NOTHING_KNOWN
    ) -> frozenset[int]:
        """Replace flags, by UID, in one step; who has another modseq by now than in `known` stays, and is returned."""
        self.load()
        return super().set_flags(changes, known=known)

    def expunge(self, uids: Iterable[int]) -> None:
        """Remove messages for good. UIDs that are not there are passed over."""
        self.load()
        super().expunge(uids)

    def claim_recent(self, *, peek: bool) -> frozenset[int]:
        """UIDs that no session was told of as recent yet; unless `peek`, they are the caller's (RFC 3501 §2.3.2)."""
        self.load()
        return super().claim_recent(peek=peek)

    def load(self) -> None:
        """Read what is known of the messages. A second call does nothing."""
        with self._guard:
            if self._loaded:
                return
            flag_sets: dict[str, frozenset[str]] = {}
            moment = datetime.fromisoformat
            for uid, body, size, internal_date, saved_at, modseq, flags in self._database.rows(
                "SELECT uid, body, octets, internal_date, saved_at, modseq, flags FROM message WHERE mailbox = ?"
                " ORDER BY uid",
                self.key,
            ):
                if flags not in flag_sets:
                    flag_sets[flags] = frozenset(flags.split())
                self._uids.append(uid)
                self._messages.append(
                    LazyMessage(
                        Body(body, self._database),
                        uid=uid,
                        size=size,
                        internal_date=moment(internal_date),
                        saved_at=moment(saved_at),
                        flags=flag_sets[flags],
                        modseq=modseq,
                    )
                )
            self._recent.update(uid for uid in self._uids if uid >= self._first_recent)
            self._load_history()
            self._snapshot = None
            self._loaded = True

    def _load_history(self) -> None:
        changes = [(message.modseq, message.uid) for message in self._messages]
        room = MAX_HISTORY
        for modseq, first, last in self._database.rows(
            "SELECT modseq, first_uid, last_uid FROM gone WHERE mailbox = ? ORDER BY modseq DESC", self.key
        ):
            room -= last - first + 1
            if room < 0:
                self._forget_history(modseq)
                break
            changes += ((modseq, uid) for uid in range(first, last + 1))
        changes.sort()
        self._changed_at = [modseq for modseq, _ in changes]
        self._changed_uids = [uid for _, uid in changes]

    def _forget_history(self, modseq: int) -> None:
        self._forgotten = modseq
        with self._database.changing(flush=False) as execute:
            execute("DELETE FROM gone WHERE mailbox = ? AND modseq <= ?", (self.key, modseq))
            execute("UPDATE mailbox SET forgotten = ? WHERE id = ?", (modseq, self.key))

    # What is written down before it can be seen.

    def _kept(self, messages: Sequence[NewMessage], *, first_uid: int, modseq: int) -> list[StoredMessage]:
        database, now = self._database, datetime.now(UTC)
        saved_at = now.isoformat()
        kept: list[StoredMessage] = []
        database.require_space(sum(len(message.octets) for message in messages))
        with database.changing() as execute:
            for uid, message in enumerate(messages, first_uid):
                flags = message.flags - RECENT
                date = message.internal_date or now
                size = len(message.octets)
                body = database.add_body(execute, message.octets)
                execute(
                    "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (self.key, uid, body, size, date.isoformat(), saved_at, modseq, " ".join(flags)),
                )
                kept.append(
                    LazyMessage(
                        Body(body, database),
                        uid=uid,
                        size=size,
                        internal_date=date,
                        saved_at=now,
                        flags=flags,
                        modseq=modseq,
                    )
                )
            uid_next = first_uid + len(messages)
            execute("UPDATE mailbox SET uid_next = ?, modseq = ? WHERE id = ?", (uid_next, modseq, self.key))
        return kept

    def _record_flags(self, messages: Collection[StoredMessage]) -> None:
        with self._database.changing(flush=False) as execute:
            for message in messages:
                execute(
                    "UPDATE message SET flags = ?, modseq = ? WHERE mailbox = ? AND uid = ?",
                    (" ".join(message.flags), message.modseq, self.key, message.uid),
                )
            execute("UPDATE mailbox SET modseq = ? WHERE id = ?", (message.modseq, self.key))

    def _record_gone(self, messages: Mapping[int, StoredMessage], modseq: int) -> None:
        bodies = [message.body for message in messages.values() if isinstance(message, LazyMessage)]
        with self._database.changing() as execute:
            for uid in messages:
                execute("DELETE FROM message WHERE mailbox = ? AND uid = ?", (self.key, uid))
            for body in bodies:
                execute("INSERT INTO unused_body VALUES (?)", (body.number,))
            for first, last in _ranges(sorted(messages)):
                execute("INSERT INTO gone VALUES (?, ?, ?, ?)", (self.key, modseq, first, last))
            execute("UPDATE mailbox SET modseq = ? WHERE id = ?", (modseq, self.key))
        for body in bodies:
            body.is_unused = True

    def _record_claimed(self, uids: frozenset[int]) -> None:
        self._first_recent = self._uid_next
        with self._database.changing(flush=False) as execute:
            execute("UPDATE mailbox SET first_recent = ? WHERE id = ?", (self._first_recent, self.key))

    def _record_annotation(self, entry: str, value: bytes | None) -> None:
        with self._database.changing() as execute:
            if value is None:
                execute("DELETE FROM mailbox_annotation WHERE mailbox = ? AND entry = ?", (self.key, entry))
            else:
                execute("INSERT OR REPLACE INTO mailbox_annotation VALUES (?, ?, ?)", (self.key, entry, value))
            execute("UPDATE mailbox SET modseq = ? WHERE id = ?", (self._modseq, self.key))

    def _record_rights(self, identifier: str, rights: str) -> None:
        with self._database.changing() as execute:
            if rights:
                execute("INSERT OR REPLACE INTO access VALUES (?, ?, ?)", (self.key, identifier, rights))
            else:
                execute("DELETE FROM access WHERE mailbox = ? AND identifier = ?", (self.key, identifier))


class SqliteAccount(MemoryAccount):
    """One user's mail in the file; made there when it is not there yet."""

    def __init__(self, name: str, database: Database, *, first_uid_validity: int, limits: Limits) -> None:
        self._database = database
        super().__init__(name, first_uid_validity=first_uid_validity, limits=limits)

    def _open(self) -> None:
        rows, address = self._database.rows, self._name.casefold()
        with self._database.changing() as execute:
            execute(
                "INSERT OR IGNORE INTO account (address, next_validity) VALUES (?, ?)",
                (address, self._next_uid_validity),
            )
        ((self._key, self._next_uid_validity),) = rows(
            "SELECT id, next_validity FROM account WHERE address = ?", address
        )
        ((octets, messages),) = rows(
            "SELECT coalesce(sum(octets), 0), count(*) FROM message"
            " WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
            self._key,
        )
        self._room = Room(self._room.limits, usage=Usage(octets, messages))
        self._highest_validity = dict(rows("SELECT name, highest_validity FROM used_name WHERE account = ?", self._key))
        self._subscriptions = frozenset(
            name for (name,) in rows("SELECT name FROM subscription WHERE account = ?", self._key)
        )
        self._annotations = dict(rows("SELECT entry, value FROM account_annotation WHERE account = ?", self._key))
        self._access_keys = dict(rows("SELECT mailbox_id, key FROM access_key WHERE account = ?", self._key))
        for (key,) in rows("SELECT id FROM mailbox WHERE account = ?", self._key):
            box = self._mailbox_of(key)
            self._boxes[box.name] = box
        if INBOX not in self._boxes:
            self._add(INBOX)

    def _mailbox_of(self, key: int) -> SqliteMailbox:
        columns = (
            "id",
            "name",
            "mailbox_id",
            "special_uses",
            "uid_validity",
            "uid_next",
            "modseq",
            "forgotten",
            "first_recent",
        )
        (row,) = self._database.rows(f"SELECT {', '.join(columns)} FROM mailbox WHERE id = ?", key)  # noqa: S608  (our own names)
        return SqliteMailbox(
            self._database,
            dict(zip(columns, row, strict=True)),
            owner=self._name,
            room=self._room,
            changed=self._notify,
        )

    def _made(self, name: str, uid_validity: int, special_uses: frozenset[str]) -> MemoryMailbox:
        with self._database.changing() as execute:
            key = execute(
                "INSERT INTO mailbox (account, name, mailbox_id, special_uses, uid_validity) VALUES (?, ?, ?, ?, ?)",
                (self._key, name, new_mailbox_id(), " ".join(special_uses), uid_validity),
            ).lastrowid
            assert key is not None
            self._record_validity(execute, name, uid_validity)
            return self._mailbox_of(key)

    def _one_step(self) -> AbstractContextManager[object]:
        return self._database.changing()

    def _record_deleted(self, box: MemoryMailbox) -> None:
        assert isinstance(box, SqliteMailbox)
        with self._database.changing() as execute:
            for table in ("gone", "access", "mailbox_annotation"):
                execute(f"DELETE FROM {table} WHERE mailbox = ?", (box.key,))  # noqa: S608  (our own names)
            execute("DELETE FROM mailbox WHERE id = ?", (box.key,))

    def _record_moved(self, box: MemoryMailbox, name: str, uid_validity: int) -> None:
        assert isinstance(box, SqliteMailbox)
        with self._database.changing() as execute:
            execute("UPDATE mailbox SET name = ?, uid_validity = ? WHERE id = ?", (name, uid_validity, box.key))
            self._record_validity(execute, name, uid_validity)

    def _record_validity(self, execute: Callable[..., object], name: str, uid_validity: int) -> None:
        execute("INSERT OR REPLACE INTO used_name VALUES (?, ?, ?)", (self._key, name, uid_validity))
        execute("UPDATE account SET next_validity = ? WHERE id = ?", (self._next_uid_validity, self._key))

    def _record_access_keys(self, keys: Mapping[str, bytes]) -> None:
        with self._database.changing() as execute:
            execute("DELETE FROM access_key WHERE account = ?", (self._key,))
            for mailbox_id, key in keys.items():
                execute("INSERT INTO access_key VALUES (?, ?, ?)", (self._key, mailbox_id, key))

    def _record_subscription(self, name: str, *, subscribed: bool) -> None:
        with self._database.changing() as execute:
            if subscribed:
                execute("INSERT OR IGNORE INTO subscription VALUES (?, ?)", (self._key, name))
            else:
                execute("DELETE FROM subscription WHERE account = ? AND name = ?", (self._key, name))

    def _record_annotation(self, entry: str, value: bytes | None) -> None:
        with self._database.changing() as execute:
            if value is None:
                execute("DELETE FROM account_annotation WHERE account = ? AND entry = ?", (self._key, entry))
            else:
                execute("INSERT OR REPLACE INTO account_annotation VALUES (?, ?, ?)", (self._key, entry, value))


class SqliteStore(MemoryStore):
    """All accounts in one file; implements `stores.Store` and `stores.Durable`.

    Accounts of `users` that are not in the file are made; accounts in the file without a user stay there, out of reach.

    Raises:
        ValueError: the file is no store of ours, or a later release's; or see `Directory.add`.
        OSError: it cannot be opened, or another process has it open.
    """

    def __init__(
        self,
        path: Path | str,
        users: Mapping[str, str] | Directory = DEFAULT_USERS,
        *,
        first_uid_validity: int | None = None,
    ) -> None:
        self._database = Database(Path(path))
        try:
            super().__init__(users, first_uid_validity=first_uid_validity)
        except BaseException:
            self._database.close()
            raise

    def _open(self, user: User) -> MemoryAccount:
        account = SqliteAccount(
            user.address, self._database, first_uid_validity=self._first_uid_validity, limits=user.limits
        )
        self._accounts[user.address] = account
        return account

    @property
    def pending(self) -> bool:
        """Whether there are changes that `commit` would make durable."""
        return self._database.pending

    def commit(self) -> None:
        """Make all changes durable. Raises StoreFailedError if that cannot be; then none of them is."""
        self._database.commit()

    def defer_commits(self) -> Callable[[], None]:
        """Leave commits of changes made in this thread to the caller, until the returned callable is called (there)."""
        return self._database.defer_commits()

    def close(self) -> None:
        """Commit, and give file and lock back. The store cannot be used after that; a second call does nothing."""
        self._database.close()


def _ranges(uids: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs without a gap."""
    firsts = [uids[0], *(after for before, after in pairwise(uids) if after != before + 1)]
    lasts = [*(before for before, after in pairwise(uids) if after != before + 1), uids[-1]]
    return list(zip(firsts, lasts, strict=True))
