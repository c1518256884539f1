"""Literals: RFC 3501 §4.3, §2.2.1, §7.5; RFC 7888."""

from __future__ import annotations

import re

from conformance.checks import given, must, should
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.fixtures import ImapDial as Dial
from conformance.imap.answers import expect_alone, expect_ok, fetched_one, need, set_up, shown, string
from conformance.imap.session import Answer, ImapSession, quoted
from conformance.imap.strategies_messages import plain, trapped_octets
from conformance.wire.errors import ClosedError

NONSYNC = ("LITERAL+", "LITERAL-")
MOST_NONSYNC = 4096
"""Octets of a non-synchronizing literal that LITERAL- lets a client send (RFC 7888 §5)."""

Parts = tuple[bytes, ...]
"""A command in pieces: text, string, text, string, …"""


def _commands(folder: Folder) -> tuple[Parts, ...]:
    """Commands that take strings, and that change nothing."""
    name = folder.name.encode()
    return (
        (b"STATUS ", name, b" (MESSAGES)"),
        (b'LIST "" ', name),
        (b"SEARCH SUBJECT ", b"plain"),
        (b"SEARCH HEADER ", b"subject", b" ", b"nowhere in it"),
        (b"SEARCH NOT FROM ", b"nobody", b" SUBJECT ", b"PLAIN"),
        (b"EXAMINE ", name),
    )


def _as_quoted(parts: Parts) -> bytes:
    return b"".join(quoted(part) if index % 2 else part for index, part in enumerate(parts))


def _as_nonsync(parts: Parts) -> bytes:
    return b"".join(b"{%d+}\r\n%b" % (len(part), part) if index % 2 else part for index, part in enumerate(parts))


def _told(answer: Answer) -> tuple[object, ...]:
    """What a command brought, as far as the way its strings were written cannot change it."""
    data = sorted((r.name, repr(r.values)) for name in ("STATUS", "LIST", "SEARCH") for r in answer.named(name))
    return answer.tagged.name, data


def _expect_same(told: Answer, expected: Answer, parts: Parts) -> None:
    expect(_told(told) == _told(expected), f"what {_as_quoted(parts)!r} brings: {expected}", told)


@must("rfc3501/4.3/1", "rfc3501/9/36")
@given(octets=trapped_octets())
def check_takes_every_octet_of_a_literal_as_data(folder: Folder, octets: bytes) -> None:
    """A literal ends after as many octets as were announced; line ends in it end nothing.

    A server that looks for a line end in a literal runs what follows it, the text of somebody's message, as commands.
    """
    with folder.opened() as imap:
        expect_alone(imap, imap.command_with_literals(b"SEARCH SUBJECT ", octets))


@must("rfc3501/7.5/4", "rfc3501/2.2.1/5")
def check_takes_literals_wherever_a_string_may_stand(folder: Folder, dial: Dial) -> None:
    """A string as a literal does what it does as a quoted string, in every command."""
    with folder.opened([plain(), plain(subject=b"other")]) as imap:
        for parts in _commands(folder):
            expected = imap.command(_as_quoted(parts))
            told = imap.command_with_literals(*parts)
            _expect_same(told, expected, parts)
        expect_alone(imap)
    account = dial.accounts[0]
    with folder.log_in() as imap:
        secured = imap.secured
    with dial() as imap:
        if secured:
            imap.start_tls()
        if imap.command(b"LOGIN " + quoted(account.name) + b" " + quoted(account.password)).ok:
            imap.drop()
            with dial() as again:
                if secured:
                    again.start_tls()
                name, password = account.name.encode(), account.password.encode()
                answer = again.command_with_literals(b"LOGIN ", name, b" ", password)
                expect(answer.ok, "LOGIN to take literals as it takes quoted strings", answer.tagged)


@must("rfc3501/4.3/5")
def check_takes_a_literal_of_no_octets_as_the_empty_string(folder: Folder) -> None:
    """`{0}` is the empty string, as `""` is."""
    with folder.opened([plain()]) as imap:
        for parts in ((b"LIST ", b"", b" ", b""), (b"SEARCH SUBJECT ", b""), (b"SEARCH HEADER ", b"To", b" ", b"")):
            _expect_same(imap.command_with_literals(*parts), imap.command(_as_quoted(parts)), parts)
        expect_alone(imap)


