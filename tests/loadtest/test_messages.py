"""Messages have exactly the size that was asked for, an identity, and survive transparency."""

from __future__ import annotations

import email
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.mail.messages import (
    LINE_OCTETS,
    Identity,
    Letterhead,
    MessagePress,
    Seen,
    digest_of,
    identify,
    lines_of,
    stuffed,
)
from loadtest.mail.sizes import mixed, spread

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


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "without the field": lambda text: re.sub(rb"X-Mailspec.*\r\n", b"", text),
    "without field and Message-ID": lambda text: re.sub(rb"(?:X-Mailspec|Message-ID).*\r\n", b"", text),
    "without a header": lambda text: b"\r\n" + text.partition(b"\r\n\r\n")[2],
    "with a digest that is none": lambda text: re.sub(rb"(X-Mailspec.*).. (.{8})\r\n", rb"\1zz \2\r\n", text),
    "with another digest": lambda text: re.sub(rb"(X-Mailspec.*).. (.{8})\r\n", rb"\g<1>00 \2\r\n", text),
    "with a digest of the header that is none": lambda text: re.sub(rb"(X-Mailspec.*)..\r\n", rb"\1zz\r\n", text),
    "without a digest of the header": lambda text: re.sub(rb"(X-Mailspec.*) .{8}\r\n", rb"\1\r\n", text),
    "without Message-ID": lambda text: re.sub(rb"Message-ID.*\r\n", b"", text),
    "with another number in the field": lambda text: text.replace(b".0000000005 ", b".0000000006 "),
    "with another number in the Message-ID": lambda text: text.replace(b".0000000005@", b".0000000006@"),
    "with other numbers in the header": lambda text: re.sub(rb"\.0000000005([ @])", rb".0000000006\1", text),
    "with another number in the last line": lambda text: text.replace(b".0000000005\r", b".0000000006\r"),
    "with an empty line in the header": lambda text: b"Received: x\r\n\r\n" + text.replace(b"Message-ID", b"ID"),
    "cut within the header": lambda text: text[: text.index(b"Message-ID") - 10],
    "with its last two lines joined": lambda text: text[:-33] + text[-31:],
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_message_whose_identity_has_suffered_is_still_known_and_counts_as_damaged(how: str) -> None:
    text = press(600).press(5).text
    spoiled = SPOILED[how](text)
    assert spoiled != text
    assert identify(spoiled, "0123abcd") == Seen(Identity(2, 34, 5), None)


def test_a_report_that_quotes_a_message_is_not_that_message() -> None:
    text = press(600).press(5).text
    report = b"From: <mailer-daemon@example.test>\r\nSubject: failure\r\n\r\nBelow is your message.\r\n\r\n" + text
    assert identify(report, "0123abcd") is None
    quoting = b"From: <bob@example.test>\r\nReferences: <0123abcd.002.00034.0000000005@example.test>\r\n\r\nhi\r\n"
    assert identify(quoting, "0123abcd") is None
    assert identify(b"Subject: spam\r\n\r\nbuy\r\n", "0123abcd") is None
    assert identify(b"", "0123abcd") is None


@given(octets=st.integers(400, 900), data=st.data())
def test_no_octet_of_a_body_can_change_without_being_told(octets: int, data: st.DataObject) -> None:
    text = press(octets).press(3).text
    body_at = text.index(b"\r\n\r\n") + 4
    at = data.draw(st.integers(body_at, len(text) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda octet: octet != text[at]))
    seen = identify(text[:at] + bytes([other]) + text[at + 1 :], "0123abcd")
    assert seen == Seen(Identity(2, 34, 3), None)


@given(st.binary(max_size=300))
def test_any_octets_are_somebodys_or_nobodys(octets: bytes) -> None:
    assert identify(octets, "0123abcd") is None


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


@given(octets=st.integers(1, 3000), seed=st.integers(0, 9))
def test_the_text_is_whole_lines_of_which_one_in_eight_begins_with_a_period(octets: int, seed: int) -> None:
    text = lines_of(octets, random.Random(seed))
    assert octets <= len(text) < octets + LINE_OCTETS
    *lines, rest = text.split(b"\r\n")
    assert rest == b""
    assert all(len(line) == LINE_OCTETS - 2 and line.isascii() and b" " not in line for line in lines)
    assert [line.startswith(b".") for line in lines] == [number % 8 == 0 for number in range(len(lines))]


def test_a_body_of_every_length_is_stuffed_and_hashed_as_it_stands() -> None:
    for octets in range(308, 308 + 2 * 8 * LINE_OCTETS):
        message = press(octets).press(1)
        assert message.wire == stuffed(message.text) + b".\r\n"
        assert len(message.text) == octets
        assert digest_of(message.text.partition(b"\r\n\r\n")[2]) == message.digest


def announced(made: MessagePress, number: int) -> int:
    """The octets of a message, which were told before it was made."""
    upcoming = made.upcoming
    octets = made.press(number).octets
    assert upcoming == (octets, False)
    return octets


def test_sizes_come_in_an_order_of_each_users_own_and_each_as_often_as_it_should() -> None:
    sizes = spread(500, 520)
    one, other = (MessagePress(replace(letterhead(), sender_number=user), octets=sizes, seed=0) for user in (1, 2))
    of_one, of_other = ([announced(made, n) for n in range(42)] for made in (one, other))
    assert of_one != of_other
    assert of_one[:21] == of_one[21:]
    assert sorted(of_one[:21]) == sorted(of_other[:21]) == list(range(500, 521))


def test_a_header_that_needs_more_than_real_mail_has_makes_the_message_larger() -> None:
    recipients = tuple(f"user{number}@example.test" for number in range(200))
    made = MessagePress(letterhead(recipients), octets=mixed(), seed=0)
    messages = [made.press(number) for number in range(256)]
    assert min(message.octets for message in messages) > 900
    assert all(len(message.text) == message.octets for message in messages)
    with pytest.raises(ValueError, match="too few"):
        MessagePress(letterhead(recipients), octets=spread(1000, 5000), seed=0)


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
