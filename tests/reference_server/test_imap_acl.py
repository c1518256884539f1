"""Access control lists, and what other users share (RFC 4314, RFC 8440, RFC 2342), as dialogues of Alice and Bob."""

from __future__ import annotations

import pytest

from reference_server.imap.rights import ALL, expanded, given_to, shown
from reference_server.stores import Limits
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, Client, folder, inbox, logged_in, new_store

BOX = b"Other Users/alice@example.test/Box"


def shared(rights: str, *, messages: int = 0) -> MemoryStore:
    """Alice has a folder `Box`; Bob has these rights to it."""
    store = new_store()
    alice = store.account("alice@example.test")
    assert alice is not None
    alice.create("Box")
    box = folder(store, "Box")
    box.set_rights("bob@example.test", rights)
    for number in range(1, messages + 1):
        box.append(b"Subject: %d\r\n\r\nx\r\n" % number, internal_date=NOON)
    return store


def bob(store: MemoryStore) -> Client:
    """Bob, in the authenticated state."""
    client = Client(store)
    assert b"a OK" in client.say(b"a LOGIN bob secret\r\n")
    return client


def bob_in_box(store: MemoryStore) -> Client:
    """Bob, with the shared folder selected."""
    client = bob(store)
    assert b"b OK" in client.say(b'b SELECT "%b"\r\n' % BOX)
    return client


def test_the_owner_gives_and_takes_rights() -> None:
    logged_in(new_store()).play(
        """
        C: b CREATE Box
        S: b OK …
        C: c SETACL Box bob lrs
        S: c OK SETACL completed
        C: d SETACL Box BOB@example.test +wd
        S: d OK SETACL completed
        C: e SETACL Box anyone l
        S: e OK SETACL completed
        C: f SETACL Box -bob r
        S: f OK SETACL completed
        C: g GETACL Box
        S: * ACL Box alice@example.test lrswipkxteacd bob@example.test lrswted anyone l -bob@example.test r
        S: g OK GETACL completed
        C: h SETACL Box bob -ted
        S: h OK SETACL completed
        C: i DELETEACL Box anyone
        S: i OK DELETEACL completed
        C: j DELETEACL Box anyone
        S: j OK DELETEACL completed
        C: k SETACL Box -bob ""
        S: k OK SETACL completed
        C: l SETACL Box bob +c
        S: l OK SETACL completed
        C: m GETACL Box
        S: * ACL Box alice@example.test lrswipkxteacd bob@example.test lrswkxc
        S: m OK GETACL completed
        C: n MYRIGHTS Box
        S: * MYRIGHTS Box lrswipkxteacd
        S: n OK MYRIGHTS completed
        """
    )


def test_any_right_can_be_given_to_others_and_none_be_taken_from_the_owner() -> None:
    logged_in(new_store()).play(
        """
        C: b LISTRIGHTS INBOX BOB
        S: * LISTRIGHTS INBOX BOB "" l r s w i p k x t e a c d
        S: b OK LISTRIGHTS completed
        C: c LISTRIGHTS INBOX alice
        S: * LISTRIGHTS INBOX alice lrswipkxteacd
        S: c OK LISTRIGHTS completed
        C: d SETACL INBOX alice lr
        S: d NO [CANNOT] the owner keeps every right
        C: e SETACL INBOX -Alice lr
        S: e NO [CANNOT] the owner keeps every right
        C: f DELETEACL INBOX alice@example.test
        S: f NO [CANNOT] the owner keeps every right
        """
    )


@pytest.mark.parametrize("rights", [b"lrQ", b"lrq", b"L", b"+9", b'"lr "', b"-+l", b"{2+}\r\n\xc3\xa4"])
def test_a_right_that_is_none_is_bad(rights: bytes) -> None:
    assert logged_in(new_store()).say(b"b SETACL INBOX bob %b\r\n" % rights) == b"b BAD no such right\r\n"


def test_identifiers_are_prepared_and_have_to_be_somebodys() -> None:
    client = logged_in(new_store())
    for empty in (b'""', b"-", b"{2+}\r\n\xc2\xad"):
        assert client.say(b"b SETACL INBOX %b l\r\n" % empty) == b"b BAD the identifier is empty\r\n"
    for wrong in (b"{1+}\r\n\xff", b"{3+}\r\n\xee\x80\x80"):
        assert client.say(b"c LISTRIGHTS INBOX %b\r\n" % wrong) == b"c BAD the identifier cannot be prepared\r\n"
    assert client.say(b"d SETACL INBOX nobody l\r\n") == b"d NO [CANNOT] nobody is called that\r\n"
    assert client.say(b"e SETACL INBOX bob\r\n") == b"e BAD expected one space\r\n"


