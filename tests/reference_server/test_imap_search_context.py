"""Results that are kept up to date (RFC 5267 §4.3): what a client that follows them has is what a new search finds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.wire.imap_grammar import recognise
from reference_server.core import Settings
from reference_server.imap.context import MAX_CONTEXTS
from reference_server.imap.core import ImapCore
from reference_server.imap.literals import Line
from reference_server.stores import Changes
from reference_server.stores.mailbox import MemoryMailbox
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, inbox, logged_in, new_store, octets_of, selected


@pytest.fixture
def store() -> MemoryStore:
    """UIDs 2 to 5 as numbers 1 to 4; 3 and 5 are flagged."""
    store = new_store()
    for number in range(5):
        flags = ["\\Flagged"] if number in (2, 4) else []
        inbox(store).append(b"Subject: %d\r\n\r\n" % (9 - number), flags=flags, internal_date=NOON)
    inbox(store).expunge([1])
    return store


def test_changes_of_flags_add_and_remove(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: a UID SEARCH RETURN (UPDATE COUNT) FLAGGED
        S: * ESEARCH (TAG "a") UID COUNT 2
        S: a OK SEARCH completed
        C: b SEARCH RETURN (UPDATE CONTEXT ALL) UNFLAGGED
        S: * ESEARCH (TAG "b") ALL 1,3
        S: b OK SEARCH completed
        C: c STORE 1,3 +FLAGS.SILENT (\\Flagged)
        S: * ESEARCH (TAG "a") UID ADDTO (0 2,4)
        S: * ESEARCH (TAG "b") REMOVEFROM (0 1,3)
        S: c OK STORE completed
        C: d STORE 4 FLAGS (\\Seen)
        S: * 4 FETCH (FLAGS (\\Recent \\Seen))
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 5)
        S: * ESEARCH (TAG "b") ADDTO (0 4)
        S: d OK STORE completed
        C: e NOOP
        S: e OK NOOP completed
        """
    )


def test_what_flags_of_others_bring_about_is_told_after_them(store: MemoryStore) -> None:
    """RFC 5465 §5.1: the FETCH response comes first."""
    client = selected(store)
    client.say(b"a SEARCH RETURN (UPDATE) UNFLAGGED\r\n")
    inbox(store).set_flags({2: ["\\Flagged"]})
    client.play(
        """
        C: b NOOP
        S: * 1 FETCH (FLAGS (\\Flagged \\Recent))
        S: * ESEARCH (TAG "a") REMOVEFROM (0 1)
        S: b OK NOOP completed
        """
    )


def test_expunges_are_told_before_and_arrivals_after(store: MemoryStore) -> None:
    client = selected(store)
    client.say(b"a SEARCH RETURN (UPDATE) ALL\r\n")
    inbox(store).expunge([3, 4])
    inbox(store).append(b"x\r\n")
    client.play(
        """
        C: b FETCH 1 UID
        S: * 1 FETCH (UID 2)
        S: * ESEARCH (TAG "a") REMOVEFROM (0 2:3)
        S: * 5 EXISTS
        S: * 5 RECENT
        S: * ESEARCH (TAG "a") ADDTO (0 5)
        S: b OK FETCH completed
        C: c NOOP
        S: * 2 EXPUNGE
        S: * 2 EXPUNGE
        S: c OK NOOP completed
        C: d EXPUNGE
        S: d OK EXPUNGE completed
        """
    )


def test_what_came_before_the_search_but_was_not_told_is_added(store: MemoryStore) -> None:
    client = selected(store)
    inbox(store).append(b"x\r\n")
    client.play(
        """
        C: a SEARCH RETURN (UPDATE COUNT) ALL
        S: * ESEARCH (TAG "a") COUNT 4
        S: * 5 EXISTS
        S: * 5 RECENT
        S: * ESEARCH (TAG "a") ADDTO (0 5)
        S: a OK SEARCH completed
        """
    )


