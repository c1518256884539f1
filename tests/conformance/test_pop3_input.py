"""What the POP3 suite generates, and how it reads listings: strategies and listings of `conformance.pop3`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import InconclusiveError
from conformance.pop3.listings import is_refusal, sizes, totals, two_numbers
from conformance.pop3.strategies import (
    DOTTED_LINES,
    dotted_bodies,
    eight_bit_bodies,
    in_any_case,
    plain_bodies,
    session_plans,
    sized_bodies,
    subsets,
    unended_bodies,
    unknown_commands,
)
from conformance.wire.pop3 import Response, ResponseReader

KNOWN = {b"USER", b"PASS", b"APOP", b"AUTH", b"STLS", b"CAPA", b"STAT", b"LIST", b"RETR", b"DELE", b"NOOP", b"RSET"}
KNOWN |= {b"TOP", b"UIDL", b"QUIT", b"LAST", b"XTND", b"LANG", b"UTF8", b"XOIP"}


def response(octets: bytes, *, multi_line: bool = False) -> Response:
    reader = ResponseReader()
    reader.feed(octets)
    found = reader.next_response(multi_line=multi_line)
    assert found is not None
    return found


@given(dotted_bodies())
def test_every_dotted_body_holds_every_dotted_line(body: bytes) -> None:
    lines = body.split(b"\r\n")
    assert lines.pop() == b""
    assert set(DOTTED_LINES) <= set(lines)


@given(sized_bodies())
def test_a_server_that_forgets_to_stuff_sends_sized_bodies_to_their_end(body: bytes) -> None:
    lines = body.split(b"\r\n")
    assert any(line.startswith(b".") for line in lines)
    assert not any(line == b"." or line.startswith(b"..") for line in lines)


@given(plain_bodies())
def test_no_line_of_a_plain_body_is_stuffed_or_too_long_for_mail(body: bytes) -> None:
    assert body == b"" or body.endswith(b"\r\n")
    assert body.count(b"\r") == body.count(b"\n") == body.count(b"\r\n")
    for line in body.split(b"\r\n"):
        assert not line.startswith(b".")
        assert len(line) <= 998


@given(unended_bodies())
def test_unended_bodies_have_no_line_end_at_their_end(body: bytes) -> None:
    assert not body.endswith((b"\r", b"\n", b"."))


@given(eight_bit_bodies())
def test_eight_bit_bodies_hold_every_octet_above_ascii(body: bytes) -> None:
    assert set(range(0x80, 0x100)) <= set(body)


@given(subsets(of=4))
def test_subsets_are_neither_empty_nor_everything(numbers: frozenset[int]) -> None:
    assert 1 <= len(numbers) <= 3
    assert numbers <= {1, 2, 3, 4}


@given(st.sampled_from(("STAT", "RETR")).flatmap(lambda word: st.tuples(st.just(word), in_any_case(word))))
def test_a_word_in_any_case_is_never_in_capitals_throughout(words: tuple[str, str]) -> None:
    word, varied = words
    assert varied.upper() == word
    assert varied != word


@given(unknown_commands())
def test_unknown_commands_are_unknown(command: bytes) -> None:
    assert command.split(b" ")[0] not in KNOWN


@given(session_plans(messages=3))
def test_every_session_plan_marks_a_message(plan: list[tuple[str, int]]) -> None:
    assert any(command == "DELE" and 1 <= number <= 3 for command, number in plan)
    assert all(0 <= number <= 4 for _, number in plan)


def test_listings_are_read_leniently() -> None:
    assert totals(response(b"+OK 2 320 octets\r\n")) == (2, 320)
    assert sizes(response(b"+OK\r\n1  120\r\n2 200 x\r\n.\r\n", multi_line=True)) == {1: 120, 2: 200}


@pytest.mark.parametrize("text", [b"", b"1", b"one two", b"1 0x10"])
def test_what_is_no_listing_judges_nobody(text: bytes) -> None:
    with pytest.raises(InconclusiveError):
        two_numbers(text)


def test_a_challenge_is_no_refusal() -> None:
    assert is_refusal(response(b"-ERR no\r\n"))
    assert is_refusal(response(b"-err no\r\n"))
    assert not is_refusal(response(b"+ \r\n"))
    assert not is_refusal(response(b"+OK\r\n"))