def test_there_is_an_end_to_the_identifiers_of_a_mailbox() -> None:
    store = new_store()
    for number in range(1000):
        inbox(store).set_rights(f"user{number}", "l")
    client = logged_in(store)
    assert client.say(b"b SETACL INBOX bob l\r\n") == b"b NO [LIMIT] too many identifiers\r\n"
    inbox(store).set_rights("user1", "")
    assert client.say(b"c SETACL INBOX bob l\r\n") == b"c OK SETACL completed\r\n"
    assert client.say(b"d SETACL INBOX bob +r\r\n") == b"d OK SETACL completed\r\n"


def test_what_is_shared_is_listed_and_the_rest_is_not() -> None:
    store = shared("lr")
    alice = logged_in(store)
    alice.say(b"b CREATE Hidden\r\n")
    alice.say(b"c SETACL Hidden bob r\r\n")
    alice.say(b"d CREATE Box/Below\r\n")
    bob(store).play(
        """
        C: b LIST "" *
        S: * LIST (\\HasNoChildren) "/" INBOX
        S: * LIST (\\Noselect \\HasChildren) "/" "Other Users"
        S: * LIST (\\Noselect \\HasChildren) "/" "Other Users/alice@example.test"
        S: * LIST (\\HasChildren) "/" "Other Users/alice@example.test/Box"
        S: * LIST (\\HasNoChildren) "/" "Other Users/alice@example.test/Box/Below"
        S: b OK LIST completed
        C: c SUBSCRIBE "Other Users/alice@example.test/Box"
        S: c OK SUBSCRIBE completed
        C: d LSUB "" *
        S: * LSUB () "/" "Other Users/alice@example.test/Box"
        S: d OK LSUB completed
        C: e SUBSCRIBE "Other Users/alice@example.test/Hidden"
        S: e NO [NONEXISTENT] there is no such mailbox
        C: f STATUS "Other Users/alice@example.test/Box" (MESSAGES)
        S: * STATUS "Other Users/alice@example.test/Box" (MESSAGES 0)
        S: f OK STATUS completed
        C: g LIST "" "Other Users/%/Box" RETURN (MYRIGHTS STATUS (MESSAGES))
        S: * LIST (\\HasChildren) "/" "Other Users/alice@example.test/Box"
        S: * MYRIGHTS "Other Users/alice@example.test/Box" lr
        S: * STATUS "Other Users/alice@example.test/Box" (MESSAGES 0)
        S: g OK LIST completed
        """
    )


def test_who_may_look_but_not_read_sees_a_name_that_cannot_be_selected() -> None:
    store = shared("l")
    bob(store).play(
        """
        C: b LIST "" O*/B*
        S: * LIST (\\Noselect \\HasNoChildren) "/" "Other Users/alice@example.test/Box"
        S: b OK LIST completed
        C: c LIST "" (O*/B*) RETURN (STATUS (MESSAGES) MYRIGHTS)
        S: * LIST (\\Noselect \\HasNoChildren) "/" "Other Users/alice@example.test/Box"
        S: * MYRIGHTS "Other Users/alice@example.test/Box" l
        S: c OK LIST completed
        C: d SELECT "Other Users/alice@example.test/Box"
        S: d NO [NOPERM] you may not do that there
        C: e STATUS "Other Users/alice@example.test/Box" (MESSAGES)
        S: e NO [NOPERM] you may not do that there
        C: f GETACL "Other Users/alice@example.test/Box"
        S: f NO [NOPERM] you may not do that there
        C: g SETACL "Other Users/alice@example.test/Box" bob a
        S: g NO [NOPERM] you may not do that there
        C: h DELETEACL "Other Users/alice@example.test/Box" bob
        S: h NO [NOPERM] you may not do that there
        C: i LISTRIGHTS "Other Users/alice@example.test/Box" bob
        S: i NO [NOPERM] you may not do that there
        C: j DELETE "Other Users/alice@example.test/Box"
        S: j NO [NOPERM] you may not do that there
        """
    )


