"""MIME structure of messages that are meant to hurt, and what RFC 2231 makes of parameters."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.imap import mime
from reference_server.imap.entitycache import MAX_KEPT_OCTETS, EntityCache, taken_octets
from reference_server.imap.mime import Entity, parameterized, parse
from reference_server.imap.parameters import in_utf8, joined
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import inbox, message, new_store
from tests.reference_server.imap_recognised import enabled


def with_message(octets: bytes) -> MemoryStore:
    store = new_store()
    inbox(store).append(octets)
    return store


# Parameters.


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        (b"x; a*0=b; a*1=c; d=e", ((b"a", b"bc"), (b"d", b"e"))),
        (b"x; a*1=c; d=e; A*0=b", ((b"a", b"bc"), (b"d", b"e"))),
        (b"x; a*0=b; a*2=c", ((b"a", b"b"),)),
        (b"x; a*1=b", ((b"a*1", b"b"),)),
        (b"x; a*00=b; a*0x=c; *0=d", ((b"a*00", b"b"), (b"a*0x", b"c"), (b"*0", b"d"))),
        (b"x; a*0=b; a*0=c; a*1=d", ((b"a", b"bd"),)),
        (b"x; t*=us-ascii'en-us'This%20is", ((b"t*", b"us-ascii'en-us'This%20is"),)),
        (
            b"x; t*0*=us-ascii'en'This%20is%20even%20more%20; t*1*=%2A%2A%2Afun%2A%2A%2A%20; t*2=\"isn't it!\"",
            ((b"t*", b"us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!"),),
        ),
        (b"x; t*0=a; t*1*=%20b", ((b"t*", b"''a%20b"),)),
        (b"x; a=b; a=c", ((b"a", b"b"), (b"a", b"c"))),
    ],
)
def test_continued_parameters_are_joined(value: bytes, parameters: tuple[tuple[bytes, bytes], ...]) -> None:
    assert parameterized(value).parameters == parameters


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        (b"us-ascii'en-us'This%20is%20%2A%2A%2Afun", b"This is ***fun"),
        (b"iso-8859-1'de'Gr%FC%DFe", "Gr\u00fc\u00dfe".encode()),
        (b"''%C3%A4", "\u00e4".encode()),
        (b"no-such-charset''%C3%A4", "\u00e4".encode()),
        (b"utf-8''%", b"%"),
        (b"utf-8''%FF", "\ufffd".encode()),
        (b"only'one", b"only'one"),
        (b"none", b"none"),
    ],
)
def test_values_with_a_charset_are_decoded(value: bytes, decoded: bytes) -> None:
    assert in_utf8(((b"t*", value), (b"u", value))) == ((b"t*", decoded), (b"u", value))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"a", b"a*", b"a*0", b"a*0*", b"A*1", b"a*1*", b"a*2", b"b*0", b"b*999", b"*", b"**0"]),
            st.binary(max_size=8),
        ),
        max_size=8,
    )
)
@settings(max_examples=200, deadline=None)
def test_joining_is_total_and_done_once(parameters: list[tuple[bytes, bytes]]) -> None:
    once = joined(tuple(parameters))
    assert len(once) <= len(parameters)
    assert len(in_utf8(once)) == len(once)
    assert {name for name, _ in parameters if b"*" not in name} <= {name for name, _ in once}


FILE = message(
    """
    Content-Type: application/pdf; name*0*=utf-8''%c3%a4; name*1=".pdf"
    Content-Disposition: attachment; filename*0=long; filename*1=name

    x
    """
)


def test_bodystructure_joins_for_all_and_decodes_for_revision_2() -> None:
    assert (
        b'BODYSTRUCTURE ("APPLICATION" "PDF" ("NAME*" "utf-8\'\'%c3%a4.pdf") NIL NIL "7BIT" 3 NIL '
        b'("ATTACHMENT" ("FILENAME" "longname")) NIL NIL))'
    ) in enabled(with_message(FILE)).say(b"b FETCH 1 BODYSTRUCTURE\r\n")
    assert '("NAME*" "\u00e4.pdf")'.encode() in enabled(with_message(FILE), "IMAP4rev2").say(
        b"b FETCH 1 BODYSTRUCTURE\r\n"
    )


def test_a_boundary_may_be_continued() -> None:
    octets = b"Content-Type: multipart/mixed; boundary*0=ab; boundary*1=cd\r\n\r\n--abcd\r\n\r\nx\r\n--abcd--\r\n"
    assert [part.body_octets for part in parse(octets).parts] == [b"x"]


# Messages within messages.

GLOBAL = message(
    """
    Content-Type: message/global

    Subject: inside

    text
    """
)


def test_message_global_is_a_message_in_revision_2_only() -> None:
    first = enabled(with_message(GLOBAL))
    assert b'BODY ("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 25))' in first.say(b"b FETCH 1 BODY\r\n")
    assert b"BODY[1.1] NIL" in first.say(b"b FETCH 1 BODY.PEEK[1.1]\r\n")
    second = enabled(with_message(GLOBAL), "IMAP4rev2")
    assert b'"7BIT" 25 (NIL "inside" NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN"' in second.say(
        b"b FETCH 1 BODY\r\n"
    )
    assert b"BODY[1.HEADER] {19}\r\nSubject: inside\r\n\r\n" in second.say(b"b FETCH 1 BODY.PEEK[1.HEADER]\r\n")


# Delimiters, found another way than the parser does.


def parts_by_lines(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts of a multipart body, line by line."""
    parts: list[list[bytes]] = []
    for line in body.splitlines(keepends=True) if b"\r" not in body.replace(b"\r\n", b"") else []:
        text = line.rstrip(b"\r\n")
        if text.rstrip(b" \t") == b"--" + boundary + b"--":
            break
        if text.rstrip(b" \t") == b"--" + boundary:
            parts.append([])
        elif parts:
            parts[-1].append(line)
    else:
        # The last one was not closed, and keeps its line end.
        return [b"".join(part).removesuffix(b"\n").removesuffix(b"\r") for part in parts[:-1]] + [
            b"".join(part) for part in parts[-1:]
        ]
    return [b"".join(part).removesuffix(b"\n").removesuffix(b"\r") for part in parts]


