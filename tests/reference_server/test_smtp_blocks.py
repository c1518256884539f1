"""Mail text in blocks: whatever comes, however it is cut, the outcome is that of reading line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reference_server.core import Send, Settings, Surroundings
from reference_server.smtp import blocks
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.limits import SmtpLimits
from reference_server.stores.memory import MemoryStore

NOON = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
BEGIN_DATA = b"EHLO x\r\nMAIL FROM:<a@b.example>%s\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"


class LineByLine(SmtpCore):
    """Sees each line, so that nothing is taken in blocks."""

    def unstuff(self, line: bytes) -> bytes:
        return super().unstuff(line)


PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\r", b"\n", b".", b"..", b"\0", b"\xff", b"a", b"text", b".\r\n", b"..\r\n", b".x\r\n"),
        *(b"\r\n.", b"\r\n..", b"\r\n.\r\n", b"\n.\r\n", b"\r\r\n", b"Received: x\r\n", b"x" * 38, b"x" * 41 + b"\r\n"),
        b"NOOP\r\n",
    ]
)
TEXTS = st.lists(PIECES, max_size=30).map(b"".join)


def outcome(kind: type[SmtpCore], pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    store = MemoryStore(first_uid_validity=1)
    core = kind(
        store,
        Settings(
            wall_clock=lambda: NOON,
            unique=lambda: "id1",
            max_message_octets=300,
            smtp_limits=SmtpLimits(text_line_octets=40),
        ),
        Surroundings(),
    )
    core.connected(0.0)
    actions = [action for piece in pieces for action in core.receive(piece, 0.0)]
    sent = b"".join(action.octets for action in actions if isinstance(action, Send))
    inbox = store.accounts[0].mailbox("INBOX")
    assert inbox is not None
    return sent, [message.octets for message in inbox.messages]


def test_only_what_overrides_no_method_that_sees_lines_reads_blocks() -> None:
    assert SmtpCore.by_block
    assert not LineByLine.by_block
    both: type[SmtpCore] = type("Both", (LineByLine, SmtpCore), {})
    assert not both.by_block


@settings(max_examples=300, deadline=None)
@given(
    text=TEXTS,
    cuts=st.lists(st.integers(0, 300), max_size=6),
    body=st.sampled_from([b"", b" BODY=8BITMIME"]),
)
@example(text=b"x" * 50 + b"\r\n.\r\n", cuts=[45, 60], body=b"")
@example(text=b"x" * 50 + b"a\r\nb\r\n.\r\n", cuts=[45, 48, 90, 94], body=b"")
def test_blocks_and_lines_come_to_the_same(text: bytes, cuts: list[int], body: bytes) -> None:
    stream = BEGIN_DATA % body + text + b"\r\n.\r\nNOOP\r\n"
    start = len(BEGIN_DATA % body)
    edges = [0, *sorted(start + cut for cut in cuts if start + cut <= len(stream)), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    expected = outcome(LineByLine, [stream])
    assert outcome(SmtpCore, pieces) == expected
    assert outcome(SmtpCore, [bytes([octet]) for octet in stream]) == expected


@settings(max_examples=100, deadline=None)
@given(chunks=st.lists(TEXTS, min_size=1, max_size=4))
def test_chunks_of_bdat_come_to_the_same_too(chunks: list[bytes]) -> None:
    stream = (BEGIN_DATA % b"").removesuffix(b"DATA\r\n")
    stream += b"".join(b"BDAT %d\r\n%s" % (len(chunk), chunk) for chunk in chunks) + b"BDAT 0 LAST\r\nNOOP\r\n"
    expected = outcome(LineByLine, [stream])
    assert outcome(SmtpCore, [stream]) == expected
    assert outcome(SmtpCore, [bytes([octet]) for octet in stream]) == expected


@pytest.mark.parametrize(
    ("pending", "found"),
    [
        (b".\r\nrest", (0, 3, False)),
        (b"a\r\n.\r\nrest", (3, 6, False)),
        (b".a\r\n.\r\nrest", (4, 7, True)),
        (b"a\r\n.b\r\n.\r\n", (7, 10, True)),
        (b"a\r\n.b\r\nc", (7, 0, True)),
        (b"a\r\nb\r\n.", (6, 0, False)),
        (b"a\r\nb", (3, 0, False)),
        (b".a\r\nb", (4, 0, True)),
        (b"ab", (0, 0, False)),
        (b"a\n.b\r\nc.\r\n", (10, 0, False)),
        (b"\r\n.b\r\n", (6, 0, True)),
    ],
)
def test_a_block_ends_before_the_lone_dot_or_after_the_last_whole_line(
    pending: bytes, found: tuple[int, int, bool]
) -> None:
    assert blocks.whole_lines(pending, 0) == found
    assert blocks.whole_lines(b"XY" + pending, 2) == (found[0] + 2, found[1] and found[1] + 2, found[2])
    assert blocks.whole_lines(b"\r\n" + pending, 2) == (found[0] + 2, found[1] and found[1] + 2, found[2])


def test_one_dot_goes_from_each_line_that_has_one() -> None:
    assert blocks.unstuffed(b"..a\r\n.\r\n.b\r\nc.\r\n") == b".a\r\n\r\nb\r\nc.\r\n"


@pytest.mark.parametrize(
    ("block", "plain"),
    [
        (b"", True),
        (b"a\r\n" * 9, True),
        (b"12345678\r\n" * 3, True),
        (b"123456789\r\n", False),
        (b"a\r\n123456789\r\n", False),
        (b"a\r\n" * 5 + b"123456789\r\n", False),
        (b"a\rb\r\n", False),
        (b"a\nb\r\n", False),
        (b"a\n\r\r\n", False),
        (b"a\n\r\n", False),
        (b"a\r\r\n\n", False),
        (b"\n\r", False),
        (b"a\r\n\r\n", True),
        (b"a\0\r\n", False),
        (b"\xff\r\n", False),
    ],
)
def test_a_plain_block_has_nothing_that_could_be_refused(block: bytes, *, plain: bool) -> None:
    assert blocks.is_plain(block, line_octets=10, eight_bit=False) is plain


def test_eight_bit_text_is_plain_where_it_is_allowed() -> None:
    assert blocks.is_plain(b"\xff\r\n", line_octets=10, eight_bit=True)
