"""QRESYNC: what a client that comes back is told, and VANISHED in place of EXPUNGE (RFC 7162 §3.2)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.imap import qresync
from reference_server.imap.responses import range_set, runs, sequence_set
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import inbox, new_store
from tests.reference_server.imap_recognised import RecognisedClient, enabled


def with_messages(count: int) -> MemoryStore:
    """Messages with UIDs 1, 2, 3 and mod-sequences 2, 3, 4 and so on."""
    store = new_store()
    for number in range(1, count + 1):
        inbox(store).append(b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number))
    return store


def back_again(store: MemoryStore, known: str) -> list[str]:
    """What SELECT tells a client that knows this, beyond what it tells any client."""
    client = enabled(store, "QRESYNC", select=None)
    said = client.say(b"b SELECT INBOX (QRESYNC (%b))\r\n" % known.encode()).decode().split("\r\n")
    assert said[-2] == "b OK [READ-WRITE] SELECT completed"
    highest = next(at for at, line in enumerate(said) if "HIGHESTMODSEQ" in line)
    assert all("VANISHED" not in line and "FETCH" not in line for line in said[:highest])
    return [line for line in said[highest + 1 : -2] if not line.startswith("* OK ")]


def test_enabling_qresync_enables_condstore() -> None:
    client = enabled(with_messages(1), select=None)
    client.play(
        """
        C: b ENABLE QRESYNC
        S: * ENABLED QRESYNC
        S: b OK ENABLE completed
        C: c ENABLE QRESYNC CONDSTORE
        S: * ENABLED
        S: c OK ENABLE completed
        """
    )
    assert client.core.enabled == {b"QRESYNC", b"CONDSTORE"}


def test_what_went_and_changed_meanwhile_is_told_and_nothing_else() -> None:
    store = with_messages(6)
    box = inbox(store)
    box.expunge([2, 3])
    box.set_flags({5: ["\\Seen"]})
    box.append(b"new\r\n")
    assert back_again(store, "7 7") == [
        "* VANISHED (EARLIER) 2:3",
        "* 3 FETCH (FLAGS (\\Recent \\Seen) UID 5 MODSEQ (9))",
        "* 5 FETCH (FLAGS (\\Recent) UID 7 MODSEQ (10))",
    ]
    assert back_again(store, "7 8") == [
        "* 3 FETCH (FLAGS (\\Seen) UID 5 MODSEQ (9))",
        "* 5 FETCH (FLAGS () UID 7 MODSEQ (10))",
    ]
    assert back_again(store, "7 10") == []
    assert back_again(store, "7 9223372036854775807") == []


def test_only_known_uids_are_told_of() -> None:
    store = with_messages(6)
    box = inbox(store)
    box.expunge([2, 3, 6])
    box.set_flags({4: ["\\Seen"], 5: ["\\Seen"]})
    assert back_again(store, "7 7 1,3:4") == [
        "* VANISHED (EARLIER) 3",
        "* 2 FETCH (FLAGS (\\Recent \\Seen) UID 4 MODSEQ (9))",
    ]


def test_nothing_is_told_where_the_uids_are_other_ones() -> None:
    store = with_messages(2)
    inbox(store).expunge([1])
    assert back_again(store, "8 1") == []


def test_an_empty_mailbox_has_nothing_to_tell() -> None:
    assert back_again(new_store(), "7 1") == []


def forgetful(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """Thirty messages, of which every third is left, and no memory of that."""
    monkeypatch.setattr("reference_server.stores.mailbox.MAX_HISTORY", 1)
    store = with_messages(30)
    inbox(store).expunge([uid for uid in range(1, 31) if uid % 3])
    for _ in range(4):
        inbox(store).set_flags({30: ["\\Seen"]})
        inbox(store).set_flags({30: []})
    return store


def test_all_that_is_missing_is_told_where_the_mailbox_does_not_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    store = forgetful(monkeypatch)
    found = back_again(store, "7 31")
    assert found[0] == "* VANISHED (EARLIER) 1:2,4:5,7:8,10:11,13:14,16:17,19:20,22:23,25:26,28:29"
    assert back_again(store, "7 31 3:4,8:9")[0] == "* VANISHED (EARLIER) 4,8"


def test_a_sample_of_numbers_shortens_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    store = forgetful(monkeypatch)
    assert back_again(store, "7 31 1:30 (2,5,7 6,15,21)")[0] == "* VANISHED (EARLIER) 22:23,25:26,28:29"
    assert back_again(store, "7 31 (2,5:6 6,16:17)")[0] == (
        "* VANISHED (EARLIER) 7:8,10:11,13:14,16:17,19:20,22:23,25:26,28:29"
    )
    assert len(back_again(store, "7 31 (10,4000000000 30,4000000001)")) == 1


def test_no_line_grows_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qresync, "MAX_RANGES", 4)
    assert back_again(forgetful(monkeypatch), "7 31")[:3] == [
        "* VANISHED (EARLIER) 1:2,4:5,7:8,10:11",
        "* VANISHED (EARLIER) 13:14,16:17,19:20,22:23",
        "* VANISHED (EARLIER) 25:26,28:29",
    ]


MALFORMED = [
    "7",
    "7 0",
    "0 1",
    "7 1 ",
    "7 1 *",
    "7 1 1:*",
    "7 1 1 ",
    "7 1 (1 1) 2",
    "7 1 (1)",
    "7 1 (2,1 1,2)",
    "7 1 (1,2 2,2)",
    "7 1 (1:2 9:8)",
    "7 1 (* 1)",
]


@pytest.mark.parametrize("known", MALFORMED)
def test_a_malformed_qresync_is_bad_and_leaves_the_mailbox_as_it_was(known: str) -> None:
    client = enabled(with_messages(1), "QRESYNC")
    assert client.say(b"b SELECT INBOX (QRESYNC (%b))\r\n" % known.encode()).startswith(b"b BAD ")
    assert client.say(b"c CHECK\r\n") == b"c OK CHECK completed\r\n"


def test_qresync_is_bad_where_it_was_not_enabled() -> None:
    enabled(with_messages(1), "CONDSTORE").play(
        """
        C: b SELECT INBOX (QRESYNC (7 1))
        S: b BAD QRESYNC is not enabled
        C: c UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
        S: c BAD QRESYNC is not enabled
        C: d CHECK
        S: d OK CHECK completed
        """
    )


def test_vanished_belongs_to_uid_fetch_with_changedsince() -> None:
    enabled(with_messages(1), "QRESYNC").play(
        """
        C: b FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)
        S: b BAD VANISHED belongs to UID FETCH
        C: c UID FETCH 1 FLAGS (VANISHED)
        S: c BAD VANISHED needs CHANGEDSINCE
        """
    )


def test_uid_fetch_tells_what_vanished_first() -> None:
    store = with_messages(6)
    box = inbox(store)
    box.expunge([2, 6])
    box.set_flags({3: ["\\Seen"]})
    client = enabled(store, "QRESYNC")
    box.expunge([4])
    client.play(
        """
        C: b UID FETCH 1:6 (FLAGS) (VANISHED CHANGEDSINCE 7)
        S: * VANISHED (EARLIER) 2,6
        S: * 2 FETCH (UID 3 FLAGS (\\Recent \\Seen) MODSEQ (9))
        S: * VANISHED 4
        S: * OK [HIGHESTMODSEQ 10] highest mod-sequence
        S: b OK FETCH completed
        C: c UID FETCH 1:* (FLAGS) (CHANGEDSINCE 8 VANISHED)
        S: * VANISHED (EARLIER) 4
        S: * 2 FETCH (UID 3 FLAGS (\\Recent \\Seen) MODSEQ (9))
        S: c OK FETCH completed
        """
    )


def test_vanished_takes_the_place_of_expunge_and_the_reply_tells_the_modseq() -> None:
    store = with_messages(9)
    client = enabled(store, "QRESYNC")
    client.say(b"b STORE 1:3,5,8:9 +FLAGS.SILENT (\\Deleted)\r\n")
    client.play(
        """
        C: c UID EXPUNGE 9,1
        S: * VANISHED 1,9
        S: c OK [HIGHESTMODSEQ 12] UID EXPUNGE completed
        C: d UID EXPUNGE 9
        S: d OK UID EXPUNGE completed
        C: e EXPUNGE
        S: * VANISHED 2:3,5,8
        S: e OK [HIGHESTMODSEQ 13] EXPUNGE completed
        C: f EXPUNGE
        S: f OK EXPUNGE completed
        C: g CREATE Away
        S: g OK [MAILBOXID (F…)] CREATE completed
        C: h MOVE 1 Away
        S: * OK [COPYUID … 4 1] moved
        S: * VANISHED 4
        S: h OK [HIGHESTMODSEQ 14] MOVE completed
        C: i STORE 1 +FLAGS.SILENT (\\Deleted)
        S: * 1 FETCH (UID 6 MODSEQ (15))
        S: i OK STORE completed
        C: j CLOSE
        S: j OK CLOSE completed
        """
    )


def test_what_others_removed_is_told_with_vanished_and_the_modseq() -> None:
    store = with_messages(4)
    client = enabled(store, "QRESYNC")
    inbox(store).expunge([2, 4])
    client.play(
        """
        C: b FETCH 1 (UID)
        S: * 1 FETCH (UID 1)
        S: * OK [HIGHESTMODSEQ 5] highest mod-sequence
        S: b OK FETCH completed
        C: c NOOP
        S: * VANISHED 2,4
        S: * OK [HIGHESTMODSEQ 6] highest mod-sequence
        S: c OK NOOP completed
        C: d NOOP
        S: d OK NOOP completed
        """
    )


def test_a_message_that_came_and_went_untold_is_not_told() -> None:
    store = with_messages(1)
    client = enabled(store, "QRESYNC")
    inbox(store).append(b"new\r\n")
    inbox(store).expunge([2])
    client.play(
        """
        C: b NOOP
        S: b OK NOOP completed
        """
    )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_who_comes_back_knows_what_is_there_whatever_happened(data: st.DataObject) -> None:
    store = with_messages(5)
    box = inbox(store)
    client = enabled(store, "QRESYNC")
    known = {message.uid: message.flags for message in box.messages}
    modseq = box.modseq
    for _ in range(data.draw(st.integers(0, 8))):
        uid = data.draw(st.integers(1, box.uid_next))
        match data.draw(st.sampled_from(["expunge", "flag", "append"])):
            case "expunge":
                box.expunge([uid])
            case "flag":
                box.set_flags({uid: [data.draw(st.sampled_from(["\\Seen", "\\Draft"]))]})
            case _:
                box.append(b"new\r\n")
    said = client.say(b"b SELECT INBOX (QRESYNC (7 %d))\r\n" % modseq).decode()
    for line in said.split("\r\n"):
        if line.startswith("* VANISHED (EARLIER) "):
            for run in line.removeprefix("* VANISHED (EARLIER) ").split(","):
                first, _, last = run.partition(":")
                for uid in range(int(first), int(last or first) + 1):
                    known.pop(uid, None)
        elif " FETCH (" in line:
            flags, _, rest = line.partition("(FLAGS (")[2].partition(") UID ")
            known[int(rest.split(" ")[0])] = frozenset(flags.split()) - {"\\Recent"}
    assert known == {message.uid: message.flags for message in box.messages}


@given(st.sets(st.integers(1, 40)))
def test_runs_are_the_set_and_have_gaps_between_them(numbers: set[int]) -> None:
    found = runs(sorted(numbers))
    assert {number for low, high in found for number in range(low, high + 1)} == numbers
    assert all(later[0] > earlier[1] + 1 for earlier, later in pairwise(found))
    assert range_set(found) == sequence_set(sorted(numbers))


@given(present=st.sets(st.integers(1, 30)), low=st.integers(1, 30), length=st.integers(0, 30))
def test_gaps_and_what_is_there_make_up_the_range(present: set[int], low: int, length: int) -> None:
    wanted = [(low, low + length)]
    missing = {uid for first, last in qresync.gaps(sorted(present), wanted) for uid in range(first, last + 1)}
    there = {uid for first, last in qresync.among(sorted(present), wanted) for uid in range(first, last + 1)}
    assert not missing & there
    assert missing | there == set(range(low, low + length + 1))
    assert not missing & present


def test_idle_tells_vanished_too() -> None:
    store = with_messages(2)
    client: RecognisedClient = enabled(store, "QRESYNC")
    assert client.say(b"b IDLE\r\n") == b"+ idling\r\n"
    inbox(store).expunge([1])
    said = b"".join(action.octets for action in client.core.wake(0.0))  # type: ignore[union-attr]
    assert said == b"* VANISHED 1\r\n* OK [HIGHESTMODSEQ 4] highest mod-sequence\r\n"
