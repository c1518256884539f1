"""A folder of `.eml` files as the messages of a load run: each goes out as it is, with an identity put before it.

What changes: line ends become CRLF, the last line gets one if it has none, and Message-ID, Return-Path and any
`X-Mailspec` field are taken out. The Message-ID would be the same each time, and servers that sort out doubles by it
would be right to; Return-Path is what the server is to write (RFC 5321 §4.4).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from loadtest.mail.messages import FIELD, NO_HEADER_DIGEST, Letterhead, Message, digest_of, stuffed

LONGEST_LINE_OCTETS = 1000
"""CRLF included (RFC 5321 §4.5.3.1.6)."""

_TAKEN_OUT = re.compile(rb"(?im)^(?:Message-ID|Return-Path|X-Mailspec)[ \t]*:.*\r\n(?:[ \t].*\r\n)*")
_FIELD_LINE = re.compile(rb"[!-9;-~]+[ \t]*:")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_EIGHT_BIT = re.compile(rb"[\x80-\xff]")


class CorpusError(ValueError):
    """The folder or a file in it cannot be used; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One file: its header without what is taken out, its body, both with CRLF; `eight_bit` if it is not all ASCII."""

    name: str
    header: bytes
    body: bytes
    eight_bit: bool


@dataclass(frozen=True, slots=True)
class Corpus:
    """The letters of a folder, by name of file."""

    path: Path
    letters: tuple[Letter, ...]

    @property
    def eight_bit(self) -> int:
        """How many of them need 8BITMIME (RFC 6152)."""
        return sum(letter.eight_bit for letter in self.letters)

    def seven_bit(self) -> Corpus:
        """Those that any server takes.

        Raises:
            CorpusError: there are none.
        """
        letters = tuple(letter for letter in self.letters if not letter.eight_bit)
        if not letters:
            raise CorpusError(f"every message in {self.path} needs 8BITMIME, which the server does not offer")
        return Corpus(self.path, letters)


class CorpusPress:
    """Makes the messages of one user out of a corpus: all of its letters, in an order of its own, again and again."""

    def __init__(self, letterhead: Letterhead, corpus: Corpus, *, seed: int) -> None:
        """Render all that the messages have in common; `seed` is of the order."""
        rng = random.Random(f"{seed}/{letterhead.sender_number}")  # noqa: S311 - an order, no secret
        self._stem = letterhead.stem
        self._tail = b"@%b>\r\n" % letterhead.author.rpartition("@")[2].encode("ascii")
        own_octets = len(self._own_fields(letterhead.token(1), b"0" * 16))
        letters = rng.sample(corpus.letters, len(corpus.letters))
        self._letters = cycle([(*_rendered(letter, own_octets), letter.eight_bit) for letter in letters])
        self._next = next(self._letters)

    @property
    def upcoming(self) -> tuple[int, bool]:
        """Of how many octets the next one is, and whether they are not all US-ASCII."""
        return self._next[2:]

    def press(self, number: int) -> Message:
        """The message of this number."""
        rest, digest, octets, eight_bit = self._next
        self._next = next(self._letters)
        token = b"%b%010d" % (self._stem, number)
        return Message(token, self._own_fields(token, b"%016x" % digest) + rest, octets, digest, eight_bit)

    def _own_fields(self, token: bytes, digest: bytes) -> bytes:
        # What servers may do to a header of somebody else's making is not for us to say; they may have to mend it.
        parts = (FIELD, b": ", token, b" ", digest, b" ", NO_HEADER_DIGEST, b"\r\nMessage-ID: <", token, self._tail)
        return b"".join(parts)


def _rendered(letter: Letter, own_octets: int) -> tuple[bytes, int, int]:
    """What follows our own fields on the wire, the digest, and the octets of the whole message."""
    text = letter.header + b"\r\n" + letter.body
    return stuffed(text) + b".\r\n", digest_of(letter.body), own_octets + len(text)


def load_corpus(path: Path) -> Corpus:
    """The `.eml` files in a folder, subfolders not included.

    Raises:
        CorpusError: there is no such folder, no such file in it, or one of them is no message that SMTP can carry.
    """
    if not path.is_dir():
        raise CorpusError(f"{path} is no folder")
    try:
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".eml" and file.is_file())
        letters = tuple(letter_of(file.name, file.read_bytes()) for file in files)
    except OSError as error:
        raise CorpusError(f"{error.filename or path}: {error.strerror}") from error
    if not letters:
        raise CorpusError(f"{path} has no file whose name ends in .eml")
    return Corpus(path, letters)


def letter_of(name: str, octets: bytes) -> Letter:
    """The message in a file.

    Raises:
        CorpusError: it is none that SMTP can carry.
    """
    # A mailbox file's own line before the message (RFC 4155) is no part of it.
    octets = re.sub(rb"\AFrom .*(?:\r\n|\r|\n)", b"", octets)
    text = _LINE_END.sub(b"\r\n", octets)
    if not text.endswith(b"\r\n"):
        text += b"\r\n"
    # A message may be all header; the empty line then has to come from us.
    header, _, body = text.partition(b"\r\n\r\n")
    header = header.removesuffix(b"\r\n") + b"\r\n"
    if not _FIELD_LINE.match(header):
        raise CorpusError(f"{name}: does not begin with a header field")
    if b"\0" in text:
        raise CorpusError(f"{name}: has a NUL in it, which no server need take (RFC 5321 §4.5.2)")
    if _EIGHT_BIT.search(header):
        raise CorpusError(f"{name}: its header is not all ASCII, and needs SMTPUTF8 (RFC 6531)")
    for number, line in enumerate(text.split(b"\r\n"), start=1):
        if len(line) + 2 > LONGEST_LINE_OCTETS:
            raise CorpusError(
                f"{name}: line {number} is longer than {LONGEST_LINE_OCTETS} octets (RFC 5321 §4.5.3.1.6)"
            )
    return Letter(name, _TAKEN_OUT.sub(b"", header), body, bool(_EIGHT_BIT.search(body)))
