"""Mailbox names between wire and store: modified UTF-7, INBOX, hierarchy (RFC 3501 §5.1).

What other users share is below `Other Users`, one level for each of them (RFC 2342 §3): a mailbox that the user has no
right to is the same to him as one that is not there (RFC 4314 §6).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from reference_server.imap import mutf7
from reference_server.imap.changes import Changes
from reference_server.imap.grammar import Cursor
from reference_server.imap.session import RefusedError
from reference_server.stores import Account, Mailbox

DELIMITER = "/"
INBOX = "INBOX"
OTHER_USERS = "Other Users"


def parse_mailbox(cursor: Cursor) -> bytes:
    """`SP mailbox`, as it is on the wire."""
    cursor.space()
    return cursor.astring()


class Names(Changes):
    """Mixin: what a name on the wire stands for."""

    delimiter: ClassVar[bytes] = DELIMITER.encode("ascii")
    """What the client sees between two levels. One that differs from the store's is for `name_of` to translate."""

    def name_of(self, wire_name: bytes) -> str:
        """The store's name; INBOX in any case is INBOX (RFC 3501 §5.1).

        Raises:
            RefusedError: it is no modified UTF-7.
        """
        try:
            name = mutf7.decode(wire_name)
        except ValueError as error:
            raise RefusedError("the mailbox name is not modified UTF-7") from error
        return INBOX if self.is_inbox(name) else name

    def is_inbox(self, name: str) -> bool:
        """INBOX in any case (RFC 3501 §5.1)."""
        return name.upper() == INBOX

    def wire_name(self, name: str) -> bytes:
        """The name as it goes on the wire, before quoting."""
        return mutf7.encode(name)

    def existing(self, wire_name: bytes, *, code: bytes = b"NONEXISTENT") -> Mailbox:
        """The mailbox of that name, to read from.

        Raises:
            RefusedError: see `permitted`.
        """
        return self.permitted(wire_name, "r", code=code)

    def permitted(self, wire_name: bytes, right: str, *, code: bytes = b"NONEXISTENT") -> Mailbox:
        """The mailbox of that name, if the user has that right there.

        Raises:
            RefusedError: there is none, or none that the user may know of, and `code` is the response code; or he may
                know, and not do that (RFC 5530 §3, NOPERM).
        """
        mailbox = self.mailbox_named(self.name_of(wire_name))
        rights = frozenset[str]() if mailbox is None else self.rights_on(mailbox)
        if mailbox is not None and right in rights:
            return mailbox
        if "l" in rights:
            raise RefusedError("you may not do that there", code=b"NOPERM")
        raise RefusedError("there is no such mailbox", code=code)

    def mailbox_named(self, name: str) -> Mailbox | None:
        """The mailbox of that name, if there is one that this user can see."""
        account, local = self.place_of(name)
        mailbox = None if account is None else account.mailbox(local)
        return mailbox if mailbox is not None and self.rights_on(mailbox) else None

    def place_of(self, name: str) -> tuple[Account | None, str]:
        """Whose mailbox a name is, if there is such a user, and its name there."""
        space, _, rest = name.partition(DELIMITER)
        if space != OTHER_USERS:
            return self.user, name
        address, _, local = rest.partition(DELIMITER)
        account = self.store.account(address)
        # One name for each mailbox: nobody is among the others to himself, or there in two spellings.
        return (account if account and address == account.name != self.user.name else None), local

    def full_name(self, mailbox: Mailbox) -> str:
        """What the mailbox is called by this user."""
        return self.name_among(mailbox.owner, mailbox.name)

    def name_among(self, owner: str, name: str) -> str:
        """What a mailbox is called by this user, from its owner and its name there."""
        return name if owner == self.user.name else DELIMITER.join((OTHER_USERS, owner, name))

    def names(self) -> Iterable[str]:
        """Names of all mailboxes that this user can see."""
        shared = (box for box in self.store.shared() if not self.owns(box) and "l" in self.rights_on(box))
        return [*self.user.names(), *map(self.full_name, shared)]

    def validity_of(self, mailbox: Mailbox) -> int:
        """UIDVALIDITY, the same wherever it is told (RFC 3501 §2.3.1.1)."""
        return mailbox.uid_validity

    def object_id(self, mailbox: Mailbox) -> bytes:
        """MAILBOXID in parentheses (RFC 8474 §4)."""
        return b"(%b)" % mailbox.mailbox_id.encode("ascii")

    def target(self, wire_name: bytes) -> Mailbox:
        """Where APPEND, COPY or MOVE go; TRYCREATE if CREATE would help (RFC 3501 §6.3.11, §6.4.7)."""
        return self.permitted(wire_name, "i", code=b"TRYCREATE")

    def implied_names(self, names: set[str]) -> set[str]:
        """Levels above these names that are none themselves: \\Noselect (RFC 3501 §6.3.4, §6.3.8)."""
        return levels_above(names) - names


def levels_above(names: Iterable[str]) -> set[str]:
    """Every level above one of these names."""
    above: set[str] = set()
    for name in names:
        levels = name.split(DELIMITER)
        above.update(DELIMITER.join(levels[:depth]) for depth in range(1, len(levels)))
    return above
