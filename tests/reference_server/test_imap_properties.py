"""What holds for the IMAP core whatever is sent to it, and however it is cut."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.core import Settings
from reference_server.imap import literals, mutf7
from reference_server.imap.commands import COMMANDS
from reference_server.imap.core import MAX_EARLY_LITERALS_OCTETS
from reference_server.imap.literals import CommandReader
from reference_server.imap.patterns import matches
from reference_server.imap.session import State
from tests.reference_server.imap_dialogue import NOON, Client, inbox, logged_in, new_store, octets_of, selected

FEW = settings(max_examples=60, deadline=None)
MANY = settings(max_examples=200, deadline=None)

ARGUMENTS = [
    b"INBOX", b"alice", b"secret", b"1", b"1:*", b"*", b"2,1", b"99", b"0", b"4294967296", b"NIL", b'""', b'"a b"',
    b'"', b"{1}", b"{0+}", b"{3+}\r\nabc", b"{2}\r\nab", b"{9999999}", b"{99999999999999999999+}",
    b"{3+}\r\na\0b", b"(", b")", b"()", b"(UID FLAGS)", b"(\\Seen)", b"\\Recent", b"+FLAGS", b"FLAGS.SILENT",
    b"FULL", b"BODY[]", b"BODY[1.MIME]", b"BODY.PEEK[HEADER.FIELDS (To)]<0.9>", b"ENVELOPE", b"BODYSTRUCTURE",
    b"RETURN", b"(COUNT)", b"CHARSET", b"UTF-8", b"ALL", b"NOT", b"OR", b"SUBJECT", b"TEXT", b"SINCE",
    b"1-Jan-2026", b'" 1-Jan-2026 00:00:00 +0000"', b"PLAIN", b"AGFsaWNlAHNlY3JldA==", b"=", b"%", b"a/b",
    b"(MESSAGES UNSEEN)", b"&AOQ-", b"\xff", b"\0", b"\r", b"\n",
    b"IMAP4rev2", b"CONDSTORE", b"QRESYNC", b"UTF8=ACCEPT", b"(CONDSTORE)", b"(QRESYNC (7 1))",
    b"(QRESYNC (7 1 1:9 (1:2 1:2)))", b"(QRESYNC (7 1 (1 2,1)))", b"(CHANGEDSINCE 1 VANISHED)", b"(CHANGEDSINCE 0)",
    b"(UNCHANGEDSINCE 1)", b"MODSEQ", b"(HIGHESTMODSEQ RECENT)", b"BINARY[1]", b"BINARY.SIZE[]", b"PREVIEW", b"(LAZY)",
    b"(PREVIEW (LAZY) EMAILID THREADID SAVEDATE)", b"~{3+}\r\na\0b", b"UTF8", b"(~{1+}\r\nx)", b'"\xc3\xa4"', b"$",
]  # fmt: skip


@st.composite
def command_lines(draw: st.DrawFn) -> bytes:
    """Lines that look like commands, right or wrong."""
    verb = draw(st.sampled_from([*COMMANDS, b"DONE", b"XYZZY", b"UID", b""]))
    words = draw(st.lists(st.sampled_from(ARGUMENTS), max_size=5))
    tag = draw(st.sampled_from([b"a1", b"tag", b"*", b"+", b""]))
    space = draw(st.sampled_from([b" ", b" ", b" ", b" ", b"  ", b"\t"]))
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b" \r\n", b""]))
    return space.join([tag, verb, *words]) + end


def streams() -> st.SearchStrategy[bytes]:
    """What a client may send in one go."""
    return st.one_of(st.lists(command_lines(), max_size=8).map(b"".join), st.binary(max_size=200))


def fresh(stage: str) -> Client:
    """A session in one of the three states, in front of two messages."""
    store = new_store()
    inbox(store).append(b"From: a@b.test\r\nSubject: x\r\n\r\nbody\r\n", internal_date=NOON)
    inbox(store).append(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", internal_date=NOON
    )
    if stage == "new":
        return Client(store, tls=False, settings=Settings(allow_cleartext=True))
    client = logged_in(store)
    if stage.startswith("enabled"):
        client.say(b"e ENABLE QRESYNC IMAP4rev2 UTF8=ACCEPT\r\n")
    if stage.endswith("selected"):
        client.say(b"s SELECT INBOX\r\n")
    return client


@given(
    stream=streams(),
    cuts=st.lists(st.integers(0, 400)),
    stage=st.sampled_from(["new", "logged in", "enabled", "selected", "enabled and selected"]),
)
@MANY
def test_the_replies_do_not_depend_on_how_the_stream_is_cut(stream: bytes, cuts: list[int], stage: str) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    whole, pieces = fresh(stage), fresh(stage)
    expected = whole.say(stream)
    got = b"".join(pieces.say(stream[start:end]) for start, end in pairwise(edges))
    # When a message without a date came in is the only thing that may differ.
    moment = re.compile(rb'INTERNALDATE "[^"]*"')
    assert moment.sub(b"", got) == moment.sub(b"", expected)
    assert whole.core.state is pieces.core.state


@given(stream=streams())
@FEW
def test_octet_by_octet_is_the_same_too(stream: bytes) -> None:
    expected = fresh("new").say(stream)
    one_by_one = fresh("new")
    assert b"".join(one_by_one.say(bytes([octet])) for octet in stream) == expected


@given(stream=streams(), stage=st.sampled_from(["logged in", "enabled", "selected", "enabled and selected"]))
@MANY
def test_no_command_is_completed_twice_and_replies_are_whole_lines(stream: bytes, stage: str) -> None:
    client = fresh(stage)
    said = client.say(stream)
    assert said == b"" or said.endswith(b"\r\n")
    completions = re.findall(rb"^(?:a1|tag) (?:OK|NO|BAD) ", said, re.MULTILINE)
    assert len(completions) <= stream.count(b"a1") + stream.count(b"tag")
    assert client.core.state in State


@pytest.mark.parametrize("verb", COMMANDS)
@pytest.mark.parametrize("stage", ["new", "logged in", "selected"])
def test_every_command_in_every_state_ends_in_a_declared_state(verb: bytes, stage: str) -> None:
    state_of = {"new": State.NOT_AUTHENTICATED, "logged in": State.AUTHENTICATED, "selected": State.SELECTED}
    client = fresh(stage)
    said = client.say(b"t1 " + verb + b"\r\n")
    valid = state_of[stage] in COMMANDS[verb].valid_in
    if not valid:
        assert re.fullmatch(rb"t1 BAD not while [a-z ,]+\r\n", said)
        assert client.core.state is state_of[stage]
    else:
        # Without arguments the command is done, refused, or waits for the client to go on.
        assert len(re.findall(rb"^(?:t1 (?:OK|NO|BAD)|\+) ", said, re.MULTILINE)) == 1


@given(pieces=st.lists(st.one_of(st.binary(max_size=3000), streams(), st.just(b"a" * 60_000)), max_size=12))
@FEW
def test_what_is_held_before_log_in_is_bounded(pieces: list[bytes]) -> None:
    client = fresh("new")
    bound = literals.MAX_LINES_OCTETS + MAX_EARLY_LITERALS_OCTETS + literals.KEPT_OF_LONG_LINE_OCTETS + 60_000
    for piece in pieces:
        client.say(piece)
        assert client.core.reader.held_octets <= bound


@given(stream=st.binary(max_size=300), accept=st.booleans())
@MANY
def test_the_reader_ends_whatever_it_is_given(stream: bytes, accept: bool) -> None:
    reader = CommandReader()
    reader.feed(stream)
    for _ in range(len(stream) + 2):
        event = reader.next_event()
        if event is None or isinstance(event, literals.Flood):
            return
        if isinstance(event, literals.Announced):
            if accept:
                reader.accept(event.octets)
            elif event.synchronizing:
                assert reader.abandon(b"BAD no").refused == b"BAD no"
            elif reader.discard(event.octets, b"BAD no"):
                return
    pytest.fail("the reader hands out more than it was given")


@given(name=st.text(max_size=40))
@MANY
def test_modified_utf7_loses_nothing(name: str) -> None:
    wire = mutf7.encode(name)
    assert re.fullmatch(rb"[\x20-\x7e]*", wire)
    assert mutf7.decode(wire) == name


@given(wire=st.one_of(st.binary(max_size=20), st.text("&-ABCQ,+/ a", max_size=12).map(str.encode)))
@MANY
def test_modified_utf7_decodes_one_spelling_or_none(wire: bytes) -> None:
    try:
        name = mutf7.decode(wire)
    except ValueError:
        return
    assert mutf7.encode(name) == wire


@given(pattern=st.text("ab/%*", max_size=8), name=st.text("ab/", max_size=8))
@MANY
def test_wildcards_agree_with_regular_expressions(pattern: str, name: str) -> None:
    translated = re.escape(pattern).replace(r"\*", ".*").replace("%", "[^/]*")
    assert matches(pattern.encode(), name.encode()) is bool(re.fullmatch(translated, name))


# What one of two sessions, or a delivery, may do to the mailbox that both look at.
STEPS = [
    b"NOOP", b"EXPUNGE", b"UID FETCH 1:* FLAGS", b"STORE 1 +FLAGS.SILENT (\\Deleted)", b"STORE * +FLAGS (\\Deleted)",
    b"FETCH 1:* FLAGS", b"SEARCH ALL", b"COPY 1 INBOX", b"MOVE * INBOX", b"UID STORE 1:* -FLAGS (\\Seen)", b"CHECK",
    b"APPEND INBOX {1+}\r\nx", b"UID SEARCH DELETED", b"UID EXPUNGE 2:4", b"FETCH 1 BODY[]",
]  # fmt: skip


class Model:
    """A client that believes what it is told: for each number the UID, once it learned that."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.uids: list[int | None] = [None, None, None]
        self.say(b"FETCH 1:* UID")

    def say(self, command: bytes) -> None:
        """Send a command and take in all that comes of it."""
        for line in self.client.say(b"t " + command + b"\r\n").split(b"\r\n"):
            if found := re.fullmatch(rb"\* (\d+) EXPUNGE", line):
                assert not command.startswith((b"FETCH", b"STORE", b"SEARCH"))
                del self.uids[int(found[1]) - 1]
            elif line.startswith(b"* VANISHED "):
                assert not command.startswith((b"FETCH", b"STORE", b"SEARCH"))
                gone = [
                    uid for low, high in ranges_of(line.removeprefix(b"* VANISHED ")) for uid in range(low, high + 1)
                ]
                # Each UID is one that the client counts: it would lose count otherwise (RFC 7162 §3.2.10.2).
                assert set(gone) <= {uid for uid in self.uids if uid is not None}
                self.uids = [uid for uid in self.uids if uid not in gone]
            elif found := re.fullmatch(rb"\* (\d+) EXISTS", line):
                assert int(found[1]) >= len(self.uids)
                self.uids += [None] * (int(found[1]) - len(self.uids))
            elif found := re.match(rb"\* (\d+) FETCH \(.*\bUID (\d+)", line):
                number, uid = int(found[1]), int(found[2])
                assert self.uids[number - 1] in (None, uid)
                self.uids[number - 1] = uid


