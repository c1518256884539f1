"""Links: what each makes of a session, first as a core around a core, then on real sockets."""

from __future__ import annotations

import poplib
import socket
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from reference_server.core import Action, Close, HalfClose, Reset, Send, Settings, StartTls, Surroundings
from reference_server.links import GARBAGE, LINKS, PAUSE_S, Link, Split, link_named
from reference_server.pop3.core import Pop3Core
from reference_server.running import RunningServer, running_server
from reference_server.smtp.core import SmtpCore
from reference_server.stores.memory import MemoryStore

TIMEOUT_S = 10.0
GREETING = b"220 mail.example.test ESMTP ready\r\n"
FAREWELL = b"221 2.0.0 mail.example.test closing\r\n"


class Scripted:
    """A core that does what it was told to do next."""

    def __init__(self) -> None:
        self.next: list[Action] = []
        self.deadline: float | None = None
        self.heard: list[str] = []

    def _do(self, what: str) -> list[Action]:
        self.heard.append(what)
        actions, self.next = self.next, []
        return actions

    def connected(self, now: float) -> list[Action]:
        return self._do("connected")

    def turned_away(self, now: float) -> list[Action]:
        return self._do("turned_away")

    def receive(self, octets: bytes, now: float) -> list[Action]:
        return self._do(octets.decode())

    def tls_started(self, now: float) -> list[Action]:
        return self._do("tls_started")

    def wake(self, now: float) -> list[Action]:
        return self._do("wake")

    def timer(self, now: float) -> list[Action]:
        return self._do("timer")

    def going_down(self, now: float) -> list[Action]:
        return self._do("going_down")

    def disconnected(self) -> None:
        self.heard.append("disconnected")


class Watching(Scripted):
    """One that wants to be woken."""

    def __init__(self) -> None:
        super().__init__()
        self.request_wake: Callable[[], None] = lambda: None
        self.busy = True


def linked(text: str, *actions: Action) -> tuple[Link, Scripted]:
    """A core behind a link that will do these things when it is next spoken to."""
    inner = Scripted()
    inner.next = list(actions)
    link = link_named(text)(inner)
    assert isinstance(link, Link)
    return link, inner


# As cores.


def test_a_link_passes_every_call_on() -> None:
    link, inner = linked("truncate")
    link.connected(0.0)
    link.turned_away(0.0)
    link.receive(b"octets", 0.0)
    link.tls_started(0.0)
    link.wake(0.0)
    link.timer(0.0)
    link.going_down(0.0)
    link.disconnected()
    assert inner.heard == [
        "connected", "turned_away", "octets", "tls_started", "wake", "timer", "going_down", "disconnected",
    ]  # fmt: skip
    inner.deadline = 7.0
    assert link.deadline == 7.0
    assert Link(inner).connected(0.0) == []


def test_a_link_can_be_woken_if_its_core_can() -> None:
    called: list[str] = []
    watching = Watching()
    link = Link(watching)
    assert hasattr(link, "request_wake")
    link.request_wake = lambda: called.append("woken")
    watching.request_wake()
    link.request_wake()
    assert called == ["woken", "woken"]
    assert link.busy
    assert not hasattr(Link(Scripted()), "request_wake")
    assert not Link(Scripted()).busy


def test_split_lets_one_piece_go_at_a_time_and_what_ends_the_clear_text_with_the_last() -> None:
    link, _ = linked("split:2", Send(b"abcde"), StartTls())
    assert link.connected(1.0) == [Send(b"ab")]
    assert link.deadline == 1.0 + PAUSE_S
    assert link.timer(1.0) == []
    assert link.timer(1.1) == [Send(b"cd")]
    assert link.timer(1.2) == [Send(b"e"), StartTls()]
    assert link.deadline is None


def test_split_keeps_the_order_of_what_comes_meanwhile() -> None:
    link, inner = linked("split", Send(b"ab"))
    assert link.connected(1.0) == [Send(b"a")]
    inner.next = [Send(b"c"), Close()]
    assert link.receive(b"x", 1.0) == []
    assert link.receive(b"x", 2.0) == [Send(b"b")]
    assert link.timer(3.0) == [Send(b"c"), Close()]


def test_what_is_queued_is_lost_with_the_connection() -> None:
    link, inner = linked("split", Send(b"ab"))
    link.connected(1.0)
    link.disconnected()
    assert link.deadline is None
    assert inner.heard == ["connected", "disconnected"]


