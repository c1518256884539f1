"""DSN: its parameters, what of them is shown, and the notices that are due (RFC 3461, RFC 3464, RFC 6533)."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message

import pytest

from reference_server.smtp.core import SmtpCore
from reference_server.smtp.dsn import readable_original
from reference_server.smtp.lmtp import LmtpCore
from reference_server.stores import Limits
from reference_server.stores.memory import MemoryStore
from tests.reference_server.smtp_dialogue import USERS, codes, greeted, inbox, play, said, without_trace

ALICE, BOB = "alice@example.test", "bob@example.test"


def sent(
    core: SmtpCore,
    *,
    sender: str = BOB,
    mail: str = "",
    to: tuple[str, ...] = (f"<{ALICE}>",),
    text: str = "Subject: x",
) -> list[str]:
    """Codes of the replies after RCPT."""
    said(core, f"MAIL FROM:<{sender}>{mail}\r\n".encode())
    for recipient in to:
        assert codes(core, f"RCPT TO:{recipient}\r\n".encode()) == ["250 2.1.5"]
    said(core, b"DATA\r\n")
    return codes(core, text.encode() + b"\r\n\r\nbody\r\n.\r\n")


def parts(notice: bytes) -> tuple[Message, list[Message]]:
    message = message_from_bytes(notice)
    payload = message.get_payload()
    assert isinstance(payload, list)
    return message, [part for part in payload if isinstance(part, Message)]


def report(notice: bytes) -> list[dict[str, str]]:
    """The groups of fields of the delivery-status part; first that of the message."""
    part = notice.partition(b"delivery-status\r\nContent-Transfer-Encoding: ")[2].partition(b"\r\n--=_id1")[0]
    groups = part.partition(b"\r\n\r\n")[2].decode("utf-8").strip().split("\r\n\r\n")
    return [dict(line.split(": ", 1) for line in group.split("\r\n")) for group in groups]


MAIL = {
    "RET=FULL": "250",
    "RET=hdrs": "250",
    "RET=ALL": "501 5.5.4",
    "RET": "501 5.5.4",
    "RET=FULL RET=FULL": "501",
    "ENVID=QQ314159": "250",
    "ENVID=a+20b+2Bc+09": "250",
    f"ENVID={'x' * 94}": "250",
    "ENVID": "501",
    "ENVID=": "501",
    "ENVID=a+2b": "501",
    "ENVID=a+2bx": "501",
    "ENVID=a+0A": "501 5.5.4",
    "ENVID=a+E4": "501 5.5.4",
    "ENVID=x ENVID=x": "501",
    "NOTIFY=NEVER": "555",
    "ORCPT=rfc822;a@b": "555",
}
RCPT = {
    "NOTIFY=NEVER": "250",
    "NOTIFY=never": "250",
    "NOTIFY=SUCCESS,failure,Delay": "250",
    "NOTIFY=,SUCCESS,,SUCCESS": "250",
    "NOTIFY=NEVER,SUCCESS": "501 5.5.4",
    "NOTIFY=NEVER,NEVER": "501",
    "NOTIFY=,": "501",
    "NOTIFY=ALWAYS": "501",
    "NOTIFY": "501",
    "NOTIFY=DELAY NOTIFY=DELAY": "501",
    "ORCPT=rfc822;Alice+2Bx@example.test": "250",
    f"ORCPT=x400;{'x' * 489}": "250",
    "ORCPT=rfc822;": "250",
    "ORCPT=utf-8;\\x{E4}lice@example.test": "250",
    "ORCPT=alice@example.test": "501 5.5.4",
    "ORCPT=;alice@example.test": "501",
    "ORCPT=a[b];alice@example.test": "501",
    "ORCPT=rfc822;a+zz": "501",
    "ORCPT=rfc822;a+0D+0A": "501",
    "ORCPT": "501",
    "ORCPT=rfc822;a ORCPT=rfc822;a": "501",
    "RET=FULL": "555 5.5.4",
    "SIZE=3": "555",
}


@pytest.mark.parametrize("words", MAIL)
def test_ret_and_envid_are_read_as_the_rfc_writes_them(words: str) -> None:
    core = greeted()
    play(core, f"> MAIL FROM:<> {words}\n< {MAIL[words]}")
    assert (core.transaction.ret is not None) == words.startswith("RET") * (MAIL[words] == "250")
    assert (core.transaction.envid is not None) == words.startswith("ENVID") * (MAIL[words] == "250")


@pytest.mark.parametrize("words", RCPT)
def test_notify_and_orcpt_are_read_as_the_rfc_writes_them(words: str) -> None:
    core = greeted()
    play(core, f"> MAIL FROM:<>\n< 250\n> RCPT TO:<{ALICE}> {words}\n< {RCPT[words]}")
    assert len(core.transaction.recipients) == (RCPT[words] == "250")


def test_orcpt_may_be_of_utf8_where_smtputf8_is_asked_for() -> None:
    core = greeted()
    play(core, f"> MAIL FROM:<>\n< 250\n> RCPT TO:<{ALICE}> ORCPT=utf-8;älice@example.test\n< 501 5.5.2\n> RSET\n< 250")
    play(core, f"> MAIL FROM:<> SMTPUTF8\n< 250\n> RCPT TO:<{ALICE}> ORCPT=utf-8;älice@example.test\n< 250")
    play(core, f"> RCPT TO:<{BOB}> ORCPT=rfc822;böb@example.test\n< 501 5.5.4")
    assert codes(core, b"RCPT TO:<bob@example.test> ORCPT=utf-8;\xff\r\n") == ["501 5.5.4"]


@pytest.mark.parametrize(
    ("orcpt", "utf8", "shown"),
    [
        ("rfc822;a+2Bb+20c", False, "rfc822;a+b c"),
        ("utf-8;\\x{E4}\\x{5C}", False, "utf-8;\\x{E4}\\x{5C}"),
        ("UTF-8;\\x{E4}\\x{5C}\\x{1F600}", True, "UTF-8;ä\\\U0001f600"),
        ("utf-8;\\x{0A}\\x{7F}\\x{85}\\x{D800}\\x{FFFFFF}", True, "utf-8;\\x{0A}\\x{7F}\\x{85}\\x{D800}\\x{FFFFFF}"),
    ],
)
def test_an_original_recipient_is_shown_without_its_encoding(orcpt: str, shown: str, *, utf8: bool) -> None:
    assert readable_original(orcpt.encode(), utf8=utf8) == shown


def test_what_the_envelope_asked_is_shown_to_each_recipient_alone() -> None:
    core = greeted()
    mail = " RET=FULL ENVID=QQ+20314159"
    to = (f"<{ALICE}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Al+2Bice@example.test", f"<{BOB}> NOTIFY=NEVER")
    sent(core, sender="a@client.example", mail=mail, to=to)
    assert without_trace(inbox(core, ALICE)[0]).startswith(
        b"Original-Recipient: rfc822;Al+ice@example.test\r\n"
        b"X-Envelope-Parameters: RET=FULL\r\n\tENVID=QQ+20314159\r\n\tNOTIFY=FAILURE,SUCCESS\r\nSubject: x\r\n"
    )
    assert without_trace(inbox(core, BOB)[0]).startswith(
        b"X-Envelope-Parameters: RET=FULL\r\n\tENVID=QQ+20314159\r\n\tNOTIFY=NEVER\r\nSubject: x\r\n"
    )


def test_orcpt_alone_needs_no_other_field_and_who_asked_nothing_has_none() -> None:
    core = greeted()
    sent(core, to=(f"<{ALICE}> ORCPT=rfc822;x", f"<{BOB}>"))
    assert without_trace(inbox(core, ALICE)[0]).startswith(b"Original-Recipient: rfc822;x\r\nSubject")
    assert without_trace(inbox(core, BOB)[0]).startswith(b"Subject")


def test_two_names_of_one_mailbox_show_what_was_asked_for_both() -> None:
    core = greeted()
    sent(core, to=(f"<{ALICE}> ORCPT=rfc822;x", f"<{ALICE}> ORCPT=rfc822;x", "<postmaster> ORCPT=rfc822;y"))
    assert len(inbox(core, ALICE)) == 1
    assert without_trace(inbox(core, ALICE)[0]).startswith(
        b"Original-Recipient: rfc822;x\r\nOriginal-Recipient: rfc822;y\r\nSubject"
    )


def test_requiretls_is_offered_inside_tls_only_and_overrides_ret_full() -> None:
    assert b"REQUIRETLS" not in said(greeted(), b"EHLO x\r\n")
    play(greeted(), "> MAIL FROM:<> REQUIRETLS\n< 555 5.5.4")
    core = greeted(tls=True)
    assert b"\r\n250-REQUIRETLS\r\n" in said(core, b"EHLO x\r\n")
    play(core, "> MAIL FROM:<> REQUIRETLS=yes\n< 555 5.5.4")
    sent(core, mail=" RET=FULL REQUIRETLS")
    assert without_trace(inbox(core)[0]).startswith(b"X-Envelope-Parameters: REQUIRETLS\r\n\tRET=HDRS\r\nSubject")


def test_success_is_told_to_a_sender_who_has_a_mailbox_here() -> None:
    core = greeted()
    to = (f"<{ALICE}> NOTIFY=SUCCESS ORCPT=rfc822;al+2Bice@example.test", '<"bob"@Example.test> NOTIFY=SUCCESS,DELAY')
    sent(core, mail=" ENVID=QQ+20314159", to=(*to, "<postmaster>"))
    _, notice = inbox(core, BOB)
    message, (said_to_people, _, returned) = parts(notice)
    assert notice.startswith(b"Return-Path: <>\r\nFrom: Mail delivery <postmaster@example.test>\r\n")
    assert message["To"] == f"<{BOB}>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert said_to_people.get_payload() == 'delivered: alice@example.test\r\ndelivered: "bob"@Example.test\r\n'
    assert report(notice) == [
        {
            "Original-Envelope-Id": "QQ 314159",
            "Reporting-MTA": "dns;mail.example.test",
            "Arrival-Date": "Tue, 03 Feb 2026 12:00:00 +0000",
        },
        {
            "Original-Recipient": "rfc822;al+ice@example.test",
            "Final-Recipient": f"rfc822;{ALICE}",
            "Action": "delivered",
            "Status": "2.0.0",
        },
        {"Final-Recipient": 'rfc822;"bob"@Example.test', "Action": "delivered", "Status": "2.0.0"},
    ]
    assert returned.get_content_type() == "text/rfc822-headers"
    assert returned.get_payload() == "Subject: x\r\n"


@pytest.mark.parametrize("sender", ["", "a@client.example", "nobody@example.test"])
def test_success_is_told_to_nobody_who_has_no_mailbox_here(sender: str) -> None:
    core = greeted()
    sent(core, sender=sender, to=(f"<{BOB}> NOTIFY=SUCCESS",))
    assert inbox(core, ALICE) == []
    assert len(inbox(core, BOB)) == 1


@pytest.mark.parametrize("notify", ["NEVER", "FAILURE", "DELAY", "FAILURE,DELAY"])
def test_success_is_told_only_where_it_was_asked_for(notify: str) -> None:
    core = greeted()
    sent(core, to=(f"<{ALICE}> NOTIFY={notify}",))
    assert inbox(core, BOB) == []


def with_full_mailbox(**limits: int) -> MemoryStore:
    """Alice, the postmaster, has room; Bob's limits are these; Dan has room."""
    store = MemoryStore({ALICE: "secret", "dan@example.test": "secret"})
    store.add_account(BOB, "secret", limits=Limits(**limits))
    return store


