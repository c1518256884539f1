"""The IMAP client: what it does with a server that works, and that it survives one that does anything at all."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.imap_client import BATCH, ImapSession
from loadtest.plan import Patience, Route
from loadtest.session import BrokenError, LoadError, MissingOfferError, RefusedError
from loadtest.target import Account, Address, TlsUse
from reference_server.running import RunningServer, running_server
from tests.loadtest.scripted_server import Peer, serving

PATIENT = Patience(connect_s=5.0, reply_s=10.0)
SHORT = Patience(connect_s=2.0, reply_s=0.2)
ALICE = Account("alice@example.test", "secret")
GREETING = b"* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\n"
TEXT = b"Subject: x\r\n\r\nbody\r\n"


class Times:
    def __init__(self) -> None:
        self.phases: Counter[str] = Counter()

    def __call__(self, phase: str, seconds: float) -> None:
        assert seconds >= 0
        self.phases[phase] += 1


# -- with a server that works -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(protocols=["imap", "imaps"]) as running:
        yield running


def address_of(server: RunningServer, scheme: str = "imap") -> Address:
    host, _, port = server.urls[scheme].rpartition("://")[2].rpartition(":")
    return Address(socket.AF_INET, (host, int(port)))


@pytest.fixture
def session(server: RunningServer) -> Iterator[ImapSession]:
    opened = ImapSession.open(Route(address=address_of(server), account=ALICE, patience=PATIENT), Times())
    with contextlib.suppress(RefusedError):
        opened.delete("box")
    opened.create("box")
    yield opened
    opened.close()


@pytest.mark.parametrize(("scheme", "tls"), [("imap", TlsUse.AUTO), ("imap", TlsUse.ALWAYS), ("imaps", TlsUse.AUTO)])
def test_a_session_is_secured_and_logged_in_as_the_route_says(server: RunningServer, scheme: str, tls: TlsUse) -> None:
    times = Times()
    route = Route(
        address=address_of(server, scheme), tls=tls, implicit_tls=scheme == "imaps", account=ALICE, patience=PATIENT
    )
    session = ImapSession.open(route, times)
    assert b"IDLE" in session.offers
    session.logout()
    assert not session.is_open
    assert times.phases["auth"] == times.phases["greeting"] == times.phases["connect"] == times.phases["logout"] == 1
    assert times.phases["tls"] == 1  # on demand too: the server takes no password in clear


def test_a_message_comes_out_as_it_went_in(session: ImapSession) -> None:
    uid = session.append("box", TEXT, r"\Flagged")
    assert session.status("box", "MESSAGES UIDNEXT") == {b"MESSAGES": 1, b"UIDNEXT": uid + 1}
    selected = session.select("box")
    assert (selected.exists, selected.uid_next, session.exists) == (1, uid + 1, 1)
    assert selected.uid_validity > 0
    assert list(session.messages([uid, uid + 100])) == [(uid, TEXT)]
    (fetched,) = session.uid_fetch("1:*", "(FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    assert fetched.uid == uid
    assert fetched.items[b"RFC822.SIZE"] == b"20"
    assert fetched.items[b"FLAGS"] == [rb"\Flagged"] or rb"\Flagged" in fetched.items[b"FLAGS"]  # type: ignore[operator]
    assert fetched.items[b"BODY[HEADER.FIELDS (SUBJECT)]"] == b"Subject: x\r\n\r\n"


def test_flags_searches_copies_and_removals(session: ImapSession) -> None:
    uids = [session.append("box", TEXT) for _ in range(3)]
    session.select("box")
    assert session.uid_search("UNSEEN") == uids
    session.uid_store(str(uids[0]), r"+FLAGS.SILENT (\Seen)")
    assert session.uid_search("UNSEEN") == uids[1:]
    session.uid_copy(str(uids[1]), "INBOX")
    session.uid_store(f"{uids[0]},{uids[1]}", r"+FLAGS.SILENT (\Deleted)")
    session.expunge(str(uids[0]))
    assert (session.uid_search("ALL"), session.exists) == (uids[1:], 2)
    session.expunge()
    assert (session.uid_search("ALL"), session.exists) == (uids[2:], 1)
    session.uid_move(str(uids[2]), "INBOX")
    assert session.exists == 0
    session.close_mailbox()
    assert {"INBOX", "box"} <= set(session.list_mailboxes())


def test_a_refusal_leaves_the_session_usable(session: ImapSession) -> None:
    with pytest.raises(RefusedError) as caught:
        session.select("no such")
    assert (caught.value.phase, caught.value.code) == ("select", "NO")
    with pytest.raises(RefusedError) as caught:
        session.command("odd", b"NONSENSE")
    assert caught.value.code == "BAD"
    assert session.noop() == ()


@pytest.mark.parametrize("name", ['with "quotes" and \\', "with space", "&AOQ-"])
def test_names_survive_the_way_there_and_back(session: ImapSession, name: str) -> None:
    with contextlib.suppress(RefusedError):
        session.delete(name)
    session.create(name)
    assert name in session.list_mailboxes()
    assert session.status(name, "MESSAGES") == {b"MESSAGES": 0}


def test_more_messages_than_one_command_asks_for_come_in_order(session: ImapSession, server: RunningServer) -> None:
    texts = {session.append("box", TEXT + b"%d\r\n" % number): number for number in range(BATCH + 7)}
    session.select("box")
    seen = list(session.messages(texts))
    assert [uid for uid, _ in seen] == sorted(texts)
    assert all(octets == TEXT + b"%d\r\n" % texts[uid] for uid, octets in seen)


def test_reading_that_is_left_off_closes_the_session(session: ImapSession) -> None:
    uids = [session.append("box", TEXT) for _ in range(3)]
    session.select("box")
    reading = session.messages(uids)
    next(reading)
    reading.close()  # type: ignore[attr-defined]
    assert not session.is_open


def test_mail_that_comes_in_is_told_of_during_idle(server: RunningServer, session: ImapSession) -> None:
    session.select("box")
    with session.idle() as idling:
        assert idling.wait(0.01) == []
        other = ImapSession.open(Route(address=address_of(server), account=ALICE, patience=PATIENT), Times())
        other.append("box", TEXT)
        other.logout()
        names = [event.name for event in idling.wait(5.0)]
    assert b"EXISTS" in names
    assert session.exists == 1
    assert len(session.uid_search("ALL")) == 1


def test_a_session_that_idles_can_be_logged_out(session: ImapSession) -> None:
    session.select("box")

    class EndedError(Exception):
        pass

    with pytest.raises(EndedError), session.idle():
        raise EndedError
    session.logout()


def test_a_wrong_password_is_refused(server: RunningServer) -> None:
    route = Route(address=address_of(server), account=Account("alice@example.test", "wrong"), patience=PATIENT)
    with pytest.raises(RefusedError) as caught:
        ImapSession.open(route, Times())
    assert (caught.value.phase, caught.value.code) == ("auth", "NO")


# -- with a script ----------------------------------------------------------------------------------------------------


def opened(address: Address, *, account: Account | None = None, patience: Patience = SHORT) -> ImapSession:
    return ImapSession.open(Route(address=address, account=account, patience=patience), Times())


def dialogue(*steps: tuple[bytes, bytes], greeting: bytes = GREETING) -> tuple[list[bytes], Callable[[Peer], None]]:
    """What the client said without its tags, and a script of answers in which `TAG` stands for the tag."""
    said: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.send(greeting)
        tag = b""
        for begins, answer in steps:
            line = peer.line()
            if not begins.startswith(b"..."):
                tag, _, line = line.partition(b" ")
            said.append(line)
            peer.send(answer.replace(b"TAG", tag))
        peer.until_gone()

    return said, script


PLAIN = base64.b64encode(b"\0ann\0p w")


@pytest.mark.parametrize(
    ("offers", "steps"),
    [
        (b"AUTH=PLAIN SASL-IR", [(b"AUTHENTICATE PLAIN " + PLAIN, b"TAG OK [CAPABILITY X] in\r\n")]),
        (
            b"AUTH=PLAIN LOGINDISABLED",
            [(b"AUTHENTICATE PLAIN", b"+ \r\n"), (b"..." + PLAIN, b"* CAPABILITY X\r\nTAG OK in\r\n")],
        ),
        (b"", [(b'LOGIN "ann" "p w"', b"TAG OK in\r\n"), (b"CAPABILITY", b"* CAPABILITY X\r\nTAG OK done\r\n")]),
    ],
)
def test_the_client_logs_in_by_what_is_offered(offers: bytes, steps: list[tuple[bytes, bytes]]) -> None:
    said, script = dialogue(*steps, greeting=b"* OK [CAPABILITY IMAP4rev1 %b] hi\r\n" % offers)
    with serving(script) as address:
        session = opened(address, account=Account("ann", "p w"))
        assert session.offers == {b"X"}
        session.close()
    assert said == [line.removeprefix(b"...") for line, _ in steps]


def test_a_password_that_cannot_be_quoted_goes_as_a_literal() -> None:
    steps = ((b"", b"+ go\r\n"), (b"...", b"TAG OK [CAPABILITY X] in\r\n"))
    said, script = dialogue(*steps)
    with serving(script) as address:
        opened(address, account=Account("ann", "pä")).close()
    assert said == [b'LOGIN "ann" {3}', "pä".encode()]


def test_a_server_that_knows_the_client_asks_for_no_log_in() -> None:
    _, script = dialogue(greeting=b"* PREAUTH [CAPABILITY X] welcome\r\n")
    with serving(script) as address:
        opened(address, account=ALICE).close()


@pytest.mark.parametrize(
    ("greeting", "error", "phase"),
    [
        (b"* BYE busy\r\n", RefusedError, "greeting"),
        (b"* NO what\r\n", BrokenError, "greeting"),
        (b"220 mail.test ESMTP\r\n", BrokenError, "greeting"),
        (b"* OK [CAPABILITY LOGINDISABLED] hi\r\n", MissingOfferError, "auth"),
    ],
)
def test_a_greeting_may_turn_the_client_away(greeting: bytes, error: type[LoadError], phase: str) -> None:
    _, script = dialogue(greeting=greeting)
    with serving(script) as address, pytest.raises(error) as caught:
        opened(address, account=ALICE)
    assert caught.value.phase == phase


def test_octets_slipped_in_before_the_handshake_end_the_session() -> None:
    _, script = dialogue(
        (b"STARTTLS", b"TAG OK go\r\n* CAPABILITY INJECTED\r\n"), greeting=b"* OK [CAPABILITY STARTTLS] hi\r\n"
    )
    with serving(script) as address, pytest.raises(BrokenError, match="octets before the handshake"):
        ImapSession.open(Route(address=address, patience=SHORT, tls=TlsUse.ALWAYS), Times())


@pytest.mark.parametrize(
    ("offers", "octets", "at_once"),
    [(b"LITERAL+", 5000, True), (b"LITERAL-", 4096, True), (b"LITERAL-", 4097, False), (b"", 10, False)],
)
def test_a_literal_waits_where_it_has_to(offers: bytes, octets: int, at_once: bool) -> None:
    said: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.send(b"* OK [CAPABILITY IMAP4rev1 %b] hi\r\n" % offers)
        tag, _, line = peer.line().partition(b" ")
        said.append(line)
        if not at_once:
            peer.send(b"* 3 EXISTS\r\n+ go\r\n")
        said.append(peer.line())
        peer.send(tag + b" OK [APPENDUID 7 42] stored\r\n")
        peer.until_gone()

    with serving(script) as address:
        session = opened(address)
        assert session.append("box", b"x" * octets) == 42
        assert session.exists == (0 if at_once else 3)
        session.close()
    assert said == [b'APPEND "box" {%d%b}' % (octets, b"+" if at_once else b""), b"x" * octets]


def test_a_literal_that_is_refused_is_not_sent() -> None:
    said, script = dialogue((b"APPEND", b"TAG NO full\r\n"), (b"NOOP", b"TAG OK fine\r\n"))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(RefusedError, match="full"):
            session.append("box", b"x" * 10)
        session.noop()
        session.close()
    assert said == [b'APPEND "box" {10}', b"NOOP"]


def test_what_comes_unasked_is_waited_past() -> None:
    news = b"* OK still here\r\n* 5 EXISTS\r\n* 2 EXPUNGE\r\n* 1 FETCH (FLAGS ())\r\n* NO watch out\r\n* X-NEW 1\r\n"
    _, script = dialogue(
        (b"SEARCH", news + b"* SEARCH 3\r\n" + news + b"* SEARCH 4\r\nTAG OK done\r\n"),
        (b"NOOP", news + b"TAG OK done\r\n"),
        (b"FETCH", news + b"* 1 FETCH (BODY[] {2}\r\nab UID 1)\r\n" + news + b"TAG OK done\r\n"),
    )
    with serving(script) as address:
        session = opened(address)
        assert session.uid_search("ALL") == [3, 4]
        assert session.exists == 4
        assert [response.name for response in session.noop()] == [b"EXISTS", b"EXPUNGE", b"FETCH"]
        assert list(session.messages([1])) == [(1, b"ab")]
        session.close()


def test_a_message_is_given_out_once_and_only_if_it_was_asked_for() -> None:
    one, two, three = (b"* %d FETCH (UID %d BODY[] {1}\r\nx)\r\n" % (uid, uid) for uid in (1, 2, 3))
    _, script = dialogue((b"FETCH", two + one + two + three + b"TAG OK done\r\n"))
    with serving(script) as address:
        session = opened(address)
        assert list(session.messages([1, 2])) == [(2, b"x"), (1, b"x")]
        session.close()


@pytest.mark.parametrize("answer", [b"TAG NO gone\r\n", b"TAG BAD what\r\n"])
def test_reading_that_is_refused_leaves_the_session_open(answer: bytes) -> None:
    _, script = dialogue((b"FETCH", answer), (b"NOOP", b"TAG OK\r\n"))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(RefusedError):
            list(session.messages([1]))
        session.noop()
        session.close()


def test_bye_in_the_middle_ends_the_session() -> None:
    _, script = dialogue((b"NOOP", b"* BYE shutting down\r\n"))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(RefusedError) as caught:
            session.noop()
        assert (caught.value.phase, caught.value.code, session.is_open) == ("noop", "BYE", False)


@pytest.mark.parametrize(
    ("answer", "error", "usable"),
    [
        (b"TAG NO too long\r\n", RefusedError, True),
        (b"* BYE\r\n", RefusedError, False),
        (b"X OK\r\n", BrokenError, False),
        (b"+ again\r\n", BrokenError, False),
    ],
)
def test_a_server_may_end_idle_by_itself(answer: bytes, error: type[LoadError], usable: bool) -> None:
    _, script = dialogue((b"IDLE", b"+ idling\r\n" + answer))

    def idle_on(session: ImapSession) -> None:
        with session.idle() as idling:
            while True:
                idling.wait(5.0)

    with serving(script) as address:
        session = opened(address)
        with pytest.raises(error):
            idle_on(session)
        assert session.is_open is usable
        session.close()


@pytest.mark.parametrize(
    "answer", [b"TAG OK at once\r\n", b"TAG NO not now\r\n", b"X OK\r\n", b"* BYE\r\n", b"TAG WHAT\r\n"]
)
def test_idle_that_is_not_entered_is_told_of(answer: bytes) -> None:
    _, script = dialogue((b"IDLE", answer))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(LoadError) as caught, session.idle():
            pass
        assert caught.value.phase == "idle"
        session.close()


def test_a_connection_that_breaks_during_idle_is_told_of() -> None:
    def script(peer: Peer) -> None:
        peer.send(GREETING)
        peer.line()
        peer.send(b"+ \r\n")

    with serving(script) as address:
        session = opened(address)
        with pytest.raises(BrokenError, match="idle: closed"), session.idle() as idling:
            idling.wait(5.0)
        assert not session.is_open


def test_a_wait_that_gets_half_a_line_gives_it_to_the_next() -> None:
    go = threading.Event()

    def script(peer: Peer) -> None:
        peer.send(GREETING)
        tag = peer.line().partition(b" ")[0]
        peer.send(b"+ \r\n* 3 EXI")
        go.wait(5.0)
        peer.send(b"STS\r\n")
        peer.line()
        peer.send(tag + b" OK\r\n")

    with serving(script) as address:
        session = opened(address, patience=PATIENT)
        with session.idle() as idling:
            assert idling.wait(0.05) == []
            go.set()
            assert [event.number for event in idling.wait(5.0)] == [3]
        session.close()


def test_logout_does_not_wait_for_long() -> None:
    _, script = dialogue()
    with serving(script) as address:
        session = opened(address, patience=PATIENT)
        began = time.perf_counter()
        with pytest.raises(BrokenError, match="logout: timeout"):
            session.logout(within_s=0.05)
        assert time.perf_counter() - began < 8.0
        assert not session.is_open


# -- with anything at all ---------------------------------------------------------------------------------------------


def _silent(peer: Peer) -> None:
    peer.until_gone()


def _flood(octets: bytes) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        while True:
            peer.send(octets)

    return script


def _drip(peer: Peer) -> None:
    for _ in range(200):
        peer.send(b"x")
        time.sleep(0.02)


MISCONDUCT = pytest.mark.parametrize(
    ("conduct", "kinds"),
    [
        (lambda peer: None, {"closed"}),
        (Peer.reset, {"reset"}),
        (_silent, {"timeout"}),
        (_drip, {"timeout"}),
        (lambda peer: (peer.send(b"\x00\xffwhat?\r\n"), peer.until_gone()), {"unintelligible"}),
        (lambda peer: (peer.send(b"+ unasked\r\n"), peer.until_gone()), {"unexpected reply"}),
        (lambda peer: (peer.send(b"* SEARCH {99999999999}\r\n"), peer.until_gone()), {"endless reply"}),
        (_flood(b"* 1 FETCH (FLAGS (" + b"x" * 100_000 + b"))\r\n"), {"timeout"}),
        (_flood(b"* SEARCH 1\r\n" * 5000), {"timeout", "endless reply"}),
        (_flood(b"* " + b"x" * 100_000), {"endless reply", "timeout"}),
    ],
    ids=["closes", "resets", "silent", "drips", "babbles", "go-ahead", "literal", "unasked", "wanted", "one line"],
)


@MISCONDUCT
def test_misconduct_has_its_kind_and_ends_in_time(conduct: Callable[[Peer], None], kinds: set[str]) -> None:
    def script(peer: Peer) -> None:
        peer.send(GREETING)
        peer.line()
        conduct(peer)

    with serving(script) as address:
        session = opened(address)
        began = time.perf_counter()
        with pytest.raises(BrokenError) as caught:
            session.uid_search("ALL")
        assert (caught.value.phase, caught.value.what in kinds) == ("search", True), caught.value
        assert time.perf_counter() - began < 8.0
        assert not session.is_open


def test_a_search_of_the_whole_world_is_not_believed() -> None:
    _, script = dialogue((b"SEARCH", b'* ESEARCH (TAG "x") UID ALL 1:4000000000\r\nTAG OK done\r\n'))
    with serving(script) as address:
        session = opened(address)
        with pytest.raises(BrokenError, match="search: endless reply"):
            session.uid_search("ALL")


class StreamSocket:
    """Stands in for a socket: hands out a stream in pieces, and after it the end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)
        self._open = True

    def recv(self, octets: int) -> bytes:
        return next(self._pieces, b"")

    def sendall(self, octets: bytes) -> None: ...

    def settimeout(self, timeout_s: float) -> None: ...

    def fileno(self) -> int:
        return 3 if self._open else -1

    def close(self) -> None:
        self._open = False


