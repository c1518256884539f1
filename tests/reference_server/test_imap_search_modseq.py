"""SEARCH and SORT for MODSEQ (RFC 7162 §3.1.5 to §3.1.10, RFC 4731 §3.2), EMAILID and THREADID (RFC 8474 §6)."""

from __future__ import annotations

import re

import pytest

from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import inbox, new_store
from tests.reference_server.imap_recognised import enabled


def changed() -> MemoryStore:
    """Mod-sequences 2, 9, 4, 5, 8, 7 of messages 1 to 6, and UIDs that are one more than the numbers."""
    store = new_store()
    box = inbox(store)
    box.append(b"gone\r\n")
    for number in range(1, 7):
        box.append(b"Subject: %d\r\n\r\nbody %d\r\n" % (7 - number, number))
    box.expunge([1])
    box.set_flags({6: ["\\Seen"]})
    box.set_flags({3: ["\\Seen"]})
    return store


def test_modseq_finds_what_has_that_or_more_and_tells_the_greatest() -> None:
    enabled(changed()).play(
        """
        C: b SEARCH MODSEQ 8
        S: * OK [HIGHESTMODSEQ 11] highest mod-sequence
        S: * SEARCH 2 5 6 (MODSEQ 11)
        S: b OK SEARCH completed
        C: c UID SEARCH MODSEQ 8 NOT UID 3
        S: * SEARCH 6 7 (MODSEQ 10)
        S: c OK SEARCH completed
        C: d SEARCH MODSEQ "/flags/\\\\draft" all 11
        S: * SEARCH 2 (MODSEQ 11)
        S: d OK SEARCH completed
        C: e SEARCH MODSEQ "/flags/$MDNSent" PRIV 12
        S: * SEARCH
        S: e OK SEARCH completed
        C: f SEARCH OR NOT MODSEQ 720162338 LARGER 50000
        S: * SEARCH 1 2 3 4 5 6 (MODSEQ 11)
        S: f OK SEARCH completed
        C: g SEARCH MODSEQ 0
        S: * SEARCH 1 2 3 4 5 6 (MODSEQ 11)
        S: g OK SEARCH completed
        C: h SEARCH ALL
        S: * SEARCH 1 2 3 4 5 6
        S: h OK SEARCH completed
        """
    )


def test_result_options_tell_the_modseq_of_what_is_told() -> None:
    enabled(changed(), "CONDSTORE").play(
        """
        C: b SEARCH RETURN (MIN) MODSEQ 4
        S: * ESEARCH (TAG "b") MIN 2 MODSEQ 11
        S: b OK SEARCH completed
        C: c SEARCH RETURN (MAX) MODSEQ 4
        S: * ESEARCH (TAG "c") MAX 6 MODSEQ 8
        S: c OK SEARCH completed
        C: d SEARCH RETURN (MIN MAX) MODSEQ 4 NOT 2
        S: * ESEARCH (TAG "d") MIN 3 MAX 6 MODSEQ 8
        S: d OK SEARCH completed
        C: e UID SEARCH RETURN (MIN COUNT) MODSEQ 4 NOT 2
        S: * ESEARCH (TAG "e") UID MIN 4 COUNT 4 MODSEQ 10
        S: e OK SEARCH completed
        C: f SEARCH RETURN (ALL) MODSEQ 12
        S: * ESEARCH (TAG "f")
        S: f OK SEARCH completed
        """
    )


def test_sort_tells_it_too() -> None:
    enabled(changed(), "CONDSTORE").play(
        """
        C: b SORT (SUBJECT) UTF-8 MODSEQ 8
        S: * SORT 6 5 2 (MODSEQ 11)
        S: b OK SORT completed
        C: c UID SORT RETURN (ALL) (SUBJECT) UTF-8 MODSEQ 8
        S: * ESEARCH (TAG "c") UID ALL 7,6,3 MODSEQ 11
        S: c OK SORT completed
        C: d THREAD ORDEREDSUBJECT UTF-8 MODSEQ 11
        S: * THREAD (2)
        S: d OK THREAD completed
        """
    )


@pytest.mark.parametrize(
    "key",
    [
        b"MODSEQ",
        b"MODSEQ -1",
        b"MODSEQ 9223372036854775808",
        b'MODSEQ "/flags/" all 1',
        b'MODSEQ "/comment" all 1',
        b'MODSEQ "/flags/a" some 1',
        b'MODSEQ "/flags/a" 1',
        b"MODSEQ /flags/a all 1",
        b"EMAILID",
        b"EMAILID a.b",
        b'EMAILID "M1"',
        b"THREADID " + b"x" * 256,
    ],
)
def test_malformed_keys_are_bad_and_enable_nothing(key: bytes) -> None:
    client = enabled(changed())
    assert client.say(b"b SEARCH " + key + b"\r\n").startswith(b"b BAD ")
    assert client.core.enabled == set()


def test_no_removal_is_told_in_a_uid_search_that_names_numbers() -> None:
    store = changed()
    client = enabled(store, "QRESYNC")
    inbox(store).expunge([3])
    client.play(
        """
        C: b UID SEARCH OR 1 2
        S: * SEARCH 2
        S: * OK [HIGHESTMODSEQ 11] highest mod-sequence
        S: b OK SEARCH completed
        C: c UID SEARCH UID 2
        S: * SEARCH 2
        S: * VANISHED 3
        S: * OK [HIGHESTMODSEQ 12] highest mod-sequence
        S: c OK SEARCH completed
        """
    )


def test_messages_are_found_by_their_object_ids() -> None:
    store = new_store()
    for octets in (b"Message-ID: <a@x>\r\n\r\n", b"References: <a@x>\r\n\r\n", b"Message-ID: <b@x>\r\n\r\n"):
        inbox(store).append(octets)
    client = enabled(store)
    said = client.say(b"b FETCH 1:3 (EMAILID THREADID)\r\n")
    emails, threads = re.findall(rb"EMAILID \((\w+)\)", said), re.findall(rb"THREADID \((\w+)\)", said)
    assert client.say(b"c SEARCH EMAILID %b\r\n" % emails[1]).startswith(b"* SEARCH 2\r\n")
    assert client.say(b"c SEARCH THREADID %b\r\n" % threads[0]).startswith(b"* SEARCH 1 2\r\n")
    assert client.say(b"c SEARCH EMAILID %b\r\n" % threads[0]).startswith(b"* SEARCH\r\n")
    assert client.say(b"c SEARCH EMAILID %b\r\n" % emails[0].lower()).startswith(b"* SEARCH\r\n")
