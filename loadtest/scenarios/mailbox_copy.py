"""What a mail program keeps of a mailbox over its sessions, and what it asks about it then (RFC 4549, RFC 7162)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from loadtest.clients.imap_answers import Selected

BODY_SHARE = 0.5
MOST_BODY_OCTETS = 50 * 1024
"""Of what is new, this share is read whole, the newest first; what is larger than this only when somebody opens it."""


@dataclass(slots=True)
class MailboxCopy:
    """How far a copy goes: it has every message below `next_uid`, as of `highest_modseq`, while UIDVALIDITY stays.

    `next_uid` is 0 as long as there is no copy, `highest_modseq` where the server tells none (RFC 7162 §3.1.2.2). It is
    what SELECT told, and not what came since: a change is rather told twice than never.
    """

    uid_validity: int = 0
    next_uid: int = 0
    highest_modseq: int = 0

    def select_parameters(self, enabled: frozenset[bytes], offers: frozenset[bytes]) -> bytes:
        """What SELECT is told of the copy, or at least that changes are wanted with their numbers (RFC 7162 §3.1.8)."""
        if b"QRESYNC" in enabled and self.next_uid and self.uid_validity and self.highest_modseq:
            # The UIDs that are known; none yet, and the set is left out (RFC 7162 §3.2.5.1).
            known = b" 1:%d" % (self.next_uid - 1) if self.next_uid > 1 else b""
            return b"(QRESYNC (%d %d%b))" % (self.uid_validity, self.highest_modseq, known)
        return b"(CONDSTORE)" if offers & {b"CONDSTORE", b"QRESYNC"} else b""

    def flags_to_ask_for(self, selected: Selected, parameters: bytes) -> tuple[str, str] | None:
        """UIDs and items of the FETCH that brings the flags up to date; None where none is needed.

        `parameters` are those that SELECT was told.
        """
        if not selected.exists:
            return None
        if not self.is_of(selected):
            return "1:*", "(FLAGS)"
        if self.next_uid == 1 or parameters.startswith(b"(QRESYNC"):
            return None
        known = f"1:{self.next_uid - 1}"
        if not (parameters and self.highest_modseq and selected.highest_modseq):
            return known, "(FLAGS)"
        if selected.highest_modseq == self.highest_modseq:
            return None
        return known, f"(FLAGS) (CHANGEDSINCE {self.highest_modseq})"

    def is_of(self, selected: Selected) -> bool:
        """Whether it is a copy of this mailbox: UIDs mean something only under one UIDVALIDITY (RFC 9051 §2.3.1.1)."""
        return self.next_uid > 0 and self.uid_validity == selected.uid_validity

    def take(self, selected: Selected, *, greatest_uid: int) -> bool:
        """Keep what SELECT told; whether that was the end of another copy.

        A new copy has everything that is there now. `greatest_uid` is for servers that tell no UIDNEXT.
        """
        is_new = not self.is_of(selected)
        had_one = self.next_uid > 0
        if is_new:
            self.next_uid = selected.uid_next or greatest_uid + 1
        self.uid_validity, self.highest_modseq = selected.uid_validity, selected.highest_modseq
        return is_new and had_one


def to_be_read(sizes: Mapping[int, int]) -> list[int]:
    """Of new messages, octets by UID, those that are read whole."""
    most = math.ceil(len(sizes) * BODY_SHARE)
    small = sorted(uid for uid, octets in sizes.items() if octets <= MOST_BODY_OCTETS)
    return small[max(len(small) - most, 0) :]
