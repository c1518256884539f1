"""Commands on mailboxes of the IMAP core, as dialogues (RFC 3501 §5.1, §6.3; RFC 3348)."""

from __future__ import annotations

import pytest

from reference_server.imap import mutf7
from reference_server.imap.patterns import matches
from tests.reference_server.imap_dialogue import NOON, folder, inbox, logged_in, new_store, selected


def test_folders_are_made_renamed_and_deleted() -> None:
    logged_in(new_store()).play(
        """
        C: b CREATE a/b/
        S: b OK [MAILBOXID (F…)] CREATE completed
        C: c CREATE a/b
        S: c NO [ALREADYEXISTS] the mailbox exists already
        C: d LIST "" *
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * LIST (\\HasChildren) "/" a
        S: * LIST (\\HasNoChildren) "/" a/b
        S: d OK LIST completed
        C: e DELETE a
        S: e OK DELETE completed
        C: f LIST "" %
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * LIST (\\Noselect \\HasChildren) "/" a
        S: f OK LIST completed
        C: g DELETE a
        S: g NO [HASCHILDREN] the name has inferiors and is no mailbox
        C: h SELECT a
        S: h NO [NONEXISTENT] there is no such mailbox
        C: i RENAME a z
        S: i OK RENAME completed
        C: j LIST z %
        S: * LIST (\\Noselect \\HasChildren) "/" z
        S: j OK LIST completed
        C: k LIST z/ %
        S: * LIST (\\HasNoChildren) "/" z/b
        S: k OK LIST completed
        C: l DELETE z/b
        S: l OK DELETE completed
        C: m DELETE z/b
        S: m NO [NONEXISTENT] there is no such mailbox
        C: n RENAME nowhere x
        S: n NO [NONEXISTENT] there is no such mailbox
        """
    )


def test_inbox_is_always_there_in_any_case() -> None:
    store = new_store()
    inbox(store).append(b"x\r\n")
    logged_in(store).play(
        """
        C: b CREATE inBox
        S: b NO [ALREADYEXISTS] INBOX is always there
        C: c DELETE inbox
        S: c NO [CANNOT] INBOX cannot be deleted
        C: d RENAME Inbox old
        S: d OK RENAME completed
        C: e STATUS iNBOX (MESSAGES)
        S: * STATUS INBOX (MESSAGES 0)
        S: e OK STATUS completed
        C: f STATUS old (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)
        S: * STATUS old (MESSAGES 1 RECENT 1 UIDNEXT 2 UIDVALIDITY 8 UNSEEN 1)
        S: f OK STATUS completed
        C: g RENAME old INBOX
        S: g NO [ALREADYEXISTS] INBOX is always there
        C: h LIST "" inbox
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: h OK LIST completed
        C: i LIST "" InB%
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: i OK LIST completed
        """
    )


def test_names_that_cannot_be_are_refused() -> None:
    logged_in(new_store()).play(
        """
        C: b CREATE "a*b"
        S: b NO [CANNOT] the mailbox name has a wildcard
        C: c CREATE &AOQ
        S: c NO the mailbox name is not modified UTF-7
        C: d CREATE &AGE-
        S: d NO the mailbox name is not modified UTF-7
        C: e CREATE ""
        S: e NO the mailbox name has an empty level
        C: f CREATE a%
        S: f BAD unexpected octets after the command
        C: g CREATE B&AOQ-ume
        S: g OK [MAILBOXID (F…)] CREATE completed
        C: h LIST "" B*
        S: * LIST (\\HasNoChildren) "/" B&AOQ-ume
        S: h OK LIST completed
        C: i CREATE "nil"
        S: i OK [MAILBOXID (F…)] CREATE completed
        C: j LIST "" nil
        S: * LIST (\\HasNoChildren) "/" "nil"
        S: j OK LIST completed
        C: k CREATE {7+}
        C: a "b" c
        S: k OK [MAILBOXID (F…)] CREATE completed
        C: l STATUS "a \\"b\\" c" (MESSAGES)
        S: * STATUS "a \\"b\\" c" (MESSAGES 0)
        S: l OK STATUS completed
        """
    )


def test_list_of_nothing_gives_delimiter_and_root() -> None:
    logged_in(new_store()).play(
        """
        C: b LIST "" ""
        S: * LIST (\\Noselect) "/" ""
        S: b OK LIST completed
        C: c LIST a/b/ ""
        S: * LIST (\\Noselect) "/" ""
        S: c OK LIST completed
        C: d LIST "" "nowhere"
        S: d OK LIST completed
        """
    )


def test_a_pattern_longer_than_any_name_fits_none() -> None:
    assert logged_in(new_store()).say(b'b LIST "" %b\r\n' % (b"*" * 5000)) == b"b OK LIST completed\r\n"


