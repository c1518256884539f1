"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and STATUS (RFC 3501 §6.3).

With special uses (RFC 6154 §3), STATUS=SIZE (RFC 8438) and the STATUS items of RFC 7889, RFC 8474 and RFC 9208.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.names import DELIMITER, INBOX, Names, levels_above, parse_mailbox
from reference_server.imap.responses import parenthesized
from reference_server.imap.session import RefusedError
from reference_server.stores import Account, Mailbox, MailboxError

STATUS_ITEMS: Mapping[bytes, str] = MappingProxyType({
    b"MESSAGES": "status_messages",
    b"RECENT": "status_recent",
    b"UIDNEXT": "status_uidnext",
    b"UIDVALIDITY": "status_uidvalidity",
    b"UNSEEN": "status_unseen",
    b"SIZE": "status_size",  # RFC 8438
    b"HIGHESTMODSEQ": "status_highestmodseq",
    b"DELETED": "status_deleted",  # RFC 9208
    b"DELETED-STORAGE": "status_deleted_storage",
    b"APPENDLIMIT": "status_appendlimit",  # RFC 7889
    b"MAILBOXID": "status_mailboxid",  # RFC 8474
})  # fmt: skip
"""Status item to the core's method that gives its value. An extension adds its rows."""


SPECIAL_USES: Mapping[str, str] = MappingProxyType({
    use.upper(): use for use in ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")
})  # fmt: skip
"""What a folder can be made for, by name in capitals (RFC 6154 §2). \\All and \\Flagged would be virtual folders."""


@dataclass(frozen=True, slots=True)
class Create:
    """Arguments of CREATE: the special uses as the client wrote them."""

    mailbox: bytes
    special_uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rename:
    """Arguments of RENAME, as on the wire."""

    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class Status:
    """Arguments of STATUS: items in capitals."""

    mailbox: bytes
    items: tuple[bytes, ...]


def parse_rename(cursor: Cursor) -> Rename:
    """`rename = "RENAME" SP mailbox SP mailbox`."""
    return Rename(parse_mailbox(cursor), parse_mailbox(cursor))


def parse_status(cursor: Cursor) -> Status:
    """`status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"`."""
    mailbox = parse_mailbox(cursor)
    cursor.space()
    return Status(mailbox, parse_status_items(cursor))


def parse_status_items(cursor: Cursor) -> tuple[bytes, ...]:
    """`"(" status-att *(SP status-att) ")"`, each once and in capitals."""
    items = tuple(dict.fromkeys(cursor.list_of(cursor.atom)))
    if not STATUS_ITEMS.keys() >= set(items):
        raise GrammarError("no such status item")
    return items


def parse_create(cursor: Cursor) -> Create:
    """`create = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]`, and the only parameter is USE.

    `create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"` (RFC 4466 §2.2, RFC 6154 §6).
    """
    mailbox = parse_mailbox(cursor)
    if not cursor.skip(b" "):
        return Create(mailbox)
    uses: list[str] = []

    def parameter() -> None:
        if cursor.atom() != b"USE":
            raise GrammarError("no such parameter")
        cursor.space()
        uses.extend(cursor.list_of(cursor.attribute, may_be_empty=True))

    cursor.list_of(parameter)
    return Create(mailbox, tuple(dict.fromkeys(uses)))


