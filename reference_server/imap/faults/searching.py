"""Planted faults of SEARCH (RFC 3501 §6.4.4)."""

from __future__ import annotations

import re
from datetime import date

from reference_server.imap import decoded
from reference_server.imap.candidates import Candidate
from reference_server.imap.core import ImapCore
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.literals import Announced
from reference_server.imap.matching import Test
from reference_server.imap.search import ResultOptions
from reference_server.imap.searchkeys import Key
from reference_server.imap.session import RefusedError
from reference_server.imap.uidsets import Uids
from reference_server.registry import fault

ENVELOPE_FIELDS = frozenset({"FROM", "TO", "CC", "BCC", "SUBJECT"})
US_ASCII = re.compile(rb"CHARSET US-ASCII", re.IGNORECASE)

IN_COMBINATIONS = {
    "imap/search/reads_not_or_and_parentheses": "the key stands in combinations as well",
    "imap/search/finds_what_matches_all_keys": "the key stands beside others as well",
}


@fault(
    "finds-only-the-beginnings-of-fields",
    breaks="rfc3501/6.4.4/14",
    also={"imap/search/finds_strings_in_the_field_that_is_named": "HEADER is asked about the same fields"},
)
class FindsOnlyBeginningsOfFields(ImapCore):
    """FROM, TO, CC, BCC and SUBJECT match only where the field begins with the string."""

    def search_field(self, candidate: Candidate, name: str, text: str) -> bool:
        """Looks at the first word."""
        if name not in ENVELOPE_FIELDS or not text:
            return super().search_field(candidate, name, text)
        wanted = name.encode()
        fields = (field for field in candidate.entity.fields if field.name == wanted)
        return any(self.folded(decoded.decode_words(field.value)).startswith(text) for field in fields)


@fault("looks-into-every-field", breaks=("rfc3501/6.4.4/27", "rfc3501/6.4.4/28"))
class LooksIntoEveryField(ImapCore):
    """HEADER finds the string in whichever field, and nothing for an empty one."""

    def search_field(self, candidate: Candidate, name: str, text: str) -> bool:
        """Leaves the name aside."""
        if name in ENVELOPE_FIELDS:
            return super().search_field(candidate, name, text)
        return bool(text) and any(
            text in self.folded(decoded.decode_words(each.value)) for each in candidate.entity.fields
        )


@fault("looks-into-the-header-for-body", breaks="rfc3501/6.4.4/21")
class LooksIntoTheHeaderForBody(ImapCore):
    """BODY finds what stands in the header."""

    def search_body(self, candidate: Candidate, text: str) -> bool:
        """Is TEXT."""
        return text in candidate.header or super().search_body(candidate, text)


@fault(
    "takes-no-literals-in-search",
    breaks="rfc3501/7.5/4",
    also={
        "imap/search/undoes_encodings_before_it_compares": "8-bit strings have to be literals",
        "imap/literals/takes_a_literal_of_no_octets_as_the_empty_string": "SEARCH is what it is tried with",
        "imap/literals/takes_non_synchronizing_literals": "SEARCH is what they are tried with",
    },
)
class TakesNoLiteralsInSearch(ImapCore):
    """SEARCH with a literal is answered BAD."""

    def refusal_of(self, literal: Announced) -> bytes | None:
        """Wants quotes."""
        if b" SEARCH " in literal.lines[0].upper():
            return b"BAD quote it"
        return super().refusal_of(literal)


@fault("finds-drafts-among-what-is-none", breaks=("rfc3501/6.4.4/18", "rfc3501/6.4.4/49"), also=IN_COMBINATIONS)
class FindsDraftsAmongWhatIsNone(ImapCore):
    """UNDRAFT matches drafts too."""

    def search_no_flag(self, candidate: Candidate, flag: str) -> bool:
        """Always, for that flag."""
        return flag == "\\Draft" or super().search_no_flag(candidate, flag)


@fault("finds-no-keywords", breaks=("rfc3501/6.4.4/29", "rfc3501/6.4.4/51"))
class FindsNoKeywords(ImapCore):
    """KEYWORD matches nothing and UNKEYWORD everything."""

    def search_keyword(self, candidate: Candidate, keyword: str) -> bool:
        """Never."""
        return False


@fault("finds-seen-for-new", breaks="rfc3501/6.4.4/31")
class FindsSeenForNew(ImapCore):
    """NEW matches recent messages that are seen."""

    def search_new(self, candidate: Candidate) -> bool:
        """Is RECENT."""
        return self.search_recent(candidate)


@fault("counts-the-size-itself-as-larger", breaks="rfc3501/6.4.4/30", also=IN_COMBINATIONS)
class CountsTheSizeItselfAsLarger(ImapCore):
    """LARGER matches the number itself."""

    def search_larger(self, candidate: Candidate, octets: int) -> bool:
        """Or as large."""
        return self.size_of(candidate.message) >= octets


