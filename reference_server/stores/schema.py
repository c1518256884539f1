"""The tables of the SQLite store, their version, and who may open them.

Octets lie apart from what is known of a message, so that a mailbox is opened without reading a single text. A body that
no message has any more may still be read by a session that was not told of the removal (RFC 2180 §4.1.1): it is noted
in `unused_body` and stays until nobody holds it, or the server starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

APPLICATION_ID = 0x6D737063
"""Marks the file as ours (`file` and `PRAGMA application_id` show it): "mspc"."""

VERSION = 2
"""Of these tables; a file with a greater one was written by a later release."""

PAGE_OCTETS = 4096
"""Small pages: a change of one flag writes one or two of them to the log."""

ACCESS_KEYS = """
CREATE TABLE access_key (
    account INTEGER NOT NULL,
    mailbox_id TEXT NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (account, mailbox_id)
) STRICT, WITHOUT ROWID;
"""

UPGRADES: Mapping[int, str] = MappingProxyType({1: ACCESS_KEYS})
"""What makes of the tables of one version those of the next."""

TABLES = f"""{ACCESS_KEYS}
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    next_validity INTEGER NOT NULL
) STRICT;
CREATE TABLE used_name (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    highest_validity INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    mailbox_id TEXT NOT NULL UNIQUE,
    special_uses TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL DEFAULT 1,
    modseq INTEGER NOT NULL DEFAULT 1,
    forgotten INTEGER NOT NULL DEFAULT 0,
    first_recent INTEGER NOT NULL DEFAULT 1,
    UNIQUE (account, name)
) STRICT;
CREATE TABLE message (
    mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    body INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    internal_date TEXT NOT NULL,
    saved_at TEXT NOT NULL,
    modseq INTEGER NOT NULL,
    flags TEXT NOT NULL,
    PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE body (id INTEGER PRIMARY KEY, octets BLOB NOT NULL) STRICT;
CREATE TABLE unused_body (id INTEGER PRIMARY KEY) STRICT;
CREATE TABLE gone (
    mailbox INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    first_uid INTEGER NOT NULL,
    last_uid INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, first_uid)
) STRICT, WITHOUT ROWID;
CREATE TABLE access (
    mailbox INTEGER NOT NULL,
    identifier TEXT NOT NULL,
    rights TEXT NOT NULL,
    PRIMARY KEY (mailbox, identifier)
) STRICT, WITHOUT ROWID;
CREATE TABLE mailbox_annotation (
    mailbox INTEGER NOT NULL,
    entry TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (mailbox, entry)
) STRICT, WITHOUT ROWID;
CREATE TABLE account_annotation (
    account INTEGER NOT NULL,
    entry TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account, entry)
) STRICT, WITHOUT ROWID;
CREATE TABLE subscription (
    account INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
"""
