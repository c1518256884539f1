"""Delivery status notifications as messages (RFC 3464, RFC 3461 §6; RFC 6533 where an address is not ASCII)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from reference_server.smtp.dsn import decoded_xtext, readable_original

MAX_RETURNED_OCTETS = 64 * 1024
"""Longest header that goes back with a notification; a longer one is left out, as RFC 3464 §2 allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the message for one recipient: `action` and `status` as in RFC 3464 §2.3.3, §2.3.4."""

    address: str
    orcpt: bytes | None
    action: str
    status: str


def _type_of(address: str) -> str:
    return "rfc822" if address.isascii() else "utf-8"


def _fields_of(outcome: Outcome, *, utf8: bool) -> list[str]:
    original = [f"Original-Recipient: {readable_original(outcome.orcpt, utf8=utf8)}"] if outcome.orcpt else []
    return [
        *original,
        f"Final-Recipient: {_type_of(outcome.address)};{outcome.address}",
        f"Action: {outcome.action}",
        f"Status: {outcome.status}",
        "",
    ]


def notification(
    outcomes: Sequence[Outcome],
    *,
    to: str,
    postmaster: str,
    hostname: str,
    token: str,
    date: datetime,
    envid: bytes | None,
    header: bytes,
) -> bytes:
    """A report of all these outcomes to one sender, Return-Path included, that no program answers (RFC 3834 §5).

    `envid` is in xtext; `header` is that of the message, and goes back where it is short and of lines.
    """
    said = [f"{outcome.action}: {outcome.address}" for outcome in outcomes]
    utf8 = not "".join(said).isascii() or not to.isascii() or any(not (o.orcpt or b"").isascii() for o in outcomes)
    boundary = f"=_{token}"
    envelope = [f"Original-Envelope-Id: {decoded_xtext(envid).decode('ascii')}"] if envid is not None else []
    lines = [
        "Return-Path: <>",
        f"From: Mail delivery <{postmaster}>",
        f"To: <{to}>",
        f"Subject: Delivery status: {outcomes[0].action}",
        f"Date: {format_datetime(date)}",
        f"Message-ID: <{token}@{hostname}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status;",
        f'\tboundary="{boundary}"',
        "",
        f"--{boundary}",
        f"Content-Type: text/plain; charset={'utf-8' if utf8 else 'us-ascii'}",
        f"Content-Transfer-Encoding: {'8bit' if utf8 else '7bit'}",
        "",
        *said,
        "",
        f"--{boundary}",
        f"Content-Type: message/{'global-' if utf8 else ''}delivery-status",
        f"Content-Transfer-Encoding: {'8bit' if utf8 else '7bit'}",
        "",
        *envelope,
        f"Reporting-MTA: dns;{hostname}",
        f"Arrival-Date: {format_datetime(date)}",
        "",
    ]
    for outcome in outcomes:
        lines += _fields_of(outcome, utf8=utf8)
    report = "\r\n".join(lines).encode("utf-8") + b"\r\n"
    return report + _returned(header, boundary.encode("ascii")) + b"--" + boundary.encode("ascii") + b"--\r\n"


def _returned(header: bytes, boundary: bytes) -> bytes:
    lines = header.split(b"\r\n")
    if not header or len(header) > MAX_RETURNED_OCTETS or any(b"\r" in x or b"\n" in x or b"\0" in x for x in lines):
        return b""
    kind, encoding = (b"text/rfc822-headers", b"7bit") if header.isascii() else (b"message/global-headers", b"8bit")
    part = b"--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n" % (boundary, kind, encoding)
    return part + header.removesuffix(b"\r\n") + b"\r\n\r\n"
