"""UTF-8 in quoted strings and mailbox names, once a client asks for it (RFC 6855 §3; RFC 9051 §4.3, §5.1).

Until then, and for every other session, names are in modified UTF-7 and quoted strings in ASCII.
"""

from __future__ import annotations

import re
import unicodedata

from reference_server.imap import responses
from reference_server.imap.names import INBOX, Names
from reference_server.imap.session import RefusedError

# Net-Unicode without control characters and line separators                                (RFC 6855 §3, RFC 5198 §2)
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Utf8(Names):
    """Mixin: what changes with `ENABLE UTF8=ACCEPT` or `ENABLE IMAP4rev2`."""

    def name_of(self, wire_name: bytes) -> str:
        """The store's name; `&` stands for itself in UTF-8.

        Raises:
            RefusedError: it is no name in Net-Unicode.
        """
        if not self.takes_utf8():
            return super().name_of(wire_name)
        try:
            name = self.normalized(wire_name.decode("utf-8"))
        except ValueError as error:
            raise RefusedError("the mailbox name is not UTF-8") from error
        if FORBIDDEN.search(name):
            raise RefusedError("the mailbox name has a control character", code=b"CANNOT")
        return INBOX if self.is_inbox(name) else name

    def normalized(self, name: str) -> str:
        """Normalization form C: a name in another form is taken in its place wherever it is given (RFC 9051 §5.1)."""
        return unicodedata.normalize("NFC", name)

    def wire_name(self, name: str) -> bytes:
        """The name as it goes on the wire, before quoting."""
        return name.encode("utf-8") if self.takes_utf8() else super().wire_name(name)

    def render_string(self, octets: bytes) -> bytes:
        """Valid UTF-8 goes between quotes too, if the client takes that."""
        if self.takes_utf8() and responses.is_quotable_utf8(octets):
            return responses.quoted(octets)
        return super().render_string(octets)
