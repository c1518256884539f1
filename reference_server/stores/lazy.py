"""Messages whose octets lie elsewhere until they are asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Protocol, TypeVar

from reference_server.stores import StoredMessage


class Body(Protocol):
    """Where the octets of one message lie; all states of the message share it."""

    def octets(self) -> bytes:
        """Read them."""


B = TypeVar("B", bound=Body)


class LazyMessage(StoredMessage, Generic[B]):
    """A message that reads its octets from `body` each time."""

    __slots__ = ("body",)

    at_hand = False

    def __init__(
        self,
        body: B,
        *,
        uid: int,
        size: int,
        internal_date: datetime,
        saved_at: datetime,
        flags: frozenset[str],
        modseq: int,
    ) -> None:
        self.body = body
        self.uid = uid
        self.size = size
        self.internal_date = internal_date
        self.saved_at = saved_at
        self.flags = flags
        self.modseq = modseq

    @property
    def octets(self) -> bytes:  # type: ignore[override]  # nobody assigns to it
        """Read when asked for; raises what `body` raises."""
        return self.body.octets()

    def with_flags(self, flags: frozenset[str], modseq: int) -> LazyMessage[B]:
        """The same message after a change of its flags."""
        return LazyMessage(
            self.body,
            uid=self.uid,
            size=self.size,
            internal_date=self.internal_date,
            saved_at=self.saved_at,
            flags=flags,
            modseq=modseq,
        )
