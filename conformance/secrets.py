"""Keeping passwords out of everything that is written: transcripts, reports, logs.

What is taken out is replaced by a placeholder from which a replay, given the same accounts, makes the octets again:
`{password of alice}` for the password itself, `{plain of alice}` for the base64 of an AUTH PLAIN response, and
`{base64 of alice}` for that of a password alone (AUTH LOGIN).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from conformance.target import Account

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{8,}={0,2}")
_PLACEHOLDER = re.compile(rb"\{(password|plain|base64) of ([^{}]+)\}")
SHORTEST = 4
"""Octets of the shortest password that is looked for by itself: taking out a shorter one would garble everything."""


def redact(octets: bytes, accounts: Iterable[Account]) -> bytes:
    """The octets without any account's password, in clear or in base64."""
    for account in accounts:
        password = account.password.encode()
        if not password:
            continue
        name = account.name.encode()

        def in_base64(match: re.Match[bytes], password: bytes = password, name: bytes = name) -> bytes:
            try:
                decoded = base64.b64decode(match[0], validate=True)
            except binascii.Error:
                return match[0]
            if decoded == b"\0" + name + b"\0" + password:
                return b"{plain of " + name + b"}"
            if decoded == password:
                return b"{base64 of " + name + b"}"
            return b"{base64 with the password of " + name + b"}" if password in decoded else match[0]

        octets = _BASE64.sub(in_base64, octets)
        if len(password) >= SHORTEST:
            octets = octets.replace(password, b"{password of " + name + b"}")
    return octets


def restore(octets: bytes, accounts: Iterable[Account]) -> bytes:
    """The octets with the placeholders filled in from the accounts given; those of unknown accounts stay."""
    passwords = {account.name.encode(): account.password.encode() for account in accounts}

    def fill(match: re.Match[bytes]) -> bytes:
        kind, name = match[1], match[2]
        if name not in passwords:
            return match[0]
        if kind == b"password":
            return passwords[name]
        plain = b"\0" + name + b"\0" + passwords[name] if kind == b"plain" else passwords[name]
        return base64.b64encode(plain)

    return _PLACEHOLDER.sub(fill, octets)