def test_stall_holds_everything_back_for_its_time_and_asks_the_core_only_when_that_is_due() -> None:
    link, inner = linked("stall:2.5", Send(b"hello"))
    assert link.connected(1.0) == []
    assert link.deadline == 3.5
    assert link.timer(3.0) == []
    assert link.timer(3.5) == [Send(b"hello")]
    assert inner.heard == ["connected"]
    inner.deadline, inner.next = 9.0, [Send(b"bye"), Close()]
    assert link.deadline == 9.0
    assert link.timer(9.0) == []
    inner.deadline = None
    assert link.deadline == 11.5
    assert link.timer(11.5) == [Send(b"bye"), Close()]
    assert inner.heard == ["connected", "timer"]


@pytest.mark.parametrize(
    ("name", "happens", "after"),
    [
        ("reset", [Reset()], []),
        ("half-close", [HalfClose()], [Close()]),
        ("silence", [], []),
    ],
)
def test_a_line_ends_at_exactly_its_octet(name: str, happens: list[Action], after: list[Action]) -> None:
    link, inner = linked(f"{name}:4", Send(b"abc"), StartTls(), Send(b"def"), Send(b"more"))
    assert link.connected(0.0) == [Send(b"abc"), StartTls(), Send(b"d"), *happens]
    inner.next = [Send(b"more"), Close()]
    assert link.receive(b"x", 0.0) == after


def test_a_line_may_end_between_two_replies() -> None:
    link, inner = linked("reset:3", Send(b"abc"))
    assert link.connected(0.0) == [Send(b"abc"), Reset()]
    link, inner = linked("reset:3", Send(b"ab"))
    assert link.connected(0.0) == [Send(b"ab")]
    inner.next = [Send(b"c")]
    assert link.wake(0.0) == [Send(b"c"), Reset()]


def test_truncate_leaves_out_the_ends_and_sends_nothing_of_what_is_too_short() -> None:
    link, inner = linked("truncate:3", Send(b"220 hello\r\n"))
    assert link.connected(0.0) == [Send(b"220 hello\r\n")]
    inner.next = [Send(b"250 ok\r\n"), Send(b"\r\n"), Close()]
    assert link.receive(b"x", 0.0) == [Send(b"250 o"), Close()]


def test_garbage_stands_before_every_reply_but_the_greeting() -> None:
    link, inner = linked("garbage:2", Send(b"220 hello\r\n"))
    assert link.connected(0.0) == [Send(b"220 hello\r\n")]
    inner.next = [Send(b"250 ok\r\n"), Close()]
    assert link.receive(b"x", 0.0) == [Send(GARBAGE[:2] + b"250 ok\r\n"), Close()]
    link, _ = linked("garbage:300", Send(b""))
    assert link.wake(0.0) == [Send((GARBAGE * 3)[:300])]


def test_bare_lf_finds_a_line_end_in_two_pieces_and_leaves_a_lone_cr_alone() -> None:
    link, inner = linked("bare-lf", Send(b"a\r\nb\r"), Send(b"\nc\r"), Send(b"d\r"), StartTls())
    assert link.connected(0.0) == [Send(b"a\nb"), Send(b"\nc"), Send(b"\rd"), Send(b"\r"), StartTls()]
    inner.next = [Send(b"\r")]
    assert link.receive(b"x", 0.0) == []
    inner.next = [Send(b"\n"), Close()]
    assert link.receive(b"x", 0.0) == [Send(b"\n"), Close()]


def test_links_go_around_one_another() -> None:
    inner = Scripted()
    inner.next = [Send(b"250 ok\r\n")]
    link = link_named("bare-lf")(link_named("split:7")(inner))
    assert link.connected(0.0) == [Send(b"250 ok")]
    assert link.timer(1.0) == [Send(b"\n")]


def test_a_link_can_be_meant_for_one_protocol() -> None:
    store, settings = MemoryStore(), Settings()
    smtp, pop3 = SmtpCore(store, settings, Surroundings()), Pop3Core(store, settings, Surroundings())
    around = link_named("pop3/split:3")
    assert around(smtp) is smtp
    spoiled = around(link_named("stall")(pop3))
    assert isinstance(spoiled, Split)
    assert spoiled.protocol == "pop3"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nntp/split", "there is no protocol nntp; there are smtp"),
        ("/split", "there is no protocol"),
        ("wet-string", "there is no link wet-string; there are split, stall"),
        ("bare-lf:3", "takes no argument"),
        ("split:0", "positive number of octets"),
        ("split:", "positive number of octets"),
        ("reset:1.5", "positive number of octets"),
        ("stall:-1", "positive number of seconds"),
        ("stall:nan", "positive number of seconds"),
        ("stall:inf", "positive number of seconds"),
    ],
)
def test_a_link_that_makes_no_sense_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        link_named(text)


# On sockets.


