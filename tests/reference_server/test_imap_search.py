"""SEARCH with its extensions, as dialogues (RFC 4731, RFC 5182, RFC 5032, RFC 8514, RFC 9051 §6.4.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from conformance.wire.imap_grammar import recognise
from reference_server.core import Settings
from reference_server.imap.core import ImapCore
from reference_server.imap.uidsets import Uids
from reference_server.stores import StoredMessage
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, Client, inbox, logged_in, new_store, selected


@pytest.fixture
def store() -> MemoryStore:
    """UIDs 2 to 6 as numbers 1 to 5; 3 and 5 are flagged."""
    store = new_store()
    for number in range(6):
        flags = ["\\Flagged"] if number in (2, 4) else []
        inbox(store).append(b"Subject: m%d\r\n\r\nx\r\n" % number, flags=flags, internal_date=NOON)
    inbox(store).expunge([1])
    return store


def lines_are_well_formed(said: bytes) -> bool:
    """Whether the judge's recogniser has nothing against any line."""
    return not any(recognise(line) for line in said.splitlines(keepends=True))


def test_a_saved_result_stands_for_a_set(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: a SEARCH RETURN (SAVE) FLAGGED
        S: a OK SEARCH completed
        C: b FETCH $ UID
        S: * 2 FETCH (UID 3)
        S: * 4 FETCH (UID 5)
        S: b OK FETCH completed
        C: c UID FETCH $ UID
        S: * 2 FETCH (UID 3)
        S: * 4 FETCH (UID 5)
        S: c OK FETCH completed
        C: d UID SEARCH UID $ SUBJECT m4
        S: * SEARCH 5
        S: d OK SEARCH completed
        C: e SEARCH NOT $
        S: * SEARCH 1 3 5
        S: e OK SEARCH completed
        C: f SEARCH OR $ 1,5
        S: * SEARCH 1 2 4 5
        S: f OK SEARCH completed
        C: g FETCH 4:5,1,$ UID
        S: * 1 FETCH (UID 2)
        S: * 2 FETCH (UID 3)
        S: * 4 FETCH (UID 5)
        S: * 5 FETCH (UID 6)
        S: g OK FETCH completed
        C: h FETCH $,1 UID
        S: h BAD expected one space
        """
    )


def test_a_saved_result_loses_what_is_expunged(store: MemoryStore) -> None:
    client = selected(store)
    client.say(b"a SEARCH RETURN (SAVE) FLAGGED\r\n")
    inbox(store).expunge([2, 3])
    client.play(
        """
        C: b NOOP
        S: * 1 EXPUNGE
        S: * 1 EXPUNGE
        S: b OK NOOP completed
        C: c FETCH $ UID
        S: * 2 FETCH (UID 5)
        S: c OK FETCH completed
        """
    )


@pytest.mark.parametrize(
    ("options", "data", "saved"),
    [
        ("SAVE", "", "2 4"),
        ("SAVE ALL", " ALL 2,4", "2 4"),
        ("SAVE COUNT", " COUNT 2", "2 4"),
        ("SAVE MIN", " MIN 2", "2"),
        ("MAX SAVE", " MAX 4", "4"),
        ("MAX SAVE MIN", " MAX 4 MIN 2", "2 4"),
        ("MAX SAVE MIN COUNT", " MAX 4 MIN 2 COUNT 2", "2 4"),
        ("MIN ALL SAVE", " MIN 2 ALL 2,4", "2 4"),
        ("SAVE PARTIAL 2:1", " PARTIAL (2:1 2,4)", "2 4"),
        ("PARTIAL 2:9", " PARTIAL (2:9 4)", ""),
        ("PARTIAL 3:9 COUNT", " PARTIAL (3:9 NIL) COUNT 2", ""),
    ],
)
def test_what_is_saved_goes_with_the_other_options(store: MemoryStore, options: str, data: str, saved: str) -> None:
    client = selected(store)
    said = client.say(b"a SEARCH RETURN (%b) FLAGGED\r\n" % options.encode())
    extended = f'* ESEARCH (TAG "a"){data}\r\n' if data else ""
    assert said.decode() == extended + "a OK SEARCH completed\r\n"
    assert lines_are_well_formed(said)
    assert client.say(b"b SEARCH $\r\n").decode().split("\r\n")[0] == " ".join(["* SEARCH", *saved.split()])


@pytest.mark.parametrize("options", ["SAVE MIN", "SAVE MAX", "SAVE", "SAVE MIN MAX"])
def test_nothing_found_saves_nothing(store: MemoryStore, options: str) -> None:
    client = selected(store)
    client.say(b"a SEARCH RETURN (SAVE) ALL\r\n")
    client.say(b"b SEARCH RETURN (%b) SEEN\r\n" % options.encode())
    client.play(
        """
        C: c SEARCH $
        S: * SEARCH
        S: c OK SEARCH completed
        C: d COPY $ INBOX
        S: d OK COPY completed
        C: e STORE $ +FLAGS (\\Seen)
        S: e OK STORE completed
        """
    )


@pytest.mark.parametrize(
    ("command", "completion", "saved"),
    [
        ("SEARCH RETURN (SAVE) XYZZY", "BAD", "2 4"),
        ("SEARCH CHARSET X-NONE ALL", "NO", "2 4"),
        ("SEARCH RETURN (ALL) ALL", "OK", "2 4"),
        ("SEARCH RETURN (SAVE) CHARSET X-NONE ALL", "NO", ""),
        ("SEARCH RETURN (SAVE COUNT) TEXT {1+}\r\n\xff", "NO", ""),
        ("EXAMINE INBOX", "OK", ""),
    ],
)
def test_what_becomes_of_a_saved_result(store: MemoryStore, command: str, completion: str, saved: str) -> None:
    client = selected(store)
    client.say(b"a SEARCH RETURN (SAVE) FLAGGED\r\n")
    said = client.say(b"b " + command.encode("latin-1") + b"\r\n")
    assert said.split(b"\r\n")[-2].startswith(b"b " + completion.encode())
    assert client.say(b"c SEARCH $\r\n").decode().split("\r\n")[0] == " ".join(["* SEARCH", *saved.split()])


def test_a_result_that_is_not_saved_is_not_told_either(store: MemoryStore) -> None:
    class Forgetful(ImapCore):
        def may_save(self, uids: Uids) -> bool:
            return 6 not in uids

    client = selected(store, core=Forgetful)
    client.play(
        """
        C: a SEARCH RETURN (SAVE) FLAGGED
        S: a OK SEARCH completed
        C: b SEARCH RETURN (SAVE COUNT) ALL
        S: b NO [NOTSAVED] too much to remember
        C: c SEARCH $
        S: * SEARCH
        S: c OK SEARCH completed
        """
    )


def test_the_variable_is_empty_at_first(store: MemoryStore) -> None:
    assert selected(store).say(b"a UID SEARCH UID $\r\n") == b"* SEARCH\r\na OK SEARCH completed\r\n"


def test_options_that_do_not_go_together_are_bad(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: a SEARCH RETURN (ALL PARTIAL 1:2) ALL
        S: a BAD one PARTIAL or one ALL, no more
        C: b SEARCH RETURN (PARTIAL 1:2 PARTIAL 2:3) ALL
        S: b BAD one PARTIAL or one ALL, no more
        C: c SEARCH RETURN (PARTIAL 1) ALL
        S: c BAD expected a colon
        C: d SEARCH RETURN (PARTIAL 0:1) ALL
        S: d BAD expected a number above zero
        C: e SEARCH RETURN (PARTIAL) ALL
        S: e BAD expected one space
        C: f SEARCH RETURN (COUNT MIN)
        S: f BAD expected one space
        C: g SEARCH RETURN MIN ALL
        S: g BAD expected '('
        """
    )


