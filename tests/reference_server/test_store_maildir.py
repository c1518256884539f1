"""The Maildir store is a Maildir: other programs read what it stored, and it sees what they changed."""

from __future__ import annotations

import errno
import gc
import json
import mailbox as stdlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from reference_server.accounts import Directory, User
from reference_server.stores import (
    Limits,
    MailboxError,
    NewMessage,
    OverQuotaError,
    StoreFailedError,
    Usage,
    maildirnames,
    subscriptionfile,
    uidlist,
)
from reference_server.stores.flushing import Flushing, refusal
from reference_server.stores.maildir import MaildirStore
from reference_server.stores.maildirbox import MaildirMailbox
from reference_server.stores.maildirfiles import MaildirFile, Place
from reference_server.stores.memory import MemoryAccount
from tests.reference_server.folders import box

ALICE = {"alice@example.test": "secret"}


@contextmanager
def opened(path: Path, limits: Limits | None = None) -> Iterator[MemoryAccount]:
    users = Directory([User(address="alice@example.test", limits=limits or Limits())])
    store = MaildirStore(path, users, first_uid_validity=10)
    try:
        yield store.accounts[0]
    finally:
        store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mail"


@pytest.fixture
def home(path: Path) -> Path:
    return path / "alice@example.test"


def files(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def test_everything_is_there_after_a_restart(path: Path) -> None:
    day = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=timezone(timedelta(hours=2)))
    with opened(path) as alice:
        alice.create("Sent/2026", special_uses=["\\Sent"])
        alice.subscribe("Sent/2026")
        alice.subscribe("gone")
        alice.unsubscribe("gone")
        alice.annotate("/private/comment", b"mine\0")
        alice.annotate("/private/other", b"x")
        alice.annotate("/private/other", None)
        inbox = box(alice)
        inbox.append_all([NewMessage(octets=b"a\0\r\n", flags=frozenset({"\\Seen", "kw"}), internal_date=day)] * 3)
        inbox.append(b"b\nbare\n")
        inbox.set_flags({2: ["\\Draft", "\\Flagged", "\\Answered", "other"]})
        inbox.expunge([3])
        inbox.annotate("/shared/comment", b"ours")
        inbox.set_rights("bob@example.test", "lr")
        inbox.set_rights("carol@example.test", "l")
        inbox.set_rights("carol@example.test", "")
        facts = (inbox.mailbox_id, inbox.uid_validity, inbox.uid_next)
        messages = [(m.uid, m.size, m.internal_date, m.flags, m.octets) for m in inbox.messages]
        modseq = inbox.modseq
    with opened(path) as alice:
        assert alice.names() == ["INBOX", "Sent", "Sent/2026"]
        assert box(alice, "Sent/2026").special_uses == {"\\Sent"}
        assert alice.subscriptions == {"Sent/2026"}
        assert alice.annotations == {"/private/comment": b"mine\0"}
        assert alice.usage == Usage(15, 3)
        again = box(alice)
        assert (again.mailbox_id, again.uid_validity, again.uid_next) == facts
        assert [(m.uid, m.size, m.internal_date, m.flags, m.octets) for m in again.messages] == messages
        assert again.messages[0].internal_date == day
        assert again.modseq > modseq
        assert again.changes_since(modseq) is None
        assert again.claim_recent(peek=True) == {4}
        assert again.annotations == {"/shared/comment": b"ours"}
        assert again.rights == {"bob@example.test": "lr"}
        assert again.append(b"c") == 5


def test_folders_that_moved_or_went_stay_so(path: Path, home: Path) -> None:
    with opened(path) as alice:
        alice.create("a/b")
        box(alice, "a/b").append(b"x")
        alice.create("c")
        highest = box(alice, "c").uid_validity
        box(alice, "c").append(b"y")
        alice.delete("c")
        alice.rename("a", "c")
        box(alice).append(b"z")
        box(alice).append(b"seen", flags=["\\Seen", "kw"])
        alice.rename("INBOX", "old")
        assert [m.octets for m in box(alice, "old").messages] == [b"z", b"seen"]
        assert [m.flags for m in box(alice, "old").messages] == [frozenset(), {"\\Seen", "kw"}]
    assert not [name for name in files(home) if name.startswith("..")]
    with opened(path) as alice:
        assert alice.names() == ["INBOX", "c", "c/b", "old"]
        assert [m.octets for m in box(alice, "c/b").messages] == [b"x"]
        assert [m.octets for m in box(alice, "old").messages] == [b"z", b"seen"]
        assert box(alice).uid_next == 3
        assert box(alice, "c").uid_validity > highest
        used = {box(alice, name).uid_validity for name in alice.names()}
        alice.delete("old")
        alice.create("old")
        assert box(alice, "old").uid_validity > max(used)


