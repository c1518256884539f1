"""A server that does to each connection what a function says, on a port of the kernel's choice."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from loadtest.target import Address
from reference_server.certificates import certificate
from reference_server.tls import TlsLayer

LONGEST_S = 10.0


class Peer:
    """One connection as a script sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pending = b""

    def send(self, octets: bytes) -> None:
        self._sock.sendall(octets)

    def line(self) -> bytes:
        """The next line without its ending; empty where the client has gone."""
        return self._until(b"\r\n")

    def wait_at_most(self, seconds: float) -> None:
        """From now on a wait that lasts longer raises TimeoutError."""
        self._sock.settimeout(seconds)

    def octets(self, number: int) -> bytes:
        """The next octets, so many; fewer where the client has gone."""
        while len(self._pending) < number and (octets := self._sock.recv(65536)):
            self._pending += octets
        found, self._pending = self._pending[:number], self._pending[number:]
        return found

    def anything(self) -> None:
        """Wait for some octets and drop them."""
        self._sock.recv(65536)

    def text(self) -> bytes:
        """A message as it crosses the wire, without the dot that ends it."""
        return self._until(b"\r\n.\r\n") + b"\r\n"

    def replies(self, *replies: bytes) -> None:
        """Answer so many lines."""
        for reply in replies:
            if self.line():
                self.send(reply)

    def until_gone(self) -> None:
        """Say nothing for as long as the client stays."""
        while self._sock.recv(65536):
            pass

    def is_gone(self, within_s: float) -> bool:
        """Whether the client has closed, or does so in that time; what it says is dropped."""
        if not select.select([self._sock], [], [], within_s)[0]:
            return False
        return not self._sock.recv(65536)

    def reset(self) -> None:
        """Drop the connection with a reset."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._pending:
            octets = self._sock.recv(65536)
            if not octets:
                return b""
            self._pending += octets
        found, _, self._pending = self._pending.partition(end)
        return found


def drip_a_handshake(peer: Peer) -> None:
    """Begin a TLS record of 16,384 octets (RFC 8446 §5.1), and send on, octet by octet, until the client goes."""
    peer.send(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    while not peer.is_gone(0.05):
        peer.send(b"x")


def drip_a_reply(peer: Peer) -> None:
    """Shake hands, and send a TLS record with a greeting octet by octet, but never its last one."""
    tls = TlsLayer(certificate().context)
    while not tls.established:
        tls.receive(peer.octets(1))
        peer.send(tls.outgoing())
    tls.send(b"220 " + b"x" * 9000 + b"\r\n")
    *record, _ = tls.outgoing()
    for octet in record:
        peer.send(bytes((octet,)))
        if peer.is_gone(0.05):
            return
    peer.until_gone()


@contextmanager
def serving(script: Callable[[Peer], None]) -> Iterator[Address]:
    """Listen; every connection gets the script in a thread of its own, all of which have ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def play(sock: socket.socket) -> None:
            sock.settimeout(LONGEST_S)
            with sock, suppress(OSError):
                script(Peer(sock))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    sock, _ = listener.accept()
                    threads.append(threading.Thread(target=play, args=(sock,)))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield Address(socket.AF_INET, listener.getsockname())
        finally:
            # Closing alone does not wake a thread that waits in accept.
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join(LONGEST_S)
            for thread in threads:
                thread.join(LONGEST_S)