def _idle_once(session: ImapSession) -> None:
    with session.idle() as idling:
        idling.wait(0.01)


USES: list[Callable[[ImapSession], object]] = [
    lambda session: session._set_up(
        Route(address=Address(socket.AF_INET, ("127.0.0.1", 1)), account=ALICE, tls=TlsUse.NEVER)
    ),
    lambda session: session.select("INBOX"),
    lambda session: session.status("INBOX"),
    lambda session: session.list_mailboxes(),
    lambda session: session.uid_fetch("1:*", "FLAGS"),
    lambda session: list(session.messages([1, 2])),
    lambda session: session.uid_search("ALL"),
    lambda session: session.append("box", TEXT),
    lambda session: session.noop(),
    lambda session: session.logout(),
    _idle_once,
]

PIECES = [
    b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", b"* PREAUTH x\r\n", b"* BYE\r\n", b"+ \r\n", b"+\r\n",
    b"L1 OK\r\n", b"L1 OK [APPENDUID 1 x]\r\n", b"L2 OK done\r\n", b"L1 NO\r\n", b"L2 BAD\r\n", b"L1", b"\r\n", b"\n",
    b" ", b"* ", b"*", b"* 1 EXISTS\r\n", b"* 99999999999999999999999 EXISTS\r\n", b"* -1 EXPUNGE\r\n",
    b"* CAPABILITY\r\n", b"* OK [UIDNEXT 5] x\r\n", b"* OK [UIDVALIDITY", b"* STATUS INBOX (MESSAGES 1 X)\r\n",
    b"* STATUS\r\n", b"* STATUS (((\r\n", b'* LIST () "/" x\r\n', b"* LIST () NIL {3}\r\na\r\n\r\n", b"* LIST\r\n",
    b"* SEARCH 1 2 x\r\n", b"* SEARCH {1}\r\n2\r\n", b"* ESEARCH UID ALL 1:2,7,x,9:\r\n", b"* ESEARCH ALL\r\n",
    b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n", b"* 1 FETCH (BODY[] {3}\r\nabc UID 2)\r\n",
    b"* 1 FETCH (UID 1 BODY[] {3}\r\nabcd)\r\n", b"* 1 FETCH (UID 1 BODY[] NIL)\r\n",
    b'* 1 FETCH (UID 1 BODY[] "abc" FLAGS (x))\r\n', b"* 1 FETCH (UID (1) BODY[] ())\r\n", b"* 1 FETCH ((UID) 1)\r\n",
    b"* FETCH\r\n", b"* 1 FETCH\r\n", b"* 1 FETCH (UID 1 BODY[] {99999999999999}\r\n", b"{5}\r\n", b"\xff\x00", b'"',
    b"(", b")",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    use=st.sampled_from(USES),
    pieces=st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=12),
    cuts=st.lists(st.integers(1, 300), max_size=6),
)
def test_whatever_a_server_sends_the_outcome_is_a_value_or_a_load_error(
    use: Callable[[ImapSession], object], pieces: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(pieces)
    edges = sorted({0, *(cut for cut in cuts if cut < len(stream)), len(stream)})
    sock = StreamSocket([stream[start:end] for start, end in pairwise(edges)])
    session = ImapSession(sock, SHORT, Times())  # type: ignore[arg-type]
    broken = False
    try:
        use(session)
    except LoadError as error:
        broken = isinstance(error, BrokenError)
    assert not (broken and session.is_open)


@settings(max_examples=100, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=8),
    cuts=st.lists(st.integers(1, 300), max_size=6),
)
def test_responses_do_not_depend_on_how_the_stream_is_cut(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)

    def outcome(edges: list[int]) -> object:
        sock = StreamSocket([stream[start:end] for start, end in pairwise(edges)])
        session = ImapSession(sock, SHORT, Times())  # type: ignore[arg-type]
        try:
            return list(session.messages([1, 2]))
        except LoadError as error:
            return str(error)

    assert outcome(sorted({0, *(c for c in cuts if c < len(stream)), len(stream)})) == outcome([0, len(stream)])


