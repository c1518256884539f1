"""FETCH, STORE and SEARCH of the IMAP core, as dialogues (RFC 3501 §6.4, §7.4.2; RFC 4731)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, inbox, message, new_store, selected

PLAIN = message("""
    Date: Sun, 1 Mar 2026 11:59:59 +0000
    From: Alice <alice@example.test>
    To: bob@example.test
    Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= to
     you
    Message-ID: <1@example.test>

    Hello
    world
    """)

NESTED = message("""
    From: a@b.test
    Subject: outer
    Content-Type: multipart/mixed; boundary="=x="

    preamble
    --=x=
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: base64
    Content-ID: <p1@b.test>

    w6RwZmVs
    --=x=
    Content-Type: message/rfc822
    Content-Description: forwarded

    Subject: inner
    Content-Type: multipart/alternative; boundary=y

    --y

    one
    --y
    Content-Type: text/html
    Content-Transfer-Encoding: quoted-printable
    Content-Disposition: attachment; filename="a b.html"
    Content-Language: en, de
    Content-Location: http://b.test/
    Content-MD5: Q2hlY2s=

    <p>=C3=A4</p>
    --y--
    --=x=
    Content-Type: image/png
    Content-Language: fr

    xyz
    --=x=--
    epilogue
    """)


@pytest.fixture
def store() -> MemoryStore:
    store = new_store()
    inbox(store).append(PLAIN, internal_date=NOON)
    inbox(store).append(NESTED, internal_date=NOON + timedelta(days=1), flags=["\\Seen", "Work"])
    return store


def test_macros_and_envelope(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: b FETCH 1 FAST
        S: * 1 FETCH (FLAGS (\\Recent) INTERNALDATE " 1-Mar-2026 12:00:00 +0000" RFC822.SIZE 187)
        S: b OK FETCH completed
        C: c FETCH 1 ALL
        S: * 1 FETCH (FLAGS (\\Recent) INTERNALDATE " 1-Mar-2026 12:00:00 +0000" RFC822.SIZE 187 ENVELOPE ("Sun, 1 Mar 2026 11:59:59 +0000" "=?utf-8?q?gr=C3=BC=C3=9Fe?= to you" (("Alice" NIL "alice" "example.test")) (("Alice" NIL "alice" "example.test")) (("Alice" NIL "alice" "example.test")) ((NIL NIL "bob" "example.test")) NIL NIL NIL "<1@example.test>"))
        S: c OK FETCH completed
        C: d FETCH 1 FULL
        S: * 1 FETCH (FLAGS …) BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 14 2))
        S: d OK FETCH completed
        C: e FETCH 1 (FAST)
        S: e BAD no such data item
        """  # noqa: E501  # one reply is one line
    )


