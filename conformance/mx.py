"""`--domain`: which hosts take mail for a domain, and at which addresses (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from urllib.parse import urlsplit

import dns.exception
import dns.rdatatype
import dns.resolver

from conformance.errors import HarnessError, UsageError
from conformance.target import SCHEMES, Endpoint
from conformance.wire.connection import Patience

LOOKUP_S = 10.0
"""How long one question to the name servers may take, retries included."""


@dataclass(frozen=True, slots=True)
class MailHost:
    """A host that takes mail for a domain; the lower its `preference`, the sooner it is to be tried.

    `addresses` are in the order to try them, IPv6 before IPv4 as RFC 6724 ranks them; a host without any cannot be
    used. `alias_of` is the name that a CNAME record leads to, which RFC 5321 §5.1 leaves outside of the standard.
    """

    name: str
    preference: int
    addresses: tuple[str, ...] = ()
    alias_of: str = ""


def mail_hosts(domain: str, *, resolver: str | None = None, seed: int = 0) -> list[MailHost]:
    """The hosts that take mail for the domain, in the order in which a client tries them.

    A domain without MX records is its own mail host, at preference 0. Hosts of equal preference are shuffled, so that
    the load spreads; the same `seed` gives the same order. `resolver` is the `address[:port]` of a name server to ask
    instead of the system's; an IPv6 address with a port stands in brackets.

    Raises:
        UsageError: the resolver is no address.
        HarnessError: the domain does not exist, takes no mail (RFC 7505), none of its hosts has an address, or no name
            server answers.
    """
    asking = _asking(resolver)
    try:
        named = _exchangers(asking, domain)
        _shuffle_equals(named, random.Random(seed))  # noqa: S311 - spreads load, guards nothing
        hosts = [_located(asking, *each) for each in named]
    except dns.exception.DNSException as error:
        raise HarnessError(f"the mail hosts of {domain} cannot be found: {error}") from error
    if not any(host.addresses for host in hosts):
        names = ", ".join(host.name for host in hosts)
        raise HarnessError(f"no mail host of {domain} can be used: no address record for {names} (RFC 5321 §5.1)")
    return hosts


def mail_endpoint(
    domain: str,
    *,
    resolver: str | None = None,
    seed: int = 0,
    port: int = SCHEMES["smtp"].port,
    patience: Patience | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Endpoint:
    """The SMTP server of the domain that a client would end up with: the first that takes a connection.

    `note` is told, a line each, what a client would stumble over on the way: hosts without an address, names that are
    aliases, addresses where nobody answers.

    Raises:
        UsageError, HarnessError: as `mail_hosts`, and HarnessError where no address takes a connection.
    """
    hosts = mail_hosts(domain, resolver=resolver, seed=seed)
    tried: list[str] = []
    for host in hosts:
        for complaint in _complaints(host):
            note(complaint)
        for address in host.addresses:
            why = _refusal(address, port, patience or Patience())
            if why is None:
                return Endpoint("smtp", host.name, port, address=address)
            tried.append(f"{host.name} at {address}: {why}")
            note(tried[-1])
    raise HarnessError(f"no mail host of {domain} takes a connection: {'; '.join(tried)}")


def _exchangers(asking: dns.resolver.Resolver, domain: str) -> list[tuple[int, str]]:
    """Preference and name of each host, the most preferred first."""
    try:
        answer = asking.resolve(domain, "MX")
    except dns.resolver.NoAnswer:
        return [(0, domain)]
    records = sorted((record.preference, record.exchange.to_text(omit_final_dot=True)) for record in answer)
    # A null MX says something only where it stands alone (RFC 7505 §3); beside others it is a host that cannot be used.
    usable = [record for record in records if record[1] not in ("", ".", "@")]
    if not usable:
        raise HarnessError(f"{domain} says that it takes no mail (null MX, RFC 7505)")
    return usable


def _shuffle_equals(records: list[tuple[int, str]], chance: random.Random) -> None:
    shuffled: list[tuple[int, str]] = []
    for _, equals in groupby(records, key=lambda record: record[0]):
        group = list(equals)
        chance.shuffle(group)
        shuffled += group
    records[:] = shuffled


def _located(asking: dns.resolver.Resolver, preference: int, name: str) -> MailHost:
    addresses: list[str] = []
    alias_of = ""
    for kind in (dns.rdatatype.AAAA, dns.rdatatype.A):
        # A host that has no record of this kind, or that is not there at all, may have one of the other, or be passed
        # over. A name server that fails says nothing of the kind, and is an error.
        with contextlib.suppress(dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            answer = asking.resolve(name, kind)
            addresses += map(attrgetter("address"), answer)
            canonical = answer.canonical_name
            if canonical != answer.qname:
                alias_of = canonical.to_text(omit_final_dot=True)
    return MailHost(name, preference, tuple(addresses), alias_of)


def _complaints(host: MailHost) -> Iterator[str]:
    if not host.addresses:
        yield f"{host.name} has no address record and cannot be used (RFC 5321 §5.1)"
    if host.alias_of:
        yield f"{host.name} is an alias of {host.alias_of}; an MX record has to name a host itself (RFC 5321 §5.1)"


def _refusal(address: str, port: int, patience: Patience) -> str | None:
    """Why there is no connection to be had; None if there is."""
    try:
        socket.create_connection((address, port), timeout=patience.connect_s).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _asking(resolver: str | None) -> dns.resolver.Resolver:
    asking = dns.resolver.Resolver(configure=resolver is None)
    asking.lifetime = LOOKUP_S
    if resolver is not None:
        try:
            # Two colons and no brackets: an IPv6 address without a port.
            parts = urlsplit(f"//{resolver}" if resolver.count(":") < 2 or "[" in resolver else f"//[{resolver}]")
            asking.nameservers = [parts.hostname or ""]
            asking.port = parts.port or 53
        except ValueError as error:
            raise UsageError(f"--resolver {resolver} is not ADDRESS[:PORT]") from error
    return asking
