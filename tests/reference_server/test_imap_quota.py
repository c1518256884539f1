"""What IMAP tells of limits, and what it says when an account is full (RFC 9208, RFC 7889)."""

from __future__ import annotations

from reference_server.core import Settings
from reference_server.stores import Limits
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import Client, inbox, logged_in, new_store, selected


def small_store() -> MemoryStore:
    store = MemoryStore({}, first_uid_validity=7)
    store.add_account("alice@example.test", "secret", limits=Limits(messages=2))
    return store


def test_append_and_copy_into_a_full_account_are_refused_and_change_nothing() -> None:
    store = small_store()
    inbox(store).append(b"one\r\n")
    client = selected(store)
    client.play(
        """
        C: b APPEND INBOX {5+}
        C: two
        C:
        S: * 2 EXISTS
        S: * 2 RECENT
        S: b OK [APPENDUID 7 2] APPEND completed
        C: c APPEND INBOX {5+}
        C: two
        C:
        S: c NO [OVERQUOTA] …
        C: d COPY 1 INBOX
        S: d NO [OVERQUOTA] …
        """
    )
    assert len(inbox(store).messages) == 2


def test_an_account_is_one_quota_root_for_every_mailbox_that_is_or_may_come() -> None:
    store = MemoryStore({}, first_uid_validity=7)
    store.add_account("alice@example.test", "secret", limits=Limits(storage_octets=10_000, messages=3))
    inbox(store).append(b"x" * 1025)
    logged_in(store).play(
        """
        C: b GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX alice@example.test
        S: * QUOTA alice@example.test (STORAGE 2 10 MESSAGE 1 3)
        S: b OK GETQUOTAROOT completed
        C: c GETQUOTAROOT "not yet"
        S: * QUOTAROOT "not yet" alice@example.test
        S: * QUOTA alice@example.test (STORAGE 2 10 MESSAGE 1 3)
        S: c OK GETQUOTAROOT completed
        C: d GETQUOTA "alice@example.test"
        S: * QUOTA alice@example.test (STORAGE 2 10 MESSAGE 1 3)
        S: d OK GETQUOTA completed
        C: e GETQUOTA ""
        S: e NO [NONEXISTENT] there is no such quota root
        """
    )


def test_without_limits_there_is_no_quota_root() -> None:
    logged_in(new_store()).play(
        """
        C: b GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX
        S: b OK GETQUOTAROOT completed
        C: c GETQUOTA alice@example.test
        S: c NO [NONEXISTENT] there is no such quota root
        """
    )


def test_limits_are_not_the_clients_to_set() -> None:
    client = logged_in(small_store())
    client.play(
        """
        C: b SETQUOTA alice@example.test (STORAGE 9223372036854775807)
        S: b NO [NOPERM] limits are set by the operator
        C: c SETQUOTA "" ()
        S: c NO [NOPERM] limits are set by the operator
        C: d SETQUOTA "" (STORAGE 9223372036854775808)
        S: d BAD number above 9223372036854775807
        C: e SETQUOTA "" (STORAGE 1
        S: e BAD expected ')'
        C: f CAPABILITY
        S: * CAPABILITY …
        S: f OK CAPABILITY completed
        """
    )
    offered = client.say(b"g CAPABILITY\r\n").split()
    assert b"QUOTASET" not in offered
    assert {b"QUOTA", b"QUOTA=RES-STORAGE", b"QUOTA=RES-MESSAGE"} <= set(offered)


def test_status_tells_what_expunge_would_free() -> None:
    store = new_store()
    inbox(store).append(b"12345", flags=["\\Deleted"])
    inbox(store).append(b"123", flags=["\\Deleted"])
    inbox(store).append(b"1")
    logged_in(store).play(
        """
        C: b STATUS INBOX (DELETED-STORAGE DELETED)
        S: * STATUS INBOX (DELETED-STORAGE 8 DELETED 2)
        S: b OK STATUS completed
        """
    )


def test_renaming_inbox_fits_where_the_account_is_full() -> None:
    store = small_store()
    inbox(store).append(b"one\r\n")
    inbox(store).append(b"two\r\n")
    logged_in(store).play(
        """
        C: b RENAME INBOX Old
        S: b OK RENAME completed
        C: c STATUS Old (MESSAGES)
        S: * STATUS Old (MESSAGES 2)
        S: c OK STATUS completed
        """
    )


def test_a_message_above_the_append_limit_is_too_big() -> None:
    store = MemoryStore({}, first_uid_validity=7)
    store.add_account("alice@example.test", "secret", limits=Limits(message_octets=5))
    client = Client(store)
    assert b"APPENDLIMIT" not in client.greeting
    client.play(
        """
        C: a LOGIN alice secret
        S: a OK [CAPABILITY … APPENDLIMIT=5…] logged in
        C: b STATUS INBOX (APPENDLIMIT)
        S: * STATUS INBOX (APPENDLIMIT 5)
        S: b OK STATUS completed
        C: c APPEND INBOX {6+}
        C: 123456
        S: c NO [TOOBIG] literal too large
        C: d APPEND INBOX {5+}
        C: 12345
        S: d OK [APPENDUID 7 1] APPEND completed
        """
    )


def test_without_a_limit_of_the_user_the_servers_own_counts() -> None:
    client = logged_in(new_store(), settings=Settings(max_message_octets=2**40))
    assert b" APPENDLIMIT=4294967295" in client.say(b"b CAPABILITY\r\n")
