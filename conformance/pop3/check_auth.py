"""AUTH: RFC 5034 §3, §4; PLAIN: RFC 4616 §2; base64: RFC 4648 §3, §4."""

from __future__ import annotations

import base64
import contextlib

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Pop3Dial as Dial
from conformance.pop3.listings import is_refusal
from conformance.pop3.session import Pop3Session, plain
from conformance.session import setting_up
from conformance.wire.errors import ClosedError
from conformance.wire.pop3 import Response


def _ready(pop3: Pop3Session, mechanism: str = "PLAIN") -> None:
    """TLS where it is wanted. Raises NotApplicableError where the mechanism is not offered as things stand."""
    pop3.make_ready()
    if mechanism not in (pop3.capa() or {}).get("SASL", "").upper().split():
        raise not_applicable(f"the server does not offer SASL {mechanism}")


def _right(pop3: Pop3Session) -> bytes:
    return plain(pop3.account.name, pop3.account.password)


def _expect_in(pop3: Pop3Session, response: Response, how: str) -> None:
    expect(response.ok, f"+OK to {how}", response)
    response = pop3.stat()
    expect(response.ok, f"+OK to STAT after {how}", response)


def _expect_refused(pop3: Pop3Session, response: Response, what: str) -> None:
    """-ERR, and nobody is logged in; afterwards the server may hang up (RFC 1939 §4)."""
    expect(is_refusal(response), f"-ERR to {what}", response)
    try:
        response = pop3.stat()
    except ClosedError:
        return
    expect(is_refusal(response), "-ERR to STAT: nobody is logged in", response)


def _challenged(pop3: Pop3Session) -> Response:
    response = pop3.auth("PLAIN")
    if not response.raw.startswith(b"+") or response.ok:
        raise InconclusiveError(f"no challenge to AUTH PLAIN: {response}")
    return response


@must(
    "rfc5034/4/6",
    "rfc5034/4/26",
    "rfc5034/4/27",
    "rfc5034/3/4",
    "rfc2449/6.3/4",
    "rfc4616/2/14",
    "rfc4616/2/3",
    "rfc4616/2/1",
    "rfc4616/2/19",
    "rfc2595/6/3",
)
def check_takes_an_initial_response(dial: Dial) -> None:
    """AUTH PLAIN with the right credentials as its initial response is answered +OK and opens the maildrop."""
    with dial() as pop3:
        _ready(pop3)
        _expect_in(pop3, pop3.auth("PLAIN", _right(pop3)), "AUTH PLAIN with the right credentials")


@must("rfc5034/4/13", "rfc5034/4/14", "rfc5034/4/15", "rfc5034/4/8", "rfc5034/4/9", "rfc5034/5/2")
def check_asks_by_an_empty_challenge(dial: Dial) -> None:
    """AUTH PLAIN without an initial response is answered by a plus sign and a space, then the response is taken.

    Clients have been written that wait for the space.
    """
    with dial() as pop3:
        _ready(pop3)
        response = pop3.auth("PLAIN")
        expect(response.raw == b"+ \r\n", "a plus sign, a space and the end of the line", repr(response.raw[:200]))
        _expect_in(pop3, pop3.answer(_right(pop3)), "the right credentials in answer to the challenge")


@must("rfc5034/4/12")
def check_is_taken_back_by_an_asterisk(dial: Dial) -> None:
    """An asterisk in answer to a challenge ends the exchange with -ERR."""
    with dial() as pop3:
        _ready(pop3)
        _challenged(pop3)
        _expect_refused(pop3, pop3.command("*"), "an exchange that was taken back")


@must("rfc5034/4/38", "rfc5034/4/37")
def check_can_be_tried_again(dial: Dial) -> None:
    """After an AUTH that failed the client can try again, as far as the server keeps the connection open."""
    with dial() as pop3:
        _ready(pop3)
        with setting_up("AUTH that is taken back"):
            _challenged(pop3)
            pop3.command("*")
        try:
            response = pop3.auth("PLAIN", _right(pop3))
        except ClosedError:
            return
        _expect_in(pop3, response, "AUTH PLAIN after one that was taken back")


@must("rfc5034/4/22", "rfc5034/4/20", "rfc4648/3.3/1")
@given(
    damage=st.sampled_from((b"!", b"-", b"_", b"\xff", b"=", b"==", b"\\", b".", b"\t", b" ")),
    at_the_end=st.booleans(),
    initial=st.booleans(),
)
def check_refuses_what_is_not_base64(dial: Dial, damage: bytes, *, at_the_end: bool, initial: bool) -> None:
    """A response with an octet outside the base64 alphabet, or with padding before its end, is answered -ERR.

    The octets around the damage are the right credentials: a server that skips what it does not know lets them in.
    """
    with dial() as pop3:
        _ready(pop3)
        right = base64.b64encode(_right(pop3))
        if at_the_end and b"=" in damage:
            damage = b"A"  # RFC 4648 §3.3 lets surplus padding at the end pass, but nothing after padding
            right = right if right.endswith(b"=") else right + b"="
        if initial and damage in (b" ", b"\t"):
            damage = b"!"  # on the command line a space would begin another argument
        cut = len(right) if at_the_end else 4
        response = right[:cut] + damage + right[cut:]
        if initial:
            answer = pop3.command(b"AUTH PLAIN " + response)
        else:
            _challenged(pop3)
            answer = pop3.command(response)
        _expect_refused(pop3, answer, "a response that is not base64")


