"""The asyncio shell on real sockets: TLS at exactly one octet, back-pressure, time-outs, waking, and orderly ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from reference_server import shell
from reference_server.core import Action, Close, Send, Settings, Surroundings
from reference_server.running import Host, RunningServer, running_server
from reference_server.shell import is_loopback, listen, new_event_loop
from reference_server.stores import Store
from reference_server.stores.memory import MemoryStore

TIMEOUT_S = 10.0


class Toy:
    """A core that answers what it is told; subclasses misbehave."""

    protocol = "smtp"

    def __init__(self, store: Store, settings: Settings, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.request_wake: Callable[[], None] = lambda: None
        self.gone = threading.Event()

    def connected(self, now: float) -> list[Action]:
        return [Send(b"hello\r\n")]

    def turned_away(self, now: float) -> list[Action]:
        return [Send(b"not now\r\n"), Close()]

    def receive(self, octets: bytes, now: float) -> list[Action]:
        return [Send(octets)]

    def tls_started(self, now: float) -> list[Action]:
        return []

    def wake(self, now: float) -> list[Action]:
        return [Send(b"woken\r\n")]

    def timer(self, now: float) -> list[Action]:
        return [Send(b"too slow\r\n"), Close()]

    def going_down(self, now: float) -> list[Action]:
        return [Send(b"goodbye\r\n"), Close()]

    @property
    def deadline(self) -> float | None:
        return None

    def disconnected(self) -> None:
        self.gone.set()


@contextmanager
def serving(core: type, *services: str) -> Iterator[RunningServer]:
    with running_server(cores={"smtp": core}, protocols=services or ("smtp",)) as server:
        yield server


def dial(server: RunningServer, service: str = "smtp") -> socket.socket:
    url = urlsplit(server.urls[service])
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=TIMEOUT_S)


def verifying(server: RunningServer) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=server.ca_pem.decode("ascii"))


@contextmanager
def secured(server: RunningServer, name: str = "localhost") -> Iterator[ssl.SSLSocket]:
    with dial(server, "smtps") as raw, verifying(server).wrap_socket(raw, server_hostname=name) as peer:
        yield peer


def read_line(peer: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\r\n"):
        octet = peer.recv(1)
        assert octet, f"closed after {line!r}"
        line += octet
    return line


def read_all(peer: socket.socket) -> bytes:
    received = b""
    while octets := peer.recv(65_536):
        received += octets
    return received


def read_until_dropped(peer: socket.socket) -> bytes:
    """Like `read_all`, where it is the kernel's business whether the end is a reset."""
    received = b""
    try:
        while octets := peer.recv(65_536):
            received += octets
    except ConnectionResetError:
        pass
    return received


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens on the server's thread."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "that never happened"
        time.sleep(0.005)


def open_connections(server: RunningServer) -> list[object]:
    """What the server's only listener has open."""
    listener = server._listeners[0]
    assert isinstance(listener, shell.Listener)
    return list(listener._connections)


def test_a_core_knows_its_peer_and_its_listener() -> None:
    seen: list[Surroundings] = []

    class Curious(Toy):
        def connected(self, now: float) -> list[Action]:
            seen.append(self.surroundings)
            return super().connected(now)

    with serving(Curious, "smtp", "smtps", "submission", "submissions") as server:
        for service in server.urls:
            with dial(server, service) as raw:
                if service.endswith("s"):
                    with verifying(server).wrap_socket(raw, server_hostname="mail.example.test") as peer:
                        assert read_line(peer) == b"hello\r\n"
                else:
                    assert read_line(raw) == b"hello\r\n"
    assert [(at.peer, at.tls, at.submission) for at in seen] == [
        ("127.0.0.1", False, False),
        ("127.0.0.1", True, False),
        ("127.0.0.1", False, True),
        ("127.0.0.1", True, True),
    ]


@pytest.mark.parametrize("name", ["localhost", "mail.example.test", "127.0.0.1", "::1"])
def test_the_certificate_holds_for_every_name_that_is_served(name: str) -> None:
    with serving(Toy, "smtps") as server, secured(server, name) as peer:
        assert read_line(peer) == b"hello\r\n"


def test_clear_text_in_the_segment_of_starttls_is_never_answered() -> None:
    with running_server(protocols=["smtp"]) as server, dial(server) as raw:
        read_line(raw)
        raw.sendall(b"HELO x\r\n")
        read_line(raw)
        raw.sendall(b"STARTTLS\r\nNOOP injected\r\n")
        assert read_line(raw).startswith(b"220 ")
        with verifying(server).wrap_socket(raw, server_hostname="localhost") as peer:
            peer.sendall(b"RSET\r\nMAIL FROM:<>\r\n")
            assert read_line(peer).startswith(b"250 2.0.0 reset")
            assert read_line(peer).startswith(b"503 ")


