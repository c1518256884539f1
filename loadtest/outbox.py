"""Mail handed in and entered into the ledger, by whoever writes; and a feeder, which writes to those who wait."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, TypeAlias

import gevent  # type: ignore[import-untyped]

from loadtest.clients.declaring import Declarations
from loadtest.clients.session import LoadError, MissingOfferError, RefusedError
from loadtest.clients.smtp_client import Envelope, SmtpSession
from loadtest.desk import Desk
from loadtest.mail.supply import press_of
from loadtest.plan import Persona

HandedIn: TypeAlias = tuple[int, int, float, float]
"""A message that the server has taken: its number and octets, seconds since its MAIL, when on the monotonic clock.

A plain tuple, as one is made for every message of a run.
"""


class Outbox:
    """Hands in the messages of one user, in a session that is kept, and tells the ledger what became of each.

    The books are told of what costs no operation alone: recipients that an accepted message does not reach, farewells.
    """

    def __init__(
        self, desk: Desk, user_number: int, role: str, *, logs_in: bool | None = None, messages_per_session: int = 0
    ) -> None:
        """For a server of this role.

        Args:
            desk: of the run.
            user_number: whose persona writes.
            role: of the server.
            logs_in: whether sessions are logged in; unless told, those of submission are.
            messages_per_session: after so many `is_used_up`; 0 keeps a session for as long as the server does.
        """
        persona = desk.plan.persona_of(user_number)
        is_submission = desk.endpoint(role).target.scheme.startswith("submission")
        if logs_in is None:
            # Submission is for those who log in; elsewhere mail for a server's own users comes from strangers.
            logs_in = is_submission
        self.route = desk.route(role, persona.account if logs_in else None)
        self.envelope = Envelope(persona.sender, persona.recipients)
        self.mailboxes = desk.plan.slots_of(persona)
        """Those of the recipients' mailboxes that are read: the slots of each message."""
        self._slots = len(self.mailboxes)
        self._desk = desk
        self._sender = user_number
        self._declarations = Declarations(self.envelope)
        self._upcoming: Envelope | None = None
        """That of the message to come, in the session that there is."""
        eight_bit = role not in desk.opening.seven_bit_roles
        letterhead = replace(desk.letterhead(user_number), for_submission=logs_in or is_submission)
        self._press = press_of(letterhead, desk.plan.messages, seed=desk.plan.seed, eight_bit=eight_bit)
        self._recipients = persona.recipients
        self._messages_per_session = messages_per_session
        self._left = messages_per_session
        self._session: SmtpSession | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self._session is not None and self._session.is_open

    @property
    def is_used_up(self) -> bool:
        """Whether the session has had as many messages as it is to have."""
        return self._left == 0 and self._messages_per_session > 0 and self.is_open

    @property
    def has_envelope_ahead(self) -> bool:
        """Whether the next message's envelope went out with the last text, so that the server waits for one more."""
        return self._session is not None and self._session.is_open and self._session.has_envelope_ahead

    def send(self) -> float:
        """Hand in one message, and time it as `submit`; when the server had taken it, on the monotonic clock.

        Raises:
            LoadError: it did not. The ledger knows.
        """
        _, _, submit_s, at = self.hand_in()
        self._desk.books.latency("submit", submit_s)
        return at

    def hand_in(self, *, pipelining: bool = False, another: bool = False) -> HandedIn:
        """Hand in one message, opening a session for it if there is none.

        The message is begun before the connection is, so that a server that cannot be reached costs a message too.
        With `pipelining`, and `another` to follow at once, that one's envelope goes out in one write with this text
        (RFC 2920 §3.1), unless the session is then used up.

        Raises:
            LoadError: the server did not take it. The ledger knows.
        """
        desk = self._desk
        books, ledger = desk.books, desk.ledger
        message = self._press.press(ledger.entered + 1)
        number = ledger.enter(message.digest, sender=self._sender, slots=self._slots)
        session = self._session
        try:
            if session is None or not session.is_open:
                # Nothing is to be read off a session that is gone, should there be no other.
                session = self._session = None
                session = self._session = SmtpSession.open(self.route, books.latency, judge=desk.judge)
                self._left = self._messages_per_session
                self._declarations.suit(session.offers)
                envelope = self._declarations.of(message.octets, message.eight_bit)
            else:
                envelope = self._upcoming
            if envelope is None:
                raise MissingOfferError("mail", "8BITMIME is not offered as it was before")
            self._upcoming = then = self._declarations.of(*self._press.upcoming)
            submit_s = session.submit(
                envelope, message.wire, pipelining=pipelining, then=then if another and self._left != 1 else None
            )
        except RefusedError:
            ledger.refused(number)
            if session is not None:
                self._note_unanswered(session, number)
            raise
        except MissingOfferError:
            ledger.failed(number)
            self.close()
            raise
        except BaseException as error:
            if session is not None and session.sent_final_dot:
                ledger.unconfirmed(number)
                ledger.not_for(number, self._slots_of(refusal.slot for refusal in session.refusals))
            elif isinstance(error, LoadError):
                ledger.failed(number)
            # Else the run is over and this greenlet is being ended: the message stays in flight.
            self.close()
            raise
        now = time.perf_counter()
        ledger.accepted(number, now - books.began)
        if session.refusals or session.unanswered:
            self._note_accepted_in_part(session, number)
        self._left -= 1
        return number, message.octets, submit_s, now

    def quit(self, *, within_s: float | None = None) -> None:
        """Take leave, if there is a session."""
        session, self._session = self._session, None
        if session is None or not session.is_open:
            return
        try:
            session.quit(within_s=within_s)
        except LoadError as error:
            # A reply's text is the server's own and without end; only kinds are counted.
            self._desk.books.remark(phase="quit", kind="refused" if isinstance(error, RefusedError) else error.what)

    def close(self) -> None:
        """Leave without another word."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _note_accepted_in_part(self, session: SmtpSession, number: int) -> None:
        """The message counts as accepted; the ledger expects it nowhere where it was refused, or in doubt."""
        for refusal in session.refusals:
            error = refusal.error
            self._desk.books.remark(phase=error.phase, kind=f"recipient refused with {error.code}")
        self._desk.ledger.not_for(number, self._slots_of(refusal.slot for refusal in session.refusals))
        self._note_unanswered(session, number)

    def _note_unanswered(self, session: SmtpSession, number: int) -> None:
        """The server owes replies for these recipients of a message: it may have it for them or not."""
        for _ in session.unanswered:
            self._desk.books.remark(phase="final_dot", kind="no reply for a recipient")
        self._desk.ledger.in_doubt_for(number, self._slots_of(session.unanswered))

    def _slots_of(self, places: Iterable[int]) -> list[int]:
        """The ledger's slots of these recipients, by their places in the envelope."""
        recipients = {self._recipients[place] for place in places}
        return [slot for slot, mailbox in enumerate(self.mailboxes) if mailbox in recipients]


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
                if desk.limiter is not None:
                    desk.limiter.wait()
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
