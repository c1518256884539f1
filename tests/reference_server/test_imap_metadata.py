"""METADATA of mailboxes and of the server (RFC 5464), as dialogues."""

from __future__ import annotations

import pytest

from reference_server.imap.metadata import MAX_ENTRIES, MAX_VALUE_OCTETS
from tests.reference_server.imap_dialogue import Client, folder, inbox, logged_in, new_store
from tests.reference_server.test_imap_acl import bob, shared


def test_entries_are_set_told_and_removed() -> None:
    store = new_store()
    logged_in(store).play(
        """
        C: c SETMETADATA INBOX (/private/comment "mine" /SHARED/Comment {4+}
        C: ours)
        S: c OK SETMETADATA completed
        C: d GETMETADATA INBOX (/private/comment /shared/comment /private/none /PRIVATE/comment)
        S: * METADATA INBOX (/private/comment "mine" /shared/comment "ours" /private/none NIL)
        S: d OK GETMETADATA completed
        C: e SETMETADATA INBOX (/private/comment NIL /shared/comment "" /shared/comment "x")
        S: e OK SETMETADATA completed
        C: f GETMETADATA INBOX /private/comment
        S: * METADATA INBOX (/private/comment NIL)
        S: f OK GETMETADATA completed
        C: g GETMETADATA INBOX "/shared/comment"
        S: * METADATA INBOX (/shared/comment "x")
        S: g OK GETMETADATA completed
        """
    )
    assert inbox(store).annotations == {"/shared/comment": b"x"}


def test_values_may_be_of_any_octets() -> None:
    client = logged_in(new_store())
    assert (
        client.say(b"b SETMETADATA INBOX (/private/comment ~{5+}\r\na\0\r\nb)\r\n") == b"b OK SETMETADATA completed\r\n"
    )
    got = client.say(b"c GETMETADATA INBOX /private/comment\r\n")
    assert got == b"* METADATA INBOX (/private/comment ~{5}\r\na\0\r\nb)\r\nc OK GETMETADATA completed\r\n"
    client.say(b"d SETMETADATA INBOX (/private/comment {4+}\r\n\xc3\xa4\r\n)\r\n")
    got = client.say(b"e GETMETADATA INBOX /private/comment\r\n")
    assert got == b"* METADATA INBOX (/private/comment {4}\r\n\xc3\xa4\r\n)\r\ne OK GETMETADATA completed\r\n"


def test_depth_and_size_choose_what_is_told() -> None:
    client = logged_in(new_store())
    client.play(
        """
        C: a SETMETADATA INBOX (/private/f "1" /private/f/a "22" /private/f/a/b "333" /private/fa "4" /shared/f/a "55")
        S: a OK SETMETADATA completed
        C: b GETMETADATA (DEPTH 1) INBOX /private/f
        S: * METADATA INBOX (/private/f "1" /private/f/a "22")
        S: b OK GETMETADATA completed
        C: c GETMETADATA (MAXSIZE 2 DEPTH infinity) INBOX /private/f
        S: * METADATA INBOX (/private/f "1" /private/f/a "22")
        S: c OK [METADATA LONGENTRIES 3] GETMETADATA completed
        C: d GETMETADATA INBOX (DEPTH INFINITY) (/private /shared)
        S: * METADATA INBOX (/private/f "1" /private/f/a "22" /private/f/a/b "333" /private/fa "4" /shared/f/a "55")
        S: d OK GETMETADATA completed
        C: e GETMETADATA INBOX (MAXSIZE 1) (/private/f /private/f/a)
        S: * METADATA INBOX (/private/f "1")
        S: e OK [METADATA LONGENTRIES 2] GETMETADATA completed
        C: f GETMETADATA (DEPTH 0) INBOX /private
        S: * METADATA INBOX (/private NIL)
        S: f OK GETMETADATA completed
        C: g GETMETADATA (DEPTH 1) INBOX /private/none
        S: g OK GETMETADATA completed
        C: h GETMETADATA (MAXSIZE 0) INBOX /private/f
        S: h OK [METADATA LONGENTRIES 1] GETMETADATA completed
        """
    )


