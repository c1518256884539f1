"""The header of a message on its way: whom it is for, how far it has come (RFC 5321 §6.3, §7.2, appendix C)."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.delivery.check_trace import fields_of, is_called
from conformance.errors import InconclusiveError
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.dialogue import settled

HOP = (
    b"Received: from h%d.client.example by h%d.client.example with ESMTP id %d;\r\n\tMon, 5 Jan 2026 11:00:00 +0000\r\n"
)
HOPS = 99
"""Received fields that mail may have and be no loop; the server's own is the hundredth."""


@should("rfc5321/6.3/1")
def check_bears_a_hundred_received_fields(dial: Dial, mailbox: Mailbox) -> None:
    """Mail that has come over 99 hops is not taken for a loop.

    Every list, forwarder and filter on the way writes its fields, and a limit too low loses mail that merely travelled.
    """
    token = mailbox.token()
    hops = b"".join(HOP % (number + 1, number, number) for number in range(HOPS, 0, -1))
    with dial() as smtp:
        smtp.greet()
        reply = settled(mailbox.deliver(smtp, hops + mailbox.compose(token, b"text\r\n")))
        expect(reply.positive, f"a message with {HOPS} Received fields to be accepted", reply)


@must("rfc5321/C/7")
@given(field=st.sampled_from((b"To", b"Cc", b"Bcc", b"Resent-To", b"Apparently-To")), at_most=5)
def check_does_not_say_where_mail_goes(dial: Dial, mailbox: Mailbox, field: bytes) -> None:
    """Who is named in the header and not in the envelope does not get the message.

    A server that reads recipients from the header sends mail of lists and blind copies to people who were not meant.
    """
    accounts = dial.accounts
    other = accounts[1].address(dial.domain) if len(accounts) > 1 else None
    if other is None:
        raise InconclusiveError("this check needs two accounts: repeat --account")
    token = mailbox.token()
    header = b"%s: <%s>\r\n" % (field, mailbox.address.encode())
    message = header + mailbox.compose(token, b"text\r\n")
    with dial() as smtp:
        smtp.greet()
        smtp.begin(to=[other])
        if smtp.data().code != 354 or not smtp.text(message).positive:
            raise InconclusiveError("the message was refused")
    mailbox.settle()
    found = [each for each in mailbox.all_messages() if each.token == token]
    expect(not found, f"no message for {mailbox.address}, who is in {field.decode()} only", f"{len(found)} arrived")


@should("rfc5321/7.2/4", "rfc5321/7.2/3")
def check_gets_no_apparently_to(dial: Dial, mailbox: Mailbox) -> None:
    """A message without recipients in its header gets no Apparently-To field: it would give blind copies away."""
    token = mailbox.token()
    header, _, body = mailbox.compose(token, b"text\r\n").partition(b"\r\n\r\n")
    nameless = b"\r\n".join(line for line in header.split(b"\r\n") if not is_called(line, b"To"))
    with dial() as smtp:
        smtp.greet()
        smtp.begin_data()
        if not smtp.text(nameless + b"\r\n\r\n" + body).positive:
            raise InconclusiveError("a message without To is refused")
    added = [field for field in fields_of(mailbox.wait_for(token)) if is_called(field, b"Apparently-To")]
    expect(not added, "no Apparently-To field", repr(added))