def _refusable(folder: Folder) -> tuple[bytes, ...]:
    """Beginnings of commands that cannot succeed, whatever the literal after them."""
    return (
        b"XYZZY ",
        b"LOGIN ",
        b"FETCH 1 ",
        b"APPEND " + quoted(folder.name + "-missing") + b" ",
        b"SEARCH XYZZY ",
        b"COPY 1 ",
    )


RUNNABLE = b"A9 NOOP\r\nA8 CREATE x\r\nA9 NOOP\r\n"


@must("rfc3501/2.2.1/7", "rfc3501/7.5/6")
def check_takes_the_next_line_as_a_command_once_a_literal_was_refused(folder: Folder) -> None:
    """A command refused in place of `+` is over: its literal is neither awaited nor run.

    Whoever is told NO or BAD does not send the octets. A server that waits for them all the same takes the next
    commands for them.
    """
    with folder.opened([plain()]) as imap:
        for start in _refusable(folder):
            answer = imap.command_with_literals(start, RUNNABLE)
            expect_alone(imap, answer)


def _send_nonsync(imap: ImapSession, octets: bytes) -> Answer:
    """A command with non-synchronizing literals in it; there must be no continuation request in the answer."""
    answer = imap.command(octets)
    asked = [response for response in answer.untagged if response.tag == b"+"]
    expect(not asked, "no continuation request for a literal that is not waited for", f"{asked[:1] and asked[0]}")
    return answer


@must("rfc7888/3/2", "rfc7888/3/9")
def check_takes_non_synchronizing_literals(folder: Folder) -> None:
    """A server that lists LITERAL+ or LITERAL- takes `{n+}` wherever a string may stand, and asks for nothing."""
    with folder.opened([plain(), plain(subject=b"other")]) as imap:
        need(imap, *NONSYNC)
        for parts in _commands(folder):
            expected = imap.command(_as_quoted(parts))
            _expect_same(imap.command(_as_nonsync(parts)), expected, parts)
        expect_alone(imap)


@must("rfc7888/3/5")
def check_asks_for_no_literal_that_is_not_waited_for(folder: Folder) -> None:
    """No continuation request answers a non-synchronizing literal.

    A client that sees `+` takes it for the answer to something else, and is out of step from there on.
    """
    with folder.opened([plain()]) as imap:
        need(imap, *NONSYNC)
        for parts in _commands(folder):
            _send_nonsync(imap, _as_nonsync(parts))


@must("rfc7888/3/7", "rfc7888/3/6")
@given(octets=trapped_octets())
def check_takes_the_octets_of_a_refused_non_synchronizing_literal_with_its_command(
    folder: Folder, octets: bytes
) -> None:
    """The octets after `{n+}` belong to their command, whether it is refused or not.

    They have been sent already. A server that refuses the line and reads on runs the text of a message as commands:
    that is how mail comes to delete mail.
    """
    with folder.opened([plain()]) as imap:
        need(imap, *NONSYNC)
        for start in _refusable(folder):
            try:
                answer = imap.command(start + b"{%d+}\r\n%b" % (len(octets), octets))
            except ClosedError:
                # Whoever hangs up runs nothing; after errors a server may (RFC 3501 §3.4).
                imap.abandon()
                return
            # Whether the literal is asked for is not the question here.
            unasked = tuple(response for response in answer.untagged if response.tag != b"+")
            expect_alone(imap, Answer(unasked, answer.tagged))