@pytest.mark.parametrize(
    "command",
    [
        b"GETMETADATA (DEPTH 2) INBOX /private/x",
        b"GETMETADATA (DEPTH 1 DEPTH 1) INBOX /private/x",
        b"GETMETADATA (XYZZY 1) INBOX /private/x",
        b"GETMETADATA (MAXSIZE x) INBOX /private/x",
        b"GETMETADATA () INBOX /private/x",
        b"GETMETADATA (MAXSIZE 1) INBOX (DEPTH 1) /private/x",
        b"GETMETADATA INBOX",
        b"GETMETADATA INBOX ()",
        b"GETMETADATA INBOX /comment",
        b"GETMETADATA INBOX /private/x/",
        b"GETMETADATA INBOX /private//x",
        b'GETMETADATA INBOX "/private/x*"',
        b'GETMETADATA INBOX "/private/%"',
        b"GETMETADATA INBOX {10+}\r\n/private/\xe4",
        b"SETMETADATA INBOX (/private NIL)",
        b"SETMETADATA INBOX (/private/vendor/x NIL)",
        b"SETMETADATA INBOX (/shared/vendor NIL)",
        b"SETMETADATA INBOX (/private/x)",
        b"SETMETADATA INBOX /private/x NIL",
        b"SETMETADATA INBOX ()",
    ],
)
def test_what_is_against_the_grammar_is_bad(command: bytes) -> None:
    assert logged_in(new_store()).say(b"b %b\r\n" % command).startswith(b"b BAD ")


def test_the_names_of_a_vendor_have_four_parts() -> None:
    logged_in(new_store()).play(
        """
        C: b SETMETADATA INBOX (/shared/vendor/kolab/folder-type "mail" /private/vendors "x")
        S: b OK SETMETADATA completed
        C: c GETMETADATA (DEPTH infinity) INBOX /shared/vendor/kolab
        S: * METADATA INBOX (/shared/vendor/kolab/folder-type "mail")
        S: c OK GETMETADATA completed
        """
    )


def test_limits_are_told_and_keep_all_of_a_command_from_happening() -> None:
    store = new_store()
    client = logged_in(store)
    long = b"SETMETADATA INBOX (/private/a {1+}\r\nx /private/b {%d+}\r\n%b)" % (MAX_VALUE_OCTETS + 1, b"x" * 65_537)
    assert client.say(b"b %b\r\n" % long) == b"b NO [METADATA MAXSIZE 65536] the value is too long\r\n"
    assert inbox(store).annotations == {}
    for number in range(MAX_ENTRIES - 1):
        inbox(store).annotate(f"/shared/{number}", b"x")
    client.play(
        """
        C: c SETMETADATA INBOX (/private/a "x" /private/b "x")
        S: c NO [METADATA TOOMANY] too many entries
        C: d SETMETADATA INBOX (/private/a "x")
        S: d OK SETMETADATA completed
        C: e SETMETADATA INBOX (/private/b "x" /shared/1 NIL)
        S: e OK SETMETADATA completed
        """
    )
    assert len(inbox(store).annotations) == MAX_ENTRIES


def test_the_server_has_metadata_too() -> None:
    store = new_store()
    logged_in(store).play(
        """
        C: b GETMETADATA "" (/shared/admin /shared/comment)
        S: * METADATA "" (/shared/admin "mailto:postmaster@mail.example.test" /shared/comment NIL)
        S: b OK GETMETADATA completed
        C: c SETMETADATA "" (/private/vendor/x/y "mine" /shared/comment "ours")
        S: c NO [NOPERM] what all users share is set by the operator
        C: d SETMETADATA "" (/private/vendor/x/y "mine")
        S: d OK SETMETADATA completed
        C: e GETMETADATA (DEPTH infinity) "" (/private /shared)
        S: * METADATA "" (/private/vendor/x/y "mine" /shared/admin "mailto:postmaster@mail.example.test")
        S: e OK GETMETADATA completed
        """
    )
    bob(store).play(
        """
        C: b GETMETADATA "" /private/vendor/x/y
        S: * METADATA "" (/private/vendor/x/y NIL)
        S: b OK GETMETADATA completed
        """
    )


def test_special_uses_can_be_read_and_are_not_set_here() -> None:
    logged_in(new_store()).play(
        """
        C: b CREATE Out (USE (\\Sent \\Archive))
        S: b OK …
        C: c GETMETADATA Out /private/specialuse
        S: * METADATA Out (/private/specialuse "\\\\Archive \\\\Sent")
        S: c OK GETMETADATA completed
        C: d SETMETADATA Out (/private/specialuse "\\\\Junk")
        S: d NO [CANNOT] special uses are given by CREATE
        C: e GETMETADATA INBOX /private/specialuse
        S: * METADATA INBOX (/private/specialuse NIL)
        S: e OK GETMETADATA completed
        """
    )


def test_metadata_move_with_a_mailbox_and_go_with_it() -> None:
    logged_in(new_store()).play(
        """
        C: b CREATE a
        S: b OK …
        C: c SETMETADATA a (/private/comment "x")
        S: c OK SETMETADATA completed
        C: d RENAME a b
        S: d OK RENAME completed
        C: e GETMETADATA b /private/comment
        S: * METADATA b (/private/comment "x")
        S: e OK GETMETADATA completed
        C: f DELETE b
        S: f OK DELETE completed
        C: g CREATE b
        S: g OK …
        C: h GETMETADATA b /private/comment
        S: * METADATA b (/private/comment NIL)
        S: h OK GETMETADATA completed
        C: i GETMETADATA nowhere /private/comment
        S: i NO [NONEXISTENT] there is no such mailbox
        """
    )


