"""The form of commands: RFC 1939 §3, RFC 2449 §3, §4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.fixtures import Pop3Dial as Dial
from conformance.pop3.listings import expect_each_refused, expect_one_answer
from conformance.pop3.session import Pop3Session
from conformance.pop3.strategies import in_any_case, unknown_commands
from conformance.session import setting_up
from conformance.wire.errors import ClosedError

# Arguments that are missing, are no number, or are no number of lines.
_MALFORMED = (
    b"RETR",
    b"RETR ",
    b"DELE",
    b"TOP",
    b"TOP 1",
    b"RETR x",
    b"RETR 1x",
    b"RETR -1",
    b"RETR 0x1",
    b"RETR 1.0",
    b"RETR 1,2",
    b"RETR *",
    b"DELE 1x",
    b"DELE -1",
    b"DELE 1.",
    b"LIST x",
    b"LIST -1",
    b"TOP x 1",
    b"TOP 1 x",
    b"TOP 1 -1",
    b"UIDL x",
    b"UIDL -1",
)
# The first and the last octets that are no printable ASCII, and some that C and C++ take for blanks.
_UNPRINTABLE = (b"\x00", b"\x01", b"\x07", b"\t", b"\x0b", b"\x1b", b"\x7f", b"\x80", b"\xa0", b"\xff")


@must("rfc1939/3/4", "rfc5034/5/1")
@given(at_most=10, word=st.sampled_from(("STAT", "LIST", "NOOP", "RSET", "RETR", "DELE")).flatmap(in_any_case))
def check_keywords_are_known_in_any_case(maildrop: Maildrop, word: str) -> None:
    """A keyword means the same in upper, lower and mixed case."""
    maildrop.fill([b"one\r\n"])
    with maildrop.opened() as pop3:
        line = f"{word} 1" if word.upper() in ("RETR", "DELE") else word
        response = pop3.command(line, multi_line=word.upper() in ("LIST", "RETR"))
        expect(response.ok, f"+OK to {line}", response)
        pop3.rset()


@must("rfc1939/3/28")
@given(command=unknown_commands(), logged_in=st.booleans())
def check_unknown_ones_are_refused(dial: Dial, maildrop: Maildrop, command: bytes, *, logged_in: bool) -> None:
    """A command that nobody knows is answered -ERR, before the log-in and after it."""
    with maildrop.opened() if logged_in else dial() as pop3:
        response = pop3.command(command)
        expect(not response.ok, f"-ERR to {command!r}", response)


@must("rfc1939/3/28", "rfc1939/5/24", "rfc1939/5/29", "rfc1939/7/3")
def check_malformed_arguments_are_refused(maildrop: Maildrop) -> None:
    """A command whose argument is missing or is no number is answered -ERR, and does nothing.

    A server that reads as far as there are digits deletes message 1 for `DELE 1x`.
    """
    maildrop.fill([b"one\r\n", b"two\r\n"])
    expect_each_refused(maildrop.opened, _MALFORMED, because="its argument is missing or malformed")


@must("rfc1939/7/24", "rfc1939/7/31", "rfc1939/7/37", "rfc1939/3/28")
def check_log_ins_without_arguments_are_refused(dial: Dial) -> None:
    """USER without a name, PASS without a password and APOP without a digest are answered -ERR."""

    @contextmanager
    def ready() -> Iterator[Pop3Session]:
        # Where TLS is demanded everything would be refused without it.
        with dial() as pop3:
            pop3.make_ready()
            yield pop3

    expect_each_refused(ready, (b"USER", b"APOP", b"APOP somebody"), because="its argument is missing")
    with dial() as pop3:
        pop3.make_ready()
        if pop3.user(pop3.account.name).ok:
            response = pop3.command("PASS")
            expect(not response.ok, "-ERR to PASS without a password", response)


@must("rfc1939/5/4", "rfc1939/5/35", "rfc1939/5/38", "rfc1939/3/28")
def check_surplus_arguments_are_refused(maildrop: Maildrop) -> None:
    """STAT, NOOP and RSET take no argument: with one they are malformed and answered -ERR."""
    maildrop.fill([b"one\r\n"])
    expect_each_refused(maildrop.opened, (b"STAT 1", b"NOOP 1", b"RSET 1"), because="it takes no argument")


@must("rfc1939/3/6", "rfc1939/3/28")
@given(at_most=10, octet=st.sampled_from(_UNPRINTABLE))
def check_with_unprintable_octets_are_refused(maildrop: Maildrop, octet: bytes) -> None:
    """A command with an octet other than printable ASCII is answered -ERR, once, wherever the octet stands.

    Where a proxy in front reads such an octet otherwise than the server, commands can be smuggled past it.
    """
    maildrop.fill([b"one\r\n"])
    with maildrop.opened() as pop3:
        for command in (b"NO%bOP", b"NOOP%b", b"%bNOOP", b"RETR%b1", b"RETR 1%b", b"RETR %b1"):
            line = command.replace(b"%b", octet)
            try:
                response = pop3.command(line)
                expect(not response.ok, f"-ERR to {line!r}", response)
                expect_one_answer(pop3, to=repr(line))
            except ClosedError:
                # After the first refusal a server may have had enough of such a client.
                if command == b"NO%bOP":
                    raise
                return


@must("rfc1939/3/5")
@given(at_most=8, ending=st.sampled_from((b"\n", b"\r", b"\n\r", b"\r\r", b"\x00\n", b"\x0b", b"\x85")))
def check_end_with_crlf_and_nothing_else(maildrop: Maildrop, ending: bytes) -> None:
    """Only CRLF ends a command: what a bare CR or LF parts is still one command, and gets one answer.

    A server that sees two commands where a proxy or filter before it sees one can be made to run what was filtered.
    """
    maildrop.fill([b"one\r\n"])
    with maildrop.opened() as pop3:
        line = b"NOOP" + ending + b"NOOP"
        try:
            pop3.command(line)
            expect_one_answer(pop3, to=repr(line))
        except ClosedError:
            return  # refusing such a client altogether runs nothing twice


@must("rfc2449/4/2", "rfc2449/4/1", "rfc2449/3/1", "rfc1939/3/9")
@given(at_most=10, octets=st.sampled_from((47, 48, 128, 200, 254, 255)))
def check_of_255_octets_are_taken_whole(dial: Dial, maildrop: Maildrop, octets: int) -> None:
    """A server with CAPA takes a command of 255 octets, CRLF included, as one command."""
    if not dial.facts.capabilities and not dial.facts.capabilities_under_tls:
        raise not_applicable("the server has no CAPA, which the longer limit comes with")
    with maildrop.opened() as pop3:
        # Words of four letters, so that whatever is cut off looks like a command.
        line = (b"ZJXX" + b" NOOP" * 60)[: octets - 2]
        response = pop3.command(line)
        expect(not response.ok, "-ERR to an unknown command", response)
        expect_one_answer(pop3, to=f"a command of {octets} octets")


@must("rfc1939/3/3", "rfc1939/5/3")
@given(at_most=10, octets=st.sampled_from((256, 257, 512, 513, 1024, 1025, 4097, 8193, 65537, 200_001)))
def check_too_long_are_never_run_in_parts(maildrop: Maildrop, octets: int) -> None:
    """A command of any length gets one answer or the end of the connection; no part of it is run by itself."""
    with maildrop.opened() as pop3:
        line = (b"ZJXX" + b" NOOP" * (octets // 5 + 1))[: octets - 2]
        try:
            with setting_up("NOOP"):
                pop3.noop()
            response = pop3.command(line)
            expect(not response.ok, "-ERR to an unknown command", response)
            expect_one_answer(pop3, to=f"a command of {octets} octets")
        except ClosedError:
            return