def test_subscriptions_outlive_their_folders() -> None:
    logged_in(new_store()).play(
        """
        C: b SUBSCRIBE nowhere
        S: b NO [NONEXISTENT] there is no such mailbox
        C: c CREATE a/b
        S: c OK [MAILBOXID (F…)] CREATE completed
        C: d SUBSCRIBE a/b
        S: d OK SUBSCRIBE completed
        C: e LSUB "" *
        S: * LSUB () "/" a/b
        S: e OK LSUB completed
        C: f LSUB "" %
        S: * LSUB (\\Noselect) "/" a
        S: f OK LSUB completed
        C: g DELETE a/b
        S: g OK DELETE completed
        C: h LSUB "" *
        S: * LSUB (\\Noselect) "/" a/b
        S: h OK LSUB completed
        C: i UNSUBSCRIBE a/b
        S: i OK UNSUBSCRIBE completed
        C: j UNSUBSCRIBE a/b
        S: j NO not subscribed
        C: k SUBSCRIBE inbox
        S: k OK SUBSCRIBE completed
        C: l LSUB "" "*"
        S: * LSUB () "/" INBOX
        S: l OK LSUB completed
        """
    )


def test_status_asks_for_what_it_knows() -> None:
    logged_in(new_store()).play(
        """
        C: b STATUS INBOX (XYZZY)
        S: b BAD no such status item
        C: c STATUS INBOX ()
        S: c BAD expected an atom
        C: d STATUS INBOX MESSAGES
        S: d BAD expected '('
        C: e STATUS nowhere (MESSAGES)
        S: e NO [NONEXISTENT] there is no such mailbox
        """
    )


def test_status_counts_what_is_recent_here() -> None:
    store = new_store()
    inbox(store).append(b"one\r\n")
    client = selected(store)
    inbox(store).append(b"two\r\n")
    asked = """
        C: b STATUS INBOX (RECENT)
        S: * STATUS INBOX (RECENT {count})
        """
    client.play(
        asked.format(count=2)
        + """S: * 2 EXISTS
        S: * 2 RECENT
        S: b OK STATUS completed
        """
    )
    logged_in(store).play(asked.format(count=0) + "S: b OK STATUS completed")


def test_select_tells_all_it_owes_and_failure_deselects() -> None:
    store = new_store()
    inbox(store).append(b"one\r\n", flags=["\\Seen", "work"])
    inbox(store).append(b"two\r\n")
    logged_in(store).play(
        """
        C: b EXAMINE INBOX
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)
        S: * 2 EXISTS
        S: * 2 RECENT
        S: * OK [UNSEEN 2] first unseen message
        S: * OK [PERMANENTFLAGS ()] flags that stay
        S: * OK [UIDNEXT 3] next UID
        S: * OK [UIDVALIDITY 7] UIDs valid
        S: * OK [MAILBOXID (F…)] …
        S: * OK [HIGHESTMODSEQ 3] highest mod-sequence
        S: * OK [URLMECH INTERNAL] …
        S: b OK [READ-ONLY] EXAMINE completed
        C: c SELECT INBOX
        S: * OK [CLOSED] previous mailbox left
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)
        S: * 2 EXISTS
        S: * 2 RECENT
        S: * OK [UNSEEN 2] first unseen message
        S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work \\*)] flags that stay
        S: * OK [UIDNEXT 3] next UID
        S: * OK [UIDVALIDITY 7] UIDs valid
        S: * OK [MAILBOXID (F…)] …
        S: * OK [HIGHESTMODSEQ 3] highest mod-sequence
        S: * OK [URLMECH INTERNAL] …
        S: c OK [READ-WRITE] SELECT completed
        C: d SELECT
        S: d BAD expected one space
        C: e CHECK
        S: e OK CHECK completed
        C: f SELECT nowhere
        S: * OK [CLOSED] previous mailbox left
        S: f NO [NONEXISTENT] there is no such mailbox
        C: g CHECK
        S: g BAD not while logged in, no mailbox selected
        """
    )


def test_nothing_changes_in_a_mailbox_that_is_only_examined() -> None:
    store = new_store()
    inbox(store).append(b"a: b\r\n\r\nx\r\n", flags=["\\Deleted"])
    client = logged_in(store)
    client.say(b"b EXAMINE INBOX\r\n")
    client.play(
        """
        C: c STORE 1 +FLAGS (\\Seen)
        S: c NO the mailbox is read-only
        C: d EXPUNGE
        S: d NO the mailbox is read-only
        C: e UID EXPUNGE 1
        S: e NO the mailbox is read-only
        C: f MOVE 1 INBOX
        S: f NO the mailbox is read-only
        C: g FETCH 1 BODY[TEXT]
        S: * 1 FETCH (BODY[TEXT] {3}
        S: x
        S: )
        S: g OK FETCH completed
        C: h CLOSE
        S: h OK CLOSE completed
        """
    )
    assert [message.flags for message in inbox(store).messages] == [{"\\Deleted"}]


