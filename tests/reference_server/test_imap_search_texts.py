"""What SEARCH compares: charsets, encoded words, fields, dates and bodies, quick ways and the MIME parser's alike."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reference_server.imap import casemap, decoded
from reference_server.imap.candidates import FEW_LOOKS, Candidate
from reference_server.imap.charsets import CODECS, codec_of, to_text
from reference_server.imap.fieldcache import ENTRY_CHARACTERS, MAX_KEPT_CHARACTERS, FieldCache
from reference_server.imap.headers import body_start, field_values
from reference_server.imap.mime import parse, split_header
from reference_server.imap.sentdate import moment_s, sent_date
from reference_server.imap.view import View
from reference_server.stores import StoredMessage
from reference_server.stores.mailbox import MemoryMailbox

MANY = settings(max_examples=200, deadline=None)


def candidate(octets: bytes) -> Candidate:
    """A message under search, in a mailbox of its own."""
    view = View(MemoryMailbox("INBOX", uid_validity=1), read_only=True, on_change=lambda: None)
    message = StoredMessage(uid=1, octets=octets, internal_date=datetime(2026, 3, 1, tzinfo=UTC))
    return Candidate(view, 1, message, casemap.folded)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?B?w6Q=?=", "ä"),
        (b"=?iso-8859-1?q?=E4_b?=", "ä b"),
        (b"=?utf-8*de?q?=C3=A4?= =?utf-8?q?=C3=B6?= x", "äö x"),
        (b"a =?utf-8?q?b?= c =?utf-8?q?d?= e", "a b c d e"),
        (b"=?utf-8?q?=C3=A4?=\t =?iso-8859-1?q?=F6?=", "äö"),
        (b"=?utf-8?b?w6Q=?==?utf-8?b?w7Y=?=", "äö"),
        # One character in two words: against RFC 2047 §5, and common.
        (b"=?utf-8?b?w6TD?= =?UTF-8?Q?=B6?=", "äö"),
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?nonsense?q?a?=", "a"),
        (b"=?rot13?q?a?=", "a"),
        (b"=?punycode?q?a-b?=", "a-b"),
        (b"=?utf-8?b?w6R?=", "ä"),
        (b"=?utf-8?b?w?=", ""),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?a b?=", "=?utf-8?q?a b?="),
        (b"=?utf-8?q?open", "=?utf-8?q?open"),
        (b"\xff raw", "\ufffd raw"),
    ],
)
def test_encoded_words(value: bytes, text: str) -> None:
    assert decoded.decode_words(value) == text


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF-8", "utf_8"),
        ("iso-8859-15", "iso8859_15"),
        ("KOI8-U", "koi8_u"),
        ("windows-874", "cp874"),
        ("x-unknown", None),
        ("unicode_escape", None),
        ("punycode", None),
        ("base64", None),
        ("utf\u20118", None),
        ("x" * 65, None),
    ],
)
def test_only_charsets_of_mail_have_a_codec(name: str, codec: str | None) -> None:
    assert codec_of(name) == codec


def test_octets_become_text_whatever_they_are() -> None:
    assert to_text(b"\xe4", "iso-8859-1") == "ä"
    assert to_text(b"\xc3\xa4\xff", "klingon") == "ä\ufffd"
    assert to_text(b"+AOQ", "utf-7") == "ä"


@given(octets=st.binary(max_size=30), charset=st.sampled_from(sorted(CODECS)))
@MANY
def test_no_octets_are_an_error_in_any_charset(octets: bytes, charset: str) -> None:
    assert isinstance(to_text(octets, charset), str)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Hello", "HELLO"),
        ("grüße", "GRU\u0308ßE"),
        ("É", "E\u0301"),
        # U+01C4 in title case is U+01C5, that is D and U+017E, that is z and a caron: small letters stay (RFC 5051 §2).
        ("\u01c4x", "Dz\u030cX"),
        ("\ufb01", "fi"),
        ("각", "각"),
        ("ἀ", "\u0391\u0313"),
        ("\ud800x", "\ud800X"),
        # What a mathematical alpha decomposes to stays small, also where there are alphas.
        ("\U0001d6c2α", "αΑ"),
        ("ü\u0308u", "U\u0308\u0308U"),
    ],
)
def test_folding_is_title_case_and_decomposition(text: str, folded: str) -> None:
    assert casemap.folded(text) == folded


@given(text=st.text(max_size=40))
@example("".join(map(chr, range(0xC0, 0x250))))
@MANY
def test_texts_are_folded_character_by_character(text: str) -> None:
    one_by_one = "".join(casemap.folded(character) for character in text)
    assert casemap.folded(text) == one_by_one


def test_few_characters_are_remembered_by_folding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(casemap, "MAX_REMEMBERED", 2)
    monkeypatch.setattr(casemap, "_FOLDING", casemap._Folding())
    assert casemap.folded("äöüä") == "A\u0308O\u0308U\u0308A\u0308"
    assert len(casemap._FOLDING) == 2


@given(octets=st.lists(st.sampled_from([b"\r\n", b"\n", b"A:", b"x", b" ", b"\t", b"\r"]), max_size=12).map(b"".join))
@MANY
def test_headers_end_where_the_parser_says(octets: bytes) -> None:
    assert body_start(octets) == split_header(octets, 0, len(octets))[1]


@given(
    octets=st.lists(
        st.sampled_from([b"\r\n", b"\n", b"a", b"A:", b"A :", b"ab:", b"x", b" ", b"\t", b":", b"\r"]), max_size=14
    ).map(b"".join)
)
@MANY
def test_fields_are_found_as_the_parser_finds_them(octets: bytes) -> None:
    fields, end = split_header(octets, 0, len(octets))
    under_search = candidate(octets)
    for name in (b"A", b"AB", b"") * FEW_LOOKS:
        values = [field.value for field in fields if field.name == name]
        assert field_values(octets, end, name) == values
        assert under_search.values(name) == values


def test_a_name_that_no_field_can_have_finds_none() -> None:
    assert field_values(b"a b: c\r\n\r\n", 9, b"A B") == []


def test_fields_that_cannot_be_kept_are_decoded_once_all_the_same() -> None:
    under_search = candidate(b"A: =?utf-8?q?=C3=A4?=\r\nA: b\r\nC: d\r\n\r\n")
    under_search.view.fields.keep("FILL", 1, ("x" * (MAX_KEPT_CHARACTERS - ENTRY_CHARACTERS),))
    for name, values in (("A", ("A\u0308", "B")), ("C", ("D",)), ("E", ())) * 2:
        assert under_search.fields(name) == values
        assert under_search.fields(name) is under_search.fields(name)


PIECES = [
    b"Content-Type: text/plain\r\n",
    b"Content-Type: text/html; charset=utf-8\r\n",
    b'Content-Type: text/plain; charset="iso-8859-1"; format=flowed\r\n',
    b"Content-Type: text/plain;\r\n charset=us-ascii\r\n",
    b"Content-Type: text/plain; charset=utf-7\r\n",
    b"Content-Type: text/plain; charset=utf-16\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: application/x\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: ba(x)se64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Transfer-Encoding: 7bit\r\n",
    b"Content-Transfer-Encoding: x-other\r\n",
    b"Subject: =?utf-8?q?a?=\r\n",
    b"Subject: one\r\n",
    b"Subject: o\r\n ne a\r\n",
    b"\r\n",
    b"\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"one\r\n",
    b"o=6Ee\r\n",
    b"b25l\r\n",
    b"=?utf-8?q?one?=\r\n",
    b"+AOQ-\r\n",
    b"\xc3\xa4\r\n",
]


@given(
    octets=st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join),
    wanted=st.sampled_from(["one", "a", "e a", "ä"]),
)
@MANY
def test_the_quick_ways_find_what_the_parser_finds(octets: bytes, wanted: str) -> None:
    folded = casemap.folded(wanted)
    entity = parse(octets)
    under_search = candidate(octets)
    header = [
        casemap.folded(decoded.decode_words(f.octets.replace(b"\r\n", b"").replace(b"\n", b""))) for f in entity.fields
    ]
    assert (folded in under_search.header) == any(folded in text for text in header)
    assert under_search.body_has(folded) == any(folded in casemap.folded(text) for text in decoded.body_texts(entity))
    # And once more, now that something is known.
    assert under_search.body_has(folded) == under_search.body_has(folded)


@pytest.mark.parametrize(
    ("octets", "wanted", "found"),
    [
        # Media other than text count for nothing, though their octets have the word.
        (b"Content-Type: application/x\r\n\r\none\r\n", "one", False),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: o\r\n ne\r\n\r\n--b--\r\n", "o ne", True),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\none\r\n--b\r\n\r\n--b--\r\n", "one", False),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nxyz\r\n--b--\r\n", "one", False),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ncharset=utf-8 x\r\n--b--\r\n", "one", False),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ncharset=utf-7 +AOQ-\r\n--b--\r\n", "ä", False),
        (b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe4\r\n", "ä", True),
        (b"Content-Type: text/plain; charset=koi8-r\r\n\r\n\xd4\r\n", "т", True),
        (b"Content-Type: text/plain" + b"; format=flowed" * 20 + b"\r\n\r\none\r\n", "one", True),
        (b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain\r\n\r\nb25l\r\n", "one", True),
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding:\r\n base64\r\n\r\nb25l\r\n", "one", True),
        (b"Content-Type: text/plain\r\nContent-Transfer: base64\r\n\r\nb25l\r\n", "one", False),
    ],
)
def test_bodies_have_what_their_texts_have(octets: bytes, wanted: str, found: bool) -> None:
    assert candidate(octets).body_has(casemap.folded(wanted)) == found


@pytest.mark.parametrize(
    ("value", "day", "clock"),
    [
        (b"Sun, 1 Mar 2026 11:59:59 +0000", date(2026, 3, 1), "1 11:59:59"),
        (b"1 mar 26 11:59 GMT", date(2026, 3, 1), "1 11:59:00"),
        (b"1 March 99", date(1999, 3, 1), "1 00:00:00"),
        (b"1 Mar 126", date(2026, 3, 1), "1 00:00:00"),
        (b"1 Mar 2026 23:30:00 -0130", date(2026, 3, 1), "2 01:00:00"),
        (b"1 Mar 2026 23:30:00 +0130", date(2026, 3, 1), "1 22:00:00"),
        (b"1 Mar 2026 23:30:00 EST", date(2026, 3, 1), "2 04:30:00"),
        (b"1 Mar 2026 23:30:00 XYZ", date(2026, 3, 1), "1 23:30:00"),
        (b"1 Mar 2026 23:30:00 +0099", date(2026, 3, 1), "1 23:30:00"),
        (b"1 Mar 2026 23:30:60", date(2026, 3, 1), "1 23:31:00"),
        (b"1 Mar 2026 24:30:00 +0100", date(2026, 3, 1), "1 00:00:00"),
        (b"(on a) 1 (day (in)) Mar(ch) 2026 (at) 23:30 (local) -0130 (what)", date(2026, 3, 1), "2 01:00:00"),
    ],
)
def test_dates_of_messages(value: bytes, day: date, clock: str) -> None:
    sent = sent_date(value)
    assert sent is not None
    assert sent.day == day
    moment = datetime.strptime(f"{day.year} {day.month} {clock}", "%Y %m %d %H:%M:%S").replace(tzinfo=UTC)
    assert sent.moment_s == moment_s(moment)


@pytest.mark.parametrize("value", [b"31 Feb 2026", b"yesterday", b"", b"0 Mar 2026", None])
def test_what_is_no_date(value: bytes | None) -> None:
    assert sent_date(value) is None


def test_moments_are_compared_without_their_zones() -> None:
    west = timezone(-timedelta(hours=3, minutes=30))
    assert moment_s(datetime(2026, 1, 1, 0, 0, tzinfo=UTC)) == moment_s(datetime(2025, 12, 31, 20, 30, tzinfo=west))
    assert moment_s(datetime(2026, 1, 1)) == moment_s(datetime(2026, 1, 1, tzinfo=UTC))
    assert moment_s(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))) < moment_s(datetime(1, 1, 1, tzinfo=UTC))


def test_the_field_cache_keeps_no_more_than_it_may() -> None:
    cache = FieldCache()
    cache.keep("SUBJECT", 1, ("x" * (MAX_KEPT_CHARACTERS - 2 * ENTRY_CHARACTERS),))
    cache.keep("SUBJECT", 2, ("too long",))
    cache.keep("SUBJECT", 3, ())
    assert cache.get("SUBJECT", 1) is not None
    assert cache.get("SUBJECT", 2) is None
    assert cache.get("SUBJECT", 3) == ()


@pytest.mark.parametrize(
    "octets",
    [
        b"Subject: " + b"=?utf-8?q?" * 100_000,
        b"Subject: " + b"=?" * 500_000,
        b"Subject: " + b"=?utf-8?b?w6Q=?= " * 60_000,
        b"Subject:\r\n" + b" \r\n" * 300_000,
        b"\n" * 1_000_000,
        b"\r\n\r" * 300_000,
        b"Subject :" * 100_000,
        b"Date: " + b"1 " * 500_000,
        b"Date: 1 Jan" + b" " * 1_000_000,
        b"Date: 1 Jan 2026" + b" " * 1_000_000,
        b"Date: " + b"(" * 1_000_000,
        b"Content-Type: text/plain" + b"; format=flowed" * 60_000,
        b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * 1_000_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"charset=utf-8 " * 70_000,
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n" * 300_000,
        b"\r\n" + "ﷺ".encode() * 300_000,
    ],
    ids=lambda octets: repr(octets[:40] + octets[-8:]),
)
def test_hostile_messages_take_no_more_than_linear_time_to_search(octets: bytes) -> None:
    started = time.process_time()
    under_search = candidate(octets)
    assert "XYZZY" not in under_search.header
    assert not under_search.body_has("XYZZY")
    assert under_search.fields("SUBJECT") is under_search.fields("SUBJECT") or len(octets) > MAX_KEPT_CHARACTERS
    assert under_search.sent is None or under_search.sent.day.year == 2026
    # Quadratic work on this much takes minutes; the bound only has to tell that apart from a busy machine.
    assert time.process_time() - started < 20
