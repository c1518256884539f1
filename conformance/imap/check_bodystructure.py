"""BODY and BODYSTRUCTURE: RFC 3501 §6.4.5, §7.4.2."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from conformance.checks import given, must
from conformance.errors import InconclusiveError, ViolationError
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import fetched_one, shown, value
from conformance.imap.strategies_messages import plain
from conformance.imap.strategies_mime import Part, mime_messages
from conformance.imap.structures import Leaf, Multipart, Node, pairs, structure
from conformance.wire.imap import Value


def _structure(folder: Folder, octets: bytes, item: str = "BODYSTRUCTURE") -> Node:
    with folder.opened([octets]) as imap:
        return structure(value(fetched_one(imap, item), item))


def _side_by_side(node: Node, part: Part) -> Iterator[tuple[Node, Part]]:
    """What the server says of each part, with the part itself.

    Raises:
        ViolationError: there are more parts or fewer than were written.
    """
    yield node, part
    if isinstance(node, Multipart):
        expect(len(node.parts) == len(part.parts), f"{len(part.parts)} parts in {node.number or 'the message'}", node)
        for inner, written in zip(node.parts, part.parts, strict=True):
            yield from _side_by_side(inner, written)
    elif part.parts:
        raise ViolationError(f"part {node.number} as the multipart that it is", shown(node))
    elif part.message is not None:
        if node.inner is None:
            raise ViolationError(f"the structure of the message in part {node.number}", shown(node))
        yield from _side_by_side(node.inner, part.message)


def _nodes(folder: Folder, message: Part) -> list[tuple[Node, Part]]:
    """Each part that the server tells of with the one that was written.

    Raises:
        InconclusiveError: they do not match, which is for `check_nests_as_the_message_does` to judge.
    """
    node = _structure(folder, message.octets)
    try:
        return list(_side_by_side(node, message))
    except ViolationError as error:
        raise InconclusiveError(f"the parts cannot be told apart: {error}") from error


def _leaves(folder: Folder, message: Part) -> Iterator[tuple[Leaf, Part]]:
    for node, part in _nodes(folder, message):
        if isinstance(node, Leaf):
            yield node, part


@must("rfc3501/7.4.2/15", "rfc3501/7.4.2/14", "rfc3501/6.4.5/29")
@given(message=mime_messages())
def check_nests_as_the_message_does(folder: Folder, message: Part) -> None:
    """A multipart has the structures of its parts in the place of a type, as deep as the message goes."""
    for node, part in _side_by_side(_structure(folder, message.octets), message):
        expect(isinstance(node, Multipart) == bool(part.parts), "a multipart for a multipart only", shown(node))


@must("rfc3501/7.4.2/26", "rfc3501/7.4.2/27", "rfc3501/7.4.2/16")
@given(message=mime_messages())
def check_tells_type_and_subtype(folder: Folder, message: Part) -> None:
    """Every part has its media type and subtype, a multipart its subtype after the parts; case does not matter."""
    for node, part in _nodes(folder, message):
        expect(node.subtype == part.subtype.upper(), f"subtype {part.subtype!r} for part {node.number}", node.subtype)
        if isinstance(node, Leaf):
            expect(node.type == part.type.upper(), f"type {part.type!r} for part {node.number}", node.type)


def _expected(part: Part) -> dict[bytes, bytes]:
    return {name.upper(): each for name, each in part.told_parameters()}


def _as_told(name: bytes, each: bytes) -> bytes:
    # The names of charsets are the same in either case, and some servers write them in capitals.
    return each.lower() if name == b"CHARSET" else each


@must("rfc3501/7.4.2/28", "rfc3501/7.4.2/30", "rfc3501/7.4.2/29", "rfc3501/7.4.2/31", "rfc3501/7.4.2/25")
@given(message=mime_messages())
def check_tells_parameters_id_description_and_encoding(folder: Folder, message: Part) -> None:
    """The parameters of a part, quoting undone, its id, its description and its encoding are those of its header."""
    for leaf, part in _leaves(folder, message):
        told = {name: _as_told(name, each) for name, each in leaf.parameters}
        wanted = {name: _as_told(name, each) for name, each in _expected(part).items()}
        expect(told == wanted, f"parameters {wanted} for part {leaf.number}", told)
        expect(leaf.id == part.id, f"id {part.id!r} for part {leaf.number}", shown(leaf.id))
        expect(leaf.description == part.description, f"description {part.description!r}", shown(leaf.description))
        encoding = (part.encoding or b"7bit").upper()
        expect(leaf.encoding == encoding, f"encoding {encoding!r} for part {leaf.number}", leaf.encoding)


@must("rfc3501/7.4.2/13", "rfc3501/6.4.5/30")
def check_fills_in_the_type_where_none_is_given(folder: Folder) -> None:
    """A message without MIME fields is TEXT/PLAIN in US-ASCII, not encoded (RFC 2045 §5.2)."""
    node = _structure(folder, plain())
    if not isinstance(node, Leaf):
        raise ViolationError("a single part", shown(node))
    expect((node.type, node.subtype) == (b"TEXT", b"PLAIN"), "TEXT PLAIN", (node.type, node.subtype))
    charsets = [each.upper() for name, each in node.parameters if name == b"CHARSET"]
    expect(charsets in ([b"US-ASCII"], []), "charset US-ASCII", charsets)
    expect(node.encoding == b"7BIT", "encoding 7BIT", node.encoding)


@must("rfc3501/7.4.2/34", "rfc3501/9/18")
@given(message=mime_messages())
def check_tells_envelope_and_structure_of_an_encapsulated_message(folder: Folder, message: Part) -> None:
    """A MESSAGE/RFC822 part has the envelope, the structure and the lines of the message in it."""
    for leaf, part in _leaves(folder, message):
        if part.message is None:
            continue
        if not isinstance(leaf.envelope, list) or len(leaf.envelope) != 10:
            raise ViolationError(f"the envelope of the message in part {leaf.number}", shown(leaf.envelope))
        expect(leaf.envelope[1] == b"inside", f"the subject of the message in part {leaf.number}", leaf.envelope[1])


def _without_extension(node: Node) -> Node:
    if isinstance(node, Multipart):
        return dataclasses.replace(node, extension=(), parts=tuple(map(_without_extension, node.parts)))
    inner = None if node.inner is None else _without_extension(node.inner)
    return dataclasses.replace(node, extension=(), inner=inner)


@must("rfc3501/6.4.5/7", "rfc3501/7.4.2/2", "rfc3501/7.4.2/17", "rfc3501/7.4.2/37", "rfc3501/9/16", "rfc3501/9/17")
@given(message=mime_messages())
def check_body_is_bodystructure_without_extension_data(folder: Folder, message: Part) -> None:
    """BODY says what BODYSTRUCTURE says, and ends where the extension data begins, in every part."""
    with folder.opened([message.octets]) as imap:
        items = fetched_one(imap, "BODY BODYSTRUCTURE")
    body, extended = structure(value(items, "BODY")), structure(value(items, "BODYSTRUCTURE"))
    expect(body == _without_extension(body), "no extension data in BODY", shown(body))
    expect(body == _without_extension(extended), f"what BODYSTRUCTURE says: {shown(extended)}", shown(body))


def _disposition(found: Value) -> tuple[bytes, dict[bytes, bytes]] | None:
    if found is None:
        return None
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[0], bytes):
        raise ViolationError("a disposition as type and parameters, or NIL", shown(found))
    return found[0].upper(), dict(pairs(found[1]))


@must("rfc3501/7.4.2/38", "rfc3501/7.4.2/39", "rfc3501/7.4.2/40", "rfc3501/7.4.2/41", "rfc3501/7.4.2/42")
@given(message=mime_messages())
def check_tells_extension_data_in_its_order(folder: Folder, message: Part) -> None:
    """MD5, disposition, language and location of a part come in this order, as far as the server tells them."""
    for leaf, part in _leaves(folder, message):
        if leaf.extension:
            expect(leaf.extension[0] is None, "NIL for an MD5 that is not there", shown(leaf.extension[0]))
        if len(leaf.extension) > 1:
            given_here = part.disposition
            wanted = None if given_here is None else (given_here[0].upper(), {n.upper(): v for n, v in given_here[1]})
            told = _disposition(leaf.extension[1])
            expect(told == wanted, f"disposition {wanted} for part {leaf.number}", told)
        if len(leaf.extension) > 2:
            language = leaf.extension[2]
            single = language[0] if isinstance(language, list) and len(language) == 1 else language
            expect(single == part.language, f"language {part.language!r} for part {leaf.number}", shown(language))
        if len(leaf.extension) > 3:
            expect(leaf.extension[3] is None, "NIL for a location that is not there", shown(leaf.extension[3]))


@must("rfc3501/7.4.2/18", "rfc3501/7.4.2/19")
@given(message=mime_messages())
def check_tells_the_parameters_of_a_multipart(folder: Folder, message: Part) -> None:
    """The extension data of a multipart begins with its parameters, the boundary among them."""
    for node, part in _nodes(folder, message):
        if isinstance(node, Multipart) and node.extension:
            told = dict(pairs(node.extension[0]))
            expect(told == _expected(part), f"parameters {_expected(part)} for {node.number or 'the message'}", told)
