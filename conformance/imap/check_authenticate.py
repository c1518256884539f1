"""AUTHENTICATE with PLAIN: RFC 3501 §6.2.2, RFC 4616 §2, RFC 4648 §3, RFC 4959."""

from __future__ import annotations

import base64
import re

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import ImapDial as Dial
from conformance.imap.expectations import expect_bad, expect_done, expect_no, expect_nobody_in, expect_refused
from conformance.imap.session import Answer, ImapSession
from conformance.imap.strategies_login import (
    badly_padded,
    broken_plain_messages,
    damaged_base64,
    made_wrong,
    plain,
    wrong_passwords,
)
from conformance.target import Account
from conformance.wire.imap import Response

# base64 = *(4base64-char) [base64-terminal]; the text of a challenge may be empty.
CHALLENGE = re.compile(rb"\+ (?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\r\n")


def _where_plain_is_listed(dial: Dial, imap: ImapSession) -> Account:
    if dial.facts.demands_tls or "AUTH=PLAIN" not in dial.facts.capabilities:
        if "STARTTLS" in dial.facts.capabilities:
            imap.start_tls()
        if "AUTH=PLAIN" not in imap.capabilities():
            raise not_applicable("AUTH=PLAIN is not listed")
    account = imap.setting.account
    if account is None:
        raise InconclusiveError("no account to log in with: give --account USER:PASSWORD")
    return account


def _begin(imap: ImapSession) -> tuple[bytes, Response]:
    """AUTHENTICATE PLAIN up to the challenge: the command's tag, and the challenge."""
    tag = imap.next_tag()
    imap.send(tag + b" AUTHENTICATE PLAIN\r\n")
    challenge = imap.read_continuation(tag)
    if isinstance(challenge, Answer):
        raise ViolationError("a challenge of the mechanism PLAIN, which is listed", str(challenge.tagged))
    return tag, challenge


def _exchange(imap: ImapSession, response: bytes) -> Answer:
    """A whole exchange with this line as the response."""
    tag, _ = _begin(imap)
    imap.send(response + b"\r\n")
    return imap.read_answer(tag)


@must("rfc3501/6.2.2/5", "rfc3501/9/26", "rfc3501/7.5/3")
def check_challenges_with_a_plus_a_space_and_base64(dial: Dial) -> None:
    """A challenge is a plus sign, a space and base64, the space also where the challenge is empty."""
    with dial() as imap:
        _where_plain_is_listed(dial, imap)
        tag, challenge = _begin(imap)
        imap.send(b"*\r\n")
        imap.read_answer(tag)
        expect(CHALLENGE.fullmatch(challenge.raw), "+, a space and base64", repr(challenge.raw))


@must("rfc3501/6.2.2/1", "rfc4616/2/14", "rfc3501/6.2/3")
def check_lets_the_right_password_in(dial: Dial) -> None:
    """AUTHENTICATE PLAIN with the right name and password succeeds and logs the user in."""
    with dial() as imap:
        account = _where_plain_is_listed(dial, imap)
        answer = _exchange(imap, base64.b64encode(plain("", account.name, account.password)))
        expect_done(answer, because="name and password are right")
        expect_done(imap.command('LIST "" ""'), because="the user is logged in")


@must("rfc3501/6.2.2/1", "rfc4616/2/13")
@given(how=wrong_passwords().filter(lambda how: how != "empty"), at_most=3)
def check_keeps_a_wrong_password_out(dial: Dial, how: str) -> None:
    """AUTHENTICATE PLAIN with a wrong password is answered NO, and nobody is logged in by it."""
    with dial() as imap:
        account = _where_plain_is_listed(dial, imap)
        wrong = made_wrong(account.password, how)
        answer = _exchange(imap, base64.b64encode(plain("", account.name, wrong)))
        expect_no(answer, because=f"the password is wrong ({how})")
        expect_nobody_in(imap)


@must("rfc4616/2/13", "rfc3501/6.2.2/17")
def check_lets_nobody_act_as_another_user(dial: Dial) -> None:
    """With the right password of one user and another user as the identity to act as, nobody is let in.

    The test accounts are taken for ordinary users, who may not act for each other. Most servers fail here by leaving
    the identity aside and logging in the owner of the password.
    """
    if len(dial.accounts) < 2:
        raise not_applicable("this needs a second account: repeat --account")
    with dial() as imap:
        account = _where_plain_is_listed(dial, imap)
        answer = _exchange(imap, base64.b64encode(plain(dial.accounts[1].name, account.name, account.password)))
        expect_refused(answer, because="one user's password gives no right to act as another")