def test_an_address_beyond_ascii_makes_the_report_one_of_utf8() -> None:
    store = MemoryStore({**USERS, "älice@example.test": "secret"})
    core = greeted(store=store)
    to = ("<älice@example.test> NOTIFY=SUCCESS ORCPT=utf-8;\\x{E4}lice@example.test",)
    sent(core, mail=" SMTPUTF8", to=to, text="Subject: grün")
    (notice,) = inbox(core, BOB)
    _, (_, status, returned) = parts(notice)
    assert status.get_content_type() == "message/global-delivery-status"
    assert returned.get_content_type() == "message/global-headers"
    assert report(notice)[1] == {
        "Original-Recipient": "utf-8;älice@example.test",
        "Final-Recipient": "utf-8;älice@example.test",
        "Action": "delivered",
        "Status": "2.0.0",
    }


@pytest.mark.parametrize("header", ["", "X: " + "\r\nX: ".join(["y" * 900] * 80)])
def test_a_header_that_is_empty_or_long_does_not_go_back(header: str) -> None:
    core = greeted()
    sent(core, to=(f"<{ALICE}> NOTIFY=SUCCESS",), text=header)
    assert len(parts(inbox(core, BOB)[0])[1]) == 2


def test_a_header_that_is_not_of_lines_does_not_go_back() -> None:
    core = greeted()
    said(core, f"MAIL FROM:<{BOB}> BODY=BINARYMIME\r\nRCPT TO:<{ALICE}> NOTIFY=SUCCESS\r\n".encode())
    said(core, b"BDAT 9 LAST\r\nX: \0\r\n\r\ny")
    assert len(parts(inbox(core, BOB)[0])[1]) == 2


