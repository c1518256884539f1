"""Keeping passwords out of everything that is written: transcripts, reports, logs.

What is taken out is replaced by a placeholder from which a replay, given the same accounts, makes the octets again:

    {password of alice}          the password itself, and as Python prints it in the words of a finding
    {quoted password of alice}   as an IMAP quoted string holds it
    {plain of alice}             the base64 of an AUTH PLAIN response
    {base64 of alice}            that of the password alone (AUTH LOGIN)
    {recoded …}                  other base64 with a password in it: the same, decoded, redacted and encoded again
    {base64 0:0-8 of alice}      of base64 that cannot be decoded: characters 0 to 8 of those that tell the password,
                                 which begins after 0 octets of its group of three
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from conformance.target import Account

SHORTEST = 4
"""Octets of the shortest password that is looked for everywhere. A shorter one is taken out only where the protocols
have passwords: taking it out of every word would garble everything."""

SHORTEST_SPLIT = 6
"""Octets of the shortest password that is looked for in base64 with foreign octets in between."""

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{6,}={0,2}")
_JUNK = rb"[^A-Za-z0-9+/]{0,4}"
_PLACEHOLDER = re.compile(
    rb"\{(?:(password|quoted password|plain|base64) of ([^{}]+)"
    rb"|recoded ([A-Za-z0-9+/]+={0,2})"
    rb"|base64 ([012]):([0-9]+)-([0-9]+) of ([^{}]+))\}"
)

Replace = Callable[[re.Match[bytes]], bytes]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some octets, and whether they are done: a placeholder, in which nothing more is looked for."""

    octets: bytes
    done: bool = False


def redact(octets: bytes, accounts: Iterable[Account]) -> bytes:
    """The octets without any account's password, in clear, quoted, printed or in base64, whole or damaged."""
    # The longest first: one password may begin with another.
    known = sorted((account for account in accounts if account.password), key=lambda a: len(a.password), reverse=True)
    pieces = _replaced([_Piece(octets)], _BASE64, partial(_recoded, known=known))
    for account in known:
        for pattern, replace in _patterns(account):
            pieces = _replaced(pieces, pattern, replace)
    return b"".join(piece.octets for piece in pieces)


def redact_text(text: str, accounts: Iterable[Account]) -> str:
    """The same for text, whose lone surrogates come out as escapes."""
    return redact(text.encode(errors="backslashreplace"), accounts).decode(errors="replace")


def _replaced(pieces: Iterable[_Piece], pattern: re.Pattern[bytes], replace: Replace) -> list[_Piece]:
    return [new for piece in pieces for new in ([piece] if piece.done else _cut(piece.octets, pattern, replace))]


def _cut(octets: bytes, pattern: re.Pattern[bytes], replace: Replace) -> Iterator[_Piece]:
    at = 0
    for match in pattern.finditer(octets):
        instead = replace(match)
        if instead != match[0]:
            yield _Piece(octets[at : match.start()])
            yield _Piece(instead, done=True)
            at = match.end()
    yield _Piece(octets[at:])


def _recoded(match: re.Match[bytes], known: list[Account]) -> bytes:
    """What stands for a run of base64; the run itself where no password is in it."""
    try:
        decoded = base64.b64decode(match[0], validate=True)
    except binascii.Error:
        return match[0]
    if base64.b64encode(decoded) != match[0]:  # surplus padding or stray bits, which a placeholder would lose
        return match[0]
    for account in known:
        name, password = account.name.encode(), account.password.encode()
        if decoded == b"\0" + name + b"\0" + password:
            return b"{plain of " + name + b"}"
        if decoded == password:
            return b"{base64 of " + name + b"}"
    redacted = redact(decoded, known)
    return match[0] if redacted == decoded else b"{recoded " + base64.b64encode(redacted) + b"}"


