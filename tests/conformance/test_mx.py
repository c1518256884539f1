"""`conformance.mx`: which hosts take mail for a domain (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

from collections.abc import Iterator

import dns.resolver
import pytest

from conformance.errors import HarnessError, UsageError
from conformance.mx import mail_hosts
from tests.conformance.dns_server import name_server

ZONE = """
@        3600 SOA ns hostmaster 1 3600 600 86400 60
@        3600 NS  ns
several  3600 MX  20 second
several  3600 MX  5  first.elsewhere.test.
several  3600 MX  30 third
none     3600 A   127.0.0.1
null     3600 MX  0  .
"""


@pytest.fixture(scope="module")
def resolver() -> Iterator[str]:
    with name_server(ZONE) as address:
        yield address


def test_the_most_preferred_host_comes_first(resolver: str) -> None:
    assert mail_hosts("several.example.test", resolver=resolver) == [
        "first.elsewhere.test",
        "second.example.test",
        "third.example.test",
    ]


def test_a_domain_without_mx_is_its_own_mail_host(resolver: str) -> None:
    assert mail_hosts("none.example.test", resolver=resolver) == ["none.example.test"]


@pytest.mark.parametrize(
    ("domain", "why"),
    [("null.example.test", "takes no mail"), ("absent.example.test", "does not exist"), ("a..b", "cannot be found")],
)
def test_a_domain_to_which_nothing_can_be_sent_says_why(resolver: str, domain: str, why: str) -> None:
    with pytest.raises(HarnessError, match=why):
        mail_hosts(domain, resolver=resolver)


def test_a_name_server_that_refuses_is_no_answer(resolver: str) -> None:
    with pytest.raises(HarnessError, match="cannot be found"):
        mail_hosts("elsewhere.test", resolver=resolver)


@pytest.mark.parametrize("resolver", ["ns.example.test", "127.0.0.1:many", "127.0.0.1:99999", "", "[::1"])
def test_a_resolver_is_an_address(resolver: str) -> None:
    with pytest.raises(UsageError, match="ADDRESS"):
        mail_hosts("example.test", resolver=resolver)


@pytest.mark.parametrize(
    ("resolver", "address", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 53),
        ("::1", "::1", 53),
        ("[::1]:5353", "::1", 5353),
        ("127.0.0.1:54", "127.0.0.1", 54),
    ],
)
def test_a_resolver_may_have_a_port(monkeypatch: pytest.MonkeyPatch, resolver: str, address: str, port: int) -> None:
    asked: list[tuple[list[object], int]] = []

    def resolve(self: dns.resolver.Resolver, *_: object) -> None:
        asked.append((list(self.nameservers), self.port))
        raise dns.resolver.NoAnswer

    monkeypatch.setattr(dns.resolver.Resolver, "resolve", resolve)
    mail_hosts("example.test", resolver=resolver)
    assert asked == [([address], port)]
