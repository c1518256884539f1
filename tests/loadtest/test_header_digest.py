"""What servers may do to a header convicts none; a field that is changed, gone or there twice does."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.mail.messages import Identity, Letterhead, MessagePress, Seen, identify

RUN = "0123abcd"
RECIPIENTS = ("bob@example.test", "carol@example.test", "dave@example.test")
HARMLESS = b"<> \t\r\n"


def handed_in(*, for_submission: bool = False) -> bytes:
    """A message of user 34, its fifth."""
    letterhead = Letterhead(
        run_id=RUN, origin=2, sender_number=34, sender="alice@example.test", recipients=RECIPIENTS,
        date=datetime(2026, 7, 1, 12, 0, tzinfo=UTC), for_submission=for_submission,
    )  # fmt: skip
    return MessagePress(letterhead, octets=900, seed=0).press(5).text


TEXT = handed_in()
HEADER, _, BODY = TEXT.partition(b"\r\n\r\n")


def fields_of(text: bytes) -> list[bytes]:
    """The header's fields, folded as they stand."""
    return re.split(rb"\r\n(?![ \t])", text.partition(b"\r\n\r\n")[0])


def is_whole(text: bytes) -> bool:
    """Whether the message is known again, and as whole."""
    seen = identify(text, RUN)
    assert seen is not None
    assert seen.identity == Identity(2, 34, 5)
    return seen.digest is not None


def field(name: bytes, old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """A change to one field."""

    def change(text: bytes) -> bytes:
        changed = re.sub(rb"(?m)^(%b:[^\n]*)%b" % (name, re.escape(old)), rb"\g<1>" + new, text)
        assert changed != text
        return changed

    return change


ALLOWED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda text: text,
    "trace on top": lambda text: b"Return-Path: <>\r\nDelivered-To: bob\r\nReceived: from a\r\n by b\r\n" + text,
    "fields below": lambda text: text.replace(b"\r\n\r\n", b"\r\nX-Spam-Status: No,\r\n\tscore=-1\r\n\r\n", 1),
    "fields between": lambda text: text.replace(b"Date:", b"DKIM-Signature: v=1; h=from:to:date:subject\r\nDate:", 1),
    "white space and folds": lambda text: text.replace(b",\r\n ", b",   ").replace(b"12:00:00 ", b"12:00:00\r\n\t", 1),
    "no white space": lambda text: text.replace(b",\r\n <", b",<").replace(b"From: ", b"From:", 1),
    "no angle brackets": lambda text: re.sub(rb"<(\w+@example\.test)>", rb"\1", text),
    "names in capitals": lambda text: re.sub(rb"(?m)^[A-Za-z-]+:", lambda name: name[0].upper(), text),
    "another order": lambda text: b"\r\n".join(sorted(fields_of(text))) + b"\r\n\r\n" + BODY,
    "a mark before the subject": lambda text: text.replace(b"Subject: ", b"Subject: [SPAM?] ", 1),
}  # fmt: skip


@pytest.mark.parametrize("how", ALLOWED)
@pytest.mark.parametrize("for_submission", [False, True])
def test_what_may_be_done_to_a_header_is_no_damage(how: str, *, for_submission: bool) -> None:
    assert is_whole(ALLOWED[how](handed_in(for_submission=for_submission)))


def times(name: str, number: int) -> Callable[[bytes], bytes]:
    """A field so many times."""
    whole = re.compile(rb"(?m)^%b:[^\n]*\n(?:[ \t][^\n]*\n)*" % name.encode())
    return lambda text: whole.sub(rb"\g<0>" * number, text)


FORBIDDEN: dict[str, Callable[[bytes], bytes]] = {
    **{
        f"{name} {what}": times(name, number)
        for name in ("From", "To", "Date", "Subject", "Message-ID", "X-Mailspec")
        for what, number in (("dropped", 0), ("doubled", 2))
    },
    "another author": field(b"From", b"alice@", b"alicia@"),
    "a recipient gone": lambda text: text.replace(b",\r\n <dave@example.test>", b"", 1),
    "another date": field(b"Date", b"12:00:00", b"12:00:01"),
    "another time zone": field(b"Date", b"+0000", b"-0000"),
    "another subject": field(b"Subject", b"load", b"lead"),
    "something behind the subject": field(b"Subject", b"load", b"load!"),
    "another domain in the Message-ID": field(b"Message-ID", b"@example.test", b"@example.net"),
    "a second author": lambda text: b"From: <mallory@example.test>\r\n" + text,
    "another name for a field": lambda text: text.replace(b"Subject:", b"Sbject:", 1),
}


@pytest.mark.parametrize("how", FORBIDDEN)
def test_what_may_not_is_damage(how: str) -> None:
    changed = FORBIDDEN[how](TEXT)
    assert changed != TEXT
    assert not is_whole(changed)


@pytest.mark.parametrize("how", [name for name in FORBIDDEN if name not in ("another author", "a recipient gone")])
def test_submission_may_not_do_it_either(how: str) -> None:
    text = handed_in(for_submission=True)
    assert not is_whole(FORBIDDEN[how](text))


@pytest.mark.parametrize("how", ["another author", "a recipient gone"])
def test_submission_may_rewrite_addresses(how: str) -> None:
    """RFC 6409 §8.7, §8.8."""
    assert is_whole(FORBIDDEN[how](handed_in(for_submission=True)))


@pytest.mark.parametrize(
    "other", [b"\0", b"\t", b"\n", b"\v", b"\r", b" ", b"-", b"0", b"9", b":", b"<", b"f", b"x", b"\xff"]
)
def test_no_other_octet_of_a_header_can_change_without_being_told(other: bytes) -> None:
    for at in range(len(HEADER)):
        old = TEXT[at : at + 1]
        if old.lower() == other.lower() or (old in HARMLESS and other in HARMLESS):
            continue
        seen = identify(TEXT[:at] + other + TEXT[at + 1 :], RUN)
        assert seen == Seen(Identity(2, 34, 5), None), at


OTHER_NAMES = st.from_regex(r"\A[A-Z][a-z]{0,8}(-[A-Z][a-z]{1,8}){0,2}\Z").filter(
    lambda name: name.lower() not in ("from", "to", "date", "subject", "message-id", "x-mailspec")
)
VALUES = st.lists(st.text('abc <>@.:;,()"', max_size=20), min_size=1, max_size=3)


@given(added=st.lists(st.tuples(OTHER_NAMES, VALUES, st.integers(0, 6)), max_size=5), order=st.permutations(range(6)))
def test_fields_of_others_may_stand_anywhere_and_ours_in_any_order(
    added: list[tuple[str, list[str], int]], order: list[int]
) -> None:
    ours = fields_of(TEXT)
    fields = [ours[number] for number in order]
    for name, lines, at in added:
        fields.insert(at, f"{name}: ".encode() + "\r\n ".join(f"x{line}" for line in lines).encode())
    assert is_whole(b"\r\n".join(fields) + b"\r\n\r\n" + BODY)
