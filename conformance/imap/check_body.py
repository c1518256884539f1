"""Whole messages, headers and texts by FETCH: RFC 3501 §6.4.5."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Folder
from conformance.imap.answers import Items, expect_ok, fetched_one, flags, string, system_flags
from conformance.imap.session import ImapSession
from conformance.imap.strategies_messages import EXTRA_NAMES, Written, messages, plain


def _text(imap: ImapSession, item: str) -> bytes:
    """The value of one BODY or RFC822 item, asked for alone."""
    return string(fetched_one(imap, item), item.replace(".PEEK", ""))


@must("rfc3501/6.4.5/9")
@given(message=messages())
def check_body_is_the_whole_message(folder: Folder, message: Written) -> None:
    """`BODY[]` is the header, the blank line and the text, and so is what `BODY[HEADER]` and `BODY[TEXT]` make up."""
    with folder.opened([message.octets]) as imap:
        items = fetched_one(imap, "BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT]")
        whole = string(items, "BODY[]")
        assert_same_octets(whole, message.octets)
        assert_same_octets(string(items, "BODY[HEADER]") + string(items, "BODY[TEXT]"), whole)


@must("rfc3501/6.4.5/17", "rfc3501/6.4.5/20")
@given(message=messages())
def check_header_goes_up_to_the_blank_line(folder: Folder, message: Written) -> None:
    """`BODY[HEADER]` is every field as it stands, folding and all, and the blank line."""
    with folder.opened([message.octets]) as imap:
        assert_same_octets(_text(imap, "BODY.PEEK[HEADER]"), message.header, what="octets of header")


@must("rfc3501/6.4.5/22")
@given(message=messages())
def check_text_begins_after_the_blank_line(folder: Folder, message: Written) -> None:
    """`BODY[TEXT]` is everything after the blank line that ends the header."""
    with folder.opened([message.octets]) as imap:
        assert_same_octets(_text(imap, "BODY.PEEK[TEXT]"), message.body, what="octets of text")


@must("rfc3501/6.4.5/10", "rfc3501/6.4.5/11")
@given(message=messages())
def check_part_1_of_a_plain_message_is_its_text(folder: Folder, message: Written) -> None:
    """Every message has a part 1: of one that is no multipart it is the text."""
    with folder.opened([message.octets]) as imap:
        assert_same_octets(_text(imap, "BODY.PEEK[1]"), message.body, what="octets of part 1")


@must("rfc3501/6.4.5/35", "rfc3501/7.4.2/56")
@given(message=messages())
def check_rfc822_is_the_whole_message(folder: Folder, message: Written) -> None:
    """RFC822 returns what `BODY[]` does, under its own name, and sets \\Seen."""
    _check_old_name(folder, message, "RFC822", message.octets, seen=True)


@must("rfc3501/6.4.5/36", "rfc3501/7.4.2/57", "rfc3501/7.4.2/58")
@given(message=messages())
def check_rfc822_header_is_the_header(folder: Folder, message: Written) -> None:
    """RFC822.HEADER returns what `BODY.PEEK[HEADER]` does, under its own name, and leaves \\Seen alone."""
    _check_old_name(folder, message, "RFC822.HEADER", message.header, seen=False)


@must("rfc3501/6.4.5/38", "rfc3501/7.4.2/61")
@given(message=messages())
def check_rfc822_text_is_the_text(folder: Folder, message: Written) -> None:
    """RFC822.TEXT returns what `BODY[TEXT]` does, under its own name, and sets \\Seen."""
    _check_old_name(folder, message, "RFC822.TEXT", message.body, seen=True)


def _check_old_name(folder: Folder, message: Written, item: str, expected: bytes, *, seen: bool) -> None:
    with folder.opened([message.octets]) as imap:
        assert_same_octets(_text(imap, item), expected, what=f"octets of {item}")
        has = "\\seen" in flags(fetched_one(imap, "FLAGS"))
        expect(has is seen, f"the message {'' if seen else 'not '}to be \\Seen after {item}", f"\\Seen is {has}")


def _in_odd_case(names: Sequence[bytes]) -> str:
    return " ".join(name.decode().swapcase() if i % 2 else name.decode().lower() for i, name in enumerate(names))


@must("rfc3501/6.4.5/18", "rfc3501/6.4.5/19", "rfc3501/7.4.2/10")
@given(
    message=messages(),
    more=st.lists(st.sampled_from((*EXTRA_NAMES, b"To", b"Absent")), unique=True, max_size=3),
)
def check_divides_the_header_by_field_names(folder: Folder, message: Written, more: Sequence[bytes]) -> None:
    """HEADER.FIELDS returns just the fields named, in either case, HEADER.FIELDS.NOT all others; both a blank line.

    A name matches whole: X-One does not bring X-One-More along.
    """
    names = list(dict.fromkeys([b"X-One", b"Subject", *more]))
    with folder.opened([message.octets]) as imap:
        for word, keep in (("HEADER.FIELDS", True), ("HEADER.FIELDS.NOT", False)):
            items = fetched_one(imap, f"BODY.PEEK[{word} ({_in_odd_case(names)})]")
            key = next((name for name in items if name.startswith(f"BODY[{word} ")), f"BODY[{word} …]")
            assert_same_octets(string(items, key), message.subset(names, keep=keep), what=f"octets of {word}")


PEEKS = (
    "BODY.PEEK[]",
    "BODY.PEEK[HEADER]",
    "BODY.PEEK[TEXT]",
    "BODY.PEEK[1]",
    "BODY.PEEK[]<0.10>",
    "BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
    "BODY",
    "BODYSTRUCTURE",
    "ENVELOPE",
    "RFC822.SIZE",
    "FULL",
)
READS = ("BODY[]", "BODY[TEXT]", "BODY[1]", "BODY[HEADER]", "BODY[]<0.10>", "BODY[HEADER.FIELDS (SUBJECT)]")


@must("rfc3501/6.4.5/28", "rfc3501/7.4.2/59")
def check_peeking_leaves_seen_alone(folder: Folder) -> None:
    """BODY.PEEK, and every item that is not text, leaves a message as unseen as it was."""
    with folder.opened([plain()] * len(PEEKS)) as imap:
        for number, item in enumerate(PEEKS, 1):
            expect_ok(imap.command(f"FETCH {number} {item}"), f"FETCH {item}")
        for number, item in enumerate(PEEKS, 1):
            now = flags(fetched_one(imap, "FLAGS", number=number))
            expect("\\seen" not in now, f"no \\Seen after {item}", sorted(now))


@should("rfc3501/6.4.5/27")
def check_reading_sets_seen_and_says_so(folder: Folder) -> None:
    """`BODY[section]` sets \\Seen, and the answer tells the new flags.

    Without the news a client goes on showing as unread what it has just fetched.
    """
    with folder.opened([plain()] * len(READS)) as imap:
        for number, item in enumerate(READS, 1):
            told: Items = expect_ok(imap.command(f"FETCH {number} {item}"), f"FETCH {item}").fetched(number)
            expect("FLAGS" in told and "\\seen" in flags(told), f"\\Seen with the answer to {item}", list(told))
            now = system_flags(fetched_one(imap, "FLAGS", number=number))
            expect(now == {"\\seen"}, f"\\Seen after {item}", sorted(now))
