"""Waiting for a socket under gevent at the least cost: no time-out object and no failed read for each wait.

gevent's own `recv` tries to read, fails, starts a timer and waits; here nothing is read before something is there, and
one timer serves all waits of a session: it looks, when it fires, how long the present wait has lasted.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Any

READ = 1
"""libev's name for it."""


def is_cooperative(sock: socket.socket) -> bool:
    """Whether this is one of gevent's plain sockets, whose descriptor never blocks."""
    module = sys.modules.get("gevent.socket")
    return module is not None and type(sock) is module.socket


class Readiness:
    """Waits until a descriptor can be read, for at most `limit_s`."""

    __slots__ = ("_current", "_hub", "_io", "_limit_s", "_since", "_timer", "_waiting", "descriptor", "limit_s")

    def __init__(self, descriptor: int, limit_s: float) -> None:
        # Not before: naming this client must not cost the import of gevent.
        import gevent  # type: ignore[import-untyped]

        self.descriptor = descriptor
        self.limit_s = self._limit_s = limit_s
        self._hub: Any = gevent.get_hub()
        self._io: Any = self._hub.loop.io(descriptor, READ)
        self._current: Any = gevent.getcurrent
        self._timer: Any = None
        self._waiting: Any = None
        self._since = 0.0

    def wait(self, since: float, limit_s: float | None = None) -> None:
        """Return when there is something to read; the wait counts from `since`.

        Raises:
            TimeoutError: nothing came in time.
        """
        self._since = since
        if limit_s is not None or self._limit_s != self.limit_s:
            # Another limit than the last wait's: the timer that runs would look too late.
            self._limit_s = self.limit_s if limit_s is None else limit_s
            self._disarm()
        self._waiting = self._current()
        if self._timer is None:
            self._arm(max(since + self._limit_s - time.perf_counter(), 0.0))
        try:
            self._hub.wait(self._io)
        finally:
            self._waiting = None

    def close(self) -> None:
        """Wait no more."""
        self._disarm()
        self._io.stop()
        self._io.close()

    def _arm(self, after_s: float) -> None:
        self._timer = self._hub.loop.timer(after_s)
        self._timer.start(self._look)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _look(self) -> None:
        self._disarm()
        if self._waiting is None:
            return  # the next wait arms it again
        left_s = self._since + self._limit_s - time.perf_counter()
        if left_s > 0:
            self._arm(left_s)
        else:
            self._waiting.throw(TimeoutError("timed out"))
