"""The judge's IMAP session (RFC 3501, RFC 9051), for checks."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from conformance.errors import InconclusiveError, RefusedError
from conformance.session import Session, Setting, setting_up
from conformance.wire.connection import Connection
from conformance.wire.errors import FloodError
from conformance.wire.imap import Response, ResponseReader, Value, parse
from conformance.wire.imap_grammar import recognise

MOST_LINE_OCTETS = 8 * 1024 * 1024
"""Where a line without an end is given up; a line of an honest server can be long, as SEARCH in a big mailbox is."""

MOST_WAITS = 6
"""How many times the patience for one response a whole answer may take, or a server that talks on would keep us."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a command got: the untagged responses in order, and the tagged one that completed it."""

    untagged: tuple[Response, ...]
    tagged: Response

    @property
    def ok(self) -> bool:
        """Whether the command was done."""
        return self.tagged.ok

    def named(self, name: str) -> list[Response]:
        """The untagged responses of that name, such as `EXISTS` or `FETCH`."""
        return [response for response in self.untagged if response.name == name.encode()]

    def fetched(self, number: int) -> dict[str, Value]:
        """The data items of all FETCH responses for one message number, later ones first; names in upper case."""
        items: dict[str, Value] = {}
        for response in self.named("FETCH"):
            if response.number == number and response.values and isinstance(response.values[0], list):
                pairs = response.values[0]
                for name, value in zip(pairs[::2], pairs[1::2], strict=False):
                    if isinstance(name, bytes):
                        items[name.upper().decode("ascii", "backslashreplace")] = value
        return items

    def code(self, name: str) -> str | None:
        """The argument of a response code such as `UIDVALIDITY`, from any response; None where it is absent."""
        for response in (*self.untagged, self.tagged):
            word, _, argument = response.code.partition(b" ")
            if word.upper() == name.encode():
                return argument.decode("ascii", "backslashreplace")
        return None

    def __str__(self) -> str:
        return "\n".join(str(response) for response in (*self.untagged, self.tagged))


# TEXT-CHAR without NUL, which no string holds: 8-bit octets, such as those of UTF-8, take a literal (RFC 3501 §4.3).
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")


