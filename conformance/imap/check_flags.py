"""Flags and STORE: RFC 3501 §2.3.2, §6.4.6, §7.1."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import (
    SYSTEM_FLAGS,
    by_number,
    expect_ok,
    fetch_items,
    fetched,
    fetched_one,
    flags,
    permanent_flags,
    set_up,
    system_flags,
)
from conformance.imap.session import Answer, ImapSession
from conformance.imap.strategies_messages import in_any_case, plain

POLL_S = 0.02
Flags = frozenset[str]

_flag_sets = st.frozensets(st.sampled_from(sorted(SYSTEM_FLAGS)), max_size=4)


def _kept(folder: Folder, imap: ImapSession) -> Flags:
    """The system flags that can be stored for good here.

    Raises:
        NotApplicableError: there are none.
    """
    kept = permanent_flags(imap.select(folder.name)) & SYSTEM_FLAGS
    if not kept:
        raise not_applicable("PERMANENTFLAGS has no system flag")
    return kept


def _listed(names: Flags) -> str:
    return "(" + " ".join("\\" + name[1:].capitalize() if name[0] == "\\" else name for name in sorted(names)) + ")"


def _some(kept: Flags) -> Flags:
    """One of the flags."""
    return frozenset(sorted(kept)[:1])


def _store(imap: ImapSession, how: str, names: Flags, *, number: int = 1) -> Answer:
    return expect_ok(imap.command(f"STORE {number} {how} {_listed(names)}"), f"STORE {how} {_listed(names)}")


def _append_flagged(folder: Folder, imap: ImapSession, sets: Sequence[Flags]) -> None:
    """Messages with these flags, put there by APPEND so that it is not STORE that the judging of STORE rests on."""
    for names in sets:
        imap.append(folder.name, plain(), flags=_listed(names).strip("()").split())


@contextmanager
def _holding(folder: Folder, choose: Callable[[Flags], Sequence[Flags]]) -> Iterator[tuple[ImapSession, list[Flags]]]:
    """A session with messages that have the flags chosen from those that are kept here, and those flags.

    Raises:
        NotApplicableError: no system flag is kept.
        InconclusiveError: APPEND does not set flags.
    """
    with folder.opened() as imap:
        sets = list(choose(_kept(folder, imap)))
        _append_flagged(folder, imap, sets)
    with folder.opened_again() as imap:
        found = fetched(imap, "1:*", "FLAGS")
        if [system_flags(found[each]) for each in sorted(found)] != sets:
            raise InconclusiveError("APPEND does not set the flags that it is given")
        yield imap, sets


def _expect_flags(imap: ImapSession, wanted: Flags, after: str, *, number: int = 1) -> None:
    got = system_flags(fetched_one(imap, "FLAGS", number=number))
    expect(got == wanted, f"the flags {sorted(wanted)} after {after}", sorted(got))


@must("rfc3501/6.4.6/5", "rfc3501/6.4.6/7")
@given(before=_flag_sets, flags=_flag_sets, silent=st.sampled_from(("", ".SILENT")))
def check_flags_replaces_all_flags(folder: Folder, before: Flags, flags: Flags, silent: str) -> None:
    """FLAGS leaves a message with the flags in the command and no others, and leaves the other messages alone."""
    with _holding(folder, lambda kept: (before & kept, kept, kept, kept)) as (imap, held):
        kept = held[-1]
        for number, then in enumerate((flags & kept, flags & kept, frozenset[str]()), 1):
            _store(imap, "FLAGS" + silent, then, number=number)
            _expect_flags(imap, then, f"FLAGS {_listed(then)} on {_listed(held[number - 1])}", number=number)
        _expect_flags(imap, kept, "STORE of another message", number=4)


@must("rfc3501/6.4.6/8", "rfc3501/6.4.6/10")
@given(before=_flag_sets, flags=_flag_sets, silent=st.sampled_from(("", ".SILENT")))
def check_plus_flags_adds_to_the_flags(folder: Folder, before: Flags, flags: Flags, silent: str) -> None:
    """+FLAGS adds the flags in the command and keeps all others."""
    with _holding(folder, lambda kept: (before & kept, _some(kept), _some(kept), kept)) as (imap, held):
        kept, some = held[-1], _some(held[-1])
        for number, more in enumerate((flags & kept, kept - some, some), 1):
            _store(imap, "+FLAGS" + silent, more, number=number)
            wanted = held[number - 1] | more
            _expect_flags(imap, wanted, f"+FLAGS {_listed(more)} on {_listed(held[number - 1])}", number=number)
        _expect_flags(imap, kept, "STORE of another message", number=4)


@must("rfc3501/6.4.6/11", "rfc3501/6.4.6/13")
@given(before=_flag_sets, flags=_flag_sets, silent=st.sampled_from(("", ".SILENT")))
def check_minus_flags_takes_from_the_flags(folder: Folder, before: Flags, flags: Flags, silent: str) -> None:
    """-FLAGS takes away the flags in the command and keeps all others."""
    with _holding(folder, lambda kept: (before & kept, kept, _some(kept), kept)) as (imap, held):
        kept, some = held[-1], _some(held[-1])
        for number, less in enumerate((flags & kept, some, kept - some), 1):
            _store(imap, "-FLAGS" + silent, less, number=number)
            wanted = held[number - 1] - less
            _expect_flags(imap, wanted, f"-FLAGS {_listed(less)} on {_listed(held[number - 1])}", number=number)
        _expect_flags(imap, kept, "STORE of another message", number=4)


@should("rfc3501/6.4.6/2", "rfc3501/6.4.6/6", "rfc3501/6.4.6/9", "rfc3501/6.4.6/12")
@given(flags=_flag_sets)
def check_tells_all_the_flags_that_a_message_then_has(folder: Folder, flags: Flags) -> None:
    """STORE answers with the flags that each changed message has afterwards, all of them."""
    with _holding(folder, lambda kept: (_some(kept), kept, kept)) as (imap, held):
        kept, some = held[-1], _some(held[-1])
        flags = (flags & kept) | some
        # Each of these changes something, so that there is something to tell.
        for number, how, more in ((1, "+FLAGS", kept - some), (2, "-FLAGS", flags), (3, "FLAGS", kept - some)):
            told = by_number(_store(imap, how, more, number=number)).get(number, {})
            expect("FLAGS" in told, f"FETCH FLAGS in answer to {how} {_listed(more)}", list(told))
            # What the message then has is STORE's affair; what is told has to be just that.
            now, got = system_flags(fetched_one(imap, "FLAGS", number=number)), system_flags(told)
            expect(got == now, f"the flags {sorted(now)} told after {how} {_listed(more)}", sorted(got))


@should("rfc3501/6.4.6/3", "rfc3501/6.4.6/7", "rfc3501/6.4.6/10", "rfc3501/6.4.6/13")
def check_silent_keeps_the_news_away(folder: Folder) -> None:
    """STORE with .SILENT brings no FETCH with the flags that the client can work out for itself."""
    with folder.opened([plain(), plain()]) as imap:
        kept = _kept(folder, imap)
        for how in ("+FLAGS.SILENT", "-FLAGS.SILENT", "FLAGS.SILENT"):
            answer = _store(imap, how, frozenset(sorted(kept)[:2]))
            told = [response for response in answer.named("FETCH") if "FLAGS" in fetch_items(response)]
            expect(not told, f"no FETCH FLAGS in answer to {how}", f"{told[:1] and told[0]}")


def _wait_for_flags(imap: ImapSession, number: int) -> Flags:
    """The flags of a message that this session is told of by NOOP.

    Raises:
        ViolationError: nothing is told within the patience for a reply.
    """
    deadline = time.monotonic() + imap.connection.patience.reply_s
    while True:
        told = by_number(expect_ok(imap.command("NOOP"), "NOOP")).get(number, {})
        if "FLAGS" in told:
            return system_flags(told)
        if time.monotonic() > deadline:
            raise ViolationError(f"FETCH FLAGS for message {number}, which another session changed", "nothing")
        time.sleep(POLL_S)


@should("rfc3501/7/8", "rfc3501/5.2/4")
def check_tells_what_another_session_did_to_flags(folder: Folder) -> None:
    """A session is told by FETCH, without asking, what flags another session has set."""
    with folder.opened([plain(), plain()]) as one, folder.opened_again() as other:
        kept = _kept(folder, one)
        _store(one, "+FLAGS.SILENT", kept, number=2)
        got = _wait_for_flags(other, 2)
        expect(got == kept, f"the flags {sorted(kept)}", sorted(got))


@must("rfc3501/2.3.2/7")
@given(flags=_flag_sets)
def check_shows_flags_to_later_sessions(folder: Folder, flags: Flags) -> None:
    """A change to a permanent flag lasts: a session that comes later sees it."""
    with folder.opened([plain(), plain()]) as imap:
        kept = _kept(folder, imap)
        _store(imap, "+FLAGS", kept)
        _store(imap, "+FLAGS.SILENT", flags & kept, number=2)
    with folder.opened_again() as later:
        _expect_flags(later, kept, "STORE in an earlier session")
        _expect_flags(later, flags & kept, "STORE in an earlier session", number=2)


@must("rfc3501/2.3.2/3", "rfc3501/2.3.2/9", "rfc3501/9/32", "rfc3501/6.4.6/5")
def check_lets_nobody_store_recent(folder: Folder) -> None:
    """\\Recent is not the client's to change, neither by naming it nor by replacing all flags."""
    with folder.opened([plain()]) as one:
        for imap in (one, None):
            if imap is None:
                with folder.opened_again() as other:
                    _try_recent(other)
            else:
                _try_recent(imap)


