"""`--domain`: which hosts take mail for a domain (RFC 5321 §5.1)."""

from __future__ import annotations

from urllib.parse import urlsplit

import dns.exception
import dns.resolver

from conformance.errors import HarnessError, UsageError


def mail_hosts(domain: str, *, resolver: str | None = None) -> list[str]:
    """Host names that take mail for the domain, the most preferred first.

    A domain without MX records is its own mail host. `resolver` is the `address[:port]` of a name server to ask
    instead of the system's; an IPv6 address with a port stands in brackets.

    Raises:
        UsageError: the resolver is no address.
        HarnessError: the domain does not exist, takes no mail (RFC 7505), or no name server answers.
    """
    try:
        asking = _asking(resolver)
        answer = asking.resolve(domain, "MX")
    except dns.resolver.NoAnswer:
        return [domain]
    except dns.exception.DNSException as error:
        raise HarnessError(f"the mail hosts of {domain} cannot be found: {error}") from error
    records = sorted((record.preference, record.exchange.to_text(omit_final_dot=True)) for record in answer)
    if [host for _, host in records] in ([""], ["."], ["@"]):
        raise HarnessError(f"{domain} says that it takes no mail (null MX, RFC 7505)")
    return [host for _, host in records]


def _asking(resolver: str | None) -> dns.resolver.Resolver:
    asking = dns.resolver.Resolver(configure=resolver is None)
    asking.lifetime = 10.0
    if resolver is not None:
        try:
            # Two colons and no brackets: an IPv6 address without a port.
            parts = urlsplit(f"//{resolver}" if resolver.count(":") < 2 or "[" in resolver else f"//[{resolver}]")
            asking.nameservers = [parts.hostname or ""]
            asking.port = parts.port or 53
        except ValueError as error:
            raise UsageError(f"--resolver {resolver} is not ADDRESS[:PORT]") from error
    return asking
