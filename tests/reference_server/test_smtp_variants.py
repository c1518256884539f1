"""Variants and lookalikes do what they say, and all but those that give no service carry a message from end to end."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reference_server.registry import VARIANTS
from reference_server.serving import load_faults_and_variants
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.session import State
from reference_server.stores.memory import MemoryStore
from tests.reference_server.smtp_dialogue import codes, fresh, inbox, play, said

load_faults_and_variants()

OURS = sorted(name for name, variant in VARIANTS.items() if variant.protocol in {"smtp", "lmtp"})
UNSERVING = {"smtp-gives-no-service", "smtp-accepts-no-mail"}
LOG_IN = b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"


def core(name: str, **more: Any) -> SmtpCore:
    """A session with that variant, after EHLO or LHLO, in TLS."""
    made = fresh(VARIANTS[name].core, tls=True, **more)
    said(made, b"LHLO client.example\r\n" if VARIANTS[name].protocol == "lmtp" else b"EHLO client.example\r\n")
    return made


@pytest.mark.parametrize("name", [name for name in OURS if name not in UNSERVING])
def test_a_variant_takes_a_message_and_answers_in_due_form(name: str) -> None:
    session = core(name)
    said(session, b"MAIL FROM:<a@client.example>\r\n")
    said(session, b"RCPT TO:<alice@example.test>\r\nRCPT TO:<alice@example.test>\r\n")
    assert said(session, b"DATA\r\n").startswith(b"354 ")
    assert said(session, b"Subject: x\r\n\r\nbody\r\n.\r\n").startswith(b"250")
    (message,) = inbox(session)
    assert message.startswith(b"Return-Path: <a@client.example>\r\n")
    assert message.endswith(b"body\r\n")
    replies = said(session, b"NOOP\r\nVRFY alice\r\nEXPN alice\r\nHELP\r\nVRFY carol\r\nRSET\r\nQUIT\r\n")
    assert all(re.fullmatch(rb"[2-5][0-9][0-9][ -][\x20-\x7e]*", line) for line in replies.split(b"\r\n")[:-1])
    assert session.state is State.CLOSED


@pytest.mark.parametrize(
    ("name", "greeting", "refusal"), [("gives-no-service", 554, 503), ("accepts-no-mail", 521, 521)]
)
def test_who_gives_no_service_says_so_until_the_client_leaves(name: str, greeting: int, refusal: int) -> None:
    session = fresh(VARIANTS[f"smtp-{name}"].core)
    assert session.greeting().startswith(b"%d mail.example.test " % greeting)
    replies = codes(session, b"EHLO client.example\r\nMAIL FROM:<>\r\nNONSENSE\r\nBDAT 3 LAST\r\nabcQUIT\r\n")
    assert replies == [*[f"{refusal} 5.5.1"] * 4, "221 2.0.0"]
    assert session.state is State.CLOSED


DIALOGUES = {
    "smtp-terse": "> RSET\n< 250 2.0.0 \n> VRFY alice\n< 250 2.1.5 <alice",
    "smtp-without-extensions": """
        > BDAT 3
        < 500
        > STARTTLS
        < 500
        > AUTH PLAIN
        < 500
        > MAIL FROM:<> SIZE=1
        < 555
        > MAIL FROM:<>
        < 250
        > RCPT TO:<alice@example.test> NOTIFY=NEVER
        < 555
        """,
    "smtp-discreet": "> VRFY alice\n< 252\n> EXPN carol\n< 252",
    "smtp-greylisting": """
        > MAIL FROM:<>
        < 250
        > RCPT TO:<carol@example.test>
        < 550
        > RCPT TO:<bob@example.test>
        < 450
        > RCPT TO:<bob@example.test>
        < 250
        """,
    "smtp-demands-tls": "> FOO\n< 500\n> MAIL FROM:<>\n< 250",
    "smtp-loses-patience": "> A\n< 500\n> B\n< 500\n> C\n< 500\n> D\n< 500\n> E\n< 500\n> F\n< 421",
    "smtp-declines-source-routes": """
        > RCPT TO:<@a.example:alice@example.test>
        < 503
        > MAIL FROM:<@a.example:b@c.example>
        < 250
        > RCPT TO:<@a.example:alice@example.test>
        < 550
        > RCPT TO:<alice@example.test>
        < 250
        """,
    "smtp-refuses-late": """
        > MAIL FROM:<>
        < 250
        > RCPT TO:<carol@example.test>
        < 550
        > DATA
        < 354
        > .
        < 554 5.5.1
        """,
    "smtp-catches-all": "> VRFY carol\n< 250 2.1.5 <alice",
    "smtp-starts-afresh-on-mail": "> MAIL FROM:<>\n< 250\n> MAIL FROM:<>\n< 250",
    "smtp-seven-bit": "> MAIL FROM:<> BODY=8BITMIME\n< 555\n> MAIL FROM:<> SIZE=1\n< 250",
    "smtp-goes-away-on-strange-text": """
        > MAIL FROM:<>
        < 250
        > RCPT TO:<alice@example.test>
        < 250
        > DATA
        < 354
        > a\x00b
        > .
        < 421
        """,
    "smtp-plain-only": """
        > AUTH LOGIN
        < 504
        > MAIL FROM:<>
        < 250
        > STARTTLS
        < 503
        """,
    "smtp-expands-users": "> EXPN alice\n< 250 2.1.5 Somebody <alice@example.test>\n> EXPN carol\n< 550",
    "smtp-keeps-addresses-in-ascii": """
        > MAIL FROM:<ä@b> SMTPUTF8
        < 550 5.6.7
        > MAIL FROM:<> SMTPUTF8
        < 250
        > RCPT TO:<ä@b>
        < 553 5.6.7
        > RCPT TO:<alice@example.test>
        < 250
        """,
    "smtp-shows-names-in-utf8": """
        > VRFY alice
        < 250 2.1.5 <alice@example.test>
        > VRFY alice SMTPUTF8
        < 250 2.1.5 Zoë Müller <alice@example.test>
        """,
    "smtp-wants-ascii-headers": """
        > MAIL FROM:<> SMTPUTF8
        < 250
        > RCPT TO:<alice@example.test>
        < 250
        > DATA
        < 354
        > Subject: ü
        >
        > ü
        > .
        < 554 5.6.9
        """,
    "smtp-wants-ascii-addresses": """
        > MAIL FROM:<ä@b>
        < 550 5.6.7
        > MAIL FROM:<>
        < 250
        > RCPT TO:<ä@b>
        < 553 5.6.7
        > NOOP ä
        < 501
        """,
    "smtp-postfix": """
        > VRFY alice
        < 252 2.0.0
        > VRFY carol
        < 550
        > DATA
        < 503
        > MAIL FROM:<>
        < 250 2.1.0 Ok
        > RCPT TO:<a@elsewhere.example>
        < 451 4.7.1 <a@elsewhere.example>: Relay access denied
        > RCPT TO:<carol@example.test>
        < 550 5.1.1 Recipient address rejected
        > DATA
        < 554 5.5.1
        > BDAT x
        < 421 4.7.0
        """,
    "smtp-exim": """
        > MAIL FROM:<> SMTPUTF8
        < 555 parameter
        > MAIL FROM:<ä@b> SMTPUTF8
        < 501
        > MAIL FROM:<> REQUIRETLS
        < 555
        > MAIL FROM:<> BODY=BINARYMIME
        < 501
        > MAIL FROM:<> SIZE=1
        < 250 OK
        > RCPT TO:<carol@example.test>
        < 550 Unrouteable address
        """,
    "smtp-sendmail": """
        > FOO bar
        < 500 5.5.1 Command unrecognized: "FOO bar"
        > FOO \x01
        < 500 5.5.2
        > MAIL FROM:
        < 501
        > MAIL FROM:<ä@b> SMTPUTF8
        < 250 2.1.0 <?@b>... Sender ok
        > MAIL FROM:<>
        < 503
        > RCPT TO:<alice@example.test>
        < 250 2.1.5 <alice@example.test>... Recipient ok
        > RCPT TO:<carol@example.test>
        < 550
        """,
    "smtp-qmail": """
        > MAIL FROM:<> SIZE=1
        < 555
        > MAIL FROM:<> BODY=8BITMIME
        < 250 ok
        > RCPT TO:<carol@example.test>
        < 250 ok
        > RCPT TO:<carol@elsewhere.example>
        < 550 sorry
        > HELO x
        < 250
        > MAIL FROM:<> BODY=7BIT
        < 555
        """,
    "smtp-courier": """
        > VRFY carol
        < 252
        > MAIL FROM:<>
        < 250
        > RCPT TO:<carol@example.test>
        < 550-5.1.1 This was refused:
        < 550 5.1.1 User unknown.
        """,
    "lmtp-dovecot": """
        > VRFY alice
        < 252
        > MAIL FROM:<>
        < 250
        > RCPT TO:<bob@example.test>
        < 250
        > BDAT 0 LAST
        < 250 2.0.0 <bob@example.test>
        """,
    "lmtp-cyrus": "> MAIL FROM:<>\n< 250\n> RCPT TO:<bob@example.test>\n< 250\n> BDAT 0 LAST\n< 250 2.1.5 Ok SESSIONID",
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_variant_has_the_habits_that_it_is_there_for(name: str) -> None:
    play(core(name), DIALOGUES[name])


def sent(session: SmtpCore, text: bytes, *, mail: bytes = b"") -> bytes:
    said(session, b"MAIL FROM:<alice@example.test>" + mail + b"\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
    return said(session, text + b".\r\n")


def stored(session: SmtpCore) -> bytes:
    (message,) = inbox(session, "bob@example.test")
    return message


def test_line_ends_are_normalised_only_in_what_is_stored() -> None:
    session = core("smtp-normalises-line-ends")
    assert sent(session, b"a\n.\n..b\rc\r\n..d\r\n").startswith(b"250")
    assert stored(session).endswith(b"\r\na\r\n.\r\n..b\r\nc\r\n.d\r\n")
    assert sent(session, b"a\0\r\n").startswith(b"554")


def test_submissions_are_completed_where_something_is_missing() -> None:
    session = core("smtp-completes-submissions", submission=True)
    said(session, LOG_IN)
    sent(session, b"Subject: x\r\n\r\nbody\r\n")
    date = b"Date: Tue, 03 Feb 2026 12:00:00 +0000\r\n"
    assert stored(session).endswith(
        b"\r\nMessage-ID: <id1@mail.example.test>\r\nSubject: x\r\n" + date + b"\r\nbody\r\n"
    )
    sent(session, b"Date: x\r\nMessage-ID: <x@y>\r\nFrom: <carol@client.example>\r\n\r\n")
    assert inbox(session, "bob@example.test")[-1].endswith(
        b"From: <carol@client.example>\r\nSender: <alice@example.test>\r\n\r\n"
    )


@pytest.mark.parametrize(
    "rest", [b"", b"From: <alice@example.test>\r\n", b"From: a@b.example\r\nsender: c@d.example\r\n"]
)
def test_what_is_complete_is_not_touched(rest: bytes) -> None:
    text = b"date: x\r\nmessage-id: <y@z>\r\n" + rest + b"\r\nbody\r\n"
    session = core("smtp-completes-submissions", submission=True)
    said(session, LOG_IN)
    sent(session, text)
    assert stored(session).endswith(b" +0000\r\n" + text)


def test_what_was_not_submitted_is_not_completed() -> None:
    session = core("smtp-completes-submissions")
    sent(session, b"Subject: x\r\n\r\n")
    assert stored(session).endswith(b" +0000\r\nSubject: x\r\n\r\n")


def test_sendmail_shows_its_version_and_local_time_in_received() -> None:
    session = core("smtp-sendmail")
    sent(session, b"\r\n")
    assert b"\r\n\tby mail.example.test (8.18.1/8.18.1) with ESMTPS id id1\r\n" in stored(session)
    assert stored(session).endswith(b";\r\n\tTue, 03 Feb 2026 13:00:00 +0100 (CET)\r\n\r\n")


def test_qmail_says_good_bye_to_a_bare_lf_and_takes_eight_bits() -> None:
    session = core("smtp-qmail")
    assert sent(session, b"\xff\r\n") == b"250 ok 1770120000 qp 4711\r\n"
    assert sent(session, b"a\nb\r\n").startswith(b"421 ")
    assert session.state is State.CLOSED
    assert len(inbox(session, "bob@example.test")) == 1


def test_before_tls_a_server_that_demands_it_does_nothing_of_use() -> None:
    session = fresh(VARIANTS["smtp-demands-tls"].core)
    assert codes(session, b"EHLO x\r\nMAIL FROM:<>\r\nFOO\r\nNOOP\r\n")[1:] == ["530 5.7.0", "530 5.7.0", "250 2.0.0"]
    submission = fresh(VARIANTS["smtp-demands-tls"].core, tls=True, submission=True)
    assert codes(submission, b"MAIL FROM:<>\r\n") == ["530 5.7.0"]


def test_before_tls_there_may_be_no_way_to_log_in() -> None:
    session = fresh(VARIANTS["smtp-no-auth-before-tls"].core)
    assert b"AUTH" not in said(session, b"EHLO x\r\n")
    assert codes(session, b"AUTH SCRAM-SHA-256\r\n") == ["530 5.7.0"]


def test_the_boundless_take_long_lines_and_two_hundred_recipients() -> None:
    session = core("smtp-boundless")
    assert codes(session, b"NOOP " + b"x" * 100_000 + b"\r\nMAIL FROM:<>\r\n") == ["250 2.0.0", "250 2.1.0"]
    assert codes(session, b"RCPT TO:<alice@example.test>\r\n" * 201)[199:] == ["250 2.1.5", "550 5.5.3"]


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("smtp-carries-stray-octets", b"a\nb\rc\0\r\n", b"a\nb\rc\0\r\n"),
        ("smtp-carries-long-lines", b"x" * 5000 + b"\r\n", b"x" * 5000 + b"\r\n"),
        ("smtp-seven-bit", b"\xe1b\r\n", b"ab\r\n"),
        (
            "smtp-adds-header-fields",
            b"A: b\r\n\r\nc\r\n",
            b"A: b\r\nX-Spam-Status: No, score=-0.1\r\n\ttests=none\r\n\r\nc\r\n",
        ),
        ("smtp-adds-header-fields", b"A: b\r\n", b"A: b\r\n"),
    ],
)
def test_a_variant_keeps_a_text_as_it_says(name: str, text: bytes, kept: bytes) -> None:
    session = core(name)
    assert sent(session, text).startswith(b"250")
    assert stored(session).endswith(b" +0000\r\n" + kept)


def test_catching_all_is_nobody_without_a_postmaster() -> None:
    session = core("smtp-catches-all", store=MemoryStore({}))
    assert codes(session, b"VRFY carol\r\n") == ["550 5.1.1"]
