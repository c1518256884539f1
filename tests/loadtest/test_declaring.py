"""MAIL declares of a message what the server offers to hear: its size (RFC 1870), and its eight bits (RFC 6152)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadtest.clients.declaring import Declarations
from loadtest.clients.smtp_client import Envelope
from reference_server.running import running_server
from tests.loadtest.commands import as_user, finished, read
from tests.loadtest.scripted_server import Peer, serving

PLAIN = Envelope("alice@example.test", ["bob@example.test"])
EIGHT_BIT = b"From: <a@b.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n.gr\xc3\xbc\xc3\x9fe\n"
SEVEN_BIT = b"From: <a@b.test>\nSubject: x\n\nhi\n"


@pytest.mark.parametrize(
    ("offers", "eight_bit", "mail"),
    [
        ([], False, b""),
        ([b"SIZE"], False, b" SIZE=77"),
        ([b"8BITMIME"], False, b""),
        ([b"8BITMIME"], True, b" BODY=8BITMIME"),
        ([b"8BITMIME", b"SIZE"], True, b" SIZE=77 BODY=8BITMIME"),
        ([b"SIZE"], True, None),
    ],
)
def test_what_is_declared_is_what_is_offered(offers: list[bytes], mail: bytes | None, *, eight_bit: bool) -> None:
    declarations = Declarations(PLAIN)
    declarations.suit(dict.fromkeys(offers, b""))
    envelope = declarations.of(77, eight_bit)
    if mail is None:
        assert envelope is None
        return
    assert envelope is not None
    assert envelope is declarations.of(77, eight_bit)
    assert envelope.mail == b"MAIL FROM:<alice@example.test>%b\r\n" % mail
    assert envelope.group == envelope.mail + b"RCPT TO:<bob@example.test>\r\nDATA\r\n"
    assert (envelope.rcpts, envelope.phases) == (PLAIN.rcpts, PLAIN.phases)


def test_each_session_has_its_own_offers() -> None:
    declarations = Declarations(PLAIN)
    mails = []
    for offers in ({b"SIZE": b""}, {}, {b"SIZE": b"1000"}):
        declarations.suit(offers)
        envelope = declarations.of(5, False)
        assert envelope is not None
        mails.append(envelope.mail)
    assert mails[0] == mails[2] == PLAIN.mail.replace(b"\r\n", b" SIZE=5\r\n")
    assert mails[1] == PLAIN.mail


@pytest.mark.parametrize("pipelining", [[], ["--pipelining"]], ids=["step by step", "pipelined"])
def test_the_size_declared_is_the_size_sent(tmp_path: Path, pipelining: list[str]) -> None:
    """Where envelopes go ahead of their texts, too, and each message has another size."""
    told: list[tuple[int, int]] = []

    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.line()
        size = -1
        peer.send(b"250-mail.test\r\n250-SIZE 1000000\r\n250 PIPELINING\r\n")
        while line := peer.line():
            if line == b"QUIT":
                peer.send(b"221 bye\r\n")
            elif line == b"DATA":
                peer.send(b"354 go\r\n")
                told.append((size, len(re.sub(rb"(?m)^\.", b"", peer.text()))))
                peer.send(b"250 kept\r\n")
            else:
                if match := re.search(rb" SIZE=([0-9]+)$", line):
                    size = int(match[1])
                peer.send(b"250 ok\r\n")

    json_file = tmp_path / "load.json"
    with serving(script) as address:
        status, out, err = finished(
            "relay", f"smtp://127.0.0.1:{address.sockaddr[1]}", "--users", "2", "--run-time", "1s",
            "--message-size", "1k-3k", "--json", str(json_file), *pipelining,
        )  # fmt: skip
    assert status == 0, out + err
    assert len(told) == read(json_file).summary.accepted > 2
    assert all(declared == sent for declared, sent in told)
    assert len({declared for declared, _ in told}) > 2


def folder(tmp_path: Path, *letters: bytes) -> str:
    mail = tmp_path / "mail"
    mail.mkdir()
    for number, letter in enumerate(letters):
        (mail / f"{number}.eml").write_bytes(letter)
    return str(mail)


@pytest.mark.parametrize("pipelining", [[], ["--pipelining"]], ids=["step by step", "pipelined"])
def test_letters_of_eight_bits_go_out_and_arrive_as_they_are(tmp_path: Path, pipelining: list[str]) -> None:
    """The reference server refuses such a text where MAIL did not announce it."""
    json_file = tmp_path / "load.json"
    with running_server(protocols=["smtp", "imap"]) as server:
        status, out, err = finished(
            "relay", server.urls["smtp"], as_user(server.urls["imap"], "alice@example.test"), "--run-time", "1s",
            "--users", "2", "--message-size", folder(tmp_path, EIGHT_BIT, SEVEN_BIT), "--json", str(json_file),
            *pipelining,
        )  # fmt: skip
    assert status == 0, out + err
    result = read(json_file)
    assert (result.left_out, "stayed at home" in out) == (0, False)
    assert result.summary.ledger.delivered == result.summary.accepted > 2


def seven_bit_server(peer: Peer, texts: list[bytes]) -> None:
    peer.send(b"220 hi\r\n")
    peer.replies(b"250 mail.test\r\n")
    while line := peer.line():
        if line == b"DATA":
            peer.send(b"354 go\r\n")
            texts.append(peer.text())
        peer.send(b"221 bye\r\n" if line == b"QUIT" else b"250 ok\r\n")


def test_without_the_offer_they_stay_at_home_and_the_report_says_so(tmp_path: Path) -> None:
    texts: list[bytes] = []
    json_file = tmp_path / "load.json"
    letters = folder(tmp_path, EIGHT_BIT, SEVEN_BIT)
    with serving(lambda peer: seven_bit_server(peer, texts)) as address:
        url = f"smtp://127.0.0.1:{address.sockaddr[1]}"
        arguments = ("--users", "1", "--run-time", "1s", "--json", str(json_file))
        status, out, _ = finished("relay", url, "--message-size", letters, *arguments)
        assert status == 0
        assert read(json_file).left_out == 1
        assert "1 message of the folder stayed at home, as 8BITMIME (RFC 6152) is not offered." in out
        assert len(texts) == read(json_file).summary.accepted > 0
        assert all(text.isascii() for text in texts)
        (tmp_path / "mail" / "1.eml").unlink()
        status, _, err = finished("relay", url, "--message-size", letters, *arguments)
    assert status == 3
    assert "needs 8BITMIME, which the server does not offer" in err


def test_an_offer_that_is_taken_back_costs_the_message_and_no_octet_of_it_is_sent(tmp_path: Path) -> None:
    texts: list[bytes] = []
    first = [True]

    def script(peer: Peer) -> None:
        if first.pop() if first else False:
            peer.send(b"220 hi\r\n")
            peer.replies(b"250-mail.test\r\n250 8BITMIME\r\n", b"221 bye\r\n")
            return
        seven_bit_server(peer, texts)

    json_file = tmp_path / "load.json"
    with serving(script) as address:
        url = f"smtp://127.0.0.1:{address.sockaddr[1]}"
        arguments = ("--users", "1", "--run-time", "2s", "--json", str(json_file))
        status, _, err = finished("relay", url, "--message-size", folder(tmp_path, EIGHT_BIT, SEVEN_BIT), *arguments)
    assert status == 1, err
    result = read(json_file)
    assert len(texts) == result.summary.accepted > 0
    assert all(text.isascii() for text in texts)
    assert (result.summary.ledger.unknown, result.summary.ledger.sent) == (0, len(texts))
    assert result.summary.errors_by_kind == {
        "mail: 8BITMIME is not offered as it was before": result.summary.ledger.failed
    }
