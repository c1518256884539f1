"""Messages have exactly the size that was asked for, an identity, and survive transparency."""

from __future__ import annotations

import email
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.messages import (
    LINE_OCTETS,
    CopyPress,
    Identity,
    Letterhead,
    MessagePress,
    Seen,
    body_of,
    identify,
    stuffed,
)

DATE = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def press(octets: int, *, seed: int = 0, recipients: tuple[str, ...] = ("bob@example.test",)) -> MessagePress:
    return MessagePress(letterhead(recipients), octets=octets, seed=seed)


def letterhead(recipients: tuple[str, ...] = ("bob@example.test",)) -> Letterhead:
    return Letterhead(
        run_id="0123abcd", origin=2, sender_number=34, sender="alice@example.test", recipients=recipients, date=DATE
    )


def unstuffed(wire: bytes) -> bytes:
    assert wire.endswith(b"\r\n.\r\n")
    return wire[:-3].replace(b"\r\n..", b"\r\n.")


@settings(max_examples=60)
@given(octets=st.integers(400, 2000), number=st.integers(1, 10**10 - 1))
def test_a_message_has_exactly_the_octets_asked_for(octets: int, number: int) -> None:
    message = press(octets).press(number)
    text = unstuffed(message.wire)
    assert len(text) == message.octets == octets
    assert all(len(line) <= 78 for line in text.split(b"\r\n"))
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert b"\r\n.\r\n" not in message.wire[:-5]


def test_messages_differ_in_their_token_and_digest_alone() -> None:
    made = press(500)
    one, two = made.press(1), made.press(2)
    assert one.token == b"0123abcd.002.00034.0000000001"
    assert one.wire.replace(one.token, two.token).replace(b"%016x" % one.digest, b"%016x" % two.digest) == two.wire


TRACE = b"Return-Path: <a@b>\r\nReceived: from x\r\n\tby y; Wed, 01 Jul 2026 12:00:00 +0000\r\n"


@given(octets=st.integers(400, 2000), number=st.integers(1, 10**10 - 1), traced=st.booleans())
def test_a_message_is_known_again_after_servers_have_put_their_trace_before_it(
    octets: int, number: int, *, traced: bool
) -> None:
    message = press(octets).press(number)
    found = (TRACE if traced else b"") + message.text
    assert message.text == unstuffed(message.wire)
    assert identify(found, "0123abcd") == Seen(Identity(2, 34, number), message.digest)
    folded = found.replace(b" %016x" % message.digest, b"\r\n\t%016x" % message.digest)
    assert identify(folded, "0123abcd") == Seen(Identity(2, 34, number), message.digest)
    assert identify(found, "99999999") is None


DAMAGES = {
    "an octet changed": lambda text: text[:-40] + b"\x7f" + text[-39:],
    "cut": lambda text: text[:-31],
    "stuffing left in": lambda text: text.replace(b"\r\n.", b"\r\n.."),
    "lines joined": lambda text: text[:-32] + text[-30:],
    "bare LF": lambda text: text[:-31].replace(b"\r\n\r\n", b"\r\n\r\n\n", 1) + text[-31:],
    "a line more": lambda text: text + b"\r\n",
    "nothing left of the body": lambda text: text.partition(b"\r\n\r\n")[0],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_body_is_told(damage: str) -> None:
    message = press(1500).press(5)
    changed = DAMAGES[damage](message.text)
    assert changed != message.text
    assert identify(changed, "0123abcd") == Seen(Identity(2, 34, 5), None)


def test_without_the_field_the_last_line_still_tells_whose_it_is() -> None:
    message = press(600).press(5)
    lines = [line for line in message.text.split(b"\r\n") if not line.startswith(b"X-Mailspec")]
    assert identify(b"\r\n".join(lines), "0123abcd") == Seen(Identity(2, 34, 5), None)
    assert identify(b"Subject: spam\r\n\r\nbuy\r\n", "0123abcd") is None
    assert identify(b"", "0123abcd") is None


@given(st.binary(max_size=300))
def test_any_octets_are_somebodys_or_nobodys(octets: bytes) -> None:
    assert identify(octets, "0123abcd") is None


def test_a_message_that_exists_goes_out_as_it_is() -> None:
    text = b"From: <a@b.test>\r\nSubject: x\r\n\r\n.dots\r\nand end\r\n"
    message = CopyPress(letterhead(), text).press(9)
    assert message.wire.endswith(b"\r\n\r\n..dots\r\nand end\r\n.\r\n")
    assert len(message.text) == message.octets
    assert message.text.endswith(text)
    assert identify(message.text, "0123abcd") == Seen(Identity(2, 34, 9), message.digest)
    with pytest.raises(ValueError, match="no header"):
        CopyPress(letterhead(), b"just words\r\n")


def test_a_message_reads_as_mail() -> None:
    recipients = tuple(f"user{number}@example.test" for number in range(50))
    message = press(4096, recipients=recipients).press(7)
    read = email.message_from_bytes(unstuffed(message.wire))
    assert read["Message-ID"] == f"<{message.token.decode()}@example.test>"
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
