"""SORT, by display names too, with result options; base subjects (RFC 5256, RFC 5957, RFC 5267 §3)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance.wire.imap_grammar import recognise
from reference_server.imap.subjects import Subject, base_subject
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import inbox, message, new_store, selected

MANY = settings(max_examples=200, deadline=None)


@pytest.mark.parametrize(
    ("subject", "base", "is_reply"),
    [
        ("hello", "hello", False),
        ("Re: hello", "hello", True),
        ("RE:re: Fw:FWD: hello", "hello", True),
        ("re : hello", "hello", True),
        ("Re[2]: hello", "hello", True),
        ("Re [x] : hello", "hello", True),
        ("[list] Re: [list] hello", "hello", True),
        ("[list][other] hello", "hello", False),
        ("[list] [a] fwd[b] :  [c] hello (fwd) (FWD) ", "hello", True),
        ("hello (fwd)", "hello", True),
        ("[fwd: hello]", "hello", True),
        ("[Fwd: Re: [x] [fwd: hello]] (fwd)", "hello", True),
        ("Re: [fwd: hello] there", "there", True),
        ("[only]", "[only]", False),
        ("[a][b]", "[b]", False),
        ("[a] [b] ", "[b]", False),
        ("Re: [a] Re: [b]", "[b]", True),
        ("Re:", "", True),
        ("(fwd)", "", True),
        ("[fwd:]", "", True),
        ("[fwd: (fwd) ]", "", True),
        ("", "", False),
        (" \t\r\n ", "", False),
        ("a \t b\r\n  c", "a b c", False),
        ("re hello", "re hello", False),
        ("report: x", "report: x", False),
        ("fwx: hello", "fwx: hello", False),
        ("Aw: hello", "Aw: hello", False),
        ("[open hello", "[open hello", False),
        ("a] hello", "a] hello", False),
        ("[[x]] hello", "[[x]] hello", False),
        ("[fwd: hello", "[fwd: hello", False),
        ("hello]", "hello]", False),
        ("hello (fwd", "hello (fwd", False),
    ],
)
def test_base_subjects(subject: str, base: str, is_reply: bool) -> None:
    assert base_subject(subject) == Subject(base, is_reply)


def by_the_letter(subject: str) -> Subject:
    """The procedure of RFC 5256 §2.1 step by step, however long that takes."""
    text = " ".join(subject.replace("\t", " ").split(" ")) if subject else ""
    while "  " in text:
        text = text.replace("  ", " ")
    is_reply = False
    while True:
        while text.endswith(" ") or text.lower().endswith("(fwd)"):  # (2)
            is_reply |= not text.endswith(" ")
            text = text[:-1] if text.endswith(" ") else text[:-5]
        changed = True
        while changed:  # (5)
            changed = False
            while (leader := leader_of(text)) is not None:  # (3)
                is_reply |= text[:leader] != " "
                text, changed = text[leader:], True
            blob = blob_of(text)
            if blob and text[blob:]:  # (4)
                text, changed = text[blob:], True
        if not (text.lower().startswith("[fwd:") and text.endswith("]")):  # (6)
            return Subject(text, is_reply)
        text, is_reply = text[5:-1], True


def blob_of(text: str) -> int:
    """Length of the subj-blob at the beginning, or 0."""
    if not text.startswith("["):
        return 0
    for at in range(1, len(text)):
        if text[at] == "[":
            return 0
        if text[at] == "]":
            return at + 1 + len(text[at + 1 :]) - len(text[at + 1 :].lstrip(" "))
    return 0


def leader_of(text: str) -> int | None:
    """Length of the subj-leader at the beginning."""
    if text.startswith(" "):
        return 1
    at = 0
    while blob := blob_of(text[at:]):
        at += blob
    for word in ("re", "fwd", "fw"):
        if text[at:].lower().startswith(word):
            after = at + len(word)
            after += len(text[after:]) - len(text[after:].lstrip(" "))
            after += blob_of(text[after:])
            return after + 1 if text[after : after + 1] == ":" else None
    return None


@given(
    subject=st.lists(
        st.sampled_from(["Re", "fw", "fwd", ":", " ", "[", "]", "[fwd:", "(fwd)", "a", "(", ")", "[x]"]), max_size=12
    ).map("".join)
)
@example("[x][x]re:[x] [fwd:[x]a](fwd)")
@MANY
def test_base_subjects_are_those_of_the_procedure(subject: str) -> None:
    assert base_subject(subject) == by_the_letter(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "[x]" * 200_000,
        "[x]" * 200_000 + "re",
        "re:" * 200_000,
        "[fwd:" * 100_000 + "]" * 100_000,
        "[fwd:[x]" * 80_000 + "a" + "]" * 80_000,
        "(fwd)" * 200_000,
        "re[" * 200_000,
        "[" * 500_000,
        " [x] re [y] :" * 50_000,
        "a" + " " * 500_000 + "b",
    ],
    ids=lambda subject: repr(subject[:16]),
)
def test_base_subjects_take_linear_time(subject: str) -> None:
    started = time.process_time()
    base_subject(subject)
    # Quadratic work on this much takes minutes.
    assert time.process_time() - started < 15


DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)

MAIL = [
    """
    From: Zoe <beta@x.test>
    To: "Last, First" <one@x.test>, a@x.test
    Cc: x@x.test
    Subject: Re: banana
    Date: Mon, 2 Mar 2026 01:00:00 +0200

    aaaa
    """,
    """
    From: =?utf-8?q?=C3=A4dam?= <alpha@x.test>
    To: two@x.test
    Subject: [list] Apple
    Date: Sun, 1 Mar 2026 23:30:00 +0000

    a
    """,
    """
    From: gamma@x.test
    To: friends: three@x.test;
    Cc: a@x.test
    Subject: apple (fwd)

    aa
    """,
    """
    Subject: =?utf-8?q?=C3=84pfel?=
    Date: yesterday

    aaaaaaaa
    """,
]


@pytest.fixture
def store() -> MemoryStore:
    """Four messages, UIDs 2 to 5; the internal dates descend."""
    store = new_store()
    inbox(store).append(b"x")
    for days, text in enumerate(MAIL):
        inbox(store).append(message(text), internal_date=DAY - timedelta(days=days))
    inbox(store).expunge([1])
    return store


@pytest.mark.parametrize(
    ("criteria", "numbers"),
    [
        ("ARRIVAL", "4 3 2 1"),
        ("REVERSE ARRIVAL", "1 2 3 4"),
        # 1 is at 23:00 UTC on the first; 3 and 4 have no date but their internal one.
        ("DATE", "4 3 1 2"),
        ("REVERSE DATE", "2 1 3 4"),
        ("SIZE", "4 3 2 1"),
        ("SUBJECT", "2 3 4 1"),
        ("SUBJECT DATE", "3 2 4 1"),
        ("subject reverse date", "2 3 4 1"),
        ("REVERSE SUBJECT", "1 4 2 3"),
        ("REVERSE SUBJECT SUBJECT REVERSE SUBJECT", "1 4 2 3"),
        ("FROM", "4 2 1 3"),
        ("REVERSE FROM", "3 1 2 4"),
        ("TO", "4 3 1 2"),
        ("CC", "2 4 3 1"),
        ("DISPLAYFROM", "4 2 3 1"),
        ("DISPLAYTO", "4 3 1 2"),
        ("REVERSE DISPLAYTO ARRIVAL", "2 1 3 4"),
    ],
)
def test_sort_criteria(store: MemoryStore, criteria: str, numbers: str) -> None:
    client = selected(store)
    for verb, offset in ((b"SORT", 0), (b"UID SORT", 1)):
        for _ in range(2):  # the second time with what is remembered
            said = client.say(b"a %b (%b) UTF-8 ALL\r\n" % (verb, criteria.encode()))
            expected = " ".join(str(int(number) + offset) for number in numbers.split())
            assert said.decode() == f"* SORT {expected}\r\na OK SORT completed\r\n"


def test_sort_searches_first_and_answers_in_the_forms_asked_for(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: a SORT (SUBJECT) "us-ascii" 2:4 NOT TEXT "not there"
        S: * SORT 2 3 4
        S: a OK SORT completed
        C: b SORT (SUBJECT) UTF-8 TEXT "not there"
        S: * SORT
        S: b OK SORT completed
        C: c UID SORT RETURN () (REVERSE DATE) UTF-8 ALL
        S: * ESEARCH (TAG "c") UID ALL 3,2,4:5
        S: c OK SORT completed
        C: d SORT RETURN (MIN MAX COUNT) (REVERSE DATE) UTF-8 ALL
        S: * ESEARCH (TAG "d") MIN 2 MAX 4 COUNT 4
        S: d OK SORT completed
        C: e SORT RETURN (PARTIAL 2:3) (DATE) UTF-8 ALL
        S: * ESEARCH (TAG "e") PARTIAL (2:3 3,1)
        S: e OK SORT completed
        C: f SORT RETURN (SAVE MIN) (DATE) UTF-8 ALL
        S: * ESEARCH (TAG "f") MIN 4
        S: f OK SORT completed
        C: g UID SORT (SUBJECT) UTF-8 $
        S: * SORT 5
        S: g OK SORT completed
        C: h SORT RETURN (SAVE) (DATE) UTF-8 1:2
        S: h OK SORT completed
        C: i SORT (ARRIVAL) UTF-8 $
        S: * SORT 2 1
        S: i OK SORT completed
        """
    )


