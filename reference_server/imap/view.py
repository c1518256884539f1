"""A session's view of a mailbox: the numbers that the client knows, and what it has yet to be told (RFC 3501 §7.4.1).

The client's numbers change only when it is told so. Until then messages that another session removed keep their
numbers, and what is known of them can still be fetched (RFC 2180 §4.1.1).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from reference_server.imap.columns import EnvelopeCache
from reference_server.imap.encoding import without_nul
from reference_server.imap.entitycache import EntityCache
from reference_server.imap.fieldcache import FieldCache
from reference_server.imap.grammar import GrammarError, SequenceSet
from reference_server.imap.mime import RFC822, Entity, parse, parse_header
from reference_server.imap.rights import ALL
from reference_server.imap.uidsets import NO_UIDS, Uids
from reference_server.stores import Changes, Mailbox, StoredMessage

if TYPE_CHECKING:
    from reference_server.imap.context import Context

_uid_of = attrgetter("uid")

T = TypeVar("T")


class View:
    """One selected mailbox. Message number n is `messages[n - 1]`, current but for what is in `gone`."""

    def __init__(self, mailbox: Mailbox, *, read_only: bool, on_change: Callable[[], None]) -> None:
        self.mailbox = mailbox
        self.read_only = read_only
        self.rights = ALL
        """What the user may do here, as the client last heard of it."""
        self.messages: list[StoredMessage] = []
        self.uids: list[int] = []
        """UIDs of `messages`, one for one."""
        self.told: list[StoredMessage] = []
        """Each message as the client last heard of its flags."""
        self.arrived: list[StoredMessage] = []
        """Messages that the client does not know of yet."""
        self.gone: set[int] = set()
        """UIDs of messages that are no more, though the client still counts them."""
        self.recent: set[int] = set()
        self.saved: Uids = NO_UIDS
        """What `$` stands for; those that are gone are passed over wherever it is used (RFC 5182 §2.1)."""
        self.contexts: dict[bytes, Context] = {}
        """Results that are kept up to date, by the tag of the command that asked for it (RFC 5267 §4.3)."""
        self.fields = FieldCache()
        self.envelopes = EnvelopeCache()
        self.keywords: set[str] = set()
        """Every keyword seen here, so that FLAGS can list them (RFC 3501 §7.2.6)."""
        self.inner = RFC822
        """Media types that are looked into as messages within messages."""
        self._keywords_told = 0
        self._unheard: set[int] = set()  # UIDs of messages whose flags may not be what the client last heard
        self._parsed = EntityCache()
        self._modseq: int | None = None
        self._modseq_before_gone = 0
        self._stop_watching = mailbox.watch(on_change)

    def close(self) -> None:
        """Stop watching."""
        self._stop_watching()

    def refresh(self) -> None:
        """Look at the mailbox anew. Changes no number and tells nothing."""
        modseq = self.mailbox.modseq
        if modseq == self._modseq:
            return
        changes = None if self._modseq is None else self.mailbox.changes_since(self._modseq)
        if changes is None and not (self.messages or self.arrived):
            # Just entered: all that is there has arrived, and nothing is gone.
            changes = Changes((), ())
            self.arrived = list(self.mailbox.messages)
        elif changes is None:
            changes = self._all_as_changes()
        if not self.gone:
            self._modseq_before_gone = self._modseq or 0
        self._modseq = modseq
        for message in changes.messages:
            self._take(message)
        for uid in changes.gone:
            self._lose(uid)

    @property
    def modseq(self) -> int:
        """The mailbox's mod-sequence when last looked at."""
        assert self._modseq is not None
        return self._modseq

    @property
    def told_modseq(self) -> int:
        """The mailbox's mod-sequence when last looked at, or that of before the removals that are yet to be told."""
        return self._modseq_before_gone if self.gone else self.modseq

    def _all_as_changes(self) -> Changes:
        current = self.mailbox.messages
        known = {message.uid for message in (*self.messages, *self.arrived)}
        return Changes(current, sorted(known.difference(message.uid for message in current)))

    def _take(self, message: StoredMessage) -> None:
        at = self._index(message.uid)
        if at is not None:
            if self.messages[at] is not message:
                self.messages[at] = message
                self._unheard.add(message.uid)
                self._note_keywords(message.flags)
            return
        at = bisect_left(self.arrived, message.uid, key=_uid_of)
        known = at < len(self.arrived) and self.arrived[at].uid == message.uid
        self.arrived[at : at + known] = [message]

    def _lose(self, uid: int) -> None:
        if self._index(uid) is not None:
            self.gone.add(uid)
        else:
            self.arrived = [message for message in self.arrived if message.uid != uid]

    def _index(self, uid: int) -> int | None:
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else None

    def number_of(self, uid: int) -> int | None:
        """The message's number, or None if the client knows of no message with that UID."""
        at = self._index(uid)
        return None if at is None else at + 1

    def admit(self) -> int:
        """Give the messages that arrived their numbers; how many there were (RFC 3501 §2.3.1.2)."""
        count = len(self.arrived)
        self.messages += self.arrived
        self.uids += [message.uid for message in self.arrived]
        self.told += self.arrived
        for flags in {message.flags for message in self.arrived}:
            self._note_keywords(flags)
        self.arrived = []
        self.recent |= self.mailbox.claim_recent(peek=self.read_only)
        return count

    def drop_gone(self) -> list[int]:
        """Close the gaps; the numbers that are free now, as they were before, ascending."""
        gaps = sorted(at for uid in self.gone if (at := self._index(uid)) is not None)
        self.messages = _without(self.messages, gaps)
        self.uids = _without(self.uids, gaps)
        self.told = _without(self.told, gaps)
        for uid in self.gone:
            self._parsed.drop(uid)
            self.envelopes.pop(uid, None)
        self.recent -= self.gone
        self._unheard -= self.gone
        self.gone = set()
        return [at + 1 for at in gaps]

    def changed_flags(self, *, or_modseq: bool = False) -> list[int]:
        """Numbers of messages whose flags (`or_modseq`: or mod-sequences) are not what the client was last told."""
        places = sorted(at for uid in self._unheard if (at := self._index(uid)) is not None)
        if or_modseq:
            changed = [at for at in places if self.messages[at].modseq != self.told[at].modseq]
        else:
            changed = [at for at in places if self.messages[at].flags != self.told[at].flags]
        # Whoever asks need not tell: they stay on the list until the client has heard.
        self._unheard = {self.uids[at] for at in changed}
        return [at + 1 for at in changed]

    def note_told(self, number: int) -> frozenset[str]:
        """The client hears of this message's flags now; they are returned, \\Recent included."""
        message = self.messages[number - 1]
        self.told[number - 1] = message
        return message.flags | {"\\Recent"} if message.uid in self.recent else message.flags

    def note_all_told(self, numbers: Sequence[int]) -> None:
        """The client hears of the flags of these messages now."""
        if len(numbers) == len(self.messages):
            self.told = self.messages.copy()
            return
        for number in numbers:
            self.told[number - 1] = self.messages[number - 1]

    def new_keywords(self) -> bool:
        """Whether keywords came up since this was last asked."""
        before, self._keywords_told = self._keywords_told, len(self.keywords)
        return self._keywords_told != before

    def recent_count(self) -> int:
        """Messages that are \\Recent in this session (RFC 3501 §2.3.2)."""
        # Some of them may not be known here yet.
        return len(self.recent.intersection(self.uids)) if self.recent else 0

    def first_unseen(self) -> int | None:
        """Number of the first message without \\Seen."""
        return next((number for number, message in enumerate(self.messages, 1) if "\\Seen" not in message.flags), None)

    def numbers(self, wanted: SequenceSet, *, uid: bool) -> list[int]:
        """Message numbers that the set names, ascending.

        Raises:
            GrammarError: it names a message number beyond the last (RFC 3501 §9, seq-number). UIDs that are not there
                are passed over instead (§6.4.8).
        """
        ranges = self.uids_named(wanted, uid=uid).ranges
        places = [range(bisect_left(self.uids, low), bisect_right(self.uids, high)) for low, high in ranges]
        # `$` may name what the rest of the set names too.
        found = dict.fromkeys(place + 1 for run in places for place in run)
        return sorted(found) if wanted.saved and wanted.ranges else list(found)

    def uids_named(self, wanted: SequenceSet, *, uid: bool) -> Uids:
        """The UIDs that the set names, whether messages have them or not.

        Raises:
            GrammarError: it names a message number beyond the last (RFC 3501 §9, seq-number).
        """
        also = self.saved if wanted.saved else None
        if uid:
            # In an empty mailbox `*` is UIDNEXT by §9, which no message has.
            return Uids(wanted.resolved(self.uids[-1] if self.uids else self.mailbox.uid_next), also)
        count = len(self.uids)
        ranges = wanted.resolved(count)
        if ranges and (ranges[0][0] < 1 or ranges[-1][1] > count):
            raise GrammarError("no message has that number")
        return Uids([(self.uids[low - 1], self.uids[high - 1]) for low, high in ranges], also)

    def parsed(self, message: StoredMessage) -> Entity:
        """The message's MIME structure, kept for a while."""
        entity = self._parsed.get(message.uid)
        if entity is None:
            entity = parse(without_nul(message.octets), inner=self.inner)
            self._parsed.keep(message.uid, entity)
        return entity

    def header_of(self, message: StoredMessage) -> Entity:
        """The message's header; what kind of body follows is left open unless that is known anyway."""
        return self._parsed.get(message.uid) or parse_header(self.octets_of(message))

    def octets_of(self, message: StoredMessage) -> bytes:
        """The message as it can be told: with NUL in it, it is not quite what is stored (RFC 9051 §4.3.1)."""
        octets = message.octets
        return self.parsed(message).octets if b"\0" in octets else octets

    def size_of(self, message: StoredMessage) -> int:
        """Octets of the message as it is told; as stored, where it would have to be read for that."""
        return len(self.octets_of(message)) if message.at_hand else message.size

    def spelling(self, flag: str) -> str:
        """A keyword as this mailbox spells it already: case does not tell keywords apart (RFC 3501 §9, note 1)."""
        return next((known for known in self.keywords if known.upper() == flag.upper()), flag)

    def _note_keywords(self, flags: frozenset[str]) -> None:
        self.keywords.update(flag for flag in flags if not flag.startswith("\\"))


def _without(items: Sequence[T], gaps: Sequence[int]) -> list[T]:
    # By slices, since a mailbox may have a hundred thousand messages and lose but one.
    kept: list[T] = []
    start = 0
    for gap in gaps:
        kept += items[start:gap]
        start = gap + 1
    kept += items[start:]
    return kept
