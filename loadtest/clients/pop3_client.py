"""The POP3 client that makes the load and reads maildrops (RFC 1939, 2449, 2595, 5034).

One command at a time. A message is taken out of its response in one go instead of line by line; a property of the tests
is that it comes out as the judge's own reader has it.
"""

from __future__ import annotations

import base64
import re
import socket
import time
from collections import deque
from collections.abc import Iterator

from loadtest.clients.session import MissingOfferError, Record, RefusedError, Session
from loadtest.plan import Patience, Route
from loadtest.target import Account

LINE_OCTETS = 65_536
"""Octets of a status line after which the client stops listening; RFC 1939 §3 allows 512."""

LISTING_OCTETS = 8 * 1024 * 1024
"""Octets of any response but a message after which the client stops listening: a line for each of 400,000 messages."""

# The lone dot, and the line end before it. A bare LF counts too: a server that sends it is to be read, not waited for.
_END = re.compile(rb"\n\.\r?\n")


class Pop3Session(Session):
    """One open session. `offers` are the capabilities with their parameters; empty where the server has no CAPA."""

    __slots__ = ("_buffer", "_limit", "_multi_line", "_scanned", "offers")
    CHUNK_OCTETS = 65_536
    REPLY_OCTETS = 64 * 1024 * 1024
    _ready: deque[bytes]

    def __init__(self, sock: socket.socket, patience: Patience, record: Record) -> None:
        super().__init__(sock, patience, record)
        self._buffer = bytearray()
        self._scanned = 0
        self._multi_line = False
        self._limit = LISTING_OCTETS
        self.offers: dict[bytes, bytes] = {}

    # -- set-up and end ----------------------------------------------------------------------------------------------

    def _set_up(self, route: Route) -> None:
        self._answer("greeting", time.perf_counter())
        self._learn_offers()
        # A server without CAPA has USER and PASS (RFC 1939 §7); one with CAPA says whether it has (RFC 2449 §6.3).
        takes_passwords = not self.offers or b"USER" in self.offers or self._offers_plain
        if self._wants_tls(route, command="STLS", offered=b"STLS" in self.offers, takes_passwords=takes_passwords):
            began = time.perf_counter()
            self._send("tls", b"STLS\r\n")
            self._answer("tls", None)
            if self._buffer:
                # Said in clear, so anybody may have said it (RFC 2595 §4).
                self._break("tls", "octets before the handshake", None)
            self._handshake(began)
            self._learn_offers()
        if route.account is not None:
            self._log_in(route.account)

    @property
    def _offers_plain(self) -> bool:
        return b"PLAIN" in self.offers.get(b"SASL", b"").split()

    def _learn_offers(self) -> None:
        self.offers = {}
        try:
            listing = self._command("capa", b"CAPA", multi_line=True)
        except RefusedError:
            return
        for line in listing.splitlines():
            keyword, _, parameters = line.partition(b" ")
            if keyword:
                self.offers[keyword.upper()] = parameters.upper()

    def _log_in(self, account: Account) -> None:
        """AUTH PLAIN with an initial response (RFC 5034 §4, RFC 4616), or USER and PASS."""
        name, password = account.name.encode(), account.password.encode()
        began = time.perf_counter()
        if self._offers_plain:
            self._send("auth", b"AUTH PLAIN %b\r\n" % base64.b64encode(b"\0%b\0%b" % (name, password)))
        elif not self.offers or b"USER" in self.offers:
            self._send("auth", b"USER %b\r\n" % name)
            self._answer("auth", None)
            self._send("auth", b"PASS %b\r\n" % password)
        else:
            raise MissingOfferError("auth", "the server offers neither AUTH PLAIN nor USER")
        self._answer("auth", began)

    def quit(self, *, within_s: float | None = None) -> None:
        """Say QUIT, which removes what was deleted, and close (RFC 1939 §6). The session is closed whatever happens.

        Raises:
            RefusedError: some deleted messages were not removed.
            BrokenError: no intelligible reply came.
        """
        try:
            began = time.perf_counter()
            self._send("quit", b"QUIT\r\n")
            if within_s is not None:
                self._sock.settimeout(within_s)
            self._answer("quit", began, within_s=within_s)
        finally:
            self.close()

    # -- commands, each timed under its name ---------------------------------------------------------------------------

    def stat(self) -> tuple[int, int]:
        """Messages in the maildrop, and their octets."""
        words = self._command("stat", b"STAT").split()
        if len(words) < 3 or not _is_number(words[1]) or not _is_number(words[2]):
            self._break("stat", "unintelligible", None)
        return int(words[1]), int(words[2])

    def list_messages(self) -> dict[int, int]:
        """Octets of each message by its number (LIST)."""
        return {number: int(word) for number, word in self._listing("list", b"LIST") if _is_number(word)}

    def uidl(self) -> dict[int, bytes]:
        """Unique id of each message by its number."""
        return dict(self._listing("uidl", b"UIDL"))

    def retr(self, number: int) -> bytes:
        """A message, with the byte-stuffing undone."""
        return self._command("retr", b"RETR %d" % number, multi_line=True, limit=self.REPLY_OCTETS)

    def top(self, number: int, lines: int) -> bytes:
        """A message's header and so many lines of its body."""
        return self._command("top", b"TOP %d %d" % (number, lines), multi_line=True, limit=self.REPLY_OCTETS)

    def dele(self, number: int) -> None:
        """Mark a message; `quit` removes it."""
        self._command("dele", b"DELE %d" % number)

    def rset(self) -> None:
        """Take back all marks."""
        self._command("rset", b"RSET")

    def noop(self) -> None:
        """Ask for nothing."""
        self._command("noop", b"NOOP")

    def _listing(self, phase: str, command: bytes) -> Iterator[tuple[int, bytes]]:
        for line in self._command(phase, command, multi_line=True).splitlines():
            words = line.split()
            if len(words) >= 2 and _is_number(words[0]):
                yield int(words[0]), words[1]

    # -- octets ------------------------------------------------------------------------------------------------------

    def _command(self, phase: str, command: bytes, *, multi_line: bool = False, limit: int = LISTING_OCTETS) -> bytes:
        """The status line of a command's response, or of a multi-line one the lines behind it, unstuffed."""
        if self._buffer:
            # Nobody asked for it, so the next answer could be any command's.
            self._break(phase, "unexpected reply", None)
        began = time.perf_counter()
        self._send(phase, command + b"\r\n")
        self._multi_line = multi_line
        self._limit = limit
        try:
            raw = self._answer(phase, began)
        finally:
            self._multi_line = False
        return _content(raw) if multi_line else raw

    def _answer(self, phase: str, began: float | None, *, within_s: float | None = None) -> bytes:
        """The next response, all of it, if it is +OK; its latency is recorded, a refusal's too."""
        if not self._ready:
            if self._buffer:
                self._take_in(phase, b"")
            if not self._ready:
                self._receive(phase, self._patience.reply_s if within_s is None else within_s)
        raw = self._ready.popleft()
        if began is not None:
            self._record(phase, time.perf_counter() - began)
        if raw.startswith(b"+OK"):
            return raw
        if raw.startswith(b"-ERR"):
            raise RefusedError(phase, "-ERR", raw)
        return self._break(phase, "unexpected reply" if raw.startswith(b"+") else "unintelligible", None)

    def _take_in(self, phase: str, octets: bytes) -> None:
        buffer = self._buffer
        buffer += octets
        end = buffer.find(b"\n", 0, LINE_OCTETS) + 1
        if not end:
            if len(buffer) >= LINE_OCTETS:
                self._break(phase, "endless reply", None)
            return
        if self._multi_line and buffer.startswith(b"+OK"):
            # The status line's own end may be the one before the dot.
            found = _END.search(buffer, max(end - 1, self._scanned - 3))
            if found is None:
                self._scanned = len(buffer)
                if len(buffer) > self._limit:
                    self._break(phase, "endless reply", None)
                return
            end = found.end()
        raw = bytes(buffer[:end])
        del buffer[:end]
        self._scanned = 0
        self._ready.append(raw)
        if self.judge is not None and self.judge.sample():
            self.judge.pop3(raw, multi_line=self._multi_line)


def _content(raw: bytes) -> bytes:
    """The lines of a multi-line response without its status line, byte-stuffing and final dot (RFC 1939 §3)."""
    start = raw.index(b"\n")
    end = raw.rindex(b"\n.")
    # From the status line's LF on, so that the first line's stuffing is undone like any other's.
    return raw[start : end + 1].replace(b"\n.", b"\n")[1:]


def _is_number(word: bytes) -> bool:
    return word.isdigit() and len(word) <= 20
