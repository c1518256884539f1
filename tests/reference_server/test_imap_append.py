"""APPEND of several messages and of parts, and REPLACE (RFC 3502, RFC 4469, RFC 8508)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.wire.imap_grammar import recognise
from reference_server.core import Settings
from reference_server.imap.core import MAX_MESSAGES_AT_ONCE
from reference_server.imap.urls import parse_authorized, parse_relative
from reference_server.stores import Limits, Usage
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import Client, folder, inbox, logged_in, message, new_store, selected

LETTER = message(
    """
    Subject: two parts
    Content-Type: multipart/mixed; boundary=b

    --b
    Content-Type: text/plain

    first
    --b
    Content-Type: text/plain

    second
    --b--
    """
)


def test_several_messages_are_appended_at_once_each_with_its_flags_and_date() -> None:
    store = new_store()
    logged_in(store).play(
        """
        C: b APPEND INBOX (\\Seen) {1}
        S: + go on
        C: x (Work) " 1-Mar-2026 14:00:00 +0200" {2+}
        C: yz {1+}
        C: w
        S: b OK [APPENDUID 7 1:3] APPEND completed
        """
    )
    assert [m.octets for m in inbox(store).messages] == [b"x", b"yz", b"w"]
    assert [m.flags for m in inbox(store).messages] == [{"\\Seen"}, {"Work"}, frozenset()]
    assert inbox(store).messages[1].internal_date.hour == 14


def test_if_one_message_cannot_be_stored_none_is() -> None:
    store = new_store()
    client = logged_in(store)
    client.play(
        """
        C: b APPEND INBOX {1+}
        C: x "31-Feb-2026 14:00:00 +0200" {1+}
        C: y
        S: b NO there is no such moment
        C: c APPEND INBOX {1+}
        C: x {0+}
        C:
        S: c NO an empty message cancels APPEND
        C: d APPEND INBOX {1+}
        C: x {1+}
        C: y z
        S: d BAD …
        """
    )
    assert not inbox(store).messages


def test_the_messages_of_one_command_are_bounded_each_and_together() -> None:
    store = new_store()
    client = logged_in(store, settings=Settings(max_message_octets=10))
    client.play(
        """
        C: b APPEND INBOX {11}
        S: b NO [TOOBIG] literal too large
        """
    )
    assert client.say(b"c APPEND INBOX" + b" {10+}\r\n0123456789" * MAX_MESSAGES_AT_ONCE + b" {1}\r\n") == (
        b"c NO [TOOBIG] literal too large\r\n"
    )
    client.play(
        """
        C: d APPEND INBOX CATENATE (TEXT {6+}
        C: 012345 TEXT {6+}
        C: 012345)
        S: d NO [TOOBIG] the message is too large
        """
    )
    assert logged_in(store).say(b"e APPEND INBOX" + b" {1+}\r\nx" * 1001 + b"\r\n").startswith(b"e BAD ")
    assert not inbox(store).messages


def test_parts_and_text_are_put_together_octet_for_octet() -> None:
    store = new_store()
    inbox(store).append(LETTER)
    client = selected(store)
    client.play(
        """
        C: b APPEND INBOX (\\Draft) CATENATE (URL "/INBOX;UIDVALIDITY=7/;UID=1/;SECTION=HEADER" TEXT {6+}
        C: middle URL "/INBOX/;uid=1/;section=2" URL /inbox/;UID=1/;SECTION=1/;PARTIAL=1.3)
        S: * 2 EXISTS
        S: * 2 RECENT
        S: b OK [APPENDUID 7 2] APPEND completed
        """
    )
    made = inbox(store).messages[1]
    header = LETTER[: LETTER.index(b"\r\n\r\n") + 4]
    assert made.octets == header + b"middle" + b"second" + b"irs"
    assert made.flags == {"\\Draft"}
    assert inbox(store).messages[0].flags == frozenset()


def test_a_url_that_names_nothing_is_told() -> None:
    store = new_store()
    inbox(store).append(LETTER)
    client = logged_in(store)
    for url in (
        b"/INBOX/;UID=2",
        b"/INBOX;UIDVALIDITY=8/;UID=1",
        b"/nowhere/;UID=1",
        b"/INBOX/;UID=1/;SECTION=9",
        b"/INBOX/;UID=1/;SECTION=1.2x",
        b"/INBOX/;UID=1/;SECTION=MIME",
        b"/INBOX",
        b"imap://alice@mail.example.test/INBOX/;UID=1",
        b"/%ff/;UID=1",
        b"/" + b"a" * 5000 + b"/;UID=1",
    ):
        reply = client.say(b'b APPEND INBOX CATENATE (URL "%b")\r\n' % url)
        assert reply == b"b NO [BADURL %b] the URL names nothing here\r\n" % url
        assert not recognise(reply) or len(reply) > 4000
    assert client.say(b"b APPEND INBOX CATENATE (URL {2+}\r\n]\n)\r\n") == (
        b"b NO [BADURL ?] the URL names nothing here\r\n"
    )
    assert len(inbox(store).messages) == 1


def test_a_url_without_a_slash_is_relative_to_the_selected_mailbox() -> None:
    assert parse_relative(b"c/;UID=3", selected="a/b").mailbox == "a/c"
    assert parse_relative(b"c/;UID=3", selected="a").mailbox == "c"
    assert parse_relative(b"c/;UID=3", selected=None).mailbox == "c"
    assert parse_relative(b"/c/;UID=3", selected="a/b").mailbox == "c"
    assert parse_relative(b"/%C3%A9%20x/;UID=3/;PARTIAL=7", selected=None).partial == (7, 4_294_967_295)


def test_catenate_knows_text_and_url_and_nothing_else() -> None:
    client = logged_in(new_store())
    for arguments in (b"()", b"(FILE x)", b"(TEXT x)", b"TEXT", b"(URL x", b"(" + b" ".join([b"URL x"] * 1001) + b")"):
        assert client.say(b"b APPEND INBOX CATENATE %b\r\n" % arguments).startswith(b"b BAD ")
    assert client.say(b"b APPEND INBOX SOMETHING (TEXT x)\r\n").startswith(b"b BAD ")


@given(octets=st.binary(max_size=60))
def test_any_octets_are_a_url_or_are_not(octets: bytes) -> None:
    for parse in (parse_authorized, lambda url: parse_relative(url, selected="a/b")):
        try:
            parse(octets)
        except ValueError:
            continue
        raise AssertionError(f"{octets!r} is a URL?")


def test_replace_stores_the_new_message_and_removes_the_old_in_one_step() -> None:
    store = new_store()
    for text in (b"one", b"two", b"three"):
        inbox(store).append(text)
    client = selected(store)
    client.play(
        """
        C: b REPLACE 2 INBOX (\\Draft) {5+}
        C: newer
        S: * OK [APPENDUID 7 4] replacement stored
        S: * 2 EXPUNGE
        S: * 3 EXISTS
        S: * 3 RECENT
        S: b OK REPLACE completed
        C: c UID REPLACE 3 INBOX CATENATE (URL /INBOX/;UID=4 TEXT {1+}
        C: !)
        S: * OK [APPENDUID 7 5] replacement stored
        S: * 2 EXPUNGE
        S: * 3 EXISTS
        S: * 3 RECENT
        S: c OK REPLACE completed
        """
    )
    assert [m.octets for m in inbox(store).messages] == [b"one", b"newer", b"newer!"]


def test_replace_goes_to_another_mailbox_too() -> None:
    store = new_store()
    client = selected(store)
    client.say(b"a CREATE Sent\r\n")
    inbox(store).append(b"draft")
    assert client.say(b"b NOOP\r\n").endswith(b"b OK NOOP completed\r\n")
    client.play(
        """
        C: c UID REPLACE 1 Sent {4+}
        C: sent
        S: * OK [APPENDUID … 1] replacement stored
        S: * 1 EXPUNGE
        S: c OK REPLACE completed
        """
    )
    assert [m.octets for m in folder(store, "Sent").messages] == [b"sent"]
    assert not inbox(store).messages


def test_a_replace_that_fails_removes_nothing() -> None:
    store = new_store()
    inbox(store).append(b"one")
    client = selected(store)
    other = selected(store)
    client.play(
        """
        C: b REPLACE 1 nowhere {1+}
        C: x
        S: b NO [TRYCREATE] there is no such mailbox
        C: c REPLACE 2 INBOX {1+}
        C: x
        S: c BAD …
        C: d UID REPLACE 9 INBOX {1+}
        C: x
        S: d NO there is no such message
        C: e REPLACE 1:2 INBOX {1+}
        C: x
        S: e BAD expected one message
        C: f REPLACE 1 INBOX {0+}
        C:
        S: f NO an empty message cancels APPEND
        """
    )
    assert len(inbox(store).messages) == 1
    inbox(store).expunge([1])
    assert other.say(b"g UID REPLACE 1 INBOX {1+}\r\nx\r\n").endswith(b"g NO there is no such message\r\n")
    assert client.say(b"h EXAMINE INBOX\r\n").endswith(b"h OK [READ-ONLY] EXAMINE completed\r\n")
    inbox(store).append(b"two")
    assert client.say(b"i NOOP\r\n").endswith(b"i OK NOOP completed\r\n")
    assert client.say(b"j UID REPLACE 2 INBOX {1+}\r\nx\r\n").endswith(b"j NO the mailbox is read-only\r\n")
    assert [m.octets for m in inbox(store).messages] == [b"two"]


def test_replace_needs_room_only_for_what_is_more() -> None:
    store = MemoryStore({}, first_uid_validity=7)
    account = store.add_account("alice@example.test", "secret", limits=Limits(storage_octets=10, messages=1))
    inbox(store).append(b"12345678")
    client = selected(store)
    assert client.say(b"b REPLACE 1 INBOX {10+}\r\n0123456789\r\n").endswith(b"b OK REPLACE completed\r\n")
    assert account.usage == Usage(10, 1)
    assert client.say(b"c REPLACE 1 INBOX {11+}\r\n0123456789x\r\n") == (
        b"c NO [OVERQUOTA] no room is left for that many octets\r\n"
    )
    assert [m.octets for m in inbox(store).messages] == [b"0123456789"]


def test_replace_is_a_command_of_the_selected_state_only() -> None:
    client = logged_in(new_store())
    assert client.say(b"b REPLACE 1 INBOX {1}\r\n").startswith(b"b BAD ")


def test_they_are_offered() -> None:
    assert b" MULTIAPPEND CATENATE REPLACE" in Client(new_store()).greeting
