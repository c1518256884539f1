"""NOTIFY (RFC 5465) of the IMAP core, as dialogues of a client that is told and others that change things."""

from __future__ import annotations

import pytest

from reference_server.imap import notify
from reference_server.stores import NewMessage
from reference_server.stores.memory import MemoryAccount, MemoryStore
from tests.reference_server.imap_dialogue import Client, folder, inbox, logged_in, new_store, octets_of, selected
from tests.reference_server.test_imap_acl import bob, shared

ALL_EVENTS = b"(MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)"


def alice_of(store: MemoryStore) -> MemoryAccount:
    """Alice's account, as another session of hers would change it."""
    account = store.account("alice@example.test")
    assert account is not None
    return account


class Told:
    """A session that listens all the time, and what it was told since that was last asked."""

    def __init__(self, client: Client, asked: bytes) -> None:
        self.client = client
        self.woken = 0
        client.core.request_wake = self._wake
        self.at_first = client.say(b"n NOTIFY %b\r\n" % asked)
        assert self.at_first.endswith(b"n OK NOTIFY completed\r\n"), self.at_first

    def _wake(self) -> None:
        self.woken += 1

    def heard(self) -> list[str]:
        """What the shell would send, as it was asked to wake the session."""
        if not self.woken:
            return []
        self.woken = 0
        got = octets_of(self.client.core.wake(0.0))
        self.client._compare(got.decode("latin-1").split("\r\n")[:-1], got)
        return got.decode("latin-1").split("\r\n")[:-1]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (b"", "expected one space"),
        (b"XYZZY", "expected SET or NONE"),
        (b"SET", "expected one space"),
        (b"SET XYZZY (personal NONE)", "expected STATUS"),
        (b"SET STATUS", "expected one space"),
        (b"SET (xyzzy NONE)", "no such mailbox specifier"),
        (b"SET (personal XYZZY)", "expected events or NONE"),
        (b"SET (personal ())", "expected an atom"),
        (b"SET (personal NONE", "expected ')'"),
        (b"SET (mailboxes INBOX)", "expected one space"),
        (b"SET (selected NONE) (selected-delayed NONE)", "the selected mailbox is named twice"),
        (b"SET (selected (MailboxName))", "only messages are watched in the selected mailbox"),
        (b"SET (selected (MessageNew))", "MessageNew and MessageExpunge go together"),
        (b"SET (personal (MessageExpunge))", "MessageNew and MessageExpunge go together"),
        (b"SET (personal (FlagChange))", "changes of messages need MessageNew and MessageExpunge"),
        (b"SET (personal (AnnotationChange))", "changes of messages need MessageNew and MessageExpunge"),
        (b"SET (personal (MessageNew (UID) MessageExpunge))", "attributes are for the selected mailbox"),
        (b"SET (selected (MessageNew (XYZZY) MessageExpunge))", "no such data item"),
        (b"SET (selected (MessageNew (%b) MessageExpunge))" % b" ".join([b"UID"] * 1001), "too many data items"),
        (b"NONE x", "unexpected octets after the command"),
    ],
)
def test_what_is_against_the_grammar_is_bad(arguments: bytes, reason: str) -> None:
    command = b"b NOTIFY %b\r\n" % arguments if arguments else b"b NOTIFY\r\n"
    assert logged_in(new_store()).say(command) == b"b BAD %b\r\n" % reason.encode()


@pytest.mark.parametrize("event", [b"MessageNew MessageExpunge AnnotationChange", b"XYZZY"])
def test_an_event_that_cannot_be_told_of_is_refused_with_those_that_can(event: bytes) -> None:
    for specifier in (b"personal", b"selected"):
        client = logged_in(new_store())
        client.play(
            f"""
            C: b NOTIFY SET ({specifier.decode()} ({event.decode()}))
            S: b NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange …Change …Change)] …
            """
        )


def test_too_many_names_are_refused() -> None:
    names = b" ".join(b"n%d" % number for number in range(1001))
    got = logged_in(new_store()).say(b"b NOTIFY SET (mailboxes (%b) NONE)\r\n" % names)
    assert got == b"b NO [NOTIFICATIONOVERFLOW] too many mailboxes\r\n"


def test_the_selected_mailbox_is_told_of_at_once() -> None:
    store = new_store()
    told = Told(selected(store), b"SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge))")
    inbox(store).append(b"Subject: x\r\n\r\n")
    assert told.heard() == [
        "* 1 EXISTS",
        "* 1 RECENT",
        "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {14}",
        "Subject: x",
        "",
        ")",
    ]
    inbox(store).set_flags({1: ["\\Seen"]})
    assert told.heard() == []
    inbox(store).expunge([1])
    assert told.heard() == ["* 1 EXPUNGE"]
    told.client.play(
        """
        C: c APPEND INBOX {1+}
        C: x
        S: * 1 EXISTS
        S: * 1 RECENT
        S: c OK [APPENDUID 7 2] APPEND completed
        C: d COPY 1 INBOX
        S: * 2 EXISTS
        S: * 2 RECENT
        S: d OK [COPYUID 7 2 3] COPY completed
        C: e CREATE Other
        S: e OK …
        C: f COPY 1 Other
        S: f OK …
        """
    )
    assert told.heard() == []


