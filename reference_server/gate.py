"""Between a durable store and the peers: no octet leaves while a change that it may tell of is not yet durable.

All changes of one turn of the event loop share one commit: the more sessions are busy, the less each pays for it
(RFC 5321 §4.2.5: a 250 takes the responsibility over; and so it is with every other positive reply).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from reference_server.stores import Durable, StoreFailedError


class Gate:
    """Holds what is to be written until the store has committed; made, used and closed in the loop's own thread."""

    def __init__(self, store: Durable, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop
        self._held: list[tuple[asyncio.Transport, Callable[[], None]]] = []
        self._commit_for_themselves = store.defer_commits()

    def pass_through(self, transport: asyncio.Transport, write: Callable[[], None]) -> None:
        """Call `write` now if nothing waits for a commit, else at the end of this turn, in the order of these calls."""
        if not self._held:
            if not self._store.pending:
                write()
                return
            # What the loop calls soon comes after everything that arrived in this turn.
            self._loop.call_soon(self._open)
        self._held.append((transport, write))

    async def close(self) -> None:
        """Commit what is left; from now on changes made in this thread commit themselves."""
        self._open()
        self._commit_for_themselves()

    def _open(self) -> None:
        held, self._held = self._held, []
        try:
            self._store.commit()
        except StoreFailedError:
            # Whatever these peers were to be told is not so.
            for transport, _ in held:
                transport.abort()
            raise
        for transport, write in held:
            if not transport.is_closing():
                write()


class GatedTransport(asyncio.Transport):
    """A transport whose output goes through a gate. Has what the shell uses."""

    def __init__(self, transport: asyncio.Transport, gate: Gate) -> None:
        super().__init__()
        self._transport = transport
        self._gate = gate

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write, once the gate is open."""
        self._gate.pass_through(self._transport, lambda: self._transport.write(data))

    def write_eof(self) -> None:
        """End the output after what was written."""
        self._gate.pass_through(self._transport, self._transport.write_eof)

    def close(self) -> None:
        """Close after what was written."""
        self._gate.pass_through(self._transport, self._transport.close)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What there is to know of the connection."""
        return self._transport.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """Octets that wait for the peer, not for the gate."""
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        """Take nothing more from the peer."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._transport.resume_reading()
