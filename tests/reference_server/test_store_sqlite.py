"""The SQLite store keeps its mail beyond the end of the process, and says so when it cannot (RFC 5321 §4.2.5)."""

from __future__ import annotations

import gc
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from reference_server.accounts import Directory, User
from reference_server.stores import (
    Changes,
    Limits,
    MailboxError,
    NewMessage,
    OverQuotaError,
    StoreFailedError,
    Usage,
)
from reference_server.stores import database as database_module
from reference_server.stores.lazy import LazyMessage
from reference_server.stores.memory import MemoryAccount
from reference_server.stores.sqlite import SqliteStore
from tests.reference_server.folders import box

ALICE = {"alice@example.test": "secret"}


@contextmanager
def opened(path: Path) -> Iterator[MemoryAccount]:
    store = SqliteStore(path, ALICE, first_uid_validity=10)
    try:
        yield store.accounts[0]
    finally:
        store.close()


def copy_as_after_a_kill(path: Path, to: Path) -> Path:
    """What another process would find if this one ended now."""
    to.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", to / f"{path.name}{suffix}")
    return to / path.name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail.sqlite"


def test_everything_is_there_after_a_restart(path: Path) -> None:
    day = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))
    with opened(path) as alice:
        alice.create("Sent/2026", special_uses=["\\Sent"])
        alice.subscribe("Sent")
        alice.subscribe("gone")
        alice.unsubscribe("gone")
        alice.annotate("/private/comment", b"mine")
        alice.annotate("/private/other", b"x")
        alice.annotate("/private/other", None)
        inbox = box(alice)
        inbox.append_all([NewMessage(octets=b"a\0\r\n", flags=frozenset({"\\Seen", "kw"}), internal_date=day)] * 3)
        inbox.claim_recent(peek=False)
        inbox.append(b"b")
        inbox.set_flags({2: []})
        inbox.expunge([3])
        inbox.annotate("/shared/comment", b"ours")
        inbox.annotate("/shared/other", b"x")
        inbox.annotate("/shared/other", None)
        inbox.set_rights("bob@example.test", "lr")
        inbox.set_rights("carol@example.test", "l")
        inbox.set_rights("carol@example.test", "")
        facts = (inbox.mailbox_id, inbox.uid_validity, inbox.uid_next, inbox.modseq)
        messages = [(m.uid, m.size, m.internal_date, m.saved_at, m.flags, m.modseq) for m in inbox.messages]
        changes = inbox.changes_since(2)
        assert changes is not None
    with opened(path) as alice:
        assert alice.names() == ["INBOX", "Sent", "Sent/2026"]
        assert box(alice, "Sent/2026").special_uses == {"\\Sent"}
        assert alice.subscriptions == {"Sent"}
        assert alice.annotations == {"/private/comment": b"mine"}
        assert alice.usage == Usage(9, 3)
        again = box(alice)
        assert (again.mailbox_id, again.uid_validity, again.uid_next, again.modseq) == facts
        assert [(m.uid, m.size, m.internal_date, m.saved_at, m.flags, m.modseq) for m in again.messages] == messages
        assert again.messages[0].internal_date.utcoffset() == timedelta(hours=2)
        assert [m.octets for m in again.messages] == [b"a\0\r\n", b"a\0\r\n", b"b"]
        since = again.changes_since(2)
        assert isinstance(since, Changes)
        assert [m.uid for m in since.messages] == [m.uid for m in changes.messages]
        assert since.gone == changes.gone == [3]
        assert again.claim_recent(peek=True) == {4}
        assert again.annotations == {"/shared/comment": b"ours"}
        assert again.rights == {"bob@example.test": "lr"}
        assert again.append(b"c") == 5


def test_folders_that_moved_or_went_stay_so(path: Path) -> None:
    with opened(path) as alice:
        alice.create("a/b")
        box(alice, "a/b").append(b"x")
        alice.create("c")
        highest = box(alice, "c").uid_validity
        box(alice, "c").append(b"y")
        alice.delete("c")
        alice.rename("a", "c")
        box(alice).append(b"z")
        alice.rename("INBOX", "old")
    with opened(path) as alice:
        assert alice.names() == ["INBOX", "c", "c/b", "old"]
        assert [m.octets for m in box(alice, "c/b").messages] == [b"x"]
        assert [m.octets for m in box(alice, "old").messages] == [b"z"]
        assert box(alice).uid_next == 2
        assert box(alice, "c").uid_validity > highest
        used = {box(alice, name).uid_validity for name in alice.names()}
        alice.delete("old")
        alice.create("old")
        assert box(alice, "old").uid_validity > max(used)
        assert alice.usage == Usage(1, 1)


def test_a_change_is_durable_when_the_method_returns(path: Path, tmp_path: Path) -> None:
    with opened(path) as alice:
        box(alice).append(b"kept")
        with opened(copy_as_after_a_kill(path, tmp_path / "1")) as found:
            assert [m.octets for m in box(found).messages] == [b"kept"]