def ranges_of(numbers: bytes) -> list[tuple[int, int]]:
    """First and last of each range in a set."""
    pairs = (each.partition(b":") for each in numbers.split(b","))
    return [(int(first), int(last or first)) for first, _, last in pairs]


@given(
    steps=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(STEPS)), max_size=25),
    enable=st.lists(st.sampled_from([b"IMAP4rev2", b"CONDSTORE", b"QRESYNC"]), max_size=2),
)
@FEW
def test_numbers_mean_the_same_messages_to_client_and_server(
    steps: list[tuple[int, bytes]], enable: list[bytes]
) -> None:
    store = new_store()
    for _ in range(3):
        inbox(store).append(b"x\r\n")
    aware = logged_in(store)
    aware.say(b"e ENABLE " + b" ".join([b"X", *enable]) + b"\r\ns SELECT INBOX\r\n")
    models = [Model(selected(store)), Model(aware)]
    for who, command in steps:
        models[who].say(command)
        models[who].say(b"FETCH 1:* UID")
    for model in models:
        model.say(b"NOOP")
        model.say(b"FETCH 1:* UID")
        assert model.uids == [message.uid for message in inbox(store).messages]


@given(stream=streams())
@FEW
def test_timer_wake_and_disconnection_are_safe_at_any_moment(stream: bytes) -> None:
    client = fresh("selected")
    client.say(stream)
    octets_of(client.core.wake(1.0))
    octets_of(client.core.timer(1.0))
    octets_of(client.core.timer(1e9))
    client.core.disconnected()
    assert client.core.state is State.LOGOUT
    assert client.say(stream) == b""