def test_a_long_answer_is_not_broken_into() -> None:
    store = new_store()
    inbox(store).append_all([NewMessage(octets=b"x" * 300_000)] * 12)
    told = Told(selected(store), b"SET (SELECTED (MessageNew MessageExpunge FlagChange))")
    actions = told.client.core.receive(b"c UID FETCH 1:* BODY.PEEK[]\r\n", 0.0)
    assert told.client.core.busy
    inbox(store).expunge([1, 12])
    while told.client.core.busy:
        actions += told.client.core.wake(0.0)
    got = octets_of(actions)
    assert got.count(b" FETCH (") == 12
    assert got.endswith(b")\r\n* 1 EXPUNGE\r\n* 11 EXPUNGE\r\nc OK FETCH completed\r\n")


def test_changes_of_flags_are_told_with_the_uid_where_they_are_wanted() -> None:
    store = new_store()
    inbox(store).append(b"x")
    told = Told(selected(store), b"SET (SELECTED (MessageNew MessageExpunge FlagChange))")
    inbox(store).set_flags({1: ["\\Seen"]})
    assert told.heard() == ["* 1 FETCH (FLAGS (\\Recent \\Seen) UID 1)"]
    inbox(store).append(b"y")
    assert told.heard() == ["* 2 EXISTS", "* 2 RECENT"]


def test_selected_delayed_keeps_numbers_until_a_command_lets_them_change() -> None:
    store = new_store()
    for _ in range(2):
        inbox(store).append(b"x")
    told = Told(selected(store), b"SET (SELECTED-DELAYED (MessageNew MessageExpunge))")
    inbox(store).expunge([1])
    inbox(store).append(b"y")
    assert told.heard() == ["* 3 EXISTS", "* 3 RECENT"]
    told.client.play(
        """
        C: c NOOP
        S: * 1 EXPUNGE
        S: c OK NOOP completed
        """
    )


def test_without_the_selected_mailbox_among_them_nothing_of_it_is_told_but_what_the_client_removes() -> None:
    store = new_store()
    inbox(store).append(b"x", flags=["\\Deleted"])
    told = Told(selected(store), b"NONE")
    inbox(store).append(b"y")
    assert told.heard() == []
    told.client.play(
        """
        C: c NOOP
        S: c OK NOOP completed
        C: d EXPUNGE
        S: * 1 EXPUNGE
        S: * 1 EXISTS
        S: * 1 RECENT
        S: d OK EXPUNGE completed
        """
    )
    inbox(store).append(b"z")
    told.client.play(
        """
        C: e NOOP
        S: e OK NOOP completed
        C: f NOTIFY SET (selected NONE)
        S: * 2 EXISTS
        S: * 2 RECENT
        S: f OK NOTIFY completed
        """
    )


def test_idle_tells_just_what_notify_asked_for() -> None:
    store = new_store()
    told = Told(selected(store), b"SET (personal (MessageNew MessageExpunge))")
    alice_of(store).create("Box")
    assert told.heard() == []
    assert told.client.say(b"c IDLE\r\n") == b"+ idling\r\n"
    inbox(store).append(b"x")
    assert told.heard() == []
    folder(store, "Box").append(b"x")
    assert told.heard() == ["* STATUS Box (MESSAGES 1 UIDNEXT 2)"]
    assert told.client.say(b"DONE\r\n") == b"c OK IDLE completed\r\n"


def test_status_tells_where_the_client_stands() -> None:
    store = new_store()
    alice_of(store).create("Box")
    inbox(store).append(b"x")
    told = Told(selected(store, "Box"), b"SET STATUS (personal (MessageNew MessageExpunge FlagChange))")
    first = told.at_first.decode().split("\r\n")[0]
    assert first == "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7 HIGHESTMODSEQ 2)"
    assert b"Box" not in told.at_first
    told.client.play(
        """
        C: c NOTIFY SET STATUS (inboxes (MessageNew MessageExpunge)) (mailboxes Box (SubscriptionChange))
        S: * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 7)
        S: c OK NOTIFY completed
        C: d UNSELECT
        S: d OK UNSELECT completed
        """
    )
    inbox(store).append(b"x")
    assert told.heard() == ["* STATUS INBOX (MESSAGES 2 UIDNEXT 3)"]
    assert b"HIGHESTMODSEQ" not in told.client.say(b"e FETCH 1 FLAGS\r\n")


