"""Tags, completion and the syntax of commands: RFC 3501 §2.2, §5.5, §9."""

from __future__ import annotations

from conformance.checks import given, must, should
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import ImapDial as Dial
from conformance.imap.expectations import expect_bad, expect_done, hear
from conformance.imap.session import ImapSession
from conformance.imap.strategies_tags import (
    bracketed_tags,
    command_names,
    foreign_octets,
    miscounted_commands,
    misspaced_commands,
    pipelines,
    unknown_commands,
)


@must("rfc3501/2.2.2/3", "rfc3501/7/2")
@given(tags=pipelines())
def check_repeats_every_tag_exactly(dial: Dial, tags: list[bytes]) -> None:
    """The completion of a command has the command's own tag, octet for octet, whatever legal tag that is.

    A tag may hold nearly every printable character, and the case of its letters counts: clients that keep several
    commands in flight tell the answers apart by nothing else.
    """
    with dial() as imap:
        for tag in tags:
            _expect_answered(imap, tag)


@must("rfc3501/9/3")
@given(tag=bracketed_tags(), at_most=6)
def check_takes_a_closing_bracket_in_a_tag(dial: Dial, tag: bytes) -> None:
    """A tag may hold a closing square bracket, though an atom may not.

    The grammar makes tags of ASTRING-CHAR, of which the bracket is one; a server that reads tags as atoms refuses it.
    """
    with dial() as imap:
        _expect_answered(imap, tag)


def _expect_answered(imap: ImapSession, tag: bytes) -> None:
    """A NOOP with this tag is completed with OK under it."""
    heard = hear(imap, tag + b" NOOP\r\n")
    answers = [response for response in heard.responses if response.tag != b"*"]
    if [response.tag for response in answers] != [tag] or not answers[0].ok:
        raise ViolationError(f"OK with the tag {tag!r} to a NOOP with that tag", str(heard))


@must("rfc3501/2.2/1")
@given(tags=pipelines())
def check_completes_each_of_several_commands_in_flight_once(dial: Dial, tags: list[bytes]) -> None:
    """Commands sent together, none of which depends on another, are each completed exactly once.

    A server may work them off in any order, but may not lose one that came in the same segment as another.
    """
    with dial() as imap:
        commands = (b"NOOP", b"CAPABILITY")
        octets = b"".join(tag + b" " + commands[at % 2] + b"\r\n" for at, tag in enumerate(tags))
        heard = hear(imap, octets)
        for tag in tags:
            answers = heard.tagged(tag)
            if len(answers) != 1 or not answers[0].ok:
                raise ViolationError(f"one completion, OK, of each of the commands {tags}", f"for {tag!r}: {heard}")


@must("rfc3501/9/5", "rfc3501/9/4")
@given(line=command_names())
def check_knows_commands_in_capitals_and_small_letters(dial: Dial, line: str) -> None:
    """The case of the letters of a command's name does not count."""
    with dial() as imap:
        imap.log_in()
        expect_done(imap.command(line), because=f"{line} is a command, whatever the case of its letters")


@must("rfc3501/2.2.2/4")
@given(line=unknown_commands())
def check_answers_an_unknown_command_bad(dial: Dial, line: bytes) -> None:
    """A command that the server does not know is completed with BAD, which says just that.

    It is asked after log-in: before it a server may answer all that it does not care to read with NO (§3).
    """
    with dial() as imap:
        imap.log_in()
        expect_bad(imap.command(line), because="there is no such command")


@should("rfc3501/2.2.2/6", "rfc3501/9/6", "rfc3501/9/7")
@given(line=misspaced_commands())
def check_answers_a_stray_space_bad(dial: Dial, line: bytes) -> None:
    """A space too many, or a TAB for a space, is a syntax error and is answered BAD.

    Clients written against a lenient server fail with the next one.
    """
    with dial() as imap:
        imap.log_in()
        heard = hear(imap, imap.next_tag() + b" " + line + b"\r\n")
        expect(
            any(response.name == b"BAD" for response in heard.responses) or heard.said_bye,
            f"BAD to {line!r}, in which a space is wrong",
            heard,
        )


@should("rfc3501/2.2.2/6")
@given(line=miscounted_commands())
def check_answers_a_missing_or_surplus_argument_bad(dial: Dial, line: bytes) -> None:
    """A command with an argument missing, left over or broken is a syntax error and is answered BAD."""
    with dial() as imap:
        imap.log_in()
        expect_bad(imap.command(line), because=f"{line!r} has not the arguments that the syntax asks for")


@should("rfc3501/2.2.2/5", "rfc3501/9/8", "rfc3501/9/3")
@given(line=foreign_octets())
def check_does_nothing_for_a_command_with_a_foreign_octet(dial: Dial, line: bytes) -> None:
    """NUL, DEL and 8-bit octets belong in no command outside a literal, and such a command is not carried out.

    BAD is the answer meant; NO, or the end of the session, shows as well that the command was not taken.
    """
    with dial() as imap:
        imap.log_in()
        heard = hear(imap, imap.next_tag() + b" " + line + b"\r\n")
        expect(heard.refusals or heard.said_bye, f"BAD to {line!r}", heard)


@should("rfc3501/2.2.2/5", "rfc3501/2.2/2", "rfc3501/2.2/3")
def check_ends_no_command_at_a_lone_cr_or_lf(dial: Dial) -> None:
    """Only CRLF ends a line, so that what stands after a lone CR or LF is never run as a command of its own.

    Whatever stands between a client and a server and splits lines otherwise than the server does can be made to let
    commands through that it never saw: the same weakness that is called smuggling in SMTP.
    """
    with dial() as imap:
        for end in (b"\n", b"\r", b"\n\n", b"\r\r", b"\n\r"):
            first, second = imap.next_tag(), imap.next_tag()
            heard = hear(imap, first + b" NOOP" + end + second + b" NOOP\r\n")
            if heard.tagged(second):
                raise ViolationError(f"nothing of a command after {end!r}, which ends no line", str(heard))
            if heard.closed:
                return


@must("rfc3501/2.2.2/4", "rfc3501/2.2/1")
def check_answers_a_very_long_line_once(dial: Dial) -> None:
    """A line of 64 KiB and more is answered once, or the session ends with BYE; it never turns into two commands.

    The RFC names no limit, so that a server sets its own; but what lies behind it is still the same line. Servers that
    kept all open parentheses of a line in memory fell to this (CVE-2026-27857).
    """
    with dial() as imap:
        for middle in (b"x" * 66_000, b"(" * 10_000, b" A9999 NOOP" * 6_100):
            tag = imap.next_tag()
            heard = hear(imap, tag + b" NOOP " + middle + b"\r\n")
            answers = [response for response in heard.responses if response.tag != b"*" or response.name == b"BAD"]
            expect(
                len(answers) == 1 or (heard.said_bye and not answers),
                f"one answer to a line of {len(middle)} octets, or the end of the session",
                heard,
            )
            if heard.closed:
                return
