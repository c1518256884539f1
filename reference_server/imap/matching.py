"""What each search key means, one method a key.

RFC 3501 §6.4.4, RFC 9051 §6.4.4, RFC 5032, RFC 7162 §3.1.5, RFC 8474 §6, RFC 8514 §4.3.

Texts are compared by i;unicode-casemap (RFC 5255 §4.2). Keys are turned into functions of a message once a command,
those that cost least in front wherever their order does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType

from reference_server.imap import casemap
from reference_server.imap.candidates import Candidate
from reference_server.imap.fetch import FetchCommands
from reference_server.imap.objectid import email_id, thread_id
from reference_server.imap.searchkeys import Key
from reference_server.imap.sentdate import moment_s
from reference_server.imap.uidsets import Uids
from reference_server.stores import StoredMessage

Test = Callable[[Candidate], bool]
"""A key made ready: whether a message matches."""

COSTS: Mapping[str, int] = MappingProxyType({
    "search_sentbefore": 1, "search_senton": 1, "search_sentsince": 1, "search_field": 1,
    "search_body": 2, "search_text": 2, "search_emailid": 2, "search_threadid": 2,
})  # fmt: skip
"""What a key has to read: 1 is the header, 2 the whole message. All others read neither."""


def cost_of(key: Key) -> int:
    """What deciding the key takes at worst."""
    inner = (cost_of(argument) for argument in key.arguments if isinstance(argument, Key))
    return max(COSTS.get(key.method, 0), max(inner, default=0))


class Matching(FetchCommands):
    """Mixin: search keys."""

    searched_at_s = 0
    """When the search in progress began, on the scale of `moment_s`."""

    def test_of(self, key: Key) -> Test:
        """The key as a function; keys within it come first to its method as functions too."""
        method = getattr(self, key.method)
        inner = sorted((argument for argument in key.arguments if isinstance(argument, Key)), key=cost_of)
        arguments = [self.test_of(each) for each in inner] or key.arguments
        if len(arguments) == 1:
            only = arguments[0]
            return lambda candidate: method(candidate, only)
        return lambda candidate: method(candidate, *arguments)

    def holds(self, test: Test, candidate: Candidate) -> bool:
        """Whether the message matches the key."""
        return test(candidate)

    def folded(self, text: str) -> str:
        """A text as it is compared (RFC 5255 §4.2: i;unicode-casemap)."""
        return casemap.folded(text)

    def search_time_s(self) -> int:
        """What OLDER and YOUNGER reckon from: the server's own clock (RFC 5032 §2)."""
        return moment_s(self.settings.wall_clock())

    # Combinations.

    def search_all_of(self, candidate: Candidate, *tests: Test) -> bool:
        """Several keys: all of them (RFC 3501 §6.4.4)."""
        return all(self.holds(test, candidate) for test in tests)

    def search_not(self, candidate: Candidate, test: Test) -> bool:
        """NOT."""
        return not self.holds(test, candidate)

    def search_or(self, candidate: Candidate, first: Test, second: Test) -> bool:
        """OR."""
        return self.holds(first, candidate) or self.holds(second, candidate)

    # Numbers and flags.

    def search_all(self, candidate: Candidate) -> bool:
        """ALL."""
        return True

    def search_number(self, candidate: Candidate, uids: Uids) -> bool:
        """A sequence set, or UID with one; either is known by UIDs (RFC 5267 §4.3: numbers are those of the moment)."""
        return candidate.message.uid in uids

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

    # Size and dates.

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
        """SENTBEFORE: by the Date field, time and zone left aside."""
        sent = candidate.sent
        return sent is not None and sent.day < day

    def search_senton(self, candidate: Candidate, day: date) -> bool:
        """SENTON."""
        sent = candidate.sent
        return sent is not None and sent.day == day

    def search_sentsince(self, candidate: Candidate, day: date) -> bool:
        """SENTSINCE: that day or later."""
        sent = candidate.sent
        return sent is not None and sent.day >= day

    def search_older(self, candidate: Candidate, seconds: int) -> bool:
        """OLDER: by the internal date, to the second, the moment itself included (RFC 5032 §2)."""
        return candidate.arrived_s <= self.searched_at_s - seconds

    def search_younger(self, candidate: Candidate, seconds: int) -> bool:
        """YOUNGER: likewise."""
        return candidate.arrived_s >= self.searched_at_s - seconds

    def search_savedbefore(self, candidate: Candidate, day: date) -> bool:
        """SAVEDBEFORE: by the day the message came into this mailbox (RFC 8514 §4.3)."""
        return self.saved_date(candidate.message).date() < day

    def search_savedon(self, candidate: Candidate, day: date) -> bool:
        """SAVEDON."""
        return self.saved_date(candidate.message).date() == day

    def search_savedsince(self, candidate: Candidate, day: date) -> bool:
        """SAVEDSINCE: that day or later."""
        return self.saved_date(candidate.message).date() >= day

    def search_modseq(self, candidate: Candidate, modseq: int) -> bool:
        """MODSEQ: that or greater (RFC 7162 §3.1.5)."""
        return candidate.message.modseq >= modseq

    def search_emailid(self, candidate: Candidate, wanted: str) -> bool:
        """EMAILID: exactly that one (RFC 8474 §6)."""
        return email_id(candidate.message) == wanted.encode("ascii")

    def search_threadid(self, candidate: Candidate, wanted: str) -> bool:
        """THREADID."""
        return thread_id(candidate.message) == wanted.encode("ascii")

    def search_savedatesupported(self, candidate: Candidate) -> bool:
        """SAVEDATESUPPORTED: every message, or none."""
        return self.knows_save_dates()

    def saved_date(self, message: StoredMessage) -> datetime:
        """What the SAVED keys compare; where no such date is kept, the internal date stands in (RFC 8514 §4.3)."""
        return message.saved_at if self.knows_save_dates() else message.internal_date

    def knows_save_dates(self) -> bool:
        """Whether this mailbox has dates of saving."""
        return True

    # Texts.

    def search_field(self, candidate: Candidate, name: str, text: str) -> bool:
        """HEADER, and BCC, CC, FROM, SUBJECT, TO; an empty string asks only whether the field is there."""
        # A loop, since a generator takes longer than what it would go through.
        for value in candidate.fields(name):  # noqa: SIM110
            if text in value:
                return True
        return False

    def search_body(self, candidate: Candidate, text: str) -> bool:
        """BODY: not the message's own header."""
        return not text or candidate.body_has(text)

    def search_text(self, candidate: Candidate, text: str) -> bool:
        """TEXT: header or body."""
        return text in candidate.header or self.search_body(candidate, text)
