"""A client that dawdles: what it says, in every manner, and how it tells what a server makes of that."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from loadtest.clients.session import BrokenError
from loadtest.clients.smtp_client import Envelope
from loadtest.plan import Patience, Route
from loadtest.scenarios import dawdling
from loadtest.scenarios.dawdling import Ending, Fate, Manner, SlowClient, about, manners_for, protocol_of
from loadtest.scenarios.table import ROLES
from loadtest.target import Address
from reference_server.running import running_server
from tests.loadtest.scripted_server import Peer, serving

ENVELOPE = Envelope("ann@client.example", ["bob@example.test", "eve@example.test"])
GREETINGS = {"smtp": b"220 hi\r\n", "pop3": b"+OK hi\r\n", "imap": b"* OK hi\r\n"}
LONG_S = 8.0


@pytest.fixture(autouse=True)
def _no_time_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dawdling, "OCTET_EVERY_S", 0.005)


def client_for(address: Address, scheme: str, manner: Manner) -> SlowClient:
    route = Route(
        address=address,
        implicit_tls=scheme in ("smtps", "submissions", "pop3s", "imaps"),
        patience=Patience(connect_s=LONG_S, reply_s=LONG_S),
    )
    return SlowClient(route, protocol_of(scheme), manner)


def dawdled(
    script: Callable[[Peer], None], *, scheme: str = "smtp", manner: int = 0, longest_s: float = LONG_S
) -> tuple[SlowClient, Ending]:
    with serving(script) as address:
        client = client_for(address, scheme, manners_for(scheme, ENVELOPE)[manner])
        try:
            return client, client.dawdle(longest_s=longest_s)
        finally:
            client.close()


def said(scheme: str, manner: int, *answers: bytes) -> list[bytes]:
    """The lines that the client says, each answered by the next of these, and some of what it begins then."""
    heard: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.send(GREETINGS[protocol_of(scheme)])
        for answer in answers:
            heard.append(peer.line())
            peer.send(answer)
        heard.append(peer.octets(11))

    _, ending = dawdled(script, scheme=scheme, manner=manner)
    assert ending.fate is Fate.DROPPED
    return heard


@pytest.mark.parametrize(
    ("scheme", "begun"),
    [("smtp", b"EHLO xxxxxx"), ("lmtp", b"LHLO xxxxxx"), ("pop3", b"USER xxxxxx"), ("imap", b'L1 LOGIN "x')],
)
def test_a_command_is_said_octet_by_octet_and_never_ends(scheme: str, begun: bytes) -> None:
    assert said(scheme, 0) == [begun]
    manner = manners_for(scheme, ENVELOPE)[0]
    assert manner.drips
    assert b"\n" not in manner.begun


def test_a_text_stops_in_its_middle() -> None:
    answers = (b"250-mail.test\r\n250 SIZE\r\n", b"250 ok\r\n", b"550 who\r\n", b"250 ok\r\n", b"354 go\r\n")
    assert said("smtp", 1, *answers) == [
        b"EHLO client.example",
        b"MAIL FROM:<ann@client.example>",
        b"RCPT TO:<bob@example.test>",
        b"RCPT TO:<eve@example.test>",
        b"DATA",
        b"Subject: wa",
    ]


@pytest.mark.parametrize("answer", [b"+OK go on\r\n", b"-ERR not in clear\r\n"])
def test_a_password_is_half_said_whatever_becomes_of_the_name(answer: bytes) -> None:
    assert said("pop3", 1, answer) == [b"USER nobody", b"PASS I shal"]


@pytest.mark.parametrize("answer", [b"+ go on\r\n", b"* CAPABILITY IMAP4rev1\r\nL1 NO not in clear\r\n"])
def test_a_literal_is_half_said_whatever_becomes_of_the_command(answer: bytes) -> None:
    assert said("imap", 1, answer) == [b"L1 LOGIN {40}", b"I shall be "]


def test_where_tls_comes_first_its_handshake_is_one_more_thing_to_be_slow_at() -> None:
    seen = []

    def script(peer: Peer) -> None:
        seen.append(peer.octets(6))

    client, ending = dawdled(script, scheme="imaps", manner=2)
    (hello,) = seen
    # A handshake record of TLS 1.x that begins with a ClientHello (RFC 8446 §5.1, §4).
    assert (hello[:2], hello[5:]) == (b"\x16\x03", b"\x01")
    assert client.is_borne
    assert ending.fate is Fate.DROPPED
    assert {scheme for scheme in ROLES["any"] if len(manners_for(scheme, ENVELOPE)) == 3} == {
        "smtps", "submissions", "pop3s", "imaps"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "farewell", "word"),
    [
        ("smtp", b"421 4.4.2 too slow\r\n", "421"),
        ("smtp", b"451-4.4.2 too\r\n451 4.4.2 slow\r\n", "451"),
        ("pop3", b"-ERR too slow\r\n", "-ERR"),
        ("imap", b"* BYE too slow\r\n", "BYE"),
        ("imap", b"* bye too slow\r\n", "BYE"),
        ("smtp", b"", ""),
        ("pop3", b"", ""),
        ("imap", b"* 3 EXISTS\r\n", ""),
    ],
)
def test_it_is_told_with_which_word_a_server_drops_a_session(scheme: str, farewell: bytes, word: str) -> None:
    def script(peer: Peer) -> None:
        peer.send(GREETINGS[scheme])
        peer.octets(5)
        peer.send(farewell)

    client, ending = dawdled(script, scheme=scheme)
    assert (ending.fate, ending.word) == (Fate.DROPPED, word)
    assert client.is_borne
    assert str(ending) == f"dropped {f'with {word}' if word else 'without a word'}, after {about(ending.after_s)}"


def test_a_reset_is_told_as_one() -> None:
    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.octets(5)
        peer.reset()

    assert dawdled(script)[1].word == "a reset"


def test_what_was_said_long_before_is_no_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dawdling, "LAST_WORDS_S", 0.0)

    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.octets(5)
        peer.send(b"500 what?\r\n")
        peer.octets(50)

    assert dawdled(script)[1].word == ""


def test_a_server_that_closes_while_things_are_prepared_drops_the_session_too() -> None:
    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n", b"421 going\r\n")
        peer.until_gone()

    _, ending = dawdled(script, manner=1)
    assert (ending.fate, ending.word) == (Fate.DROPPED, "421")


@pytest.mark.parametrize(
    ("scheme", "greeting", "word"),
    [
        ("smtp", b"421 too many\r\n", "421"),
        ("smtp", b"554 not you\r\n", "554"),
        ("lmtp", b"", ""),
        ("pop3", b"-ERR too many\r\n", "-ERR"),
        ("imap", b"* BYE too many\r\n", "BYE"),
    ],
)
def test_who_is_not_greeted_is_turned_away(scheme: str, greeting: bytes, word: str) -> None:
    client, ending = dawdled(lambda peer: peer.send(greeting), scheme=scheme)
    assert (ending.fate, ending.word) == (Fate.TURNED_AWAY, word)
    assert not client.is_borne


@pytest.mark.parametrize(("scheme", "manner"), [("smtp", 0), ("smtp", 1), ("pop3", 1), ("imap", 1)])
def test_who_is_borne_lets_go_in_the_end(scheme: str, manner: int) -> None:
    def script(peer: Peer) -> None:
        peer.send(GREETINGS[scheme])
        peer.until_gone()

    client, ending = dawdled(script, scheme=scheme, manner=manner, longest_s=1.5)
    assert ending.fate is Fate.BORNE
    assert ending.after_s >= 1.5
    assert client.is_borne


def test_a_server_that_greets_nobody_bears_nobody() -> None:
    client, _ = dawdled(Peer.until_gone, longest_s=0.2)
    assert client.connected_at
    assert not client.is_borne


def test_a_flood_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dawdling, "MOST_OCTETS", 10_000)

    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        while True:
            peer.send(b"x" * 1000)

    with pytest.raises(BrokenError, match="listening: endless reply"):
        dawdled(script)


def test_without_a_server_there_is_no_session() -> None:
    with serving(lambda peer: None) as gone:
        pass
    client = client_for(gone, "smtp", manners_for("smtp", ENVELOPE)[0])
    with pytest.raises(BrokenError, match="connect: connection refused"):
        client.dawdle(longest_s=1.0)
    assert not client.connected_at


def test_a_handshake_that_fails_is_told_of() -> None:
    with pytest.raises(BrokenError, match="tls: handshake failed"):
        dawdled(lambda peer: peer.send(b"no TLS\r\n"), scheme="smtps")


@pytest.mark.parametrize("scheme", ["smtps", "lmtp", "pop3s", "imap", "imaps"])
def test_the_reference_server_bears_every_manner_for_a_while(scheme: str) -> None:
    with running_server(protocols=[scheme]) as server:
        port = int(server.urls[scheme].rpartition(":")[2])
        address = Address(socket.AF_INET, ("127.0.0.1", port))
        for manner in manners_for(scheme, ENVELOPE):
            # A busy machine may not have greeted anybody in the shorter time.
            for longest_s in (0.3, LONG_S):
                client = client_for(address, scheme, manner)
                ending = client.dawdle(longest_s=longest_s)
                client.close()
                if client.is_borne:
                    break
            assert (ending.fate, client.is_borne) == (Fate.BORNE, True), manner.name


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 to 1 s"), (1, "1 to 10 s"), (299.9, "120 to 300 s"), (600, "more than 600 s"), (4000, "more than 600 s")],
)
def test_times_are_told_coarsely_so_that_they_can_be_counted(seconds: float, words: str) -> None:
    assert about(seconds) == words
