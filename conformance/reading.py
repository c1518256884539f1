"""Reading mail back: what was delivered, seen through IMAP or POP3, whichever the target has."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from conformance.errors import HarnessError, InconclusiveError
from conformance.imap.session import ImapSession
from conformance.messages import Delivered
from conformance.pop3.session import Pop3Session
from conformance.wire.errors import NoReplyError

POLL_S = 0.02
"""Pause before the second look for a message; every further one is half as long again, up to MOST_POLL_S."""

MOST_POLL_S = 0.5

CLEARINGS = 5
"""How often INBOX is emptied before the judge gives up: mail of an earlier check may still be on its way."""

MOST_UIDS = 40
"""Messages asked for by one FETCH, so that the command stays short (RFC 7162 §4: servers need to take 8192 octets)."""


class OpenReader(Protocol):
    """How a reader gets a fresh, logged-in session; bound by the bench."""

    def __call__(self) -> ImapSession | Pop3Session:
        """Connect and log in."""


class Reader:
    """One account's INBOX. Its sessions are the judge's own tools: nothing about them is judged.

    Messages are known by UID (IMAP) or unique-id (POP3), so that each is fetched once; by their numbers where UIDL,
    which is optional (RFC 1939 §7), is not there or of no use.

    Whatever goes wrong in a method is an InconclusiveError.
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
            session = self._kept() or self._open()
            if isinstance(session, ImapSession):
                if session is not self._imap:
                    self._imap = session
                    session.select("INBOX")
                yield session
                return
            with session:
                yield session
        except NoReplyError as error:
            self._drop()
            raise InconclusiveError(f"reading mail back failed: {error.what}") from error
        except HarnessError:
            self._drop()
            raise

    def _kept(self) -> ImapSession | None:
        """The session of the last time, if it still answers: a server may end one that was quiet for long."""
        if self._imap is not None:
            try:
                # Not NOOP: whether that tells of new mail is a rule under judgement, and SELECT always counts anew.
                self._imap.select("INBOX")
            except (NoReplyError, InconclusiveError):
                self._drop()
        return self._imap

    def _drop(self) -> None:
        """Forget the kept session, which may be in the middle of an answer."""
        session, self._imap = self._imap, None
        if session is not None:
            session.drop()

    def refresh(self) -> None:
        """Fetch what is new."""
        with self._session() as session:
            if isinstance(session, ImapSession):
                self._fetch_imap(session)
            else:
                self._fetch_pop3(session)

    def _fetch_imap(self, session: ImapSession) -> None:
        new = [uid for uid in _uids(session) if uid not in self._known]
        for start in range(0, len(new), MOST_UIDS):
            wanted = b",".join(new[start : start + MOST_UIDS])
            answer = session.command(b"UID FETCH " + wanted + b" (UID BODY.PEEK[])")
            for number in dict.fromkeys(response.number for response in answer.named("FETCH")):
                items = answer.fetched(number or 0)
                uid, octets = items.get("UID"), items.get("BODY[]")
                if isinstance(uid, bytes) and isinstance(octets, bytes):
                    self._known.setdefault(bytes(uid), Delivered(octets))

    def _fetch_pop3(self, session: Pop3Session) -> None:
        words = [line.split() for line in session.uidl().lines]
        names = {pair[0]: pair[1] for pair in words if len(pair) == 2}
        if not names or len(set(names.values())) < len(words):
            # No usable UIDL. Numbers are those of this session alone, so what was known by them is looked at anew.
            names = {number: number for line in session.list().lines for number in line.split()[:1]}
            self._known = {}
        for number, name in names.items():
            if name not in self._known:
                message = session.retr(_number(number))
                if message.ok:
                    self._known[name] = Delivered(message.content)

    def wait_for(self, token: str, *, within_s: float) -> Delivered | None:
        """The first message with this token, or None if none came in time."""
        return self.wait_until(lambda message: message.token == token, within_s=within_s)

    def wait_until(self, matches: Callable[[Delivered], bool], *, within_s: float) -> Delivered | None:
        """The first message that matches, or None if none came in time."""
        deadline = time.monotonic() + within_s
        pause_s = POLL_S
        while True:
            self.refresh()
            for message in self._known.values():
                if matches(message):
                    return message
            if time.monotonic() > deadline:
                return None
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, MOST_POLL_S)

    def clear(self) -> None:
        """Delete everything in INBOX.

        Raises:
            InconclusiveError: something stays.
        """
        self._known.clear()
        for attempt in range(CLEARINGS):
            time.sleep(MOST_POLL_S * attempt)
            with self._session() as session:
                left = _clear_imap(session) if isinstance(session, ImapSession) else _clear_pop3(session)
            if not left:
                return
        raise InconclusiveError(f"INBOX could not be emptied: {left} messages stay")

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


def _clear_imap(session: ImapSession) -> int:
    """Delete everything; how many messages are left."""
    if not _uids(session):
        return 0
    session.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
    session.command("EXPUNGE")
    return len(_uids(session))


def _clear_pop3(session: Pop3Session) -> int:
    """Mark everything as deleted, which the session's QUIT makes true (RFC 1939 §6); how many would not be marked."""
    deleted = [session.dele(_number(number)) for line in session.list().lines for number in line.split()[:1]]
    return sum(not response.ok for response in deleted)


def _uids(session: ImapSession) -> list[bytes]:
    """The UIDs of all messages.

    Raises:
        InconclusiveError: the server does not say.
    """
    answer = session.command("UID FETCH 1:* (UID)")
    if not answer.ok:
        raise InconclusiveError(f"UID FETCH was refused: {answer.tagged}")
    numbers = dict.fromkeys(response.number for response in answer.named("FETCH"))
    fetched = (answer.fetched(number or 0).get("UID") for number in numbers)
    return [uid for uid in fetched if isinstance(uid, bytes)]


def _number(word: bytes) -> int:
    """A message number.

    Raises:
        InconclusiveError: it is none.
    """
    if not (word.isdigit() and len(word) < 10):
        raise InconclusiveError(f"a message number in a listing reads {word[:40]!r}")
    return int(word)
