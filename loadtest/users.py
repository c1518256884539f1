"""What all of our locust users have in common: the run they belong to, when their turn is, patience after a failure.

A user class of one's own derives from `MailUser` or one of its children and says in `turn` what one operation is; see
docs/load.md.
"""

from __future__ import annotations

import random
import time
from typing import Any, ClassVar

import gevent  # type: ignore[import-untyped]
from locust import User, task
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING

from loadtest.bookkeeping.audit import note_found
from loadtest.clients.imap_client import ImapSession
from loadtest.clients.session import LoadError, RefusedError
from loadtest.desk import Desk
from loadtest.live import LiveStatistics
from loadtest.outbox import Feeder
from loadtest.plan import Persona
from loadtest.rates.arrivals import Arrivals

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
"""Pauses after failures: doubled each time, up to this. Without them a server that is down is called without end."""


class MailUser(User):
    """A locust user with a persona; `desk` is set on the class that a run is given (see `user_class_for`).

    In an open run the user that has been idle for longest has the next turn. Where any user of a persona can do what is
    due, as the clients of a mail server can, `pools_sessions` gives it to the one that was last at work: then no more
    users, and sessions, are in use than the load takes, and a user with nothing to do for `rest_s` seconds is told to
    `rest`. A server must bear minutes of silence (RFC 5321 §4.5.3.2.7), but has better uses for a process.
    """

    abstract = True
    operations: ClassVar[str]
    """In a locust file of one's own: what turns are called, in the plural, as a plain text. Else "messages"."""
    headline: ClassVar[str]
    """There, too: the phase whose latency is that of a turn. Else "submit"."""
    pools_sessions: ClassVar[bool] = False
    rest_s: ClassVar[float] = 5.0
    desk: ClassVar[Desk]
    live: ClassVar[LiveStatistics]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.number = self.desk.next_user_number()
        self.persona: Persona = self.desk.plan.persona_of(self.number)
        self.rng = random.Random(f"{self.desk.plan.seed}/{self.number}")  # noqa: S311 - pauses, no secrets
        self._next_turn_at = time.perf_counter()
        self._pause_s = 0.0
        self._trouble_s = FIRST_PAUSE_S
        plan = self.desk.plan
        self._is_tireless = not (plan.arrivals or plan.think_s or plan.pace_per_s or plan.max_rate_per_s)

    def turn(self, due: float) -> None:
        """Do one operation, and tell the books; `due` is when it was to begin, on the monotonic clock."""
        raise NotImplementedError

    @task
    def take_a_turn(self) -> None:
        """Do the next operation: at once in a closed run, when one is due in an open one."""
        arrivals, limiter = self.desk.arrivals, self.desk.limiter
        if arrivals is not None:
            due = self._take(arrivals)
            if due is None:
                raise StopUser
            if limiter is not None:
                limiter.wait()
            self.turn(due)
            return
        if limiter is not None:
            limiter.wait()
        self.turn(time.perf_counter())
        # locust's way from one task to the next costs a third of a message, so it is gone only where it does something.
        while self.goes_straight_on:
            self.turn(time.perf_counter())

    def _take(self, arrivals: Arrivals) -> float | None:
        if not self.pools_sessions:
            return arrivals.take(self.number)
        squad = self.number % len(self.desk.plan.personas)
        with gevent.Timeout(self.rest_s, exception=False):
            return arrivals.take(squad)
        self.rest()
        return arrivals.take(squad)

    def rest(self) -> None:
        """Nothing is due: keep no session open for that. Called where sessions are pooled."""

    @property
    def goes_straight_on(self) -> bool:
        """Whether the next turn follows without a pause, in a run that is not over."""
        return self._is_tireless and not self._pause_s and self._state == LOCUST_STATE_RUNNING

    def on_stop(self) -> None:
        """Leave, as the run is over."""

    def wait_time(self) -> float:
        """Seconds until the next task: the pause after a failure, else what is left of the turn, else thinking.

        Sleeping is left to locust, which can wake the user when the run ends.
        """
        plan = self.desk.plan
        pause_s, self._pause_s = self._pause_s, 0.0
        if plan.arrivals:
            return 0.0  # the schedule does not care how the last one went
        if pause_s:
            return pause_s
        if plan.think_s:
            # People do not think in step, nor for the same time twice.
            return self.rng.expovariate(1 / plan.think_s)
        if not plan.pace_per_s:
            return 0.0
        now = time.perf_counter()
        self._next_turn_at = max(now, self._next_turn_at + 1 / plan.pace_per_s)
        return self._next_turn_at - now

    def done(self, due: float, *, took_s: float, octets: int = 0, messages: int = 0) -> None:
        """Tell the books and locust that an operation went well; in an open run it took since it was due."""
        now = time.perf_counter()
        if self.desk.plan.arrivals:
            took_s = now - due
        self.desk.books.done(octets=octets, took_s=took_s, now=now, messages=messages)
        self.went_well()
        self.report(self.desk.books.headline, seconds=took_s, octets=octets)

    def not_done(self, due: float, error: LoadError) -> None:
        """Tell the books and locust that an operation was refused or failed; the next one waits."""
        now = time.perf_counter()
        if isinstance(error, RefusedError):
            self.desk.books.refuse(code=error.code, text=error.what, now=now)
        else:
            self.desk.books.fail(phase=error.phase, kind=error.what, now=now)
        self.had_trouble()
        self.report(self.desk.books.headline, seconds=now - due, octets=0, error=error)

    def went_well(self) -> None:
        """Be fast again."""
        self._trouble_s = FIRST_PAUSE_S

    def had_trouble(self) -> None:
        """Pause before the next task; longer after each failure in a row, and never all users in step."""
        self._pause_s = self._trouble_s * self.rng.uniform(0.75, 1.0)
        self._trouble_s = min(2 * self._trouble_s, LONGEST_PAUSE_S)

    def report(self, name: str, *, seconds: float, octets: int, error: Exception | None = None) -> None:
        """Tell locust, whose live page and listeners see what happens through this."""
        if error is None and not self.live.is_listened_to(self.environment):
            self.live.note(self.environment, name, seconds=seconds, octets=octets)
            return
        self.environment.events.request.fire(
            request_type=self.desk.plan.main.target.scheme.upper(),
            name=name,
            response_time=seconds * 1000,
            response_length=octets,
            exception=error,
            context={},
        )