def test_messages_lie_where_the_standard_has_them(path: Path, home: Path) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"new\r\n")
        inbox.append(b"seen\r\n", flags=["\\Seen", "\\Answered", "kw"])
        (new,), (seen,) = files(home / "new"), files(home / "cur")
        assert re.fullmatch(r"\d+\.M\d{6}P\d+Q\d+\.[^,:/]+,S=5", new)
        assert seen.endswith(",S=6:2,RSa")
        assert (home / "dovecot-keywords").read_text() == "0 kw\n"
        assert files(home / "tmp") == []
        assert inbox.claim_recent(peek=False) == {1, 2}
        assert files(home / "new") == []
        inbox.set_flags({1: ["\\Seen"], 2: []})
        assert [name.partition(":")[2] for name in files(home / "cur")] == ["2,S", "2,"]
    head, *records = (home / "dovecot-uidlist").read_text().splitlines()
    assert re.fullmatch(r"3 V\d+ N\d+ G[0-9a-f]{32}", head)
    assert [record.partition(" :")[0] for record in records] == ["1", "2"]


def test_the_standard_library_reads_and_changes_what_we_stored(path: Path, home: Path) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"Subject: one\r\n\r\nbody\r\n")
        inbox.append(b"Subject: two\r\n\r\nbody\r\n", flags=["\\Flagged"])
        theirs = stdlib.Maildir(home, create=False)
        assert sorted(message["Subject"] for message in theirs) == ["one", "two"]
        assert {message["Subject"]: message.get_flags() for message in theirs} == {"one": "", "two": "F"}
        heard: list[int] = []
        inbox.watch(lambda: heard.append(1))
        before = inbox.modseq
        for key in theirs.keys():  # noqa: SIM118  (it is no dictionary)
            message = theirs[key]
            if message["Subject"] == "one":
                message.set_subdir("cur")
                message.set_flags("PS")
                theirs[key] = message
            else:
                theirs.remove(key)
        theirs.add(b"Subject: three\n\nUnix lines\n")
        time.sleep(0.06)  # longer than two changes may share a time
        changes = inbox.changes_since(before)
        assert changes is not None
        assert [m.uid for m in changes.messages] == [1, 3]
        assert changes.gone == [2]
        assert heard
        assert [m.uid for m in inbox.messages] == [1, 3]
        assert [m.flags for m in inbox.messages] == [{"\\Seen"}, frozenset()]
        assert inbox.messages[1].octets == b"Subject: three\r\n\r\nUnix lines\r\n"
        assert inbox.messages[1].size == len(inbox.messages[1].octets)
        inbox.set_flags({1: ["\\Flagged"]})
        assert [name.partition(":")[2] for name in files(home / "cur")] == ["2,FP"]


def test_a_folder_that_somebody_else_made_or_removed_is_noticed(path: Path, home: Path) -> None:
    with opened(path) as alice:
        alice.create("ours")
        heard: list[str] = []
        alice.watch(heard.append)
        theirs = stdlib.Maildir(home, create=False)
        folder = theirs.add_folder("theirs.below")
        folder.add(b"x\n")
        assert alice.names() == ["INBOX", "ours", "theirs/below"]
        assert [m.octets for m in box(alice, "theirs/below").messages] == [b"x\r\n"]
        held = box(alice, "ours")
        held.append(b"x")
        for file in (home / ".ours").rglob("*"):
            if file.is_file():
                file.unlink()
        for directory in ("tmp", "new", "cur"):
            (home / ".ours" / directory).rmdir()
        (home / ".ours").rmdir()
        assert alice.names() == ["INBOX", "theirs/below"]
        assert "theirs/below" in heard
        assert held.messages == ()
        with pytest.raises(MailboxError):
            held.append(b"y")
        assert alice.usage == Usage(3, 1)


