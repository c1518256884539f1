"""The `slow-clients` scenario: do normal users still get served while a fleet of clients dawdles on purpose?

Normal users are alone at first, so that there is something to compare with; then the fleet comes. Both are timed, as
`alone` and as `normal`; what became of the fleet's sessions, as `dropped` and as `kept`.
"""

from __future__ import annotations

import random
import time
from itertools import count
from typing import Any, ClassVar

import gevent  # type: ignore[import-untyped]

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.pop3_client import Pop3Session
from loadtest.clients.schemes import open_session, take_leave
from loadtest.clients.session import LoadError
from loadtest.clients.smtp_client import Envelope
from loadtest.desk import Desk
from loadtest.scenarios.dawdling import Ending, Fate, SlowClient, manners_for, protocol_of
from loadtest.scenarios.submitting import TransmittingUser

COMING_S = 1.0
"""The fleet comes within this, and not all at one instant: a queue of connections has room for some hundred."""

LONGEST_S = 3600.0
"""Whoever is borne for an hour lets go, and comes again."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
"""Before a client comes again: twice as long each time that it was not taken in, up to this."""

STARVED_S = 2.0
SLOWER = 3
"""A normal user still waiting at the end was not served if it waited for longer than either: this, and three times as
long as the slowest visit while normal users were alone.
"""


class Fleet:
    """The slow clients of one process, each in a greenlet of its own; they stay for as long as a normal user does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        endpoint = desk.endpoint("any")
        scheme = endpoint.target.scheme
        # Whoever attacks a server has no account there.
        self._route = desk.route("any", None)
        self._protocol = protocol_of(scheme)
        persona = desk.plan.persona_of(0)
        self._manners = manners_for(scheme, Envelope(persona.sender, persona.recipients))
        # What comes before it is measured (a warm-up) is not the time that they are alone.
        self.comes_at = desk.books.measured_from + desk.plan.alone_s
        self._users = 0
        self._greenlets: list[Any] = []

    def enter(self) -> None:
        """A normal user is there; with the first one the fleet gets ready."""
        self._users += 1
        if not self._greenlets:
            part, size = self._desk.part, self._desk.plan.slow_clients
            self._greenlets = [
                gevent.spawn(self._come_and_dawdle, number) for number in range(part.index, size, part.of)
            ]

    def leave(self) -> None:
        """A normal user goes; with the last one the fleet does."""
        self._users -= 1
        if not self._users:
            gevent.killall(self._greenlets)
            self._greenlets = []

    def _come_and_dawdle(self, number: int) -> None:
        rng = random.Random(f"{self._desk.plan.seed}/slow/{number}")  # noqa: S311 - pauses, no secrets
        gevent.sleep(max(self.comes_at - time.perf_counter(), 0.0) + rng.uniform(0.0, COMING_S))
        pause_s = FIRST_PAUSE_S
        for visit in count():
            # Who was dropped tries the other way.
            manner = self._manners[(number + visit) % len(self._manners)]
            if self._desk.limiter is not None:
                self._desk.limiter.wait()
            client = SlowClient(self._route, self._protocol, manner)
            ending: Ending | None = None
            try:
                ending = client.dawdle(longest_s=LONGEST_S)
            except LoadError as error:
                self._remark(str(error))
            finally:
                # Without an ending the run has ended first.
                self._note(client, ending)
                client.close()
            pause_s = FIRST_PAUSE_S if client.is_borne else min(2 * pause_s, LONGEST_PAUSE_S)
            gevent.sleep(pause_s * rng.uniform(0.75, 1.0))

    def _note(self, client: SlowClient, ending: Ending | None) -> None:
        books = self._desk.books
        if ending is None or ending.fate is Fate.BORNE:
            if client.is_borne:
                books.latency("kept", client.age_s)
            elif client.connected_at:
                self._remark("not greeted by the end")
            return
        if ending.fate is Fate.DROPPED:
            books.latency("dropped", ending.after_s)
            self._remark(f"{client.manner.name}: {ending}")
        else:
            self._remark(str(ending))

    def _remark(self, kind: str) -> None:
        self._desk.books.remark(phase="slow client", kind=kind)


class NormalUser(TransmittingUser):
    """Somebody who wants to be served: hands in a message over SMTP or LMTP, reads mail over POP3 or IMAP."""

    abstract = False
    role = "any"
    _fleets: ClassVar[dict[Desk, Fleet]] = {}

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._scheme = self.desk.endpoint(self.role).target.scheme
        self._reads = protocol_of(self._scheme) != "smtp"
        if self._reads or self._scheme.startswith("submission"):
            self._route = self.desk.route(self.role, self.persona.account)
        self._fleet = self._fleets.setdefault(self.desk, Fleet(self.desk))
        self._visit_began = 0.0

    def on_start(self) -> None:
        """The fleet comes, too."""
        self._fleet.enter()

    def on_stop(self) -> None:
        """And goes."""
        super().on_stop()
        self._fleet.leave()

    def turn(self, due: float) -> None:
        """One visit."""
        self._visit_began = time.perf_counter()
        try:
            if self._reads:
                self._read_mail(due)
            else:
                super().turn(due)
        except gevent.GreenletExit:
            self._note_starved()
            raise

    def accepted(self, due: float, number: int, *, octets: int, submit_s: float, now: float) -> None:
        """The message is taken, and the visit as good as over."""
        self.desk.books.latency("submit", submit_s)
        self._served(due, octets=octets, messages=1)

    def _read_mail(self, due: float) -> None:
        books = self.desk.books
        books.attempt()
        session = None
        try:
            session = open_session(self._scheme, self._route, books.latency, judge=self.desk.judge)
            newest = newest_message(session) if isinstance(session, Pop3Session | ImapSession) else None
            take_leave(session)
        except LoadError as error:
            self.not_done(due, error)
        else:
            self._served(due, octets=len(newest or b""), messages=newest is not None)
        finally:
            if session is not None:
                session.close()

    def _served(self, due: float, *, octets: int, messages: int) -> None:
        now = time.perf_counter()
        took_s = now - (due if self.desk.plan.arrivals else self._visit_began)
        phase = "alone" if now < self._fleet.comes_at else "normal"
        self.desk.books.done(octets=octets, took_s=took_s, now=now, messages=messages, phase=phase)
        self.went_well()
        self.report(phase, seconds=took_s, octets=octets)

    def _note_starved(self) -> None:
        """The run is over. Who has waited for long was not served, which is no matter of having begun too late."""
        now, books = time.perf_counter(), self.desk.books
        alone = books.histogram("alone").summary()
        patience_s = max(STARVED_S, SLOWER * alone.max / 1_000_000 if alone is not None else 0.0)
        if now >= self._fleet.comes_at and now - self._visit_began > patience_s:
            books.fail(phase="normal", kind="still waiting when the run ended", now=now)


def newest_message(session: Pop3Session | ImapSession) -> bytes | None:
    """What somebody wants who looks into a mailbox; None where it is empty.

    Raises:
        LoadError: it cannot be had.
    """
    if isinstance(session, Pop3Session):
        session.uidl()
        messages, _ = session.stat()
        return session.retr(messages) if messages else None
    if not session.select("INBOX").exists:
        return None
    # Gone since, or not: `*` is the last one that is there (RFC 9051 §9, seq-number).
    uids = [seen.uid for seen in session.uid_fetch("*", "(FLAGS RFC822.SIZE)")]
    # A server may tell of other messages' flags, too (RFC 9051 §7.5.2).
    newest = [octets for _, octets in session.messages(uids[-1:])]
    return newest[0] if newest else None