def test_numbers_in_the_keys_are_those_of_the_command(store: MemoryStore) -> None:
    client = selected(store)
    client.say(b"a SEARCH RETURN (UPDATE) 2:4 UNSEEN\r\n")
    inbox(store).expunge([2])
    client.play(
        """
        C: b NOOP
        S: * 1 EXPUNGE
        S: b OK NOOP completed
        C: c STORE 3 +FLAGS (\\Seen)
        S: * 3 FETCH (FLAGS (\\Flagged \\Recent \\Seen))
        S: * ESEARCH (TAG "a") REMOVEFROM (0 3)
        S: c OK STORE completed
        """
    )


def test_sorted_results_are_told_with_places(store: MemoryStore) -> None:
    client = selected(store)
    client.play(
        """
        C: a UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED
        S: * ESEARCH (TAG "a") UID ALL 5,4,3,2
        S: a OK SORT completed
        C: b SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 UNDELETED
        S: * ESEARCH (TAG "b") ALL 1:4
        S: b OK SORT completed
        C: c STORE 2,3 +FLAGS.SILENT (\\Deleted)
        S: * ESEARCH (TAG "a") UID REMOVEFROM (2 4,3)
        S: * ESEARCH (TAG "b") REMOVEFROM (2 2:3)
        S: c OK STORE completed
        C: d STORE 2,1,4 -FLAGS.SILENT (\\Deleted)
        S: * ESEARCH (TAG "a") UID ADDTO (2 3)
        S: * ESEARCH (TAG "b") ADDTO (2 2)
        S: d OK STORE completed
        C: e STORE 1,2,4 +FLAGS.SILENT (\\Deleted)
        S: * ESEARCH (TAG "a") UID REMOVEFROM (1 5,3,2)
        S: * ESEARCH (TAG "b") REMOVEFROM (1 1:2,4)
        S: e OK STORE completed
        C: f STORE 1,2,3 -FLAGS.SILENT (\\Deleted)
        S: * ESEARCH (TAG "a") UID ADDTO (1 4,3,2)
        S: * ESEARCH (TAG "b") ADDTO (1 1:3)
        S: f OK STORE completed
        C: g STORE 1,3 +FLAGS.SILENT (\\Deleted)
        S: * ESEARCH (TAG "a") UID REMOVEFROM (3 2 1 4)
        S: * ESEARCH (TAG "b") REMOVEFROM (3 3 1 1)
        S: g OK STORE completed
        """
    )


def test_updates_end_when_they_are_cancelled_or_the_mailbox_is_left(store: MemoryStore) -> None:
    client = selected(store)
    client.play(
        """
        C: a SEARCH RETURN (UPDATE COUNT) FLAGGED
        S: * ESEARCH (TAG "a") COUNT 2
        S: a OK SEARCH completed
        C: a SORT RETURN (UPDATE) (DATE) UTF-8 FLAGGED
        S: a BAD that tag has a result that is being updated
        C: a SEARCH RETURN (COUNT) FLAGGED
        S: * ESEARCH (TAG "a") COUNT 2
        S: a OK SEARCH completed
        C: b CANCELUPDATE "a" "x"
        S: b OK CANCELUPDATE completed
        C: c STORE 1 +FLAGS.SILENT (\\Flagged)
        S: c OK STORE completed
        C: a SEARCH RETURN (UPDATE) FLAGGED
        S: * ESEARCH (TAG "a")
        S: a OK SEARCH completed
        """
    )
    client.say(b"d EXAMINE INBOX\r\n")
    client.play(
        """
        C: a SEARCH RETURN (UPDATE) FLAGGED
        S: * ESEARCH (TAG "a")
        S: a OK SEARCH completed
        C: e CANCELUPDATE
        S: e BAD expected one space
        C: f CANCELUPDATE a
        S: f BAD expected a quoted tag
        """
    )