@pytest.mark.parametrize(
    ("limits", "size", "code"),
    [
        ({"message_octets": 100}, " SIZE=101", "552 5.2.3"),
        ({"message_octets": 100}, " SIZE=100", "250 2.1.5"),
        ({"storage_octets": 100}, " SIZE=101", "452 4.2.2"),
        ({"storage_octets": 0}, "", "452 4.2.2"),
        ({"storage_octets": 100}, "", "250 2.1.5"),
    ],
)
def test_a_declared_size_is_held_against_the_limits_of_each_recipient(
    limits: dict[str, int], size: str, code: str
) -> None:
    core = greeted(store=with_full_mailbox(**limits))
    said(core, f"MAIL FROM:<>{size}\r\n".encode())
    assert codes(core, f"RCPT TO:<{BOB}>\r\nRCPT TO:<{ALICE}>\r\n".encode()) == [code, "250 2.1.5"]


def test_postmaster_is_a_recipient_even_without_room() -> None:
    store = MemoryStore({})
    store.add_account(BOB, "secret", limits=Limits(storage_octets=0))
    core = greeted(store=store)
    assert codes(core, b"MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n")[1] == "250 2.1.5"


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"message_octets": 10}, "552 5.2.3"), ({"storage_octets": 10}, "452 4.2.2"), ({"messages": 0}, "452 4.2.2")],
)
def test_a_message_that_fits_nowhere_is_refused_and_nobody_told_besides(limits: dict[str, int], code: str) -> None:
    core = greeted(store=with_full_mailbox(**limits))
    assert sent(core, sender="dan@example.test", to=(f"<{BOB}>",)) == [code]
    assert [inbox(core, user) for user in (ALICE, BOB, "dan@example.test")] == [[], [], []]


