"""Server side of SASL (RFC 4422), sans-IO and the same for SMTP, POP3 and IMAP: one module for each mechanism family.

`server.SaslServer` is what a core inherits: which mechanisms are offered when, and what proves who. `exchange.Exchange`
is one dialogue; a mechanism is a subclass of it, and `MECHANISMS` is the table of them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reference_server.sasl.bearer import OAuthBearer, XOAuth2
from reference_server.sasl.cram_md5 import CramMd5
from reference_server.sasl.exchange import (
    CANCEL,
    EMPTY_INITIAL_RESPONSE,
    MAX_LINE_OCTETS,
    Authority,
    Challenge,
    Exchange,
    Failure,
    Kind,
    Need,
    Step,
    Success,
    decode_base64,
)
from reference_server.sasl.external import External
from reference_server.sasl.plain import Login, Plain
from reference_server.sasl.scram import ScramSha1, ScramSha1Plus, ScramSha256, ScramSha256Plus

MECHANISMS: Mapping[str, type[Exchange]] = MappingProxyType(
    {
        "EXTERNAL": External,
        "SCRAM-SHA-256-PLUS": ScramSha256Plus,
        "SCRAM-SHA-1-PLUS": ScramSha1Plus,
        "SCRAM-SHA-256": ScramSha256,
        "SCRAM-SHA-1": ScramSha1,
        "OAUTHBEARER": OAuthBearer,
        "XOAUTH2": XOAuth2,
        "PLAIN": Plain,
        "LOGIN": Login,
        "CRAM-MD5": CramMd5,
    }
)
"""Mechanism names in capitals, in the order in which they are offered: what a client should rather use comes first."""

__all__ = [
    "CANCEL",
    "EMPTY_INITIAL_RESPONSE",
    "MAX_LINE_OCTETS",
    "MECHANISMS",
    "Authority",
    "Challenge",
    "CramMd5",
    "Exchange",
    "External",
    "Failure",
    "Kind",
    "Login",
    "Need",
    "OAuthBearer",
    "Plain",
    "ScramSha1",
    "ScramSha1Plus",
    "ScramSha256",
    "ScramSha256Plus",
    "Step",
    "Success",
    "XOAuth2",
    "decode_base64",
]
