"""MIME structure, addresses and decoded text of the IMAP server, on right and hostile input (RFC 2045, RFC 5322)."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.core import Settings, Surroundings
from reference_server.imap import decoded, mime
from reference_server.imap.core import ImapCore
from reference_server.imap.envelope import MAX_ADDRESSES, Address, addresses
from reference_server.imap.grammar import SequenceSet
from reference_server.imap.lexer import unfolded
from reference_server.imap.mime import MAX_DEPTH, Entity, parameterized, parse
from reference_server.imap.responses import astring, sequence_set
from reference_server.imap.sections import Section
from tests.reference_server.imap_dialogue import new_store

MANY = settings(max_examples=200, deadline=None)


CORE = ImapCore(new_store(), Settings(), Surroundings())
string = CORE.render_string


# A recogniser for what follows a data item's name, made for this test alone.
WORD = re.compile(rb'NIL|[0-9]+|"(?:[^"\\\r\n\0\x80-\xff]|\\["\\])*"')
LITERAL = re.compile(rb"\{([0-9]+)\}\r\n")


def well_formed(data: bytes) -> bool:
    """Strings, numbers, NIL and balanced lists, with one space between items, or none between lists."""
    depth, at = 0, 0
    while at < len(data):
        if found := LITERAL.match(data, at):
            at = found.end() + int(found[1])
        elif found := WORD.match(data, at):
            at = found.end()
        elif data[at : at + 1] == b"(":
            depth, at = depth + 1, at + 1
        elif data[at : at + 1] == b")":
            depth, at = depth - 1, at + 1
        elif data[at : at + 1] == b" " and data[at - 1 : at] not in (b" ", b"("):
            at += 1
        else:
            return False
        if depth < 0:
            return False
    return depth == 0 and at == len(data)


LINES = [
    b"From: a@b.test", b"To: g: x@y, \"q\\\" r\" <z@w>;", b"Subject: =?utf-8?q?=E4?=", b" folded", b"no field here",
    b":", b"Content-Type: multipart/mixed; boundary=x", b"Content-Type: multipart/digest; boundary=\"y z\"",
    b"Content-Type: message/rfc822", b"Content-Type: text/plain; charset=nonsense", b"Content-Type: text", b"--x",
    b"--x--", b"--y z", b"--y z--", b"--x \t", b"", b"", b"", b"text", b"\xff\xfe", b"\0", b"=C3=", b"w6Q",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"Date: 31 Feb 2026",
    b"Content-Disposition: attachment; filename=\"", b"Content-Language: en, (de) fr", b"Content-Type: multipart/mixed",
]  # fmt: skip


def messages() -> st.SearchStrategy[bytes]:
    """Octets that look like mail, and some that do not."""
    ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
    lines = st.lists(st.tuples(st.sampled_from(LINES), ends), max_size=25)
    return st.one_of(lines.map(lambda each: b"".join(line + end for line, end in each)), st.binary(max_size=80))


def walk(entity: Entity) -> list[Entity]:
    inner = [*entity.parts, *([entity.embedded] if entity.embedded else [])]
    return [entity, *(below for each in inner for below in walk(each))]


@given(octets=messages())
@MANY
def test_any_octets_have_a_structure(octets: bytes) -> None:
    message = parse(octets)
    assert message.header_octets + message.body_octets == octets
    assert well_formed(CORE.render_envelope(message))
    for extended in (False, True):
        assert well_formed(CORE.render_body(message, extended=extended))
    for entity in walk(message):
        assert 0 <= entity.start <= entity.body <= entity.end <= len(octets)
        header = octets[entity.start : entity.body]
        assert header.startswith(b"".join(field.octets for field in entity.fields))
        assert bool(entity.parts) == (entity.type == b"MULTIPART")
        assert (entity.embedded is not None) == ((entity.type, entity.subtype) == (b"MESSAGE", b"RFC822"))
    assert isinstance(decoded.header_text(message.header_octets), str)
    assert all(isinstance(piece, str) for piece in decoded.body_texts(message))


@given(octets=messages(), part=st.lists(st.integers(1, 3), max_size=4), names=st.lists(st.just(b"from")))
@MANY
def test_sections_are_pieces_of_the_message(octets: bytes, part: list[int], names: list[bytes]) -> None:
    message = parse(octets)
    for text in (b"", b"HEADER", b"TEXT", b"MIME") if part else (b"", b"HEADER", b"TEXT"):
        found = CORE.section_of(message, Section(tuple(part), text))
        assert found is None or found in octets
    some = CORE.section_of(message, Section(tuple(part), b"HEADER.FIELDS", tuple(names)))
    others = CORE.section_of(message, Section(tuple(part), b"HEADER.FIELDS.NOT", tuple(names)))
    whole = CORE.section_of(message, Section(tuple(part), b"HEADER"))
    if whole is None:
        assert some is None
        assert others is None
    else:
        assert some is not None
        assert others is not None
        blank = len(some) + len(others) - len(whole)
        assert blank in (0, 1, 2)


@pytest.mark.parametrize("levels", [MAX_DEPTH - 1, MAX_DEPTH, 5 * MAX_DEPTH])
@pytest.mark.parametrize("kind", [b"message/rfc822", b"multipart/mixed"])
def test_depth_is_bounded(levels: int, kind: bytes) -> None:
    octets = b"".join(
        b"Content-Type: %b; boundary=b%d\r\n\r\n" % (kind, level)
        + (b"--b%d\r\n" % level if kind.startswith(b"multipart") else b"")
        for level in range(levels)
    )
    deepest = walk(parse(octets))
    assert len(deepest) == min(levels, MAX_DEPTH) + 1
    opaque = levels > MAX_DEPTH
    assert deepest[-1].type == (b"APPLICATION" if opaque else b"TEXT")
    assert well_formed(CORE.render_body(parse(octets), extended=True))


def test_number_of_parts_is_bounded_and_the_last_holds_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mime, "MAX_PARTS", 3)
    message = parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5 + b"--b--\r\n")
    rest = b"x\r\n" + b"--b\r\n\r\nx\r\n" * 2 + b"--b--\r\n"
    assert [part.body_octets for part in message.parts] == [b"x", b"x", rest]


@pytest.mark.parametrize(
    "octets",
    [
        b"From: " + b"(" * 200_000,
        b"From: " + b'"' * 200_001,
        b"From: " + b'"\\' * 100_000,
        b"From: " + b"<" * 200_000,
        b"From: " + b"[" * 200_000,
        b"From: " + b"a@b, " * 200_000,
        b"From: " + b"g:;" * 300_000,
        b"Content-Type: text/plain" + b"; a=b" * 200_000,
        b"Content-Type: text/plain; a=" + b'"' * 199_999,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 100_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b " + b" " * 200_000,
        b"x: y\r\n" * 100_000,
        b"\r" * 200_000,
        b"Subject: " + b"=?utf-8?q?" * 100_000,
    ],
    ids=lambda octets: repr(octets[-12:]),
)
def test_hostile_messages_take_no_more_than_linear_time(octets: bytes) -> None:
    started = time.perf_counter()
    message = parse(octets)
    assert well_formed(CORE.render_envelope(message))
    assert well_formed(CORE.render_body(message, extended=True))
    assert decoded.header_text(message.header_octets)
    # Quadratic work on this much takes minutes; the bound only has to tell that apart from a busy machine.
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a@b.test", [Address(None, None, b"a", b"b.test")]),
        (b"<a@b.test>", [Address(None, None, b"a", b"b.test")]),
        (b"A. B <a@b.test>", [Address(b"A. B", None, b"a", b"b.test")]),
        (b'"A \\"x\\" B" (c (d) \\)) <a@b.test>', [Address(b'A "x" B', None, b"a", b"b.test")]),
        (b'"a b"@c.test', [Address(None, None, b"a b", b"c.test")]),
        (b"<@r1,@r2:a@b.test>", [Address(None, b"@r1,@r2", b"a", b"b.test")]),
        (b"a@[127.0.0.1]", [Address(None, None, b"a", b"[127.0.0.1]")]),
        (b"a@b@c.test", [Address(None, None, b"a@b", b"c.test")]),
        (b"root", [Address(None, None, b"root", b"")]),
        (b"<>", [Address(None, None, b"", b"")]),
        (b"a@b,,c@d,", [Address(None, None, b"a", b"b"), Address(None, None, b"c", b"d")]),
        (b"", []),
        (b" (only a comment) ", []),
        (
            b"My Friends: x@y, Z <z@w>;, a@b",
            [
                Address(None, None, b"My Friends", None),
                Address(None, None, b"x", b"y"),
                Address(b"Z", None, b"z", b"w"),
                Address(None, None, None, None),
                Address(None, None, b"a", b"b"),
            ],
        ),
        (b"undisclosed:;", [Address(None, None, b"undisclosed", None), Address(None, None, None, None)]),
        (
            b"g: a@b",
            [Address(None, None, b"g", None), Address(None, None, b"a", b"b"), Address(None, None, None, None)],
        ),
        (b"A <a@b.test", [Address(b"A", None, b"a", b"b.test")]),
        (b"\xc3\xa4 <a@b>", [Address(b"\xc3\xa4", None, b"a", b"b")]),
    ],
)
def test_addresses(value: bytes, expected: list[Address]) -> None:
    assert addresses(value) == expected


def test_addresses_of_one_field_are_bounded() -> None:
    assert len(addresses(b"a@b," * (MAX_ADDRESSES + 100))) <= MAX_ADDRESSES + 1


def test_absent_and_empty_fields_differ_and_from_stands_in() -> None:
    message = parse(b"from: a@b\r\nsubject:\r\nSender: \r\nReply-To: r@b\r\nTo:\r\n\r\n")
    author, other = b'((NIL NIL "a" "b"))', b'((NIL NIL "r" "b"))'
    expected = b" ".join([b"(NIL", b'""', author, author, other, b"NIL NIL NIL NIL NIL)"])
    assert CORE.render_envelope(message) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text/plain", (b"text/plain", ())),
        (b' text / plain ; a="x;y" ; B = c ', (b"text/plain", ((b"a", b"x;y"), (b"B", b"c")))),
        (b"text/plain (c); a=b (d) e", (b"text/plain", ((b"a", b"be"),))),
        (b"text/plain; a; =b; c=", (b"text/plain", ((b"c", b""),))),
        (b'text/plain; a="x', (b"text/plain", ((b"a", b"x"),))),
        (b'text/plain; "a"=b; c=d', (b"text/plain", ((b"c", b"d"),))),
        (b"text/plain; a=b=c", (b"text/plain", ((b"a", b"b=c"),))),
    ],
)
def test_parameters(value: bytes, expected: tuple[bytes, tuple[tuple[bytes, bytes], ...]]) -> None:
    parsed = parameterized(value)
    assert (parsed.value, parsed.parameters) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", (b"TEXT", b"PLAIN")),
        (b"Content-Type: text\r\n", (b"TEXT", b"PLAIN")),
        (b"Content-Type: a b/c\r\n", (b"AB", b"C")),
        (b"Content-Type: multipart/mixed\r\n", (b"TEXT", b"PLAIN")),
        (b"Content-Type: multipart/mixed; boundary=nowhere\r\n", (b"TEXT", b"PLAIN")),
        (b"Content-Type: Text/HTML\r\n", (b"TEXT", b"HTML")),
        (b"Content-Type : text/html\r\n", (b"TEXT", b"HTML")),
    ],
)
def test_media_types_with_their_defaults(header: bytes, expected: tuple[bytes, bytes]) -> None:
    message = parse(header + b"\r\nbody\r\n")
    assert (message.type, message.subtype) == expected


def test_parts_of_a_digest_are_messages() -> None:
    message = parse(b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n")
    [part] = message.parts
    assert part.embedded is not None
    assert part.embedded.first(b"SUBJECT") == b"x"
    found = CORE.part_at(message, (1, 1))
    assert found is not None
    assert found.body_octets == b"y"


@pytest.mark.parametrize(
    "text",
    [
        b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
        b"pre\r\n--b  \r\n\r\none\r\n--b\t\r\n\r\ntwo\r\n--b--",
        b"--b\n\none\n--b\n\ntwo\n--b--\n",
        b"--bb\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo",
        b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n--b\r\nafter\r\n",
    ],
)
def test_boundaries_are_found(text: bytes) -> None:
    message = parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + text)
    assert [part.body_octets for part in message.parts] == [b"one", b"two"]


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_delimiters_that_follow_each_other_hold_empty_parts(end: bytes) -> None:
    message = parse(b"Content-Type: multipart/mixed; boundary=b" + end * 2 + (b"--b" + end) * 3 + b"--b--")
    assert [(part.header_octets, part.body_octets) for part in message.parts] == [(b"", b"")] * 3


def test_lines_are_counted_with_the_last_one() -> None:
    assert [parse(b"\r\n" + body).line_count for body in (b"", b"x", b"x\r\n", b"x\r\ny", b"\n\n")] == [0, 1, 1, 2, 2]


def test_strings_on_the_wire() -> None:
    assert CORE.render_nstring(None) == b"NIL"
    assert string(b'a"\\b') == b'"a\\"\\\\b"'
    assert string(b"\xc3\xa4\0") == b"{2}\r\n\xc3\xa4"
    assert string(b"a\r\nb") == b"{4}\r\na\r\nb"
    assert string(b"x" * 2000).startswith(b"{2000}\r\n")
    assert [astring(each, string) for each in (b"a]", b"a b", b"", b"nil")] == [b"a]", b'"a b"', b'""', b'"nil"']
    assert unfolded(b" a\r\n\tb\n c \r\n") == b"a\tb c"


@given(numbers=st.sets(st.integers(1, 40)))
@MANY
def test_sequence_sets_written_and_read_name_the_same_numbers(numbers: set[int]) -> None:
    text = sequence_set(sorted(numbers))
    ranges = [tuple(map(int, item.split(b":") * (1 if b":" in item else 2))) for item in text.split(b",") if item]
    resolved = SequenceSet(tuple((low, high) for low, high in ranges)).resolved(40)
    assert {number for low, high in resolved for number in range(low, high + 1)} == numbers
    assert all(before[1] + 1 < after[0] for before, after in pairwise(resolved))
