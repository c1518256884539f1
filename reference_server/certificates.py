"""A certificate made at start, with a certificate authority of its own that clients can be told to trust.

Names: localhost, mail.example.test, 127.0.0.1 and ::1, so that a client that verifies (RFC 6125, RFC 7817) can.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache

import trustme

NAMES = ("localhost", "mail.example.test", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server needs to speak TLS, and what a client needs to believe it."""

    context: ssl.SSLContext
    ca_pem: bytes


@cache
def certificate() -> Certificate:
    """The certificate of this process; made at the first call, never written to a file that stays."""
    authority = trustme.CA(organization_name="mailspec reference server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert(*NAMES).configure_cert(context)
    return Certificate(context, authority.cert_pem.bytes())
