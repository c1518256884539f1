"""APPEND (RFC 3501 §6.3.11; APPENDUID, RFC 4315 §3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reference_server.imap.grammar import Cursor
from reference_server.imap.names import Names, parse_mailbox
from reference_server.imap.session import RefusedError
from reference_server.imap.storing import can_be_kept
from reference_server.stores import Mailbox, OverQuotaError


@dataclass(frozen=True, slots=True)
class Append:
    """Arguments of APPEND: the mailbox as on the wire. A date may have the form of one and yet be none."""

    mailbox: bytes
    flags: tuple[str, ...]
    internal_date: datetime | None
    octets: bytes
    date_is_right: bool


def parse_append(cursor: Cursor) -> Append:
    """`append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal`."""
    mailbox = parse_mailbox(cursor)
    cursor.space()
    flags: list[str] = []
    if cursor.peek(b"("):
        flags = cursor.flag_list()
        cursor.space()
    internal_date: datetime | None = None
    date_is_right = True
    if cursor.peek(b'"'):
        internal_date = cursor.date_time()
        date_is_right = internal_date is not None
        cursor.space()
    return Append(mailbox, tuple(flags), internal_date, cursor.literal(), date_is_right)


class AppendCommand(Names):
    """Mixin: APPEND."""

    def on_append(self, asked: Append) -> bytes:
        """Answer APPEND. If the mailbox is selected, EXISTS goes out before the OK, as with every command."""
        mailbox = self.target(asked.mailbox)
        self.require_fit(asked)
        flags = frozenset(flag for flag in asked.flags if can_be_kept(flag))
        uid = self.append_to(mailbox, asked.octets, flags, asked.internal_date)
        return self.append_uid(mailbox, uid) + b"APPEND completed"

    def append_uid(self, mailbox: Mailbox, uid: int) -> bytes:
        """The APPENDUID code and a space (RFC 4315 §3)."""
        return b"[APPENDUID %d %d] " % (self.validity_of(mailbox), uid)

    def require_fit(self, asked: Append) -> None:
        """Refuse what has the right form and yet cannot be stored: NO, not BAD (RFC 3501 §6.3.11)."""
        if not asked.date_is_right:
            raise RefusedError("there is no such moment")
        # CHAR8 is any octet but NUL (RFC 3501 §9): what came in this way has to be able to go out again.
        if b"\0" in asked.octets:
            raise RefusedError("the message has a NUL in it")

    def append_to(self, mailbox: Mailbox, octets: bytes, flags: frozenset[str], internal_date: datetime | None) -> int:
        """Store the message with just these flags, \\Recent and that date, or now (RFC 3501 §6.3.11); its UID.

        Raises:
            RefusedError: the account has no room for it (RFC 9208 §4.3.1).
        """
        try:
            return mailbox.append(octets, flags=flags, internal_date=internal_date)
        except OverQuotaError as error:
            raise RefusedError(str(error), code=b"OVERQUOTA") from error
