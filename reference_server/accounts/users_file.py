"""The users file of `mailspec serve --users`: TOML, one `[[user]]` table for each user (docs/users.md describes it)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reference_server.accounts.scram_keys import DIGESTS, SALT_OCTETS, derive, parse
from reference_server.accounts.user import User
from reference_server.saslprep import prepare
from reference_server.stores import Limits

_TEXTS = ("address", "password", "token")
_LISTS = ("scram", "certificate_names", "aliases")
_NUMBERS = ("storage_octets", "messages", "message_octets")


def read(path: Path) -> list[User]:
    """The users in a file, in its order. No message repeats a value: it might be a password.

    Raises:
        ValueError: it is not TOML, or not of the documented form.
        OSError: it cannot be read.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not TOML: not UTF-8") from None
    tables = content.pop("user", [])
    if content or not isinstance(tables, list):
        raise ValueError(f"{path}: there is nothing in it but [[user]] tables")
    users = []
    for number, table in enumerate(tables, 1):
        try:
            users.append(user_from(table))
        except ValueError as error:
            raise ValueError(f"{path}, user {number}: {error}") from None
    return users


def user_from(table: object) -> User:
    """One user.

    Raises:
        ValueError: a key is unknown or missing, or its value of the wrong kind.
    """
    if not isinstance(table, dict):
        raise ValueError("write [[user]]")
    if unknown := sorted(set(table) - {*_TEXTS, *_LISTS, *_NUMBERS}):
        raise ValueError(f"there is no key {', '.join(unknown)}")
    if "address" not in table:
        raise ValueError("the address is missing")
    texts = {key: _text(table, key) for key in _TEXTS}
    lists = {key: _list(table, key) for key in _LISTS}
    limits = {key: _number(table, key) for key in _NUMBERS}
    return User(
        address=texts["address"] or "",
        password=texts["password"],
        scram_keys=[parse(text) for text in lists["scram"]],
        token=texts["token"],
        certificate_names=lists["certificate_names"],
        aliases=lists["aliases"],
        limits=Limits(**limits),
    )


def hashed(password: str) -> str:
    """The line of a users file that stands for this password; a new salt each time.

    Raises:
        ValueError: the password cannot be prepared (RFC 4013 §2.3).
    """
    octets = prepare(password).encode()
    keys = ", ".join(f'"{derive(scheme, octets, salt=os.urandom(SALT_OCTETS)).text()}"' for scheme in DIGESTS)
    return f"scram = [{keys}]"


def _text(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is a string, and not an empty one")
    return value


def _list(table: Mapping[str, Any], key: str) -> list[str]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"{key} is a list of strings, none of them empty")
    return values


def _number(table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{key} is a whole number, not negative")
    return value
