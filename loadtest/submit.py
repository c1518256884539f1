"""The `submit` scenario: mail programs handing in messages (RFC 5321, RFC 6409)."""

from __future__ import annotations

import time
from typing import Any

from loadtest.messages import MessagePress
from loadtest.session import BrokenError, LoadError, MissingOfferError, RefusedError
from loadtest.smtp_client import Envelope, SmtpSession
from loadtest.users import MailUser

FAREWELL_S = 0.3
"""How long a user whose run is over waits for the reply to its QUIT."""


class SubmittingUser(MailUser):
    """A person's mail program handing in messages of one size, as a rule one for each connection.

    The message is begun before the connection is, so that a server that cannot be reached costs a message too.
    """

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        plan = self.desk.plan
        self._route = self.desk.route("smtp", self.persona.account)
        self._envelope = Envelope(self.persona.sender, self.persona.recipients)
        self._press = MessagePress(self.desk.letterhead(self.number), octets=int(plan.messages), seed=plan.seed)
        self._slots = len(plan.slots_of(self.persona))
        self._session: SmtpSession | None = None
        self._left_in_session = 0

    def turn(self, due: float) -> None:
        """Hand in one message, opening a session for it if there is none."""
        books, ledger, plan = self.desk.books, self.desk.ledger, self.desk.plan
        books.attempt()
        message = self._press.press(ledger.entered + 1)
        number = ledger.enter(message.digest, slots=self._slots)
        session = self._session
        try:
            if session is None or not session.is_open:
                session = self._session = None
                session = self._session = SmtpSession.open(self._route, books.latency)
                self._left_in_session = plan.messages_per_session
            submit_s = session.submit(self._envelope, message.wire, pipelining=plan.pipelining)
        except RefusedError as refusal:
            now = time.perf_counter()
            ledger.refused(number)
            books.refuse(code=refusal.code, text=refusal.what, now=now)
            self._trouble(refusal, now - due)
        except (BrokenError, MissingOfferError) as error:
            now = time.perf_counter()
            (ledger.unconfirmed if _sent(session) else ledger.failed)(number)
            books.fail(phase=error.phase, kind=error.what, now=now)
            self._trouble(error, now - due)
        except BaseException:
            # The run is over and this greenlet is being ended: the message stays where it is.
            if _sent(session):
                ledger.unconfirmed(number)
            self._drop()
            raise
        else:
            now = time.perf_counter()
            ledger.accepted(number, now - books.began)
            books.done(octets=message.octets, took_s=now - due if plan.arrivals else submit_s, now=now)
            self.went_well()
            self.report("submit", seconds=submit_s, octets=message.octets)
            self._left_in_session -= 1
            if self._left_in_session == 0:
                self._quit(within_s=None)

    def on_stop(self) -> None:
        """Leave as a polite client does, but not for long."""
        if self._session is not None and self._session.is_open:
            self._quit(within_s=FAREWELL_S)

    def _quit(self, *, within_s: float | None) -> None:
        session, self._session = self._session, None
        assert session is not None
        try:
            session.quit(within_s=within_s)
        except LoadError as error:
            # A reply's text is the server's own and without end; only kinds are counted.
            self.desk.books.remark(phase="quit", kind="refused" if isinstance(error, RefusedError) else error.what)

    def _trouble(self, error: LoadError, seconds: float) -> None:
        self.had_trouble()
        self.report("submit", seconds=seconds, octets=0, error=error)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _sent(session: SmtpSession | None) -> bool:
    """Whether this message's text went out whole; a session that was never opened sent nothing."""
    return session is not None and session.sent_final_dot
