"""The judge's POP3 session (RFC 1939), for checks."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Mapping
from types import MappingProxyType

from conformance.errors import InconclusiveError, RefusedError
from conformance.session import FAREWELL_S, Session, Setting, setting_up
from conformance.target import Account
from conformance.wire.connection import Connection
from conformance.wire.errors import ClosedError, SilenceError
from conformance.wire.pop3 import Response, ResponseReader

MOST_REST_OCTETS = 1 << 20
"""Where `rest` stops: a server that never ends must not keep the judge."""


def plain(name: str, password: str, *, acting_as: str = "") -> bytes:
    """A SASL PLAIN message before base64 (RFC 4616 §2)."""
    return b"\0".join(part.encode() for part in (acting_as, name, password))


class Pop3Session(Session):
    """One POP3 connection. `greeting` is the server's first response.

    Methods that return a Response put the question and judge nothing; `log_in` and `start_tls` set a check up.
    """

    protocol = "pop3"

    def __init__(self, connection: Connection, setting: Setting) -> None:
        super().__init__(connection, setting)
        self._reader = ResponseReader(
            line_octets=connection.patience.line_octets, response_octets=connection.patience.reply_octets
        )
        self.greeting: Response | None = None

    def open(self) -> None:
        """Read the greeting.

        Raises:
            InconclusiveError: none came, or what came is no greeting.
            RefusedError: it is -ERR.
        """
        with setting_up("waiting for the greeting"):
            self.greeting = self.read_response()
        if self.greeting.raw.startswith(b"-ERR"):
            raise RefusedError(f"the server refuses service: {self.greeting}")
        if not self.greeting.ok:
            raise InconclusiveError(f"the server does not greet as POP3 servers do: {self.greeting}")

    def read_response(self, *, multi_line: bool = False, within_s: float | None = None) -> Response:
        """The next response.

        Raises:
            NoReplyError: none came in time, the connection closed, or the response has no end.
        """
        deadline = self.connection.deadline(within_s)
        while (response := self._reader.next_response(multi_line=multi_line)) is None:
            self._reader.feed(self.connection.receive(deadline))
        for deviation in response.deviations:
            self.setting.watcher.deviation(self.protocol, deviation.name.lower(), deviation.value, response.raw[:2000])
        return response

    def command(self, line: str | bytes, *, multi_line: bool = False, within_s: float | None = None) -> Response:
        """Send one command line, CRLF added, and read its response."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.read_response(multi_line=multi_line, within_s=within_s)

    def rest(self, *, within_s: float | None = None) -> bytes:
        """Everything that was received and not read yet or still comes, until the server closes or time is up.

        `connection.closed_by_peer` tells which of the two it was.
        """
        octets = self._reader.pending
        deadline = self.connection.deadline(FAREWELL_S if within_s is None else within_s)
        with contextlib.suppress(ClosedError, SilenceError):
            while len(octets) < MOST_REST_OCTETS:
                octets += self.connection.receive(deadline)
        return octets

    @property
    def unread(self) -> bytes:
        """What was received together with the last response and belongs to none yet."""
        return self._reader.pending

    def _pending(self) -> bytes:
        return self._reader.pending

    # -- commands, each by its RFC name ---------------------------------------------------------------------------

    def user(self, name: str) -> Response:
        """USER."""
        return self.command(f"USER {name}")

    def pass_(self, password: str) -> Response:
        """PASS."""
        return self.command(f"PASS {password}")

    def stat(self) -> Response:
        """STAT."""
        return self.command("STAT")

    def list(self, number: int | None = None) -> Response:
        """LIST of all messages (multi-line) or of one."""
        return self.command("LIST", multi_line=True) if number is None else self.command(f"LIST {number}")

    def uidl(self, number: int | None = None) -> Response:
        """UIDL of all messages (multi-line) or of one."""
        return self.command("UIDL", multi_line=True) if number is None else self.command(f"UIDL {number}")

    def retr(self, number: int) -> Response:
        """RETR (multi-line)."""
        return self.command(f"RETR {number}", multi_line=True)

    def top(self, number: int, lines: int) -> Response:
        """TOP (multi-line)."""
        return self.command(f"TOP {number} {lines}", multi_line=True)

    def dele(self, number: int) -> Response:
        """DELE."""
        return self.command(f"DELE {number}")

    def rset(self) -> Response:
        """RSET."""
        return self.command("RSET")

    def noop(self) -> Response:
        """NOOP."""
        return self.command("NOOP")

    def quit(self) -> Response:
        """QUIT."""
        return self.command("QUIT")

    def auth(self, mechanism: str, initial: bytes | None = None) -> Response:
        """AUTH (RFC 5034 §4); `initial` is the initial response before base64."""
        words = [b"AUTH", mechanism.encode()]
        if initial is not None:
            words.append(base64.b64encode(initial) or b"=")
        return self.command(b" ".join(words))

    def answer(self, octets: bytes) -> Response:
        """One client response of an AUTH exchange, base64 added here."""
        return self.command(base64.b64encode(octets))

    def capa(self) -> Mapping[str, str] | None:
        """CAPA (RFC 2449 §5): names in upper case with their parameters, or None where it is not known."""
        response = self.command("CAPA", multi_line=True)
        if not response.ok:
            return None
        words = [line.rstrip(b"\r\n").decode("ascii", "backslashreplace").partition(" ") for line in response.lines]
        return MappingProxyType({name.upper(): rest for name, _, rest in words})

    # -- set-ups --------------------------------------------------------------------------------------------------

    def start_tls(self) -> None:
        """STLS (RFC 2595 §4).

        Raises:
            InconclusiveError: it is not offered, or fails.
        """
        with setting_up("STLS"):
            response = self.command("STLS")
            if not response.ok:
                raise InconclusiveError(f"STLS was refused: {response}")
            self.connection.start_tls()

    @property
    def account(self) -> Account:
        """Whom `log_in` means.

        Raises:
            InconclusiveError: there is no account.
        """
        account = self.setting.account
        if account is None:
            raise InconclusiveError("no account to log in with: give --account USER:PASSWORD")
        return account

    def make_ready(self) -> None:
        """TLS where the server wants it before any log-in.

        Raises:
            InconclusiveError: it fails.
        """
        if self.setting.facts.demands_tls and not self.secured:
            self.start_tls()

    def log_in(self) -> None:
        """USER and PASS as the session's account, or AUTH PLAIN where USER is refused; under TLS where that is wanted.

        Raises:
            InconclusiveError: there is no account, or it was refused.
        """
        account = self.account
        self.make_ready()
        with setting_up("log-in"):
            response = self.user(account.name)
            if response.ok:
                response = self.pass_(account.password)
            elif "PLAIN" in (self.capa() or {}).get("SASL", "").upper().split():
                # USER is optional (RFC 1939 §7), and RFC 2449 §6.3 lets a server do without.
                response = self.auth("PLAIN", plain(account.name, account.password))
        if not response.ok:
            raise InconclusiveError(f"log-in as {account.name} was refused: {response}")

    def _last_words(self) -> None:
        # NOOP belongs to the TRANSACTION state; before log-in its -ERR is an answer like any other.
        self.noop()
        self.quit()
