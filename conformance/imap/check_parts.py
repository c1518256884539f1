"""Body parts by number: RFC 3501 §6.4.5."""

from __future__ import annotations

from conformance.checks import given, must
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Folder
from conformance.imap.answers import fetched_one, string
from conformance.imap.strategies_messages import plain
from conformance.imap.strategies_mime import Part, mime_messages, numbered


def _check_sections(folder: Folder, message: Part, sections: dict[str, bytes]) -> None:
    with folder.opened([message.octets]) as imap:
        items = fetched_one(imap, " ".join(f"BODY.PEEK[{section}]" for section in sections))
        for section, octets in sections.items():
            assert_same_octets(string(items, f"BODY[{section}]"), octets, what=f"octets of BODY[{section}]")


@must("rfc3501/6.4.5/12", "rfc3501/6.4.5/8", "rfc3501/7.4.2/3")
@given(message=mime_messages())
def check_numbers_parts_as_they_come(folder: Folder, message: Part) -> None:
    """The parts of a multipart are numbered from 1, and each is just what stands between its boundaries.

    The line end before a boundary belongs to the boundary, not to the part (RFC 2046 §5.1.1).
    """
    _check_sections(folder, message, {number: part.body for number, part in numbered(message) if "." not in number})


@must("rfc3501/6.4.5/13")
@given(message=mime_messages())
def check_numbers_parts_inside_parts(folder: Folder, message: Part) -> None:
    """A part of a part has both numbers, a period between them."""
    sections = {}
    for number, part in enumerate(message.parts, 1):
        for deeper, inner in enumerate(part.parts, 1):
            sections[f"{number}.{deeper}"] = inner.body
    _check_sections(folder, message, sections)


@must("rfc3501/6.4.5/14")
@given(message=mime_messages())
def check_numbers_the_parts_of_an_encapsulated_message(folder: Folder, message: Part) -> None:
    """The parts of a MESSAGE/RFC822 part are those of the message in it; one that is no multipart has part 1."""
    sections = {}
    for number, part in enumerate(message.parts, 1):
        if part.message is not None:
            inner = numbered(part.message)
            sections.update({f"{number}.{deeper}": each.body for deeper, each in inner})
    _check_sections(folder, message, sections)


@must("rfc3501/6.4.5/15", "rfc3501/6.4.5/17")
@given(message=mime_messages())
def check_takes_header_and_text_of_an_encapsulated_message(folder: Folder, message: Part) -> None:
    """HEADER and TEXT after the number of a MESSAGE/RFC822 part are those of the message in it."""
    sections = {}
    for number, part in enumerate(message.parts, 1):
        if part.message is not None:
            sections[f"{number}.HEADER"] = part.message.header
            sections[f"{number}.TEXT"] = part.message.body
    _check_sections(folder, message, sections)


@must("rfc3501/6.4.5/21")
@given(message=mime_messages())
def check_mime_is_the_header_of_the_part(folder: Folder, message: Part) -> None:
    """MIME after a part's number is the header of that part, blank line included."""
    sections = {f"{number}.MIME": part.header for number, part in numbered(message)}
    # The part of a message that is no multipart has no header of its own: it is left out here.
    for number, part in enumerate(message.parts, 1):
        if part.message is not None and not part.message.parts:
            sections.pop(f"{number}.1.MIME", None)
    _check_sections(folder, message, sections)


@must("rfc3501/6.4.5/11")
def check_has_no_part_2_of_a_plain_message(folder: Folder) -> None:
    """A message that is no multipart has no part but 1: there is nothing to return of any other."""
    with folder.opened([plain()]) as imap:
        answer = imap.command("FETCH 1 BODY.PEEK[2]")
        # NIL, the empty string, no data and a refusal are all in use; text is what there cannot be.
        told = answer.fetched(1).get("BODY[2]")
        expect(not told, "nothing for a part that is not there", repr(told))
