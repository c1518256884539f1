"""RETR: RFC 1939 §5."""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Sequence

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import assert_same_octets, expect
from conformance.fixtures import Maildrop
from conformance.messages import Delivered, compose
from conformance.pop3.listings import sizes
from conformance.pop3.strategies import eight_bit_bodies, plain_bodies


def _expect_the_messages(maildrop: Maildrop, bodies: Sequence[bytes]) -> None:
    body_of = dict(zip(maildrop.fill(bodies), bodies, strict=True))
    with maildrop.opened() as pop3:
        for number in sizes(pop3.list()):
            response = pop3.retr(number)
            expect(response.ok, f"+OK to RETR {number}", response)
            message = Delivered(response.content)
            body = body_of.pop(message.token, None)
            if body is None:
                continue  # mail from elsewhere, which came in the meantime
            if maildrop.keeps_octets:
                assert_same_octets(message.octets, compose(message.token, body), what="octets of message")
            else:
                assert_same_octets(message.body, body, what="octets of body")
    expect(not body_of, "every message once", f"nothing with the token of {', '.join(body_of)}")


@must("rfc1939/5/27", "rfc1939/5/26")
@given(bodies=st.lists(plain_bodies(), min_size=2, max_size=3))
def check_sends_exactly_the_message(maildrop: Maildrop, bodies: list[bytes]) -> None:
    """RETR sends the message octet for octet: no line folded, trimmed, added or left out.

    Signatures (DKIM, S/MIME, OpenPGP) break at the first octet that differs.
    """
    _expect_the_messages(maildrop, bodies)


@must("rfc1939/5/27")
@given(at_most=5, body=eight_bit_bodies())
def check_keeps_octets_above_ascii(maildrop: Maildrop, body: bytes) -> None:
    """RETR sends octets above 0x7F as they are, or in a transfer encoding that the header tells.

    The message is put in by IMAP, where APPEND may turn 8-bit data into such an encoding (RFC 3501 §6.3.11).
    """
    if not maildrop.keeps_octets:
        raise not_applicable("without IMAP there is no way to put octets in that is sure to keep them")
    (token,) = maildrop.fill([body])
    with maildrop.opened() as pop3:
        for number in sizes(pop3.list()):
            response = pop3.retr(number)
            expect(response.ok, f"+OK to RETR {number}", response)
            message = Delivered(response.content)
            if message.token == token:
                assert_same_octets(_decoded(message), body, what="octets of body")
                return
    raise ViolationError("the message that was put in", f"nothing with the token {token}")


def _decoded(message: Delivered) -> bytes:
    header = message.header.lower()
    if re.search(rb"^content-transfer-encoding:\s*quoted-printable", header, re.MULTILINE):
        return quopri.decodestring(message.body)
    if re.search(rb"^content-transfer-encoding:\s*base64", header, re.MULTILINE):
        return base64.b64decode(message.body)
    return message.body
