"""The first contact with each server, before any load: is it there, and does it offer what the run needs?"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from loadtest.clients.schemes import AnySession, open_session, take_leave
from loadtest.clients.session import LoadError
from loadtest.clients.smtp_client import SmtpSession
from loadtest.mail.corpus import CorpusError
from loadtest.mail.supply import largest_octets, left_out_of
from loadtest.plan import Endpoint, LoadPlan
from loadtest.scenarios.table import ROLES
from loadtest.target import Address


class NoVerdictError(Exception):
    """Nothing could be measured, and the text says why."""


@dataclass(frozen=True, slots=True)
class Contact:
    """The address of each server that answered, by role, and the roles of those that take US-ASCII alone."""

    addresses: dict[str, Address]
    seven_bit_roles: tuple[str, ...]


def first_contact(plan: LoadPlan) -> Contact:
    """For each role the first of its server's addresses at which a session can be set up as the plan asks.

    Raises:
        NoVerdictError: there is none; the text says what happened at the last of them.
    """
    found = {endpoint.role: _answering(plan, endpoint) for endpoint in plan.endpoints}
    seven_bit = (role for role, (_, session) in found.items() if _takes_ascii_alone(session))
    return Contact({role: address for role, (address, _) in found.items()}, tuple(seven_bit))


def _takes_ascii_alone(session: AnySession) -> bool:
    return isinstance(session, SmtpSession) and b"8BITMIME" not in session.offers


def _answering(plan: LoadPlan, endpoint: Endpoint) -> tuple[Address, AnySession]:
    """Where it does, and the session that shows it, closed again."""
    trouble: Exception | None = None
    for address in endpoint.addresses:
        try:
            return address, _tried(plan, endpoint, address)
        except LoadError as error:
            trouble = error
    raise NoVerdictError(f"no session with {endpoint.target}: {trouble}")


def _tried(plan: LoadPlan, endpoint: Endpoint, address: Address) -> AnySession:
    """Raises LoadError where no session can be set up, NoVerdictError where it does not offer what is needed."""
    if endpoint.target.scheme in (*ROLES["imap"], *ROLES["pop3"]):
        account = next(iter(plan.readers.values()), None)
    else:
        account = plan.personas[0].account if plan.scenario.logs_in else None
    session = open_session(endpoint.target.scheme, plan.route(endpoint, address, account), lambda phase, seconds: None)
    # It did all that was asked of it; what becomes of later farewells is in the books.
    with contextlib.suppress(LoadError):
        take_leave(session, within_s=plan.patience.connect_s)
    if isinstance(session, SmtpSession):
        _check_offers(plan, endpoint, session.offers)
    return session


def _check_offers(plan: LoadPlan, endpoint: Endpoint, offers: dict[bytes, bytes]) -> None:
    if plan.pipelining and b"PIPELINING" not in offers:
        raise NoVerdictError(f"{endpoint.target} does not offer PIPELINING (RFC 2920); leave --pipelining out")
    if b"8BITMIME" not in offers:
        try:
            left_out_of(plan.messages)
        except CorpusError as error:
            raise NoVerdictError(f"{endpoint.target}: {error}") from error
    limit = offers.get(b"SIZE", b"")
    if limit.isdigit() and 0 < int(limit) < largest_octets(plan.messages):
        raise NoVerdictError(f"{endpoint.target} takes at most {int(limit)} octets (RFC 1870)")
