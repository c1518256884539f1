"""IMAP4rev2 beside IMAP4rev1, and UTF-8 in names and strings (RFC 9051 Appendix A, E; RFC 6855)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import folder, inbox, new_store
from tests.reference_server.imap_recognised import RecognisedClient, enabled

AE = "\u00e4"


def with_messages(count: int) -> MemoryStore:
    store = new_store()
    for number in range(1, count + 1):
        inbox(store).append(b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number))
    return store


def test_both_revisions_are_on_offer() -> None:
    client = RecognisedClient(new_store())
    assert b"[CAPABILITY IMAP4rev1 IMAP4rev2 " in client.greeting
    assert b" UTF8=ACCEPT " in client.greeting


def test_enable_switches_to_revision_2() -> None:
    enabled(with_messages(2), select=None).play(
        """
        C: b ENABLE imap4REV2 utf8=accept
        S: * ENABLED IMAP4rev2 UTF8=ACCEPT
        S: b OK ENABLE completed
        C: c EXAMINE inbox
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
        S: * 2 EXISTS
        S: * OK [PERMANENTFLAGS ()] …
        S: * OK [UIDNEXT 3] …
        S: * OK [UIDVALIDITY 7] …
        S: * OK [MAILBOXID …
        S: * OK [HIGHESTMODSEQ 3] …
        S: * OK [URLMECH …
        S: * LIST (\\HasNoChildren) "/" INBOX ("OLDNAME" ("inbox"))
        S: c OK [READ-ONLY] EXAMINE completed
        C: d SELECT INBOX
        S: * OK [CLOSED] previous mailbox left
        S: * FLAGS …
        S: * 2 EXISTS
        S: * OK [PERMANENTFLAGS …
        S: * OK [UIDNEXT 3] …
        S: * OK [UIDVALIDITY 7] …
        S: * OK [MAILBOXID …
        S: * OK [HIGHESTMODSEQ 3] …
        S: * OK [URLMECH …
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: d OK [READ-WRITE] SELECT completed
        C: e SELECT nowhere
        S: * OK [CLOSED] previous mailbox left
        S: e NO [NONEXISTENT] there is no such mailbox
        """
    )


def test_recent_is_gone_and_news_have_the_uid() -> None:
    store = with_messages(2)
    client = enabled(store, "IMAP4rev2")
    inbox(store).append(b"new\r\n")
    inbox(store).set_flags({1: ["\\Flagged"]})
    client.play(
        """
        C: b FETCH 2 FLAGS
        S: * 2 FETCH (FLAGS ())
        S: * 3 EXISTS
        S: * 1 FETCH (FLAGS (\\Flagged) UID 1)
        S: b OK FETCH completed
        C: c STORE 2 +FLAGS (\\Draft)
        S: * 2 FETCH (FLAGS (\\Draft) UID 2)
        S: c OK STORE completed
        C: d FETCH 3 BODY[]
        S: * 3 FETCH (BODY[] {5}
        S: new
        S:  FLAGS (\\Seen) UID 3)
        S: d OK FETCH completed
        C: e STATUS INBOX (MESSAGES RECENT)
        S: e BAD no such status item
        C: f STATUS INBOX (MESSAGES DELETED SIZE)
        S: * STATUS INBOX (MESSAGES 3 DELETED 0 SIZE 49)
        S: f OK STATUS completed
        C: g SEARCH ALL
        S: * ESEARCH (TAG "g") ALL 1:3
        S: g OK SEARCH completed
        """
    )


def test_uid_and_modseq_come_once_each_with_condstore_too() -> None:
    store = with_messages(1)
    enabled(store, "IMAP4rev2", "CONDSTORE").play(
        """
        C: b FETCH 1 BODY[TEXT]
        S: * 1 FETCH (BODY[TEXT] {8}
        S: body 1
        S:  FLAGS (\\Seen) UID 1 MODSEQ (3))
        S: b OK FETCH completed
        """
    )


def test_revision_1_stays_as_it_was_beside_it() -> None:
    store = with_messages(1)
    enabled(store, "IMAP4rev2")
    said = enabled(store).say(b"b STATUS INBOX (RECENT)\r\nc SEARCH ALL\r\n")
    assert said == (b"* STATUS INBOX (RECENT 0)\r\nb OK STATUS completed\r\n* SEARCH 1\r\nc OK SEARCH completed\r\n")


@pytest.mark.parametrize("name", ["IMAP4rev2", "UTF8=ACCEPT"])
def test_names_go_in_utf8_both_ways(name: str) -> None:
    store = new_store()
    client = enabled(store, name, select=None)
    client.play(
        """
        C: b CREATE "\u00c3\u00a4 & b"
        S: b OK …CREATE completed
        C: c LIST "" "\u00c3\u00a4%"
        S: * LIST (\\HasNoChildren) "/" "\u00c3\u00a4 & b"
        S: c OK LIST completed
        C: d STATUS {6+}
        C: \u00c3\u00a4 & b (MESSAGES)
        S: * STATUS "\u00c3\u00a4 & b" (MESSAGES 0)
        S: d OK STATUS completed
        C: e CREATE &AOQ-
        S: e OK …CREATE completed
        C: f LIST "" &*
        S: * LIST (\\HasNoChildren) "/" &AOQ-
        S: f OK LIST completed
        """
    )
    assert folder(store, f"{AE} & b").messages == ()
    enabled(store, select=None).play(
        """
        C: b LIST "" *
        S: * LIST …
        S: * LIST (\\HasNoChildren) "/" &-AOQ-
        S: * LIST (\\HasNoChildren) "/" "&AOQ- &- b"
        S: b OK LIST completed
        C: c STATUS "\u00c3\u00a4" (MESSAGES)
        S: c BAD expected a string
        """
    )


def test_names_are_normalized_and_the_client_is_told() -> None:
    store = new_store()
    enabled(store, "IMAP4rev2", select=None).play(
        """
        C: b CREATE "a\u00cc\u0088/"
        S: * LIST (\\HasNoChildren) "/" "\u00c3\u00a4" ("OLDNAME" ("a\u00cc\u0088"))
        S: b OK …CREATE completed
        C: c SELECT "a\u00cc\u0088"
        S: * FLAGS …
        S: * 0 EXISTS
        S: * OK [PERMANENTFLAGS …
        S: * OK [UIDNEXT 1] …
        S: * OK [UIDVALIDITY …
        S: * OK [MAILBOXID …
        S: * OK [HIGHESTMODSEQ 1] …
        S: * OK [URLMECH …
        S: * LIST (\\HasNoChildren) "/" "\u00c3\u00a4" ("OLDNAME" ("a\u00cc\u0088"))
        S: c OK [READ-WRITE] SELECT completed
        C: d CREATE plain/
        S: d OK …CREATE completed
        C: e CREATE "o\u00cc\u0088" (USE (\\Junk))
        S: * LIST (\\HasNoChildren \\Junk) "/" "\u00c3\u00b6" ("OLDNAME" ("o\u00cc\u0088"))
        S: e OK …CREATE completed
        """
    )
    assert folder(store, AE).messages == ()


def test_who_deletes_renames_or_appends_by_another_form_of_the_name_is_told_too() -> None:
    store = new_store()
    client = enabled(store, "IMAP4rev2", select=None)
    client.say(b'b CREATE "\xc3\xa4"\r\nb CREATE "\xc3\xa4/below"\r\n')
    client.play(
        """
        C: c APPEND "a\u00cc\u0088" {6+}
        C: a: b
        C:
        S: * LIST (\\HasChildren) "/" "\u00c3\u00a4" ("OLDNAME" ("a\u00cc\u0088"))
        S: c OK [APPENDUID …
        C: d RENAME "a\u00cc\u0088" b
        S: * LIST (\\HasChildren) "/" b ("OLDNAME" ("a\u00cc\u0088"))
        S: d OK RENAME completed
        C: e RENAME b "a\u00cc\u0088"
        S: * LIST (\\HasChildren) "/" "\u00c3\u00a4" ("OLDNAME" ("b"))
        S: e OK RENAME completed
        C: f DELETE "a\u00cc\u0088/below"
        S: * LIST (\\NonExistent \\HasNoChildren) "/" "\u00c3\u00a4/below" ("OLDNAME" ("a\u00cc\u0088/below"))
        S: f OK DELETE completed
        C: g RENAME inbox c
        S: g OK RENAME completed
        C: h APPEND INBOX {6+}
        C: a: b
        C:
        S: h OK [APPENDUID …
        C: i DELETE c
        S: i OK DELETE completed
        """
    )


def test_sizes_and_places_have_63_bits() -> None:
    client = enabled(with_messages(1), "IMAP4rev2")
    assert b'ESEARCH (TAG "b") ALL 1\r\n' in client.say(b"b SEARCH SMALLER 5000000000\r\n")
    assert b"BODY[]<20> {2}\r\n" in client.say(b"c FETCH 1 BODY.PEEK[]<20.5000000000>\r\n")
    assert client.say(b"d SEARCH LARGER 9223372036854775808\r\n") == b"d BAD number above 9223372036854775807\r\n"


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        (b'"\xff"', b"b BAD not UTF-8\r\n"),
        (b'"\xc3"', b"b BAD not UTF-8\r\n"),
        (b'"\xed\xa0\x80"', b"b BAD not UTF-8\r\n"),
        (b"\xc3\xa4", b"b BAD expected a string\r\n"),
        (b"{1+}\r\n\xff", b"b NO the mailbox name is not UTF-8\r\n"),
        (b'"a\xe2\x80\xa8"', b"b NO [CANNOT] the mailbox name has a control character\r\n"),
        (b'"a\xc2\x85"', b"b NO [CANNOT] the mailbox name has a control character\r\n"),
        (b'"a\x07"', b"b NO [CANNOT] the mailbox name has a control character\r\n"),
    ],
)
def test_what_is_no_name_in_utf8_is_refused(argument: bytes, reply: bytes) -> None:
    assert enabled(new_store(), "UTF8=ACCEPT", select=None).say(b"b CREATE " + argument + b"\r\n") == reply


def test_header_fields_in_utf8_are_quoted_for_who_takes_that_and_literals_for_others() -> None:
    store = new_store()
    inbox(store).append("Subject: \u00e4\r\n\r\n".encode())
    inbox(store).append(b"Subject: \xe4\r\n\r\n")
    inbox(store).append(b"Subject: \xc3\xa4\tb\r\n\r\n")
    envelope = b"(NIL %b NIL NIL NIL NIL NIL NIL NIL NIL)"
    said = enabled(store, "UTF8=ACCEPT").say(b"b FETCH 1:3 ENVELOPE\r\n")
    assert envelope % b'"\xc3\xa4"' in said
    assert envelope % b"{1}\r\n\xe4" in said
    assert envelope % b"{4}\r\n\xc3\xa4\tb" in said
    assert envelope % b"{2}\r\n\xc3\xa4" in enabled(store).say(b"b FETCH 1 ENVELOPE\r\n")


@given(name=st.text(st.characters(codec="utf-8", categories=["L", "N", "S", "Zs"]), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_a_name_that_was_made_in_utf8_is_the_one_that_is_listed(name: str) -> None:
    store = new_store()
    client = enabled(store, "IMAP4rev2", select=None)
    octets = name.replace("%", "").replace("*", "").encode()
    said = client.say(b"b CREATE {%d+}\r\n%b\r\n" % (len(octets), octets))
    if not said.endswith(b" CREATE completed\r\n"):
        assert b"b NO " in said
        return
    normalized = unicodedata.normalize("NFC", octets.decode()).encode()
    assert client.say(b"c STATUS {%d+}\r\n%b (MESSAGES)\r\n" % (len(normalized), normalized)).endswith(
        b"c OK STATUS completed\r\n"
    )
