"""Header fields in UTF-8 where SMTPUTF8 is in use: RFC 6531 §3.1, §3.5, RFC 6532 §3."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.delivery.check_trace import fields_of, is_called
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.passage import hand_in
from conformance.smtp.session import SmtpSession
from conformance.smtp.strategies_text import joined
from conformance.wire.smtp import Reply

PARAMETERS = ("SMTPUTF8", "BODY=8BITMIME")

words = st.one_of(
    st.sampled_from(("grün", "Пётр Ильич", "阿爽", "𝒳", "שלום", "ü" * 400, '"Jürgen" <jürgen@bücher.example>')),
    st.text(st.characters(categories=("Lu", "Ll", "Lo"), min_codepoint=0x80), min_size=1, max_size=20),
).map(lambda text: unicodedata.normalize("NFC", text))
"""What people write in header fields: letters of all kinds, in the one form of each (RFC 6532 §3.1)."""


def _begin(smtp: SmtpSession) -> None:
    smtp.greet()
    if "SMTPUTF8" not in smtp.capabilities:
        raise not_applicable("the server does not offer SMTPUTF8")


@must("rfc6531/3.1/12")
@given(text=words, at_most=8)
def check_comes_through(dial: Dial, mailbox: Mailbox, text: str) -> None:
    """A header field in UTF-8 reaches the mailbox octet for octet.

    Who reads the mailbox by IMAP or POP3 without UTF-8 may be shown encoded words in its place, or nothing (RFC 6858).
    """
    sent = ["Comments: grün €".encode(), f"Comments: {text}".encode()]
    token = mailbox.token()
    with dial() as smtp:
        _begin(smtp)
        reply = hand_in(smtp, mailbox, token, b"text\r\n", headers=joined(sent), parameters=PARAMETERS)
    if not reply.positive:
        raise not_applicable(f"the message is refused: {reply}")
    message = mailbox.wait_until(lambda each: each.token == token)
    if message is None:
        # Dovecot's LMTP knows no SMTPUTF8, so that Postfix before it accepts the message and then returns it (§3.2).
        raise not_applicable("the message is accepted and does not arrive: some part of the mail system cannot take it")
    got = [field for field in fields_of(message) if is_called(field, b"Comments")]
    if all(b"=?" in field for field in got):
        return
    for field in sent:
        expect(field in got, f"{field!r} in the header", repr(got))


@must("rfc6531/3.5/5")
def check_refusals_have_their_code(dial: Dial, mailbox: Mailbox) -> None:
    """Where X.6.9 says that a recipient cannot take a header in UTF-8, the reply code before it is 554."""
    with dial() as smtp:
        _begin(smtp)
        headers = "Comments: grün\r\n".encode()
        reply = hand_in(smtp, mailbox, mailbox.token(), b"text\r\n", headers=headers, parameters=PARAMETERS)
    if not _is_about_the_header(reply):
        raise not_applicable("the message is not refused for its header")
    expect(reply.code == 554, "554 where the status code is 5.6.9", reply)


def _is_about_the_header(reply: Reply) -> bool:
    return reply.permanent and any(re.match(rb"5\.6\.9\b", line) for line in reply.lines)
