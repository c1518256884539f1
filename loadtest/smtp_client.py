"""The SMTP client that makes the load: as little work for a message as Python allows (RFC 5321, 2920, 3207, 4954).

Replies of one plain line, which nearly all are, are read here; whatever else comes goes to the judge's own reader.
"""

from __future__ import annotations

import base64
import re
import socket
import time
from collections import deque
from collections.abc import Sequence

from conformance.wire.errors import FloodError
from conformance.wire.smtp import ReplyReader
from loadtest.plan import Patience, Route
from loadtest.session import BrokenError, LoadError, MissingOfferError, Record, RefusedError, Session
from loadtest.target import Account

CLIENT_NAME = b"client.example"
"""What the client calls itself in EHLO; a name that belongs to nobody (RFC 2606 §3)."""

# Reply-code = %x32-35 %x30-35 %x30-39   ; RFC 5321 §4.2
_CODES = {b"%d" % code: code for code in range(200, 560) if code // 10 % 10 <= 5}


class Envelope:
    """The commands of one message, rendered once for each user."""

    def __init__(self, sender: str, recipients: Sequence[str]) -> None:
        self.mail = f"MAIL FROM:<{sender}>\r\n".encode("ascii")
        self.rcpts = tuple(f"RCPT TO:<{recipient}>\r\n".encode("ascii") for recipient in recipients)
        self.group = b"".join((self.mail, *self.rcpts, b"DATA\r\n"))
        """All of them in one write; DATA may only be the last (RFC 2920 §3.1)."""


class SmtpSession(Session):
    """One open session. `offers` are the EHLO keywords; `sent_final_dot` tells whether the last text went out whole."""

    __slots__ = ("_strict", "_strict_is_busy", "offers", "sent_final_dot")
    _ready: deque[tuple[int, bytes]]

    def __init__(self, sock: socket.socket, patience: Patience, record: Record) -> None:
        super().__init__(sock, patience, record)
        self._strict = ReplyReader(line_octets=self.REPLY_OCTETS)
        self._strict_is_busy = False
        self.offers: dict[bytes, bytes] = {}
        self.sent_final_dot = False

    # -- set-up and end ----------------------------------------------------------------------------------------------

    def _set_up(self, route: Route) -> None:
        began = time.perf_counter()
        self._expect("greeting", 2, began)
        self._ehlo()
        # Other mechanisms than those that send the password may well be on offer in clear; they are of no use here.
        takes_passwords = not {b"PLAIN", b"LOGIN"}.isdisjoint(self.offers.get(b"AUTH", b"").split())
        offered = b"STARTTLS" in self.offers
        if self._wants_tls(route, command="STARTTLS", offered=offered, takes_passwords=takes_passwords):
            began = time.perf_counter()
            self._send("tls", b"STARTTLS\r\n")
            self._expect("tls", 2, None)
            if self._ready or self._strict_is_busy:
                # Said in clear, so anybody may have said it (RFC 3207 §4.2 and its errors of the past).
                raise BrokenError("tls", "octets before the handshake")
            self._handshake(began)
            self._ehlo()
        if route.account is not None:
            self._log_in(route.account)

    def _ehlo(self) -> None:
        began = time.perf_counter()
        self._send("ehlo", b"EHLO %b\r\n" % CLIENT_NAME)
        reply = self._expect("ehlo", 2, began)
        self.offers = {}
        for line in re.split(rb"\r?\n", reply)[1:]:
            keyword, _, parameters = line[4:].partition(b" ")
            if keyword:
                self.offers[keyword.upper()] = parameters.upper()

    def _log_in(self, account: Account) -> None:
        """AUTH PLAIN with an initial response (RFC 4954 §4, RFC 4616), or LOGIN where that is all there is."""
        mechanisms = self.offers.get(b"AUTH", b"").split()
        name, password = account.name.encode(), account.password.encode()
        began = time.perf_counter()
        if b"PLAIN" in mechanisms:
            self._send("auth", b"AUTH PLAIN %b\r\n" % base64.b64encode(b"\0%b\0%b" % (name, password)))
        elif b"LOGIN" in mechanisms:
            self._send("auth", b"AUTH LOGIN\r\n")
            for answer in (name, password):
                self._expect("auth", 3, None)
                self._send("auth", b"%b\r\n" % base64.b64encode(answer))
        else:
            raise MissingOfferError("auth", "the server offers neither AUTH PLAIN nor AUTH LOGIN")
        self._expect("auth", 2, began)

    def quit(self, *, within_s: float | None = None) -> None:
        """Say QUIT, wait for the reply and close (RFC 5321 §4.1.1.10). The session is closed whatever happens.

        Raises:
            BrokenError: no reply came; it costs no message.
        """
        try:
            began = time.perf_counter()
            self._send("quit", b"QUIT\r\n")
            if within_s is not None:
                self._sock.settimeout(within_s)
            self._expect("quit", 2, began, within_s=within_s)
        finally:
            self.close()

    # -- a message ---------------------------------------------------------------------------------------------------

    def submit(self, envelope: Envelope, wire: bytes, *, pipelining: bool) -> float:
        """Hand in one message, and say in how many seconds the server took responsibility for it (RFC 5321 §4.2.5).

        A refused recipient refuses the message: it goes to all or to none. With `pipelining`, MAIL, RCPT and DATA go
        out in one write, and each is timed from that write to its own reply.

        Raises:
            RefusedError: a command or the message was refused; the transaction is gone, the session is usable unless
                the code is 421.
            BrokenError: no intelligible reply came; `sent_final_dot` tells whether the server may hold the message.
        """
        self.sent_final_dot = False
        began = time.perf_counter()
        if pipelining:
            self._envelope_in_one_write(envelope, began)
        else:
            self._envelope_step_by_step(envelope, began)
        self._send("final_dot", wire)
        self.sent_final_dot = True
        sent = time.perf_counter()
        self._expect("final_dot", 2, sent)
        return time.perf_counter() - began

    def _envelope_step_by_step(self, envelope: Envelope, began: float) -> None:
        self._send("mail", envelope.mail)
        self._expect("mail", 2, began)
        try:
            for rcpt in envelope.rcpts:
                began = time.perf_counter()
                self._send("rcpt", rcpt)
                self._expect("rcpt", 2, began)
            began = time.perf_counter()
            self._send("data", b"DATA\r\n")
            self._expect("data", 3, began)
        except RefusedError as refusal:
            self._reset(refusal)
            raise

    def _envelope_in_one_write(self, envelope: Envelope, began: float) -> None:
        self._send("mail", envelope.group)
        refused: RefusedError | None = None
        for phase in ("mail", *("rcpt" for _ in envelope.rcpts)):
            try:
                self._expect(phase, 2, began)
            except RefusedError as refusal:
                refused = refused or refusal
                if refusal.code == "421":
                    raise refused from None  # no further replies come (RFC 5321 §3.8)
        try:
            self._expect("data", 3, began)
        except RefusedError as refusal:
            self._reset(refused or refusal)
            raise refused or refusal from None
        if refused is not None:
            # The server waits for a text that must not be delivered to the others. Ending it would deliver it.
            self.close()
            raise refused

    def _reset(self, refusal: RefusedError) -> None:
        """Drop the transaction, so that the session serves the next message (RFC 5321 §4.1.1.5)."""
        if refusal.code == "421":
            return
        try:
            began = time.perf_counter()
            self._send("rset", b"RSET\r\n")
            self._expect("rset", 2, began)
        except LoadError:
            # What became of the message is known; only the session is of no more use.
            self.close()

    # -- octets ------------------------------------------------------------------------------------------------------

    def _expect(self, phase: str, first_digit: int, began: float | None, *, within_s: float | None = None) -> bytes:
        """The next reply, if its code begins with this digit; its latency is recorded, a refusal's too."""
        ready = self._ready
        if not ready:
            self._receive(phase, self._patience.reply_s if within_s is None else within_s)
        code, raw = ready.popleft()
        if began is not None:
            self._record(phase, time.perf_counter() - began)
        if code // 100 == first_digit:
            return raw
        if code >= 400:
            if code == 421:
                self.close()
            raise RefusedError(phase, str(code), raw)
        return self._break(phase, "unintelligible" if not code else "unexpected reply", None)

    def _take_in(self, phase: str, octets: bytes) -> None:
        """Replies in what arrived; the same ones however it was cut."""
        if not self._strict_is_busy:
            start = 0
            while end := octets.find(b"\n", start) + 1:
                code = _CODES.get(octets[start : start + 3])
                plain = code and octets[start + 3 : start + 4] == b" " and octets[end - 2 : end - 1] == b"\r"
                if not plain:
                    break
                assert code is not None
                self._ready.append((code, octets[start:end]))
                start = end
            if start == len(octets):
                return
            octets = octets[start:]
        try:
            self._strict.feed(octets)
            while (reply := self._strict.next_reply()) is not None:
                self._ready.append((reply.code, reply.raw))
        except FloodError as error:
            self._break(phase, "endless reply", error)
        self._strict_is_busy = bool(self._strict.pending)
