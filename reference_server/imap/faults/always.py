"""Planted faults that the always-on oracles see: grammar, synchrony, liveness, segments (RFC 3501 §2.2, §3, §9)."""

from __future__ import annotations

from weakref import WeakSet

from reference_server.core import Action
from reference_server.imap.core import ImapCore
from reference_server.imap.literals import CommandReader
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
    """After a literal of more than 32 bits was announced, whoever connects next finds the connection closed."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Is poisoned by a number."""
        if b"{99999999999}" in octets:
            POISONED.add(self.store)
        return super().receive(octets, now)

    def greet(self) -> None:
        """Has no word for anybody any more."""
        if self.store in POISONED:
            self.hang_up()
        else:
            super().greet()


class _TellingReader(CommandReader):
    """Says whether a literal is on its way."""

    @property
    def awaits_octets(self) -> bool:
        return self._in_literal


@fault("imap-takes-a-segment-for-a-line", breaks="rfc3501/2.2/3")
class TakesASegmentForALine(ImapCore):
    """Throws a segment away that is no whole line, and answers BAD."""

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Reads as if every segment were a line, unless a literal is on its way."""
        in_literal = isinstance(self.reader, _TellingReader) and self.reader.awaits_octets
        if octets.endswith(b"\n") or in_literal or self.handshaking or self.state is State.LOGOUT:
            return super().receive(octets, now)
        self.untagged(b"BAD that is no line")
        return self.taken_actions()

    def greet(self) -> None:
        """Takes a reader that tells."""
        self.drop_clear_text()
        super().greet()

    def drop_clear_text(self) -> None:
        """Begins anew with such a reader."""
        self.reader = _TellingReader()
