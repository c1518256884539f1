"""What a mail program keeps of a mailbox, and what it therefore asks (RFC 7162 §3.1.4, §3.2.5)."""

from __future__ import annotations

import pytest

from loadtest.clients.imap_answers import Selected
from loadtest.scenarios.mailbox_copy import MOST_BODY_OCTETS, MailboxCopy, to_be_read

NOTHING: frozenset[bytes] = frozenset()
CONDSTORE = frozenset({b"CONDSTORE"})
BOTH = frozenset({b"CONDSTORE", b"QRESYNC"})
KEPT = MailboxCopy(uid_validity=7, next_uid=11, highest_modseq=100)


def selected(*, exists: int = 5, uid_next: int = 21, uid_validity: int = 7, modseq: int = 200) -> Selected:
    return Selected(exists, uid_next, uid_validity, modseq)


@pytest.mark.parametrize(
    ("copy", "enabled", "offers", "parameters"),
    [
        (KEPT, BOTH, BOTH, b"(QRESYNC (7 100 1:10))"),
        (MailboxCopy(uid_validity=7, next_uid=1, highest_modseq=100), BOTH, BOTH, b"(QRESYNC (7 100))"),
        (KEPT, CONDSTORE, BOTH, b"(CONDSTORE)"),
        (KEPT, NOTHING, CONDSTORE, b"(CONDSTORE)"),
        (KEPT, NOTHING, NOTHING, b""),
        (MailboxCopy(), BOTH, BOTH, b"(CONDSTORE)"),
        (MailboxCopy(uid_validity=7, next_uid=11), BOTH, BOTH, b"(CONDSTORE)"),
    ],
)
def test_select_is_told_of_the_copy_where_the_server_understands(
    copy: MailboxCopy, enabled: frozenset[bytes], offers: frozenset[bytes], parameters: bytes
) -> None:
    assert copy.select_parameters(enabled, offers) == parameters


@pytest.mark.parametrize(
    ("copy", "told", "parameters", "asked"),
    [
        (MailboxCopy(), selected(), b"(CONDSTORE)", ("1:*", "(FLAGS)")),
        (MailboxCopy(), selected(exists=0), b"(CONDSTORE)", None),
        (KEPT, selected(uid_validity=8), b"(QRESYNC (7 100 1:10))", ("1:*", "(FLAGS)")),
        (KEPT, selected(), b"(QRESYNC (7 100 1:10))", None),
        (KEPT, selected(), b"(CONDSTORE)", ("1:10", "(FLAGS) (CHANGEDSINCE 100)")),
        (KEPT, selected(modseq=100), b"(CONDSTORE)", None),
        (KEPT, selected(modseq=0), b"(CONDSTORE)", ("1:10", "(FLAGS)")),
        (KEPT, selected(), b"", ("1:10", "(FLAGS)")),
        (MailboxCopy(uid_validity=7, next_uid=1), selected(), b"", None),
    ],
)
def test_flags_are_asked_for_as_far_as_they_may_have_changed(
    copy: MailboxCopy, told: Selected, parameters: bytes, asked: tuple[str, str] | None
) -> None:
    assert copy.flags_to_ask_for(told, parameters) == asked


def test_a_new_copy_begins_where_the_mailbox_ends() -> None:
    copy = MailboxCopy()
    assert copy.take(selected(), greatest_uid=20) is False
    assert copy == MailboxCopy(uid_validity=7, next_uid=21, highest_modseq=200)


def test_without_uidnext_the_greatest_uid_tells_where_that_is() -> None:
    copy = MailboxCopy()
    copy.take(selected(uid_next=0), greatest_uid=20)
    assert copy.next_uid == 21


def test_a_copy_goes_on_where_it_was_left() -> None:
    copy = MailboxCopy(uid_validity=7, next_uid=11, highest_modseq=100)
    assert copy.take(selected(), greatest_uid=20) is False
    assert copy == MailboxCopy(uid_validity=7, next_uid=11, highest_modseq=200)


def test_another_uidvalidity_ends_a_copy() -> None:
    copy = MailboxCopy(uid_validity=7, next_uid=11, highest_modseq=100)
    assert copy.take(selected(uid_validity=8, uid_next=3), greatest_uid=2) is True
    assert copy == MailboxCopy(uid_validity=8, next_uid=3, highest_modseq=200)


@pytest.mark.parametrize(
    ("sizes", "read"),
    [
        ({}, []),
        ({4: 100}, [4]),
        ({3: 1, 1: 1, 2: 1}, [2, 3]),
        ({1: 1, 2: 1, 3: 1, 4: 1}, [3, 4]),
        ({1: 1, 2: MOST_BODY_OCTETS, 3: MOST_BODY_OCTETS + 1, 4: MOST_BODY_OCTETS + 1}, [1, 2]),
        ({1: MOST_BODY_OCTETS + 1}, []),
    ],
)
def test_half_of_what_is_new_and_not_too_large_is_read_the_newest_first(sizes: dict[int, int], read: list[int]) -> None:
    assert to_be_read(sizes) == read
