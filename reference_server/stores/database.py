"""One SQLite file: its transactions, when they reach the disk, and what happens if they cannot.

A commit writes to the write-ahead log; that alone survives any end of the process, `kill -9` at any moment among them,
because the kernel has the octets. Whatever a client may forget once it is told of it (an accepted message, a removal, a
folder) is also flushed to the disk before the commit returns, so that it survives the loss of power. A change of flags
alone is not flushed: it reaches the disk with the next flush, and until then the loss of power, and nothing else, can
undo it. What is on the disk is in either case a state that there once was: the log is replayed in order.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reference_server.stores import OverQuotaError, StoreFailedError
from reference_server.stores.committing import Committing
from reference_server.stores.schema import APPLICATION_ID, PAGE_OCTETS, TABLES, UPGRADES, VERSION

CHECKPOINT_PAGES = 4000
"""Length of the log, 16 MB, from which on its pages are moved into the database."""

RESERVED_OCTETS = 2 * CHECKPOINT_PAGES * PAGE_OCTETS
"""What has to stay free on the disk: the log, and its pages once more."""

CACHED_OCTETS = 64 * 1024 * 1024
"""Message texts kept in memory, those last used."""


class Database(Committing):
    """The file, opened for this process alone. Safe to use from several threads.

    Raises:
        ValueError: the file is no store of ours, or a later release's.
        OSError: it cannot be opened, or another process has it open.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._pending = False
        self._unflushed = False
        self._failure: BaseException | None = None
        self._log = -1
        self._last_body = 0
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self._cached_octets = 0
        self._discarded: list[int] = []
        try:
            self._connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
            try:
                self._set_up()
            except BaseException:
                self._connection.close()
                raise
        except sqlite3.DatabaseError as error:
            raise _refusal(path, error) from error

    def _set_up(self) -> None:
        execute = self._connection.execute
        execute(f"PRAGMA page_size = {PAGE_OCTETS}")
        # One process at a time: what is in memory has to be what is in the file.
        execute("PRAGMA locking_mode = EXCLUSIVE")
        if execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
            raise OSError(f"{self._path}: no write-ahead log can be kept there")
        # Flushing after a commit is our own, since it depends on what was committed; around checkpoints it is SQLite's.
        execute("PRAGMA synchronous = NORMAL")
        execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        execute("BEGIN EXCLUSIVE")
        (version,) = execute("PRAGMA user_version").fetchone()
        (application,) = execute("PRAGMA application_id").fetchone()
        (tables,) = execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (version, application, tables) == (0, 0, 0):
            for statement in TABLES.split(";")[:-1]:
                execute(statement)
            execute(f"PRAGMA user_version = {VERSION}")
            execute(f"PRAGMA application_id = {APPLICATION_ID}")
        elif application != APPLICATION_ID:
            raise ValueError(f"{self._path} is a database, but no mail store")
        elif not 0 < version <= VERSION:
            raise ValueError(
                f"{self._path} was written by another release: its version is {version}, this one reads {VERSION}"
            )
        for older in range(version or VERSION, VERSION):
            for statement in UPGRADES[older].split(";")[:-1]:
                execute(statement)
            execute(f"PRAGMA user_version = {older + 1}")
        execute("DELETE FROM body WHERE id IN (SELECT id FROM unused_body)")
        execute("DELETE FROM unused_body")
        (self._last_body,) = execute("SELECT coalesce(max(id), 0) FROM body").fetchone()
        execute("COMMIT")
        self._log = os.open(f"{self._path}-wal", os.O_RDONLY)
        os.fsync(self._log)
        _flush_directory(self._path.parent)

    # Changes.

    @property
    def pending(self) -> bool:
        """Whether there are changes that `commit` would make durable."""
        return self._pending

    @contextmanager
    def changing(self, *, flush: bool = True) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Execute statements in the transaction that is under way.

        Committed at the end unless commits are deferred in this thread, or this is inside another such block. `flush`
        asks for the disk, not only the kernel.

        Raises:
            OverQuotaError: the disk is full; nothing has changed.
            StoreFailedError: the file cannot be written.
        """
        with self._guard:
            if self._failure is not None:
                raise StoreFailedError("the store has failed") from self._failure
            execute = self._connection.execute
            is_first = not self._pending
            if is_first:
                execute("BEGIN")
                self._pending = True
            self._unflushed |= flush
            with self._one_change():
                try:
                    self._remove_discarded()
                    yield execute
                except sqlite3.Error as error:
                    raise self._undone(error, is_first=is_first) from error

    def _undone(self, error: sqlite3.Error, *, is_first: bool) -> Exception:
        if is_first and error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            # SQLite rolls everything back by itself then, which harms nobody if nothing else was under way.
            with suppress(sqlite3.OperationalError):
                self._connection.execute("ROLLBACK")
            self._pending = False
            return OverQuotaError("the disk is full")
        return self._failed(error)

    def _failed(self, error: BaseException) -> StoreFailedError:
        # What sessions have seen in memory can no longer be kept, so nothing more may be taken: a restart reads
        # what is in the file.
        self._failure = error
        self._pending = False
        return StoreFailedError(f"the store has failed: {error}")

    def commit(self) -> None:
        """Make all changes durable.

        Raises:
            StoreFailedError: the file cannot be written.
        """
        with self._guard:
            if not self._pending:
                return
            try:
                self._connection.execute("COMMIT")
                if self._unflushed:
                    os.fdatasync(self._log)
            except (sqlite3.Error, OSError) as error:
                raise self._failed(error) from error
            self._pending = self._unflushed = False

    def close(self) -> None:
        """Commit, move the log into the database and close both. A second call does nothing."""
        with self._guard:
            if self._log < 0:
                return
            try:
                self.commit()
            finally:
                self._connection.close()
                os.close(self._log)
                self._log = -1

    def require_space(self, octets: int) -> None:
        """Refuse what would fill the disk: a commit that fails half-way is the end of the store.

        Raises:
            OverQuotaError: see above; nothing has changed.
        """
        disk = os.statvfs(self._path)
        if disk.f_bavail * disk.f_frsize < octets + RESERVED_OCTETS:
            raise OverQuotaError("the disk is full")

    def rows(self, query: str, *parameters: object) -> list[Any]:
        """Everything that a query finds, committed or not."""
        with self._guard:
            return self._connection.execute(query, parameters).fetchall()

    # Message texts.

    def add_body(self, execute: Callable[..., sqlite3.Cursor], octets: bytes) -> int:
        """Put a message text down inside `changing`; its number, which never comes back while this process runs."""
        self._last_body += 1
        execute("INSERT INTO body VALUES (?, ?)", (self._last_body, octets))
        self._keep(self._last_body, octets)
        return self._last_body

    def body(self, number: int) -> bytes:
        """A message text.

        Raises:
            StoreFailedError: it is not there, or cannot be read.
        """
        with self._guard:
            octets = self._bodies.get(number)
            if octets is not None:
                self._bodies.move_to_end(number)
                return octets
            try:
                row = self._connection.execute("SELECT octets FROM body WHERE id = ?", (number,)).fetchone()
            except sqlite3.Error as error:
                raise StoreFailedError(f"a message cannot be read: {error}") from error
            if row is None:
                raise StoreFailedError("a message is no more")
            (octets,) = row
            assert isinstance(octets, bytes)
            self._keep(number, octets)
            return octets

    def discard_body(self, number: int) -> None:
        """A message text that is unused is not held by anybody any more. May be called at any moment, in any thread."""
        self._discarded.append(number)

    def _remove_discarded(self) -> None:
        while self._discarded:
            number = self._discarded.pop()
            self._cached_octets -= len(self._bodies.pop(number, b""))
            self._connection.execute("DELETE FROM body WHERE id = ?", (number,))
            self._connection.execute("DELETE FROM unused_body WHERE id = ?", (number,))

    def _keep(self, number: int, octets: bytes) -> None:
        self._bodies[number] = octets
        self._cached_octets += len(octets)
        while self._cached_octets > CACHED_OCTETS:
            self._cached_octets -= len(self._bodies.popitem(last=False)[1])


def _refusal(path: Path, error: sqlite3.DatabaseError) -> Exception:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_BUSY:
        return OSError(f"{path}: another process has that store open")
    if code == sqlite3.SQLITE_NOTADB:
        return ValueError(f"{path} is not an SQLite database")
    return OSError(f"{path}: {error}")


def _flush_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
