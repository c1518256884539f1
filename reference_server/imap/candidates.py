"""One message under search, its text and fields worked out no further than a key asks for (RFC 3501 §6.4.4).

What is worked out is kept for as long as the message is looked at, so that a thousand keys cost one decoding; fields
are kept longer, within a limit. Most mail has one part, and its text is found without the MIME parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from reference_server.imap import decoded
from reference_server.imap.headers import body_start, field_values
from reference_server.imap.mime import Entity, parse, split_header
from reference_server.imap.sentdate import SentDate, moment_s, sent_date
from reference_server.imap.view import View
from reference_server.stores import StoredMessage

FEW_LOOKS = 8
"""As many fields of a message are looked for one by one; for more the header is taken apart once."""

# Content-Type and Content-Transfer-Encoding as nearly all mail has them; any other is the MIME parser's.
_CHARSET = rb'(?:[ \t]*;[ \t]*CHARSET="?(UTF-8|US-ASCII|ISO-8859-1|WINDOWS-1252)"?)?'
_FORMAT = rb"(?:[ \t]*;[ \t]*(?:FORMAT=FLOWED|DELSP=YES|DELSP=NO))*+"
PLAIN_TYPE = re.compile(rb"TEXT/(?:PLAIN|HTML)" + _CHARSET + _FORMAT)
PLAIN_ENCODING = re.compile(rb"7BIT|8BIT|BINARY|QUOTED-PRINTABLE|BASE64")
# UTF-8 has all of ASCII, and shows what is really there.
CODECS = {b"UTF-8": "utf-8", b"US-ASCII": "utf-8", b"ISO-8859-1": "latin-1", b"WINDOWS-1252": "cp1252"}

MAX_USUAL_OCTETS = 200
"""The two fields together, where they are as nearly all mail has them."""

# How these words have to go on, wherever they stand, for a message of ASCII to be its own text.
HARMLESS = (
    (b"CONTENT-TRANSFER-ENCODING", re.compile(rb"[A-Z-]+[ \t]*:[ \t]*(?:7BIT|8BIT|BINARY)[ \t]*\r?\n")),
    (b"CHARSET", re.compile(rb'CHARSET="?(?:UTF-8|US-ASCII|ISO-8859-1|WINDOWS-1252)["\r\n; ]')),
)


class Candidate:
    """One message that may match; `fold` is how texts are compared."""

    # Kept in the class until they are worked out: most searches need few of them, and all of them many candidates.
    _start = -1
    _header: str | None = None
    _bodies: list[str] | None = None
    _arrived_s: int | None = None
    _sent: tuple[SentDate | None, ...] = ()
    _looks = 0
    _by_name: dict[bytes, list[bytes]] | None = None
    _folded: dict[str, tuple[str, ...]] | None = None
    _plain: str | None = None
    _unfolded = ""

    def __init__(self, view: View, number: int, message: StoredMessage, fold: Callable[[str], str]) -> None:
        self.view = view
        self.number = number
        self.message = message
        self.fold = fold

    @property
    def entity(self) -> Entity:
        """The message's structure."""
        return parse(self.message.octets)

    @property
    def start(self) -> int:
        """Where the body starts."""
        if self._start < 0:
            self._start = body_start(self.message.octets)
        return self._start

    def values(self, name: bytes) -> list[bytes]:
        """The values of all fields of that name, as they stand but for folding."""
        if self._looks < FEW_LOOKS:
            self._looks += 1
            return field_values(self.message.octets, self.start, name)
        if self._by_name is None:
            self._by_name = {}
            for field in split_header(self.message.octets, 0, self.start)[0]:
                if field.name:
                    self._by_name.setdefault(field.name, []).append(field.value)
        return self._by_name.get(name, [])

    def first_value(self, name: bytes) -> bytes | None:
        """The value of the first field of that name."""
        values = self.values(name)
        return values[0] if values else None

    def fields(self, name: str) -> tuple[str, ...]:
        """The values of all fields of that name, decoded and folded for comparing."""
        known = self.view.fields.get(name, self.message.uid)
        if known is None and self._folded is not None:
            known = self._folded.get(name)
        if known is None:
            values = self.values(name.encode("ascii", "replace"))
            known = tuple(self.fold(decoded.decode_words(value)) for value in values)
            if not self.view.fields.keep(name, self.message.uid, known):
                self._folded = self._folded or {}
                self._folded[name] = known
        return known

    @property
    def arrived_s(self) -> int:
        """The internal date, on the scale of `moment_s`."""
        if self._arrived_s is None:
            self._arrived_s = moment_s(self.message.internal_date)
        return self._arrived_s

    @property
    def sent(self) -> SentDate | None:
        """What the Date field says."""
        if not self._sent:
            self._sent = (sent_date(self.first_value(b"DATE")),)
        return self._sent[0]

    @property
    def header(self) -> str:
        """The header, decoded and folded for comparing."""
        if self._header is None:
            self._header = self.fold(decoded.header_text(self.message.octets[: self.start]))
        return self._header

    def body_has(self, wanted: str) -> bool:
        """Whether some text of the body has the folded string."""
        if self._bodies is None:
            self._bodies = self._simple_body()
        if self._bodies is None:
            if self._cannot_have(wanted):
                return False
            self._bodies = [self.fold(text) for text in decoded.body_texts(self.entity)]
        return any(wanted in text for text in self._bodies)

    def _simple_body(self) -> list[str] | None:
        """The text of a message of one part that says what it is as nearly all do; None if the parser has to look."""
        octets = self.message.octets[self.start :]
        # Most of all have neither field, which a look at the whole header tells.
        if self.fold("content-t") not in self.header:
            return [self.fold(octets.decode("utf-8", "replace"))]
        kind = self.first_value(b"CONTENT-TYPE")
        encoding = None
        if self.fold("content-tr") in self.header:
            encoding = self.first_value(b"CONTENT-TRANSFER-ENCODING")
        plain = _plainness(kind, encoding)
        if plain is None:
            return None
        codec, encoding = plain
        return [self.fold(decoded.transfer_decoded(octets, encoding).decode(codec, "replace"))]

    def _cannot_have(self, wanted: str) -> bool:
        """Whether a look at the octets tells that no text here has the folded string; False says nothing.

        Only mail of ASCII and without encodings is so plain. Taking it apart may leave parts out or line ends away, but
        adds nothing.
        """
        if self._plain is None:
            octets = self.message.octets
            is_plain = octets.isascii() and _says_no_encoding(octets.upper())
            self._plain = self.fold(octets.decode("ascii")) if is_plain else ""
            self._unfolded = self._plain.replace("\r\n", "").replace("\n", "")
        # Unfolding a header brings together what stood on two lines.
        return self._plain != "" and wanted not in self._plain and wanted not in self._unfolded


@lru_cache(maxsize=256)  # a few pairs make up most mail
def _short_plainness(kind: bytes, encoding: bytes) -> tuple[str, bytes] | None:
    found, transfer = PLAIN_TYPE.fullmatch(kind.upper()), PLAIN_ENCODING.fullmatch(encoding.upper())
    return (CODECS[found[1] or b"US-ASCII"], transfer[0]) if found and transfer else None


def _plainness(kind: bytes | None, encoding: bytes | None) -> tuple[str, bytes] | None:
    """Codec and transfer encoding by the two fields, if they are as nearly all mail has them."""
    kind, encoding = b"TEXT/PLAIN" if kind is None else kind, b"7BIT" if encoding is None else encoding
    # What is longer is not remembered, nor common.
    short = len(kind) + len(encoding) <= MAX_USUAL_OCTETS
    return _short_plainness(kind, encoding) if short else None


def _says_no_encoding(capitals: bytes) -> bool:
    if b"=?" in capitals:
        return False
    for word, harmless in HARMLESS:
        at = capitals.find(word)
        while at >= 0:
            if not harmless.match(capitals, at):
                return False
            at = capitals.find(word, at + 1)
    return True
