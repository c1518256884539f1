"""What a submission service does to the text of messages: RFC 6409 §4.2, §5.1, §8.

All messages here lack Message-ID, which such a service adds: so it alters text, and is bound by what binds who does.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import Delivered
from conformance.smtp.dialogue import settled
from conformance.smtp.syntax import DATE_TIME, HOST, MESSAGE_ID
from conformance.wire.smtp import Reply

ADDED = (b"date", b"message-id", b"sender")
"""Fields that RFC 6409 §8 has a submission service add."""


def _fields(header: bytes, name: bytes) -> list[bytes]:
    """The bodies of all fields of that name, unfolded."""
    pattern = rb"^" + name + rb"[ \t]*:((?:[^\r\n]|\r\n[ \t])*)"
    return [found.replace(b"\r\n", b"").strip() for found in re.findall(pattern, header, re.IGNORECASE | re.MULTILINE)]


def _message(mailbox: Mailbox, token: str, field: bytes = b"", *, author: str = "") -> bytes:
    """A message to the mailbox from its owner, or from `author`, with this field; it has no Date and no Message-ID."""
    message = mailbox.compose(token, b"text\r\n", headers=field)
    message = re.sub(rb"(?m)^(?:Message-ID|Date):.*\r\n", b"", message, count=2)
    return re.sub(rb"^From: <.*>", b"From: <%s>" % (author or mailbox.address).encode(), message)


def _sent(dial: Dial, message: bytes) -> Reply:
    """The reply to the end of a message from the owner of the mailbox to himself."""
    with dial() as smtp:
        smtp.greet()
        smtp.begin_data()
        return settled(smtp.text(message))


def _submitted(msa: Dial, mailbox: Mailbox, field: bytes = b"") -> Delivered:
    """How a message with that field arrives."""
    token = mailbox.token()
    reply = _sent(msa, _message(mailbox, token, field))
    if not reply.positive:
        raise not_applicable(f"a message like that is refused: {reply}")
    return mailbox.wait_for(token)


@should("rfc6409/8.3/1")
def check_messages_without_message_id_get_one(msa: Dial, mailbox: Mailbox) -> None:
    """A message without Message-ID arrives with one: replies and archives hang on it, and some clients write none."""
    found = _fields(_submitted(msa, mailbox).header, b"message-id")
    expect(len(found) == 1 and MESSAGE_ID.fullmatch(found[0]), "one Message-ID in the delivered message", found)


NO_IDS = (b"mailspec", b"<mailspec>", b"<mail spec@client.example>", b"mailspec@client.example", b"<@>")


@should("rfc6409/8.3/1")
@given(written=st.sampled_from(NO_IDS), at_most=3)
def check_a_message_id_that_is_none_is_replaced(msa: Dial, mailbox: Mailbox, written: bytes) -> None:
    """Where the text of Message-ID is not of its grammar, the message arrives with another."""
    found = _fields(_submitted(msa, mailbox, b"Message-ID: " + written + b"\r\n").header, b"message-id")
    expect(len(found) == 1 and MESSAGE_ID.fullmatch(found[0]), "one Message-ID, and that a valid one", found)


LINE = re.compile(rb"[!-9;-~]+[ \t]*:[^\r\n]*|[ \t][^\r\n]*")
"""One line of a header section without its CRLF: the first of a field, or one that folds it (RFC 5322 §2.2)."""

ONCE = (b"date", b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"message-id", b"subject")
"""Fields of which a message has one at the most (RFC 5322 §3.6)."""

PLAIN = (
    b"",
    b"Subject-Of-Old: a\r\n folded\r\n\tline\r\n",
    b"Cc: <carol@client.example>,\r\n <dave@client.example>\r\n",
)


@must("rfc6409/8/2")
@given(field=st.sampled_from(PLAIN), at_most=3)
def check_what_is_added_makes_a_valid_header(msa: Dial, mailbox: Mailbox, field: bytes) -> None:
    """A message arrives with a header of RFC 5322: one Date, one Message-ID, lines that are fields, each in its form.

    That it has neither is the client's doing. What is added is the server's.
    """
    header = _submitted(msa, mailbox, field).header
    wrong = [line for line in header.removesuffix(b"\r\n").split(b"\r\n") if not LINE.fullmatch(line)]
    expect(not wrong, "a header section of fields and folded lines", wrong[:3])
    doubled = [name for name in ONCE if len(_fields(header, name)) > 1]
    expect(not doubled, "one field of each of these names at the most", doubled)
    for name, form in ((b"date", DATE_TIME), (b"message-id", MESSAGE_ID)):
        odd = [found for found in _fields(header, name) if not form.fullmatch(found)]
        expect(not odd, f"{name.decode()} in the form of RFC 5322", odd)


def _passes(msa: Dial, dial: Dial, mailbox: Mailbox, field: bytes) -> bytes:
    """Cc as it arrives, where it still has `field` in it and the service is seen to alter texts; else nothing.

    What is added to mail that came in by SMTP, too, may be the work of whoever delivers, so that it does not count.
    """
    token = mailbox.token()
    reply = _sent(msa, _message(mailbox, token, b"Cc: " + field + b"\r\n"))
    if not reply.positive:
        return b""
    header = mailbox.wait_for(token).header
    found = b", ".join(_fields(header, b"cc"))
    if field not in found:
        return b""
    if msa.endpoint == dial.endpoint:
        raise not_applicable("without an endpoint for SMTP nothing shows who alters messages")
    other = mailbox.token()
    if not _sent(dial, _message(mailbox, other)).positive:
        raise not_applicable("what alters messages does not show: by SMTP such a message is refused")
    delivered = mailbox.wait_for(other).header
    if not any(_fields(header, name) and not _fields(delivered, name) for name in ADDED):
        raise not_applicable("the service leaves the text of messages alone, as far as can be seen")
    return found


@must("rfc6409/4.2/2")
def check_domains_of_address_fields_are_full_ones(msa: Dial, smtp: Dial, mailbox: Mailbox) -> None:
    """A service that alters text lets no bare host name through in an address field.

    Others cannot answer to it, or answer to a host of their own that has the same name.
    """
    found = _passes(msa, smtp, mailbox, b"<mailspec@mailspec-host>")
    expect(not found, "the message to be refused, or a full domain in Cc", found)


ILLEGAL = (b"<a b@client.example>", b"<a@b@client.example>", b"<a@client..example>", b"<@client.example>", b"<a@>")


@should("rfc6409/5.1/2")
@given(address=st.sampled_from(ILLEGAL), at_most=3)
def check_illegal_addresses_in_address_fields_are_rejected(
    msa: Dial, smtp: Dial, mailbox: Mailbox, address: bytes
) -> None:
    """A service that alters text refuses address fields that break the grammar while the user can still mend them."""
    found = _passes(msa, smtp, mailbox, address)
    expect(not found, f"a message with Cc: {address!r} to be refused", found)


@must("rfc6409/8.1/2")
def check_sender_is_a_valid_address(msa: Dial, smtp: Dial, mailbox: Mailbox) -> None:
    """Where a service adds Sender to a message that somebody else wrote, the address in it is one.

    It has a full domain; and if that is the domain of the accounts, the server does not say that there is no such user.
    """
    token = mailbox.token()
    if not _sent(msa, _message(mailbox, token, author="mailspec@client.example")).positive:
        raise not_applicable("a message that somebody else wrote is refused")
    found = _fields(mailbox.wait_for(token).header, b"sender")
    if not found:
        raise not_applicable("no Sender is added")
    address = re.sub(rb"^.*<(.*)>$", rb"\1", found[0])
    local, at, domain = address.rpartition(b"@")
    full = b"." in domain or domain.decode("ascii", "replace").lower() == msa.domain.lower()
    expect(local and at and HOST.fullmatch(domain) and full, "an address with a full domain in Sender", found[0])
    if domain.decode().lower() != msa.domain.lower():
        return
    with smtp() as session:
        session.greet()
        session.begin()
        reply = session.rcpt(address)
    expect(reply.code not in {550, 551, 553}, f"RCPT TO:<{address.decode()}> not to be refused as no address", reply)