@pytest.mark.parametrize("name", ["INBOX/x", "a.b/c", "back\\slash", "Entw\u00fcrfe & mehr", "\U0001f4e7"])
def test_folder_names_come_back_as_they_were(path: Path, home: Path, name: str) -> None:
    with opened(path) as alice:
        alice.create(name)
        alice.subscribe(name)
        names = alice.names()
        assert name in names
    assert all(entry.isascii() and "/" not in entry for entry in files(home))
    with opened(path) as alice:
        assert alice.names() == names
        assert alice.subscriptions == {name}


@pytest.mark.parametrize("directory", [".a..b", ".", ".&", ".a\\2f", ".INBOX", "a", ".inbox.x", ".\u00fc"])
def test_what_is_no_folder_is_passed_over(path: Path, home: Path, directory: str) -> None:
    with opened(path) as alice:
        (home / directory / "cur").mkdir(parents=True, exist_ok=True)
        (home / ".empty").mkdir()
        assert alice.names() == ["INBOX"]


def test_a_name_that_is_too_long_for_the_file_system_is_refused(path: Path) -> None:
    with opened(path) as alice:
        with pytest.raises(MailboxError, match="too long"):
            alice.create("x" * 300)
        assert alice.names() == ["INBOX"]


def test_a_folder_directory_that_is_in_the_way_is_not_taken(path: Path, home: Path) -> None:
    with opened(path) as alice:
        (home / ".a").mkdir()
        with pytest.raises(MailboxError):
            alice.create("a")


def test_more_keywords_than_letters_are_kept_as_well(path: Path) -> None:
    many = [f"k{number}" for number in range(30)]
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"x", flags=many)
        inbox.append(b"y", flags=["k9"])
        inbox.append(b"z", flags=["k8"])
        inbox.set_flags({2: ["k1"]})
        inbox.expunge([3])
    with opened(path) as alice:
        assert [m.flags for m in box(alice).messages] == [set(many), {"k1"}]


def test_a_message_removed_by_us_can_be_read_as_long_as_a_session_holds_it(path: Path, home: Path) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"x")
        held = inbox.messages[0]
        inbox.expunge([1])
        assert held.octets == b"x"
        assert files(home / "cur") == files(home / "new") == []
        del held
        gc.collect()
        assert files(home / "tmp") == []


def test_a_message_removed_by_others_is_empty_and_one_they_renamed_is_found(path: Path, home: Path) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"gone")
        inbox.append(b"flagged")
        gone, flagged = inbox.messages
        first, second = files(home / "new")
        (home / "new" / first).unlink()
        (home / "new" / second).rename(home / "cur" / f"{second}:2,F")
        assert (gone.octets, flagged.octets) == (b"", b"flagged")
        inbox.set_flags({1: ["\\Seen"], 2: ["\\Seen"]})
        assert [name.partition(":")[2] for name in files(home / "cur")] == ["2,S"]
        time.sleep(0.06)  # longer than two changes may share a time
        assert [m.uid for m in inbox.messages] == [2]


def test_drafts_that_were_given_up_are_removed_at_a_start(path: Path, home: Path) -> None:
    with opened(path):
        for name, age_s in (("old", 40 * 3600), ("new", 0)):
            (home / "tmp" / name).write_bytes(b"x")
            os.utime(home / "tmp" / name, (time.time() - age_s,) * 2)
    with opened(path):
        assert files(home / "tmp") == ["new"]


