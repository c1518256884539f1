"""The `imap-idle` scenario: a fleet of mail programs that wait to be told of mail (RFC 2177)."""

from __future__ import annotations

import time
from typing import Any

from loadtest.imap_client import ImapSession
from loadtest.session import LoadError
from loadtest.users import FedUser

IDLE_S = 29 * 60.0
"""How long IDLE lasts before it is entered anew (RFC 2177 §3)."""


class IdlingUser(FedUser):
    """Has INBOX open and idles. An operation is a push: that something new is there."""

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._session: ImapSession | None = None

    def turn(self, due: float) -> None:
        """Idle until IDLE is to be entered anew, and time each push."""
        try:
            session = self._session
            if session is None or not session.is_open:
                session = self._session = self.desk.dial(ImapSession, "imap", self.persona.account)
                session.select("INBOX")
            with session.idle() as idling:
                self.went_well()
                until = time.perf_counter() + IDLE_S
                while (left_s := until - time.perf_counter()) > 0:
                    told = idling.wait(left_s)
                    if any(response.name == b"EXISTS" for response in told):
                        self._pushed(time.perf_counter())
        except LoadError as error:
            # Whoever is not waiting is told of nothing: that is an operation that failed.
            self.desk.books.attempt()
            self.not_done(due, error)
            self._drop()

    def on_stop(self) -> None:
        """Go without a word: ten thousand farewells would take longer than the end of a run may."""
        self._drop()
        super().on_stop()

    def _pushed(self, now: float) -> None:
        post = self.feeder.newest.get(self.mailbox) if self.feeder is not None else None
        books = self.desk.books
        books.attempt()
        # Some are told before the sender is: then they did not wait at all.
        took_s = 0.0 if post is None or post.accepted is None else max(now - post.accepted, 0.0)
        books.done(octets=0, took_s=took_s, now=now)
        self.report("push", seconds=took_s, octets=0)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
