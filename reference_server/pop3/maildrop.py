"""The maildrop as one session sees it: numbers, sizes and unique-ids that hold until it ends (RFC 1939 §4 to §7)."""

from __future__ import annotations

from collections.abc import Sequence

from reference_server.stores import Mailbox, StoredMessage


def wire_form(octets: bytes) -> bytes:
    """A message as POP3 carries it: each line ends in CRLF, the last one too (RFC 1939 §3, §11).

    A bare LF in the store becomes CRLF, since a client takes lines apart at CRLF only; a bare CR is left alone, since
    no client can mistake it for the end of a line. An empty message stays empty.
    """
    if octets.count(b"\n") != octets.count(b"\r\n"):
        octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if octets and not octets.endswith(b"\r\n"):
        octets += b"\r\n"
    return octets


class Maildrop:
    """A snapshot of one mailbox, its numbering, and the marks for deletion.

    Nothing is removed before `commit`. Whoever makes one holds the mailbox's lock.
    """

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._messages: Sequence[StoredMessage] = mailbox.messages
        self._uid_validity = mailbox.uid_validity
        self._sizes: dict[int, int] = {}
        self._deleted: set[int] = set()
        self._summary: tuple[int, int] | None = None

    def summary(self) -> tuple[int, int]:
        """How many messages are not marked as deleted, and their octets together; worked out once for each marking."""
        if self._summary is None:
            numbers = self.numbers()
            self._summary = len(numbers), sum(map(self.octets, numbers))
        return self._summary

    def numbers(self) -> list[int]:
        """Message numbers that are not marked as deleted; counted from 1, never renumbered (RFC 1939 §4)."""
        return [number for number in self.all_numbers() if number not in self._deleted]

    def all_numbers(self) -> list[int]:
        """Message numbers, those that are marked as deleted among them."""
        return list(range(1, len(self._messages) + 1))

    def has(self, number: int) -> bool:
        """Whether there is such a message and it is not marked as deleted."""
        return 1 <= number <= len(self._messages) and number not in self._deleted

    def stored(self, number: int) -> bytes:
        """The message as it lies in the store."""
        return self._messages[number - 1].octets

    def text(self, number: int) -> bytes:
        """The message as RETR sends it, before byte-stuffing."""
        return wire_form(self.stored(number))

    def octets(self, number: int) -> int:
        """Size of `text`: what STAT and LIST say is what RETR sends (RFC 1939 §11)."""
        size = self._sizes.get(number)
        if size is None:
            size = self._sizes[number] = len(self.text(number))
        return size

    def unique_id(self, number: int) -> str:
        """Stays with the message through all sessions, and never comes back with another (RFC 1939 §7)."""
        return f"{self._uid_validity}.{self._messages[number - 1].uid}"

    def delete(self, number: int) -> None:
        """Mark for deletion."""
        self._deleted.add(number)
        self._summary = None

    def undelete_all(self) -> None:
        """Take all marks off again."""
        self._deleted.clear()
        self._summary = None

    def commit(self) -> None:
        """Remove what is marked (RFC 1939 §6)."""
        self._mailbox.expunge(self._messages[number - 1].uid for number in self._deleted)
