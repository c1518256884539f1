"""PLAIN (RFC 4616) in base64 (RFC 4648), as SMTP carries it (RFC 4954 §4)."""

from __future__ import annotations

import base64
import re

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.checks import given, must, should
from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.expectations import expect, expect_code, expect_refused
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import settled
from conformance.smtp.logging_in import (
    account_of,
    answered,
    challenged,
    expect_credentials_work,
    in_base64,
    plain,
    ready,
)
from conformance.wire.errors import ClosedError

_LETTERS = re.compile(rb"[A-Za-z0-9+/]*")
_NOBODY = base64.b64encode(b"\0nobody\0no such password")
"""32 characters that need no padding, so that padding among them breaks them."""

WRONG_OCTETS = (b"*", b"-", b"_", b"!", b"=", b'"', b".", b"\x80")
"""Outside the alphabet: cancelling and URL-safe characters, padding, punctuation, and an octet that is no ASCII."""


def _cannot_be_decoded(line: bytes) -> bool:
    """Whether no decoder that RFC 4648 allows makes octets of the line.

    Too much padding at the end may be ignored (§3.3), and how much was meant can be told where it is missing: a server
    that decodes such a line may go on to find the credentials wrong.
    """
    letters = line.rstrip(b"=")
    return _LETTERS.fullmatch(letters) is None or len(letters) % 4 == 1


def not_base64() -> SearchStrategy[bytes]:
    """Response lines that nobody can decode, none of them a lone `*`, none with white space at its ends."""
    fixed = st.sampled_from(
        (
            b"=AAA",
            b"AAA=BBB",
            _NOBODY[:-2] + b"=A",
            b"AGE*YgBj",
            b"AGE-YgB_",
            b"AGEA YgBj",
            b"A===",
            b"A",
            b"AAAAA==",
            b"AGEAYgBj*",
            b"{AGEAYgBj}",
        )
    )
    drawn = st.text("ABCDabcd0123+/=*-_. ", min_size=1, max_size=24).map(str.strip).map(str.encode)
    return st.one_of(fixed, drawn.filter(lambda line: line != b"*" and _cannot_be_decoded(line)))


@must("rfc4954/4/22")
@given(line=not_base64(), at_most=12)
def check_answers_what_is_no_base64_with_501(submission: Dial, line: bytes) -> None:
    """A response that cannot be decoded is answered 501.

    535 sends a user in search of a mistyped password. Servers have also fallen over such a response, or waited for
    more of it.
    """
    with ready(submission) as smtp:
        challenged(smtp)
        expect_code(smtp.command(line), {501}, because=f"{line!r} is no base64")


@must("rfc4954/4/24", "rfc4648/3.3/1")
@given(octet=st.sampled_from(WRONG_OCTETS), behind=st.booleans(), at_most=8)
def check_skips_no_wrong_character(submission: Dial, octet: bytes, *, behind: bool) -> None:
    """A character outside the alphabet, or padding in front, is refused and never skipped.

    The credentials around it are right, so that only a decoder that skips it lets them in. Two programs that decode one
    text to different octets are what filters are evaded with.
    """
    if behind and octet == b"=":
        return  # RFC 4648 §3.3 has a protocol decide on surplus padding at the end, and RFC 4954 does not.
    with ready(submission) as smtp:
        account = account_of(smtp)
        response = in_base64(plain(account.name, account.password))
        challenged(smtp)
        reply = smtp.command(response + octet if behind else octet + response)
        expect_refused(reply, because=f"{octet!r} is not in the base64 alphabet, or padding where none may be")


def _within(name: str, characters: str) -> str:
    """The name with characters put into the middle of its first part."""
    half = max(1, len(name.partition("@")[0]) // 2)
    return name[:half] + characters + name[half:]


@should("rfc4954/4/28", "rfc4616/2/16", "rfc4616/2/15")
@given(spelled=st.sampled_from(("soft hyphen", "full width", "soft hyphen in the password")), at_most=3)
def check_prepares_names(submission: Dial, spelled: str) -> None:
    """A name that SASLprep makes the user's own logs in: soft hyphens vanish, letters of full width become plain ones.

    A password likewise. Keyboards differ in how they write the same letters.
    """
    expect_credentials_work(submission)
    with ready(submission) as smtp:
        account = account_of(smtp)
        name, password = account.name, account.password
        if spelled == "soft hyphen":
            name = _within(name, "\u00ad")
        elif spelled == "full width":
            name = "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" and each.isalnum() else each for each in name)
        else:
            password += "\u00ad"
        reply = settled(answered(smtp, plain(name, password)))
    expect_code(reply, {235}, because=f"prepared by SASLprep, {name!r} and its password are those of {account.name}")


@must("rfc4954/4/29", "rfc4616/2/18")
@given(prohibited=st.sampled_from(("\u0007", "\u007f", "\u200e", "\ufffd", "\ue000", "\U000e0041")), at_most=6)
def check_refuses_names_that_cannot_be_prepared(submission: Dial, prohibited: str) -> None:
    """A name with a character that SASLprep forbids does not log in, though it is the user's without it.

    Controls, marks of direction and the like make two names that look the same, or one that looks like another.
    """
    with ready(submission) as smtp:
        account = account_of(smtp)
        name = _within(account.name, prohibited)
        reply = answered(smtp, plain(name, account.password))
        expect_refused(reply, because=f"{name!r} cannot be prepared")


