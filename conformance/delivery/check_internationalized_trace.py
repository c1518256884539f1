"""Trace fields where SMTPUTF8 is in use, and where it is not: RFC 6531 §3.7.3."""

from __future__ import annotations

from conformance.checks import must, should
from conformance.delivery.check_received_clauses import clauses_of
from conformance.delivery.check_trace import added_received
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial

A_LABEL = "xn--bcher-kva.example"
U_LABEL = "bücher.example".encode()


def _received(dial: Dial, mailbox: Mailbox, *parameters: str) -> bytes:
    """The Received field of a message from a client with an internationalized name."""
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        if "SMTPUTF8" not in smtp.capabilities:
            raise not_applicable("the server does not offer SMTPUTF8")
        if not smtp.ehlo(A_LABEL).positive:
            raise not_applicable(f"EHLO {A_LABEL} is refused")
        smtp.begin_data(parameters=parameters)
        if not smtp.text(mailbox.compose(token, b"text\r\n")).positive:
            raise InconclusiveError("the message was refused")
    added = added_received(mailbox.wait_for(token))
    if not added:
        raise InconclusiveError("the server wrote no Received field")
    return added[-1]


@must("rfc6531/3.7.3/1")
def check_is_ascii_without_the_parameter(dial: Dial, mailbox: Mailbox) -> None:
    """The Received field of a message without SMTPUTF8 is in ASCII: the next host may know nothing else."""
    field = _received(dial, mailbox)
    expect(field.isascii(), "a field in ASCII", repr(field))


@should("rfc6531/3.7.3/2", "rfc6531/3.7/1")
def check_shows_domains_in_unicode(dial: Dial, mailbox: Mailbox) -> None:
    """With SMTPUTF8, the client's name stands in the Received field as people write it."""
    field = _received(dial, mailbox, "SMTPUTF8")
    if A_LABEL.encode() not in field and U_LABEL not in field:
        raise not_applicable("the field does not have the client's name")
    expect(U_LABEL in field, f"{U_LABEL.decode()} in the field", repr(field))


@must("rfc6531/3.7.3/3", "rfc6531/3.1/13")
def check_names_the_protocol_with_utf8(dial: Dial, mailbox: Mailbox) -> None:
    """With SMTPUTF8, the protocol behind WITH is one of those that begin with UTF8."""
    field = _received(dial, mailbox, "SMTPUTF8")
    protocols = [value for name, value in clauses_of(field) if name == b"with"]
    if not protocols:
        raise not_applicable("the field has no WITH clause, which may be left out")
    for value in protocols:
        expect(value.upper().startswith((b"UTF8SMTP", b"UTF8LMTP")), "WITH UTF8SMTP, or the like", repr(field))
