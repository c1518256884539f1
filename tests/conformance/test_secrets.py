"""`conformance.secrets`: no password leaves the judge, and a replay can put it back."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.secrets import SHORTEST_SPLIT, redact, redact_text, restore
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
    shown = redact(octets, [ALICE])
    assert base64.b64decode(shown.removeprefix(b"{recoded ").removesuffix(b"}")) == (
        b"admin\0alice@example.test\0{password of alice@example.test}"
    )
    assert restore(shown, [ALICE]) == octets


@given(before=st.binary(max_size=30), after=st.binary(max_size=30))
def test_no_octets_around_it_hide_a_password(before: bytes, after: bytes) -> None:
    assert ALICE.password.encode() not in redact(before + ALICE.password.encode() + after, [ALICE])


def test_what_belongs_to_an_unknown_account_stays_a_placeholder() -> None:
    assert restore(b"PASS {password of bob}", [ALICE]) == b"PASS {password of bob}"


def test_an_empty_or_very_short_password_does_not_garble_everything() -> None:
    assert redact(b"250 a b c", [Account("x", ""), Account("y", "a")]) == b"250 a b c"


AWKWARD = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(['a"b\\c', "pä'ss\"wörd", "\\\\\\\\", "plain", "password of", "xy", "base64", "a b", "{}{}"]),
).filter(lambda text: text.isprintable() and "\n" not in text)


@settings(deadline=None)
@given(password=AWKWARD)
def test_a_password_is_taken_out_of_every_form_that_protocols_have_and_comes_back(password: str) -> None:
    account = Account("alice@example.test", password)
    octets = password.encode()
    quoted = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    for before, secret, after in [
        (b"PASS ", octets, b"\r\n"),
        (b'A1 LOGIN "alice@example.test" "', quoted, b'"\r\n'),
        (b"", octets, b"\r\n"),
        (b"AUTH PLAIN ", plain(account), b"\r\n"),
        (b"", plain(account), b"\r\n"),
        (b"", base64.b64encode(octets), b"\r\n"),
        (b"AUTH PLAIN ", base64.b64encode(b"bob\0alice@example.test\0" + octets), b"\r\n"),
    ]:
        shown = redact(before + secret + after, [account])
        left = re.sub(rb"\{[^{}]*\}|=", b"", shown)
        assert len(left) <= len(before + after), shown
        assert restore(shown, [account]) == before + secret + after


@settings(deadline=None)
@given(password=st.text(min_size=4, max_size=12), before=st.binary(max_size=7), damage=st.integers(0, 30))
def test_damaged_base64_does_not_keep_a_password(password: str, before: bytes, damage: int) -> None:
    account = Account("alice", password)
    whole = base64.b64encode(before + b"\0alice\0" + password.encode())
    of_the_password = len(password.encode()) * 8 // 6 - 3
    for damaged in (whole[:-1], b"!" + whole + b"=", whole[:damage] + b"\r\n" + whole[damage:]):
        shown = redact(damaged, [account])
        assert restore(shown, [account]) == damaged
        if len(password.encode()) >= SHORTEST_SPLIT:
            left = re.sub(rb"[^A-Za-z0-9+/]", b"", re.sub(rb"\{[^{}]*\}", b"", shown))
            assert len(left) <= len(whole) - of_the_password, shown


def test_one_password_within_another_or_within_a_placeholder_is_no_trap() -> None:
    accounts = [Account("alice", "secret"), Account("bob", "secret2"), Account("carol", "alice"), Account("d", "plain")]
    octets = b"PASS secret2\r\nPASS secret\r\nPASS alice\r\nPASS plain\r\n" + plain(accounts[0])
    shown = redact(octets, accounts)
    assert shown == (
        b"PASS {password of bob}\r\nPASS {password of alice}\r\nPASS {password of carol}\r\nPASS {password of d}\r\n"
        b"{plain of alice}"
    )
    assert restore(shown, accounts) == octets


@pytest.mark.parametrize("password", ['a"b\\c', "pä'ss", "tab\tinside", 'it\'s "both"'])
def test_what_python_prints_of_a_password_is_no_way_out(password: str) -> None:
    account = Account("alice", password)
    for text in (f"{password.encode()!r}", f"{password!r}", f"{password!a}", f"{{'x': {[password.encode()]!r}}}"):
        assert redact_text(f"got {text}", [account]).count("{password of alice}") == 1