def test_each_user_has_his_own_private_entries_of_a_shared_mailbox() -> None:
    store = shared("lr")
    folder(store, "Box").annotate("/private/comment", b"of alice")
    bob(store).play(
        """
        C: b SETMETADATA "Other Users/alice@example.test/Box" (/private/comment "of bob" /shared/comment "of both")
        S: b OK SETMETADATA completed
        C: c GETMETADATA "Other Users/alice@example.test/Box" (/private/comment /shared/comment /private/specialuse)
        S: * METADATA "Other Users/alice@example.test/Box" (/private/comment "of bob" /shared/comment "of both" …
        S: c OK GETMETADATA completed
        """
    )
    logged_in(store).play(
        """
        C: b GETMETADATA (DEPTH infinity) Box (/private /shared)
        S: * METADATA Box (/private/comment "of alice" /shared/comment "of both")
        S: b OK GETMETADATA completed
        """
    )


@pytest.mark.parametrize(("rights", "code"), [("l", b"NOPERM"), ("la", b"NOPERM"), ("rw", b"NONEXISTENT")])
def test_metadata_take_the_right_to_look_and_another(rights: str, code: bytes) -> None:
    client = bob(shared(rights))
    for command in (b"GET", b"SET"):
        rest = b"/private/x" if command == b"GET" else b"(/private/x NIL)"
        got = client.say(b'b %bMETADATA "Other Users/alice@example.test/Box" %b\r\n' % (command, rest))
        assert got.startswith(b"b NO [%b] " % code)


def test_what_others_change_is_told_by_name_to_who_enabled_it() -> None:
    store = shared("lr")
    silent, told, other = logged_in(store), logged_in(store), logged_in(store)
    told.play(
        """
        C: b ENABLE METADATA
        S: * ENABLED METADATA
        S: b OK ENABLE completed
        """
    )
    other.say(b'b SETMETADATA Box (/shared/comment "x" /private/comment "y")\r\n')
    other.say(b'c SETMETADATA "" (/private/vendor/a/b "y")\r\n')
    told.play(
        """
        C: c NOOP
        S: * METADATA "" /private/vendor/a/b
        S: * METADATA Box /private/comment /shared/comment
        S: c OK NOOP completed
        C: d SETMETADATA INBOX (/private/comment "mine")
        S: d OK SETMETADATA completed
        C: e NOOP
        S: e OK NOOP completed
        """
    )
    assert silent.say(b"c NOOP\r\n") == b"c OK NOOP completed\r\n"
    other.say(b"d SETMETADATA Box (/shared/comment NIL)\r\n")
    other.say(b"e DELETE Box\r\n")
    told.play(
        """
        C: f NOOP
        S: f OK NOOP completed
        C: g UNAUTHENTICATE
        S: g OK UNAUTHENTICATE completed
        """
    )


def test_changes_of_shared_mailboxes_are_told_too_but_not_what_is_private_to_others() -> None:
    store = shared("lr")
    client = bob(store)
    client.say(b"b ENABLE METADATA\r\n")
    folder(store, "Box").annotate("/private/comment", b"of alice")
    folder(store, "Box").annotate("/shared/comment", b"of both")
    client.play(
        """
        C: c NOOP
        S: * METADATA "Other Users/alice@example.test/Box" /shared/comment
        S: c OK NOOP completed
        """
    )
    account = store.account("alice@example.test")
    assert account is not None
    account.annotate("/private/vendor/x/y", b"of alice")
    assert client.say(b"d NOOP\r\n") == b"d OK NOOP completed\r\n"


def test_watching_an_account_for_another_reason_tells_nothing_of_metadata() -> None:
    store = new_store()
    client = logged_in(store)
    client.core.watch_accounts([client.core.user])
    inbox(store).annotate("/shared/comment", b"x")
    client.play(
        """
        C: b ENABLE CONDSTORE
        S: * ENABLED CONDSTORE
        S: b OK ENABLE completed
        C: c LOGOUT
        S: * BYE logging out
        S: c OK LOGOUT completed
        S: <Close>
        """
    )


def test_idle_tells_of_metadata_at_once() -> None:
    store = new_store()
    client = logged_in(store)
    woken: list[Client] = []
    client.core.request_wake = lambda: woken.append(client)
    client.say(b"b ENABLE METADATA\r\nc IDLE\r\n")
    inbox(store).annotate("/shared/comment", b"x")
    assert woken == [client]
    actions = client.core.wake(0.0)
    assert b"".join(getattr(action, "octets", b"") for action in actions) == b"* METADATA INBOX /shared/comment\r\n"
    client.core.disconnected()
    inbox(store).annotate("/shared/comment", b"y")
    assert woken == [client]