def clock_at(moment: datetime) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: moment


@pytest.mark.parametrize(
    ("keys", "numbers"),
    [
        ("OLDER 60", "1 2"),
        ("OLDER 61", "1"),
        ("OLDER 120", "1"),
        ("OLDER 121", ""),
        ("YOUNGER 60", "2 3"),
        ("YOUNGER 59", "3"),
        ("YOUNGER 120 NOT YOUNGER 60", "1"),
    ],
)
def test_ages_are_reckoned_to_the_second(keys: str, numbers: str) -> None:
    store = new_store()
    for age_s in (120, 60, 0.4):
        inbox(store).append(b"x\r\n", internal_date=NOON - timedelta(seconds=age_s))
    settings = Settings(wall_clock=clock_at(NOON + timedelta(seconds=0.2)))
    client = logged_in(store, settings=settings)
    client.say(b"s SELECT INBOX\r\n")
    said = client.say(b"a SEARCH %b\r\n" % keys.encode())
    assert said.decode() == " ".join(["* SEARCH", *numbers.split()]) + "\r\na OK SEARCH completed\r\n"


@pytest.mark.parametrize("keys", ["OLDER 0", "YOUNGER", "OLDER x", "YOUNGER 4294967296"])
def test_ages_that_are_none_are_bad(store: MemoryStore, keys: str) -> None:
    assert selected(store).say(b"a SEARCH %b\r\n" % keys.encode()).startswith(b"a BAD ")


