"""A finding as a standalone Python script: standard library only, sends the recorded octets, shows what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from reports.endpoints import host_and_port
from reports.octets import printable
from reports.records import CheckResult, Direction, Event

CONNECT_REMARK = "connects to "
"""How the remark begins that names the URL of a session."""

TLS_REMARK = "TLS starts"
"""How the remark begins by which a transcript says that a handshake took place."""

END_REMARKS = {
    "closes the connection": "close",
    "resets the connection": "reset",
    "closes its sending side": "finish",
}
"""The remarks by which a transcript says that the judge ended a session, and what the script does for each."""

_TEMPLATE = Path(__file__).with_name("templates") / "replay_finding.py.txt"


def script_of(result: CheckResult) -> str:
    """The script for one result.

    Everything recorded enters it as a literal of pure ASCII, so that no word of the server's can become code.

    Raises:
        ValueError: the result has no octets that were sent.
    """
    if not any(event.direction is Direction.SENT for event in result.transcript):
        raise ValueError(f"{result.check} has no recorded octets to send")
    host, port = host_and_port(result.url)
    constants = {
        "CHECK": ascii(printable(result.check)),
        "TITLE": ascii(printable(result.title)),
        "EXPECTED": ascii(printable(result.expected)),
        "GOT": ascii(printable(result.got)),
        "HOST": ascii(host or "127.0.0.1"),
        "PORT": str(port),
        "STEPS": "[\n" + "".join(f"    {step},\n" for step in _steps(result.transcript)) + "]",
    }
    # One pass over the lines of the template: what was filled in is never looked at again.
    return "".join(
        f"{name} = {constants[name]}\n" if (name := line.strip().strip("@")) in constants and line[0] == "@" else line
        for line in _TEMPLATE.read_text(encoding="utf-8").splitlines(keepends=True)
    )


def _steps(transcript: Iterable[Event]) -> Iterator[str]:
    for (session, direction), neighbours in groupby(transcript, key=lambda event: (event.session, event.direction)):
        events = list(neighbours)
        if direction is Direction.RECEIVED:
            # How the network cut an answer will not come again; how the judge cut what it sent may be the point.
            yield f"({session}, 'await', {b''.join(event.octets for event in events)!r})"
            continue
        for event in events:
            if direction is Direction.SENT:
                yield f"({session}, 'send', {event.octets!r})"
            else:
                yield f"({session}, {_action(event.note)})"


def _action(note: str) -> str:
    if note.startswith(CONNECT_REMARK):
        return f"'connect', {host_and_port(note.removeprefix(CONNECT_REMARK))!a}"
    if note in END_REMARKS:
        return f"{END_REMARKS[note]!r}, {note!a}"
    return f"{'tls' if note.startswith(TLS_REMARK) else 'remark'!r}, {printable(note)!a}"
