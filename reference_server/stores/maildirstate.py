"""What the Maildir store has to keep beyond the standard, as JSON: one file for each folder and one for the account."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from reference_server.stores.uidlist import replace_file

VERSION = 1
"""Of these files; one with a greater number was written by a later release."""


class FolderState(msgspec.Struct, kw_only=True):
    """Of a folder: `flags` are those without a letter, by base name; `highest_modseq` is never below the true one."""

    version: int = VERSION
    special_uses: list[str] = []
    annotations: dict[str, bytes] = {}
    rights: dict[str, str] = {}
    flags: dict[str, list[str]] = {}
    highest_modseq: int = 0


class AccountState(msgspec.Struct, kw_only=True):
    """Of an account: the next UIDVALIDITY, and the greatest that each folder name has had (RFC 3501 §2.3.1.1)."""

    version: int = VERSION
    next_validity: int = 1
    highest_validity: dict[str, int] = {}
    annotations: dict[str, bytes] = {}
    access_keys: dict[str, bytes] = {}


class _Versioned(msgspec.Struct):
    version: int


State = TypeVar("State", FolderState, AccountState)


def load(path: Path, kind: type[State]) -> State:
    """What is in the file; the defaults if there is none.

    Raises:
        ValueError: it is damaged, or a later release's.
    """
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        return kind()
    try:
        version = msgspec.json.decode(octets, type=_Versioned).version
        if version > VERSION:
            raise ValueError(f"{path} was written by a later release: its version is {version}, not {VERSION}")
        return msgspec.json.decode(octets, type=kind)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def save(path: Path, state: FolderState | AccountState) -> None:
    """Write the file anew, in one step; it is on the disk, the name of a new one still has to be flushed."""
    replace_file(path, msgspec.json.encode(state))
