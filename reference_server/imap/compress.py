"""COMPRESS=DEFLATE (RFC 4978): both directions as raw DEFLATE (RFC 1951), beneath TLS."""

from __future__ import annotations

import zlib

from reference_server.core import Send
from reference_server.imap.grammar import Cursor, GrammarError
from reference_server.imap.session import Session, State

RAW_DEFLATE = -15
"""Window bits: negative, since a zlib header would be the wrong format (RFC 4978 §4)."""

MAX_INFLATED_OCTETS = 262_144
"""How much is unpacked at once. A little DEFLATE can stand for a lot of commands; they are run bit by bit."""

MAX_WAITING_OCTETS = 1_048_576
"""Compressed octets that may wait for their turn, before the session ends: nobody sends commands that fast."""


def parse_compress(cursor: Cursor) -> None:
    """`compress = "COMPRESS" SP algorithm`; DEFLATE is the only one (RFC 4978 §5)."""
    cursor.space()
    if cursor.atom() != b"DEFLATE":
        raise GrammarError("DEFLATE is the only mechanism")


class Compression(Session):
    """Mixin: COMPRESS, and what it makes of octets on their way in and out."""

    def on_compress(self, _: None) -> None:
        """Answer COMPRESS; what follows the CRLF of the OK is compressed (RFC 4978 §3).

        Raises:
            GrammarError: compression is on already (RFC 4978 §3: BAD).
        """
        if self._inflating is not None:
            raise GrammarError("compression is on already")
        self.complete(b"OK", b"DEFLATE active")
        self._flush()
        self._deflating = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, RAW_DEFLATE)
        self._inflating = zlib.decompressobj(RAW_DEFLATE)
        # The client should have waited; whatever it sent behind the command belongs to the new layer.
        self._waiting = self.reader.take_all()

    _deflating: zlib._Compress | None = None
    _inflating: zlib._Decompress | None = None
    _waiting = b""

    def outgoing(self, octets: bytes) -> bytes:
        """As these octets go to the layer below; each portion complete, so that the client can read it at once."""
        if self._deflating is None:
            return octets
        return self._deflating.compress(octets) + self._deflating.flush(zlib.Z_SYNC_FLUSH)

    def take_in(self, octets: bytes) -> None:
        """Octets came from the layer below."""
        if self._inflating is None:
            self.reader.feed(octets)
            return
        self._waiting += octets
        if len(self._waiting) > MAX_WAITING_OCTETS:
            self.bye(b"too much at once")

    def inflate_some(self) -> bool:
        """Unpack a limited portion of what waits; whether anything came of it."""
        if self._inflating is None or not self._waiting:
            return False
        try:
            octets = self._inflating.decompress(self._waiting, MAX_INFLATED_OCTETS)
        except zlib.error:
            self.bye(b"that is not DEFLATE")
            return False
        self._waiting = self._inflating.unused_data if self._inflating.eof else self._inflating.unconsumed_tail
        self.reader.feed(octets)
        return bool(octets)

    def end_of_stream(self) -> None:
        """The end of a DEFLATE stream is no end of a session, yet nothing can follow but what UNAUTHENTICATE allows."""
        if self._inflating is not None and self._inflating.eof and self.state is not State.LOGOUT:
            self.bye(b"the compressed stream ended")

    def end_compression(self) -> None:
        """Let both directions be as they were; the client ended its own behind UNAUTHENTICATE (RFC 8437 §4.1)."""
        if self._deflating is None:
            return
        self._flush()
        self.act(Send(self._deflating.flush(zlib.Z_FINISH)))
        rest = self._waiting
        self.forget_compression()
        self.reader.feed(rest)

    def more_is_waiting(self) -> bool:
        """Whether there is more to unpack."""
        return bool(self._waiting)

    def forget_compression(self) -> None:
        """Give back what the two directions hold."""
        self._deflating = self._inflating = None
        self._waiting = b""
