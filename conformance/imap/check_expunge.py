"""EXPUNGE, CLOSE and message numbers: RFC 3501 §5.2, §6.4.2, §6.4.3, §7.4.1; UID EXPUNGE: RFC 4315 §2.1."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from operator import le

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import exists, expect_ok, fetched, need, sequence, set_up, string, uids
from conformance.imap.numbering import Numbering
from conformance.imap.session import ImapSession
from conformance.imap.strategies_messages import plain

POLL_S = 0.02
MOST = 6
"""Messages in the folder: enough for gaps, neighbours and both ends."""


def choices() -> st.SearchStrategy[list[int]]:
    """Which of the messages to delete: neighbours and gaps among them, every time more than one and not all."""
    critical = st.sampled_from(([1, 2], [1, 3, 4], [2, 3, 5], [1, MOST], [2, 3, 4, 5, 6], [4, 5]))
    drawn = st.lists(st.integers(1, MOST), min_size=2, max_size=MOST - 1, unique=True).map(sorted)
    return st.one_of(critical, drawn)


def _messages() -> list[bytes]:
    return [plain(subject=b"number %d" % number) for number in range(1, MOST + 1)]


def _mark(imap: ImapSession, numbers: Sequence[int]) -> None:
    set_up(imap, f"STORE {sequence(numbers)} +FLAGS.SILENT (\\Deleted)")


def _left(numbers: Sequence[int]) -> list[int]:
    """Which of the messages stay when those with these numbers go."""
    return [number for number in range(1, MOST + 1) if number not in numbers]


def _expect_anew(folder: Folder, wanted: Sequence[int]) -> None:
    """A new session finds those of the messages that are wanted, known by their text.

    Raises:
        ViolationError: it finds others.
    """
    with folder.log_in() as imap:
        count = exists(imap.select(folder.name, examine=True))
        found = fetched(imap, "1:*", "BODY.PEEK[]") if count else {}
        texts = [string(items, "BODY[]") for _, items in sorted(found.items())]
    which = [_messages().index(text) + 1 if text in _messages() else 0 for text in texts]
    expect(which == list(wanted), f"of the messages those numbered {list(wanted)}", which)


@must("rfc3501/6.4.3/2", "rfc3501/7.1.1/2")
@given(numbers=choices())
def check_removes_what_is_deleted_and_nothing_else(folder: Folder, numbers: list[int]) -> None:
    """EXPUNGE removes every message flagged \\Deleted for good, and no other."""
    with folder.opened(_messages()) as imap:
        _mark(imap, numbers)
        expect_ok(imap.command("EXPUNGE"), "EXPUNGE")
    _expect_anew(folder, _left(numbers))


@must("rfc3501/7.4.1/2", "rfc3501/7.4.1/1", "rfc3501/2.3.1.2/4", "rfc3501/7.4/1")
@given(numbers=choices())
def check_lowers_later_numbers_with_each_expunge(folder: Folder, numbers: list[int]) -> None:
    """Each EXPUNGE response lowers the numbers of all later messages, for the next response already.

    Removing 3 and 4 is told as 3 and 3, or as 4 and 3. A server that says 3 and 4 makes the client throw away
    another message than the one that is gone, and read, flag and delete the wrong ones from there on.
    """
    with folder.opened(_messages()) as imap:
        numbering = Numbering(uids(imap))
        _mark(imap, numbers)
        numbering.hear(imap.command("EXPUNGE").untagged)
        now = uids(imap)
        expect(numbering.uids == now, f"what is left, by the numbers told, to be UIDs {now}", numbering.uids)


@must("rfc3501/6.4.3/3")
@given(numbers=choices())
def check_tells_each_message_that_is_removed(folder: Folder, numbers: list[int]) -> None:
    """There is one EXPUNGE response for each message removed, before the tagged OK."""
    with folder.opened(_messages()) as imap:
        _mark(imap, numbers)
        told = len(imap.command("EXPUNGE").named("EXPUNGE"))
        gone = MOST - len(uids(imap))
        expect(told == gone, f"{gone} EXPUNGE responses", told)


@must("rfc3501/2.3.1.2/5", "rfc3501/7.4.1/3", "rfc3501/5.2/5")
@given(numbers=choices())
def check_keeps_count_over_expunge_and_append(folder: Folder, numbers: list[int]) -> None:
    """The count goes down by one with each EXPUNGE and up with each message, and EXISTS never says less."""
    with folder.opened(_messages()) as imap:
        numbering = Numbering(uids(imap))
        _mark(imap, numbers)
        numbering.hear(imap.command("EXPUNGE").untagged)
        numbering.hear(imap.append(folder.name, plain()).untagged)
        answer = imap.command("NOOP")
        numbering.hear(answer.untagged)
        now = len(uids(imap))
        expect(len(numbering.uids) == now, f"a count of {now}, as many as there are", len(numbering.uids))


def _numbers_left(imap: ImapSession) -> list[int]:
    """Which of the messages are there still, known by their text."""
    texts = [string(items, "BODY[]") for _, items in sorted(fetched(imap, "1:*", "BODY.PEEK[]").items())]
    return [number for number, text in enumerate(_messages(), 1) if text in texts]


def _hear_until(imap: ImapSession, numbering: Numbering, done: Callable[[int], bool], what: str) -> None:
    """Send NOOPs, and take in what is told, until the count is what it should be.

    Raises:
        ViolationError: it is not within the patience for a reply.
    """
    deadline = time.monotonic() + imap.connection.patience.reply_s
    while True:
        numbering.hear(expect_ok(imap.command("NOOP"), "NOOP").untagged)
        if done(len(numbering.uids)):
            return
        if time.monotonic() > deadline:
            raise ViolationError(what, f"UIDs {numbering.uids}")
        time.sleep(POLL_S)


@should("rfc3501/7/8")
@given(numbers=choices())
def check_tells_what_another_session_expunged(folder: Folder, numbers: list[int]) -> None:
    """A session is told by EXPUNGE, in numbers as it knows them, what another session has removed."""
    with folder.opened(_messages()) as one, folder.opened_again() as other:
        numbering = Numbering(uids(other))
        _mark(one, numbers)
        expect_ok(one.command("EXPUNGE"), "EXPUNGE")
        left = [numbering.uids[number - 1] for number in _numbers_left(one)]
        wanted = f"the other session to be told that UIDs {left} are left"
        _hear_until(other, numbering, lambda count: count <= len(left), wanted)
        expect(numbering.uids == left, wanted, f"UIDs {numbering.uids}")


@must("rfc3501/7/7", "rfc3501/7.3.1/2", "rfc3501/2.3.1.2/3", "rfc3501/5.2/3")
def check_tells_what_another_session_appended(folder: Folder) -> None:
    """A session is told by EXISTS of messages that another session has added; they get the next numbers."""
    with folder.opened([plain()]) as one, folder.opened_again() as other:
        numbering = Numbering(uids(other))
        for count in (2, 3):
            one.append(folder.name, plain())
            wanted = f"the other session to be told of {count} messages"
            _hear_until(other, numbering, partial(le, count), wanted)
            expect(len(numbering.uids) == count, wanted, f"{len(numbering.uids)} messages")
        numbering.hear(expect_ok(other.command("FETCH 1:3 (UID)"), "FETCH").untagged)


@must("rfc3501/7.4.1/4", "rfc3501/5.3/1")
@given(numbers=choices())
def check_leaves_numbers_alone_during_fetch_store_and_search(folder: Folder, numbers: list[int]) -> None:
    """No EXPUNGE response comes during FETCH, STORE or SEARCH, whatever another session has removed.

    These commands name messages by number. If numbers moved while one is on its way it would meet another message
    than was meant: deleted by mistake, or shown under the wrong subject.
    """
    with folder.opened(_messages()) as one, folder.opened_again() as other:
        numbering = Numbering(uids(other))
        known = list(numbering.uids)
        _mark(one, numbers)
        expect_ok(one.command("EXPUNGE"), "EXPUNGE")
        for command in ("SEARCH ALL", "FETCH 1:* (UID)", f"STORE {MOST} +FLAGS (\\Seen)", "FETCH 1:* (UID FLAGS)"):
            answer = other.command(command)
            told = answer.named("EXPUNGE")
            expect(not told, f"no EXPUNGE during {command}", f"{told[:1] and told[0]}")
            numbering.hear(answer.untagged)
        expect(numbering.uids == known, f"numbers as they were: UIDs {known}", numbering.uids)


@must("rfc3501/6.4.2/2")
@given(numbers=choices())
def check_close_removes_what_is_deleted(folder: Folder, numbers: list[int]) -> None:
    """CLOSE removes the messages flagged \\Deleted, and no other."""
    with folder.opened(_messages()) as imap:
        _mark(imap, numbers)
        expect_ok(imap.command("CLOSE"), "CLOSE")
    _expect_anew(folder, _left(numbers))


@must("rfc3501/6.4.2/3")
def check_close_tells_nothing_of_it(folder: Folder) -> None:
    """CLOSE sends no EXPUNGE responses."""
    with folder.opened(_messages()) as imap:
        _mark(imap, [2, 3])
        told = expect_ok(imap.command("CLOSE"), "CLOSE").named("EXPUNGE")
        expect(not told, "no EXPUNGE response", f"{told[:1] and told[0]}")


@must("rfc3501/6.4.2/4")
def check_close_removes_nothing_where_only_reading_is_allowed(folder: Folder) -> None:
    """CLOSE of a mailbox opened by EXAMINE is no error and removes nothing."""
    with folder.opened(_messages()) as imap:
        _mark(imap, [1, 2])
    with folder.opened_again(examine=True) as imap:
        expect_ok(imap.command("CLOSE"), "CLOSE")
    _expect_anew(folder, _left([]))


@must("rfc3501/6.4.2/6")
def check_leaving_in_another_way_removes_nothing(folder: Folder) -> None:
    """SELECT, EXAMINE and LOGOUT leave the mailbox, and everything that is flagged \\Deleted, as it is."""
    with folder.opened(_messages()) as imap:
        _mark(imap, [2, 4])
        for command in ("EXAMINE INBOX", f"SELECT {folder.name}", "EXAMINE INBOX", f"SELECT {folder.name}"):
            set_up(imap, command)
        # The session ends with LOGOUT while the folder is selected.
    _expect_anew(folder, _left([]))


@must("rfc4315/2.1/3", "rfc4315/2.1/2", "rfc4315/1/1")
@given(numbers=choices())
def check_uid_expunge_removes_only_what_is_named(folder: Folder, numbers: list[int]) -> None:
    """UID EXPUNGE removes the messages that are both named and flagged \\Deleted.

    It is there so that a client that comes back can finish its own deletions and nobody else's.
    """
    with folder.opened(_messages()) as imap:
        need(imap, "UIDPLUS")
        before = uids(imap)
        _mark(imap, numbers)
        # Half of what is flagged, and one message that is not, if there is one.
        named = numbers[: len(numbers) // 2] + [n for n in range(1, MOST + 1) if n not in numbers][:1]
        chosen = sequence(before[number - 1] for number in named)
        expect_ok(imap.command(f"UID EXPUNGE {chosen}"), "UID EXPUNGE")
        left = [before[number - 1] for number in _left([each for each in named if each in numbers])]
        now = uids(imap)
        expect(now == left, f"the messages with UIDs {left}", f"those with UIDs {now}")
