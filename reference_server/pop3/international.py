"""UTF8 and LANG: text beyond ASCII in messages, names and responses (RFC 6856)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from reference_server.pop3.base import Session
from reference_server.pop3.session import Verb

# language-range = (1*8ALPHA *("-" 1*8alphanum)) / "*"                                        (RFC 4647 §2.1)
_RANGE = re.compile(rb"\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


class International(Session):
    """What a client says of the characters and the language that it can read."""

    languages: ClassVar[Mapping[str, str]] = MappingProxyType({"en": "English"})
    """Language tag to the language's own name for itself; the first one is the one that sessions begin with."""

    utf8: bool = False

    def on_utf8(self) -> bytes:
        """UTF8: from now on messages are sent as they are (RFC 6856 §2.1)."""
        self.utf8 = True
        self.advance(Verb.UTF8)
        return self.ok("UTF-8 from here on")

    def needs_utf8(self, text: bytes) -> bool:
        """Whether a message has a header in UTF-8 beyond ASCII, which RFC 5322 does not know (RFC 6532 §3).

        Bodies of eight bits are another matter: they were there before, and are marked as such (RFC 2045 §2.8). What is
        not UTF-8 either is nothing that the mode could help with, and goes out as it came.
        """
        header = b"" if text.isascii() else text.partition(b"\r\n\r\n")[0]
        if header.isascii():
            return False
        try:
            header.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def wants_utf8(self) -> bytes:
        """The answer to a request for such a message in a session that is not in UTF-8 mode (RFC 6856 §5)."""
        return self.err("the message has a header in UTF-8", code="UTF8")

    def on_lang(self, argument: bytes) -> bytes:
        """LANG: lists the languages, or takes one (RFC 6856 §3.2)."""
        if not argument:
            listing = "".join(f"{tag} {name}\r\n" for tag, name in self.languages.items())
            return self.multi_line(self.ok("language listing follows"), listing.encode("utf-8"))
        tag = self.language_of(argument)
        if tag is None:
            return self.err("no such language")
        return self.ok(f"{tag} this is the language of responses now")

    def language_of(self, wanted: bytes) -> str | None:
        """The first language that is in a basic language range (RFC 4647 §3.3.1); `*` is the preferred one."""
        if not _RANGE.fullmatch(wanted):
            return None
        prefix = wanted.decode("ascii").lower()
        for tag in self.languages:
            if prefix == "*" or f"{tag.lower()}-".startswith(f"{prefix}-"):
                return tag
        return None
