"""What checks may ask for by parameter name. The pytest plugin offers the same names as pytest fixtures.

`dial` opens sessions of the suite's own protocol; `smtp`, `lmtp`, `pop3` and `imap` open sessions of that protocol from
any suite; `submission` opens SMTP sessions where AUTH is offered, `msa` only those of a submission service; `mailbox`,
`maildrop` and `folder` hold mail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar

from conformance.errors import InconclusiveError, ViolationError
from conformance.imap.session import ImapSession, quoted
from conformance.lmtp.session import LmtpSession
from conformance.messages import Delivered, compose
from conformance.plan import MINUTE_S
from conformance.pop3.session import Pop3Session
from conformance.reading import Reader
from conformance.session import Facts, Session, setting_up
from conformance.smtp.session import SmtpSession
from conformance.target import Account, Endpoint
from conformance.wire.smtp import Reply

if TYPE_CHECKING:
    from conformance.bench import Bench

S = TypeVar("S", bound=Session)

LOCK_POLL_S = 0.1
"""Pause between two attempts to get the lock of a maildrop."""


class Dial(Generic[S]):
    """Opens sessions with one endpoint: `with dial() as smtp:`. The greeting is read already."""

    def __init__(self, bench: Bench, endpoint: Endpoint, kind: type[S]) -> None:
        self._bench = bench
        self._kind = kind
        self.endpoint = endpoint

    def __call__(self, account: Account | None = None) -> S:
        """Connect and read the greeting; `account` is whom `log_in` means, the first one by default.

        Raises:
            InconclusiveError: nobody listens, or the server refuses service.
        """
        return self._bench.connect(self.endpoint, self._kind, account=account)

    def turned_away(self) -> S:
        """A session whose greeting refuses service for good, for a check that `judges_refusals`.

        Raises:
            NotApplicableError: the server gives service.
            InconclusiveError: nobody listens, or service is refused for now.
        """
        return self._bench.turned_away(self.endpoint, self._kind)

    @property
    def facts(self) -> Facts:
        """What discovery learnt of the endpoint."""
        return self._bench.facts_of(self.endpoint)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The test accounts."""
        return self._bench.target.accounts

    @property
    def domain(self) -> str:
        """The mail domain of the test accounts.

        Raises:
            InconclusiveError: it is not known.
        """
        domain = self._bench.target.mail_domain
        if domain is None:
            raise InconclusiveError("the mail domain is not known: give --account USER@DOMAIN:PASSWORD")
        return domain

    def token(self) -> str:
        """A name for a message, used by no other in this run."""
        return self._bench.tokens.next()

    def minutes(self, number: float) -> float:
        """So many minutes in seconds, for a check that `takes_minutes`."""
        return number * (self._bench.plan.minute_s or MINUTE_S)

    def remark(self, text: str) -> None:
        """Note in the result what was seen and is not judged."""
        self._bench.remarks.append(text)


