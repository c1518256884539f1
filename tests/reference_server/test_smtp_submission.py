"""Submission: who has to log in, and who may send in whose name (RFC 6409)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_server.smtp.core import SmtpCore
from reference_server.smtp.header_fields import domains_in
from tests.reference_server.smtp_dialogue import codes, fresh, inbox, play, said, settings

LOG_IN = b"EHLO x\r\nAUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"


def logged_in(kind: type[SmtpCore] = SmtpCore) -> SmtpCore:
    """Alice, on the submission port of a server for two domains, one of them of a single label."""
    domains = frozenset({"example.test", "intranet"})
    core = fresh(kind, tls=True, submission=True, changed=settings(domains=domains))
    assert codes(core, LOG_IN)[-1] == "235 2.7.0"
    return core


def test_mail_waits_for_a_log_in_and_the_rest_of_a_dialogue_does_not() -> None:
    play(
        fresh(submission=True),
        """
        > NOOP
        < 250
        > EHLO x
        << 250
        > MAIL FROM:<alice@example.test>
        < 530 5.7.0
        > RCPT TO:<alice@example.test>
        < 530
        > DATA
        < 530
        > VRFY alice
        < 530
        > RSET
        < 250
        > QUIT
        < 221
        """,
    )


def test_a_user_sends_as_oneself_or_as_nobody_or_from_elsewhere_but_not_as_another_user() -> None:
    core = logged_in()
    for sender, code in {
        "alice@example.test": "250 2.1.0",
        "ALICE@Example.Test": "250 2.1.0",
        "": "250 2.1.0",
        "alice@elsewhere.example": "250 2.1.0",
        "alice@[127.0.0.1]": "250 2.1.0",
        "nobody@example.test": "250 2.1.0",
        "postmaster@example.test": "250 2.1.0",
        "bob@example.test": "550 5.7.1",
    }.items():
        assert codes(core, f"MAIL FROM:<{sender}>\r\nRSET\r\n".encode())[0] == code


def test_domains_have_to_be_fully_qualified_unless_they_are_ours() -> None:
    play(
        logged_in(),
        """
        > MAIL FROM:<alice@sales>
        < 554 5.1.8
        > MAIL FROM:<alice@intranet>
        < 250
        > RCPT TO:<bob@sales>
        < 554 5.1.2
        > RCPT TO:<postmaster@intranet>
        < 250
        > RCPT TO:<bob@squeaky.sales>
        < 550 5.7.1
        > RCPT TO:<Postmaster>
        < 250
        """,
    )


def test_an_mx_takes_senders_as_they_come() -> None:
    play(fresh(), "> EHLO x\n<< 250\n> MAIL FROM:<bob@sales>\n< 250\n> RCPT TO:<bob@sales>\n< 550 5.7.1")


def submitted(text: bytes, core: SmtpCore | None = None) -> str:
    """The answer to a message from Alice to Bob."""
    core = core or logged_in()
    envelope = b"MAIL FROM:<alice@example.test> BODY=8BITMIME\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n"
    return codes(core, envelope + text + b"\r\n.\r\n")[-1]


@pytest.mark.parametrize(
    ("came", "stored"),
    [
        (b"Subject: x\r\n", b"Message-ID: <id1@mail.example.test>\r\nSubject: x\r\n"),
        (b"", b"Message-ID: <id1@mail.example.test>\r\n"),
        (b"message-id:\r\n <1.a@[127.0.0.1]> (2)\r\nTo: a@b.c\r\n", b""),
        (b'Message-Id: <"a b"@c>\r\n', b""),
        (
            b"To: x@y.z\r\nMessage-ID: x\r\n\ty\r\nSubject: x\r\n",
            b"Message-ID: <id1@mail.example.test>\r\nTo: x@y.z\r\nSubject: x\r\n",
        ),
        (b"Message-ID: \0\r\n".replace(b"\0", b"<a@b"), b"Message-ID: <id1@mail.example.test>\r\n"),
        (b"Message-ID: <a@b> (\r\n", b"Message-ID: <id1@mail.example.test>\r\n"),
    ],
)
def test_what_was_submitted_is_stored_as_it_came_with_a_message_id(came: bytes, stored: bytes) -> None:
    core = logged_in()
    assert submitted(came + b"\r\nbody", core) == "250 2.0.0"
    assert inbox(core, "bob@example.test")[0].endswith(b" +0000\r\n" + (stored or came) + b"\r\nbody\r\n")


def test_an_mx_adds_no_message_id_and_looks_at_no_address() -> None:
    core = fresh()
    said(core, b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nTo: <a b@>\r\n\r\n.\r\n")
    assert inbox(core, "bob@example.test")[0].endswith(b" +0000\r\nTo: <a b@>\r\n\r\n")


VALID = [
    b"a@b.example",
    b"<a@b.example>",
    b"A B. C <a.b@b.example>, , d@[127.0.0.1],",
    b'"A, \\" (B" <a@b.example> (C (D) \\) E)',
    b"=?utf-8?q?A=2C?= <a@intranet>",
    b"undisclosed-recipients:;",
    b"A friend: <a@b.example>,c@d.example; , e@f.example",
    b"x:,;",
    b"<@a.example,@b.example:c@d.example>",
    b"\xc3\xa4 <\xc3\xa4@\xc3\xa4.example>",
    b"a . b @ c . example",
    b"",
]
ILLEGAL = [
    b"a",
    b"A <a>",
    b"<a b@c.example>",
    b"a@b@c.example",
    b"a..b@c.example",
    b".a@c.example",
    b"a@c..example",
    b"a@",
    b"@c.example",
    b"<a@c.example",
    b"a@c.example>",
    b"a@b.example c@d.example",
    b"(a@b.example",
    b'"a@b.example',
    b"a: b: c@d.example;;",
    b"a: <b@c.example>",
    b"[a]",
    b"\x01@b.example",
]


@pytest.mark.parametrize("field", ["From", "SENDER", "reply-to", "To", "Cc", "Bcc", "Resent-To"])
def test_fields_of_addresses_are_all_looked_at(field: str) -> None:
    assert submitted(f"Subject: a\r\n{field}: <a b@>\r\nTo: a@b.example\r\n".encode()) == "554 5.1.0"


@pytest.mark.parametrize("field", ["Subject", "X-To", "Return-Receipt-To", "Date"])
def test_other_fields_may_hold_anything(field: str) -> None:
    assert submitted(f"{field}: <a b@>\r\n\r\nTo: <a b@>".encode()) == "250 2.0.0"


@pytest.mark.parametrize("addresses", VALID)
def test_valid_addresses_are_taken_however_they_are_written(addresses: bytes) -> None:
    assert submitted(b"To: " + addresses + b"\r\n") == "250 2.0.0"
    assert submitted(b"To: x@y.example,\r\n\t" + addresses.replace(b" ", b"\r\n ") + b"\r\n") == "250 2.0.0"


@pytest.mark.parametrize("addresses", ILLEGAL)
def test_illegal_addresses_are_refused_while_the_user_can_mend_them(addresses: bytes) -> None:
    assert (domains_in(addresses), submitted(b"To: " + addresses.replace(b"\x01", b"\x02") + b"\r\n")) == (
        None,
        "554 5.1.0",
    )


@pytest.mark.parametrize("addresses", [b"a@sales", b"a@b.example, x: <c@sales>;", b"<@sales:a@b.example>", b"a@\xe4"])
def test_a_domain_in_an_address_field_has_to_be_a_full_one(addresses: bytes) -> None:
    assert submitted(b"Cc: " + addresses + b"\r\n") == "554 5.1.0"


def test_domains_are_read_without_what_stands_between() -> None:
    assert domains_in(b"a@b (c) . d, E: f@g;, <@h:i@[j]>") == [b"b.d", b"g", b"h", b"[j]"]


def test_six_thousand_addresses_are_looked_through_and_more_are_refused() -> None:
    many = b"To: " + b",\r\n ".join([b"somebody@client-of-ours.example"] * 6000) + b"\r\n"
    assert submitted(many) == "250 2.0.0"
    assert submitted(many * 2) == "554 5.1.0"


@given(body=st.binary(max_size=60) | st.text('a".@,:;<>()[]\\ \r\n\t', max_size=40).map(str.encode))
def test_any_field_is_read_or_is_none(body: bytes) -> None:
    domains = domains_in(body)
    assert domains is None or len(domains) <= body.count(b"@")
