"""BDAT: chunks, and what a refused chunk costs (RFC 3030, RFC 2033 §4.3)."""

from __future__ import annotations

import pytest

from reference_server.smtp.core import SmtpCore
from reference_server.smtp.lmtp import LmtpCore
from reference_server.smtp.session import State
from tests.reference_server.smtp_dialogue import codes, fresh, greeted, inbox, said, settings, without_trace

ENVELOPE = b"MAIL FROM:<a@client.example>%s\r\nRCPT TO:<alice@example.test>\r\n"
TAKEN = "250 2.0.0"


def opened(kind: type[SmtpCore] = SmtpCore, *, mail: bytes = b"", limit: int = 10_000) -> SmtpCore:
    """After MAIL and RCPT."""
    core = greeted(kind, changed=settings(max_message_octets=limit))
    assert codes(core, ENVELOPE % mail) == ["250 2.1.0", "250 2.1.5"]
    return core


def bdat(octets: bytes, *, last: bool = True) -> bytes:
    return b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"") + octets


def stored(core: SmtpCore) -> list[bytes]:
    return [without_trace(message) for message in inbox(core)]


def test_a_message_in_one_chunk_is_stored_as_it_came_dots_and_all() -> None:
    core = opened()
    text = b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\n"
    assert said(core, bdat(text)) == b"250 2.0.0 message accepted\r\n"
    assert stored(core) == [text]
    assert core.state is State.IDLE


def test_lines_go_on_from_chunk_to_chunk_and_each_chunk_has_its_reply() -> None:
    core = opened()
    chunks = [b"Subject: x\r", b"\n\r\nbo", b"dy\r\n"]
    octets = b"".join(bdat(chunk, last=False) for chunk in chunks) + b"bdat 0 last\r\n"
    assert said(core, octets).startswith(b"250 2.0.0 11 octets received\r\n")
    assert core.state is State.IDLE
    assert stored(core) == [b"".join(chunks)]


def test_the_last_line_may_lack_its_line_end() -> None:
    core = opened()
    assert codes(core, bdat(b"Subject: x\r\n\r\nno end")) == [TAKEN]
    assert stored(core) == [b"Subject: x\r\n\r\nno end"]


def test_one_octet_at_a_time_makes_no_difference() -> None:
    core = opened()
    stream = bdat(b"Subject: x\r\n", last=False) + bdat(b"\r\n") + b"NOOP\r\n"
    replies = b"".join(said(core, bytes([octet])) for octet in stream)
    assert replies == b"250 2.0.0 12 octets received\r\n250 2.0.0 message accepted\r\n250 2.0.0 ok\r\n"


def test_there_is_a_transaction_after_the_last_chunk_no_more() -> None:
    core = opened()
    assert codes(core, bdat(b"x\r\n") + bdat(b"QUIT\r\n") + b"NOOP\r\n") == [TAKEN, "503 5.5.1", TAKEN]
    assert len(inbox(core)) == 1


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("before", [b"", b"EHLO x\r\n"])
def test_a_chunk_outside_a_transaction_is_read_and_refused(before: bytes, *, last: bool) -> None:
    core = fresh()
    said(core, before)
    assert codes(core, bdat(b"QUIT\r\nNOOP\r\n", last=last) + b"NOOP\r\n") == ["503 5.5.1", TAKEN]
    assert core.state is (State.IDLE if before else State.FRESH)


def test_a_chunk_without_recipients_is_read_and_refused_and_ends_no_transaction_by_halves() -> None:
    core = greeted()
    said(core, b"MAIL FROM:<>\r\n")
    assert codes(core, bdat(b"RSET\r\n", last=False)) == ["503 5.5.1"]
    assert codes(core, b"RCPT TO:<alice@example.test>\r\nDATA\r\n") == ["503 5.5.1", "503 5.5.1"]
    assert codes(core, bdat(b"RSET\r\n", last=False) + bdat(b"RSET\r\n")) == ["503 5.5.1", "503 5.5.1"]
    assert core.state is State.IDLE
    assert codes(core, b"MAIL FROM:<>\r\n") == ["250 2.1.0"]
    assert inbox(core) == []


def test_data_and_bdat_do_not_mix_in_one_transaction_but_do_in_one_session() -> None:
    core = opened()
    mixed = bdat(b"x\r\n", last=False) + b"DATA\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\n"
    assert codes(core, mixed) == [TAKEN, "503 5.5.1", "503 5.5.1", "503 5.5.1"]
    assert codes(core, bdat(b"y\r\n")) == [TAKEN]
    assert codes(core, ENVELOPE % b"" + b"DATA\r\n") == ["250 2.1.0", "250 2.1.5", "354"]
    assert codes(core, b"BDAT 1\r\n.\r\n") == [TAKEN]
    assert stored(core) == [b"x\r\ny\r\n", b"BDAT 1\r\n"]


