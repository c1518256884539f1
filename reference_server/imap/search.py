"""SEARCH and UID SEARCH: options, charset, and the two forms of the answer (RFC 3501 §6.4.4, RFC 9051 §6.4.4).

Result options are those of RFC 4731, SAVE (RFC 5182), and CONTEXT, UPDATE and PARTIAL (RFC 5267 §4).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reference_server.imap.candidates import Candidate
from reference_server.imap.context import Contexts, Rank
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.matching import Test
from reference_server.imap.qresync import QRESYNC
from reference_server.imap.responses import sequence_set
from reference_server.imap.searchkeys import Key, KeyReader, UndecodableError, mentions
from reference_server.imap.session import RefusedError
from reference_server.imap.uidsets import NO_UIDS, Uids

CHARSETS = {"US-ASCII": "ascii", "UTF-8": "utf-8"}
"""Charsets of search strings, to Python's names for them. US-ASCII has to be there (RFC 3501 §6.4.4)."""

RESULT_OPTIONS = frozenset({b"MIN", b"MAX", b"ALL", b"COUNT", b"SAVE", b"PARTIAL", b"CONTEXT", b"UPDATE"})
"""RFC 4731 §3.1, RFC 5182 §2, RFC 5267 §4. An extension adds its names."""

MODSEQ_KEYS = frozenset({"search_modseq"})

SEARCHES_BY_UID = frozenset({b"UID SEARCH", b"UID SORT", b"UID THREAD"})
"""Commands that answer with UIDs, though their keys may name numbers."""

RETURN = re.compile(rb" RETURN ", re.IGNORECASE)
CHARSET = re.compile(rb"CHARSET ", re.IGNORECASE)
# partial-range = nz-number ":" nz-number                                                     (RFC 5267 §5)
COLON = re.compile(rb":")


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """What the client wants to know of the result; `partial` is the range as it is written, ends in any order."""

    names: tuple[bytes, ...]
    partial: tuple[int, int] = (1, 1)

    def has(self, name: bytes) -> bool:
        """Whether that option is given."""
        return name in self.names


ONLY_ALL = ResultOptions((b"ALL",))


@dataclass(frozen=True, slots=True)
class Search:
    """A search as far as it can be read without knowing the mailbox: `cursor` stands at the first key."""

    options: ResultOptions | None
    cursor: Cursor


def parse_options(cursor: Cursor) -> ResultOptions | None:
    """`[" RETURN (" [search-return-opt *(SP search-return-opt)] ")"]` (RFC 4466 §2.6.1, RFC 4731 §3.1)."""
    if not cursor.match(RETURN):
        return None
    ranges: list[tuple[int, int]] = []

    def option() -> bytes:
        name = cursor.atom()
        if name not in RESULT_OPTIONS:
            raise GrammarError("no such result option")
        if name == b"PARTIAL":
            cursor.space()
            first = cursor.nz_number()
            cursor.need(COLON, "a colon")
            ranges.append((first, cursor.nz_number()))
        return name

    names = tuple(dict.fromkeys(cursor.list_of(option, may_be_empty=True)))
    if len(ranges) > 1 or (ranges and b"ALL" in names):
        raise GrammarError("one PARTIAL or one ALL, no more")
    # An empty list asks for ALL (RFC 4731 §3.1).
    return ResultOptions(names, *ranges) if names else ONLY_ALL


def parse_search(cursor: Cursor) -> Search:
    """`search = "SEARCH" [search-return-opts] [SP "CHARSET" SP astring] 1*(SP search-key)`, up to the charset."""
    options = parse_options(cursor)
    cursor.space()
    return Search(options, cursor)