@pytest.mark.parametrize(
    ("service", "opening"), [("smtp", (b"HELO x\r\n", b"STARTTLS\r\n")), ("pop3", (b"STLS\r\n",)), ("smtps", ())]
)
def test_what_is_no_handshake_ends_the_connection(service: str, opening: tuple[bytes, ...]) -> None:
    with running_server(protocols=[service]) as server, dial(server, service) as peer:
        if opening:
            read_line(peer)
        for line in opening:
            peer.sendall(line)
            read_line(peer)
        peer.sendall(b"NOOP injected\r\n")
        assert b"injected" not in read_all(peer)
        assert server.errors == []


def test_a_tls_peer_that_says_goodbye_is_left_in_order() -> None:
    with serving(Toy, "smtps") as server, dial(server, "smtps") as raw:
        peer = verifying(server).wrap_socket(raw, server_hostname="localhost")
        assert read_line(peer) == b"hello\r\n"
        bare = peer.unwrap()
        assert bare.recv(1) == b""
        bare.close()
        assert server.errors == []


def test_octets_beyond_one_tls_record_come_through() -> None:
    with serving(Toy, "smtps") as server, secured(server) as peer:
        read_line(peer)
        sent = b"0123456789abcdef" * 10_000
        received = b""
        for start in range(0, len(sent), 40_000):
            peer.sendall(sent[start : start + 40_000])
            while len(received) < min(start + 40_000, len(sent)):
                received += peer.recv(65_536)
        assert received == sent


def test_the_last_reply_is_not_lost_to_what_the_client_sent_after_quit() -> None:
    with running_server(protocols=["smtp"]) as server, dial(server) as peer:
        read_line(peer)
        peer.sendall(b"QUIT\r\n" + b"NOOP\r\n" * 50_000)
        assert read_all(peer) == b"221 2.0.0 mail.example.test closing\r\n"


def test_a_client_that_stops_sending_still_gets_its_replies() -> None:
    with running_server(protocols=["smtp"]) as server, dial(server) as peer:
        peer.sendall(b"NOOP\r\nNOOP\r\n")
        peer.shutdown(socket.SHUT_WR)
        assert read_all(peer).count(b"250 2.0.0 ok\r\n") == 2


def test_a_client_that_reads_late_loses_nothing() -> None:
    with serving(Toy) as server, dial(server) as peer:
        # More than the kernel holds for both directions: the server has to stop reading, and go on later.
        sent = b"x" * 30_000_000
        writer = threading.Thread(target=peer.sendall, args=(sent,))
        writer.start()
        received = bytearray()
        while len(received) < len(sent) + 7:
            received += peer.recv(1_000_000)
        writer.join()
        assert received == b"hello\r\n" + sent


class Flood(Toy):
    """Has a lot to say."""

    octets = 20_000_000

    def receive(self, octets: bytes, now: float) -> list[Action]:
        return [Send(b"x" * self.octets), Close()]


def test_a_reply_may_be_longer_than_what_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "MAX_PENDING_OUTPUT_OCTETS", 1_000_000)
    with serving(Flood) as server, dial(server) as peer:
        peer.sendall(b"go\r\n")
        assert len(read_all(peer)) == len(b"hello\r\n") + Flood.octets


def test_a_core_that_says_more_than_its_peer_reads_loses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "MAX_PENDING_OUTPUT_OCTETS", 1_000_000)

    class Unasked(Flood):
        due: float | None = None

        def receive(self, octets: bytes, now: float) -> list[Action]:
            self.due = now + 0.05
            return super().receive(octets, now)[:1]

        @property
        def deadline(self) -> float | None:
            return self.due

    with serving(Unasked) as server, dial(server) as peer:
        assert read_line(peer) == b"hello\r\n"
        peer.sendall(b"go\r\n")
        wait_until(lambda: not open_connections(server))
        assert len(read_until_dropped(peer)) < Flood.octets
        assert server.errors == []


@pytest.mark.parametrize("ends", [False, True])
def test_a_peer_that_stops_reading_is_dropped_in_the_end(monkeypatch: pytest.MonkeyPatch, *, ends: bool) -> None:
    monkeypatch.setattr(shell, "STALLED_S", 0.05)
    monkeypatch.setattr(shell, "LINGER_S", 0.05)

    class Endless(Flood):
        def receive(self, octets: bytes, now: float) -> list[Action]:
            return super().receive(octets, now)[: 2 if ends else 1]

    with serving(Endless) as server, dial(server) as peer:
        assert read_line(peer) == b"hello\r\n"
        peer.sendall(b"go\r\n")
        wait_until(lambda: not open_connections(server))
        assert len(read_until_dropped(peer)) < Flood.octets
        assert server.errors == []


