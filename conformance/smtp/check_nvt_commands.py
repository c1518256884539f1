"""Octets of command lines: what ends them and what may stand in them (RFC 5321 §2.3.8, §2.4, §4.1.2, RFC 854)."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.checks import cuts_itself, given, must, should
from conformance.errors import ViolationError
from conformance.expectations import expect_code, expect_refused
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.apart import send_apart
from conformance.smtp.session import SmtpSession
from conformance.wire.errors import ClosedError
from conformance.wire.smtp import Reply

PAIRS = (
    (b"NOOP", b"NOOP"),
    (b"NOOP", b"RSET"),
    (b"RSET", b"MAIL FROM:<>"),
    (b"NOOP", b"EHLO client.example"),
    (b"EHLO client.example", b"NOOP"),
    (b"VRFY postmaster", b"NOOP"),
)
"""Two commands each, every one of which has a reply of its own wherever it is obeyed."""

OTHER_SEPARATORS = (b"\x00", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8")
"""What separates lines, or strings, in programming languages: none of it does in SMTP."""

CONTROLS = (b"\x00", b"\x01", b"\x07", b"\x08", b"\x0b", b"\x1b", b"\x7f")
"""Control characters that no mailbox in a command may have (RFC 5321 §4.1.2); CR and LF have checks of their own."""


def pairs(separator: bytes) -> SearchStrategy[bytes]:
    """Lines, without their CRLF, that are two commands to a server that takes the separator for the end of a line."""
    return st.sampled_from(PAIRS).map(separator.join)


def expect_one_reply(smtp: SmtpSession, line: bytes) -> Reply | None:
    """Send a line; its only reply, or None where the server hung up instead.

    Raises:
        ViolationError: what QUIT got next was not QUIT's: the line was taken for more than one command.
    """
    try:
        reply = smtp.command(line)
        smtp.send(b"QUIT\r\n")
        answer = smtp.read_reply(allow_421=True)
    except ClosedError:
        # Whether it may hang up on such a line is another rule's business (§4.1.1.10).
        return None
    finally:
        smtp.abandon()
    if answer.code not in (221, 421):
        raise ViolationError(
            f"one reply to the one line {line!r}, and then 221 to QUIT",
            f"{reply}; to QUIT, before its own reply: {answer}",
        )
    return reply


@must("rfc5321/2.3.8/2", "rfc5321/2.4/11", "rfc5321/4.1.1/1")
@given(line=pairs(b"\n"))
def check_does_not_end_a_command_at_lf(dial: Dial, line: bytes) -> None:
    """A bare LF does not end a command: the line is one command, whatever becomes of it.

    Most servers are lenient here for the sake of people with telnet. The price is that any client or proxy that can be
    made to carry a bare LF inside an address or a name carries commands of the attacker's choice.
    """
    with dial() as smtp:
        smtp.greet()
        expect_one_reply(smtp, line)


@must("rfc5321/2.3.8/2", "rfc5321/2.4/11", "rfc5321/4.1.1/1")
@given(line=pairs(b"\r"))
def check_does_not_end_a_command_at_cr(dial: Dial, line: bytes) -> None:
    """A bare CR does not end a command."""
    with dial() as smtp:
        smtp.greet()
        expect_one_reply(smtp, line)


@must("rfc5321/2.3.8/2", "rfc5321/2.4/11", "rfc854/3.4/3")
@given(pair=st.sampled_from(PAIRS), at_most=3)
def check_does_not_end_a_command_at_other_octets(dial: Dial, pair: tuple[bytes, bytes]) -> None:
    """Neither NUL nor vertical tab nor any other line end known elsewhere ends a command."""
    for separator in OTHER_SEPARATORS:
        with dial() as smtp:
            smtp.greet()
            expect_one_reply(smtp, separator.join(pair))


@must("rfc5321/2.4/12", "rfc5321/4.1.1/1", "rfc854/3.4/4")
@cuts_itself
def check_waits_for_crlf(dial: Dial) -> None:
    """A command that comes in pieces, its CR and LF apart, is one command, and is answered once it is whole.

    A server that acts on the CR finds an empty command in the LF that follows, and from then on each reply answers the
    command before.
    """
    with dial() as smtp:
        smtp.greet()
        send_apart(smtp, b"N", b"OOP", b"\r", b"\n")
        expect_code(smtp.read_reply(), {250}, because="NOOP came in four pieces")
        if "PIPELINING" in smtp.capabilities:
            # The reply to the first NOOP says that the server has read the piece of the second.
            smtp.send_segment(b"NOOP\r\nNOOP\r")
            expect_code(smtp.read_reply(), {250}, because="the first NOOP came whole")
            smtp.send_segment(b"\n")
        else:
            send_apart(smtp, b"NOOP\r", b"\n")
        expect_code(smtp.read_reply(), {250}, because="NOOP came in two pieces")
        smtp.send(b"QUIT\r\n")
        expect_code(smtp.read_reply(allow_421=True), {221, 421}, because="QUIT is the next and only other command")
        smtp.abandon()


@must("rfc5321/4.1.2/33")
def check_refuses_control_characters_in_a_path(dial: Dial) -> None:
    """MAIL with a control character in or behind its path is refused; 501 is the code meant.

    What stops at NUL sees a good address where a log, a filter or the next hop sees another one.
    """
    for control in CONTROLS:
        for line in (b"MAIL FROM:<sen%sder@client.example>", b"MAIL FROM:<sender@client.example>%sx"):
            with dial() as smtp:
                smtp.greet()
                reply = expect_one_reply(smtp, line % control)
            if reply is not None:
                expect_refused(reply, because=f"{control!r} has no place in a command with a mailbox")


@should("rfc5321/2.4/20")
@given(
    octets=st.one_of(
        st.sampled_from((b"\xe4", b"\xff", b"\x80", b"\xc3\xa4", b"\xe2\x82\xac")),
        st.lists(st.integers(0x80, 0xFF), min_size=1, max_size=8).map(bytes),
    ),
    in_domain=st.booleans(),
)
def check_refuses_eight_bit_paths(dial: Dial, octets: bytes, *, in_domain: bool) -> None:
    """MAIL and RCPT with octets beyond ASCII are refused unless SMTPUTF8 was asked for.

    Two programs that see different characters in the same octets see different mailboxes. A server that lists SMTPUTF8
    is judged as well: that extension lets such addresses in only where MAIL names it (RFC 6531 §3.4).
    """
    path = b"<user@d%s.example>" % octets if in_domain else b"<us%ser@client.example>" % octets
    with dial() as smtp:
        smtp.greet()
        expect_refused(smtp.command(b"MAIL FROM:" + path), because="the path has octets beyond ASCII")
        smtp.rset()
        reply = smtp.mail(smtp.setting.sender)
        if reply.positive:
            expect_refused(smtp.command(b"RCPT TO:" + path), because="the path has octets beyond ASCII")
