"""Properties of the SMTP cores: no cut matters, no octets raise, no buffer grows, every state is declared."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.core import Action, Send, Settings, StartTls, Surroundings
from reference_server.smtp.core import SmtpCore
from reference_server.smtp.dsn import (
    decoded_xtext,
    parse_envid,
    parse_notify,
    parse_orcpt,
    parse_ret,
    readable_original,
)
from reference_server.smtp.grammar import SyntaxProblem
from reference_server.smtp.lmtp import LmtpCore
from reference_server.smtp.session import State
from reference_server.stores.memory import MemoryStore

NOON = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)

LINES = st.sampled_from(
    [
        b"EHLO client.example\r\n",
        b"HELO client.example\r\n",
        b"LHLO client.example\r\n",
        b"MAIL FROM:<>\r\n",
        b"MAIL FROM:<a@b.example> BODY=8BITMIME\r\n",
        b"RCPT TO:<alice@example.test>\r\n",
        b"RCPT TO:<carol@example.test>\r\n",
        b"MAIL FROM:<bob@example.test> SMTPUTF8 RET=FULL ENVID=x+20y\r\n",
        b"RCPT TO:<bob@example.test> NOTIFY=SUCCESS ORCPT=utf-8;\xc3\xa4\\x{E4}\r\n",
        b"MAIL FROM:<> BODY=BINARYMIME\r\n",
        b"DATA\r\n",
        b"BDAT 6\r\n",
        b"BDAT 11\r\na\r\nb",
        b"BDAT 0 LAST\r\n",
        b"BDAT 5 LAST\r\nabc\r\n",
        b"BDAT 2 NOW\r\n",
        b"BDAT\r\n",
        b"text\r\n",
        b".\r\n",
        b"..\r\n",
        b"\n.\r\n",
        b"\r\r\n",
        b"\xff\r\n",
        b"x" * 1100 + b"\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"VRFY alice\r\n",
        b"VRFY \xc3\xa4 SMTPUTF8\r\n",
        b"HELP MAIL\r\n",
        b"AUTH LOGIN\r\n",
        b"AUTH SCRAM-SHA-256 biwsbj1hbGljZSxyPXg=\r\n",
        b"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHgBAQ==\r\n",
        b"AUTH CRAM-MD5\r\n",
        b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n",
        b"*\r\n",
        b"QUIT\r\n",
        b"STARTTLS\r\n",
    ]
)
STREAMS = st.lists(LINES | st.binary(max_size=12), max_size=14).map(b"".join)
CORES = st.sampled_from([SmtpCore, LmtpCore])


def make(kind: type[SmtpCore]) -> SmtpCore:
    core = kind(
        MemoryStore(first_uid_validity=1),
        Settings(
            allow_cleartext=True,
            wall_clock=lambda: NOON,
            unique=lambda: "id1",
            nonce=lambda: "1",
            max_message_octets=2000,
            max_bad_commands=5,
        ),
        Surroundings(),
    )
    core.connected(0.0)
    return core


def run(core: SmtpCore, pieces: list[bytes]) -> tuple[bytes, list[Action]]:
    actions = [action for piece in pieces for action in core.receive(piece, 0.0)]
    sent = b"".join(action.octets for action in actions if isinstance(action, Send))
    return sent, [action for action in actions if not isinstance(action, Send)]


def stored(core: SmtpCore) -> list[bytes]:
    assert isinstance(core.store, MemoryStore)
    boxes = [account.mailbox("INBOX") for account in core.store.accounts]
    return [message.octets for box in boxes if box for message in box.messages]


@settings(max_examples=150, deadline=None)
@given(kind=CORES, stream=STREAMS, cuts=st.lists(st.integers(0, 3000), max_size=8))
def test_what_happens_does_not_depend_on_how_the_octets_are_cut(
    kind: type[SmtpCore], stream: bytes, cuts: list[int]
) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    whole, pieces, single = make(kind), make(kind), make(kind)
    expected = run(whole, [stream])
    assert run(pieces, [stream[a:b] for a, b in pairwise(edges)]) == expected
    assert run(single, [bytes([octet]) for octet in stream]) == expected
    assert stored(pieces) == stored(single) == stored(whole)
    assert pieces.state is single.state is whole.state


@settings(max_examples=150, deadline=None)
@given(kind=CORES, pieces=st.lists(st.binary(max_size=60) | LINES, max_size=20))
def test_no_octets_raise_and_every_reply_is_well_formed(kind: type[SmtpCore], pieces: list[bytes]) -> None:
    core = make(kind)
    sent, others = run(core, pieces)
    assert core.state in State
    for line in sent.split(b"\r\n")[:-1]:
        assert line[:3].isdigit()
        assert line[3:4] in {b" ", b"-"}
        assert line.isascii()
        assert len(line) <= 510
    if StartTls() in others:
        core.tls_started(0.0)
        assert core.state is State.FRESH
        assert core.greeting_name == ""


@settings(max_examples=30, deadline=None)
@given(
    start=st.sampled_from(
        [
            b"",
            b"EHLO x\r\nAUTH LOGIN\r\n",
            b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n",
            b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nBDAT 200000\r\n",
        ]
    )
)
def test_a_line_without_an_end_fills_no_memory(start: bytes) -> None:
    core = make(SmtpCore)
    run(core, [start])
    for _ in range(40):
        core.receive(b"x" * 4096, 0.0)
        assert len(core._pending) + len(core._unfinished_line) <= 12_288


# What `grammar` lets through as the value of a parameter, at random and in the shape of an ORCPT.
VALUES = st.from_regex(rb"[\x21-\x3c\x3e-\x7e\x80-\xff]{1,40}", fullmatch=True)
ORIGINALS = st.from_regex(
    rb"(?:rfc822|utf-8);(?:\+[0-9A-F]{2}|\\x\{[0-9A-F]{2,6}\}|[a-z]|\xc3\xa4){0,12}", fullmatch=True
)


@settings(max_examples=200, deadline=None)
@given(value=VALUES | ORIGINALS, utf8=st.booleans())
def test_parameters_of_notices_are_read_or_refused_and_what_is_shown_of_them_is_one_line(
    value: bytes, *, utf8: bool
) -> None:
    for parse in (parse_ret, parse_envid, parse_notify):
        with suppress(SyntaxProblem):
            assert parse(value)
    with suppress(SyntaxProblem):
        shown = readable_original(parse_orcpt(value), utf8=utf8)
        assert not {"\r", "\n", "\0"} & set(shown)


@settings(max_examples=100, deadline=None)
@given(octets=st.binary(max_size=60))
def test_xtext_stands_for_what_was_put_into_it(octets: bytes) -> None:
    plain = set(range(0x21, 0x7F)) - set(b"+=")
    xtext = b"".join(bytes([octet]) if octet in plain else b"+%02X" % octet for octet in octets)
    assert decoded_xtext(xtext) == octets


@settings(max_examples=150, deadline=None)
@given(kind=CORES, lines=st.lists(LINES | st.binary(max_size=12).map(lambda octets: octets + b"\r\n"), max_size=16))
def test_every_reply_but_to_a_greeting_has_a_status_code_of_its_class(kind: type[SmtpCore], lines: list[bytes]) -> None:
    core = make(kind)
    for line in lines:
        inside_message = core.state is State.RECEIVING or core.chunk is not None
        sent, _ = run(core, [line])
        if line[1:4].upper() in {b"HLO", b"ELO"} and not inside_message:
            continue
        for reply in sent.split(b"\r\n")[:-1]:
            enhanced = re.fullmatch(rb"([245])[0-9][0-9][ -]([245])\.[0-9]{1,3}\.[0-9]{1,3} .*", reply)
            assert reply[:1] == b"3" or (enhanced is not None and enhanced[1] == enhanced[2]), reply
