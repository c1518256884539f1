"""What the load clients of all protocols share: connect, TLS, deadlines, octet budgets, and how a session can fail.

Plain blocking sockets, which gevent makes cooperative; a deadline on every wait and a limit on every reply. Sessions
have slots and no objects they do not need: ten thousand of them may lie idle in one process.
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from conformance.wire.connection import client_tls
from loadtest.clients.judging import ReplyJudge
from loadtest.plan import Patience, Route
from loadtest.target import TlsUse

Done = TypeVar("Done")

Record = Callable[[str, float], None]
"""Is told of a phase and of the seconds that it took."""


class LoadError(Exception):
    """An operation did not go through. `phase` is where."""

    def __init__(self, phase: str, what: str) -> None:
        super().__init__(f"{phase}: {what}")
        self.phase = phase
        self.what = what


class RefusedError(LoadError):
    """The server said no. `code` is its own word for it: `450`, `-ERR`, `NO`, `BAD`, `BYE`.

    The session can go on unless it is closed (`is_open`), as it is after 421 and BYE.
    """

    def __init__(self, phase: str, code: str, reply: bytes) -> None:
        super().__init__(phase, reply.decode("ascii", "backslashreplace").strip())
        self.code = code


class BrokenError(LoadError):
    """There was no reply, or none that a client can make sense of. The session is over. `what` names the kind."""


class MissingOfferError(LoadError):
    """The server does not offer what the run needs."""


class Session(ABC):
    """One open connection and the replies that have arrived on it.

    A subclass reads its protocol's replies in `_take_in`, which puts them into `_ready`, and sets a session up in
    `_set_up`. Where there is a `judge`, it is asked about every reply and given the octets of those that it samples.
    """

    __slots__ = ("_patience", "_ready", "_record", "_secured", "_sock", "judge")

    CHUNK_OCTETS: ClassVar[int] = 16_384
    REPLY_OCTETS: ClassVar[int] = 65_536
    """Octets of one reply after which the client stops listening."""

    def __init__(self, sock: socket.socket, patience: Patience, record: Record) -> None:
        self._sock = sock
        self._patience = patience
        self._record = record
        self._ready: deque[Any] = deque()
        self._secured = False
        self.judge: ReplyJudge | None = None

    @classmethod
    def open(cls, route: Route, record: Record, *, judge: ReplyJudge | None = None) -> Self:
        """Connect, be greeted, secure the session and log in as the route says.

        Raises:
            RefusedError: the server refused a step.
            BrokenError: a step got no intelligible answer.
            MissingOfferError: the server offers no TLS, or no mechanism to log in by.
        """
        began = time.perf_counter()
        try:
            sock = socket.socket(route.address.family, socket.SOCK_STREAM)
        except OSError as error:
            # Too many open files, most likely.
            raise BrokenError("connect", kind_of(error)) from error
        try:
            sock.settimeout(route.patience.connect_s)
            sock.connect(route.address.sockaddr)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Set once: every wait that is answered in one piece needs no other deadline.
            sock.settimeout(route.patience.reply_s)
        except OSError as error:
            sock.close()
            raise BrokenError("connect", kind_of(error)) from error
        except BaseException:
            sock.close()
            raise
        record("connect", time.perf_counter() - began)
        session = cls(sock, route.patience, record)
        session.judge = judge
        try:
            if route.implicit_tls:
                session._handshake(time.perf_counter())
            session._set_up(route)
        except BaseException:
            session.close()
            raise
        return session

    @abstractmethod
    def _set_up(self, route: Route) -> None:
        """Everything from the greeting to the log-in."""

    @abstractmethod
    def _take_in(self, phase: str, octets: bytes) -> None:
        """Put the replies in what arrived into `_ready`; the same ones however the octets were cut."""

    @property
    def is_open(self) -> bool:
        """Whether the session can go on."""
        return self._sock.fileno() >= 0

    def close(self) -> None:
        """Close without another word."""
        self._sock.close()

    # -- TLS ---------------------------------------------------------------------------------------------------------

    def _wants_tls(self, route: Route, *, command: str, offered: bool, takes_passwords: bool) -> bool:
        """Whether the session is to be secured now by `command` (STARTTLS or STLS).

        `takes_passwords` tells whether the server takes one in clear.
        """
        if self._secured or route.tls is TlsUse.NEVER:
            return False
        if route.tls is TlsUse.ALWAYS:
            if not offered:
                raise MissingOfferError("tls", f"the server does not offer {command}")
            return True
        if route.account is None:
            return False
        # A password goes in clear only where the octets never leave this machine and the server itself wants it so.
        if not offered and not route.address.is_loopback:
            raise MissingOfferError("tls", f"no {command} here, and a password does not cross a network in clear")
        return offered and not (takes_passwords and route.address.is_loopback)

    def _handshake(self, began: float) -> None:
        """Secure the connection; the time since `began` counts as `tls`."""
        try:
            self._sock = secured = client_tls().wrap_socket(self._sock, do_handshake_on_connect=False)
            secured.settimeout(0.0)
            by_deadline(secured, time.perf_counter() + self._patience.reply_s, secured.do_handshake)
            secured.settimeout(self._patience.reply_s)
        except (OSError, ValueError) as error:
            what = "timeout" if isinstance(error, TimeoutError) else "handshake failed"
            self._break("tls", what, error)
        self._secured = True
        self._record("tls", time.perf_counter() - began)

    # -- octets ------------------------------------------------------------------------------------------------------

    def _send(self, phase: str, octets: bytes) -> None:
        try:
            self._sock.sendall(octets)
        except OSError as error:
            self._break(phase, kind_of(error), error)

    def _receive(self, phase: str, within_s: float) -> None:
        """Wait until at least one reply is ready."""
        deadline = time.perf_counter() + within_s
        received = 0
        while True:
            try:
                octets = self._some(deadline)
            except OSError as error:
                self._break(phase, kind_of(error), error)
            if not octets:
                self._break(phase, "closed", None)
            received += len(octets)
            self._take_in(phase, octets)
            if self._ready:
                if received > len(octets):
                    self._sock.settimeout(self._patience.reply_s)
                return
            if received > self.REPLY_OCTETS:
                self._break(phase, "endless reply", None)
            # Only a reply that comes in pieces needs more than the socket's own time-out, which each piece renews.
            left_s = deadline - time.perf_counter()
            if left_s <= 0:
                self._break(phase, "timeout", None)
            self._sock.settimeout(left_s)

    def _some(self, deadline: float) -> bytes:
        """The next octets, by the deadline and within the socket's own time-out; none where the server has closed."""
        sock = self._sock
        if not self._secured:
            return sock.recv(self.CHUNK_OCTETS)
        within_s = sock.gettimeout()
        try:
            sock.settimeout(0.0)
            return by_deadline(sock, deadline, lambda: sock.recv(self.CHUNK_OCTETS))
        finally:
            sock.settimeout(within_s)

    def _break(self, phase: str, what: str, cause: BaseException | None) -> NoReturn:
        self.close()
        raise BrokenError(phase, what) from cause


def by_deadline(sock: socket.socket, deadline: float, step: Callable[[], Done]) -> Done:
    """A step of TLS, a handshake or a read, on a socket that does not block: done by then, on the monotonic clock.

    A time-out of the socket's own would do under the standard library alone. gevent begins it anew with each piece that
    comes, so that a server which sends an octet of a record now and then could make one step last forever.

    Raises:
        TimeoutError: it was not done in time.
        OSError: it failed.
    """
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            wanted = select.POLLIN
        except ssl.SSLWantWriteError:
            wanted = select.POLLOUT
        left_s = deadline - time.perf_counter()
        if left_s <= 0:
            raise TimeoutError("timed out")
        # select() knows no descriptors beyond 1023.
        waiting = select.poll()
        waiting.register(sock, wanted)
        waiting.poll(left_s * 1000)


def kind_of(error: OSError) -> str:
    """A few words that name what happened, the same for every connection: they are counted."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)):
        return "reset"
    if isinstance(error, ssl.SSLError):
        return "TLS broke"
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