class Dated(ImapCore):
    """Saves on the day whose number the UID is."""

    def saved_date(self, message: StoredMessage) -> datetime:
        return datetime(2026, 3, message.uid, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("keys", "numbers"),
    [
        ("SAVEDBEFORE 3-Mar-2026", "1"),
        ("SAVEDON 3-Mar-2026", "2"),
        ("SAVEDSINCE 3-Mar-2026", "2 3 4 5"),
        ("SAVEDATESUPPORTED", "1 2 3 4 5"),
    ],
)
def test_save_dates_are_searched_by_day(store: MemoryStore, keys: str, numbers: str) -> None:
    said = selected(store, core=Dated).say(b"a SEARCH %b\r\n" % keys.encode())
    assert said.decode() == f"* SEARCH {numbers}\r\na OK SEARCH completed\r\n"


def test_a_copy_is_saved_when_it_is_made() -> None:
    store = new_store()
    inbox(store).append(b"x\r\n", internal_date=datetime(2020, 1, 1, tzinfo=UTC))
    client = selected(store)
    assert client.say(b"a SEARCH SAVEDSINCE 1-Jan-2021\r\n").startswith(b"* SEARCH 1\r\n")
    assert client.say(b"b SEARCH SINCE 1-Jan-2021\r\n").startswith(b"* SEARCH\r\n")


def test_without_save_dates_internal_dates_stand_in(store: MemoryStore) -> None:
    class Dateless(ImapCore):
        def knows_save_dates(self) -> bool:
            return False

    selected(store, core=Dateless).play(
        """
        C: a SEARCH SAVEDATESUPPORTED
        S: * SEARCH
        S: a OK SEARCH completed
        C: b SEARCH SAVEDON 1-Mar-2026
        S: * SEARCH 1 2 3 4 5
        S: b OK SEARCH completed
        """
    )


def with_enabled(store: MemoryStore, *names: bytes) -> Client:
    """A session with INBOX selected in which these capabilities are enabled."""
    client = selected(store)
    client.core.enabled |= set(names)
    return client


def test_imap4rev2_answers_with_esearch_and_takes_utf8(store: MemoryStore) -> None:
    with_enabled(store, b"IMAP4REV2").play(
        """
        C: a SEARCH FLAGGED
        S: * ESEARCH (TAG "a") ALL 2,4
        S: a OK SEARCH completed
        C: b UID SEARCH SEEN
        S: * ESEARCH (TAG "b") UID
        S: b OK SEARCH completed
        C: c SEARCH RETURN (COUNT) SUBJECT {2+}
        C: \xc3\xa4
        S: * ESEARCH (TAG "c") COUNT 0
        S: c OK SEARCH completed
        C: d SEARCH CHARSET US-ASCII RETURN
        S: d BAD no such search key
        """
    )


def test_utf8_accept_takes_no_charset(store: MemoryStore) -> None:
    with_enabled(store, b"UTF8=ACCEPT").play(
        """
        C: a SEARCH CHARSET UTF-8 ALL
        S: a BAD no charset once UTF8=ACCEPT is enabled
        C: b SEARCH SUBJECT {2+}
        C: \xc3\xa4
        S: * SEARCH
        S: b OK SEARCH completed
        """
    )


def test_costly_keys_come_last_and_change_nothing(store: MemoryStore) -> None:
    asked: list[str] = []

    class Watched(ImapCore):
        def search_text(self, candidate: object, text: str) -> bool:
            asked.append(text)
            return True

    client = selected(store, core=Watched)
    assert client.say(b"a SEARCH TEXT x SENTON 1-Jan-2020 2\r\n").startswith(b"* SEARCH\r\n")
    assert client.say(b"b SEARCH OR (TEXT y) 1:*\r\n").startswith(b"* SEARCH 1 2 3 4 5\r\n")
    assert asked == []
    assert client.say(b"c SEARCH NOT TEXT z FLAGGED\r\n").startswith(b"* SEARCH\r\n")
    assert asked == ["Z", "Z"]


@pytest.mark.parametrize("keys", [b"1:*", b"$", b"1:*,$", b"UID 1:4294967295,$"])
def test_a_thousand_sets_take_no_more_room_than_they_are_long(store: MemoryStore, keys: bytes) -> None:
    for _ in range(2000):
        inbox(store).append(b"x\r\n")
    client = selected(store)
    client.say(b"a SEARCH RETURN (SAVE) ALL\r\n")
    said = client.say(b"b SEARCH " + b" ".join([keys] * 900) + b"\r\n")
    assert said.startswith(b"* SEARCH 1 2 3 ")
    assert said.endswith(b" 2005\r\nb OK SEARCH completed\r\n")


def test_sets_of_uids_name_what_they_name() -> None:
    uids = Uids.of([9, 1, 2, 3, 9, 5])
    assert uids.ranges == [(1, 3), (5, 5), (9, 9)]
    assert [uid for uid in range(11) if uid in uids] == [1, 2, 3, 5, 9]
    both = Uids([(7, 8)], uids)
    assert both.ranges == [(1, 3), (5, 5), (7, 8), (9, 9)]
    assert [uid for uid in range(11) if uid in both] == [1, 2, 3, 5, 7, 8, 9]
