"""Trace header fields that a delivering server adds: Return-Path and Received (RFC 5321 §4.4, RFC 3848)."""

from __future__ import annotations

import math
import re
from datetime import datetime, tzinfo
from email.utils import format_datetime
from functools import lru_cache

from reference_server.smtp.labels import in_u_labels

_RETURN_PATH = re.compile(rb"^return-path:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)


def header_of(text: bytes) -> bytes:
    """The header section of a message, its last CRLF included (RFC 5322 §2.1).

    A message that begins with an empty line has none; one without an empty line is all header.
    """
    if text.startswith(b"\r\n"):
        return b""
    end = text.find(b"\r\n\r\n")
    return text if end < 0 else text[: end + 2]


def without_return_path(text: bytes) -> bytes:
    """The message without Return-Path fields of earlier hops, so that ours is the only one (RFC 5321 §4.4)."""
    header = header_of(text)
    if b"return-path" not in header.lower():
        return text
    rest = _RETURN_PATH.sub(b"", header)
    return text if len(rest) == len(header) else rest + text[len(header) :]


def return_path(written: bytes) -> bytes:
    """`Return-Path:` with the reverse-path as it is written in the envelope, source route removed."""
    return b"Return-Path: " + written + b"\r\n"


def address_literal(peer: str) -> str:
    """An IP address as an address literal (RFC 5321 §4.1.3)."""
    return f"[IPv6:{peer}]" if ":" in peer else f"[{peer}]"


def with_protocol(*, lmtp: bool, extended: bool, tls: bool, authenticated: bool, utf8: bool) -> str:
    """The registered name for the `with` clause (RFC 3848; RFC 6531 §4.3 where SMTPUTF8 was used)."""
    if not extended:
        return "SMTP"
    name = ("UTF8" if utf8 else "") + ("LMTP" if lmtp else "SMTP" if utf8 else "ESMTP")
    return name + ("S" if tls else "") + ("A" if authenticated else "")


def received(
    *,
    client: str,
    peer: str,
    hostname: str,
    protocol: str,
    token: str,
    recipient: bytes | None,
    date: datetime,
    utf8: bool = False,
) -> bytes:
    """`Received:` for one message, folded so that each line stays short.

    Time-stamp-line = "Received:" FWS From-domain By-domain Opt-info [CFWS] ";" FWS date-time. `client` is what the
    client called itself; `recipient` is the only one there is, or None, since several would give away a blind copy
    (RFC 5321 §7.2). With `utf8`, domains are shown in Unicode.
    """
    if utf8:
        client, hostname = in_u_labels(client), in_u_labels(hostname)
    return b"%s%s%s%s;\r\n\t%s\r\n" % (
        _path_so_far(client, peer, hostname, protocol),
        token.encode("ascii"),
        b"\r\n\tfor " if recipient else b"",
        recipient or b"",
        _written(math.floor(date.timestamp()), date.tzinfo),
    )


@lru_cache(maxsize=256)  # the same for all messages of a session
def _path_so_far(client: str, peer: str, hostname: str, protocol: str) -> bytes:
    return f"Received: from {client} ({address_literal(peer)})\r\n\tby {hostname} with {protocol} id ".encode()


@lru_cache(maxsize=16)  # many messages come within one second
def _written(second: int, zone: tzinfo | None) -> bytes:
    return format_datetime(datetime.fromtimestamp(second, zone)).encode("ascii")