def test_a_peer_that_reads_slowly_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "STALLED_S", 0.2)
    monkeypatch.setattr(shell, "LINGER_S", 0.05)
    with serving(Flood) as server, dial(server) as peer:
        peer.sendall(b"go\r\n")
        read = 0
        while octets := peer.recv(1_000_000):
            read += len(octets)
            # Slower than the check, quicker than a stall.
            time.sleep(0.02)
        assert read == len(b"hello\r\n") + Flood.octets


def test_a_core_that_is_busy_is_read_for_no_further_and_woken_when_the_peer_has_caught_up() -> None:
    heard: list[bytes] = []

    class Busy(Toy):
        busy = False
        left = 4

        def receive(self, octets: bytes, now: float) -> list[Action]:
            heard.append(octets)
            self.busy = True
            return self.wake(now)

        def wake(self, now: float) -> list[Action]:
            if not self.busy:
                return []
            self.left -= 1
            self.busy = self.left > 0
            if self.busy:
                self.request_wake()
            return [Send(b"y" * 4_000_000)]

    with serving(Busy) as server, dial(server) as peer:
        assert read_line(peer) == b"hello\r\n"
        peer.sendall(b"first")
        assert peer.recv(1) == b"y"
        peer.sendall(b"second")
        # It is still at the first: the peer has read next to nothing.
        assert heard == [b"first"]
        received = 1
        while received < 4 * 4_000_000:
            received += len(peer.recv(1_000_000))
        wait_until(lambda: b"".join(heard) == b"firstsecond")


@pytest.mark.parametrize("service", ["smtp", "smtps"])
def test_a_connection_too_many_is_turned_away_and_there_is_room_when_another_ends(service: str) -> None:
    def greeting(server: RunningServer) -> tuple[bytes, socket.socket]:
        peer: socket.socket = dial(server, service)
        if service == "smtps":
            peer = verifying(server).wrap_socket(peer, server_hostname="localhost")
        return read_line(peer), peer

    settings = Settings(max_connections_per_address=2)
    with running_server(cores={"smtp": Toy}, protocols=[service], settings=settings) as server:
        first, second = greeting(server), greeting(server)
        assert (first[0], second[0]) == (b"hello\r\n", b"hello\r\n")
        third = greeting(server)
        assert third[0] == b"not now\r\n"
        assert third[1].recv(1) == b""
        third[1].close()
        second[1].close()
        wait_until(lambda: len(open_connections(server)) == 1)
        fourth = greeting(server)
        assert fourth[0] == b"hello\r\n"
        for _, peer in (first, fourth):
            peer.close()


def test_a_timer_that_is_due_is_called_and_closes() -> None:
    class Hasty(Toy):
        due: float | None = None

        def connected(self, now: float) -> list[Action]:
            self.due = now + 0.05
            return super().connected(now)

        @property
        def deadline(self) -> float | None:
            return self.due

    with serving(Hasty) as server, dial(server) as peer:
        assert read_all(peer) == b"hello\r\ntoo slow\r\n"


def test_a_deadline_that_moves_on_is_waited_for() -> None:
    class Patient(Toy):
        due = 0.0
        calls = 0

        def connected(self, now: float) -> list[Action]:
            self.due = now + 0.02
            return super().connected(now)

        @property
        def deadline(self) -> float | None:
            # The shell asks when it arms the timer, and again when that runs out: by then the deadline has moved.
            self.calls += 1
            return self.due if self.calls < 2 else self.due + 0.1

        def timer(self, now: float) -> list[Action]:
            assert now >= self.due + 0.1
            return super().timer(now)

    with serving(Patient) as server, dial(server) as peer:
        assert read_all(peer) == b"hello\r\ntoo slow\r\n"
        assert server.errors == []


def test_an_earlier_deadline_replaces_a_later_one() -> None:
    class Sooner(Toy):
        due = 0.0

        def connected(self, now: float) -> list[Action]:
            self.due = now + 3600.0
            return super().connected(now)

        def receive(self, octets: bytes, now: float) -> list[Action]:
            self.due = now + 0.02
            return []

        @property
        def deadline(self) -> float | None:
            return self.due

    with serving(Sooner) as server, dial(server) as peer:
        assert read_line(peer) == b"hello\r\n"
        peer.sendall(b"x")
        assert read_all(peer) == b"too slow\r\n"