def test_sorts_that_cannot_be_made(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: a SORT (SUBJECT) KLINGON ALL
        S: a NO [BADCHARSET (US-ASCII UTF-8)] charset not supported
        C: b SORT (XYZZY) UTF-8 ALL
        S: b BAD no such sort key
        C: c SORT (REVERSE) UTF-8 ALL
        S: c BAD expected one space
        C: d SORT (REVERSE REVERSE DATE) UTF-8 ALL
        S: d BAD no such sort key
        C: e SORT () UTF-8 ALL
        S: e BAD expected an atom
        C: f SORT (DATE) UTF-8
        S: f BAD expected one space
        C: g SORT (DATE) UTF-8 ALL)
        S: g BAD unexpected octets after the command
        C: h SORT (DATE) (UTF-8) ALL
        S: h BAD expected an atom
        C: i SORT DATE UTF-8 ALL
        S: i BAD expected '('
        C: j SORT (DATE) US-ASCII SUBJECT {2+}
        C: \xc3\xa4
        S: j NO [BADCHARSET (US-ASCII UTF-8)] the string is not in that charset
        """
    )


def test_sort_by_number_tells_of_no_expunges(store: MemoryStore) -> None:
    client = selected(store)
    inbox(store).expunge([3])
    client.play(
        """
        C: a SORT (ARRIVAL) UTF-8 ALL
        S: * SORT 4 3 1
        S: a OK SORT completed
        C: b UID SORT (ARRIVAL) UTF-8 ALL
        S: * SORT 5 4 2
        S: * 2 EXPUNGE
        S: b OK SORT completed
        """
    )


def test_sort_responses_are_well_formed(store: MemoryStore) -> None:
    client = selected(store)
    for command in (
        b"SORT (DATE) UTF-8 ALL",
        b"SORT (DATE) UTF-8 SEEN",
        b"UID SORT RETURN (PARTIAL 9:8) (DATE) UTF-8 ALL",
    ):
        said = client.say(b"a " + command + b"\r\n")
        assert not any(recognise(line) for line in said.splitlines(keepends=True)), said
