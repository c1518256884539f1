"""How the IMAP client is greeted, secures a session and logs in (RFC 9051 §6.2, §7.1.5, RFC 4959)."""

from __future__ import annotations

import base64

import pytest

from loadtest.clients.imap_client import ImapSession
from loadtest.clients.session import BrokenError, LoadError, MissingOfferError, RefusedError
from loadtest.plan import Route
from loadtest.target import Account, TlsUse
from tests.loadtest.imap_dialogue import ALICE, SHORT, dialogue, opened
from tests.loadtest.scripted_server import serving
from tests.loadtest.stand_ins import Times

PLAIN = base64.b64encode(b"\0ann\0p w")


@pytest.mark.parametrize(
    ("offers", "steps"),
    [
        (b"AUTH=PLAIN SASL-IR", [(b"AUTHENTICATE PLAIN " + PLAIN, b"TAG OK [CAPABILITY X] in\r\n")]),
        (
            b"AUTH=PLAIN LOGINDISABLED",
            [(b"AUTHENTICATE PLAIN", b"+ \r\n"), (b"..." + PLAIN, b"* CAPABILITY X\r\nTAG OK in\r\n")],
        ),
        (b"", [(b'LOGIN "ann" "p w"', b"TAG OK in\r\n"), (b"CAPABILITY", b"* CAPABILITY X\r\nTAG OK done\r\n")]),
    ],
)
def test_the_client_logs_in_by_what_is_offered(offers: bytes, steps: list[tuple[bytes, bytes]]) -> None:
    said, script = dialogue(*steps, greeting=b"* OK [CAPABILITY IMAP4rev1 %b] hi\r\n" % offers)
    with serving(script) as address:
        session = opened(address, account=Account("ann", "p w"))
        assert session.offers == {b"X"}
        session.close()
    assert said == [line.removeprefix(b"...") for line, _ in steps]


def test_a_password_that_cannot_be_quoted_goes_as_a_literal() -> None:
    steps = ((b"", b"+ go\r\n"), (b"...", b"TAG OK [CAPABILITY X] in\r\n"))
    said, script = dialogue(*steps)
    with serving(script) as address:
        opened(address, account=Account("ann", "pä")).close()
    assert said == [b'LOGIN "ann" {3}', "pä".encode()]


def test_a_server_that_knows_the_client_asks_for_no_log_in() -> None:
    _, script = dialogue(greeting=b"* PREAUTH [CAPABILITY X] welcome\r\n")
    with serving(script) as address:
        opened(address, account=ALICE).close()


@pytest.mark.parametrize(
    ("greeting", "error", "phase"),
    [
        (b"* BYE busy\r\n", RefusedError, "greeting"),
        (b"* NO what\r\n", BrokenError, "greeting"),
        (b"220 mail.test ESMTP\r\n", BrokenError, "greeting"),
        (b"* OK [CAPABILITY LOGINDISABLED] hi\r\n", MissingOfferError, "auth"),
    ],
)
def test_a_greeting_may_turn_the_client_away(greeting: bytes, error: type[LoadError], phase: str) -> None:
    _, script = dialogue(greeting=greeting)
    with serving(script) as address, pytest.raises(error) as caught:
        opened(address, account=ALICE)
    assert caught.value.phase == phase


def test_octets_slipped_in_before_the_handshake_end_the_session() -> None:
    _, script = dialogue(
        (b"STARTTLS", b"TAG OK go\r\n* CAPABILITY INJECTED\r\n"), greeting=b"* OK [CAPABILITY STARTTLS] hi\r\n"
    )
    with serving(script) as address, pytest.raises(BrokenError, match="octets before the handshake"):
        ImapSession.open(Route(address=address, patience=SHORT, tls=TlsUse.ALWAYS), Times())
