"""The client's side of mechanisms that do not send the password: CRAM-MD5 (RFC 2195), SCRAM (RFC 5802, RFC 7677).

Written anew for the judge: what it shares with the reference server is the RFCs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from conformance.errors import InconclusiveError, ViolationError
from conformance.smtp.session import SmtpSession
from conformance.target import Account
from conformance.wire.smtp import Reply

HASH_OF = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
"""The hash function of each SCRAM mechanism."""

CLIENT_NONCE = "mailspec0nonce0of0the0client"
"""Fixed, so that runs are alike; the server's part of the nonce is what keeps an exchange from being replayed."""

MOST_ITERATIONS = 10_000_000
"""A count above this would keep the judge busy for longer than it waits for anything."""


def cram_md5(smtp: SmtpSession, account: Account, *, password: str | None = None) -> Reply:
    """AUTH CRAM-MD5 as the account, maybe with another password; the reply to the response.

    Raises:
        InconclusiveError: there is no challenge.
    """
    challenge = _challenge(smtp.command("AUTH CRAM-MD5"))
    secret = (account.password if password is None else password).encode()
    digest = hmac.new(secret, challenge, hashlib.md5).hexdigest()
    return smtp.command(base64.b64encode(f"{account.name} {digest}".encode()))


@dataclass(frozen=True, slots=True)
class ScramOutcome:
    """How an exchange ended. `signed`: whether the server proved that it knows the password; None if it never tried."""

    reply: Reply
    signed: bool | None = None


def scram(smtp: SmtpSession, mechanism: str, account: Account, *, password: str | None = None) -> ScramOutcome:
    """AUTH by SCRAM as the account, without channel binding, maybe with another password.

    Raises:
        InconclusiveError: the server does not begin the exchange.
        ViolationError: its first message is none of RFC 5802 §7.
    """
    name = account.name.replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r={CLIENT_NONCE}"
    first = _challenge(smtp.command(f"AUTH {mechanism} {_b64(f'n,,{bare}')}"))
    nonce, salt, iterations = _read_first(first)
    hashed = HASH_OF[mechanism]
    salted = hashlib.pbkdf2_hmac(
        hashed, (account.password if password is None else password).encode(), salt, iterations
    )
    client_key = hmac.digest(salted, b"Client Key", hashed)
    stored_key = hashlib.new(hashed, client_key).digest()
    unproved = b"c=biws,r=" + nonce
    message = b",".join((bare.encode(), first, unproved))
    signature = hmac.digest(stored_key, message, hashed)
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    reply = smtp.command(base64.b64encode(unproved + b",p=" + base64.b64encode(proof)))
    if reply.code != 334:
        return ScramOutcome(reply)
    expected = hmac.digest(hmac.digest(salted, b"Server Key", hashed), message, hashed)
    signed = _challenge(reply) == b"v=" + base64.b64encode(expected)
    # RFC 4954 §4: the outcome of AUTH carries no data, so that the signature came as a challenge to be answered empty.
    return ScramOutcome(smtp.command(""), signed)


def _read_first(message: bytes) -> tuple[bytes, bytes, int]:
    """Nonce, salt and iteration count of `server-first-message`."""
    fields = dict(part.partition(b"=")[::2] for part in message.split(b","))
    try:
        salt = base64.b64decode(fields[b"s"], validate=True)
        iterations = int(fields[b"i"])
        nonce = fields[b"r"]
    except (KeyError, ValueError) as error:
        raise ViolationError(
            "r=, s= in base64 and i= with a number in the server's first message", repr(message)
        ) from error
    if not nonce.startswith(CLIENT_NONCE.encode()) or len(nonce) == len(CLIENT_NONCE):
        raise ViolationError("the client's nonce with the server's own behind it", repr(message))
    if not 0 < iterations <= MOST_ITERATIONS:
        raise InconclusiveError(f"{iterations} iterations are too many to follow")
    return nonce, salt, iterations


def _challenge(reply: Reply) -> bytes:
    if reply.code != 334:
        raise InconclusiveError(f"the exchange does not go on: {reply}")
    try:
        return base64.b64decode(reply.lines[0], validate=True)
    except ValueError as error:
        raise InconclusiveError(f"the challenge is no base64: {reply}") from error


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
