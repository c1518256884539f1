"""SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3), and MYRIGHTS in LIST (RFC 8440).

Rights by name and as anyone add up; an identifier with a `-` before it takes rights away again. The owner has every
right, and nobody can change that.
"""

from __future__ import annotations

from dataclasses import dataclass

from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.listing import ListCommands
from reference_server.imap.names import parse_mailbox
from reference_server.imap.rights import ALL, ANYONE, KNOWING, LETTERS, VIRTUAL, expanded, shown, stored
from reference_server.imap.session import RefusedError
from reference_server.saslprep import prepare
from reference_server.stores import Mailbox

MAX_IDENTIFIERS = 1000
"""Entries in the rights of one mailbox."""


@dataclass(frozen=True, slots=True)
class SetAcl:
    """Arguments of SETACL: `sign` is `+`, `-` or nothing; the rights are spelt out."""

    mailbox: bytes
    identifier: bytes
    sign: bytes
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class OnIdentifier:
    """Arguments of DELETEACL and LISTRIGHTS, as on the wire."""

    mailbox: bytes
    identifier: bytes


def parse_on_identifier(cursor: Cursor) -> OnIdentifier:
    """`deleteacl = "DELETEACL" SP mailbox SP identifier`; LISTRIGHTS likewise."""
    mailbox = parse_mailbox(cursor)
    cursor.space()
    return OnIdentifier(mailbox, cursor.astring())


def parse_setacl(cursor: Cursor) -> SetAcl:
    """`setacl = "SETACL" SP mailbox SP identifier SP mod-rights`.

    Raises:
        GrammarError: also for a right that there is none of (RFC 4314 §3.1).
    """
    on = parse_on_identifier(cursor)
    cursor.space()
    text = cursor.astring()
    sign = text[:1] if text[:1] in (b"+", b"-") else b""
    try:
        rights = expanded(text[len(sign) :].decode("latin-1"))
    except ValueError as error:
        raise GrammarError("no such right") from error
    return SetAcl(on.mailbox, on.identifier, sign, rights)


class AclCommands(ListCommands):
    """Mixin: who may do what with a mailbox."""

    def on_setacl(self, asked: SetAcl) -> bytes:
        """Answer SETACL (RFC 4314 §3.1)."""
        identifier = self.identifier(asked.identifier)
        mailbox = self.permitted(asked.mailbox, "a")
        self.require_changeable(mailbox, identifier)
        before = frozenset(mailbox.rights.get(identifier, ""))
        if identifier not in mailbox.rights and len(mailbox.rights) >= MAX_IDENTIFIERS:
            raise RefusedError("too many identifiers", code=b"LIMIT")
        mailbox.set_rights(identifier, stored(self.rights_after(before, asked.sign, asked.rights)))
        return b"SETACL completed"

    def rights_after(self, before: frozenset[str], sign: bytes, rights: frozenset[str]) -> frozenset[str]:
        """Replaced, added to or taken from."""
        if sign == b"+":
            return before | rights
        return before - rights if sign == b"-" else rights

    def on_deleteacl(self, asked: OnIdentifier) -> bytes:
        """Answer DELETEACL: what the identifier loses it may still have as another (RFC 4314 §3.2)."""
        identifier = self.identifier(asked.identifier)
        mailbox = self.permitted(asked.mailbox, "a")
        self.require_changeable(mailbox, identifier)
        mailbox.set_rights(identifier, "")
        return b"DELETEACL completed"

    def require_changeable(self, mailbox: Mailbox, identifier: str) -> None:
        """Refuse to touch what the owner has."""
        if identifier.removeprefix("-") == mailbox.owner:
            raise RefusedError("the owner keeps every right", code=b"CANNOT")

    def on_getacl(self, wire_name: bytes) -> bytes:
        """Answer GETACL: the owner first (RFC 4314 §3.3)."""
        mailbox = self.permitted(wire_name, "a")
        pairs = [(mailbox.owner, shown(ALL)), *((name, shown(rights)) for name, rights in mailbox.rights.items())]
        values = (self.render_mailbox(value.encode()) for pair in pairs for value in pair)
        self.untagged(b" ".join((b"ACL", self.render_mailbox(self.wire_name(self.full_name(mailbox))), *values)))
        return b"GETACL completed"

    def on_listrights(self, asked: OnIdentifier) -> bytes:
        """Answer LISTRIGHTS: no right is tied to another; the identifier comes back as it was sent (RFC 4314 §3.4)."""
        identifier = self.identifier(asked.identifier)
        mailbox = self.permitted(asked.mailbox, "a")
        owner = identifier.removeprefix("-") == mailbox.owner
        rights = [shown(ALL)] if owner else ["", *LETTERS, *VIRTUAL]
        self.untagged(
            b"LISTRIGHTS %b %b %b"
            % (
                self.render_mailbox(self.wire_name(self.full_name(mailbox))),
                self.render_mailbox(asked.identifier),
                b" ".join(right.encode("ascii") or b'""' for right in rights),
            )
        )
        return b"LISTRIGHTS completed"

    def on_myrights(self, wire_name: bytes) -> bytes:
        """Answer MYRIGHTS, to whoever may know of the mailbox at all (RFC 4314 §3.5, §4)."""
        mailbox = self.mailbox_named(self.name_of(wire_name))
        if mailbox is None or not self.rights_on(mailbox) & KNOWING:
            raise RefusedError("there is no such mailbox", code=b"NONEXISTENT")
        self.tell_my_rights(mailbox, self.wire_name(self.full_name(mailbox)))
        return b"MYRIGHTS completed"

    def tell_my_rights(self, mailbox: Mailbox, wire_name: bytes, _: object = None) -> None:
        """One MYRIGHTS response (RFC 4314 §3.8)."""
        rights = shown(self.rights_on(mailbox)).encode("ascii")
        self.untagged(b"MYRIGHTS %b %b" % (self.render_mailbox(wire_name), rights))

    def identifier(self, octets: bytes) -> str:
        """An identifier as it is kept: prepared, and a user by his address (RFC 4314 §3).

        Raises:
            GrammarError: it cannot be prepared, or is empty then.
            RefusedError: nobody is called that.
        """
        try:
            name = octets.decode("utf-8")
            minus = "-" if name.startswith("-") else ""
            prepared = prepare(name.removeprefix(minus))
        except ValueError as error:
            raise GrammarError("the identifier cannot be prepared") from error
        if not prepared:
            raise GrammarError("the identifier is empty")
        address = ANYONE if prepared == ANYONE else self.store.users.address_of(prepared)
        if address is None:
            raise RefusedError("nobody is called that", code=b"CANNOT")
        return minus + address
