"""The users file: what it may say, and that no mistake in it brings a secret to light (RFC 5803)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from reference_server.accounts import Directory, User
from reference_server.accounts.users_file import _LISTS, _NUMBERS, _TEXTS, hashed, read
from reference_server.stores import Limits

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "users.md").read_text("utf-8")


def written(folder: Path, text: str) -> Path:
    path = folder / "users.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_file_may_say_everything_about_a_user(tmp_path: Path) -> None:
    line = hashed("pässword")
    users = read(
        written(
            tmp_path,
            f"""
            [[user]]
            address = "alice@example.test"
            password = "secret"
            token = "t0ken"
            aliases = ["a.smith@example.test"]
            certificate_names = ["Alice Smith"]
            storage_octets = 50_000_000
            messages = 10_000
            message_octets = 1_000_000
            [[user]]
            address = "bob@other.test"
            {line}
            [[user]]
            address = "nobody@other.test"
            """,
        )
    )
    assert users[0] == User(
        address="alice@example.test",
        password="secret",
        scram_keys=[],
        token="t0ken",
        aliases=["a.smith@example.test"],
        certificate_names=["Alice Smith"],
        limits=Limits(storage_octets=50_000_000, messages=10_000, message_octets=1_000_000),
    )
    directory = Directory(users)
    assert directory.verify("alice", "secret") == "alice@example.test"
    assert directory.verify("bob", "pa\u0308ssword") == "bob@other.test"
    assert [user.limits for user in directory][1:] == [Limits(), Limits()]
    assert read(written(tmp_path, "")) == []


def test_the_documented_keys_are_those_that_there_are(tmp_path: Path) -> None:
    example = tomllib.loads(DOCUMENTED.split("```toml\n")[1].split("```")[0])
    example["user"][1]["scram"] = []
    keys = {key for table in example["user"] for key in table}
    assert keys == {*_TEXTS, *_LISTS, *_NUMBERS}
    text = "".join(f"[[user]]\naddress = {table['address']!r}\n" for table in example["user"])
    assert len(read(written(tmp_path, text))) == 2


def test_a_password_is_hashed_anew_each_time() -> None:
    lines = {hashed("secret") for _ in range(3)}
    assert len(lines) == 3
    assert not [line for line in lines if "secret" in line]
    with pytest.raises(ValueError, match="prohibited"):
        hashed("\a")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("password = hidden", "not TOML"),
        ('password = "hidden"', "nothing in it but"),
        ("user = 1", "nothing in it but"),
        ("user = [1]", r"user 1: write \[\[user\]\]"),
        ("[[user]]", "user 1: the address is missing"),
        ('[[user]]\naddress = "a@b.test"\n[[user]]\naddress = ""', "user 2: address is a string"),
        ('[[user]]\naddress = "a@b.test"\npasword = "hidden"', "user 1: there is no key pasword"),
        ('[[user]]\naddress = "a@b.test"\npassword = ["hidden"]', "user 1: password is a string"),
        ('[[user]]\naddress = "a@b.test"\ntoken = 1', "token is a string"),
        ('[[user]]\naddress = "a@b.test"\nscram = "hidden"', "scram is a list"),
        ('[[user]]\naddress = "a@b.test"\nscram = ["hidden"]', "RFC 5803"),
        ('[[user]]\naddress = "a@b.test"\naliases = [""]', "aliases is a list"),
        ('[[user]]\naddress = "a@b.test"\naliases = [1]', "aliases is a list"),
        ('[[user]]\naddress = "a@b.test"\nmessages = -1', "messages is a whole number"),
        ('[[user]]\naddress = "a@b.test"\nmessages = true', "messages is a whole number"),
        ('[[user]]\naddress = "a@b.test"\nmessages = "hidden"', "messages is a whole number"),
    ],
)
def test_a_mistake_is_named_without_its_value(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        read(written(tmp_path, text))
    assert "hidden" not in str(raised.value)


def test_what_is_no_text_is_no_users_file(tmp_path: Path) -> None:
    (tmp_path / "users.toml").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="not UTF-8"):
        read(tmp_path / "users.toml")
    with pytest.raises(OSError, match="nowhere"):
        read(tmp_path / "nowhere")