PIECES = [b"--b", b"--b--", b"--", b"b", b"\r\n", b"\r\n", b"\n", b" ", b"\t", b"x", b"--bb"]


@given(st.lists(st.sampled_from(PIECES), max_size=16).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_parts_are_those_that_a_reading_line_by_line_gives(body: bytes) -> None:
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    found = [part.octets[part.start : part.end] for part in parse(head + body).parts]
    assert found == parts_by_lines(body, b"b")


# Sizes.


def nested(depth: int, inside: bytes) -> bytes:
    for level in range(depth):
        inside = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%b\r\n--b%d--" % (
            level,
            level,
            inside,
            level,
        )
    return inside


HOSTILE = {
    "deep": nested(300, b"\r\n" + b"x" * 1_000_000),
    "deeper than is looked into, of messages": b"Content-Type: message/rfc822\r\n\r\n" * 30_000,
    "fields": b"a:\n" * 700_000,
    "fields in parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + (b"--b\n" + b"a:\n" * 700) * 400,
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 200_000,
    "nearly delimiters": b"Content-Type: multipart/mixed; boundary=-\r\n\r\n" + b"-" * 2_000_000,
    "parameters": b"Content-Type: text/plain" + b"; a*0=b" * 200_000 + b"\r\n\r\n",
    "comments": b"Content-Type: " + b"(" * 300_000 + b"\r\nFrom: " + b"(" * 300_000 + b"\r\n\r\n",
    "quotes": b"Content-Type: " + b'"\\' * 300_000 + b"\r\nTo: " + b'"' * 300_000 + b"\r\n\r\n",
    "addresses": b"To: "
    + b"a@b, " * 200_000
    + b"\r\nCc: "
    + b"<" * 200_000
    + b"\r\nBcc: "
    + b"x:" * 200_000
    + b"\r\n\r\n",
    "folds": b"Subject:" + b"\r\n x" * 300_000 + b"\r\n\r\n",
    "languages": b"Content-Language: " + b"a, " * 300_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_message_of_a_few_megabytes_takes_long(kind: str) -> None:
    client = enabled(with_message(HOSTILE[kind]))
    started = time.perf_counter()
    said = client.core.receive(
        b"b FETCH 1 (BODYSTRUCTURE ENVELOPE PREVIEW BODY.PEEK[1.1.MIME] BINARY.SIZE[1] "
        b"BODY.PEEK[HEADER.FIELDS (A B)])\r\n",
        0.0,
    )
    assert said
    # What is linear takes a second or two at worst; what is not, minutes.
    assert time.perf_counter() - started < 30


def test_fields_beyond_the_limit_are_one_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mime, "MAX_FIELDS", 3)
    fields, body = mime.split_header(b"a: 1\nb: 2\nc: 3\n\nbody", 0, 20, most=1)
    assert [(field.name, field.octets) for field in fields] == [(b"A", b"a: 1\n"), (None, b"b: 2\nc: 3\n")]
    assert body == 16
    fields, body = mime.split_header(b"a: 1\nb: 2", 0, 9, most=1)
    assert [(field.name, field.octets) for field in fields] == [(b"A", b"a: 1\n"), (None, b"b: 2")]
    assert body == 9
    inner = b"\n--b\nx: y\nz: z\n\n1"
    parsed = parse(b"Content-Type: multipart/mixed; boundary=b\na: b\n" + inner + inner + b"\n--b--")
    assert [[field.name for field in part.fields] for part in parsed.parts] == [[b"X", None], [None]]
    assert [part.body_octets for part in parsed.parts] == [b"1", b"1"]


# The cache.


def sized(octets: int) -> Entity:
    return Entity(b"x" * octets, 0, 0, octets, (), b"TEXT", b"PLAIN", ())


def test_the_cache_lets_go_what_was_asked_for_longest_ago() -> None:
    cache = EntityCache()
    third = MAX_KEPT_OCTETS // 3 - 1000
    for uid in (1, 2, 3):
        cache.keep(uid, sized(third))
    assert cache.get(1) is not None
    cache.keep(4, sized(third))
    assert [uid for uid in range(1, 5) if cache.get(uid) is not None] == [1, 3, 4]
    cache.drop(1)
    cache.drop(9)
    cache.keep(5, sized(third))
    assert [uid for uid in range(1, 6) if cache.get(uid) is not None] == [3, 4, 5]
    cache.keep(6, sized(MAX_KEPT_OCTETS))
    assert cache.get(6) is None
    assert cache.get(5) is not None


def test_a_structure_counts_with_its_parts_and_fields() -> None:
    plain = taken_octets(parse(b"\r\nx"))
    assert taken_octets(parse(b"a: b\r\n\r\nx")) == plain + 250
    assert taken_octets(parse(b"Content-Type: message/rfc822\r\n\r\n")) == 2 * plain + 250
    assert taken_octets(parse(b"Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n--b\r\n")) == 3 * plain + 250
