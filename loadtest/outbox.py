"""Mail that is handed in beside what a scenario is about: replies of people in an office, mail for those who wait."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gevent  # type: ignore[import-untyped]

from loadtest.desk import Desk
from loadtest.session import LoadError, RefusedError
from loadtest.smtp_client import Envelope, SmtpSession
from loadtest.supply import press_of

FAREWELL_S = 0.3


class Outbox:
    """Hands in messages of one user, in a session that is kept."""

    def __init__(self, desk: Desk, user_number: int, role: str) -> None:
        persona = desk.plan.persona_of(user_number)
        endpoint = desk.endpoint(role)
        self._desk = desk
        self._role = role
        # Submission is for those who log in; elsewhere mail for a server's own users comes from strangers.
        self._account = persona.account if endpoint.target.scheme.startswith("submission") else None
        self._envelope = Envelope(persona.sender, persona.recipients)
        self._press = press_of(desk.letterhead(user_number), desk.plan.messages, seed=desk.plan.seed)
        self._slots = len(desk.plan.slots_of(persona))
        self._session: SmtpSession | None = None

    def send(self) -> float:
        """Hand in one message; when the server had taken it, on the monotonic clock.

        Raises:
            LoadError: it did not. The ledger knows.
        """
        desk, ledger = self._desk, self._desk.ledger
        message = self._press.press(ledger.entered + 1)
        number = ledger.enter(message.digest, slots=self._slots)
        sent = False
        try:
            if self._session is None or not self._session.is_open:
                self._session = desk.dial(SmtpSession, self._role, self._account)
            desk.books.latency("submit", self._session.submit(self._envelope, message.wire, pipelining=False))
        except RefusedError:
            ledger.refused(number)
            raise
        except BaseException:
            sent = self._session is not None and self._session.sent_final_dot
            (ledger.unconfirmed if sent else ledger.failed)(number)
            self.close()
            raise
        now = time.perf_counter()
        ledger.accepted(number, now - desk.books.began)
        return now

    def close(self) -> None:
        """Leave without another word."""
        if self._session is not None:
            self._session.close()
            self._session = None


@dataclass(slots=True)
class Post:
    """The newest message for a mailbox: when it was begun, and when the server had taken it."""

    begun: float
    accepted: float | None = None


class Feeder:
    """Sends mail to those who wait for it, in turn, `plan.feed_per_s` messages a second over all processes.

    Runs while somebody needs it.
    """

    def __init__(self, desk: Desk, role: str) -> None:
        self._desk = desk
        self._role = role
        self._users = 0
        self._greenlet: Any = None
        self.newest: dict[str, Post] = {}

    def enter(self) -> None:
        """Somebody waits for mail."""
        self._users += 1
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._feed)

    def leave(self) -> None:
        """Somebody does so no longer."""
        self._users -= 1
        if not self._users and self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _feed(self) -> None:
        desk = self._desk
        plan, part = desk.plan, desk.part
        # Every process has its share of the mailboxes, so that no two feed the same.
        numbers: Sequence[int] = range(part.index, max(len(plan.personas), part.index + 1), part.of)
        outboxes = [(Outbox(desk, number, self._role), plan.persona_of(number)) for number in numbers]
        gap_s = part.of / plan.feed_per_s
        due = time.perf_counter()
        try:
            while True:
                for outbox, persona in outboxes:
                    due = max(due + gap_s, time.perf_counter() - gap_s)
                    gevent.sleep(max(due - time.perf_counter(), 0))
                    post = Post(time.perf_counter())
                    self.newest.update(dict.fromkeys(persona.recipients, post))
                    try:
                        post.accepted = outbox.send()
                    except LoadError as error:
                        desk.books.remark(phase="feed", kind=f"{error.phase}: {error.what[:80]}")
        finally:
            for outbox, _ in outboxes:
                outbox.close()
