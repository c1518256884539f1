"""`mailspec.toml`: targets, accounts, limits and known findings, so that a command line need not repeat them.

domain = "example.org"
[targets.staging]
urls = ["smtp://mx.staging.example.org", "imap://mail.staging.example.org"]
[[accounts]]
name = "alice@example.org"
password_file = "alice.secret"        # or password = "…", or password_env = "ALICE_PASSWORD"
[limits]
reply_s = 20
[[known]]
check = "smtp/transparency/keeps_every_line"
reason = "upstream bug 1234, fixed in 3.9"
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import msgspec

from conformance.errors import UsageError
from conformance.target import Account, Target, parse_account, target_of
from conformance.wire.connection import Patience

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class AccountEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One test user; exactly one of the three ways to give the password."""

    name: str
    password: str | None = None
    password_file: str | None = None
    password_env: str | None = None


class TargetEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One mail system by its URLs."""

    urls: list[str]


class LimitsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The judge's patience; seconds."""

    connect_s: Seconds = 5.0
    reply_s: Seconds = 10.0
    delivery_s: Seconds = 20.0


class KnownEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finding that is known, with the reason why it is lived with."""

    check: str
    reason: str


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole `mailspec.toml`."""

    domain: str | None = None
    targets: dict[str, TargetEntry] = {}
    accounts: list[AccountEntry] = []
    limits: LimitsEntry = LimitsEntry()
    known: list[KnownEntry] = []

    @property
    def known_findings(self) -> Mapping[str, str]:
        """Reasons by check id."""
        return MappingProxyType({entry.check: entry.reason for entry in self.known})


def read_configuration(path: Path) -> Configuration:
    """Read a configuration file.

    Raises:
        UsageError: it cannot be read, is not TOML, or has a key that means nothing.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Configuration)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{path}: {error}") from error


def account_of(entry: AccountEntry, folder: Path) -> Account:
    """The account with its password read from where the entry says; relative files lie beside the configuration.

    Raises:
        UsageError: no password or more than one is given, or it cannot be read.
    """
    ways = [way for way in (entry.password, entry.password_file, entry.password_env) if way is not None]
    if len(ways) != 1:
        raise UsageError(f"account {entry.name}: give one of password, password_file and password_env")
    if entry.password is not None:
        return Account(entry.name, entry.password)
    if entry.password_env is not None:
        if entry.password_env not in os.environ:
            raise UsageError(f"account {entry.name}: the environment has no {entry.password_env}")
        return Account(entry.name, os.environ[entry.password_env])
    return Account(entry.name, read_password(folder / str(entry.password_file)))


def read_password(path: Path) -> str:
    """The first line of a file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8") from error


def accounts_given(texts: Iterable[str], password_file: Path | None) -> tuple[Account, ...]:
    """The accounts that a command line means by USER:PASSWORD, or by USER where a file has the password.

    Raises:
        UsageError: one is written in another way, or the file cannot be read.
    """
    return tuple(
        parse_account(text) if password_file is None or ":" in text else Account(text, read_password(password_file))
        for text in texts
    )


def target_from(
    configuration: Configuration,
    folder: Path,
    *,
    urls: tuple[str, ...] = (),
    accounts: tuple[Account, ...] = (),
    domain: str | None = None,
) -> Target:
    """The target of a run; what the command line gives goes before what the file says.

    A URL without a scheme names a target of the file. With no URL at all, the file's only target is meant.

    Raises:
        UsageError: no or several targets could be meant, or one is unknown.
    """
    chosen: list[str] = []
    name = ""
    for url in urls:
        if url in configuration.targets:
            chosen += configuration.targets[url].urls
            name = url
        else:
            chosen.append(url)
    if not chosen and len(configuration.targets) == 1:
        name, entry = next(iter(configuration.targets.items()))
        chosen = entry.urls
    if not chosen and len(configuration.targets) > 1:
        raise UsageError(f"which target? name one of {', '.join(sorted(configuration.targets))}")
    limits = configuration.limits
    found = accounts or tuple(account_of(entry, folder) for entry in configuration.accounts)
    target = target_of(
        chosen,
        found,
        domain=domain or configuration.domain,
        patience=Patience(connect_s=limits.connect_s, reply_s=limits.reply_s),
    )
    return Target(
        endpoints=target.endpoints,
        accounts=target.accounts,
        domain=target.domain,
        name=name,
        patience=target.patience,
        delivery_s=limits.delivery_s,
    )
