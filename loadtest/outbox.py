"""Mail that is handed in beside what a scenario is about: replies of people in an office, mail for those who wait."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Any

import gevent  # type: ignore[import-untyped]

from loadtest.desk import Desk
from loadtest.plan import Persona
from loadtest.session import LoadError, RefusedError
from loadtest.smtp_client import Envelope, SmtpSession
from loadtest.supply import press_of


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
        self._sender = user_number
        self._press = press_of(desk.letterhead(user_number), desk.plan.messages, seed=desk.plan.seed)
        self._recipients = persona.recipients
        self._read = desk.plan.slots_of(persona)
        self._session: SmtpSession | None = None

    def send(self) -> float:
        """Hand in one message; when the server had taken it, on the monotonic clock.

        Raises:
            LoadError: it did not. The ledger knows.
        """
        desk, ledger = self._desk, self._desk.ledger
        message = self._press.press(ledger.entered + 1)
        number = ledger.enter(message.digest, sender=self._sender, slots=len(self._read))
        session = self._session
        try:
            if session is None or not session.is_open:
                # Nothing is to be read off a session that is gone, should there be no other.
                session = self._session = None
                session = self._session = desk.dial(SmtpSession, self._role, self._account)
            desk.books.latency("submit", session.submit(self._envelope, message.wire, pipelining=False))
        except RefusedError:
            ledger.refused(number)
            raise
        except BaseException:
            (ledger.unconfirmed if session is not None and session.sent_final_dot else ledger.failed)(number)
            self.close()
            raise
        now = time.perf_counter()
        ledger.accepted(number, now - desk.books.began, refused_slots=self._slots_not_taken(session))
        return now

    def _slots_not_taken(self, session: SmtpSession) -> tuple[int, ...]:
        """Slots of the recipients that were refused, or of whom nothing was said."""
        not_taken = {self._recipients[refusal.slot] for refusal in session.refusals}
        not_taken |= {self._recipients[slot] for slot in session.unanswered}
        return tuple(slot for slot, recipient in enumerate(self._read) if recipient in not_taken)

    def close(self) -> None:
        """Leave without another word."""
        if self._session is not None:
            self._session.close()
            self._session = None


@dataclass(slots=True)
class Post:
    """A message for a mailbox: when the server had taken it, on the monotonic clock; None as long as it has not."""

    accepted: float | None = None


class Feeder:
    """Sends mail to the mailboxes of those who wait, in turn, `plan.feed_per_s` messages a second over all processes.

    Runs while somebody needs it. `posts` are the messages for each mailbox in order, without those that were refused.
    """

    def __init__(self, desk: Desk, role: str) -> None:
        self._desk = desk
        self._role = role
        self._users: Counter[int] = Counter()
        self._greenlet: Any = None
        self.posts: dict[str, list[Post]] = {}

    def enter(self, user_number: int, mailbox: str) -> None:
        """A user waits for mail."""
        self.posts.setdefault(mailbox, [])
        self._users[user_number % len(self._desk.plan.personas)] += 1
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._feed)

    def leave(self, user_number: int) -> None:
        """A user does so no longer."""
        self._users[user_number % len(self._desk.plan.personas)] -= 1
        if not self._users.total() and self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _feed(self) -> None:
        desk = self._desk
        gap_s = desk.part.of / desk.plan.feed_per_s
        outboxes: dict[int, Outbox] = {}
        due = time.perf_counter()
        try:
            for turn in count():
                due = max(due + gap_s, time.perf_counter() - gap_s)
                gevent.sleep(max(due - time.perf_counter(), 0))
                waiting = [persona for persona, users in self._users.items() if users]
                if not waiting:
                    continue
                persona = waiting[turn % len(waiting)]
                if persona not in outboxes:
                    outboxes[persona] = Outbox(desk, persona, self._role)
                self._post(outboxes[persona], desk.plan.persona_of(persona))
        finally:
            for outbox in outboxes.values():
                outbox.close()

    def _post(self, outbox: Outbox, persona: Persona) -> None:
        post = Post()
        lists = [self.posts[recipient] for recipient in persona.recipients if recipient in self.posts]
        for posts in lists:
            posts.append(post)
        try:
            post.accepted = outbox.send()
        except LoadError as error:
            for posts in lists:
                posts.remove(post)
            what = f"refused with {error.code}" if isinstance(error, RefusedError) else error.what
            self._desk.books.remark(phase="feed", kind=f"{error.phase}: {what}")
