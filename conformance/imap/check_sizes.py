"""Sizes: RFC822.SIZE and the counts in BODYSTRUCTURE (RFC 3501 §2.3.4, §6.4.5, §7.4.2)."""

from __future__ import annotations

from conformance.checks import given, must
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import fetched_one, number, string, value
from conformance.imap.strategies_messages import Written, messages
from conformance.imap.strategies_mime import Part, mime_messages
from conformance.imap.structures import Leaf, leaves, structure


@must("rfc3501/6.4.5/37", "rfc3501/7.4.2/60", "rfc3501/2.3.4/1")
@given(message=messages())
def check_rfc822_size_is_the_length_of_the_message(folder: Folder, message: Written) -> None:
    """RFC822.SIZE is as many octets as `BODY[]` has.

    Clients ask for the size first and reserve, show progress and fetch in pieces by it.
    """
    with folder.opened([message.octets]) as imap:
        items = fetched_one(imap, "RFC822.SIZE BODY.PEEK[]")
        size, octets = number(items, "RFC822.SIZE"), len(string(items, "BODY[]"))
        expect(size == octets, f"RFC822.SIZE {octets}, as many octets as BODY[] has", size)


def _parts_with_texts(folder: Folder, message: Part) -> list[tuple[Leaf, bytes]]:
    with folder.opened([message.octets]) as imap:
        items = fetched_one(imap, "BODYSTRUCTURE")
        found = list(leaves(structure(value(items, "BODYSTRUCTURE"))))
        texts = fetched_one(imap, " ".join(f"BODY.PEEK[{leaf.number}]" for leaf in found))
        return [(leaf, string(texts, f"BODY[{leaf.number}]")) for leaf in found]


@must("rfc3501/7.4.2/33", "rfc3501/7.4.2/32")
@given(message=mime_messages())
def check_bodystructure_counts_the_octets_of_each_part(folder: Folder, message: Part) -> None:
    """The size of a part in BODYSTRUCTURE is as many octets as fetching it brings, transfer encoding and all."""
    for leaf, octets in _parts_with_texts(folder, message):
        expect(leaf.octets == len(octets), f"{len(octets)} octets for part {leaf.number}", leaf.octets)


@must("rfc3501/7.4.2/35", "rfc3501/7.4.2/36", "rfc3501/7.4.2/34")
@given(message=mime_messages())
def check_bodystructure_counts_the_lines_of_texts_and_messages(folder: Folder, message: Part) -> None:
    """Texts and encapsulated messages have a count of lines, which is that of the part as it is encoded."""
    for leaf, octets in _parts_with_texts(folder, message):
        if not (leaf.is_text or leaf.is_message):
            continue
        if leaf.lines is None:
            raise ViolationError(f"a count of lines for part {leaf.number}", "none")
        ends = octets.count(b"\r\n")
        # Whether a last line without its end counts is nowhere said.
        allowed = {ends, ends + (not octets.endswith(b"\r\n") and octets != b"")}
        expect(leaf.lines in allowed, f"{ends} lines for part {leaf.number}", leaf.lines)
