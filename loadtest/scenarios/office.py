"""The `office` scenario: a day of people with their mail."""

from __future__ import annotations

import time
from typing import Any

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.session import LoadError
from loadtest.outbox import Outbox
from loadtest.scenarios.attending import AttendingUser

WEIGHTS = {"read": 40, "answer": 15, "delete": 15, "search": 15, "look": 15}
"""Of a hundred actions."""

ROUSED = 0.5
"""Of the times that a person is told of new mail while thinking, it looks at once so often."""

WORDS = ("FROM load", "SUBJECT mailspec", "UNSEEN", "SINCE 1-Jan-2020 UNFLAGGED")


class OfficeUser(AttendingUser):
    """Does one thing after another in an INBOX that stays open."""

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._outbox: Outbox | None = None
        self._first_uid = 0
        self._read: list[int] = []
        if self.desk.plan.endpoint("inbound") is not None:
            self._outbox = Outbox(self.desk, self.number, "inbound")

    def turn(self, due: float) -> None:
        """One action."""
        self.desk.books.attempt()
        (action,) = self.rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))
        if self.is_woken:
            self.is_woken, action = False, "read"
        began = time.perf_counter()
        messages = 0
        try:
            session = self.attend()
            if action == "answer" and self._outbox is not None:
                self._outbox.send()
                messages = 1
            elif action in ("read", "answer"):
                messages = self._read_newest(session)
            elif action == "delete":
                self._delete_oldest(session)
            elif action == "search":
                session.uid_search(self.rng.choice(WORDS))
            else:
                for name in session.list_mailboxes()[:3]:
                    session.status(name)
        except LoadError as error:
            self.not_done(due, error)
        else:
            self.done(due, took_s=time.perf_counter() - began, messages=messages)

    def on_stop(self) -> None:
        """Go without a word."""
        if self._outbox is not None:
            self._outbox.close()
        super().on_stop()

    def begin(self, session: ImapSession) -> None:
        """Open INBOX; what lies there at the beginning of the day is somebody's own."""
        selected = session.select("INBOX")
        self._first_uid = self._first_uid or selected.uid_next or 1
        self.opened(session)

    def is_roused(self) -> bool:
        """As often as people leave what they were at for mail that has come."""
        return self.rng.random() < ROUSED

    def _read_newest(self, session: ImapSession) -> int:
        """Of the mail that came during the run: what lay there before is somebody's own."""
        unread = session.uids_from(self._first_uid, that_are="UNSEEN")
        if not unread:
            return 0
        fetched = list(session.messages(unread[-1:]))
        for uid, text in fetched:
            self.found(uid, text)
            session.uid_store(str(uid), r"+FLAGS.SILENT (\Seen)")
            self._read.append(uid)
        return len(fetched)

    def _delete_oldest(self, session: ImapSession) -> None:
        if not self._read:
            session.noop()
            return
        uid = str(self._read.pop(0))
        if b"MOVE" in session.offers and "Trash" in session.list_mailboxes("Trash"):
            session.uid_move(uid, "Trash")
            return
        session.uid_store(uid, r"+FLAGS.SILENT (\Deleted)")
        # Without UIDPLUS an EXPUNGE would take along what somebody else has flagged (RFC 4315 §2.1).
        if b"UIDPLUS" in session.offers:
            session.expunge(uid)
