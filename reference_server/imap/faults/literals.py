"""Planted faults in the reading and writing of literals (RFC 3501 §4.3, RFC 7888)."""

from __future__ import annotations

import re

from reference_server.imap.core import ImapCore
from reference_server.imap.literals import Announced, CommandReader, RawCommand
from reference_server.registry import fault
from reference_server.stores import StoredMessage


class _FirstLineReader(CommandReader):
    """Ends a literal where `by_line` is set at its first line end."""

    by_line = False

    def _take_literal(self) -> bool:
        end = self._pending.find(b"\r\n")
        if self.by_line and 0 <= end < self._wanted:
            self._wanted = end
        return super()._take_literal()


@fault("ends-a-literal-at-its-first-line-end", breaks="rfc3501/4.3/1")
class EndsALiteralAtItsFirstLineEnd(ImapCore):
    """Takes a literal of SEARCH to end with its first line, and runs the rest of it as commands."""

    def drop_clear_text(self) -> None:
        """Begins anew with a reader that does not count."""
        self.reader = _FirstLineReader()

    def greet(self) -> None:
        """Takes that reader from the start."""
        self.drop_clear_text()
        super().greet()

    def on_announced(self, literal: Announced) -> None:
        """Counts for everything but SEARCH SUBJECT."""
        assert isinstance(self.reader, _FirstLineReader)
        self.reader.by_line = b" SEARCH SUBJECT " in literal.lines[0].upper()
        super().on_announced(literal)


@fault(
    "takes-literals-for-append-only",
    breaks="rfc3501/7.5/4",
    also={
        "imap/literals/takes_a_literal_of_no_octets_as_the_empty_string": "it takes none at all there",
        "imap/mailbox_names/knows_inbox_however_it_is_written": "one of the ways to write it is a literal",
        "imap/login/lets_the_right_password_in_however_it_is_written": "one of the ways to write it is a literal",
        "imap/search/undoes_encodings_before_it_compares": "8-bit strings can be written in no other way",
    },
)
class TakesLiteralsForAppendOnly(ImapCore):
    """Refuses a synchronizing literal in any command but APPEND."""

    def refusal_of(self, literal: Announced) -> bytes | None:
        """Knows one command with a literal."""
        if literal.synchronizing and b" APPEND " not in literal.lines[0].upper():
            return b"BAD literals are for APPEND"
        return super().refusal_of(literal)


@fault("refuses-the-empty-literal", breaks="rfc3501/4.3/5")
class RefusesTheEmptyLiteral(ImapCore):
    """Does not take `{0}`, where nothing comes."""

    def refusal_of(self, literal: Announced) -> bytes | None:
        """Wants something in a literal."""
        return b"BAD empty literal" if literal.octets == 0 else super().refusal_of(literal)


@fault("waits-for-a-literal-that-it-refused", breaks="rfc3501/2.2.1/7")
class WaitsForALiteralThatItRefused(ImapCore):
    """Refuses a command at the announcement of its literal, and takes the next octets for that literal all the same."""

    def on_announced(self, literal: Announced) -> None:
        """Throws away what is not a literal."""
        refusal = self.refusal_of(literal)
        kept = b" APPEND " in literal.lines[0].upper() or literal.octets > 1000
        if refusal is None or not literal.synchronizing or kept:
            super().on_announced(literal)
            return
        self.on_command(self.reader.abandon(refusal))
        self.reader.discard(literal.octets, refusal)


@fault(
    "reads-non-synchronizing-literals-as-commands",
    breaks=("rfc7888/3/2", "rfc7888/3/6", "rfc7888/3/7"),
    also={
        "imap/literals/reads_a_literal_too_big_for_it_to_the_end": "it reads none of any size",
        "imap/synchrony/one_answer_to_each_command": "every line of the literal is answered as a command",
    },
)
class ReadsNonSynchronizingLiteralsAsCommands(ImapCore):
    """Advertises LITERAL+ but does not know `{n+}`: the command is refused and its literal run as commands."""

    def on_announced(self, literal: Announced) -> None:
        """Takes the line for all there is."""
        if literal.synchronizing:
            super().on_announced(literal)
        else:
            self.on_command(self.reader.abandon(b"BAD what is that plus sign"))


@fault("asks-for-non-synchronizing-literals", breaks="rfc7888/3/5")
class AsksForNonSynchronizingLiterals(ImapCore):
    """Sends a continuation request for `{n+}` too."""

    def on_announced(self, literal: Announced) -> None:
        """Sends `+` to a client that does not wait for it."""
        if not literal.synchronizing and self.refusal_of(literal) is None:
            self.continuation(b"go on")
        super().on_announced(literal)


@fault("stops-reading-a-literal-that-is-too-big", breaks="rfc7888/4/1")
class StopsReadingALiteralThatIsTooBig(ImapCore):
    """Refuses a non-synchronizing literal above 64 kB at once and runs it as commands."""

    def on_announced(self, literal: Announced) -> None:
        """Forgets that the octets are on their way."""
        if literal.synchronizing or literal.octets <= 65_536:
            super().on_announced(literal)
        else:
            self.on_command(self.reader.abandon(b"NO literal too large"))


@fault("asks-for-a-literal-without-a-count", breaks="rfc3501/2.2/1")
class AsksForALiteralWithoutACount(ImapCore):
    """Sends a continuation request for any line that ends in braces, whatever is in them, and waits."""

    def on_command(self, raw: RawCommand) -> None:
        """Does not look into the braces."""
        if raw.refused is None and re.search(rb"\{[^{}]{0,4}\}\Z", raw.lines[-1]):
            self.continuation(b"go on")
        else:
            super().on_command(raw)


@fault("takes-counts-beyond-32-bits", breaks="rfc3501/9/46")
class TakesCountsBeyond32Bits(ImapCore):
    """Asks for a literal of any size that its own integers can hold."""

    def refusal_of(self, literal: Announced) -> bytes | None:
        """Welcomes the largest literals of all."""
        return None if literal.octets > 4_294_967_295 else super().refusal_of(literal)


@fault(
    "counts-characters-in-its-literals",
    breaks="rfc3501/9/36",
    also={
        "imap/append/takes_8_bit_text": "the message is cut short where it is read back",
        "imap/grammar/response": "what is left of the literal stands where the next item should",
    },
)
class CountsCharactersInItsLiterals(ImapCore):
    """Announces as many octets as the text has characters."""

    def render_literal(self, octets: bytes) -> bytes:
        """Counts after decoding."""
        return b"{%d}\r\n%b" % (len(octets.decode("utf-8", "replace")), octets)


@fault(
    "puts-a-plus-into-its-own-literals",
    breaks="rfc7888/3/1",
    also={
        "imap/body/rfc822_header_is_the_header": "the value cannot be read",
        "imap/grammar/response": "no grammar lets a server send such a literal",
    },
)
class PutsAPlusIntoItsOwnLiterals(ImapCore):
    """Sends RFC822.HEADER as a literal of the form that only a client may use."""

    def fetch_rfc822_header(self, number: int, message: StoredMessage) -> bytes:
        """Writes `{n+}`."""
        return super().fetch_rfc822_header(number, message).replace(b"}", b"+}", 1)
