"""The bench a check runs on: the target, what is known of it, and everything that one run shares."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from types import MappingProxyType
from typing import TypeVar

from conformance.checks import Check
from conformance.discovery import DEAF, SESSION_OF, discover
from conformance.errors import InconclusiveError, NotApplicableError, RefusedError, UsageError
from conformance.fixtures import Dial, Folder, Mailbox, Maildrop
from conformance.imap.session import ImapSession, quoted
from conformance.lmtp.session import LmtpSession
from conformance.messages import Tokens
from conformance.oracles import OracleLog, family_of
from conformance.plan import Plan
from conformance.pop3.session import Pop3Session
from conformance.reading import Reader
from conformance.session import Facts, Session, Setting
from conformance.smtp.session import SmtpSession
from conformance.target import Account, Endpoint, Target
from conformance.wire.connection import Connection
from conformance.wire.errors import ConnectError, NoReplyError
from conformance.wire.segmentation import WHOLE, Segmentation
from conformance.wire.transcript import Transcript

S = TypeVar("S", bound=Session)

ENDPOINTS_OF = MappingProxyType(
    {
        "smtp": ("smtp", "submission", "submissions", "smtps"),
        "submission": ("submission", "submissions", "smtp", "smtps"),
        "msa": ("submission", "submissions"),
        "lmtp": ("lmtp",),
        "pop3": ("pop3", "pop3s"),
        "imap": ("imap", "imaps"),
    }
)
"""Which schemes serve a fixture, the preferred ones first."""


MOST_LOST_S = 60.0
"""Seconds lost in a row on an endpoint that does not greet, after which the judge waits for it no more."""


class Life(Enum):
    """What became of an attempt to open a session."""

    GREETS = "greets"
    REFUSES = "answers and refuses service"
    SILENT = "does not answer"
    ABSENT = "the target has no such endpoint"


class Bench:
    """One target under judgement. Not safe for several threads: a check has the accounts to itself."""

    def __init__(self, target: Target, plan: Plan) -> None:
        self.target = target
        self.plan = plan
        self._greeted_last: dict[str, bool] = {}
        self.oracles = OracleLog()
        self.tokens = Tokens(f"m{plan.seed}-{plan.lane}")
        self.segmentation: Segmentation = WHOLE
        self.remarks: list[str] = []
        """What the check that runs now has seen and does not judge."""
        self._facts: dict[Endpoint, Facts] = {}
        self._unreachable: dict[Endpoint, str] = {}
        self._refused: set[Endpoint] = set()
        self._lost_s: dict[Endpoint, float] = {}
        self._reader: Reader | None = None
        self._folders = 0

    # -- what is known --------------------------------------------------------------------------------------------

    def discover(self) -> None:
        """Ask every endpoint that a suite can judge what it offers. Those that do not answer are remembered."""
        for endpoint in self.target.endpoints:
            if endpoint.protocol not in SESSION_OF:
                continue
            try:
                self._facts[endpoint] = discover(self.target, endpoint)
            except InconclusiveError as error:
                self._unreachable[endpoint] = str(error)
                self._refused |= {endpoint} if isinstance(error, RefusedError) else set()
                self.oracles.unreachable(family_of(endpoint.protocol), f"{endpoint}: {error}")

    @property
    def facts(self) -> Mapping[Endpoint, Facts]:
        """What discovery learnt, by endpoint."""
        return MappingProxyType(self._facts)

    @property
    def unreachable(self) -> Mapping[Endpoint, str]:
        """Endpoints that did not answer, with the reason."""
        return MappingProxyType(self._unreachable)

    def facts_of(self, endpoint: Endpoint) -> Facts:
        """What discovery learnt of the endpoint; nothing, where it did not look."""
        return self._facts.get(endpoint, Facts())

    def endpoint_of(self, kind: str) -> Endpoint:
        """The endpoint that serves `smtp`, `submission`, `msa`, `lmtp`, `pop3` or `imap`.

        Raises:
            NotApplicableError: the target has none.
        """
        endpoint = self.target.endpoint(*ENDPOINTS_OF[kind])
        if endpoint is None:
            raise NotApplicableError(f"the target has no {ENDPOINTS_OF[kind][0]}:// endpoint")
        return endpoint

    def smtp_endpoint(self) -> Endpoint:
        """Where mail is handed in."""
        return self.endpoint_of("smtp")

    def submission_endpoint(self) -> Endpoint:
        """An SMTP endpoint that offers AUTH.

        Raises:
            NotApplicableError: there is none.
            InconclusiveError: none of those that answer does, and one does not answer.
        """
        for scheme in ENDPOINTS_OF["submission"]:
            for endpoint in self.target.endpoints:
                if endpoint.scheme == scheme and self.facts_of(endpoint).offers("AUTH"):
                    return endpoint
        for endpoint, why in self._unreachable.items():
            if endpoint.protocol == "smtp":
                raise InconclusiveError(why)
        raise NotApplicableError("no SMTP endpoint of the target offers AUTH")

    # -- sessions -------------------------------------------------------------------------------------------------

    def connect(self, endpoint: Endpoint, kind: type[S], *, account: Account | None = None) -> S:
        """A session whose greeting was read.

        Raises:
            InconclusiveError: nobody listens, or the server refuses service (then a RefusedError).
        """
        if endpoint in self._unreachable:
            raise (RefusedError if endpoint in self._refused else InconclusiveError)(self._unreachable[endpoint])
        if self._lost_s.get(endpoint, 0.0) > MOST_LOST_S:
            raise InconclusiveError(f"{endpoint} has not greeted for {MOST_LOST_S:g} s of waiting and was given up")
        started = time.monotonic()
        try:
            session = self._open(endpoint, kind, account)
        except RefusedError:
            raise
        except InconclusiveError:
            self._lost_s[endpoint] = self._lost_s.get(endpoint, 0.0) + time.monotonic() - started
            raise
        self._lost_s.pop(endpoint, None)
        return session

    def turned_away(self, endpoint: Endpoint, kind: type[S]) -> S:
        """A session whose greeting refuses service for good.

        Raises:
            NotApplicableError: the server gives service.
            RefusedError: it gives none for now.
            InconclusiveError: nobody listens, or who does greets with nothing of the kind.
        """
        session = self._open(endpoint, kind, None, turned_away=True)
        if not session.turned_away:
            session.drop()
            raise NotApplicableError("the server gives service")
        return session

    def _open(self, endpoint: Endpoint, kind: type[S], account: Account | None, *, turned_away: bool = False) -> S:
        accounts = self.target.accounts
        domain = self.target.mail_domain
        first = accounts[0].address(domain) if accounts else None
        # The last account sends to the first, so that a second one makes sender and recipient two people.
        sender = accounts[-1].address(domain) if accounts else None
        if endpoint.means.submission:
            sender = first
        try:
            connection = Connection.open(
                endpoint.host,
                endpoint.port,
                self.oracles.transcript,
                patience=self.target.patience,
                segmentation=self.segmentation,
                implicit_tls=endpoint.means.implicit_tls,
                address=endpoint.address,
                label=str(endpoint),
            )
        except ConnectError as error:
            raise InconclusiveError(str(error)) from error
        session = kind(
            connection,
            Setting(
                endpoint=endpoint,
                facts=self.facts_of(endpoint),
                # A session that is opened as a tool stays one: nothing about it is ever judged.
                watcher=DEAF if self.oracles.muted else self.oracles,
                account=account or (accounts[0] if accounts else None),
                recipient=first,
                sender=sender or "",
            ),
        )
        try:
            session.open()
        except BaseException as error:
            if turned_away and isinstance(error, RefusedError) and session.turned_away:
                return session
            connection.close()
            raise
        return session

    @contextmanager
    def unjudged(self) -> Iterator[None]:
        """Sessions opened inside are the judge's own tools: whole segments, no oracle, no transcript."""
        segmentation, transcript, muted = self.segmentation, self.oracles.transcript, self.oracles.muted
        self.segmentation, self.oracles.transcript, self.oracles.muted = WHOLE, Transcript(), True
        try:
            yield
        finally:
            self.segmentation, self.oracles.transcript, self.oracles.muted = segmentation, transcript, muted

    def life(self, protocol: str) -> tuple[Life, str]:
        """What the server does with a new connection, and the reason where it is no greeting.

        The connection is closed without a farewell.
        """
        life, why = self._try_life(protocol)
        self._greeted_last[protocol] = life is Life.GREETS
        return life, why

    def life_before_a_check(self, protocol: str) -> tuple[Life, str]:
        """The same, but a server that greeted after the check before this one is not asked again."""
        return (Life.GREETS, "") if self._greeted_last.get(protocol) else self.life(protocol)

    def _try_life(self, protocol: str) -> tuple[Life, str]:
        try:
            endpoint = self.endpoint_of(protocol)
            with self.unjudged():
                self.connect(endpoint, SESSION_OF[protocol]).drop()
        except RefusedError as error:
            return Life.REFUSES, str(error)
        except InconclusiveError as error:
            return Life.SILENT, str(error)
        except NotApplicableError:
            return Life.ABSENT, ""
        return Life.GREETS, ""

    # -- fixtures -------------------------------------------------------------------------------------------------

    def reader(self) -> Reader:
        """The first account's INBOX, read over IMAP, else POP3; one for the whole run.

        Raises:
            NotApplicableError: the target has neither, or no account.
        """
        if not self.target.accounts:
            raise NotApplicableError("no account to read mail with: give --account USER:PASSWORD")
        kind = "imap" if self.target.endpoint(*ENDPOINTS_OF["imap"]) else "pop3"
        endpoint = self.endpoint_of(kind)

        def open_session() -> ImapSession | Pop3Session:
            with self.unjudged():
                session = self.connect(endpoint, SESSION_OF[kind])
                try:
                    session.log_in()
                except BaseException:
                    session.drop()
                    raise
                assert isinstance(session, ImapSession | Pop3Session)
                return session

        if self._reader is None:
            self._reader = Reader(open_session)
        return self._reader

    @contextmanager
    def fixture(self, name: str, check: Check) -> Iterator[object]:
        """The value of a check's parameter, and its tidying up afterwards.

        Raises:
            UsageError: there is no fixture of that name.
            NotApplicableError: the target has not got what it takes.
        """
        if name == "dial":
            name = {"delivery": "smtp"}.get(check.suite, check.suite)
        if name == "smtp":
            yield Dial(self, self.smtp_endpoint(), SmtpSession)
        elif name == "submission":
            yield Dial(self, self.submission_endpoint(), SmtpSession)
        elif name == "msa":
            yield Dial(self, self.endpoint_of("msa"), SmtpSession)
        elif name == "lmtp":
            yield Dial(self, self.endpoint_of("lmtp"), LmtpSession)
        elif name == "pop3":
            yield Dial(self, self.endpoint_of("pop3"), Pop3Session)
        elif name == "imap":
            yield Dial(self, self.endpoint_of("imap"), ImapSession)
        elif name == "mailbox":
            reader = self.reader()
            reader.clear()
            yield Mailbox(self, reader)
        elif name == "maildrop":
            self.endpoint_of("pop3")
            yield Maildrop(self, self.reader())
        elif name == "folder":
            with self._folder() as folder:
                yield folder
        else:
            raise UsageError(f"{check.id} asks for {name}, which is neither a strategy nor a fixture")

    @contextmanager
    def _folder(self) -> Iterator[Folder]:
        self._folders += 1
        folder = Folder(self, f"mailspec-{self.plan.seed}-{self.plan.lane}-{self._folders}")
        self.endpoint_of("imap")
        with self.unjudged(), folder.log_in() as imap:
            remove_all_beginning(imap, folder.name.encode())
            answer = imap.command(b"CREATE " + quoted(folder.name))
            if not answer.ok:
                raise InconclusiveError(f"no folder could be made: {answer.tagged}")
        try:
            yield folder
        finally:
            with contextlib.suppress(InconclusiveError, NoReplyError), self.unjudged(), folder.log_in() as imap:
                remove_all_beginning(imap, folder.name.encode())

    def close(self) -> None:
        """End what is still open."""
        if self._reader is not None:
            self._reader.close()


def remove_all_beginning(imap: ImapSession, start: bytes) -> None:
    """Delete and unsubscribe the judge's own mailboxes: those whose name begins with `start`, the deepest first."""
    for listing, removal in ((b"LSUB", b"UNSUBSCRIBE "), (b"LIST", b"DELETE ")):
        answer = imap.command(listing + b' "" ' + quoted(start + b"*"))
        found = {response.values[-1] for response in answer.untagged if response.name == listing and response.values}
        names = {bytes(name) for name in found if isinstance(name, bytes) and name.startswith(start)}
        if removal == b"DELETE ":
            # A server whose LIST is broken must not keep what the judge made.
            names.add(start)
        for name in sorted(names, key=len, reverse=True):
            imap.command(removal + quoted(name))
