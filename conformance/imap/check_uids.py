"""Unique identifiers and the UID commands: RFC 3501 §2.3.1.1, §6.4.8."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.checks import given, must
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import (
    Items,
    expect_ok,
    fetch_items,
    fetched,
    flags,
    number,
    numbers_found,
    set_up,
    string,
    system_flags,
    uids,
)
from conformance.imap.numbering import Numbering
from conformance.imap.session import ImapSession
from conformance.imap.strategies_messages import plain
from conformance.imap.strategies_sets import SequenceSet, sequence_sets

COUNT = 5


def _messages(count: int = COUNT) -> list[bytes]:
    return [plain(subject=b"number %d" % each) for each in range(1, count + 1)]


def _with_gaps(folder: Folder, imap: ImapSession) -> list[int]:
    """Take the second and the fourth of seven messages away, so that numbers and UIDs differ; the UIDs left."""
    set_up(imap, "STORE 2,4 +FLAGS.SILENT (\\Deleted)")
    set_up(imap, "EXPUNGE")
    left = uids(imap)
    if len(left) != COUNT:
        raise InconclusiveError(f"{COUNT} messages should be left, there are {len(left)}")
    return left


@must("rfc3501/2.3.1.1/11", "rfc3501/9/59", "rfc3501/2.3.1.2/2", "rfc3501/2.3.1.1/2")
def check_rise_strictly(folder: Folder) -> None:
    """UIDs rise strictly through the mailbox, in the order of the message numbers."""
    with folder.opened(_messages(9)) as imap:
        for _ in range(2):
            found = uids(imap)
            expect(found == sorted(set(found)), "UIDs that rise", found)
            set_up(imap, "STORE 2,4 +FLAGS.SILENT (\\Deleted)")
            set_up(imap, "EXPUNGE")


@must("rfc3501/2.3.1.1/7", "rfc3501/6.3.1/10", "rfc3501/7.1/13")
def check_uidnext_is_above_all_and_not_above_the_next(folder: Folder) -> None:
    """UIDNEXT is above every UID there is, and the next message gets no lower one.

    A client that keeps a copy asks from UIDNEXT on for what is new: a lower UID is never found.
    """
    with folder.opened(_messages(2)) as imap:
        for _ in range(2):
            code = imap.select(folder.name).code("UIDNEXT")
            if code is None:
                raise not_applicable("UIDNEXT is not told")
            expect(code.isdigit(), "UIDNEXT and a number", code)
            before = uids(imap)
            expect(int(code) > max(before), f"UIDNEXT above {max(before)}", code)
            imap.append(folder.name, plain())
            imap.select(folder.name)
            new = [uid for uid in uids(imap) if uid not in before]
            expect(len(new) == 1 and new[0] >= int(code), f"one new UID, {code} or higher", new)


@must("rfc3501/2.3.1.1/6")
def check_uidnext_changes_only_with_new_messages(folder: Folder) -> None:
    """UIDNEXT stays as it is while nothing is added, whatever is flagged or removed, and changes when something is."""
    with folder.opened(_messages(3)) as imap:
        first = imap.select(folder.name).code("UIDNEXT")
        if first is None:
            raise not_applicable("UIDNEXT is not told")
        set_up(imap, "STORE 3 +FLAGS.SILENT (\\Deleted \\Seen)")
        set_up(imap, "EXPUNGE")
        second = imap.select(folder.name).code("UIDNEXT")
        expect(second == first, f"UIDNEXT {first}: nothing was added", second)
        imap.append(folder.name, plain())
        third = imap.select(folder.name).code("UIDNEXT")
        expect(third != first, f"UIDNEXT other than {first}: a message was added", third)


@must("rfc3501/2.3.1.1/1", "rfc3501/2.3.1.1/14", "rfc3501/2.3.1.1/2")
def check_are_never_used_again(folder: Folder) -> None:
    """The UID of a message that was removed is not given to another while UIDVALIDITY stays, the last one's neither.

    A client takes what it has under that UID for the new message, and never fetches it.
    """
    with folder.opened(_messages(3)) as imap:
        validity = imap.select(folder.name).code("UIDVALIDITY")
        used = uids(imap)
        set_up(imap, "STORE 2:3 +FLAGS.SILENT (\\Deleted)")
        set_up(imap, "EXPUNGE")
    # Another session, so that what only a session knew is forgotten.
    with folder.log_in() as imap:
        imap.append(folder.name, plain())
    with folder.log_in() as imap:
        if imap.select(folder.name).code("UIDVALIDITY") != validity:
            return
        now = uids(imap)
        expect(now[-1] > max(used), f"a new UID above {max(used)}", now[-1])


@must("rfc3501/2.3.1.1/4", "rfc3501/2.3.1.1/14", "rfc3501/2.3.1.1/9", "rfc3501/6.3.1/11")
def check_name_the_same_message_in_every_session(folder: Folder) -> None:
    """While UIDVALIDITY is the same, a UID is the same message in every session."""
    with folder.opened(_messages(3)) as imap:
        validity = imap.select(folder.name).code("UIDVALIDITY")
        first = _texts(imap)
    with folder.log_in() as imap:
        later = imap.select(folder.name).code("UIDVALIDITY")
        if later != validity:
            risen = validity is None or later is None or int(later) > int(validity)
            expect(risen, f"UIDVALIDITY above {validity}", later)
            return
        expect(_texts(imap) == first, f"the messages as before: {sorted(first)}", sorted(_texts(imap)))


def _texts(imap: ImapSession) -> dict[int, bytes]:
    found = fetched(imap, "1:*", "UID BODY.PEEK[]")
    return {number(items, "UID"): string(items, "BODY[]") for items in found.values()}


ITEMS = "UID RFC822.SIZE BODY.PEEK[HEADER]"


def _asked(found: Mapping[int, Items]) -> dict[int, Items]:
    """Without what came unasked."""
    return {each: {name: told for name, told in items.items() if name != "FLAGS"} for each, items in found.items()}


@must("rfc3501/6.4.8/1", "rfc3501/6.4.8/9")
@given(chosen=sequence_sets(COUNT))
def check_uid_fetch_returns_what_fetch_does(folder: Folder, chosen: SequenceSet) -> None:
    """UID FETCH reads its set as UIDs and answers with message numbers, as FETCH of the same messages does."""
    with folder.opened(_messages(7)) as imap:
        names = _with_gaps(folder, imap)
        for each in (chosen, SequenceSet(((4, 2),), COUNT), SequenceSet(((5, 5), (1, None)), COUNT)):
            by_uid = _asked(fetched(imap, each.written(names), ITEMS, uid=True))
            expect(sorted(by_uid) == each.numbers, f"messages {each.numbers} by number", sorted(by_uid))
            told = [number(by_uid[n], "UID") for n in each.numbers]
            expect(told == [names[n - 1] for n in each.numbers], "the UIDs asked for", told)
            by_number = _asked(fetched(imap, each.written(range(1, COUNT + 1)), ITEMS))
            expect(by_number == by_uid, f"the data that FETCH returns for {each.numbers}", "other data")


@must("rfc3501/6.4.8/10")
def check_uid_commands_tell_the_uid_unasked(folder: Folder) -> None:
    """Each FETCH response that UID FETCH or UID STORE brings has the UID in it, asked for or not.

    The number alone may have moved by the time that the client reads it.
    """
    with folder.opened(_messages(7)) as imap:
        names = _with_gaps(folder, imap)
        commands = (
            f"UID FETCH {names[1]} (FLAGS)",
            f"UID FETCH {names[2]}:* RFC822.SIZE",
            f"UID FETCH {names[0]} BODY[TEXT]",
            f"UID STORE {names[1]}:* +FLAGS (\\Flagged)",
            f"UID FETCH {names[0]} FAST",
        )
        numbering = Numbering(names)
        for command in commands:
            answer = expect_ok(imap.command(command), command)
            for response in answer.named("FETCH"):
                expect("UID" in fetch_items(response), f"the UID in what {command} brings", response)
            numbering.hear(answer.untagged)


@must("rfc3501/6.4.8/1")
@given(chosen=sequence_sets(COUNT))
def check_uid_store_changes_what_it_names(folder: Folder, chosen: SequenceSet) -> None:
    """UID STORE sets flags on the messages with these UIDs, and on no others."""
    with folder.opened(_messages(7)) as imap:
        names = _with_gaps(folder, imap)
        chosen = chosen.with_range(3, 2)
        command = f"UID STORE {chosen.written(names)} +FLAGS (\\Flagged)"
        expect_ok(imap.command(command), command)
        found = fetched(imap, "1:*", "FLAGS")
        got = [each for each in sorted(found) if "\\flagged" in flags(found[each])]
        expect(got == chosen.numbers, f"\\Flagged on messages {chosen.numbers} after {command}", got)


@must("rfc3501/6.4.8/4", "rfc3501/7.2.5/1", "rfc3501/6.4.4/46")
@given(chosen=sequence_sets(COUNT))
def check_uid_search_returns_uids(folder: Folder, chosen: SequenceSet) -> None:
    """UID SEARCH answers with UIDs where SEARCH answers with numbers; both are asked in the same words."""
    with folder.opened(_messages(7)) as imap:
        names = _with_gaps(folder, imap)
        by_number, by_uid = chosen.written(range(1, COUNT + 1)), chosen.written(names)
        wanted_uids = [names[each - 1] for each in chosen.numbers]
        for command, wanted in (
            (f"SEARCH {by_number}", chosen.numbers),
            (f"SEARCH UID {by_uid}", chosen.numbers),
            (f"UID SEARCH {by_number}", wanted_uids),
            (f"UID SEARCH UID {by_uid}", wanted_uids),
            ("UID SEARCH ALL", names),
        ):
            found = numbers_found(expect_ok(imap.command(command), command))
            expect(found == wanted, f"{wanted} in answer to {command}", found)


@must("rfc3501/6.4.8/2", "rfc3501/6.4.8/3", "rfc3501/6.4.8/5")
def check_passes_over_uids_that_do_not_exist(folder: Folder) -> None:
    """A UID that no message has is no error: the others are met, and if there are none the answer is just OK."""
    with folder.opened(_messages(7)) as imap:
        before = uids(imap)
        names = _with_gaps(folder, imap)
        gone = [uid for uid in before if uid not in names]
        beyond = max(before) + 1000
        for uid_set, numbers in (
            (str(gone[0]), []),
            (f"{gone[0]},{names[1]},{beyond}", [2]),
            (f"{beyond},{beyond + 1}", []),
            (f"{gone[0]}:{gone[1]}", [each for each, uid in enumerate(names, 1) if gone[0] < uid < gone[1]]),
            ("4294967295", []),
        ):
            met = sorted(fetched(imap, uid_set, "RFC822.SIZE", uid=True))
            expect(met == numbers, f"messages {numbers} for UIDs {uid_set}", met)
            found = numbers_found(expect_ok(imap.command(f"SEARCH UID {uid_set}"), f"SEARCH UID {uid_set}"))
            expect(found == numbers, f"messages {numbers} in answer to SEARCH UID {uid_set}", found)
        command = f"UID STORE {gone[0]},{beyond} +FLAGS (\\Seen)"
        expect_ok(imap.command(command), command)
        seen = [each for each, items in fetched(imap, "1:*", "FLAGS").items() if system_flags(items)]
        expect(not seen, "no flag set by a command that names no message", seen)


@must("rfc3501/6.4.8/7", "rfc3501/6.4.8/8", "rfc3501/6.4.8/6")
def check_a_range_to_the_last_always_has_the_last(folder: Folder) -> None:
    """A UID range from a number to `*` has the last message in it, however high the number is.

    Clients ask like this for what is new, and must expect to get the last message they know once more.
    """
    with folder.opened(_messages(7)) as imap:
        names = _with_gaps(folder, imap)
        for start in (names[-1], names[-1] + 1, names[-1] + 1000, 4294967295):
            for uid_set in (f"{start}:*", f"*:{start}"):
                met = sorted(fetched(imap, uid_set, "RFC822.SIZE", uid=True))
                expect(met == [COUNT], f"the last message, number {COUNT}, for UIDs {uid_set}", met)
    with folder.opened() as imap:
        answer = expect_ok(imap.command("UID FETCH 1:* (RFC822.SIZE)"), "UID FETCH in an empty mailbox")
        if answer.named("FETCH"):
            raise ViolationError("no FETCH response: there is no message", str(answer))
