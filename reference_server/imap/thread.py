"""THREAD and UID THREAD (RFC 5256 §3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reference_server.imap import threads
from reference_server.imap.candidates import Candidate
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.messageids import message_ids
from reference_server.imap.sort import SortCommand, parse_charset
from reference_server.imap.threads import Node, Threadable

ALGORITHMS: Mapping[bytes, Callable[[Sequence[Threadable]], list[Node]]] = MappingProxyType({
    b"ORDEREDSUBJECT": threads.ordered_subject,
    b"REFERENCES": threads.by_references,
})  # fmt: skip
"""`thread-alg` to what threads by it. An extension adds its row."""


@dataclass(frozen=True, slots=True)
class Thread:
    """Arguments of THREAD, as far as they can be read without knowing the mailbox."""

    algorithm: bytes
    charset: str
    cursor: Cursor


def parse_thread(cursor: Cursor) -> Thread:
    """`thread = "THREAD" SP thread-alg SP charset 1*(SP search-key)`, up to the keys."""
    cursor.space()
    algorithm = cursor.atom()
    if algorithm not in ALGORITHMS:
        raise GrammarError("no such threading algorithm")
    cursor.space()
    return Thread(algorithm, parse_charset(cursor), cursor)


class ThreadCommand(SortCommand):
    """Mixin: THREAD."""

    def on_thread(self, asked: Thread) -> bytes:
        """Answer THREAD."""
        key = self.criteria(None, lambda: self.read_keys_in(asked.charset, asked.cursor))
        found = self.find(self.test_of(key))
        told = self.found_numbers(found)
        messages = [
            self.threadable(self.candidate(number), as_told) for number, as_told in zip(found, told, strict=True)
        ]
        threaded = threads.rendered(ALGORITHMS[asked.algorithm](messages))
        self.untagged(b"THREAD " + threaded if threaded else b"THREAD")
        return b"THREAD completed"

    def threadable(self, candidate: Candidate, number: int) -> Threadable:
        """What threading has to know of a message."""
        own = message_ids(candidate.first_value(b"MESSAGE-ID") or b"")
        return Threadable(
            number,
            self.sort_date(candidate),
            self.subject_of(candidate),
            own[0] if own else None,
            self.references_of(candidate),
        )

    def references_of(self, candidate: Candidate) -> tuple[bytes, ...]:
        """The IDs in References, or else the first one in In-Reply-To."""
        references = message_ids(candidate.first_value(b"REFERENCES") or b"")
        return tuple(references or message_ids(candidate.first_value(b"IN-REPLY-TO") or b"")[:1])
