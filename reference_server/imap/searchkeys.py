"""Search keys: their grammar, read into a tree that names the core's methods.

RFC 3501 §9 and RFC 9051 §9 (search-key), RFC 5032 §3 (OLDER, YOUNGER), RFC 8514 §5 (the SAVED keys).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from reference_server.imap.grammar import Cursor, GrammarError, SequenceSet
from reference_server.imap.uidsets import Uids

MAX_NESTING = 100
"""Depth of NOT, OR and parentheses."""

MAX_KEYS = 1000
"""Keys of one search."""

WORD = re.compile(rb"[A-Z][A-Z0-9]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: the core's method that decides it, and what that is given beside the message."""

    method: str
    arguments: tuple[str | int | date | Uids | Key, ...] = ()


def mentions(key: Key, methods: Container[str]) -> bool:
    """Whether one of these methods is named anywhere in the key."""
    inner = (argument for argument in key.arguments if isinstance(argument, Key))
    return key.method in methods or any(mentions(each, methods) for each in inner)


class UndecodableError(Exception):
    """A search string is not in the charset that the client named."""


class KeyReader:
    """Reads the keys of one search. `named` gives the UIDs that a sequence set means, `fold` a string as compared."""

    def __init__(self, cursor: Cursor, charset: str, named: Callable[..., Uids], fold: Callable[[str], str]) -> None:
        self._cursor = cursor
        self._charset = charset
        self._named = named
        self._fold = fold
        self._depth = 0
        self._count = 0
        self.by_number = False
        """Whether a key read so far names messages by their numbers."""

    def key(self) -> Key:
        """`search-key`."""
        self._depth += 1
        self._count += 1
        if self._depth > MAX_NESTING or self._count > MAX_KEYS:
            raise GrammarError("too many search keys, or too deeply nested")
        try:
            return self._key()
        finally:
            self._depth -= 1

    def keys(self) -> Key:
        """`search-key *(SP search-key)`: all of them must hold."""
        found = [self.key()]
        while self._cursor.skip(b" "):
            found.append(self.key())
        return found[0] if len(found) == 1 else Key("search_all_of", tuple(found))

    def _key(self) -> Key:
        if self._cursor.skip(b"("):
            inner = self.keys()
            self._cursor.expect(b")")
            return inner
        word = self._cursor.match(WORD)
        if word is None:
            return self._among(self._cursor.sequence_set(), uid=False)
        name = word[0].upper()
        if name in SIMPLE:
            return SIMPLE[name]
        reader = WITH_ARGUMENTS.get(name)
        if reader is None:
            raise GrammarError("no such search key")
        self._cursor.space()
        return reader(self)

    def _among(self, wanted: SequenceSet, *, uid: bool) -> Key:
        self.by_number |= not uid
        return Key("search_number", (self._named(wanted, uid=uid),))

    def text(self) -> str:
        """`astring` in the charset of the search, folded for comparing."""
        octets = self._cursor.astring()
        try:
            return self._fold(octets.decode(self._charset))
        except UnicodeDecodeError as error:
            raise UndecodableError from error

    def _field(self, name: str) -> Key:
        return Key("search_field", (name, self.text()))

    def header(self) -> Key:
        """`"HEADER" SP header-fld-name SP astring`."""
        name = self._cursor.astring().decode("ascii", "replace").upper()
        self._cursor.space()
        return self._field(name)

    def keyword(self, method: str) -> Key:
        """`"KEYWORD" SP flag-keyword`."""
        return Key(method, (self._cursor.need(KEYWORD, "a keyword")[0].decode("ascii"),))

    def either(self) -> Key:
        """`"OR" SP search-key SP search-key`."""
        first = self.key()
        self._cursor.space()
        return Key("search_or", (first, self.key()))

    def uids(self) -> Key:
        """`"UID" SP sequence-set`."""
        return self._among(self._cursor.sequence_set(), uid=True)

    def date(self, method: str) -> Key:
        """A key with a date."""
        return Key(method, (self._cursor.date(),))

    def number(self, method: str) -> Key:
        """A key with `number64`, which was a `number` before RFC 9051."""
        return Key(method, (self._cursor.number64(),))

    def modseq(self) -> Key:
        """`"MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer` (RFC 7162 §7).

        There is one mod-sequence for all metadata of a message, so that the entry is not looked at (§3.1.5).
        """
        if self._cursor.peek(b'"'):
            if not ENTRY_NAME.fullmatch(self._cursor.string()):
                raise GrammarError("expected the name of a flag's entry")
            self._cursor.space()
            if self._cursor.atom() not in ENTRY_TYPES:
                raise GrammarError("expected priv, shared or all")
            self._cursor.space()
        return Key("search_modseq", (self._cursor.number64(),))

    def object_id(self, method: str) -> Key:
        """A key with an `objectid` (RFC 8474 §7)."""
        return Key(method, (self._cursor.need(OBJECT_ID, "an object id")[0].decode("ascii"),))

    def interval(self, method: str) -> Key:
        """A key with a number of seconds, `nz-number`."""
        return Key(method, (self._cursor.nz_number(),))


