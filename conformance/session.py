"""What the judge's sessions of all three protocols share: reading with deadlines, and the always-on oracles' hooks.

A session is a context manager. Left in good order it is finished: one NOOP must get exactly one answer, and the
protocol's own farewell follows. Left by an exception, or after `drop`, it is simply closed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

from conformance.errors import InconclusiveError
from conformance.target import Account, Endpoint
from conformance.wire.connection import Connection
from conformance.wire.errors import ClosedError, NoReplyError, SilenceError
from conformance.wire.segmentation import WHOLE
from reports.records import TlsRecord

FAREWELL_S = 2.0
"""How long the judge waits for a server to close after its farewell; nothing is held against one that lingers."""


class Watcher(Protocol):
    """Where sessions report what the always-on oracles see (`conformance.oracles`)."""

    def deviation(self, protocol: str, kind: str, meaning: str, raw: bytes) -> None:
        """A reply's form broke the grammar."""

    def desynchronised(self, protocol: str, expected: str, got: str) -> None:
        """A command did not get exactly one answer."""

    def looked(self, protocol: str, oracle: str) -> None:
        """An oracle had something to look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What discovery learnt of one endpoint. Capability names are upper case; values are their parameters, as sent."""

    greeting: bytes = b""
    capabilities: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    capabilities_under_tls: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    demands_tls: bool = False
    log_in: str = ""
    """Empty where the first account could log in, else why not."""
    unfinished: str = ""
    """Empty where the server answered all that discovery asked, else where it stopped."""
    tls: TlsRecord | None = None
    """What the handshake showed, where there was one."""

    def offers(self, name: str) -> bool:
        """Whether the capability is advertised, before or under TLS.

        Raises:
            InconclusiveError: it was not, but the server did not answer all that discovery asked.
        """
        found = name in self.capabilities or name in self.capabilities_under_tls
        if not found and self.unfinished:
            raise InconclusiveError(f"whether {name} is offered is not known: {self.unfinished}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a session knows of the system around it."""

    endpoint: Endpoint
    facts: Facts
    watcher: Watcher
    account: Account | None = None
    recipient: str | None = None
    sender: str = ""


@contextmanager
def setting_up(what: str) -> Iterator[None]:
    """While a check is being set up, a missing answer is nobody's violation.

    Raises:
        InconclusiveError: no reply came; the text says to what.
    """
    try:
        yield
    except NoReplyError as error:
        raise InconclusiveError(f"{what}: {error.what}") from error


class Session:
    """One connection to one endpoint. Subclasses add the protocol's commands."""

    protocol: str

    def __init__(self, connection: Connection, setting: Setting) -> None:
        self.connection = connection
        self.setting = setting
        self._dropped = False

    # -- life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and not self._dropped and not self.connection.closed_by_peer:
                self._finish()
        finally:
            self.connection.close()

    def drop(self) -> None:
        """Close without farewell, now; nothing is judged about the end of this session."""
        self._dropped = True
        self.connection.close()

    def abandon(self) -> None:
        """Do not judge the end of this session: the check leaves it in the middle of something on purpose."""
        self._dropped = True

    @property
    def turned_away(self) -> bool:
        """Whether the greeting refused service for good, in a protocol in which the session then goes on."""
        return False

    @property
    def secured(self) -> bool:
        """Whether TLS is on."""
        return self.connection.secured

    # -- octets ---------------------------------------------------------------------------------------------------

    def send(self, octets: bytes) -> None:
        """Send octets as they are. That the peer has closed is left to the next read, which may still get its reply."""
        with contextlib.suppress(ClosedError):
            self.connection.send(octets)

    def send_segment(self, octets: bytes) -> None:
        """Send octets in one TCP segment, whatever `--segment` says."""
        with contextlib.suppress(ClosedError):
            self.connection.send_segment(octets)

    @contextmanager
    def uncut(self) -> Iterator[None]:
        """Send whole inside, whatever `--segment` says: for set-ups, whose octets are not what is judged."""
        segmentation, self.connection.segmentation = self.connection.segmentation, WHOLE
        try:
            yield
        finally:
            self.connection.segmentation = segmentation

    def _farewell(self) -> str:
        """Read to the end of the stream after the farewell was answered; what else the server said, as text."""
        extra = b""
        deadline = self.connection.deadline(min(FAREWELL_S, self.connection.patience.reply_s))
        try:
            while len(extra) < 4096:
                extra += self.connection.receive(deadline)
        except (ClosedError, SilenceError):
            pass
        return extra.decode("ascii", "backslashreplace")

    def _finish(self) -> None:
        """The synchrony oracle: what `_last_words` sends must get its answers and no octet more."""
        try:
            self._last_words()
        except InconclusiveError:
            return
        except ClosedError:
            # A server may hang up at any time (RFC 5321 §3.8 and its like); it then answered nothing wrongly.
            return
        except NoReplyError as error:
            self.setting.watcher.desynchronised(self.protocol, "one answer to a NOOP", f"{error.what}")
            return
        extra = self._pending() + self._farewell().encode()
        self.setting.watcher.looked(self.protocol, "synchrony")
        if extra:
            self.setting.watcher.desynchronised(
                self.protocol,
                "exactly one answer to each command",
                "also " + extra[:400].decode("ascii", "backslashreplace"),
            )

    def open(self) -> None:
        """Read the greeting.

        Raises:
            InconclusiveError: none came, or it refuses service.
        """
        raise NotImplementedError

    def _last_words(self) -> None:
        """Send a NOOP and the farewell, and read one answer to each."""
        raise NotImplementedError

    def _pending(self) -> bytes:
        """Octets that the reader holds and nobody asked for."""
        raise NotImplementedError
