"""SMTPUTF8 beyond the paths: questions about users, domains in two spellings, trace fields (RFC 6531 §3.2, §3.7)."""

from __future__ import annotations

from typing import Any

import pytest

from reference_server.smtp.core import SmtpCore
from reference_server.smtp.labels import in_a_labels, in_u_labels
from reference_server.smtp.lmtp import LmtpCore
from reference_server.stores.memory import MemoryStore
from tests.reference_server.smtp_dialogue import codes, fresh, greeted, inbox, play, said, settings

AELICE = "älice@example.test"


def server(kind: type[SmtpCore] = SmtpCore, **more: Any) -> SmtpCore:
    store = MemoryStore({AELICE: "secret", "bob@bücher.example": "secret"})
    domains = frozenset({"example.test", "bücher.example", "xn--grn-ioa.example"})
    return greeted(kind, store=store, changed=settings(domains=domains, hostname="xn--mnchen-3ya.example"), **more)


def test_who_has_a_name_beyond_ascii_is_shown_to_clients_that_can_read_it() -> None:
    core = server()
    play(core, "> VRFY älice SMTPUTF8\n< 250 2.1.5 <älice@example.test>\n> VRFY <älice@example.test>\n< 252 2.6.8")
    play(core, "> VRFY ölice SMTPUTF8\n< 550 5.1.1\n> EXPN älice SMTPUTF8\n< 550\n> EXPN älice\n< 550\n> EXPN ö\n< 550")
    assert codes(core, b"VRFY \xff\r\n") == ["550 5.1.1"]


def test_before_ehlo_a_name_beyond_ascii_has_a_bad_character() -> None:
    play(
        fresh(),
        "> VRFY älice\n< 501 5.5.2\n> HELO x\n< 250\n> VRFY älice\n< 501 5.5.2\n> MAIL FROM:<ä@b> SMTPUTF8\n< 501",
    )


@pytest.mark.parametrize(
    "domain", ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "XN--BCHER-KVA.example"]
)
def test_a_domain_in_unicode_and_in_ascii_is_one(domain: str) -> None:
    core = server()
    play(core, f"> MAIL FROM:<> SMTPUTF8\n< 250\n> RCPT TO:<bob@{domain}>\n< 250\n> RCPT TO:<x@{domain}>\n< 550 5.1.1")
    said(core, b"DATA\r\n\r\n.\r\n")
    assert len(inbox(core, "bob@bücher.example")) == 1


@pytest.mark.parametrize("domain", ["grün.example", "xn--grn-ioa.example"])
def test_postmaster_is_there_in_every_spelling(domain: str) -> None:
    play(server(), f"> MAIL FROM:<> SMTPUTF8\n< 250\n> RCPT TO:<postmaster@{domain}>\n< 250")


@pytest.mark.parametrize("domain", ["bucher.example", "ü.example", "ü" * 80, "xn--zzzzzzzz99999.example"])
def test_other_domains_are_not_ours(domain: str) -> None:
    play(server(), f"> MAIL FROM:<> SMTPUTF8\n< 250\n> RCPT TO:<bob@{domain}>\n< 550 5.7.1")


@pytest.mark.parametrize(
    ("a_labels", "u_labels"),
    [("xn--bcher-kva.example", "bücher.example"), ("example.test", "example.test"), ("[127.0.0.1]", "[127.0.0.1]")],
)
def test_labels_are_converted_both_ways(a_labels: str, u_labels: str) -> None:
    assert in_a_labels(u_labels) == a_labels
    assert in_u_labels(a_labels) == u_labels


def test_what_has_no_other_form_stays() -> None:
    assert in_a_labels("ü" * 80) == "ü" * 80
    assert in_u_labels("xn--zzzzzzzz99999.example") == "xn--zzzzzzzz99999.example"


@pytest.mark.parametrize(
    ("mail", "shown"),
    [
        (" SMTPUTF8", "from bücher.example ([127.0.0.1])\r\n\tby münchen.example with UTF8SMTP id id1"),
        ("", "from xn--bcher-kva.example ([127.0.0.1])\r\n\tby xn--mnchen-3ya.example with ESMTP id id1"),
    ],
)
def test_received_has_domains_in_unicode_where_smtputf8_was_used(mail: str, shown: str) -> None:
    core = server()
    said(core, b"EHLO xn--bcher-kva.example\r\n")
    said(core, f"MAIL FROM:<>{mail}\r\nRCPT TO:<bob@xn--bcher-kva.example>\r\nDATA\r\n\r\n.\r\n".encode())
    assert f"Received: {shown}\r\n\tfor <bob@xn--bcher-kva.example>;".encode() in inbox(core, "bob@bücher.example")[0]


WITH = [
    (SmtpCore, b"HELO x", {}, b"", "SMTP"),
    (SmtpCore, b"HELO x", {"tls": True}, b"", "SMTP"),
    (SmtpCore, b"EHLO x", {}, b"", "ESMTP"),
    (SmtpCore, b"EHLO x", {"tls": True}, b"", "ESMTPS"),
    (SmtpCore, b"EHLO x", {"tls": True, "log_in": True}, b"", "ESMTPSA"),
    (SmtpCore, b"EHLO x", {}, b" SMTPUTF8", "UTF8SMTP"),
    (SmtpCore, b"EHLO x", {"tls": True}, b" SMTPUTF8", "UTF8SMTPS"),
    (SmtpCore, b"EHLO x", {"tls": True, "log_in": True}, b" SMTPUTF8", "UTF8SMTPSA"),
    (LmtpCore, b"LHLO x", {}, b"", "LMTP"),
    (LmtpCore, b"LHLO x", {"tls": True}, b"", "LMTPS"),
    (LmtpCore, b"LHLO x", {"tls": True, "log_in": True}, b"", "LMTPSA"),
    (LmtpCore, b"LHLO x", {}, b" SMTPUTF8", "UTF8LMTP"),
    (LmtpCore, b"LHLO x", {"tls": True, "log_in": True}, b" SMTPUTF8", "UTF8LMTPSA"),
]


@pytest.mark.parametrize(("kind", "hello", "around", "mail", "name"), WITH)
def test_received_names_the_protocol_as_it_is_registered(
    kind: type[SmtpCore], hello: bytes, around: dict[str, bool], mail: bytes, name: str
) -> None:
    core = fresh(kind, tls=around.get("tls", False))
    said(core, hello + b"\r\n" + b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n" * around.get("log_in", False))
    said(core, b"MAIL FROM:<>" + mail + b"\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n\r\n.\r\n")
    assert f"\r\n\tby mail.example.test with {name} id id1\r\n\tfor <alice@example.test>;".encode() in inbox(core)[0]
