"""BODY and BODYSTRUCTURE as values with names (RFC 3501 §7.4.2, §9 body)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.errors import ViolationError
from conformance.imap.answers import shown
from conformance.wire.imap import Atom, Value

BASIC_FIELDS = 7
"""Fields of every single part: type, subtype, parameters, id, description, encoding, octets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A part that is no multipart, as the server describes it. Type, subtype and encoding are in capitals."""

    number: str
    type: bytes
    subtype: bytes
    parameters: tuple[tuple[bytes, bytes], ...]
    id: Value
    description: Value
    encoding: bytes
    octets: int
    envelope: Value = None
    inner: Node | None = None
    lines: int | None = None
    extension: tuple[Value, ...] = ()

    @property
    def is_text(self) -> bool:
        """TEXT of any kind."""
        return self.type == b"TEXT"

    @property
    def is_message(self) -> bool:
        """MESSAGE/RFC822."""
        return (self.type, self.subtype) == (b"MESSAGE", b"RFC822")


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipart:
    """A multipart, as the server describes it. `number` is empty for the message itself."""

    number: str
    subtype: bytes
    parts: tuple[Node, ...]
    extension: tuple[Value, ...] = ()


Node = Leaf | Multipart


def structure(found: Value, number: str = "") -> Node:
    """The structure that a value holds, parts numbered (RFC 3501 §6.4.5).

    Raises:
        ViolationError: it is no body structure.
    """
    if not isinstance(found, list) or not found:
        raise ViolationError("a body structure in parentheses", shown(found))
    if not isinstance(found[0], list):
        return _leaf(found, number or "1")
    count = next((index for index, each in enumerate(found) if not isinstance(each, list)), len(found))
    parts = tuple(structure(part, f"{number}.{n}" if number else str(n)) for n, part in enumerate(found[:count], 1))
    if count == len(found):
        raise ViolationError("a subtype after the parts of a multipart", shown(found))
    subtype = _word(found[count], "the subtype of a multipart")
    return Multipart(number=number, subtype=subtype, parts=parts, extension=tuple(found[count + 1 :]))


def _leaf(fields: list[Value], number: str) -> Leaf:
    if len(fields) < BASIC_FIELDS:
        raise ViolationError(f"{BASIC_FIELDS} fields or more for part {number}", shown(fields))
    kind, subtype = _word(fields[0], "a type"), _word(fields[1], "a subtype")
    rest = fields[BASIC_FIELDS:]
    envelope: Value = None
    inner: Node | None = None
    lines: int | None = None
    if (kind, subtype) == (b"MESSAGE", b"RFC822"):
        if len(rest) < 3:
            raise ViolationError(f"envelope, structure and lines of the message in part {number}", shown(fields))
        envelope, rest = rest[0], rest[1:]
        # The numbers of a message that is a multipart go on in its parts; otherwise it is part 1.
        is_multipart = isinstance(rest[0], list) and rest[0] and isinstance(rest[0][0], list)
        inner = structure(rest[0], number if is_multipart else f"{number}.1")
        lines, rest = _number(rest[1], "a count of lines"), rest[2:]
    elif kind == b"TEXT":
        if not rest:
            raise ViolationError(f"a count of lines for the text in part {number}", shown(fields))
        lines, rest = _number(rest[0], "a count of lines"), rest[1:]
    return Leaf(
        number=number,
        type=kind,
        subtype=subtype,
        parameters=pairs(fields[2]),
        id=fields[3],
        description=fields[4],
        encoding=_word(fields[5], "an encoding"),
        octets=_number(fields[6], "a count of octets"),
        envelope=envelope,
        inner=inner,
        lines=lines,
        extension=tuple(rest),
    )


def _word(found: Value, what: str) -> bytes:
    if not isinstance(found, bytes) or isinstance(found, Atom):
        raise ViolationError(f"{what} as a string", shown(found))
    return found.upper()


def _number(found: Value, what: str) -> int:
    if not isinstance(found, Atom) or not found.isdigit():
        raise ViolationError(f"{what} as a number", shown(found))
    return int(found)


def pairs(found: Value) -> tuple[tuple[bytes, bytes], ...]:
    """Attributes, in capitals, and values; none for NIL.

    Raises:
        ViolationError: they are not in turn.
    """
    if found is None:
        return ()
    if not isinstance(found, list) or len(found) % 2 or not all(isinstance(each, bytes) for each in found):
        raise ViolationError("attributes and values in turn, or NIL", shown(found))
    words = [each for each in found if isinstance(each, bytes)]
    return tuple((name.upper(), value) for name, value in zip(words[::2], words[1::2], strict=True))


def leaves(node: Node) -> Iterator[Leaf]:
    """All parts that are no multiparts, those of encapsulated messages too."""
    if isinstance(node, Multipart):
        for part in node.parts:
            yield from leaves(part)
        return
    yield node
    if node.inner is not None:
        yield from leaves(node.inner)
