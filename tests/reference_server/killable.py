"""A server in a process of its own that is there to be killed, and small clients that tell what it promised."""

from __future__ import annotations

import multiprocessing
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Self
from urllib.parse import urlsplit

from reference_server.certificates import certificate
from reference_server.core import Settings
from reference_server.running import running_server
from reference_server.stores.opening import opened_store

PATIENCE_S = 30.0
LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")

# The processes are forked from one that has imported this module: what takes long at a start is done once, there.
certificate(Settings.domains)


def _serve(store: str, report: Connection) -> None:
    with (
        opened_store(store) as opened,
        running_server(store=opened, protocols=["smtp", "imap"], settings=Settings(allow_cleartext=True)) as server,
    ):
        report.send({scheme: urlsplit(url).port for scheme, url in server.urls.items()})
        threading.Event().wait()


@contextmanager
def server_to_kill(store: str) -> Iterator[tuple[BaseProcess, dict[str, int]]]:
    """The process and its ports by protocol; what still runs at the end is killed, never ended in order."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    hear, report = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(store, report), daemon=True)
    process.start()
    report.close()
    try:
        if not hear.poll(PATIENCE_S):
            raise TimeoutError("the server did not start")
        yield process, hear.recv()
    finally:
        process.kill()
        process.join()
        process.close()
        hear.close()


class Peer:
    """One connection; whatever ends it raises OSError or EOFError."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def begin(self) -> None:
        """What comes first in every session."""

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError
        return line

    def octets(self, count: int) -> bytes:
        octets = self._file.read(count)
        if len(octets) < count:
            raise EOFError
        return octets


class SmtpPeer(Peer):
    """Says EHLO at once."""

    def begin(self) -> None:
        self.expect(b"220")
        self.ask(b"EHLO client.example", b"250")

    def ask(self, command: bytes, code: bytes) -> None:
        self.send(command + b"\r\n")
        self.expect(code)

    def expect(self, code: bytes) -> None:
        while (line := self.line())[3:4] == b"-":
            pass
        assert line.startswith(code), line


class ImapPeer(Peer):
    """Logs in at once."""

    def __init__(self, port: int, user: str) -> None:
        super().__init__(port)
        self._user = user

    def begin(self) -> None:
        self.line()
        self.ask(f"LOGIN {self._user} secret".encode())

    def ask(self, command: bytes) -> list[list[bytes]]:
        """The untagged responses and, last, the tagged one, which is OK; each as text and literals in turn."""
        self.send(b"a " + command + b"\r\n")
        answers = []
        while True:
            parts = [self.line()]
            while found := LITERAL.search(parts[-1]):
                parts += [self.octets(int(found[1])), self.line()]
            answers.append(parts)
            if parts[0].startswith(b"a "):
                assert parts[0].startswith(b"a OK"), parts[0]
                return answers
