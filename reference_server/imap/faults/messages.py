"""Planted faults of the IMAP server: each breaks one requirement of RFC 3501 by overriding one small method."""

from __future__ import annotations

from reference_server.imap.core import ImapCore
from reference_server.registry import fault
from reference_server.stores import StoredMessage

SEARCHED = "LARGER and SMALLER go by the same size"


@fault(
    "rfc822-size-off-by-one",
    breaks=("rfc3501/7.4.2/60", "rfc3501/2.3.4/1", "rfc3501/6.4.5/37"),
    also={
        "imap/search/leaves_the_size_itself_out": SEARCHED,
        "imap/search/reads_not_or_and_parentheses": SEARCHED,
        "imap/search/finds_what_matches_all_keys": SEARCHED,
    },
)
class SizeOffByOne(ImapCore):
    """RFC822.SIZE is one octet more than the message has."""

    def size_of(self, message: StoredMessage) -> int:
        """Counts one too many."""
        return super().size_of(message) + 1


@fault("logs-out-without-bye", breaks="rfc3501/6.1.3/1")
class LogsOutWithoutBye(ImapCore):
    """LOGOUT is completed without the untagged BYE before it."""

    def say_bye(self) -> None:
        """Says nothing."""
