"""Planted faults of LIST, LSUB, STATUS and UNSELECT (RFC 3501 §6.3.6 to §6.3.10, RFC 3691)."""

from __future__ import annotations

from collections.abc import Sequence

from reference_server.imap.commands import Command
from reference_server.imap.core import ImapCore
from reference_server.imap.listing_options import Listing
from reference_server.imap.mailboxes import Status
from reference_server.imap.session import State
from reference_server.registry import fault
from reference_server.stores import Mailbox


@fault(
    "percent-crosses-levels",
    breaks="rfc3501/6.3.8/18",
    also={"imap/list/reads_the_pattern_from_the_reference_on": "its patterns have percent signs as well"},
)
class PercentCrossesLevels(ImapCore):
    """`%` in LIST matches the delimiter too."""

    def pattern_matches(self, pattern: bytes, wire_name: bytes) -> bool:
        """Takes it for `*`."""
        wild = pattern.replace(b"%", b"*") if self.running.verb == b"LIST" else pattern
        return super().pattern_matches(wild, wire_name)


@fault("reads-wildcards-in-lsub-otherwise", breaks="rfc3501/6.3.9/2")
class ReadsWildcardsInLsubOtherwise(ImapCore):
    """`%` in LSUB matches the delimiter too."""

    def pattern_matches(self, pattern: bytes, wire_name: bytes) -> bool:
        """Takes it for `*`."""
        wild = pattern.replace(b"%", b"*") if self.running.verb == b"LSUB" else pattern
        return super().pattern_matches(wild, wire_name)


@fault("ignores-the-reference", breaks=("rfc3501/6.3.8/6", "rfc3501/6.3.8/10"))
class IgnoresTheReference(ImapCore):
    """LIST reads the pattern from the root on, whatever the reference."""

    def is_listed(self, asked: Listing, name: str) -> bool:
        """Leaves it aside."""
        return super().is_listed(Listing(b"", asked.pattern), name)


@fault("says-nothing-to-an-empty-pattern", breaks=("rfc3501/6.3.8/9", "rfc3501/6.3.8/7"))
class SaysNothingToEmptyPattern(ImapCore):
    """LIST with an empty pattern does not tell the delimiter."""

    def on_list(self, asked: Listing) -> bytes:
        """No name is empty."""
        return super().on_list(asked) if asked.pattern else b"LIST completed"


@fault("lists-no-levels", breaks="rfc3501/6.3.8/19")
class ListsNoLevels(ImapCore):
    """LIST with `%` at the end leaves levels out that are no mailboxes."""

    def is_listed(self, asked: Listing, name: str) -> bool:
        """Only what can be selected, in LIST."""
        there = self.running.verb != b"LIST" or self.user.mailbox(name) is not None
        return there and super().is_listed(asked, name)


@fault("lists-inbox-for-capitals-only", breaks="rfc3501/6.3.8/22")
class ListsInboxForCapitalsOnly(ImapCore):
    """LIST finds INBOX only where the pattern is in capitals."""

    def is_listed(self, asked: Listing, name: str) -> bool:
        """Goes by the case."""
        return self.pattern_matches(asked.reference + asked.pattern, self.wire_name(name))


@fault("mixes-delimiters", breaks=("rfc3501/5.1.1/2", "rfc3501/7.2.2/7"))
class MixesDelimiters(ImapCore):
    """Deeper names are listed with another delimiter."""

    def tell_name(
        self, response: bytes, attributes: list[bytes], wire_name: bytes, items: Sequence[bytes] = ()
    ) -> None:
        """Backslashes from the second level on."""
        if response == b"LIST" and wire_name.count(self.delimiter) > 1:
            name = self.render_mailbox(wire_name)
            self.untagged(b'LIST (%b) "\\\\" %b' % (b" ".join(attributes), name))
            return
        super().tell_name(response, attributes, wire_name, items)


@fault("never-unsubscribes", breaks=("rfc3501/6.3.7/1", "rfc3501/6.3.7/2"))
class NeverUnsubscribes(ImapCore):
    """UNSUBSCRIBE is answered OK and does nothing."""

    def on_unsubscribe(self, wire_name: bytes) -> bytes:
        """Says so."""
        return b"UNSUBSCRIBE completed"


@fault("forgets-subscriptions-with-the-mailbox", breaks=("rfc3501/6.3.6/4", "rfc3501/6.3.9/5"))
class ForgetsSubscriptionsWithTheMailbox(ImapCore):
    """DELETE takes the name off the list of subscriptions."""

    def on_delete(self, wire_name: bytes) -> bytes:
        """Tidies up."""
        text = super().on_delete(wire_name)
        self.user.unsubscribe(self.name_of(wire_name))
        return text


@fault("names-no-levels-in-lsub", breaks="rfc3501/6.3.9/4")
class NamesNoLevelsInLsub(ImapCore):
    """LSUB with `%` leaves out the level above a subscribed name."""

    def implied_names(self, names: set[str]) -> set[str]:
        """None in LSUB."""
        return set() if self.running.verb == b"LSUB" else super().implied_names(names)


@fault("counts-unseen-as-select-does", breaks="rfc3501/6.3.10/11")
class CountsUnseenAsSelectDoes(ImapCore):
    """UNSEEN in STATUS is the number of the first unseen message."""

    def status_unseen(self, mailbox: Mailbox) -> int:
        """Takes it for the response code."""
        unseen = (at for at, message in enumerate(mailbox.messages, 1) if "\\Seen" not in message.flags)
        return next(unseen, 0)


@fault(
    "takes-recent-in-status",
    breaks="rfc3501/6.3.10/2",
    also={"imap/status/counts_as_select_does": "SELECT finds nothing recent any more that STATUS counted"},
)
class TakesRecentInStatus(ImapCore):
    """STATUS takes \\Recent from the messages that it counts."""

    def status_recent(self, mailbox: Mailbox) -> int:
        """Claims them."""
        return len(mailbox.claim_recent(peek=False))


@fault("has-a-status-for-everything", breaks="rfc3501/6.3.10/1")
class HasStatusForEverything(ImapCore):
    """STATUS of a mailbox that does not exist is answered OK."""

    def on_status(self, asked: Status) -> bytes:
        """Without a response."""
        if self.user.mailbox(self.name_of(asked.mailbox)) is None:
            return b"STATUS completed"
        return super().on_status(asked)


@fault("tells-every-status-item", breaks="rfc3501/7.2.4/1")
class TellsEveryStatusItem(ImapCore):
    """STATUS tells all items of RFC 3501, asked for or not."""

    def on_status(self, asked: Status) -> bytes:
        """Means well."""
        return super().on_status(Status(asked.mailbox, (b"MESSAGES", b"RECENT", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN")))


@fault("expunges-at-unselect", breaks="rfc3691/2/4")
class ExpungesAtUnselect(ImapCore):
    """UNSELECT removes what is marked, as CLOSE does."""

    def on_unselect(self, _: None) -> bytes:
        """Is CLOSE."""
        self.on_close(None)
        return b"UNSELECT completed"


@fault("unselects-nothing", breaks=("rfc3691/2/2", "rfc3691/4/2"))
class UnselectsNothing(ImapCore):
    """UNSELECT is answered OK while no mailbox is selected."""

    def is_valid_now(self, name: bytes, command: Command) -> bool:
        """Lets it after log-in."""
        return (name == b"UNSELECT" and self.state is State.AUTHENTICATED) or super().is_valid_now(name, command)
