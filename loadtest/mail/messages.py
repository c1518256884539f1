"""Messages for load: rendered once, of exact size, each with an identity and a digest (RFC 5322, RFC 5321 §4.5.2).

A message says who it is in its own field `X-Mailspec: TOKEN DIGEST HEADER`, in its Message-ID, and in the last line of
its body. The first digest is of the body as submitted, of which no octet may change; the other is of the header's own
fields, as far as servers leave them alone (see `header_digest`).

Two messages of one size differ in their token and first digest alone, so making one costs a copy and a hash of one
line. The text is seeded and has lines that begin with a period, so that transparency is at work under load too.
"""

from __future__ import annotations

import hashlib
import random
import re
from binascii import hexlify
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from itertools import cycle
from typing import Any, NamedTuple, Protocol

from loadtest.mail.header_digest import OCTETS as HEADER_DIGEST_OCTETS
from loadtest.mail.header_digest import SUBJECT, header_digest, is_whole, own_fields
from loadtest.mail.sizes import Sizes, fixed

LINE_OCTETS = 74
"""Octets of a body line, CRLF included; RFC 5322 §2.1.1 asks for at most 78 characters."""

TOKEN_OCTETS = 8 + 1 + 3 + 1 + 5 + 1 + 10
"""`run.origin.sender.number`, each with leading zeros, so that every token has the same length."""

DIGEST_OCTETS = 16
"""Of a digest as text."""

NULL_SENDERS_AUTHOR = "mailer-daemon@client.example"
"""Whom messages with a null sender say they are from, as bounces do (RFC 3464)."""

MOST_SENDERS = 99_999
MOST_ORIGINS = 999

FIELD = b"X-Mailspec"
"""The header field that holds a message's token and the digests of its body and of its header."""

NO_HEADER_DIGEST = b"-"
"""Stands for the latter where the header is somebody else's."""

DOTTED_EVERY = 8
"""One body line in so many begins with a period."""

# Printable US-ASCII but the space, which must not end a line, and the period, which has its places.
_PRINTABLE = bytes(octet for octet in range(0x21, 0x7F) if octet != ord("."))
_TO_PRINTABLE = bytes(_PRINTABLE[octet % len(_PRINTABLE)] for octet in range(256))

_TOKEN = rb"([0-9a-f]{8}\.[0-9]{3}\.[0-9]{5}\.[0-9]{10})"
# White space between the parts may be a fold; the digests are optional, so that a damaged one costs no identity.
_IN_FIELD = re.compile(
    rb"[ \t\r\n]*" + _TOKEN + rb"(?:[ \t\r\n]+([0-9a-f]{16})[ \t\r\n]+([0-9a-f]{8}|-)[ \t\r\n]*\Z)?", re.I
)
_IN_MESSAGE_ID = re.compile(rb"[ \t\r\n]*<" + _TOKEN + rb"@", re.I)
_QUOTED = re.compile(rb"^X-Mailspec:\s*" + _TOKEN, re.MULTILINE | re.I)
# Wherever in the line it stands: a server that joins lines has damaged the message, not hidden it.
_IN_LAST_LINE = re.compile(_TOKEN + rb"\s*\Z")
_AUTHOR = re.compile(rb"^From:", re.MULTILINE | re.I)


class Identity(NamedTuple):
    """Which message of a run this is: of which process and user, and its number in that process, from 1 on."""

    origin: int
    sender: int
    number: int


class Message(NamedTuple):
    """One message. `wire` is what follows 354: the text dot-stuffed, with the lone dot that ends it.

    `octets` is the size of the text as submitted, without stuffing and without the dot; `digest` is that of its body.
    `eight_bit`: it goes to a server that offers 8BITMIME alone (RFC 6152).
    """

    token: bytes
    wire: bytes
    octets: int
    digest: int
    eight_bit: bool = False

    @property
    def text(self) -> bytes:
        """The text as submitted, for APPEND."""
        text = self.wire.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        return text[1:] if text.startswith(b"..") else text


