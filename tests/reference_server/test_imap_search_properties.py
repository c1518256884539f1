"""SEARCH, SORT and THREAD on any command and any mail: one answer, in form, in time and room that go with the input."""

from __future__ import annotations

import re
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.wire.imap_grammar import recognise
from reference_server.imap import literals, searchkeys
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import inbox, new_store, selected

MIB = 1_048_576
MESSAGES = 200

STRINGS = st.one_of(
    st.sampled_from(
        [b"x", b"NIL", b'""', b'"a b"', b"Subject", b"{3+}\r\n\xc3\xa4b", b"{1+}\r\n\xff", b"{2+}\r\n\r\n"]
    ),
    st.binary(max_size=6).filter(lambda octets: b"\0" not in octets).map(lambda o: b"{%d+}\r\n%b" % (len(o), o)),
)
SETS = st.sampled_from([b"1", b"1:*", b"*:2", b"2,$", b"$", b"9", b"1:4294967295", b"0", b"4294967296", b"1,,2"])
SIMPLE = st.sampled_from([*sorted(searchkeys.SIMPLE), b"all", b"XYZZY", b""])
DATES = st.sampled_from([b"1-Jan-2020", b'"31-Dec-9999"', b"31-Feb-2020", b"1-jan-0001", b"0-Jan-2020"])
NUMBERS = st.sampled_from([b"0", b"1", b"60", b"4294967295", b"4294967296", b"99999999999999999999", b"-1"])
NAMES = sorted(searchkeys.WITH_ARGUMENTS)


