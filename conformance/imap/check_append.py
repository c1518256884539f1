"""APPEND: RFC 3501 §6.3.11; APPENDUID: RFC 4315 §3."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Folder
from conformance.imap.answers import (
    SYSTEM_FLAGS,
    exists,
    expect_ok,
    fetched,
    fetched_one,
    internal_date,
    need,
    permanent_flags,
    shown,
    string,
    system_flags,
)
from conformance.imap.session import ImapSession, quoted
from conformance.imap.strategies_messages import Written, messages, plain, tempting_bodies
from conformance.wire.errors import ClosedError, SilenceError

SPELLINGS = {flag: "\\" + flag[1:].capitalize() for flag in SYSTEM_FLAGS}


def _count(folder: Folder) -> int:
    """How many messages a new session finds in the folder."""
    with folder.log_in() as imap:
        return exists(imap.select(folder.name, examine=True)) or 0


@must("rfc3501/6.3.11/3")
@given(written=st.lists(messages(tempting_bodies()), min_size=1, max_size=2))
def check_keeps_every_octet_of_the_message(folder: Folder, written: Sequence[Written]) -> None:
    """The literal becomes the last message of the mailbox, octet for octet.

    Lines that begin with `From `, with periods or with nothing but white space, and a last line without an end, have
    all been changed by one store or another, and with them every signature over the message.
    """
    with folder.opened([each.octets for each in written]) as imap:
        found = fetched(imap, "1:*", "BODY.PEEK[]")
        for number, message in enumerate(written, 1):
            got = string(found.get(number, {}), "BODY[]")
            assert_same_octets(got, message.octets, what=f"octets of message {number}")


EIGHT_BIT = "Grüße — наше слово — 你好\r\n".encode() + bytes(range(0xA0, 0x100)) + b"\r\n"
EIGHT_BIT_FIELDS = (
    b"MIME-Version: 1.0\r\n",
    b"Content-Type: text/plain; charset=iso-8859-1\r\n",
    b"Content-Transfer-Encoding: 8bit\r\n",
)


def _decoded(octets: bytes) -> bytes:
    header, _, body = octets.partition(b"\r\n\r\n")
    if b"quoted-printable" in header.lower():
        return quopri.decodestring(body)
    return base64.b64decode(body) if b"base64" in header.lower() else body


@must("rfc3501/6.3.11/5", "rfc3501/6.3.11/6")
def check_takes_8_bit_text(folder: Folder) -> None:
    """Text with 8-bit characters is taken, and kept as it is or in a transfer encoding that can be undone."""
    message = b"".join(EIGHT_BIT_FIELDS) + plain(EIGHT_BIT)
    with folder.opened() as imap:
        answer = imap.command_with_literals(b"APPEND " + quoted(folder.name) + b" ", message)
        expect(answer.ok, "OK: 8-bit characters are permitted in a message", answer.tagged)
        imap.select(folder.name)
        got = string(fetched_one(imap, "BODY.PEEK[]"), "BODY[]")
        assert_same_octets(_decoded(got), EIGHT_BIT, what="octets of body")


@should("rfc3501/6.3.11/9")
@given(flags=st.lists(st.sampled_from(sorted(SYSTEM_FLAGS)), unique=True, max_size=5))
def check_sets_the_flags_given_and_no_other(folder: Folder, flags: Sequence[str]) -> None:
    """The message gets the flags in the command, and none where the command has none."""
    with folder.opened() as imap:
        permanent = permanent_flags(imap.select(folder.name))
        given_here = [flags, sorted(SYSTEM_FLAGS - set(flags)), []]
        for each in given_here:
            imap.append(folder.name, plain(), flags=[SPELLINGS[flag] for flag in each])
        imap.append(folder.name, plain())
    with folder.opened_again() as imap:
        found = fetched(imap, "1:*", "FLAGS")
        for number, each in enumerate([*given_here, []], 1):
            got = system_flags(found.get(number, {}))
            wanted = frozenset(each) & (permanent if "\\*" not in permanent else permanent | SYSTEM_FLAGS)
            expect(got == wanted, f"the flags {sorted(wanted)}", sorted(got))


def _moments() -> st.SearchStrategy[datetime]:
    """Whole seconds between 1990 and 2020, in zones west and east, half hours among them.

    None is still to come: a server need not believe that a message was received tomorrow.
    """
    zones = st.sampled_from((0, 60, -480, 330, -210, 765, -720)).map(
        lambda minutes: timezone(timedelta(0, minutes * 60))
    )
    naive = st.one_of(
        st.sampled_from(
            (
                datetime(1996, 2, 29, 23, 59, 59),
                datetime(2000, 1, 1),
                datetime(2006, 3, 5, 1, 2, 3),
                datetime(2019, 12, 31, 12),
            )
        ),
        st.datetimes(datetime(1990, 1, 1), datetime(2020, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
    )
    return st.builds(lambda moment, zone: moment.replace(tzinfo=zone), naive, zones)


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def written_date(moment: datetime) -> bytes:
    """A date-time for APPEND (RFC 3501 §9, date-time)."""
    day = f"{moment.day:2d}-{MONTHS[moment.month - 1]}-{moment.year}"
    return f'"{day} {moment:%H:%M:%S} {moment:%z}"'.encode()


def append_dated(imap: ImapSession, folder: Folder, moment: datetime, *, flags: bytes = b"") -> None:
    """APPEND with an internal date; that it works is what is judged."""
    start = b"APPEND " + quoted(folder.name) + b" " + flags + written_date(moment) + b" "
    expect_ok(imap.command_with_literals(start, plain()), "APPEND with a date")


@should("rfc3501/6.3.11/11", "rfc3501/2.3.3/4")
@given(moment=_moments())
def check_sets_the_internal_date_given(folder: Folder, moment: datetime) -> None:
    """INTERNALDATE is the moment named in the command, in whatever zone either side writes it."""
    with folder.opened() as imap:
        append_dated(imap, folder, moment)
        imap.select(folder.name)
        got = internal_date(fetched_one(imap, "INTERNALDATE"))
        expect(got == moment, f"the moment {moment.isoformat()}", got.isoformat())


@must("rfc3501/6.3.11/14")
def check_says_trycreate_where_the_mailbox_is_missing(folder: Folder) -> None:
    """APPEND to a mailbox that is not there, but could be made, is refused with NO and the code TRYCREATE.

    The code tells a client that CREATE and another APPEND will do: without it sent mail is simply not filed.
    """
    with folder.log_in() as imap:
        answer = imap.command_with_literals(b"APPEND " + quoted(folder.name + "-missing") + b" ", plain())
        expect(
            answer.tagged.name == b"NO" and answer.tagged.code.upper() == b"TRYCREATE", "NO [TRYCREATE]", answer.tagged
        )


@must("rfc3501/6.3.11/13")
def check_does_not_create_the_mailbox(folder: Folder) -> None:
    """APPEND to a mailbox that is not there fails and does not make it."""
    name = folder.name + "-uncreated"
    with folder.log_in() as imap:
        answer = imap.command_with_literals(b"APPEND " + quoted(name) + b" ", plain())
        listed = imap.command(b'LIST "" ' + quoted(name)).named("LIST")
        if listed:
            imap.command(b"DELETE " + quoted(name))
        expect(not answer.ok, "a refusal: there is no such mailbox", answer.tagged)
        expect(not listed, "still no such mailbox", f"{listed[:1] and listed[0]}")


@must("rfc3501/9/8", "rfc3501/9/21")
def check_never_sends_nul(folder: Folder) -> None:
    """A message with NUL in it is refused, or changed: no NUL is ever sent."""
    with folder.opened() as imap:
        answer = imap.command_with_literals(b"APPEND " + quoted(folder.name) + b" ", plain(b"before\0after\r\n"))
        if answer.ok:
            imap.select(folder.name)
            got = string(fetched_one(imap, "BODY.PEEK[]"), "BODY[]")
            expect(b"\0" not in got, "no NUL, which no literal may hold", shown(got[-40:]))


@should("rfc3501/6.3.11/16", "rfc3501/6.3.11/15")
def check_tells_the_new_count_at_once(folder: Folder) -> None:
    """An APPEND to the selected mailbox brings EXISTS with its answer."""
    with folder.opened([plain()]) as imap:
        for count in (2, 3):
            answer = imap.append(folder.name, plain())
            expect(exists(answer) == count, f"{count} EXISTS before the tagged OK", answer)


@must("rfc3501/6.3.11/12")
@given(kept=st.sampled_from((0, 1, 2)), at_most=3)
def check_keeps_nothing_of_an_append_that_fails(folder: Folder, kept: int) -> None:
    """An APPEND that is refused, or whose literal breaks off, leaves the mailbox as it was."""
    message = plain(b"half of this is sent\r\n" * 20)
    start = b"APPEND " + quoted(folder.name) + b" "
    with folder.opened([plain()] * kept) as imap:
        answer = imap.command_with_literals(start + b'"31-Foo-2026 25:61:61 +0000" ', message)
        added = 1 if answer.ok else 0
    with folder.log_in() as imap:
        tag = imap.next_tag()
        imap.send(tag + b" " + start + b"{%d}\r\n" % len(message))
        imap.read_continuation(tag)
        imap.send(message[: len(message) // 2])
        # Closing our side and waiting for the server's makes sure that it has seen the end before anybody looks.
        imap.abandon()
        try:
            imap.connection.half_close()
            while True:
                imap.connection.receive(imap.connection.deadline(2.0))
        except (ClosedError, SilenceError):
            pass
    count = _count(folder)
    expect(count == kept + added, f"{kept + added} messages, as before", f"{count} messages")


@must("rfc4315/3/4", "rfc4315/3/9", "rfc4315/3/7")
def check_tells_the_true_uid(folder: Folder) -> None:
    """APPENDUID in the tagged OK names the mailbox's UIDVALIDITY and the UID by which the message is found."""
    with folder.opened([plain()]) as imap:
        validity = imap.select(folder.name).code("UIDVALIDITY")
        for subject in (b"first", b"second", b"third"):
            message = plain(subject=subject)
            answer = imap.append(folder.name, message)
            code = answer.tagged.code.split(b" ")
            if code[0].upper() != b"APPENDUID":
                raise not_applicable("APPENDUID is not returned")
            expect(
                len(code) == 3 and code[2].isdigit() and code[1].decode() == validity,
                f"APPENDUID, UIDVALIDITY {validity} and one UID",
                answer.tagged,
            )
            imap.select(folder.name)
            found = fetched(imap, code[2].decode(), "BODY.PEEK[]", uid=True)
            if len(found) != 1:
                raise ViolationError(f"one message with UID {code[2].decode()}", f"{len(found)} messages")
            assert_same_octets(string(next(iter(found.values())), "BODY[]"), message)


@should("rfc4315/3/1", "rfc4315/1/1")
def check_returns_appenduid_where_uidplus_is_listed(folder: Folder) -> None:
    """A server that lists UIDPLUS says which UID an appended message got."""
    with folder.opened() as imap:
        need(imap, "UIDPLUS")
        answer = imap.append(folder.name, plain())
        expect(answer.tagged.code.upper().startswith(b"APPENDUID "), "[APPENDUID …]", answer.tagged)
