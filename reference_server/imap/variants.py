"""Legal IMAP servers of another taste: what RFC 3501 leaves free, done differently."""

from __future__ import annotations

import re

from reference_server.imap.auth import Authenticate
from reference_server.imap.commands import Command
from reference_server.imap.core import ImapCore
from reference_server.imap.grammar import Cursor
from reference_server.imap.listing import Tree
from reference_server.imap.listing_options import Listing
from reference_server.imap.literals import TOO_LONG, RawCommand
from reference_server.imap.mailboxes import Rename, Status
from reference_server.imap.names import INBOX
from reference_server.imap.responses import is_quotable, literal, quoted
from reference_server.imap.searchkeys import Key
from reference_server.imap.session import RefusedError
from reference_server.registry import variant
from reference_server.sasl import Exchange
from reference_server.stores import Account


@variant("imap-talkative")
class Talkative(ImapCore):
    """Sends untagged data that nobody asked for before each completion (RFC 3501 §7: a client must bear it)."""

    def tagged(self, tag: bytes, status: bytes, text: bytes) -> None:
        """Adds an OK, unless the reply is itself untagged."""
        if tag != b"*":
            self.untagged(b"OK still here")
        super().tagged(tag, status, text)


@variant("imap-dotted")
class Dotted(ImapCore):
    """Levels of hierarchy are parted by a full stop, as Maildir++ has it (RFC 3501 §5.1.1)."""

    delimiter = b"."

    def name_of(self, wire_name: bytes) -> str:
        """The store has a solidus; each of the two stands for the other."""
        return super().name_of(wire_name).translate(EXCHANGED)

    def wire_name(self, name: str) -> bytes:
        """The other way round."""
        return super().wire_name(name.translate(EXCHANGED))


@variant("imap-bare")
class Bare(ImapCore):
    """Offers no extension but those that RFC 3501 asks for, and tells its capabilities only to who asks (§6.1.1)."""

    def greet(self) -> None:
        """Without a response code."""
        self.untagged(b"OK ready")

    def capabilities(self) -> list[bytes]:
        """The required ones."""
        wanted = (b"IMAP4rev1", b"STARTTLS", b"LOGINDISABLED", b"AUTH=PLAIN")
        return [name for name in super().capabilities() if name in wanted]

    def is_valid_now(self, name: bytes, command: Command) -> bool:
        """Nor does it know the commands of what it does not offer."""
        return name not in EXTENSION_COMMANDS and super().is_valid_now(name, command)

    def logged_in(self, account: Account) -> bytes:
        """Without a response code too."""
        super().logged_in(account)
        return b"welcome"


@variant("imap-says-no")
class SaysNo(ImapCore):
    """Answers NO where a command does not fit the state, as §3 leaves open, and has few words for it."""

    def complete(self, status: bytes, text: bytes) -> None:
        """NO for what comes at the wrong time."""
        untimely = status == b"BAD" and text.startswith(b"not while")
        super().complete(b"NO" if untimely else status, b"." if untimely else text)


@variant("imap-backwards")
class Backwards(ImapCore):
    """Lists names, flags and status items from the end (RFC 3501 lays down no order), and labels names as it likes."""

    def in_order(self, names: set[str]) -> list[str]:
        """INBOX last."""
        return super().in_order(names)[::-1]

    def render_flags(self, flags: frozenset[str]) -> bytes:
        """From the end."""
        return b"(" + b" ".join(super().render_flags(flags)[1:-1].split(b" ")[::-1]) + b")"

    def on_status(self, asked: Status) -> bytes:
        """From the end."""
        return super().on_status(Status(asked.mailbox, asked.items[::-1]))

    def render_mailbox(self, wire_name: bytes) -> bytes:
        """Quoted even where that is not needed, or a literal."""
        return quoted(wire_name) if is_quotable(wire_name) else literal(wire_name)

    def attributes_of(self, name: str, tree: Tree, asked: Listing) -> list[bytes]:
        """None but those that are owed: nobody has to tell of children, or of special uses, who is not asked to."""
        attributes = super().attributes_of(name, tree, asked)
        if asked.extended:
            return attributes[::-1]
        return [attribute.upper() for attribute in attributes if attribute == b"\\Noselect"]


