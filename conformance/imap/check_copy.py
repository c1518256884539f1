"""COPY: RFC 3501 §6.4.7; COPYUID: RFC 4315 §3."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Folder
from conformance.imap.answers import (
    Items,
    exists,
    expect_ok,
    fetched,
    internal_date,
    need,
    number,
    set_up,
    string,
    system_flags,
    uid_set,
    uids,
)
from conformance.imap.beside import folder_beside
from conformance.imap.session import ImapSession, quoted
from conformance.imap.strategies_messages import Written, messages, plain
from conformance.imap.strategies_sets import SequenceSet, sequence_sets

COUNT = 5


def _messages() -> list[bytes]:
    return [plain(subject=b"number %d" % each) for each in range(1, COUNT + 1)]


def _copy(imap: ImapSession, numbers: str, name: str) -> bytes:
    return b"COPY " + numbers.encode() + b" " + quoted(name)


def _held(folder: Folder, name: str, items: str) -> list[Items]:
    """The data items of all messages in a folder."""
    with folder.log_in() as imap:
        if not exists(imap.select(name, examine=True)):
            return []
        found = fetched(imap, "1:*", items)
        return [found[each] for each in sorted(found)]


@must("rfc3501/6.4.7/2")
@given(chosen=sequence_sets(COUNT), message=messages(), at_most=20)
def check_puts_the_messages_at_the_end(folder: Folder, chosen: SequenceSet, message: Written) -> None:
    """COPY adds the messages named, octet for octet, behind those that are there, and leaves the sources alone."""
    with folder.opened([*_messages()[1:], message.octets]) as imap, folder_beside(folder) as other:
        sources = [string(items, "BODY[]") for items in fetched(imap, "1:*", "BODY.PEEK[]").values()]
        imap.append(other, plain(subject=b"there before"))
        command = _copy(imap, chosen.written(range(1, COUNT + 1)), other)
        expect_ok(imap.command(command), "COPY")
        copies = [string(items, "BODY[]") for items in _held(folder, other, "BODY.PEEK[]")]
        wanted = [plain(subject=b"there before"), *(sources[each - 1] for each in chosen.numbers)]
        expect(len(copies) == len(wanted), f"{len(wanted)} messages in the other mailbox", len(copies))
        assert_same_octets(copies[0], wanted[0], what="octets of the message that was there before")
        # No order is laid down for the copies.
        for copy, source in zip(sorted(copies[1:]), sorted(wanted[1:]), strict=True):
            assert_same_octets(copy, source, what="octets of a copy")
        expect(len(uids(imap)) == COUNT, f"still {COUNT} messages here", len(uids(imap)))


@must("rfc3501/6.4.8/1")
@given(chosen=sequence_sets(COUNT), at_most=20)
def check_uid_copy_copies_what_it_names(folder: Folder, chosen: SequenceSet) -> None:
    """UID COPY copies the messages with these UIDs, and no others."""
    with folder.opened([plain(), plain(), *_messages()]) as imap, folder_beside(folder) as other:
        set_up(imap, "STORE 1:2 +FLAGS.SILENT (\\Deleted)")
        set_up(imap, "EXPUNGE")
        names = uids(imap)
        if len(names) != COUNT:
            raise InconclusiveError(f"{COUNT} messages should be left, there are {len(names)}")
        chosen = chosen.with_range(3, 2)
        command = b"UID " + _copy(imap, chosen.written(names), other)
        expect_ok(imap.command(command), "UID COPY")
        copies = sorted(string(items, "BODY[]") for items in _held(folder, other, "BODY.PEEK[]"))
        wanted = sorted(_messages()[each - 1] for each in chosen.numbers)
        expect(copies == wanted, f"copies of messages {chosen.numbers}", f"{len(copies)} messages, not those")


@should("rfc3501/6.4.7/3", "rfc3501/2.3.3/3")
def check_keeps_flags_and_internal_date(folder: Folder) -> None:
    """A copy has the flags and the internal date of its source."""
    with folder.opened() as imap, folder_beside(folder) as other:
        for flags in (b"(\\Seen)", b"(\\Flagged \\Answered)", b"()"):
            start = b"APPEND " + quoted(folder.name) + b" " + flags + b' " 7-Feb-2005 21:52:25 -0800" '
            if not imap.command_with_literals(start, plain()).ok:
                raise not_applicable("APPEND takes no flags and date")
        imap.select(folder.name)
        found = fetched(imap, "1:*", "FLAGS INTERNALDATE")
        sources = [(system_flags(found[each]), internal_date(found[each])) for each in sorted(found)]
        expect_ok(imap.command(_copy(imap, "1:3", other)), "COPY")
        copies = [(system_flags(each), internal_date(each)) for each in _held(folder, other, "FLAGS INTERNALDATE")]
        key = repr
        expect(
            sorted(copies, key=key) == sorted(sources, key=key), f"flags and dates {_shown(sources)}", _shown(copies)
        )


def _shown(pairs: Sequence[tuple[frozenset[str], object]]) -> str:
    return "; ".join(f"{sorted(flags)} {date}" for flags, date in pairs)


@must("rfc3501/6.4.7/6")
def check_says_trycreate_where_the_mailbox_is_missing(folder: Folder) -> None:
    """COPY to a mailbox that is not there, but could be made, is refused with NO and the code TRYCREATE."""
    with folder.opened([plain()]) as imap:
        answer = imap.command(_copy(imap, "1", folder.name + "-missing"))
        refused = answer.tagged.name == b"NO" and answer.tagged.code.upper() == b"TRYCREATE"
        expect(refused, "NO [TRYCREATE]", answer.tagged)


@should("rfc3501/6.4.7/5", "rfc3501/6.4.7/4")
def check_does_not_create_the_mailbox(folder: Folder) -> None:
    """COPY to a mailbox that is not there fails and does not make it."""
    name = folder.name + "-uncreated"
    with folder.opened([plain()]) as imap:
        answer = imap.command(_copy(imap, "1", name))
        listed = imap.command(b'LIST "" ' + quoted(name)).named("LIST")
        if listed:
            imap.command(b"DELETE " + quoted(name))
        expect(not answer.ok, "a refusal: there is no such mailbox", answer.tagged)
        expect(not listed, "still no such mailbox", f"{listed[:1] and listed[0]}")


@must("rfc3501/6.4.7/7")
def check_copies_all_or_nothing(folder: Folder) -> None:
    """A COPY that fails leaves the other mailbox as it was, though some of the messages could be copied.

    The client tries again, and everything that was copied before the failure is there twice.
    """
    with folder.opened(_messages()) as one, folder_beside(folder) as other, folder.opened_again() as two:
        uids(two)
        set_up(one, "STORE 3 +FLAGS.SILENT (\\Deleted)")
        set_up(one, "EXPUNGE")
        # By number, of which the third is no more, and beyond the last.
        for numbers in ("1:5", f"1,2,{COUNT + 1}"):
            before = len(_held(folder, other, "UID"))
            answer = two.command(_copy(two, numbers, other))
            now = len(_held(folder, other, "UID"))
            if not answer.ok:
                expect(now == before, f"{before} messages, as before the COPY that failed", f"{now} messages")


def _copy_uid(imap: ImapSession, command: bytes) -> list[str]:
    """The arguments of COPYUID in the answer to a COPY; empty where there is none."""
    words = expect_ok(imap.command(command), "COPY").tagged.code.decode("ascii", "backslashreplace").split(" ")
    return words[1:] if words[0].upper() == "COPYUID" else []


@must("rfc4315/3/10", "rfc4315/3/11", "rfc4315/3/12", "rfc4315/3/13")
@given(chosen=sequence_sets(COUNT), at_most=10)
def check_copyuid_says_which_copy_is_whose(folder: Folder, chosen: SequenceSet) -> None:
    """COPYUID names the UIDVALIDITY of the other mailbox, and for each source UID, in order, that of its copy."""
    with folder.opened(_messages()) as imap, folder_beside(folder) as other:
        imap.append(other, plain())
        names = uids(imap)
        words = _copy_uid(imap, _copy(imap, chosen.written(range(1, COUNT + 1)), other))
        if not words:
            raise not_applicable("COPYUID is not returned")
        expect(len(words) == 3, "UIDVALIDITY and two sets of UIDs", words)
        sources, copies = uid_set(words[1]), uid_set(words[2])
        wanted = [names[each - 1] for each in chosen.numbers]
        expect(sorted(sources) == wanted, f"the UIDs {wanted} as sources", sources)
        expect(len(copies) == len(sources), f"{len(sources)} UIDs of copies", copies)
        texts = dict(zip(names, _messages(), strict=True))
        with folder.log_in() as again:
            validity = again.select(other, examine=True).code("UIDVALIDITY")
        expect(words[0] == validity, f"UIDVALIDITY {validity} of the other mailbox", words[0])
        held = {number(items, "UID"): string(items, "BODY[]") for items in _held(folder, other, "UID BODY.PEEK[]")}
        for source, copy in zip(sources, copies, strict=True):
            if copy not in held:
                raise ViolationError(f"a message with UID {copy} in the other mailbox", f"only {sorted(held)}")
            assert_same_octets(held[copy], texts[source], what=f"octets of UID {copy}, the copy of {source}")


@should("rfc4315/3/1", "rfc4315/1/1")
def check_returns_copyuid_where_uidplus_is_listed(folder: Folder) -> None:
    """A server that lists UIDPLUS says which UIDs the copies got."""
    with folder.opened([plain()]) as imap, folder_beside(folder) as other:
        need(imap, "UIDPLUS")
        expect(_copy_uid(imap, _copy(imap, "1", other)), "[COPYUID …]", "no such code in the tagged OK")
