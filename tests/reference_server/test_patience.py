"""What a session may do wrong before it is ended, and how much it is answered at once."""

from __future__ import annotations

import base64
import zlib

from reference_server.core import MAX_OUTPUT_AT_ONCE_OCTETS, Close, Core, Send, Settings, Surroundings
from reference_server.imap.core import ImapCore
from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import State as Pop3State
from reference_server.smtp.core import SmtpCore
from reference_server.stores.memory import MemoryStore

FEW = Settings(allow_cleartext=True, max_bad_commands=3, max_failed_log_ins=2)
WRONG = base64.b64encode(b"\0alice\0wrong")


def said(core: Core, octets: bytes) -> bytes:
    """What comes back for octets, `<Close>` at the end if that is all."""
    return b"".join(
        action.octets if isinstance(action, Send) else b"<Close>" if isinstance(action, Close) else b"?"
        for action in core.receive(octets, 0.0)
    )


def smtp(settings: Settings = FEW) -> SmtpCore:
    core = SmtpCore(MemoryStore(), settings, Surroundings())
    core.connected(0.0)
    said(core, b"EHLO client.example\r\n")
    return core


def imap() -> ImapCore:
    core = ImapCore(MemoryStore(), FEW, Surroundings())
    core.connected(0.0)
    return core


def pop3(settings: Settings = FEW, *texts: bytes) -> Pop3Core:
    store = MemoryStore()
    for text in texts:
        store.accounts[0].boxes()[0].append(text)
    core = Pop3Core(store, settings, Surroundings())
    core.connected(0.0)
    return core


def test_smtp_answers_421_after_too_many_mistakes_in_a_row() -> None:
    core = smtp()
    assert said(core, b"XYZZY\r\n" * 4).count(b"500 ") == 4
    assert said(core, b"NOOP\r\nNOOP\r\n") == b"421 4.7.0 mail.example.test too many errors\r\n<Close>"


def test_smtp_counts_mistakes_alike_however_the_commands_come() -> None:
    core = smtp()
    wrong = [b"RCPT TO:<>\r\n", b"XYZZY\r\n", b"DATA\r\n"]
    for line in [*wrong, b"NOOP\r\n", *wrong, b"RSET\r\n", *wrong, b"MAIL\r\n"]:
        assert b"421" not in said(core, line)
    assert said(core, b"NOOP\r\n") == b"421 4.7.0 mail.example.test too many errors\r\n<Close>"


def test_smtp_forgives_mistakes_among_what_is_right_and_what_was_its_own_trouble() -> None:
    core = smtp()
    assert b"421" not in said(core, (b"XYZZY\r\n" * 3 + b"NOOP\r\n") * 5)
    crowded = smtp(Settings(max_bad_commands=0, max_recipients=0))
    transaction = said(crowded, b"MAIL FROM:<>\r\n" + b"RCPT TO:<alice@example.test>\r\n" * 3)
    assert transaction.count(b"452 ") == 3
    assert b"421" not in transaction


def test_smtp_lets_who_had_enough_errors_say_goodbye() -> None:
    core = smtp()
    said(core, b"XYZZY\r\n" * 9)
    core = smtp()
    assert said(core, b"XYZZY\r\n" * 4 + b"QUIT\r\n").endswith(b"221 2.0.0 mail.example.test closing\r\n<Close>")


def test_pop3_refuses_after_too_many_mistakes_and_removes_nothing() -> None:
    core = pop3(FEW, b"x\r\n")
    said(core, b"USER alice\r\nPASS secret\r\nDELE 1\r\n")
    assert said(core, b"LIST 7\r\n" * 4).count(b"-ERR ") == 4
    assert said(core, b"NOOP\r\nQUIT\r\n") == b"-ERR [SYS/TEMP] too many errors\r\n<Close>"
    store = core.store
    assert isinstance(store, MemoryStore)
    inbox = store.accounts[0].boxes()[0]
    assert len(inbox.messages) == 1
    assert inbox.lock()


