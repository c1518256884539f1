"""The SMTP and LMTP client that makes the load: as little work for a message as Python allows.

RFC 5321, LMTP's RFC 2033, pipelining's RFC 2920, and RFC 3207 and 4954 for the set-up. Replies of one plain line, which
nearly all are, are read here; whatever else comes goes to the judge's own reader.
"""

from __future__ import annotations

import base64
import os
import re
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.wire.errors import FloodError
from conformance.wire.smtp import ReplyReader
from loadtest.clients.readiness import Readiness, is_cooperative
from loadtest.clients.session import BrokenError, LoadError, MissingOfferError, Record, RefusedError, Session, kind_of
from loadtest.plan import Patience, Route
from loadtest.target import Account

CLIENT_NAME = b"client.example"
"""What the client calls itself in EHLO; a name that belongs to nobody (RFC 2606 §3)."""

# Reply-code = %x32-35 %x30-35 %x30-39   ; RFC 5321 §4.2
_CODES = {b"%d" % code: code for code in range(200, 560) if code // 10 % 10 <= 5}


class Envelope:
    """The commands of one message, rendered once for each user."""

    __slots__ = ("group", "mail", "phases", "rcpts")

    def __init__(self, sender: str, recipients: Sequence[str]) -> None:
        self.mail = f"MAIL FROM:<{sender}>\r\n".encode("ascii")
        self.rcpts = tuple(f"RCPT TO:<{recipient}>\r\n".encode("ascii") for recipient in recipients)
        self.group = b"".join((self.mail, *self.rcpts, b"DATA\r\n"))
        """All of them in one write; DATA may only be the last (RFC 2920 §3.1)."""
        self.phases = ("mail", *("rcpt" for _ in recipients), "data")
        """What the replies to the group are timed as, in their order; the same tuple whatever MAIL declares."""

    def declaring(self, parameters: bytes) -> Envelope:
        """The same with these parameters of MAIL (RFC 5321 §4.1.1.2), each with a space before it."""
        other = Envelope.__new__(Envelope)
        other.mail = b"%b%b\r\n" % (self.mail[:-2], parameters)
        other.rcpts = self.rcpts
        other.group = other.mail + self.group[len(self.mail) :]
        other.phases = self.phases
        return other


@dataclass(frozen=True, slots=True)
class Refusal:
    """One recipient of a message was refused: its place in the envelope, from 0, and the server's words."""

    slot: int
    error: RefusedError


class SmtpSession(Session):
    """One open session.

    `offers` are the EHLO keywords. Of the last message: `sent_final_dot` tells whether its text went out whole, or may
    have; `refusals` are the recipients that were refused by name, `unanswered` (LMTP) the slots that the server owes a
    reply for, as it closed or fell silent before.
    """

    __slots__ = (
        "_ahead",
        "_ahead_is_answered",
        "_arrived",
        "_lmtp",
        "_opened",
        "_readiness",
        "_strict",
        "_strict_is_busy",
        "_usual_for",
        "_usual_octets",
        "offers",
        "refusals",
        "sent_final_dot",
        "unanswered",
    )
    _ready: deque[tuple[int, bytes]]

    def __init__(self, sock: socket.socket, patience: Patience, record: Record) -> None:
        super().__init__(sock, patience, record)
        self._strict = ReplyReader(line_octets=self.REPLY_OCTETS)
        self._strict_is_busy = False
        self._lmtp = False
        self._readiness: Readiness | None = None
        self._arrived = 0.0
        # The envelope that went out with the text before, when that was, and whether its replies were taken already.
        self._ahead: Envelope | None = None
        self._opened = 0.0
        self._ahead_is_answered = False
        # What the replies to envelopes for the same recipients are when all is well, once that is known.
        self._usual_for: tuple[str, ...] | None = None
        self._usual_octets = b""
        self.offers: dict[bytes, bytes] = {}
        self.sent_final_dot = False
        self.refusals: Sequence[Refusal] = ()
        self.unanswered: Sequence[int] = ()

    # -- set-up and end ----------------------------------------------------------------------------------------------

    def _set_up(self, route: Route) -> None:
        self._lmtp = route.lmtp
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
        if is_cooperative(self._sock):
            self._readiness = Readiness(self._sock.fileno(), self._patience.reply_s)

    def _ehlo(self) -> None:
        began = time.perf_counter()
        # RFC 2033 §4.1: LHLO, and nothing else, begins an LMTP session.
        self._send("ehlo", b"%b %b\r\n" % (b"LHLO" if self._lmtp else b"EHLO", CLIENT_NAME))
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

        Where an envelope went ahead the server waits for a text, so nothing can be said.

        Raises:
            BrokenError: no reply came; it costs no message.
        """
        if self._ahead is not None:
            self.close()
            return
        try:
            began = time.perf_counter()
            self._send("quit", b"QUIT\r\n")
            if within_s is not None:
                self._sock.settimeout(within_s)
            self._expect("quit", 2, began, within_s=within_s)
        finally:
            self.close()

    def close(self) -> None:
        """Close without another word; an envelope that went ahead of its text comes to nothing."""
        if self._readiness is not None:
            self._readiness.close()
            self._readiness = None
        self._ahead = None
        super().close()

    # -- a message ---------------------------------------------------------------------------------------------------

    @property
    def has_envelope_ahead(self) -> bool:
        """Whether the next message's envelope went out with the last text."""
        return self._ahead is not None

    def submit(self, envelope: Envelope, wire: bytes, *, pipelining: bool, then: Envelope | None = None) -> float:
        """Hand in one message, and say in how many seconds the server took responsibility for it (RFC 5321 §4.2.5).

        It goes to every recipient that the server takes. With `pipelining`, MAIL, RCPT and DATA go out in one write,
        and each is timed from that write to its own reply. `then` is the envelope of the message that will follow
        without a pause: it goes out in the same write as this text (RFC 2920 §3.1 allows a text to begin a group), and
        its replies are taken when that message is handed in.

        Raises:
            RefusedError: every recipient, or the message, was refused; the transaction is gone, the session is usable
                unless it is closed.
            BrokenError: no intelligible reply came; `sent_final_dot` tells whether the server may hold the message.
            ValueError: another envelope than this went ahead.
        """
        self.sent_final_dot = False
        self.refusals = self.unanswered = ()
        if self._ahead is None:
            self._opened = began = time.perf_counter()
            if pipelining:
                self._send("mail", envelope.group)
                self._envelope_replies(envelope, began)
            else:
                self._envelope_step_by_step(envelope, began)
        else:
            if self._ahead is not envelope:
                raise ValueError("another envelope went ahead of this message")
            self._ahead = None
            began = self._opened
            if not self._ahead_is_answered:
                self._envelope_replies(envelope, began)
            self._ahead_is_answered = False
        sent = time.perf_counter()
        if then is None:
            self._send("final_dot", wire)
        else:
            self._send_text_and_envelope(wire, then)
            self._opened = sent
        self.sent_final_dot = True
        if self._lmtp:
            self._recipients_replies(len(envelope.rcpts), sent)
        elif then is None or then.phases is not self._usual_for or self._ready or not self._usual_replies(sent, then):
            self._expect("final_dot", 2, sent)
        return self._arrived - began

    def fall_silent(self, envelope: Envelope, beginning: bytes, *, within_s: float) -> None:
        """Begin a message, send the beginning of its text, and say no more; the session is closed in the end.

        Raises:
            LoadError: what the server made of that; a time-out where it bore it for so long.
        """
        try:
            self._envelope_step_by_step(envelope, time.perf_counter())
            self._send("final_dot", beginning)
            self._expect("final_dot", 2, None, within_s=within_s)
        finally:
            self.close()

    def _envelope_step_by_step(self, envelope: Envelope, began: float) -> None:
        refusals: list[Refusal] = []
        self._send("mail", envelope.mail)
        self._expect("mail", 2, began)
        try:
            for slot, rcpt in enumerate(envelope.rcpts):
                began = time.perf_counter()
                self._send("rcpt", rcpt)
                self._expect_recipient(slot, began, refusals)
            if len(refusals) == len(envelope.rcpts):
                raise refusals[0].error
            began = time.perf_counter()
            self._send("data", b"DATA\r\n")
            self._expect("data", 3, began)
        except RefusedError:
            self._reset()
            raise
        self.refusals = refusals

    def _envelope_replies(self, envelope: Envelope, began: float) -> None:
        """Every reply to an envelope that went out in one write, each of which must be looked at (RFC 2920 §3.1)."""
        refusals: list[Refusal] = []
        refused: RefusedError | None = None
        taken = b""
        try:
            try:
                taken = self._expect("mail", 2, began)
            except RefusedError as refusal:
                if not self.is_open:
                    raise
                refused = refusal
            for slot in range(len(envelope.rcpts)):
                taken += self._expect_recipient(slot, began, refusals)
            if len(refusals) == len(envelope.rcpts):
                refused = refused or refusals[0].error
            # Whatever became of the others, DATA has a reply of its own.
            taken += self._expect("data", 3, began)
        except RefusedError as refusal:
            self._reset()
            raise refused or refusal from None
        if refused is None:
            self.refusals = refusals
            # What was all well once is known at a glance when it comes again.
            # A judge wants to see every reply, so then each is read by itself.
            glances = self._readiness is not None and self.judge is None and not refusals
            self._usual_for = envelope.phases if glances else None
            self._usual_octets = taken
            return
        if len(refusals) == len(envelope.rcpts):
            self._end_text_for_nobody()
        else:
            # There is a recipient without a sender: a text that is ended here might be delivered. It is not ended.
            self.close()
        raise refused

    def _end_text_for_nobody(self) -> None:
        """DATA was accepted though every recipient was refused: a single dot ends that (RFC 2920 §3.1)."""
        if self._lmtp:
            # A text for no recipients has no reply (RFC 2033 §4.2), and the server should never have asked for it.
            self.close()
            return
        try:
            self._send("data", b".\r\n")
            self._expect("data", 2, None)
        except RefusedError:
            pass  # as it should be
        except LoadError:
            self.close()

    def _expect_recipient(self, slot: int, began: float, refusals: list[Refusal]) -> bytes:
        """The reply to RCPT; a refusal is noted, and raised only if it ends the session."""
        try:
            return self._expect("rcpt", 2, began)
        except RefusedError as refusal:
            if not self.is_open:
                raise
            refusals.append(Refusal(slot, refusal))
            return b""

    def _usual_replies(self, sent: float, then: Envelope) -> bool:
        """Take the reply to a text and those to the envelope behind it, if all came at once and all is well as before.

        Where it is not so, what came is kept for who reads reply by reply.
        """
        octets = self._receive_some("final_dot", sent, None)
        end = octets.find(b"\n") + 1
        if octets[:4] != b"250 " or octets[end - 2 : end] != b"\r\n" or octets[end:] != self._usual_octets:
            self._take_in("final_dot", octets)
            return False
        took_s = self._arrived - sent
        record = self._record
        record("final_dot", took_s)
        for phase in then.phases:
            record(phase, took_s)
        self._ahead_is_answered = True
        return True

    def _recipients_replies(self, recipients: int, sent: float) -> None:
        """LMTP: a reply for each recipient that was accepted, in their order (RFC 2033 §4.2)."""
        refused_before = {refusal.slot for refusal in self.refusals}
        slots = [slot for slot in range(recipients) if slot not in refused_before]
        refusals: list[Refusal] = []
        broken: BrokenError | None = None
        for answered, slot in enumerate(slots):
            try:
                self._expect("final_dot", 2, sent if slot == slots[-1] else None)
            except RefusedError as refusal:
                refusals.append(Refusal(slot, refusal))
                if not self.is_open:
                    self.unanswered = slots[answered + 1 :]
                    break
            except BrokenError as error:
                broken = error
                self.unanswered = slots[answered:]
                break
        self.refusals = (*self.refusals, *refusals)
        # What was accepted for one recipient stays so, whatever became of the others.
        if len(refusals) + len(self.unanswered) == len(slots):
            raise broken or refusals[0].error

    def _reset(self) -> None:
        """Drop the transaction, so that the session serves the next message (RFC 5321 §4.1.1.5)."""
        if not self.is_open:
            return
        try:
            began = time.perf_counter()
            self._send("rset", b"RSET\r\n")
            self._expect("rset", 2, began)
        except LoadError:
            # What became of the message is known; only the session is of no more use.
            self.close()

    # -- octets ------------------------------------------------------------------------------------------------------

    def _send(self, phase: str, octets: bytes) -> None:
        if self._readiness is not None:
            try:
                sent = os.write(self._readiness.descriptor, octets)
                if sent == len(octets):
                    return
                octets = octets[sent:]
            except BlockingIOError:
                pass
            except OSError as error:
                self._break(phase, kind_of(error), error)
        super()._send(phase, octets)

    def _send_text_and_envelope(self, wire: bytes, then: Envelope) -> None:
        self._ahead = then
        try:
            self._send("final_dot", wire + then.group)
        except BrokenError:
            # How much of it went out is not known: the dot may have.
            self.sent_final_dot = True
            raise

    def _receive(self, phase: str, within_s: float) -> None:
        if self._readiness is None:
            super()._receive(phase, within_s)
            self._arrived = time.perf_counter()
            return
        since = time.perf_counter()
        limit_s = None if within_s == self._patience.reply_s else within_s
        received = 0
        while not self._ready:
            octets = self._receive_some(phase, since, limit_s)
            received += len(octets)
            self._take_in(phase, octets)
            if not self._ready and received > self.REPLY_OCTETS:
                self._break(phase, "endless reply", None)

    def _receive_some(self, phase: str, since: float, limit_s: float | None) -> bytes:
        """Whatever comes next, from a socket that never blocks."""
        assert self._readiness is not None
        while True:
            try:
                self._readiness.wait(since, limit_s)
                octets = os.read(self._readiness.descriptor, self.CHUNK_OCTETS)
            except BlockingIOError:
                continue
            except OSError as error:
                self._break(phase, kind_of(error), error)
            self._arrived = time.perf_counter()
            if not octets:
                self._break(phase, "closed", None)
            return octets

    def _expect(self, phase: str, first_digit: int, began: float | None, *, within_s: float | None = None) -> bytes:
        """The next reply, if its code begins with this digit; its latency is recorded, a refusal's too."""
        ready = self._ready
        if not ready:
            self._receive(phase, self._patience.reply_s if within_s is None else within_s)
        code, raw = ready.popleft()
        if self.judge is not None and self.judge.sample():
            self.judge.smtp(raw)
        if began is not None:
            self._record(phase, self._arrived - began)
        if code // 100 == first_digit:
            return raw
        if code >= 400:
            if code == 421:
                self.close()  # no further replies come (RFC 5321 §3.8)
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
