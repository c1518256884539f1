"""A scenario of one's own: somebody sends a newsletter, in bursts of ten messages with a pause between.

mailspec load docs/examples/newsletter.py smtp://127.0.0.1:2525 --users 3 --run-time 30s
"""

from __future__ import annotations

import time

import gevent  # type: ignore[import-untyped]

from loadtest.clients.session import LoadError
from loadtest.outbox import Outbox
from loadtest.users import MailUser

BURST = 10
PAUSE_S = 0.5


class NewsletterUser(MailUser):
    """Hands in a burst, then rests. An operation is a burst, and counts ten messages."""

    abstract = False
    operations = "bursts"
    headline = "operation"

    def turn(self, due: float) -> None:
        """One burst. `due` is when it was to begin; the ledger is told by the outbox, the books by us."""
        self.desk.books.attempt()
        began = time.perf_counter()
        outbox = Outbox(self.desk, self.number, "any")
        try:
            for _ in range(BURST):
                outbox.send()
        except LoadError as error:
            self.not_done(due, error)
        else:
            self.done(due, took_s=time.perf_counter() - began, messages=BURST)
            gevent.sleep(PAUSE_S)
        finally:
            outbox.close()
