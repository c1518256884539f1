"""`conformance.secrets`: no password leaves the judge, and a replay can put it back."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.secrets import redact, restore
from conformance.target import Account

ALICE = Account("alice@example.test", "correct horse")


def plain(account: Account) -> bytes:
    return base64.b64encode(b"\0" + account.name.encode() + b"\0" + account.password.encode())


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"PASS correct horse\r\n", b"PASS {password of alice@example.test}\r\n"),
        (b"AUTH PLAIN " + plain(ALICE) + b"\r\n", b"AUTH PLAIN {plain of alice@example.test}\r\n"),
        (base64.b64encode(b"correct horse") + b"\r\n", b"{base64 of alice@example.test}\r\n"),
        (b"NOOP\r\n", b"NOOP\r\n"),
        (b"AUTH PLAIN AGFhYWFhYWEAYg==\r\n", b"AUTH PLAIN AGFhYWFhYWEAYg==\r\n"),
    ],
)
def test_secrets_become_placeholders_and_back(octets: bytes, shown: bytes) -> None:
    assert redact(octets, [ALICE]) == shown
    assert restore(shown, [ALICE]) == octets


def test_a_password_within_other_base64_is_taken_out_too() -> None:
    octets = base64.b64encode(b"admin\0alice@example.test\0correct horse")
    assert b"{base64 with the password of alice@example.test}" in redact(octets, [ALICE])


@given(before=st.binary(max_size=30), after=st.binary(max_size=30))
def test_no_octets_around_it_hide_a_password(before: bytes, after: bytes) -> None:
    assert ALICE.password.encode() not in redact(before + ALICE.password.encode() + after, [ALICE])


def test_what_belongs_to_an_unknown_account_stays_a_placeholder() -> None:
    assert restore(b"PASS {password of bob}", [ALICE]) == b"PASS {password of bob}"


def test_an_empty_or_very_short_password_does_not_garble_everything() -> None:
    assert redact(b"250 a b c", [Account("x", ""), Account("y", "a")]) == b"250 a b c"
