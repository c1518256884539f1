"""Limits on connections, and what each protocol says to one too many and to all when the server goes."""

from __future__ import annotations

import pytest

from reference_server.admission import Admission, FailedLogIns
from reference_server.core import Close, Core, Send, Settings, Surroundings
from reference_server.imap.core import ImapCore
from reference_server.pop3.core import Pop3Core
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.lmtp import LmtpCore
from reference_server.stores.memory import MemoryStore


def test_an_address_has_its_own_limit_and_all_have_one() -> None:
    admission = Admission(most=3, most_from_one_address=2)
    assert [admission.enter(address) for address in ("a", "a", "a", "b", "b", "c")] == [
        True, True, False, True, False, False,
    ]  # fmt: skip


def test_who_leaves_makes_room_and_is_forgotten() -> None:
    admission = Admission(most=2, most_from_one_address=1)
    assert admission.enter("a")
    assert not admission.enter("a")
    admission.leave("a")
    assert not admission._open
    assert admission.enter("b")
    assert admission.enter("a")
    assert not admission.enter("c")


def test_the_others_from_an_address_still_count_when_one_leaves() -> None:
    admission = Admission(most=9, most_from_one_address=2)
    assert [admission.enter("a") for _ in range(3)] == [True, True, False]
    admission.leave("a")
    assert [admission.enter("a") for _ in range(2)] == [True, False]


def guarded(most: int = 2, **more: float) -> Admission:
    failed = FailedLogIns(most=most, remembered_s=60.0, most_addresses=int(more.get("most_addresses", 100)))
    return Admission(most=100, most_from_one_address=100, failed_log_ins=failed)


def test_an_address_from_which_too_many_log_ins_failed_has_to_stay_away_for_a_while() -> None:
    admission = guarded()
    assert [admission.note_failed_log_in("a", now) for now in (0.0, 1.0, 2.0)] == [False, False, True]
    assert not admission.enter("a", 62.0)
    assert admission.enter("b", 62.0)
    assert admission.enter("a", 62.1)
    assert not admission.note_failed_log_in("a", 62.1), "those of the past are forgotten"


def test_failed_log_ins_are_forgotten_a_while_after_the_last() -> None:
    admission = guarded()
    assert [admission.note_failed_log_in("a", now) for now in (0.0, 50.0, 100.0)] == [False, False, True]
    assert not admission.note_failed_log_in("a", 200.0)


def test_no_more_than_so_many_addresses_are_remembered_and_those_that_failed_last_are() -> None:
    admission = guarded(most=1, most_addresses=2)
    for address in ("a", "b", "a", "c"):
        admission.note_failed_log_in(address, 0.0)
    assert not admission.enter("a", 1.0)
    assert not admission.note_failed_log_in("b", 1.0), "it had to make room"


def test_without_a_limit_nothing_is_counted() -> None:
    assert not Admission(most=1, most_from_one_address=1).note_failed_log_in("a", 0.0)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (SmtpCore, b"421 mail.example.test too many connections, try again later\r\n"),
        (LmtpCore, b"421 mail.example.test too many connections, try again later\r\n"),
        (Pop3Core, b"-ERR [SYS/TEMP] too many connections, try again later\r\n"),
        (ImapCore, b"* BYE [UNAVAILABLE] too many connections, try again later\r\n"),
    ],
)
def test_one_too_many_is_told_so_in_due_form(kind: type, words: bytes) -> None:
    core: Core = kind(MemoryStore(), Settings(), Surroundings())
    assert core.turned_away(0.0) == [Send(words), Close()]
    assert core.deadline is None
    assert core.receive(b"EHLO x\r\na NOOP\r\n", 0.0) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (SmtpCore, b"421 4.3.2 mail.example.test shutting down\r\n"),
        (LmtpCore, b"421 4.3.2 mail.example.test shutting down\r\n"),
        (Pop3Core, b""),
        (ImapCore, b"* BYE [UNAVAILABLE] the server is shutting down\r\n"),
    ],
)
def test_whoever_is_there_when_the_server_goes_is_told_once(kind: type, words: bytes) -> None:
    core: Core = kind(MemoryStore(), Settings(), Surroundings())
    core.connected(0.0)
    assert core.going_down(0.0) == ([Send(words)] if words else []) + [Close()]
    assert core.deadline is None
    assert b"".join(action.octets for action in core.going_down(0.0) if isinstance(action, Send)) == b""


@pytest.mark.parametrize(
    ("kind", "ask"),
    [(SmtpCore, b"EHLO x\r\nSTARTTLS\r\n"), (Pop3Core, b"STLS\r\n"), (ImapCore, b"a STARTTLS\r\n")],
)
def test_nothing_is_said_in_clear_into_a_handshake(kind: type, ask: bytes) -> None:
    core: Core = kind(MemoryStore(), Settings(), Surroundings())
    core.connected(0.0)
    core.receive(ask, 0.0)
    assert not [action for action in core.going_down(0.0) if isinstance(action, Send)]