def test_pop3_forgives_mistakes_among_what_is_right_and_lets_quit_be_quit() -> None:
    core = pop3()
    assert b"SYS/TEMP" not in said(core, (b"XYZZY\r\n" * 3 + b"CAPA\r\n") * 5)
    assert said(core, b"XYZZY\r\n" * 4 + b"QUIT\r\n").endswith(b"+OK bye\r\n<Close>")


def test_how_often_one_may_guess_is_a_setting() -> None:
    guess = b"AUTH PLAIN " + WRONG + b"\r\n"
    assert said(smtp(), guess * 3).endswith(b"<Close>")
    assert said(pop3(), guess * 3).endswith(b"<Close>")
    assert b"<Close>" not in said(smtp(), guess * 2) + said(pop3(), guess * 2)


def test_a_refused_token_counts_even_if_the_client_cancels_then() -> None:
    wrong = base64.b64encode(b"n,,\1auth=Bearer wrong\1\1")
    guess = b"AUTH OAUTHBEARER " + wrong + b"\r\n*\r\n"
    assert said(smtp(), guess * 3).endswith(b"421 4.7.0 mail.example.test closing: too many failed log-ins\r\n<Close>")
    assert said(pop3(), guess * 3).endswith(b"<Close>")
    assert b"too many failed log-ins" in said(imap(), guess.replace(b"AUTH ", b"a AUTHENTICATE ") * 3)


def test_a_refused_token_counts_once_and_is_answered_like_a_wrong_password() -> None:
    wrong = base64.b64encode(b"n,,\1auth=Bearer wrong\1\1")
    guess = b"AUTH OAUTHBEARER " + wrong + b"\r\nAQ==\r\n"
    core, drop, box = smtp(), pop3(), imap()
    assert said(core, guess).endswith(b"535 5.7.8 authentication failed\r\n")
    assert said(drop, guess).endswith(b"-ERR [AUTH] authentication failed\r\n")
    assert b"a NO [AUTHENTICATIONFAILED] " in said(box, guess.replace(b"AUTH ", b"a AUTHENTICATE "))
    assert core.failed_log_ins == drop.failed_log_ins == box.failed_log_ins == 1


def test_a_session_bears_three_failures_however_many_others_there_were_from_its_address() -> None:
    guess = b"AUTH PLAIN " + WRONG + b"\r\n"
    around = Surroundings(log_in_failed=lambda: True)
    cores: list[Core] = [
        SmtpCore(MemoryStore(), Settings(allow_cleartext=True), around),
        Pop3Core(MemoryStore(), Settings(allow_cleartext=True), around),
    ]
    for core in cores:
        core.connected(0.0)
        said(core, b"EHLO client.example\r\n")
        assert b"<Close>" not in said(core, guess * 2)
        assert said(core, guess).endswith(b"<Close>")


def test_a_handshake_that_nobody_waits_for_any_more_changes_nothing() -> None:
    for core, ask in ((smtp(Settings()), b"STARTTLS\r\n"), (pop3(Settings()), b"STLS\r\n")):
        assert core.tls_started(0.0) == []
        assert not core.tls
        core.receive(ask, 0.0)
        core.disconnected()
        assert core.tls_started(0.0) == []
        assert core.deadline is None


# Long answers come bit by bit.

BIG = b"x" * 998 + b"\r\n"
TEXT = b"Subject: big\r\n\r\n" + BIG * 300


def test_smtp_puts_off_commands_while_a_lot_waits_to_be_read() -> None:
    core = smtp(Settings())
    woken: list[str] = []
    core.request_wake = lambda: woken.append("please")
    count = 10_000
    portion = said(core, b"EHLO client.example\r\n" * count + b"QUIT\r\n")
    assert MAX_OUTPUT_AT_ONCE_OCTETS <= len(portion) < MAX_OUTPUT_AT_ONCE_OCTETS + 1000
    assert core.busy
    assert woken == ["please"]
    while core.busy:
        actions = core.wake(0.0)
        sent = b"".join(action.octets for action in actions if isinstance(action, Send))
        assert len(sent) < MAX_OUTPUT_AT_ONCE_OCTETS + 1000
        portion += sent
    assert portion.count(b"250-mail.example.test greets client.example\r\n") == count
    assert portion.endswith(b"221 2.0.0 mail.example.test closing\r\n")
    assert actions[-1] == Close()
    assert core.wake(0.0) == []


