"""SELECT and EXAMINE: RFC 3501 §6.3.1, §6.3.2."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import SYSTEM_FLAGS, exists, expect_ok, fetched, flags, permanent_flags, set_up, uids
from conformance.imap.beside import folder_beside
from conformance.imap.session import Answer, ImapSession, quoted
from conformance.imap.strategies_messages import plain
from conformance.wire.imap import Value

REQUIRED = ("FLAGS", "EXISTS", "RECENT")
REQUIRED_CODES = ("PERMANENTFLAGS", "UIDNEXT", "UIDVALIDITY")


def _open(imap: ImapSession, folder: Folder, *, examine: bool = False) -> Answer:
    command = b"EXAMINE " if examine else b"SELECT "
    return expect_ok(imap.command(command + quoted(folder.name)), command.decode() + folder.name)


def _expect_all(answer: Answer) -> None:
    missing = [name for name in REQUIRED if not answer.named(name)]
    missing += [name for name in REQUIRED_CODES if answer.code(name) is None]
    expect(not missing, "FLAGS, EXISTS, RECENT, PERMANENTFLAGS, UIDNEXT and UIDVALIDITY", f"no {', '.join(missing)}")


@must("rfc3501/6.3.1/1", "rfc3501/6.3.1/3", "rfc3501/2.3.1.1/8")
def check_tells_all_that_is_required(folder: Folder) -> None:
    """SELECT tells flags, counts, UIDNEXT and UIDVALIDITY before its tagged OK."""
    with folder.log_in() as imap:
        _expect_all(_open(imap, folder))


@must("rfc3501/6.3.2/1")
def check_examine_tells_what_select_does(folder: Folder) -> None:
    """EXAMINE tells flags, counts, UIDNEXT and UIDVALIDITY, as SELECT does."""
    with folder.log_in() as imap:
        _expect_all(_open(imap, folder, examine=True))


@must("rfc3501/6.3.2/4", "rfc3501/6.3.1/15")
def check_examine_says_read_only(folder: Folder) -> None:
    """The text of EXAMINE's tagged OK begins with the code READ-ONLY."""
    with folder.log_in() as imap:
        answer = _open(imap, folder, examine=True)
        expect(answer.tagged.code.upper() == b"READ-ONLY", "[READ-ONLY]", answer.tagged)


@should("rfc3501/6.3.1/14", "rfc3501/7.1/11")
def check_says_read_write(folder: Folder) -> None:
    """The text of SELECT's tagged OK begins with the code READ-WRITE, where the client may write."""
    with folder.log_in() as imap:
        answer = _open(imap, folder)
        expect(answer.tagged.code.upper() == b"READ-WRITE", "[READ-WRITE]: the folder is our own", answer.tagged)


@must("rfc3501/7.2.6/1", "rfc3501/6.3.1/5")
def check_flags_lists_the_system_flags(folder: Folder) -> None:
    """FLAGS lists the system flags at least, and every flag that PERMANENTFLAGS names."""
    with folder.log_in() as imap:
        answer = _open(imap, folder)
        listed = {
            each.decode("ascii", "backslashreplace").lower()
            for response in answer.named("FLAGS")
            for each in (_list(response.values[:1]))
            if isinstance(each, bytes)
        }
        wanted = SYSTEM_FLAGS | (permanent_flags(answer) - {"\\*"})
        expect(wanted <= listed, f"at least {sorted(wanted)}", sorted(listed))


def _list(values: tuple[Value, ...]) -> list[Value]:
    return values[0] if values and isinstance(values[0], list) else []


@must("rfc3501/6.3.1/6", "rfc3501/7.3.1/1")
@given(count=st.integers(0, 4))
def check_tells_the_true_count(folder: Folder, count: int) -> None:
    """EXISTS at selection is the number of messages in the mailbox, 0 too."""
    with folder.opened([plain()] * count) as imap:
        for kept in range(count, -1, -1):
            for examine in (False, True):
                answer = _open(imap, folder, examine=examine)
                expect(exists(answer) == kept, f"{kept} EXISTS", answer)
            if kept:
                _open(imap, folder)
                set_up(imap, "STORE 1 +FLAGS.SILENT (\\Deleted)")
                answer = _open(imap, folder)
                expect(exists(answer) == kept, f"{kept} EXISTS: what is only flagged is still there", answer)
                set_up(imap, "EXPUNGE")


