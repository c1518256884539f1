"""Sets of acceptable outcomes of IMAP commands as named verbs, and a way to see every answer to odd octets.

RFC 3501 §2.2.2 and §7.1: OK, NO and BAD complete a command; BYE may come at any time.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.errors import ViolationError
from conformance.imap.session import Answer, ImapSession
from conformance.wire.errors import ClosedError
from conformance.wire.imap import Response


def expect_no(answer: Answer, *, because: str) -> None:
    """The command was understood and failed: NO."""
    if answer.tagged.name != b"NO":
        raise ViolationError(f"NO: {because}", str(answer.tagged))


def expect_bad(answer: Answer, *, because: str) -> None:
    """The command was not understood: BAD."""
    if answer.tagged.name != b"BAD":
        raise ViolationError(f"BAD: {because}", str(answer.tagged))


def expect_refused(answer: Answer, *, because: str) -> None:
    """The command was not done: NO or BAD."""
    if answer.tagged.name not in (b"NO", b"BAD"):
        raise ViolationError(f"NO or BAD: {because}", str(answer.tagged))


def expect_done(answer: Answer, *, because: str) -> None:
    """The command was done: OK."""
    if not answer.ok:
        raise ViolationError(f"OK: {because}", str(answer.tagged))


def expect_nobody_in(imap: ImapSession) -> None:
    """Nobody is logged in after what came before, or the server has ended the session.

    Failed log-ins may be limited in number (RFC 3501 §11.2), so that the first may be the last.
    """
    try:
        answer = imap.command('LIST "" ""')
    except ClosedError:
        imap.abandon()
        return
    expect_refused(answer, because="nobody has logged in")


@dataclass(frozen=True, slots=True)
class Heard:
    """All that came in answer to some octets, up to the completion of the NOOP sent after them or the end."""

    responses: tuple[Response, ...]
    closed: bool

    def tagged(self, tag: bytes) -> list[Response]:
        """The responses with this tag."""
        return [response for response in self.responses if response.tag == tag]

    @property
    def refusals(self) -> list[Response]:
        """BAD and NO with any tag or none: an error whose command is not known goes untagged (RFC 3501 §7.1.3)."""
        return [response for response in self.responses if response.name in (b"BAD", b"NO")]

    @property
    def said_bye(self) -> bool:
        """Whether the server ended the session, with or without a BYE."""
        return self.closed or any(response.name == b"BYE" for response in self.responses)

    def __str__(self) -> str:
        said = "; ".join(map(str, self.responses)) or "nothing"
        return f"{said}, then the end of the connection" if self.closed else said


def hear(imap: ImapSession, octets: bytes, *, segment: bool = False) -> Heard:
    """Send octets as they are and a NOOP after them; everything that comes until the NOOP is completed.

    The NOOP shows that nothing more is coming without waiting for it, and a server that takes the octets for two
    commands shows two answers before it. With `segment` all goes out in one TCP segment.

    Raises:
        NoReplyError: neither an answer to the NOOP nor an end of the connection came.
    """
    sentinel = imap.next_tag()
    (imap.send_segment if segment else imap.send)(octets + sentinel + b" NOOP\r\n")
    responses: list[Response] = []
    try:
        while True:
            response = imap.read_response()
            if response.tag == sentinel:
                return Heard(tuple(responses), closed=False)
            responses.append(response)
    except ClosedError:
        imap.abandon()
        return Heard(tuple(responses), closed=True)
