"""GETMETADATA and SETMETADATA (RFC 5464): notes on mailboxes and on the server, shared or each user's own.

What one user keeps private about another's mailbox is stored there under his name. Entry names are the same in any
case; here they are in small letters. Special uses can be read as `/private/specialuse` (RFC 6154 §4).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reference_server.imap.enable import METADATA, EnableCommand
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.mailboxes import MailboxCommands
from reference_server.imap.names import parse_mailbox
from reference_server.imap.rights import ANNOTATING
from reference_server.imap.session import RefusedError
from reference_server.imap.watching import Watching
from reference_server.stores import Mailbox

MAX_VALUE_OCTETS = 65_536
"""Octets of one value; 1024 is the least that RFC 5464 §4.1 allows."""

MAX_ENTRIES = 100
"""Entries of one user and those shared, for one mailbox or the server; 10 is the least that RFC 5464 §4.1 allows."""

# entry = astring    ; slash-separated path to entry, no "*" or "%"                          (RFC 5464 §5, §3.2)
COMPONENT = r"/[^\x00-\x19\x80-\U0010ffff/*%]+"
ENTRY = re.compile(rf"/(?:shared|private)(?!/vendor(?:/|\Z)(?!{COMPONENT[1:]}{COMPONENT}))(?:{COMPONENT})+")
SCOPE = re.compile(rf"/(?:shared|private)(?:{COMPONENT})*")

SHARED, PRIVATE = "/shared/", "/private/"
SPECIAL_USE = "/private/specialuse"
ADMIN = "/shared/admin"

DEPTHS: Mapping[bytes, int] = {b"0": 0, b"1": 1, b"INFINITY": 1 << 16}
"""How many levels below an entry are meant (RFC 5464 §4.2.2)."""


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """Arguments of GETMETADATA: the mailbox as on the wire, empty for the server."""

    mailbox: bytes
    entries: tuple[str, ...]
    max_size: int | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """Arguments of SETMETADATA: of an entry that comes twice the last value; None removes."""

    mailbox: bytes
    values: Mapping[str, bytes | None]


def parse_getmetadata(cursor: Cursor) -> GetMetadata:
    """`getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries`.

    The examples of RFC 5464 have the options behind the mailbox, against its ABNF; clients do either, so both is taken.
    """
    options: dict[bytes, int] = {}
    if cursor.peek(b" ("):
        cursor.space()
        options = _options(cursor)
    mailbox = parse_mailbox(cursor)
    cursor.space()
    if not options and cursor.match(OPTION_AHEAD):
        options = _options(cursor)
        cursor.space()
    entries = parse_entries(cursor)
    return GetMetadata(mailbox, entries, options.get(b"MAXSIZE"), options.get(b"DEPTH", 0))


OPTION_AHEAD = re.compile(rb"(?=\((?:MAXSIZE|DEPTH) )", re.IGNORECASE)


def _options(cursor: Cursor) -> dict[bytes, int]:
    found: dict[bytes, int] = {}

    def option() -> None:
        name = cursor.atom()
        cursor.space()
        if name in found:
            raise GrammarError("an option comes twice")
        if name == b"MAXSIZE":
            found[name] = cursor.number()
        elif name == b"DEPTH" and (depth := DEPTHS.get(cursor.atom())) is not None:
            found[name] = depth
        else:
            raise GrammarError("no such option")

    cursor.list_of(option)
    return found


def parse_entries(cursor: Cursor) -> tuple[str, ...]:
    """`entries = entry / "(" entry *(SP entry) ")"`, each once; a scope alone is taken too, for what is below it."""
    if cursor.peek(b"("):
        return tuple(dict.fromkeys(cursor.list_of(lambda: _entry(cursor, SCOPE))))
    return (_entry(cursor, SCOPE),)


def parse_setmetadata(cursor: Cursor) -> SetMetadata:
    """`setmetadata = "SETMETADATA" SP mailbox SP entry-values`."""
    mailbox = parse_mailbox(cursor)
    cursor.space()

    def entry_value() -> tuple[str, bytes | None]:
        entry = _entry(cursor, ENTRY)
        cursor.space()
        return entry, cursor.literal8() if cursor.peek(b"~") else cursor.nstring()

    return SetMetadata(mailbox, dict(cursor.list_of(entry_value)))


def _entry(cursor: Cursor, pattern: re.Pattern[str]) -> str:
    entry = cursor.astring().decode("latin-1").lower()
    if not pattern.fullmatch(entry):
        raise GrammarError("no such entry name")
    return entry


class MetadataCommands(Watching, MailboxCommands, EnableCommand):
    """Mixin: metadata, and telling who asked for it what others changed."""

    def on_getmetadata(self, asked: GetMetadata) -> bytes:
        """Answer GETMETADATA; what is too long for the client is told only in its size (RFC 5464 §4.2)."""
        if asked.mailbox:
            mailbox = self.annotated(asked.mailbox)
            name, values = self.wire_name(self.full_name(mailbox)), self.metadata_of(mailbox)
        else:
            name, values = b"", self.server_metadata()
        chosen = self.chosen(values, asked)
        too_long = {entry: len(value) for entry, value in chosen.items() if value and self.is_too_long(value, asked)}
        self.tell_metadata(name, {entry: value for entry, value in chosen.items() if entry not in too_long})
        code = b"[METADATA LONGENTRIES %d] " % max(too_long.values()) if too_long else b""
        return code + b"GETMETADATA completed"

    def is_too_long(self, value: bytes, asked: GetMetadata) -> bool:
        """Whether the client does not want a value of that size (RFC 5464 §4.2.1)."""
        return asked.max_size is not None and len(value) > asked.max_size

    def chosen(self, values: Mapping[str, bytes], asked: GetMetadata) -> dict[str, bytes | None]:
        """The entries that were asked for; what is not there is NIL, unless more was asked for than that."""
        chosen: dict[str, bytes | None] = {}
        for entry in asked.entries:
            if entry in values or not asked.depth:
                chosen[entry] = values.get(entry)
            below = (each for each in sorted(values) if each.startswith(entry + "/"))
            chosen.update({each: values[each] for each in below if each.count("/") - entry.count("/") <= asked.depth})
        return chosen

    def tell_metadata(self, wire_name: bytes, values: Mapping[str, bytes | None]) -> None:
        """One METADATA response with values, if there are any (RFC 5464 §4.4.1)."""
        if values:
            pairs = (self.render_mailbox(entry.encode()) + b" " + self.render_value(values[entry]) for entry in values)
            self.untagged(b"METADATA %b (%b)" % (self.render_metadata_name(wire_name), b" ".join(pairs)))

    def render_metadata_name(self, wire_name: bytes) -> bytes:
        """The mailbox; the empty name is the server's."""
        return self.render_mailbox(wire_name) if wire_name else b'""'

    def render_value(self, value: bytes | None) -> bytes:
        """`value = nstring / literal8`: the latter only where a NUL leaves no choice."""
        return b"~" + self.render_literal(value) if value and b"\0" in value else self.render_nstring(value)

    def on_setmetadata(self, asked: SetMetadata) -> bytes:
        """Answer SETMETADATA: all of it or nothing (RFC 5464 §4.3)."""
        mailbox = self.annotated(asked.mailbox) if asked.mailbox else None
        before = self.server_metadata() if mailbox is None else self.metadata_of(mailbox)
        self.require_settable(asked, before)
        for entry, value in asked.values.items():
            if mailbox is None:
                self.user.annotate(entry, value)
            else:
                mailbox.annotate(self.key_of(mailbox, entry), value)
        if self.tells_metadata_of(mailbox):
            # The client knows what it did itself (RFC 5464 §4.3).
            self.note_metadata(mailbox)
        return b"SETMETADATA completed"

    def require_settable(self, asked: SetMetadata, before: Mapping[str, bytes]) -> None:
        """Refuse all if one value cannot be set (RFC 5464 §4.3, §3.3)."""
        for entry, value in asked.values.items():
            if value is not None and len(value) > MAX_VALUE_OCTETS:
                raise RefusedError("the value is too long", code=b"METADATA MAXSIZE %d" % MAX_VALUE_OCTETS)
            if entry == SPECIAL_USE:
                raise RefusedError("special uses are given by CREATE", code=b"CANNOT")
            if not asked.mailbox and entry.startswith(SHARED):
                raise RefusedError("what all users share is set by the operator", code=b"NOPERM")
        after = {**before, **asked.values}
        if sum(value is not None for value in after.values()) > max(MAX_ENTRIES, len(before)):
            raise RefusedError("too many entries", code=b"METADATA TOOMANY")

    def annotated(self, wire_name: bytes) -> Mailbox:
        """The mailbox of that name, if the user may read and set its metadata (RFC 5464 §3.3)."""
        mailbox = self.permitted(wire_name, "l")
        if not self.rights_on(mailbox) & ANNOTATING:
            raise RefusedError("you may not do that there", code=b"NOPERM")
        return mailbox

    def metadata_of(self, mailbox: Mailbox) -> dict[str, bytes]:
        """What this user can see of a mailbox's metadata."""
        private = self.key_of(mailbox, PRIVATE)
        start = len(private) - len(PRIVATE)
        values = {
            entry[start:] if entry.startswith(private) else entry: value
            for entry, value in mailbox.annotations.items()
            if entry.startswith((private, SHARED))
        }
        uses = mailbox.special_uses if self.owns(mailbox) else ()
        return {**values, SPECIAL_USE: " ".join(sorted(uses)).encode("ascii")} if uses else values

    def key_of(self, mailbox: Mailbox, entry: str) -> str:
        """The name under which a mailbox has that entry of this user."""
        return entry if self.owns(mailbox) or not entry.startswith(PRIVATE) else self.user.name + entry

    def server_metadata(self) -> dict[str, bytes]:
        """What this user can see of the server's metadata: his own, and whom to write to (RFC 5464 §3.2.1.1)."""
        private = {entry: value for entry, value in self.user.annotations.items() if entry.startswith(PRIVATE)}
        return {**private, ADMIN: f"mailto:postmaster@{self.settings.hostname}".encode("ascii", "replace")}

    # What others change is told to who enabled METADATA, and to nobody else (RFC 5464 §4.1).

    def enable(self, name: bytes) -> None:
        """From METADATA on, what is there by now counts as known."""
        super().enable(name)
        if name == METADATA:
            self.watch_metadata()

    def watch_metadata(self) -> None:
        """Hear of changes to every mailbox that the user can see, and to what he has noted about the server."""
        boxes = [box for name in self.names() if (box := self.mailbox_named(name)) is not None]
        self.watch_accounts([self.user, *map(self.account_of, boxes)])
        self._known = {box.mailbox_id: self.metadata_of(box) for box in boxes} | {"": self.server_metadata()}

    def note_metadata(self, mailbox: Mailbox | None) -> list[str]:
        """The client knows the metadata of that mailbox, or of the server; the names of what it did not know."""
        key = "" if mailbox is None else mailbox.mailbox_id
        values = self.server_metadata() if mailbox is None else self.metadata_of(mailbox)
        before = self._known.get(key, {})
        self._known = {**self._known, key: values}
        return sorted(entry for entry in {*before, *values} if before.get(entry) != values.get(entry))

    def tell_touched(self, touched: set[tuple[str, str]]) -> None:
        """Tell, by name only, which entries have changed (RFC 5464 §4.4.2)."""
        super().tell_touched(touched)
        for owner, name in sorted(touched):
            full_name = self.name_among(owner, name)
            mailbox = self.mailbox_named(full_name) if name else None
            if (mailbox is None and name) or not self.tells_metadata_of(mailbox):
                continue
            if entries := self.note_metadata(mailbox):
                wire_name = self.wire_name(full_name) if name else b""
                names = (self.render_mailbox(entry.encode()) for entry in entries)
                self.untagged(b"METADATA %b %b" % (self.render_metadata_name(wire_name), b" ".join(names)))

    def tells_metadata_of(self, mailbox: Mailbox | None) -> bool:
        """Whether the client asked to be told of that mailbox's metadata, or the server's."""
        return METADATA in self.enabled

    _known: Mapping[str, dict[str, bytes]] = {}
