"""ENABLE (RFC 5161), and what CONDSTORE changes for a client that is aware of it (RFC 7162 §3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from reference_server.imap.core import ImapCore
from reference_server.stores import NOTHING_KNOWN
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import Client, inbox, logged_in, new_store
from tests.reference_server.imap_recognised import enabled


def with_messages(count: int) -> MemoryStore:
    """Messages with UIDs and mod-sequences 2, 3, 4 and so on."""
    store = new_store()
    for number in range(1, count + 1):
        inbox(store).append(b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number))
    return store


def test_enable_tells_what_it_enabled_and_nothing_twice() -> None:
    client = enabled(new_store(), select=None)
    client.play(
        """
        C: b ENABLE x-none condstore CONDSTORE IDLE
        S: * ENABLED CONDSTORE
        S: b OK ENABLE completed
        C: c ENABLE CONDSTORE
        S: * ENABLED
        S: c OK ENABLE completed
        """
    )
    assert client.core.enabled == {b"CONDSTORE"}


def test_capabilities_are_the_same_after_enable() -> None:
    client = enabled(new_store(), select=None)
    before = client.say(b"b CAPABILITY\r\n")
    assert b" CONDSTORE" in before
    client.say(b"b ENABLE CONDSTORE\r\n")
    assert client.say(b"b CAPABILITY\r\n") == before


ENABLING = [
    b"b SELECT INBOX (CONDSTORE)",
    b"b EXAMINE INBOX (condstore)",
    b"b STATUS INBOX (HIGHESTMODSEQ)",
    b"b FETCH 1 (MODSEQ)",
    b"b FETCH 1 MODSEQ",
    b"b UID FETCH 1 FLAGS (CHANGEDSINCE 1)",
    b"b STORE 1 (UNCHANGEDSINCE 9) FLAGS ()",
]


@pytest.mark.parametrize("command", ENABLING)
def test_commands_that_enable_condstore_tell_the_highest_modseq_once(command: bytes) -> None:
    client = enabled(with_messages(1))
    assert b"* OK [HIGHESTMODSEQ 2] " in client.say(command + b"\r\n")
    assert client.core.enabled == {b"CONDSTORE"}
    if b"SELECT" not in command and b"EXAMINE" not in command:
        assert b"HIGHESTMODSEQ 2]" not in client.say(command + b"\r\n")


def test_status_enables_condstore_with_nothing_selected() -> None:
    enabled(with_messages(2), select=None).play(
        """
        C: b STATUS INBOX (MESSAGES HIGHESTMODSEQ)
        S: * STATUS INBOX (MESSAGES 2 HIGHESTMODSEQ 3)
        S: b OK STATUS completed
        C: c SELECT INBOX
        S: * FLAGS …
        S: * 2 EXISTS
        S: * 2 RECENT
        S: * OK [UNSEEN 1] …
        S: * OK [PERMANENTFLAGS …
        S: * OK [UIDNEXT 3] …
        S: * OK [UIDVALIDITY 7] …
        S: * OK [MAILBOXID (F…)] …
        S: * OK [HIGHESTMODSEQ 3] highest mod-sequence
        S: * OK [URLMECH INTERNAL] …
        S: c OK [READ-WRITE] SELECT completed
        C: d STORE 1 +FLAGS (\\Seen)
        S: * 1 FETCH (FLAGS (\\Recent \\Seen) UID 1 MODSEQ (4))
        S: d OK STORE completed
        """
    )


@pytest.mark.parametrize(
    "command",
    [
        b"SELECT INBOX ()",
        b"SELECT INBOX (CONDSTORE CONDSTORE)",
        b"SELECT INBOX (ANNOTATE)",
        b"SELECT INBOX  (CONDSTORE)",
        b"SELECT INBOX (CONDSTORE) x",
        b"FETCH 1 FLAGS ()",
        b"FETCH 1 FLAGS (CHANGEDSINCE 0)",
        b"FETCH 1 FLAGS (CHANGEDSINCE)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 1)",
        b"FETCH 1 FLAGS (UNCHANGEDSINCE 1)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)",
        b"STORE 1 (CHANGEDSINCE 1) FLAGS ()",
        b"STORE 1 (UNCHANGEDSINCE 99999999999999999999999) FLAGS ()",
        b"STORE 1 (UNCHANGEDSINCE 1)FLAGS ()",
    ],
)
def test_malformed_modifiers_are_bad_and_enable_nothing(command: bytes) -> None:
    client = enabled(with_messages(1))
    assert client.say(b"b " + command + b"\r\n").startswith(b"b BAD ")
    assert client.core.enabled == set()


def test_the_largest_mod_sequence_is_taken() -> None:
    client = enabled(with_messages(1), "CONDSTORE")
    client.play(
        """
        C: b FETCH 1 UID (CHANGEDSINCE 9223372036854775807)
        S: b OK FETCH completed
        """
    )


def test_a_store_with_the_modseq_known_is_done_and_tells_the_new_one_even_if_silent() -> None:
    enabled(with_messages(3), "CONDSTORE").play(
        """
        C: b UID STORE 3,1 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\\Deleted)
        S: * 1 FETCH (UID 1 MODSEQ (5))
        S: * 3 FETCH (UID 3 MODSEQ (5))
        S: b OK STORE completed
        C: c STORE 2 (UNCHANGEDSINCE 3) FLAGS (\\Seen)
        S: * 2 FETCH (FLAGS (\\Recent \\Seen) UID 2 MODSEQ (6))
        S: c OK STORE completed
        C: d STORE 2 +FLAGS.SILENT (\\Seen)
        S: * 2 FETCH (UID 2 MODSEQ (6))
        S: d OK STORE completed
        """
    )


def test_a_store_leaves_alone_what_changed_since_and_names_it() -> None:
    store = with_messages(3)
    first, second = enabled(store, "CONDSTORE"), enabled(store, "CONDSTORE")
    first.say(b"b STORE 2 +FLAGS (\\Flagged)\r\n")
    second.play(
        """
        C: c STORE 1:3 (UNCHANGEDSINCE 4) FLAGS.SILENT (\\Seen)
        S: * 1 FETCH (UID 1 MODSEQ (6))
        S: * 3 FETCH (UID 3 MODSEQ (6))
        S: * 2 FETCH (FLAGS (\\Flagged) UID 2 MODSEQ (5))
        S: c OK [MODIFIED 2] STORE completed
        C: d UID STORE 1:3 (UNCHANGEDSINCE 5) FLAGS.SILENT (\\Seen)
        S: * 2 FETCH (UID 2 MODSEQ (7))
        S: d OK [MODIFIED 1,3] STORE completed
        """
    )


def test_a_conditional_store_loses_against_another_thread_that_was_first_in_the_last_moment() -> None:
    store = with_messages(3)
    client = enabled(store, "CONDSTORE")
    box = inbox(store)
    kept = box.set_flags
    came: list[int] = []

    def second(changes: Mapping[int, Iterable[str]], *, known: Mapping[int, int] = NOTHING_KNOWN) -> frozenset[int]:
        if not came:
            came.append(2)
            kept({2: ["\\Flagged"]})
        return kept(changes, known=known)

    box.set_flags = second  # type: ignore[method-assign]
    client.play(
        """
        C: c STORE 1:3 (UNCHANGEDSINCE 4) FLAGS.SILENT (\\Seen)
        S: * 1 FETCH (UID 1 MODSEQ (6))
        S: * 3 FETCH (UID 3 MODSEQ (6))
        S: * 2 FETCH (FLAGS (\\Flagged \\Recent) UID 2 MODSEQ (5))
        S: c OK [MODIFIED 2] STORE completed
        """
    )


def test_other_flags_do_not_stand_in_the_way_of_adding_one() -> None:
    store = with_messages(1)
    first, second = enabled(store, "CONDSTORE"), enabled(store, "CONDSTORE")
    first.say(b"b STORE 1 +FLAGS (\\Flagged)\r\n")
    second.play(
        """
        C: c STORE 1 (UNCHANGEDSINCE 2) +FLAGS.SILENT (\\Seen)
        S: * 1 FETCH (UID 1 MODSEQ (4))
        S: c OK STORE completed
        """
    )
    # By now it has been told of the fourth: what happened before, it should know.
    second.play(
        """
        C: d STORE 1 (UNCHANGEDSINCE 2) -FLAGS.SILENT (\\Draft)
        S: d OK [MODIFIED 1] STORE completed
        """
    )


def test_the_flag_that_is_added_stands_in_its_own_way() -> None:
    store = with_messages(1)
    first, second = enabled(store, "CONDSTORE"), enabled(store, "CONDSTORE")
    first.say(b"b STORE 1 +FLAGS (\\Seen)\r\n")
    second.play(
        """
        C: c STORE 1 (UNCHANGEDSINCE 2) -FLAGS (\\Seen)
        S: * 1 FETCH (FLAGS (\\Seen) UID 1 MODSEQ (3))
        S: c OK [MODIFIED 1] STORE completed
        """
    )


def test_unchanged_since_zero_asks_whether_a_keyword_is_there() -> None:
    enabled(with_messages(1), "CONDSTORE").play(
        """
        C: b STORE 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)
        S: * FLAGS …
        S: * OK [PERMANENTFLAGS …
        S: * 1 FETCH (UID 1 MODSEQ (3))
        S: b OK STORE completed
        C: c STORE 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)
        S: c OK [MODIFIED 1] STORE completed
        C: d STORE 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Seen)
        S: d OK [MODIFIED 1] STORE completed
        """
    )


def test_modified_goes_into_the_no_when_others_are_gone() -> None:
    store = with_messages(3)
    client = enabled(store, "CONDSTORE")
    inbox(store).set_flags({2: ["\\Seen"]})
    inbox(store).expunge([3])
    client.play(
        """
        C: b STORE 1:3 (UNCHANGEDSINCE 4) FLAGS (\\Draft)
        S: * 1 FETCH (FLAGS (\\Draft \\Recent) UID 1 MODSEQ (7))
        S: * 3 FETCH (FLAGS (\\Recent) UID 3 MODSEQ (4))
        S: * 2 FETCH (FLAGS (\\Recent \\Seen) UID 2 MODSEQ (5))
        S: * OK [HIGHESTMODSEQ 4] highest mod-sequence
        S: b NO [MODIFIED 2] some of the messages are no more
        """
    )


def test_a_removal_that_is_yet_to_be_told_holds_back_the_highest_modseq() -> None:
    store = with_messages(3)
    client = enabled(store, "CONDSTORE")
    inbox(store).expunge([1])
    inbox(store).set_flags({2: ["\\Seen"]})
    client.play(
        """
        C: b FETCH 2 (FLAGS MODSEQ)
        S: * 2 FETCH (FLAGS (\\Recent \\Seen) MODSEQ (6))
        S: * OK [HIGHESTMODSEQ 4] highest mod-sequence
        S: b OK FETCH completed
        """
    )
    inbox(store).expunge([3])
    client.play(
        """
        C: c SEARCH ALL
        S: * SEARCH 2
        S: * OK [HIGHESTMODSEQ 4] highest mod-sequence
        S: c OK SEARCH completed
        C: d NOOP
        S: * 1 EXPUNGE
        S: * 2 EXPUNGE
        S: d OK NOOP completed
        """
    )


def test_fetch_tells_only_what_changed_since_and_adds_modseq() -> None:
    store = with_messages(4)
    inbox(store).set_flags({2: ["\\Seen"]})
    enabled(store, "CONDSTORE").play(
        """
        C: b UID FETCH 1:3 (FLAGS) (CHANGEDSINCE 3)
        S: * 2 FETCH (UID 2 FLAGS (\\Recent \\Seen) MODSEQ (6))
        S: * 3 FETCH (UID 3 FLAGS (\\Recent) MODSEQ (4))
        S: b OK FETCH completed
        C: c FETCH 1:* (MODSEQ UID) (CHANGEDSINCE 5)
        S: * 2 FETCH (MODSEQ (6) UID 2)
        S: c OK FETCH completed
        C: d FETCH 1:4 (UID)
        S: * 1 FETCH (UID 1)
        S: * 2 FETCH (UID 2)
        S: * 3 FETCH (UID 3)
        S: * 4 FETCH (UID 4)
        S: d OK FETCH completed
        """
    )


def test_what_becomes_seen_by_being_read_is_told_with_uid_and_modseq() -> None:
    store = with_messages(1)
    client = enabled(store, "CONDSTORE")
    client.play(
        """
        C: b FETCH 1 BODY[TEXT]
        S: * 1 FETCH (BODY[TEXT] {8}
        S: body 1
        S:  FLAGS (\\Recent \\Seen) UID 1 MODSEQ (3))
        S: b OK FETCH completed
        C: c FETCH 1 BODY[TEXT]
        S: * 1 FETCH (BODY[TEXT] {8}
        S: body 1
        S: )
        S: c OK FETCH completed
        """
    )


def test_flags_changed_elsewhere_come_with_uid_and_modseq_and_so_does_a_change_that_was_undone() -> None:
    store = with_messages(2)
    client, plain = enabled(store, "CONDSTORE"), logged_in(store)
    plain.say(b"s SELECT INBOX\r\n")
    inbox(store).set_flags({1: ["\\Seen"]})
    inbox(store).set_flags({2: ["\\Seen"]})
    inbox(store).set_flags({2: []})
    client.play(
        """
        C: b NOOP
        S: * 1 FETCH (FLAGS (\\Recent \\Seen) UID 1 MODSEQ (4))
        S: * 2 FETCH (FLAGS (\\Recent) UID 2 MODSEQ (6))
        S: b OK NOOP completed
        C: c NOOP
        S: c OK NOOP completed
        """
    )
    plain.play(
        """
        C: b NOOP
        S: * 1 FETCH (FLAGS (\\Seen))
        S: b OK NOOP completed
        """
    )


def test_a_silent_store_that_came_out_otherwise_is_told_with_the_flags() -> None:
    class Meddles(ImapCore):
        def flags_after(self, before: frozenset[str], sign: bytes, flags: frozenset[str]) -> frozenset[str]:
            after = super().flags_after(before, sign, flags)
            self.selected.mailbox.expunge([2])
            return after

    store = with_messages(2)
    client: Client = enabled(store, "CONDSTORE", core=Meddles)
    client.play(
        """
        C: b STORE 2 +FLAGS.SILENT (\\Seen)
        S: * OK [HIGHESTMODSEQ 3] highest mod-sequence
        S: b NO [EXPUNGEISSUED] some of the messages are no more
        """
    )
