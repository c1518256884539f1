"""What IMAP says when an account is full (RFC 9208 §4.3.1)."""

from __future__ import annotations

from reference_server.stores import Limits
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import inbox, selected


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