class Seen(NamedTuple):
    """A message of a run as it was found. `digest` is that of its body; None if the message contradicts itself.

    It does where its field tells other digests or none, and where the places that name it do not agree.
    """

    identity: Identity
    digest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What all messages of a user have in common.

    `for_submission`: they go to a server that may rewrite the addresses in the header (RFC 6409 §8.7, §8.8).
    """

    run_id: str
    origin: int
    sender_number: int
    sender: str
    recipients: Sequence[str]
    date: datetime
    for_submission: bool = False

    @property
    def author(self) -> str:
        """Who the message says it is from; there is always somebody, even where the sender is null."""
        return self.sender or NULL_SENDERS_AUTHOR

    @property
    def head(self) -> bytes:
        """The header up to the identity."""
        return (
            f"From: <{self.author}>\r\n"
            # Folded, so that no number of recipients makes a line too long (RFC 5322 §2.2.3).
            "To: " + ",\r\n ".join(f"<{recipient}>" for recipient in self.recipients) + "\r\n"
            f"Date: {format_datetime(self.date)}\r\n"
            f"Subject: {SUBJECT.decode()}\r\n"
        ).encode("ascii")

    def token(self, number: int) -> bytes:
        """The token of the message of this number."""
        return b"%b%010d" % (self.stem, number)

    @property
    def stem(self) -> bytes:
        """A token up to its number."""
        return f"{self.run_id}.{self.origin:03d}.{self.sender_number:05d}.".encode("ascii")


class Press(Protocol):
    """What makes the messages of one user."""

    @property
    def upcoming(self) -> tuple[int, bool]:
        """Octets of the message that comes next, and whether it goes to a server that offers 8BITMIME alone."""

    def press(self, number: int) -> Message:
        """The message of this number, from 1 on."""


class MessagePress:
    """Makes the messages of one user: same sender, recipients and text, a new token each time."""

    def __init__(self, letterhead: Letterhead, *, octets: int | Sizes, seed: int) -> None:
        """Render all that the messages have in common.

        Args:
            letterhead: who writes to whom.
            octets: the size of each message, header and body together, or what the sizes are drawn from.
            seed: of the text and of the order of sizes.

        Raises:
            ValueError: header and identity alone are longer than a message is to be.
        """
        head = letterhead.head + b"%b: " % FIELD
        tail = b"@%b>\r\n\r\n" % letterhead.author.rpartition("@")[2].encode("ascii")
        last_line_octets = TOKEN_OCTETS + 2
        token = letterhead.token(1)
        digests = b" %b %b" % (b"0" * DIGEST_OCTETS, b"0" * HEADER_DIGEST_OCTETS)
        header = b"".join((head, token, digests, b"\r\nMessage-ID: <", token, tail))
        told = header_digest(header, token, addresses=not letterhead.for_submission)
        middle = b" %b\r\nMessage-ID: <" % told
        least = len(header) + last_line_octets
        sizes = fixed(octets) if isinstance(octets, int) else octets
        if sizes.octets[0] < least and not sizes.least_is_header:
            raise ValueError(f"a message needs {least} octets here, {sizes.octets[0]} are too few")
        row = [max(size, least) for size in sizes.octets]
        roll = _roll(seed, -(-row[-1] // _ROLL_OCTETS) * _ROLL_OCTETS)
        # No user goes through the sizes in step with another.
        random.Random(f"{seed}/{letterhead.sender_number}").shuffle(row)  # noqa: S311 - sizes, no secrets
        self._stem = letterhead.stem
        # No header line can begin with a period, so only the body is stuffed; nor can a token.
        self._parts = (head, middle, tail)
        self._sheets = cycle([(*roll.cut(size - least), size) for size in row])
        self._next = next(self._sheets)

    @property
    def upcoming(self) -> tuple[int, bool]:
        """Of how many octets the next one is; all of them US-ASCII."""
        return self._next[3], False

    def press(self, number: int) -> Message:
        """The message of this number."""
        text, end, state, octets = self._next
        self._next = next(self._sheets)
        token = b"%b%010d" % (self._stem, number)
        state = state.copy()
        state.update(token + b"\r\n")
        digest = state.digest()
        head, middle, tail = self._parts
        wire = b"".join((head, token, b" ", hexlify(digest), middle, token, tail, text, end, token, b"\r\n.\r\n"))
        return Message(token, wire, octets, int.from_bytes(digest, "big"))


class _Sheet(NamedTuple):
    """What of a body comes before its last line: stuffed text, what ends it, and the state of the digest after both."""

    text: memoryview
    end: bytes
    digest: Any


class _Roll:
    """A long text from which bodies of every size are cut, so that all sizes and users share one text in memory."""

    def __init__(self, seed: int, octets: int) -> None:
        self._text = lines_of(octets, random.Random(seed))  # noqa: S311 - test data, no secret
        self._stuffed = memoryview(stuffed(self._text))
        self._sheets: dict[int, _Sheet] = {}

    def cut(self, octets: int) -> _Sheet:
        """So many octets of it, ended as lines are; a single one is the beginning of the last line instead."""
        sheet = self._sheets.get(octets)
        if sheet is None:
            kept, end = _cut(octets)
            state = hashlib.blake2b(memoryview(self._text)[:kept], digest_size=8)
            state.update(end)
            # Each line that begins within what is kept, and with a period, has its second one there too.
            text = self._stuffed[: kept - (-kept // (LINE_OCTETS * DOTTED_EVERY))]
            sheet = self._sheets[octets] = _Sheet(text, end, state)
        return sheet


def _cut(octets: int) -> tuple[int, bytes]:
    """How much of the roll to keep for so many octets, and what to end it with."""
    if octets < 2:
        return 0, b"=" * octets
    kept = octets - 2
    # Never between CR and LF: there the line gets one character more.
    return (kept - 1, b"=\r\n") if kept % LINE_OCTETS == LINE_OCTETS - 1 else (kept, b"\r\n")


_ROLL_OCTETS = 1 << 16
"""A roll has a multiple of so many octets, so that users with headers of different lengths still share one."""


@lru_cache(maxsize=4)
def _roll(seed: int, octets: int) -> _Roll:
    return _Roll(seed, octets)


def lines_of(octets: int, rng: random.Random) -> bytes:
    """Whole lines of printable US-ASCII, at least so many octets; one in eight begins with a period, and no other."""
    lines = -(-octets // LINE_OCTETS)
    text = bytearray(rng.randbytes(lines * LINE_OCTETS).translate(_TO_PRINTABLE))
    text[LINE_OCTETS - 2 :: LINE_OCTETS] = b"\r" * lines
    text[LINE_OCTETS - 1 :: LINE_OCTETS] = b"\n" * lines
    text[:: LINE_OCTETS * DOTTED_EVERY] = b"." * -(-lines // DOTTED_EVERY)
    return bytes(text)


def digest_of(body: bytes) -> int:
    """The digest of a body: the first eight octets of its BLAKE2b, as a number."""
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big")


def identify(octets: bytes, run_id: str) -> Seen | None:
    """Whose message this is, and whether it is whole; None for one that the run did not make.

    Where the field with the identity is gone, the Message-ID and the body's last line still tell it, and the message
    counts as damaged. A report about a message (RFC 3464) quotes that one's header and may end as it does, but is not
    that message: it has an author of its own, and the quoted field is in its body.
    """
    header, _, body = (b"", b"", octets[2:]) if octets.startswith(b"\r\n") else octets.partition(b"\r\n\r\n")
    fields = own_fields(header)
    field = _first(_IN_FIELD, fields.get(b"x-mailspec", ()))
    named = [field, _first(_IN_MESSAGE_ID, fields.get(b"message-id", ()))]
    if not any(named) and (quoted := _QUOTED.search(octets)) is not None:
        if _AUTHOR.search(header):
            return None
        named.append(quoted)
    last = _IN_LAST_LINE.search(octets[-2 * TOKEN_OCTETS :])
    named.append(last)
    run = run_id.encode("ascii") + b"."
    tokens = [found[1] for found in named if found is not None and found[1].startswith(run)]
    if not tokens:
        return None
    digest = digest_of(body)
    whole = field is not None and field[2] is not None and int(field[2], 16) == digest
    if whole and field is not None and {field[1]} == set(tokens):
        keeps_header = field[3] == NO_HEADER_DIGEST or is_whole(fields, tokens[0], field[3])
        return Seen(_identity(tokens[0]), digest if keeps_header else None)
    if whole and last is not None and last[1] in tokens:
        # The digest vouches for the last line, so it is the header that is wrong.
        return Seen(_identity(last[1]), None)
    # What most places say, and the first of them in a tie.
    return Seen(_identity(Counter(tokens).most_common(1)[0][0]), None)


def _first(form: re.Pattern[bytes], values: Iterable[bytes]) -> re.Match[bytes] | None:
    """The first of a field's values that has this form."""
    return next(filter(None, map(form.match, values)), None)


def _identity(token: bytes) -> Identity:
    _, origin, sender, number = token.split(b".")
    return Identity(int(origin), int(sender), int(number))


def stuffed(text: bytes) -> bytes:
    """The text with a period put before each line that begins with one (RFC 5321 §4.5.2)."""
    return (b"." if text.startswith(b".") else b"") + text.replace(b"\r\n.", b"\r\n..")
