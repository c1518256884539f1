"""Reading mailboxes closes the ledger: each message that was accepted has to be in each of its recipients' mailboxes.

Mailboxes are marked before the run, so that what lay there before is never read; after the run they are read to their
end, over and over until nothing is missing, or nothing that was missing has come for the time to settle. A server may
take its time to deliver, and as long as it works off its queue nothing is lost.
"""

from __future__ import annotations

import functools
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import gevent  # type: ignore[import-untyped]
from gevent.pool import Pool  # type: ignore[import-untyped]

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.pop3_client import Pop3Session
from loadtest.clients.session import LoadError
from loadtest.desk import Findings
from loadtest.mail.messages import identify
from loadtest.plan import LoadPlan, Route
from loadtest.target import Address

AT_ONCE = 8
"""Mailboxes that are read side by side."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
"""Between one reading and the next, twice as long each time."""


class Inbox(Protocol):
    """A mailbox that is read from where it was marked."""

    in_order: bool
    """Whether a greater number means that a message came later."""

    def mark(self) -> None:
        """Note where it ends now.

        Raises:
            LoadError: it cannot be read.
        """

    def fresh(self) -> Iterator[tuple[int, bytes]]:
        """Number and octets of each message that has come since it was marked or last read to its end.

        Raises:
            LoadError: it cannot be read; what was given out so far stands.
        """


class ImapInbox:
    """INBOX over IMAP. Messages are numbered by UID (RFC 3501 §2.3.1.1)."""

    in_order = True

    def __init__(self, route: Route) -> None:
        self._route = route
        self._next_uid = 1

    def mark(self) -> None:
        """Note the UID that comes next."""
        session = ImapSession.open(self._route, _untimed)
        try:
            selected = session.select("INBOX")
            # A server need not tell UIDNEXT (RFC 3501 §6.3.1 asks for it, older ones do not).
            self._next_uid = selected.uid_next or max(session.uid_search("ALL"), default=0) + 1
        finally:
            session.close()

    def fresh(self) -> Iterator[tuple[int, bytes]]:
        """All from that UID on."""
        session = ImapSession.open(self._route, _untimed)
        try:
            session.select("INBOX")
            for uid, octets in session.messages(session.uids_from(self._next_uid)):
                yield uid, octets
                self._next_uid = max(self._next_uid, uid + 1)
        finally:
            session.close()


class Pop3Inbox:
    """A maildrop over POP3. Messages are numbered by a checksum of their unique-id (RFC 1939 §7), in no order."""

    in_order = False

    def __init__(self, route: Route) -> None:
        self._route = route
        self._known: set[bytes] = set()

    def mark(self) -> None:
        """Note the unique-ids of what is there."""
        session = Pop3Session.open(self._route, _untimed)
        try:
            self._known = set(session.uidl().values())
            session.quit()
        finally:
            session.close()

    def fresh(self) -> Iterator[tuple[int, bytes]]:
        """All with another unique-id."""
        session = Pop3Session.open(self._route, _untimed)
        try:
            for number, unique_id in session.uidl().items():
                if unique_id not in self._known:
                    yield zlib.crc32(unique_id), session.retr(number)
                    self._known.add(unique_id)
            session.quit()
        finally:
            session.close()


class Audit:
    """The mailboxes that close the ledger of one run."""

    def __init__(self, plan: LoadPlan, inboxes: Mapping[str, Inbox]) -> None:
        self._plan = plan
        self._inboxes = inboxes

    def mark(self) -> None:
        """Note where each mailbox ends.

        Raises:
            LoadError: one of them cannot be read.
        """
        for inbox in self._inboxes.values():
            inbox.mark()

    def close(
        self,
        findings: Findings,
        run_id: str,
        *,
        on_reading: Callable[[int], None] = lambda missing: None,
    ) -> None:
        """Read until nothing is missing, or what is missing does not come; `on_reading` is told how much that is.

        Where a mailbox cannot be read to its end the ledger stays open, and the books say why. Ended from outside by a
        GreenletExit or a time-out, it leaves the ledger open too.
        """
        if not self._inboxes:
            return
        settled_at = time.perf_counter() + self._plan.settle_s
        pause_s = FIRST_PAUSE_S
        watched = False
        waited_for = findings.ledger.missing()
        while True:
            over = time.perf_counter() >= settled_at
            look = functools.partial(self._read, findings, run_id, watched)
            read = Pool(AT_ONCE).map(look, self._inboxes)
            missing = findings.ledger.missing()
            on_reading(missing)
            if not watched:
                findings.backlog = missing
            if missing < waited_for:
                settled_at = time.perf_counter() + self._plan.settle_s
                over = False
            if not missing or over:
                findings.mailboxes_read = all(read)
                return
            gevent.sleep(min(pause_s, max(settled_at - time.perf_counter(), 0.0)))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            watched, waited_for = True, missing

    def _read(self, findings: Findings, run_id: str, watched: bool, mailbox: str) -> bool:  # noqa: FBT001
        """Whether it could be read to its end."""
        inbox = self._inboxes[mailbox]
        try:
            for uid, octets in inbox.fresh():
                note_found(self._plan, findings, run_id, mailbox, uid, octets, watched=watched, in_order=inbox.in_order)
        except LoadError as error:
            findings.books.remark(phase="audit", kind=f"{mailbox}: {error}")
            return False
        return True


def inboxes_of(plan: LoadPlan, addresses: Mapping[str, Address]) -> dict[str, Inbox]:
    """The mailboxes of a plan that can be read, by mail address: over IMAP where a server gives them out so."""
    mailboxes = list(dict.fromkeys(slot for persona in plan.personas for slot in plan.slots_of(persona)))
    kinds: tuple[tuple[str, Callable[[Route], Inbox]], ...] = (("imap", ImapInbox), ("pop3", Pop3Inbox))
    for role, kind in kinds:
        endpoint = plan.endpoint(role)
        if endpoint is not None:
            address = addresses[endpoint.role]
            return {mailbox: kind(plan.route(endpoint, address, plan.readers[mailbox])) for mailbox in mailboxes}
    return {}


def note_found(
    plan: LoadPlan,
    findings: Findings,
    run_id: str,
    mailbox: str,
    uid: int,
    octets: bytes,
    *,
    watched: bool,
    in_order: bool = True,
) -> bool:
    """Put a message that was found in a mailbox into the ledger; whether it was new there."""
    ledger = findings.ledger
    seen = identify(octets, run_id)
    slots = plan.slots_of(plan.persona_of(seen.identity.sender)) if seen is not None else ()
    if seen is None or mailbox not in slots:
        ledger.foreign(mailbox, uid)
        return False
    return ledger.close(
        seen.identity,
        mailbox=mailbox,
        slot=slots.index(mailbox),
        uid=uid,
        digest=seen.digest,
        at_s=time.perf_counter() - findings.books.began,
        watched=watched,
        in_order=in_order,
    )


def _untimed(phase: str, seconds: float) -> None:
    """Reading afterwards is no part of the load."""
