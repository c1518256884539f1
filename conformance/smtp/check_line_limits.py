"""The lengths of commands, their parts, and replies: RFC 5321 §4.5.3.1.

A server may have no limits at all. What is longer than the RFC's sizes may be accepted or refused, but not in part.
"""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect, expect_code
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import ask, ask_octets, mail_alone, replies_until_farewell, usable_sender_domain
from conformance.smtp.session import SmtpSession
from conformance.smtp.strategies_commands import (
    MAX_COMMAND_LINE,
    MAX_DOMAIN,
    MAX_LOCAL_PART,
    MAX_PATH,
    domain_of,
    lengths_up_to,
    local_parts,
    overlong_lines,
)
from conformance.wire.smtp import MAX_REPLY_LINE

SYNTAX_ERRORS = frozenset({500, 501, 502, 504, 553, 555})
"""What a refusal for length or form is answered with; a refusal by policy is 550 or 4yz."""


def _padded(start: str, octets: int, *, filler: str = "x") -> bytes:
    """A command line of so many octets, CRLF included."""
    return (start + filler * (octets - len(start) - 2)).encode() + b"\r\n"


@must("rfc5321/4.5.3.1.4/1", "rfc5321/4.3.2/6", "rfc5321/4.5.3.1/1")
@given(octets=lengths_up_to(MAX_COMMAND_LINE, at_least=64))
def check_takes_command_lines_of_512_octets(dial: Dial, octets: int) -> None:
    """A command line of up to 512 octets, verb and CRLF included, is not refused for its length."""
    with dial() as smtp:
        smtp.greet()
        if not smtp.command("NOOP x").positive:
            raise not_applicable("the server takes no string after NOOP, whatever its length")
        for length in dict.fromkeys((MAX_COMMAND_LINE, MAX_COMMAND_LINE - 1, MAX_COMMAND_LINE - 2, octets)):
            reply = smtp.command(_padded("NOOP ", length)[:-2])
            expect_code(reply, {250}, because=f"a line of {length} octets is not too long")


@must("rfc5321/2.3.8/2", "rfc5321/4.2/1", "rfc5321/4.1.1/1")
@given(octets=overlong_lines())
def check_answers_an_overlong_line_once(dial: Dial, octets: int) -> None:
    """A command line longer than the server takes is still one line: it gets one reply, and no part of it is obeyed.

    A server that goes on reading commands where its buffer ended lets a client's address, or a proxy's, hold commands.
    """
    for length in dict.fromkeys((MAX_COMMAND_LINE + 1, 4 * MAX_COMMAND_LINE + 2, octets)):
        with dial() as smtp:
            smtp.greet()
            # However the line is cut, what follows the cut would get a reply of its own.
            if ask_octets(smtp, _padded("NOOP ", length)) is None:
                continue
            others = replies_until_farewell(smtp)
            expect(not others, f"one reply to a line of {length} octets", f"also {others[0] if others else ''}")


@must("rfc5321/2.4/11")
@given(octets=overlong_lines())
def check_obeys_no_overlong_line_in_part(dial: Dial, octets: int) -> None:
    """The argument of a command runs to its CRLF: nothing is done as if an over-long line ended earlier."""
    for length in dict.fromkeys((MAX_COMMAND_LINE + 1, 2 * MAX_COMMAND_LINE, octets)):
        with dial() as smtp:
            smtp.greet()
            smtp.begin(to=[])
            # White space at the end may be ignored, so that a server which cuts the line sees an ordinary RCPT.
            start = f"RCPT TO:<{smtp.recipient}>"
            ending = "XMAILSPEC=1"
            line = start + " " * max(1, length - 2 - len(start) - len(ending)) + ending
            reply = ask(smtp, line)
            if reply is None:
                continue
            expect(not reply.positive, f"a refusal of a line of {length} octets that ends in {ending}", reply)


def _takes_sender(smtp: SmtpSession, address: str, *, because: str) -> None:
    """The sender is not refused for its form. Others of the same domain were accepted."""
    reply = mail_alone(smtp, sender=address)
    if reply.code in SYNTAX_ERRORS:
        raise ViolationError(f"MAIL FROM:<{address}> to be understood: {because}", str(reply))