@pytest.mark.parametrize("rights", ["", "p", "sw"])
def test_a_mailbox_to_which_one_has_no_right_is_as_one_that_is_not_there(rights: str) -> None:
    store = shared(rights)
    client = bob(store)
    for name in (BOX, b"Other Users/alice@example.test/Nowhere", b"Other Users/nobody@example.test/Box"):
        for command in (b"SELECT", b"GETACL", b"MYRIGHTS", b"SUBSCRIBE", b"DELETE"):
            got = client.say(b'b %b "%b"\r\n' % (command, name))
            assert got == b"b NO [NONEXISTENT] there is no such mailbox\r\n"
        assert client.say(b'c APPEND "%b" {1+}\r\nx\r\n' % name) == b"c NO [TRYCREATE] there is no such mailbox\r\n"
    assert b"Other" not in client.say(b'd LIST "" *\r\n')


def test_others_have_one_name_for_each_mailbox_and_nobody_is_another_to_himself() -> None:
    store = shared("lr")
    for name in (
        b"Other Users/ALICE@example.test/Box",
        b"Other Users/alice/Box",
        b"other users/alice@example.test/Box",
    ):
        assert b"NO [NONEXISTENT]" in bob(store).say(b'b SELECT "%b"\r\n' % name)
    assert b"NO [NONEXISTENT]" in logged_in(store).say(b'b SELECT "%b"\r\n' % BOX)


def test_who_may_change_nothing_reads_only() -> None:
    store = shared("lr", messages=1)
    bob(store).play(
        """
        C: b SELECT "Other Users/alice@example.test/Box"
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
        S: * 1 EXISTS
        S: * 1 RECENT
        S: * OK [UNSEEN 1] …
        S: * OK [PERMANENTFLAGS ()] flags that stay
        S: * OK [UIDNEXT 2] …
        S: * OK [UIDVALIDITY 8] …
        S: * OK [MAILBOXID (F…)] …
        S: * OK [HIGHESTMODSEQ 2] …
        S: * OK [URLMECH INTERNAL] …
        S: b OK [READ-ONLY] SELECT completed
        C: c STORE 1 +FLAGS (\\Seen)
        S: c NO the mailbox is read-only
        C: d FETCH 1 BODY[TEXT]
        S: * 1 FETCH (BODY[TEXT] {3}
        S: x
        S: )
        S: d OK FETCH completed
        """
    )
    assert folder(store, "Box").claim_recent(peek=True) == {1}


def test_flags_are_changed_as_far_as_the_rights_go() -> None:
    store = shared("lrs", messages=1)
    client = bob(store)
    assert b"* OK [PERMANENTFLAGS (\\Seen)] flags that stay\r\n" in client.say(b'b SELECT "%b"\r\n' % BOX)
    client.play(
        """
        C: c STORE 1 FLAGS (\\Seen \\Deleted work)
        S: * 1 FETCH (FLAGS (\\Recent \\Seen))
        S: c OK STORE completed
        C: d STORE 1 +FLAGS (\\Deleted)
        S: d NO [NOPERM] you may change none of these flags
        C: e EXPUNGE
        S: e NO [NOPERM] you may not do that here
        C: f UID EXPUNGE 1
        S: f NO [NOPERM] you may not do that here
        C: g MOVE 1 INBOX
        S: g NO [NOPERM] you may not do that here
        C: h REPLACE 1 INBOX {1+}
        C: x
        S: h NO [NOPERM] you may not do that here
        """
    )
    box = folder(store, "Box")
    box.set_flags({1: ["\\Deleted", "\\Seen"]})
    client.play(
        """
        C: i STORE 1 FLAGS ()
        S: * 1 FETCH (FLAGS (\\Deleted \\Recent))
        S: i OK STORE completed
        C: j CLOSE
        S: j OK CLOSE completed
        """
    )
    assert [message.flags for message in box.messages] == [{"\\Deleted"}]


def test_flags_cannot_be_cleared_without_any_right_to_change_one() -> None:
    store = shared("lri", messages=1)
    bob_in_box(store).play(
        """
        C: c STORE 1 FLAGS ()
        S: c NO [NOPERM] you may change none of these flags
        C: d FETCH 1 (BODY[TEXT])
        S: * 1 FETCH (BODY[TEXT] {3}
        S: x
        S: )
        S: d OK FETCH completed
        """
    )
    assert folder(store, "Box").messages[0].flags == frozenset()


