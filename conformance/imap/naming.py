"""What LIST and LSUB answered, by mailbox name: RFC 3501 §7.2.2, §7.2.3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from conformance.errors import InconclusiveError, ViolationError
from conformance.imap.session import Answer, ImapSession, quoted


@dataclass(frozen=True, slots=True)
class Listed:
    """One name as it was listed: attributes in lower case, and the delimiter."""

    attributes: frozenset[bytes]
    delimiter: bytes | None

    @property
    def selectable(self) -> bool:
        """Whether a mailbox stands behind the name, and not only a level of hierarchy."""
        return not self.attributes & {b"\\noselect", b"\\nonexistent"}


def names_in(answer: Answer, response: str = "LIST") -> Mapping[bytes, Listed]:
    """The names of all LIST (or LSUB) responses of an answer. INBOX is in capitals, however it was written."""
    found: dict[bytes, Listed] = {}
    for each in answer.named(response):
        if len(each.values) < 3 or not isinstance(each.values[0], list):
            continue
        attributes, delimiter, name = each.values[:3]
        assert isinstance(attributes, list)
        # Atoms such as NIL and numbers stand for themselves in a name, but NIL was read as nothing.
        octets = bytes(name) if isinstance(name, bytes) else b"NIL"
        octets = octets.upper() if octets.upper() == b"INBOX" else octets
        flags = frozenset(flag.lower() for flag in attributes if isinstance(flag, bytes))
        found[octets] = Listed(flags, bytes(delimiter) if isinstance(delimiter, bytes) else None)
    return MappingProxyType(found)


def listed(
    imap: ImapSession, pattern: bytes, *, reference: bytes = b"", command: str = "LIST"
) -> Mapping[bytes, Listed]:
    """What LIST (or LSUB) says to a pattern.

    Raises:
        ViolationError: it was refused.
    """
    answer = imap.command(command.encode() + b" " + quoted(reference) + b" " + quoted(pattern))
    if not answer.ok:
        raise ViolationError(f"OK to {command} {reference!r} {pattern!r}", str(answer.tagged))
    return names_in(answer, command)


def create(imap: ImapSession, name: bytes) -> None:
    """Make a mailbox that the check needs.

    Raises:
        InconclusiveError: it was refused.
    """
    answer = imap.command(b"CREATE " + quoted(name))
    if not answer.ok:
        raise InconclusiveError(f"CREATE {name!r} was refused: {answer.tagged}")


def status(imap: ImapSession, name: bytes, items: str) -> dict[str, int]:
    """What STATUS tells of a mailbox, by item in capitals.

    Raises:
        ViolationError: it was refused, or its form is not that of a STATUS response.
    """
    answer = imap.command(b"STATUS " + quoted(name) + b" (" + items.encode() + b")")
    if not answer.ok:
        raise ViolationError(f"OK to STATUS {name!r}", str(answer.tagged))
    return status_items(answer)


def status_items(answer: Answer) -> dict[str, int]:
    """The items of the STATUS response of an answer.

    Raises:
        ViolationError: there is none, or its form is not that of a STATUS response.
    """
    for response in answer.named("STATUS"):
        pairs = response.values[-1] if response.values else None
        if isinstance(pairs, list) and all(isinstance(value, bytes) for value in pairs):
            words = [bytes(value) for value in pairs if isinstance(value, bytes)]
            if len(words) % 2 == 0 and all(word.isdigit() for word in words[1::2]):
                return {
                    word.decode("ascii", "replace").upper(): int(number)
                    for word, number in zip(words[::2], words[1::2], strict=True)
                }
        raise ViolationError("a STATUS response with items and numbers in turn", str(response))
    raise ViolationError("an untagged STATUS response", str(answer))
