"""The room that an account has for its mail (RFC 9208 §3)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from reference_server.stores import Limits, OverQuotaError, Usage

NOTHING = Usage(0, 0)


class Room:
    """What an account may have and has, over all its folders. Safe to use from several threads."""

    def __init__(self, limits: Limits, *, usage: Usage = NOTHING) -> None:
        self.limits = limits
        self._guard = threading.Lock()
        self._octets = usage.storage_octets
        self._messages = usage.messages

    @property
    def usage(self) -> Usage:
        """What the account has now."""
        with self._guard:
            return Usage(self._octets, self._messages)

    def take(self, sizes: Sequence[int], *, freed: Sequence[int] = ()) -> None:
        """Make room for messages of these sizes, or for none; those of `freed` sizes are about to be given back.

        Raises:
            OverQuotaError: they do not fit.
        """
        limits, octets = self.limits, sum(sizes)
        with self._guard:
            if limits.message_octets is not None and max(sizes, default=0) > limits.message_octets:
                raise OverQuotaError("the message is larger than this account may have")
            if limits.storage_octets is not None and self._octets + octets - sum(freed) > limits.storage_octets:
                raise OverQuotaError("no room is left for that many octets")
            if limits.messages is not None and self._messages + len(sizes) - len(freed) > limits.messages:
                raise OverQuotaError("no room is left for that many messages")
            self._octets += octets
            self._messages += len(sizes)

    def occupy(self, sizes: Iterable[int]) -> None:
        """Messages of these sizes have come in without asking."""
        with self._guard:
            for octets in sizes:
                self._octets += octets
                self._messages += 1

    def give_back(self, sizes: Iterable[int]) -> None:
        """Messages of these sizes are no more."""
        with self._guard:
            for octets in sizes:
                self._octets -= octets
                self._messages -= 1