def test_no_more_results_are_updated_than_there_is_room_for(store: MemoryStore) -> None:
    client = selected(store)
    for number in range(MAX_CONTEXTS):
        assert b"NOUPDATE" not in client.say(b"a%d SEARCH RETURN (UPDATE) ALL\r\n" % number)
    said = client.say(b"b UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL\r\n")
    assert said == (
        b'* ESEARCH (TAG "b") UID COUNT 4\r\n'
        b'* NO [NOUPDATE "b"] too many results are being updated\r\n'
        b"b OK SORT completed\r\n"
    )
    assert not any(recognise(line) for line in said.splitlines(keepends=True))
    client.say(b'c CANCELUPDATE "a3"\r\n')
    assert b"NOUPDATE" not in client.say(b"d SEARCH RETURN (UPDATE) ALL\r\n")


def test_updates_come_while_idling(store: MemoryStore) -> None:
    client = selected(store)
    client.say(b"a SEARCH RETURN (UPDATE) FLAGGED\r\n")
    client.say(b"b IDLE\r\n")
    inbox(store).set_flags({2: ["\\Flagged"]})
    assert octets_of(client.core.wake(1.0)) == (
        b'* 1 FETCH (FLAGS (\\Flagged \\Recent))\r\n* ESEARCH (TAG "a") ADDTO (0 1)\r\n'
    )


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.moment


def test_results_that_age_are_looked_at_now_and_then(store: MemoryStore) -> None:
    clock = Clock()
    client = logged_in(store, settings=Settings(wall_clock=clock))
    client.say(b"s SELECT INBOX\r\n")
    client.say(b"a SEARCH RETURN (UPDATE) OR YOUNGER 5 OLDER 60\r\n")
    for after_s, data in ((6, b""), (11, b"REMOVEFROM"), (20, b""), (61, b"ADDTO"), (62, b""), (100, b"")):
        clock.moment = NOON + timedelta(seconds=after_s)
        said = client.say(b"b NOOP\r\n")
        assert said == (b'* ESEARCH (TAG "a") %b (0 1:4)\r\n' % data if data else b"") + b"b OK NOOP completed\r\n"


def test_what_is_gone_but_still_counted_does_not_become_a_result_by_ageing(store: MemoryStore) -> None:
    clock = Clock()
    client = logged_in(store, settings=Settings(wall_clock=clock))
    client.say(b"s SELECT INBOX\r\n")
    client.say(b"a SEARCH RETURN (UPDATE) OLDER 60\r\n")
    inbox(store).expunge([2])
    clock.moment = NOON + timedelta(seconds=61)
    # FETCH by number keeps the numbers as they are (RFC 3501 §7.4.1).
    assert client.say(b"b FETCH 4 UID\r\n") == (
        b'* 4 FETCH (UID 5)\r\n* ESEARCH (TAG "a") ADDTO (0 2:4)\r\nb OK FETCH completed\r\n'
    )