def test_a_handshake_that_never_begins_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "HANDSHAKE_TIMEOUT_S", 0.05)
    with serving(Toy, "smtps") as server, dial(server, "smtps") as peer:
        assert read_until_dropped(peer) == b""
    assert server.errors == []


def test_a_client_that_does_not_hang_up_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "LINGER_S", 0.05)
    gone: list[threading.Event] = []

    class Ending(Toy):
        def connected(self, now: float) -> list[Action]:
            gone.append(self.gone)
            return [Send(b"bye\r\n"), Close()]

    with serving(Ending) as server, dial(server) as peer:
        assert read_all(peer) == b"bye\r\n"
        assert gone[0].wait(TIMEOUT_S)


def test_a_session_is_woken_from_its_own_thread_and_from_another() -> None:
    made: list[Toy] = []

    class Sleeper(Toy):
        def connected(self, now: float) -> list[Action]:
            made.append(self)
            self.request_wake()
            self.request_wake()
            return super().connected(now)

    with serving(Sleeper) as server:
        with dial(server) as peer:
            assert read_line(peer) == b"hello\r\n"
            assert read_line(peer) == b"woken\r\n"
            made[0].request_wake()
            assert read_line(peer) == b"woken\r\n"
        assert made[0].gone.wait(TIMEOUT_S)
        made[0].request_wake()
    made[0].request_wake()
    assert server.errors == []


def test_an_exception_out_of_a_core_is_kept_and_the_connection_dropped(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Toy):
        def receive(self, octets: bytes, now: float) -> list[Action]:
            raise ZeroDivisionError("a mistake of ours")

    with serving(Broken) as server, dial(server) as peer:
        peer.sendall(b"x")
        assert read_until_dropped(peer) in {b"", b"hello\r\n"}
    assert [type(error) for error in server.errors] == [ZeroDivisionError]
    assert "a mistake of ours" in caplog.text


def test_stopping_closes_every_connection_and_tells_its_core() -> None:
    gone: list[threading.Event] = []

    class Lasting(Toy):
        def connected(self, now: float) -> list[Action]:
            gone.append(self.gone)
            return super().connected(now)

    with serving(Lasting) as server:
        peers = [dial(server) for _ in range(5)]
        for peer in peers:
            assert read_line(peer) == b"hello\r\n"
    assert len(gone) == 5
    assert all(event.is_set() for event in gone)
    for peer in peers:
        with peer:
            assert read_until_dropped(peer) == b"goodbye\r\n"
    with pytest.raises(ConnectionRefusedError):
        dial(server)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.0.2.1", False), ("mail.example.test", False), ("", False)],
)  # fmt: skip
def test_loopback_is_told_from_everything_else(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_listening_elsewhere_has_to_be_allowed() -> None:
    with Host() as host, pytest.raises(ValueError, match="loopback"):
        host.start(services=["smtp"], host="0.0.0.0")


def test_what_is_allowed_listens() -> None:
    async def try_it() -> int:
        listener = await listen(
            lambda surroundings: Toy(MemoryStore(), Settings(), surroundings), host="0.0.0.0", allow_remote=True
        )
        await listener.close()
        return listener.port

    loop = new_event_loop()
    try:
        assert loop.run_until_complete(try_it()) > 0
    finally:
        loop.close()


def test_asyncio_serves_where_uvloop_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = new_event_loop()
    loop.close()
    assert type(loop).__module__.startswith("asyncio.")
    assert isinstance(loop, asyncio.AbstractEventLoop)
    with running_server(protocols=["smtp", "smtps"]) as server, secured(server) as peer:
        peer.sendall(b"QUIT\r\n")
        assert read_all(peer).endswith(b"closing\r\n")
    assert server.errors == []


@pytest.mark.parametrize("service", ["smtp", "smtps"])
def test_a_server_that_goes_says_so(service: str) -> None:
    with serving(Toy, service) as server:
        peer: socket.socket = dial(server, service)
        if service == "smtps":
            peer = verifying(server).wrap_socket(peer, server_hostname="localhost")
        with peer:
            assert read_line(peer) == b"hello\r\n"
            server.stop()
            assert read_line(peer) == b"goodbye\r\n"


def test_a_server_that_goes_says_nothing_into_a_handshake() -> None:
    with serving(Toy, "smtps") as server, dial(server, "smtps") as peer:
        wait_until(lambda: bool(open_connections(server)))
        server.stop()
        assert read_until_dropped(peer) == b""
