"""The one asyncio shell: runs any core on a TCP connection, in clear, upgraded to TLS, or in TLS from the start.

It holds no octet back and reads nothing ahead: what arrives goes to the core at once, so that nothing said in clear can
be left over when TLS begins. It knows no protocol.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any, cast

from reference_server.admission import Admission
from reference_server.core import Action, Core, HalfClose, Reset, Send, StartTls, Surroundings
from reference_server.gate import Gate, GatedTransport
from reference_server.tls import TlsLayer

log = logging.getLogger(__name__)

MAX_PENDING_OUTPUT_OCTETS = 128 * 1024 * 1024
"""Replies that may wait for a peer that does not read; a core that says more then loses its connection.

One reply may be longer than that: a client that asks for a large mailbox and reads it as it comes gets all of it.
"""

STALLED_S = 120.0
"""How long a peer may take no octet of what waits for it."""

HANDSHAKE_TIMEOUT_S = 30.0
"""How long a TLS handshake may take."""

LINGER_S = 2.0
"""How long a closed session still reads, so that a reset does not overtake the last reply."""

BACKLOG = 1024
"""Connections that the kernel may hold ready."""

_TURNS_TO_WRITE = 3
"""Turns of the event loop until what is said is on the wire: one for a store's commit, one for the loop's own queue."""

MakeCore = Callable[[Surroundings], Core]


class TlsMode(Enum):
    """When TLS begins."""

    NEVER = "no TLS here"
    OFFERED = "the client may ask for it"
    IMPLICIT = "from the first octet (RFC 8314 §3)"


class Connection(asyncio.Protocol):
    """One TCP connection and the core that it runs."""

    def __init__(
        self,
        make_core: MakeCore,
        loop: asyncio.AbstractEventLoop,
        *,
        mode: TlsMode,
        context: ssl.SSLContext | None,
        submission: bool,
        open_connections: set[Connection],
        gate: Gate | None = None,
        admission: Admission | None = None,
    ) -> None:
        self._gate = gate
        self._admission = admission
        self._peer = ""
        self._admitted = True
        self._make_core = make_core
        self._loop = loop
        self._mode = mode
        self._context = context
        self._submission = submission
        self._open = open_connections
        self._thread = threading.get_ident()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._tls: TlsLayer | None = None
        self._timer: asyncio.Handle | None = None
        self._timer_due = 0.0
        self._progress_timer: asyncio.Handle | None = None
        self._closing = False
        self._half_closed = False
        self._gone = False
        self._wake_asked = False
        self._wake_put_off = False
        self._peer_is_behind = False
        self._reading = True
        self._transport: asyncio.Transport
        self._core: Core

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer connected: make its core and let that greet."""
        self._transport = cast("asyncio.Transport", transport)
        if self._gate is not None:
            self._transport = GatedTransport(self._transport, self._gate)
        self._open.add(self)
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peer = str((self._transport.get_extra_info("peername") or ("127.0.0.1",))[0])
        self._admitted = self._admission is None or self._admission.enter(self._peer, self._loop.time())
        self._core = self._make_core(
            Surroundings(
                peer=self._peer,
                tls=self._mode is TlsMode.IMPLICIT,
                tls_available=self._mode is not TlsMode.NEVER,
                submission=self._submission,
                channel_binding=self._channel_binding,
                certificate_names=self._certificate_names,
                log_in_failed=self._log_in_failed,
            )
        )
        # Not every core has something outside to watch; those that do say so by having the attribute.
        if hasattr(self._core, "request_wake"):
            cast("Any", self._core).request_wake = self.request_wake
        if self._mode is TlsMode.IMPLICIT:
            self._begin_tls()
        else:
            self._perform(self._greeting(self._loop.time()))

    def data_received(self, data: bytes) -> None:
        """Octets arrived."""
        if self._closing:
            return
        if self._tls is None:
            self._perform(self._core.receive(data, self._loop.time()))
        else:
            self._receive_tls(self._tls, data)

    def eof_received(self) -> bool:
        """The peer will send no more; what is under way is still written, then the connection closes."""
        return False

    def pause_writing(self) -> None:
        """The peer does not keep up: read no more from it until it does."""
        self._peer_is_behind = True
        self._watch_progress()
        self._pace()

    def resume_writing(self) -> None:
        """The peer caught up."""
        self._peer_is_behind = False
        if self._wake_put_off:
            self._wake_put_off = False
            self.request_wake()
        self._pace()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._gone = self._closing = True
        self._open.discard(self)
        if self._admission is not None and self._admitted:
            self._admission.leave(self._peer)
        self._stop_timer()
        if self._progress_timer is not None:
            self._progress_timer.cancel()
        self._core.disconnected()
        self.lost.set_result(None)

    # Called by anybody.

    def request_wake(self) -> None:
        """Have the core's `wake` called soon. From any thread; several requests may become one call."""
        if self._wake_asked or self._gone:
            return
        self._wake_asked = True
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._wake)
            return
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            # The loop was closed meanwhile, and nobody is left to be woken.
            return

    def say_goodbye(self) -> None:
        """Let the core say that the server is shut down; `abort` is to follow. Only from the loop's own thread."""
        if not self._closing and (self._tls is None or self._tls.established):
            self._perform(self._core.going_down(self._loop.time()))

    def abort(self) -> None:
        """Drop the connection at once. Only from the loop's own thread."""
        self._transport.abort()

    # The rest.

    def _perform(self, actions: list[Action]) -> None:
        if actions and self._peer_is_behind and self._transport.get_write_buffer_size() > MAX_PENDING_OUTPUT_OCTETS:
            log.warning("dropped a peer that does not read its replies")
            self._transport.abort()
            return
        for action in actions:
            if isinstance(action, Send):
                self._write(action.octets)
            elif isinstance(action, StartTls):
                self._begin_tls()
            elif isinstance(action, HalfClose):
                self._half_close()
            elif isinstance(action, Reset):
                self._reset()
                return
            else:
                self._close()
                return
        self._pace()
        self._arm_timer()

    def _pace(self) -> None:
        """Read from the peer, unless it does not read from us or has given the core enough to do."""
        if self._closing:
            # What lingers reads everything and heeds nothing.
            return
        reading = not self._peer_is_behind and not getattr(self._core, "busy", False)
        if reading != self._reading:
            self._reading = reading
            (self._transport.resume_reading if reading else self._transport.pause_reading)()

    def _greeting(self, now: float) -> list[Action]:
        return self._core.connected(now) if self._admitted else self._core.turned_away(now)

    def _write(self, octets: bytes) -> None:
        if self._half_closed:
            return
        if self._tls is None:
            self._transport.write(octets)
        else:
            self._tls.send(octets)
            self._put(self._tls.outgoing())

    def _begin_tls(self) -> None:
        assert self._context is not None, "a core asked for TLS where none is available"
        self._tls = TlsLayer(self._context)
        self._stop_timer()
        self._timer = self._loop.call_later(HANDSHAKE_TIMEOUT_S, self._transport.abort)

    def _channel_binding(self, kind: str) -> bytes | None:
        return None if self._tls is None else self._tls.channel_binding(kind)

    def _certificate_names(self) -> tuple[str, ...]:
        return () if self._tls is None else self._tls.certificate_names()

    def _log_in_failed(self) -> bool:
        return self._admission is not None and self._admission.note_failed_log_in(self._peer, self._loop.time())

    def _receive_tls(self, tls: TlsLayer, data: bytes) -> None:
        was_established = tls.established
        try:
            clear = tls.receive(data)
        except ssl.SSLError as error:
            log.debug("TLS failed: %s", error)
            self._put(tls.outgoing())
            self._linger()
            return
        if outgoing := tls.outgoing():
            self._put(outgoing)
        now = self._loop.time()
        if tls.established and not was_established:
            self._stop_timer()
            self._perform(self._greeting(now) if self._mode is TlsMode.IMPLICIT else self._core.tls_started(now))
        if clear and not self._closing:
            self._perform(self._core.receive(clear, now))
        if tls.ended and not self._closing:
            self._close()

    def _close(self) -> None:
        if self._tls is not None and self._tls.established and not self._half_closed:
            self._tls.close()
            self._put(self._tls.outgoing())
        self._linger()

    def _put(self, octets: bytes) -> None:
        # What TLS still has to say after the end of our stream, such as an alert, is lost.
        if not self._half_closed:
            self._transport.write(octets)

    def _half_close(self) -> None:
        if self._tls is not None:
            self._tls.close()
            self._put(self._tls.outgoing())
        self._half_closed = True
        self._transport.write_eof()

    def _reset(self) -> None:
        self._closing = True
        self._stop_timer()
        linger_not_at_all = struct.pack("ii", 1, 0)
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not_at_all)
        # The loop puts what was written before on the wire first.
        self._loop.call_soon(self._transport.abort)

    def _linger(self) -> None:
        self._closing = True
        self._stop_timer()
        if self._transport.is_closing():
            return
        # Closing with octets unread makes the kernel send a reset, which may destroy the reply on its way.
        self._transport.write_eof()
        self._transport.resume_reading()
        self._timer = self._loop.call_later(LINGER_S, self._leave)

    def _leave(self) -> None:
        if self._transport.get_write_buffer_size():
            self._watch_progress()
        self._transport.close()

    def _watch_progress(self) -> None:
        """Drop the connection if the peer takes nothing of what waits for it."""
        if self._progress_timer is None:
            waiting = self._transport.get_write_buffer_size()
            self._progress_timer = self._loop.call_later(STALLED_S, self._drop_if_stalled, waiting)

    def _drop_if_stalled(self, waited: int) -> None:
        self._progress_timer = None
        waiting = self._transport.get_write_buffer_size()
        if waiting >= waited:
            log.warning("dropped a peer that stopped reading")
            self._transport.abort()
        elif waiting:
            self._watch_progress()

    def _arm_timer(self) -> None:
        if self._closing or (self._tls is not None and not self._tls.established):
            return
        deadline = self._core.deadline
        if deadline is None or (self._timer is not None and self._timer_due <= deadline):
            # An earlier timer finds out for itself that it is too early: cheaper than a new one for each command.
            return
        self._stop_timer()
        self._timer, self._timer_due = self._loop.call_at(deadline, self._time_is_up), deadline

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        self._timer = None
        deadline = self._core.deadline
        now = self._loop.time()
        if deadline is not None and deadline <= now:
            self._perform(self._core.timer(now))
        else:
            self._arm_timer()

    def _wake(self) -> None:
        self._wake_asked = False
        if self._peer_is_behind:
            # More would only pile up.
            self._wake_put_off = True
        elif not self._closing:
            self._perform(self._core.wake(self._loop.time()))


