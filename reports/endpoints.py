"""Host and port of a recorded endpoint URL, for evidence that has to name them."""

from __future__ import annotations

from urllib.parse import urlsplit

PORTS = {
    "smtp": 25,
    "smtps": 465,
    "submission": 587,
    "submissions": 465,
    "lmtp": 24,
    "pop3": 110,
    "pop3s": 995,
    "imap": 143,
    "imaps": 993,
}
"""Ports by scheme where the URL names none (RFC 5321, 6409, 8314, 1939, 9051; 24 is the usual one for LMTP)."""


def host_and_port(url: str) -> tuple[str, int]:
    """Where the URL points; an empty host or port 0 where it does not say."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", 0