# objectid = 1*255(ALPHA / DIGIT / "_" / "-")                                                            (RFC 8474 §7)
OBJECT_ID = re.compile(rb"[A-Za-z0-9_-]{1,255}+(?![A-Za-z0-9_-])")
# entry-flag-name = DQUOTE "/flags/" attr-flag DQUOTE                                                     (RFC 7162 §7)
ENTRY_NAME = re.compile(rb'/flags/\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+', re.IGNORECASE)
ENTRY_TYPES = frozenset({b"PRIV", b"SHARED", b"ALL"})
# flag-keyword = atom
KEYWORD = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')

SIMPLE: Mapping[bytes, Key] = MappingProxyType({
    b"ALL": Key("search_all"),
    b"NEW": Key("search_new"),
    b"OLD": Key("search_old"),
    b"RECENT": Key("search_recent"),
    b"SAVEDATESUPPORTED": Key("search_savedatesupported"),
    **{name.upper().encode(): Key("search_flag", ("\\" + name,))
       for name in ("Answered", "Deleted", "Draft", "Flagged", "Seen")},
    **{b"UN" + name.upper().encode(): Key("search_no_flag", ("\\" + name,))
       for name in ("Answered", "Deleted", "Draft", "Flagged", "Seen")},
})  # fmt: skip
"""Keys without arguments."""

WITH_ARGUMENTS: Mapping[bytes, Callable[[KeyReader], Key]] = MappingProxyType({
    b"BCC": lambda read: read._field("BCC"),
    b"CC": lambda read: read._field("CC"),
    b"FROM": lambda read: read._field("FROM"),
    b"SUBJECT": lambda read: read._field("SUBJECT"),
    b"TO": lambda read: read._field("TO"),
    b"HEADER": KeyReader.header,
    b"BODY": lambda read: Key("search_body", (read.text(),)),
    b"TEXT": lambda read: Key("search_text", (read.text(),)),
    b"BEFORE": lambda read: read.date("search_before"),
    b"ON": lambda read: read.date("search_on"),
    b"SINCE": lambda read: read.date("search_since"),
    b"SENTBEFORE": lambda read: read.date("search_sentbefore"),
    b"SENTON": lambda read: read.date("search_senton"),
    b"SENTSINCE": lambda read: read.date("search_sentsince"),
    b"SAVEDBEFORE": lambda read: read.date("search_savedbefore"),
    b"SAVEDON": lambda read: read.date("search_savedon"),
    b"SAVEDSINCE": lambda read: read.date("search_savedsince"),
    b"OLDER": lambda read: read.interval("search_older"),
    b"YOUNGER": lambda read: read.interval("search_younger"),
    b"KEYWORD": lambda read: read.keyword("search_keyword"),
    b"UNKEYWORD": lambda read: read.keyword("search_no_keyword"),
    b"LARGER": lambda read: read.number("search_larger"),
    b"SMALLER": lambda read: read.number("search_smaller"),
    b"NOT": lambda read: Key("search_not", (read.key(),)),
    b"OR": KeyReader.either,
    b"MODSEQ": KeyReader.modseq,
    b"EMAILID": lambda read: read.object_id("search_emailid"),
    b"THREADID": lambda read: read.object_id("search_threadid"),
    b"UID": KeyReader.uids,
})  # fmt: skip
"""Keys with arguments, to what reads these. An extension adds its rows."""