def test_a_uid_list_of_others_is_taken_as_it_is(path: Path, home: Path) -> None:
    for directory in ("tmp", "new", "cur"):
        (home / directory).mkdir(parents=True)
    (home / "cur" / "7.one:2,S").write_bytes(b"one\n")
    (home / "cur" / "3.two,S=4,W=5:2,").write_bytes(b"two\n")
    (home / "new" / "nameless").write_bytes(b"new\r\n")
    (home / "dovecot-uidlist").write_text(
        "3 V77 N20 G0123\nno line of ours\n5 W9 :7.one:2,\n9 :3.two,S=4,W=5:2,S\n11 :gone\n12 :cut"
    )
    with opened(path) as alice:
        inbox = box(alice)
        assert (inbox.uid_validity, inbox.mailbox_id) == (77, "G0123")
        assert [(m.uid, m.octets) for m in inbox.messages] == [(5, b"one\r\n"), (9, b"two\r\n"), (20, b"new\r\n")]
        assert inbox.messages[0].saved_at == datetime.fromtimestamp(7, UTC)
        assert inbox.append(b"next") == 21
    assert "\n12 :cut\n20 :" in (home / "dovecot-uidlist").read_text()


def test_a_uid_given_out_by_others_in_the_moment_of_our_last_look_is_not_given_out_again(
    path: Path, home: Path
) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"ours")
        times = {home / name: (home / name).stat().st_mtime_ns for name in ("new", "cur")}
        (home / "cur" / "theirs:2,").write_bytes(b"theirs\r\n")
        with (home / "dovecot-uidlist").open("a") as uids:
            uids.write("2 :theirs\n")
        for directory, time_ns in times.items():
            os.utime(directory, ns=(time_ns, time_ns))
        assert inbox.append(b"ours") == 3
        assert [(m.uid, m.octets) for m in inbox.messages] == [(1, b"ours"), (2, b"theirs\r\n"), (3, b"ours")]


def test_a_message_with_both_kinds_of_line_ends_has_one_on_the_wire(path: Path, home: Path) -> None:
    with opened(path) as alice:
        (home / "cur" / "1.mutt:2,S").write_bytes(b"a: b\r\nContent-Length: 3\n\nx\r\n")
        (seen,) = box(alice).messages
        assert seen.octets == b"a: b\r\nContent-Length: 3\r\n\r\nx\r\n"
        assert seen.size == len(seen.octets)


def test_an_old_uid_list_is_read(path: Path, home: Path) -> None:
    for directory in ("tmp", "new", "cur"):
        (home / directory).mkdir(parents=True)
    (home / "cur" / "one:2,S").write_bytes(b"one\n")
    (home / "dovecot-uidlist").write_text("1 77 20\n5 one:2,\n")
    with opened(path) as alice:
        assert [(m.uid, m.octets) for m in box(alice).messages] == [(5, b"one\r\n")]
        assert box(alice).uid_validity == 77


@pytest.mark.parametrize("damage", ["", "3 Vx N1\n", "9 whatever\n", None])
def test_a_uid_list_that_is_lost_makes_a_new_uid_validity(path: Path, home: Path, damage: str | None) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"a")
        before = inbox.uid_validity
        if damage is None:
            (home / "dovecot-uidlist").unlink()
        else:
            (home / "dovecot-uidlist").write_text(damage)
        inbox.append(b"b")
        assert inbox.uid_validity > before
        assert sorted(m.octets for m in inbox.messages) == [b"a", b"b"]


