"""Parameters of MAIL and RCPT: RFC 5321 §4.1.1.11, SIZE (RFC 1870), BODY (RFC 6152)."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_code, expect_done
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import expect_sender_is_taken, mail_alone, settled
from conformance.smtp.session import SmtpSession
from conformance.smtp.strategies_commands import unknown_parameters

_SIZE_VALUE = re.compile(r"[0-9]{1,20}")

UNKNOWN_PARAMETER = frozenset({555, 504})
"""504, too, is for a parameter that is not implemented (RFC 5321 §4.2.1, §4.2.2)."""


def _extended(smtp: SmtpSession) -> None:
    smtp.greet()
    if not smtp.capabilities:
        raise not_applicable("the server offers no extension")


@must("rfc5321/4.1.1.11/1", "rfc5321/4.2.2/15", "rfc5321/4.1.2/9", "rfc5321/4.1.2/11")
@given(parameter=unknown_parameters())
def check_refuses_unknown_parameters_with_555(dial: Dial, parameter: str) -> None:
    """A parameter of MAIL or RCPT that the server does not know is refused with 555, never ignored.

    A client that asks for something it cannot have must learn that before it sends the message.
    """
    with dial() as smtp:
        smtp.greet()
        expect_sender_is_taken(smtp)
        for words in ("XMAILSPEC", "XMAILSPEC=1", parameter):
            reply = mail_alone(smtp, words)
            if not reply.transient:
                expect_code(reply, UNKNOWN_PARAMETER, because=f"no extension defines {words}")
        smtp.rset()
        smtp.begin()
        for words in ("XMAILSPEC", parameter):
            reply = smtp.rcpt(smtp.recipient, words)
            if not reply.transient:
                expect_code(reply, UNKNOWN_PARAMETER, because=f"no extension defines {words}")


def _size_offered(smtp: SmtpSession) -> str:
    _extended(smtp)
    if "SIZE" not in smtp.capabilities:
        raise not_applicable("the server does not offer SIZE")
    return smtp.capabilities["SIZE"]


def _limit(smtp: SmtpSession, *, unlimited: int = 0) -> int:
    """The fixed maximum that SIZE announces; `unlimited` stands for none, if it is given.

    Raises:
        NotApplicableError: none is announced.
    """
    value = _size_offered(smtp)
    if not _SIZE_VALUE.fullmatch(value):
        raise not_applicable("SIZE announces no number")
    if int(value) == 0 and not unlimited:
        raise not_applicable("SIZE 0: there is no fixed limit")
    return int(value) or unlimited


@must("rfc1870/3/3", "rfc1870/3/2", "rfc1870/3/8")
def check_size_announces_a_number(dial: Dial) -> None:
    """SIZE has at most one parameter on its EHLO line, of 1 to 20 digits."""
    with dial() as smtp:
        value = _size_offered(smtp)
        expect(not value or _SIZE_VALUE.fullmatch(value), "SIZE alone, or with a number", f"SIZE {value}")


@must("rfc1870/4/3", "rfc1870/3/6", "rfc1870/4/1", "rfc1870/6/1", "rfc1870/3/4")
@given(part=st.sampled_from([0, 1, 2]) | st.integers(2, 1000))
def check_takes_sizes_up_to_the_limit(dial: Dial, part: int) -> None:
    """MAIL with SIZE is accepted up to the number announced; only for want of room at present is it put off.

    0 announces that there is no fixed limit, and so no size that is refused for good.
    """
    with dial() as smtp:
        limit = _limit(smtp, unlimited=10**12)
        expect_sender_is_taken(smtp)
        for size in dict.fromkeys((limit, limit - 1, 0, 1, limit // max(part, 1))):
            reply = mail_alone(smtp, f"SIZE={size}")
            if not reply.transient:
                expect_done(reply, because=f"{size} is not above the limit of {limit}")


@must("rfc1870/7/3", "rfc1870/6.1/5", "rfc1870/6.1/1", "rfc1870/5/2")
@given(above=st.integers(1, 10**19))
def check_refuses_sizes_above_the_limit_with_552(dial: Dial, above: int) -> None:
    """MAIL that declares more than the number announced is answered 552, before the message is sent in vain."""
    with dial() as smtp:
        limit = _limit(smtp)
        expect_sender_is_taken(smtp)
        for size in dict.fromkeys((limit + 1, 10**20 - 1, min(limit + above, 10**20 - 1))):
            # Any code that MAIL may have is open to the server besides (§6.1), and 4yz says nothing of the size.
            reply = settled(mail_alone(smtp, f"SIZE={size}"))
            expect_code(reply, {552}, because=f"{size} is above the limit of {limit}")


@must("rfc5321/4.1.4/18")
def check_a_refused_size_is_forgotten(dial: Dial) -> None:
    """After a MAIL that was refused for its SIZE, one with an acceptable size is in order: the first is forgotten."""
    with dial() as smtp:
        limit = _limit(smtp)
        expect_sender_is_taken(smtp)
        for parameters in (["SIZE=100"], []):
            if mail_alone(smtp, f"SIZE={limit + 1}").positive:
                raise not_applicable("the server accepts sizes above its limit")
            reply = settled(smtp.mail(smtp.setting.sender, *parameters))
            expect_done(reply, because="the refused MAIL left the session as it was")


@should("rfc5321/4.3.2/7", "rfc1870/3/8")
@given(value=st.sampled_from(["10M", "-1", "+1", "1.5", "0x10", "1" * 21, "x"]))
def check_refuses_sizes_that_are_no_numbers(dial: Dial, value: str) -> None:
    """A SIZE parameter that is not 1 to 20 digits is refused as bad syntax.

    A server that reads as far as there are digits takes 10M for ten octets.
    """
    with dial() as smtp:
        _size_offered(smtp)
        for words in ("SIZE=ten", f"SIZE={value}"):
            reply = mail_alone(smtp, words)
            expect(not reply.positive, f"a refusal of {words}", reply)


@must("rfc6152/3/2", "rfc6152/2/5", "rfc6152/3/5", "rfc6152/2/3", "rfc6152/3/3")
def check_takes_both_values_of_body(dial: Dial) -> None:
    """A server that offers 8BITMIME accepts MAIL with BODY=7BIT and with BODY=8BITMIME."""
    with dial() as smtp:
        _extended(smtp)
        if "8BITMIME" not in smtp.capabilities:
            raise not_applicable("the server does not offer 8BITMIME")
        expect_sender_is_taken(smtp)
        for value in ("7BIT", "8BITMIME"):
            expect_done(settled(mail_alone(smtp, f"BODY={value}")), because="8BITMIME is offered")
