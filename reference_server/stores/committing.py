"""When a store makes changes durable: after each, or once for all changes of a turn (`stores.Durable`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Committing:
    """What both durable stores do around a change. Safe to use from several threads; `_guard` is theirs too."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._deferring: dict[int, int] = {}
        self._depth = 0

    def commit(self) -> None:
        """Make all changes durable."""
        raise NotImplementedError  # pragma: no cover

    @contextmanager
    def _one_change(self) -> Iterator[None]:
        """Commit at the end, failed or not, unless that is deferred in this thread or inside another such block."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if not self._depth and threading.get_ident() not in self._deferring:
                self.commit()

    def defer_commits(self) -> Callable[[], None]:
        """Leave commits of changes made in this thread to the caller, until the returned callable is called (there)."""
        thread = threading.get_ident()
        with self._guard:
            self._deferring[thread] = self._deferring.get(thread, 0) + 1

        def end() -> None:
            with self._guard:
                self._deferring[thread] -= 1
                if not self._deferring[thread]:
                    del self._deferring[thread]
                self.commit()

        return end
