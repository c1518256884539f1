"""Reading mail back: what was delivered, seen through IMAP or POP3, whichever the target has."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from conformance.errors import InconclusiveError
from conformance.imap.session import ImapSession
from conformance.messages import Delivered
from conformance.pop3.session import Pop3Session
from conformance.session import setting_up
from conformance.wire.errors import NoReplyError

POLL_S = 0.02


class OpenReader(Protocol):
    """How a reader gets a fresh, logged-in session; bound by the bench."""

    def __call__(self) -> ImapSession | Pop3Session:
        """Connect and log in."""


class Reader:
    """One account's INBOX. Its sessions are the judge's own tools: nothing about them is judged.

    Messages are known by UID (IMAP) or unique-id (POP3), so that each is fetched once.
    """

    def __init__(self, open_session: OpenReader) -> None:
        self._open = open_session
        self._imap: ImapSession | None = None
        self._known: dict[bytes, Delivered] = {}

    @property
    def messages(self) -> list[Delivered]:
        """All messages seen since the last `clear`, in the order in which they were found."""
        return list(self._known.values())

    @contextmanager
    def _session(self) -> Iterator[ImapSession | Pop3Session]:
        """A session that sees the present state: IMAP's is kept, POP3's maildrop is a snapshot and opened anew."""
        try:
            if self._imap is not None:
                self._imap.command("NOOP")
                yield self._imap
                return
            session = self._open()
            if isinstance(session, ImapSession):
                session.select("INBOX")
                self._imap = session
                yield session
                return
            with session:
                yield session
        except NoReplyError as error:
            self.close()
            raise InconclusiveError(f"reading mail back failed: {error.what}") from error

    def refresh(self) -> None:
        """Fetch what is new."""
        with self._session() as session:
            if isinstance(session, ImapSession):
                self._fetch_imap(session)
            else:
                self._fetch_pop3(session)

    def _fetch_imap(self, session: ImapSession) -> None:
        answer = session.command("UID SEARCH ALL")
        uids = [value for response in answer.named("SEARCH") for value in response.values if isinstance(value, bytes)]
        new = [uid for uid in uids if uid not in self._known]
        if not new:
            return
        answer = session.command(b"UID FETCH " + b",".join(new) + b" (UID BODY.PEEK[])")
        for response in answer.named("FETCH"):
            items = answer.fetched(response.number or 0)
            uid, octets = items.get("UID"), items.get("BODY[]")
            if isinstance(uid, bytes) and isinstance(octets, bytes):
                self._known.setdefault(bytes(uid), Delivered(octets))

    def _fetch_pop3(self, session: Pop3Session) -> None:
        for line in session.uidl().lines:
            number, _, unique_id = line.strip().partition(b" ")
            if unique_id not in self._known:
                self._known[unique_id] = Delivered(session.retr(int(number)).content)

    def wait_for(self, token: str, *, within_s: float) -> Delivered | None:
        """The first message with this token, or None if none came in time."""
        deadline = time.monotonic() + within_s
        while True:
            self.refresh()
            for message in self._known.values():
                if message.token == token:
                    return message
            if time.monotonic() > deadline:
                return None
            time.sleep(POLL_S)

    def clear(self) -> None:
        """Delete everything in INBOX."""
        self._known.clear()
        with self._session() as session, setting_up("emptying INBOX"):
            if isinstance(session, ImapSession):
                session.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
                session.command("EXPUNGE")
                return
            for line in session.list().lines:
                session.dele(int(line.split()[0]))

    def append(self, messages: Iterable[bytes]) -> bool:
        """Put messages into INBOX octet for octet; False where that cannot be done (POP3 has no way to)."""
        with self._session() as session:
            if not isinstance(session, ImapSession):
                return False
            for message in messages:
                session.append("INBOX", message)
            return True

    def close(self) -> None:
        """End the kept session."""
        session, self._imap = self._imap, None
        if session is not None:
            with contextlib.suppress(NoReplyError, InconclusiveError), session:
                pass
