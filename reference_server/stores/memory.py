"""Mail kept in memory: the store that the reference server uses unless told otherwise (RFC 3501 §2.3, RFC 1939 §4).

Safe to use from several threads: tests read it while the server's own thread writes. Whoever watches a
mailbox is called after the change is complete.

A store that keeps more than memory subclasses these: `_made` and the `_record_…` methods are told of every change
before anybody can see it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from reference_server.accounts import DEFAULT_USERS, Directory, User
from reference_server.stores import Limits, MailboxError, NewMessage, Usage
from reference_server.stores.mailbox import MemoryMailbox, with_entry
from reference_server.stores.room import Room
from reference_server.stores.watchers import Watchers

SEPARATOR = "/"
INBOX = "INBOX"

MAX_NAME_CHARACTERS = 1000
"""Longest full folder name; no RFC sets a limit, but a name must not be able to fill the memory."""


class MemoryAccount:
    """One user's mail; implements `stores.Account`. INBOX is always there."""

    def __init__(self, name: str, *, first_uid_validity: int, limits: Limits | None = None) -> None:
        self._name = name
        self._next_uid_validity = first_uid_validity
        self._room = Room(limits or Limits())
        self._guard = threading.RLock()
        self._highest_validity: dict[str, int] = {}
        self._subscriptions: frozenset[str] = frozenset()
        self._annotations: dict[str, bytes] = {}
        self._access_keys: dict[str, bytes] = {}
        self._watchers: Watchers[[str]] = Watchers()
        self._boxes: dict[str, MemoryMailbox] = {}
        self._open()

    @property
    def name(self) -> str:
        """The canonical address, such as `alice@example.test`."""
        return self._name

    @property
    def limits(self) -> Limits:
        """What the user may have at most."""
        return self._room.limits

    @property
    def usage(self) -> Usage:
        """What the user has now."""
        return self._room.usage

    @property
    def subscriptions(self) -> frozenset[str]:
        """Subscribed names; they may name folders that no longer exist (RFC 3501 §6.3.6)."""
        return self._subscriptions

    def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions."""
        with self._guard:
            self._record_subscription(name, subscribed=True)
            self._subscriptions |= {name}
        self._notify(name)

    def unsubscribe(self, name: str) -> None:
        """Take a name from the subscriptions; one that is not there is passed over."""
        with self._guard:
            self._record_subscription(name, subscribed=False)
            self._subscriptions -= {name}
        self._notify(name)

    @property
    def annotations(self) -> Mapping[str, bytes]:
        """Metadata entries that belong to no folder (RFC 5464 §3)."""
        return self._annotations

    def annotate(self, entry: str, value: bytes | None) -> None:
        """Set a metadata entry; None removes it."""
        with self._guard:
            self._record_annotation(entry, value)
            self._annotations = with_entry(self._annotations, entry, value)
        self._notify("")

    def access_key(self, mailbox_id: str) -> bytes:
        """The account's secret for URLs into that mailbox, made when first asked for (RFC 4467 §2.2)."""
        with self._guard:
            if mailbox_id not in self._access_keys:
                self._keep_access_keys({**self._access_keys, mailbox_id: os.urandom(32)})
            return self._access_keys[mailbox_id]

    def reset_access_keys(self, mailbox_id: str | None = None) -> None:
        """Forget one such secret, or all."""
        with self._guard:
            kept = {} if mailbox_id is None else with_entry(self._access_keys, mailbox_id, None)
            if kept != self._access_keys:
                self._keep_access_keys(kept)

    def _keep_access_keys(self, keys: dict[str, bytes]) -> None:
        self._record_access_keys(keys)
        self._access_keys = keys

    def watch(self, notify: Callable[[str], None]) -> Callable[[], None]:
        """Call `notify` with a folder's name after any change to it; the returned callable ends that."""
        return self._watchers.add(notify)

    def mailbox(self, name: str) -> MemoryMailbox | None:
        """The folder of that name, or None."""
        return self._boxes.get(canonical_name(name))

    def boxes(self) -> Sequence[MemoryMailbox]:
        """All folders."""
        with self._guard:
            return list(self._boxes.values())

    def names(self) -> Sequence[str]:
        """Names of all folders, sorted; INBOX first."""
        with self._guard:
            return sorted(self._boxes, key=lambda name: (name != INBOX, name))

    def create(self, name: str, *, special_uses: Iterable[str] = ()) -> None:
        """Make a folder and its missing parents; a `/` at the end is dropped (RFC 3501 §6.3.3).

        Raises:
            MailboxError: the folder exists or its name cannot be used.
        """
        wanted = _usable(name)
        with self._guard, self._one_step():
            if wanted in self._boxes:
                raise MailboxError("the mailbox exists already")
            self._add_parents(wanted)
            self._add(wanted, special_uses)
        self._notify(wanted)

    def delete(self, name: str) -> None:
        """Remove a folder and its messages, never its inferiors (RFC 3501 §6.3.4).

        Raises:
            MailboxError: it is INBOX, or there is none of that name.
        """
        wanted = canonical_name(name)
        if wanted == INBOX:
            raise MailboxError("INBOX cannot be deleted")
        with self._guard, self._one_step():
            box = self._boxes.get(wanted)
            if box is None:
                raise MailboxError("there is no such mailbox")
            box.expunge([message.uid for message in box.messages])
            self._record_deleted(box)
            self.reset_access_keys(box.mailbox_id)
            del self._boxes[wanted]
        box._notify()

    def rename(self, old: str, new: str) -> None:
        """Give a folder another name; inferiors move along (RFC 3501 §6.3.5).

        Renaming INBOX moves its messages into a new folder and leaves INBOX, and what lies below it, in place.

        Raises:
            MailboxError: the old one is absent, the new one exists, cannot be used, or lies inside the old one.
        """
        source, target = canonical_name(old), _usable(new)
        with self._guard, self._one_step():
            moving = [name for name in self._boxes if name == source or name.startswith(source + SEPARATOR)]
            if not moving:
                raise MailboxError("there is no such mailbox")
            if target in self._boxes:
                raise MailboxError("the new name is taken")
            if source == INBOX:
                self._add_parents(target)
                self._add(target)
                self._move_messages(self._boxes[INBOX], self._boxes[target])
                return
            renamed = self._move(moving, source, target)
        for name, box in renamed.items():
            box._notify()
            self._notify(name)

    def _move(self, moving: Iterable[str], source: str, target: str) -> dict[str, MemoryMailbox]:
        if target.startswith(source + SEPARATOR):
            raise MailboxError("a mailbox cannot be moved into itself")
        renamed = {name: target + name[len(source) :] for name in moving}
        if not self._boxes.keys().isdisjoint(set(renamed.values()) - set(renamed)):
            raise MailboxError("a name below the new one is taken")
        self._add_parents(target)
        moved = {}
        # The upper levels first: their old names may be the new ones of what lies below them.
        for name in sorted(renamed, key=len):
            box, new_name = self._boxes[name], renamed[name]
            validity = self._validity_after_move(new_name, box.uid_validity)
            self._record_moved(box, new_name, validity)
            box._moved_to(new_name, uid_validity=validity)
            self._boxes[new_name] = self._boxes.pop(name)
            moved[name] = box
        return moved

    def _move_messages(self, source: MemoryMailbox, target: MemoryMailbox) -> None:
        messages = source.messages
        copies = [
            NewMessage(octets=message.octets, flags=message.flags, internal_date=message.internal_date)
            for message in messages
        ]
        # Room is given back first: a move needs none.
        source.expunge([message.uid for message in messages])
        target.append_all(copies)

    def _add_parents(self, name: str) -> None:
        for parent in _parents(name):
            if parent not in self._boxes:
                self._add(parent)

    def _add(self, name: str, special_uses: Iterable[str] = ()) -> None:
        validity = self._next_uid_validity
        self._next_uid_validity += 1
        self._highest_validity[name] = validity
        self._boxes[name] = self._made(name, validity, frozenset(special_uses))

    def _notify(self, name: str) -> None:
        self._watchers.tell(name)

    def _validity_after_move(self, name: str, validity: int) -> int:
        # UIDs keep their meaning through a rename, so the value stays; but a name that once had a greater one must
        # not go back (RFC 3501 §2.3.1.1: a new value is greater than the earlier one).
        if self._highest_validity.get(name, 0) >= validity:
            validity = self._next_uid_validity
            self._next_uid_validity += 1
        self._highest_validity[name] = validity
        return validity

    # What a store that keeps more than memory overrides; what these raise leaves the account as it was.

    def _open(self) -> None:
        """Take up the folders that are there at the start: INBOX at least."""
        self._add(INBOX)

    def _made(self, name: str, uid_validity: int, special_uses: frozenset[str]) -> MemoryMailbox:
        """A new folder."""
        return MemoryMailbox(
            name,
            owner=self._name,
            uid_validity=uid_validity,
            special_uses=special_uses,
            room=self._room,
            changed=self._notify,
        )

    def _one_step(self) -> AbstractContextManager[object]:
        """What is recorded inside becomes durable as a whole or not at all."""
        return nullcontext()

    def _record_deleted(self, box: MemoryMailbox) -> None:
        """A folder goes; it is empty by now."""

    def _record_moved(self, box: MemoryMailbox, name: str, uid_validity: int) -> None:
        """A folder gets another name."""

    def _record_subscription(self, name: str, *, subscribed: bool) -> None:
        """A name is subscribed, or no longer."""

    def _record_annotation(self, entry: str, value: bytes | None) -> None:
        """A metadata entry is set, or removed."""

    def _record_access_keys(self, keys: Mapping[str, bytes]) -> None:
        """These are the secrets for URLs from now on, by mailbox."""


