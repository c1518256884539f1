"""`--domain`: which hosts take mail for a domain (RFC 5321 §5.1)."""

from __future__ import annotations

import dns.exception
import dns.resolver

from conformance.errors import HarnessError


def mail_hosts(domain: str, *, resolver: str | None = None) -> list[str]:
    """Host names that take mail for the domain, the most preferred first.

    A domain without MX records is its own mail host. `resolver` is the `address[:port]` of a name server to ask
    instead of the system's.

    Raises:
        HarnessError: the domain does not exist, takes no mail (RFC 7505), or no name server answers.
    """
    asking = dns.resolver.Resolver(configure=resolver is None)
    asking.lifetime = 10.0
    if resolver is not None:
        address, _, port = resolver.rpartition(":") if resolver.count(":") == 1 else (resolver, "", "53")
        asking.nameservers = [address]
        asking.port = int(port)
    try:
        answer = asking.resolve(domain, "MX")
    except dns.resolver.NoAnswer:
        return [domain]
    except dns.exception.DNSException as error:
        raise HarnessError(f"the mail hosts of {domain} cannot be found: {error}") from error
    records = sorted((record.preference, record.exchange.to_text(omit_final_dot=True)) for record in answer)
    if [host for _, host in records] in ([""], ["."]):
        raise HarnessError(f"{domain} says that it takes no mail (null MX, RFC 7505)")
    return [host for _, host in records]
