"""BINARYMIME: how it is offered, asked for, and kept from DATA (RFC 3030 §3). What arrives is judged in `delivery`."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import not_applicable
from conformance.expectations import expect, expect_code, expect_done, expect_refused
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import expect_sender_is_taken, mail_alone, settled
from conformance.smtp.passage import taken
from conformance.smtp.session import SmtpSession


def _greet(smtp: SmtpSession) -> None:
    smtp.greet()
    if "BINARYMIME" not in smtp.capabilities:
        raise not_applicable("BINARYMIME is not offered")


@must("rfc3030/3/2")
def check_is_offered_with_chunking(dial: Dial) -> None:
    """A server that lists BINARYMIME lists CHUNKING as well: there is no other way to send such a message."""
    with dial() as smtp:
        _greet(smtp)
        expect("CHUNKING" in smtp.capabilities, "CHUNKING beside BINARYMIME", ", ".join(smtp.capabilities))


@must("rfc3030/3/3")
def check_is_listed_alone(dial: Dial) -> None:
    """The EHLO line of BINARYMIME has nothing after the keyword."""
    with dial() as smtp:
        _greet(smtp)
        listed = smtp.capabilities["BINARYMIME"]
        expect(listed == "", "nothing after BINARYMIME", repr(listed))


@must("rfc3030/3/4", "rfc3030/3/5")
@given(value=st.sampled_from(("BINARYMIME", "binarymime", "8BITMIME", "7BIT")), at_most=4)
def check_takes_all_three_bodies(dial: Dial, value: str) -> None:
    """MAIL with BODY=BINARYMIME, and with the two values of 8BITMIME, is accepted like MAIL without."""
    with dial() as smtp:
        _greet(smtp)
        expect_sender_is_taken(smtp)
        for each in ("BINARYMIME", value):
            expect_done(settled(mail_alone(smtp, f"BODY={each}")), because="the same MAIL without BODY is accepted")


@must("rfc5321/4.1.1.11/1")
def check_is_refused_where_it_is_not_offered(dial: Dial) -> None:
    """A server that does not list BINARYMIME refuses MAIL with BODY=BINARYMIME.

    Its client would send octets that nobody promised to carry.
    """
    with dial() as smtp:
        smtp.greet()
        if "BINARYMIME" in smtp.capabilities:
            raise not_applicable("BINARYMIME is offered")
        expect_sender_is_taken(smtp)
        expect_refused(mail_alone(smtp, "BODY=BINARYMIME"), because="BINARYMIME is not offered")


@must("rfc3030/3/12")
@given(value=st.sampled_from(("BINARYMIME", "BinaryMime")), at_most=2)
def check_data_is_answered_503(dial: Dial, value: str) -> None:
    """DATA after MAIL with BODY=BINARYMIME is answered 503: octets of any value have no place between lines."""
    with dial() as smtp:
        _greet(smtp)
        smtp.begin(parameters=(f"BODY={value}",))
        reply = settled(smtp.data())
        if reply.code == 354:
            smtp.raw_text(b".\r\n")
        expect_code(reply, {503}, because="the message was announced as binary")
        expect_done(smtp.rset(), because="RSET clears whatever state that left")


@must("rfc3030/3/23")
@given(body=st.sampled_from((b"one line\r\n", b"one line\r\n.dot\r\n\r\nlast\r\n")), at_most=2)
def check_a_binary_label_alone_is_no_reason_to_refuse(dial: Dial, mailbox: Mailbox, body: bytes) -> None:
    """A message whose header says Content-Transfer-Encoding: binary is accepted though MAIL did not announce it.

    Its text is of lines here, so that nothing else speaks against it.
    """
    with dial() as smtp:
        _greet(smtp)
    headers = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
    taken(dial, mailbox, body, what="a message labelled binary", headers=headers)