class ImapUser(MailUser):
    """A user whose IMAP session stays open from one turn to the next."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._session: ImapSession | None = None

    def begin(self, session: ImapSession) -> None:
        """What a new session begins with, such as opening a mailbox.

        Raises:
            LoadError: it cannot begin, so it ends.
        """

    def open_session(self) -> ImapSession:
        """The session; a new one where there was none, or where the last one is gone.

        Raises:
            LoadError: there is none to be had.
        """
        session = self._session
        if session is None or not session.is_open:
            session = self._session = None
            session = self._session = self.desk.dial(ImapSession, "imap", self.persona.account)
            try:
                self.begin(session)
            except BaseException:
                self.drop_session()
                raise
        return session

    def drop_session(self) -> None:
        """Leave without a word."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def log_out(self) -> None:
        """Leave as one should. That it did not go well costs no operation."""
        session, self._session = self._session, None
        if session is None:
            return
        try:
            session.logout()
        except LoadError as error:
            self.remark("logout", error)

    def remark(self, phase: str, error: LoadError) -> None:
        """Tell the books of trouble that cost no operation."""
        self.desk.books.remark(phase=phase, kind="refused" if isinstance(error, RefusedError) else error.what)

    def on_stop(self) -> None:
        """Go without a word: thousands of farewells would take longer than the end of a run may."""
        self.drop_session()
        super().on_stop()


class FedUser(MailUser):
    """A user with a mailbox, to which mail comes during the run if a server that takes it is given, too."""

    abstract = True
    _feeders: ClassVar[dict[Desk, Feeder]] = {}

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.mailbox = next(address for address, who in self.desk.plan.readers.items() if who == self.persona.account)
        self.feeder: Feeder | None = None
        role = "inbound"
        if self.desk.plan.endpoint(role) is not None:
            self.feeder = self._feeders.setdefault(self.desk, Feeder(self.desk, role))

    def found(self, number: int, text: bytes) -> None:
        """Put a message of the mailbox into the ledger. Of reordering only those can tell who read every message."""
        desk = self.desk
        note_found(
            desk.plan, desk.findings, desk.opening.run_id, self.mailbox, number, text, watched=False, in_order=False
        )

    def on_start(self) -> None:
        """Mail may come."""
        if self.feeder is not None:
            self.feeder.enter(self.number, self.mailbox)

    def on_stop(self) -> None:
        """The last one stops it."""
        if self.feeder is not None:
            self.feeder.leave(self.number)
        super().on_stop()


def user_class_for(base: type[MailUser], desk: Desk) -> type[MailUser]:
    """The class of users for one run: `base` at this desk, under its own name."""
    live = LiveStatistics(request_type=desk.plan.main.target.scheme.upper())
    members = {"desk": desk, "live": live, "__doc__": base.__doc__, "abstract": False}
    return type(base.__name__, (base,), members)