@must("rfc5321/4.5.3.1.1/1", "rfc5321/4.5.3.1/1")
@given(local_part=lengths_up_to(MAX_LOCAL_PART).flatmap(local_parts))
def check_takes_local_parts_of_64_octets(dial: Dial, local_part: str) -> None:
    """A local-part of up to 64 octets is not refused for its length."""
    with dial() as smtp:
        smtp.greet()
        domain = usable_sender_domain(smtp)
        for local in ("m" * MAX_LOCAL_PART, "m" * (MAX_LOCAL_PART - 1), local_part):
            _takes_sender(smtp, f"{local}@{domain}", because=f"its local-part has {len(local)} octets")


@must("rfc5321/4.5.3.1.2/1", "rfc5321/4.5.3.1/1")
@given(octets=lengths_up_to(MAX_DOMAIN, at_least=40))
def check_takes_domains_of_full_length(dial: Dial, octets: int) -> None:
    """A domain of full length is not refused for it; EHLO is where such a one fits into a command.

    The 255 octets of §4.5.3.1.2 are 253 as text: RFC 1035 §2.3.4, where the number comes from, counts the octets of
    length and the root too. A longer text is no name that could be resolved, as §2.3.5 asks of a domain, so that a
    server may call it bad syntax.
    """
    with dial() as smtp:
        if not smtp.ehlo().positive:
            raise not_applicable("the server does not accept EHLO")
        for length in dict.fromkeys((MAX_DOMAIN, MAX_DOMAIN - 1, octets)):
            reply = smtp.ehlo(domain_of(length, "client.example"))
            expect(reply.code not in SYNTAX_ERRORS, f"EHLO with a domain of {length} octets to be understood", reply)


@must("rfc5321/4.5.3.1.3/1", "rfc5321/4.5.3.1/1")
@given(octets=lengths_up_to(MAX_PATH, at_least=120), local=st.integers(1, 40))
def check_takes_paths_of_256_octets(dial: Dial, octets: int, local: int) -> None:
    """A path of up to 256 octets, angle brackets included, is not refused for its length."""
    with dial() as smtp:
        smtp.greet()
        parent = usable_sender_domain(smtp)
        short = f"mailspec@{domain_of(len(parent) + 4, parent)}"
        if not mail_alone(smtp, sender=short).positive:
            raise InconclusiveError(f"senders in domains below {parent} are refused")
        for length in dict.fromkeys((MAX_PATH, MAX_PATH - 1, octets)):
            domain = domain_of(length - local - 3, parent)
            _takes_sender(smtp, f"{'m' * local}@{domain}", because=f"the path has {length} octets")


@should("rfc5321/4.5.3.1/2", "rfc5321/4.5.3.1.5/1")
@given(octets=st.sampled_from([MAX_COMMAND_LINE, MAX_COMMAND_LINE - 8, 400, 460, 490]))
def check_replies_in_lines_of_512_octets(dial: Dial, octets: int) -> None:
    """No reply line has more than 512 octets, however much of a long command it repeats.

    What §4.5.3.1 demands is that a receiver takes objects of its sizes. Whoever makes larger ones SHOULD not.
    """
    with dial() as smtp:
        smtp.greet()
        longest = "m" * MAX_LOCAL_PART + "@" + domain_of(MAX_PATH - MAX_LOCAL_PART - 3, "client.example")
        lines = [
            _padded("VRFY ", octets),
            _padded("EXPN ", octets),
            _padded("HELP ", octets),
            _padded("X", octets),
            _padded("EHLO ", octets),
            f"EHLO {domain_of(MAX_DOMAIN, 'client.example')}\r\n".encode(),
            f"RCPT TO:<{longest}>\r\n".encode(),
            f"MAIL FROM:<{longest}>\r\n".encode(),
            f"RCPT TO:<{longest}>\r\n".encode(),
            b"RSET\r\n",
            _padded("MAIL FROM:<> XMAILSPEC=", octets),
        ]
        for line in lines:
            reply = ask_octets(smtp, line)
            if reply is None:
                return
            longest_line = max(len(text) for text in reply.raw.splitlines(keepends=True))
            if longest_line > MAX_REPLY_LINE:
                shown = line[:60].decode()
                raise ViolationError(f"lines of at most 512 octets in reply to {shown}…", f"one of {longest_line}")