@fault("leaves-the-day-itself-out-of-since", breaks="rfc3501/6.4.4/41")
class LeavesTheDayItselfOutOfSince(ImapCore):
    """SINCE matches later days only."""

    def search_since(self, candidate: Candidate, day: date) -> bool:
        """After it."""
        return candidate.message.internal_date.date() > day


@fault("takes-the-internal-date-for-sent", breaks="rfc3501/6.4.4/39")
class TakesTheInternalDateForSent(ImapCore):
    """SENTON goes by the internal date."""

    def search_senton(self, candidate: Candidate, day: date) -> bool:
        """Is ON."""
        return self.search_on(candidate, day)


@fault(
    "finds-what-matches-any-key",
    breaks="rfc3501/6.4.4/5",
    also={"imap/search/reads_not_or_and_parentheses": "keys in parentheses are several keys"},
)
class FindsWhatMatchesAnyKey(ImapCore):
    """Of several keys one is enough."""

    def search_all_of(self, candidate: Candidate, *tests: Test) -> bool:
        """Any."""
        return any(self.holds(test, candidate) for test in tests)


@fault("reads-or-as-and", breaks="rfc3501/6.4.4/35")
class ReadsOrAsAnd(ImapCore):
    """OR wants both keys to match."""

    def search_or(self, candidate: Candidate, first: Test, second: Test) -> bool:
        """Both."""
        return self.holds(first, candidate) and self.holds(second, candidate)


@fault(
    "leaves-the-end-of-a-set-out",
    breaks="rfc3501/6.4.4/16",
    also=IN_COMBINATIONS
    | {
        "imap/search/knows_numbers_from_uids": "a set of UIDs loses its end as well",
        "imap/uids/uid_search_returns_uids": "it asks for a set of one, which is its end",
        "imap/uids/passes_over_uids_that_do_not_exist": "the message that is there stands at the end of its set",
    },
)
class LeavesTheEndOfSetOut(ImapCore):
    """The highest number of a set is not matched."""

    def search_number(self, candidate: Candidate, uids: Uids) -> bool:
        """All but that."""
        last = max((uid for uid in candidate.view.uids if uid in uids), default=0)
        return super().search_number(candidate, uids) and candidate.message.uid != last


@fault("answers-uid-search-with-numbers", breaks=("rfc3501/7.2.5/1", "rfc3501/6.4.4/46"))
class AnswersUidSearchWithNumbers(ImapCore):
    """UID SEARCH returns sequence numbers, unless all messages match."""

    def found_numbers(self, numbers: list[int]) -> list[int]:
        """A search for everything stays right, so that mail can be read back."""
        return super().found_numbers(numbers) if len(numbers) == len(self.selected.messages) else numbers


@fault("says-nothing-where-nothing-is-found", breaks="rfc3501/6.4.4/2")
class SaysNothingWhereNothingIsFound(ImapCore):
    """SEARCH that finds nothing brings no SEARCH response."""

    def tell_found(self, found: list[int], options: ResultOptions | None) -> None:
        """Only where there is something."""
        if found or options is not None:
            super().tell_found(found, options)


@fault("answers-unknown-charsets-bad", breaks="rfc3501/6.4.4/12")
class AnswersUnknownCharsetsBad(ImapCore):
    """A charset that is not known is answered BAD."""

    def read_keys(self, cursor: Cursor) -> Key:
        """Takes it for a syntax error."""
        try:
            return super().read_keys(cursor)
        except RefusedError as error:
            raise GrammarError("no such charset") from error


@fault("names-no-badcharset", breaks="rfc3501/6.4.4/13")
class NamesNoBadcharset(ImapCore):
    """The NO to an unknown charset has another response code."""

    def bad_charset(self) -> bytes:
        """Says less."""
        return b"CANNOT"


@fault("knows-no-us-ascii", breaks="rfc3501/6.4.4/11")
class KnowsNoUsAscii(ImapCore):
    """US-ASCII is a charset that SEARCH does not know."""

    def read_keys(self, cursor: Cursor) -> Key:
        """Wants UTF-8."""
        if cursor.match(US_ASCII):
            raise RefusedError("charset not supported", code=self.bad_charset())
        return super().read_keys(cursor)


@fault("compares-what-is-encoded", breaks=("rfc3501/6.4.4/10", "rfc3501/6.4.4/9"))
class ComparesWhatIsEncoded(ImapCore):
    """BODY compares with the octets of the body as they are encoded."""

    def search_body(self, candidate: Candidate, text: str) -> bool:
        """As it stands."""
        body = candidate.message.octets.partition(b"\r\n\r\n")[2]
        return text in self.folded(body.decode("latin-1"))
