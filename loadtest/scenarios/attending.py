"""Mail programs that stay open: between two turns they wait in IDLE, as far as the server offers it (RFC 2177)."""

from __future__ import annotations

import time
from typing import Any

from loadtest.clients.imap_client import LONGEST_IDLE_S, ImapSession
from loadtest.clients.session import LoadError, RefusedError
from loadtest.users import FedUser, ImapUser

OFFERS_IDLE = frozenset({b"IDLE", b"IMAP4REV2"})
"""Either of them tells that the server knows IDLE (RFC 9051 §6.3.13)."""


class AttendingUser(ImapUser, FedUser):
    """Has INBOX open. What it is told of while it idles may begin its next turn sooner (`is_woken`).

    Where there is no IDLE, or no time for it, its turns begin with NOOP. In an open run turns begin when they are due,
    so it does not idle.
    """

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.is_woken = False
        self._is_told = False
        self._exists = 0

    def is_roused(self) -> bool:
        """Whether the user does something about new mail that it is told of, rather than go on waiting."""
        return True

    def attend(self) -> ImapSession:
        """The session, with INBOX open, and told of everything new: what a turn begins with.

        Raises:
            LoadError: there is none to be had.
        """
        session = self.open_session()
        if not self._is_told:
            session.noop()
        self._is_told = False
        self._exists = session.exists
        return session

    def opened(self, session: ImapSession) -> None:
        """INBOX was opened just now: nothing about it is news."""
        self._is_told = True
        self._exists = session.exists

    def wait_time(self) -> float:
        """What is left of the pause after waiting in IDLE."""
        backs_off = bool(self._pause_s)
        pause_s = super().wait_time()
        session, self.is_woken = self._session, False
        if backs_off or pause_s <= 0 or session is None or not session.is_open or not session.offers & OFFERS_IDLE:
            return pause_s
        until = time.perf_counter() + pause_s
        try:
            self.is_woken = self._idle(session, until)
        except LoadError as error:
            # Nobody was waiting for anything: a mail program goes on as best it can, and says no word about it.
            self.remark(error.phase, error)
            self._is_told = False
            if not isinstance(error, RefusedError):
                self.drop_session()
        return 0.0 if self.is_woken else max(until - time.perf_counter(), 0.0)

    def _idle(self, session: ImapSession, until: float) -> bool:
        """Whether new mail ended the wait."""
        # At a pace turns have their time, whatever happens.
        may_wake = self.desk.plan.think_s > 0
        while (now := time.perf_counter()) < until:
            anew_at = min(until, now + LONGEST_IDLE_S)
            with session.idle() as idling:
                self._is_told = True
                while (left_s := anew_at - time.perf_counter()) > 0:
                    # What came during the last turn may have been told before IDLE began.
                    if self._has_grown(session) and may_wake and self.is_roused():
                        return True
                    idling.wait(left_s)
        return False

    def _has_grown(self, session: ImapSession) -> bool:
        before, self._exists = self._exists, session.exists
        return self._exists > before