class SearchCommand(Contexts):
    """Mixin: SEARCH."""

    asks_for_modseq = False
    """Whether the search in progress has a MODSEQ key."""

    searches_by_number = False
    """Whether a key of it names messages by their numbers."""

    def may_tell_expunges(self) -> bool:
        """VANISHED may not go out during UID SEARCH with message numbers in it; EXPUNGE may (RFC 7162 §3.2.10.2)."""
        by_number = self.searches_by_number and self.running.verb in SEARCHES_BY_UID
        return not (by_number and QRESYNC in self.enabled) and super().may_tell_expunges()

    def on_search(self, asked: Search) -> bytes:
        """Answer SEARCH."""
        options = asked.options or (ONLY_ALL if self.answers_extended() else None)
        key = self.criteria(options, lambda: self.read_keys(asked.cursor))
        found = self.find(self.test_of(key))
        self.save(found, options)
        self.tell_found(self.found_numbers(found), options)
        self.keep_updated(options, key, found)
        return b"SEARCH completed"

    def criteria(self, options: ResultOptions | None, read: Callable[[], Key]) -> Key:
        """The keys of a command that searches, once its options are found to be in order."""
        self.selected.refresh()
        if options is not None and options.has(b"UPDATE"):
            self.check_tag()
        try:
            key = read()
        except RefusedError:
            self.forget_saved(options)
            raise
        self.asks_for_modseq = mentions(key, MODSEQ_KEYS)
        if self.asks_for_modseq:
            self.enable_condstore()
        return key

    def keep_updated(
        self, options: ResultOptions | None, key: Key, found: Sequence[int], rank: Rank | None = None
    ) -> None:
        """Begin updates, if they are asked for (RFC 5267 §4.3). The hint CONTEXT asks for nothing (§4.2)."""
        if options is not None and options.has(b"UPDATE"):
            self.begin_updates(key, found, rank)

    # Reading.

    def answers_extended(self) -> bool:
        """Whether plain SEARCH is answered with ESEARCH: once IMAP4rev2 is enabled (RFC 9051 §6.4.4)."""
        return self.speaks_rev2()

    def read_keys(self, cursor: Cursor) -> Key:
        """Charset and keys of SEARCH."""
        charset = self.default_charset()
        if cursor.match(CHARSET):
            if not self.takes_charset():
                raise GrammarError("no charset once UTF8=ACCEPT is enabled")
            charset = cursor.astring().decode("ascii", "replace")
            cursor.space()
        return self.read_keys_in(charset, cursor)

    def default_charset(self) -> str:
        """What strings are in if the client does not say (RFC 3501 §6.4.4; RFC 9051 §6.4.4; RFC 6855 §3)."""
        return "UTF-8" if self.takes_utf8() else "US-ASCII"

    def takes_charset(self) -> bool:
        """Whether the client may name a charset: not once it has agreed to UTF-8 (RFC 6855 §3)."""
        return b"UTF8=ACCEPT" not in self.enabled

    def read_keys_in(self, charset: str, cursor: Cursor) -> Key:
        """The keys, to the end of the command; sequence sets become UIDs."""
        codec = CHARSETS.get(charset.upper())
        if codec is None:
            raise RefusedError("charset not supported", code=self.bad_charset())
        try:
            reader = KeyReader(cursor, codec, self.selected.uids_named, self.folded)
            key = reader.keys()
        except UndecodableError as error:
            raise RefusedError("the string is not in that charset", code=self.bad_charset()) from error
        cursor.end()
        self.searches_by_number = reader.by_number
        return key

    def bad_charset(self) -> bytes:
        """The response code that lists what is supported (RFC 3501 §7.1)."""
        return b"BADCHARSET (%b)" % b" ".join(name.encode("ascii") for name in CHARSETS)

    # Finding.

    def find(self, test: Test) -> list[int]:
        """Numbers of the messages that match, ascending; none of them is gone."""
        view, gone, fold = self.selected, self.selected.gone, self.folded
        self.searched_at_s = self.search_time_s()
        return [
            number
            for number, message in enumerate(view.messages, 1)
            if message.uid not in gone and test(Candidate(view, number, message, fold))
        ]

    # The result variable.

    def save(self, found: Sequence[int], options: ResultOptions | None) -> None:
        """Keep what was found, if that is asked for, for `$` (RFC 5182 §2.1).

        Raises:
            RefusedError: there is no room for it.
        """
        if options is None or not options.has(b"SAVE"):
            return
        kept = self.numbers_to_save(found, options)
        uids = Uids.of(self.selected.uids[number - 1] for number in kept)
        if not self.may_save(uids):
            self.selected.saved = NO_UIDS
            raise RefusedError("too much to remember", code=b"NOTSAVED")
        self.selected.saved = uids

    def numbers_to_save(self, found: Sequence[int], options: ResultOptions) -> Sequence[int]:
        """All, unless MIN or MAX are asked for and neither ALL nor COUNT (RFC 5182 §2.4)."""
        ends = [found[at] for name, at in ((b"MIN", 0), (b"MAX", -1)) if found and options.has(name)]
        only_ends = options.has(b"MIN") or options.has(b"MAX")
        return ends if only_ends and not (options.has(b"ALL") or options.has(b"COUNT")) else found

    def may_save(self, uids: Uids) -> bool:
        """Whether the result may be kept (RFC 5182 §2.5); it takes less room than the mailbox itself."""
        return True

    def forget_saved(self, options: ResultOptions | None) -> None:
        """A search that should have been saved gets NO: nothing is saved now (RFC 5182 §2.1)."""
        if options is not None and options.has(b"SAVE"):
            self.selected.saved = NO_UIDS

    # Answering.

    def found_numbers(self, numbers: list[int]) -> list[int]:
        """UID SEARCH answers with UIDs (RFC 3501 §6.4.8)."""
        return [self.selected.uids[number - 1] for number in numbers] if self.running.uid else numbers

    def tell_found(self, found: list[int], options: ResultOptions | None) -> None:
        """The SEARCH response, or ESEARCH if options were given; it is owed even if nothing was found."""
        if options is None:
            self.untagged(b" ".join((b"SEARCH", *(b"%d" % number for number in found), *self.modseq_tail(found))))
        elif options.names != (b"SAVE",):
            # SAVE by itself asks for no answer (RFC 5182 §1).
            self.tell_extended(found, options)

    def tell_extended(self, found: list[int], options: ResultOptions) -> None:
        """ESEARCH with what was asked for (RFC 4731 §3.1)."""
        self.tell_esearch(self.running.tag, self.extended_data(found, options), uid=self.running.uid)

    def extended_data(self, found: list[int], options: ResultOptions) -> list[bytes]:
        """MIN, MAX and ALL are left out if nothing was found, COUNT and PARTIAL are not."""
        data: list[bytes] = []
        for option in options.names:
            if option == b"COUNT":
                data.append(b"COUNT %d" % len(found))
            elif option == b"PARTIAL":
                data.append(self.partial_data(found, *options.partial))
            elif option == b"ALL" and found:
                data.append(b"ALL " + sequence_set(found))
            elif option in (b"MIN", b"MAX") and found:
                data.append(b"%b %d" % (option, found[0 if option == b"MIN" else -1]))
        if self.asks_for_modseq and found:
            data.append(b"MODSEQ %d" % self.modseq_of_found(self.numbers_to_save(found, options)))
        return data

    def modseq_tail(self, found: list[int]) -> list[bytes]:
        """What a search for MODSEQ adds to a SEARCH or SORT response that is not empty (RFC 7162 §3.1.5, §3.1.9)."""
        return [b"(MODSEQ %d)" % self.modseq_of_found(found)] if self.asks_for_modseq and found else []

    def modseq_of_found(self, found: Sequence[int]) -> int:
        """The greatest mod-sequence of what is told: of the ends where only these are asked for (RFC 4731 §3.2)."""
        view = self.selected
        numbers = [bisect_left(view.uids, uid) + 1 for uid in found] if self.running.uid else found
        return max(map(self.modseq_of, numbers))

    def partial_data(self, found: list[int], first: int, last: int) -> bytes:
        """PARTIAL: the results in those places, NIL if there are none (RFC 5267 §4.4)."""
        window = found[min(first, last) - 1 : max(first, last)]
        return b"PARTIAL (%d:%d %b)" % (first, last, sequence_set(window) or b"NIL")
