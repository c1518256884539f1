"""Mail kept in Maildirs that other programs may read and change meanwhile (Maildir++).

Each account has a directory `address` below the store's path; it is INBOX, and the directories `.Folder.Sub` in it are
the other folders. What is acknowledged is on the disk. Messages are kept octet for octet.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from reference_server.accounts import DEFAULT_USERS, Directory, User
from reference_server.stores import Limits, MailboxError, Usage, subscriptionfile
from reference_server.stores import maildirnames as names
from reference_server.stores.flushing import Flushing
from reference_server.stores.mailbox import MemoryMailbox, with_entry
from reference_server.stores.maildirbox import MaildirMailbox
from reference_server.stores.maildirstate import AccountState, load, save
from reference_server.stores.memory import INBOX, MemoryAccount, MemoryStore, canonical_name

VERSION = 1
"""Of the layout; a path with a greater one was written by a later release."""

ACCOUNT_FILE = "mailspec-account"
STORE_FILE = "mailspec-store"


class MaildirAccount(MemoryAccount):
    """One user's Maildir; made when it is not there yet."""

    def __init__(self, name: str, path: Path, flushing: Flushing, *, first_uid_validity: int, limits: Limits) -> None:
        self._path = path
        self._flushing = flushing
        self._stamp: int | None = None
        super().__init__(name, first_uid_validity=first_uid_validity, limits=limits)

    def look(self) -> None:
        """Take up folders that other programs have made or removed."""
        with self._guard:
            stamp = self._path.stat().st_mtime_ns
            if stamp == self._stamp:
                return
            there = {INBOX: self._path}
            for entry in self._path.iterdir():
                name = names.name_of(entry.name)
                if name is not None and name == canonical_name(name) != INBOX and (entry / "cur").is_dir():
                    there[name] = entry
            appeared = [name for name in there if name not in self._boxes]
            vanished = [self._boxes.pop(name) for name in list(self._boxes) if name not in there]
            for name in appeared:
                self._boxes[name] = self._taken(name, there[name])
            # A change in the same moment would not show.
            self._stamp = stamp if time.time_ns() - stamp > 2 * 10**9 else None
        for box in vanished:
            box._notify()
        for name in appeared:
            self._notify(name)

    def mailbox(self, name: str) -> MemoryMailbox | None:
        """The folder of that name, or None."""
        self.look()
        return super().mailbox(name)

    def boxes(self) -> Sequence[MemoryMailbox]:
        """All folders."""
        self.look()
        return super().boxes()

    def names(self) -> Sequence[str]:
        """Names of all folders, sorted; INBOX first."""
        self.look()
        return super().names()

    @property
    def subscriptions(self) -> frozenset[str]:
        """Subscribed names; they may name folders that no longer exist (RFC 3501 §6.3.6)."""
        self._subscriptions = subscriptionfile.read(self._path)
        return super().subscriptions

    @property
    def usage(self) -> Usage:
        """What the user has now."""
        for box in self.boxes():
            assert isinstance(box, MaildirMailbox)
            box.look()
        return super().usage

    def _survey(self) -> None:
        if self.limits != Limits():
            _ = self.usage

    def _open(self) -> None:
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._state = load(self._path / ACCOUNT_FILE, AccountState)
        self._annotations = self._state.annotations
        self._access_keys = self._state.access_keys
        self._highest_validity = self._state.highest_validity
        self._next_uid_validity = max(self._next_uid_validity, self._state.next_validity)
        with self._flushing.changing():
            self._flushing.note(self._path.parent)
            self.look()

    def _taken(self, name: str, path: Path) -> MaildirMailbox:
        """A folder that is there already, or INBOX; UIDVALIDITY is what its UID list says, if it has one."""
        validity = self._next_uid_validity
        box = MaildirMailbox(
            path,
            name,
            owner=self._name,
            uid_validity=validity,
            room=self._room,
            changed=self._notify,
            flushing=self._flushing,
            survey=self._survey,
        )
        if box.uid_validity >= validity:
            self._next_uid_validity = box.uid_validity + 1
        if self._highest_validity.get(name, 0) < box.uid_validity:
            self._highest_validity[name] = box.uid_validity
            self._save_state()
        return box

    def _made(self, name: str, uid_validity: int, special_uses: frozenset[str]) -> MemoryMailbox:
        path = self._path / names.directory_of(name)
        with self._flushing.changing():
            if path.exists():
                raise MailboxError("the mailbox exists already")
            self._save_state()
            box = MaildirMailbox(
                path,
                name,
                owner=self._name,
                uid_validity=uid_validity,
                special_uses=special_uses,
                room=self._room,
                changed=self._notify,
                flushing=self._flushing,
                survey=self._survey,
            )
            # Tells delivery programs that this is a folder of a Maildir, not a Maildir of its own.
            (path / "maildirfolder").touch(0o600)
        return box

    def _one_step(self) -> AbstractContextManager[object]:
        self.look()
        return self._flushing.changing()

    def _record_deleted(self, box: MemoryMailbox) -> None:
        assert isinstance(box, MaildirMailbox)
        with self._flushing.changing():
            # Out of sight in one step; what is left of it after a crash is nobody's.
            rubbish = self._path / f"..mailspec-removed-{os.getpid()}-{box.mailbox_id}"
            box.path.rename(rubbish)
            shutil.rmtree(rubbish)
            self._flushing.note(self._path)

    def _record_moved(self, box: MemoryMailbox, name: str, uid_validity: int) -> None:
        assert isinstance(box, MaildirMailbox)
        with self._flushing.changing():
            self._save_state()
            box.move_directory(self._path / names.directory_of(name), uid_validity)

    def _move_messages(self, source: MemoryMailbox, target: MemoryMailbox) -> None:
        assert isinstance(source, MaildirMailbox)
        assert isinstance(target, MaildirMailbox)
        with self._flushing.changing():
            source.hand_over(target)

    def _save_state(self) -> None:
        self._state.next_validity = self._next_uid_validity
        save(self._path / ACCOUNT_FILE, self._state)
        self._flushing.note(self._path)

    def _record_subscription(self, name: str, *, subscribed: bool) -> None:
        with self._flushing.changing():
            before = subscriptionfile.read(self._path)
            self._subscriptions = before
            subscriptionfile.write(self._path, before | {name} if subscribed else before - {name})
            self._flushing.note(self._path)

    def _record_annotation(self, entry: str, value: bytes | None) -> None:
        with self._flushing.changing():
            self._state.annotations = with_entry(self._annotations, entry, value)
            self._save_state()

    def _record_access_keys(self, keys: Mapping[str, bytes]) -> None:
        with self._flushing.changing():
            self._state.access_keys = dict(keys)
            self._save_state()


