"""ENVELOPE: RFC 3501 §7.4.2, §9."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import fetched_one, shown, value
from conformance.imap.strategies_addresses import AddressField, Told, address_lists, group_lists
from conformance.wire.imap import Atom, Value

MEMBERS = ("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id")
"""The members of an envelope in their order (RFC 3501 §7.4.2)."""

DATE = b"Mon, 05 Jan 2026 12:00:00 +0000"
AUTHOR: tuple[Told, ...] = ((None, None, b"ann", b"client.example"),)


def _envelope(folder: Folder, fields: Mapping[bytes, bytes]) -> dict[str, Value]:
    """The envelope of a message with these fields, members by name."""
    header = b"".join(b"%b: %b\r\n" % field for field in fields.items())
    with folder.opened([header + b"\r\nHello.\r\n"]) as imap:
        found = value(fetched_one(imap, "ENVELOPE"), "ENVELOPE")
    if not isinstance(found, list) or len(found) != len(MEMBERS):
        raise ViolationError("an envelope of ten members", shown(found))
    return dict(zip(MEMBERS, found, strict=True))


def _expect_text(envelope: Mapping[str, Value], member: str, expected: bytes | None) -> None:
    found = envelope[member]
    told = found if found is None or (isinstance(found, bytes) and not isinstance(found, Atom)) else b"(not a string)"
    expect(told == expected, f"{shown(expected)} as the envelope's {member}", shown(found))


def _addresses(envelope: Mapping[str, Value], member: str) -> tuple[tuple[Value, ...], ...]:
    found = envelope[member]
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, list) and len(each) == 4 for each in found):
        raise ViolationError(f"a list of addresses of four members as {member}, or NIL", shown(found))
    return tuple(tuple(each) for each in found if isinstance(each, list))


def _expect_addresses(envelope: Mapping[str, Value], member: str, expected: tuple[Told, ...]) -> None:
    found = _addresses(envelope, member)

    # The case of a domain means nothing, and some servers keep it and some do not.
    def folded(addresses: tuple[tuple[Value, ...], ...]) -> list[list[Value]]:
        return [[*each[:3], each[3].lower() if isinstance(each[3], bytes) else each[3]] for each in addresses]

    expect(folded(found) == folded(expected), f"{shown(expected)} as the envelope's {member}", shown(found))


SUBJECTS = (
    b"plain",
    b"NIL",
    b'with "quotes"',
    b"back\\slash",
    b"(parentheses)",
    b"{5}",
    b"100% * sure",
    b"=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    b"a" * 200,
)


@must("rfc3501/7.4.2/43", "rfc3501/7.4.2/44", "rfc3501/6.4.5/31", "rfc3501/9/31")
@given(
    subject=st.sampled_from(SUBJECTS), reply=st.sampled_from((b"<a@client.example>", b"<a@b.example> <c@d.example>"))
)
def check_tells_date_subject_and_ids_as_they_stand(folder: Folder, subject: bytes, reply: bytes) -> None:
    """Date, subject, in-reply-to and message-id are the values of these fields, nothing decoded and nothing lost."""
    fields = {
        b"From": b"ann@client.example",
        b"Date": DATE,
        b"Subject": subject,
        b"Message-ID": b"<m.1@client.example>",
        b"In-Reply-To": reply,
    }
    envelope = _envelope(folder, fields)
    for member, name in (("date", b"Date"), ("subject", b"Subject"), ("message-id", b"Message-ID")):
        _expect_text(envelope, member, fields[name])
    _expect_text(envelope, "in-reply-to", reply)


@must("rfc3501/7.4.2/50")
@given(missing=st.lists(st.sampled_from((b"Subject", b"Message-ID", b"In-Reply-To")), unique=True, max_size=2))
def check_tells_nil_for_fields_that_are_not_there(folder: Folder, missing: list[bytes]) -> None:
    """Subject, in-reply-to and message-id are NIL where the field is absent, which an empty string would hide."""
    fields = {b"From": b"ann@client.example", b"Date": DATE, b"Subject": b"s", b"In-Reply-To": b"<r@client.example>"}
    for name in (*missing, b"Message-ID"):
        fields.pop(name, None)
    envelope = _envelope(folder, fields)
    for name in (b"Subject", b"Message-ID", b"In-Reply-To"):
        _expect_text(envelope, name.decode().lower(), fields.get(name))


@must("rfc3501/7.4.2/46", "rfc3501/7.4.2/45", "rfc3501/9/11", "rfc3501/9/12", "rfc3501/9/10")
@given(author=address_lists(), to=address_lists(), cc=address_lists(), bcc=address_lists())
def check_tells_the_addresses(
    folder: Folder, author: AddressField, to: AddressField, cc: AddressField, bcc: AddressField
) -> None:
    """From, to, cc and bcc are lists of name, route, mailbox and host, all quoting undone."""
    written = {b"From": author, b"To": to, b"Cc": cc, b"Bcc": bcc}
    fields = {b"Date": DATE, **{name: field.written for name, field in written.items()}}
    envelope = _envelope(folder, fields)
    for name, field in written.items():
        _expect_addresses(envelope, name.decode().lower(), field.told)


@must("rfc3501/7.4.2/47", "rfc3501/7.4.2/48", "rfc3501/7.4.2/49")
@given(to=group_lists())
def check_marks_where_a_group_begins_and_ends(folder: Folder, to: AddressField) -> None:
    """A group begins with an address that has only its name, as mailbox, and ends with one that has nothing."""
    envelope = _envelope(folder, {b"From": b"ann@client.example", b"Date": DATE, b"To": to.written})
    _expect_addresses(envelope, "to", to.told)


@must("rfc3501/7.4.2/53", "rfc3501/6.4.5/32")
def check_fills_in_sender_and_reply_to(folder: Folder) -> None:
    """Sender and reply-to are those of From where their own fields are absent, and else their own."""
    author = b"ann@client.example"
    envelope = _envelope(folder, {b"From": author, b"Date": DATE})
    _expect_addresses(envelope, "sender", AUTHOR)
    _expect_addresses(envelope, "reply-to", AUTHOR)
    fields = {b"From": author, b"Date": DATE, b"Sender": b"sec@client.example", b"Reply-To": b"list@client.example"}
    envelope = _envelope(folder, fields)
    _expect_addresses(envelope, "sender", ((None, None, b"sec", b"client.example"),))
    _expect_addresses(envelope, "reply-to", ((None, None, b"list", b"client.example"),))


@must("rfc3501/7.4.2/52")
def check_tells_nil_for_address_fields_that_are_not_there(folder: Folder) -> None:
    """To, cc and bcc are NIL where there is no such field, never an empty list."""
    envelope = _envelope(folder, {b"From": b"ann@client.example", b"Date": DATE})
    for member in ("to", "cc", "bcc"):
        expect(envelope[member] is None, f"NIL as the envelope's {member}", shown(envelope[member]))
