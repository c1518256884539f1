"""`mailspec replay`: sending a recorded finding's octets to a server again, without the suite."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence

from conformance.errors import HarnessError, UsageError
from conformance.secrets import redact, restore
from conformance.target import Account, Endpoint, parse_url
from conformance.wire.connection import CLOSES, CONNECTS, HALF_CLOSES, RESETS, Connection, Patience
from conformance.wire.errors import ConnectError, NoReplyError, SilenceError
from conformance.wire.segmentation import CUTS_INTO, WHOLE, Cuts, Segmentation
from conformance.wire.transcript import Transcript
from reports.octets import printable, visible
from reports.records import CheckResult, Direction, Event

PATIENCE = Patience(connect_s=5.0, reply_s=3.0)

REST_S = 0.5
"""How long the replay listens after its last step for what else the server says."""

QUIET_S = 0.03
"""How long the server must be quiet for its answer to be taken as complete, once it has as many lines as then."""

MOST_APART_S = 1.0
"""The longest pause between two segments of one side that is made again."""

MOST_OCTETS = 1 << 20
"""Octets of one answer that are read and shown."""


def replay(
    result: CheckResult,
    endpoint: Endpoint,
    accounts: Iterable[Account],
    *,
    beyond_loopback: bool = False,
    patience: Patience = PATIENCE,
) -> Iterator[str]:
    """Send what the judge sent, in its order and cut as it was, and yield lines that show both sides.

    Sessions that went to the judged endpoint go to `endpoint`; those with further endpoints go where they went. Where
    the judge received something before it sent more, the replay waits for as many lines, for some seconds.

    Raises:
        UsageError: the result has no transcript, or an endpoint is not on this machine and that was not allowed.
        HarnessError: a server cannot be reached.
    """
    if not any(event.direction is Direction.SENT for event in result.transcript):
        raise UsageError(f"{result.check} has no recorded octets to send")
    known = list(accounts)
    endpoints = {
        event.session: _endpoint_of(event.note.removeprefix(CONNECTS), result.url, endpoint)
        for event in result.transcript
        if event.direction is Direction.NOTE and event.note.startswith(CONNECTS)
    }
    for used in {endpoint, *endpoints.values()}:
        if not used.is_loopback and not beyond_loopback:
            raise UsageError(f"{used} is beyond this machine: add --i-own-this-server if it is yours")
    return _steps(result.transcript, endpoint, endpoints, known, patience)


def _steps(
    transcript: Sequence[Event],
    endpoint: Endpoint,
    endpoints: dict[int, Endpoint],
    accounts: list[Account],
    patience: Patience,
) -> Iterator[str]:
    links: dict[int, _Link] = {}
    segmentation: Segmentation = WHOLE
    try:
        for number, event in enumerate(transcript):
            if event.session == 0:
                segmentation = _segmentation(event.note) or segmentation
                yield f"   then: {printable(event.note)}"
                continue
            if event.session not in links:
                where = endpoints.get(event.session, endpoint)
                links[event.session] = _Link(where, segmentation, accounts, patience)
            label = f"{event.session}" if event.session > 1 else " "
            after = next((later for later in transcript[number + 1 :] if later.session == event.session), None)
            more = after is not None and after.direction is Direction.RECEIVED
            yield f"{label}{links[event.session].step(event, more_follows=more)}"
        for session, link in links.items():
            if link.ended:
                continue
            label = f"{session}" if session > 1 else " "
            yield f"{label}< {link.rest()}   after the last step"
    finally:
        for link in links.values():
            link.connection.close()


def _endpoint_of(url: str, judged: str, instead: Endpoint) -> Endpoint:
    return instead if url == judged else parse_url(url)[0]


def _segmentation(note: str) -> Segmentation | None:
    """The segmentation that a note tells of, if it does."""
    lengths = [int(digits) for digits in re.findall(r"[0-9]{1,6}", note)] if note.startswith(CUTS_INTO) else []
    return Cuts(lengths) if lengths and min(lengths) > 0 else None


class _Link:
    """A connection, and what it has received beyond what the steps so far asked for."""

    def __init__(
        self, endpoint: Endpoint, segmentation: Segmentation, accounts: list[Account], patience: Patience
    ) -> None:
        try:
            self.connection = Connection.open(
                endpoint.host,
                endpoint.port,
                Transcript(most_octets=0),
                patience=patience,
                segmentation=segmentation,
                implicit_tls=endpoint.means.implicit_tls,
                address=endpoint.address,
            )
        except ConnectError as error:
            raise HarnessError(str(error)) from error
        self._endpoint = endpoint
        self._accounts = accounts
        self.ended = False
        """Whether the judge closed it then, and so the replay did."""
        self._pending = b""
        self._last: Event | None = None

    def step(self, event: Event, *, more_follows: bool) -> str:
        """Do what the event says; what to show of it. `more_follows`: the next that was seen is an answer too."""
        last, self._last = self._last, event
        if event.direction is Direction.SENT:
            if last is not None and last.direction is Direction.SENT:
                # Segments that the judge kept apart on purpose.
                time.sleep(min(max(event.at_s - last.at_s, 0.0), MOST_APART_S))
            return f"> {visible(event.octets)}{self._send(restore(event.octets, self._accounts))}"
        if event.direction is Direction.RECEIVED:
            return f"< {self._answer_like(event.octets, whole=not more_follows)}"
        if event.note.startswith(CONNECTS):
            return f"  {CONNECTS}{self._endpoint}"
        self.ended = event.note in (CLOSES, RESETS)
        if event.note == CLOSES:
            self.connection.close()
        elif event.note == RESETS:
            self.connection.reset()
        elif event.note == HALF_CLOSES:
            with contextlib.suppress(NoReplyError):
                self.connection.half_close()
        elif event.note.startswith("TLS starts") and not self.connection.secured:
            return f"  {printable(event.note)}{self._start_tls()}"
        return f"  {printable(event.note)}"

    def _send(self, octets: bytes) -> str:
        try:
            self.connection.send(octets)
        except NoReplyError as error:
            return f" ({error.what})"
        return ""

    def _start_tls(self) -> str:
        try:
            self.connection.start_tls()
        except NoReplyError as error:
            return f" ({error.what})"
        return ""

    def _answer_like(self, recorded: bytes, *, whole: bool) -> str:
        """As many lines as were recorded, or what came before the server fell silent or closed.

        Lines are counted and not octets: a greeting with the time of day has another length every day. Where the judge
        then spoke, it had read a `whole` answer, so that what is beyond those lines belongs to it as well.
        """
        lines = recorded.count(b"\n")
        ending = ""
        deadline = self.connection.deadline()
        try:
            while self._pending.count(b"\n") < lines or (not lines and len(self._pending) < len(recorded)):
                if len(self._pending) > MOST_OCTETS:
                    ending = " (and more than is read here)"
                    break
                self._pending += self.connection.receive(deadline)
            while whole and not ending:
                self._pending += self.connection.receive(min(deadline, self.connection.deadline(QUIET_S)))
                if len(self._pending) > MOST_OCTETS:
                    ending = " (and more than is read here)"
        except SilenceError:
            ending = "" if self._pending.count(b"\n") >= lines and self._pending else " (and no more)"
        except NoReplyError as error:
            ending = f" ({error.what})"
        end = len(self._pending) if whole else _end_of_lines(self._pending, lines)
        answer, self._pending = self._pending[:end], self._pending[end:]
        return self._shown(answer) + ending

    def rest(self) -> str:
        """Whatever else the server says in a while."""
        ending = "(then more than is read here)"
        deadline = self.connection.deadline(REST_S)
        try:
            while len(self._pending) <= MOST_OCTETS:
                self._pending += self.connection.receive(deadline)
        except SilenceError:
            ending = "(then silence)"
        except NoReplyError as error:
            ending = f"({error.what})"
        return f"{self._shown(self._pending)} {ending}".strip()

    def _shown(self, octets: bytes) -> str:
        return visible(redact(octets, self._accounts))


def _end_of_lines(octets: bytes, lines: int) -> int:
    """Where so many lines end; the end of all where there are fewer, or none is asked for."""
    end = 0
    for _ in range(lines):
        found = octets.find(b"\n", end) + 1
        if not found:
            return len(octets)
        end = found
    return end or len(octets)