def dial(server: RunningServer, service: str = "smtp") -> socket.socket:
    url = urlsplit(server.urls[service])
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=TIMEOUT_S)


def read_to_end(peer: socket.socket) -> list[bytes]:
    """What each read gave, until the peer has no more to say; a reset is in the list as such."""
    got: list[bytes] = []
    try:
        while octets := peer.recv(65_536):
            got.append(octets)
    except ConnectionResetError:
        got.append(b"<reset>")
    return got


@pytest.mark.parametrize("link", [name for name, kind in LINKS.items() if kind.legal])
@pytest.mark.parametrize("service", ["pop3", "pop3s"])
def test_a_client_notices_nothing_of_a_legal_link(link: str, service: str) -> None:
    text = f"{link}:0.02" if link == "stall" else link
    with running_server(protocols=[service], links=[link_named(text)]) as server:
        url = urlsplit(server.urls[service])
        context = ssl.create_default_context(cadata=server.ca_pem.decode("ascii"))
        pop: poplib.POP3
        if service == "pop3":
            pop = poplib.POP3(url.hostname or "", url.port or 0, timeout=TIMEOUT_S)
            pop.stls(context)
        else:
            pop = poplib.POP3_SSL(url.hostname or "", url.port or 0, context=context, timeout=TIMEOUT_S)
        pop.user("alice")
        pop.pass_("secret")
        assert "STLS" not in pop.capa()
        assert pop.stat() == (0, 0)
        pop.quit()
        assert server.errors == []


def test_split_writes_are_segments_of_their_own() -> None:
    with running_server(protocols=["smtp"], links=[link_named("split:5")]) as server, dial(server) as peer:
        peer.sendall(b"QUIT\r\n")
        pieces = read_to_end(peer)
    assert b"".join(pieces).startswith(GREETING + b"221 ")
    # The kernel hands over several at once to a reader that is late.
    assert len(pieces) > 2


def test_a_stalled_reply_comes_late_and_whole() -> None:
    with running_server(protocols=["smtp"], links=[link_named("stall:0.3")]) as server, dial(server) as peer:
        began = time.monotonic()
        assert peer.recv(100) == GREETING
        assert time.monotonic() - began >= 0.25


def test_a_reset_comes_after_the_octets_before_it() -> None:
    with running_server(protocols=["smtp"], links=[link_named("reset:40")]) as server, dial(server) as peer:
        assert peer.recv(100) == GREETING
        peer.sendall(b"QUIT\r\n")
        assert b"".join(read_to_end(peer)) == b"221 2" + b"<reset>"
        assert server.errors == []


@pytest.mark.parametrize("service", ["smtp", "smtps"])
def test_after_a_half_close_the_server_goes_on_reading(service: str) -> None:
    settings = Settings(smtp_timeout_s=TIMEOUT_S)
    with running_server(protocols=[service], settings=settings, links=[link_named("half-close:40")]) as server:
        account = server.store.account("alice@example.test")
        assert account is not None
        inbox = account.mailbox("INBOX")
        assert inbox is not None
        before = len(inbox.messages)
        raw = dial(server, service)
        if service == "smtps":
            context = ssl.create_default_context(cadata=server.ca_pem.decode("ascii"))
            raw = context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=True)
        with raw as peer:
            assert peer.recv(100) == GREETING
            peer.sendall(b"HELO client.example\r\n")
            assert b"".join(read_to_end(peer)) == b"250 m"
            peer.sendall(b"MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
            deadline = time.monotonic() + TIMEOUT_S
            while len(inbox.messages) == before and time.monotonic() < deadline:
                time.sleep(0.01)
        assert len(inbox.messages) == before + 1
        assert server.errors == []


def test_silence_leaves_the_connection_open() -> None:
    with running_server(protocols=["smtp"], links=[link_named("silence:10")]) as server, dial(server) as peer:
        assert peer.recv(100) == GREETING[:10]
        peer.sendall(b"NOOP\r\nQUIT\r\n")
        peer.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.recv(100)


@pytest.mark.parametrize(
    ("link", "all_of_it"),
    [
        ("truncate:2", GREETING + FAREWELL[:-2]),
        ("garbage:3", GREETING + GARBAGE[:3] + FAREWELL),
        ("bare-lf", (GREETING + FAREWELL).replace(b"\r", b"")),
    ],
)
def test_spoiled_replies_are_what_the_peer_gets(link: str, all_of_it: bytes) -> None:
    with running_server(protocols=["smtp"], links=[link_named(link)]) as server, dial(server) as peer:
        peer.sendall(b"QUIT\r\n")
        assert b"".join(read_to_end(peer)) == all_of_it