def test_body_structure_of_nested_parts(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: b FETCH 2 BODYSTRUCTURE
        S: * 2 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" ("CHARSET" "utf-8") "<p1@b.test>" NIL "BASE64" 8 1 NIL NIL NIL NIL)("MESSAGE" "RFC822" NIL NIL "forwarded" "7BIT" 313 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 1 NIL NIL NIL NIL)("TEXT" "HTML" NIL NIL NIL "QUOTED-PRINTABLE" 13 1 "Q2hlY2s=" ("ATTACHMENT" ("FILENAME" "a b.html")) ("en" "de") "http://b.test/") "ALTERNATIVE" ("BOUNDARY" "y") NIL NIL NIL) 16 NIL NIL NIL NIL)("IMAGE" "PNG" NIL NIL NIL "7BIT" 3 NIL NIL "fr" NIL) "MIXED" ("BOUNDARY" "=x=") NIL NIL NIL))
        S: b OK FETCH completed
        C: c FETCH 2 BODY
        S: * 2 FETCH (BODY (("TEXT" "PLAIN" ("CHARSET" "utf-8") "<p1@b.test>" NIL "BASE64" 8 1)("MESSAGE" "RFC822" NIL NIL "forwarded" "7BIT" 313 (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL) (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 3 1)("TEXT" "HTML" NIL NIL NIL "QUOTED-PRINTABLE" 13 1) "ALTERNATIVE") 16)("IMAGE" "PNG" NIL NIL NIL "7BIT" 3) "MIXED"))
        S: c OK FETCH completed
        """  # noqa: E501  # one reply is one line
    )


def test_sections_of_nested_parts(store: MemoryStore) -> None:
    client = selected(store)

    def section(name: str) -> bytes | None:
        said = client.say(b"x FETCH 2 BODY.PEEK[%b]\r\n" % name.encode())
        head, _, rest = said.partition(b"] ")
        assert head == b"* 2 FETCH (BODY[" + name.encode()
        if rest.startswith(b"NIL)"):
            return None
        size, _, rest = rest[1:].partition(b"}\r\n")
        assert rest[int(size) :] == b")\r\nx OK FETCH completed\r\n"
        return rest[: int(size)]

    assert section("") == NESTED
    assert section("HEADER") + (section("TEXT") or b"") == NESTED  # type: ignore[operator]
    assert section("1") == b"w6RwZmVs"
    assert section("1.MIME") == NESTED[NESTED.index(b"Content-Type: text/plain") : NESTED.index(b"w6RwZmVs")]
    assert section("1.HEADER") is None
    assert section("1.TEXT") is None
    assert section("1.1") is None
    assert section("2") == NESTED[NESTED.index(b"Subject: inner") : NESTED.index(b"\r\n--=x=\r\nContent-Type: image")]
    assert section("2.MIME") == b"Content-Type: message/rfc822\r\nContent-Description: forwarded\r\n\r\n"
    assert section("2.HEADER") == b"Subject: inner\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
    assert section("2.HEADER.FIELDS (subject)") == b"Subject: inner\r\n\r\n"
    assert section("2.HEADER.FIELDS.NOT (SUBJECT)") == b"Content-Type: multipart/alternative; boundary=y\r\n\r\n"
    assert section("2.TEXT") == (section("2") or b"")[len(section("2.HEADER") or b"") :]
    assert section("2.1") == b"one"
    assert section("2.1.MIME") == b"\r\n"
    assert section("2.2") == b"<p>=C3=A4</p>"
    assert section("2.2.1") is None
    assert section("2.3") is None
    assert section("3") == b"xyz"
    assert section("4") is None
    assert section("4294967295.1") is None


def test_part_one_of_a_plain_message_is_its_body(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: b FETCH 1 (BODY.PEEK[1] BODY.PEEK[2] BODY.PEEK[1.1] BODY.PEEK[HEADER.FIELDS (SUBJECT "x y")])
        S: * 1 FETCH (BODY[1] {14}
        S: Hello
        S: world
        S:  BODY[2] NIL BODY[1.1] NIL BODY[HEADER.FIELDS (SUBJECT "x y")] {49}
        S: Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= to
        S:  you
        S:
        S: )
        S: b OK FETCH completed
        """
    )


