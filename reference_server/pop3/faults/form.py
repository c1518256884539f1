"""Planted faults in the form of responses: status lines, byte-stuffing, the end of several lines (RFC 1939 §3)."""

from __future__ import annotations

from typing import ClassVar
from weakref import WeakSet

from reference_server.core import Action, Close, Send
from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import State
from reference_server.registry import fault
from reference_server.stores import Store


@fault("pop3-unstuffed", breaks=("rfc1939/3/17", "rfc2449/3/6"))
class Unstuffed(Pop3Core):
    """Sends lines that begin with a dot as they are."""

    def stuff(self, text: bytes) -> bytes:
        """Leaves the text as it is."""
        return text


@fault("pop3-stuffs-lone-dots-only", breaks=("rfc1939/3/17", "rfc2449/3/6"))
class StuffsLoneDotsOnly(Pop3Core):
    """Stuffs the line that is one dot and no other, so that clients take a dot off all the others."""

    def stuff(self, text: bytes) -> bytes:
        """Looks for the whole line."""
        return (b"\r\n" + text).replace(b"\r\n.\r\n", b"\r\n..\r\n")[2:]


@fault("pop3-does-not-stuff-the-first-line", breaks=("rfc1939/3/17", "rfc2449/3/6"))
class DoesNotStuffAfterAnEmptyLine(Pop3Core):
    """Overlooks a leading dot on the first line of the body."""

    def stuff(self, text: bytes) -> bytes:
        """Leaves the line after the first empty one alone."""
        return super().stuff(text).replace(b"\r\n\r\n..", b"\r\n\r\n.", 1)


@fault("pop3-top-unstuffed", breaks=("rfc1939/7/6",))
class TopUnstuffed(Pop3Core):
    """Stuffs in RETR and forgets it in TOP."""

    def on_top(self, argument: bytes) -> bytes:
        """Takes a dot off again from every stuffed line."""
        return super().on_top(argument).replace(b"\r\n..", b"\r\n.")


@fault("pop3-ends-on-the-last-line", breaks=("rfc1939/3/18", "rfc2449/3/8"))
class EndsOnTheLastLine(Pop3Core):
    """Ends the response to RETR on the last line of a message that has no line end at its end."""

    def on_retr(self, argument: bytes) -> bytes:
        """Adds no line end of its own."""
        response = super().on_retr(argument)
        number = self.message_number(argument)
        if number is None or self.maildrop.stored(number).endswith(b"\n"):
            return response
        return response.removesuffix(b"\r\n.\r\n") + b".\r\n"


@fault("pop3-dot-ends-in-a-bare-lf", breaks="rfc1939/3/16", also={"pop3/grammar/bare_lf": "a line ends in a bare LF"})
class DotEndsInABareLf(Pop3Core):
    """Ends the closing dot with LF alone."""

    def terminator(self) -> bytes:
        """Leaves the CR out."""
        return b".\n"


@fault("pop3-refusals-end-in-lf", breaks="rfc1939/3/11")
class RefusalsEndInLf(Pop3Core):
    """Ends negative responses with LF alone."""

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """Leaves the CR out."""
        return super().err(text, code=code).removesuffix(b"\r\n") + b"\n"


@fault("pop3-refuses-in-lower-case", breaks=("rfc1939/3/14", "rfc1939/3/13"))
class RefusesInLowerCase(Pop3Core):
    """Writes -err."""

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """Lower-case indicator."""
        return super().err(text, code=code).replace(b"-ERR", b"-err", 1)


@fault("pop3-colon-after-the-status", breaks="rfc2449/3/10")
class ColonAfterTheStatus(Pop3Core):
    """Puts a colon after -ERR instead of a space."""

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """A colon where the space belongs."""
        return super().err(text, code=code).replace(b"-ERR", b"-ERR:", 1)


@fault("pop3-refuses-at-length", breaks="rfc1939/3/12")
class RefusesAtLength(Pop3Core):
    """Explains a refusal in more than 512 octets on one line."""

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """One octet too many."""
        refusal = super().err(text, code=code).removesuffix(b"\r\n")
        return refusal.ljust(511, b".") + b"\r\n"


@fault("pop3-refuses-in-latin-1", breaks="rfc2449/3/10")
class RefusesInLatin1(Pop3Core):
    """Explains refusals in words beyond US-ASCII."""

    def err(self, text: str, *, code: str | None = None) -> bytes:
        """A word with an accent."""
        return super().err(text, code=code).removesuffix(b"\r\n") + " (refusé)\r\n".encode("latin-1")


@fault("pop3-says-goodbye-twice", breaks="rfc1939/3/3")
class SaysGoodbyeTwice(Pop3Core):
    """Answers QUIT with two lines after the log-in."""

    _updated = False

    def update(self) -> None:
        """Remembers that somebody was logged in."""
        super().update()
        self._updated = True

    def on_quit(self) -> bytes:
        """One answer too many."""
        answer = super().on_quit()
        return answer + self.ok("see you soon") if self._updated else answer


@fault("pop3-greets-nobody-after-a-long-line", breaks="rfc1939/3/2")
class GreetsNobodyAfterALongLine(Pop3Core):
    """Is out of order once a client has sent a line that is too long: nobody is greeted any more."""

    _out_of_order: ClassVar[WeakSet[Store]] = WeakSet()

    def on_overlong_line(self) -> bytes:
        """Answers as ever, for the last time."""
        self._out_of_order.add(self.store)
        return super().on_overlong_line()

    def connected(self, now: float) -> list[Action]:
        """Hangs up on newcomers."""
        return [Close()] if self.store in self._out_of_order else super().connected(now)


@fault("pop3-takes-segments-for-commands", breaks="rfc1939/3/5")
class TakesSegmentsForCommands(Pop3Core):
    """Takes the first segment of RETR or RSET for the whole command, and refuses it where that is only a part."""

    _skipping = False

    def receive(self, octets: bytes, now: float) -> list[Action]:
        """Refuses at once, and skips the rest of the line when it comes."""
        if self._skipping:
            _, line_end, octets = octets.partition(b"\n")
            self._skipping = not line_end
        elif self.state is State.TRANSACTION and octets[:1] in (b"R", b"r") and b"\n" not in octets:
            self._skipping = True
            return [Send(self.err("unfinished command"))]
        return super().receive(octets, now) if octets else []
