"""The judge's SMTP session (RFC 5321), for checks: plain commands that return replies, and set-ups that must work."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from conformance.errors import InconclusiveError, RefusedError
from conformance.session import Session, Setting, setting_up
from conformance.wire.connection import Connection
from conformance.wire.smtp import Deviation, Reply, ReplyReader

CLIENT_NAME = "client.example"
"""How the judge introduces itself (RFC 2606 keeps the name free)."""

_CONTROL = re.compile(r"[\0-\x08\x0a-\x1f\x7f-\x9f]")

LOG_IN_PATIENCE = 3
"""So many times the usual patience is had with log-ins."""

MOST_QUOTED = 300
"""Characters of a reply that the reason for a missing verdict quotes."""


def stuffed(text: bytes) -> bytes:
    """Mail text made transparent for DATA (RFC 5321 §4.5.2): a period before each line that begins with one."""
    text = text.replace(b"\r\n.", b"\r\n..")
    return b"." + text if text.startswith(b".") else text


def path(address: str | bytes) -> bytes:
    """An address in angle brackets; the empty one is the null path."""
    return b"<" + (address.encode() if isinstance(address, str) else address) + b">"


def _excerpt(reply: Reply) -> str:
    text = str(reply)
    return text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}…"


class SmtpSession(Session):
    """One SMTP connection. `greeting` is the server's first reply.

    Methods that return a Reply put the question and judge nothing. `greet`, `begin`, `log_in` and `start_tls` set a
    check up and raise InconclusiveError where the server does not play along.
    """

    protocol = "smtp"
    hello = "EHLO"
    """The command that asks for the extensions."""

    def __init__(self, connection: Connection, setting: Setting) -> None:
        super().__init__(connection, setting)
        self._reader = ReplyReader(
            line_octets=connection.patience.line_octets, reply_octets=connection.patience.reply_octets
        )
        self.capabilities: Mapping[str, str] = MappingProxyType({})
        self.greeting: Reply | None = None
        self._used_smtputf8 = False
        self._asks_about_users_in_utf8 = False
        self._challenged = False

    def open(self) -> None:
        """Read the greeting.

        Raises:
            InconclusiveError: none came, or what came is no greeting.
            RefusedError: it refuses service (RFC 5321 §3.1).
        """
        with setting_up("waiting for the greeting"):
            self.greeting = self.read_reply()
        if self.greeting.transient or self.greeting.permanent:
            raise RefusedError(f"the server refuses service: {self.greeting}")
        if not self.greeting.positive:
            raise InconclusiveError(f"the server does not greet as SMTP servers do: {_excerpt(self.greeting)}")

    @property
    def turned_away(self) -> bool:
        """Whether the greeting was 5yz (RFC 5321 §3.1)."""
        return self.greeting is not None and self.greeting.permanent

    # -- replies --------------------------------------------------------------------------------------------------

    def read_reply(self, *, within_s: float | None = None, allow_421: bool = False) -> Reply:
        """The next reply.

        Raises:
            NoReplyError: none came in time, the connection closed, or the reply has no end.
            RefusedError: 421, which a server may answer to anything before it hangs up (RFC 5321 §3.8).
        """
        deadline = self.connection.deadline(within_s)
        while (reply := self._reader.next_reply()) is None:
            self._reader.feed(self.connection.receive(deadline))
        for deviation in reply.deviations:
            if deviation is Deviation.NOT_TEXT and self._may_be_utf8(reply):
                continue
            self.setting.watcher.deviation(self.protocol, deviation.name.lower(), deviation.value, reply.raw)
        self._challenged = reply.code == 334
        if reply.code == 421 and not allow_421:
            raise RefusedError(f"the server is going away: {_excerpt(reply)}")
        return reply

    def command(self, line: str | bytes, *, within_s: float | None = None) -> Reply:
        """Send one command line, CRLF added, and read its reply.

        AUTH and answers to a challenge may take longer: after failed log-ins Dovecot holds the next up, 15 s and more.
        """
        octets = line.encode() if isinstance(line, str) else line
        verb, *words = octets.upper().split(b" ")
        if within_s is None and (self._challenged or verb == b"AUTH"):
            within_s = LOG_IN_PATIENCE * self.connection.patience.reply_s
        asks = b"SMTPUTF8" in words
        self._used_smtputf8 |= asks and verb == b"MAIL"
        self.send(octets + b"\r\n")
        self._asks_about_users_in_utf8 = asks and verb in {b"VRFY", b"EXPN"}
        try:
            return self.read_reply(within_s=within_s)
        finally:
            self._asks_about_users_in_utf8 = False

    def _may_be_utf8(self, reply: Reply) -> bool:
        """Whether the client has said that it takes UTF-8 in this reply, and UTF-8 it is (RFC 6531 §3.7.4).

        That is in the reply to VRFY and EXPN with SMTPUTF8, and in 251 and 551 once MAIL had it.
        """
        if not self._asks_about_users_in_utf8 and not (self._used_smtputf8 and reply.code in {251, 551}):
            return False
        try:
            text = b"".join(reply.lines).decode()
        except UnicodeDecodeError:
            return False
        return _CONTROL.search(text) is None

    def _pending(self) -> bytes:
        return self._reader.pending

    # -- commands, each by its RFC name ---------------------------------------------------------------------------

    def ehlo(self, name: str = CLIENT_NAME) -> Reply:
        """EHLO; a positive reply sets `capabilities`."""
        reply = self.command(f"{self.hello} {name}")
        if reply.positive:
            words = [line.decode("ascii", "backslashreplace").partition(" ") for line in reply.lines[1:]]
            self.capabilities = MappingProxyType({keyword.upper(): rest for keyword, _, rest in words})
        return reply

    def helo(self, name: str = CLIENT_NAME) -> Reply:
        """HELO."""
        return self.command(f"HELO {name}")

    def mail(self, sender: str | bytes, *parameters: str) -> Reply:
        """MAIL FROM with the given address in angle brackets."""
        return self.command(b" ".join([b"MAIL FROM:" + path(sender), *(p.encode() for p in parameters)]))

    def rcpt(self, recipient: str | bytes, *parameters: str) -> Reply:
        """RCPT TO with the given address in angle brackets."""
        return self.command(b" ".join([b"RCPT TO:" + path(recipient), *(p.encode() for p in parameters)]))

    def data(self) -> Reply:
        """DATA."""
        return self.command("DATA")

    def text(self, message: bytes) -> Reply:
        """After 354: the message made transparent, then the end of data; the reply to it."""
        ending = b".\r\n" if message.endswith(b"\r\n") or not message else b"\r\n.\r\n"
        return self.raw_text(stuffed(message) + ending)

    def raw_text(self, octets: bytes) -> Reply:
        """After 354: these octets as they are; the reply that follows."""
        self.send(octets)
        return self.read_reply()

    def rset(self) -> Reply:
        """RSET."""
        return self.command("RSET")

    def noop(self) -> Reply:
        """NOOP."""
        return self.command("NOOP")

    def quit(self) -> Reply:
        """QUIT."""
        return self.command("QUIT")

    # -- set-ups --------------------------------------------------------------------------------------------------

    def greet(self, *, clear: bool = False) -> None:
        """EHLO, or HELO where that is not known; then TLS and log-in where this endpoint wants them before mail.

        With `clear`, TLS is left alone.

        Raises:
            InconclusiveError: the server does not accept any of it.
        """
        with setting_up("EHLO"):
            reply = self.ehlo()
            if not reply.positive:
                reply = self.helo()
        if not reply.positive:
            raise InconclusiveError(f"the server does not accept EHLO or HELO: {reply}")
        if clear or self.secured:
            pass
        elif self.setting.facts.demands_tls:
            self.start_tls()
        if self.setting.endpoint.means.submission and not clear:
            self.log_in()

    def start_tls(self) -> None:
        """STARTTLS and EHLO again (RFC 3207).

        Raises:
            InconclusiveError: it is not offered, or fails.
        """
        with setting_up("STARTTLS"):
            reply = self.command("STARTTLS")
            if reply.code != 220:
                raise InconclusiveError(f"STARTTLS was refused: {reply}")
            self.handshake()
            self.ehlo()

    def handshake(self) -> None:
        """Do the TLS handshake now. Octets that were read but not asked for stay in the reader.

        Raises:
            TlsError: it failed.
        """
        self.connection.start_tls()

    def log_in(self) -> None:
        """AUTH PLAIN as the session's account (RFC 4616), under TLS where clear text does not offer it.

        Raises:
            InconclusiveError: there is no account, no AUTH PLAIN, or it was refused.
        """
        account = self.setting.account
        if account is None:
            raise InconclusiveError("no account to log in with: give --account USER:PASSWORD")
        if not self.offers_auth("PLAIN") and "STARTTLS" in self.capabilities:
            self.start_tls()
        if not self.offers_auth("PLAIN"):
            raise InconclusiveError("the server does not offer AUTH PLAIN")
        response = base64.b64encode(b"\0" + account.name.encode() + b"\0" + account.password.encode()).decode()
        with setting_up("AUTH PLAIN"):
            reply = self.command(f"AUTH PLAIN {response}")
        if reply.code != 235:
            raise InconclusiveError(f"log-in as {account.name} was refused: {reply}")

    def offers_auth(self, mechanism: str) -> bool:
        """Whether EHLO lists the SASL mechanism."""
        return mechanism.upper() in self.capabilities.get("AUTH", "").upper().split()

    @property
    def recipient(self) -> str:
        """Address of the first test account.

        Raises:
            InconclusiveError: none is known.
        """
        if self.setting.recipient is None:
            raise InconclusiveError("no recipient is known: give --account USER@DOMAIN:PASSWORD")
        return self.setting.recipient

    def begin(
        self, *, sender: str | None = None, to: Sequence[str] | None = None, parameters: Sequence[str] = ()
    ) -> None:
        """Open a mail transaction: MAIL, and RCPT for each recipient (the first test account by default).

        Raises:
            InconclusiveError: the server refuses the sender or a recipient, as policy lets it.
        """
        with setting_up("opening a mail transaction"):
            reply = self.mail(self.setting.sender if sender is None else sender, *parameters)
            if not reply.positive:
                raise InconclusiveError(f"MAIL was refused: {reply}")
            for recipient in [self.recipient] if to is None else to:
                reply = self.rcpt(recipient)
                if not reply.positive:
                    raise InconclusiveError(f"RCPT was refused: {reply}")

    def begin_data(self, *, parameters: Sequence[str] = ()) -> None:
        """Open a mail transaction up to 354.

        Raises:
            InconclusiveError: the server refuses on the way.
        """
        self.begin(parameters=parameters)
        with setting_up("DATA"):
            reply = self.data()
        if reply.code != 354:
            raise InconclusiveError(f"DATA was refused: {reply}")

    def _last_words(self) -> None:
        self.noop()
        self.send(b"QUIT\r\n")
        self.read_reply(allow_421=True)
