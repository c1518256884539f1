"""Setting up AUTH (RFC 4954): a session that is ready for it, and the PLAIN message (RFC 4616)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from conformance.errors import InconclusiveError, not_applicable
from conformance.fixtures import SmtpDial
from conformance.session import setting_up
from conformance.smtp.session import SmtpSession
from conformance.target import Account
from conformance.wire.smtp import Reply


def plain(authcid: str | bytes, password: str | bytes, *, authzid: str | bytes = b"") -> bytes:
    """The message of PLAIN, before base64."""
    parts = (authzid, authcid, password)
    return b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)


def in_base64(octets: bytes) -> bytes:
    """As it goes into a response line; as an initial response the empty one is written `=` instead."""
    return base64.b64encode(octets)


@contextmanager
def ready(dial: SmtpDial, mechanism: str = "PLAIN") -> Iterator[SmtpSession]:
    """A session, greeted and under TLS where the mechanism is offered only there, in which nobody is logged in.

    Raises:
        NotApplicableError: the mechanism is not offered.
    """
    with dial() as smtp:
        smtp.greet(clear=True)
        if not smtp.offers_auth(mechanism) and "STARTTLS" in smtp.capabilities:
            smtp.start_tls()
        if not smtp.offers_auth(mechanism):
            raise not_applicable(f"AUTH {mechanism} is not offered")
        yield smtp


def account_of(smtp: SmtpSession) -> Account:
    """The account to log in with.

    Raises:
        InconclusiveError: none was given.
    """
    if smtp.setting.account is None:
        raise InconclusiveError("no account to log in with: give --account USER:PASSWORD")
    return smtp.setting.account


def challenged(smtp: SmtpSession, mechanism: str = "PLAIN") -> Reply:
    """AUTH without an initial response; the 334.

    Raises:
        InconclusiveError: the server does not ask for a response.
    """
    with setting_up(f"AUTH {mechanism}"):
        reply = smtp.command(f"AUTH {mechanism}")
    if reply.code != 334:
        raise InconclusiveError(f"AUTH {mechanism} was not answered by a challenge: {reply}")
    return reply


def answered(smtp: SmtpSession, message: bytes) -> Reply:
    """AUTH PLAIN, and this message in answer to the challenge; the reply.

    Raises:
        InconclusiveError: see `challenged`.
    """
    challenged(smtp)
    return smtp.command(in_base64(message))


def expect_credentials_work(dial: SmtpDial) -> None:
    """The account can log in one way or the other, so that a refusal is about what the check did.

    Raises:
        InconclusiveError: it cannot.
    """
    with ready(dial) as smtp:
        account = account_of(smtp)
        if answered(smtp, plain(account.name, account.password)).code == 235:
            return
    with ready(dial) as smtp:
        smtp.log_in()
