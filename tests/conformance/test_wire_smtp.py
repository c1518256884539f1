"""`conformance.wire.smtp`: replies exactly as received."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.wire.errors import FloodError
from conformance.wire.smtp import MAX_LINES, Deviation, Reply, ReplyReader


def replies(octets: bytes, cuts: list[int] | None = None) -> list[Reply]:
    reader = ReplyReader()
    edges = [0, *sorted(cut for cut in cuts or [] if cut <= len(octets)), len(octets)]
    found = []
    for start, end in pairwise(edges):
        reader.feed(octets[start:end])
        while (reply := reader.next_reply()) is not None:
            found.append(reply)
    return found


@pytest.mark.parametrize(
    ("octets", "code", "lines"),
    [
        (b"250 ok\r\n", 250, (b"ok",)),
        (b"250\r\n", 250, (b"",)),
        (b"334 \r\n", 334, (b"",)),
        (b"250-a\r\n250-b c\r\n250 d\r\n", 250, (b"a", b"b c", b"d")),
        (b"250-\r\n250 d\r\n", 250, (b"", b"d")),
        (b"221 2.0.0\tbye\r\n", 221, (b"2.0.0\tbye",)),
    ],
)
def test_a_well_formed_reply_has_no_deviation(octets: bytes, code: int, lines: tuple[bytes, ...]) -> None:
    (reply,) = replies(octets)
    assert (reply.code, reply.lines, reply.raw, reply.deviations) == (code, lines, octets, frozenset())


@pytest.mark.parametrize(
    ("octets", "deviation"),
    [
        (b"250 ok\n", Deviation.BARE_LF),
        (b"250-a\r\n251 b\r\n", Deviation.CODE_CHANGED),
        (b"999 ok\r\n", Deviation.BAD_CODE),
        (b"260 ok\r\n", Deviation.BAD_CODE),
        (b"ok\r\n", Deviation.BAD_CODE),
        (b"\r\n", Deviation.BAD_CODE),
        (b"250_ok\r\n", Deviation.BAD_SEPARATOR),
        (b"250 " + b"x" * 507 + b"\r\n", Deviation.OVERLONG),
        (b"250 gr\xfc\xdfe\r\n", Deviation.NOT_TEXT),
        (b"250 a\x00b\r\n", Deviation.NOT_TEXT),
        (b"250 a\rb\r\n", Deviation.NOT_TEXT),
    ],
)
def test_what_is_wrong_is_listed_and_nothing_is_repaired(octets: bytes, deviation: Deviation) -> None:
    (reply,) = replies(octets)
    assert reply.deviations == {deviation}
    assert reply.raw == octets


def test_a_reply_line_of_512_octets_is_not_overlong() -> None:
    (reply,) = replies(b"250 " + b"x" * 506 + b"\r\n")
    assert len(reply.raw) == 512
    assert not reply.deviations


@given(octets=st.text("2501- \r\nx", max_size=60).map(str.encode), cuts=st.lists(st.integers(0, 60), max_size=8))
def test_replies_do_not_depend_on_how_the_stream_is_cut(octets: bytes, cuts: list[int]) -> None:
    assert replies(octets, cuts) == replies(octets)


@given(octets=st.binary(max_size=200))
def test_any_octets_become_replies_that_keep_them(octets: bytes) -> None:
    reader = ReplyReader()
    reader.feed(octets)
    raw = b""
    while (reply := reader.next_reply()) is not None:
        raw += reply.raw
    assert raw + reader.pending == octets


def test_a_reply_without_end_is_a_flood() -> None:
    reader = ReplyReader()
    reader.feed(b"250-and on\r\n" * (MAX_LINES + 2))
    with pytest.raises(FloodError, match="lines"):
        reader.next_reply()


@pytest.mark.parametrize(
    ("code", "kind"), [(250, "positive"), (354, "intermediate"), (450, "transient"), (550, "permanent")]
)
def test_the_first_digit_says_what_became_of_the_command(code: int, kind: str) -> None:
    (reply,) = replies(b"%d x\r\n" % code)
    kinds = ("positive", "intermediate", "transient", "permanent")
    assert [name for name in kinds if getattr(reply, name)] == [kind]


def test_a_reply_of_many_long_lines_has_a_budget_too() -> None:
    reader = ReplyReader(reply_octets=1000)
    reader.feed(b"250-" + b"x" * 200 + b"\r\n")
    assert reader.next_reply() is None
    reader.feed((b"250-" + b"x" * 200 + b"\r\n") * 10)
    with pytest.raises(FloodError, match="octets"):
        reader.next_reply()
