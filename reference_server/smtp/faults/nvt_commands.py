"""Servers that take too much for the end of a command, or too much into one (RFC 5321 §2.3.8, §2.4, §4.1.2)."""

from __future__ import annotations

import re

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore

_OTHER_SEPARATOR = re.compile(rb"[\0\x0b\x0c\x1c-\x1e]|(?:\xc2)?\x85|\xe2\x80[\xa8\xa9]")


@fault("ends-commands-at-lf", breaks=("rfc5321/2.3.8/2", "rfc5321/2.4/11", "rfc5321/4.1.1/1"))
class EndsCommandsAtLf(SmtpCore):
    """Obeys a command line that ends in a bare LF."""

    def command_line_end(self, pending: bytes, at: int) -> int:
        """Any LF will do."""
        return pending.find(b"\n", at) + 1


@fault("ends-commands-at-cr", breaks=("rfc5321/2.3.8/2", "rfc5321/2.4/11", "rfc5321/4.1.1/1"))
class EndsCommandsAtCr(SmtpCore):
    """Obeys a command line that ends in a bare CR."""

    def command_line_end(self, pending: bytes, at: int) -> int:
        """A CR that has anything behind it is enough; one that has nothing may still get its LF."""
        end = pending.find(b"\r", at, len(pending) - 1) + 1
        return end + 1 if end and pending[end : end + 1] == b"\n" else end


@fault(
    "obeys-noop-before-its-lf",
    breaks=("rfc5321/2.4/12", "rfc5321/4.1.1/1", "rfc854/3.4/4"),
    also={
        "smtp/segmentation/same_verdict_however_cut": "only a cut behind the CR shows it",
        "smtp/synchrony/one_answer_to_each_command": "a NOOP that is cut before its LF is answered twice",
    },
)
class ObeysNoopBeforeItsLf(SmtpCore):
    """Answers NOOP as soon as its CR is there, and once more when the LF has come."""

    _answered_early = False

    def read_line(self, pending: bytes, at: int) -> tuple[int, bytes | None]:
        """Cannot wait."""
        if pending[at:].upper() == b"NOOP\r" and not self._answered_early:
            self._answered_early = True
            return at, self.on_noop(b"")
        end, reply = super().read_line(pending, at)
        self._answered_early = self._answered_early and reply is None
        return end, reply


@fault(
    "ends-commands-at-other-separators",
    breaks=("rfc5321/2.3.8/2", "rfc5321/2.4/11", "rfc854/3.4/3"),
    also={"smtp/chunks/lines_of_any_octets_are_refused": "some of those octets are separators here"},
)
class EndsCommandsAtOtherSeparators(SmtpCore):
    """Splits a command line at NUL and wherever Unicode ends a line, and obeys all the parts."""

    def on_command(self, line: bytes) -> bytes:
        """One reply for each part."""
        return b"".join(SmtpCore.on_command(self, part) for part in self.parts(line))

    def parts(self, line: bytes) -> list[bytes]:
        """Paths are left whole, so that only the line ends are wrong."""
        return [line] if line[:5].upper() in (b"MAIL ", b"RCPT ") else _OTHER_SEPARATOR.split(line)


@fault("cuts-commands-at-nul", breaks="rfc5321/4.1.2/33")
class CutsCommandsAtNul(SmtpCore):
    """Reads a command line up to its first NUL and obeys what it has read."""

    def on_command(self, line: bytes) -> bytes:
        """As a string function of C would."""
        return super().on_command(line.partition(b"\0")[0])


@fault("drops-control-characters-from-commands", breaks="rfc5321/4.1.2/33")
class DropsControlCharactersFromCommands(SmtpCore):
    """Takes control characters out of a command line and obeys the rest."""

    def on_command(self, line: bytes) -> bytes:
        """CR and LF stay, and are refused."""
        return super().on_command(re.sub(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", b"", line))


@fault("takes-eight-bit-paths", breaks="rfc5321/2.4/20")
class TakesEightBitPaths(SmtpCore):
    """Reads octets beyond ASCII in paths as letters, whether or not SMTPUTF8 was asked for."""

    def on_command(self, line: bytes) -> bytes:
        """Replaces them."""
        if line[:5].upper() in (b"MAIL ", b"RCPT ") and b"SMTPUTF8" not in line.upper():
            line = re.sub(rb"[\x80-\xff]", b"x", line)
        return super().on_command(line)


@fault(
    "hangs-on-broken-utf8",
    breaks="rfc5321/2.4/20",
    also={
        "smtp/nvt_commands/does_not_end_a_command_at_other_octets": "some of these octets are no UTF-8 by themselves",
        "smtp/chunks/lines_of_any_octets_are_refused": "the same octets, behind a chunk",
        "smtp/smtputf8/refuses_paths_in_other_encodings": "the same octets where UTF-8 is allowed",
        "smtp/smtputf8/refuses_ascii_in_longer_forms": "the same octets where UTF-8 is allowed",
    },
)
class HangsOnBrokenUtf8(SmtpCore):
    """Never answers a command again after one with octets that are no UTF-8 (CVE-2020-7046)."""

    _hangs = False

    def on_command(self, line: bytes) -> bytes:
        """Waits for the rest of a character that never comes."""
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            self._hangs = True
        return b"" if self._hangs else super().on_command(line)
