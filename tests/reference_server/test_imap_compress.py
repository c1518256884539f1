"""COMPRESS=DEFLATE (RFC 4978)."""

from __future__ import annotations

import os
import zlib

from hypothesis import given
from hypothesis import strategies as st

from reference_server.core import Settings, Surroundings
from reference_server.imap import compress
from reference_server.imap.core import ImapCore
from tests.reference_server.imap_dialogue import Client, logged_in, new_store, octets_of


class Packed:
    """The client's end of a compressed session."""

    def __init__(self, client: Client) -> None:
        self.core = client.core
        self.woken = 0
        self.core.request_wake = self.wake
        self._pack = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -15)
        self._unpack = zlib.decompressobj(-15)

    def wake(self) -> None:
        self.woken += 1

    def packed(self, octets: bytes) -> bytes:
        return self._pack.compress(octets) + self._pack.flush(zlib.Z_SYNC_FLUSH)

    def unpacked(self, octets: bytes) -> bytes:
        return self._unpack.decompress(octets)

    def say(self, octets: bytes) -> bytes:
        return self.unpacked(octets_of(self.core.receive(self.packed(octets), 0.0)))


def compressed() -> Packed:
    client = logged_in(new_store())
    assert client.say(b"c COMPRESS DEFLATE\r\n") == b"c OK DEFLATE active\r\n"
    return Packed(client)


def test_everything_behind_the_ok_is_compressed_in_both_directions() -> None:
    session = compressed()
    assert session.say(b"d NOOP\r\n") == b"d OK NOOP completed\r\n"
    assert session.say(b"e SELECT INBOX\r\n").endswith(b"e OK [READ-WRITE] SELECT completed\r\n")


@given(cut=st.integers(0, 200))
def test_compressed_commands_may_be_cut_anywhere(cut: int) -> None:
    session = compressed()
    octets = session.packed(b"d NOOP\r\ne SELECT INBOX\r\nf CLOSE\r\n")
    got = b"".join(octets_of(session.core.receive(part, 0.0)) for part in (octets[:cut], octets[cut:]))
    assert session.unpacked(got).endswith(b"f OK CLOSE completed\r\n")


def test_what_the_client_sent_behind_the_command_belongs_to_the_new_layer() -> None:
    client = logged_in(new_store())
    session = Packed(client)
    got = client.say(b"c COMPRESS DEFLATE\r\n" + session.packed(b"d NOOP\r\n"))
    ok, rest = got[:21], got[21:]
    assert ok == b"c OK DEFLATE active\r\n"
    assert session.unpacked(rest) == b"d OK NOOP completed\r\n"


def test_only_deflate_is_known_and_only_once() -> None:
    client = logged_in(new_store())
    client.play(
        """
        C: c COMPRESS GZIP
        S: c BAD DEFLATE is the only mechanism
        """
    )
    assert compressed().say(b"d COMPRESS DEFLATE\r\n") == b"d BAD compression is on already\r\n"


def test_it_is_a_command_of_those_who_are_logged_in() -> None:
    Client(new_store()).play(
        """
        C: c COMPRESS DEFLATE
        S: c BAD …
        """
    )


def test_octets_that_are_no_deflate_end_the_session() -> None:
    session = compressed()
    got = octets_of(session.core.receive(b"\xff\xff\xff\xff", 0.0))
    assert session.unpacked(got.removesuffix(b"<Close>\r\n")) == b"* BYE that is not DEFLATE\r\n"


def test_the_end_of_the_stream_ends_the_session() -> None:
    session = compressed()
    end = zlib.compressobj(9, zlib.DEFLATED, -15)
    got = octets_of(session.core.receive(end.compress(b"") + end.flush(), 0.0))
    assert session.unpacked(got.removesuffix(b"<Close>\r\n")) == b"* BYE the compressed stream ended\r\n"


def test_a_little_deflate_that_stands_for_much_is_run_portion_by_portion() -> None:
    session = compressed()
    commands = b"d NOOP\r\n" * (3 * compress.MAX_INFLATED_OCTETS // 8)
    octets = session.packed(commands)
    assert len(octets) < 20_000
    got = session.unpacked(octets_of(session.core.receive(octets, 0.0)))
    assert 0 < got.count(b"\r\n") <= compress.MAX_INFLATED_OCTETS // 8
    turns = 0
    while session.woken > turns:
        turns += 1
        got += session.unpacked(octets_of(session.core.wake(0.0)))
    assert turns >= 2
    assert got == b"d OK NOOP completed\r\n" * (len(commands) // 8)


def test_what_waits_is_bounded() -> None:
    session = compressed()
    octets = session.packed(os.urandom(2 * compress.MAX_WAITING_OCTETS))
    assert octets_of(session.core.receive(octets, 0.0)).endswith(b"<Close>\r\n")


def test_a_session_that_is_gone_holds_no_window() -> None:
    session = compressed()
    session.core.disconnected()
    assert session.core.wake(0.0) == []
    assert session.core.outgoing(b"x") == b"x"


def test_it_is_offered() -> None:
    core = ImapCore(new_store(), Settings(), Surroundings(tls=True))
    assert b"COMPRESS=DEFLATE" in octets_of(core.connected(0.0))
