"""OAUTHBEARER (RFC 7628) and its forerunner XOAUTH2: a token that somebody else has given out (RFC 6750)."""

from __future__ import annotations

import json
import re
from typing import ClassVar

from reference_server.sasl.exchange import Authority, Challenge, Exchange, Failure, Kind, Need, Step, Success
from reference_server.sasl.saslname import decode_saslname

KVSEP = b"\x01"

# client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep                                          (RFC 7628 §3.1)
# gs2-header  = gs2-cb-flag "," [gs2-authzid] ","; no binding here, so that "p=" is out of place  (RFC 5801 §4)
_OAUTHBEARER = re.compile(rb"[ny],(?:a=(?P<name>[^,\x00]+))?,\x01(?P<pairs>(?:[^\x01]+\x01)*)\x01", re.DOTALL)

# "user=" name ^A "auth=Bearer " token ^A ^A; never standardised.
_XOAUTH2 = re.compile(rb"user=(?P<name>[^\x00\x01]+)\x01(?P<pairs>(?:[^\x01]+\x01)*)\x01", re.DOTALL)

# kvpair = key "=" value kvsep; key = 1*(ALPHA); value = *(VCHAR / SP / HTAB / CR / LF)           (RFC 7628 §3.1)
_PAIR = re.compile(rb"(?P<key>[A-Za-z]+)=(?P<value>[\x21-\x7e \t\r\n]*)")

# credentials = "Bearer" 1*SP b64token; the scheme's name is read in any case                     (RFC 6750 §2.1)
_BEARER = re.compile(rb"bearer +(?P<token>[A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


class OAuthBearer(Exchange):
    """One message with the token. A refusal is told in JSON first, and has the client's word before it is final.

    The host and port that a client names are not compared with ours: a test server does not know by which name it was
    found.
    """

    needs = frozenset({Need.PRIVACY})
    message: ClassVar[re.Pattern[bytes]] = _OAUTHBEARER

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority)
        self._refused = False

    def respond(self, octets: bytes) -> Step:
        """Take the message, or whatever the client answers to a refusal: it is one all the same (RFC 7628 §3.2.3)."""
        if self._refused:
            return Failure(Kind.REFUSED)
        found = self.message.fullmatch(octets)
        if found is None:
            return Failure(Kind.MALFORMED)
        name, token = self.name(found["name"]), _token(found["pairs"])
        if name is None or token is None:
            return Failure(Kind.MALFORMED)
        step = self.concluded(self.authority.verify_token(token, name))
        return step if isinstance(step, Success) else self.refuse()

    def name(self, written: bytes | None) -> str | None:
        """Who the client wants to be, empty if it does not say; None if that cannot be read (RFC 5801 §4)."""
        return "" if written is None else decode_saslname(written)

    def refuse(self) -> Step:
        """Say why, then wait for the client's last word."""
        self._refused = True
        # Now, since whoever guesses need not wait for the end: he may cancel, or go.
        self.authority.note_failure(Kind.WRONG_CREDENTIALS)
        return Challenge(json.dumps(self.error()).encode("ascii"))

    def error(self) -> dict[str, str]:
        """The error of RFC 6750 §3.1. No scope: tokens are taken without one (RFC 7628 §3.2.2)."""
        return {"status": "invalid_token"}


class XOAuth2(OAuthBearer):
    """What OAUTHBEARER was made from: the name is always there, and stands for itself."""

    message = _XOAUTH2

    def name(self, written: bytes | None) -> str | None:
        """Nothing is escaped in it."""
        assert written is not None
        try:
            return written.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def error(self) -> dict[str, str]:
        """In the words of HTTP, as its clients know it."""
        return {"status": "401", "schemes": "bearer", "scope": "mail"}


def _token(pairs: bytes) -> str | None:
    """The bearer token among the pairs; those that are unknown are passed over (RFC 7628 §3.1)."""
    found = None
    for pair in pairs.split(KVSEP)[:-1]:
        parts = _PAIR.fullmatch(pair)
        if parts is None:
            return None
        if parts["key"].lower() == b"auth":
            credentials = _BEARER.fullmatch(parts["value"])
            if credentials is None or found is not None:
                return None
            found = credentials["token"].decode("ascii")
    return found
