"""One folder of a Maildir, seen by sessions as one in memory and by other programs as the files that it is made of.

The standard's promises hold: a message is written below `tmp`, reaches the disk, and is then moved to `new` or `cur` in
one step. Others may deliver, flag and remove as they like; that is noticed whenever the folder is looked at after its
directories have changed. UIDs are those of `dovecot-uidlist`. What has no place in the standard (mod-sequences, rights,
metadata, keywords beyond the 26th) is in a file of our own, `mailspec-folder`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock

from reference_server.stores import EPOCH, NOTHING_KNOWN, Changes, NewMessage, StoredMessage, StoreFailedError
from reference_server.stores import maildirnames as names
from reference_server.stores.flushing import Flushing
from reference_server.stores.lazy import LazyMessage
from reference_server.stores.mailbox import RECENT, MemoryMailbox, with_entry
from reference_server.stores.maildirfiles import MaildirFile, Place
from reference_server.stores.maildirstate import FolderState, load, save
from reference_server.stores.room import Room
from reference_server.stores.uidlist import Keywords, UidList

SUBDIRECTORIES = ("tmp", "new", "cur")

SETTLING_NS = 50_000_000
"""Two changes nearer to each other than this may leave a directory with the same time of change."""

COARSE_SETTLING_NS = 2_000_000_000
"""The same where the file system counts in seconds."""

MODSEQ_RESERVE = 10_000
"""How far ahead of the mod-sequence the greatest one on the disk is: it is written once for so many changes."""

UID_LIST_SURPLUS = 1000
"""Entries of files that are no more, beyond which, and beyond those that are, the UID list is written anew."""

DRAFTS_KEPT_S = 36 * 3600
"""How long a file may lie below `tmp`, as the standard has it."""

STATE_FILE = "mailspec-folder"

_MIN_DATE_NS, _MAX_DATE_NS = -(2**31) * 10**9, 2**33 * 10**9


class MaildirMailbox(MemoryMailbox):
    """One folder; whoever asks it anything makes it look at its directories first."""

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        owner: str,
        uid_validity: int,
        special_uses: Iterable[str] | None = None,
        room: Room,
        changed: Callable[[str], None],
        flushing: Flushing,
        survey: Callable[[], None],
    ) -> None:
        """Open the folder, and make what it lacks; `uid_validity` and `special_uses` are for one that is new.

        `survey` makes the room know of everything that the account has.
        """
        for subdirectory in SUBDIRECTORIES:
            (path / subdirectory).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._place = Place(path)
        self._survey = survey
        self._flushing = flushing
        self._list = UidList(path)
        self._keywords = Keywords(path)
        self._state = load(path / STATE_FILE, FolderState)
        if special_uses is not None:
            self._state.special_uses = sorted(special_uses)
        self._require_list(uid_validity)
        super().__init__(
            name,
            owner=owner,
            uid_validity=self._list.uid_validity,
            special_uses=self._state.special_uses,
            room=room,
            changed=changed,
        )
        # What looks while it changes something takes it twice.
        self._guard = RLock()
        self._mailbox_id = f"G{self._list.guid or self._list.uid_validity}"
        self._uid_next = self._list.uid_next
        self._annotations, self._rights = self._state.annotations, self._state.rights
        # What has changed before this start is not known by its mod-sequence, only that it is not after this one.
        self._modseq = self._forgotten = self._state.highest_modseq + 1
        self._by_base: dict[str, int] = {}
        self._stamps: tuple[int, int] | None = None
        self._is_settled = False
        with flushing.changing():
            self._reserve(self._modseq)
            flushing.note(path, path / "dovecot-uidlist")
        self._remove_old_drafts()

    @property
    def path(self) -> Path:
        """The folder's directory."""
        return self._place.path

    def _require_list(self, uid_validity: int) -> None:
        if not self._list.refresh():
            with self._list.locked():
                if not self._list.refresh():
                    self._list.uid_validity, self._list.guid = uid_validity, os.urandom(16).hex()
                    self._list.write()

    def _remove_old_drafts(self) -> None:
        """Whatever lies below `tmp` for so long has been given up by its writer."""
        for draft in (self.path / "tmp").iterdir():
            if time.time() - draft.stat().st_mtime > DRAFTS_KEPT_S:
                draft.unlink(missing_ok=True)

    # Looking.

    def look(self) -> None:
        """Take up what other programs have changed."""
        with self._guard:
            has_changed = self._scan()
        if has_changed:
            self._notify()

    def _stat(self) -> tuple[int, int]:
        return (self.path / "new").stat().st_mtime_ns, (self.path / "cur").stat().st_mtime_ns

    def _scan(self) -> bool:
        try:
            stamps = self._stat()
            if stamps == self._stamps and (self._is_settled or not self._settles(stamps)):
                return False
            places = self._places()
            if not self._has_its_list():
                return self._start_anew()
            if any(base not in self._by_base for base in places):
                with self._list.locked():
                    # Whoever gives out UIDs has moved the files before; so all that have one are found now.
                    self._list.refresh()
                    places = self._places()
                    self._give_uids(places)
        except FileNotFoundError:
            return self._take_up({})
        except StoreFailedError:
            # Somebody holds the lock: what is new there is not told before the next look.
            self._stamps = None
            return False
        return self._take_up(places)

    def _settles(self, stamps: tuple[int, int]) -> bool:
        """Whether another change could no longer hide behind the same times."""
        latest = max(stamps)
        settling = COARSE_SETTLING_NS if latest % 10**9 == 0 else SETTLING_NS
        return time.time_ns() - latest > settling

    def _note_own_change(self) -> None:
        self._stamps, self._is_settled = self._stat(), False

    def _places(self) -> dict[str, str]:
        """Where each message is, by base name, at one moment without a change."""
        while True:
            before = self._stat()
            places = {
                names.base_of(entry): f"{directory}/{entry}"
                for directory in ("new", "cur")
                for entry in os.listdir(self.path / directory)  # noqa: PTH208  (half the cost, and the names are all we want)
                if not entry.startswith(".")
            }
            # A file that is renamed while a directory is read may be left out.
            if self._stat() == before:
                self._stamps, self._is_settled = before, self._settles(before)
                return places

    def _give_uids(self, places: Mapping[str, str]) -> None:
        nameless = [base for base in places if base not in self._list.uids]
        nameless.sort(key=lambda base: (names.delivered_at(base), base))
        if nameless:
            self._list.add(
                dict(zip(nameless, range(self._list.uid_next, self._list.uid_next + len(nameless)), strict=True))
            )
            self._flushing.note(self.path / "dovecot-uidlist")
        if len(self._list.uids) > 2 * len(places) + UID_LIST_SURPLUS:
            self._list.uids = {base: self._list.uids[base] for base in places}
            self._list.write()

    def _has_its_list(self) -> bool:
        return self._list.refresh() and self._list.uid_validity == self._uid_validity

    def _start_anew(self) -> bool:
        """Another program has thrown the UID list away: no UID means what it did."""
        with self._list.locked():
            if not self._list.refresh():
                self._list.uid_validity, self._list.uids = max(self._uid_validity + 1, int(time.time())), {}
                self._list.uid_next = 1
                self._list.write()
            places = self._places()
            self._take_up({})
            self._uid_validity = self._list.uid_validity
            self._give_uids(places)
        self._take_up(places)
        return True

    def _take_up(self, places: Mapping[str, str]) -> bool:
        """Make the messages those that are there; whether anything has changed."""
        self._keywords.refresh()
        modseq = self._modseq + 1
        gone = {uid for base, uid in self._by_base.items() if base not in places}
        changed: list[int] = sorted(gone)
        messages: list[StoredMessage] = []
        freed: list[int] = []
        for message in self._messages:
            assert isinstance(message, LazyMessage)
            if message.uid in gone:
                freed.append(message.size)
                del self._by_base[message.body.base]
                continue
            place = places[message.body.base]
            if place != message.body.place:
                message.body.place = place
                flags = self._flags_at(message.body.base, place)
                if flags != message.flags:
                    message = message.with_flags(flags, modseq)
                    changed.append(message.uid)
            messages.append(message)
        arrived = [self._found(base, place, modseq) for base, place in places.items() if base not in self._by_base]
        fresh = [message for message in arrived if message is not None]
        self._uid_next = max(self._uid_next, self._list.uid_next)
        self._recent -= gone
        if not (changed or fresh):
            return False
        self._reserve(modseq)
        self._modseq = modseq
        for message in fresh:
            self._by_base[message.body.base] = message.uid
            if message.body.place.startswith("new/"):
                self._recent.add(message.uid)
        self._messages = sorted([*messages, *fresh], key=lambda message: message.uid)
        self._uids = [message.uid for message in self._messages]
        self._room.give_back(freed)
        self._room.occupy([message.size for message in fresh])
        self._note_changed([*changed, *(message.uid for message in fresh)])
        return True

    def _found(self, base: str, place: str, modseq: int) -> LazyMessage[MaildirFile] | None:
        path = self.path / place
        try:
            status = path.stat()
            is_verbatim = names.is_verbatim(base, status.st_size)
            size = status.st_size if is_verbatim else len(names.to_wire(path.read_bytes()))
        except FileNotFoundError:
            return None
        date = EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
        return LazyMessage(
            MaildirFile(self._place, base, place, is_verbatim=is_verbatim),
            uid=self._list.uids[base],
            size=size,
            internal_date=date,
            saved_at=EPOCH + timedelta(seconds=names.delivered_at(base)) if names.delivered_at(base) else date,
            flags=self._flags_at(base, place),
            modseq=modseq,
        )

    def _flags_at(self, base: str, place: str) -> frozenset[str]:
        written = names.flags_in(names.letters_of(place), self._keywords.by_number)
        return written | frozenset(self._state.flags.get(_key(base), ()))

    # What asks has the folder look first.

    @property
    def uid_next(self) -> int:
        """Greater than every UID ever given out here."""
        self.look()
        return super().uid_next

    @property
    def modseq(self) -> int:
        """Raised by every change; never less than the modseq of any message here."""
        self.look()
        return super().modseq

    @property
    def messages(self) -> Sequence[StoredMessage]:
        """All messages, UIDs ascending. A snapshot."""
        self.look()
        return super().messages

    def changes_since(self, modseq: int) -> Changes | None:
        """What is new since the mailbox had that modseq; None if that is too long ago."""
        self.look()
        return super().changes_since(modseq)

    def append_all(self, messages: Sequence[NewMessage], *, replacing: Sequence[StoredMessage] = ()) -> list[int]:
        """Store all of them or, raising OverQuotaError, none; their UIDs. The room of `replacing` counts as free."""
        self._survey()
        with self._guard, self._flushing.changing(), self._list.locked():
            # Nobody else gives out UIDs from here on.
            if not self._has_its_list():
                self._start_anew()
            if self._list.uid_next != self._uid_next:
                # A delivery in the same moment as our last look does not show in the directories' times.
                self._stamps = None
            self._scan()
            return super().append_all(messages, replacing=replacing)

    def set_flags(
        self, changes: Mapping[int, Iterable[str]], *, known: Mapping[int, int] = NOTHING_KNOWN
    ) -> frozenset[int]:
        """Replace flags, by UID, in one step; who has another modseq by now than in `known` stays, and is returned."""
        self.look()
        return super().set_flags(changes, known=known)

    def expunge(self, uids: Iterable[int]) -> None:
        """Remove messages for good. UIDs that are not there are passed over."""
        self.look()
        super().expunge(uids)

    def claim_recent(self, *, peek: bool) -> frozenset[int]:
        """UIDs that no session was told of as recent yet; unless `peek`, they are the caller's (RFC 3501 §2.3.2)."""
        self.look()
        return super().claim_recent(peek=peek)

    # What becomes files before it can be seen.

    def _kept(self, messages: Sequence[NewMessage], *, first_uid: int, modseq: int) -> list[StoredMessage]:
        now = datetime.now(UTC)
        kept: list[StoredMessage] = []
        drafts: list[tuple[MaildirFile, str]] = []
        with self._flushing.changing():
            try:
                for uid, message in enumerate(messages, first_uid):
                    flags, date = message.flags - RECENT, message.internal_date or now
                    base = names.new_base(len(message.octets))
                    file = MaildirFile(self._place, base, f"tmp/{base}", is_verbatim=True)
                    drafts.append((file, self._place_for(base, flags)))
                    _write_draft(file.path, message.octets, date)
                    kept.append(
                        LazyMessage(
                            file,
                            uid=uid,
                            size=len(message.octets),
                            internal_date=date,
                            saved_at=now,
                            flags=flags,
                            modseq=modseq,
                        )
                    )
                self._reserve(modseq)
                for file, place in drafts:
                    file.move(place)
            except BaseException:
                for file, _ in drafts:
                    file.path.unlink(missing_ok=True)
                raise
            uids = {file.base: uid for uid, (file, _) in enumerate(drafts, first_uid)}
            self._list.add(uids)
            self._flushing.note(self.path / "new", self.path / "cur", self.path / "dovecot-uidlist")
            self._note_own_change()
        self._by_base.update(uids)
        return kept

    def _place_for(self, base: str, flags: frozenset[str], *, other_letters: str = "") -> str:
        """Where a message with these flags belongs; flags that have no letter are put down as well."""
        self._keywords.require(sorted(flag for flag in flags if not flag.startswith("\\")), len(names.KEYWORD_LETTERS))
        letters, without = names.letters_for(flags, self._keywords.numbers)
        if sorted(without) != self._state.flags.get(_key(base), []):
            self._state.flags = {**self._state.flags, _key(base): sorted(without)}
            if not without:
                del self._state.flags[_key(base)]
            self._save_state()
        letters += other_letters
        # A message that was delivered and never looked at is in `new`.
        return f"cur/{names.with_letters(base, letters)}" if letters else f"new/{base}"

    def _record_flags(self, messages: Collection[StoredMessage]) -> None:
        with self._flushing.changing():
            for message in messages:
                assert isinstance(message, LazyMessage)
                file = message.body
                others = names.other_letters(names.letters_of(file.place))
                place = self._place_for(file.base, message.flags, other_letters=others)
                file.move(place if place.startswith("cur/") else f"cur/{names.with_letters(file.base, '')}")
            self._reserve(message.modseq)
            self._note_own_change()

    def _record_gone(self, messages: Mapping[int, StoredMessage], modseq: int) -> None:
        with self._flushing.changing():
            self._reserve(modseq)
            for message in messages.values():
                assert isinstance(message, LazyMessage)
                message.body.is_removed = message.body.move(f"tmp/{message.body.base}")
                self._by_base.pop(message.body.base, None)
                if self._state.flags.pop(_key(message.body.base), None):
                    self._save_state()
            self._flushing.note(*(self.path / subdirectory for subdirectory in SUBDIRECTORIES))
            self._note_own_change()

    def _record_claimed(self, uids: frozenset[int]) -> None:
        with self._flushing.changing():
            for uid in uids:
                message = self._find(uid)
                if isinstance(message, LazyMessage) and message.body.place.startswith("new/"):
                    message.body.move(f"cur/{names.with_letters(message.body.base, '')}")
            self._note_own_change()

    def _record_annotation(self, entry: str, value: bytes | None) -> None:
        with self._flushing.changing():
            self._state.annotations = with_entry(self._annotations, entry, value)
            self._save_state()

    def _record_rights(self, identifier: str, rights: str) -> None:
        with self._flushing.changing():
            self._state.rights = with_entry(self._rights, identifier, rights or None)
            self._save_state()

    def _reserve(self, modseq: int) -> None:
        if modseq > self._state.highest_modseq:
            self._state.highest_modseq = modseq + MODSEQ_RESERVE
            self._save_state()

    def _save_state(self) -> None:
        save(self.path / STATE_FILE, self._state)
        self._flushing.note(self.path)

    def move_directory(self, path: Path, uid_validity: int) -> None:
        """Rename the folder's directory, and give the folder that UIDVALIDITY."""
        self.path.rename(path)
        self._place.path = self._list.path = self._keywords.path = path
        if uid_validity != self._list.uid_validity:
            with self._list.locked():
                self._list.uid_validity = uid_validity
                self._list.write()
        self._stamps = None

    def hand_over(self, target: MaildirMailbox) -> None:
        """Move all messages to another folder, in order, each in one step."""
        with self._guard, target._guard, target._list.locked():
            self._scan()
            target._list.refresh()
            uid = target._list.uid_next
            for message in self._messages:
                assert isinstance(message, LazyMessage)
                file = message.body
                others = names.other_letters(names.letters_of(file.place))
                place = target._place_for(file.base, message.flags, other_letters=others)
                target._list.add({file.base: uid})
                file.path.rename(target.path / place)
                uid += 1
            for box in (self, target):
                self._flushing.note(*(box.path / subdirectory for subdirectory in SUBDIRECTORIES))
                box._stamps = None
        self.look()
        target.look()


def _write_draft(path: Path, octets: bytes, date: datetime) -> None:
    with path.open("xb") as file:
        file.write(octets)
        file.flush()
        date_ns = (date - EPOCH) // timedelta(microseconds=1) * 1000
        moment_ns = min(max(date_ns, _MIN_DATE_NS), _MAX_DATE_NS)
        os.utime(file.fileno(), ns=(moment_ns, moment_ns))
        os.fsync(file.fileno())


def _key(base: str) -> str:
    # A file name may be anything, JSON may not.
    return base.encode("utf-8", "backslashreplace").decode("utf-8")
