"""`conformance.wire.pop3`: responses exactly as received."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.wire.errors import FloodError
from conformance.wire.pop3 import Deviation, Response, ResponseReader


def response(octets: bytes, *, multi_line: bool = False) -> Response:
    reader = ResponseReader()
    reader.feed(octets)
    found = reader.next_response(multi_line=multi_line)
    assert found is not None
    assert reader.pending == b""
    return found


def test_a_multi_line_response_loses_its_stuffing_and_keeps_its_octets() -> None:
    found = response(b"+OK 12 octets\r\n..a\r\nb\r\n...\r\n.\r\n", multi_line=True)
    assert found.content == b".a\r\nb\r\n..\r\n"
    assert found.stuffed == (b"..a\r\n", b"b\r\n", b"...\r\n")
    assert found.text == b"12 octets"


def test_a_refusal_has_no_further_lines_even_where_they_were_asked_for() -> None:
    assert not response(b"-ERR no such message\r\n", multi_line=True).ok


@pytest.mark.parametrize(
    ("octets", "deviation"),
    [
        (b"+OK done\n", Deviation.BARE_LF),
        (b"+ok done\r\n", Deviation.BAD_STATUS),
        (b"OK\r\n", Deviation.BAD_STATUS),
        (b"+OKAY\r\n", Deviation.BAD_SEPARATOR),
        (b"-ERR\tno\r\n", Deviation.BAD_SEPARATOR),
        (b"+OK " + b"x" * 507 + b"\r\n", Deviation.OVERLONG),
        (b"+OK gr\xfcn\r\n", Deviation.NOT_PRINTABLE),
    ],
)
def test_what_is_wrong_is_listed(octets: bytes, deviation: Deviation) -> None:
    assert deviation in response(octets).deviations


@pytest.mark.parametrize("octets", [b"+OK\r\n", b"-ERR\r\n", b"+ \r\n", b"+OK " + b"x" * 506 + b"\r\n"])
def test_a_well_formed_status_line_has_no_deviation(octets: bytes) -> None:
    assert not response(octets).deviations


def test_a_bare_lf_in_a_multi_line_response_is_seen() -> None:
    assert response(b"+OK\r\na\n.\r\n", multi_line=True).deviations == {Deviation.BARE_LF}


@given(lines=st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b""))))
def test_any_lines_come_back_as_they_were_before_stuffing(lines: list[bytes]) -> None:
    sent = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    assert response(b"+OK\r\n" + sent + b".\r\n", multi_line=True).content == b"".join(x + b"\r\n" for x in lines)


@given(stream=st.text("+OK.a \r\n", max_size=60).map(str.encode), size=st.integers(1, 20))
def test_responses_do_not_depend_on_how_the_stream_is_cut(stream: bytes, size: int) -> None:
    def all_of(pieces: list[bytes]) -> list[Response]:
        reader = ResponseReader()
        found = []
        for piece in pieces:
            reader.feed(piece)
            while (one := reader.next_response(multi_line=True)) is not None:
                found.append(one)
        return found

    assert all_of([stream[at : at + size] for at in range(0, len(stream), size)]) == all_of([stream])


def test_a_response_without_end_is_a_flood() -> None:
    reader = ResponseReader(response_octets=1000)
    reader.feed(b"+OK\r\n" + b"and on\r\n" * 200)
    with pytest.raises(FloodError, match="more than 1000 octets"):
        reader.next_response(multi_line=True)
