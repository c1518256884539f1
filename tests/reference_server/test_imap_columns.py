"""Shorter ways through FETCH come to the same as the long ones (RFC 3501 §6.4.5, RFC 5322 §2.2, §3.4)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.core import Settings, Surroundings
from reference_server.imap import columns
from reference_server.imap.columns import ByKey, EnvelopeCache
from reference_server.imap.core import ImapCore
from reference_server.imap.envelope import _any_addresses, addresses, usual_envelope
from reference_server.imap.mime import parse, parse_header, split_header
from reference_server.stores import StoredMessage
from reference_server.stores.memory import MemoryStore
from tests.reference_server.imap_dialogue import NOON, SECRETS, inbox, octets_of

MANY = settings(max_examples=200, deadline=None)


class MessageByMessage(ImapCore):
    """Sees each message, so that nothing is written by column."""

    def fetch_uid(self, number: int, message: StoredMessage) -> bytes:
        return super().fetch_uid(number, message)


def test_only_what_overrides_no_method_that_sees_messages_writes_by_column() -> None:
    assert ImapCore.by_column
    assert not MessageByMessage.by_column


FLAG_SETS = st.frozensets(st.sampled_from(["\\Seen", "\\Flagged", "\\Deleted", "Work"]))
ITEMS = st.lists(
    st.sampled_from([b"FLAGS", b"UID", b"ENVELOPE", b"RFC822.SIZE", b"INTERNALDATE", b"MODSEQ", b"BODY.PEEK[]"]),
    min_size=1,
    max_size=4,
    unique=True,
).map(b" ".join)
SETS = st.sampled_from([b"1:*", b"2:3", b"1,4", b"5"])


@given(
    flags=st.lists(FLAG_SETS, min_size=5, max_size=5),
    commands=st.lists(st.tuples(st.sampled_from([b"", b"UID "]), SETS, ITEMS), min_size=1, max_size=4),
    late=FLAG_SETS,
)
@MANY
def test_columns_and_single_messages_come_to_the_same(
    flags: list[frozenset[str]], commands: list[tuple[bytes, bytes, bytes]], late: frozenset[str]
) -> None:
    said = [dialogue(kind, flags, commands, late) for kind in (ImapCore, MessageByMessage)]
    assert said[0] == said[1]


def dialogue(
    kind: type[ImapCore],
    flags: list[frozenset[str]],
    commands: list[tuple[bytes, bytes, bytes]],
    late: frozenset[str],
) -> bytes:
    store = MemoryStore(SECRETS, first_uid_validity=7)
    mailbox = inbox(store)
    for number, each in enumerate(flags):
        mailbox.append(b"From: a%d@b.example\r\n\r\nx" % number, flags=each, internal_date=NOON)
    mailbox.expunge([1])
    if late:
        mailbox.claim_recent(peek=False)
    mailbox.append(b"Subject: s\r\n\r\n", internal_date=NOON)
    core = kind(store, Settings(allow_cleartext=True, unique=lambda: "u"), Surroundings())
    core.connected(0.0)
    core.receive(b"a LOGIN alice secret\r\nb SELECT INBOX\r\n", 0.0)
    said = []
    for uid, numbers, items in commands:
        said.append(octets_of(core.receive(b"c %bFETCH %b (%b)\r\n" % (uid, numbers, items), 0.0)))
        mailbox.set_flags({3: late})
    said.append(octets_of(core.receive(b"d NOOP\r\n", 0.0)))
    return b"".join(said)


def test_few_messages_of_many_are_noted_as_told() -> None:
    store = MemoryStore(SECRETS, first_uid_validity=7)
    for _ in range(3):
        inbox(store).append(b"x")
    core = ImapCore(store, Settings(allow_cleartext=True), Surroundings())
    core.connected(0.0)
    core.receive(b"a LOGIN alice secret\r\nb SELECT INBOX\r\n", 0.0)
    inbox(store).set_flags({1: ["\\Seen"], 2: ["\\Seen"]})
    assert octets_of(core.receive(b"c FETCH 1 FLAGS\r\n", 0.0)) == (
        b"* 1 FETCH (FLAGS (\\Recent \\Seen))\r\n* 2 FETCH (FLAGS (\\Recent \\Seen))\r\nc OK FETCH completed\r\n"
    )


def test_a_value_is_worked_out_once_for_each_key() -> None:
    asked: list[frozenset[str]] = []

    def work_out(key: frozenset[str]) -> bytes:
        asked.append(key)
        return b"%d" % len(key)

    written = ByKey(work_out)
    assert [written[frozenset()], written[frozenset("a")], written[frozenset("a")]] == [b"0", b"1", b"1"]
    assert asked == [frozenset(), frozenset("a")]


def test_envelopes_are_kept_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns.EnvelopeCache, "_room", 2 * columns.ENTRY_OCTETS + 10)
    cache = EnvelopeCache()
    cache.keep(1, b"12345")
    cache.keep(2, b"123456")
    cache.keep(3, b"1234")
    assert dict(cache) == {1: b"12345", 3: b"1234"}


def test_an_envelope_is_forgotten_with_its_message() -> None:
    store = MemoryStore(SECRETS, first_uid_validity=7)
    inbox(store).append(b"Subject: s\r\n\r\n")
    core = ImapCore(store, Settings(allow_cleartext=True), Surroundings())
    core.connected(0.0)
    core.receive(b"a LOGIN alice secret\r\nb SELECT INBOX\r\nc FETCH 1 ENVELOPE\r\n", 0.0)
    assert set(core.selected.envelopes) == {1}
    inbox(store).expunge([1])
    core.receive(b"d NOOP\r\n", 0.0)
    assert not core.selected.envelopes


ADDRESS_PIECES = st.sampled_from(
    [
        *(b'"', b"<", b">", b"@", b",", b", ", b" ", b"a", b"Bob", b"x.y", b".", b";", b":", b"(c)", b"\\", b"[1]"),
        *(b"\t", b'"q r"', b'""', b"a@b", b"<a@b>", b"N <a@b>", b'"Q" <a@b>', b"\xc3\xa4", b"\r\n "),
    ]
)


@given(value=st.lists(ADDRESS_PIECES, max_size=9).map(b"".join))
@settings(max_examples=500, deadline=None)
def test_usual_addresses_are_read_like_any_others(value: bytes) -> None:
    assert addresses(value) == _any_addresses(value)


HEADER_PIECES = st.sampled_from([b"\r\n", b"\n", b"A:", b"A :", b"b", b":", b" ", b"\t", b"\r", b"\xff: "])


@given(octets=st.lists(HEADER_PIECES, max_size=16).map(b"".join), start=st.integers(0, 3), cut=st.integers(0, 3))
@MANY
def test_a_header_is_split_as_line_by_line(octets: bytes, start: int, cut: int) -> None:
    end = max(len(octets) - cut, start)
    fields, body = split_header(octets, start, end)
    pieces: list[bytes] = []
    at = start
    for line in octets[start:end].splitlines(keepends=True) if b"\r" not in octets else lines(octets[start:end]):
        at += len(line)
        if line in (b"\r\n", b"\n"):
            break
        if line[:1] in (b" ", b"\t") and pieces:
            pieces[-1] += line
        else:
            pieces.append(line)
    assert [field.octets for field in fields] == pieces
    assert body == at
    assert all(field.name is None or field.octets.upper().startswith(field.name) for field in fields)


def lines(octets: bytes) -> list[bytes]:
    found = [line + b"\n" for line in octets.split(b"\n")]
    return [*found[:-1], *([found[-1][:-1]] if found[-1] != b"\n" else [])]


@given(octets=st.lists(HEADER_PIECES, max_size=16).map(b"".join))
@MANY
def test_a_header_alone_has_the_fields_of_the_whole_message(octets: bytes) -> None:
    alone, whole = parse_header(octets), parse(octets)
    assert (alone.fields, alone.body, alone.end) == (whole.fields, whole.body, whole.end)


class OwnStrings(ImapCore):
    """Writes strings itself."""

    def render_string(self, octets: bytes) -> bytes:
        return super().render_string(octets)


ENVELOPE_PIECES = st.sampled_from(
    [
        *(
            b"Subject: ",
            b"FROM:",
            b"To : ",
            b"Sender:",
            b"Reply-To: ",
            b"cc: ",
            b"Bcc:",
            b"In-Reply-To:",
            b"Message-ID: ",
        ),
        *(
            b"Date: ",
            b"\r\n",
            b"\r\n",
            b"\r\n",
            b"\n",
            b" ",
            b"\t",
            b"x",
            b"a@b",
            b"N <a@b>",
            b'"',
            b"\\",
            b",",
            b"\xe4",
            b"\r",
        ),
        *(b"Other: ", b"\0", b"x" * 600, b"()"),
    ]
)


@given(octets=st.lists(ENVELOPE_PIECES, max_size=24).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_the_usual_envelope_is_that_of_the_parser_or_none(octets: bytes) -> None:
    assert usual_envelope(octets) in (None, CORE.render_envelope(parse(octets)))


CORE = ImapCore(MemoryStore(SECRETS), Settings(), Surroundings())


def test_most_mail_has_a_usual_envelope() -> None:
    octets = (
        b'Date: Tue, 3 Nov 2026 10:20:30 +0000\r\nFrom: "A B" <a@b.example>\r\nTo: c@d.example, E F <e@f.example>\r\n'
        b"Subject: s\r\nMessage-ID: <1@b.example>\r\n\r\nSubject: none\r\n"
    )
    assert usual_envelope(octets) == CORE.render_envelope(parse(octets))
    assert ImapCore.usual_envelopes
    assert CORE.envelope_of(octets) is not None


@pytest.mark.parametrize(
    "octets", [b'Subject: "\r\n', b"Subject: a\r\n b\r\n", b"From: " + b"a@b," * 300, b"To: ,\r\n"]
)
def test_unusual_headers_are_left_to_the_parser(octets: bytes) -> None:
    assert usual_envelope(octets) is None


def test_a_core_that_writes_envelopes_its_own_way_always_does() -> None:
    core = OwnStrings(MemoryStore(SECRETS), Settings(), Surroundings())
    assert core.envelope_of(b"Subject: s\r\n") is None
