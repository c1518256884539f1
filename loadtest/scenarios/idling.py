"""The `imap-idle` scenario: a fleet of mail programs that wait to be told of mail (RFC 2177)."""

from __future__ import annotations

import time
from typing import Any

from loadtest.clients.imap_client import LONGEST_IDLE_S, ImapSession
from loadtest.clients.session import LoadError
from loadtest.outbox import Post
from loadtest.users import FedUser, ImapUser


class IdlingUser(ImapUser, FedUser):
    """Has INBOX open and idles. An operation is a push: that something new is there."""

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._exists = 0
        self._heard = 0
        """Of the messages that were sent to this mailbox, how many this client has been told of."""

    def turn(self, due: float) -> None:
        """Idle until IDLE is to be entered anew, and time each push."""
        try:
            session = self.open_session()
            with session.idle() as idling:
                self.went_well()
                until = time.perf_counter() + LONGEST_IDLE_S
                while (left_s := until - time.perf_counter()) > 0:
                    idling.wait(left_s)
                    now = time.perf_counter()
                    # A server may say the same number again, and a smaller one after messages went.
                    for _ in range(session.exists - self._exists):
                        self._pushed(now)
                    self._exists = session.exists
        except LoadError as error:
            # Whoever is not waiting is told of nothing: that is an operation that failed.
            self.desk.books.attempt()
            self.not_done(due, error)
            self.drop_session()

    def begin(self, session: ImapSession) -> None:
        """Open INBOX; what is there already is no news."""
        self._heard = len(self._posts)
        self._exists = session.select("INBOX").exists

    def on_stop(self) -> None:
        """What was taken long ago and never told of is a push that failed."""
        now, books = time.perf_counter(), self.desk.books
        for post in self._posts[self._heard :]:
            if post.accepted is not None and now - post.accepted > self.desk.plan.late_after_s:
                books.attempt()
                books.fail(phase="push", kind="never told", now=now)
        super().on_stop()

    @property
    def _posts(self) -> list[Post]:
        return self.feeder.posts[self.mailbox] if self.feeder is not None else []

    def _pushed(self, now: float) -> None:
        """Told of one message more. Mail from elsewhere has no known time; it counts, and is not timed."""
        books, posts = self.desk.books, self._posts
        took_s: float | None = None
        if self._heard < len(posts):
            accepted = posts[self._heard].accepted
            # Some are told before the sender is: then they did not wait at all.
            took_s = max(now - accepted, 0.0) if accepted is not None else 0.0
            self._heard += 1
        books.attempt()
        # Each client is told of a message, which is carried once.
        books.done(octets=0, took_s=took_s, now=now, messages=0)
        self.report("push", seconds=took_s or 0.0, octets=0)
