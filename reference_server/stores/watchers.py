"""Whoever wants to hear of changes (RFC 3501 §5.2; RFC 5465)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Watchers(Generic[P]):
    """Callables that are called after every change, in the thread that made it. Safe to use from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._callables: dict[object, Callable[P, None]] = {}

    def add(self, notify: Callable[P, None]) -> Callable[[], None]:
        """Call it from now on; the returned callable ends that, and does nothing when called again."""
        token = object()
        with self._guard:
            self._callables[token] = notify

        def end() -> None:
            with self._guard:
                self._callables.pop(token, None)

        return end

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call them all. They may end themselves, or others, meanwhile."""
        if not self._callables:
            return
        with self._guard:
            callables = list(self._callables.values())
        for notify in callables:
            notify(*args, **kwargs)