class Mailbox:
    """The first account's INBOX, for checks that deliver by SMTP and look at what arrived."""

    def __init__(self, bench: Bench, reader: Reader) -> None:
        self._bench = bench
        self._reader = reader

    @property
    def address(self) -> str:
        """Where to send."""
        account = self._bench.target.accounts[0]
        return account.address(self._bench.target.mail_domain) or account.name

    def token(self) -> str:
        """A name for a message, used by no other in this run."""
        return self._bench.tokens.next()

    def compose(self, token: str, body: bytes, *, headers: bytes = b"") -> bytes:
        """A message to this mailbox with exactly this body."""
        return compose(token, body, headers=headers, recipient=self.address)

    def deliver(self, smtp: SmtpSession, message: bytes, *, parameters: Sequence[str] = ()) -> Reply:
        """Send a message by DATA, dot-stuffed; the reply to its end. The transaction before it is set-up."""
        smtp.begin_data(parameters=parameters)
        return smtp.text(message)

    def wait_for(self, token: str) -> Delivered:
        """The message with this token.

        Raises:
            ViolationError: it was accepted and did not arrive (RFC 5321 §6.1: it must not be lost).
        """
        message = self._reader.wait_for(token, within_s=self._bench.target.delivery_s)
        if message is None:
            raise ViolationError(
                f"the accepted message in the mailbox within {self._bench.target.delivery_s:g} s",
                f"no message with token {token} among {len(self._reader.messages)}",
            )
        self._bench.oracles.note(f"read back {len(message.octets)} octets with token {token}", message.octets)
        return message

    def wait_until(self, matches: Callable[[Delivered], bool]) -> Delivered | None:
        """The first message that matches, or None if none came as soon as accepted mail should."""
        message = self._reader.wait_until(matches, within_s=self._bench.target.delivery_s)
        if message is not None:
            self._bench.oracles.note(f"read back {len(message.octets)} octets", message.octets)
        return message

    def settle(self) -> None:
        """Wait until all that was accepted before has arrived: a later message is sent after it and awaited.

        Raises:
            InconclusiveError: the later message does not arrive.
        """
        token = self.token()
        with self._bench.unjudged(), self._bench.connect(self._bench.smtp_endpoint(), SmtpSession) as smtp:
            smtp.greet()
            smtp.begin_data()
            with setting_up("the marker message"):
                reply = smtp.text(self.compose(token, b"marker\r\n"))
        if not reply.positive:
            raise InconclusiveError(f"a plain message was refused: {reply}")
        if self._reader.wait_for(token, within_s=self._bench.target.delivery_s) is None:
            raise InconclusiveError("a plain message did not arrive in time")

    def all_messages(self) -> list[Delivered]:
        """Everything in the mailbox now that arrived since this check began."""
        self._reader.refresh()
        return self._reader.messages

    def with_token(self, token: str) -> list[Delivered]:
        """All messages there now whose octets hold the token anywhere."""
        return [message for message in self.all_messages() if token.encode() in message.octets]


class Maildrop:
    """The first account's INBOX as POP3 sees it, filled by the check."""

    def __init__(self, bench: Bench, reader: Reader) -> None:
        self._bench = bench
        self._reader = reader

    def token(self) -> str:
        """A name for a message, used by no other in this run."""
        return self._bench.tokens.next()

    def fill(self, bodies: Sequence[bytes]) -> list[str]:
        """Empty the maildrop and put one message with each body in, in order; their tokens.

        By IMAP APPEND where the target has IMAP, which keeps every octet; else by SMTP, which adds trace headers.

        Raises:
            InconclusiveError: there is no way to put mail in, or it does not arrive.
        """
        self._reader.clear()
        tokens = [self.token() for _ in bodies]
        messages = [compose(token, body) for token, body in zip(tokens, bodies, strict=True)]
        if not self._reader.append(messages):
            self._submit(messages)
        for token in tokens:
            if self._reader.wait_for(token, within_s=self._bench.target.delivery_s) is None:
                raise InconclusiveError("mail for the maildrop did not arrive in time")
        # A replay finds the maildrop as it is then; this tells what was in it.
        self._bench.oracles.note(f"the maildrop was filled with {len(messages)} messages", b"".join(messages))
        # The POP3 maildrop is locked by its session (RFC 1939 §4): let go of ours before the check logs in.
        self._reader.close()
        return tokens

    def _submit(self, messages: Sequence[bytes]) -> None:
        with self._bench.unjudged(), self._bench.connect(self._bench.smtp_endpoint(), SmtpSession) as smtp:
            smtp.greet()
            for message in messages:
                smtp.begin_data()
                with setting_up("filling the maildrop"):
                    reply = smtp.text(message)
                if not reply.positive:
                    raise InconclusiveError(f"the maildrop could not be filled: {reply}")

    @property
    def keeps_octets(self) -> bool:
        """Whether `fill` puts messages in octet for octet (by IMAP), and not over a path that may change them."""
        return self._bench.target.endpoint("imap", "imaps") is not None

    @contextmanager
    def opened(self) -> Iterator[Pop3Session]:
        """A POP3 session in the TRANSACTION state.

        An earlier session of ours may still have the lock although its connection is closed, so that the log-in is
        tried again for a little while.

        Raises:
            InconclusiveError: the log-in is refused all that time, or was refused at the very first already: a server
                that bars whoever guesses passwords must not be given a reason.
        """
        patience = self._bench.target.patience
        refused = self._bench.facts_of(self._bench.endpoint_of("pop3")).log_in
        deadline = time.monotonic() + patience.reply_s / 8
        while True:
            pop3 = self._bench.connect(self._bench.endpoint_of("pop3"), Pop3Session)
            try:
                with pop3.uncut():
                    pop3.log_in()
                break
            except InconclusiveError:
                pop3.drop()
                if refused or time.monotonic() > deadline:
                    raise
                time.sleep(LOCK_POLL_S)
            except BaseException:
                pop3.drop()
                raise
        with pop3:
            yield pop3


