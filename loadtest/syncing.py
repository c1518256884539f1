"""The `imap-sync` scenario: mail programs that keep a copy of their mailboxes (RFC 3501, RFC 4549)."""

from __future__ import annotations

import time
from typing import Any

from loadtest.audit import note_found
from loadtest.imap_client import ImapSession
from loadtest.session import LoadError, RefusedError
from loadtest.users import FedUser

ROUNDS_A_SESSION = 10
MOST_OTHERS = 5
"""Other mailboxes whose STATUS is asked for in a round."""


class SyncingUser(FedUser):
    """Brings its copy of INBOX up to date."""

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._session: ImapSession | None = None
        self._rounds_left = 0
        self._next_uid = 0
        self._others: list[str] = []

    def turn(self, due: float) -> None:
        """One synchronisation, with the log-in where the session is new."""
        self.desk.books.attempt()
        began = time.perf_counter()
        try:
            session = self._open()
            octets, messages = self._synchronise(session)
            self._rounds_left -= 1
        except LoadError as error:
            self._drop()
            self.not_done(due, error)
        else:
            self.done(due, took_s=time.perf_counter() - began, octets=octets, messages=messages)
            if not self._rounds_left:
                self._log_out(session)

    def _log_out(self, session: ImapSession) -> None:
        self._session = None
        try:
            session.logout()
        except LoadError as error:
            self.desk.books.remark(phase="logout", kind="refused" if isinstance(error, RefusedError) else error.what)

    def on_stop(self) -> None:
        """Go without a word."""
        self._drop()
        super().on_stop()

    def _open(self) -> ImapSession:
        session = self._session
        if session is None or not session.is_open:
            session = self._session = self.desk.dial(ImapSession, "imap", self.persona.account)
            self._rounds_left = ROUNDS_A_SESSION
            names = session.list_mailboxes()
            self._others = [name for name in names if name.upper() != "INBOX"][:MOST_OTHERS]
            selected = session.select("INBOX")
            known = session.uid_fetch("1:*", "(FLAGS)") if selected.exists else []
            # At its first session it has what lies there; later ones fetch what came in between.
            self._next_uid = self._next_uid or max((message.uid for message in known), default=0) + 1
        return session

    def _synchronise(self, session: ImapSession) -> tuple[int, int]:
        """Octets and number of messages that were fetched."""
        session.noop()
        new = session.uids_from(self._next_uid)
        octets = 0
        if new:
            which = f"{new[0]}:{new[-1]}"
            session.uid_fetch(which, "(FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])")
            for uid, text in session.messages(new):
                octets += len(text)
                self._next_uid = max(self._next_uid, uid + 1)
                desk = self.desk
                note_found(desk.plan, desk.findings, desk.opening.run_id, self.mailbox, uid, text, watched=False)
        for name in self._others:
            session.status(name)
        return octets, len(new)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
