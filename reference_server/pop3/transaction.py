"""STAT, LIST, RETR, DELE, NOOP, RSET, TOP, UIDL: what a logged-in client may do (RFC 1939 §5, §7)."""

from __future__ import annotations

import re

from reference_server.pop3.international import International

# A message number: decimal, counted from 1 (RFC 1939 §4), no sign. Nine digits are beyond any maildrop.
_NUMBER = re.compile(rb"[1-9][0-9]{0,8}")
_COUNT = re.compile(rb"[0-9]{1,9}")


class Transaction(International):
    """Commands of the TRANSACTION state."""

    def message_number(self, argument: bytes) -> int | None:
        """The number of a message that is there and not deleted, or None."""
        if not _NUMBER.fullmatch(argument):
            return None
        number = int(argument)
        return number if self.maildrop.has(number) else None

    def no_such_message(self) -> bytes:
        """The answer to a number that is none, is out of range, or belongs to a deleted message (RFC 1939 §5)."""
        return self.err("no such message")

    def on_stat(self) -> bytes:
        """STAT: count and octets without the deleted messages, and nothing after them (RFC 1939 §5)."""
        count, octets = self.maildrop.summary()
        return self.ok(f"{count} {octets}")

    def on_list(self, argument: bytes) -> bytes:
        """LIST: the scan listing of one message or of all that are not deleted."""
        if argument:
            number = self.message_number(argument)
            return self.no_such_message() if number is None else self.ok(self.scan_listing(number))
        listing = "".join(f"{self.scan_listing(number)}\r\n" for number in self.maildrop.numbers())
        return self.multi_line(self.ok("scan listing follows"), listing.encode("ascii"))

    def scan_listing(self, number: int) -> str:
        """Number, space, octets (RFC 1939 §5)."""
        return f"{number} {self.maildrop.octets(number)}"

    def on_uidl(self, argument: bytes) -> bytes:
        """UIDL: the unique-id of one message or of all that are not deleted."""
        if argument:
            number = self.message_number(argument)
            return self.no_such_message() if number is None else self.ok(self.unique_id_listing(number))
        listing = "".join(f"{self.unique_id_listing(number)}\r\n" for number in self.maildrop.numbers())
        return self.multi_line(self.ok("unique-id listing follows"), listing.encode("ascii"))

    def unique_id_listing(self, number: int) -> str:
        """Number, space, unique-id of 1 to 70 characters from 0x21 to 0x7E (RFC 1939 §7)."""
        return f"{number} {self.unique_id(number)}"

    def unique_id(self, number: int) -> str:
        """The unique-id of a message."""
        return self.maildrop.unique_id(number)

    def on_retr(self, argument: bytes) -> bytes:
        """RETR: the whole message."""
        number = self.message_number(argument)
        if number is None:
            return self.no_such_message()
        text = self.maildrop.text(number)
        if not self.utf8 and self.needs_utf8(text):
            return self.wants_utf8()
        return self.multi_line(self.ok(f"{self.maildrop.octets(number)} octets"), text)

    def on_top(self, argument: bytes) -> bytes:
        """TOP: the header, the empty line, and so many lines of the body (RFC 1939 §7)."""
        first, _, second = argument.partition(b" ")
        number = self.message_number(first)
        if number is None:
            return self.no_such_message()
        if not _COUNT.fullmatch(second):
            return self.err("TOP needs a message number and a number of lines")
        text = self.maildrop.text(number)
        if not self.utf8 and self.needs_utf8(text):
            return self.wants_utf8()
        return self.multi_line(self.ok("top of message follows"), self.top(text, int(second)))

    def top(self, text: bytes, lines: int) -> bytes:
        """Header, empty line and the first `lines` lines of the body; all of it if there are fewer."""
        header, separator, body = text.partition(b"\r\n\r\n")
        if text.startswith(b"\r\n"):
            # No header at all: the first line is the empty one.
            header, separator, body = b"", b"\r\n", text[2:]
        end = 0
        for _ in range(lines):
            end = body.find(b"\r\n", end) + 2
            if end < 2:
                return text
        return header + separator + body[:end]

    def on_dele(self, argument: bytes) -> bytes:
        """DELE: a mark, no more, until QUIT (RFC 1939 §5)."""
        number = self.message_number(argument)
        if number is None:
            return self.no_such_message()
        self.maildrop.delete(number)
        return self.ok("message marked as deleted")

    def on_rset(self) -> bytes:
        """RSET: all marks are taken off."""
        self.maildrop.undelete_all()
        return self.ok("no message is marked as deleted")

    def on_noop(self) -> bytes:
        """NOOP: does nothing."""
        return self.ok("still here")
