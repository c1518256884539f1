"""The `imap-sync` scenario: mail programs that keep a copy of a mailbox, as Thunderbird does (RFC 4549)."""

from __future__ import annotations

import time
from typing import Any

from loadtest.clients.imap_answers import number, uid_set
from loadtest.clients.imap_client import BATCH, ImapSession
from loadtest.clients.session import LoadError
from loadtest.scenarios.attending import AttendingUser
from loadtest.scenarios.mailbox_copy import MailboxCopy, to_be_read

ROUNDS_A_SESSION = 10
MOST_OTHERS = 5
"""Other mailboxes whose STATUS is asked for in a round."""

ENABLED = (b"CONDSTORE", b"QRESYNC", b"UTF8=ACCEPT")
"""What is enabled where it is offered (RFC 7162 §3.1, §3.2.3; RFC 6855 §3)."""

HEADER_FIELDS = (
    "FROM TO CC BCC SUBJECT DATE MESSAGE-ID PRIORITY X-PRIORITY REFERENCES NEWSGROUPS IN-REPLY-TO CONTENT-TYPE REPLY-TO"
)
"""Those that a list of messages with threads is made of."""


class SyncingUser(AttendingUser):
    """Brings its copy of INBOX up to date."""

    abstract = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._rounds_left = 0
        self._copy = MailboxCopy()
        self._others: list[str] = []

    def turn(self, due: float) -> None:
        """One synchronisation, with the log-in where the session is new."""
        self.desk.books.attempt()
        is_woken, self.is_woken = self.is_woken, False
        began = time.perf_counter()
        try:
            session = self.attend()
            octets, messages = self._synchronise(session)
            if not is_woken:
                for name in self._others:
                    session.status(name)
            self._rounds_left -= 1
        except LoadError as error:
            self.drop_session()
            self.not_done(due, error)
        else:
            self.done(due, took_s=time.perf_counter() - began, octets=octets, messages=messages)
            if not self._rounds_left:
                self.log_out()

    def begin(self, session: ImapSession) -> None:
        """Find out what the server can do and what there is, and bring the flags of INBOX up to date."""
        self._rounds_left = ROUNDS_A_SESSION
        offers = session.offers
        enabled: frozenset[bytes] = frozenset()
        wanted = [name for name in ENABLED if name in offers]
        if wanted and offers & {b"ENABLE", b"IMAP4REV2"}:
            enabled = session.enable(*wanted)
        if offers & {b"NAMESPACE", b"IMAP4REV2"}:
            session.namespace()
        # Without LIST-EXTENDED a server that knows special uses tells of them unasked (RFC 6154 §2).
        extended = offers & {b"LIST-EXTENDED", b"IMAP4REV2"} and offers & {b"SPECIAL-USE", b"IMAP4REV2"}
        names = session.list_mailboxes(options=b"RETURN (SPECIAL-USE)" if extended else b"")
        self._others = [name for name in names if name.upper() != "INBOX"][:MOST_OTHERS]
        copy = self._copy
        parameters = copy.select_parameters(enabled, offers)
        selected = session.select("INBOX", parameters)
        asked = copy.flags_to_ask_for(selected, parameters)
        known = session.uid_fetch(*asked) if asked is not None else []
        if copy.take(selected, greatest_uid=max((message.uid for message in known), default=0)):
            self.desk.books.remark(phase="select", kind="UIDVALIDITY is another, and the copy worth nothing")
        self.opened(session)

    def _synchronise(self, session: ImapSession) -> tuple[int, int]:
        """Octets and number of messages that were read whole."""
        copy = self._copy
        # The last message is named even where its UID is smaller (RFC 9051 §6.4.9).
        told = session.uid_fetch(f"{copy.next_uid}:*", "(FLAGS)") if session.exists else []
        new = sorted({message.uid for message in told if message.uid >= copy.next_uid})
        sizes: dict[int, int] = {}
        for start in range(0, len(new), BATCH):
            uids = uid_set(new[start : start + BATCH]).decode()
            listed = session.uid_fetch(uids, f"(RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({HEADER_FIELDS})])")
            sizes |= {message.uid: number(message.items.get(b"RFC822.SIZE")) or 0 for message in listed}
        # What is not read whole is not lost: the mailboxes are read to their end after the run.
        copy.next_uid = max([copy.next_uid, *(uid + 1 for uid in new)])
        octets = messages = 0
        for uid, text in session.messages(to_be_read(sizes)):
            octets, messages = octets + len(text), messages + 1
            self.found(uid, text)
        return octets, messages
