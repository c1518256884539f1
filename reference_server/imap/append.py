"""APPEND (RFC 3501 §6.3.11) with APPENDUID (RFC 4315 §3), MULTIAPPEND (RFC 3502) and CATENATE (RFC 4469)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from reference_server.imap.binary import Binary, BinarySections
from reference_server.imap.encoding import without_nul
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.mime import parse
from reference_server.imap.names import INBOX, Names, parse_mailbox
from reference_server.imap.responses import sequence_set
from reference_server.imap.session import RefusedError
from reference_server.imap.storing import can_be_kept
from reference_server.imap.urls import MessagePart, parse_relative
from reference_server.stores import Account, Mailbox, NewMessage, OverQuotaError, StoredMessage

# A header ends at the first empty line                                                                (RFC 5322 §2.1)
EMPTY_LINE = re.compile(rb"(?:\A|\n)\r?\n")

MAX_PARTS = 1000
"""Parts of one CATENATE, and messages of one MULTIAPPEND."""


@dataclass(frozen=True, slots=True)
class Url:
    """A part of a message that lies here already; the URL as written."""

    url: bytes


@dataclass(frozen=True, slots=True)
class Given:
    """One message as it was given: octets and URLs in order. A date may have the form of one and yet be none."""

    flags: tuple[str, ...]
    internal_date: datetime | None
    date_is_right: bool
    parts: tuple[bytes | Url, ...]


@dataclass(frozen=True, slots=True)
class Append:
    """Arguments of APPEND: the mailbox as on the wire."""

    mailbox: bytes
    messages: tuple[Given, ...]


def parse_append(cursor: Cursor) -> Append:
    """`append = "APPEND" SP mailbox 1*append-message` (RFC 3502)."""
    mailbox = parse_mailbox(cursor)
    messages = [parse_given(cursor)]
    while cursor.peek(b" "):
        if len(messages) == MAX_PARTS:
            raise GrammarError("too many messages")
        messages.append(parse_given(cursor))
    return Append(mailbox, tuple(messages))


def parse_given(cursor: Cursor) -> Given:
    """`append-message = [SP flag-list] [SP date-time] SP append-data` (RFC 3502, RFC 4466 §2.4)."""
    cursor.space()
    flags: list[str] = []
    if cursor.peek(b"("):
        flags = cursor.flag_list()
        cursor.space()
    internal_date: datetime | None = None
    date_is_right = True
    if cursor.peek(b'"'):
        internal_date = cursor.date_time()
        date_is_right = internal_date is not None
        cursor.space()
    return Given(tuple(flags), internal_date, date_is_right, _parse_data(cursor))


def _parse_data(cursor: Cursor) -> tuple[bytes | Url, ...]:
    # append-data = literal / literal8 / "CATENATE" SP "(" cat-part *(SP cat-part) ")" / utf8-literal
    if cursor.peek(b"{"):
        return (cursor.literal(),)
    if cursor.peek(b"~"):
        return (Binary(cursor.literal8()),)
    name = cursor.atom()
    if name == b"UTF8":
        return (_parse_utf8(cursor),)
    if name != b"CATENATE":
        raise GrammarError("expected a literal, CATENATE or UTF8")
    cursor.space()
    parts = cursor.list_of(lambda: _parse_part(cursor))
    if len(parts) > MAX_PARTS:
        raise GrammarError("too many parts")
    return tuple(parts)


def _parse_part(cursor: Cursor) -> bytes | Url:
    # cat-part = "TEXT" SP literal / "URL" SP astring / utf8-literal
    kind = cursor.atom()
    if kind == b"UTF8":
        return _parse_utf8(cursor)
    cursor.space()
    if kind == b"TEXT":
        return cursor.literal()
    if kind == b"URL":
        return Url(cursor.astring())
    raise GrammarError("expected TEXT, URL or UTF8")


def _parse_utf8(cursor: Cursor) -> Binary:
    # utf8-literal = "UTF8" SP "(" literal8 ")"                                                          (RFC 6855 §4)
    cursor.space()
    cursor.expect(b"(")
    octets = Binary(cursor.literal8())
    cursor.expect(b")")
    return octets


class AppendCommand(Names, BinarySections):
    """Mixin: APPEND."""

    def on_append(self, asked: Append) -> bytes:
        """Answer APPEND. If the mailbox is selected, EXISTS goes out before the OK, as with every command."""
        mailbox = self.target(asked.mailbox)
        uids = self.store_all(mailbox, [self.made_of(given) for given in asked.messages])
        return self.append_uid(mailbox, uids) + b"APPEND completed"

    def append_uid(self, mailbox: Mailbox, uids: Sequence[int]) -> bytes:
        """The APPENDUID code and a space (RFC 4315 §3): as many UIDs as messages (RFC 3502)."""
        return b"[APPENDUID %d %b] " % (self.validity_of(mailbox), sequence_set(uids))

    def made_of(self, given: Given) -> NewMessage:
        """The message to be stored, its parts put together (RFC 4469 §3).

        Raises:
            RefusedError: it has the right form and yet cannot be stored: NO, not BAD (RFC 3501 §6.3.11).
        """
        if not given.date_is_right:
            raise RefusedError("there is no such moment")
        octets = b"".join(self.octets_of_url(part.url) if isinstance(part, Url) else part for part in given.parts)
        if any(isinstance(part, Binary) for part in given.parts) and b"\0" in octets:
            octets = self.without_nul(octets)
        self.require_fit(octets)
        self.require_ascii_header(octets)
        return self.new_message(octets, frozenset(filter(can_be_kept, given.flags)), given.internal_date)

    def require_fit(self, octets: bytes) -> None:
        """Refuse octets that cannot be a message here.

        Raises:
            RefusedError: there are none (RFC 3502 §6.3.11: that cancels), too many, or a NUL is among them.
        """
        if not octets:
            raise RefusedError("an empty message cancels APPEND")
        if len(octets) > self.settings.max_message_octets:
            raise RefusedError("the message is too large", code=b"TOOBIG")
        # CHAR8 is any octet but NUL (RFC 3501 §9): what came in this way has to be able to go out again.
        if b"\0" in octets:
            raise RefusedError("the message has a NUL in it")

    def require_ascii_header(self, octets: bytes) -> None:
        """Refuse 8-bit octets in the header from a client that has not agreed to UTF-8 (RFC 6855 §4)."""
        end = EMPTY_LINE.search(octets)
        header = octets[: end.start()] if end else octets
        if not header.isascii() and not self.takes_utf8():
            raise RefusedError("8-bit octets in the header need ENABLE UTF8=ACCEPT")

    def new_message(self, octets: bytes, flags: frozenset[str], internal_date: datetime | None) -> NewMessage:
        """What is stored: just these octets, flags and \\Recent, and that date, or now (RFC 3501 §6.3.11)."""
        return NewMessage(octets=octets, flags=flags, internal_date=internal_date)

    def store_all(
        self, mailbox: Mailbox, messages: Sequence[NewMessage], *, replacing: Sequence[StoredMessage] = ()
    ) -> list[int]:
        """Store all of them or none (RFC 3502 §6.3.11); their UIDs. What they replace is removed by the caller.

        Raises:
            RefusedError: the account has no room for them (RFC 9208 §4.3.1).
        """
        try:
            permitted = [self.as_permitted(mailbox, message) for message in messages]
            return mailbox.append_all(permitted, replacing=replacing)
        except OverQuotaError as error:
            raise RefusedError(str(error), code=b"OVERQUOTA") from error

    def octets_of_url(self, url: bytes) -> bytes:
        """What a URL in CATENATE names, octet for octet (RFC 4469 §3); \\Seen is not set.

        Raises:
            RefusedError: it names nothing, with BADURL (RFC 4469 §4.1).
        """
        mine = self.view is not None and self.owns(self.view.mailbox)
        selected = self.selected.mailbox.name if mine else None
        try:
            octets = self.octets_at(self.user, parse_relative(url, selected=selected))
        except ValueError:
            octets = None
        if octets is None:
            raise RefusedError("the URL names nothing here", code=b"BADURL " + self.shown_url(url))
        return octets

    def shown_url(self, url: bytes) -> bytes:
        """`url-resp-text`: a URL as a response code can carry it (RFC 4469 §5)."""
        return url.translate(None, b"\0\r\n]") or b"?"

    def octets_at(self, account: Account, part: MessagePart) -> bytes | None:
        """What a URL names among one account's mail; None if it is not there, or no longer valid."""
        mailbox = self.mailbox_at(account, part)
        if mailbox is None or part.uid_validity not in (None, self.validity_of(mailbox)):
            return None
        message = message_with(mailbox, part.uid)
        octets = None if message is None else self.section_of(parse(without_nul(message.octets)), part.section)
        if octets is None or part.partial is None:
            return octets
        first, count = part.partial
        return octets[first : first + count]

    def mailbox_at(self, account: Account, part: MessagePart) -> Mailbox | None:
        """The mailbox that a URL names among one account's, or None."""
        return account.mailbox(INBOX if self.is_inbox(part.mailbox) else part.mailbox)


def message_with(mailbox: Mailbox, uid: int) -> StoredMessage | None:
    """The message of that UID, or None."""
    messages = mailbox.messages
    at = bisect_left(messages, uid, key=attrgetter("uid"))
    return messages[at] if at < len(messages) and messages[at].uid == uid else None