def test_partials_are_cut_from_the_whole(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: b FETCH 1 (BODY.PEEK[TEXT]<3.5> BODY.PEEK[TEXT]<12.99> BODY.PEEK[TEXT]<99.1> BODY.PEEK[9]<0.1>)
        S: * 1 FETCH (BODY[TEXT]<3> {5}
        S: lo
        S: w BODY[TEXT]<12> {2}
        S:
        S:  BODY[TEXT]<99> {0}
        S:  BODY[9]<0> NIL)
        S: b OK FETCH completed
        C: c FETCH 1 BODY[]<0.0>
        S: c BAD expected a number above zero
        C: d FETCH 1 BODY[]<4294967296.1>
        S: d BAD number above 4294967295
        """
    )


def test_reading_sets_seen_and_peeking_does_not(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: b FETCH 1 (RFC822.HEADER BODY.PEEK[TEXT]<0.1> RFC822.SIZE BODY)
        S: * 1 FETCH (RFC822.HEADER {173}
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S:
        S:  BODY[TEXT]<0> {1}
        S: H RFC822.SIZE 187 BODY …)
        S: b OK FETCH completed
        C: c FETCH 1 RFC822.TEXT
        S: * 1 FETCH (RFC822.TEXT {14}
        S: Hello
        S: world
        S:  FLAGS (\\Recent \\Seen))
        S: c OK FETCH completed
        C: d FETCH 1:2 BODY[TEXT]<0.1>
        S: * 1 FETCH (BODY[TEXT]<0> {1}
        S: H)
        S: * 2 FETCH (BODY[TEXT]<0> {1}
        S: p)
        S: d OK FETCH completed
        C: e STORE 1 -FLAGS.SILENT \\Seen
        S: e OK STORE completed
        C: f UID FETCH 1 (FLAGS RFC822)
        S: * 1 FETCH (UID 1 FLAGS (\\Recent \\Seen) RFC822 {187}
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S: …
        S: )
        S: f OK FETCH completed
        """
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("0 UID", "expected a sequence set"),
        ("3 UID", "no message has that number"),
        ("1:3 UID", "no message has that number"),
        ("4294967296 UID", "number above 4294967295"),
        ("1,, UID", "expected one space"),
        ("1", "expected one space"),
        ("1 ()", "expected a data item"),
        ("1 (UID UID", "expected ')'"),
        ("1 (UID  FLAGS)", "expected a data item"),
        ("1 XYZZY", "no such data item"),
        ("1 BODY.PEEK", "no such data item"),
        ("1 BODY[0]", "expected ']'"),
        ("1 BODY[1.]", "expected HEADER, HEADER.FIELDS, TEXT or MIME"),
        ("1 BODY[MIME]", "MIME needs a part number"),
        ("1 BODY[HEADER.FIELDS ()]", "expected a string"),
        ("1 BODY[HEADER.FIELDS]", "expected one space"),
        ("1 BODY[" + "1." * 300 + "1]", "no such part"),
        ("1 BODY[99999999999]", "no such part"),
        ("1 BODY[]<1>", "expected '.'"),
        ("1 BODYSTRUCTURE[]", "unexpected octets after the command"),
        ("1 (" + " ".join(f"BODY[{n}]" for n in range(1, 1002)) + ")", "too many data items"),
    ],
)
def test_fetch_arguments_that_are_bad(store: MemoryStore, arguments: str, reason: str) -> None:
    client = selected(store)
    assert client.say(b"b FETCH %b\r\n" % arguments.encode()) == b"b BAD %b\r\n" % reason.encode()


def test_sequence_sets_in_any_order(store: MemoryStore) -> None:
    for _ in range(3):
        inbox(store).append(b"x\r\n")
    inbox(store).expunge([3])
    client = selected(store)
    for wanted, numbers in (("*", [4]), ("*:1", [1, 2, 3, 4]), ("4:3,1,3", [1, 3, 4]), ("2,*:4", [2, 4])):
        said = client.say(b"b FETCH %b UID\r\n" % wanted.encode())
        assert [int(line.split()[1]) for line in said.splitlines()[:-1]] == numbers
    for wanted, uids in (("*", [5]), ("99:*", [5]), ("3", []), ("6:99", []), ("2:4", [2, 4]), ("5,1:2", [1, 2, 5])):
        said = client.say(b"b UID FETCH %b FLAGS\r\n" % wanted.encode())
        assert [int(line.split()[4]) for line in said.splitlines()[:-1]] == uids


def test_star_in_an_empty_mailbox() -> None:
    selected(new_store()).play(
        """
        C: b FETCH * UID
        S: b BAD no message has that number
        C: c FETCH 1:* UID
        S: c BAD no message has that number
        C: d UID FETCH 1:* FLAGS
        S: d OK FETCH completed
        C: e UID SEARCH UID 1:*
        S: * SEARCH
        S: e OK SEARCH completed
        """
    )


