"""Planted faults that the always-on oracles see: grammar, synchrony, liveness, segments (RFC 3501 §2.2, §3, §9)."""

from __future__ import annotations

import re
from weakref import WeakSet

from reference_server.core import Action
from reference_server.imap.core import ImapCore
from reference_server.imap.session import State
from reference_server.registry import fault
from reference_server.stores import Store


@fault("ends-flags-with-a-space", breaks="rfc3501/9/1")
class EndsFlagsWithASpace(ImapCore):
    """Sends a space at the end of FLAGS, which the grammar does not have."""

    def tell_flags_defined(self) -> None:
        """Adds it."""
        self.untagged(b"FLAGS (" + b" ".join(self.flags_defined()) + b") ")


@fault(
    "completes-logout-twice",
    breaks="rfc3501/2.2/1",
    also={"imap/logout/closes_the_connection_after_logout": "something comes after LOGOUT is completed"},
)
class CompletesLogoutTwice(ImapCore):
    """LOGOUT gets two tagged answers."""

    def on_logout(self, _: None) -> None:
        """Says it again."""
        self.say_bye()
        self.complete(b"OK", b"LOGOUT completed")
        self.complete(b"OK", b"LOGOUT completed")
        self.hang_up()


POISONED: WeakSet[Store] = WeakSet()
"""Stores whose server has met what kills it."""


@fault("serves-nobody-after-a-huge-literal", breaks="rfc3501/3/1")
class ServesNobodyAfterAHugeLiteral(ImapCore):
    """After a literal of 2^63 octets was announced, whoever connects next finds the connection closed."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Is poisoned by a number."""
        if b"{9223372036854775808}" in octets:
            POISONED.add(self.store)
        return super().receive(octets, now)

    def greet(self) -> None:
        """Has no word for anybody any more."""
        if self.store in POISONED:
            self.hang_up()
        else:
            super().greet()


BEGINNING = re.compile(rb"([A-Za-z0-9]+) F[A-Z]*[^\n]*\Z")
"""A segment that holds the beginning of FETCH, and not its end."""


@fault("imap-takes-a-segment-for-a-line", breaks="rfc3501/2.2/3")
class TakesASegmentForALine(ImapCore):
    """Takes the first segment of FETCH for the whole command, and refuses it where that is only a part."""

    skipping = False
    at_start = True

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Refuses at once, and skips the rest of the line when it comes."""
        at_start, self.at_start = self.at_start, octets.endswith(b"\n")
        if self.skipping:
            _, line_end, octets = octets.partition(b"\n")
            self.skipping = not line_end
        elif at_start and self.state is State.SELECTED and (found := BEGINNING.match(octets)):
            self.skipping = True
            self.tagged(found[1], b"BAD", b"unfinished command")
            return self.taken_actions()
        return super().receive(octets, now) if octets else []
