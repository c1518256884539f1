"""Mailbox names between wire and store: modified UTF-7, INBOX, hierarchy (RFC 3501 §5.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from reference_server.imap import mutf7
from reference_server.imap.changes import Changes
from reference_server.imap.grammar import Cursor
from reference_server.imap.session import RefusedError
from reference_server.stores import Mailbox

DELIMITER = "/"
INBOX = "INBOX"


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
        """The mailbox of that name.

        Raises:
            RefusedError: there is none; `code` is the response code then.
        """
        mailbox = self.mailbox_named(self.name_of(wire_name))
        if mailbox is None:
            raise RefusedError("there is no such mailbox", code=code)
        return mailbox

    def mailbox_named(self, name: str) -> Mailbox | None:
        """The mailbox of that name, if there is one that this user can see."""
        return self.user.mailbox(name)

    def names(self) -> Iterable[str]:
        """Names of all mailboxes that this user can see."""
        return self.user.names()

    def validity_of(self, mailbox: Mailbox) -> int:
        """UIDVALIDITY, the same wherever it is told (RFC 3501 §2.3.1.1)."""
        return mailbox.uid_validity

    def object_id(self, mailbox: Mailbox) -> bytes:
        """MAILBOXID in parentheses (RFC 8474 §4)."""
        return b"(%b)" % mailbox.mailbox_id.encode("ascii")

    def target(self, wire_name: bytes) -> Mailbox:
        """Where APPEND, COPY or MOVE go; TRYCREATE if CREATE would help (RFC 3501 §6.3.11, §6.4.7)."""
        return self.existing(wire_name, code=b"TRYCREATE")

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
