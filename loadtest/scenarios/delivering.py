"""The `delivery` scenario: SMTP or LMTP in, IMAP IDLE out, and the time that the whole way takes."""

from __future__ import annotations

from typing import Any, ClassVar

from loadtest.desk import Desk
from loadtest.scenarios.submitting import TransmittingUser
from loadtest.scenarios.watching import Reader


class DeliveringUser(TransmittingUser):
    """Hands in a message, and waits until the reader of its mailbox has it."""

    abstract = False
    pools_sessions = True
    role = "inbound"
    _readers: ClassVar[dict[tuple[Desk, str], Reader]] = {}

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        mailbox = self._read[0]
        self._reader = self._readers.setdefault((self.desk, mailbox), Reader(self.desk, mailbox))

    def on_start(self) -> None:
        """Hand in nothing before somebody watches."""
        self._reader.enter()
        self._reader.wait_until_ready()

    def on_stop(self) -> None:
        """The last one sends the reader home."""
        try:
            super().on_stop()
        finally:
            self._reader.leave()

    def accepted(self, due: float, number: int, *, octets: int, submit_s: float, now: float) -> None:
        """The server has the message; the operation ends when the reader has it, too."""
        self.desk.books.latency("submit", submit_s)
        within_s = self.desk.plan.late_after_s
        arrived = self._reader.arrival_of(number, within_s=within_s)
        if arrived is None:
            self.desk.books.fail(phase="delivery", kind=f"not there after {within_s:g} s", now=now + within_s)
            self.had_trouble()
            return
        self.done(due, took_s=arrived - (now - submit_s), octets=octets, messages=1)
