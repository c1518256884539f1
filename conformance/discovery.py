"""Finding out, before the first check, what each endpoint says of itself and whether the accounts can log in."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import MappingProxyType

from conformance.errors import InconclusiveError
from conformance.imap.session import ImapSession
from conformance.pop3.session import Pop3Session
from conformance.session import Facts, Session, Setting, setting_up
from conformance.smtp.session import SmtpSession
from conformance.target import Endpoint, Target
from conformance.wire.connection import Connection
from conformance.wire.errors import ConnectError, NoReplyError
from conformance.wire.transcript import Transcript

SESSION_OF: Mapping[str, type[SmtpSession | Pop3Session | ImapSession]] = MappingProxyType(
    {"smtp": SmtpSession, "pop3": Pop3Session, "imap": ImapSession}
)


class _Deaf:
    """A watcher for sessions that are not judged."""

    def deviation(self, protocol: str, kind: str, meaning: str, raw: bytes) -> None:
        """Discovery judges nothing."""

    def desynchronised(self, protocol: str, expected: str, got: str) -> None:
        """Discovery judges nothing."""

    def looked(self, protocol: str, oracle: str) -> None:
        """Discovery judges nothing."""


DEAF = _Deaf()


def _open(target: Target, endpoint: Endpoint, facts: Facts) -> SmtpSession | Pop3Session | ImapSession:
    connection = Connection.open(
        endpoint.host,
        endpoint.port,
        Transcript(),
        patience=target.patience,
        implicit_tls=endpoint.means.implicit_tls,
    )
    account = target.accounts[0] if target.accounts else None
    recipient = account.address(target.mail_domain) if account else None
    setting = Setting(
        endpoint=endpoint, facts=facts, watcher=DEAF, account=account, recipient=recipient, sender=recipient or ""
    )
    session: SmtpSession | Pop3Session | ImapSession = SESSION_OF[endpoint.protocol](connection, setting)
    try:
        session.open()
    except BaseException:
        connection.close()
        raise
    return session


def _smtp(session: SmtpSession) -> tuple[dict[str, str], dict[str, str], bool]:
    with setting_up("EHLO"):
        session.ehlo()
    clear = dict(session.capabilities)
    # A refusal before TLS (530, RFC 3207 §4) is what tells a server that demands it; the null path commits to nothing.
    demands = session.mail("").code == 530 and "STARTTLS" in clear
    secured: dict[str, str] = {}
    if "STARTTLS" in clear:
        session.rset()
        session.start_tls()
        secured = dict(session.capabilities)
    return clear, secured, demands


def _pop3(session: Pop3Session) -> tuple[dict[str, str], dict[str, str], bool]:
    clear = dict(session.capa() or {})
    secured: dict[str, str] = {}
    if "STLS" in clear:
        session.start_tls()
        secured = dict(session.capa() or {})
    # RFC 2449 §6.3, RFC 8314: USER withheld before TLS says that clear-text log-in is not wanted.
    demands = bool(secured) and "USER" in secured and "USER" not in clear
    return clear, secured, demands


def _imap(session: ImapSession) -> tuple[dict[str, str], dict[str, str], bool]:
    clear = dict.fromkeys(session.capabilities(), "")
    secured: dict[str, str] = {}
    if "STARTTLS" in clear:
        session.start_tls()
        secured = dict.fromkeys(session.capabilities(), "")
    return clear, secured, "LOGINDISABLED" in clear and bool(secured)


def discover(target: Target, endpoint: Endpoint) -> Facts:
    """What the endpoint says of itself; two connections at the most.

    Raises:
        InconclusiveError: it cannot be reached or does not speak the protocol.
    """
    try:
        session = _open(target, endpoint, Facts())
    except ConnectError as error:
        raise InconclusiveError(str(error)) from error
    greeting = b"" if session.greeting is None else session.greeting.raw
    clear: dict[str, str] = {}
    secured: dict[str, str] = {}
    demands = False
    try:
        if isinstance(session, SmtpSession):
            clear, secured, demands = _smtp(session)
        elif isinstance(session, Pop3Session):
            clear, secured, demands = _pop3(session)
        else:
            clear, secured, demands = _imap(session)
    except (InconclusiveError, NoReplyError):
        # Half an answer is all there is to know; the checks will say what is wrong with the rest.
        pass
    finally:
        _leave(session)
    facts = Facts(
        greeting=greeting,
        capabilities=MappingProxyType(clear),
        capabilities_under_tls=MappingProxyType(secured),
        demands_tls=demands,
    )
    return Facts(
        greeting=greeting,
        capabilities=facts.capabilities,
        capabilities_under_tls=facts.capabilities_under_tls,
        demands_tls=demands,
        log_in=_try_log_in(target, endpoint, facts),
    )


def _try_log_in(target: Target, endpoint: Endpoint, facts: Facts) -> str:
    """Empty where the first account can log in, else why not."""
    if not target.accounts:
        return "no account was given"
    if endpoint.protocol == "smtp" and not facts.offers("AUTH"):
        return "AUTH is not offered"
    try:
        session = _open(target, endpoint, facts)
    except (ConnectError, InconclusiveError) as error:
        return str(error)
    try:
        if isinstance(session, SmtpSession):
            session.greet()
            if not endpoint.means.submission:
                session.log_in()
        else:
            session.log_in()
    except (InconclusiveError, NoReplyError) as error:
        return str(error)
    finally:
        _leave(session)
    return ""


def _leave(session: Session) -> None:
    with contextlib.suppress(NoReplyError, InconclusiveError), session:
        pass
