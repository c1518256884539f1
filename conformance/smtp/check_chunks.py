"""The octets of chunks: as many as BDAT announced, never commands, thrown away where it is refused (RFC 3030 §2)."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import cuts_itself, given, must
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect, expect_code, expect_refused
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.apart import LISTEN_S
from conformance.smtp.chunks import bdat, greet_for_chunks, send_chunk
from conformance.smtp.dialogue import ask_octets, replies_until_farewell, settled
from conformance.smtp.session import SmtpSession
from conformance.wire.errors import SilenceError

COMMANDS = (
    b"NOOP\r\n",
    b"QUIT\r\n",
    b"RSET\r\n",
    b"MAIL FROM:<smuggled@client.example>\r\n",
    b"DATA\r\n",
    b"VRFY x\r\n",
)
"""What a server would answer if it took a chunk for commands."""

PLACES = ("before MAIL", "after MAIL", "after RSET", "after a recipient that was refused")
"""Where BDAT has no recipient and so is refused."""


def _go_to(smtp: SmtpSession, place: str) -> bool:
    """Bring the session to where BDAT is out of place; False where it is in place, as the server refuses nobody."""
    if place == "before MAIL":
        return True
    reply = smtp.mail(smtp.setting.sender)
    if not reply.positive:
        raise InconclusiveError(f"MAIL is refused: {reply}")
    if place == "after RSET":
        smtp.rset()
    elif place == "after a recipient that was refused":
        reply = smtp.rcpt(f"mailspec-nobody@{smtp.recipient.rpartition('@')[2]}")
        return not reply.positive
    return True


@must("rfc3030/2/18", "rfc3030/2/28")
@given(
    place=st.sampled_from(PLACES),
    lines=st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=5).map(b"".join),
    last=st.booleans(),
)
def check_octets_of_a_refused_chunk_are_no_commands(dial: Dial, place: str, lines: bytes, *, last: bool) -> None:
    """A BDAT without recipients is refused, and its octets are thrown away: none of them runs as a command.

    Otherwise whoever writes a mail's text writes commands: SMTP smuggling by way of a chunk that the server refused.
    """
    with dial() as smtp:
        greet_for_chunks(smtp)
        if not _go_to(smtp, place):
            return
        reply = ask_octets(smtp, bdat(lines, last=last))
        if reply is None:
            return
        expect_refused(reply, because=f"BDAT {place} has no recipients")
        _expect_no_more_replies(smtp, f"one reply, to a BDAT {place}, and none to the {len(lines)} octets of its chunk")


def _expect_no_more_replies(smtp: SmtpSession, expected: str) -> None:
    further = replies_until_farewell(smtp)
    expect(not further, expected, "; ".join(map(str, further)))


@must("rfc3030/2/28", "rfc3030/2/13")
@given(
    end=st.sampled_from((b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b".\r\n", b"\x1a")),
    lines=st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=4).map(b"".join),
)
def check_nothing_in_a_chunk_ends_it(dial: Dial, mailbox: Mailbox, end: bytes, lines: bytes) -> None:
    """A lone period in a chunk, with whatever line ends, is text: only the number of octets says where the chunk ends.

    What stands behind it is text too. A server may refuse the message, for stray line ends for one.
    """
    text = mailbox.compose(mailbox.token(), b"text" + end + lines)
    with dial() as smtp:
        greet_for_chunks(smtp)
        smtp.begin()
        for last in (False, True):
            reply = ask_octets(smtp, bdat(text, last=last))
            if reply is None:
                return
            if not reply.positive:
                break  # no client sends a further chunk then (RFC 3030 §2)
        _expect_no_more_replies(smtp, "one reply to each chunk, and none to their text")


@must("rfc3030/2/12", "rfc3030/2/18", "rfc3030/2/28")
@given(octets=st.sampled_from((b"Subject: x\r\n\r\nNOOP\r\n", b"NOOP\r\nNOOP\r\n")), welcome=st.booleans(), at_most=4)
@cuts_itself
def check_the_answer_waits_for_all_octets(dial: Dial, octets: bytes, *, welcome: bool) -> None:
    """BDAT is answered when all octets that it announced are there, also where it is refused, and not before.

    A client that is refused early cannot know whether the octets under way will be read as a chunk or as commands.
    """
    command, _, _ = bdat(octets).partition(b"\r\n")
    with dial() as smtp:
        greet_for_chunks(smtp)
        if welcome:
            smtp.begin()
        for piece in (command + b"\r\n", octets[:7], octets[7:-1]):
            smtp.send_segment(piece)
            try:
                reply = smtp.read_reply(within_s=LISTEN_S)
            except SilenceError:
                continue
            smtp.abandon()
            raise ViolationError(f"nothing until all {len(octets)} octets of the chunk are there", str(reply))
        smtp.send_segment(octets[-1:])
        reply = settled(smtp.read_reply())
        if not welcome:
            expect_refused(reply, because="BDAT before MAIL is out of order")


@must("rfc3030/2/20", "rfc3030/2/18")
@given(lines=st.lists(st.sampled_from(COMMANDS), min_size=2, max_size=3))
def check_chunks_behind_a_failed_one_are_thrown_away(dial: Dial, lines: list[bytes]) -> None:
    """Where PIPELINING is offered, chunks sent in one go behind one that fails are thrown away, each answered once.

    The client had sent them before it could know. More than three would be more errors than some servers bear with.
    """
    with dial() as smtp:
        greet_for_chunks(smtp)
        if "PIPELINING" not in smtp.capabilities:
            raise not_applicable("the server does not offer PIPELINING")
        _go_to(smtp, "after MAIL")
        smtp.send(b"".join(map(bdat, lines[:-1])) + bdat(lines[-1], last=True))
        replies = [smtp.read_reply() for _ in lines]
        for number, reply in enumerate(replies, 1):
            expect_refused(reply, because=f"there is no recipient for chunk {number}")
        _expect_no_more_replies(smtp, f"{len(lines)} replies to as many chunks, and none to their octets")


@must("rfc3030/2/29")
@given(last=st.booleans())
def check_what_follows_a_chunk_is_a_command(dial: Dial, mailbox: Mailbox, *, last: bool) -> None:
    """Behind the last octet of a chunk commands are read again, in the same segment too, and with no line end before.

    A server that throws away what came in the same segment leaves the client without its reply.
    """
    text = mailbox.compose(mailbox.token(), b"the last line has no line end")
    with dial() as smtp:
        greet_for_chunks(smtp)
        if "PIPELINING" not in smtp.capabilities:
            raise not_applicable("the server does not offer PIPELINING")
        smtp.begin()
        smtp.send(bdat(text, last=last) + b"RSET\r\nNOOP\r\n")
        smtp.read_reply()
        for verb in ("RSET", "NOOP"):
            try:
                reply = smtp.read_reply()
            except SilenceError as error:
                smtp.abandon()
                raise ViolationError(f"a reply to {verb} behind the chunk", error.what) from error
            expect_code(reply, {250}, because=f"{verb} stands behind the chunk")


@must("rfc3030/2/30")
@given(octets=st.binary(max_size=200))
def check_lines_of_any_octets_are_refused(dial: Dial, octets: bytes) -> None:
    """What a chunk has beyond its announced size is refused like any bad command, whatever octets it is of.

    The session goes on, or the server ends it in due form.
    """
    line = b"\xff\x00" + octets.replace(b"\r", b"\xfe").replace(b"\n", b"\x00")
    with dial() as smtp:
        greet_for_chunks(smtp)
        smtp.begin()
        reply = send_chunk(smtp, b"Subject: x\r\n\r\n")
        if not reply.positive:
            raise InconclusiveError(f"the chunk is refused: {reply}")
        answer = ask_octets(smtp, line + b"\r\n")
        if answer is None:
            return
        expect_refused(answer, because="a line that begins with octets 255 and 0 is no command")
        # RFC 3030 §2 leaves open what but RSET is obeyed after a failure among chunks.
        after = ask_octets(smtp, b"RSET\r\n")
        if after is not None:
            expect_code(after, {250}, because="the line before it was one bad command")
