"""Where the load goes, and as whom: URLs, accounts, and the rule on who may be written to (RFC 3986, RFC 2606)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote, urlsplit

from reports.endpoints import PORTS

IMPLICIT_TLS = frozenset({"smtps", "submissions", "pop3s", "imaps"})

DEFAULT_RECIPIENT = "alice@example.test"
"""Who is written to where nothing else is said: an account of `mailspec serve`, in a domain that never leads out."""

DEFAULT_SENDER = "load@client.example"
"""Who writes where no account does."""

_RESERVED = ("test", "example", "invalid", "localhost", "example.com", "example.net", "example.org")


class TargetError(ValueError):
    """A URL, an account or a recipient cannot be used; the text says what to write instead."""


class TlsUse(Enum):
    """When a connection in clear is secured by STARTTLS (RFC 3207)."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who logs in. The password never shows in a repr."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """A resolved address, as `socket` takes it. Each connection goes to exactly what was looked at beforehand."""

    family: socket.AddressFamily
    sockaddr: tuple[str | int, ...]

    @property
    def is_loopback(self) -> bool:
        """Whether octets for it stay on this machine."""
        host = str(self.sockaddr[0])
        # A scope (fe80::1%eth0) is never loopback's.
        return "%" not in host and ipaddress.ip_address(host).is_loopback


@dataclass(frozen=True, slots=True)
class Target:
    """One listening server. `str()` is its URL, which never holds credentials."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def implicit_tls(self) -> bool:
        """Whether TLS comes before the first octet (RFC 8314 §3)."""
        return self.scheme in IMPLICIT_TLS

    def resolve(self) -> list[Address]:
        """All addresses of the host, in the resolver's order.

        Raises:
            OSError: there are none.
        """
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]  # type: ignore[arg-type]


def parse_target(text: str, schemes: Iterable[str]) -> tuple[Target, Account | None]:
    """The target and the account in `scheme://[user:password@]host[:port]`.

    Raises:
        TargetError: it is no such URL, or its scheme is not among `schemes`. The text has no password in it.
    """
    allowed = tuple(schemes)
    form = f"write {allowed[0]}://[user:password@]host[:port]"
    form += f", or {', '.join(allowed[1:])} for {allowed[0]}" if allowed[1:] else ""
    if "://" not in text:
        raise TargetError(f"a URL begins with its scheme: {form}")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TargetError(f"not a URL; {form}") from error
    if parts.scheme not in allowed:
        raise TargetError(f"{parts.scheme}:// is not for this scenario; {form}")
    if not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise TargetError(f"not a server's URL; {form}")
    if port == 0:
        raise TargetError(f"port 0 is nobody's; {form}")
    account = None
    if parts.username is not None:
        if not parts.username or parts.password is None:
            raise TargetError(f"an account needs a name and a password; {form}")
        account = _account(unquote(parts.username), unquote(parts.password))
    return Target(parts.scheme, host, port or PORTS[parts.scheme]), account


def parse_account(text: str) -> Account:
    """The account in `USER:PASSWORD`.

    Raises:
        TargetError: there is no colon or no name.
    """
    name, colon, password = text.partition(":")
    if not name or not colon:
        raise TargetError("write --account USER:PASSWORD")
    return _account(name, password)


def _account(name: str, password: str) -> Account:
    if "\0" in name or "\0" in password:
        raise TargetError("a name or password with NUL in it cannot be sent (RFC 4616 §2)")
    return Account(name, password)


def addresses_of(accounts: Sequence[Account], *, domain: str | None) -> list[str]:
    """The mail address of each account: its name, completed by the domain where it has none.

    Raises:
        TargetError: a name has no domain and none is given, or it makes no address.
    """
    addresses = []
    for account in accounts:
        if "@" not in account.name and not domain:
            raise TargetError(f"the account {account.name} has no domain: add --domain, or give its whole address")
        addresses.append(checked_address(account.name if "@" in account.name else f"{account.name}@{domain}"))
    return addresses


def checked_address(text: str) -> str:
    """The text, if it is a plain `local-part@domain` that can be put into a command as it stands.

    Raises:
        TargetError: it is not.
    """
    local_part, at, domain = text.rpartition("@")
    printable = text.isascii() and text.isprintable() and not set(text) & set(' <>"\\')
    if not (local_part and at and domain and printable):
        raise TargetError(f"{text!r} is no plain mail address such as alice@example.test")
    return text


def check_recipients(recipients: Iterable[str], *, own_domains: Iterable[str]) -> list[str]:
    """The recipients, if load may be put on them: each in a domain of the accounts', one named with `--domain`, or one
    that RFC 2606 reserves for tests and that no mail ever reaches. A typing error must not flood a stranger.

    Raises:
        TargetError: one of them is somewhere else, or is no address.
    """
    own = {domain.lower() for domain in own_domains}
    checked = [checked_address(recipient) for recipient in recipients]
    for recipient in checked:
        domain = recipient.rpartition("@")[2].lower()
        reserved = any(domain == name or domain.endswith(f".{name}") for name in _RESERVED)
        if domain not in own and not reserved:
            raise TargetError(f"{recipient} is outside the test domains; add --domain {domain} if that is your own")
    return checked