DIALOGUE = [
    GREETING,
    b"* CAPABILITY X\r\nTAG OK in\r\n",
    b"* 1 EXISTS\r\n* OK [UIDNEXT 2] x\r\nTAG OK done\r\n",
    b"* 1 FETCH (UID 1 BODY[] {4}\r\nab\r\n)\r\nTAG OK done\r\n",
    b"+ idling\r\n",
    b"TAG OK done\r\n",
    b"* BYE\r\nTAG OK\r\n",
]


def _whole_session(address: Address) -> list[str]:
    """A session from greeting to LOGOUT; says where it failed, if it did."""
    try:
        session = opened(address, account=ALICE, patience=PATIENT)
        session.select("box")
        assert list(session.messages([1])) == [(1, b"ab\r\n")]
        with session.idle():
            pass
        session.logout()
    except LoadError as error:
        return [error.phase]
    return []


def test_a_server_that_closes_after_any_octet_is_survived_and_the_phase_told() -> None:
    total = sum(map(len, DIALOGUE))
    phases = []
    for octets in range(total + 1):

        def script(peer: Peer, octets: int = octets) -> None:
            left = octets
            tag = b""
            for step, answer in enumerate(DIALOGUE):
                if step:
                    line = peer.line()
                    if line != b"DONE":
                        tag = line.partition(b" ")[0]
                peer.send(answer.replace(b"TAG", tag)[:left])
                left -= len(answer)
                if left <= 0:
                    return

        with serving(script) as address:
            phases += _whole_session(address)
    order = ["greeting", "auth", "select", "fetch", "idle", "done", "logout"]
    assert list(dict.fromkeys(phases)) == order
    assert len(phases) >= total - 20
