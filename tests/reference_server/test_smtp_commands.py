"""Command lines looked up as a whole: the outcome is that of reading them step by step (RFC 5321 §4.1.1)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.core import Send, Settings, Surroundings
from reference_server.smtp.commands import plain_command
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.lmtp import LmtpCore
from reference_server.smtp.session import Verb
from reference_server.stores.memory import MemoryStore


class StepByStep(SmtpCore):
    """Reads every line in the long way."""

    def verb(self, word: bytes) -> Verb | None:
        return super().verb(word)


LINES = st.sampled_from(
    [
        *(b"EHLO x\r\n", b"ehlo  x\r\n", b"LHLO x\r\n", b"MAIL FROM:<>\r\n", b"MAIL FROM:<a@b.example> SIZE=9\t\r\n"),
        *(b"RCPT TO:<alice@example.test>\r\n", b"RCPT TO:<\xc3\xa4@b.example>\r\n", b"DATA\r\n", b"DATA x\r\n"),
        *(
            b".\r\n",
            b"text\r\n",
            b"RSET \r\n",
            b"RSET x\r\n",
            b"NOOP\tx\r\n",
            b"NOOP x\ty\r\n",
            b"NOOP\0\r\n",
            b"FOO\r\n",
        ),
        *(b"BDAT 3\r\n", b"abc", b"BDAT 0 LAST\r\n", b"AUTH LOGIN\r\n", b"*\r\n", b"NOOP " + b"x" * 600 + b"\r\n"),
        *(b"VRFY alice", b"\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"NOOP\r\nNOOP\r\n", b" NOOP\r\n", b"FOO\r\n"),
    ]
)


def said(kind: type[SmtpCore], segments: list[bytes], *, submission: bool) -> list[object]:
    core = kind(
        MemoryStore(first_uid_validity=1),
        Settings(unique=lambda: "u", allow_cleartext=True),
        Surroundings(submission=submission),
    )
    core.connected(0.0)
    return [core.receive(segment, 0.0) for segment in segments]


@settings(max_examples=300, deadline=None)
@given(segments=st.lists(LINES, max_size=12), submission=st.booleans())
def test_lines_looked_up_and_lines_read_come_to_the_same(segments: list[bytes], *, submission: bool) -> None:
    assert said(SmtpCore, segments, submission=submission) == said(StepByStep, segments, submission=submission)


def test_only_what_overrides_no_method_that_reads_lines_looks_them_up() -> None:
    assert SmtpCore.by_line
    assert LmtpCore.by_line
    assert not StepByStep.by_line


def test_a_greeting_of_another_protocol_is_not_obeyed() -> None:
    core = LmtpCore(MemoryStore(), Settings(), Surroundings())
    core.connected(0.0)
    assert core.receive(b"EHLO x\r\n", 0.0) == [Send(b"500 5.5.1 command not recognised\r\n")]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"mail FROM:<a@b>\r\n", (Verb.MAIL, b"FROM:<a@b>")),
        (b"DATA\r\n", (Verb.DATA, b"")),
        (b"STARTTLS \t\r\n", (Verb.STARTTLS, b"")),
        (b"NOOP  x \r\n", (Verb.NOOP, b" x")),
        (b"NOOP x\ty\r\n", None),
        (b"NOOP\tx\r\n", None),
        (b"NOOP \xe4\r\n", None),
        (b"NOOP\r\nNOOP\r\n", None),
        (b"NOOP\n", None),
        (b"NOOP", None),
        (b"AUTH PLAIN AGEAYg==\r\n", None),
        (b"auth plain AGEAYg==\r\n", None),
        (b"BDAT 3\r\n", None),
        (b"NOOP " + b"x" * 505 + b"\r\n", (Verb.NOOP, b"x" * 505)),
        (b"NOOP " + b"x" * 506 + b"\r\n", None),
    ],
)
def test_a_line_in_good_form_is_a_verb_and_an_argument(line: bytes, found: tuple[Verb, bytes] | None) -> None:
    assert plain_command(line, 512) == found


def test_a_lower_limit_holds_for_lines_that_are_looked_up_too() -> None:
    assert plain_command(b"NOOP x\r\n", 7) is None
