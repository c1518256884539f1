"""Every store against a model of it: random changes, closed and opened in between (RFC 3501 §2.3.1.1; RFC 7162 §3.1).

The model is a few dictionaries that know nothing of files, locks, or how a store remembers what has changed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from reference_server.accounts import Directory, User
from reference_server.stores import Durable, Limits, Mailbox, MailboxError, NewMessage, OverQuotaError
from reference_server.stores.maildir import MaildirStore
from reference_server.stores.memory import MemoryAccount, MemoryStore
from reference_server.stores.sqlite import SqliteStore
from tests.reference_server.folders import box

LIMITS = Limits(storage_octets=1500, messages=20, message_octets=200)
NAMES = ("INBOX", "a", "a/b", "b.c", "INBOX/x")
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "kw", "$Forwarded")

Line = tuple[bytes, frozenset[str], datetime]
"""What is known of one message: octets, flags, internal date."""

names = st.sampled_from(NAMES)
flag_sets = st.frozensets(st.sampled_from(FLAGS))
texts = st.sampled_from([b"", b"a\r\n", b"bare\n", b"\0\xff", b"x" * 150, b"y" * 200, b"z" * 201])
dates = st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
new_messages = st.builds(NewMessage, octets=texts, flags=flag_sets, internal_date=dates)
which = st.lists(st.integers(0, 7), max_size=4, unique=True)
"""Places in a folder, counted from its first message; what is beyond the last is nobody."""


@dataclass(slots=True)
class Folder:
    """What a folder should be, and how a session that has it open has seen it."""

    mailbox_id: str
    uid_validity: int
    messages: dict[int, Line] = field(default_factory=dict)
    recent: set[int] = field(default_factory=set)
    uid_next: int = 1
    modseq: int = 0
    annotations: dict[str, bytes] = field(default_factory=dict)
    rights: dict[str, str] = field(default_factory=dict)
    view: dict[int, frozenset[str]] = field(default_factory=dict)
    view_modseq: int = 0
    has_heard: bool = False


class StoreMachine(RuleBasedStateMachine):
    """One account of a store of some kind, beside its model."""

    kind: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="mailspec-model-"))
        self.folders: dict[str, Folder] = {}
        self.highest_validity: dict[str, int] = {}
        self.ids: set[str] = set()
        self.subscriptions: set[str] = set()
        self.annotations: dict[str, bytes] = {}
        self.end_deferral: Callable[[], None] | None = None
        self.store = self.opened()
        self.note_new(["INBOX"])

    # The store.

    def opened(self) -> MemoryStore:
        users = Directory([User(address="alice@example.test", limits=LIMITS)])
        if self.kind == "memory":
            return MemoryStore(users, first_uid_validity=10)
        if self.kind == "sqlite":
            return SqliteStore(self.directory / "mail.sqlite", users, first_uid_validity=10)
        return MaildirStore(self.directory / "mail", users, first_uid_validity=10)

    @property
    def account(self) -> MemoryAccount:
        return self.store.accounts[0]

    def box(self, name: str) -> Mailbox:
        return box(self.account, name)

    def close(self) -> None:
        if self.end_deferral is not None:
            self.end_deferral()
            self.end_deferral = None
        if isinstance(self.store, Durable):
            self.store.close()

    def teardown(self) -> None:
        self.close()
        shutil.rmtree(self.directory)

    @precondition(lambda self: self.kind != "memory")
    @rule()
    def close_and_open(self) -> None:
        secrets = {folder.mailbox_id: self.account.access_key(folder.mailbox_id) for folder in self.folders.values()}
        self.close()
        self.store = self.opened()
        assert {mailbox: self.account.access_key(mailbox) for mailbox in secrets} == secrets
        for name, folder in self.folders.items():
            found = self.box(name)
            self.watch(found, folder)
            recent = found.claim_recent(peek=True)
            # In a Maildir a message with flags has left `new`.
            assert recent == folder.recent or (self.kind == "maildir" and recent <= folder.recent)
            folder.recent = set(recent)
            self.catch_up(name)

    @precondition(lambda self: self.kind != "memory")
    @rule()
    def defer_commits_or_end_that(self) -> None:
        if self.end_deferral is not None:
            self.end_deferral()
            self.end_deferral = None
            assert not self.durable.pending
        else:
            self.end_deferral = self.durable.defer_commits()

    @property
    def durable(self) -> Durable:
        assert isinstance(self.store, Durable)
        return self.store

    # The model.

    def note_new(self, created: Iterable[str]) -> None:
        for name in created:
            found = self.box(name)
            assert found.mailbox_id not in self.ids
            assert found.uid_validity > self.highest_validity.get(name, 0)
            self.ids.add(found.mailbox_id)
            self.highest_validity[name] = found.uid_validity
            folder = self.folders[name] = Folder(found.mailbox_id, found.uid_validity)
            folder.view = {message.uid: message.flags for message in found.messages}
            folder.view_modseq = found.modseq
            self.watch(found, folder)

    def watch(self, found: Mailbox, folder: Folder) -> None:
        def hear() -> None:
            folder.has_heard = True

        found.watch(hear)

    def missing(self, name: str) -> list[str]:
        """The folder and its parents, as far as they are not there."""
        levels = name.split("/")
        upto = ["/".join(levels[:depth]) for depth in range(1, len(levels) + 1)]
        return [each for each in upto if each not in self.folders]

    def usage(self) -> tuple[int, int]:
        lines = [line for folder in self.folders.values() for line in folder.messages.values()]
        return sum(len(octets) for octets, _, _ in lines), len(lines)

    def fits(self, messages: Iterable[bytes], *, freed: Iterable[bytes] = ()) -> bool:
        sizes, free = [len(octets) for octets in messages], [len(octets) for octets in freed]
        octets, count = self.usage()
        return (
            max(sizes, default=0) <= 200
            and octets + sum(sizes) - sum(free) <= 1500
            and count + len(sizes) - len(free) <= 20
        )

    def chosen(self, name: str, places: Iterable[int]) -> list[int]:
        uids = list(self.folders[name].messages)
        return [uids[place] for place in places if place < len(uids)]

    def here(self, name: str) -> str:
        """That folder, or INBOX if it is not there."""
        return name if name in self.folders else "INBOX"

    def came(self, name: str, uids: list[int], lines: list[Line]) -> None:
        folder = self.folders[name]
        assert uids == sorted(set(uids))
        assert all(uid >= folder.uid_next for uid in uids), "a UID was given out again"
        assert len(uids) == len(lines)
        for uid, line in zip(uids, lines, strict=True):
            folder.messages[uid] = line
            folder.recent.add(uid)
            folder.uid_next = uid + 1

    def went(self, name: str, uids: Iterable[int]) -> None:
        for uid in uids:
            del self.folders[name].messages[uid]
            self.folders[name].recent.discard(uid)

    # Messages.

    @rule(name=names, messages=st.lists(new_messages, max_size=3))
    def append(self, name: str, messages: list[NewMessage]) -> None:
        name = self.here(name)
        lines = [(message.octets, message.flags, message.internal_date or datetime.max) for message in messages]
        if self.fits(octets for octets, _, _ in lines):
            self.came(name, self.box(name).append_all(messages), lines)
        else:
            with pytest.raises(OverQuotaError):
                self.box(name).append_all(messages)

    @rule(name=names, octets=texts, flags=flag_sets, date=dates)
    def append_one(self, name: str, octets: bytes, flags: frozenset[str], date: datetime) -> None:
        name = self.here(name)
        if self.fits([octets]):
            uid = self.box(name).append(octets, flags=flags, internal_date=date)
            self.came(name, [uid], [(octets, flags, date)])
        else:
            with pytest.raises(OverQuotaError):
                self.box(name).append(octets, flags=flags, internal_date=date)

    @rule(source=names, places=which, goal=names, is_move=st.booleans())
    def copy_or_move(self, source: str, places: list[int], goal: str, is_move: bool) -> None:
        source, goal = self.here(source), self.here(goal)
        uids = sorted(self.chosen(source, places))
        originals = [message for message in self.box(source).messages if message.uid in uids]
        copies = [NewMessage(octets=m.octets, flags=m.flags, internal_date=m.internal_date) for m in originals]
        lines = [self.folders[source].messages[uid] for uid in uids]
        octets = [line[0] for line in lines]
        if self.fits(octets, freed=octets if is_move else ()):
            self.came(goal, self.box(goal).append_all(copies, replacing=originals if is_move else ()), lines)
            if is_move:
                self.box(source).expunge(uids)
                self.went(source, uids)
        else:
            with pytest.raises(OverQuotaError):
                self.box(goal).append_all(copies)

    @rule(name=names, places=which, flags=st.lists(flag_sets, min_size=4, max_size=4), strangers=which)
    def store_flags(self, name: str, places: list[int], flags: list[frozenset[str]], strangers: list[int]) -> None:
        name = self.here(name)
        folder = self.folders[name]
        changes = dict(zip(self.chosen(name, places), flags, strict=False))
        before = folder.modseq
        known = dict.fromkeys(list(changes)[3:], before + 1)
        asked = {**{folder.uid_next + stranger: FLAGS for stranger in strangers}, **changes}
        assert self.box(name).set_flags(asked, known=known) == known.keys()
        for uid in known:
            del changes[uid]
        for uid, new in changes.items():
            octets, _, date = folder.messages[uid]
            folder.messages[uid] = octets, new, date
            assert next(m for m in self.box(name).messages if m.uid == uid).modseq > before

    @rule(name=names, places=which)
    def expunge(self, name: str, places: list[int]) -> None:
        name = self.here(name)
        uids = self.chosen(name, places)
        self.box(name).expunge([*uids, self.folders[name].uid_next])
        self.went(name, uids)

    @rule(name=names, peek=st.booleans())
    def claim_recent(self, name: str, peek: bool) -> None:
        name = self.here(name)
        assert self.box(name).claim_recent(peek=peek) == self.folders[name].recent
        if not peek:
            self.folders[name].recent.clear()

    # Folders.

    @rule(name=names)
    def create(self, name: str) -> None:
        missing = self.missing(name)
        if missing and missing[-1] == name:
            self.account.create(name)
            self.note_new(missing)
        else:
            with pytest.raises(MailboxError):
                self.account.create(name)

    @rule(name=names)
    def delete(self, name: str) -> None:
        if name in self.folders and name != "INBOX":
            held = self.box(name)
            self.account.delete(name)
            assert held.messages == ()
            del self.folders[name]
        else:
            with pytest.raises(MailboxError):
                self.account.delete(name)

    @rule(old=names, new=names)
    def rename(self, old: str, new: str) -> None:
        moving = [name for name in self.folders if name == old or name.startswith(f"{old}/")]
        renamed = {name: new + name[len(old) :] for name in moving}
        is_taken = not self.folders.keys().isdisjoint(set(renamed.values()) - set(renamed))
        if not moving or new in self.folders or (old != "INBOX" and (is_taken or new.startswith(f"{old}/"))):
            with pytest.raises(MailboxError):
                self.account.rename(old, new)
            return
        missing = self.missing(new)
        self.account.rename(old, new)
        if old == "INBOX":
            self.note_new(missing)
            lines = self.folders[old].messages
            self.came(new, [message.uid for message in self.box(new).messages], list(lines.values()))
            self.folders[new].recent = set(self.box(new).claim_recent(peek=True))
            self.went(old, list(lines))
            return
        moved = {renamed[name]: self.folders.pop(name) for name in moving}
        self.folders.update(moved)
        # A name that has only inferiors gives them another parent, which is as little there as it was.
        self.note_new(name for name in missing if name not in moved and name != new)
        for name, folder in moved.items():
            validity = self.box(name).uid_validity
            assert validity == folder.uid_validity or validity > self.highest_validity.get(name, 0)
            assert validity >= self.highest_validity.get(name, 0)
            self.highest_validity[name] = folder.uid_validity = validity

    # The rest.

    @rule(name=names, is_wanted=st.booleans())
    def subscribe_or_end_that(self, name: str, is_wanted: bool) -> None:
        if is_wanted:
            self.account.subscribe(name)
            self.subscriptions.add(name)
        else:
            self.account.unsubscribe(name)
            self.subscriptions.discard(name)

    @rule(name=st.sampled_from(["", *NAMES]), value=st.none() | st.binary(max_size=3))
    def annotate(self, name: str, value: bytes | None) -> None:
        owner, kept = (self.account, self.annotations)
        if name in self.folders:
            owner, kept = self.box(name), self.folders[name].annotations  # type: ignore[assignment]
        owner.annotate("/private/comment", value)
        kept.pop("/private/comment", None)
        if value is not None:
            kept["/private/comment"] = value

    @rule(name=names, rights=st.sampled_from(["", "l", "lrs"]))
    def set_rights(self, name: str, rights: str) -> None:
        name = self.here(name)
        self.box(name).set_rights("bob@example.test", rights)
        self.folders[name].rights = {"bob@example.test": rights} if rights else {}

    @rule(name=names)
    def catch_up(self, name: str) -> None:
        """A session asks what is new, and has then what is there."""
        name = self.here(name)
        folder, found = self.folders[name], self.box(name)
        changes = found.changes_since(folder.view_modseq)
        if changes is None:
            # A Maildir does not know what changed before it was opened.
            assert self.kind == "maildir"
            folder.view = {message.uid: message.flags for message in found.messages}
        else:
            assert [m.uid for m in changes.messages] == sorted({m.uid for m in changes.messages})
            assert list(changes.gone) == sorted(set(changes.gone))
            assert all(message.modseq > folder.view_modseq for message in changes.messages)
            folder.view.update({message.uid: message.flags for message in changes.messages})
            for uid in changes.gone:
                folder.view.pop(uid, None)
        folder.view_modseq, folder.has_heard = found.modseq, False
        assert folder.view == {uid: flags for uid, (_, flags, _) in folder.messages.items()}

    # What always holds.

    @invariant()
    def the_account_is_as_the_model(self) -> None:
        assert list(self.account.names()) == sorted(self.folders, key=lambda name: (name != "INBOX", name))
        assert self.account.subscriptions == self.subscriptions
        assert self.account.annotations == self.annotations
        usage = self.account.usage
        assert (usage.storage_octets, usage.messages) == self.usage()

    @invariant()
    def every_folder_is_as_the_model(self) -> None:
        for name, folder in self.folders.items():
            found = self.box(name)
            assert found.name == name
            assert (found.mailbox_id, found.uid_validity) == (folder.mailbox_id, folder.uid_validity)
            assert {m.uid: (m.octets, m.flags, m.internal_date) for m in found.messages} == folder.messages
            assert [m.uid for m in found.messages] == sorted(folder.messages)
            assert all(message.size == len(message.octets) for message in found.messages)
            assert found.annotations == folder.annotations
            assert found.rights == folder.rights
            assert found.uid_next >= folder.uid_next
            folder.uid_next = found.uid_next
            assert found.modseq >= max([folder.modseq, *(m.modseq for m in found.messages)])
            folder.modseq = found.modseq

    @invariant()
    def whoever_watches_has_heard_of_what_is_new_to_him(self) -> None:
        for folder in self.folders.values():
            there = {uid: flags for uid, (_, flags, _) in folder.messages.items()}
            assert folder.has_heard or folder.view == there


class MemoryMachine(StoreMachine):
    """The store in memory."""

    kind = "memory"


class SqliteMachine(StoreMachine):
    """The store in a file."""

    kind = "sqlite"


class MaildirMachine(StoreMachine):
    """The store in directories."""

    kind = "maildir"


# As many as take some two seconds each: a disk is slower than memory.
@pytest.mark.parametrize(("machine", "examples"), [(MemoryMachine, 100), (SqliteMachine, 100), (MaildirMachine, 30)])
def test_a_store_does_what_its_model_does(machine: type[StoreMachine], examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
