"""An IMAP connection: tagged commands out, responses in, within time and limits (RFC 9051 §2.2, §4.3, §7).

Responses are cut and parsed by the judge's own reader. What a server tells unasked is taken note of and waited past.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence

from conformance.wire.errors import FloodError
from conformance.wire.imap import Response, ResponseReader, parse
from loadtest.clients.imap_answers import Answer, Literal, capabilities, gone, name_of
from loadtest.clients.session import Record, RefusedError, Session
from loadtest.plan import Patience

DATA_OCTETS = 64 * 1024 * 1024
"""Octets of data for one command after which the client stops listening."""

RESPONSE_COST = 256
"""What keeping a response takes besides its octets: a flood of short ones must not fill the memory either."""

LONGEST_WAITS = 6
"""Reply time-outs that one command may take in all while its data keep coming."""

RESPONSES_A_TURN = 100
"""Responses of one answer after which other users have their turn.

A reader that finds more octets each time it asks never waits, and so keeps everybody else of its process from going on:
the flags of a mailbox of ten thousand messages would hold up the run's end, and all other users, for seconds.
"""

SMALL_LITERAL = 4096
"""Octets that LITERAL- allows in a literal that is not waited for (RFC 7888 §5)."""


class ImapExchange(Session):
    """One open connection. `offers` are the capabilities; `exists` counts messages of the selected mailbox, as told."""

    __slots__ = ("_commands", "_flood", "_reader", "exists", "offers")
    CHUNK_OCTETS = 65_536
    REPLY_OCTETS = 64 * 1024 * 1024
    _ready: deque[bytes]

    def __init__(self, sock: socket.socket, patience: Patience, record: Record) -> None:
        super().__init__(sock, patience, record)
        self._reader = ResponseReader(response_octets=self.REPLY_OCTETS)
        self._commands = 0
        self._flood: FloodError | None = None
        self.offers: frozenset[bytes] = frozenset()
        self.exists = 0

    def command(self, phase: str, *parts: bytes, wants: Iterable[bytes] = ()) -> Answer:
        """Any command: its parts without tag and CRLF, joined as they are; a `Literal` among them is sent as one.

        The untagged responses whose upper-cased name is in `wants` are kept. The time until the tagged response is
        recorded as `phase`, a refusal's too.

        Raises:
            RefusedError: it says NO or BAD, or the server said BYE and the session is closed.
            BrokenError: no intelligible answer came in time.
        """
        began = time.perf_counter()
        deadline = began + self._patience.reply_s
        tag = self._say(phase, parts, deadline)
        return self._finish(phase, tag, deadline, began, frozenset(wants))

    def _say(self, phase: str, parts: Sequence[bytes], deadline: float) -> bytes:
        """Send a command and give its tag; each literal that has to be waited for is."""
        self._commands += 1
        tag = b"L%d" % self._commands
        line = [tag, b" "]
        for part in parts:
            if isinstance(part, Literal):
                small = len(part) <= SMALL_LITERAL and b"LITERAL-" in self.offers
                if small or b"LITERAL+" in self.offers:
                    line.append(b"{%d+}\r\n" % len(part))
                else:
                    self._send(phase, b"".join((*line, b"{%d}\r\n" % len(part))))
                    self._go_ahead(phase, tag, deadline)
                    line.clear()
            line.append(part)
        line.append(b"\r\n")
        self._send(phase, b"".join(line))
        return tag

    def _go_ahead(self, phase: str, tag: bytes, deadline: float) -> None:
        """Wait for the server's continuation request (RFC 9051 §7.6)."""
        while (response := self._hear(phase, self._next(phase, deadline), tag, frozenset(), go_ahead=True)) is None:
            pass
        if response.tag == tag:
            self._check(phase, response, None)
            self._break(phase, "unexpected reply", None)

    def _finish(
        self,
        phase: str,
        tag: bytes,
        deadline: float,
        began: float | None,
        wants: frozenset[bytes] = frozenset(),
    ) -> Answer:
        """Wait for the tagged response; whatever is wanted renews the deadline, within bounds."""
        data: list[Response] = []
        octets = 0
        patience_s = self._patience.reply_s
        last = deadline + (LONGEST_WAITS - 1) * patience_s
        while True:
            raw = self._next(phase, deadline)
            response = self._hear(phase, raw, tag, wants)
            if response is None:
                continue
            if response.tag == tag:
                self._check(phase, response, began)
                return Answer(response, tuple(data))
            data.append(response)
            if len(data) % RESPONSES_A_TURN == 0:
                let_others_go_on()
            octets += len(raw) + RESPONSE_COST
            if octets > DATA_OCTETS:
                self._break(phase, "endless reply", None)
            deadline = min(time.perf_counter() + patience_s, last)

    def _next(self, phase: str, deadline: float) -> bytes:
        """The next response, whatever it is."""
        if not self._ready:
            if self._flood is not None:
                self._break(phase, "endless reply", self._flood)
            left_s = deadline - time.perf_counter()
            if left_s <= 0:
                self._break(phase, "timeout", None)
            self._receive(phase, left_s)
        return self._ready.popleft()

    def _hear(
        self, phase: str, raw: bytes, tag: bytes, wants: Collection[bytes] | None, *, go_ahead: bool = False
    ) -> Response | None:
        """The tagged response, an untagged one that is wanted (None wants all), or the go-ahead if one is due.

        Everything else that may come unasked is taken note of and gives None.
        """
        if raw.startswith(b"* "):
            name = name_of(raw)
            if name == b"BYE":
                self._turned_away(phase, raw)
            if name == b"CAPABILITY":
                self.offers = capabilities(raw[len(b"* CAPABILITY") :])
            elif name == b"EXISTS":
                self.exists = parse(raw).number or 0
            elif name == b"EXPUNGE" and self.exists:
                self.exists -= 1
            elif name == b"VANISHED":
                count, earlier = gone(parse(raw))
                self.exists -= 0 if earlier else min(count, self.exists)
            return parse(raw) if wants is None or name in wants else None
        response = parse(raw)
        if response.tag == tag or (go_ahead and response.tag == b"+"):
            return response
        return self._break(phase, "unexpected reply" if response.tag == b"+" else "unintelligible", None)

    def _check(self, phase: str, response: Response, began: float | None) -> None:
        """Time a tagged response, and refuse what is not OK."""
        if began is not None:
            self._record(phase, time.perf_counter() - began)
        if response.name in (b"NO", b"BAD"):
            raise RefusedError(phase, response.name.decode("ascii"), response.raw)
        if not response.ok:
            self._break(phase, "unintelligible", None)

    def _turned_away(self, phase: str, raw: bytes) -> None:
        self.close()
        raise RefusedError(phase, "BYE", raw)

    def _take_in(self, phase: str, octets: bytes) -> None:
        reader, ready, judge = self._reader, self._ready, self.judge
        reader.feed(octets)
        try:
            while (raw := reader.next_raw()) is not None:
                ready.append(raw)
                if judge is not None and judge.sample():
                    judge.imap(raw)
        except FloodError as error:
            # What came whole before it is still heard.
            self._flood = error
            if not ready:
                self._break(phase, "endless reply", error)


def let_others_go_on() -> None:
    """Let other greenlets run, where there are any; nothing much else."""
    # Under locust the standard library is gevent's. Without it this is a system call.
    time.sleep(0)