def _try_recent(imap: ImapSession) -> None:
    before = "\\recent" in flags(fetched_one(imap, "FLAGS"))
    for how in ("+FLAGS (\\Recent)", "-FLAGS (\\Recent)", "FLAGS (\\Recent)", "FLAGS ()", "FLAGS (\\Seen)"):
        imap.command(f"STORE 1 {how}")
        now = "\\recent" in flags(fetched_one(imap, "FLAGS"))
        expect(now == before, f"\\Recent {'still' if before else 'not'} there after STORE {how}", now)


@must("rfc3501/7.1/9")
def check_stores_new_keywords_where_it_says_so(folder: Folder) -> None:
    r"""Where PERMANENTFLAGS has `\*` a keyword that was never used can be stored, and lasts."""
    with folder.opened([plain()]) as imap:
        if "\\*" not in permanent_flags(imap.select(folder.name)):
            raise not_applicable(r"PERMANENTFLAGS has no \*")
        expect_ok(imap.command("STORE 1 +FLAGS (MailspecNew)"), "STORE of a new keyword")
        _expect_keyword(imap)
    with folder.opened_again() as later:
        _expect_keyword(later)


def _expect_keyword(imap: ImapSession) -> None:
    got = flags(fetched_one(imap, "FLAGS"))
    expect("mailspecnew" in got, "the keyword MailspecNew among the flags", sorted(got))