def test_smtp_forgets_what_was_put_off_when_the_connection_is_gone() -> None:
    core = smtp(Settings())
    said(core, b"EHLO client.example\r\n" * 10_000)
    assert core.busy
    core.disconnected()
    assert core.wake(0.0) == []


def test_pop3_puts_off_commands_while_a_lot_waits_to_be_read() -> None:
    core = pop3(Settings(allow_cleartext=True), TEXT)
    woken: list[str] = []
    core.request_wake = lambda: woken.append("please")
    said(core, b"USER alice\r\nPASS secret\r\n")
    portion = said(core, b"RETR 1\r\n" * 10)
    assert MAX_OUTPUT_AT_ONCE_OCTETS <= len(portion) < MAX_OUTPUT_AT_ONCE_OCTETS + 2 * len(TEXT)
    assert core.busy
    assert woken == ["please"]
    answers = portion.count(b"+OK ")
    while core.busy:
        actions = core.wake(0.0)
        answers += sum(action.octets.count(b"+OK ") for action in actions if isinstance(action, Send))
    assert answers == 10
    assert core.wake(0.0) == []


def test_pop3_forgets_what_was_put_off_when_the_connection_is_gone() -> None:
    core = pop3(Settings(allow_cleartext=True), TEXT)
    said(core, b"USER alice\r\nPASS secret\r\n" + b"RETR 1\r\n" * 10)
    assert core.busy
    core.disconnected()
    assert core.wake(0.0) == []
    assert core.state is Pop3State.CLOSED


def test_imap_puts_off_commands_while_a_lot_waits_to_be_read() -> None:
    store = MemoryStore()
    store.accounts[0].boxes()[0].append(TEXT)
    core = ImapCore(store, Settings(allow_cleartext=True), Surroundings())
    woken: list[str] = []
    core.request_wake = lambda: woken.append("please")
    core.connected(0.0)
    portion = said(
        core, b"a LOGIN alice secret\r\nb SELECT INBOX\r\n" + b"c FETCH 1 BODY.PEEK[]\r\n" * 10 + b"d LOGOUT\r\n"
    )
    assert MAX_OUTPUT_AT_ONCE_OCTETS <= len(portion) < MAX_OUTPUT_AT_ONCE_OCTETS + 2 * len(TEXT)
    assert core.busy
    assert woken
    rest: list[object] = []
    while core.busy:
        rest += core.wake(0.0)
    everything = portion + b"".join(action.octets for action in rest if isinstance(action, Send))
    assert everything.count(b"c OK ") == 10
    assert everything.endswith(b"d OK LOGOUT completed\r\n")
    assert rest[-1] == Close()


def test_imap_compression_goes_on_where_it_was_put_off() -> None:
    store = MemoryStore()
    store.accounts[0].boxes()[0].append(TEXT)
    core = ImapCore(store, Settings(allow_cleartext=True), Surroundings())
    core.connected(0.0)
    said(core, b"a LOGIN alice secret\r\nb SELECT INBOX\r\nc COMPRESS DEFLATE\r\n")
    packed = zlib.compressobj(wbits=-15)
    commands = packed.compress(b"d FETCH 1 BODY.PEEK[]\r\n" * 20000 + b"e LOGOUT\r\n") + packed.flush()
    unpacking = zlib.decompressobj(-15)
    sent = [core.receive(commands[:200], 0.0)]
    for _ in range(3):
        assert core.busy
        sent.append(core.wake(0.0))
    plain = [
        unpacking.decompress(b"".join(action.octets for action in actions if isinstance(action, Send)))
        for actions in sent
    ]
    assert all(len(portion) < MAX_OUTPUT_AT_ONCE_OCTETS + 2 * len(TEXT) for portion in plain)
    assert all(b"d OK " in portion for portion in plain)
