"""UNAUTHENTICATE (RFC 8437) and MAILBOXID (RFC 8474 §4) of the IMAP core."""

from __future__ import annotations

import zlib

from tests.reference_server.imap_dialogue import folder, inbox, logged_in, new_store, octets_of, selected


def test_another_user_may_log_in_where_one_was() -> None:
    store = new_store()
    inbox(store).append(b"x\r\n", flags=["\\Deleted"])
    client = selected(store)
    client.play(
        """
        C: b UNAUTHENTICATE
        S: b OK UNAUTHENTICATE completed
        C: c NOOP
        S: c OK NOOP completed
        C: d LIST "" *
        S: d BAD not while nobody is logged in
        C: e LOGIN bob secret
        S: e OK [CAPABILITY …] logged in
        C: f STATUS INBOX (MESSAGES)
        S: * STATUS INBOX (MESSAGES 0)
        S: f OK STATUS completed
        C: g UNAUTHENTICATE x
        S: g BAD unexpected octets after the command
        C: h UNAUTHENTICATE
        S: h OK UNAUTHENTICATE completed
        C: i UNAUTHENTICATE
        S: i BAD not while nobody is logged in
        """
    )
    assert len(inbox(store).messages) == 1
    assert b"AUTH=PLAIN" in client.say(b"j CAPABILITY\r\n")


def test_the_next_log_in_may_be_sent_along() -> None:
    client = logged_in(new_store())
    got = client.say(b"b UNAUTHENTICATE\r\nc AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ=\r\n")
    assert got.startswith(b"b OK UNAUTHENTICATE completed\r\nc OK [CAPABILITY ")


def test_compression_ends_behind_the_command_and_behind_the_ok() -> None:
    client = logged_in(new_store())
    client.say(b"b COMPRESS DEFLATE\r\n")
    pack, unpack = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    packed = pack.compress(b"c NOOP\r\nd UNAUTHENTICATE\r\n") + pack.flush(zlib.Z_FINISH)
    got = octets_of(client.core.receive(packed + b"e LOGIN bob secret\r\n", 0.0))
    assert unpack.decompress(got) == b"c OK NOOP completed\r\nd OK UNAUTHENTICATE completed\r\n"
    assert unpack.eof
    assert unpack.unused_data.startswith(b"e OK [CAPABILITY ")
    assert client.say(b"f NOOP\r\n") == b"f OK NOOP completed\r\n"


def test_a_mailbox_keeps_its_id_through_a_rename_and_no_other_gets_it() -> None:
    store = new_store()
    client = logged_in(store)
    created = client.say(b"b CREATE a\r\n")
    first = folder(store, "a").mailbox_id.encode()
    assert created == b"b OK [MAILBOXID (%b)] CREATE completed\r\n" % first
    assert client.say(b"c RENAME a b\r\n") == b"c OK RENAME completed\r\n"
    assert client.say(b"d STATUS b (MAILBOXID)\r\n").startswith(b"* STATUS b (MAILBOXID (%b))\r\n" % first)
    assert b"* OK [MAILBOXID (%b)] " % first in client.say(b"e EXAMINE b\r\n")
    client.say(b"f CREATE a\r\n")
    assert folder(store, "a").mailbox_id.encode() != first


def test_create_has_no_id_to_tell_of_a_mailbox_that_is_gone_again() -> None:
    client = logged_in(new_store())
    assert client.core.created("nowhere") == b"CREATE completed"