def test_where_commits_are_deferred_a_commit_makes_all_changes_durable_together(path: Path, tmp_path: Path) -> None:
    store = SqliteStore(path, ALICE)
    end, inner_end = store.defer_commits(), store.defer_commits()
    inbox = box(store.accounts[0])
    inbox.append(b"a")
    inner_end()
    inbox.append(b"b")
    inbox.set_flags({1: ["\\Seen"]})
    assert store.pending
    with opened(copy_as_after_a_kill(path, tmp_path / "before")) as found:
        assert [m.octets for m in box(found).messages] == [b"a"]
    store.commit()
    store.commit()
    assert not store.pending
    with opened(copy_as_after_a_kill(path, tmp_path / "after")) as found:
        assert [(m.octets, m.flags) for m in box(found).messages] == [(b"a", {"\\Seen"}), (b"b", set())]
    inbox.append(b"c")
    end()
    assert not store.pending
    store.close()
    store.close()


def test_renaming_inbox_is_one_step_even_if_the_process_ends_in_it(path: Path, tmp_path: Path) -> None:
    with opened(path) as alice:
        box(alice).append(b"x")
        copies = iter(range(10))
        states: set[tuple[int, ...]] = set()

        def look() -> None:
            with opened(copy_as_after_a_kill(path, tmp_path / str(next(copies)))) as found:
                states.add(tuple(len(box(found, name).messages) for name in found.names()))

        box(alice).watch(look)
        alice.rename("INBOX", "a")
        look()
    assert states == {(1,), (0, 1)}


def test_a_removed_text_stays_as_long_as_somebody_holds_the_message(path: Path) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"first")
        inbox.append(b"second")
        held = inbox.messages[0].with_flags(frozenset({"\\Seen"}), 9)
        assert isinstance(held, LazyMessage)
        inbox.expunge([1, 2])
        inbox.append(b"third")
        assert held.octets == b"first"
        number = held.body.number
        database = held.body.database
        del held
        gc.collect()
        inbox.append(b"fourth")
        assert inbox.messages
        with pytest.raises(StoreFailedError):
            database.body(number)
        assert database.rows("SELECT count(*) FROM body") == [(2,)]
        assert database.rows("SELECT count(*) FROM unused_body") == [(0,)]


def test_texts_that_were_held_at_the_end_are_gone_after_a_restart(path: Path, tmp_path: Path) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"first")
        held = inbox.messages
        inbox.expunge([1])
        assert held[0].octets == b"first"
        copy = copy_as_after_a_kill(path, tmp_path / "1")
    with opened(copy):
        pass
    assert sqlite3.connect(copy).execute("SELECT count(*) FROM body").fetchone() == (0,)


def test_only_the_texts_last_used_are_kept_in_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "CACHED_OCTETS", 10)
    with opened(path) as alice:
        inbox = box(alice)
        for letter in (b"a", b"b", b"c"):
            inbox.append(letter * 4)
        first = inbox.messages[0]
        assert isinstance(first, LazyMessage)
        cached = first.body.database._bodies
        assert list(cached.values()) == [b"bbbb", b"cccc"]
        assert [m.octets for m in inbox.messages] == [b"aaaa", b"bbbb", b"cccc"]
        assert list(cached.values()) == [b"bbbb", b"cccc"]
        assert inbox.messages[1].octets == b"bbbb"
        assert list(cached.values()) == [b"cccc", b"bbbb"]


def test_changes_too_long_ago_are_forgotten_at_a_restart(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference_server.stores.sqlite.MAX_HISTORY", 3)
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append_all([NewMessage(octets=b"")] * 7)
        inbox.expunge([1, 2, 4])
        forgotten = inbox.modseq
        inbox.expunge([5])
        inbox.expunge([6])
    for _ in range(2):
        with opened(path) as alice:
            inbox = box(alice)
            assert inbox.changes_since(forgotten - 1) is None
            since = inbox.changes_since(forgotten)
            assert since is not None
            assert since.gone == [5, 6]


def test_accounts_stay_in_the_file_and_belong_to_whoever_has_that_address(path: Path) -> None:
    with opened(path) as alice:
        box(alice).append(b"x")
    store = SqliteStore(path, {"bob@example.test": "secret"})
    assert [account.name for account in store.accounts] == ["bob@example.test"]
    store.close()
    store = SqliteStore(path, Directory([User(address="ALICE@example.test", limits=Limits(messages=1))]))
    alice = store.accounts[0]
    assert alice.usage == Usage(1, 1)
    with pytest.raises(OverQuotaError):
        box(alice).append(b"y")
    store.close()


def test_a_file_of_a_later_release_is_refused(path: Path) -> None:
    with opened(path):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ValueError, match="99"):
        SqliteStore(path)