@variant("imap-particular")
class Particular(ImapCore):
    """Refuses all that may be refused: odd names, wildcards, RENAME of INBOX, charsets, and nonsense."""

    def on_create(self, wire_name: bytes) -> bytes:
        """Letters, digits and what parts them."""
        if not PLAIN_NAME.fullmatch(wire_name):
            raise RefusedError("not with such a name", code=b"CANNOT")
        return super().on_create(wire_name)

    def on_rename(self, asked: Rename) -> bytes:
        """Not INBOX."""
        if self.name_of(asked.old) == INBOX:
            raise RefusedError("INBOX stays", code=b"CANNOT")
        return super().on_rename(asked)

    def read_keys(self, cursor: Cursor) -> Key:
        """US-ASCII only."""
        if cursor.peek(b"CHARSET UTF-8"):
            raise RefusedError("charset not supported", code=b"BADCHARSET (US-ASCII)")
        return super().read_keys(cursor)

    def on_refused_literal(self, refusal: bytes) -> None:
        """Hangs up on a line that is too long."""
        if refusal == TOO_LONG:
            self.bye(b"that is no command")
        else:
            super().on_refused_literal(refusal)

    def tag_of(self, raw: RawCommand) -> bytes:
        """Blames no command where there is any octet in it that none may have."""
        return b"*" if FOREIGN.search(raw.lines[0]) else super().tag_of(raw)


@variant("imap-soon-done")
class SoonDone(ImapCore):
    """Hangs up after a log-in that failed and after the sixth error (§3.4, §11.2), and subscribes what it creates."""

    errors = 0

    def complete(self, status: bytes, text: bytes) -> None:
        """Counts, and says BYE once it is enough."""
        self.errors += status == b"BAD"
        super().complete(status, text)
        if self.running.verb != b"LOGOUT" and (self.failed_log_ins or self.errors > MOST_ERRORS):
            self.bye(b"that will do")

    def on_create(self, wire_name: bytes) -> bytes:
        """§6.3.6 forbids only to take names off the list."""
        text = super().on_create(wire_name)
        self.user.subscribe(self.name_of(wire_name).removesuffix("/"))
        return text


MOST_ERRORS = 5
EXCHANGED = str.maketrans("./", "/.")
FOREIGN = re.compile(rb"[\x00-\x1f\x7f-\xff]")
PLAIN_NAME = re.compile(rb"[A-Za-z0-9/_-]+")

EXTENSION_COMMANDS = frozenset({
    b"ID", b"IDLE", b"NAMESPACE", b"ENABLE", b"UNSELECT", b"MOVE", b"UID MOVE", b"UID EXPUNGE",
    b"GETQUOTA", b"GETQUOTAROOT", b"SETQUOTA", b"SETACL", b"DELETEACL", b"GETACL", b"LISTRIGHTS", b"MYRIGHTS",
    b"GETMETADATA", b"SETMETADATA", b"NOTIFY", b"UNAUTHENTICATE",
    b"SORT", b"UID SORT", b"THREAD", b"UID THREAD", b"CANCELUPDATE",
})  # fmt: skip


@variant("imap-no-auth-before-tls")
class NoAuthBeforeTls(ImapCore):
    """Offers no mechanism at all before TLS, as Dovecot does with ssl=required (RFC 8314 §3.3)."""

    def is_on_offer(self, mechanism: type[Exchange]) -> bool:
        """Not even what shows no password."""
        return self.tls and super().is_on_offer(mechanism)

    def on_authenticate(self, asked: Authenticate) -> None:
        """TLS first."""
        self.require_privacy()
        super().on_authenticate(asked)
