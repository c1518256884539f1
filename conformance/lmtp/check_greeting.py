"""LHLO, the extensions that it lists, and the rest of SMTP: RFC 2033 §4, §4.1, §5."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_code
from conformance.fixtures import LmtpDial as Dial
from conformance.smtp.session import CLIENT_NAME


@must("rfc2033/4.1/2", "rfc2033/4.1/1")
def check_lhlo_lists_extensions(dial: Dial) -> None:
    """LHLO is answered 250, with a keyword on each further line, as EHLO is in SMTP."""
    with dial() as lmtp:
        reply = lmtp.ehlo()
        expect_code(reply, {250}, because="LHLO has the place of EHLO")
        # There are two that no LMTP server may do without (§5).
        expect(lmtp.capabilities, "a line for each extension", reply)


@must("rfc2033/4.1/4", "rfc2033/4.1/3")
@given(verb=st.sampled_from(("HELO", "EHLO", "ehlo")))
def check_is_not_greeted_as_smtp_is(dial: Dial, verb: str) -> None:
    """HELO and EHLO are refused: whoever sends them expects one reply to the text, and takes the first for all."""
    for word in dict.fromkeys(("HELO", "EHLO", verb)):
        with dial() as lmtp:
            reply = lmtp.command(f"{word} {CLIENT_NAME}")
            expect(not reply.positive, f"{word} to be refused", reply)


@should("rfc2033/4.1/5")
def check_does_not_know_helo_and_ehlo(dial: Dial) -> None:
    """HELO and EHLO are answered 500, as any word that is no command."""
    with dial() as lmtp:
        for verb in ("HELO", "EHLO"):
            reply = lmtp.command(f"{verb} {CLIENT_NAME}")
            if reply.positive:
                raise not_applicable(f"{verb} is accepted, which is judged by itself")
            expect_code(reply, {500}, because=f"{verb} is no command of LMTP")


@must("rfc2033/5/2")
def check_offers_pipelining_and_status_codes(dial: Dial) -> None:
    """PIPELINING and ENHANCEDSTATUSCODES are on offer: a queue waits for each of the replies, and reads why."""
    with dial() as lmtp:
        lmtp.greet()
        missing = [word for word in ("PIPELINING", "ENHANCEDSTATUSCODES") if word not in lmtp.capabilities]
        expect(not missing, "both in the reply to LHLO", f"no {' and no '.join(missing)}")


@should("rfc2033/5/3")
def check_offers_8bitmime(dial: Dial) -> None:
    """8BITMIME is on offer."""
    with dial() as lmtp:
        lmtp.greet()
        if not lmtp.capabilities:
            raise not_applicable("the server lists no extension, which is judged by itself")
        expect("8BITMIME" in lmtp.capabilities, "8BITMIME in the reply to LHLO", sorted(lmtp.capabilities))


@must("rfc2033/4/1")
def check_is_smtp_otherwise(dial: Dial) -> None:
    """RSET, NOOP, MAIL and RCPT are there, in the order and with the meaning that SMTP gives them."""
    with dial() as lmtp:
        lmtp.greet()
        expect_code(lmtp.rset(), {250}, because="RSET is a command of SMTP")
        expect_code(lmtp.noop(), {250}, because="NOOP is a command of SMTP")
        expect(lmtp.rcpt(lmtp.recipient).permanent, "RCPT before MAIL to be refused", "it is not")
        lmtp.begin()
        expect_code(lmtp.rset(), {250}, because="RSET is a command of SMTP")
        expect(lmtp.rcpt(lmtp.recipient).permanent, "RCPT after RSET to be refused", "it is not")
