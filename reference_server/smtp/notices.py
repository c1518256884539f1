"""Delivery status notifications as messages (RFC 3464, RFC 3461 §6; RFC 6533 where an address is not ASCII)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from reference_server.smtp.dsn import decoded_xtext, readable_original
from reference_server.smtp.trace import header_of

MAX_RETURNED_OCTETS = 64 * 1024
"""Longest message that goes back whole (RFC 3461 §6.2 lets us set this), and longest header that goes back at all."""

_LONGEST_LINE_OCTETS = 998


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
    text: bytes,
    whole: bool = False,
) -> bytes:
    """A report of all these outcomes to one sender, Return-Path included, that no program answers (RFC 3834 §5).

    `envid` is in xtext; `text` is the message, of which the header goes back where it is short and of lines, or all,
    with `whole`, where that is.
    """
    said = [f"{outcome.action}: {outcome.address}" for outcome in outcomes]
    utf8 = not "".join(said).isascii() or not to.isascii() or any(not (o.orcpt or b"").isascii() for o in outcomes)
    boundary = f"=_{token}"
    returned = _returned(text, boundary.encode("ascii"), whole=whole)
    # What has parts of eight bits says so itself (RFC 2045 §6.4).
    marked = ["Content-Transfer-Encoding: 8bit"] if utf8 or not returned.isascii() else []
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
        *marked,
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
    return report + returned + b"--" + boundary.encode("ascii") + b"--\r\n"


def _returned(text: bytes, boundary: bytes, *, whole: bool) -> bytes:
    header = header_of(text)
    if whole and _is_returnable(text, boundary):
        kind, octets = b"message/rfc822" if header.isascii() else b"message/global", text
    elif header and _is_returnable(header, boundary):
        kind, octets = b"text/rfc822-headers" if header.isascii() else b"message/global-headers", header
    else:
        return b""
    encoding = b"7bit" if octets.isascii() else b"8bit"
    part = b"--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n" % (boundary, kind, encoding)
    return part + octets + b"\r\n"


def _is_returnable(octets: bytes, boundary: bytes) -> bool:
    """Whether it is short, and of lines that may stand in a message and do not end this part (RFC 2046 §5.1.1)."""
    if len(octets) > MAX_RETURNED_OCTETS or boundary in octets:
        return False
    lines = octets.split(b"\r\n")
    return not any(b"\r" in x or b"\n" in x or b"\0" in x or len(x) > _LONGEST_LINE_OCTETS for x in lines)