@pytest.mark.parametrize("command", [b"RSET\r\n", b"EHLO x\r\n", b"HELO x\r\n"])
def test_rset_between_chunks_drops_them(command: bytes) -> None:
    core = opened()
    said(core, bdat(b"x\r\n", last=False) + command)
    assert core.state is State.IDLE
    assert codes(core, ENVELOPE % b"" + bdat(b"y\r\n")) == ["250 2.1.0", "250 2.1.5", TAKEN]
    assert stored(core) == [b"y\r\n"]


def test_commands_that_need_no_order_may_stand_between_chunks() -> None:
    core = opened()
    between = b"NOOP\r\nVRFY alice\r\nHELP\r\n"
    assert codes(core, bdat(b"x\r\n", last=False) + between) == [TAKEN, TAKEN, "250 2.1.5", "214 2.0.0"]
    assert codes(core, bdat(b"y\r\n")) == [TAKEN]


MALFORMED = {
    "no size": b"BDAT\r\n",
    "no digits": b"BDAT x\r\n",
    "negative": b"BDAT -1\r\n",
    "digits and more": b"BDAT 3x\r\n",
    "LAST alone": b"BDAT LAST\r\n",
    "another word": b"BDAT 3 FOO\r\nabc",
    "too many words": b"BDAT 3 LAST FOO\r\nabc",
    "two spaces": b"BDAT  3 LAST\r\nabc",
    "a space too many": b"BDAT 3  LAST\r\nabc",
    "zero and a word": b"BDAT 0 FOO\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_bdat_gets_one_501_and_what_it_announces_is_read(name: str) -> None:
    core = opened()
    assert codes(core, MALFORMED[name] + b"NOOP\r\n") == ["501 5.5.4", TAKEN]
    assert core.state is State.CHUNKS_REFUSED
    # The message is not whole any more, so that its last chunk is refused too.
    assert codes(core, bdat(b"x\r\n") + b"MAIL FROM:<>\r\n") == ["501 5.5.4", "250 2.1.0"]
    assert inbox(core) == []


def test_a_malformed_bdat_outside_a_transaction_moves_nothing() -> None:
    core = greeted()
    assert codes(core, b"BDAT\r\nBDAT x\r\nNOOP\r\n") == ["503 5.5.1", "503 5.5.1", TAKEN]
    assert core.state is State.IDLE


def test_a_character_that_has_no_place_in_a_command_does_not_set_the_chunk_free() -> None:
    core = opened()
    assert codes(core, b"BDAT 6 \x01\r\nQUIT\r\nNOOP\r\n") == ["501 5.5.2", TAKEN]


def test_trailing_white_space_is_tolerated() -> None:
    core = opened()
    assert codes(core, b"BDAT 3 LAST \t\r\nx\r\n") == [TAKEN]


def test_leading_zeros_are_digits() -> None:
    core = opened()
    assert codes(core, b"BDAT 00003 LAST\r\nx\r\n") == [TAKEN]


def test_a_chunk_of_a_submission_waits_for_a_log_in_and_is_read_all_the_same() -> None:
    core = greeted(submission=True)
    assert codes(core, bdat(b"QUIT\r\n") + b"NOOP\r\n") == ["530 5.7.0", TAKEN]


def test_an_oversize_message_is_read_to_its_end_and_kept_nowhere() -> None:
    core = opened(limit=2000)
    line = b"x" * 98 + b"\r\n"
    assert codes(core, bdat(line * 20, last=False)) == [TAKEN]
    assert codes(core, bdat(line, last=False)) == ["552 5.3.4"]
    assert codes(core, bdat(line, last=False) + bdat(line)) == ["503 5.5.1", "552 5.3.4"]
    assert core.state is State.IDLE
    assert inbox(core) == []


def test_an_endless_chunk_fills_no_memory() -> None:
    core = opened(limit=2000)
    said(core, b"BDAT %d\r\n" % 10**60)
    for _ in range(100):
        assert said(core, b"x" * 4096) == b""
        assert len(core._pending) + len(core._unfinished_line) + sum(map(len, core._text)) <= 4096
    assert codes(core, b"\r\nQUIT\r\n") == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"a\nb\r\n", "554 5.6.0"),
        (b"a\rb\r\n", "554 5.6.0"),
        (b"a\0b\r\n", "554 5.6.0"),
        (b"a\r\n\r", "554 5.6.0"),
        (b"\xff\r\n", "554 5.6.1"),
        (b"x" * 998, TAKEN),
        (b"x" * 998 + b"\r\n", TAKEN),
        (b"x" * 999 + b"\r\n", "554 5.6.0"),
        (b"x" * 999, "554 5.6.0"),
        (b"x" * 3000 + b"\r\ny\r\n", "554 5.6.0"),
    ],
)
def test_text_in_chunks_keeps_the_rules_of_text(text: bytes, code: str) -> None:
    core = opened()
    assert codes(core, bdat(text) + b"NOOP\r\n") == [code, TAKEN]
    assert stored(core) == ([text] if code == TAKEN else [])