@must("rfc4616/2/13")
@given(wrong=st.sampled_from(("password", "longer password", "name")), at_most=3)
def check_refuses_wrong_credentials(submission: Dial, wrong: str) -> None:
    """A wrong password, one that only begins like the right one, and an unknown name do not log in."""
    with ready(submission) as smtp:
        account = account_of(smtp)
        name, password = account.name, account.password
        if wrong == "name":
            name = "nobody-" + name
        else:
            password = "no such password" if wrong == "password" else password + "x"
        expect_refused(answered(smtp, plain(name, password)), because=f"the {wrong} is not the right one")


@should("rfc4954/4/32", "rfc4954/6/11")
def check_answers_wrong_credentials_with_535(submission: Dial) -> None:
    """Credentials that do not hold are answered 535, unless another code says more."""
    with ready(submission) as smtp:
        reply = settled(answered(smtp, plain(account_of(smtp).name, "no such password")))
    # 534 and 538 are codes of RFC 4954 §6 that say more, and so does 4yz.
    expect_code(reply, {535, 534, 538}, because="the password is wrong")


@must("rfc4616/2/4", "rfc4616/2/11", "rfc4616/2/5", "rfc4616/2/8")
def check_refuses_malformed_messages(submission: Dial) -> None:
    """A message without two NULs and something to each of them does not log in, though the right password is in it.

    A third NUL is the dangerous one: what one program takes for the password another takes for its beginning.
    """
    with ready(submission) as smtp:
        account = account_of(smtp)
    name, password = account.name.encode(), account.password.encode()
    for message in (
        b"\0" + name + b"\0" + password + b"\0",
        b"\0" + name + b"\0" + password + b"\0junk",
        name + b"\0" + password,
        b"\0\0" + password,
        b"\0" + name + b"\0",
        b"\0" + name,
    ):
        with ready(submission) as smtp:
            shown = message.replace(password, b"PASSWORD")
            reply = answered(smtp, message)
            expect_refused(reply, because=f"{shown!r} is not a message of PLAIN")


@must("rfc4616/2/4")
def check_refuses_an_empty_initial_response(submission: Dial) -> None:
    """`AUTH PLAIN =`, an initial response of nothing, does not log in and is not taken for a response still to come."""
    with ready(submission) as smtp:
        reply = smtp.command("AUTH PLAIN =")
        if reply.code == 334:
            smtp.command("*")
        expect_refused(reply, because="the response is there and is empty, which is no message of PLAIN")


@must("rfc4616/2/13")
def check_refuses_to_act_for_another(submission: Dial) -> None:
    """Right credentials with another user's name to act as do not log in: nobody has made them interchangeable.

    A server that passes over the name logs the client in as somebody other than the client believes.
    """
    accounts = submission.accounts
    if len(accounts) < 2:
        raise InconclusiveError("this check needs two accounts: repeat --account")
    expect_credentials_work(submission)
    with ready(submission) as smtp:
        account = account_of(smtp)
        message = plain(account.name, account.password, authzid=accounts[1].name)
        reply = answered(smtp, message)
        expect_refused(reply, because=f"{account.name} may not act as {accounts[1].name}")


@must("rfc4616/2/14")
def check_lets_a_user_act_as_oneself(submission: Dial) -> None:
    """Right credentials with the user's own name to act as log in like those without.

    Some clients fill in both names.
    """
    with ready(submission) as smtp:
        account = account_of(smtp)
        reply = settled(answered(smtp, plain(account.name, account.password, authzid=account.name)))
    if reply.code != 235:
        expect_credentials_work(submission)
        expect_code(reply, {235}, because="without the first name the same credentials log in")


@must("rfc4616/2/12", "rfc4616/2/6", "rfc4616/2/7", "rfc4616/2/9", "rfc4954/4/25")
@given(longest=st.sampled_from(("name", "password", "all three")), at_most=3)
def check_takes_long_names_and_passwords(submission: Dial, longest: str) -> None:
    """Names and passwords of 255 octets are looked at like any other: wrong they are, too long they are not."""
    name = b"n" * 255 if longest in ("name", "all three") else b"nobody"
    password = b"p" * 255 if longest in ("password", "all three") else b"wrong"
    with ready(submission) as smtp:
        reply = answered(smtp, plain(name, password, authzid=name if longest == "all three" else b""))
    if reply.code in (500, 501):
        with ready(submission) as smtp:
            short = answered(smtp, plain("nobody", "wrong", authzid="nobody" if longest == "all three" else ""))
        if short.code == reply.code:
            raise not_applicable(f"short ones are answered the same: {short}")
        expect(reply.code == short.code, f"the same as for short ones, {short.code}", reply)


@must("rfc4954/4/26", "rfc4954/6/14")
@given(octets=st.sampled_from((12_288, 20_000, 100_000)), at_most=3)
def check_answers_an_overlong_response_once(submission: Dial, octets: int) -> None:
    """A response longer than any buffer fails the exchange with one reply; nothing of it is taken for a command.

    500 is the code meant. A server with a larger buffer finds a message of the wrong form, and may say that.
    """
    with ready(submission) as smtp:
        challenged(smtp)
        # Where a buffer ends nobody outside knows, so every fourth character begins what would be a command line.
        try:
            reply = smtp.command(b"NOOP" * (octets // 4))
            smtp.send(b"QUIT\r\n")
            answer = smtp.read_reply(allow_421=True)
        except ClosedError:
            return
        finally:
            smtp.abandon()
    expect_refused(reply, because="the response is no message of PLAIN")
    if answer.code not in (221, 421):
        raise ViolationError("one reply to the response, and then 221 to QUIT", f"{reply}; then to QUIT: {answer}")
