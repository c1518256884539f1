"""`conformance.wire.imap`: whole responses, and values out of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.wire.errors import FloodError
from conformance.wire.imap import Atom, ResponseReader, parse, values


def raws(stream: bytes, size: int | None = None) -> list[bytes]:
    reader = ResponseReader()
    size = size or max(len(stream), 1)
    found = []
    for at in range(0, len(stream), size):
        reader.feed(stream[at : at + size])
        while (raw := reader.next_raw()) is not None:
            found.append(raw)
    return found


LITERAL = b"* 1 FETCH (BODY[] {9}\r\na\r\nA1 OK\r FLAGS ())\r\nA1 OK done\r\n"


def test_a_literal_belongs_to_its_response_whatever_is_in_it() -> None:
    assert raws(LITERAL) == [LITERAL[:-12], b"A1 OK done\r\n"]


@given(size=st.integers(1, 60))
def test_responses_do_not_depend_on_how_the_stream_is_cut(size: int) -> None:
    assert raws(LITERAL, size) == raws(LITERAL)


def test_a_continuation_that_looks_like_a_literal_is_none() -> None:
    assert raws(b"+ send {3}\r\nA1 OK\r\n") == [b"+ send {3}\r\n", b"A1 OK\r\n"]


@pytest.mark.parametrize("digits", [b"9223372036854775808", b"9" * 400, b"70000000"])
def test_a_literal_beyond_the_budget_is_not_waited_for(digits: bytes) -> None:
    reader = ResponseReader()
    reader.feed(b"* 1 FETCH (BODY[] {" + digits + b"}\r\n")
    with pytest.raises(FloodError, match="literal"):
        reader.next_raw()


def test_a_response_of_many_small_literals_has_a_budget_too() -> None:
    reader = ResponseReader(response_octets=1000)
    reader.feed(b"* X " + b"{4}\r\nabcd " * 400)
    with pytest.raises(FloodError, match="octets"):
        reader.next_raw()


def test_a_status_response_has_code_and_text() -> None:
    response = parse(b"A1 NO [TRYCREATE] no such mailbox\r\n")
    assert (response.tag, response.name, response.code, response.text) == (
        b"A1",
        b"NO",
        b"TRYCREATE",
        b"no such mailbox",
    )
    assert not response.ok


def test_a_numbered_response_has_its_number_and_values() -> None:
    response = parse(b'* 3 FETCH (FLAGS (\\Seen x) BODY[HEADER.FIELDS (TO CC)]<0> "a\\"b" ENVELOPE (NIL "NIL"))\r\n')
    assert (response.number, response.name) == (3, b"FETCH")
    assert response.values == (
        [b"FLAGS", [b"\\Seen", b"x"], b"BODY[HEADER.FIELDS (TO CC)]<0>", b'a"b', b"ENVELOPE", [None, b"NIL"]],
    )


def test_an_atom_is_told_from_a_string() -> None:
    atom, string = values(b'OK "OK"\r\n')
    assert isinstance(atom, Atom)
    assert not isinstance(string, Atom)


@given(octets=st.binary(max_size=200))
def test_any_octets_parse_without_an_exception(octets: bytes) -> None:
    assert parse(octets).raw == octets


def test_nesting_without_end_is_cut_off() -> None:
    depth = 0
    inner = values(b"(" * 100_000)
    while inner and isinstance(inner[0], list):
        inner = tuple(inner[0])
        depth += 1
    assert depth < 1000


@pytest.mark.parametrize("first", [b"A1 BAD no command X {12}\r\n", b"* ok [ALERT] see {7}\r\n", b"* NO {3}\r\n"])
def test_the_text_of_a_status_response_announces_no_literal(first: bytes) -> None:
    assert raws(first + b"A2 OK\r\n") == [first, b"A2 OK\r\n"]


def test_the_code_of_a_status_response_may_hold_a_literal() -> None:
    bad_charset = b"A1 NO [BADCHARSET ({5}\r\nUTF-8)] use {5}\r\n"
    assert raws(bad_charset + b"A2 OK\r\n") == [bad_charset, b"A2 OK\r\n"]


def test_brackets_that_never_close_are_read_in_linear_time() -> None:
    # 64 times as many brackets would take 4096 times as long where each looks for its end through all the others.
    started = time.process_time()
    values(b"[" * 3_000)
    few_s = time.process_time() - started
    started = time.process_time()
    values(b"[" * 192_000)
    assert time.process_time() - started < 64 * few_s * 20
