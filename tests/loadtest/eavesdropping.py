"""A reference server of IMAP that keeps what clients say to it, and may offer less than it can."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import reference_server.smtp.faults  # noqa: F401 - registers the faults
from reference_server.core import Action
from reference_server.imap.core import ImapCore
from reference_server.imap.literals import RawCommand
from reference_server.registry import FAULTS
from reference_server.running import RunningServer, default_cores, running_server

PROTOCOLS = ("smtp", "lmtp", "imap")


@dataclass(slots=True)
class Overheard:
    """What was said in each session, without tags and what follows a literal."""

    server: RunningServer
    sessions: list[list[str]] = field(default_factory=list)

    def of(self, word: str) -> list[list[str]]:
        """The sessions in which a command begins so."""
        return [said for said in self.sessions if any(command.startswith(word) for command in said)]


@contextmanager
def overheard(
    *, base: type[ImapCore] = ImapCore, without: Collection[bytes] = (), fault: str | None = None
) -> Iterator[Overheard]:
    """A server that takes mail in and gives it out; its IMAP is of this class, and does not tell of these offers.

    Its SMTP may have a fault.
    """
    sessions: list[list[str]] = []

    class Eavesdropping(base):  # type: ignore[valid-type, misc]
        def connected(self, now: float) -> list[Action]:
            self.said: list[str] = []
            sessions.append(self.said)
            actions: list[Action] = super().connected(now)
            return actions

        def on_command(self, raw: RawCommand) -> None:
            self.said.append(raw.lines[0].decode("ascii", "replace").rstrip("\r\n").partition(" ")[2])
            super().on_command(raw)

        def capabilities(self) -> list[bytes]:
            return [name for name in super().capabilities() if name not in without]

    cores = default_cores() | {"imap": Eavesdropping}
    if fault is not None:
        cores["smtp"] = FAULTS[fault].core
    with running_server(protocols=PROTOCOLS, cores=cores) as server:
        yield Overheard(server, sessions)