@must("rfc4616/2/11", "rfc4616/2/4", "rfc4616/2/5", "rfc4616/2/8")
@given(which=st.integers(0, 6), at_most=7)
def check_refuses_a_message_that_is_not_plain(dial: Dial, which: int) -> None:
    """A message with a NUL too many or too few, or with an empty name or password, lets nobody in."""
    with dial() as imap:
        account = _where_plain_is_listed(dial, imap)
        wrong, message = broken_plain_messages(account.name, account.password)[which]
        answer = _exchange(imap, base64.b64encode(message))
        expect_refused(answer, because=f"the message has {wrong}")


@must("rfc4648/3.3/1", "rfc3501/6.2.2/1")
@given(which=st.integers(0, 4), at_most=5)
def check_refuses_characters_that_are_not_base64(dial: Dial, which: int) -> None:
    """A response with a character that is not of the base64 alphabet lets nobody in.

    A decoder that passes over what it does not know lets one password be written in many ways, and its errors hide.
    """
    with dial() as imap:
        account = _where_plain_is_listed(dial, imap)
        wrong, line = damaged_base64(plain("", account.name, account.password))[which]
        answer = _exchange(imap, line)
        expect_refused(answer, because=f"there is {wrong} in the base64")


@should("rfc3501/2.2.2/5", "rfc3501/6.2.2/1")
@given(which=st.integers(0, 2), at_most=3)
def check_refuses_base64_that_is_padded_wrongly(dial: Dial, which: int) -> None:
    """A response whose base64 lacks pad characters, or has some that do not belong there, is a syntax error."""
    with dial() as imap:
        account = _where_plain_is_listed(dial, imap)
        cases = badly_padded(plain("", account.name, account.password))
        wrong, line = cases[which % len(cases)]
        expect_refused(_exchange(imap, line), because=f"the base64 has {wrong}")


@must("rfc3501/6.2.2/7")
def check_is_broken_off_with_bad_by_an_asterisk(dial: Dial) -> None:
    """A line of only an asterisk ends the exchange with BAD, and the session goes on."""
    with dial() as imap:
        _where_plain_is_listed(dial, imap)
        expect_bad(_exchange(imap, b"*"), because="the client cancelled the exchange")
        expect_nobody_in(imap)


@should("rfc3501/6.2.2/3")
def check_answers_an_unknown_mechanism_no(dial: Dial) -> None:
    """A mechanism that the server does not have is answered NO: the command was understood, and cannot be done."""
    with dial() as imap:
        _where_plain_is_listed(dial, imap)
        for name in (b"MAILSPEC-NONE", b"X"):
            tag = imap.next_tag()
            imap.send(tag + b" AUTHENTICATE " + name + b"\r\n")
            answer = imap.read_continuation(tag)
            if isinstance(answer, Response):
                raise ViolationError(f"NO: there is no mechanism {name!r}", str(answer))
            expect_no(answer, because=f"there is no mechanism {name!r}")


@must("rfc3501/6.2.2/1", "rfc4616/2/14")
def check_takes_an_initial_response_where_it_says_so(dial: Dial) -> None:
    """With SASL-IR on offer the response may come with the command, and a wrong one is refused the same way.

    The command stays one command: it is completed once, without a challenge for a response that was given already
    (RFC 4959 §3).
    """
    with dial() as imap:
        account = _where_plain_is_listed(dial, imap)
        if "SASL-IR" not in imap.capabilities():
            raise not_applicable("SASL-IR is not offered")
        expect_refused(_at_once(imap, b"="), because="an initial response of nothing is no PLAIN")
        answer = _at_once(imap, base64.b64encode(plain("", account.name, account.password)))
        expect_done(answer, because="name and password are right")


def _at_once(imap: ImapSession, response: bytes) -> Answer:
    """The answer to AUTHENTICATE PLAIN with an initial response."""
    tag = imap.next_tag()
    imap.send(tag + b" AUTHENTICATE PLAIN " + response + b"\r\n")
    answer = imap.read_continuation(tag)
    if isinstance(answer, Response):
        raise ViolationError("no challenge for a response that came with the command", str(answer))
    return answer