def test_a_message_that_fits_somewhere_is_accepted_and_the_sender_told_of_the_rest() -> None:
    core = greeted(store=with_full_mailbox(message_octets=10))
    to = (f"<{BOB}>", f"<{ALICE}> NOTIFY=SUCCESS")
    assert sent(core, sender="dan@example.test", to=to) == ["250 2.0.0"]
    assert len(inbox(core, ALICE)) == 1
    (notice,) = inbox(core, "dan@example.test")
    assert [(group["Action"], group["Status"]) for group in report(notice)[1:]] == [
        ("failed", "5.2.3"),
        ("delivered", "2.0.0"),
    ]


def returned_after_failure(mail: str, text: bytes) -> tuple[Message, Message | None]:
    """The notice of a failure to a sender who said `mail`, and what of this message went back with it."""
    core = greeted(store=with_full_mailbox(messages=0), tls=True)
    envelope = f"MAIL FROM:<dan@example.test>{mail}\r\nRCPT TO:<{BOB}>\r\nRCPT TO:<{ALICE}>\r\n"
    said(core, envelope.encode() + b"BDAT %d LAST\r\n" % len(text) + text)
    (notice,) = inbox(core, "dan@example.test")
    whole, found = parts(notice)
    return whole, found[2] if len(found) == 3 else None