class MailboxCommands(Names):
    """Mixin: commands on mailboxes as a whole."""

    def on_create_for(self, asked: Create) -> bytes:
        """Answer CREATE, with special uses or without (RFC 6154 §3)."""
        if not asked.special_uses:
            return self.on_create(asked.mailbox)
        name = self.new_name(asked.mailbox)
        uses = self.usable(asked.special_uses)
        self.make(name, uses)
        return self.created(name)

    def usable(self, special_uses: tuple[str, ...]) -> frozenset[str]:
        """These special uses, as they are spelt here.

        Raises:
            RefusedError: one is not supported, or another folder has it already (RFC 6154 §3).
        """
        if not SPECIAL_USES.keys() >= {use.upper() for use in special_uses}:
            raise RefusedError("that special use is not supported", code=b"USEATTR")
        uses = frozenset(SPECIAL_USES[use.upper()] for use in special_uses)
        if any(mailbox.special_uses & uses for mailbox in map(self.user.mailbox, self.user.names()) if mailbox):
            raise RefusedError("another mailbox has that special use", code=b"USEATTR")
        return uses

    def on_create(self, wire_name: bytes) -> bytes:
        """Answer CREATE; a delimiter at the end only announces inferiors (RFC 3501 §6.3.3)."""
        name = self.new_name(wire_name)
        self.make(name)
        return self.created(name)

    def make(self, name: str, special_uses: frozenset[str] = frozenset()) -> None:
        """Make a mailbox; it has the rights of the one above it (RFC 4314 §4, CREATE)."""
        account, local = self.place_of(name)
        above = None if account is None else self.nearest_above(account, local)
        if account is None or (account.name != self.user.name and not self.may_create_below(above)):
            raise RefusedError("you may not create that", code=b"NOPERM")
        new = [level for level in (*sorted(levels_above([local])), local) if account.mailbox(level) is None]
        self.try_to(lambda: account.create(local, special_uses=special_uses))
        made = filter(None, map(account.mailbox, new))
        for mailbox, (identifier, rights) in product(made, above.rights.items() if above else ()):
            mailbox.set_rights(identifier, rights)

    def nearest_above(self, account: Account, name: str) -> Mailbox | None:
        """The lowest of the mailboxes above a name."""
        above = (account.mailbox(level) for level in sorted(levels_above([name]), reverse=True))
        return next((mailbox for mailbox in above if mailbox is not None), None)

    def may_create_below(self, mailbox: Mailbox | None) -> bool:
        """Whether the user may make mailboxes there (RFC 4314 §2.1, `k`)."""
        return mailbox is not None and "k" in self.rights_on(mailbox)

    def created(self, name: str) -> bytes:
        """The text of the OK: MAILBOXID, unless the new mailbox is gone again already (RFC 8474 §4.1)."""
        mailbox = self.mailbox_named(name)
        code = b"[MAILBOXID %b] " % self.object_id(mailbox) if mailbox else b""
        return code + b"CREATE completed"

    def new_name(self, wire_name: bytes) -> str:
        """The name that CREATE asks for.

        Raises:
            RefusedError: it cannot be a new mailbox's.
        """
        name = self.name_of(wire_name).removesuffix(DELIMITER)
        if self.is_inbox(name):
            raise RefusedError("INBOX is always there", code=b"ALREADYEXISTS")
        if "*" in name or "%" in name:
            # Legal, but no client could ever LIST it alone (RFC 3501 §5.1 note 3).
            raise RefusedError("the mailbox name has a wildcard", code=b"CANNOT")
        self.require_unused(name)
        return name

    def require_unused(self, name: str) -> None:
        """Refuse a name that is taken (RFC 5530 §3, ALREADYEXISTS)."""
        if self.mailbox_named(name) is not None:
            raise RefusedError("the mailbox exists already", code=b"ALREADYEXISTS")

    def on_delete(self, wire_name: bytes) -> bytes:
        """Answer DELETE; a name that is only a level above others cannot be deleted (RFC 3501 §6.3.4)."""
        name = self.name_of(wire_name)
        if name == INBOX:
            raise RefusedError("INBOX cannot be deleted", code=b"CANNOT")
        if name in self.implied_names(set(self.names())):
            raise RefusedError("the name has inferiors and is no mailbox", code=b"HASCHILDREN")
        mailbox = self.permitted(wire_name, "x")
        if mailbox.name == INBOX:
            raise RefusedError("INBOX cannot be deleted", code=b"CANNOT")
        account = self.account_of(mailbox)
        self.try_to(lambda: account.delete(mailbox.name))
        return b"DELETE completed"

    def on_rename(self, asked: Rename) -> bytes:
        """Answer RENAME; inferiors move along, INBOX only loses its messages (RFC 3501 §6.3.5)."""
        old, new = self.name_of(asked.old), self.name_of(asked.new)
        if new == INBOX:
            raise RefusedError("INBOX is always there", code=b"ALREADYEXISTS")
        if old not in levels_above(self.user.names()):
            self.permitted(asked.old, "x")
        self.require_unused(new)
        (source, local_old), (target, local_new) = self.place_of(old), self.place_of(new)
        if source is None or target is None or source.name != target.name:
            raise RefusedError("a mailbox stays with its owner", code=b"CANNOT")
        if source.name != self.user.name:
            self.require_move(source, local_old, local_new)
        self.try_to(lambda: source.rename(local_old, local_new))
        return b"RENAME completed"

    def require_move(self, account: Account, old: str, new: str) -> None:
        """Refuse to move what is another user's to where nothing may be made (RFC 4314 §4, RENAME), and his INBOX."""
        if old == INBOX or not self.may_create_below(self.nearest_above(account, new)):
            raise RefusedError("you may not move that there", code=b"NOPERM")

    def account_of(self, mailbox: Mailbox) -> Account:
        """Whose mailbox it is."""
        return self.user if self.owns(mailbox) else self.store.account(mailbox.owner) or self.user

    def try_to(self, change: Callable[[], None]) -> None:
        """Do it, or answer NO with the store's own reason."""
        try:
            change()
        except MailboxError as error:
            raise RefusedError(str(error)) from error

    def on_subscribe(self, wire_name: bytes) -> bytes:
        """Answer SUBSCRIBE; only to what exists, as §6.3.6 lets a server ask."""
        self.user.subscribe(self.full_name(self.permitted(wire_name, "l")))
        return b"SUBSCRIBE completed"

    def on_unsubscribe(self, wire_name: bytes) -> bytes:
        """Answer UNSUBSCRIBE (RFC 3501 §6.3.7)."""
        name = self.name_of(wire_name)
        if name not in self.user.subscriptions:
            raise RefusedError("not subscribed")
        self.user.unsubscribe(name)
        return b"UNSUBSCRIBE completed"

    def on_status(self, asked: Status) -> bytes:
        """Answer STATUS; it changes nothing, not even \\Recent (RFC 3501 §6.3.10)."""
        mailbox = self.existing(asked.mailbox)
        self.tell_status(mailbox, self.wire_name(self.name_of(asked.mailbox)), asked.items)
        return b"STATUS completed"

    def tell_status(self, mailbox: Mailbox, wire_name: bytes, items: tuple[bytes, ...]) -> None:
        """One STATUS response (RFC 3501 §7.2.4)."""
        values: list[bytes] = []
        for item in items:
            value: int | bytes = getattr(self, STATUS_ITEMS[item])(mailbox)
            values += [item, value if isinstance(value, bytes) else b"%d" % value]
        self.untagged(b"STATUS %b %b" % (self.render_mailbox(wire_name), parenthesized(values)))

    def status_messages(self, mailbox: Mailbox) -> int:
        """MESSAGES."""
        return len(mailbox.messages)

    def status_recent(self, mailbox: Mailbox) -> int:
        """RECENT: what this session has as recent, if it is selected, and what no session has yet."""
        unclaimed = mailbox.claim_recent(peek=True)
        view = self.view
        if view is None or view.mailbox is not mailbox:
            return len(unclaimed)
        return len({message.uid for message in mailbox.messages} & (unclaimed | view.recent))

    def status_uidnext(self, mailbox: Mailbox) -> int:
        """UIDNEXT."""
        return mailbox.uid_next

    def status_uidvalidity(self, mailbox: Mailbox) -> int:
        """UIDVALIDITY."""
        return self.validity_of(mailbox)

    def status_unseen(self, mailbox: Mailbox) -> int:
        """UNSEEN: here a count, not a message number."""
        return sum("\\Seen" not in message.flags for message in mailbox.messages)

    def status_size(self, mailbox: Mailbox) -> int:
        """SIZE: octets of all messages together (RFC 8438 §3)."""
        return sum(message.size for message in mailbox.messages)

    def status_deleted(self, mailbox: Mailbox) -> int:
        """DELETED: how many messages EXPUNGE would remove (RFC 9208 §4.1.4, RFC 9051 §6.3.11)."""
        return sum("\\Deleted" in message.flags for message in mailbox.messages)

    def status_deleted_storage(self, mailbox: Mailbox) -> int:
        """DELETED-STORAGE: octets that EXPUNGE would free (RFC 9208 §4.1.4)."""
        return sum(message.size for message in mailbox.messages if "\\Deleted" in message.flags)

    def status_appendlimit(self, mailbox: Mailbox) -> int:
        """APPENDLIMIT: the same for every mailbox (RFC 7889 §3)."""
        return self.append_limit()

    def status_mailboxid(self, mailbox: Mailbox) -> bytes:
        """MAILBOXID (RFC 8474 §4.3)."""
        return self.object_id(mailbox)