class Listener:
    """A listening socket and the connections it took. All methods run in the loop's own thread."""

    def __init__(self, server: asyncio.Server, connections: set[Connection]) -> None:
        self._server = server
        self._connections = connections
        self.port: int = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop every connection; whoever reads at once learns why (RFC 5321 §3.8)."""
        self._server.close()
        for connection in list(self._connections):
            connection.say_goodbye()
        for _ in range(_TURNS_TO_WRITE):
            await asyncio.sleep(0)
        for connection in list(self._connections):
            connection.abort()
        # On return every core has been told, so that locks and watchers are released.
        await asyncio.gather(*(connection.lost for connection in list(self._connections)))
        await self._server.wait_closed()


async def listen(
    make_core: MakeCore,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    mode: TlsMode = TlsMode.OFFERED,
    context: ssl.SSLContext | None = None,
    submission: bool = False,
    allow_remote: bool = False,
    gate: Gate | None = None,
    admission: Admission | None = None,
) -> Listener:
    """Listen on `host` and `port` (0: the kernel chooses) and run a core on every connection, through a gate if given.

    `admission` says who may connect; several listeners can share one.

    Raises:
        ValueError: the host is not a loopback address and `allow_remote` was not given.
        OSError: the port is taken.
    """
    if not allow_remote and not is_loopback(host):
        raise ValueError(f"{host} is not a loopback address; listening there has to be allowed explicitly")
    loop = asyncio.get_running_loop()
    connections: set[Connection] = set()

    def make_connection() -> Connection:
        return Connection(
            make_core,
            loop,
            mode=mode,
            context=context,
            submission=submission,
            open_connections=connections,
            gate=gate,
            admission=admission,
        )

    server = await loop.create_server(make_connection, host, port, backlog=BACKLOG)
    return Listener(server, connections)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop of uvloop where that is installed, else of asyncio."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
