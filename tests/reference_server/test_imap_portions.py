"""FETCH and STORE of a lot: out in portions, and what comes after waits (RFC 3501 §5.5; no buffer without a bound)."""

from __future__ import annotations

import pytest

from reference_server.core import MAX_OUTPUT_AT_ONCE_OCTETS, Action
from reference_server.imap.session import State
from reference_server.imap.storing import ANSWERS_AT_ONCE
from reference_server.stores import NewMessage
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import Client, inbox, new_store, octets_of, selected

BODY = b"\r\n" + b"x" * 299_998


def with_much(count: int = 12) -> MemoryStore:
    store = new_store()
    inbox(store).append_all([NewMessage(octets=BODY) for _ in range(count)])
    return store


def portions(client: Client, octets: bytes) -> list[bytes]:
    """What comes at once, and then each time that the client is woken."""
    wakes: list[None] = []
    client.core.request_wake = lambda: wakes.append(None)
    found = [client.core.receive(octets, 0.0)]
    while client.core.busy:
        assert wakes, "busy, and yet nobody is asked to come again"
        wakes.clear()
        found.append(client.core.wake(0.0))
    assert all(len(actions) <= 1 for actions in found)
    return [octets_of(actions) for actions in found]


def test_texts_go_out_in_portions_and_later_commands_wait() -> None:
    client = selected(with_much())
    found = portions(client, b"b FETCH 1:12 BODY.PEEK[]\r\nc FETCH 1 BODY.PEEK[]\r\nd NOOP\r\n")
    assert len(found) == 4
    assert all(len(portion) <= MAX_OUTPUT_AT_ONCE_OCTETS + 2 * len(BODY) for portion in found)
    assert all(portion.count(b" FETCH (") == 4 for portion in found[:3])
    assert found[3].startswith(b"b OK FETCH completed\r\n* 1 FETCH ")
    assert b"".join(found).endswith(b"c OK FETCH completed\r\nd OK NOOP completed\r\n")


def test_data_without_text_goes_out_in_portions_too() -> None:
    store = new_store()
    inbox(store).append_all([NewMessage(octets=b"Subject: %b\r\n\r\n" % (b"x" * 900)) for _ in range(4500)])
    found = portions(selected(store), b"b FETCH 1:* ENVELOPE\r\n")
    assert [portion.count(b" FETCH (") for portion in found] == [2000, 2000, 500]
    assert found[2].endswith(b"b OK FETCH completed\r\n")


def with_long_keywords(count: int) -> MemoryStore:
    store = new_store()
    flags = frozenset(str(digit) * 250 for digit in range(8))
    inbox(store).append_all([NewMessage(octets=b"\r\n", flags=flags) for _ in range(count)])
    return store


def test_the_answer_to_store_goes_out_in_portions_and_later_commands_wait() -> None:
    found = portions(selected(with_long_keywords(1500)), b"b STORE 1:* +FLAGS (\\Seen)\r\nc NOOP\r\n")
    assert len(found) > 2
    assert all(len(portion) <= MAX_OUTPUT_AT_ONCE_OCTETS + ANSWERS_AT_ONCE * 2100 for portion in found)
    assert sum(portion.count(b" FETCH (FLAGS (") for portion in found) == 1500
    assert b"".join(found).endswith(b")\r\nb OK STORE completed\r\nc OK NOOP completed\r\n")


def test_a_store_that_could_not_be_done_for_all_answers_whole_before_its_no() -> None:
    store = with_long_keywords(1500)
    client = selected(store)
    inbox(store).expunge([1500])
    said = b"".join(portions(client, b"b STORE 1:* +FLAGS (\\Seen)\r\n"))
    assert said.count(b" FETCH (FLAGS (") == 1500
    assert b"b NO [EXPUNGEISSUED] " in said.splitlines()[-1]


def test_numbers_stay_until_the_answer_is_whole() -> None:
    store = with_much()
    client = selected(store)
    actions: list[Action] = client.core.receive(b"b UID FETCH 1:12 BODY.PEEK[]\r\n", 0.0)
    inbox(store).expunge([1, 12])
    inbox(store).append(b"new\r\n")
    while client.core.busy:
        actions += client.core.wake(0.0)
    said = octets_of(actions)
    assert b"* 12 FETCH (UID 12 BODY[] {300000}\r\n" in said
    assert said.endswith(b")\r\n* 1 EXPUNGE\r\n* 11 EXPUNGE\r\n* 11 EXISTS\r\n* 11 RECENT\r\nb OK FETCH completed\r\n")


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind() -> None:
    client = selected(with_much())
    client.core.receive(b"b FETCH 1:12 BODY.PEEK[]\r\n", 0.0)
    assert client.core.busy
    client.core.disconnected()
    assert client.core.rest is None
    assert not client.core.busy
    assert client.core.wake(0.0) == []


def test_a_client_that_reads_too_slowly_gets_bye_and_no_more() -> None:
    client = selected(with_much())
    client.core.receive(b"b FETCH 1:12 BODY.PEEK[]\r\n", 0.0)
    assert octets_of(client.core.timer(10_000.0)) == b"* BYE idle for too long\r\n<Close>\r\n"
    assert client.core.state is State.LOGOUT
    assert client.core.wake(0.0) == []


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_little_comes_at_once(count: int) -> None:
    assert len(portions(selected(with_much(count)), b"b FETCH 1:* BODY.PEEK[]\r\n")) == 1