def test_the_reason_is_given_with_the_chunk_that_has_it_and_again_with_the_last() -> None:
    core = opened()
    octets = bdat(b"a\r\n", last=False) + bdat(b"\0\r\n", last=False) + bdat(b"b\r\n", last=False) + bdat(b"c")
    assert codes(core, octets) == [TAKEN, "554 5.6.0", "503 5.5.1", "554 5.6.0"]


def test_8bitmime_is_for_chunks_too() -> None:
    core = opened(mail=b" BODY=8BITMIME")
    assert codes(core, bdat(b"\xff\r\n")) == [TAKEN]


BINARY = bytes(range(256)) * 8 + b"\r\n.\r\nQUIT\r\n" + b"\n\0\r"


def test_binarymime_keeps_every_octet() -> None:
    core = opened(mail=b" BODY=BINARYMIME")
    assert codes(core, bdat(BINARY, last=False) + bdat(BINARY)) == [TAKEN, TAKEN]
    assert stored(core) == [BINARY * 2]


def test_binarymime_keeps_the_size() -> None:
    core = opened(mail=b" BODY=BINARYMIME", limit=len(BINARY) + 1)
    assert codes(core, bdat(BINARY, last=False) + bdat(b"xy")) == [TAKEN, "552 5.3.4"]


def test_binarymime_cannot_go_by_data() -> None:
    core = opened(mail=b" BODY=binarymime")
    assert codes(core, b"DATA\r\n") == ["503 5.5.1"]
    assert codes(core, bdat(BINARY)) == [TAKEN]


def test_silence_within_a_chunk_is_timed_like_silence_within_data() -> None:
    core = opened()
    assert core.deadline == 301.0
    said(core, b"BDAT 10\r\nabc")
    assert core.deadline == 181.0
    core.disconnected()
    assert core.deadline is None
    assert inbox(core) == []


LMTP = b"MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<carol@example.test>\r\nRCPT TO:<bob@example.test>\r\n"


def test_lmtp_answers_the_last_chunk_once_for_each_recipient() -> None:
    core = greeted(LmtpCore)
    assert codes(core, LMTP) == ["250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5"]
    assert codes(core, bdat(b"x\r\n", last=False) + bdat(b"y\r\n") + b"NOOP\r\n") == [TAKEN, TAKEN, TAKEN, TAKEN]
    assert stored(core) == [b"x\r\ny\r\n"]


def test_lmtp_refuses_the_last_chunk_once_for_each_recipient() -> None:
    core = greeted(LmtpCore)
    said(core, LMTP)
    octets = bdat(b"\0\r\n", last=False) + bdat(b"x\r\n", last=False) + bdat(b"y\r\n")
    assert codes(core, octets) == ["554 5.6.0", "503 5.5.1", "554 5.6.0", "554 5.6.0"]


def test_lmtp_has_nothing_to_say_to_the_last_chunk_for_nobody() -> None:
    core = greeted(LmtpCore)
    said(core, b"MAIL FROM:<>\r\nRCPT TO:<carol@example.test>\r\n")
    assert codes(core, bdat(b"QUIT\r\n", last=False) + bdat(b"QUIT\r\n") + b"NOOP\r\n") == ["503 5.5.1", TAKEN]
    # Outside a transaction there is nobody either, but BDAT is out of order and says so (RFC 3030 §2).
    assert codes(core, bdat(b"QUIT\r\n")) == ["503 5.5.1"]


class SeesEachLine(SmtpCore):
    """Takes exclamation marks off, line by line."""

    def keep_text_line(self, line: bytes) -> None:
        """Without the mark."""
        super().keep_text_line(line.replace(b"!", b""))


def test_a_core_that_wants_to_see_each_line_of_a_chunk_does() -> None:
    core = opened(SeesEachLine)
    assert codes(core, bdat(b"a!\r", last=False) + bdat(b"\nb!\r\n!\r\n")) == [TAKEN, TAKEN]
    assert stored(core) == [b"a\r\nb\r\n\r\n"]


class WithoutChunking(SmtpCore):
    """Offers neither of the two."""

    def offers_chunking(self) -> bool:
        """No."""
        return False


def test_bdat_is_no_command_where_chunking_is_not_offered() -> None:
    core = fresh(WithoutChunking)
    offered = said(core, b"EHLO x\r\n")
    assert b"CHUNKING" not in offered
    assert b"BINARYMIME" not in offered
    assert codes(core, b"BDAT 0 LAST\r\nMAIL FROM:<> BODY=BINARYMIME\r\n") == ["500 5.5.1", "501 5.5.4"]