def test_close_expunges_without_a_word_and_unselect_does_not() -> None:
    store = new_store()
    inbox(store).append(b"x\r\n", flags=["\\Deleted"])
    client = selected(store)
    client.play(
        """
        C: b UNSELECT
        S: b OK UNSELECT completed
        """
    )
    assert len(inbox(store).messages) == 1
    client = selected(store)
    client.play(
        """
        C: b CLOSE
        S: b OK CLOSE completed
        C: c CLOSE
        S: c BAD not while logged in, no mailbox selected
        """
    )
    assert len(inbox(store).messages) == 0


def test_append_keeps_flags_date_and_octets() -> None:
    store = new_store()
    client = logged_in(store)
    client.play(
        """
        C: b APPEND INBOX (\\seen Work \\Unheard-Of) " 1-Mar-2026 14:00:00 +0200" {6}
        S: + go on
        C: x: y
        C:
        S: b OK [APPENDUID 7 1] APPEND completed
        C: c APPEND nowhere {1+}
        C: x
        S: c NO [TRYCREATE] there is no such mailbox
        C: d APPEND INBOX () {0+}
        C:
        S: d NO an empty message cancels APPEND
        C: e APPEND INBOX "31-Feb-2026 14:00:00 +0200" {1+}
        C: x
        S: e NO there is no such moment
        C: f APPEND INBOX " 1-Mar-2026 14:00:00 +0260" {1+}
        C: x
        S: f NO there is no such moment
        C: g APPEND INBOX " 1-Mar-2026 14:00:00 -9900" {1+}
        C: x
        S: g NO there is no such moment
        C: h APPEND INBOX "x"
        S: h BAD expected a date-time
        C: i APPEND INBOX (\\Recent) {1+}
        C: x
        S: i BAD \\Recent is not the client's to set
        C: j APPEND INBOX x
        S: j BAD expected a literal, CATENATE or UTF8
        """
    )
    (first,) = inbox(store).messages
    assert (first.octets, first.internal_date) == (b"x: y\r\n", NOON)
    assert first.flags == {"\\Seen", "Work"}


def test_copy_and_move_tell_the_new_uids() -> None:
    store = new_store()
    for number in range(4):
        inbox(store).append(b"%d\r\n" % number, flags=["\\Seen"], internal_date=NOON)
    client = selected(store)
    client.play(
        """
        C: b CREATE Box
        S: b OK [MAILBOXID (F…)] CREATE completed
        C: c COPY 1,3:4 Box
        S: c OK [COPYUID 8 1,3:4 1:3] COPY completed
        C: d COPY 1 nowhere
        S: d NO [TRYCREATE] there is no such mailbox
        C: e COPY 5 Box
        S: e BAD no message has that number
        C: f UID COPY 77 Box
        S: f OK COPY completed
        C: g UID MOVE 77 Box
        S: g OK MOVE completed
        C: h MOVE 2:3 Box
        S: * OK [COPYUID 8 2:3 4:5] moved
        S: * 2 EXPUNGE
        S: * 2 EXPUNGE
        S: h OK MOVE completed
        C: i UID MOVE 4 Box
        S: * OK [COPYUID 8 4 6] moved
        S: * 2 EXPUNGE
        S: i OK MOVE completed
        """
    )
    copies = folder(store, "Box").messages
    assert [copy.octets for copy in copies] == [b"0\r\n", b"2\r\n", b"3\r\n", b"1\r\n", b"2\r\n", b"3\r\n"]
    assert all(copy.flags == {"\\Seen"} and copy.internal_date == NOON for copy in copies)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (b"*", b"a/b", True),
        (b"%", b"a/b", False),
        (b"%/%", b"a/b", True),
        (b"%", b"", True),
        (b"a*b", b"ab", True),
        (b"a*b", b"a/x/b", True),
        (b"a%b", b"a/b", False),
        (b"a", b"ab", False),
        (b"ab", b"a", False),
        (b"%%*%", b"a/b", True),
        (b"*a*", b"bab", True),
        (b"*a*", b"bbb", False),
        (b"*" * 2000 + b"x", b"y" * 500, False),
    ],
)
def test_wildcards(pattern: bytes, name: bytes, expected: bool) -> None:
    assert matches(pattern, name) is expected


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", b"INBOX"),
        ("Tom & Jerry", b"Tom &- Jerry"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("\U0001f600", b"&2D3eAA-"),
        ("", b""),
    ],
)
def test_modified_utf7_both_ways(name: str, wire: bytes) -> None:
    assert mutf7.encode(name) == wire
    assert mutf7.decode(wire) == name


@pytest.mark.parametrize(
    "wire",
    [b"&", b"&AOQ", b"\xe4", b"a\tb", b"&AGE-", b"&AOQ-&AOQ-", b"&2D0-", b"&A-", b"&AOR-", b"&A/Q-", b"&&-"],
)
def test_modified_utf7_has_one_spelling(wire: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        mutf7.decode(wire)