def test_store_replaces_adds_and_takes_away(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: b STORE 1 FLAGS (\\flagged)
        S: * 1 FETCH (FLAGS (\\Flagged \\Recent))
        S: b OK STORE completed
        C: c STORE 1:2 +flags \\Seen New
        S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft New Work)
        S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft New Work \\*)] flags that stay
        S: * 1 FETCH (FLAGS (\\Flagged \\Recent \\Seen New))
        S: * 2 FETCH (FLAGS (\\Recent \\Seen New Work))
        S: c OK STORE completed
        C: d UID STORE 2 -FLAGS (\\Seen work NEW)
        S: * 2 FETCH (FLAGS (\\Recent) UID 2)
        S: d OK STORE completed
        C: e STORE 1 FLAGS.SILENT ()
        S: e OK STORE completed
        C: f FETCH 1 FLAGS
        S: * 1 FETCH (FLAGS (\\Recent))
        S: f OK FETCH completed
        C: g STORE 1 +FLAGS (\\Recent)
        S: g BAD \\Recent is not the client's to set
        C: h STORE 1 +FLAGS (\\Unheard)
        S: * 1 FETCH (FLAGS (\\Recent))
        S: h OK STORE completed
        C: i STORE 1 FLAGS
        S: i BAD expected one space
        C: j STORE 9 FLAGS ()
        S: j BAD no message has that number
        C: k UID STORE 9 FLAGS ()
        S: k OK STORE completed
        C: l STORE 1 XFLAGS ()
        S: l BAD expected FLAGS
        """
    )


SEARCHES = [
    ("ALL", "1 2"),
    ("SEEN", "2"),
    ("UNSEEN", "1"),
    ("NEW", "1"),
    ("OLD", ""),
    ("RECENT", "1 2"),
    ("KEYWORD work", "2"),
    ("UNKEYWORD WORK", "1"),
    ("1:*", "1 2"),
    ("*", "2"),
    ("UID 2:9", "2"),
    ("NOT 1", "2"),
    ("OR SUBJECT outer SUBJECT xyzzy", "2"),
    ("OR 1 2", "1 2"),
    ("(SEEN SUBJECT outer)", "2"),
    ("(SEEN) UNSEEN", ""),
    ("FROM ALICE", "1"),
    ("TO bob@", "1"),
    ("CC x", ""),
    ("BCC x", ""),
    ("SUBJECT GRÜße", "1"),
    # i;unicode-casemap maps one character to one: a sharp s is none of two letters (RFC 5051 §2).
    ("SUBJECT grüsse", ""),
    ('SUBJECT "TO YOU"', "1"),
    ("HEADER subject outer", "2"),
    ('HEADER Message-ID ""', "1"),
    ("HEADER X-None x", ""),
    ("BODY hello", "1"),
    ("BODY äpfel", "2"),
    ("BODY w6RwZmVs", ""),
    ("BODY inner", "2"),
    ("BODY outer", ""),
    ("BODY <P>Ä</P>", "2"),
    ("BODY one", "2"),
    ("BODY xyz", ""),
    ('BODY ""', "1 2"),
    ("TEXT outer", "2"),
    ("TEXT hello", "1"),
    ("TEXT Content-Type", "2"),
    ("LARGER 187", "2"),
    ("SMALLER 188", "1"),
    ("SMALLER 187", ""),
    ("BEFORE 2-Mar-2026", "1"),
    ('ON "1-Mar-2026"', "1"),
    ("SINCE 2-mar-2026", "2"),
    ("SENTBEFORE 2-Mar-2026", "1"),
    ("SENTON 01-Mar-2026", "1"),
    ("SENTSINCE 2-Mar-2026", ""),
]


@pytest.mark.parametrize(("keys", "numbers"), SEARCHES)
def test_search_keys(store: MemoryStore, keys: str, numbers: str) -> None:
    client = selected(store)
    # Strings that are not ASCII go as literals; the transcript of a literal would hide which key is tried.
    pieces = []
    for word in keys.split(" "):
        octets = word.encode()
        pieces.append(octets if word.isascii() else b"{%d+}\r\n%b" % (len(octets), octets))
    said = client.say(b"b SEARCH CHARSET UTF-8 " + b" ".join(pieces) + b"\r\n")
    data = " ".join(["* SEARCH", *numbers.split()])
    assert said.decode() == f"{data}\r\nb OK SEARCH completed\r\n"


def test_search_results_in_other_forms(store: MemoryStore) -> None:
    inbox(store).append(b"x\r\n")
    inbox(store).expunge([1])
    selected(store).play(
        """
        C: b UID SEARCH ALL
        S: * SEARCH 2 3
        S: b OK SEARCH completed
        C: c SEARCH RETURN () ALL
        S: * ESEARCH (TAG "c") ALL 1:2
        S: c OK SEARCH completed
        C: d UID SEARCH RETURN (MIN MAX COUNT ALL) UNDELETED
        S: * ESEARCH (TAG "d") UID MIN 2 MAX 3 COUNT 2 ALL 2:3
        S: d OK SEARCH completed
        C: e SEARCH RETURN (MIN MAX COUNT ALL) DELETED
        S: * ESEARCH (TAG "e") COUNT 0
        S: e OK SEARCH completed
        C: f SEARCH RETURN (XYZZY) ALL
        S: f BAD no such result option
        """
    )


def test_searches_that_cannot_be_made(store: MemoryStore) -> None:
    selected(store).play(
        """
        C: b SEARCH CHARSET KLINGON ALL
        S: b NO [BADCHARSET (US-ASCII UTF-8)] charset not supported
        C: c SEARCH SUBJECT {2+}
        C: \xc3\xbc
        S: c NO [BADCHARSET (US-ASCII UTF-8)] the string is not in that charset
        C: d SEARCH CHARSET UTF-8 SUBJECT {1+}
        C: \xc3
        S: d NO [BADCHARSET (US-ASCII UTF-8)] the string is not in that charset
        C: e SEARCH XYZZY
        S: e BAD no such search key
        C: f SEARCH
        S: f BAD expected one space
        C: g SEARCH ()
        S: g BAD expected a sequence set
        C: h SEARCH (ALL
        S: h BAD expected ')'
        C: i SEARCH ON 31-Feb-2026
        S: i BAD no such day
        C: j SEARCH ON 1-Abc-2026
        S: j BAD expected a date
        C: k SEARCH ALL ALL)
        S: k BAD unexpected octets after the command
        C: l SEARCH KEYWORD \\Seen
        S: l BAD expected a keyword
        C: m SEARCH 3
        S: m BAD no message has that number
        """
    )


def test_searches_too_deep_or_too_long_are_bad(store: MemoryStore) -> None:
    client = selected(store)
    for keys in (b"(" * 200 + b"ALL" + b")" * 200, b"NOT " * 200 + b"ALL", b" ".join([b"ALL"] * 1001)):
        assert client.say(b"b SEARCH " + keys + b"\r\n") == b"b BAD too many search keys, or too deeply nested\r\n"
    for keys in (b"(" * 90 + b"ALL" + b")" * 90, b"NOT " * 90 + b"ALL", b" ".join([b"ALL"] * 900)):
        assert client.say(b"b SEARCH " + keys + b"\r\n") == b"* SEARCH 1 2\r\nb OK SEARCH completed\r\n"


def test_internal_date_keeps_its_zone() -> None:
    store = new_store()
    west = timezone(-timedelta(hours=3, minutes=30))
    inbox(store).append(b"x", internal_date=datetime(2026, 12, 31, 23, 59, 59, tzinfo=west))
    inbox(store).append(b"x", internal_date=datetime(801, 1, 2, 3, 4, 5, tzinfo=UTC).replace(tzinfo=None))
    selected(store).play(
        """
        C: b FETCH 1:2 INTERNALDATE
        S: * 1 FETCH (INTERNALDATE "31-Dec-2026 23:59:59 -0330")
        S: * 2 FETCH (INTERNALDATE " 2-Jan-0801 03:04:05 +0000")
        S: b OK FETCH completed
        C: c SEARCH ON 31-Dec-2026
        S: * SEARCH 1
        S: c OK SEARCH completed
        """
    )
