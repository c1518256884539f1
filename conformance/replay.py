"""`mailspec replay`: sending a recorded finding's octets to a server again, without the suite."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from conformance.errors import HarnessError, UsageError
from conformance.secrets import restore
from conformance.target import Account, Endpoint, parse_url
from conformance.wire.connection import CONNECTS, Connection, Patience
from conformance.wire.errors import ClosedError, ConnectError, NoReplyError, SilenceError, TlsError
from conformance.wire.transcript import Transcript
from reports.octets import visible
from reports.records import CheckResult, Direction, Event

PATIENCE = Patience(connect_s=5.0, reply_s=3.0)


def replay(
    result: CheckResult, endpoint: Endpoint, accounts: Iterable[Account], *, beyond_loopback: bool = False
) -> Iterator[str]:
    """Send what the judge sent, in its order, and yield lines that show both sides.

    Sessions that went to the judged endpoint go to `endpoint`; those with further endpoints go where they went. Where
    the judge received something before it sent more, the replay waits for octets too, for some seconds.

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
    connections: dict[int, Connection] = {}
    try:
        for event in result.transcript:
            if event.session == 0:
                yield f"   {event.note}"
                continue
            if event.session not in connections:
                connections[event.session] = _open(endpoints.get(event.session, endpoint))
            yield from _step(connections[event.session], event, known)
    finally:
        for connection in connections.values():
            connection.close()


def _endpoint_of(url: str, judged: str, instead: Endpoint) -> Endpoint:
    return instead if url == judged else parse_url(url)[0]


def _open(endpoint: Endpoint) -> Connection:
    try:
        return Connection.open(
            endpoint.host,
            endpoint.port,
            Transcript(),
            patience=PATIENCE,
            implicit_tls=endpoint.means.implicit_tls,
        )
    except ConnectError as error:
        raise HarnessError(str(error)) from error


def _step(connection: Connection, event: Event, accounts: list[Account]) -> Iterator[str]:
    label = f"{event.session}" if event.session > 1 else " "
    if event.direction is Direction.NOTE:
        if event.note.startswith("TLS starts") and not connection.secured:
            with contextlib.suppress(TlsError):
                connection.start_tls()
        yield f"{label}  {event.note}"
    elif event.direction is Direction.SENT:
        yield f"{label}> {visible(event.octets)}"
        with contextlib.suppress(ClosedError):
            connection.send(restore(event.octets, accounts))
    else:
        yield f"{label}< {_answer(connection, len(event.octets))}"


def _answer(connection: Connection, octets: int) -> str:
    """What the server says: as many octets as it did then, or what comes until it is silent or gone."""
    got = b""
    ending = ""
    try:
        deadline = connection.deadline()
        while len(got) < octets:
            got += connection.receive(deadline)
    except SilenceError:
        ending = " (and no more)"
    except NoReplyError as error:
        ending = f" ({error.what})"
    return visible(got) + ending