class MemoryStore:
    """All accounts; implements `stores.Store`.

    `users` maps addresses to passwords, or is a directory of users; the first of them is the postmaster.
    `first_uid_validity` is where each account starts to count; the default is the time in seconds, so that a server
    started anew does not give old values to new messages.
    """

    def __init__(
        self, users: Mapping[str, str] | Directory = DEFAULT_USERS, *, first_uid_validity: int | None = None
    ) -> None:
        self._first_uid_validity = first_uid_validity or int(time.time())
        self._users = users if isinstance(users, Directory) else Directory.of(users)
        self._accounts: dict[str, MemoryAccount] = {}
        for user in self._users:
            self._open(user)

    @property
    def users(self) -> Directory:
        """Who may log in."""
        return self._users

    @property
    def accounts(self) -> Sequence[MemoryAccount]:
        """Every account, in the order of their making."""
        return list(self._accounts.values())

    def add_account(self, address: str, password: str, *, limits: Limits | None = None) -> MemoryAccount:
        """Make an account; without limits it may have what there is.

        Raises:
            ValueError: the address has no domain or is taken, or one of the two cannot be prepared (RFC 4013 §2.3).
        """
        user = User(address=address, password=password, limits=limits or Limits())
        self._users.add(user)
        return self._open(user)

    def _open(self, user: User) -> MemoryAccount:
        account = MemoryAccount(user.address, first_uid_validity=self._first_uid_validity, limits=user.limits)
        self._accounts[user.address] = account
        return account

    def log_in(self, name: str, password: str) -> MemoryAccount | None:
        """The account, if the password is right. Takes the same time when it is not. The domain may be left out."""
        address = self._users.verify(name, password)
        return self._accounts.get(address) if address else None

    def account(self, address: str) -> MemoryAccount | None:
        """The account a recipient address belongs to (domain and local part case-insensitively), or None."""
        found = self._users.recipient(address)
        return self._accounts.get(found) if found else None

    def postmaster(self) -> MemoryAccount | None:
        """Whose INBOX gets mail for postmaster (RFC 5321 §4.5.1): the first account's."""
        return next(iter(self._accounts.values()), None)

    def shared(self) -> Sequence[MemoryMailbox]:
        """Folders of all accounts in whose rights anybody is named."""
        return [box for account in self.accounts for box in account.boxes() if box.rights]


def canonical_name(name: str) -> str:
    """The name with INBOX as its first level in capitals, however it was written (RFC 3501 §5.1)."""
    first, separator, rest = name.partition(SEPARATOR)
    return INBOX + separator + rest if first.upper() == INBOX else name


def _usable(name: str) -> str:
    wanted = canonical_name(name.removesuffix(SEPARATOR))
    if len(wanted) > MAX_NAME_CHARACTERS:
        raise MailboxError("the mailbox name is too long")
    if not all(wanted.split(SEPARATOR)):
        raise MailboxError("the mailbox name has an empty level")
    if any(ord(character) < 0x20 or character == "\x7f" for character in wanted):
        raise MailboxError("the mailbox name has a control character")
    return wanted


def _parents(name: str) -> list[str]:
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:depth]) for depth in range(1, len(levels))]