def quoted(text: str | bytes) -> bytes:
    """An IMAP quoted string; the caller sees to it that nothing in it needs a literal."""
    octets = text.encode() if isinstance(text, str) else text
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class ImapSession(Session):
    """One IMAP connection. `greeting` is the server's first response; tags are A1, A2, and so on.

    `command` puts a question and judges nothing. `log_in`, `start_tls`, `select` and `append` set a check up.
    """

    protocol = "imap"

    def __init__(self, connection: Connection, setting: Setting) -> None:
        super().__init__(connection, setting)
        self._reader = ResponseReader(
            line_octets=min(MOST_LINE_OCTETS, connection.patience.reply_octets),
            response_octets=connection.patience.reply_octets,
        )
        self._tags = 0
        self.greeting: Response | None = None

    def open(self) -> None:
        """Read the greeting.

        Raises:
            InconclusiveError: none came.
            RefusedError: it is BYE.
        """
        with setting_up("waiting for the greeting"):
            self.greeting = self.read_response()
        # Anything else that is no greeting is for `check_greeting` to judge.
        if self.greeting.name == b"BYE":
            raise RefusedError(f"the server refuses service: {self.greeting}")

    # -- responses ------------------------------------------------------------------------------------------------

    def read_response(self, *, within_s: float | None = None) -> Response:
        """The next response of any kind.

        Raises:
            NoReplyError: none came in time, the connection closed, or it has no end.
        """
        return self._read_by(self.connection.deadline(within_s))

    def _read_by(self, deadline: float) -> Response:
        while (raw := self._reader.next_raw()) is None:
            self._reader.feed(self.connection.receive(deadline))
        for deviation in recognise(raw):
            if deviation.proven:
                self.setting.watcher.deviation(self.protocol, deviation.kind, deviation.detail, raw[:2000])
        return parse(raw)

    def next_tag(self) -> bytes:
        """A tag not used before on this connection."""
        self._tags += 1
        return b"A%d" % self._tags

    def read_answer(self, tag: bytes, *, within_s: float | None = None) -> Answer:
        """All responses up to the tagged one.

        Raises:
            NoReplyError: it never came, or not before so much else that there is no end to it. What a continuation
                request asks for is the caller's to know: one that comes here is kept among the untagged responses.
        """
        return Answer(*self._read_to({tag}, within_s))

    def _read_to(self, tags: Collection[bytes], within_s: float | None = None) -> tuple[tuple[Response, ...], Response]:
        """The first response with one of these tags, and what came before it."""
        patience = self.connection.patience
        end = self.connection.deadline(MOST_WAITS * (patience.reply_s if within_s is None else within_s))
        before: list[Response] = []
        octets = 0
        while True:
            response = self._read_by(min(end, self.connection.deadline(within_s)))
            if response.tag in tags:
                return tuple(before), response
            before.append(response)
            octets += len(response.raw)
            # The clock is looked at here too: what has arrived already is read without waiting.
            if octets > patience.reply_octets or self.connection.deadline(0.0) > end:
                raise FloodError(f"an answer of {octets} octets with no end in sight", response.raw[:256])

    def command(self, line: str | bytes, *, within_s: float | None = None) -> Answer:
        """Send one command, tag and CRLF added, and read its answer."""
        tag = self.next_tag()
        self.send(tag + b" " + (line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.read_answer(tag, within_s=within_s)

    def command_with_literals(self, *parts: bytes) -> Answer:
        """Send a command whose odd parts are literals, each after the server's continuation request.

        `command_with_literals(b"APPEND INBOX ", message)` sends `{n}` after the first part and waits for `+`.
        Where the server completes the command instead of asking for the octets, that is the answer.
        """
        tag = self.next_tag()
        line = tag + b" "
        for number, part in enumerate(parts):
            if number % 2 == 0:
                line += part
                continue
            self.send(line + b"{%d}\r\n" % len(part))
            answer = self.read_continuation(tag)
            if isinstance(answer, Answer):
                return answer
            line = part
        self.send(line + b"\r\n")
        return self.read_answer(tag)

    def read_continuation(self, tag: bytes) -> Response | Answer:
        """The continuation request that comes next, or the Answer of the command if the server completes it instead."""
        untagged, response = self._read_to({b"+", tag})
        return response if response.tag == b"+" else Answer(untagged, response)

    def _pending(self) -> bytes:
        return self._reader.pending

    # -- set-ups --------------------------------------------------------------------------------------------------

    def capabilities(self) -> frozenset[str]:
        """CAPABILITY, in upper case.

        Raises:
            InconclusiveError: the server does not say.
        """
        with setting_up("CAPABILITY"):
            answer = self.command("CAPABILITY")
        return frozenset(
            value.decode("ascii", "backslashreplace").upper()
            for response in answer.named("CAPABILITY")
            for value in response.values
            if isinstance(value, bytes)
        )

    def start_tls(self) -> None:
        """STARTTLS (RFC 3501 §6.2.1).

        Raises:
            InconclusiveError: it is not offered, or fails.
        """
        with setting_up("STARTTLS"):
            answer = self.command("STARTTLS")
            if not answer.ok:
                raise InconclusiveError(f"STARTTLS was refused: {answer.tagged}")
            self.connection.start_tls()

    def log_in(self) -> None:
        """LOGIN, or AUTHENTICATE PLAIN where that is refused, as the session's account.

        Raises:
            InconclusiveError: there is no account, or it was refused.
        """
        account = self.setting.account
        if account is None:
            raise InconclusiveError("no account to log in with: give --account USER:PASSWORD")
        if self.greeting is not None and self.greeting.name == b"PREAUTH":
            return
        if self.setting.facts.demands_tls and not self.secured:
            self.start_tls()
        with setting_up("log-in"):
            answer = self._login(account.name.encode(), account.password.encode())
            if not answer.ok and "AUTH=PLAIN" in self.capabilities():
                answer = self.authenticate_plain(account.name, account.password)
        if not answer.ok:
            raise InconclusiveError(f"log-in as {account.name} was refused: {answer.tagged}")

    def _login(self, name: bytes, password: bytes) -> Answer:
        if _QUOTABLE.fullmatch(name + password):
            return self.command(b"LOGIN " + quoted(name) + b" " + quoted(password))
        return self.command_with_literals(b"LOGIN ", name, b" ", password)

    def authenticate_plain(self, name: str, password: str) -> Answer:
        """AUTHENTICATE PLAIN without an initial response (RFC 3501 §6.2.2, RFC 4616)."""
        tag = self.next_tag()
        self.send(tag + b" AUTHENTICATE PLAIN\r\n")
        answer = self.read_continuation(tag)
        if isinstance(answer, Answer):
            return answer
        self.send(base64.b64encode(b"\0" + name.encode() + b"\0" + password.encode()) + b"\r\n")
        return self.read_answer(tag)

    def select(self, mailbox: str, *, examine: bool = False) -> Answer:
        """SELECT (or EXAMINE).

        Raises:
            InconclusiveError: it was refused.
        """
        with setting_up("SELECT"):
            answer = self.command((b"EXAMINE " if examine else b"SELECT ") + quoted(mailbox))
        if not answer.ok:
            raise InconclusiveError(f"SELECT {mailbox} was refused: {answer.tagged}")
        return answer

    def append(self, mailbox: str, message: bytes, *, flags: Sequence[str] = ()) -> Answer:
        """APPEND.

        Raises:
            InconclusiveError: it was refused.
        """
        listed = b"(" + " ".join(flags).encode() + b") " if flags else b""
        with setting_up("APPEND"):
            answer = self.command_with_literals(b"APPEND " + quoted(mailbox) + b" " + listed, message)
        if not answer.ok:
            raise InconclusiveError(f"APPEND to {mailbox} was refused: {answer.tagged}")
        return answer

    def _last_words(self) -> None:
        self._expect_only_tag(b"NOOP")
        self._expect_only_tag(b"LOGOUT")

    def _expect_only_tag(self, command: bytes) -> None:
        answer = self.command(command)
        stray = [response for response in answer.untagged if response.tag != b"*"]
        if stray:
            self.setting.watcher.desynchronised(
                self.protocol, "exactly one tagged answer to each command", f"also {stray[0]}"
            )
