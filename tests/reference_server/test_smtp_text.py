"""The mail text: transparency, line ends, limits, trace fields, and one copy for each account (RFC 5321 §4.4, §4.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from reference_server.core import Send, Settings, Surroundings
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.lmtp import LmtpCore
from reference_server.stores.memory import MemoryStore

NOON = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)


def greeted(
    *, peer: str = "127.0.0.1", tls: bool = False, settings: Settings | None = None, kind: type[SmtpCore] = SmtpCore
) -> SmtpCore:
    core = kind(
        MemoryStore(),
        settings or Settings(wall_clock=lambda: NOON, unique=lambda: "id1"),
        Surroundings(peer=peer, tls=tls),
    )
    core.connected(0.0)
    said(core, b"LHLO client.example\r\n" if kind is LmtpCore else b"EHLO client.example\r\n")
    return core


def said(core: SmtpCore, octets: bytes) -> bytes:
    return b"".join(action.octets for action in core.receive(octets, 0.0) if isinstance(action, Send))


def sent(core: SmtpCore, text: bytes, *, mail: bytes = b"", to: tuple[bytes, ...] = (b"alice@example.test",)) -> bytes:
    """The reply after the final dot; `text` is on the wire as it stands, dots and all."""
    said(core, b"MAIL FROM:<sender@client.example>" + mail + b"\r\n")
    for recipient in to:
        said(core, b"RCPT TO:<" + recipient + b">\r\n")
    assert said(core, b"DATA\r\n").startswith(b"354 ")
    return said(core, text)


def stored(core: SmtpCore, user: str = "alice") -> list[bytes]:
    account = core.store.account(f"{user}@example.test")
    assert account is not None
    box = account.mailbox("INBOX")
    assert box is not None
    return [message.octets for message in box.messages]


def body_of(message: bytes) -> bytes:
    """What came over the wire: everything after the two trace fields."""
    return re.sub(rb"\AReturn-Path: [^\r]*\r\nReceived: [^\r]*\r\n(?:\t[^\r]*\r\n)*", b"", message)


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n.\r\n", b"..\r\n"),
        (b".x\r\n.\r\n", b"x\r\n"),
        (b"x.\r\n.\r\n", b"x.\r\n"),
        (b". \r\n.\r\n", b" \r\n"),
        (b"Subject: x\r\n\r\n..x\r\n\x01\x7f\t\x0b\r\n.\r\n", b"Subject: x\r\n\r\n.x\r\n\x01\x7f\t\x0b\r\n"),
    ],
)
def test_exactly_one_dot_is_removed_and_nothing_else_changes(wire: bytes, text: bytes) -> None:
    core = greeted()
    assert sent(core, wire) == b"250 2.0.0 message accepted\r\n"
    assert [body_of(message) for message in stored(core)] == [text]


@pytest.mark.parametrize(
    "not_the_end",
    [
        b"\n.\n",
        b"\n.\r",
        b"\r.\n",
        b"\r.\r",
        b"\n.\r\n",
        b"\r.\r\n",
        b"\r\n\0.\r\n",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r\n.\0\r\n",
        b"\r\n.\r\r\n",
        b"\n..\r\n",
    ],
)
def test_only_crlf_dot_crlf_ends_the_text_and_the_rest_is_refused_after_it(not_the_end: bytes) -> None:
    core = greeted()
    smuggled = b"MAIL FROM:<evil@client.example>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\nsmuggled\r\n"
    assert sent(core, b"first" + not_the_end + smuggled) == b""
    assert said(core, b"\r\n.\r\n") == b"554 5.6.0 bare CR, bare LF or NUL in the message\r\n"
    assert stored(core) == stored(core, "bob") == []
    assert said(core, b"NOOP\r\n") == b"250 2.0.0 ok\r\n"


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        (b"x" * 998, True),
        (b"x" * 999, False),
        (b"." + b"." + b"x" * 997, True),
        (b"." + b"x" * 998, True),
        (b"." + b"." + b"x" * 998, False),
        (b"x" * 70_000, False),
    ],
)
def test_a_text_line_has_1000_octets_at_most_and_is_never_cut(line: bytes, accepted: bool) -> None:
    core = greeted()
    reply = sent(core, line + b"\r\nnext\r\n.\r\n")
    if accepted:
        assert reply.startswith(b"250 ")
        assert body_of(stored(core)[0]) == line[line.startswith(b".") :] + b"\r\nnext\r\n"
    else:
        assert reply == b"554 5.6.0 line too long in the message\r\n"
        assert stored(core) == []


def test_a_dot_at_the_end_of_an_over_long_line_is_not_the_end_of_the_text() -> None:
    core = greeted()
    assert sent(core, b"x" * 2000) == b""
    assert said(core, b".\r\n") == b""
    assert said(core, b".\r\n").startswith(b"554 5.6.0")


@pytest.mark.parametrize(
    ("mail", "reply"),
    [(b"", b"554 5.6.1"), (b" BODY=7BIT", b"554 5.6.1"), (b" BODY=8BITMIME", b"250 "), (b" SMTPUTF8", b"250 ")],
)
def test_8_bit_text_has_to_be_announced(mail: bytes, reply: bytes) -> None:
    assert sent(greeted(), b"caf\xc3\xa9\r\n.\r\n", mail=mail).startswith(reply)


def test_a_message_above_the_size_is_refused_after_its_end() -> None:
    core = greeted(settings=Settings(max_message_octets=20))
    assert sent(core, b"x" * 18 + b"\r\n.\r\n").startswith(b"250 ")
    assert sent(core, b"x" * 18 + b"\r\n" + b"y\r\n" * 5000 + b".\r\n") == b"552 5.3.4 message too big\r\n"
    assert len(stored(core)) == 1


def test_a_message_that_went_through_a_hundred_hosts_and_more_loops() -> None:
    core = greeted()
    hop = b"Received: from a by b; Tue, 3 Feb 2026 12:00:00 +0000\r\n"
    assert sent(core, hop * 100 + b"\r\nx\r\n.\r\n").startswith(b"250 ")
    assert sent(core, hop * 101 + b"\r\nx\r\n.\r\n").startswith(b"554 5.4.6")
    assert sent(core, b"\r\n" + hop * 101 + b".\r\n").startswith(b"250 ")


def test_each_account_gets_one_copy_however_often_it_is_named() -> None:
    core = greeted()
    to = (b"alice@example.test", b"ALICE@example.test", b"Postmaster", b"bob@example.test")
    assert sent(core, b"x\r\n.\r\n", to=to).startswith(b"250 ")
    assert len(stored(core)) == len(stored(core, "bob")) == 1
    assert b"\tfor " not in stored(core)[0]


def test_a_message_does_not_leave_anything_to_the_next() -> None:
    core = greeted()
    sent(core, b"bad\n\r\n.\r\n")
    assert sent(core, b"good\r\n.\r\n").startswith(b"250 ")
    assert [body_of(message) for message in stored(core)] == [b"good\r\n"]


def test_trace_fields_stand_first_and_say_how_the_message_came() -> None:
    core = greeted()
    sent(core, b"Subject: x\r\n\r\n.\r\n")
    assert stored(core)[0] == (
        b"Return-Path: <sender@client.example>\r\n"
        b"Received: from client.example ([127.0.0.1])\r\n"
        b"\tby mail.example.test with ESMTP id id1\r\n"
        b"\tfor <alice@example.test>;\r\n"
        b"\tTue, 03 Feb 2026 12:00:00 +0000\r\n"
        b"Subject: x\r\n\r\n"
    )
    date = stored(core)[0].split(b";\r\n\t")[1].split(b"\r\n")[0]
    assert parsedate_to_datetime(date.decode()) == NOON


@pytest.mark.parametrize(
    ("tls", "log_in", "utf8", "kind", "name"),
    [
        (False, False, False, SmtpCore, b"ESMTP"),
        (True, False, False, SmtpCore, b"ESMTPS"),
        (True, True, False, SmtpCore, b"ESMTPSA"),
        (True, True, True, SmtpCore, b"UTF8SMTPSA"),
        (False, False, False, LmtpCore, b"LMTP"),
        (True, False, True, LmtpCore, b"UTF8LMTPS"),
    ],
)
def test_the_with_clause_has_the_registered_name(
    tls: bool, log_in: bool, utf8: bool, kind: type[SmtpCore], name: bytes
) -> None:
    core = greeted(tls=tls, kind=kind)
    if log_in:
        assert said(core, b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n").startswith(b"235")
    sent(core, b".\r\n", mail=b" SMTPUTF8" if utf8 else b"")
    assert b" with " + name + b" id " in stored(core)[0]


def test_helo_is_smtp_and_an_ipv6_peer_is_an_address_literal() -> None:
    core = greeted(peer="::1")
    said(core, b"HELO client.example\r\n")
    sent(core, b".\r\n")
    assert b"from client.example ([IPv6:::1])" in stored(core)[0]
    assert b" with SMTP id " in stored(core)[0]


def test_a_source_route_and_a_null_sender_show_in_return_path_as_they_should() -> None:
    core = greeted()
    said(core, b"MAIL FROM:<@relay.example:a@b.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n.\r\n")
    said(core, b"MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n.\r\n")
    assert [message.split(b"\r\n")[0] for message in stored(core)] == [
        b"Return-Path: <a@b.example>",
        b"Return-Path: <>",
    ]


def test_lmtp_answers_once_for_each_accepted_recipient() -> None:
    core = greeted(kind=LmtpCore)
    to = (b"alice@example.test", b"carol@example.test", b"bob@example.test", b"alice@example.test")
    assert sent(core, b"x\r\n.\r\n", to=to) == b"250 2.0.0 message accepted\r\n" * 3
    assert sent(core, b"x\n\r\n.\r\n", to=to).count(b"554 5.6.0") == 3
    assert len(stored(core)) == len(stored(core, "bob")) == 1


def test_lmtp_knows_lhlo_alone_and_wants_a_recipient() -> None:
    core = LmtpCore(MemoryStore(), Settings(), Surroundings())
    assert core.connected(0.0) == [Send(b"220 mail.example.test LMTP ready\r\n")]
    assert said(core, b"EHLO x\r\n").startswith(b"500 ")
    assert said(core, b"HELO x\r\n").startswith(b"500 ")
    assert said(core, b"LHLO x\r\n").startswith(b"250-mail.example.test")
    said(core, b"MAIL FROM:<>\r\nRCPT TO:<carol@example.test>\r\n")
    assert said(core, b"DATA\r\n").startswith(b"503 ")
