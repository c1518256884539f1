"""`conformance.wire.connection`, `segmentation` and `transcript`."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from conformance.wire.connection import HALF_CLOSES, RESETS, Connection, Patience
from conformance.wire.errors import ClosedError, ConnectError, SilenceError, TlsError
from conformance.wire.segmentation import MOST_PIECES, OCTET_BY_OCTET, WHOLE, Cuts
from conformance.wire.transcript import Transcript
from reports.records import Direction
from tests.conformance.hostile_peer import hostile_peer

PATIENCE = Patience(connect_s=5.0, reply_s=0.2)


def closes(peer: socket.socket) -> None:
    peer.close()


def stays(peer: socket.socket) -> None:
    while peer.recv(65536):
        pass


@given(octets=st.binary(max_size=300), lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_pieces_join_to_the_same_octets_in_the_lengths_given(octets: bytes, lengths: list[int]) -> None:
    pieces = list(Cuts(lengths).pieces(octets))
    assert b"".join(pieces) == octets
    assert all(pieces)
    assert [len(piece) for piece in pieces[:-1]] == [lengths[i % len(lengths)] for i in range(len(pieces) - 1)]


def test_whole_is_one_piece_and_nothing_is_none() -> None:
    assert list(WHOLE.pieces(b"abc")) == [b"abc"]
    assert list(WHOLE.pieces(b"")) == []
    assert list(OCTET_BY_OCTET.pieces(b"abc")) == [b"a", b"b", b"c"]


def test_a_long_text_is_cut_at_both_ends_and_not_for_ever() -> None:
    text = bytes(i % 256 for i in range(100_000))
    pieces = list(OCTET_BY_OCTET.pieces(text))
    assert b"".join(pieces) == text
    assert len(pieces) == MOST_PIECES + 1
    assert len(pieces[0]) == len(pieces[-1]) == 1


def test_piece_lengths_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        Cuts([1, 0])


def test_a_transcript_joins_pieces_and_keeps_directions_apart() -> None:
    transcript = Transcript()
    for piece in (b"NO", b"OP", b"\r\n"):
        transcript.add(Direction.SENT, piece, at_s=0.1, session=1)
    transcript.add(Direction.RECEIVED, b"250 ok\r\n", at_s=0.2, session=1)
    assert [(event.direction, event.octets) for event in transcript.events] == [
        (Direction.SENT, b"NOOP\r\n"),
        (Direction.RECEIVED, b"250 ok\r\n"),
    ]


def test_a_transcript_is_bounded_and_says_what_it_left_out() -> None:
    transcript = Transcript(most_octets=10)
    transcript.add(Direction.RECEIVED, b"x" * 100, at_s=0.0, session=1)
    transcript.add(Direction.RECEIVED, b"y" * 100, at_s=0.0, session=1)
    assert sum(len(event.octets) for event in transcript.events) == 10
    assert "90 further octets" in transcript.events[-1].note


def test_nobody_listening_is_a_connect_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectError, match=str(port)):
        Connection.open("127.0.0.1", port, Transcript(), patience=PATIENCE)


def test_silence_ends_at_the_deadline() -> None:
    with hostile_peer(stays) as port:
        connection = Connection.open("127.0.0.1", port, Transcript(), patience=PATIENCE)
        with pytest.raises(SilenceError):
            connection.receive(connection.deadline())
        with pytest.raises(SilenceError):
            connection.receive(connection.deadline(0.0))
        connection.close()


def test_a_close_is_told_from_silence() -> None:
    with hostile_peer(closes) as port:
        connection = Connection.open("127.0.0.1", port, Transcript(), patience=PATIENCE)
        with pytest.raises(ClosedError):
            connection.receive(connection.deadline())
        assert connection.closed_by_peer
        connection.close()


def test_a_peer_that_does_not_read_ends_a_write_at_the_deadline() -> None:
    released = threading.Event()

    def wait(peer: socket.socket) -> None:
        released.wait(30)

    with hostile_peer(wait) as port:
        connection = Connection.open("127.0.0.1", port, Transcript(), patience=PATIENCE)
        with pytest.raises(SilenceError, match="reading"):
            connection.send(b"x" * 50_000_000)
        connection.close()
        released.set()


def test_a_peer_without_tls_fails_the_handshake() -> None:
    with hostile_peer(lambda peer: peer.sendall(b"220 hello\r\n")) as port:
        connection = Connection.open("127.0.0.1", port, Transcript(), patience=PATIENCE)
        with pytest.raises(TlsError):
            connection.start_tls()
        connection.close()
        with pytest.raises(ConnectError, match="no TLS"):
            Connection.open("127.0.0.1", port, Transcript(), patience=PATIENCE, implicit_tls=True)


def test_a_reset_reaches_the_peer_as_one() -> None:
    seen: list[str] = []
    done = threading.Event()

    def note(peer: socket.socket) -> None:
        try:
            while peer.recv(10):
                pass
            seen.append("closed")
        except ConnectionResetError:
            seen.append("reset")
        done.set()

    with hostile_peer(note) as port:
        connection = Connection.open("127.0.0.1", port, Transcript(), patience=PATIENCE)
        connection.send(b"x")
        connection.reset()
        assert done.wait(10)
    assert seen == ["reset"]


def test_a_half_close_leaves_the_other_direction_open() -> None:
    def answer_at_the_end(peer: socket.socket) -> None:
        while peer.recv(100):
            pass
        peer.sendall(b"still here")

    with hostile_peer(answer_at_the_end) as port:
        connection = Connection.open("127.0.0.1", port, Transcript(), patience=Patience(reply_s=10))
        connection.half_close()
        assert connection.receive(connection.deadline()) == b"still here"
        connection.close()


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b"])
def test_a_name_that_cannot_be_one_is_a_connect_error(host: str) -> None:
    with pytest.raises(ConnectError, match="no connection"):
        Connection.open(host, 25, Transcript(), patience=PATIENCE)


def test_a_reset_of_a_connection_that_is_closed_is_nothing() -> None:
    with hostile_peer(stays) as port:
        connection = Connection.open("127.0.0.1", port, Transcript(), patience=PATIENCE)
        connection.close()
        connection.reset()
        with pytest.raises(ClosedError):
            connection.send(b"x")


@pytest.mark.parametrize(("host", "named"), [("localhost", "localhost"), ("127.0.0.1", None)])
def test_the_tls_handshake_names_the_host_but_never_an_address(host: str, named: str | None) -> None:
    seen: list[str | None] = []
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.sni_callback = lambda sock, name, context: seen.append(name)

    def secure(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as secured:
            secured.recv(1)

    with hostile_peer(secure) as port:
        connection = Connection.open(host, port, Transcript(), patience=Patience(reply_s=10), implicit_tls=True)
        connection.close()
    assert seen == [named]


def test_a_segmentation_is_known_by_its_value() -> None:
    assert repr(Cuts([3, 4])) == repr(Cuts([3, 4])) != repr(Cuts([4, 3]))
    assert repr(WHOLE) != repr(OCTET_BY_OCTET)


def test_a_transcript_tells_how_the_judge_ended_a_session_and_only_once() -> None:
    transcript = Transcript()
    with hostile_peer(stays) as port:
        connection = Connection.open("127.0.0.1", port, transcript, patience=PATIENCE)
        connection.half_close()
        connection.reset()
        connection.close()
    assert [event.note for event in transcript.events] == [HALF_CLOSES, RESETS]
    with hostile_peer(closes) as port:
        transcript = Transcript()
        connection = Connection.open("127.0.0.1", port, transcript, patience=PATIENCE)
        with pytest.raises(ClosedError):
            connection.receive(connection.deadline())
        connection.close()
    assert not transcript.events


def test_segments_that_were_kept_apart_stay_apart_in_the_transcript() -> None:
    transcript = Transcript()
    with hostile_peer(stays) as port:
        connection = Connection.open("127.0.0.1", port, transcript, patience=PATIENCE, segmentation=OCTET_BY_OCTET)
        connection.send(b"ab")
        connection.send_segment(b"cd")
        connection.send_segment(b"ef")
        connection.close()
    assert [event.octets for event in transcript.events if event.octets] == [b"ab", b"cd", b"ef"]
