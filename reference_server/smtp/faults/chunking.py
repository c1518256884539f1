"""Servers that mistake chunks (RFC 3030 §2): where they end, what becomes of refused ones, what may follow."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.chunking import Chunk
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State, Verb


@fault("runs-refused-chunks-as-commands", breaks=("rfc3030/2/18", "rfc3030/2/20", "rfc3030/2/28"))
class RunsRefusedChunksAsCommands(SmtpCore):
    """Answers a BDAT that is out of order at once, and reads the octets behind it as commands."""

    def on_bdat(self, argument: bytes, refusal: bytes | None) -> bytes:
        """Nothing is expected after a refusal."""
        return refusal or super().on_bdat(argument, refusal)


@fault("answers-bdat-before-its-octets", breaks=("rfc3030/2/12", "rfc3030/2/18"))
class AnswersBdatBeforeItsOctets(SmtpCore):
    """Answers a BDAT that is out of order at once, and throws its octets away later."""

    _told = False

    def on_bdat(self, argument: bytes, refusal: bytes | None) -> bytes:
        """The refusal is known already."""
        reply = super().on_bdat(argument, refusal)
        self._told = self.chunk is not None and refusal is not None
        return refusal if self._told and refusal else reply

    def on_end_of_chunk(self, chunk: Chunk) -> bytes:
        """Nothing is left to say."""
        reply = super().on_end_of_chunk(chunk)
        told, self._told = self._told, False
        return b"" if told else reply


@fault(
    "ends-chunks-at-a-lone-period",
    breaks="rfc3030/2/28",
    also={"smtp/synchrony/one_answer_to_each_command": "the rest of the chunk is answered as commands"},
)
class EndsChunksAtALonePeriod(SmtpCore):
    """Takes a lone period in a chunk for the end of the message, and what is behind it for commands."""

    def read_chunk(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """As far as the period."""
        assert self.chunk is not None
        end = pending.find(b"\r\n.\r\n", at)
        if 0 <= end < at + self.chunk.missing_octets - 5:
            self.chunk.missing_octets = end + 2 - at
            at, reply = super().read_chunk(pending, at)
            return at + 3, reply
        return super().read_chunk(pending, at)


@fault("unstuffs-periods-in-chunks", breaks="rfc3030/2/28")
class UnstuffsPeriodsInChunks(SmtpCore):
    """Removes a leading period from each line of a chunk, as is right for DATA."""

    def take_chunk_octets(self, octets: bytes) -> None:
        """Chunks are put through what text goes through."""
        super().take_chunk_octets(octets if self.transaction.binary else re.sub(rb"(?m)^\.", b"", octets))


@fault("breaks-lines-between-chunks", breaks="rfc3030/2/28")
class BreaksLinesBetweenChunks(SmtpCore):
    """Ends a line where a chunk ends."""

    def on_end_of_chunk(self, chunk: Chunk) -> bytes:
        """Each chunk is a text of its own."""
        if self._unfinished_line and chunk.refusal is None:
            super().take_chunk_octets(b"\r\n")
        return super().on_end_of_chunk(chunk)


@fault("knows-chunks-of-seven-bits-only", breaks="rfc3030/2/7")
class KnowsChunksOfSevenBitsOnly(SmtpCore):
    """Puts question marks in place of octets above 127 in chunks of text."""

    def take_chunk_octets(self, octets: bytes) -> None:
        """Seven bits are enough for everybody."""
        plain = octets.decode("ascii", "replace").replace("\ufffd", "?").encode("ascii")
        super().take_chunk_octets(octets if self.transaction.binary else plain)


@fault("answers-chunks-with-354", breaks=("rfc3030/2/17", "rfc3030/2/12"))
class AnswersChunksWith354(SmtpCore):
    """Asks for more after each chunk that is not the last, as if it were DATA."""

    def chunk_taken(self, chunk: Chunk) -> bytes:
        """Go on."""
        return self.reply(354, "send the next chunk")


@fault("refuses-an-empty-last-chunk", breaks="rfc3030/2/13")
class RefusesAnEmptyLastChunk(SmtpCore):
    """Takes a size of zero for a mistake."""

    def on_end_of_chunk(self, chunk: Chunk) -> bytes:
        """Why send nothing?"""
        if chunk.last and not chunk.size_octets and chunk.refusal is None:
            chunk.refusal = self.bad_chunk()
        return super().on_end_of_chunk(chunk)


@fault("knows-last-in-capitals-only", breaks="rfc3030/2/4")
class KnowsLastInCapitalsOnly(SmtpCore):
    """Refuses BDAT with last in small letters."""

    def on_bdat(self, argument: bytes, refusal: bytes | None) -> bytes:
        """A word is a word."""
        small = b"ast" in argument
        return super().on_bdat(argument, refusal or (self.bad_chunk() if small else None))


@fault("refuses-zeros-before-a-chunk-size", breaks="rfc3030/2/3")
class RefusesZerosBeforeAChunkSize(SmtpCore):
    """Wants sizes in their shortest form."""

    def on_bdat(self, argument: bytes, refusal: bytes | None) -> bytes:
        """No number begins with a zero, unless it is one."""
        padded = re.match(rb"0[0-9]", argument) is not None
        return super().on_bdat(argument, refusal or (self.bad_chunk() if padded else None))


@fault("takes-any-word-for-a-chunk-size", breaks=("rfc3030/2/3", "rfc3030/2/2"))
class TakesAnyWordForAChunkSize(SmtpCore):
    """Reads as many digits as there are, and takes none of them for zero."""

    def on_bdat(self, argument: bytes, refusal: bytes | None) -> bytes:
        """Lenient."""
        found = re.match(rb"[0-9]*", argument)
        size = found[0] if found and found[0] else b"0"
        last = b" LAST" if argument.upper().endswith(b" LAST") else b""
        return super().on_bdat(size + last, refusal)


@fault("answers-late-chunks-with-554", breaks="rfc3030/2/15")
class AnswersLateChunksWith554(SmtpCore):
    """Has one code for every chunk that is out of place."""

    def on_bdat(self, argument: bytes, refusal: bytes | None) -> bytes:
        """No transaction, no message."""
        late = refusal is not None and self.state is State.IDLE
        return super().on_bdat(argument, self.reply(554, "no message", enhanced="5.5.1") if late else refusal)


@fault("answers-data-after-bdat-with-554", breaks="rfc3030/2/24")
class AnswersDataAfterBdatWith554(SmtpCore):
    """Refuses DATA among chunks with a code that is about the message."""

    def refusal_of_verb(self, verb: Verb) -> bytes | None:
        """Enough to keep it out."""
        if verb is Verb.DATA and self.state is State.BETWEEN_CHUNKS:
            return self.reply(554, "the message is under way in chunks", enhanced="5.5.1")
        return super().refusal_of_verb(verb)


@fault("keeps-chunks-after-rset", breaks="rfc3030/2/22")
class KeepsChunksAfterRset(SmtpCore):
    """Drops the envelope on RSET and not the chunks."""

    def on_rset(self) -> bytes:
        """They are in another file."""
        kept = self._text
        reply = super().on_rset()
        self._text = kept
        return reply


@fault("sticks-to-chunks", breaks=("rfc3030/2/5", "rfc3030/2/26"))
class SticksToChunks(SmtpCore):
    """Wants all further messages of a session in chunks once one came so."""

    _chunked = False

    def on_end_of_chunk(self, chunk: Chunk) -> bytes:
        """That is how this client does it."""
        self._chunked = self._chunked or (chunk.refusal is None and chunk.last)
        return super().on_end_of_chunk(chunk)

    def on_data(self) -> bytes:
        """Not any more."""
        return self.bad_sequence("use BDAT") if self._chunked else super().on_data()


@fault("loses-what-follows-a-chunk", breaks="rfc3030/2/29")
class LosesWhatFollowsAChunk(SmtpCore):
    """Throws away what came together with the last octets of a chunk."""

    def read_chunk(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """The buffer is of no more use."""
        at, reply = super().read_chunk(pending, at)
        return (at, reply) if reply is None or self.chunk or not reply.startswith(b"250") else (len(pending), reply)


@fault("has-no-answer-to-binary-lines", breaks="rfc3030/2/30")
class HasNoAnswerToBinaryLines(SmtpCore):
    """Skips lines of octets above 127 among chunks, and says nothing."""

    def on_command(self, line: bytes) -> bytes:
        """Noise."""
        noise = self.state is State.BETWEEN_CHUNKS and not line.isascii()
        return b"" if noise else super().on_command(line)


@fault("reads-on-in-a-chunk-that-is-too-large", breaks="rfc3030/2/18")
class ReadsOnInAChunkThatIsTooLarge(SmtpCore):
    """Refuses a chunk as soon as the message is too large, and reads the rest of it as commands."""

    def read_chunk(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Enough of it."""
        chunk = self.chunk
        at, reply = super().read_chunk(pending, at)
        if reply is None and chunk is not None and self._refusal == self.too_big():
            self.chunk = None
            return at, self.on_end_of_chunk(chunk)
        return at, reply