def test_the_uid_list_is_written_anew_when_most_of_it_is_of_no_use(
    path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_server.stores.maildirbox.UID_LIST_SURPLUS", 1)
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append_all([NewMessage(octets=b"x")] * 5)
        inbox.expunge([1, 2, 3, 4])
        (home / "new" / "theirs").write_bytes(b"x")
        time.sleep(0.06)  # longer than two changes may share a time
        assert [m.uid for m in inbox.messages] == [5, 6]
        assert len((home / "dovecot-uidlist").read_text().splitlines()) == 3
        assert inbox.uid_next == 7


def test_quota_counts_what_others_delivered(path: Path, home: Path) -> None:
    with opened(path, Limits(messages=2)) as alice:
        alice.create("a")
        stdlib.Maildir(home, create=False).get_folder("a").add(b"x\n")
        box(alice).append(b"x")
        with pytest.raises(OverQuotaError):
            box(alice).append(b"x")


def test_two_servers_cannot_have_one_path(path: Path) -> None:
    with opened(path), pytest.raises(OSError, match="another process"):
        MaildirStore(path, ALICE)
    with pytest.raises(ValueError, match="account"):
        MaildirStore(path, {"nobody": "x"})
    store = MaildirStore(path, ALICE)
    assert [account.name for account in store.accounts] == ["alice@example.test"]
    store.close()
    store.close()


def test_what_a_later_release_wrote_is_refused(path: Path, home: Path) -> None:
    with opened(path):
        pass
    state = home / "mailspec-folder"
    written = state.read_bytes()
    state.write_text(json.dumps({"version": 99}))
    with pytest.raises(ValueError, match="99"):
        MaildirStore(path, ALICE)
    state.write_bytes(b"{")
    with pytest.raises(ValueError, match="damaged"):
        MaildirStore(path, ALICE)
    state.write_bytes(written)
    (path / "mailspec-store").write_text("99\n")
    with pytest.raises(ValueError, match="99"):
        MaildirStore(path, ALICE)


def test_account_names_make_no_path_of_their_own() -> None:
    assert maildirnames.account_directory("../A/b%@Example.test") == "%2E.%2Fa%2Fb%25@example.test"


def test_a_lock_is_waited_for_and_taken_over_from_who_is_no_more(
    path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uidlist, "LOCK_PATIENCE_S", 0.05)
    lock = home / "dovecot-uidlist.lock"
    host = os.uname().nodename
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    with opened(path) as alice:
        inbox = box(alice)
        for owner in (ended.stdout.decode().strip(), str(os.getpid())):
            lock.write_text(f"{owner}:{host}")
            inbox.append(b"x")
        for owner in (f"{os.getppid()}:{host}", "1:elsewhere", ""):
            lock.write_text(owner)
            with pytest.raises(StoreFailedError, match="locked"):
                inbox.append(b"x")
            (home / "new" / "theirs").write_bytes(b"x")
            assert len(inbox.messages) == 2
            (home / "new" / "theirs").unlink()
        os.utime(lock, (time.time() - 1000,) * 2)
        inbox.append(b"x")
        assert len(inbox.messages) == 3
        lock.write_text("1:elsewhere")
        threading.Timer(0.01, lock.unlink).start()
        inbox.append(b"x")


def test_a_process_of_somebody_else_is_alive_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_ours(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(uidlist, "LOCK_PATIENCE_S", 0.01)
    monkeypatch.setattr(os, "kill", not_ours)
    (tmp_path / "lock").write_text(f"1:{os.uname().nodename}")
    with pytest.raises(StoreFailedError), uidlist.dotlock(tmp_path / "lock"):
        pass


def test_subscriptions_of_both_versions_are_read(tmp_path: Path) -> None:
    (tmp_path / "subscriptions").write_text("a.b\nInbox2\n&bad\n\n")
    assert subscriptionfile.read(tmp_path) == {"a/b", "Inbox2"}
    subscriptionfile.write(tmp_path, ["a.b/c", "d"])
    assert (tmp_path / "subscriptions").read_text() == "V\t2\n\na\\2eb\tc\nd\n"
    assert subscriptionfile.read(tmp_path) == {"a.b/c", "d"}


def test_what_the_file_system_refuses_is_refused() -> None:
    assert isinstance(refusal(OSError(errno.EDQUOT, "quota")), OverQuotaError)
    assert isinstance(refusal(OSError(errno.ENAMETOOLONG, "long")), MailboxError)
    assert isinstance(refusal(OSError(errno.EIO, "broken")), StoreFailedError)


def test_a_full_disk_refuses_mail_and_leaves_nothing_behind(
    path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"kept")
        done: list[int] = []

        def full(descriptor: int) -> None:
            done.append(descriptor)
            if len(done) > 1:
                raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("reference_server.stores.maildirbox.os.fsync", full)
            with pytest.raises(OverQuotaError):
                inbox.append_all([NewMessage(octets=b"x")] * 2)
        assert files(home / "tmp") == []
        assert [m.octets for m in inbox.messages] == [b"kept"]
        assert alice.usage == Usage(4, 1)


def test_a_flush_that_fails_ends_the_store(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushing = Flushing()
    end, inner_end = flushing.defer_commits(), flushing.defer_commits()
    inner_end()
    with flushing.changing():
        flushing.note(tmp_path, tmp_path / "absent")
    assert flushing.pending

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(StoreFailedError, match="Input/output"):
            flushing.commit()
    with pytest.raises(StoreFailedError), flushing.changing():
        pass
    end()
    assert not flushing.pending


def test_times_of_change_that_count_in_seconds_are_waited_out(path: Path, home: Path) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        assert len(inbox.messages) == 0
        now = int(time.time())
        for directory in ("new", "cur"):
            os.utime(home / directory, (now, now))
        assert len(inbox.messages) == 0
        (home / "new" / "theirs").write_bytes(b"x")
        os.utime(home / "new", (now, now))
        assert len(inbox.messages) == (0 if time.time() < now + 2 else 1)


def test_maildirs_are_durable_stores(path: Path) -> None:
    store = MaildirStore(path, ALICE)
    end = store.defer_commits()
    box(store.accounts[0]).append(b"x")
    assert store.pending
    store.commit()
    assert not store.pending
    end()
    store.close()


def test_a_uid_list_that_others_wrote_anew_is_followed(path: Path, home: Path) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"a")
        (home / "dovecot-uidlist").write_text(f"3 V{inbox.uid_validity + 5} N9 Gabc\n")
        expected = inbox.uid_validity + 5
        assert inbox.append(b"b") == 10
        assert inbox.uid_validity == expected
        assert [(m.uid, m.octets) for m in inbox.messages] == [(9, b"a"), (10, b"b")]
        (home / "dovecot-uidlist").unlink()
        (home / "new" / "theirs").write_bytes(b"c\r\n")
        os.utime(home / "new", (1, 1))
        assert {m.octets for m in inbox.messages} == {b"a", b"b", b"c\r\n"}
        assert inbox.uid_validity > expected


def test_a_message_that_moves_or_goes_while_we_look_is_told_as_it_is(
    path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as alice:
        inbox = box(alice)
        inbox.append(b"a")
        modseq = inbox.modseq
        (name,) = files(home / "new")
        (home / "new" / name).rename(home / "cur" / f"{name}:2,")
        places, stat = MaildirMailbox._places, MaildirMailbox._stat
        stamps = iter([(0, 0), (0, 1)])
        monkeypatch.setattr(MaildirMailbox, "_stat", lambda self: next(stamps, None) or stat(self))
        monkeypatch.setattr(MaildirMailbox, "_places", lambda self: {**places(self), "ghost": "new/ghost"})
        assert [m.octets for m in inbox.messages] == [b"a"]
        assert inbox.modseq == modseq


def test_a_uid_list_that_another_program_makes_at_the_same_time_is_taken(
    path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresh, answers = uidlist.UidList.refresh, iter([False])
    for directory in ("tmp", "new", "cur"):
        (home / directory).mkdir(parents=True)
    (home / "dovecot-uidlist").write_text("3 V77 N20 G0123\n")
    monkeypatch.setattr(uidlist.UidList, "refresh", lambda self: next(answers, True) and refresh(self))
    with opened(path) as alice:
        assert box(alice).uid_validity == 77


def test_a_directory_that_did_not_change_is_not_read_again(path: Path, home: Path) -> None:
    with opened(path) as alice:
        os.utime(home, (1, 1))
        assert alice.names() == alice.names() == ["INBOX"]
        (home / ".a" / "cur").mkdir(parents=True)
        assert alice.names() == ["INBOX", "a"]


def test_a_file_that_others_rename_is_followed_and_given_up_when_that_never_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for directory in ("new", "cur"):
        (tmp_path / directory).mkdir()
    (tmp_path / "cur" / "x:2,F").write_bytes(b"x")
    file = MaildirFile(Place(tmp_path), "x", "new/x", is_verbatim=True)
    assert file.move("cur/x:2,S")
    (tmp_path / "cur" / "x:2,S").unlink()
    assert not file.move("cur/x:2,")
    monkeypatch.setattr(MaildirFile, "find", lambda self: True)
    assert not file.move("cur/x:2,")
    assert file.octets() == b""


def test_a_lock_that_is_given_back_meanwhile_is_not_stale(tmp_path: Path) -> None:
    assert not uidlist._is_stale(tmp_path / "lock")
