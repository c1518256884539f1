"""SEARCH and UID SEARCH (RFC 3501 §6.4.4; result options of RFC 4731). Every key has a method of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from reference_server.imap import decoded
from reference_server.imap.fetch import FetchCommands
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.mime import Entity
from reference_server.imap.responses import quoted, sequence_set
from reference_server.imap.searchkeys import Key, KeyReader, UndecodableError
from reference_server.imap.session import RefusedError
from reference_server.imap.view import View
from reference_server.stores import StoredMessage

CHARSETS = {"US-ASCII": "ascii", "UTF-8": "utf-8"}
"""Charsets of search strings, to Python's names for them. US-ASCII has to be there (RFC 3501 §6.4.4)."""

RESULT_OPTIONS = frozenset({b"MIN", b"MAX", b"ALL", b"COUNT"})
"""RFC 4731 §3.1."""

RETURN = re.compile(rb" RETURN ", re.IGNORECASE)
CHARSET = re.compile(rb"CHARSET ", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One message that may match. Its structure is worked out only when a key asks for it."""

    view: View
    number: int
    message: StoredMessage

    @property
    def entity(self) -> Entity:
        """The message's structure."""
        return self.view.parsed(self.message)


@dataclass(frozen=True, slots=True)
class Search:
    """A search as far as it can be read without knowing the mailbox: `cursor` stands at the first key."""

    options: tuple[bytes, ...] | None
    cursor: Cursor


def parse_search(cursor: Cursor) -> Search:
    """`search = "SEARCH" [" RETURN (" ... ")"] [SP "CHARSET" SP astring] 1*(SP search-key)`, up to the keys."""
    options = None
    if cursor.match(RETURN):
        # An empty list asks for ALL (RFC 4731 §3.1).
        options = tuple(dict.fromkeys(cursor.list_of(cursor.atom, may_be_empty=True))) or (b"ALL",)
        if not set(options) <= RESULT_OPTIONS:
            raise GrammarError("no such result option")
    cursor.space()
    return Search(options, cursor)


class SearchCommand(FetchCommands):
    """Mixin: SEARCH."""

    def on_search(self, asked: Search) -> bytes:
        """Answer SEARCH."""
        view = self.selected
        view.refresh()
        key = self.read_keys(asked.cursor)
        found = [
            number
            for number, message in enumerate(view.messages, 1)
            if message.uid not in view.gone and self.holds(key, Candidate(view, number, message))
        ]
        self.tell_found(self.found_numbers(found), asked.options)
        return b"SEARCH completed"

    def read_keys(self, cursor: Cursor) -> Key:
        """Charset and keys; sequence sets become the numbers of messages that are there."""
        charset = "US-ASCII"
        if cursor.match(CHARSET):
            charset = cursor.astring().decode("ascii", "replace").upper()
            cursor.space()
        if charset not in CHARSETS:
            raise RefusedError("charset not supported", code=self.bad_charset())
        try:
            key = KeyReader(cursor, CHARSETS[charset], self.selected.numbers).keys()
        except UndecodableError as error:
            raise RefusedError("the string is not in that charset", code=self.bad_charset()) from error
        cursor.end()
        return key

    def bad_charset(self) -> bytes:
        """The response code that lists what is supported (RFC 3501 §7.1)."""
        return b"BADCHARSET (%b)" % b" ".join(name.encode("ascii") for name in CHARSETS)

    def found_numbers(self, numbers: list[int]) -> list[int]:
        """UID SEARCH answers with UIDs (RFC 3501 §6.4.8)."""
        return [self.selected.messages[number - 1].uid for number in numbers] if self.running.uid else numbers

    def tell_found(self, found: list[int], options: tuple[bytes, ...] | None) -> None:
        """The SEARCH response, or ESEARCH if options were given; it is owed even if nothing was found."""
        if options is not None:
            self.tell_extended(found, options)
            return
        self.untagged(b" ".join((b"SEARCH", *(b"%d" % number for number in found))))

    def tell_extended(self, found: list[int], options: tuple[bytes, ...]) -> None:
        """ESEARCH: MIN, MAX and ALL are left out if nothing was found, COUNT is not (RFC 4731 §3.1)."""
        data = [b"ESEARCH (TAG %b)" % quoted(self.running.tag)]
        if self.running.uid:
            data.append(b"UID")
        for option in options:
            if option == b"COUNT":
                data.append(b"COUNT %d" % len(found))
            elif found:
                value = sequence_set(found) if option == b"ALL" else b"%d" % found[0 if option == b"MIN" else -1]
                data.append(option + b" " + value)
        self.untagged(b" ".join(data))

    def holds(self, key: Key, candidate: Candidate) -> bool:
        """Whether the message matches the key."""
        result: bool = getattr(self, key.method)(candidate, *key.arguments)
        return result

    def search_all_of(self, candidate: Candidate, *keys: Key) -> bool:
        """Several keys: all of them (RFC 3501 §6.4.4)."""
        return all(self.holds(key, candidate) for key in keys)

    def search_not(self, candidate: Candidate, key: Key) -> bool:
        """NOT."""
        return not self.holds(key, candidate)

    def search_or(self, candidate: Candidate, first: Key, second: Key) -> bool:
        """OR."""
        return self.holds(first, candidate) or self.holds(second, candidate)

    def search_all(self, candidate: Candidate) -> bool:
        """ALL."""
        return True

    def search_number(self, candidate: Candidate, numbers: frozenset[int]) -> bool:
        """A sequence set, or UID with one."""
        return candidate.number in numbers

    def search_flag(self, candidate: Candidate, flag: str) -> bool:
        """ANSWERED, DELETED, DRAFT, FLAGGED, SEEN."""
        return flag in candidate.message.flags

    def search_no_flag(self, candidate: Candidate, flag: str) -> bool:
        """UNANSWERED, UNDELETED, UNDRAFT, UNFLAGGED, UNSEEN."""
        return flag not in candidate.message.flags

    def search_keyword(self, candidate: Candidate, keyword: str) -> bool:
        """KEYWORD; case does not matter."""
        return any(flag.upper() == keyword.upper() for flag in candidate.message.flags)

    def search_no_keyword(self, candidate: Candidate, keyword: str) -> bool:
        """UNKEYWORD."""
        return not self.search_keyword(candidate, keyword)

    def search_recent(self, candidate: Candidate) -> bool:
        """RECENT."""
        return candidate.message.uid in candidate.view.recent

    def search_old(self, candidate: Candidate) -> bool:
        """OLD: not RECENT."""
        return not self.search_recent(candidate)

    def search_new(self, candidate: Candidate) -> bool:
        """NEW: RECENT and UNSEEN."""
        return self.search_recent(candidate) and self.search_no_flag(candidate, "\\Seen")

    def search_larger(self, candidate: Candidate, octets: int) -> bool:
        """LARGER: than, not as large as."""
        return self.size_of(candidate.message) > octets

    def search_smaller(self, candidate: Candidate, octets: int) -> bool:
        """SMALLER: than, not as small as."""
        return self.size_of(candidate.message) < octets

    def search_before(self, candidate: Candidate, day: date) -> bool:
        """BEFORE: by the internal date, time and zone left aside."""
        return candidate.message.internal_date.date() < day

    def search_on(self, candidate: Candidate, day: date) -> bool:
        """ON."""
        return candidate.message.internal_date.date() == day

    def search_since(self, candidate: Candidate, day: date) -> bool:
        """SINCE: that day or later."""
        return candidate.message.internal_date.date() >= day

    def search_sentbefore(self, candidate: Candidate, day: date) -> bool:
        """SENTBEFORE: by the Date field."""
        sent = decoded.sent_date(candidate.entity)
        return sent is not None and sent < day

    def search_senton(self, candidate: Candidate, day: date) -> bool:
        """SENTON."""
        return decoded.sent_date(candidate.entity) == day

    def search_sentsince(self, candidate: Candidate, day: date) -> bool:
        """SENTSINCE: that day or later."""
        sent = decoded.sent_date(candidate.entity)
        return sent is not None and sent >= day

    def search_field(self, candidate: Candidate, name: str, text: str) -> bool:
        """HEADER, and BCC, CC, FROM, SUBJECT, TO; an empty string asks only whether the field is there."""
        wanted = name.encode("ascii", "replace")
        return any(
            self.contains(decoded.field_text(field), text) for field in candidate.entity.fields if field.name == wanted
        )

    def search_body(self, candidate: Candidate, text: str) -> bool:
        """BODY: not the message's own header."""
        return not text or any(self.contains(part, text) for part in decoded.body_texts(candidate.entity))

    def search_text(self, candidate: Candidate, text: str) -> bool:
        """TEXT: header or body."""
        in_header = any(self.contains(part, text) for part in decoded.header_texts(candidate.entity))
        return in_header or self.search_body(candidate, text)

    def contains(self, text: str, folded: str) -> bool:
        """Substring, case aside (RFC 3501 §6.4.4); `folded` is case-folded already."""
        return folded in text.casefold()