class Folder:
    """An IMAP folder of the judge's own, made for one check and removed afterwards."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench = bench
        self.name = name
        self._names = 0

    def new_name(self, rest: bytes = b"") -> bytes:
        """A mailbox name on the wire that nothing has yet: this folder's, a number, and `rest`.

        Whatever exists, or is subscribed, under a name that begins with this folder's is removed after the check.
        """
        self._names += 1
        return f"{self.name}-{self._names}".encode() + rest

    def delimiter(self, imap: ImapSession) -> bytes | None:
        """The hierarchy delimiter where this folder is, None where names are flat (RFC 3501 §6.3.8).

        Raises:
            InconclusiveError: LIST does not say.
        """
        with setting_up("LIST"):
            answer = imap.command(b'LIST "" ' + quoted(self.name))
        for response in answer.named("LIST"):
            if len(response.values) == 3 and (delimiter := response.values[1]) is not None:
                return delimiter if isinstance(delimiter, bytes) and len(delimiter) == 1 else None
            if len(response.values) == 3:
                return None
        raise InconclusiveError("LIST does not name the folder that was made")

    def token(self) -> str:
        """A name for a message, used by no other in this run."""
        return self._bench.tokens.next()

    def log_in(self, *, number: int = 0) -> ImapSession:
        """A logged-in session with nothing selected, as the account of that number."""
        accounts = self._bench.target.accounts
        if number >= len(accounts):
            raise InconclusiveError(f"this check needs {number + 1} accounts: repeat --account")
        session = self._bench.connect(self._bench.endpoint_of("imap"), ImapSession, account=accounts[number])
        try:
            with session.uncut():
                session.log_in()
        except BaseException:
            session.drop()
            raise
        return session

    @contextmanager
    def opened(self, messages: Sequence[bytes] = ()) -> Iterator[ImapSession]:
        """A session with the folder selected, emptied and holding exactly these messages, in order.

        Raises:
            InconclusiveError: the server refuses any of that.
        """
        with self.log_in() as imap:
            with imap.uncut():
                self._fill(imap, messages)
            yield imap

    def _fill(self, imap: ImapSession, messages: Sequence[bytes]) -> None:
        with setting_up("CREATE"):
            # It is there already, and the answer is NO. What is replayed from this transcript needs it made, though.
            imap.command(b"CREATE " + quoted(self.name))
        answer = imap.select(self.name)
        with setting_up("emptying the folder"):
            if any(response.number for response in answer.named("EXISTS")):
                imap.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
            imap.command("CLOSE")
            for message in messages:
                imap.append(self.name, message)
        # Selected only now, so that \Recent is this session's to see, and the count shows that the set-up worked.
        counts = [response.number for response in imap.select(self.name).named("EXISTS")]
        if counts[-1:] != [len(messages)]:
            raise InconclusiveError(f"the folder should hold {len(messages)} messages, EXISTS says {counts}")

    @contextmanager
    def opened_again(self, *, examine: bool = False) -> Iterator[ImapSession]:
        """A further session with the folder selected as it is."""
        with self.log_in() as imap:
            with imap.uncut():
                imap.select(self.name, examine=examine)
            yield imap


SmtpDial = Dial[SmtpSession]
LmtpDial = Dial[LmtpSession]
Pop3Dial = Dial[Pop3Session]
ImapDial = Dial[ImapSession]