@pytest.mark.parametrize(
    ("mail", "text", "kind"),
    [
        (" RET=FULL", b"Subject: x\r\n\r\nbody\r\n", "message/rfc822"),
        (" RET=FULL", b"\r\nno header and no line end", "message/rfc822"),
        (" RET=FULL BODY=8BITMIME", b"Subject: x\r\n\r\nb\xc3\xb6dy\r\n", "message/rfc822"),
        (" RET=FULL SMTPUTF8", b"Subject: \xc3\xbc\r\n\r\nbody\r\n", "message/global"),
        (" RET=FULL REQUIRETLS", b"Subject: x\r\n\r\nbody\r\n", "text/rfc822-headers"),
        (" RET=HDRS", b"Subject: x\r\n\r\nbody\r\n", "text/rfc822-headers"),
        ("", b"Subject: x\r\n\r\nbody\r\n", "text/rfc822-headers"),
        (" RET=FULL", b"Subject: x\r\n\r\n" + 70 * (b"y" * 998 + b"\r\n"), "text/rfc822-headers"),
        (" RET=FULL", b"Subject: x\r\n\r\n--=_id1--\r\n", "text/rfc822-headers"),
        (" RET=FULL BODY=BINARYMIME", b"Subject: x\r\n\r\n\0", "text/rfc822-headers"),
        (" RET=FULL BODY=BINARYMIME", b"Subject: x\r\n\r\n" + b"y" * 999, "text/rfc822-headers"),
    ],
)
def test_a_failed_message_goes_back_whole_where_that_was_asked_for_and_can_be(
    mail: str, text: bytes, kind: str
) -> None:
    notice, returned = returned_after_failure(mail, text)
    assert returned is not None
    assert returned.get_content_type() == kind
    eight_bit = not text.isascii()
    assert (returned["Content-Transfer-Encoding"], notice["Content-Transfer-Encoding"]) == (
        ("8bit", "8bit") if eight_bit else ("7bit", None)
    )
    if kind.startswith("message/"):
        meant = text.decode("utf-8", "surrogateescape")
        inside = returned.get_payload()
        assert isinstance(inside, list)
        assert isinstance(inside[0], Message)
        shown = inside[0].as_bytes().replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape")
        assert shown == meant.replace("\r\n", "\n")


def test_a_message_that_nobody_missed_does_not_go_back_whole() -> None:
    core = greeted()
    sent(core, mail=" RET=FULL", to=(f"<{ALICE}> NOTIFY=SUCCESS",))
    (notice,) = inbox(core, BOB)
    assert parts(notice)[1][2].get_content_type() == "text/rfc822-headers"


@pytest.mark.parametrize("sender", ["", "a@client.example"])
def test_the_postmaster_is_told_of_failures_that_the_sender_cannot_be_told_of(sender: str) -> None:
    core = greeted(store=with_full_mailbox(messages=0))
    assert sent(core, sender=sender, to=(f"<{BOB}>", "<dan@example.test> NOTIFY=SUCCESS")) == ["250 2.0.0"]
    (notice,) = inbox(core, ALICE)
    assert [(group["Action"], group["Status"]) for group in report(notice)[1:]] == [("failed", "5.2.2")]


def test_the_postmaster_is_told_where_the_sender_has_no_room_for_it() -> None:
    core = greeted(store=with_full_mailbox(messages=0))
    assert sent(core, sender=BOB, to=(f"<{BOB}>", "<dan@example.test>")) == ["250 2.0.0"]
    assert len(inbox(core, ALICE)) == 1


def test_who_wants_to_hear_of_no_failure_hears_of_none() -> None:
    core = greeted(store=with_full_mailbox(messages=0))
    sent(core, sender="dan@example.test", to=(f"<{BOB}> NOTIFY=NEVER", f"<{ALICE}>"))
    assert inbox(core, "dan@example.test") == []


class NobodyIsPostmaster(MemoryStore):
    """A store without anybody to turn to."""

    def postmaster(self) -> None:
        """None."""


def test_without_a_postmaster_nobody_is_told() -> None:
    store = NobodyIsPostmaster({ALICE: "secret"})
    store.add_account(BOB, "secret", limits=Limits(messages=0))
    core = greeted(store=store)
    assert sent(core, sender="", to=(f"<{BOB}>", f"<{ALICE}>")) == ["250 2.0.0"]
    assert len(inbox(core, ALICE)) == 1


def test_lmtp_answers_for_each_recipient_and_tells_of_no_failure_besides() -> None:
    core = greeted(LmtpCore, store=with_full_mailbox(messages=0))
    to = (f"<{ALICE}>", f"<{BOB}>", "<dan@example.test> NOTIFY=SUCCESS", f"<{BOB}>")
    assert sent(core, sender="dan@example.test", to=to) == ["250 2.0.0", "452 4.2.2", "250 2.0.0", "452 4.2.2"]
    assert len(inbox(core, ALICE)) == 1
    assert len(inbox(core, "dan@example.test")) == 1
