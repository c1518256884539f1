"""The POP3 core, driven through dialogues without a socket (RFC 1939, RFC 2449, RFC 2595, RFC 5034)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar

import pytest

from reference_server.accounts import Directory
from reference_server.core import Close, Send, Settings, StartTls, Surroundings
from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import State
from reference_server.sasl import Exchange
from reference_server.stores import Mailbox, StoreFailedError
from reference_server.stores.memory import MemoryStore

MESSAGES = (b"Subject: a\r\n\r\none\r\n.two\r\n..\r\nthree\r\n", b"Subject: b\r\n\r\nx\r\n")


def inbox(store: MemoryStore, user: str = "alice") -> Mailbox:
    account = store.account(f"{user}@example.test")
    assert account is not None
    box = account.mailbox("INBOX")
    assert box is not None
    return box


def filled(*messages: bytes) -> MemoryStore:
    store = MemoryStore(first_uid_validity=7)
    for message in messages or MESSAGES:
        inbox(store).append(message)
    return store


def made(store: MemoryStore | None = None, *, tls: bool = True, tls_available: bool = True) -> Pop3Core:
    core = Pop3Core(store or filled(), Settings(unique=lambda: "1"), Surroundings(tls=tls, tls_available=tls_available))
    assert core.connected(0.0) == [Send(b"+OK POP3 ready <1@mail.example.test>\r\n")]
    return core


def said(core: Pop3Core, octets: bytes) -> bytes:
    return b"".join(action.octets for action in core.receive(octets, 1.0) if isinstance(action, Send))


def logged_in(store: MemoryStore | None = None) -> Pop3Core:
    core = made(store)
    assert said(core, b"USER alice\r\nPASS secret\r\n") == b"+OK send PASS\r\n+OK maildrop locked and ready\r\n"
    return core


@pytest.mark.parametrize(
    ("command", "response"),
    [
        (b"STAT", b"+OK 2 53\r\n"),
        (b"stat", b"+OK 2 53\r\n"),
        (b"LIST", b"+OK scan listing follows\r\n1 36\r\n2 17\r\n.\r\n"),
        (b"LIST 2", b"+OK 2 17\r\n"),
        (b"UIDL", b"+OK unique-id listing follows\r\n1 7.1\r\n2 7.2\r\n.\r\n"),
        (b"UIDL 1", b"+OK 1 7.1\r\n"),
        (b"RETR 1", b"+OK 36 octets\r\nSubject: a\r\n\r\none\r\n..two\r\n...\r\nthree\r\n.\r\n"),
        (b"TOP 1 0", b"+OK top of message follows\r\nSubject: a\r\n\r\n.\r\n"),
        (b"TOP 1 2", b"+OK top of message follows\r\nSubject: a\r\n\r\none\r\n..two\r\n.\r\n"),
        (b"TOP 2 999", b"+OK top of message follows\r\nSubject: b\r\n\r\nx\r\n.\r\n"),
        (b"NOOP", b"+OK still here\r\n"),
        (b"DELE 1", b"+OK message marked as deleted\r\n"),
        (b"RSET", b"+OK no message is marked as deleted\r\n"),
    ],
)
def test_a_command_of_the_transaction_state_is_answered(command: bytes, response: bytes) -> None:
    assert said(logged_in(), command + b"\r\n") == response


@pytest.mark.parametrize(
    "command",
    [b"LIST 0", b"LIST 3", b"LIST -1", b"LIST +1", b"LIST 1 2", b"LIST x", b"LIST 1234567890", b"UIDL 3", b"RETR",
     b"RETR 3", b"RETR 01", b"DELE", b"DELE 3", b"TOP", b"TOP 1", b"TOP 1 -1", b"TOP 3 1", b"TOP 1 1 1", b"STAT 1",
     b"NOOP x", b"RSET x", b"QUIT x", b"CAPA x", b"RETR ", b"LIST  1", b"FOO", b"", b" ", b"USER alice", b"PASS x",
     b"APOP alice x", b"AUTH PLAIN", b"STLS", b"RETR\t1", b"ST\0AT", b"RETR \xb9", b"RETR 1\nDELE 1"],
)  # fmt: skip
def test_a_command_that_cannot_be_obeyed_gets_err_and_changes_nothing(command: bytes) -> None:
    core = logged_in()
    response = said(core, command + b"\r\n")
    assert response.startswith(b"-ERR ")
    assert response.count(b"\r\n") == 1
    assert said(core, b"STAT\r\n") == b"+OK 2 53\r\n"


@pytest.mark.parametrize("command", [b"STAT", b"LIST", b"RETR 1", b"DELE 1", b"NOOP", b"RSET", b"TOP 1 1", b"UIDL"])
def test_nothing_of_the_maildrop_is_told_before_the_log_in(command: bytes) -> None:
    assert said(made(), command + b"\r\n").startswith(b"-ERR ")


def test_deleted_messages_are_gone_from_every_answer_and_numbers_stay() -> None:
    core = logged_in()
    said(core, b"DELE 1\r\n")
    assert said(core, b"STAT\r\nLIST\r\nUIDL\r\n") == (
        b"+OK 1 17\r\n+OK scan listing follows\r\n2 17\r\n.\r\n+OK unique-id listing follows\r\n2 7.2\r\n.\r\n"
    )
    for command in (b"LIST 1", b"UIDL 1", b"RETR 1", b"TOP 1 0", b"DELE 1"):
        assert said(core, command + b"\r\n").startswith(b"-ERR ")
    said(core, b"RSET\r\n")
    assert said(core, b"STAT\r\n") == b"+OK 2 53\r\n"


def test_only_quit_removes_what_is_marked() -> None:
    store = filled()
    core = logged_in(store)
    assert core.receive(b"DELE 1\r\nQUIT\r\nSTAT\r\n", 0.0) == [
        Send(b"+OK message marked as deleted\r\n+OK bye\r\n"),
        Close(),
    ]
    assert [message.uid for message in inbox(store).messages] == [2]
    assert inbox(store).lock()


def test_a_lost_connection_removes_nothing_and_frees_the_maildrop() -> None:
    store = filled()
    core = logged_in(store)
    said(core, b"DELE 1\r\nhalf a comm")
    core.disconnected()
    assert len(inbox(store).messages) == 2
    assert inbox(store).lock()
    assert core.receive(b"STAT\r\n", 0.0) == []


def test_a_connection_lost_before_the_log_in_holds_nothing() -> None:
    store = filled()
    core = made(store)
    core.disconnected()
    assert core.deadline is None
    assert inbox(store).lock()


def test_silence_closes_without_a_word_after_ten_minutes_and_removes_nothing() -> None:
    store = filled()
    core = logged_in(store)
    said(core, b"DELE 1\r\n")
    assert core.deadline == 601.0
    assert core.timer(600.9) == []
    assert core.timer(601.0) == [Close()]
    assert core.timer(9999.0) == []
    assert len(inbox(store).messages) == 2
    assert inbox(store).lock()


def test_one_session_has_the_maildrop() -> None:
    store = filled()
    first, second = logged_in(store), made(store)
    assert said(second, b"USER alice\r\nPASS secret\r\n").endswith(
        b"-ERR [IN-USE] another session has the maildrop\r\n"
    )
    assert said(second, b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n").startswith(b"-ERR [IN-USE]")
    said(first, b"QUIT\r\n")
    assert said(second, b"USER alice\r\nPASS secret\r\n").endswith(b"+OK maildrop locked and ready\r\n")


def test_what_arrives_during_a_session_waits_for_the_next() -> None:
    store = filled()
    core = logged_in(store)
    inbox(store).append(b"new\r\n")
    core.request_wake()
    assert core.wake(0.0) == []
    assert said(core, b"STAT\r\n") == b"+OK 2 53\r\n"


@pytest.mark.parametrize(
    ("stored", "octets", "wire"),
    [
        (b"", 0, b""),
        (b"x", 3, b"x\r\n"),
        (b".", 3, b"..\r\n"),
        (b"a\n.b\n", 7, b"a\r\n..b\r\n"),
        (b"a\r\n.\r\nb", 9, b"a\r\n..\r\nb\r\n"),
        (b"a\rb\r\n", 5, b"a\rb\r\n"),
        (b"\r\n", 2, b"\r\n"),
        (b"\xff\0\r\n", 4, b"\xff\0\r\n"),
    ],
)
def test_sizes_are_what_retr_sends_whatever_is_stored(stored: bytes, octets: int, wire: bytes) -> None:
    core = logged_in(filled(stored))
    assert said(core, b"LIST 1\r\n") == b"+OK 1 %d\r\n" % octets
    assert said(core, b"RETR 1\r\n") == b"+OK %d octets\r\n" % octets + wire + b".\r\n"


@pytest.mark.parametrize(
    ("stored", "lines", "wire"),
    [
        (b"a: b\r\n\r\n1\r\n2\r\n", 1, b"a: b\r\n\r\n1\r\n"),
        (b"a: b\r\n\r\n1\r\n2\r\n", 2, b"a: b\r\n\r\n1\r\n2\r\n"),
        (b"a: b\r\n\r\n1\r\n2\r\n", 3, b"a: b\r\n\r\n1\r\n2\r\n"),
        (b"a: b\r\n", 1, b"a: b\r\n"),
        (b"\r\n1\r\n\r\n2\r\n", 1, b"\r\n1\r\n"),
        (b"a: b\n\n1\n2", 1, b"a: b\r\n\r\n1\r\n"),
    ],
)
def test_top_sends_the_header_and_so_many_lines(stored: bytes, lines: int, wire: bytes) -> None:
    assert said(logged_in(filled(stored)), b"TOP 1 %d\r\n" % lines).partition(b"\r\n")[2] == wire + b".\r\n"


def test_pass_comes_right_after_user_or_not_at_all() -> None:
    core = made()
    assert said(core, b"PASS secret\r\n").startswith(b"-ERR ")
    for between in (b"CAPA\r\n", b"FOO\r\n", b"NOOP\r\n"):
        said(core, b"USER alice\r\n" + between)
        assert said(core, b"PASS secret\r\n").startswith(b"-ERR ")
    said(core, b"USER bob\r\nUSER alice\r\n")
    assert said(core, b"PASS secret\r\n").startswith(b"+OK ")


def test_a_wrong_password_sends_back_to_user_and_says_the_same_as_a_wrong_name() -> None:
    core = made()
    wrong = [said(core, b"USER " + name + b"\r\nPASS" + word + b"\r\n") for name, word in
             [(b"alice", b" guess"), (b"carol", b" secret"), (b"alice", b""), (b"alice", b" ")]]  # fmt: skip
    assert set(wrong) == {b"+OK send PASS\r\n-ERR [AUTH] authentication failed\r\n"}
    assert said(core, b"PASS secret\r\n").startswith(b"-ERR ")
    assert said(core, b"USER\r\n").startswith(b"-ERR ")


def test_a_password_may_hold_spaces() -> None:
    core = made(MemoryStore({"alice@example.test": " two  words "}))
    assert said(core, b"USER alice\r\nPASS  two  words \r\n").endswith(b"+OK maildrop locked and ready\r\n")


def test_passwords_are_not_taken_in_clear() -> None:
    core = made(tls=False)
    assert said(core, b"USER alice\r\n").startswith(b"-ERR ")
    assert said(core, b"AUTH PLAIN\r\n").startswith(b"-ERR ")
    offered = said(core, b"CAPA\r\n").split(b"\r\n")
    assert b"STLS" in offered
    assert b"USER" not in offered
    assert b"SASL SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5" in offered


def test_a_server_without_mechanisms_lists_no_sasl() -> None:
    class WithoutMechanisms(Pop3Core):
        sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = {}

    assert b"SASL" not in said(WithoutMechanisms(filled(), Settings(), Surroundings(tls=True)), b"CAPA\r\n")


def test_capabilities_are_listed_in_both_states() -> None:
    core = made()
    before = said(core, b"CAPA\r\n")
    assert before == (
        b"+OK capability list follows\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n"
        b"UTF8 USER\r\nLANG\r\nLOGIN-DELAY 0\r\nUSER\r\n"
        b"SASL SCRAM-SHA-256 SCRAM-SHA-1 OAUTHBEARER XOAUTH2 PLAIN LOGIN CRAM-MD5\r\n"
        b"IMPLEMENTATION mailspec\r\n.\r\n"
    )
    said(core, b"USER alice\r\nPASS secret\r\n")
    assert said(core, b"CAPA\r\n") == before


def apop(password: bytes) -> bytes:
    digest = hashlib.md5(b"<1@mail.example.test>" + password, usedforsecurity=False).hexdigest()
    return b"APOP alice " + digest.encode() + b"\r\n"


def test_apop_needs_no_tls_and_may_be_tried_again() -> None:
    core = made(tls=False)
    assert said(core, apop(b"guess")).startswith(b"-ERR [AUTH]")
    for bad in (b"APOP\r\n", b"APOP alice\r\n", b"APOP  x\r\n", b"APOP alice \r\n"):
        assert said(core, bad).startswith(b"-ERR ")
    assert said(core, apop(b"secret")).startswith(b"+OK ")


def test_without_shared_secrets_there_is_no_apop() -> None:
    core = Pop3Core(MemoryStore(Directory(shared_secrets=False)), Settings(), Surroundings())
    assert core.connected(0.0) == [Send(b"+OK mail.example.test POP3 ready\r\n")]
    assert said(core, b"APOP alice x\r\n").startswith(b"-ERR ")


EXCHANGES = {
    "PLAIN at once": ([b"AUTH PLAIN AGFsaWNlAHNlY3JldA=="], [b"+OK "]),
    "PLAIN in two steps": ([b"auth plain", b"AGFsaWNlAHNlY3JldA=="], [b"+ \r\n", b"+OK "]),
    "LOGIN": ([b"AUTH LOGIN", b"YWxpY2U=", b"c2VjcmV0"], [b"+ VXNlcm5hbWU6\r\n", b"+ UGFzc3dvcmQ6\r\n", b"+OK "]),
    "wrong": ([b"AUTH PLAIN AGFsaWNlAGd1ZXNz"], [b"-ERR [AUTH] "]),
    "for another": ([b"AUTH PLAIN Ym9iAGFsaWNlAHNlY3JldA=="], [b"-ERR not authorised"]),
    "cancelled": ([b"AUTH PLAIN", b"*"], [b"+ ", b"-ERR authentication cancelled"]),
    "not base64": ([b"AUTH PLAIN", b"AGFsaWNlAHNlY3JldA"], [b"+ ", b"-ERR not base64"]),
    "empty": ([b"AUTH PLAIN ="], [b"-ERR response"]),
    "too long": ([b"AUTH PLAIN", b"x" * 12_287], [b"+ ", b"-ERR line too long"]),
    "much too long": ([b"AUTH PLAIN", b"x" * 50_000], [b"+ ", b"-ERR line too long"]),
    "no mechanism": ([b"AUTH"], [b"-ERR "]),
    "unknown mechanism": ([b"AUTH DIGEST-MD5"], [b"-ERR "]),
    "too many words": ([b"AUTH PLAIN a b"], [b"-ERR "]),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_exchange_ends_as_the_rfc_says(name: str) -> None:
    core = made()
    lines, responses = EXCHANGES[name]
    for line, start in zip(lines, responses, strict=True):
        assert said(core, line + b"\r\n").startswith(start)
    logged = responses[-1].startswith(b"+OK")
    assert core.state is (State.TRANSACTION if logged else State.AUTHORIZATION)
    assert said(core, b"STAT\r\n").startswith(b"+OK" if logged else b"-ERR")


@pytest.mark.parametrize(
    "attempt",
    [
        b"USER alice\r\nPASS guess",
        b"APOP alice x",
        b"AUTH PLAIN AGFsaWNlAGd1ZXNz",
        b"AUTH PLAIN Ym9iAGFsaWNlAHNlY3JldA==",
    ],
)
def test_who_guesses_too_often_is_hung_up_on(attempt: bytes) -> None:
    core = made()
    said(core, (attempt + b"\r\n") * Settings.max_failed_log_ins)
    assert core.state is State.AUTHORIZATION
    assert core.receive((attempt + b"\r\n") * 2, 1.0)[-1] == Close()
    assert core.receive(b"CAPA\r\n", 1.0) == []


def test_stls_forgets_the_name_and_drops_what_was_pipelined() -> None:
    core = Pop3Core(filled(), Settings(allow_cleartext=True), Surroundings())
    core.connected(0.0)
    said(core, b"USER alice\r\n")
    assert core.receive(b"STLS\r\nCAPA\r\nhalf", 0.0) == [Send(b"+OK begin TLS negotiation\r\n"), StartTls()]
    assert core.receive(b"CAPA\r\n", 0.0) == []
    assert core.tls_started(0.0) == []
    assert said(core, b"PASS secret\r\n").startswith(b"-ERR ")
    assert b"STLS" not in said(core, b"CAPA\r\n")
    assert said(core, b"STLS\r\n") == b"-ERR TLS is active already\r\n"
    assert said(core, b"USER alice\r\nPASS secret\r\n").endswith(b"ready\r\n")


def test_stls_is_not_there_without_a_certificate() -> None:
    core = made(tls=False, tls_available=False)
    assert said(core, b"STLS\r\n") == b"-ERR TLS is not offered here\r\n"
    assert b"STLS" not in said(core, b"CAPA\r\n")


@pytest.mark.parametrize(("octets", "start"), [(255, b"+OK"), (256, b"-ERR line too long")])
def test_a_command_line_has_255_octets_at_most(octets: int, start: bytes) -> None:
    line = b"USER " + b"x" * (octets - 7) + b"\r\n"
    assert len(line) == octets
    assert said(made(), line).startswith(start)


def test_the_rest_of_an_over_long_line_is_never_run() -> None:
    core = made()
    assert said(core, b"x" * 3000) == b""
    assert said(core, b"y" * 3000 + b"\r\nQUIT\r\n") == b"-ERR line too long\r\n+OK bye\r\n"


def test_unique_ids_are_the_same_in_the_next_session_and_never_come_back() -> None:
    store = filled()
    first = logged_in(store)
    said(first, b"DELE 2\r\nQUIT\r\n")
    inbox(store).append(b"new\r\n")
    assert said(logged_in(store), b"UIDL\r\n") == b"+OK unique-id listing follows\r\n1 7.1\r\n2 7.3\r\n.\r\n"


def test_an_account_without_an_inbox_has_no_maildrop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference_server.stores.memory.MemoryAccount.mailbox", lambda _self, _name: None)
    core = Pop3Core(MemoryStore(), Settings(), Surroundings(tls=True))
    assert said(core, b"USER alice\r\nPASS secret\r\n").endswith(b"-ERR [SYS/PERM] no maildrop\r\n")


def test_what_the_store_cannot_remove_is_said_and_the_lock_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: object, _uids: object) -> None:
        raise StoreFailedError("the disk is full")

    store = filled()
    core = logged_in(store)
    with monkeypatch.context() as patch:
        patch.setattr("reference_server.stores.mailbox.MemoryMailbox.expunge", fail)
        said_last = core.receive(b"DELE 1\r\nQUIT\r\n", 1.0)
    assert said_last == [
        Send(b"+OK message marked as deleted\r\n-ERR [SYS/TEMP] some deleted messages were not removed\r\n"),
        Close(),
    ]
    assert said(logged_in(store), b"STAT\r\n") == b"+OK 2 53\r\n"


# -- UTF8 and LANG (RFC 6856), LOGIN-DELAY (RFC 2449 §6.5) -----------------------------------------------------------

INTERNATIONAL = ("Subject: grün\r\n\r\nx\r\n".encode(), "Subject: a\r\n\r\ngrün\r\n".encode(), b"Subject: \xff\r\n\r\n")


@pytest.mark.parametrize("command", [b"RETR 1", b"TOP 1 0"])
def test_a_header_in_utf_8_is_shown_in_utf_8_mode_alone(command: bytes) -> None:
    core = logged_in(filled(*INTERNATIONAL))
    assert said(core, command + b"\r\n") == b"-ERR [UTF8] the message has a header in UTF-8\r\n"
    core = made(filled(*INTERNATIONAL))
    assert said(core, b"UTF8\r\n").startswith(b"+OK ")
    said(core, b"USER alice\r\nPASS secret\r\n")
    assert "grün".encode() in said(core, command + b"\r\n")


@pytest.mark.parametrize("number", [2, 3])
def test_a_body_of_eight_bits_and_what_is_not_utf_8_need_no_mode(number: int) -> None:
    core = logged_in(filled(*INTERNATIONAL))
    assert INTERNATIONAL[number - 1] in said(core, b"RETR %d\r\n" % number)


def test_utf8_comes_before_the_log_in_and_after_stls() -> None:
    core = made(tls=False)
    assert said(core, b"UTF8 now\r\n").startswith(b"-ERR ")
    assert said(core, b"UTF8\r\nUTF8\r\n").count(b"+OK ") == 2
    assert said(core, b"STLS\r\n") == b"-ERR STLS goes before UTF8\r\n"
    assert said(logged_in(), b"UTF8\r\n").startswith(b"-ERR ")


def test_names_and_passwords_may_be_utf_8() -> None:
    store = MemoryStore({"jürgen@example.test": "pässword"})
    for core in (made(store), made(store)):
        assert said(core, "USER ju\u0308rgen\r\nPASS pässword\r\n".encode()).endswith(b"ready\r\n")
        said(core, b"QUIT\r\n")
    core = made(store)
    digest = hashlib.md5("<1@mail.example.test>pässword".encode(), usedforsecurity=False).hexdigest()
    assert said(core, f"APOP jürgen {digest}\r\n".encode()).startswith(b"+OK ")


@pytest.mark.parametrize("line", [b"USER \xff", b"PASS \xc3", "LIST ä".encode(), "ä".encode(), "USER ä\x07".encode()])
def test_what_is_not_utf_8_or_stands_elsewhere_is_refused(line: bytes) -> None:
    core = made()
    said(core, b"USER alice\r\n")
    assert said(core, line + b"\r\n") == b"-ERR invalid character\r\n"


def test_languages_are_listed_and_chosen_by_range() -> None:
    for core in (made(), logged_in()):
        assert said(core, b"LANG\r\n") == b"+OK language listing follows\r\nen English\r\n.\r\n"
        for wanted in (b"en", b"EN", b"*"):
            assert said(core, b"LANG " + wanted + b"\r\n").startswith(b"+OK en ")
        for wanted in (b"de", b"e", b"en-GB", b"en_GB", b"englishes", b"en fr"):
            assert said(core, b"LANG " + wanted + b"\r\n").startswith(b"-ERR ")


def test_a_user_has_to_stay_away_for_the_login_delay() -> None:
    store = filled()
    settings = Settings(pop3_login_delay_s=60)

    def at(now: float, user: bytes = b"alice") -> bytes:
        core = Pop3Core(store, settings, Surroundings(tls=True))
        core.connected(now)
        (answer,) = core.receive(b"USER " + user + b"\r\nPASS secret\r\nQUIT\r\n", now)[:1]
        assert isinstance(answer, Send)
        return answer.octets.split(b"\r\n")[1]

    assert at(100.0).startswith(b"+OK")
    assert at(159.9) == b"-ERR [LOGIN-DELAY] 60 seconds between log-ins"
    assert at(159.9, b"bob").startswith(b"+OK")
    assert at(160.0).startswith(b"+OK")
    core = Pop3Core(store, settings, Surroundings(tls=True))
    assert b"\r\nLOGIN-DELAY 60\r\n" in said(core, b"CAPA\r\n")