def _patterns(account: Account) -> Iterator[tuple[re.Pattern[bytes], Replace]]:
    """Where this account's password may stand outside of whole base64, and what to put there."""
    name, password = account.name.encode(), account.password.encode()
    in_clear = b"{password of " + name + b"}"
    in_quotes = b"{quoted password of " + name + b"}"
    quoted = _quoted(password)
    if len(password) < SHORTEST:
        found, in_base64 = re.escape(password), re.escape(base64.b64encode(password))
        yield re.compile(rb"(?<=(?i:PASS) )" + found + rb"(?=\r?\n)"), lambda _: in_clear
        yield re.compile(rb'(?<=")' + re.escape(quoted) + rb'(?="\r?\n)'), lambda _: in_quotes
        yield re.compile(rb"(?<=\0)" + found + rb"\Z"), lambda _: in_clear
        yield re.compile(rb"\A" + found + rb"(?=\r?\n\Z)"), lambda _: in_clear
        yield re.compile(rb"\A" + in_base64 + rb"(?=\r?\n\Z)"), lambda _: b"{base64 of " + name + b"}"
        return
    if quoted != password:
        yield re.compile(re.escape(quoted)), lambda _: in_quotes
    printed = {form for octets in (quoted, password) for form in _printed(octets)} - {password, quoted}
    for form in sorted(printed, key=len, reverse=True):
        yield re.compile(re.escape(form)), lambda _: in_clear
    yield re.compile(re.escape(password)), lambda _: in_clear
    for shift in range(3):
        core = _core(password, shift)
        yield (
            re.compile(_damaged(core) if len(password) >= SHORTEST_SPLIT else re.escape(core)),
            partial(_in_parts, name=name, shift=shift),
        )


def _quoted(octets: bytes) -> bytes:
    """The octets as they stand between the marks of an IMAP quoted string (RFC 3501 §9: quoted)."""
    return octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def _printed(octets: bytes) -> Iterator[bytes]:
    """The octets as Python prints bytes, and as it prints the text that they are."""
    yield repr(octets)[2:-1].encode()
    yield repr(octets + b"'")[2:-2].encode()  # with both marks inside, the outer ones are chosen otherwise
    text = octets.decode(errors="backslashreplace")
    yield repr(text)[1:-1].encode(errors="backslashreplace")
    yield ascii(text)[1:-1].encode()


def _core(password: bytes, shift: int) -> bytes:
    """The base64 characters that depend on the password alone, where it begins after `shift` octets of its group."""
    first, end = -(-8 * shift // 6), (8 * shift + 8 * len(password)) // 6
    return base64.b64encode(b"\0" * shift + password + b"\0\0")[first:end]


def _damaged(core: bytes) -> bytes:
    """A pattern of these characters with a few foreign octets between them, or without the last quantum's."""
    signs = [re.escape(core[at : at + 1]) for at in range(len(core))]
    pattern = b""
    for sign in reversed(signs[-3:]):
        pattern = b"(?:" + _JUNK + sign + pattern + b")?"
    return _JUNK.join(signs[:-3]) + pattern


def _in_parts(match: re.Match[bytes], name: bytes, shift: int) -> bytes:
    """Base64 with foreign octets in it: those stay, each run of characters between them becomes a placeholder."""
    parts, at = [], 0
    for part in re.split(rb"([^A-Za-z0-9+/]+)", match[0]):
        if re.match(rb"[A-Za-z0-9+/]", part):
            parts.append(b"{base64 %d:%d-%d of %s}" % (shift, at, at + len(part), name))
            at += len(part)
        else:
            parts.append(part)
    return b"".join(parts)


def restore(octets: bytes, accounts: Iterable[Account]) -> bytes:
    """The octets with the placeholders filled in from the accounts given; those of unknown accounts stay."""
    known = list(accounts)
    passwords = {account.name.encode(): account.password.encode() for account in known}

    def fill(match: re.Match[bytes]) -> bytes:
        kind, name, recoded, shift, start, end, of = match.groups()
        if recoded is not None:
            return base64.b64encode(restore(base64.b64decode(recoded), known))
        if (name or of) not in passwords:
            return bytes(match[0])
        password = passwords[name or of]
        if shift is not None:
            return _core(password, int(shift))[int(start) : int(end)]
        if kind == b"password":
            return password
        if kind == b"quoted password":
            return _quoted(password)
        return base64.b64encode(b"\0" + name + b"\0" + password if kind == b"plain" else password)

    return _PLACEHOLDER.sub(fill, octets)
