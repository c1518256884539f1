"""The SMTP core, driven through dialogues without a socket (RFC 5321, RFC 3207, RFC 4954, RFC 6409)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import pytest

from reference_server.core import Close, Send, Settings, StartTls, Surroundings
from reference_server.sasl import Exchange
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State
from reference_server.stores.memory import MemoryStore


def core(
    *, settings: Settings | None = None, tls: bool = False, tls_available: bool = True, submission: bool = False
) -> SmtpCore:
    made = SmtpCore(
        MemoryStore({"alice@example.test": "secret", "bob@example.test": "secret", "o d@example.test": "secret"}),
        settings or Settings(),
        Surroundings(tls=tls, tls_available=tls_available, submission=submission),
    )
    assert made.connected(0.0) == [Send(b"220 mail.example.test ESMTP ready\r\n")]
    return made


def said(smtp: SmtpCore, octets: bytes) -> bytes:
    return b"".join(action.octets for action in smtp.receive(octets, 1.0) if isinstance(action, Send))


def play(smtp: SmtpCore, script: str) -> None:
    """`> line` is sent; each `< start` must begin the next reply line, `<< 250` all lines of a reply; none is left."""
    pending: list[bytes] = []
    for line in script.strip().splitlines():
        direction, _, text = line.strip().partition(" ")
        if direction == ">":
            assert not pending, f"unexpected {pending} before {text}"
            pending = said(smtp, text.encode() + b"\r\n").split(b"\r\n")[:-1]
            continue
        assert pending, f"no reply where {text} was expected"
        if direction == "<<":
            while pending[0].startswith(f"{text}-".encode()):
                pending.pop(0)
            assert pending.pop(0).startswith(f"{text} ".encode())
        else:
            assert pending[0].startswith(text.encode()), f"{pending[0]!r} where {text} was expected"
            pending.pop(0)
    assert not pending


def inbox(smtp: SmtpCore, user: str = "alice") -> list[bytes]:
    account = smtp.store.account(f"{user}@example.test")
    assert account is not None
    box = account.mailbox("INBOX")
    assert box is not None
    return [message.octets for message in box.messages]


DIALOGUES = {
    "a whole session": """
        > EHLO client.example
        < 250-mail.example.test greets client.example
        < 250-PIPELINING
        < 250-SIZE 10240000
        < 250-8BITMIME
        < 250-ENHANCEDSTATUSCODES
        < 250-SMTPUTF8
        < 250-VRFY
        < 250-EXPN
        < 250-HELP
        < 250-CHUNKING
        < 250-BINARYMIME
        < 250-DSN
        < 250-STARTTLS
        < 250 AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5
        > MAIL FROM:<sender@client.example>
        < 250 2.1.0
        > RCPT TO:<alice@example.test>
        < 250 2.1.5
        > DATA
        < 354
        > .
        < 250 2.0.0
        > QUIT
        < 221 2.0.0 mail.example.test
    """,
    "HELO offers no extension": """
        > HELO client.example
        < 250 mail.example.test
        > MAIL FROM:<> SIZE=1
        < 555 5.5.4
        > MAIL FROM:<>
        < 250 2.1.0
    """,
    "the greeting needs a domain or an address literal": """
        > EHLO
        < 501
        > EHLO under_score
        < 501
        > EHLO a b
        < 501
        > HELO [127.0.0.1]
        < 250 mail.example.test
        > HELO [IPv6:::1]
        < 250 mail.example.test
        > HELO [300.0.0.1]
        < 501
        > HELO [IPv6:x]
        < 501
        > HELO [x]
        < 501
    """,
    "a refused EHLO changes nothing (RFC 5321 4.1.4)": """
        > HELO client.example
        < 250
        > MAIL FROM:<>
        < 250
        > EHLO -bad-
        < 501
        > RCPT TO:<alice@example.test>
        < 250
    """,
    "a greeting ends the transaction (RFC 5321 4.1.4)": """
        > HELO client.example
        < 250
        > MAIL FROM:<>
        < 250
        > HELO client.example
        < 250
        > RCPT TO:<alice@example.test>
        < 503 5.5.1
    """,
    "commands out of order": """
        > MAIL FROM:<>
        < 503 5.5.1
        > RCPT TO:<alice@example.test>
        < 503
        > DATA
        < 503
        > AUTH PLAIN
        < 503
        > STARTTLS
        < 503
        > HELO client.example
        < 250
        > RCPT TO:<alice@example.test>
        < 503
        > DATA
        < 503
        > MAIL FROM:<>
        < 250
        > MAIL FROM:<>
        < 503
        > DATA
        < 503
        > AUTH PLAIN
        < 503
        > RCPT TO:<alice@example.test>
        < 250
        > MAIL FROM:<>
        < 503
    """,
    "RSET keeps the greeting and drops the transaction (RFC 5321 4.1.1.5)": """
        > RSET
        < 250 2.0.0
        > MAIL FROM:<>
        < 503
        > HELO client.example
        < 250
        > MAIL FROM:<>
        < 250
        > RCPT TO:<alice@example.test>
        < 250
        > RSET
        < 250
        > DATA
        < 503
        > RCPT TO:<alice@example.test>
        < 503
        > MAIL FROM:<>
        < 250
    """,
    "commands that need no greeting (RFC 5321 4.1.4)": """
        > NOOP
        < 250 2.0.0
        > noop with an argument
        < 250
        > HELP
        < 214-2.0.0
        < 214 2.0.0
        > HELP mail
        < 214 2.0.0 MAIL FROM:<sender>
        > HELP LHLO
        < 214-2.0.0 commands:
        < 214
        > HELP me
        < 214-2.0.0 commands:
        < 214
        > VRFY alice
        < 250 2.1.5 <alice@example.test>
        > VRFY <BOB@EXAMPLE.TEST>
        < 250 2.1.5 <bob@example.test>
        > VRFY carol
        < 550 5.1.1
        > VRFY alice@elsewhere.example
        < 550
        > VRFY Alice Smith
        < 550
        > VRFY (
        < 550
        > VRFY
        < 501
        > EXPN
        < 501
        > EXPN alice
        < 550 5.1.1 that is a user
        > EXPN list
        < 550 5.1.1 no such mailing list
        > VRFY alice SMTPUTF8
        < 550
        > EHLO x
        << 250
        > VRFY alice SMTPUTF8
        < 250
    """,
    "what is no command, or has an argument too many": """
        > FOO
        < 500 5.5.1
        > LHLO x
        < 500 5.5.1
        >
        < 500 5.5.1
        > RSET now
        < 501 5.5.4
        > QUIT now
        < 501 5.5.4
        > NOOP \x07
        < 501 5.5.2
        > NO\x00OP
        < 500 5.5.2
        > VRFY älice
        < 501 5.5.2
    """,
    "white space at the end is tolerated (RFC 5321 4.1.1)": "> RSET \t \n< 250",
    "verbs and keywords have no case (RFC 5321 2.4)": """
        > hElO client.example
        < 250
        > mail from:<>
        < 250
        > rcpt to:<Alice@Example.TEST>
        < 250
    """,
    "the path of MAIL": """
        > HELO x
        < 250
        > MAIL
        < 501
        > MAIL FROM <a@b>
        < 501
        > MAIL FROM: <a@b>
        < 501
        > MAIL FROM:a@b
        < 501
        > MAIL FROM:<a@b
        < 501
        > MAIL FROM:<"a@b>
        < 501
        > MAIL FROM:<a>
        < 501
        > MAIL FROM:<a@b>c
        < 501
        > MAIL FROM:<a..b@c>
        < 501
        > MAIL FROM:<Postmaster>
        < 501
        > MAIL FROM:<ä@b>
        < 501
        > MAIL FROM:<@relay.example,@other.example:"a\\" > b"@c.example>
        < 250
    """,
    "the parameters of MAIL": """
        > EHLO x
        << 250
        > MAIL FROM:<> SIZE=
        < 501
        > MAIL FROM:<> SIZE
        < 501
        > MAIL FROM:<> SIZE=1x
        < 501
        > MAIL FROM:<> SIZE=123456789012345678901
        < 501
        > MAIL FROM:<> SIZE=10240001
        < 552 5.3.4
        > MAIL FROM:<> SIZE=1 SIZE=1
        < 501
        > MAIL FROM:<>  SIZE=1
        < 501
        > MAIL FROM:<> BODY=9BIT
        < 501
        > MAIL FROM:<> BODY
        < 501
        > MAIL FROM:<> AUTH=
        < 501
        > MAIL FROM:<> AUTH=a+zz
        < 501
        > MAIL FROM:<> AUTH
        < 501
        > MAIL FROM:<> AUTH=nobody
        < 501
        > MAIL FROM:<> AUTH=+41@
        < 501
        > MAIL FROM:<> SMTPUTF8=yes
        < 555 5.5.4
        > MAIL FROM:<> FOO=bar
        < 555 5.5.4
        > MAIL FROM:<> =bar
        < 501
        > MAIL FROM:<a=b@c> size=10240000 body=8bitmime AUTH=<> SMTPUTF8
        < 250
        > RSET
        < 250
        > MAIL FROM:<e=mc2@example.com> AUTH=e+3Dmc2@example.com
        < 250
    """,
    "the path of RCPT (RFC 5321 4.1.1.3, 4.5.1, Appendix C)": """
        > HELO x
        < 250
        > MAIL FROM:<>
        < 250
        > RCPT TO:<>
        < 501
        > RCPT TO: <alice@example.test>
        < 501
        > RCPT TO:<alice@example.test> NOTIFY=NEVER
        < 555
        > RCPT TO:<carol@example.test>
        < 550 5.1.1
        > RCPT TO:<alice@elsewhere.example>
        < 550 5.7.1
        > RCPT TO:<alice@[127.0.0.1]>
        < 550 5.7.1
        > RCPT TO:<@relay.example:alice@example.test>
        < 250
        > RCPT TO:<"alice"@example.test>
        < 250
        > RCPT TO:<"\\a\\lice"@example.test>
        < 250
        > RCPT TO:<"o d"@example.test>
        < 250
        > RCPT TO:<pOSTMASTER>
        < 250
        > RCPT TO:<postMaster@Example.test>
        < 250
        > RCPT TO:<älice@example.test>
        < 501
    """,
    "UTF-8 in addresses only with SMTPUTF8 (RFC 6531 3.3)": """
        > EHLO x
        << 250
        > MAIL FROM:<ä@ö.example>
        < 501
        > MAIL FROM:<ä@ö.example> SMTPUTF8
        < 250
        > RCPT TO:<älice@example.test>
        < 550 5.1.1
        > NOOP ä
        < 501
    """,
    "AUTH needs TLS (RFC 4954 4)": """
        > HELO x
        < 250
        > AUTH PLAIN
        < 538 5.7.11
        > AUTH DIGEST-MD5
        < 504 5.5.4
        > AUTH
        < 501
        > AUTH PLAIN a b
        < 501
    """,
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_dialogue_goes_as_the_rfc_says(name: str) -> None:
    play(core(), DIALOGUES[name])


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        (b"<" + b"a" * 64 + b"@example.test>", True),
        (b"<" + b"a" * 65 + b"@example.test>", False),
        (b"<a@" + b"b" * 252 + b">", True),
        (b"<a@" + b"b" * 253 + b">", False),
        (b"<@" + b"r" * 240 + b":a@b>", True),
        (b"<a@b..c>", False),
        (b"<a@-b>", False),
        (b"<a@[IPv6:2001:db8::1]>", True),
        (b"<a@[IPv6:fe80::1%1]>", False),
        (b"<a@[1.2.3.256]>", False),
        (b'<""@b>', True),
        (b'<"\x01"@b>', False),
    ],
)
def test_paths_keep_the_limits_and_the_grammar(path: bytes, accepted: bool) -> None:
    smtp = core()
    said(smtp, b"HELO x\r\n")
    assert said(smtp, b"MAIL FROM:" + path + b"\r\n")[:3] == (b"250" if accepted else b"501")


def test_a_domain_beyond_its_limit_is_refused_even_in_a_short_enough_path() -> None:
    from reference_server.smtp.grammar import SyntaxProblem, parse_greeting

    assert parse_greeting(b"d" * 255) == "d" * 255
    with pytest.raises(SyntaxProblem):
        parse_greeting(b"d" * 256)


def test_invalid_utf8_in_an_address_is_refused() -> None:
    smtp = core()
    said(smtp, b"EHLO x\r\n")
    assert said(smtp, b"MAIL FROM:<\xff@b> SMTPUTF8\r\n").startswith(b"501")


@pytest.mark.parametrize(("octets", "code"), [(512, b"250"), (513, b"500")])
def test_a_command_line_has_512_octets_at_most(octets: int, code: bytes) -> None:
    line = b"NOOP " + b"x" * (octets - 7) + b"\r\n"
    assert len(line) == octets
    assert said(core(), line)[:3] == code


def test_lines_are_longer_by_what_the_offered_extensions_add() -> None:
    smtp = core(settings=Settings(allow_cleartext=True), tls=True)
    limits = {
        b"MAIL FROM:<> X=": 512 + 26 + 500 + 10 + 16 + 110 + 11,
        b"RCPT TO:<alice@example.test> X=": 512 + 530,
        b"VRFY ": 512,
    }
    for start in limits:
        assert said(smtp, start + b"x" * (513 - len(start) - 2) + b"\r\n") == b"500 5.5.2 line too long\r\n"
    said(smtp, b"EHLO x\r\n")
    for start, most in limits.items():
        said(smtp, b"MAIL FROM:<>\r\n" if start.startswith(b"RCPT") else b"RSET\r\n")
        assert not said(smtp, start + b"x" * (most - len(start) - 2) + b"\r\n").startswith(b"500")
        assert said(smtp, start + b"x" * (most - len(start) - 1) + b"\r\n") == b"500 5.5.2 line too long\r\n"
    said(smtp, b"HELO x\r\n")
    assert said(smtp, b"MAIL FROM:<> X=" + b"x" * 500 + b"\r\n") == b"500 5.5.2 line too long\r\n"


def test_the_rest_of_an_over_long_line_is_never_run() -> None:
    smtp = core()
    assert said(smtp, b"x" * 5000) == b""
    assert said(smtp, b"y" * 5000 + b"\r\nNOOP\r\n") == b"500 5.5.2 line too long\r\n250 2.0.0 ok\r\n"


@pytest.mark.parametrize("line", [b"NOOP\nNOOP\r\n", b"NOOP\rNOOP\r\n", b"NOOP\r\r\n", b"NOOP\0\r\n"])
def test_stray_line_ends_do_not_end_a_command(line: bytes) -> None:
    replies = said(core(), line)
    assert replies.count(b"\r\n") == 1
    assert replies[:1] == b"5"


def test_a_bare_lf_is_waited_upon() -> None:
    smtp = core()
    assert smtp.receive(b"NOOP\n", 0.0) == []
    assert said(smtp, b"\r\n")[:1] == b"5"


def test_recipients_above_the_limit_are_refused_and_the_others_kept() -> None:
    smtp = core(settings=Settings(max_recipients=100))
    said(smtp, b"HELO x\r\nMAIL FROM:<>\r\n")
    assert said(smtp, b"RCPT TO:<alice@example.test>\r\n" * 101).split(b"\r\n")[99:101] == [
        b"250 2.1.5 recipient ok",
        b"452 4.5.3 too many recipients",
    ]
    assert said(smtp, b"DATA\r\n\r\nx\r\n.\r\n").endswith(b"250 2.0.0 message accepted\r\n")
    assert len(inbox(smtp)) == 1


def test_quit_closes_and_nothing_after_it_is_run() -> None:
    smtp = core()
    assert smtp.receive(b"QUIT\r\nNOOP\r\n", 0.0) == [Send(b"221 2.0.0 mail.example.test closing\r\n"), Close()]
    assert smtp.receive(b"NOOP\r\n", 0.0) == []
    assert smtp.deadline is None
    assert smtp.timer(10_000.0) == []


def test_silence_closes_the_session_after_five_minutes_and_not_before() -> None:
    smtp = core()
    said(smtp, b"NOOP\r\n")
    assert smtp.deadline == 301.0
    assert smtp.timer(300.9) == []
    assert smtp.timer(301.0) == [Send(b"421 4.4.2 mail.example.test closing: timeout\r\n"), Close()]


def test_waking_a_session_changes_nothing() -> None:
    smtp = core()
    smtp.request_wake()
    assert smtp.wake(0.0) == []


def test_a_lost_connection_delivers_nothing() -> None:
    smtp = core()
    said(smtp, b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nhalf a mess")
    smtp.disconnected()
    assert inbox(smtp) == []
    assert smtp.receive(b"age\r\n.\r\n", 0.0) == []


def test_starttls_forgets_everything_and_drops_what_was_pipelined() -> None:
    smtp = core(settings=Settings(allow_cleartext=True))
    said(smtp, b"EHLO x\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nMAIL FROM:<>\r\n")
    assert smtp.account is not None
    assert smtp.receive(b"STARTTLS\r\nNOOP\r\nRSET\r\nhalf", 0.0) == [Send(b"220 2.0.0 go ahead\r\n"), StartTls()]
    assert smtp.receive(b"NOOP\r\n", 0.0) == []
    assert smtp.tls_started(0.0) == []
    assert smtp.account is None
    assert said(smtp, b"MAIL FROM:<>\r\n").startswith(b"503")
    extensions = said(smtp, b"EHLO x\r\n")
    assert b"STARTTLS" not in extensions
    assert b" PLAIN LOGIN " in extensions
    assert said(smtp, b"STARTTLS\r\n").startswith(b"503 5.5.1")


def test_starttls_takes_no_parameter_and_is_not_there_without_a_certificate() -> None:
    smtp = core(tls_available=False)
    assert b"STARTTLS" not in said(smtp, b"EHLO x\r\n")
    assert said(smtp, b"STARTTLS now\r\n").startswith(b"501")
    assert said(smtp, b"STARTTLS\r\n").startswith(b"502")


def test_submission_wants_a_log_in_before_mail() -> None:
    smtp = core(submission=True, tls=True)
    assert said(smtp, b"MAIL FROM:<>\r\n").startswith(b"530 5.7.0")
    assert said(smtp, b"NOOP\r\n").startswith(b"250")
    said(smtp, b"EHLO x\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n")
    assert said(smtp, b"MAIL FROM:<>\r\n").startswith(b"250")


def token(text: str) -> bytes:
    return base64.b64encode(text.encode())


AUTH_LINES = {
    "PLAIN at once": ([b"AUTH PLAIN " + token("\0alice\0secret")], [b"235 2.7.0"]),
    "PLAIN in two steps": ([b"auth plain", token("\0alice\0secret")], [b"334 \r\n", b"235"]),
    "PLAIN for oneself": ([b"AUTH PLAIN " + token("alice@example.test\0alice\0secret")], [b"235"]),
    "PLAIN for another": ([b"AUTH PLAIN " + token("bob\0alice\0secret")], [b"535 5.7.8"]),
    "PLAIN wrong": ([b"AUTH PLAIN " + token("\0alice\0guess")], [b"535 5.7.8"]),
    "PLAIN unknown": ([b"AUTH PLAIN " + token("\0carol\0secret")], [b"535 5.7.8"]),
    "LOGIN": ([b"AUTH LOGIN", token("alice"), token("secret")], [b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6", b"235"]),
    "LOGIN with a name": ([b"AUTH LOGIN " + token("alice"), token("secret")], [b"334", b"235"]),
    "cancelled": ([b"AUTH PLAIN", b"*"], [b"334", b"501 5.7.0"]),
    "not base64": ([b"AUTH PLAIN", b"AGFsaWNlAHNlY3JldA"], [b"334", b"501 5.5.2"]),
    "empty": ([b"AUTH PLAIN ="], [b"501 5.5.2"]),
    "too long": ([b"AUTH PLAIN", b"x" * 12_287], [b"334", b"500 5.5.6"]),
    "much too long": ([b"AUTH PLAIN", b"x" * 99_999], [b"334", b"500 5.5.6"]),
    "long, but not too long": ([b"AUTH PLAIN", token("\0alice\0" + "x" * 9000)], [b"334", b"535"]),
}


def test_who_guesses_too_often_is_hung_up_on() -> None:
    smtp = core(tls=True)
    said(smtp, b"EHLO x\r\n")
    attempt = b"AUTH PLAIN " + token("\0alice\0guess") + b"\r\n"
    assert said(smtp, attempt * Settings.max_failed_log_ins).count(b"535 ") == Settings.max_failed_log_ins
    assert smtp.receive(attempt * 2, 1.0) == [
        Send(b"421 4.7.0 mail.example.test closing: too many failed log-ins\r\n"),
        Close(),
    ]


@pytest.mark.parametrize("name", AUTH_LINES)
def test_an_exchange_ends_as_the_rfc_says(name: str) -> None:
    smtp = core(tls=True)
    said(smtp, b"EHLO x\r\n")
    lines, replies = AUTH_LINES[name]
    for line, start in zip(lines, replies, strict=True):
        assert said(smtp, line + b"\r\n").startswith(start)
    if replies[-1].startswith(b"235"):
        assert said(smtp, b"AUTH PLAIN\r\n").startswith(b"503")
    assert smtp.state is State.IDLE
    assert said(smtp, b"NOOP\r\n") == b"250 2.0.0 ok\r\n"


class WithoutMechanisms(SmtpCore):
    """Has no way to log in."""

    sasl_mechanisms: ClassVar[Mapping[str, type[Exchange]]] = MappingProxyType({})


def test_auth_is_not_spoken_of_where_there_is_no_mechanism() -> None:
    smtp = WithoutMechanisms(MemoryStore(), Settings(), Surroundings())
    smtp.connected(0.0)
    assert b"AUTH" not in said(smtp, b"EHLO x\r\n")
    assert said(smtp, b"AUTH PLAIN\r\n").startswith(b"504 5.5.4")


def test_a_mechanism_that_even_tls_does_not_make_possible_is_not_available() -> None:
    smtp = core(tls=True)
    said(smtp, b"EHLO x\r\n")
    assert said(smtp, b"AUTH EXTERNAL =\r\n").startswith(b"504 5.5.4")
