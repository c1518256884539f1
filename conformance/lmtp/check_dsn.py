"""DSN where LMTP offers it: the parameters are those of SMTP (RFC 2033 §4, RFC 3461 §5.1)."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import not_applicable
from conformance.expectations import expect_code
from conformance.fixtures import LmtpDial as Dial
from conformance.lmtp.session import LmtpSession
from conformance.smtp.dialogue import expect_sender_is_taken, mail_alone, settled
from conformance.smtp.strategies_dsn import BAD_OF_MAIL, in_any_case, notify_values, xtexts


def _greet(lmtp: LmtpSession) -> None:
    lmtp.greet()
    if "DSN" not in lmtp.capabilities:
        raise not_applicable("DSN is not offered")


@must("rfc3461/5.1/1", "rfc3461/5.1/2", "rfc3461/5.1/4", "rfc3461/5.1/5", "rfc2033/4/1")
@given(ret=in_any_case(st.sampled_from(("FULL", "HDRS"))), envid=xtexts(), notify=notify_values(), original=xtexts())
def check_valid_parameters_are_accepted(dial: Dial, ret: str, envid: str, notify: str, original: str) -> None:
    """MAIL and RCPT with valid parameters of DSN are answered like MAIL and RCPT without, as in SMTP."""
    with dial() as lmtp:
        _greet(lmtp)
        expect_sender_is_taken(lmtp)
        for words in ((f"RET={ret}",), (f"ENVID={envid}", f"RET={ret}")):
            expect_code(settled(mail_alone(lmtp, *words)), {250}, because="MAIL without parameters is accepted")
        lmtp.rset()
        lmtp.begin()
        for words in ((f"NOTIFY={notify}",), ("NOTIFY=NEVER", f"ORCPT=rfc822;{original}")):
            reply = settled(lmtp.rcpt(lmtp.recipient, *words))
            expect_code(reply, {250, 251}, because="RCPT without parameters is accepted")


@must("rfc3461/5.1/3", "rfc2033/4/1")
@given(words=st.sampled_from((*BAD_OF_MAIL, "RET=FULL RET=FULL", "ENVID=a ENVID=b")))
def check_bad_parameters_of_mail_are_answered_501(dial: Dial, words: str) -> None:
    """MAIL with a value of RET or ENVID that is none, or with one of them twice, is answered 501, as in SMTP."""
    with dial() as lmtp:
        _greet(lmtp)
        expect_sender_is_taken(lmtp)
        for each in dict.fromkeys(("ENVID=a+b", "RET=WHOLE", "ENVID=a ENVID=b", words)):
            expect_code(settled(mail_alone(lmtp, *each.split())), {501}, because=f"{each} is not valid")
