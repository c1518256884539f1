"""Finding out, before the first check, what each endpoint says of itself and whether the accounts can log in."""

from __future__ import annotations

import contextlib
import dataclasses
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from conformance.errors import InconclusiveError
from conformance.imap.session import ImapSession
from conformance.lmtp.session import LmtpSession
from conformance.pop3.session import Pop3Session
from conformance.session import Facts, Session, Setting, setting_up
from conformance.smtp.session import SmtpSession
from conformance.target import Endpoint, Target
from conformance.wire.certificates import tls_record, verifying_tls
from conformance.wire.connection import Connection
from conformance.wire.errors import ConnectError, NoReplyError
from conformance.wire.transcript import Transcript
from reports.records import TlsRecord

SESSION_OF: Mapping[str, type[SmtpSession | Pop3Session | ImapSession]] = MappingProxyType(
    {"smtp": SmtpSession, "lmtp": LmtpSession, "pop3": Pop3Session, "imap": ImapSession}
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
"""What happens in a session with this watcher is nobody's finding: the judge's own tools have it."""


@dataclass(slots=True)
class _Learnt:
    """What an endpoint has said so far; a server that stops half-way leaves the first half."""

    clear: Mapping[str, str] = field(default_factory=dict)
    secured: Mapping[str, str] = field(default_factory=dict)
    demands_tls: bool = False
    unfinished: str = ""


def _open(
    target: Target, endpoint: Endpoint, facts: Facts, tls: ssl.SSLContext | None = None
) -> SmtpSession | Pop3Session | ImapSession:
    connection = Connection.open(
        endpoint.host,
        endpoint.port,
        Transcript(),
        patience=target.patience,
        tls=tls,
        implicit_tls=endpoint.means.implicit_tls,
        address=endpoint.address,
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


def _smtp(session: SmtpSession, learnt: _Learnt) -> None:
    with setting_up("EHLO"):
        session.ehlo()
    learnt.clear = session.capabilities
    if "STARTTLS" not in learnt.clear:
        return
    # A refusal before TLS (530, RFC 3207 §4) is what tells a server that demands it; the null path commits to nothing.
    learnt.demands_tls = session.mail("").code == 530
    session.rset()
    session.start_tls()
    learnt.secured = session.capabilities
    # The same code says that log-in is demanded (RFC 4954 §6), which TLS alone does not change.
    learnt.demands_tls = learnt.demands_tls and session.mail("").code != 530


def _pop3(session: Pop3Session, learnt: _Learnt) -> None:
    learnt.clear = session.capa() or {}
    if "STLS" not in learnt.clear:
        return
    session.start_tls()
    learnt.secured = session.capa() or {}
    # RFC 2449 §6.3, RFC 8314: USER withheld before TLS says that clear-text log-in is not wanted.
    learnt.demands_tls = "USER" in learnt.secured and "USER" not in learnt.clear


def _imap(session: ImapSession, learnt: _Learnt) -> None:
    learnt.clear = dict.fromkeys(session.capabilities(), "")
    if "STARTTLS" not in learnt.clear:
        return
    session.start_tls()
    learnt.secured = dict.fromkeys(session.capabilities(), "")
    learnt.demands_tls = "LOGINDISABLED" in learnt.clear


def discover(target: Target, endpoint: Endpoint) -> Facts:
    """What the endpoint says of itself; two connections at the most.

    Raises:
        InconclusiveError: it cannot be reached or does not speak the protocol.
    """
    try:
        session = _open(target, endpoint, Facts())
    except ConnectError as error:
        raise InconclusiveError(str(error)) from error
    learnt = _Learnt()
    try:
        if isinstance(session, SmtpSession):
            _smtp(session, learnt)
        elif isinstance(session, Pop3Session):
            _pop3(session, learnt)
        else:
            _imap(session, learnt)
    except (InconclusiveError, NoReplyError) as error:
        # Half an answer is all there is to know; the checks will say what is wrong with the rest.
        learnt.unfinished = str(error)
        session.drop()
    finally:
        _leave(session)
    facts = Facts(
        greeting=b"" if session.greeting is None else session.greeting.raw,
        capabilities=MappingProxyType(dict(learnt.clear)),
        capabilities_under_tls=MappingProxyType(dict(learnt.secured)),
        demands_tls=learnt.demands_tls,
        unfinished=learnt.unfinished,
        tls=_tls(target, endpoint, *session.connection.shown_in_handshake) if session.secured else None,
    )
    return dataclasses.replace(facts, log_in=_try_log_in(target, endpoint, facts))


def _tls(target: Target, endpoint: Endpoint, version: str, cipher: str, certificate: bytes) -> TlsRecord:
    return tls_record(
        endpoint.host,
        version=version,
        cipher=cipher,
        certificate=certificate,
        distrust=_distrust(target, endpoint),
    )


def _distrust(target: Target, endpoint: Endpoint) -> str:
    """Why no authority of the system vouches for the certificate, by a handshake that asks; empty if one does."""
    try:
        session = _open(target, endpoint, Facts(), verifying_tls())
    except (ConnectError, InconclusiveError) as error:
        return _verdict_of(error)
    try:
        if isinstance(session, SmtpSession):
            session.ehlo()
        if not session.secured:
            session.start_tls()
    except (InconclusiveError, NoReplyError) as error:
        session.drop()
        return _verdict_of(error)
    finally:
        _leave(session)
    return ""


def _verdict_of(error: BaseException) -> str:
    """What OpenSSL holds against the chain, if that is what the error stems from, else the error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message)
        cause = cause.__cause__
    return f"the handshake that asks for it failed: {error}"


def _try_log_in(target: Target, endpoint: Endpoint, facts: Facts) -> str:
    """Empty where the first account can log in, else why not."""
    if not target.accounts:
        return "no account was given"
    try:
        if endpoint.protocol in ("smtp", "lmtp") and not facts.offers("AUTH"):
            return "AUTH is not offered"
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
        session.drop()
        return str(error)
    finally:
        _leave(session)
    return ""


def _leave(session: Session) -> None:
    with contextlib.suppress(NoReplyError, InconclusiveError), session:
        pass
