"""Properties of the POP3 core: no cut matters, no octets raise, no buffer grows, and every text comes back whole."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from reference_server.core import Action, Send, Settings, StartTls, Surroundings
from reference_server.pop3.core import Pop3Core
from reference_server.pop3.session import State
from reference_server.stores.memory import MemoryStore

LINES = st.sampled_from(
    [
        b"USER alice\r\n",
        b"PASS secret\r\n",
        b"AUTH LOGIN\r\n",
        b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n",
        b"*\r\n",
        b"CAPA\r\n",
        b"STAT\r\n",
        b"LIST\r\n",
        b"LIST 1\r\n",
        b"UIDL\r\n",
        b"RETR 1\r\n",
        b"TOP 1 1\r\n",
        b"DELE 1\r\n",
        b"RSET\r\n",
        b"NOOP\n\r\n",
        b"x" * 300 + b"\r\n",
        b"QUIT\r\n",
        b"STLS\r\n",
        b"UTF8\r\n",
        b"LANG\r\n",
        b"LANG en\r\n",
        b"AUTH SCRAM-SHA-256 biwsbj1hbGljZSxyPXg=\r\n",
        b"AUTH XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHgBAQ==\r\n",
        b"AUTH CRAM-MD5\r\n",
    ]
)
LOG_IN = st.sampled_from([b"", b"USER alice\r\nPASS secret\r\n"])
STREAMS = st.tuples(LOG_IN, st.lists(LINES | st.binary(max_size=12), max_size=12).map(b"".join)).map(b"".join)
TEXTS = st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\n", b"\r", b"x", b"\0", b"a: b\r\n\r\n"]), max_size=12).map(
    b"".join
)


def make(*texts: bytes) -> Pop3Core:
    store = MemoryStore(first_uid_validity=1)
    box = store.accounts[0].mailbox("INBOX")
    assert box is not None
    for text in texts:
        box.append(text)
    core = Pop3Core(store, Settings(allow_cleartext=True, unique=lambda: "1", nonce=lambda: "1"), Surroundings())
    core.connected(0.0)
    return core


def run(core: Pop3Core, pieces: list[bytes]) -> tuple[bytes, list[Action]]:
    actions = [action for piece in pieces for action in core.receive(piece, 0.0)]
    sent = b"".join(action.octets for action in actions if isinstance(action, Send))
    return sent, [action for action in actions if not isinstance(action, Send)]


@settings(max_examples=150, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 1000), max_size=8))
def test_what_happens_does_not_depend_on_how_the_octets_are_cut(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    whole, pieces, single = make(b".x\n"), make(b".x\n"), make(b".x\n")
    expected = run(whole, [stream])
    assert run(pieces, [stream[a:b] for a, b in pairwise(edges)]) == expected
    assert run(single, [bytes([octet]) for octet in stream]) == expected
    assert pieces.state is single.state is whole.state


@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(st.binary(max_size=60) | LINES, max_size=20))
def test_no_octets_raise_and_every_line_is_short(pieces: list[bytes]) -> None:
    core = make(b".x\n")
    sent, others = run(core, pieces)
    assert core.state in State
    assert all(len(line) <= 510 for line in sent.split(b"\r\n"))
    if StartTls() in others:
        core.tls_started(0.0)
        assert core.state is State.AUTHORIZATION


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_every_text_comes_back_whole_and_as_long_as_it_was_said_to_be(text: bytes) -> None:
    core = make(text)
    run(core, [b"USER alice\r\nPASS secret\r\n"])
    sent, _ = run(core, [b"RETR 1\r\n"])
    first, _, rest = sent.partition(b"\r\n")
    assert rest.endswith(b"\r\n.\r\n") or rest == b".\r\n"
    lines = rest[: -len(b".\r\n")].split(b"\r\n")
    assert b"." not in lines
    unstuffed = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
    assert first == b"+OK %d octets" % len(unstuffed)
    assert b"".join(unstuffed.split()) == b"".join(text.split())


@settings(max_examples=10, deadline=None)
@given(start=st.sampled_from([b"", b"AUTH LOGIN\r\n", b"USER alice\r\nPASS secret\r\n"]))
def test_a_line_without_an_end_fills_no_memory(start: bytes) -> None:
    core = make()
    run(core, [start])
    for _ in range(20):
        core.receive(b"x" * 4096, 0.0)
        assert len(core._pending) <= 12_288
