"""APOP: RFC 1939 §7."""

from __future__ import annotations

import hashlib
import re

from conformance.checks import must
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Pop3Dial as Dial
from conformance.pop3.session import Pop3Session
from conformance.wire.errors import ClosedError


def _timestamp(pop3: Pop3Session) -> bytes:
    found = re.search(rb"<[^<> ]+>", pop3.greeting.text if pop3.greeting else b"")
    if found is None:
        raise not_applicable("the greeting has no timestamp, so there is no APOP (RFC 1939 §7 leaves it out)")
    return found[0]


def _digest(timestamp: bytes, secret: str) -> str:
    # APOP is defined on MD5; nothing here is protected by it.
    return hashlib.md5(timestamp + secret.encode(), usedforsecurity=False).hexdigest()


@must("rfc1939/7/47", "rfc1939/7/43", "rfc1939/7/42", "rfc1939/7/39")
def check_opens_the_maildrop(dial: Dial) -> None:
    """APOP with the digest of timestamp and secret is answered +OK and opens the maildrop.

    A mailbox may be closed to APOP (RFC 1939 §13), so a refusal by itself says nothing.
    """
    with dial() as pop3:
        timestamp = _timestamp(pop3)
        pop3.make_ready()
        response = pop3.command(f"APOP {pop3.account.name} {_digest(timestamp, pop3.account.password)}")
        if not response.ok:
            raise not_applicable(f"the account has no APOP: {response}")
        answer = pop3.stat()
        expect(answer.ok, "+OK to STAT after an APOP that succeeded", answer)


@must("rfc1939/7/48", "rfc1939/7/46")
def check_refuses_a_wrong_digest(dial: Dial) -> None:
    """APOP with any but the right digest is answered -ERR and logs nobody in."""
    with dial() as pop3:
        _timestamp(pop3)
    for kind in range(3):
        with dial() as pop3:
            timestamp = _timestamp(pop3)
            pop3.make_ready()
            right = _digest(timestamp, pop3.account.password)
            wrong = ("0" * 32, _digest(timestamp[1:-1], pop3.account.password), right[:-1] + "g")[kind]
            response = pop3.command(f"APOP {pop3.account.name} {wrong}")
            expect(not response.ok, "-ERR to a wrong digest", response)
            try:
                response = pop3.stat()
            except ClosedError:
                continue  # RFC 1939 §4: after refusing a log-in the server may hang up.
            expect(not response.ok, "-ERR to STAT: nobody is logged in", response)
