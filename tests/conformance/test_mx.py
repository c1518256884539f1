"""`conformance.mx`: which hosts take mail for a domain (RFC 5321 §5.1, RFC 7505)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import permutations

import dns.resolver
import pytest

from conformance.errors import HarnessError, UsageError
from conformance.mx import MailHost, mail_endpoint, mail_hosts
from conformance.target import Endpoint
from tests.conformance.dns_server import name_server

ZONE = """
@        3600 SOA ns hostmaster 1 3600 600 86400 60
@        3600 NS  ns
ns       3600 A   127.0.0.1
several  3600 MX  20 second
several  3600 MX  5  first
several  3600 MX  30 third
first    3600 A   127.0.0.2
homes    3600 A   127.0.0.1
homes    3600 A   127.0.0.2
homes    3600 AAAA ::1
second   3600 AAAA ::1
second   3600 A   127.0.0.1
third    3600 AAAA ::1
equal    3600 MX  10 first
equal    3600 MX  10 second
equal    3600 MX  10 third
equal    3600 MX  1  ns
none     3600 A   127.0.0.1
txt      3600 TXT "no address, no MX"
null     3600 MX  0  .
mixed    3600 MX  0  .
mixed    3600 MX  9  second
alias    3600 CNAME several
lost     3600 CNAME nowhere
pointing 3600 MX  0  also
also     3600 CNAME first
away     3600 MX  1  nowhere
away     3600 MX  2  txt
away     3600 MX  3  second
astray   3600 MX  1  nowhere
astray   3600 MX  2  txt
foreign  3600 MX  1  mail.elsewhere.test.
"""


@pytest.fixture(scope="module")
def resolver() -> Iterator[str]:
    with name_server(ZONE) as address:
        yield address


def test_the_most_preferred_host_comes_first(resolver: str) -> None:
    assert mail_hosts("several.example.test", resolver=resolver) == [
        MailHost("first.example.test", 5, ("127.0.0.2",)),
        MailHost("second.example.test", 20, ("::1", "127.0.0.1")),
        MailHost("third.example.test", 30, ("::1",)),
    ]


def test_hosts_of_equal_preference_are_spread_by_the_seed(resolver: str) -> None:
    orders = {
        tuple(host.name.partition(".")[0] for host in mail_hosts("equal.example.test", resolver=resolver, seed=seed))
        for seed in range(40)
    }
    assert {order[0] for order in orders} == {"ns"}
    assert {order[1:] for order in orders} == set(permutations(("first", "second", "third")))


def test_the_same_seed_gives_the_same_order(resolver: str) -> None:
    once = mail_hosts("equal.example.test", resolver=resolver, seed=7)
    assert once == mail_hosts("equal.example.test", resolver=resolver, seed=7)


def test_a_domain_without_mx_is_its_own_mail_host(resolver: str) -> None:
    assert mail_hosts("none.example.test", resolver=resolver) == [MailHost("none.example.test", 0, ("127.0.0.1",))]


def test_every_address_of_a_host_is_found(resolver: str) -> None:
    (host,) = mail_hosts("homes.example.test", resolver=resolver)
    assert host.addresses[0] == "::1"
    assert sorted(host.addresses[1:]) == ["127.0.0.1", "127.0.0.2"]


def test_a_domain_that_is_an_alias_has_the_mail_hosts_of_its_target(resolver: str) -> None:
    assert mail_hosts("alias.example.test", resolver=resolver) == mail_hosts("several.example.test", resolver=resolver)


def test_an_mx_record_that_names_an_alias_is_told_apart(resolver: str) -> None:
    assert mail_hosts("pointing.example.test", resolver=resolver) == [
        MailHost("also.example.test", 0, ("127.0.0.2",), alias_of="first.example.test")
    ]


def test_a_host_without_an_address_is_passed_over(resolver: str) -> None:
    hosts = mail_hosts("away.example.test", resolver=resolver)
    assert [host.addresses for host in hosts] == [(), (), ("::1", "127.0.0.1")]


def test_a_null_mx_beside_others_is_no_host(resolver: str) -> None:
    assert [host.name for host in mail_hosts("mixed.example.test", resolver=resolver)] == ["second.example.test"]


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        ("null.example.test", "takes no mail"),
        ("absent.example.test", "does not exist"),
        ("lost.example.test", "does not exist"),
        ("a..b", "cannot be found"),
        ("txt.example.test", "no address record for txt.example.test"),
        ("astray.example.test", "no address record for nowhere.example.test, txt.example.test"),
        ("foreign.example.test", "cannot be found"),
    ],
)
def test_a_domain_to_which_nothing_can_be_sent_says_why(resolver: str, domain: str, why: str) -> None:
    with pytest.raises(HarnessError, match=why):
        mail_hosts(domain, resolver=resolver)


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that takes connections on 127.0.0.1 alone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_first_host_that_takes_a_connection_is_the_one(resolver: str, listening: int) -> None:
    noted: list[str] = []
    found = mail_endpoint("away.example.test", resolver=resolver, port=listening, note=noted.append)
    assert found == Endpoint("smtp", "second.example.test", listening, address="127.0.0.1")
    assert found.is_loopback
    assert [line.partition(" has no")[0].partition(":")[0] for line in noted] == [
        "nowhere.example.test",
        "txt.example.test",
        "second.example.test at ",
    ]


def test_an_alias_is_noted_and_used(resolver: str) -> None:
    noted: list[str] = []
    with socket.create_server(("127.0.0.2", 0)) as listener:
        port = listener.getsockname()[1]
        found = mail_endpoint("pointing.example.test", resolver=resolver, port=port, note=noted.append)
    assert found.address == "127.0.0.2"
    assert "also.example.test is an alias of first.example.test" in noted[0]


def test_hosts_that_all_refuse_are_no_server(resolver: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HarnessError, match=r"none\.example\.test at 127\.0\.0\.1: Connection refused"):
        mail_endpoint("none.example.test", resolver=resolver, port=port)


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
    with pytest.raises(HarnessError, match="no address record"):
        mail_hosts("example.test", resolver=resolver)
    assert set(map(str, asked)) == {str(([address], port))}
