"""`conformance.target` and `conformance.configuration`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.configuration import Configuration, read_configuration, target_from
from conformance.errors import UsageError
from conformance.target import SCHEMES, Account, Endpoint, parse_account, parse_url, target_of


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("smtp://mail.example", Endpoint("smtp", "mail.example", 25)),
        ("imaps://127.0.0.1:1993", Endpoint("imaps", "127.0.0.1", 1993)),
        ("pop3://[::1]:1110/", Endpoint("pop3", "::1", 1110)),
        ("submission://a@h", Endpoint("submission", "h", 587)),
    ],
)
def test_a_url_names_an_endpoint(url: str, endpoint: Endpoint) -> None:
    assert parse_url(url)[0] == endpoint
    assert parse_url(str(endpoint))[0] == endpoint


@pytest.mark.parametrize(
    "url", ["mail.example", "http://mail.example", "smtp://", "smtp://h:99999", "imap://h/INBOX", "smtp://h?x=1", ""]
)
def test_what_is_no_url_is_refused_with_a_way_out(url: str) -> None:
    with pytest.raises(UsageError):
        parse_url(url)


def test_credentials_in_a_url_become_an_account_and_leave_the_url() -> None:
    target = target_of(["imap://alice%40example.test:p%3Ass@127.0.0.1:143"])
    assert target.accounts == (Account("alice@example.test", "p:ss"),)
    assert "p:ss" not in str(target.endpoints[0])
    assert "p:ss" not in repr(target)


@given(password=st.text(max_size=20))
def test_an_account_may_have_any_password(password: str) -> None:
    assert parse_account(f"alice:{password}") == Account("alice", password)


@pytest.mark.parametrize("text", ["alice", ":secret", ""])
def test_an_account_has_a_name_and_a_password(text: str) -> None:
    with pytest.raises(UsageError, match="USER:PASSWORD"):
        parse_account(text)


def test_the_mail_domain_comes_from_the_accounts_where_it_is_not_given() -> None:
    urls = ["smtp://127.0.0.1"]
    assert target_of(urls, [Account("a", "x"), Account("b@example.test", "x")]).mail_domain == "example.test"
    assert target_of(urls, [Account("a", "x")], domain="example.org").mail_domain == "example.org"
    assert target_of(urls, [Account("a", "x")]).mail_domain is None
    assert Account("a", "x").address(None) is None


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.8.9.1", True), ("::1", True), ("localhost", True), ("x.y", False)]
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert Endpoint("smtp", host, 25).is_loopback is loopback


def test_no_url_is_no_target() -> None:
    with pytest.raises(UsageError, match="at least one URL"):
        target_of([])


def test_every_scheme_has_its_protocol() -> None:
    assert {scheme.protocol for scheme in SCHEMES.values()} == {"smtp", "lmtp", "pop3", "imap"}
    assert target_of([f"{name}://h" for name in SCHEMES]).protocols == {"smtp", "lmtp", "pop3", "imap"}


CONFIGURATION = """
domain = "example.test"
[targets.one]
urls = ["smtp://127.0.0.1:25", "imap://127.0.0.1:143"]
[[accounts]]
name = "alice"
password_file = "alice.secret"
[[accounts]]
name = "bob"
password_env = "BOB_PASSWORD"
[limits]
reply_s = 3
[[known]]
check = "smtp/x/y"
reason = "ticket 1"
"""


def test_a_configuration_gives_target_accounts_limits_and_known_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mailspec.toml").write_text(CONFIGURATION)
    (tmp_path / "alice.secret").write_text("from a file\nnot this\n")
    monkeypatch.setenv("BOB_PASSWORD", "from the environment")
    configuration = read_configuration(tmp_path / "mailspec.toml")
    target = target_from(configuration, tmp_path)
    assert target.name == "one"
    assert [endpoint.scheme for endpoint in target.endpoints] == ["smtp", "imap"]
    assert target.accounts == (Account("alice", "from a file"), Account("bob", "from the environment"))
    assert target.mail_domain == "example.test"
    assert target.patience.reply_s == 3
    assert configuration.known_findings == {"smtp/x/y": "ticket 1"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("domain = 3", "domain"),
        ("colour = 'red'", "colour"),
        ("[targets", "TOML|Expected|expected"),
        ("[[accounts]]\nname = 'a'\npassword = 'x'\npassword_env = 'Y'", "one of"),
        ("[[accounts]]\nname = 'a'", "one of"),
        ("[[accounts]]\nname = 'a'\npassword_env = 'NOT_SET_ANYWHERE'", "NOT_SET_ANYWHERE"),
        ("[[accounts]]\nname = 'a'\npassword_file = 'absent'", "cannot be read"),
    ],
)
def test_a_configuration_that_means_nothing_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mailspec.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=complaint):
        target_from(read_configuration(path), tmp_path, urls=("smtp://127.0.0.1",))


def test_several_targets_need_a_name() -> None:
    from conformance.configuration import TargetEntry

    two = Configuration(targets={"a": TargetEntry(["smtp://h"]), "b": TargetEntry(["imap://h"])})
    with pytest.raises(UsageError, match="a, b"):
        target_from(two, Path())
    assert target_from(two, Path(), urls=("b",)).endpoints == (Endpoint("imap", "h", 143),)


def test_an_absent_configuration_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_configuration(tmp_path / "absent.toml")


@pytest.mark.parametrize("url", ["alice:pw0rd@mail.example", "alice@example.test:pw0rd@mail.example:25", "//a:pw0rd@h"])
def test_a_password_in_what_is_no_url_is_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_url(url)
    assert "pw0rd" not in str(refused.value)


def test_nothing_listens_on_port_0() -> None:
    with pytest.raises(UsageError, match="port 0"):
        parse_url("smtp://127.0.0.1:0")


@pytest.mark.parametrize("name", ["mailspec.toml", "alice.secret"])
def test_a_file_that_is_not_utf_8_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "mailspec.toml").write_text("[[accounts]]\nname = 'a'\npassword_file = 'alice.secret'\n")
    (tmp_path / "alice.secret").write_text("x")
    (tmp_path / name).write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        target_from(read_configuration(tmp_path / "mailspec.toml"), tmp_path, urls=("smtp://h",))


def test_no_patience_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mailspec.toml").write_text("[limits]\nreply_s = 0\n")
    with pytest.raises(UsageError, match="reply_s"):
        read_configuration(tmp_path / "mailspec.toml")
