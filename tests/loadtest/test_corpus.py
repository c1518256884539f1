"""A folder of messages goes out as it is, each with an identity, and what cannot be sent is named."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.mail.corpus import Corpus, CorpusError, CorpusPress, letter_of, load_corpus
from loadtest.mail.messages import Identity, Letterhead, MessagePress, Seen, identify, stuffed
from loadtest.mail.supply import largest_octets, left_out_of, press_of, supply_of

PLAIN = b"From: <a@b.test>\r\nSubject: x\r\n\r\n.dots\r\nand end\r\n"


def letterhead(user: int = 34) -> Letterhead:
    return Letterhead(
        run_id="0123abcd", origin=2, sender_number=user, sender="alice@example.test",
        recipients=("bob@example.test",), date=datetime(2026, 7, 1, tzinfo=UTC),
    )  # fmt: skip


def press(*files: bytes, user: int = 34) -> CorpusPress:
    letters = tuple(letter_of(f"{number}.eml", octets) for number, octets in enumerate(files))
    return CorpusPress(letterhead(user), Corpus(Path("mail"), letters), seed=0)


def test_a_message_that_exists_goes_out_as_it_is() -> None:
    message = press(PLAIN).press(9)
    assert message.text == (
        b"X-Mailspec: 0123abcd.002.00034.0000000009 %016x -\r\n" % message.digest
        + b"Message-ID: <0123abcd.002.00034.0000000009@example.test>\r\n"
        + PLAIN
    )
    assert message.wire.endswith(b"\r\n\r\n..dots\r\nand end\r\n.\r\n")
    assert len(message.text) == message.octets
    assert not message.eight_bit
    assert identify(message.text, "0123abcd") == Seen(Identity(2, 34, 9), message.digest)


def test_what_would_lead_servers_astray_is_taken_out() -> None:
    text = (
        b"From a@b.test Wed Jul  1 12:00:00 2026\nReturn-Path: <x@y>\nFrom: <a@b.test>\n"
        b"message-id:\n <old@b.test>\nX-Mailspec: old\nReferences: <older@b.test>\n\nbody"
    )
    message = press(text).press(1)
    assert message.text.endswith(b"From: <a@b.test>\r\nReferences: <older@b.test>\r\n\r\nbody\r\n")
    assert b"old@b.test" not in message.text
    assert message.text.lower().count(b"message-id") == 1


@given(
    st.lists(st.binary(max_size=60).filter(lambda line: b"\0" not in line), max_size=6),
    st.sampled_from([b"\r\n", b"\n", b"\r"]),
)
def test_whatever_the_body_it_arrives_and_is_known_again(lines: list[bytes], end: bytes) -> None:
    message = press(b"Subject: x" + end + end + end.join(lines)).press(7)
    assert message.wire == stuffed(message.text) + b".\r\n"
    assert len(message.text) == message.octets
    assert b"\n" not in message.text.replace(b"\r\n", b"")
    assert message.eight_bit == (max(message.text) > 127)
    assert identify(message.text, "0123abcd") == Seen(Identity(2, 34, 7), message.digest)


def test_all_letters_are_sent_before_any_is_sent_again_and_users_differ() -> None:
    files = [PLAIN + b"%d\r\n" % number for number in range(10)]
    orders = []
    for user in (1, 2):
        made = press(*files, user=user)
        digests = [made.press(number).digest for number in range(20)]
        assert set(Counter(digests[:10]).values()) == {1}
        assert digests[:10] == digests[10:]
        orders.append(digests)
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "does not begin with a header field"),
        (b"just words\r\n", "does not begin with a header field"),
        (b"\r\nbody\r\n", "does not begin with a header field"),
        (b"A: b\r\n\r\n\0\r\n", "NUL"),
        (b"Subject: \xc3\xa9\r\n\r\n", "SMTPUTF8"),
        (b"A: b\r\n\r\nshort\r\n" + b"x" * 999 + b"\r\n", "line 4 is longer than 1000 octets"),
    ],
)
def test_what_smtp_cannot_carry_is_named(octets: bytes, why: str) -> None:
    with pytest.raises(CorpusError, match=rf"^bad\.eml: .*{why}"):
        letter_of("bad.eml", octets)


def test_a_folder_is_read_by_name_and_without_what_is_no_mail(tmp_path: Path) -> None:
    (tmp_path / "b.eml").write_bytes(PLAIN)
    (tmp_path / "a.EML").write_bytes(b"Subject: only a header\n")
    (tmp_path / "notes.txt").write_bytes(b"no mail")
    (tmp_path / "sub.eml").mkdir()
    corpus = load_corpus(tmp_path)
    assert [letter.name for letter in corpus.letters] == ["a.EML", "b.eml"]
    assert corpus.letters[0].header == b"Subject: only a header\r\n"
    assert corpus.letters[0].body == b""
    assert not corpus.eight_bit
    assert corpus.seven_bit() == corpus


def test_letters_of_eight_bits_stay_at_home_where_they_cannot_be_sent(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"Subject: x\n\n\xc3\xa9\n")
    with pytest.raises(CorpusError, match="8BITMIME"):
        press_of(letterhead(), str(tmp_path), seed=0, eight_bit=False)
    with pytest.raises(CorpusError, match="8BITMIME"):
        left_out_of(str(tmp_path))
    made = press_of(letterhead(), str(tmp_path), seed=0)
    assert made.upcoming == (len(made.press(1).text), True)
    assert made.press(2).eight_bit
    supply_of.cache_clear()
    (tmp_path / "b.eml").write_bytes(PLAIN)
    made = press_of(letterhead(), str(tmp_path), seed=0, eight_bit=False)
    assert not any(made.press(number).eight_bit for number in range(4))
    assert left_out_of(str(tmp_path)) == 1
    supply_of.cache_clear()


def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no file whose name ends in \.eml"):
        load_corpus(tmp_path)
    with pytest.raises(CorpusError, match="nowhere is no folder"):
        load_corpus(tmp_path / "nowhere")
    (tmp_path / "a.eml").write_bytes(b"junk")
    with pytest.raises(CorpusError, match=r"^a\.eml: "):
        load_corpus(tmp_path)


def test_one_word_says_what_messages_are_made_of(tmp_path: Path) -> None:
    assert isinstance(press_of(letterhead(), "4k", seed=0), MessagePress)
    assert press_of(letterhead(), "4k", seed=0).press(1).octets == largest_octets("4k") == 4096
    assert left_out_of("4k") == 0
    (tmp_path / "a.eml").write_bytes(PLAIN)
    assert isinstance(press_of(letterhead(), str(tmp_path), seed=0), CorpusPress)
    assert largest_octets(str(tmp_path)) == len(PLAIN)
    with pytest.raises(ValueError, match=r"write 4096, 16k, 1k-64k or mixed, or the path of a folder"):
        supply_of("large")
    with pytest.raises(CorpusError, match="no folder"):
        supply_of("no/such/folder")