@must("rfc3501/9/5", "rfc3501/9/4")
@given(
    flag=st.sampled_from(("\\Seen", "\\Flagged", "\\Answered")).flatmap(in_any_case),
    words=in_any_case("store +flags fetch uid"),
)
def check_reads_names_in_either_case(folder: Folder, flag: str, words: str) -> None:
    """Commands, data items and system flags mean the same in capitals and small letters."""
    store, how, fetch, item = words.split()
    with folder.opened([plain()]) as imap:
        kept = _kept(folder, imap)
        wanted = frozenset({flag.lower()}) & kept
        expect_ok(imap.command(f"{store} 1 {how} ({flag})"), f"{store} 1 {how} ({flag})")
        _expect_flags(imap, wanted, f"{store} {how} ({flag})")
        told = expect_ok(imap.command(f"{fetch} 1 ({item})"), f"{fetch} 1 ({item})").fetched(1)
        expect("UID" in told, "the UID", list(told))


def _changes(names: Sequence[str]) -> tuple[str, ...]:
    return (*names, "FETCH 1 BODY[]", "FETCH 1 RFC822", "STORE 1 +FLAGS (\\Seen \\Deleted)", "EXPUNGE")


@must("rfc3501/6.3.2/2", "rfc3501/6.3.2/3", "rfc3501/7.1/10")
def check_changes_nothing_of_what_is_only_examined(folder: Folder) -> None:
    """In a mailbox opened by EXAMINE nothing changes for good: no flag, by STORE or by reading, and no message."""
    with folder.opened([plain(), plain()]) as one:
        kept = _kept(folder, one)
        _store(one, "+FLAGS", kept - {"\\seen"}, number=2)
        with folder.opened_again(examine=True) as imap:
            for command in _changes(["FETCH 1 BODY[TEXT]"]):
                imap.command(command)
    with folder.opened_again() as later:
        _expect_flags(later, frozenset(), "EXAMINE and everything that could change it")
        _expect_flags(later, kept - {"\\seen"}, "EXAMINE and everything that could change it", number=2)
        later.command("STORE 2 -FLAGS.SILENT (\\Deleted)")


@must("rfc3501/6.4.3/1")
def check_refuses_expunge_where_only_reading_is_allowed(folder: Folder) -> None:
    """EXPUNGE is refused with NO in a mailbox opened by EXAMINE.

    OK would say that what is flagged \\Deleted is gone, and it is not. CLOSE is the one command that passes over the
    removal without an error (§6.4.2).
    """
    with folder.opened([plain()]) as imap:
        set_up(imap, "STORE 1 +FLAGS.SILENT (\\Deleted)")
    with folder.opened_again(examine=True) as imap:
        if "\\deleted" not in flags(fetched_one(imap, "FLAGS")):
            # There would be nothing to remove, and OK would be the truth.
            raise not_applicable("\\Deleted does not outlast the session")
        answer = imap.command("EXPUNGE")
        expect(answer.tagged.name == b"NO", "NO: the mailbox is read-only", answer)