def test_a_file_of_an_earlier_release_is_brought_up_to_date(path: Path) -> None:
    with opened(path) as alice:
        box(alice).append(b"kept")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE access_key")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with opened(path) as alice:
        key = alice.access_key("F1")
    with opened(path) as alice:
        assert alice.access_key("F1") == key
        assert [message.octets for message in box(alice).messages] == [b"kept"]


def test_what_is_no_store_is_refused_and_left_alone(path: Path, tmp_path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(ValueError, match="no mail store"):
        SqliteStore(path)
    text = tmp_path / "text"
    text.write_bytes(b"no database" * 100)
    with pytest.raises(ValueError, match="not an SQLite database"):
        SqliteStore(text)
    assert text.read_bytes() == b"no database" * 100
    with pytest.raises(OSError, match="unable to open"):
        SqliteStore(tmp_path / "absent" / "mail.sqlite")


def test_where_no_log_can_be_kept_the_store_is_refused() -> None:
    with pytest.raises(OSError, match="log"):
        SqliteStore(":memory:")


def test_two_servers_cannot_have_one_file(path: Path) -> None:
    with opened(path), pytest.raises(OSError, match="another process"):
        SqliteStore(path)
    with opened(path) as alice:
        assert alice.names() == ["INBOX"]


def test_users_that_cannot_be_leave_the_file_to_others(path: Path) -> None:
    with pytest.raises(ValueError, match="account"):
        SqliteStore(path, {"nobody": "x"})
    with opened(path) as alice:
        assert alice.names() == ["INBOX"]


def fill_up(store: SqliteStore) -> None:
    database = store._database
    ((pages,),) = database.rows("PRAGMA page_count")
    database.rows(f"PRAGMA max_page_count = {pages + 2}")


def test_a_full_disk_refuses_mail_and_changes_nothing(path: Path) -> None:
    store = SqliteStore(path, ALICE)
    alice = store.accounts[0]
    inbox = box(alice)
    inbox.append(b"small")
    fill_up(store)
    with pytest.raises(OverQuotaError, match="full"):
        inbox.append_all([NewMessage(octets=b"small"), NewMessage(octets=b"x" * 100_000)])
    assert alice.usage == Usage(5, 1)
    assert inbox.append(b"fits") == 2
    store.close()
    with opened(path) as alice:
        assert [m.octets for m in box(alice).messages] == [b"small", b"fits"]
        assert alice.usage == Usage(9, 2)


def test_a_disk_that_fills_up_under_other_changes_ends_the_store(path: Path) -> None:
    store = SqliteStore(path, ALICE)
    inbox = box(store.accounts[0])
    inbox.append(b"kept")
    fill_up(store)
    end = store.defer_commits()
    inbox.append(b"lost")
    with pytest.raises(StoreFailedError):
        inbox.append(b"x" * 100_000)
    with pytest.raises(StoreFailedError):
        inbox.append(b"x")
    end()
    store.close()
    with opened(path) as alice:
        assert [m.octets for m in box(alice).messages] == [b"kept"]


def test_a_disk_that_is_nearly_full_takes_no_mail_but_lets_it_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"x")
        monkeypatch.setattr(database_module, "RESERVED_OCTETS", 1 << 60)
        with pytest.raises(OverQuotaError, match="full"):
            inbox.append(b"y")
        inbox.set_flags({1: ["\\Deleted"]})
        inbox.expunge([1])
        assert alice.usage == Usage(0, 0)


def test_a_store_that_has_failed_takes_no_change_and_loses_nothing_that_was_durable(path: Path) -> None:
    store = SqliteStore(path, ALICE)
    alice = store.accounts[0]
    inbox = box(alice)
    inbox.append(b"kept")
    end = store.defer_commits()
    inbox.append(b"lost")
    store._database._connection.execute("ROLLBACK")
    with pytest.raises(StoreFailedError):
        store.commit()
    assert not store.pending
    for change in (lambda: inbox.append(b"x"), lambda: alice.create("a"), lambda: inbox.set_flags({1: ["\\Seen"]})):
        with pytest.raises(MailboxError):
            change()
    end()
    store.close()
    with opened(path) as alice:
        assert [m.octets for m in box(alice).messages] == [b"kept"]


def test_a_statement_that_fails_ends_the_store_too(path: Path) -> None:
    store = SqliteStore(path, ALICE)
    store._database._connection.execute("DROP TABLE subscription")
    with pytest.raises(StoreFailedError, match="subscription"):
        store.accounts[0].subscribe("a")
    with pytest.raises(StoreFailedError):
        box(store.accounts[0]).append(b"x")
    store.close()


def test_a_text_that_cannot_be_read_is_an_error_of_the_store(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "CACHED_OCTETS", 0)
    store = SqliteStore(path, ALICE)
    inbox = box(store.accounts[0])
    inbox.append(b"x")
    store._database._connection.execute("DROP TABLE body")
    with pytest.raises(StoreFailedError, match="read"):
        _ = inbox.messages[0].octets
    store.close()