@must("rfc4616/2/4", "rfc4616/2/2", "rfc4616/2/5", "rfc4616/2/8", "rfc4616/2/11", "rfc2595/6/2")
@given(
    at_most=8,
    kind=st.sampled_from(("no name", "no password", "one NUL", "no NUL", "three NULs", "NUL in front", "empty")),
    initial=st.booleans(),
)
def check_refuses_a_malformed_message(dial: Dial, kind: str, *, initial: bool) -> None:
    """A PLAIN message that has not two NULs, a name and a password is answered -ERR."""
    with dial() as pop3:
        _ready(pop3)
        name, password = pop3.account.name.encode(), pop3.account.password.encode()
        message = {
            "no name": b"\0\0" + password,
            "no password": b"\0" + name + b"\0",
            "one NUL": name + b"\0" + password,
            "no NUL": name + password,
            "three NULs": b"\0" + name + b"\0" + password + b"\0",
            "NUL in front": b"\0\0" + name + b"\0" + password,
            "empty": b"",
        }[kind]
        if initial:
            response = pop3.auth("PLAIN", message)
        else:
            _challenged(pop3)
            response = pop3.answer(message)
        _expect_refused(pop3, response, f"a PLAIN message with {kind}")


@must("rfc5034/4/25", "rfc4616/2/13", "rfc2595/6/4")
@given(at_most=3, kind=st.sampled_from(("longer", "other", "unknown name")))
def check_refuses_wrong_credentials(dial: Dial, kind: str) -> None:
    """AUTH with credentials that do not hold is answered -ERR, and nobody is logged in."""
    with dial() as pop3:
        _ready(pop3)
        right = pop3.account.password
        name = "nobody-of-that-name" if kind == "unknown name" else pop3.account.name
        password = "not-the-password" if kind == "other" else right + "x" if kind == "longer" else right
        _expect_refused(pop3, pop3.auth("PLAIN", plain(name, password)), "wrong credentials")


@must("rfc5034/4/7", "rfc5034/4/5")
@given(at_most=5, mechanism=st.sampled_from(("X-MAILSPEC", "PLAINX", "PLAI", "Z", "NO-MECHANISM-LIKE-IT")))
def check_refuses_a_mechanism_it_does_not_have(dial: Dial, mechanism: str) -> None:
    """AUTH with a mechanism that the server does not have is answered -ERR."""
    with dial() as pop3:
        _ready(pop3)
        _expect_refused(pop3, pop3.auth(mechanism), f"AUTH {mechanism}")


@must("rfc5034/5/1", "rfc4616/1/1")
@given(at_most=5, words=st.sampled_from(("auth plain", "AUTH Plain", "Auth pLAIN", "AUTH plain")))
def check_knows_names_in_any_case(dial: Dial, words: str) -> None:
    """AUTH and the name of its mechanism mean the same in upper, lower and mixed case."""
    with dial() as pop3:
        _ready(pop3)
        response = pop3.command(words.encode() + b" " + base64.b64encode(_right(pop3)))
        _expect_in(pop3, response, words)


@must("rfc5034/4/3", "rfc5034/4/4")
def check_is_over_after_success(dial: Dial) -> None:
    """After an AUTH that succeeded every further one is answered -ERR."""
    with dial() as pop3:
        _ready(pop3)
        with setting_up("AUTH"):
            if not pop3.auth("PLAIN", _right(pop3)).ok:
                raise InconclusiveError("AUTH PLAIN with the right credentials was refused")
        for initial in (_right(pop3), None):
            try:
                response = pop3.auth("PLAIN", initial)
            except ClosedError:
                return
            expect(is_refusal(response), "-ERR to a second AUTH", response)


@must("rfc5034/4/23", "rfc5034/4/24", "rfc4616/2/12")
@given(at_most=3, octets=st.sampled_from((60, 183, 255)))
def check_takes_long_responses_whole(dial: Dial, octets: int) -> None:
    """A response to a challenge may be longer than a command: PLAIN's with three fields of 255 octets is one response.

    Nobody has such a name, so the answer is -ERR. What counts is that there is one, and that nothing of it is left
    over to be run as a command.
    """
    with dial() as pop3:
        _ready(pop3)
        _challenged(pop3)
        field = "n" * octets
        _expect_refused(pop3, pop3.answer(plain(field, field, acting_as=field)), f"a name of {octets} octets")
        with contextlib.suppress(ClosedError):
            pop3.quit()
        pop3.abandon()
        rest = pop3.rest()
        expect(not rest, "nothing after the answer to QUIT", rest)
