"""The `big-mailbox` scenario: what IMAP commands cost against the size of the mailbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent  # type: ignore[import-untyped]

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.session import LoadError
from loadtest.mail.supply import press_of
from loadtest.users import ImapUser

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
ROUNDS = 5

AT_ONCE = 100
MOST_OCTETS = 1_000_000
"""What one APPEND of several messages (RFC 3502) holds at most; the message that goes beyond it is the last."""

REMOVE_S = 0.5
"""How long the end of a run may take for it."""


class BigMailboxUser(ImapUser):
    """Fills a mailbox of its own step by step, and times commands at each size. An operation is one round of them."""

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._mailbox = f"mailspec-load-{self.desk.opening.run_id}-{self.number}"
        self._press = press_of(self.desk.letterhead(self.number), self.desk.plan.messages, seed=self.desk.plan.seed)
        self._is_there = False
        self._exists = 0
        self._uids: list[int] = []
        self._rounds = 0

    def turn(self, due: float) -> None:
        """One round at the size that is due, once the mailbox has it."""
        self.desk.books.attempt()
        size = SIZES[min(self._rounds // ROUNDS, len(SIZES) - 1)]
        try:
            session = self.open_session()
            while self._exists < size:
                self._exists += self._fill(session, size - self._exists)
            began = time.perf_counter()
            self._round(session, size)
        except LoadError as error:
            self.drop_session()
            self.not_done(due, error)
        else:
            self._rounds += 1
            self.done(began, took_s=time.perf_counter() - began)

    def on_stop(self) -> None:
        """Remove the mailbox, if the server does that soon enough."""
        try:
            with gevent.Timeout(REMOVE_S, exception=False):
                self.drop_session()
                if self._is_there:
                    self.open_session().delete(self._mailbox)
                    self._is_there = False
        except LoadError as error:
            self.remark("delete", error)
        finally:
            if self._is_there:
                self.desk.books.remark(phase="delete", kind=f"{self._mailbox} may be left behind")
            super().on_stop()

    def begin(self, session: ImapSession) -> None:
        """Have the mailbox."""
        if not self._is_there:
            session.create(self._mailbox)
            self._is_there = True
        else:
            # An APPEND that was cut off may have been done all the same.
            self._exists = session.select(self._mailbox).exists

    def _fill(self, session: ImapSession, missing: int) -> int:
        """Put in some of the messages that are missing; how many.

        As many in a command as the server takes, for a mailbox of 100,000 would else cost more time than all there is.
        """
        texts: list[bytes] = []
        octets = 0
        most = min(missing, AT_ONCE) if b"MULTIAPPEND" in session.offers else 1
        while len(texts) < most and octets < MOST_OCTETS:
            texts.append(self._press.press(self._exists + len(texts) + 1).text)
            octets += len(texts[-1])
        if len(texts) == 1:
            session.append(self._mailbox, texts[0])
        else:
            session.append_all(self._mailbox, texts)
        return len(texts)

    def _round(self, session: ImapSession, size: int) -> None:
        if len(self._uids) != size:
            session.select(self._mailbox)
            self._uids = [message.uid for message in session.uid_fetch("1:*", "(FLAGS)")]
        middle = self._uids[self._rounds * 7919 % len(self._uids)]  # another one each time, all over the mailbox
        steps: dict[str, Callable[[], object]] = {
            "select": lambda: session.select(self._mailbox),
            "fetch": lambda: session.uid_fetch("1:*", "(FLAGS)"),
            "search": lambda: session.uid_search("UNSEEN"),
            "fetch one message": lambda: list(session.messages([middle])),
            "store": lambda: session.uid_store(str(middle), r"+FLAGS.SILENT (\Flagged)"),
        }
        for phase, step in steps.items():
            began = time.perf_counter()
            step()
            self.desk.findings.cost(size, phase, time.perf_counter() - began)
