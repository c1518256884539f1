"""URLAUTH (RFC 4467)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from conformance.wire.imap_grammar import recognise
from reference_server.core import Settings
from reference_server.imap.urls import parse_authorized
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, Client, inbox, logged_in, new_store

SETTINGS = Settings(wall_clock=lambda: NOON)
RUMP = b"imap://alice@mail.example.test/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=anonymous"


def store_with_a_letter() -> MemoryStore:
    store = new_store()
    inbox(store).append(b"Subject: x\r\n\r\ntext\r\n")
    return store


def alice(store: MemoryStore) -> Client:
    return logged_in(store, settings=SETTINGS)


def bob(store: MemoryStore) -> Client:
    client = Client(store, settings=SETTINGS)
    assert b"a OK" in client.say(b"a LOGIN bob secret\r\n")
    return client


def authorized(client: Client, rump: bytes = RUMP) -> bytes:
    reply = client.say(b'g GENURLAUTH "%b" INTERNAL\r\n' % rump)
    found = re.fullmatch(rb'\* GENURLAUTH "?([^" \r]+)"?\r\ng OK GENURLAUTH completed\r\n', reply)
    assert found, reply
    assert not recognise(reply.partition(b"\n")[0] + b"\n")
    return found[1]


def fetched(client: Client, url: bytes) -> bytes | None:
    reply = client.say(b'f URLFETCH "%b"\r\n' % url)
    found = re.fullmatch(
        rb'\* URLFETCH "?[^" \r]+"? (?:NIL|"(.*?)"|\{\d+\}\r\n(.*))\r\nf OK URLFETCH completed\r\n', reply, re.S
    )
    assert found, reply
    return found[1] if found[1] is not None else found[2]


def test_an_authorized_url_lets_another_user_read_what_it_names() -> None:
    store = store_with_a_letter()
    url = authorized(alice(store))
    assert url.startswith(RUMP + b":internal:")
    assert len(url.rpartition(b":")[2]) >= 32
    assert fetched(bob(store), url) == b"text\r\n"
    assert fetched(alice(store), url) == b"text\r\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url[:-1] + (b"0" if url[-1:] != b"0" else b"1"),
        lambda url: url.replace(b"UID=1", b"UID=2"),
        lambda url: url.replace(b"INBOX", b"inbox"),
        lambda url: url.replace(b"INBOX", b"nowhere"),
        lambda url: url.replace(b"alice@", b"carol@"),
        lambda url: url.replace(b"alice@", b""),
        lambda url: url.replace(b":internal:", b":other:"),
        lambda url: url.rpartition(b":internal:")[0],
        lambda url: b"imap://alice@mail.example.test/INBOX",
        lambda url: b"x",
    ],
)
def test_a_url_that_was_changed_grants_nothing(change) -> None:  # type: ignore[no-untyped-def]
    store = store_with_a_letter()
    url = change(authorized(alice(store)))
    assert fetched(bob(store), url) is None


def test_the_token_is_compared_without_case_and_mailbox_keys_differ() -> None:
    store = store_with_a_letter()
    client = alice(store)
    url = authorized(client)
    assert fetched(bob(store), url.upper().replace(RUMP.upper(), RUMP)) == b"text\r\n"
    client.say(b"c CREATE other\r\n")
    other = authorized(client, RUMP.replace(b"INBOX", b"other"))
    assert other.rpartition(b":")[2] != url.rpartition(b":")[2]
    assert fetched(bob(store), other) is None


def test_access_may_be_for_one_user_or_for_all_who_are_logged_in() -> None:
    store = store_with_a_letter()
    for access, may_read in ((b"authuser", True), (b"user+bob", True), (b"user+alice", False), (b"submit+bob", False)):
        url = authorized(alice(store), RUMP.replace(b"anonymous", access))
        assert fetched(bob(store), url) == (b"text\r\n" if may_read else None), access


def test_an_expired_url_grants_nothing() -> None:
    store = store_with_a_letter()
    for hours, may_read in ((1, True), (-1, False)):
        until = (NOON + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        url = authorized(alice(store), RUMP.replace(b";URLAUTH", b";EXPIRE=" + until + b";URLAUTH"))
        assert fetched(bob(store), url) == (b"text\r\n" if may_read else None), hours


def test_resetkey_revokes_for_one_mailbox_or_for_all() -> None:
    store = store_with_a_letter()
    client = alice(store)
    client.say(b"c CREATE other\r\n")
    first, second = authorized(client), authorized(client, RUMP.replace(b"INBOX", b"other"))
    client.play(
        """
        C: d RESETKEY other
        S: d OK [URLMECH INTERNAL] key replaced
        """
    )
    assert fetched(bob(store), first) == b"text\r\n"
    assert authorized(client, RUMP.replace(b"INBOX", b"other")) != second
    client.play(
        """
        C: e RESETKEY
        S: e OK all keys removed
        C: f RESETKEY nowhere
        S: f NO [NONEXISTENT] there is no such mailbox
        C: g RESETKEY INBOX INTERNAL
        S: g OK [URLMECH INTERNAL] key replaced
        C: h RESETKEY INBOX OTHER
        S: h BAD INTERNAL is the only mechanism
        """
    )
    assert fetched(bob(store), first) is None


def test_what_cannot_have_a_token_is_bad() -> None:
    store = store_with_a_letter()
    client = alice(store)
    for rump in (
        RUMP.replace(b"alice@", b""),
        RUMP.replace(b"alice@", b"bob@"),
        RUMP.replace(b"alice@", b"nobody@"),
        RUMP.replace(b"INBOX", b"nowhere"),
        RUMP.replace(b";URLAUTH=anonymous", b""),
        RUMP.replace(b"/;UID=1/;SECTION=TEXT", b""),
        RUMP + b":internal:" + b"0" * 32,
    ):
        assert client.say(b'b GENURLAUTH "%b" INTERNAL\r\n' % rump).startswith(b"b BAD "), rump
    assert client.say(b'b GENURLAUTH "%b" OTHER\r\n' % RUMP).startswith(b"b BAD ")
    many = b"".join(b' "%b" INTERNAL' % RUMP for _ in range(101))
    assert client.say(b"b GENURLAUTH" + many + b"\r\n") == b"b BAD too many URLs\r\n"


def test_a_part_that_is_not_there_is_nil_and_an_empty_one_is_empty() -> None:
    store = store_with_a_letter()
    client = alice(store)
    assert fetched(client, authorized(client, RUMP.replace(b"UID=1", b"UID=9"))) is None
    assert fetched(client, authorized(client, RUMP.replace(b"TEXT", b"TEXT/;PARTIAL=99.1"))) == b""


def test_a_user_may_be_named_with_its_domain() -> None:
    url = parse_authorized(RUMP.replace(b"alice@", b"alice%40example.test@"))
    assert url.user == "alice@example.test"
    store = store_with_a_letter()
    client = alice(store)
    assert fetched(client, authorized(client, RUMP.replace(b"alice@", b"alice%40example.test@"))) == b"text\r\n"
