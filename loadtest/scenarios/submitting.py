"""Mail handed in: `submit` by people's mail programs (RFC 6409), `relay` from server to server (RFC 5321 §3.6),
`lmtp` by a server to the one that keeps the mailboxes (RFC 2033).
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from loadtest.clients.session import LoadError
from loadtest.outbox import Outbox
from loadtest.users import MailUser

FAREWELL_S = 0.3
"""How long a user whose run is over waits for the reply to its QUIT."""


class TransmittingUser(MailUser):
    """Somebody handing in messages over SMTP or LMTP, so many in each session.

    Where nothing stands between two messages and --pipelining is on, a message's envelope goes out in one write with
    the text before (RFC 2920 §3.1).
    """

    abstract = True
    role: ClassVar[str]
    logs_in: ClassVar[bool | None] = None
    """Whether sessions are logged in; None where that depends on whether it is submission."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        plan = self.desk.plan
        self._outbox = Outbox(
            self.desk, self.number, self.role, logs_in=self.logs_in, messages_per_session=plan.messages_per_session
        )
        self._route = self._outbox.route
        self._read = self._outbox.mailboxes
        self._pipelining = plan.pipelining

    def turn(self, due: float) -> None:
        """Hand in one message."""
        self.desk.books.attempt()
        pipelining = self._pipelining
        try:
            number, octets, submit_s, now = self._outbox.hand_in(
                pipelining=pipelining, another=pipelining and self.goes_straight_on
            )
        except LoadError as error:
            self.not_done(due, error)
            return
        self.accepted(due, number, octets=octets, submit_s=submit_s, now=now)
        if self._outbox.is_used_up:
            self._outbox.quit()

    def accepted(self, due: float, number: int, *, octets: int, submit_s: float, now: float) -> None:
        """The server has taken the message of this number: here the operation ends."""
        self.desk.books.done(octets=octets, took_s=now - due if self.desk.plan.arrivals else submit_s, now=now)
        self.went_well()
        self.report("submit", seconds=submit_s, octets=octets)

    def rest(self) -> None:
        """Nothing to hand in for a while."""
        self._outbox.quit(within_s=FAREWELL_S)

    def on_stop(self) -> None:
        """Leave as a polite client does, but not for long."""
        if self._outbox.has_envelope_ahead:
            # The server waits for a text, and there is one more: nothing that was begun is left undone.
            self.turn(time.perf_counter())
        self.rest()


class SubmittingUser(TransmittingUser):
    """A person's mail program: as a rule it logs in and hands in one message for each connection."""

    abstract = False
    role = "smtp"
    logs_in = True


class RelayingUser(TransmittingUser):
    """A mail server that passes mail on to another: no log-in, many messages in a session."""

    abstract = False
    pools_sessions = True
    role = "smtp"
    logs_in = False


class DeliveringServer(TransmittingUser):
    """A mail server that hands mail to the one that keeps the mailboxes: a reply for each recipient."""

    abstract = False
    pools_sessions = True
    role = "lmtp"
    logs_in = False