def test_messages_elsewhere_are_told_by_status() -> None:
    store = new_store()
    box = folder(store, "INBOX")
    told = Told(logged_in(store), b"SET (inboxes (MessageNew MessageExpunge FlagChange))")
    box.append(b"x", flags=["\\Seen"])
    assert told.heard() == ["* STATUS INBOX (MESSAGES 1 UIDNEXT 2)"]
    box.set_flags({1: []})
    assert told.heard() == ["* STATUS INBOX (UNSEEN 1 UIDVALIDITY 7)"]
    box.set_flags({1: ["\\Flagged"]})
    assert told.heard() == []
    told.client.say(b"c ENABLE CONDSTORE\r\n")
    box.set_flags({1: []})
    assert told.heard() == ["* STATUS INBOX (UIDVALIDITY 7 HIGHESTMODSEQ 5)"]
    box.expunge([1])
    assert told.heard() == ["* STATUS INBOX (MESSAGES 0 UIDNEXT 2 UNSEEN 0 UIDVALIDITY 7 HIGHESTMODSEQ 6)"]
    box.append(b"y", flags=["\\Seen"])
    assert told.heard() == ["* STATUS INBOX (MESSAGES 1 UIDNEXT 3 HIGHESTMODSEQ 7)"]


def test_what_the_client_does_itself_is_not_told() -> None:
    store = new_store()
    alice_of(store).create("Box")
    told = Told(logged_in(store), b"SET (personal %b)" % ALL_EVENTS)
    told.client.play(
        """
        C: c CREATE New
        S: c OK …
        C: d RENAME New Newer
        S: d OK RENAME completed
        C: e SUBSCRIBE Newer
        S: e OK SUBSCRIBE completed
        C: f UNSUBSCRIBE Newer
        S: f OK UNSUBSCRIBE completed
        C: g DELETE Newer
        S: g OK DELETE completed
        C: h APPEND Box (\\Deleted) {1+}
        C: x
        S: h OK …
        """
    )
    assert told.heard() == []
    told.client.say(b"i SELECT Box\r\n")
    told.client.play(
        """
        C: j CLOSE
        S: j OK CLOSE completed
        C: k NOOP
        S: k OK NOOP completed
        """
    )


def test_what_others_did_before_is_told_before_the_client_changes_something_itself() -> None:
    store = new_store()
    told = Told(logged_in(store), b"SET (personal (MailboxName))")
    alice_of(store).create("Theirs")
    told.client.play(
        """
        C: c CREATE Mine
        S: * LIST (\\HasNoChildren) "/" Theirs
        S: c OK …
        """
    )


def test_names_are_told_as_they_come_go_and_change() -> None:
    store = new_store()
    alice = alice_of(store)
    told = Told(logged_in(store), b"SET (personal (MailboxName))")
    alice.create("a/b")
    assert told.heard() == ['* LIST (\\HasChildren) "/" a', '* LIST (\\HasNoChildren) "/" a/b']
    alice.create("a/b/c")
    assert told.heard() == ['* LIST (\\HasChildren) "/" a/b', '* LIST (\\HasNoChildren) "/" a/b/c']
    alice.subscribe("z")
    assert told.heard() == []
    alice.rename("a/b", "z")
    assert told.heard() == ['* LIST (\\HasChildren \\Subscribed) "/" z ("OLDNAME" (a/b))']
    alice.delete("z/c")
    assert told.heard() == [
        '* LIST (\\HasNoChildren \\Subscribed) "/" z',
        '* LIST (\\NonExistent \\HasNoChildren) "/" z/c',
    ]
    inbox(store).append(b"x")
    assert told.heard() == []
    alice.delete("z")
    alice.create("z")
    assert told.heard() == ['* LIST (\\HasNoChildren \\Subscribed) "/" z']
    alice.rename("INBOX", "old")
    assert told.heard() == ['* LIST (\\HasNoChildren) "/" old']


def test_subscriptions_are_told_and_decide_what_is_told() -> None:
    store = new_store()
    alice = alice_of(store)
    alice.create("a")
    alice.create("b")
    told = Told(logged_in(store), b"SET (subscribed (SubscriptionChange MessageNew MessageExpunge))")
    folder(store, "a").append(b"x")
    assert told.heard() == []
    alice.subscribe("a")
    assert told.heard() == ['* LIST (\\HasNoChildren \\Subscribed) "/" a']
    folder(store, "a").append(b"x")
    assert told.heard() == ["* STATUS a (MESSAGES 2 UIDNEXT 3)"]
    alice.unsubscribe("a")
    alice.subscribe("gone")
    assert told.heard() == [
        '* LIST (\\HasNoChildren) "/" a',
        '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" gone',
    ]
    folder(store, "a").append(b"x")
    assert told.heard() == []


