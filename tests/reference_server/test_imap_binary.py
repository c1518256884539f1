"""BINARY (RFC 3516): parts without their transfer encoding, and APPEND of NUL; UTF8 of APPEND (RFC 6855 §4)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.imap.encoding import encode_binary
from reference_server.imap.mime import parse
from reference_server.stores.lazy import LazyMessage
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, inbox, message, new_store, selected
from tests.reference_server.imap_recognised import enabled

MIXED = message(
    """
    Content-Type: multipart/mixed; boundary=b

    --b
    Content-Transfer-Encoding: quoted-printable

    caf=C3=A9=20
    --b
    Content-Type: image/png
    Content-Transfer-Encoding: BASE64

    AAEC
    /w==
    --b
    Content-Type: image/png
    Content-Transfer-Encoding: base64

    YWJj
    --b
    Content-Type: message/rfc822

    Subject: inside

    text
    --b
    Content-Transfer-Encoding: x-uuencode

    begin
    --b
    Content-Type: multipart/alternative; boundary=c
    Content-Transfer-Encoding: base64

    --c

    in base64, which no multipart may be
    --c--
    --b--
    """
)


def with_message(octets: bytes) -> MemoryStore:
    store = new_store()
    inbox(store).append(octets)
    return store


@pytest.mark.parametrize(
    ("item", "value"),
    [
        (b"BINARY.PEEK[1]", b"BINARY[1] {6}\r\ncaf\xc3\xa9 "),
        (b"BINARY.PEEK[2]", b"BINARY[2] ~{4}\r\n\x00\x01\x02\xff"),
        (b"BINARY.PEEK[2]<1.2>", b"BINARY[2]<1> {2}\r\n\x01\x02"),
        (b"BINARY.PEEK[2]<9.2>", b"BINARY[2]<9> {0}\r\n"),
        (b"BINARY.SIZE[2]", b"BINARY.SIZE[2] 4"),
        (b"BINARY.PEEK[3]", b"BINARY[3] {3}\r\nabc"),
        (b"BINARY.PEEK[4]", b"BINARY[4] {23}\r\nSubject: inside\r\n\r\ntext"),
        (b"BINARY.PEEK[4.1]", b"BINARY[4.1] {4}\r\ntext"),
        (b"BINARY.PEEK[9]", b"BINARY[9] NIL"),
        (b"BINARY.PEEK[9]<0.1>", b"BINARY[9]<0> NIL"),
        (b"BINARY.SIZE[9]", b"BINARY.SIZE[9] 0"),
        (b"BINARY.PEEK[6.1]", b"BINARY[6.1] {36}\r\nin base64, which no multipart may be"),
    ],
)
def test_parts_come_without_their_transfer_encoding(item: bytes, value: bytes) -> None:
    said = enabled(with_message(MIXED)).say(b"b FETCH 1 %b\r\n" % item)
    assert said == b"* 1 FETCH (%b)\r\nb OK FETCH completed\r\n" % value


def test_the_empty_section_is_the_message() -> None:
    said = enabled(with_message(MIXED)).say(b"b FETCH 1 (BINARY.SIZE[] BINARY.PEEK[])\r\n")
    assert said == b"* 1 FETCH (BINARY.SIZE[] %d BINARY[] {%d}\r\n%b)\r\nb OK FETCH completed\r\n" % (
        len(MIXED),
        len(MIXED),
        MIXED,
    )


@pytest.mark.parametrize("item", [b"BINARY[5]", b"BINARY.SIZE[5]", b"BINARY.PEEK[6]"])
def test_an_unknown_transfer_encoding_fails_the_command_and_nothing_is_seen(item: bytes) -> None:
    store = with_message(MIXED)
    client = enabled(store)
    assert client.say(b"b FETCH 1 (%b BODY[])\r\n" % item) == (
        b"b NO [UNKNOWN-CTE] that transfer encoding is not known\r\n"
    )
    assert inbox(store).messages[0].flags == frozenset()


def test_binary_sets_seen_and_its_size_and_peek_do_not() -> None:
    store = with_message(b"\r\nab\n")
    enabled(store).play(
        """
        C: b FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])
        S: * 1 FETCH (BINARY.SIZE[1] 4 BINARY[1] {4}
        S: ab
        S: )
        S: b OK FETCH completed
        C: c FETCH 1 BINARY[1]
        S: * 1 FETCH (BINARY[1] {4}
        S: ab
        S:  FLAGS (\\Recent \\Seen))
        S: c OK FETCH completed
        """
    )


@pytest.mark.parametrize(
    "item", [b"BINARY", b"BINARY[1.MIME]", b"BINARY[HEADER]", b"BINARY.SIZE[1]<0.1>", b"BINARY.SIZE", b"BINARY[1]<0.0>"]
)
def test_malformed_items_are_bad(item: bytes) -> None:
    assert enabled(with_message(MIXED)).say(b"b FETCH 1 (%b)\r\n" % item).startswith(b"b BAD ")


def append(client_says: bytes, *names: str) -> tuple[bytes, MemoryStore]:
    store = new_store()
    return enabled(store, *names, select=None).say(b"b APPEND INBOX " + client_says + b"\r\n"), store


def test_a_part_with_nul_is_kept_in_base64() -> None:
    body = bytes(range(256))
    given = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nX: y\r\n"
    given += b"Content-transfer-encoding: 8bit\r\n\r\n"
    said, store = append(b"(\\Seen) ~{%d+}\r\n%b%b" % (len(given + body), given, body))
    assert b"b OK [APPENDUID 7 1] APPEND completed\r\n" in said
    kept = inbox(store).messages[0].octets
    head, _, encoded = kept.partition(b"\r\n\r\n")
    assert head == b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nX: y"
    assert base64.b64decode(encoded) == body
    assert max(map(len, encoded.split(b"\r\n"))) == 76
    said = enabled(store).say(b"b FETCH 1 BINARY.PEEK[1]\r\n")
    assert said == b"* 1 FETCH (BINARY[1] ~{256}\r\n%b)\r\nb OK FETCH completed\r\n" % body


def test_a_literal8_without_nul_is_kept_as_it_is() -> None:
    said, store = append(b"~{%d+}\r\n%b" % (len(MIXED), MIXED))
    assert b"b OK " in said
    assert inbox(store).messages[0].octets == MIXED


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        (b"~{7+}\r\na: b\r\n\0", b"b NO [UNKNOWN-CTE] NUL outside of what can be encoded\r\n"),
        (b"~{5+}\r\n\r\na\0b", b"b NO [UNKNOWN-CTE] NUL outside of what can be encoded\r\n"),
        (b"{5+}\r\n\r\na\0b", b"b NO the message has a NUL in it\r\n"),
        (b"~{0+}\r\n", b"b NO an empty message cancels APPEND\r\n"),
        (b"~x", b"b BAD expected a literal\r\n"),
        (b"UTF8 ~{1+}\r\nx", b"b BAD expected '('\r\n"),
        (b"UTF8 ({1+}\r\nx)", b"b BAD expected '~'\r\n"),
        (b"UTF8 (~{1+}\r\nx", b"b BAD expected ')'\r\n"),
        (b"{11+}\r\nSubject: \xc3\xa4", b"b NO 8-bit octets in the header need ENABLE UTF8=ACCEPT\r\n"),
        (b"UTF8 (~{11+}\r\nSubject: \xc3\xa4)", b"b NO 8-bit octets in the header need ENABLE UTF8=ACCEPT\r\n"),
    ],
)
def test_what_cannot_be_appended(octets: bytes, reply: bytes) -> None:
    said, store = append(octets)
    assert said == reply
    assert inbox(store).messages == ()


@pytest.mark.parametrize(
    "form", [b"{%d+}\r\n%b", b"~{%d+}\r\n%b", b"UTF8 (~{%d+}\r\n%b)", b"CATENATE (UTF8 (~{%d+}\r\n%b))"]
)
@pytest.mark.parametrize("name", ["UTF8=ACCEPT", "IMAP4rev2"])
def test_headers_in_utf8_are_taken_once_the_client_agreed(form: bytes, name: str) -> None:
    octets = "Subject: \u00e4\r\n\r\nx".encode()
    said, store = append(form % (len(octets), octets), name)
    assert b"b OK [APPENDUID 7 1] " in said
    assert inbox(store).messages[0].octets == octets


def test_8_bit_octets_in_the_body_are_taken_from_anybody() -> None:
    assert b"b OK " in append(b"{5+}\r\n\r\n\xc3\xa4\n")[0]
    assert b"b OK " in append(b"{10+}\r\na: b\r\n\r\n\xc3\xa4")[0]


@given(st.lists(st.sampled_from([
    b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Transfer-Encoding: binary\r\n", b"--b\r\n",
    b"--b--\r\n", b"\r\n", b"\0", b"x\n", b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n", b"\0\0\r\n",
]), max_size=14).map(b"".join))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_encoding_loses_nothing(octets: bytes) -> None:
    encoded = encode_binary(octets)
    if b"\0" not in octets:
        assert encoded == octets
    before, after = parse(octets), parse(encoded)
    assert len(before.parts) == len(after.parts)
    assert encode_binary(encoded).count(b"\0") == encoded.count(b"\0")


# RFC 9051 §4.3.1: a string with NUL in it has to be put into a textual form, except in answer to BINARY.

NUL_EVERYWHERE = (
    b"Subject: a\0b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\0amble\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nX-Last: 1\r\n\r\n\0\1\2\r\n"
    b"--b\r\n\r\nsaid\0 nothing\r\n"
    b"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41\0=42\r\n"
    b"--b--\r\n"
)
NUL_NOWHERE = (
    b"Subject: a?b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre?amble\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nX-Last: 1\r\n\r\nAAEC\r\n"
    b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nc2FpZAAgbm90aGluZw==\r\n"
    b"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41?=42\r\n"
    b"--b--\r\n"
)


def test_a_delivered_message_with_nul_is_told_in_a_textual_form() -> None:
    client = enabled(with_message(NUL_EVERYWHERE))
    literal = b"{%d}\r\n%b" % (len(NUL_NOWHERE), NUL_NOWHERE)
    for item in (b"BODY[]", b"RFC822"):
        assert client.say(b"b FETCH 1 %b\r\n" % item).startswith(b"* 1 FETCH (%b %b" % (item, literal))
    assert b"RFC822.SIZE %d)" % len(NUL_NOWHERE) in client.say(b"c FETCH 1 RFC822.SIZE\r\n")
    client.play(
        """
        C: d FETCH 1 (BODY.PEEK[HEADER.FIELDS (Subject)] BODY.PEEK[1] BODYSTRUCTURE)
        S: * 1 FETCH (BODY[HEADER.FIELDS (Subject)] {16}
        S: Subject: a?b
        S:
        S:  BODY[1] {4}
        S: AAEC BODYSTRUCTURE (("IMAGE" "PNG" NIL NIL NIL "BASE64" 4 NIL …
        S: d OK FETCH completed
        """
    )


def test_binary_still_gives_every_octet_of_it() -> None:
    client = enabled(with_message(NUL_EVERYWHERE))
    got = client.say(b"b FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[2] BINARY.SIZE[])\r\n")
    assert got == (
        b"* 1 FETCH (BINARY[1] ~{3}\r\n\0\1\2 BINARY.SIZE[1] 3 BINARY[2] ~{13}\r\nsaid\0 nothing BINARY.SIZE[] %d)\r\n"
        b"b OK FETCH completed\r\n" % len(NUL_EVERYWHERE)
    )
    assert b"BINARY[] ~{%d}\r\n%b)" % (len(NUL_EVERYWHERE), NUL_EVERYWHERE) in client.say(
        b"c FETCH 1 BINARY.PEEK[]\r\n"
    )


def test_envelope_and_url_have_no_nul_either() -> None:
    client = enabled(with_message(NUL_EVERYWHERE))
    assert b'(NIL "a?b" NIL' in client.say(b"b FETCH 1 ENVELOPE\r\n")
    client.say(b'c APPEND INBOX CATENATE (URL "/INBOX/;UID=1")\r\n')
    assert NUL_NOWHERE in client.say(b"d FETCH 2 BODY[]\r\n")


def test_a_percent_encoded_nul_in_a_parameter_stays_as_it_is_written() -> None:
    octets = b"Content-Type: text/plain; name*=utf-8''a%00b\r\n\r\nx\r\n"
    got = enabled(with_message(octets), "IMAP4rev2").say(b"b FETCH 1 BODY\r\n")
    assert b"\0" not in got
    assert b"utf-8''a%00b" in got


def test_a_message_that_has_to_be_read_for_it_is_as_large_as_it_is_stored() -> None:
    class Lying:
        def octets(self) -> bytes:
            raise AssertionError("nobody needs it")

    far = LazyMessage(Lying(), uid=1, size=9, internal_date=NOON, saved_at=NOON, flags=frozenset(), modseq=1)
    assert selected(new_store()).core.selected.size_of(far) == 9
