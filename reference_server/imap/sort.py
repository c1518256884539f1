"""SORT and UID SORT (RFC 5256 §3), by display names too (RFC 5957), with the result options of ESORT (RFC 5267 §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from reference_server.imap import decoded
from reference_server.imap.candidates import Candidate
from reference_server.imap.context import Rank
from reference_server.imap.envelope import Address, addresses
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.search import ResultOptions, SearchCommand, parse_options
from reference_server.imap.subjects import Subject, base_subject

SORT_KEYS: Mapping[bytes, str] = MappingProxyType({
    b"ARRIVAL": "sort_arrival",
    b"CC": "sort_cc",
    b"DATE": "sort_date",
    b"DISPLAYFROM": "sort_displayfrom",
    b"DISPLAYTO": "sort_displayto",
    b"FROM": "sort_from",
    b"SIZE": "sort_size",
    b"SUBJECT": "sort_subject",
    b"TO": "sort_to",
})  # fmt: skip
"""`sort-key` to the core's method that gives what is compared. An extension adds its rows."""

BASE_SUBJECT = "base subject"
"""What base subjects are kept under among the fields; a name that no field has."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One sort key, and whether it is REVERSE."""

    method: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Sort:
    """Arguments of SORT, as far as they can be read without knowing the mailbox."""

    options: ResultOptions | None
    criteria: tuple[Criterion, ...]
    charset: str
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Descending:
    """A text that compares the other way round."""

    text: str

    def __lt__(self, other: Descending) -> bool:
        return other.text < self.text


def reversed_value(value: str | int) -> int | Descending:
    """The value for REVERSE."""
    return -value if isinstance(value, int) else Descending(value)


def parse_criteria(cursor: Cursor) -> tuple[Criterion, ...]:
    """`sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"`; a key that comes again decides nothing."""
    found: dict[str, bool] = {}

    def criterion() -> None:
        name = cursor.atom()
        if descending := name == b"REVERSE":
            cursor.space()
            name = cursor.atom()
        if name not in SORT_KEYS:
            raise GrammarError("no such sort key")
        found.setdefault(SORT_KEYS[name], descending)

    cursor.list_of(criterion)
    return tuple(Criterion(method, descending) for method, descending in found.items())


def parse_charset(cursor: Cursor) -> str:
    """`charset = atom / quoted`, with the space after it."""
    charset = cursor.string() if cursor.peek(b'"') else cursor.atom()
    cursor.space()
    return charset.decode("ascii", "replace")


def parse_sort(cursor: Cursor) -> Sort:
    """`sort = "SORT" [search-return-opts] SP sort-criteria SP charset 1*(SP search-key)`, up to the keys."""
    options = parse_options(cursor)
    cursor.space()
    criteria = parse_criteria(cursor)
    cursor.space()
    return Sort(options, criteria, parse_charset(cursor), cursor)


class SortCommand(SearchCommand):
    """Mixin: SORT. Every sort key has a method of its own."""

    def on_sort(self, asked: Sort) -> bytes:
        """Answer SORT."""
        key = self.criteria(asked.options, lambda: self.read_keys_in(asked.charset, asked.cursor))
        rank = self.rank_by(asked.criteria)
        found = sorted(self.find(self.test_of(key)), key=lambda number: rank(self.candidate(number)))
        self.save(found, asked.options)
        self.tell_sorted(self.found_numbers(found), asked.options)
        self.keep_updated(asked.options, key, found, rank)
        return b"SORT completed"

    def tell_sorted(self, found: list[int], options: ResultOptions | None) -> None:
        """The SORT response, or ESEARCH if options were given (RFC 5256 §4, RFC 5267 §3.1)."""
        if options is None:
            self.untagged(b" ".join((b"SORT", *(b"%d" % number for number in found), *self.modseq_tail(found))))
        else:
            self.tell_found(found, options)

    def candidate(self, number: int) -> Candidate:
        """A message by its number, to be looked at."""
        view = self.selected
        return Candidate(view, number, view.messages[number - 1], self.folded)

    def rank_by(self, criteria: tuple[Criterion, ...]) -> Rank:
        """What orders messages: a value for each criterion, and for what these do not tell apart the mailbox order."""
        methods = [(getattr(self, each.method), each.descending) for each in criteria]

        def rank(candidate: Candidate) -> tuple[Any, ...]:
            values = (
                reversed_value(value(candidate)) if descending else value(candidate) for value, descending in methods
            )
            return (*values, candidate.message.uid)

        return rank

    # Keys.

    def sort_arrival(self, candidate: Candidate) -> int:
        """ARRIVAL: internal date and time, zone reckoned with."""
        return candidate.arrived_s

    def sort_cc(self, candidate: Candidate) -> str:
        """CC: addr-mailbox of the first address."""
        return self.first_mailbox(candidate, b"CC")

    def sort_date(self, candidate: Candidate) -> int:
        """DATE: the sent date in UTC; the internal date stands in (RFC 5256 §2.2)."""
        sent = candidate.sent
        return self.sort_arrival(candidate) if sent is None else sent.moment_s

    def sort_displayfrom(self, candidate: Candidate) -> str:
        """DISPLAYFROM (RFC 5957 §4)."""
        return self.first_display(candidate, b"FROM")

    def sort_displayto(self, candidate: Candidate) -> str:
        """DISPLAYTO (RFC 5957 §4)."""
        return self.first_display(candidate, b"TO")

    def sort_from(self, candidate: Candidate) -> str:
        """FROM: addr-mailbox of the first address."""
        return self.first_mailbox(candidate, b"FROM")

    def sort_size(self, candidate: Candidate) -> int:
        """SIZE."""
        return self.size_of(candidate.message)

    def sort_subject(self, candidate: Candidate) -> str:
        """SUBJECT: the base subject."""
        return self.subject_of(candidate).base

    def sort_to(self, candidate: Candidate) -> str:
        """TO: addr-mailbox of the first address."""
        return self.first_mailbox(candidate, b"TO")

    def subject_of(self, candidate: Candidate) -> Subject:
        """The base subject, folded for comparing."""
        known = candidate.view.fields.get(BASE_SUBJECT, candidate.message.uid)
        if known is not None:
            return Subject(known[0], len(known) > 1)
        found = base_subject(decoded.decode_words(candidate.first_value(b"SUBJECT") or b""))
        subject = Subject(self.folded(found.base), found.is_reply)
        kept = (subject.base, "a reply") if subject.is_reply else (subject.base,)
        candidate.view.fields.keep(BASE_SUBJECT, candidate.message.uid, kept)
        return subject

    def first_address(self, candidate: Candidate, name: bytes) -> Address | None:
        """The first address of the first field of that name."""
        found = addresses(candidate.first_value(name) or b"")
        return found[0] if found else None

    def first_mailbox(self, candidate: Candidate, name: bytes) -> str:
        """Its addr-mailbox; an address that is not there is the empty string."""
        address = self.first_address(candidate, name)
        return self.folded(((address and address.mailbox) or b"").decode("utf-8", "replace"))

    def first_display(self, candidate: Candidate, name: bytes) -> str:
        """Its display name decoded, or else the address itself, as far as there is one (RFC 5957 §3)."""
        address = self.first_address(candidate, name)
        if address is None:
            return ""
        shown = decoded.decode_words(address.name or b"")
        if not shown:
            both = (part for part in (address.mailbox, address.host) if part)
            shown = b"@".join(both).decode("utf-8", "replace")
        return self.folded(shown)
