"""SASL exchanges in general, PLAIN and LOGIN, and base64 as strict as it can be (RFC 4422, RFC 4616, RFC 4648)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_server.sasl import MECHANISMS, Challenge, Exchange, Failure, Kind, Step, decode_base64
from tests.reference_server.sasl_dialogue import Server, token, who

SERVER = Server({"alice@example.test": "secret", "jürgen@example.test": "pässword"})


def begin(mechanism: str, initial: bytes | None = None) -> tuple[Exchange, Step]:
    exchange = MECHANISMS[mechanism](SERVER)
    return exchange, exchange.start(initial)


# RFC 4648 §10
@pytest.mark.parametrize(
    ("octets", "encoded"),
    [(b"", b""), (b"f", b"Zg=="), (b"fo", b"Zm8="), (b"foo", b"Zm9v"), (b"foob", b"Zm9vYg=="), (b"fooba", b"Zm9vYmE=")],
)
def test_the_examples_of_the_rfc_decode(octets: bytes, encoded: bytes) -> None:
    assert decode_base64(encoded) == octets


@pytest.mark.parametrize(
    "line",
    [b"Zg", b"Zg=", b"Zg===", b"=", b"====", b"Z", b"Zm9v\n", b" Zm9v", b"Zm 9v", b"Zm9v=", b"Zg==Zg==", b"=AAA",
     b"AAA=BBB", b"Zm-_", b"Zm9\xff", b"Zm9v*", b"Zh==", b"Zm9=", b"Zm9v\0"],
)  # fmt: skip
def test_what_is_not_base64_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode_base64(line)


@given(st.binary(max_size=40))
def test_whatever_is_encoded_decodes(octets: bytes) -> None:
    assert decode_base64(token(octets)) == octets


@given(st.binary(max_size=12))
def test_each_value_has_one_spelling(line: bytes) -> None:
    try:
        octets = decode_base64(line)
    except ValueError:
        return
    assert token(octets) == line


def test_plain_begins_with_an_empty_challenge() -> None:
    exchange, step = begin("PLAIN")
    assert step == Challenge(b"")
    assert isinstance(step, Challenge)
    assert step.encoded == b""
    assert who(exchange.step(token(b"\0alice\0secret"))) == "alice@example.test"


def test_plain_takes_an_initial_response_in_utf_8() -> None:
    assert who(begin("PLAIN", token("\0jürgen\0pässword".encode()))[1]) == "jürgen@example.test"


@pytest.mark.parametrize("authzid", [b"alice", b"ALICE", b"alice@example.test"])
def test_one_may_act_for_oneself(authzid: bytes) -> None:
    assert who(begin("PLAIN", token(authzid + b"\0alice\0secret"))[1]) == "alice@example.test"


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"", Kind.MALFORMED),
        (b"alice\0secret", Kind.MALFORMED),
        (b"\0\0secret", Kind.MALFORMED),
        (b"\0alice\0", Kind.MALFORMED),
        (b"\0alice\0secret\0", Kind.MALFORMED),
        (b"\0al\xffce\0secret", Kind.MALFORMED),
        (b"\0alice\0guess", Kind.WRONG_CREDENTIALS),
        (b"\0carol\0secret", Kind.WRONG_CREDENTIALS),
        (b"carol\0alice\0secret", Kind.NOT_AUTHORIZED),
        (b"carol\0alice\0guess", Kind.WRONG_CREDENTIALS),
    ],
)
def test_plain_tells_what_is_wrong(octets: bytes, kind: Kind) -> None:
    exchange, _ = begin("PLAIN")
    assert exchange.step(token(octets)) == Failure(kind)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize(
    ("line", "kind"),
    [(b"*", Kind.CANCELLED), (b"=", Kind.NOT_BASE64), (b"%", Kind.NOT_BASE64), (b"", Kind.MALFORMED)],
)
def test_every_mechanism_can_be_cancelled_and_reads_base64_alone(mechanism: str, line: bytes, kind: Kind) -> None:
    exchange, _ = begin(mechanism)
    assert exchange.step(line) == Failure(kind)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_an_equals_sign_is_an_empty_initial_response_and_a_star_is_no_cancel_there(mechanism: str) -> None:
    assert begin(mechanism, b"=")[1] == Failure(Kind.MALFORMED)
    assert begin(mechanism, b"*")[1] == Failure(Kind.NOT_BASE64)


def test_login_asks_twice() -> None:
    exchange, step = begin("LOGIN")
    assert step == Challenge(b"Username:")
    assert exchange.step(token(b"alice")) == Challenge(b"Password:")
    assert who(exchange.step(token(b"secret"))) == "alice@example.test"


def test_login_takes_the_name_at_once() -> None:
    exchange, step = begin("LOGIN", token(b"alice"))
    assert step == Challenge(b"Password:")
    assert exchange.step(token(b"guess")) == Failure(Kind.WRONG_CREDENTIALS)


def test_login_wants_utf_8() -> None:
    exchange, _ = begin("LOGIN", token(b"\xff"))
    assert exchange.step(token(b"secret")) == Failure(Kind.MALFORMED)


def test_an_exchange_without_a_mechanism_begins_with_nothing_and_takes_nothing() -> None:
    bare = Exchange(SERVER)
    assert bare.start(None) == Challenge(b"")
    with pytest.raises(NotImplementedError):
        bare.start(b"")


@given(st.sampled_from(sorted(MECHANISMS)), st.none() | st.binary(max_size=30), st.lists(st.binary(max_size=40)))
def test_no_mechanism_chokes_on_what_it_is_fed(name: str, initial: bytes | None, responses: list[bytes]) -> None:
    exchange, step = begin(name, None if initial is None else token(initial))
    for response in responses:
        if not isinstance(step, Challenge):
            break
        step = exchange.step(token(response))
    assert isinstance(step, Challenge | Failure)
