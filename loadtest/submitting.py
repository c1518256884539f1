"""Mail handed in: `submit` by people's mail programs (RFC 6409), `relay` from server to server (RFC 5321 §3.6),
`lmtp` by a server to the one that keeps the mailboxes (RFC 2033).
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from loadtest.session import BrokenError, LoadError, MissingOfferError, RefusedError
from loadtest.smtp_client import Envelope, SmtpSession
from loadtest.supply import press_of
from loadtest.users import MailUser

FAREWELL_S = 0.3
"""How long a user whose run is over waits for the reply to its QUIT."""


class TransmittingUser(MailUser):
    """Somebody handing in messages of one size over SMTP or LMTP, so many in each session.

    The message is begun before the connection is, so that a server that cannot be reached costs a message too. Where
    nothing stands between two messages and --pipelining is on, a message's envelope goes out in one write with the text
    before (RFC 2920 §3.1).
    """

    abstract = True
    role: ClassVar[str]
    logs_in: ClassVar[bool] = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        plan = self.desk.plan
        self._route = self.desk.route(self.role, self.persona.account if self.logs_in else None)
        self._envelope = Envelope(self.persona.sender, self.persona.recipients)
        self._press = press_of(self.desk.letterhead(self.number), plan.messages, seed=plan.seed)
        self._read = plan.slots_of(self.persona)
        self._session: SmtpSession | None = None
        self._left_in_session = 0

    def turn(self, due: float) -> None:
        """Hand in one message, opening a session for it if there is none."""
        books, ledger, plan = self.desk.books, self.desk.ledger, self.desk.plan
        books.attempt()
        message = self._press.press(ledger.entered + 1)
        number = ledger.enter(message.digest, sender=self.number, slots=len(self._read))
        session = self._session
        try:
            if session is None or not session.is_open:
                session = self._session = None
                session = self._session = SmtpSession.open(self._route, books.latency, judge=self.desk.judge)
                self._left_in_session = plan.messages_per_session
            another = plan.pipelining and self._left_in_session != 1 and self.goes_straight_on
            submit_s = session.submit(
                self._envelope, message.wire, pipelining=plan.pipelining, then=self._envelope if another else None
            )
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
            if session.refusals or session.unanswered:
                self._note_accepted_in_part(session, number, now)
            else:
                ledger.accepted(number, now - books.began)
            self.accepted(due, number, octets=message.octets, submit_s=submit_s, now=now)
            self._left_in_session -= 1
            if self._left_in_session == 0:
                self._quit(within_s=None)

    def accepted(self, due: float, number: int, *, octets: int, submit_s: float, now: float) -> None:
        """The server has taken the message of this number: here the operation ends."""
        self.desk.books.done(octets=octets, took_s=now - due if self.desk.plan.arrivals else submit_s, now=now)
        self.went_well()
        self.report("submit", seconds=submit_s, octets=octets)

    def on_stop(self) -> None:
        """Leave as a polite client does, but not for long."""
        session = self._session
        if session is not None and session.is_open and session.has_envelope_ahead:
            # The server waits for a text, and there is one more: nothing that was begun is left undone.
            self.turn(time.perf_counter())
        if self._session is not None and self._session.is_open:
            self._quit(within_s=FAREWELL_S)

    def _note_accepted_in_part(self, session: SmtpSession, number: int, now: float) -> None:
        """The message counts as accepted; the ledger expects it nowhere where it was refused, or in doubt."""
        books = self.desk.books
        for refusal in session.refusals:
            books.remark(phase=refusal.error.phase, kind=f"recipient refused with {refusal.error.code}")
        for _ in session.unanswered:
            books.remark(phase="final_dot", kind="no reply for a recipient")
        not_taken = {self.persona.recipients[r.slot] for r in session.refusals}
        not_taken |= {self.persona.recipients[slot] for slot in session.unanswered}
        slots = tuple(slot for slot, recipient in enumerate(self._read) if recipient in not_taken)
        self.desk.ledger.accepted(number, now - books.began, refused_slots=slots)

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


class SubmittingUser(TransmittingUser):
    """A person's mail program: as a rule it logs in and hands in one message for each connection."""

    abstract = False
    role = "smtp"
    logs_in = True


class RelayingUser(TransmittingUser):
    """A mail server that passes mail on to another: no log-in, many messages in a session."""

    abstract = False
    role = "smtp"


class DeliveringServer(TransmittingUser):
    """A mail server that hands mail to the one that keeps the mailboxes: a reply for each recipient."""

    abstract = False
    role = "lmtp"


def _sent(session: SmtpSession | None) -> bool:
    """Whether this message's text went out whole; a session that was never opened sent nothing."""
    return session is not None and session.sent_final_dot
