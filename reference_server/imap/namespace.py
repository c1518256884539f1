"""NAMESPACE (RFC 2342) and ID (RFC 2971): what client and server tell of themselves."""

from __future__ import annotations

from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.names import DELIMITER, OTHER_USERS, Names
from reference_server.imap.responses import parenthesized

MAX_ID_PAIRS = 30
MAX_ID_FIELD_OCTETS = 30
MAX_ID_VALUE_OCTETS = 1024
"""RFC 2971 §3.3."""

IDENTITY = ((b"name", b"mailspec reference server"),)
"""What ID tells: a name is enough to tell servers apart; a version would help an attacker most (RFC 2971 §4)."""


def parse_id(cursor: Cursor) -> None:
    """`id = "ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / nil)`; what it says is of no use here."""
    cursor.space()
    if not cursor.peek(b"("):
        if cursor.nstring() is not None:
            raise GrammarError("expected a list or NIL")
        return

    def pair() -> bytes:
        name = cursor.string()
        cursor.space()
        if len(name) > MAX_ID_FIELD_OCTETS or len(cursor.nstring() or b"") > MAX_ID_VALUE_OCTETS:
            raise GrammarError("field or value too long")
        return name.upper()

    names = cursor.list_of(pair, may_be_empty=True)
    if len(names) > MAX_ID_PAIRS or len(set(names)) < len(names):
        raise GrammarError("too many fields, or one twice")


class Namespace(Names):
    """Mixin: NAMESPACE and ID."""

    def on_namespace(self, _: None) -> bytes:
        """Answer NAMESPACE: a personal one without prefix, one for what other users share, none that nobody owns."""
        others = self.render_string(self.wire_name(OTHER_USERS + DELIMITER))
        self.untagged(b'NAMESPACE (("" "%b")) ((%b "%b")) NIL' % (self.delimiter, others, self.delimiter))
        return b"NAMESPACE completed"

    def on_id(self, _: None) -> bytes:
        """Answer ID."""
        pairs = (self.render_string(octets) for pair in IDENTITY for octets in pair)
        self.untagged(b"ID " + parenthesized(pairs))
        return b"ID completed"
