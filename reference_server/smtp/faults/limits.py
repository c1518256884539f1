"""Servers whose buffers are too small, or that go on in the middle of a line (RFC 5321 §4.5.3.1)."""

from __future__ import annotations

from reference_server.registry import fault
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.limits import MINIMUM
from reference_server.smtp.session import State

MAX_COMMAND_LINE_OCTETS = MINIMUM.command_line_octets


@fault("refuses-command-lines-of-512", breaks="rfc5321/4.5.3.1.4/1")
class RefusesCommandLinesOf512(SmtpCore):
    """Forgets that CRLF counts: 510 octets and CRLF are too long."""

    def line_limit(self, line: bytes) -> int:
        """One octet short."""
        limit = super().line_limit(line)
        return limit - 1 if limit == MAX_COMMAND_LINE_OCTETS else limit


@fault(
    "reads-on-where-its-buffer-ends",
    breaks="rfc5321/2.3.8/2",
    also={
        "smtp/line_limits/obeys_no_overlong_line_in_part": "what fills the buffer is obeyed as a command of its own",
        "smtp/auth/takes_a_long_auth_parameter": "a MAIL line that an extension makes longer is cut too",
        "smtp/dsn/takes_parameters_of_full_length": "and so is a RCPT line",
        "smtp/synchrony/one_answer_to_each_command": "each piece of a long line gets an answer",
    },
)
class ReadsOnWhereItsBufferEnds(SmtpCore):
    """Takes each 512 octets of a longer line for a command of their own."""

    def command_line_end(self, pending: bytes, at: int) -> int:
        """The end of the line, or of the buffer."""
        end = super().command_line_end(pending, at)
        full = (end or len(pending)) - at > MAX_COMMAND_LINE_OCTETS and self.state is not State.AUTHENTICATING
        return at + MAX_COMMAND_LINE_OCTETS if full else end


@fault("obeys-the-beginning-of-overlong-lines", breaks="rfc5321/2.4/11")
class ObeysTheBeginningOfOverlongLines(SmtpCore):
    """Keeps the first 510 octets of a line, drops the rest, and runs what it kept."""

    def line_limit(self, line: bytes) -> int:
        """None that is ever reached."""
        return 1 << 20

    def on_command(self, line: bytes) -> bytes:
        """Runs what fits into the buffer."""
        return super().on_command(line[: MAX_COMMAND_LINE_OCTETS - 2])


@fault("refuses-local-parts-of-64", breaks="rfc5321/4.5.3.1.1/1")
class RefusesLocalPartsOf64(SmtpCore):
    """Has room for 63 octets of local-part."""

    def on_mail(self, argument: bytes) -> bytes:
        """One octet short."""
        local_part = argument.partition(b"<")[2].rpartition(b"@")[0]
        return self.bad_argument("local part too long") if len(local_part) > 63 else super().on_mail(argument)


@fault("refuses-domains-of-253", breaks="rfc5321/4.5.3.1.2/1")
class RefusesDomainsOf253(SmtpCore):
    """Has room for 251 octets of domain."""

    def on_ehlo(self, argument: bytes) -> bytes:
        """Two octets short."""
        return self.reply(501, "name too long") if len(argument) > 251 else super().on_ehlo(argument)


@fault("refuses-paths-of-256", breaks="rfc5321/4.5.3.1.3/1")
class RefusesPathsOf256(SmtpCore):
    """Forgets that the brackets count: 254 octets and two brackets are too long."""

    def on_mail(self, argument: bytes) -> bytes:
        """One octet short."""
        path = argument[argument.find(b"<") : argument.rfind(b">") + 1]
        return self.bad_argument("path too long") if len(path) > 255 else super().on_mail(argument)


@fault("repeats-what-it-was-sent", breaks="rfc5321/4.5.3.1.5/1")
class RepeatsWhatItWasSent(SmtpCore):
    """Repeats the whole argument of a VRFY that fails, however long it is."""

    def on_vrfy(self, argument: bytes) -> bytes:
        """A reply longer than the command."""
        reply = super().on_vrfy(argument)
        return reply.replace(b"here", b"here: " + argument, 1) if argument.isascii() else reply
