"""NOTIFY: telling what happens, in the selected mailbox and in others, as soon as it does (RFC 5465).

What the client knows of mailboxes that are not selected is kept as a few numbers each, and held against the store when
the account says that they were touched. What the client does itself is not told to it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reference_server.imap.acl import AclCommands
from reference_server.imap.append import AppendCommand
from reference_server.imap.copying import CopyCommands
from reference_server.imap.events import (
    DELAYED,
    FLAGS,
    MAILBOX_METADATA,
    NAME,
    NEW,
    SELECTED,
    SERVER_METADATA,
    SUBSCRIPTION,
    SUPPORTED,
    Group,
    Notify,
    Watched,
)
from reference_server.imap.fetch import UID, FetchCommands
from reference_server.imap.idle import IdleCommand
from reference_server.imap.listing_options import Extended, Listing
from reference_server.imap.mailboxes import STATUS_ITEMS
from reference_server.imap.metadata import MetadataCommands
from reference_server.imap.names import DELIMITER, OTHER_USERS
from reference_server.imap.responses import parenthesized
from reference_server.imap.session import RefusedError, Running
from reference_server.stores import Account, Mailbox, NewMessage, StoredMessage

MAX_NAMES = 1000
"""Mailboxes that one NOTIFY may name."""

MAX_TOUCHED = 1000
"""Mailboxes that may have changed at once; beyond it the client is told no more (RFC 5465 §5.8)."""

REMOVING = frozenset({b"EXPUNGE", b"UID EXPUNGE", b"MOVE", b"UID MOVE", b"REPLACE", b"UID REPLACE"})
"""Commands that are answered with what they removed, whatever NOTIFY says."""

CHANGING = REMOVING | {
    *(b"CREATE", b"DELETE", b"RENAME", b"SUBSCRIBE", b"UNSUBSCRIBE", b"SETACL", b"DELETEACL", b"APPEND"),
    *(b"COPY", b"UID COPY", b"CLOSE", b"STORE", b"UID STORE", b"FETCH", b"UID FETCH", b"NOTIFY"),
}
"""Commands by which the client changes something itself."""

AS_EXTENDED = Listing(b"", b"*", Extended((b"*",), frozenset(), {b"SUBSCRIBED": None}))
"""As whom LIST responses are written for: all attributes have to be right (RFC 5465 §5.4, §5.5)."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the client knows, or could, of a mailbox that is not selected."""

    name: str
    uid_validity: int = 0
    uid_next: int = 1
    messages: int = 0
    modseq: int = 0
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What NOTIFY asked for: of the selected mailbox, and of others."""

    selected: Group | None = None
    others: tuple[Watched, ...] = ()


class NotifyCommand(IdleCommand, CopyCommands, FetchCommands, AppendCommand, MetadataCommands, AclCommands):
    """Mixin: NOTIFY, and what it makes of telling changes."""

    wanted: Wanted | None = None
    """None until NOTIFY is first used: then RFC 3501 §7 holds."""

    _mailboxes: Mapping[str, Known] = {}
    _subscriptions: frozenset[str] = frozenset()
    _own_uids: frozenset[int] = frozenset()

    def on_notify(self, asked: Notify) -> bytes:
        """Answer NOTIFY; SET first tells what has gathered in the selected mailbox (RFC 5465 §3.1)."""
        names = [name for group in asked.groups for name in group.names]
        if len(names) > MAX_NAMES:
            raise RefusedError("too many mailboxes", code=b"NOTIFICATIONOVERFLOW")
        if not SUPPORTED.keys() >= {event for group in asked.groups for event in group.events}:
            code = b"BADEVENT " + parenthesized(SUPPORTED.values())
            raise RefusedError("there is no such event", code=code)
        if asked.set:
            self.wanted = None
            super().tell_changes()
        selected = next((group for group in asked.groups if group.filter in (SELECTED, DELAYED)), None)
        others = tuple(self.watched(group) for group in asked.groups if group is not selected)
        self.wanted = Wanted(selected, others)
        self.begin_watching()
        self.tell_no_access()
        if asked.status:
            self.tell_all_status()
        return b"NOTIFY completed"

    def watched(self, group: Group) -> Watched:
        """The group with its names as the store has them; one that cannot be a name is passed over."""
        names = set()
        for wire_name in group.names:
            try:
                names.add(self.name_of(wire_name))
            except RefusedError:
                continue
        return Watched(group.filter, frozenset(names), group.events)

    def begin_watching(self) -> None:
        """What is there by now counts as known."""
        self.take_touched()
        if self.others:
            self.watch_accounts(self.accounts_meant())
            if self.wants_somewhere(MAILBOX_METADATA) or self.wants_somewhere(SERVER_METADATA):
                self.watch_metadata()
        self._subscriptions = self.user.subscriptions
        self._mailboxes = {box.mailbox_id: self.known(box) for box in self.visible()} if self.others else {}

    def accounts_meant(self) -> Iterator[Account]:
        """The user's own account, and those of others whose mailboxes are named or subscribed."""
        yield self.user
        named = {name for watched in self.others for name in watched.names}
        if any(watched.filter == b"SUBSCRIBED" for watched in self.others):
            named |= self.user.subscriptions
        if OTHER_USERS in named:
            named |= {DELIMITER.join((OTHER_USERS, user.address)) for user in self.store.users}
        for name in sorted(named):
            account, _ = self.place_of(name)
            if account is not None:
                yield account

    def visible(self) -> Iterator[Mailbox]:
        """All mailboxes that the user can list."""
        return filter(None, map(self.mailbox_named, self.names()))

    def known(self, mailbox: Mailbox) -> Known:
        """What there is to know of a mailbox now."""
        name = self.full_name(mailbox)
        return Known(
            name,
            self.validity_of(mailbox),
            mailbox.uid_next,
            len(mailbox.messages),
            mailbox.modseq,
            self.status_unseen(mailbox) if self.wants(FLAGS, name) else 0,
        )

    # What is wanted.

    @property
    def others(self) -> tuple[Watched, ...]:
        """What is wanted of mailboxes that are not selected."""
        return () if self.wanted is None else self.wanted.others

    def wants(self, event: bytes, name: str, also: Collection[str] = ()) -> bool:
        """Whether the client wants to be told of that event in the mailbox of that name."""
        subscriptions = {*self.user.subscriptions, *also}
        return any(event in watched.events and watched.covers(name, subscriptions) for watched in self.others)

    def wants_somewhere(self, event: bytes) -> bool:
        """Whether it wants to be told of that event anywhere."""
        return any(event in watched.events for watched in self.others)

    def listens(self) -> bool:
        """With NOTIFY a client listens all the time (RFC 5465 §3.1)."""
        return super().listens() or (self.wanted is not None and self.wanted != Wanted())

    def tells_selected(self) -> bool:
        """Whether changes of messages in the selected mailbox are told at all (RFC 5465 §3.1)."""
        if self.wanted is None or self.running.verb in REMOVING:
            return True
        return self.wanted.selected is not None and NEW in self.wanted.selected.events

    def tells_flag_changes(self) -> bool:
        """Whether changes of flags are."""
        selected = None if self.wanted is None else self.wanted.selected
        return super().tells_flag_changes() and (selected is None or FLAGS in selected.events)

    def tells_uids(self) -> bool:
        """FETCH responses that NOTIFY brings about have the UID (RFC 5465 §5.1)."""
        return super().tells_uids() or (self.wanted is not None and self.wanted.selected is not None)

    def may_tell_expunges(self) -> bool:
        """SELECTED-DELAYED has to wait for a command (RFC 5465 §6.1.2)."""
        selected = None if self.wanted is None else self.wanted.selected
        delayed = selected is not None and selected.filter == DELAYED
        return super().may_tell_expunges() and not (delayed and not self.running.verb)

    # When it is told.

    def on_wake(self) -> None:
        """Something changed: the client need not have given a command to be told, but one in progress comes first."""
        if self.rest is not None:
            return
        if not self.idling and self.listens():
            self.running = Running(b"*", b"")
            self.tell_changes()
        else:
            super().on_wake()

    def about_to_run(self, name: bytes) -> None:
        """What others changed is told before the client changes something itself, so that the two can be told apart."""
        super().about_to_run(name)
        if name in CHANGING and self.others:
            self.running = Running(self.running.tag, b"")
            self.tell_elsewhere()
            self.running = Running(self.running.tag, name)

    def tell_changes(self) -> None:
        """In the selected mailbox as far as that is wanted, then elsewhere."""
        if not self.tells_selected():
            self.tell_elsewhere()
            return
        view, wanted = self.view, self.wanted
        if view is None or wanted is None or wanted.selected is None:
            super().tell_changes()
            return
        highest = view.uids[-1] if view.uids else 0
        super().tell_changes()
        self.tell_new(view.uids[bisect_right(view.uids, highest) :], wanted.selected)
        self._own_uids = frozenset()

    def tell_new(self, uids: Sequence[int], group: Group) -> None:
        """What the client wants to know of messages that are new, unless it stored them itself (RFC 5465 §5.2)."""
        items = (*group.attributes, UID) if UID not in group.attributes else group.attributes
        for uid in uids:
            number = self.selected.number_of(uid)
            if group.attributes and number is not None and uid not in self._own_uids:
                self.send_message_data(number, items, with_flags=False)

    def store_all(
        self, mailbox: Mailbox, messages: Sequence[NewMessage], *, replacing: Sequence[StoredMessage] = ()
    ) -> list[int]:
        """Notes what the client stored itself."""
        return self.note_own(mailbox, super().store_all(mailbox, messages, replacing=replacing))

    def copy(self, messages: list[StoredMessage], target: Mailbox) -> list[int]:
        """So too."""
        return self.note_own(target, super().copy(messages, target))

    def note_own(self, mailbox: Mailbox, uids: list[int]) -> list[int]:
        """These messages are the client's own doing, if they are in the selected mailbox."""
        if self.wanted is not None and self.is_selected(mailbox):
            self._own_uids |= set(uids)
        return uids

    def is_selected(self, mailbox: Mailbox) -> bool:
        """Whether it is the selected mailbox."""
        return self.view is not None and self.view.mailbox.mailbox_id == mailbox.mailbox_id

    # What is told of other mailboxes.

    def tell_touched(self, touched: set[tuple[str, str]]) -> None:
        """Tell what has changed, in the order: names, subscriptions, messages, metadata."""
        if len(touched) > MAX_TOUCHED:
            self.overflow()
            return
        if self.others:
            silent = self.running.verb in CHANGING
            self.tell_names(touched, silent=silent)
            self.tell_subscriptions(silent=silent)
            for owner, name in sorted(touched):
                mailbox = self.mailbox_named(self.name_among(owner, name))
                if mailbox is not None and mailbox.mailbox_id in self._mailboxes:
                    self.tell_messages(mailbox, silent=silent)
        super().tell_touched(touched)

    def overflow(self) -> None:
        """Too much to tell: from now on it is as after NOTIFY NONE (RFC 5465 §5.8)."""
        self.untagged(b"OK [NOTIFICATIONOVERFLOW] too much happens at once")
        self.wanted = Wanted()
        self.begin_watching()

    def tell_names(self, touched: Iterable[tuple[str, str]], *, silent: bool) -> None:
        """MailboxName: LIST responses for what was made, renamed or removed (RFC 5465 §5.4)."""
        if not any(self.is_news(self.name_among(owner, name)) for owner, name in touched if name):
            return
        before = self._mailboxes
        after = {box.mailbox_id: self.full_name(box) for box in self.visible()}
        self._mailboxes = {
            each: Known(name) if each not in before else _renamed(before[each], name) for each, name in after.items()
        }
        if silent:
            return
        renamed = {before[each].name: name for each, name in after.items() if each in before}
        for old, new in sorted(renamed.items()):
            moved = old != new and not _with_its_parent(old, new, renamed)
            if moved and (self.wants(NAME, old) or self.wants(NAME, new)):
                self.tell_listed(new, [b'"OLDNAME" (%b)' % self.render_mailbox(self.wire_name(old))])
        made = {name for each, name in after.items() if each not in before}
        gone = {known.name for each, known in before.items() if each not in after}
        for name in sorted(made | gone | {_parent(name) for name in made | gone} - {""}):
            if self.wants(NAME, name):
                self.tell_listed(name)

    def is_news(self, name: str) -> bool:
        """Whether the name stands for another mailbox than it did, or for one where there was none, or for none."""
        mailbox = self.mailbox_named(name)
        if mailbox is None or "l" not in self.rights_on(mailbox):
            return any(known.name == name for known in self._mailboxes.values())
        known = self._mailboxes.get(mailbox.mailbox_id)
        return known is None or known.name != name

    def tell_subscriptions(self, *, silent: bool) -> None:
        """SubscriptionChange: LIST responses with or without \\Subscribed (RFC 5465 §5.5)."""
        before, self._subscriptions = self._subscriptions, self.user.subscriptions
        for name in sorted(before ^ self._subscriptions):
            if not silent and self.wants(SUBSCRIPTION, name, also=before):
                self.tell_listed(name)

    def tell_listed(self, name: str, items: list[bytes] | None = None) -> None:
        """One LIST response that nobody asked for now."""
        attributes = self.attributes_of(name, self.tree(), AS_EXTENDED)
        self.tell_name(b"LIST", attributes, self.wire_name(name), items or [])

    def tell_messages(self, mailbox: Mailbox, *, silent: bool) -> None:
        """MessageNew, MessageExpunge and FlagChange: one STATUS response (RFC 5465 §5.1 to §5.3)."""
        before, now = self._mailboxes[mailbox.mailbox_id], self.known(mailbox)
        self._mailboxes = {**self._mailboxes, mailbox.mailbox_id: now}
        if silent or self.is_selected(mailbox) or not self.is_observable(mailbox):
            return
        if items := self.news(before, now):
            self.tell_status_items(mailbox, items)

    def is_observable(self, mailbox: Mailbox) -> bool:
        """Events take the rights to look and to read (RFC 5465 §5)."""
        return {"l", "r"} <= self.rights_on(mailbox)

    def news(self, before: Known, now: Known) -> list[bytes]:
        """The status items that tell the difference, as far as the client wants it."""
        items: list[bytes] = []
        if self.wants(NEW, now.name) and (before.uid_next, before.messages) != (now.uid_next, now.messages):
            items = [b"MESSAGES", b"UIDNEXT"]
        if self.wants(FLAGS, now.name):
            if before.unseen != now.unseen:
                items += [b"UNSEEN", b"UIDVALIDITY"]
            elif before.uid_validity != now.uid_validity or (not items and self.tells_modseqs()):
                items.append(b"UIDVALIDITY")
        if items and before.modseq != now.modseq and self.tells_modseqs():
            items.append(b"HIGHESTMODSEQ")
        return items

    def tell_status_items(self, mailbox: Mailbox, items: Iterable[bytes]) -> None:
        """A STATUS response that nobody asked for now; unlike one that was asked for it enables nothing."""
        values: list[bytes] = []
        for item in items:
            value = mailbox.modseq if item == b"HIGHESTMODSEQ" else getattr(self, STATUS_ITEMS[item])(mailbox)
            values += [item, b"%d" % value]
        name = self.render_mailbox(self.wire_name(self.full_name(mailbox)))
        self.untagged(b"STATUS %b %b" % (name, parenthesized(values)))

    def tell_all_status(self) -> None:
        """What the STATUS indicator asks for: where the client stands (RFC 5465 §3.1)."""
        for mailbox in self.visible():
            name = self.full_name(mailbox)
            if self.wants(NEW, name) and self.is_observable(mailbox) and not self.is_selected(mailbox):
                more = [b"HIGHESTMODSEQ"] if self.wants(FLAGS, name) else []
                self.tell_status_items(mailbox, [b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY", *more])

    def tell_no_access(self) -> None:
        """Say of mailboxes that were named and can be listed that they cannot be watched (RFC 5465 §3.1)."""
        for name in sorted({name for watched in self.others for name in watched.names}):
            mailbox = self.mailbox_named(name)
            if mailbox is not None and "l" in self.rights_on(mailbox) and not self.is_observable(mailbox):
                attributes = self.attributes_of(name, self.tree(), AS_EXTENDED)
                self.tell_name(b"LIST", [*attributes, b"\\NoAccess"], self.wire_name(name))

    def tells_metadata_of(self, mailbox: Mailbox | None) -> bool:
        """Of mailboxes in which that event is wanted, or of the server (RFC 5465 §5.6, §5.7)."""
        if super().tells_metadata_of(mailbox):
            return True
        if mailbox is None:
            return self.wants_somewhere(SERVER_METADATA)
        return self.is_observable(mailbox) and self.wants(MAILBOX_METADATA, self.full_name(mailbox))

    def forget_user(self) -> None:
        """Nobody wants anything any more (RFC 8437 §4.1)."""
        self.wanted = None
        super().forget_user()


def _renamed(known: Known, name: str) -> Known:
    return Known(name, known.uid_validity, known.uid_next, known.messages, known.modseq, known.unseen)


def _parent(name: str) -> str:
    return name.rpartition(DELIMITER)[0]


def _with_its_parent(old: str, new: str, renamed: Mapping[str, str]) -> bool:
    """Whether the mailbox only moved along with one above it, which is told instead."""
    return old.rpartition(DELIMITER)[2] == new.rpartition(DELIMITER)[2] and renamed.get(_parent(old)) == _parent(new)