@must("rfc3501/6.3.1/7", "rfc3501/7.3.2/1", "rfc3501/2.3.2/2")
def check_tells_how_many_are_recent(folder: Folder) -> None:
    """RECENT at selection is the number of messages that have \\Recent in this session, and in no other any more."""
    with folder.opened() as imap:
        set_up(imap, b"CLOSE")
        for _ in range(3):
            imap.append(folder.name, plain())
        first = _open(imap, folder)
        _expect_recent(imap, first)
    with folder.log_in() as later:
        answer = _open(later, folder)
        _expect_recent(later, answer)
        counts = [response.number for response in answer.named("RECENT")]
        expect(counts[-1:] == [0], "0 RECENT: an earlier session was told of all of them", answer)


def _expect_recent(imap: ImapSession, answer: Answer) -> None:
    counts = [response.number for response in answer.named("RECENT")]
    found = fetched(imap, "1:*", "FLAGS")
    recent = sum("\\recent" in flags(items) for items in found.values())
    expect(counts[-1:] == [recent], f"{recent} RECENT, as many as have \\Recent", counts)


@must("rfc3501/6.3.1/8", "rfc3501/7.1/15")
@given(seen=st.lists(st.integers(1, 4), max_size=4, unique=True))
def check_unseen_names_the_first_unseen_message(folder: Folder, seen: list[int]) -> None:
    """UNSEEN, where it is told, is the number of the first message without \\Seen."""
    with folder.opened([plain()] * 4) as imap:
        for numbers in ([], [1], [2, 4], seen):
            set_up(imap, "STORE 1:* -FLAGS.SILENT (\\Seen)")
            for number in numbers:
                set_up(imap, f"STORE {number} +FLAGS.SILENT (\\Seen)")
            told = _open(imap, folder).code("UNSEEN")
            first = min((n for n in range(1, 5) if n not in numbers), default=None)
            allowed = (None, str(first)) if first else (None,)
            expect(told in allowed, f"UNSEEN {first}", told)


@must("rfc3501/6.3.1/13", "rfc3501/6.3.1/12", "rfc3501/3.2/2")
def check_a_select_that_fails_leaves_none_selected(folder: Folder) -> None:
    """SELECT of a mailbox that is not there is refused, and afterwards none is selected.

    A client that goes on regardless must not delete messages of the mailbox that was open before.
    """
    with folder.opened([plain()]) as imap:
        before = uids(imap)
    for command in (b"SELECT ", b"EXAMINE "):
        # A session each: after so many errors a server may have had enough of such a client.
        with folder.opened_again() as imap:
            answer = imap.command(command + quoted(folder.name + "-missing"))
            expect(not answer.ok, "a refusal: there is no such mailbox", answer.tagged)
            for attempt in ("FETCH 1 (UID)", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"):
                told = imap.command(attempt)
                expect(not told.ok, f"no mailbox to be selected for {attempt}", told.tagged)
    with folder.opened_again() as imap:
        now = uids(imap)
        expect(now == before, f"the messages with UIDs {before}", now)


@must("rfc3501/6.3.1/2")
def check_refuses_a_mailbox_that_is_not_there(folder: Folder) -> None:
    """SELECT and EXAMINE of a mailbox that does not exist are answered NO."""
    with folder.log_in() as imap:
        for command in (b"SELECT ", b"EXAMINE "):
            answer = imap.command(command + quoted(folder.name + "-missing"))
            expect(answer.tagged.name == b"NO", "NO: there is no such mailbox", answer.tagged)


@must("rfc3501/6.3.1/12")
def check_leaves_the_mailbox_selected_before(folder: Folder) -> None:
    """SELECT of another mailbox leaves the one that was selected: commands then speak of the new one alone."""
    with folder.opened([plain()] * 3) as imap, folder_beside(folder) as other:
        imap.append(other, plain(subject=b"the only one"))
        answer = expect_ok(imap.command(b"SELECT " + quoted(other)), "SELECT")
        expect(exists(answer) == 1, "1 EXISTS", answer)
        found = fetched(imap, "1:*", "ENVELOPE")
        if len(found) != 1 or not _subject(found[1].get("ENVELOPE")) == b"the only one":
            raise ViolationError("the one message of the mailbox selected last", str(found)[:300])


def _subject(envelope: Value) -> Value:
    return envelope[1] if isinstance(envelope, list) and len(envelope) > 1 else None
