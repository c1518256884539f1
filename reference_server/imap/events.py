"""What a client can ask NOTIFY for: events, and the mailboxes in which they matter to it (RFC 5465 §5, §6, §8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reference_server.imap.fetch import Item, parse_attributes
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.names import DELIMITER, INBOX, OTHER_USERS, parse_mailbox

NEW, EXPUNGE, FLAGS = b"MESSAGENEW", b"MESSAGEEXPUNGE", b"FLAGCHANGE"
NAME, SUBSCRIPTION = b"MAILBOXNAME", b"SUBSCRIPTIONCHANGE"
MAILBOX_METADATA, SERVER_METADATA = b"MAILBOXMETADATACHANGE", b"SERVERMETADATACHANGE"
ANNOTATION = b"ANNOTATIONCHANGE"

SUPPORTED: Mapping[bytes, bytes] = MappingProxyType({
    name.upper(): name
    for name in (
        *(b"MessageNew", b"MessageExpunge", b"FlagChange", b"MailboxName"),
        *(b"SubscriptionChange", b"MailboxMetadataChange", b"ServerMetadataChange"),
    )
})  # fmt: skip
"""Events that can be told of, in capitals and as they are written."""

ABOUT_MESSAGES = frozenset({NEW, EXPUNGE, FLAGS, ANNOTATION})
"""message-event: what the selected mailbox can be watched for (RFC 5465 §6.1)."""

SELECTED, DELAYED = b"SELECTED", b"SELECTED-DELAYED"
WITH_NAMES = frozenset({b"SUBTREE", b"MAILBOXES"})
FILTERS = frozenset({SELECTED, DELAYED, b"INBOXES", b"PERSONAL", b"SUBSCRIBED"}) | WITH_NAMES
"""filter-mailboxes."""


@dataclass(frozen=True, slots=True)
class Group:
    """One event-group: `names` as on the wire, `attributes` of new messages where the selected mailbox is meant."""

    filter: bytes
    names: tuple[bytes, ...]
    events: frozenset[bytes]
    attributes: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """Arguments of NOTIFY; NOTIFY NONE has no groups and is not `set`."""

    groups: tuple[Group, ...] = ()
    status: bool = False
    set: bool = True


@dataclass(frozen=True, slots=True)
class Watched:
    """Mailboxes other than the selected one, by their names in the store, and events in them."""

    filter: bytes
    names: frozenset[str]
    events: frozenset[bytes]

    def covers(self, name: str, subscriptions: Collection[str]) -> bool:
        """Whether a mailbox of that name is meant (RFC 5465 §6.2 to §6.6). Mail is delivered to INBOX alone."""
        if self.filter == b"MAILBOXES":
            return name in self.names
        if self.filter == b"SUBTREE":
            return any(name == top or name.startswith(top + DELIMITER) for top in self.names)
        if self.filter == b"SUBSCRIBED":
            return name in subscriptions
        return name == INBOX if self.filter == b"INBOXES" else not name.startswith(OTHER_USERS + DELIMITER)


def parse_notify(cursor: Cursor) -> Notify:
    """`notify = "NOTIFY" SP ("SET" [SP "STATUS"] SP event-group *(SP event-group) / "NONE")`.

    Raises:
        GrammarError: also for events that cannot stand alone or not there (RFC 5465 §5, §6.1).
    """
    cursor.space()
    verb = cursor.atom()
    if verb == b"NONE":
        return Notify(set=False)
    if verb != b"SET":
        raise GrammarError("expected SET or NONE")
    cursor.space()
    status = not cursor.peek(b"(")
    if status:
        if cursor.atom() != b"STATUS":
            raise GrammarError("expected STATUS")
        cursor.space()
    groups = [_group(cursor)]
    while cursor.skip(b" "):
        groups.append(_group(cursor))
    if sum(group.filter in (SELECTED, DELAYED) for group in groups) > 1:
        raise GrammarError("the selected mailbox is named twice")
    return Notify(tuple(groups), status)


def _group(cursor: Cursor) -> Group:
    # event-group = "(" filter-mailboxes SP events ")"
    cursor.expect(b"(")
    kind = cursor.atom()
    if kind not in FILTERS:
        raise GrammarError("no such mailbox specifier")
    names: tuple[bytes, ...] = ()
    if kind in WITH_NAMES:
        names = _names(cursor)
    cursor.space()
    events, attributes = _events(cursor)
    cursor.expect(b")")
    if kind not in (SELECTED, DELAYED):
        if attributes is not None:
            raise GrammarError("attributes are for the selected mailbox")
    elif not events <= ABOUT_MESSAGES and events & SUPPORTED.keys() - ABOUT_MESSAGES:
        raise GrammarError("only messages are watched in the selected mailbox")
    if (NEW in events) != (EXPUNGE in events):
        raise GrammarError("MessageNew and MessageExpunge go together")
    if events & {FLAGS, ANNOTATION} and NEW not in events:
        raise GrammarError("changes of messages need MessageNew and MessageExpunge")
    return Group(kind, names, events, attributes or ())


def _names(cursor: Cursor) -> tuple[bytes, ...]:
    # one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")"
    if not cursor.peek(b" ("):
        return (parse_mailbox(cursor),)
    cursor.space()
    return tuple(cursor.list_of(cursor.astring))


def _events(cursor: Cursor) -> tuple[frozenset[bytes], tuple[Item, ...] | None]:
    # events = ( "(" event *(SP event) ")" ) / "NONE"
    attributes: tuple[Item, ...] | None = None

    def event() -> bytes:
        nonlocal attributes
        name = cursor.atom()
        # "MessageNew" [SP "(" fetch-att *(SP fetch-att) ")" ]
        if name == NEW and cursor.skip(b" ("):
            attributes = parse_attributes(cursor)
        return name

    if cursor.peek(b"("):
        return frozenset(cursor.list_of(event)), attributes
    if cursor.atom() != b"NONE":
        raise GrammarError("expected events or NONE")
    return frozenset(), None
