"""Every store keeps what `stores` promises (RFC 3501 §2.3.1.1, §6.3; RFC 1939 §4)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reference_server.accounts import DEFAULT_USERS, Directory, User
from reference_server.stores import (
    Account,
    Changes,
    Durable,
    Limits,
    Mailbox,
    MailboxError,
    NewMessage,
    OverQuotaError,
    Store,
    Usage,
)
from reference_server.stores.mailbox import MAX_HISTORY
from reference_server.stores.maildir import MaildirStore
from reference_server.stores.memory import MemoryStore
from reference_server.stores.sqlite import SqliteStore
from tests.reference_server.folders import box

NewAccount = Callable[..., Account]
MakeStore = Callable[..., MemoryStore]


@pytest.fixture(params=["memory", "sqlite", "maildir"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    """Make a store of one kind and, at the end, close it."""
    made: list[MemoryStore] = []

    def make(users: Mapping[str, str] | Directory = DEFAULT_USERS) -> MemoryStore:
        if request.param == "memory":
            made.append(MemoryStore(users, first_uid_validity=10))
        elif request.param == "maildir":
            made.append(MaildirStore(tmp_path / f"{len(made)}", users, first_uid_validity=10))
        else:
            made.append(SqliteStore(tmp_path / f"{len(made)}.sqlite", users, first_uid_validity=10))
        return made[-1]

    yield make
    for store in made:
        if isinstance(store, Durable):
            store.close()


@pytest.fixture
def account(make_store: MakeStore) -> NewAccount:
    """Make a store with one account."""

    def make(limits: Limits | None = None) -> Account:
        return make_store(
            Directory([User(address="alice@example.test", password="secret", limits=limits or Limits())])
        ).accounts[0]

    return make


def uids(mailbox: Mailbox) -> list[int]:
    return [message.uid for message in mailbox.messages]


@pytest.mark.parametrize("name", ["alice", "ALICE", "alice@example.test", "Alice@Example.Test"])
def test_a_user_logs_in_with_and_without_the_domain_in_any_case(make_store: MakeStore, name: str) -> None:
    store: Store = make_store()
    found = store.log_in(name, "secret")
    assert found is not None
    assert found.name == "alice@example.test"


@pytest.mark.parametrize(("name", "password"), [("alice", "Secret"), ("alice", ""), ("carol", "secret"), ("", "")])
def test_wrong_credentials_log_nobody_in(make_store: MakeStore, name: str, password: str) -> None:
    assert make_store().log_in(name, password) is None


def test_recipients_are_found_by_their_whole_address_alone(make_store: MakeStore) -> None:
    store = make_store()
    found = store.account("BOB@EXAMPLE.TEST")
    assert found is not None
    assert found.name == "bob@example.test"
    assert store.account("bob") is None


def test_the_first_account_is_the_postmaster(make_store: MakeStore) -> None:
    postmaster = make_store().postmaster()
    assert postmaster is not None
    assert postmaster.name == "alice@example.test"
    assert make_store({}).postmaster() is None


def test_a_store_serves_the_users_of_the_directory_that_it_is_given(make_store: MakeStore) -> None:
    users = Directory([User(address="a@one.test", password="1", aliases=("b@one.test",))])
    store = make_store(users)
    assert store.users is users
    found = store.log_in("b", "1")
    assert found is not None
    assert found is store.account("B@one.test") is store.account("a@one.test")


def test_an_account_can_be_added(make_store: MakeStore) -> None:
    store = make_store()
    carol = store.add_account("carol@example.test", "pw", limits=Limits(messages=1))
    assert store.log_in("carol", "pw") is carol
    assert carol.limits == Limits(messages=1)
    assert store.add_account("dave@example.test", "pw").limits == Limits()


@pytest.mark.parametrize("address", ["alice", "@example.test", "alice@", "ALICE@example.test"])
def test_an_address_without_its_parts_or_taken_makes_no_account(make_store: MakeStore, address: str) -> None:
    with pytest.raises(ValueError, match="account"):
        make_store().add_account(address, "x")


def test_uids_ascend_and_are_never_used_again(account: NewAccount) -> None:
    inbox = box(account())
    assert [inbox.append(b"a"), inbox.append(b"b"), inbox.append(b"c")] == [1, 2, 3]
    inbox.expunge([3, 99])
    assert inbox.append(b"d") == 4
    assert uids(inbox) == [1, 2, 4]
    assert inbox.uid_next == 5


def test_a_message_is_kept_as_it_came(account: NewAccount) -> None:
    inbox = box(account())
    date = datetime(2026, 2, 3, tzinfo=UTC)
    inbox.append(b"x\0\r\n", flags=["\\Seen", "\\Recent"], internal_date=date)
    inbox.append(b"y")
    first, second = inbox.messages
    assert (first.octets, first.flags, first.internal_date) == (b"x\0\r\n", frozenset({"\\Seen"}), date)
    assert second.internal_date.tzinfo is UTC


def test_every_change_raises_modseq_and_marks_what_changed(account: NewAccount) -> None:
    inbox = box(account())
    seen = [inbox.modseq]
    inbox.append(b"a")
    seen.append(inbox.modseq)
    inbox.append(b"b")
    seen.append(inbox.modseq)
    inbox.set_flags({1: ["\\Deleted", "\\Recent"]})
    seen.append(inbox.modseq)
    inbox.expunge([2])
    seen.append(inbox.modseq)
    assert seen == sorted(set(seen))
    assert inbox.messages[0].modseq == seen[3]
    assert inbox.messages[0].flags == {"\\Deleted"}


def test_what_is_not_there_is_not_changed(account: NewAccount) -> None:
    inbox = box(account())
    inbox.append(b"a")
    before = inbox.modseq
    inbox.set_flags({7: ["\\Seen"]})
    inbox.set_flags({0: ["\\Seen"]})
    inbox.expunge([7])
    assert inbox.modseq == before


def test_a_snapshot_does_not_change(account: NewAccount) -> None:
    inbox = box(account())
    inbox.append(b"a")
    before = inbox.messages
    inbox.append(b"b")
    inbox.expunge([1])
    assert [message.octets for message in before] == [b"a"]
    assert inbox.messages is inbox.messages


def test_recent_messages_belong_to_who_claims_them_first(account: NewAccount) -> None:
    inbox = box(account())
    for octets in (b"a", b"b", b"c"):
        inbox.append(octets)
    inbox.expunge([2])
    assert inbox.claim_recent(peek=True) == {1, 3}
    assert inbox.claim_recent(peek=False) == {1, 3}
    assert inbox.claim_recent(peek=False) == frozenset()


def test_one_session_holds_the_maildrop(account: NewAccount) -> None:
    inbox = box(account())
    assert inbox.lock()
    assert not inbox.lock()
    inbox.unlock()
    assert inbox.lock()


def test_watchers_hear_of_every_change_until_they_end_it(account: NewAccount) -> None:
    inbox = box(account())
    heard: list[int] = []
    end = inbox.watch(lambda: heard.append(inbox.modseq))
    inbox.append(b"a")
    inbox.set_flags({1: ["\\Seen"]})
    inbox.expunge([1])
    end()
    end()
    inbox.append(b"b")
    assert heard == [2, 3, 4]


def test_folders_are_made_with_their_parents_and_listed_inbox_first(account: NewAccount) -> None:
    alice = account()
    alice.create("b/c/d")
    alice.create("a/")
    alice.create("inbox/x")
    assert alice.names() == ["INBOX", "INBOX/x", "a", "b", "b/c", "b/c/d"]
    assert alice.mailbox("InBoX/x") is alice.mailbox("INBOX/x")
    assert alice.mailbox("A") is None


@pytest.mark.parametrize("name", ["INBOX", "inbox", "a", "", "/", "a//b", "/a", "x\ny", "x" * 1001])
def test_a_folder_that_exists_or_has_no_proper_name_is_not_made(account: NewAccount, name: str) -> None:
    alice = account()
    alice.create("a")
    with pytest.raises(MailboxError):
        alice.create(name)
    assert alice.names() == ["INBOX", "a"]


def test_a_folder_is_deleted_without_its_inferiors(account: NewAccount) -> None:
    alice = account()
    alice.create("a/b")
    gone = box(alice, "a")
    heard: list[str] = []
    gone.watch(lambda: heard.append("gone"))
    gone.append(b"x")
    alice.delete("a")
    assert alice.names() == ["INBOX", "a/b"]
    assert heard
    assert gone.messages == ()
    for name in ("a", "inbox"):
        with pytest.raises(MailboxError):
            alice.delete(name)


def test_a_name_used_again_gets_a_greater_uid_validity(account: NewAccount) -> None:
    alice = account()
    alice.create("a")
    first = box(alice, "a").uid_validity
    alice.delete("a")
    alice.create("a")
    assert box(alice, "a").uid_validity > first > box(alice).uid_validity


def test_renaming_takes_inferiors_along_and_keeps_messages_and_uids(account: NewAccount) -> None:
    alice = account()
    alice.create("a/b")
    box(alice, "a/b").append(b"x")
    validity = box(alice, "a/b").uid_validity
    alice.rename("a", "new/a")
    assert alice.names() == ["INBOX", "new", "new/a", "new/a/b"]
    alice.create("other")
    alice.rename("other", "new/other")
    assert alice.names() == ["INBOX", "new", "new/a", "new/a/b", "new/other"]
    moved = box(alice, "new/a/b")
    assert (moved.name, uids(moved), moved.uid_validity) == ("new/a/b", [1], validity)


def test_a_renamed_folder_never_lowers_the_uid_validity_of_its_new_name(account: NewAccount) -> None:
    alice = account()
    alice.create("old")
    alice.create("name")
    used = box(alice, "name").uid_validity
    alice.delete("name")
    alice.rename("old", "name")
    assert box(alice, "name").uid_validity > used


def test_renaming_inbox_moves_its_messages_alone(account: NewAccount) -> None:
    alice = account()
    alice.create("INBOX/x")
    box(alice).append(b"m", flags=["\\Seen"])
    alice.rename("inbox", "a")
    assert alice.names() == ["INBOX", "INBOX/x", "a"]
    assert box(alice).messages == ()
    assert [(message.octets, message.flags) for message in box(alice, "a").messages] == [(b"m", frozenset({"\\Seen"}))]


@pytest.mark.parametrize(("old", "new"), [("none", "x"), ("a", "b"), ("a", "a/c"), ("a", "INBOX"), ("a", "a")])
def test_a_rename_that_cannot_be_changes_nothing(account: NewAccount, old: str, new: str) -> None:
    alice = account()
    alice.create("a")
    alice.create("b")
    with pytest.raises(MailboxError):
        alice.rename(old, new)
    assert alice.names() == ["INBOX", "a", "b"]


def test_a_rename_does_not_overwrite_what_lies_below_the_new_name(account: NewAccount) -> None:
    alice = account()
    alice.create("a/x")
    alice.create("b/x")
    alice.delete("b")
    with pytest.raises(MailboxError):
        alice.rename("a", "b")


def test_subscriptions_outlive_their_folders(account: NewAccount) -> None:
    alice: Account = account()
    alice.create("a")
    alice.subscribe("a")
    alice.delete("a")
    assert alice.subscriptions == {"a"}


def test_threads_lose_no_message(account: NewAccount) -> None:
    inbox = box(account())
    threads = [threading.Thread(target=lambda: [inbox.append(b"x") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert uids(inbox) == list(range(1, 801))


def changes(mailbox: Mailbox, since: int) -> tuple[list[int], list[int]]:
    found = mailbox.changes_since(since)
    assert isinstance(found, Changes)
    return [message.uid for message in found.messages], list(found.gone)


def test_what_changed_since_some_moment_is_told_and_nothing_else(account: NewAccount) -> None:
    inbox = box(account())
    for _ in range(4):
        inbox.append(b"")
    before = inbox.modseq
    assert changes(inbox, before) == ([], [])
    inbox.set_flags({2: ["\\Seen"]})
    inbox.expunge([3])
    inbox.append(b"")
    assert changes(inbox, before) == ([2, 5], [3])
    assert changes(inbox, inbox.modseq - 1) == ([5], [])


def test_a_message_that_came_and_went_is_gone(account: NewAccount) -> None:
    inbox = box(account())
    before = inbox.modseq
    inbox.append(b"")
    inbox.set_flags({1: ["a"]})
    inbox.expunge([1])
    assert changes(inbox, before) == ([], [1])


def test_changes_too_long_ago_are_not_told_apart(account: NewAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_HISTORY >= 10_000
    monkeypatch.setattr("reference_server.stores.mailbox.MAX_HISTORY", 3)
    inbox = box(account())
    start = inbox.modseq
    for _ in range(6):
        inbox.append(b"")
    assert changes(inbox, start) == ([1, 2, 3, 4, 5, 6], [])
    inbox.append(b"")
    assert inbox.changes_since(start) is None
    assert changes(inbox, inbox.modseq - 3) == ([5, 6, 7], [])


def test_several_messages_are_stored_in_one_step(account: NewAccount) -> None:
    inbox = box(account())
    seen: list[int] = []
    inbox.watch(lambda: seen.append(len(inbox.messages)))
    day = datetime(2026, 1, 2, tzinfo=UTC)
    assert inbox.append_all(
        [NewMessage(octets=b"a", flags=frozenset({"\\Recent", "x"})), NewMessage(octets=b"b", internal_date=day)]
    ) == [1, 2]
    assert seen == [2]
    assert [message.flags for message in inbox.messages] == [{"x"}, frozenset()]
    assert inbox.messages[1].internal_date == day
    assert inbox.messages[0].modseq == inbox.messages[1].modseq == inbox.modseq
    assert inbox.append_all([]) == []


def test_flags_of_several_messages_change_in_one_step(account: NewAccount) -> None:
    inbox = box(account())
    inbox.append_all([NewMessage(octets=b"a"), NewMessage(octets=b"b")])
    before = inbox.modseq
    inbox.set_flags({1: ["\\Seen"], 2: ["\\Flagged", "\\Recent"], 9: ["x"]})
    assert inbox.modseq == before + 1
    assert [message.flags for message in inbox.messages] == [{"\\Seen"}, {"\\Flagged"}]
    assert {message.modseq for message in inbox.messages} == {inbox.modseq}


@pytest.mark.parametrize(
    ("limits", "fits", "too_much"),
    [
        (Limits(storage_octets=10), [b"12345", b"12345"], b"1"),
        (Limits(messages=1), [b"12345"], b""),
        (Limits(message_octets=3), [b"123", b"123"], b"1234"),
    ],
)
def test_an_account_keeps_within_its_limits(
    account: NewAccount, limits: Limits, fits: list[bytes], too_much: bytes
) -> None:
    carol = account(limits)
    assert carol.limits == limits
    carol.create("a")
    inbox, other = box(carol), box(carol, "a")
    for octets in fits:
        other.append(octets)
    with pytest.raises(OverQuotaError):
        inbox.append(too_much)
    assert len(inbox.messages) == 0
    assert carol.usage == Usage(sum(map(len, fits)), len(fits))


def test_all_of_several_messages_fit_or_none_is_stored(account: NewAccount) -> None:
    carol = account(Limits(messages=2))
    with pytest.raises(OverQuotaError):
        box(carol).append_all([NewMessage(octets=b"x")] * 3)
    assert carol.usage == Usage(0, 0)
    assert len(box(carol).messages) == 0


def test_removed_messages_and_folders_give_their_room_back(account: NewAccount) -> None:
    carol = account(Limits(messages=2))
    carol.create("a")
    box(carol, "a").append(b"12")
    box(carol).append(b"345")
    box(carol).expunge([1])
    assert carol.usage == Usage(2, 1)
    carol.delete("a")
    assert carol.usage == Usage(0, 0)


def test_renaming_inbox_needs_no_room(account: NewAccount) -> None:
    carol = account(Limits(messages=2))
    box(carol).append_all([NewMessage(octets=b"x")] * 2)
    carol.rename("INBOX", "old")
    assert uids(box(carol, "old")) == [1, 2]
    assert carol.usage == Usage(2, 2)


def test_a_folders_id_stays_through_a_rename_and_never_comes_back(account: NewAccount) -> None:
    alice = account()
    alice.create("a", special_uses=["\\Sent"])
    made = box(alice, "a").mailbox_id
    assert made.isalnum()
    alice.rename("a", "b")
    assert box(alice, "b").mailbox_id == made
    assert box(alice, "b").special_uses == {"\\Sent"}
    alice.delete("b")
    alice.create("b")
    assert box(alice, "b").mailbox_id != made
    assert box(alice, "b").special_uses == frozenset()


def test_annotations_and_rights_are_set_and_removed(account: NewAccount) -> None:
    alice = account()
    inbox = box(alice)
    for annotated in (alice, inbox):
        annotated.annotate("/private/comment", b"mine")
        annotated.annotate("/shared/comment", b"ours")
        annotated.annotate("/private/comment", None)
        annotated.annotate("/private/absent", None)
        assert annotated.annotations == {"/shared/comment": b"ours"}
    inbox.set_rights("bob@example.test", "lr")
    assert inbox.rights == {"bob@example.test": "lr"}
    inbox.set_rights("bob@example.test", "")
    assert inbox.rights == {}


def test_a_change_of_metadata_raises_the_mod_sequence_of_the_folder(account: NewAccount) -> None:
    inbox = box(account())
    before = inbox.modseq
    inbox.annotate("/private/comment", b"mine")
    assert inbox.modseq == before + 1
    inbox.annotate("/private/comment", b"mine")
    assert inbox.modseq == before + 1
    assert inbox.changes_since(before) == Changes([], [])
    inbox.annotate("/private/comment", None)
    assert inbox.modseq == before + 2


def test_whoever_watches_an_account_hears_the_names_of_folders_that_change(account: NewAccount) -> None:
    alice = account()
    heard: list[str] = []
    end = alice.watch(heard.append)
    alice.create("a")
    box(alice, "a").append(b"")
    alice.rename("a", "b")
    assert heard == ["a", "a", "b", "a"]
    end()
    end()
    alice.delete("b")
    assert heard == ["a", "a", "b", "a"]


def test_whoever_watches_an_account_hears_of_rights_metadata_and_subscriptions(account: NewAccount) -> None:
    alice = account()
    heard: list[str] = []
    alice.watch(heard.append)
    box(alice).annotate("/shared/comment", b"x")
    alice.annotate("/private/comment", b"x")
    box(alice).set_rights("bob@example.test", "lr")
    alice.subscribe("gone")
    alice.unsubscribe("gone")
    assert heard == ["INBOX", "", "INBOX", "gone", "gone"]


def test_a_stored_message_shows_no_text(account: NewAccount) -> None:
    inbox = box(account())
    inbox.append(b"private")
    assert "private" not in repr(inbox.messages[0])
    assert "uid=1" in repr(inbox.messages[0])


def test_a_folder_knows_its_owner_and_is_found_while_others_have_rights_to_it(make_store: MakeStore) -> None:
    store = make_store({"alice@example.test": "a", "bob@example.test": "b"})
    alice = store.account("alice@example.test")
    assert alice is not None
    alice.create("Shared")
    box = alice.mailbox("Shared")
    assert box is not None
    assert box.owner == "alice@example.test"
    assert list(store.shared()) == []
    box.set_rights("bob@example.test", "lr")
    assert list(store.shared()) == [box]
    alice.rename("Shared", "Moved")
    assert [shared.name for shared in store.shared()] == ["Moved"]
    box.set_rights("bob@example.test", "")
    assert list(store.shared()) == []


def test_flags_of_a_message_that_was_changed_meanwhile_are_left_alone(account: NewAccount) -> None:
    inbox = box(account())
    inbox.append(b"a")
    inbox.append(b"b")
    known = {message.uid: message.modseq for message in inbox.messages}
    assert inbox.set_flags({1: ["mine"]}, known=known) == frozenset()
    assert inbox.set_flags({1: ["theirs"], 2: ["\\Seen"], 3: ["\\Seen"]}, known=known) == {1}
    assert [message.flags for message in inbox.messages] == [{"mine"}, {"\\Seen"}]
    assert inbox.set_flags({1: ["theirs"]}, known=known) == {1}


def test_secrets_for_urls_stay_until_they_are_reset_or_their_folder_goes(account: NewAccount) -> None:
    alice = account()
    alice.create("a")
    inbox, other = box(alice).mailbox_id, box(alice, "a").mailbox_id
    first, second = alice.access_key(inbox), alice.access_key(other)
    assert len({first, second, alice.access_key(inbox)}) == 2
    alice.reset_access_keys("nobody's")
    alice.reset_access_keys(inbox)
    assert alice.access_key(inbox) != first
    assert alice.access_key(other) == second
    alice.delete("a")
    assert alice.access_key(other) != second
    third = alice.access_key(inbox)
    alice.reset_access_keys()
    assert alice.access_key(inbox) != third
