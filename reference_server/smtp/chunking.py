"""BDAT: the mail text in chunks of announced size (RFC 3030, CHUNKING and BINARYMIME).

The octets that a BDAT announces are read before it is answered, whatever the answer is: those of a refused chunk are
thrown away, and never taken for commands. What arrives is text in lines like that of DATA, save that no dots are added
to it; after BODY=BINARYMIME it is any octets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reference_server.smtp.data import Text
from reference_server.smtp.session import IN_TRANSACTION, Event, Verb

# bdat-cmd   ::= "BDAT" SP chunk-size [ SP end-marker ] CR LF
# chunk-size ::= 1*DIGIT
# end-marker ::= "LAST"
_BDAT = re.compile(rb"(?P<size>[0-9]+)(?P<last> LAST)?", re.IGNORECASE)

# How many octets follow can be told also where something else is wrong with the command.
_ANNOUNCED = re.compile(rb" *(?P<size>[0-9]+)(?![^ ])")


@dataclass(slots=True)
class Chunk:
    """A chunk on its way: its size, how many octets are to come, and why its BDAT was refused, if it was."""

    size_octets: int
    missing_octets: int
    last: bool
    refusal: bytes | None


class Chunking(Text):
    """Receives the text of one message chunk by chunk."""

    chunk: Chunk | None = None
    _unfinished_line: bytes

    def begin_text(self) -> None:
        """Forget what is left of an earlier message."""
        super().begin_text()
        self._unfinished_line = b""

    def on_bdat(self, argument: bytes, refusal: bytes | None) -> bytes:
        """BDAT: wait for the octets that it announces; empty unless there are none to wait for.

        `refusal` is why the command as such is refused (its place, its characters, a missing log-in), or None.
        """
        announced = _ANNOUNCED.match(argument)
        if announced is None:
            return self.on_unknown_size(refusal or self.bad_chunk())
        size = int(announced["size"])
        written = _BDAT.fullmatch(argument)
        if refusal is None and written is None:
            refusal = self.bad_chunk()
        chunk = Chunk(size, size, last=written is not None and written["last"] is not None, refusal=refusal)
        if refusal is None:
            self.advance(Verb.BDAT)
        if size == 0:
            return self.on_end_of_chunk(chunk)
        self.chunk = chunk
        return b""

    def bad_chunk(self) -> bytes:
        """The answer to a BDAT that does not follow the grammar."""
        return self.bad_argument("BDAT size [LAST]")

    def on_unknown_size(self, refusal: bytes) -> bytes:
        """A BDAT without a size announces no octets: it is one bad command, and the message cannot be whole."""
        if self.state in IN_TRANSACTION:
            self.refuse_text(refusal)
            self.advance(Event.CHUNK_REFUSED)
        return refusal

    def read_chunk(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Take octets of the chunk from `pending`, from `at` on; returns where it stopped, and the reply at its end."""
        assert self.chunk is not None
        chunk = self.chunk
        octets = pending[at : at + chunk.missing_octets]
        chunk.missing_octets -= len(octets)
        if chunk.refusal is None:
            self.take_chunk_octets(octets)
        if chunk.missing_octets:
            return at + len(octets), None
        self.chunk = None
        return at + len(octets), self.on_end_of_chunk(chunk)

    def take_chunk_octets(self, octets: bytes) -> None:
        """Keep octets of the text, or note why the message cannot be accepted."""
        if self._refusal is not None:
            return
        if self.transaction.binary:
            self.keep_octets(octets)
            return
        octets = self._unfinished_line + octets
        stop = octets.rfind(b"\r\n") + 2 if b"\r\n" in octets else 0
        if self.by_block and stop:
            self.keep_block(octets[:stop])
        elif stop:
            for line in octets[: stop - 2].split(b"\r\n"):
                self.keep_text_line(line + b"\r\n")
        self._unfinished_line = octets[stop:]
        # Its CRLF would make it longer yet.
        if len(self._unfinished_line) >= self.text_line_limit():
            self.refuse_text(self.line_too_long())
            self._unfinished_line = b""

    def keep_octets(self, octets: bytes) -> None:
        """Keep octets that need not be text, every bit of them (RFC 3030 §3)."""
        self._text_octets += len(octets)
        if self._text_octets > self.max_text_octets():
            self.refuse_text(self.too_big())
        else:
            self._text.append(octets)

    def end_last_line(self) -> None:
        """The last line of a message in chunks may lack its CRLF (RFC 5322 §3.5); it is kept as it came."""
        line, self._unfinished_line = self._unfinished_line, b""
        if not line or self._refusal is not None:
            return
        refusal = self.refusal_of_text_line(line + b"\r\n")
        if refusal is not None:
            self.refuse_text(refusal)
        else:
            self.keep_octets(line)

    def on_end_of_chunk(self, chunk: Chunk) -> bytes:
        """All octets of a chunk are there: answer its BDAT."""
        if self.state not in IN_TRANSACTION:
            assert chunk.refusal is not None, "there is nothing for a chunk to belong to"
            return chunk.refusal
        if chunk.refusal is not None:
            self.refuse_text(chunk.refusal)
        if chunk.last:
            self.end_last_line()
            return self.on_end_of_data()
        refusal = chunk.refusal or self._refusal
        if refusal is None:
            return self.chunk_taken(chunk)
        self.advance(Event.CHUNK_REFUSED)
        return refusal

    def chunk_taken(self, chunk: Chunk) -> bytes:
        """The 250 that every good chunk gets; the last one's speaks for the message (RFC 3030 §2)."""
        return self.reply(250, f"{chunk.size_octets} octets received", enhanced="2.0.0")
