"""SASLprep by the examples of RFC 4013 §3 and the rules behind them."""

from __future__ import annotations

import pytest

from reference_server.saslprep import prepare
from reference_server.stores.memory import MemoryStore


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("", ""),
        ("\u0627\u0661\u0628", "\u0627\u0661\u0628"),
    ],
)
def test_equal_texts_come_out_the_same(text: str, prepared: str) -> None:
    assert prepare(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\x7f", "\u0627\u0031", "\u0627x\u0628", "\ue000", "\ufffd"])
def test_what_is_prohibited_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"prohibited|directions"):
        prepare(text)


def test_a_log_in_compares_prepared_names_and_passwords() -> None:
    store = MemoryStore({"j\u00fcrgen@example.test": "pa\u00a0ss"})
    assert store.log_in("ju\u0308rgen", "pa ss") is not None
    assert store.log_in("j\u00fcrgen", "pa\u0007ss") is None
    assert store.log_in("\u0007", "pa ss") is None
    with pytest.raises(ValueError, match="prohibited"):
        store.add_account("carol@example.test", "\u0007")