def test_subtrees_and_names_are_meant_literally() -> None:
    store = new_store()
    alice = alice_of(store)
    for name in ("a/b", "ab", "c", "d/e"):
        alice.create(name)
    client = logged_in(store)
    told = Told(
        client, b'SET (subtree a (MessageNew MessageExpunge)) (mailboxes (c d "*" &) (MessageNew MessageExpunge))'
    )
    for name in ("a", "a/b", "ab", "c", "d", "d/e"):
        folder(store, name).append(b"x")
    assert [line.split(" ")[2] for line in told.heard()] == ["a", "a/b", "c", "d"]


def test_metadata_are_told_where_that_was_asked_for() -> None:
    store = new_store()
    alice_of(store).create("a")
    told = Told(logged_in(store), b"SET (mailboxes a (MailboxMetadataChange)) (personal (ServerMetadataChange))")
    folder(store, "a").annotate("/shared/comment", b"x")
    inbox(store).annotate("/shared/comment", b"x")
    alice_of(store).annotate("/private/vendor/x/y", b"x")
    assert told.heard() == ['* METADATA "" /private/vendor/x/y', "* METADATA a /shared/comment"]
    told.client.say(b"c NOTIFY SET (mailboxes a (MailboxMetadataChange))\r\n")
    alice_of(store).annotate("/private/vendor/x/y", b"z")
    folder(store, "a").annotate("/shared/comment", None)
    assert told.heard() == ["* METADATA a /shared/comment"]
    told.client.say(b"d NOTIFY SET (mailboxes a (MailboxName))\r\n")
    folder(store, "a").annotate("/shared/comment", b"x")
    assert told.heard() == []


def test_what_others_share_is_watched_by_name_and_as_a_subtree() -> None:
    store = shared("lr")
    box = folder(store, "Box")
    name = "Other Users/alice@example.test/Box"
    for asked in (
        b'SET (mailboxes "Other Users/alice@example.test/Box" %b)' % ALL_EVENTS,
        b'SET (subtree "Other Users" %b)' % ALL_EVENTS,
        b'SET (subtree "Other Users/alice@example.test" %b)' % ALL_EVENTS,
    ):
        told = Told(bob(store), asked)
        box.append(b"x")
        count = len(box.messages)
        assert told.heard() == [
            f'* STATUS "{name}" (MESSAGES {count} UIDNEXT {count + 1} UNSEEN {count} UIDVALIDITY 8)'
        ]
        box.set_rights("bob@example.test", "r")
        assert told.heard()[-1] == f'* LIST (\\NonExistent \\HasNoChildren) "/" "{name}"'
        box.append(b"x")
        assert told.heard() == []
        box.set_rights("bob@example.test", "lr")
        assert told.heard()[-2] == f'* LIST (\\HasNoChildren) "/" "{name}"'
        told.client.core.disconnected()


def test_subscribed_mailboxes_of_others_are_watched_too() -> None:
    store = shared("lr")
    client = bob(store)
    client.say(b'b SUBSCRIBE "Other Users/alice@example.test/Box"\r\n')
    told = Told(client, b"SET (subscribed (MessageNew MessageExpunge)) (personal NONE)")
    folder(store, "Box").append(b"x")
    assert told.heard() == ['* STATUS "Other Users/alice@example.test/Box" (MESSAGES 1 UIDNEXT 2)']


def test_a_mailbox_that_can_be_listed_and_not_read_is_said_to_be_out_of_reach() -> None:
    store = shared("l")
    told = Told(
        bob(store), b'SET STATUS (mailboxes ("Other Users/alice@example.test/Box" nowhere INBOX) %b)' % ALL_EVENTS
    )
    assert told.at_first.split(b"\r\n")[0] == (
        b'* LIST (\\Noselect \\HasNoChildren \\NoAccess) "/" "Other Users/alice@example.test/Box"'
    )
    assert b"STATUS INBOX" in told.at_first
    assert b'STATUS "Other' not in told.at_first
    folder(store, "Box").append(b"x")
    assert told.heard() == []


def test_too_much_at_once_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "MAX_TOUCHED", 3)
    store = new_store()
    told = Told(logged_in(store), b"SET (personal (MailboxName))")
    for number in range(4):
        alice_of(store).create(f"n{number}")
    assert told.heard() == ["* OK [NOTIFICATIONOVERFLOW] too much happens at once"]
    alice_of(store).create("more")
    assert told.heard() == []


def test_another_user_on_the_same_connection_starts_anew() -> None:
    store = new_store()
    told = Told(logged_in(store), b"SET (personal (MailboxName))")
    told.client.say(b"c UNAUTHENTICATE\r\n")
    alice_of(store).create("x")
    assert told.heard() == []
    assert told.client.core.wanted is None
