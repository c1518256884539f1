"""Readers that wait for mail: one IMAP session for each mailbox that idles and fetches what comes (RFC 2177)."""

from __future__ import annotations

import time
from typing import Any

import gevent  # type: ignore[import-untyped]
from gevent.event import AsyncResult  # type: ignore[import-untyped]

from loadtest.bookkeeping.audit import note_found
from loadtest.clients.imap_client import LONGEST_IDLE_S, ImapSession
from loadtest.clients.session import LoadError
from loadtest.desk import Desk
from loadtest.mail.messages import identify

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
"""After trouble, before the next session."""

READY_S = 10.0


class Reader:
    """Waits at one mailbox, in a greenlet of its own, for as long as somebody needs it."""

    def __init__(self, desk: Desk, mailbox: str) -> None:
        self._desk = desk
        self._mailbox = mailbox
        self._account = desk.plan.readers[mailbox]
        self._next_uid = 0
        self._seen: dict[int, float] = {}
        self._waiting: dict[int, Any] = {}
        self._ready = AsyncResult()
        self._users = 0
        self._greenlet: Any = None

    def enter(self) -> None:
        """Somebody needs it."""
        self._users += 1
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._read)

    def leave(self) -> None:
        """Somebody needs it no longer."""
        self._users -= 1
        if not self._users and self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def wait_until_ready(self) -> None:
        """Wait until it idles for the first time; messages that came before are none of the run's."""
        self._ready.wait(timeout=READY_S)

    def arrival_of(self, number: int, *, within_s: float) -> float | None:
        """When the message of this number, of this process, was here, on the monotonic clock; None if it did not come
        in that time.
        """
        if number not in self._seen:
            told = self._waiting.setdefault(number, AsyncResult())
            try:
                told.wait(timeout=within_s)
            finally:
                self._waiting.pop(number, None)
        return self._seen.pop(number, None)

    def _read(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            session = None
            try:
                session = self._desk.dial(ImapSession, "imap", self._account)
                selected = session.select("INBOX")
                if not self._next_uid:
                    self._next_uid = selected.uid_next
                known = self._fetch(session)
                while True:
                    with session.idle() as idling:
                        self._ready.set(True)
                        pause_s = FIRST_PAUSE_S
                        # What came since the mailbox was looked through may have been told before IDLE began.
                        news = session.exists > known
                        while not news:
                            told = idling.wait(LONGEST_IDLE_S)
                            news = any(response.name == b"EXISTS" for response in told)
                            if not told:
                                break
                    known = self._fetch(session)
            except LoadError as error:
                self._desk.books.remark(phase="reader", kind=str(error))
                gevent.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            finally:
                if session is not None:
                    session.close()

    def _fetch(self, session: ImapSession) -> int:
        """Read what is new; how many messages the mailbox was told to have before that."""
        desk, known = self._desk, session.exists
        for uid, octets in session.messages(session.uids_from(self._next_uid)):
            now = time.perf_counter()
            note_found(
                desk.plan, desk.findings, desk.opening.run_id, self._mailbox, uid, octets, watched=True
            )  # fmt: skip
            self._next_uid = max(self._next_uid, uid + 1)
            seen = identify(octets, desk.opening.run_id)
            if seen is not None and seen.identity.origin == desk.part.index:
                self._seen[seen.identity.number] = now
                if (told := self._waiting.get(seen.identity.number)) is not None:
                    told.set(True)
        return known
