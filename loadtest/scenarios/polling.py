"""The `pop3-poll` scenario: mail programs that look into their maildrops now and then (RFC 1939)."""

from __future__ import annotations

import time
import zlib
from typing import Any

from loadtest.clients.pop3_client import Pop3Session
from loadtest.clients.session import LoadError
from loadtest.users import FedUser


class PollingUser(FedUser):
    """Looks into its maildrop, fetches what is new, and removes what it fetched at the visit before."""

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._known: set[bytes] | None = None
        self._fetched: set[bytes] = set()

    def turn(self, due: float) -> None:
        """One visit, from connecting to the reply to QUIT."""
        self.desk.books.attempt()
        session = None
        octets = messages = 0
        try:
            session = self.desk.dial(Pop3Session, "pop3", self.persona.account)
            session.stat()
            unique_ids = session.uidl()
            if self._known is None:
                # The program has been here before: what lies there it has.
                self._known = set(unique_ids.values())
            removed = set()
            for number, unique_id in unique_ids.items():
                if unique_id in self._fetched:
                    session.dele(number)
                    removed.add(unique_id)
                elif unique_id not in self._known:
                    text = session.retr(number)
                    octets, messages = octets + len(text), messages + 1
                    self._known.add(unique_id)
                    self._fetched.add(unique_id)
                    self.found(zlib.crc32(unique_id), text)
            session.quit()
            self._fetched -= removed
        except LoadError as error:
            self.not_done(due, error)
        else:
            self.done(due, took_s=time.perf_counter() - due, octets=octets, messages=messages)
        finally:
            if session is not None:
                session.close()