def test_a_mailbox_that_has_forgotten_its_changes_is_looked_at_as_a_whole(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = selected(store)
    client.say(b"a SEARCH RETURN (UPDATE) FLAGGED\r\n")

    def forgotten(self: MemoryMailbox, modseq: int) -> Changes | None:
        return None

    monkeypatch.setattr(MemoryMailbox, "changes_since", forgotten)
    inbox(store).set_flags({2: ["\\Flagged"], 3: []})
    said = client.say(b"b NOOP\r\n")
    assert b'* ESEARCH (TAG "a") REMOVEFROM (0 2)\r\n' in said
    assert b'* ESEARCH (TAG "a") ADDTO (0 1)\r\n' in said


def test_what_is_expunged_at_the_last_moment_is_told_all_the_same(store: MemoryStore) -> None:
    class Late(ImapCore):
        """Another session expunges between a look at the results and the EXPUNGE responses."""

        def may_tell_expunges(self) -> bool:
            inbox(store).expunge([4])
            self.selected.refresh()
            return super().may_tell_expunges()

        def on_done(self, line: Line) -> None:
            raise AssertionError

    client = selected(store, core=Late)
    client.say(b"a UID SEARCH RETURN (UPDATE) ALL\r\n")
    inbox(store).expunge([2])
    client.play(
        """
        C: b NOOP
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 2)
        S: * ESEARCH (TAG "a") UID REMOVEFROM (0 4)
        S: * 1 EXPUNGE
        S: * 2 EXPUNGE
        S: b OK NOOP completed
        """
    )


def expanded(text: bytes) -> list[int]:
    """The members of a set, as they are listed."""
    found: list[int] = []
    for item in text.split(b","):
        low, _, high = item.partition(b":")
        found += range(int(low), int(high or low) + 1)
    return found


class Follower:
    """A client's list of results, changed by nothing but what it is told."""

    def __init__(self, first: bytes) -> None:
        said = re.search(rb" ALL (\S+)", first)
        self.results = expanded(said[1]) if said else []

    def hear(self, tag: bytes, said: bytes, *, uid: bool) -> None:
        """Apply ADDTO, REMOVEFROM and EXPUNGE in their order."""
        for line in said.split(b"\r\n"):
            assert not recognise(line + b"\r\n") or not line
            if found := re.fullmatch(rb"\* (\d+) EXPUNGE", line):
                number = int(found[1])
                if not uid:
                    assert number not in self.results
                    self.results = [each - (each > number) for each in self.results]
            elif found := re.fullmatch(rb'\* ESEARCH \(TAG "%b"\)(?: UID)? (\w+) \((.*)\)' % tag, line):
                words = found[2].split(b" ")
                for place, members in zip(words[::2], words[1::2], strict=True):
                    self.apply(found[1], int(place), expanded(members))

    def apply(self, name: bytes, place: int, members: list[int]) -> None:
        """One pair."""
        if name == b"ADDTO":
            assert not set(members) & set(self.results)
            if place:
                assert place <= len(self.results) + 1
                self.results[place - 1 : place - 1] = members
            else:
                self.results = sorted(self.results + members)
        elif place:
            assert self.results[place - 1 : place - 1 + len(members)] == members
            del self.results[place - 1 : place - 1 + len(members)]
        else:
            assert set(members) <= set(self.results)
            self.results = [each for each in self.results if each not in members]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("flag"), st.integers(1, 8), st.booleans()),
        st.tuples(st.just("expunge"), st.integers(1, 8), st.booleans()),
        st.tuples(st.just("append"), st.integers(0, 3), st.booleans()),
        st.tuples(
            st.just("say"), st.sampled_from(["NOOP", "FETCH 1 UID", "UID FETCH 1 UID", "EXPUNGE"]), st.booleans()
        ),
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_a_client_that_follows_has_what_a_new_search_finds(steps: list[tuple[str, int | str, bool]]) -> None:
    store = new_store()
    box = inbox(store)
    for number in range(4):
        box.append(b"Subject: %d\r\n\r\n" % (number * 7 % 5), flags=["\\Flagged"] if number % 2 else [])
    client = selected(store)
    commands = [
        b"UID SORT RETURN (%b) (SUBJECT REVERSE SIZE) UTF-8 FLAGGED",
        b"SORT RETURN (%b) (REVERSE SUBJECT) UTF-8 UNFLAGGED",
        b"SEARCH RETURN (%b) FLAGGED",
        b"UID SEARCH RETURN (%b) UNFLAGGED",
    ]
    followers = [
        Follower(client.say(b"t%d " % at + command % b"ALL UPDATE" + b"\r\n")) for at, command in enumerate(commands)
    ]
    for kind, argument, choice in [*steps, ("say", "NOOP", True)]:
        if kind == "flag":
            assert isinstance(argument, int)
            box.set_flags({argument: ["\\Flagged"] if choice else []})
        elif kind == "expunge":
            assert isinstance(argument, int)
            box.expunge([argument])
        elif kind == "append":
            box.append(b"Subject: %b\r\n\r\n" % str(argument).encode(), flags=["\\Flagged"] if choice else [])
        else:
            said = client.say(b"b %b\r\n" % str(argument).encode())
            for at, follower in enumerate(followers):
                follower.hear(b"t%d" % at, said, uid=commands[at].startswith(b"UID"))
    for follower, command in zip(followers, commands, strict=True):
        assert follower.results == Follower(client.say(b"c " + command % b"ALL" + b"\r\n")).results
