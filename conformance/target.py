"""The mail system under judgement: endpoints, accounts and limits."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from urllib.parse import unquote, urlsplit

from conformance.errors import UsageError
from conformance.wire.connection import Patience

Protocol = Literal["smtp", "lmtp", "pop3", "imap"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a URL scheme means: protocol, default port, and whether TLS comes before the first octet."""

    protocol: Protocol
    port: int
    implicit_tls: bool = False
    submission: bool = False


SCHEMES = MappingProxyType(
    {
        "smtp": Scheme("smtp", 25),
        "smtps": Scheme("smtp", 465, implicit_tls=True),
        "submission": Scheme("smtp", 587, submission=True),
        "submissions": Scheme("smtp", 465, implicit_tls=True, submission=True),
        "lmtp": Scheme("lmtp", 24),
        "pop3": Scheme("pop3", 110),
        "pop3s": Scheme("pop3", 995, implicit_tls=True),
        "imap": Scheme("imap", 143),
        "imaps": Scheme("imap", 993, implicit_tls=True),
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """A test user. `name` is what is given at log-in; the password never appears in a repr."""

    name: str
    password: str = field(repr=False)

    def address(self, domain: str | None) -> str | None:
        """The mail address: the name itself if it has a domain, else the name in the target's domain, else None."""
        if "@" in self.name:
            return self.name
        return f"{self.name}@{domain}" if domain else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One listening server. `str()` gives its URL, which never holds credentials.

    `address` is where connections go, for a host whose address somebody else than the system's resolver has found.
    """

    scheme: str
    host: str
    port: int
    address: str = ""

    @property
    def means(self) -> Scheme:
        """What the scheme says."""
        return SCHEMES[self.scheme]

    @property
    def protocol(self) -> Protocol:
        """`smtp` for all of smtp, smtps, submission and submissions."""
        return self.means.protocol

    @property
    def reached_at(self) -> str:
        """Name or address to connect to."""
        return self.address or self.host

    @property
    def is_loopback(self) -> bool:
        """Whether octets for it stay on this machine."""
        if self.reached_at == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.reached_at).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_url(url: str) -> tuple[Endpoint, Account | None]:
    """Read `scheme://[user:password@]host[:port]`.

    Raises:
        UsageError: another scheme, no host, or a port that is none. The text never repeats a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("that URL has no usable host and port; write scheme://[user:password@]host[:port]") from None
    if parts.scheme not in SCHEMES or not url.partition(":")[2].startswith("//"):
        known = ", ".join(f"{name}://" for name in SCHEMES)
        # What stands before an @ may be a password, whatever the user meant by it.
        meant = parts.scheme if "://" in url and parts.scheme else url.rpartition("@")[2]
        raise UsageError(f"no protocol is called {meant!r}; use one of {known}")
    if not parts.hostname:
        raise UsageError(f"a {parts.scheme}:// URL needs a host, as in {parts.scheme}://127.0.0.1:2525")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(f"a {parts.scheme}:// URL ends after host and port")
    if port == 0:
        raise UsageError("nothing listens on port 0")
    endpoint = Endpoint(parts.scheme, parts.hostname, port or SCHEMES[parts.scheme].port)
    if parts.username is None:
        return endpoint, None
    return endpoint, Account(unquote(parts.username), unquote(parts.password or ""))


def parse_account(text: str) -> Account:
    """Read `USER:PASSWORD`; the password may hold colons, the user may not.

    Raises:
        UsageError: there is no colon, or no user before it.
    """
    name, colon, password = text.partition(":")
    if not colon or not name:
        raise UsageError("an account is written USER:PASSWORD")
    return Account(name, password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A mail system: its endpoints in the order given, and the accounts to use on it."""

    endpoints: tuple[Endpoint, ...]
    accounts: tuple[Account, ...] = ()
    domain: str | None = None
    name: str = ""
    patience: Patience = field(default_factory=Patience)
    delivery_s: float = 20.0

    def endpoint(self, *schemes: str) -> Endpoint | None:
        """The first endpoint of the first of these schemes that there is one of."""
        for scheme in schemes:
            for endpoint in self.endpoints:
                if endpoint.scheme == scheme:
                    return endpoint
        return None

    @property
    def protocols(self) -> frozenset[Protocol]:
        """Protocols with at least one endpoint."""
        return frozenset(endpoint.protocol for endpoint in self.endpoints)

    @property
    def is_loopback(self) -> bool:
        """Whether all endpoints are on this machine."""
        return all(endpoint.is_loopback for endpoint in self.endpoints)

    @property
    def mail_domain(self) -> str | None:
        """The domain of the test accounts: as given, else that of the first account that has one."""
        if self.domain:
            return self.domain
        return next((a.name.rpartition("@")[2] for a in self.accounts if "@" in a.name), None)


def target_of(
    urls: Iterable[str],
    accounts: Iterable[Account] = (),
    *,
    domain: str | None = None,
    patience: Patience | None = None,
) -> Target:
    """A Target from URLs; credentials in URLs become accounts, after those given by name.

    Raises:
        UsageError: a URL that is none, or no URL at all.
    """
    endpoints: list[Endpoint] = []
    found = list(accounts)
    for url in urls:
        endpoint, account = parse_url(url)
        endpoints.append(endpoint)
        if account is not None and account not in found:
            found.append(account)
    if not endpoints:
        raise UsageError("no server to judge: give at least one URL")
    return Target(endpoints=tuple(endpoints), accounts=tuple(found), domain=domain, patience=patience or Patience())
