"""Two sessions on one mailbox: what each is told, and when (RFC 3501 §5.2, §5.5, §7.4.1; RFC 2177, RFC 2180)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import pytest

from reference_server.imap.core import ImapCore
from reference_server.stores import NOTHING_KNOWN, StoredMessage
from reference_server.stores.mailbox import MemoryMailbox
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import Client, inbox, logged_in, new_store, octets_of, selected


def with_messages(count: int) -> MemoryStore:
    store = new_store()
    for number in range(1, count + 1):
        inbox(store).append(b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number))
    return store


def test_numbers_stay_while_commands_by_number_are_answered() -> None:
    store = with_messages(4)
    first, second = selected(store), selected(store)
    second.say(b"b STORE 2:3 +FLAGS.SILENT (\\Deleted)\r\nc EXPUNGE\r\n")
    inbox(store).append(b"new\r\n")
    first.play(
        """
        C: b FETCH 4 UID
        S: * 4 FETCH (UID 4)
        S: * 5 EXISTS
        S: * 5 RECENT
        S: b OK FETCH completed
        C: c FETCH 2 BODY.PEEK[TEXT]
        S: * 2 FETCH (BODY[TEXT] {8}
        S: body 2
        S: )
        S: c OK FETCH completed
        C: d SEARCH ALL
        S: * SEARCH 1 4 5
        S: d OK SEARCH completed
        C: e STORE 2,4 +FLAGS (\\Seen)
        S: * 2 FETCH (FLAGS (\\Recent))
        S: * 4 FETCH (FLAGS (\\Recent \\Seen))
        S: e NO [EXPUNGEISSUED] some of the messages are no more
        C: g UID STORE 2,4 +FLAGS.SILENT (\\Flagged)
        S: * 2 EXPUNGE
        S: * 2 EXPUNGE
        S: g OK STORE completed
        C: h FETCH 2 (UID FLAGS)
        S: * 2 FETCH (UID 4 FLAGS (\\Flagged \\Recent \\Seen))
        S: h OK FETCH completed
        """
    )


def test_copy_of_a_message_that_is_no_more_copies_none() -> None:
    store = with_messages(2)
    first = selected(store)
    inbox(store).expunge([1])
    first.play(
        """
        C: b COPY 1:2 INBOX
        S: * 1 EXPUNGE
        S: b NO [EXPUNGEISSUED] some of the messages are no more
        C: c NOOP
        S: c OK NOOP completed
        """
    )


def test_flags_set_elsewhere_are_told_once() -> None:
    store = with_messages(3)
    first, second = selected(store), selected(store)
    first.play(
        """
        C: b STORE 1,3 FLAGS (\\Seen blue)
        S: * FLAGS …
        S: * OK [PERMANENTFLAGS …
        S: * 1 FETCH (FLAGS (\\Recent \\Seen blue))
        S: * 3 FETCH (FLAGS (\\Recent \\Seen blue))
        S: b OK STORE completed
        """
    )
    second.play(
        """
        C: b NOOP
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft blue)
        S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft blue \\*)] flags that stay
        S: * 1 FETCH (FLAGS (\\Seen blue))
        S: * 3 FETCH (FLAGS (\\Seen blue))
        S: b OK NOOP completed
        C: c NOOP
        S: c OK NOOP completed
        C: d UID FETCH 1 UID
        S: * 1 FETCH (UID 1)
        S: d OK FETCH completed
        """
    )


def test_silent_store_still_tells_what_others_did() -> None:
    store = with_messages(2)
    client = selected(store)
    inbox(store).set_flags({1: ["\\Answered"]})
    client.play(
        """
        C: b STORE 2 +FLAGS.SILENT (\\Seen)
        S: * 1 FETCH (FLAGS (\\Answered \\Recent))
        S: b OK STORE completed
        """
    )


def test_silent_store_tells_what_did_not_come_out_as_asked() -> None:
    store = with_messages(1)
    client = selected(store)
    box = inbox(store)
    kept = box.set_flags

    def meddling(changes: Mapping[int, Iterable[str]], *, known: Mapping[int, int] = NOTHING_KNOWN) -> frozenset[int]:
        return kept({uid: {*flags, "\\Draft"} for uid, flags in changes.items()}, known=known)

    box.set_flags = meddling  # type: ignore[method-assign]
    client.play(
        """
        C: b STORE 1 +FLAGS.SILENT (\\Seen)
        S: * 1 FETCH (FLAGS (\\Draft \\Recent \\Seen))
        S: b OK STORE completed
        """
    )


def test_what_another_thread_does_to_the_flags_meanwhile_is_not_undone() -> None:
    store = with_messages(2)
    client = selected(store)
    with_another_thread(inbox(store), 2)
    client.play(
        """
        C: b STORE 1:2 +FLAGS (\\Seen)
        S: * 1 FETCH (FLAGS (\\Recent \\Seen))
        S: * 2 FETCH (FLAGS (\\Flagged \\Recent \\Seen))
        S: b OK STORE completed
        """
    )


def test_a_message_that_another_thread_flags_while_it_is_read_keeps_that_flag() -> None:
    store = with_messages(1)
    client = selected(store)
    with_another_thread(inbox(store), 1)
    assert b"FLAGS (\\Flagged \\Recent \\Seen)" in client.say(b"b FETCH 1 BODY[]\r\n")


def with_another_thread(box: MemoryMailbox, uid: int) -> None:
    """Have another thread flag that message at the worst moment: after the core has looked, before it changes flags."""
    kept = box.set_flags
    came: list[int] = []

    def second(changes: Mapping[int, Iterable[str]], *, known: Mapping[int, int] = NOTHING_KNOWN) -> frozenset[int]:
        if not came:
            came.append(uid)
            kept({uid: ["\\Flagged"]})
        return kept(changes, known=known)

    box.set_flags = second  # type: ignore[method-assign]


def test_recent_goes_to_one_session_only() -> None:
    store = with_messages(1)
    looking = logged_in(store)
    assert b"* 1 RECENT" in looking.say(b"b EXAMINE INBOX\r\n")
    first = selected(store)
    second = selected(store)
    second.play(
        """
        C: b SEARCH RECENT
        S: * SEARCH
        S: b OK SEARCH completed
        """
    )
    first.play(
        """
        C: b SEARCH NEW
        S: * SEARCH 1
        S: b OK SEARCH completed
        """
    )


def test_expunge_numbers_fall_with_each_response() -> None:
    store = with_messages(5)
    client = selected(store)
    client.play(
        """
        C: b STORE 1,3,4 +FLAGS.SILENT (\\Deleted)
        S: b OK STORE completed
        C: c UID EXPUNGE 1,2,9
        S: * 1 EXPUNGE
        S: c OK UID EXPUNGE completed
        C: d EXPUNGE
        S: * 2 EXPUNGE
        S: * 2 EXPUNGE
        S: d OK EXPUNGE completed
        C: e FETCH 1:* UID
        S: * 1 FETCH (UID 2)
        S: * 2 FETCH (UID 5)
        S: e OK FETCH completed
        """
    )


def test_idle_tells_at_once_and_ends_with_done() -> None:
    store = with_messages(2)
    client = selected(store)
    woken: list[bool] = []
    client.core.request_wake = lambda: woken.append(True)
    inbox(store).append(b"x\r\n")
    assert woken == []
    client.play(
        """
        C: b IDLE
        S: + idling
        S: * 3 EXISTS
        S: * 3 RECENT
        """
    )
    inbox(store).expunge([1])
    inbox(store).set_flags({3: ["\\Seen"]})
    assert woken == [True, True]
    assert octets_of(client.core.wake(0.0)) == b"* 1 EXPUNGE\r\n* 2 FETCH (FLAGS (\\Recent \\Seen))\r\n"
    assert client.core.wake(0.0) == []
    client.play(
        """
        C: DoNe
        S: b OK IDLE completed
        C: c IDLE
        S: + idling
        C: d NOOP
        S: c BAD expected DONE
        C: e NOOP
        S: e OK NOOP completed
        """
    )
    assert client.core.wake(0.0) == []


def test_idle_without_a_mailbox_has_nothing_to_tell() -> None:
    logged_in(new_store()).play(
        """
        C: b IDLE
        S: + idling
        C: DONE
        S: b OK IDLE completed
        """
    )


def test_a_mailbox_deleted_elsewhere_empties_under_the_session() -> None:
    store = with_messages(0)
    first = logged_in(store)
    first.say(b"b CREATE Box\r\nc APPEND Box {1+}\r\nx\r\n")
    second = selected(store, "Box")
    first.say(b"d DELETE Box\r\n")
    second.play(
        """
        C: b NOOP
        S: * 1 EXPUNGE
        S: b OK NOOP completed
        """
    )


def test_a_core_that_overrides_one_method_differs_in_just_that() -> None:
    class SizeOffByOne(ImapCore):
        def size_of(self, message: StoredMessage) -> int:
            return super().size_of(message) + 1

    class Talkative(ImapCore):
        def tagged(self, tag: bytes, status: bytes, text: bytes) -> None:
            self.untagged(b"OK still here")
            super().tagged(tag, status, text)

    store = with_messages(1)
    selected(store, core=SizeOffByOne).play(
        """
        C: b FETCH 1 (RFC822.SIZE BODY.PEEK[TEXT])
        S: * 1 FETCH (RFC822.SIZE 23 BODY[TEXT] {8}
        S: body 1
        S: )
        S: b OK FETCH completed
        C: c SEARCH LARGER 22
        S: * SEARCH 1
        S: c OK SEARCH completed
        """
    )
    Client(store, core=Talkative).play(
        """
        C: a NOOP
        S: * OK still here
        S: a OK NOOP completed
        """
    )


def test_ten_thousand_messages_stay_usable() -> None:
    store = new_store()
    octets = b"From: a@b.test\r\nSubject: hello\r\n\r\nbody\r\n"
    for _ in range(10_000):
        inbox(store).append(octets)
    client = selected(store)
    started = time.perf_counter()
    assert client.say(b"b FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)\r\n").count(b"\r\n") == 10_001
    assert client.say(b"c STORE 1:* +FLAGS (\\Deleted)\r\n").count(b"\r\n") == 10_001
    assert client.say(b"d SEARCH SUBJECT hello BODY body\r\n").count(b" ") == 10_004
    for number in range(200):
        client.say(b"e UID FETCH %d BODY[]\r\n" % (number * 50 + 1))
    assert client.say(b"f EXPUNGE\r\n").count(b"\r\n") == 10_001
    # A minute is what nothing but quadratic work takes; the usual time is a few seconds.
    assert time.perf_counter() - started < 60


def test_a_session_that_slept_through_more_changes_than_are_remembered_is_told_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reference_server.stores.mailbox.MAX_HISTORY", 2)
    store = with_messages(3)
    client = selected(store)
    box = inbox(store)
    box.expunge([1])
    for _ in range(8):
        box.set_flags({2: ["\\Seen"]})
    box.append(b"new\r\n")
    client.play(
        """
        C: b NOOP
        S: * 1 EXPUNGE
        S: * 3 EXISTS
        S: * 3 RECENT
        S: * 1 FETCH (FLAGS (\\Recent \\Seen))
        S: b OK NOOP completed
        """
    )


def test_a_message_that_came_and_changed_and_one_that_went_before_they_were_told_of() -> None:
    store = with_messages(1)
    client = selected(store)
    box = inbox(store)
    box.append(b"new\r\n")
    box.append(b"newer\r\n")
    # Looked at, but not yet told, while a command by number is answered.
    assert client.core.view is not None
    client.core.view.refresh()
    box.set_flags({2: ["\\Flagged"]})
    box.expunge([3])
    client.play(
        """
        C: b NOOP
        S: * 2 EXISTS
        S: * 2 RECENT
        S: b OK NOOP completed
        C: c FETCH 2 FLAGS
        S: * 2 FETCH (FLAGS (\\Flagged \\Recent))
        S: c OK FETCH completed
        """
    )
