"""Messages have exactly the size that was asked for, an identity, and survive transparency."""

from __future__ import annotations

import email
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.messages import LINE_OCTETS, MessagePress, body_of, stuffed

DATE = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def press(octets: int, *, seed: int = 0, recipients: tuple[str, ...] = ("bob@example.test",)) -> MessagePress:
    return MessagePress(
        run_id="0123abcd",
        sender="alice@example.test",
        recipients=recipients,
        octets=octets,
        seed=seed,
        date=DATE,
    )


def unstuffed(wire: bytes) -> bytes:
    assert wire.endswith(b"\r\n.\r\n")
    return wire[:-3].replace(b"\r\n..", b"\r\n.")


@settings(max_examples=60)
@given(octets=st.integers(200, 2000), number=st.integers(1, 10**10 - 1))
def test_a_message_has_exactly_the_octets_asked_for(octets: int, number: int) -> None:
    message = press(octets).press(number)
    text = unstuffed(message.wire)
    assert len(text) == message.octets == octets
    assert all(len(line) <= 78 for line in text.split(b"\r\n"))
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert b"\r\n.\r\n" not in message.wire[:-5]


def test_messages_differ_in_their_token_alone() -> None:
    made = press(500)
    one, two = made.press(1), made.press(2)
    assert one.token == "0123abcd.0000000001"
    assert one.wire.replace(one.token.encode(), two.token.encode()) == two.wire


def test_a_message_reads_as_mail() -> None:
    recipients = tuple(f"user{number}@example.test" for number in range(50))
    message = press(4096, recipients=recipients).press(7)
    read = email.message_from_bytes(unstuffed(message.wire))
    assert read["Message-ID"] == f"<{message.token}@example.test>"
    assert read["From"] == "<alice@example.test>"
    assert read["To"].count("@") == 50
    assert read["Date"] == "Wed, 01 Jul 2026 12:00:00 +0000"
    assert read.defects == []


def test_the_body_follows_from_the_seed_and_has_lines_begun_by_a_period() -> None:
    assert press(900, seed=1).press(1).wire == press(900, seed=1).press(1).wire
    assert press(900, seed=1).press(1).wire != press(900, seed=2).press(1).wire
    assert press(900).press(1).wire.count(b"\r\n..") >= 1


def test_too_few_octets_for_the_header_are_refused_with_the_least_that_do() -> None:
    with pytest.raises(ValueError, match=r"needs ([0-9]+) octets here, 10 are too few") as caught:
        press(10)
    least = int(str(caught.value).split()[3])
    assert len(unstuffed(press(least).press(1).wire)) == least
    with pytest.raises(ValueError, match="too few"):
        press(least - 1)


@given(octets=st.integers(2, 400))
def test_a_body_is_whole_lines_of_the_size_asked_for(octets: int) -> None:
    import random

    body = body_of(octets, random.Random(1))
    assert len(body) == octets
    assert body.endswith(b"\r\n")
    assert all(len(line) + 2 <= LINE_OCTETS for line in body.split(b"\r\n"))


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (b".\r\n", b"..\r\n"),
        (b"a\r\n.b\r\n", b"a\r\n..b\r\n"),
        (b"..\r\n.\r\n", b"...\r\n..\r\n"),
        (b"a.\r\n", b"a.\r\n"),
    ],
)
def test_a_period_is_put_before_lines_that_begin_with_one(text: bytes, wire: bytes) -> None:
    assert stuffed(text) == wire
