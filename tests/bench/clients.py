"""The leanest blocking clients that still read a whole answer: what they cost is the same against every server."""

from __future__ import annotations

import socket
import struct
from typing import Self

_CHUNK_OCTETS = 1 << 18
LIMIT_S = 120


class WrongAnswerError(Exception):
    """The server did not do what is measured; the figures would mean nothing."""


class _Client:
    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel keeps the time: Python's own limit takes a poll(2) before every call.
        for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.sock.setsockopt(socket.SOL_SOCKET, limit, struct.pack("ll", LIMIT_S, 0))
        # One buffer for all answers: recv(2) into a new one of this size has the kernel map it each time.
        self._buffer = memoryview(bytearray(_CHUNK_OCTETS))
        self._read_line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def _receive(self) -> bytes:
        count = self.sock.recv_into(self._buffer)
        if not count:
            raise WrongAnswerError("the server closed the connection")
        return bytes(self._buffer[:count])

    def _read_line(self) -> bytes:
        octets = self._receive()
        while not octets.endswith(b"\r\n"):
            octets += self._receive()
        return octets


class ImapClient(_Client):
    """One IMAP connection. Answers end with the tagged line; no mail that is sent here contains such a line."""

    _tag = b"Zz9 "

    def run(self, command: bytes) -> bytes:
        """Everything up to the tagged answer to one command, which must be OK."""
        self.sock.sendall(self._tag + command + b"\r\n")
        return self._read_answer()

    def log_in(self, user: str, password: str) -> None:
        self.run(f'LOGIN "{user}" "{password}"'.encode())

    def append(self, mailbox: bytes, message: bytes) -> None:
        """APPEND with a synchronising literal (RFC 9051 §6.3.12)."""
        self.sock.sendall(b"%sAPPEND %s {%d}\r\n" % (self._tag, mailbox, len(message)))
        if not self._read_line().startswith(b"+"):
            raise WrongAnswerError("no go-ahead for a literal")
        self.sock.sendall(message + b"\r\n")
        self._read_answer()

    def _read_answer(self) -> bytes:
        octets = self._receive()
        if not octets.endswith(b"\r\n") or not self._is_complete(octets):
            chunks = [octets]
            tail = octets
            while True:
                octets = self._receive()
                chunks.append(octets)
                # The tagged line is short, so the end of what came is all that needs looking at.
                tail = (tail + octets)[-4096:]
                if octets.endswith(b"\n") and self._is_complete(tail):
                    break
            octets = b"".join(chunks)
        at = octets.rfind(b"\n", 0, -1) + 1
        if octets[at : at + 7] != b"Zz9 OK ":
            raise WrongAnswerError(repr(octets[at : at + 200]))
        return octets

    def _is_complete(self, octets: bytes) -> bool:
        at = octets.rfind(b"\n", 0, -1) + 1
        return octets.startswith(self._tag, at)


class Pop3Client(_Client):
    """One POP3 connection."""

    def run(self, command: bytes) -> bytes:
        """A command with an answer of one line."""
        self.sock.sendall(command + b"\r\n")
        return self._checked(self._read_line())

    def run_multiline(self, command: bytes) -> bytes:
        """A command whose answer ends in a line of a single dot."""
        self.sock.sendall(command + b"\r\n")
        octets = self._receive()
        while not octets.endswith(b"\r\n.\r\n"):
            octets += self._receive()
        return self._checked(octets)

    def log_in(self, user: str, password: str) -> None:
        self.run(b"USER " + user.encode())
        self.run(b"PASS " + password.encode())

    def _checked(self, octets: bytes) -> bytes:
        if not octets.startswith(b"+OK"):
            raise WrongAnswerError(repr(octets[:200]))
        return octets


def message(number: int, size_octets: int = 4096) -> bytes:
    """A mail of that size as they come: eight header fields and lines of text; one in a hundred is the one sought."""
    sought = b"needle" if number % 100 == 7 else b"straw"
    head = (
        b"Return-Path: <sender%(n)d@client.example>\r\n"
        b"Received: from client.example ([192.0.2.1]) by mail.example.test with ESMTP id %(n)08d;\r\n"
        b"\tTue, 03 Nov 2026 10:20:30 +0000\r\n"
        b"Date: Tue, 03 Nov 2026 10:20:%(s)02d +0000\r\n"
        b'From: "Sender Number %(n)d" <sender%(n)d@client.example>\r\n'
        b"To: Alice <alice@example.test>, Bob <bob@example.test>\r\n"
        b"Subject: Message %(n)d about %(w)s in a haystack\r\n"
        b"Message-ID: <%(n)d.bench@client.example>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\n"
        b"\r\n"
    ) % {b"n": number, b"s": number % 60, b"w": sought}
    line = b"The quick brown fox jumps over the lazy dog and %s, line after line.\r\n" % sought
    body = line * (size_octets // len(line) + 1)
    text = (head + body)[: size_octets - 2]
    return (text[:-1] + b"." if text.endswith(b"\r") else text) + b"\r\n"