def test_with_the_rights_to_it_messages_are_removed_and_moved() -> None:
    store = shared("lrte", messages=3)
    bob_in_box(store).play(
        """
        C: c STORE 1 +FLAGS (\\Deleted \\Seen)
        S: * 1 FETCH (FLAGS (\\Deleted \\Recent))
        S: c OK STORE completed
        C: d EXPUNGE
        S: * 1 EXPUNGE
        S: d OK EXPUNGE completed
        C: e MOVE 1 INBOX
        S: * OK [COPYUID 7 2 1] moved
        S: * 1 EXPUNGE
        S: e OK MOVE completed
        C: f STORE 1 +FLAGS.SILENT (\\Deleted)
        S: f OK STORE completed
        C: g CLOSE
        S: g OK CLOSE completed
        """
    )
    assert not folder(store, "Box").messages


def test_what_is_appended_or_copied_keeps_the_flags_that_may_be_set() -> None:
    store = shared("li")
    client = bob(store)
    client.play(
        """
        C: b APPEND "Other Users/alice@example.test/Box" (\\Seen \\Deleted work) {1+}
        C: x
        S: b OK [APPENDUID 8 1] APPEND completed
        C: c APPEND INBOX (\\Seen \\Deleted work) {1+}
        C: x
        S: c OK [APPENDUID 7 1] APPEND completed
        C: d SELECT INBOX
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S: d OK [READ-WRITE] SELECT completed
        """
    )
    box = folder(store, "Box")
    for rights, flags in {"lis": {"\\Seen"}, "lit": {"\\Deleted"}, "liw": {"work"}}.items():
        box.set_rights("bob@example.test", rights)
        assert b"e OK [COPYUID" in client.say(b'e COPY 1 "%b"\r\n' % BOX)
        assert box.messages[-1].flags == flags
    assert box.messages[0].flags == frozenset()
    box.set_rights("bob@example.test", "lr")
    assert client.say(b'f COPY 1 "%b"\r\n' % BOX) == b"f NO [NOPERM] you may not do that there\r\n"


def test_new_mailboxes_have_the_rights_of_the_one_above() -> None:
    store = shared("lk")
    bob(store).play(
        """
        C: b CREATE "Other Users/alice@example.test/Box/one/two"
        S: b OK [MAILBOXID (F…)] CREATE completed
        C: c CREATE "Other Users/alice@example.test/Top"
        S: c NO [NOPERM] you may not create that
        C: d CREATE "Other Users/nobody@example.test/Top"
        S: d NO [NOPERM] you may not create that
        C: e CREATE "Other Users"
        S: e NO [NOPERM] you may not create that
        C: f CREATE "Other Users/alice@example.test/Box/one"
        S: f NO [ALREADYEXISTS] the mailbox exists already
        C: g CREATE "Other Users/alice@example.test/INBOX/x"
        S: g NO [NOPERM] you may not create that
        """
    )
    for name in ("Box/one", "Box/one/two"):
        assert folder(store, name).rights == {"bob@example.test": "lk"}
        assert folder(store, name).owner == "alice@example.test"
    logged_in(store).say(b"b CREATE Box/mine\r\n")
    assert folder(store, "Box/mine").rights == {"bob@example.test": "lk"}


def test_mailboxes_of_others_are_renamed_and_deleted_with_the_rights_to_it() -> None:
    store = shared("lrkx")
    logged_in(store).say(b"b CREATE Other\r\n")
    folder(store, "Other").set_rights("bob@example.test", "lx")
    folder(store, "INBOX").set_rights("bob@example.test", "lrkx")
    bob(store).play(
        """
        C: b RENAME "Other Users/alice@example.test/Other" "Other Users/alice@example.test/Box/Other"
        S: b OK RENAME completed
        C: c RENAME "Other Users/alice@example.test/Box/Other" "Other Users/alice@example.test/Other"
        S: c NO [NOPERM] you may not move that there
        C: d RENAME "Other Users/alice@example.test/Box/Other" Mine
        S: d NO [CANNOT] a mailbox stays with its owner
        C: e RENAME INBOX "Other Users/alice@example.test/Box/Theirs"
        S: e NO [CANNOT] a mailbox stays with its owner
        C: f RENAME "Other Users/alice@example.test/Box/Other" "Other Users/nobody@example.test/Other"
        S: f NO [CANNOT] a mailbox stays with its owner
        C: g RENAME "Other Users/alice@example.test/Nowhere" x
        S: g NO [NONEXISTENT] there is no such mailbox
        C: h RENAME "Other Users/alice@example.test/INBOX" "Other Users/alice@example.test/Box/In"
        S: h NO [NOPERM] you may not move that there
        C: i DELETE "Other Users/alice@example.test/INBOX"
        S: i NO [CANNOT] INBOX cannot be deleted
        C: j DELETE "Other Users/alice@example.test"
        S: j NO [HASCHILDREN] the name has inferiors and is no mailbox
        C: k DELETE "Other Users/alice@example.test/Box/Other"
        S: k OK DELETE completed
        C: l LIST "" O*
        S: * LIST (\\Noselect \\HasChildren) "/" "Other Users"
        S: * LIST (\\Noselect \\HasChildren) "/" "Other Users/alice@example.test"
        S: * LIST (\\HasNoChildren) "/" "Other Users/alice@example.test/Box"
        S: * LIST (\\HasNoChildren) "/" "Other Users/alice@example.test/INBOX"
        S: l OK LIST completed
        """
    )