def with_arguments(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A key with what may follow it, rightly or not."""
    argument = st.one_of(STRINGS, SETS, DATES, NUMBERS, inner)
    keys = st.tuples(st.sampled_from(NAMES), st.lists(argument, max_size=3)).map(
        lambda each: b" ".join((each[0], *each[1]))
    )
    in_parentheses = st.lists(inner, max_size=4).map(lambda found: b"(%b)" % b" ".join(found))
    return st.one_of(keys, in_parentheses)


KEYS = st.lists(st.recursive(st.one_of(SIMPLE, SETS), with_arguments, max_leaves=8), max_size=4).map(b" ".join)
OPTIONS = st.lists(
    st.sampled_from([b"MIN", b"MAX", b"ALL", b"COUNT", b"SAVE", b"UPDATE", b"CONTEXT", b"PARTIAL 2:1", b"PARTIAL 0:1"]),
    max_size=4,
).map(lambda names: b" RETURN (%b)" % b" ".join(names))
CRITERIA = st.lists(st.sampled_from([b"DATE", b"REVERSE SUBJECT", b"DISPLAYTO", b"CC", b"REVERSE", b"X"]), max_size=3)
COMMANDS = st.one_of(
    st.builds(
        b"%bSEARCH%b%b %b".__mod__,
        st.tuples(
            st.sampled_from([b"", b"UID "]),
            st.one_of(st.just(b""), OPTIONS),
            st.sampled_from([b"", b" CHARSET UTF-8", b' CHARSET "us-ascii"', b" CHARSET X"]),
            KEYS,
        ),
    ),
    st.builds(
        b"%bSORT%b (%b) %b %b".__mod__,
        st.tuples(
            st.sampled_from([b"", b"UID "]),
            st.one_of(st.just(b""), OPTIONS),
            CRITERIA.map(b" ".join),
            st.sampled_from([b"UTF-8", b"US-ASCII", b"X"]),
            KEYS,
        ),
    ),
    st.builds(
        b"%bTHREAD %b %b %b".__mod__,
        st.tuples(
            st.sampled_from([b"", b"UID "]),
            st.sampled_from([b"REFERENCES", b"ORDEREDSUBJECT", b"X"]),
            st.sampled_from([b"UTF-8", b"US-ASCII"]),
            KEYS,
        ),
    ),
    st.sampled_from([b'CANCELUPDATE "t"', b"CANCELUPDATE", b"NOOP"]),
)
MAIL = st.lists(
    st.sampled_from([
        b"Subject: re: [x] =?utf-8?b?w6Q=?= =?x?q?=ff?=\r\n", b"Subject:\r\n", b"Subject: (fwd)\r\n\t[fwd:\xff]\r\n",
        b"Date: 1 Jan 2020 25:61 +9999\r\n", b"Date: Fri, 31 Dec 9999 23:59:60 -9959 (x\r\n", b"Date: 1 Jan 1\r\n",
        b"Message-ID: <a@b>\r\n", b'References: <"a"@b> <c@d>(<e@f>)\r\n', b"In-Reply-To: <a@b> <c@d>\r\n",
        b"From: \"a\\\" <b@c>, g:;\r\n", b"To: g: =?utf-8?q?=C3=A4?= <@r:a@b>;\r\n", b"Cc: ,,<>\r\n",
        b"Content-Type: multipart/x; boundary=b\r\n", b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Type: text/plain; charset=utf-16\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n", b"x\xc3\xa4\xff\0=\r\n",
    ]),
    max_size=8,
).map(b"".join)  # fmt: skip


@given(mail=st.lists(MAIL, max_size=4), commands=st.lists(COMMANDS, min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_every_command_has_one_answer_in_form(mail: list[bytes], commands: list[bytes]) -> None:
    store = new_store()
    for octets in mail:
        inbox(store).append(octets)
    client = selected(store)
    for number, command in enumerate(commands):
        said = client.say(b"t%d " % number + command + b"\r\n")
        lines = said.splitlines(keepends=True)
        assert [bool(re.match(rb"t%d (OK|NO|BAD) " % number, line)) for line in lines] == [False] * (len(lines) - 1) + [
            True
        ]
        for line in lines:
            assert not recognise(line), line


@given(mail=st.lists(MAIL, max_size=4), keys=KEYS)
@settings(max_examples=150, deadline=None)
def test_sort_and_thread_find_what_search_finds(mail: list[bytes], keys: bytes) -> None:
    store = new_store()
    for octets in mail:
        inbox(store).append(octets)
    client = selected(store)
    found = client.say(b"a UID SEARCH CHARSET UTF-8 " + keys + b"\r\n")
    for command in (
        b"SORT (DATE SUBJECT DISPLAYFROM) UTF-8",
        b"THREAD REFERENCES UTF-8",
        b"THREAD ORDEREDSUBJECT UTF-8",
    ):
        again = client.say(b"a UID " + command + b" " + keys + b"\r\n")
        assert again.split(b"\r\n")[-2].split(b" ")[1] == found.split(b"\r\n")[-2].split(b" ")[1]
        assert numbers_in(again) == numbers_in(found)


def numbers_in(said: bytes) -> list[int]:
    """What a SEARCH, SORT or THREAD response lists, ascending."""
    told = re.search(rb"^\* (?:SEARCH|SORT|THREAD)([ 0-9()]*)", said, re.MULTILINE)
    return sorted(map(int, re.findall(rb"[0-9]+", told[1]))) if told else []


def keys_for(kind: str) -> bytes:
    """As much as one command may hold of one kind."""
    return {
        "deep": b"(" * 90 + b"ALL" + b")" * 90,
        "wide": b" ".join([b"OR TEXT xyzzy BODY plugh"] * 330),
        "fields": b" ".join(b"NOT HEADER x-%d xyzzy" % number for number in range(450)),
        "sets": b" ".join([b"1:*,2:4,$"] * 900),
        "one set": b",".join(b"%d:*" % (number % 50 + 1) for number in range(12_000)),
        "dates": b" ".join([b"NOT SENTON 1-Jan-2020"] * 450),
        "flags": b" ".join([b"UNKEYWORD " + b"x" * 40] * 900),
        "literals": b" ".join([b"NOT SUBJECT {1000+}\r\n" + b"x" * 1000] * 450),
        "ages": b" ".join([b"YOUNGER 4294967295"] * 900),
    }[kind]


@pytest.fixture(scope="module")
def many() -> MemoryStore:
    """Two hundred messages, of one part and of several, references and all."""
    store = new_store()
    for number in range(MESSAGES):
        parts = b"Content-Type: multipart/mixed; boundary=b\r\n" if number % 3 == 0 else b""
        inbox(store).append(
            b"Subject: Re: [l] %d\r\nMessage-ID: <%d@x>\r\nReferences: <%d@x> <%d@x>\r\n%b\r\n"
            b"--b\r\n\r\ntext\r\n--b--\r\n" % (number % 7, number, number * 7 % MESSAGES, number // 2, parts)
        )
    return store


SEARCH, SORT, THREAD = (
    b"SEARCH RETURN (SAVE COUNT) ",
    b"SORT (REVERSE SUBJECT DATE) UTF-8 ",
    b"THREAD REFERENCES UTF-8 ",
)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("deep", SORT),
        ("wide", SEARCH),
        ("fields", THREAD),
        ("sets", SORT),
        ("sets", THREAD),
        ("one set", SEARCH),
        ("dates", SEARCH),
        ("flags", SEARCH),
        ("literals", SEARCH),
        ("ages", SEARCH),
    ],
)
def test_the_longest_commands_take_bounded_room_and_time(many: MemoryStore, kind: str, form: bytes) -> None:
    client = selected(many)
    command = b"a " + form + keys_for(kind) + b"\r\n"
    assert sum(map(len, re.split(rb"\{1000\+\}\r\nx+", command))) < literals.MAX_LINES_OCTETS
    client.say(b"w " + form + b"ALL\r\n")  # what is kept of fields is kept by now
    tracemalloc.start()
    started = time.process_time()
    said = client.say(command)
    spent_s, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert re.search(rb"a OK [^\r]+\r\n\Z", said)
    # The command has up to 500 kB and the mail less. Room for each key and each message together would come to more.
    assert peak < 12 * MIB
    assert spent_s < 60


def test_a_deep_thread_is_one_line() -> None:
    store = new_store()
    for number in range(5000):
        inbox(store).append(b"Message-ID: <%d@x>\r\nReferences: <%d@x>\r\n\r\n" % (number, number - 1))
    said = selected(store).say(b"a THREAD REFERENCES UTF-8 ALL\r\n")
    assert said.startswith(b"* THREAD (1 2 3 4 ")
    assert said.count(b"(") == 1