@must("rfc7888/4/1")
def check_reads_a_literal_too_big_for_it_to_the_end(folder: Folder) -> None:
    """A non-synchronizing literal too big to take is read and its command refused, or the server says BYE."""
    with folder.opened() as imap:
        need(imap, *NONSYNC)
    for octets in (MOST_NONSYNC, MOST_NONSYNC + 1, 65_537, 2_000_000):
        data = (b"A9 NOOP\r\n" * (octets // 9 + 1))[:octets]
        with folder.log_in() as imap:
            imap.send(imap_line := imap.next_tag() + b" EXAMINE {%d+}\r\n%b\r\n" % (octets, data))
            try:
                imap.read_answer(imap_line.partition(b" ")[0])
                expect_alone(imap)
            except ClosedError:
                # BYE and the end; the BYE may be lost with the connection, which still holds octets of ours.
                imap.abandon()


MALFORMED = (b"{-1}", b"{x}", b"{}", b"{ 1}", b"{1 }", b"{1.5}", b"{+}", b"{1++}", b"{0x1}")


def _expect_bad(imap: ImapSession, announced: bytes) -> None:
    tag = imap.next_tag()
    imap.send(tag + b" SEARCH SUBJECT " + announced + b"\r\n")
    answer = imap.read_continuation(tag)
    if not isinstance(answer, Answer):
        imap.abandon()
        raise ViolationError(f"BAD: {announced!r} announces no literal", str(answer))
    expect(answer.tagged.name == b"BAD", f"BAD: {announced!r} announces no literal", answer.tagged)
    expect_alone(imap, answer)


@should("rfc3501/2.2.2/6", "rfc3501/2.2/1")
def check_answers_bad_where_a_line_ends_in_no_literal(folder: Folder) -> None:
    """Braces at the end of a line that hold no count are a syntax error, answered at once with one BAD."""
    left = list(MALFORMED)
    with folder.opened() as imap:
        while left:
            try:
                _expect_bad(imap, left[0])
            except ClosedError:
                if len(left) == len(MALFORMED):
                    raise
                # After a few errors a server may have had enough of such a client, and goes on with another.
                imap.abandon()
                break
            del left[0]
    for announced in left:
        with folder.opened_again() as imap:
            _expect_bad(imap, announced)


@should("rfc3501/2.2.2/6", "rfc3501/9/46")
def check_answers_bad_to_a_count_beyond_32_bits(folder: Folder) -> None:
    """A literal of 2 to the 32nd octets or more cannot be announced: the count has 32 bits.

    With IMAP4rev2 it has 63 (RFC 9051 §9), and a server that has both reads all counts alike.
    """
    with folder.log_in() as imap:
        bits = 63 if "IMAP4REV2" in imap.capabilities() else 32
    beyond = [count for count in (2**32, 99_999_999_999, 2**63, 2**64 + 1, 10**60 - 1) if count >= 2**bits]
    for announced in (b"{%d}" % count for count in beyond):
        with folder.log_in() as imap:
            set_up(imap, b"EXAMINE " + quoted(folder.name))
            try:
                _expect_bad(imap, announced)
            except ClosedError:
                # Nobody need go on with a client that announces such things (RFC 3501 §7.1.5).
                imap.abandon()


UMLAUTS = "Grüße aus Köln: ".encode() * 5 + b"\r\n"


@must("rfc3501/9/36", "rfc3501/4.3/2")
def check_announces_octets_and_not_characters(folder: Folder) -> None:
    """The number in a literal from the server is its count of octets, 8-bit ones too.

    Counting characters cuts every message short in which letters take two octets.
    """
    encoded = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    message = encoded + plain(UMLAUTS)
    with folder.log_in() as imap:
        if not imap.command_with_literals(b"APPEND " + quoted(folder.name) + b" ", message).ok:
            raise not_applicable("8-bit text is refused")
    with folder.opened_again() as imap:
        items = fetched_one(imap, "BODY.PEEK[] UID")
        expect("UID" in items, "the next data item right after the literal", shown(dict(items)))
        octets = string(items, "BODY[]")
        expect(octets.endswith(b"\r\n"), "the message up to its last octet", shown(octets[-60:]))
        expect_alone(imap)


@must("rfc7888/3/1")
def check_sends_literals_without_a_plus(folder: Folder) -> None:
    """Literals from the server have no plus sign: that is for the client to use."""
    with folder.opened([plain()]) as imap:
        for item in ("BODY.PEEK[]", "RFC822.HEADER", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "RFC822.TEXT"):
            for response in expect_ok(imap.command(f"FETCH 1 {item}"), f"FETCH {item}").named("FETCH"):
                # What looks like a client's literal is none to the reader, so that the line ends there.
                line = response.raw.partition(b"\n")[0]
                marked = re.search(rb"\{[0-9]+[+-]\}\r?\Z", line)
                expect(not marked, "a literal's count in braces and nothing else", shown(line))
