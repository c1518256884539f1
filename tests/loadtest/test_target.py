"""URLs, accounts and recipients: what may be named, and what a typing error cannot do."""

from __future__ import annotations

import socket

import pytest

from loadtest.planning import Options, plan_from
from loadtest.scenarios.table import ROLES
from loadtest.target import (
    Account,
    Address,
    Target,
    TargetError,
    addresses_of,
    check_recipients,
    checked_address,
    parse_account,
    parse_target,
)


@pytest.mark.parametrize(
    ("text", "target", "account"),
    [
        ("smtp://127.0.0.1:2525", Target("smtp", "127.0.0.1", 2525), None),
        ("smtp://localhost/", Target("smtp", "localhost", 25), None),
        ("smtps://[::1]", Target("smtps", "::1", 465), None),
        ("submission://a:b@h", Target("submission", "h", 587), Account("a", "b")),
        ("submissions://a%40x.test:p%3A%2F@h:1", Target("submissions", "h", 1), Account("a@x.test", "p:/")),
    ],
)
def test_a_url_names_target_and_account(text: str, target: Target, account: Account | None) -> None:
    assert parse_target(text, ROLES["smtp"]) == (target, account)


def test_a_targets_text_has_no_credentials_and_reads_back() -> None:
    target, account = parse_target("smtp://alice:secret@[::1]:99", ROLES["smtp"])
    assert str(target) == "smtp://[::1]:99"
    assert parse_target(str(target), ROLES["smtp"]) == (target, None)
    assert "secret" not in repr(account)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:25",
        "http://h",
        "imap://h",
        "smtp://",
        "smtp://h:0",
        "smtp://h:99999",
        "smtp://h:secret",
        "smtp://h/path",
        "smtp://h?secret",
        "smtp://h#f",
        "smtp://:secret@h",
        "smtp://user@h",
        "smtp://[::1",
        "smtp://u:secret%00@h",
    ],
)
def test_what_is_no_servers_url_is_refused_without_repeating_a_password(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        parse_target(text, ROLES["smtp"])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["alice", ":secret", ""])
def test_an_account_needs_a_name_and_a_colon(text: str) -> None:
    with pytest.raises(TargetError, match="USER:PASSWORD"):
        parse_account(text)


def test_a_password_may_hold_colons_and_may_be_empty() -> None:
    assert parse_account("alice:a:b") == Account("alice", "a:b")
    assert parse_account("alice:") == Account("alice", "")


def test_an_accounts_address_is_its_name_completed_by_the_domain() -> None:
    accounts = [Account("alice@one.test", ""), Account("bob", "")]
    assert addresses_of(accounts, domain="two.test") == ["alice@one.test", "bob@two.test"]
    with pytest.raises(TargetError, match="add --domain"):
        addresses_of(accounts, domain=None)


@pytest.mark.parametrize(
    "recipient", ["a@own.net", "A@OWN.NET", "a@example.test", "a@x.example", "a@example.com", "a@mx.example.org"]
)
def test_load_may_be_put_on_own_domains_and_on_those_reserved_for_tests(recipient: str) -> None:
    assert check_recipients([recipient], own_domains=["own.net"]) == [recipient]


@pytest.mark.parametrize("recipient", ["a@stranger.net", "a@notexample.com", "a@sub.own.net", "a@own.net.evil.net"])
def test_strangers_are_never_written_to(recipient: str) -> None:
    with pytest.raises(TargetError, match="outside the test domains"):
        check_recipients([recipient], own_domains=["own.net"])


@pytest.mark.parametrize(
    "text", ["", "a", "@b", "a@", "a b@c", "a@b>\r\nDATA", "a@b\r\n", "ä@b.test", '"a"@b.test', "<a@b>"]
)
def test_an_address_cannot_bring_a_command_along(text: str) -> None:
    with pytest.raises(TargetError, match="no plain mail address"):
        checked_address(text)


@pytest.mark.parametrize(
    ("family", "host", "loopback"),
    [
        (socket.AF_INET, "127.0.0.1", True),
        (socket.AF_INET, "127.9.9.9", True),
        (socket.AF_INET6, "::1", True),
        (socket.AF_INET, "0.0.0.0", False),
        (socket.AF_INET, "10.0.0.1", False),
        (socket.AF_INET6, "fe80::1%2", False),
    ],
)
def test_loopback_is_told_by_the_address(family: socket.AddressFamily, host: str, *, loopback: bool) -> None:
    assert Address(family, (host, 25)).is_loopback is loopback


def test_a_name_is_resolved_to_addresses_that_sockets_take() -> None:
    (address,) = Target("smtp", "127.0.0.1", 25).resolve()
    assert address == Address(socket.AF_INET, ("127.0.0.1", 25))


def test_a_url_without_a_scheme_is_told_which_to_write() -> None:
    for text in ("127.0.0.1:2525", "localhost:2525", "alice:hidden@mx.example.test"):
        with pytest.raises(TargetError, match="a URL begins with its scheme: write smtp://") as caught:
            parse_target(text, ("smtp", "smtps"))
        assert "hidden" not in str(caught.value)


def test_a_host_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(self: Target) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(Target, "resolve", resolve)
    with pytest.raises(OSError, match=r"mx\.example\.test has no address: Name or service not known"):
        plan_from(Options(scenario="relay", urls=("smtp://mx.example.test",)), until_ended=False)