class MaildirStore(MemoryStore):
    """All accounts below one path; implements `stores.Store` and `stores.Durable`.

    Accounts of `users` that are not there are made; Maildirs without a user stay there, out of reach.

    Raises:
        ValueError: a later release has written there, or a file of ours is damaged; or see `Directory.add`.
        OSError: the path cannot be used, or another of our servers uses it.
    """

    def __init__(
        self,
        path: Path | str,
        users: Mapping[str, str] | Directory = DEFAULT_USERS,
        *,
        first_uid_validity: int | None = None,
    ) -> None:
        self._path = Path(path)
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._flushing = Flushing()
        self._claim = _claimed(self._path / STORE_FILE)
        try:
            super().__init__(users, first_uid_validity=first_uid_validity)
        except BaseException:
            self.close()
            raise

    def _open(self, user: User) -> MemoryAccount:
        account = MaildirAccount(
            user.address,
            self._path / names.account_directory(user.address),
            self._flushing,
            first_uid_validity=self._first_uid_validity,
            limits=user.limits,
        )
        self._accounts[user.address] = account
        return account

    @property
    def pending(self) -> bool:
        """Whether there are changes that `commit` would make durable."""
        return self._flushing.pending

    def commit(self) -> None:
        """Make all changes durable. Raises StoreFailedError if that cannot be."""
        self._flushing.commit()

    def defer_commits(self) -> Callable[[], None]:
        """Leave commits of changes made in this thread to the caller, until the returned callable is called (there)."""
        return self._flushing.defer_commits()

    def close(self) -> None:
        """Commit, and let another server have the path. The store cannot be used after that."""
        try:
            self._flushing.commit()
        finally:
            if self._claim >= 0:
                os.close(self._claim)
                self._claim = -1


def _claimed(path: Path) -> int:
    """The file that says of which version the layout is; locked for as long as it is open."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"{path.parent}: another process has that store open") from None
        written = os.read(descriptor, 20).strip()
        if not written:
            os.write(descriptor, b"%d\n" % VERSION)
            os.fsync(descriptor)
        elif written != b"%d" % VERSION:
            raise ValueError(
                f"{path.parent} was written by another release: its version is {written!r}, this one reads {VERSION}"
            )
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
