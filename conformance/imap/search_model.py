"""Messages to search in, and search keys with a model of what they match: RFC 3501 §6.4.4.

The model is written from the RFC and sees the judge's own messages only; internal dates are as the server gives them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from conformance.errors import InconclusiveError, ViolationError
from conformance.fixtures import Folder
from conformance.imap.answers import exists, fetched, internal_date, number, system_flags
from conformance.imap.session import Answer, ImapSession, quoted
from conformance.wire.imap import Atom

KEYWORD = "$MailspecMarked"
"""The keyword that some of the messages have, where the server lets a client make keywords."""


@dataclass(frozen=True, slots=True)
class Written:
    """A message as the judge wrote it. `sent` is the day in its Date field; `arrived` what APPEND was told."""

    fields: tuple[tuple[str, str], ...]
    body: str
    flags: tuple[str, ...]
    arrived: str
    sent: date

    @property
    def octets(self) -> bytes:
        """The whole message."""
        header = "".join(f"{name}: {value}\r\n" for name, value in self.fields)
        return (header + "\r\n" + self.body).encode("ascii")


def _written(
    sender: str,
    to: str,
    subject: str,
    sent: str,
    day: date,
    body: str,
    flags: str,
    arrived: str,
    *more: tuple[str, str],
) -> Written:
    fields = (("From", sender), ("To", to), ("Subject", subject), ("Date", sent), *more)
    return Written(fields, body, tuple(flags.split()), arrived, day)


CORPUS = (
    _written(
        "Ann Author <ann@client.example>", "Bob Reader <bob@server.example>", "Quarterly report",
        "Sun, 01 Feb 2026 12:00:00 +0000", date(2026, 2, 1), "The figures are enclosed.\r\n",
        "\\Seen", "01-Feb-2026 12:00:00 +0000", ("X-Colour", "green"),
    ),
    _written(
        "Bob Reader <bob@server.example>", "Ann Author <ann@client.example>", "Re: Quarterly report",
        "Mon, 02 Feb 2026 23:30:00 -0800", date(2026, 2, 2), "Thank you, Ann.\r\nWhere is the green folder?\r\n",
        "\\Seen \\Answered", "02-Feb-2026 12:00:00 +0000", ("Cc", "Carol <carol@third.example>"),
        ("Message-ID", "<two@server.example>"), ("X-Colour", "Blue and white"),
    ),
    _written(
        "Carol <carol@third.example>", "all@lists.example", "Lunch",
        "Tue, 03 Feb 2026 00:30:00 +0900", date(2026, 2, 3), "Today at noon.\r\n",
        "\\Flagged", "03-Feb-2026 12:00:00 +0000", ("Bcc", "Dan <dan@hidden.example>"),
    ),
    _written(
        "Dan <dan@hidden.example>", "Carol <carol@third.example>, Ann Author <ann@client.example>",
        "Minutes of 3 February",
        "Tue, 03 Feb 2026 12:00:00 +0000", date(2026, 2, 3), "Nothing was decided.\r\nSee the report.\r\n",
        "\\Draft \\Deleted", "04-Feb-2026 12:00:00 +0000", ("Comments", "lunch was late"), ("X-Colour", ""),
    ),
    _written(
        "Ann Author <ann@client.example>", "carol@third.example", "Figures",
        "Sat, 28 Feb 2026 12:00:00 +0000", date(2026, 2, 28), "x" * 60 + "\r\n",
        "", "28-Feb-2026 12:00:00 +0000",
    ),
    _written(
        "eve@client.example", "bob@server.example", "An end of the year",
        "Thu, 31 Dec 2026 12:00:00 +0000", date(2026, 12, 31), "Happy new year!\r\n",
        "\\Flagged \\Seen", "31-Dec-2025 12:00:00 +0000",
    ),
)  # fmt: skip
"""What is searched in, by message number: every key holds for some of them and not for others."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of the corpus as it stands in the folder."""

    written: Written
    number: int
    uid: int
    flags: frozenset[str]
    arrived: date

    @property
    def size(self) -> int:
        """Octets of the message."""
        return len(self.written.octets)

    def values(self, name: str) -> list[str]:
        """The values of the fields of that name."""
        return [value for field_name, value in self.written.fields if field_name.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Key:
    """A search key as it is written, and the model of what it matches."""

    line: bytes
    holds: Callable[[Stored], bool] = field(repr=False, compare=False)


def contains(text: str, wanted: str) -> bool:
    """Anywhere in the text, case aside."""
    return wanted.lower() in text.lower()


@contextmanager
def opened_corpus(folder: Folder) -> Iterator[tuple[ImapSession, list[Stored]]]:
    """A session with the folder selected, holding the corpus; it is put there the first time.

    Raises:
        InconclusiveError: the server does not take it, or does not tell it again.
    """
    with folder.log_in() as imap:
        if exists(imap.select(folder.name)) == 0:
            for message in CORPUS:
                begin = b"APPEND %b (%b) %b " % (
                    quoted(folder.name), " ".join(message.flags).encode(), quoted(message.arrived),
                )  # fmt: skip
                answer = imap.command_with_literals(begin, message.octets)
                if not answer.ok:
                    raise InconclusiveError(f"the messages to search in were refused: {answer.tagged}")
            imap.select(folder.name)
        yield imap, _stored(imap)


def _stored(imap: ImapSession) -> list[Stored]:
    try:
        told = fetched(imap, "1:*", "UID FLAGS INTERNALDATE")
        if sorted(told) != list(range(1, len(CORPUS) + 1)):
            raise InconclusiveError(f"{len(CORPUS)} messages were put in, and there are {len(told)}")
        return [
            Stored(
                written,
                at,
                number(told[at], "UID"),
                system_flags(told[at]),
                internal_date(told[at]).date(),
            )
            for at, written in enumerate(CORPUS, 1)
        ]
    except ViolationError as error:
        # FETCH is under judgement elsewhere.
        raise InconclusiveError(f"what is to be searched could not be fetched: {error}") from error


def found_by(answer: Answer, what: str) -> list[int]:
    """The numbers that SEARCH returned.

    Raises:
        ViolationError: it was refused. That there is no SEARCH response at all is for one check to judge, not for all.
    """
    if not answer.ok:
        raise ViolationError(f"OK to {what}", str(answer.tagged))
    responses = answer.named("SEARCH")
    return sorted(int(each) for response in responses for each in response.values if isinstance(each, Atom))


def expect_found(imap: ImapSession, stored: Sequence[Stored], key: Key) -> None:
    """SEARCH with this key returns what the model says.

    Raises:
        ViolationError: it does not.
    """
    what = f"SEARCH {key.line.decode('ascii')}"
    found = found_by(imap.command(b"SEARCH " + key.line), what)
    wanted = [message.number for message in stored if key.holds(message)]
    if found != wanted:
        raise ViolationError(f"{wanted} found by {what}", str(found))


def with_literals(line: bytes) -> Sequence[bytes]:
    """The parts for `command_with_literals`: the quoted strings of a line made literals."""
    parts = re.split(rb'"((?:[^"\\]|\\.)*)"', line)
    return [re.sub(rb"\\(.)", rb"\1", part) if at % 2 else part for at, part in enumerate(parts)]
