"""Octets are shown whole, unambiguous and harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.octets import LINE_OCTETS, MAX_LINES, printable, visible, visible_lines


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"", ""),
        (b"NOOP\r\n", "NOOP␍␊"),
        (b"a\nb\rc\x00", "a␊b␍c␀"),
        (b"\x1b[31m\x7f\t", "␛[31m␡␉"),
        (b"\xff\xfea\xc3", "‹ff fe›a‹c3›"),
        (b"* SEARCH 1  \r\n", "* SEARCH 1␠␠␍␊"),
        (b"a b", "a b"),
        (b"end ", "end␠"),
        (b"<script>", "<script>"),
        (b"x" + b"A" * 1200 + b"\r\n", "xA‹×1,200›␍␊"),
        (b"\xff" * 30, "‹ff›‹×30›"),
        (b"A" * 25, "A‹×25›"),
        (b"A" * 24, "A" * 24),
    ],
)
def test_octets_become_visible(octets: bytes, text: str) -> None:
    assert visible(octets) == text


@given(octets=st.binary(max_size=200))
def test_no_control_or_eight_bit_octet_reaches_the_text(octets: bytes) -> None:
    assert all(char.isprintable() for char in visible(octets))


@given(one=st.binary(max_size=30), other=st.binary(max_size=30))
def test_different_octets_look_different(one: bytes, other: bytes) -> None:
    assert (visible(one) == visible(other)) == (one == other)


def test_lines_keep_their_terminators_and_a_bare_cr_ends_none() -> None:
    assert visible_lines(b"a\r\nb\nc\rd") == ["a␍␊", "b␊", "c␍d"]


def test_no_octets_are_no_lines() -> None:
    assert visible_lines(b"") == []


def test_a_long_line_loses_its_middle_and_says_how_much() -> None:
    line = b"0123456789" * 100
    (text,) = visible_lines(line)
    assert text.startswith("0123456789")
    assert text.endswith("0123456789")
    assert f"{len(line) - LINE_OCTETS} octets left out" in text
    assert len(text) < LINE_OCTETS + 40


def test_a_line_is_not_called_long_for_its_hexadecimal_spelling() -> None:
    assert "left out" not in visible_lines(b"\xfe\xff" * 100)[0]


def test_many_lines_lose_their_middle_and_say_how_much() -> None:
    lines = visible_lines(b"".join(b"%d\r\n" % number for number in range(1000)))
    assert len(lines) == MAX_LINES
    assert (lines[0], lines[-1]) == ("0␍␊", "999␍␊")
    assert sum("941 lines" in line for line in lines) == 1


def test_a_servers_words_steer_neither_terminal_nor_reading_direction() -> None:
    assert printable("\x1b[2J\r\n\u202eabc\ud800\u2028\x9b") == "␛[2J␍␊‹U+202E›abc‹U+D800›‹U+2028›‹U+009B›"
    assert printable("a\nb", keep_newlines=True) == "a\nb"
    assert printable("naïve ✓ 日本") == "naïve ✓ 日本"