def test_an_administrator_gives_rights_to_what_is_not_his() -> None:
    store = shared("la")
    bob(store).play(
        """
        C: b SETACL "Other Users/alice@example.test/Box" bob +r
        S: b OK SETACL completed
        C: c GETACL "Other Users/alice@example.test/Box"
        S: * ACL "Other Users/alice@example.test/Box" alice@example.test lrswipkxteacd bob@example.test lra
        S: c OK GETACL completed
        C: d SETACL "Other Users/alice@example.test/Box" alice ""
        S: d NO [CANNOT] the owner keeps every right
        C: e MYRIGHTS "Other Users/alice@example.test/Box"
        S: * MYRIGHTS "Other Users/alice@example.test/Box" lra
        S: e OK MYRIGHTS completed
        """
    )


def test_rights_that_change_while_the_mailbox_is_selected_are_told() -> None:
    store = shared("lrs", messages=1)
    client = bob_in_box(store)
    folder(store, "Box").set_rights("bob@example.test", "lrst")
    client.play(
        """
        C: c NOOP
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
        S: * OK [PERMANENTFLAGS (\\Deleted \\Seen)] flags that stay
        S: c OK NOOP completed
        C: d NOOP
        S: d OK NOOP completed
        """
    )


def test_a_url_names_nothing_in_a_mailbox_of_another_user() -> None:
    store = shared("lr", messages=1)
    client = bob_in_box(store)
    assert b"c NO [BADURL" in client.say(b'c APPEND INBOX CATENATE (URL "/;UID=1")\r\n')


def test_quota_of_another_user_is_told_to_who_may_read_there() -> None:
    store = new_store()
    store.add_account("carol@example.test", "secret", limits=Limits(messages=5))
    carol = store.account("carol@example.test")
    assert carol is not None
    carol.create("Box")
    box = carol.mailbox("Box")
    assert box is not None
    box.set_rights("anyone", "l")
    client = logged_in(store)
    client.play(
        """
        C: b GETQUOTAROOT "Other Users/carol@example.test/Box"
        S: b NO [NOPERM] you may not do that there
        C: c GETQUOTA carol@example.test
        S: c NO [NONEXISTENT] there is no such quota root
        """
    )
    box.set_rights("anyone", "lr")
    client.play(
        """
        C: b GETQUOTAROOT "Other Users/carol@example.test/Box"
        S: * QUOTAROOT "Other Users/carol@example.test/Box" carol@example.test
        S: * QUOTA carol@example.test (MESSAGE 0 5)
        S: b OK GETQUOTAROOT completed
        C: c GETQUOTA carol@example.test
        S: * QUOTA carol@example.test (MESSAGE 0 5)
        S: c OK GETQUOTA completed
        C: d GETQUOTAROOT "Other Users/nobody@example.test/Box"
        S: * QUOTAROOT "Other Users/nobody@example.test/Box"
        S: d OK GETQUOTAROOT completed
        """
    )


def test_rights_add_up_and_negative_ones_take_away() -> None:
    rights = {"bob": "lr", "anyone": "ls", "-bob": "s", "-anyone": "w", "eve": "a"}
    assert given_to("bob", rights) == {"l", "r"}
    assert given_to("carol", rights) == {"l", "s"}


def test_obsolete_rights_stand_for_several() -> None:
    assert expanded("lcd") == {"l", "k", "x", "t", "e"}
    assert shown({"l", "x"}) == "lxc"
    assert shown(ALL) == "lrswipkxteacd"
