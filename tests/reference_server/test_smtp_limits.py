"""Sizes and time-outs are settings, and what is set is kept to (RFC 5321 §4.5.3, §6.3)."""

from __future__ import annotations

import pytest

from reference_server.smtp.core import SmtpCore
from reference_server.smtp.limits import SmtpLimits
from tests.reference_server.smtp_dialogue import codes, fresh, greeted, inbox, said, settings, without_trace


def limited(**limits: int) -> SmtpCore:
    core = fresh(changed=settings(smtp_limits=SmtpLimits(**limits)))
    said(core, b"EHLO x\r\n")
    return core


@pytest.mark.parametrize(
    ("limits", "fits", "too_long"),
    [
        ({"local_part_octets": 5}, b"MAIL FROM:<12345@b>", b"MAIL FROM:<123456@b>"),
        ({"domain_octets": 5}, b"MAIL FROM:<a@b.cde>", b"MAIL FROM:<a@b.cdef>"),
        ({"domain_octets": 5}, b"EHLO b.cde", b"EHLO b.cdef"),
        ({"path_octets": 10}, b"MAIL FROM:<abc@defg>", b"MAIL FROM:<abc@defgh>"),
        ({"path_octets": 300, "domain_octets": 300}, b"MAIL FROM:<a@" + b"d" * 296 + b">", b"MAIL FROM:<a@b..c>"),
    ],
)
def test_names_are_as_long_as_the_settings_let_them_be(limits: dict[str, int], fits: bytes, too_long: bytes) -> None:
    core = limited(**limits)
    assert said(core, fits + b"\r\n").startswith(b"250")
    said(core, b"RSET\r\n")
    assert said(core, too_long + b"\r\n").startswith(b"501")


def test_command_lines_are_as_long_as_the_settings_let_them_be() -> None:
    core = limited(command_line_octets=1000)
    assert codes(core, b"NOOP " + b"x" * 993 + b"\r\n") == ["250 2.0.0"]
    assert codes(core, b"NOOP " + b"x" * 994 + b"\r\n") == ["500 5.5.2"]


def test_text_lines_are_as_long_as_the_settings_let_them_be() -> None:
    core = limited(text_line_octets=2000)
    envelope = b"MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"
    assert codes(core, envelope + b"." + b"." + b"x" * 1997 + b"\r\n.\r\n")[-1] == "250 2.0.0"
    assert codes(core, envelope + b"x" * 1999 + b"\r\n.\r\n")[-1] == "554 5.6.0"


def test_no_reply_line_is_longer_than_the_settings_let_it_be() -> None:
    core = fresh(changed=settings(smtp_limits=SmtpLimits(reply_line_octets=40)))
    assert max(map(len, said(core, b"EHLO client.example\r\n").splitlines(keepends=True))) == 40


def test_a_message_with_more_hops_than_the_settings_let_it_have_loops() -> None:
    core = limited(hops=3)
    envelope = b"MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"
    assert codes(core, envelope + b"Received: x\r\n" * 3 + b"\r\nReceived: x\r\n.\r\n")[-1] == "250 2.0.0"
    assert codes(core, envelope + b"Received: x\r\nrECEIVED: x\r\n" * 2 + b"\r\n.\r\n")[-1] == "554 5.4.6"


def test_time_outs_are_those_of_the_settings() -> None:
    core = greeted(changed=settings(smtp_timeout_s=7.0, smtp_data_timeout_s=5.0))
    assert core.deadline == 8.0
    said(core, b"MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
    assert core.deadline == 6.0


def test_return_path_of_an_earlier_hop_gives_way_to_ours() -> None:
    core = greeted()
    said(core, b"MAIL FROM:<a@client.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
    said(core, b"Return-Path: <x@y>\r\nSubject: x\r\nreturn-path:\r\n <z>\r\nTo: y\r\n\r\nReturn-Path: body\r\n.\r\n")
    (message,) = inbox(core)
    assert message.startswith(b"Return-Path: <a@client.example>\r\n")
    assert without_trace(message) == b"Subject: x\r\nTo: y\r\n\r\nReturn-Path: body\r\n"


class SeesEachLine(SmtpCore):
    """Is shown every line by itself."""

    def unstuff(self, line: bytes) -> bytes:
        """As ever."""
        return super().unstuff(line)


@pytest.mark.parametrize("kind", [SmtpCore, SeesEachLine])
def test_a_line_of_text_that_is_too_long_is_read_to_its_end_however_it_comes(kind: type[SmtpCore]) -> None:
    core = greeted(kind)
    said(core, b"MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n")
    for piece in (b"x" * 3000, b"x" * 3000, b"\r", b"\n.\r\nNOOP\r\n"):
        replies = codes(core, piece)
    assert replies == ["554 5.6.0", "250 2.0.0"]
