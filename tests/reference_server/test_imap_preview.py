"""PREVIEW (RFC 8970), SAVEDATE (RFC 8514) and OBJECTID (RFC 8474) of messages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.imap.mime import parse
from reference_server.imap.objectid import email_id, root_of, thread_id
from reference_server.imap.preview import MAX_CHARACTERS, MAX_LAZY_OCTETS, plain_text, preview_of
from reference_server.stores import StoredMessage
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, inbox, message, new_store
from tests.reference_server.imap_recognised import enabled


def with_message(octets: bytes) -> MemoryStore:
    store = new_store()
    inbox(store).append(octets, internal_date=NOON)
    return store


TWO_FORMS = message(
    """
    Content-Type: multipart/alternative; boundary=b

    --b
    Content-Type: text/html

    <p>marked up</p>
    --b
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    plain  =C3=A9
     text
    --b--
    """
)
ATTACHED = (
    message(
        """
    Content-Type: multipart/mixed; boundary=b

    --b
    Content-Type: text/plain
    Content-Disposition: attachment; filename=x

    attached
    --b
    Content-Type: image/png

    png
    --b
    Content-Type: text/html; charset=iso-8859-1
    Content-Transfer-Encoding: 8bit

    <html><head><title>not this</title></head><!-- nor this --><style>p { }</style>
    <body><p>Gr\u00fc&szlig;e,<br>alle</p><script>neither</script><a href="x">hier</a
    --b--
    """
    )
    .decode()
    .encode("latin-1")
)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"Subject: x\r\n\r\nHello,\r\n  there\x07!\r\n", "Hello, there!"),
        (b"", ""),
        (b"Content-Type: image/png\r\n\r\nx", ""),
        (b"\r\n \t\r\n", ""),
        (TWO_FORMS, "plain \u00e9 text"),
        (ATTACHED, "Gr\u00fc\u00dfe, alle hier"),
        (b"\r\n" + b"ab " * 200, ("ab " * 67)[:MAX_CHARACTERS].rstrip()),
        (b"Content-Type: text/plain; charset=us-ascii\r\n\r\n\xc3\xa9", "\u00e9"),
        (b"Content-Type: text/html\r\n\r\n<script>all of it", ""),
    ],
)
def test_the_preview_is_the_first_text_a_person_would_read(octets: bytes, text: str) -> None:
    assert preview_of(parse(octets)) == text


def test_preview_of_a_message_and_lazily_of_one_that_is_too_large() -> None:
    store = with_message(b"\r\nshort")
    inbox(store).append(b"\r\nlong " + b"x" * MAX_LAZY_OCTETS)
    inbox(store).append(b"Content-Type: image/png\r\n\r\n")
    long = b"long " + b"x" * 195
    said = enabled(store).say(
        b"b FETCH 1:3 (UID PREVIEW (LAZY))\r\nc FETCH 1:3 PREVIEW (LAZY)\r\nd FETCH 2 PREVIEW\r\n"
    )
    assert said == (
        b'* 1 FETCH (UID 1 PREVIEW "short")\r\n* 2 FETCH (UID 2 PREVIEW NIL)\r\n* 3 FETCH (UID 3 PREVIEW "")\r\n'
        b'b OK FETCH completed\r\n* 1 FETCH (PREVIEW "short")\r\n* 2 FETCH (PREVIEW NIL)\r\n* 3 FETCH (PREVIEW "")\r\n'
        b'c OK FETCH completed\r\n* 2 FETCH (PREVIEW "%b")\r\nd OK FETCH completed\r\n' % long
    )


def test_a_fetch_modifier_after_preview_is_no_modifier_of_the_preview() -> None:
    enabled(with_message(b"\r\nx"), "CONDSTORE").play(
        """
        C: b FETCH 1 PREVIEW (CHANGEDSINCE 1)
        S: * 1 FETCH (PREVIEW "x" MODSEQ (2))
        S: b OK FETCH completed
        C: c FETCH 1 PREVIEW (lazy) (CHANGEDSINCE 1)
        S: * 1 FETCH (PREVIEW "x" MODSEQ (2))
        S: c OK FETCH completed
        C: d FETCH 1 (PREVIEW (EAGER))
        S: d BAD …
        C: e FETCH 1 PREVIEW ()
        S: e BAD …
        """
    )


def test_a_preview_in_another_language_is_a_literal_or_quoted_utf8() -> None:
    store = with_message(TWO_FORMS)
    assert b"PREVIEW {13}\r\nplain \xc3\xa9 text)" in enabled(store).say(b"b FETCH 1 PREVIEW\r\n")
    assert b'PREVIEW "plain \xc3\xa9 text")' in enabled(store, "IMAP4rev2").say(b"b FETCH 1 PREVIEW\r\n")


def test_a_preview_does_not_set_seen() -> None:
    store = with_message(TWO_FORMS)
    enabled(store).say(b"b FETCH 1 PREVIEW\r\n")
    assert inbox(store).messages[0].flags == frozenset()


@given(st.text(st.sampled_from("<>/!-abstylescript &;#xhead\n\"'"), max_size=120))
@settings(max_examples=200, deadline=None)
def test_no_markup_makes_the_preview_fail(markup: str) -> None:
    assert plain_text(markup).count("<!--") <= markup.count("&")


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_whatever_a_message_is_its_preview_is_short_text(octets: bytes) -> None:
    text = preview_of(parse(octets))
    assert len(text) <= MAX_CHARACTERS
    assert text.isprintable()


def test_the_save_date_is_that_of_this_mailbox() -> None:
    store = with_message(b"\r\nx")
    client = enabled(store)
    said = client.say(b"b FETCH 1 (INTERNALDATE SAVEDATE)\r\n")
    assert b'INTERNALDATE " 1-Mar-2026 12:00:00 +0000"' in said
    found = re.search(rb'SAVEDATE "([^"]*)"', said)
    assert found
    assert found[1] != b" 1-Mar-2026 12:00:00 +0000"


def message_of(octets: bytes, uid: int = 1) -> StoredMessage:
    return StoredMessage(uid=uid, octets=octets, internal_date=NOON)


def test_the_email_id_goes_with_octets_and_date_and_comes_along_with_copies() -> None:
    store = with_message(b"\r\nx")
    inbox(store).append(b"\r\ny", internal_date=NOON)
    client = enabled(store)
    client.say(b"b COPY 1 INBOX\r\n")
    ids = re.findall(
        rb"EMAILID \(([A-Za-z0-9_-]+)\) THREADID \(([A-Za-z0-9_-]+)\)",
        client.say(b"b FETCH 1:* (EMAILID THREADID)\r\n"),
    )
    assert len(ids) == 3
    assert ids[0] == ids[2]
    assert len({each for pair in ids for each in pair}) == 4
    dated = StoredMessage(uid=1, octets=b"\r\nx", internal_date=NOON.replace(year=2025))
    assert email_id(dated) != email_id(message_of(b"\r\nx")) == ids[0][0]


def test_answers_are_in_the_thread_of_what_they_answer() -> None:
    first = message_of(b"Message-ID: <a@x>\r\n\r\n")
    second = message_of(b"Message-ID: <b@x>\r\nIn-Reply-To: (see) <a@x>\r\n\r\n")
    third = message_of(b"Message-ID: <c@x>\r\nIn-Reply-To: <b@x>\r\nReferences: <a@x>\r\n <b@x>\r\n\r\n")
    other = message_of(b"Message-ID: <d@x>\r\nReferences: none\r\n\r\nReferences: <a@x>")
    assert thread_id(first) == thread_id(second) == thread_id(third) != thread_id(other)
    assert thread_id(message_of(b"Subject: x")) != thread_id(message_of(b"Subject: y"))
    assert root_of(b"\r\n") is None
