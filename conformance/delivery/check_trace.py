"""Trace header fields of delivered mail: RFC 5321 §4.4."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.delivery.reading_back import accepted
from conformance.errors import InconclusiveError, ViolationError
from conformance.expectations import expect
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import Delivered

OLD_RECEIVED = (
    b"Received: from a.client.example (a.client.example [192.0.2.1])\r\n\tby b.client.example with ESMTP id 1;\r\n"
    b"\tMon, 5 Jan 2026 11:59:00 +0000\r\n",
    b"Received: (qmail 1 invoked by uid 0); 5 Jan 2026 11:58:00 -0000\r\n",
    b"RECEIVED:by b.client.example; Mon, 5 Jan 26 11:57 GMT\r\n",
    b"Received: from unknown (HELO x) (192.0.2.2)\r\n  by 0 with SMTP; 5 Jan 2026 11:56:00 -0000\r\n",
)
"""What earlier hops may have written, in good form and in bad; nobody on the way may touch it."""

_COMMENT = re.compile(rb"\((?:[^()\\]|\\.)*\)")
# Stamp = From-domain By-domain Opt-info [CFWS] ";" FWS date-time, comments taken out and white space folded.
_STAMP = re.compile(rb"(?i)\s*from\s+\S+\s+by\s+\S+(?:\s+[^;]*)?;\s*(?P<date>.+?)\s*")
# date-time = [ day-of-week "," ] date time, without the obsolete forms: four digits of year, a numeric zone.
_DATE = re.compile(rb"(?:[A-Za-z]{3},\s*)?\d{1,2}\s+[A-Za-z]{3}\s+(?P<year>\d+)\s+\d\d:\d\d(?::\d\d)?\s+(?P<zone>\S+)")


def fields_of(message: Delivered) -> list[bytes]:
    """The header fields in order, each with its folding and without its last CRLF."""
    return re.split(rb"\r\n(?![ \t])", message.header.removesuffix(b"\r\n"))


def is_called(field: bytes, name: bytes) -> bool:
    """Whether the field has that name, in any case."""
    return field.partition(b":")[0].strip().lower() == name.lower()


def added_received(message: Delivered) -> list[bytes]:
    """The Received fields above the first field that the judge sent, uppermost first."""
    fields = fields_of(message)
    first = next((at for at, field in enumerate(fields) if field.startswith(b"From: <")), len(fields))
    return [field for field in fields[:first] if is_called(field, b"Received")]


def _stamp_of(message: Delivered) -> bytes:
    """The value of the Received field that the server we spoke to wrote: the lowest one, comments taken out.

    Further up stand those of the hops inside the mail system, which the judge did not speak to.

    Raises:
        InconclusiveError: there is none, which is judged by itself.
    """
    added = added_received(message)
    if not added:
        raise InconclusiveError("the server wrote no Received field")
    value = added[-1].partition(b":")[2].replace(b"\r\n", b"")
    while (without := _COMMENT.sub(b" ", value)) != value:
        value = without
    return value


@must("rfc5321/4.4/1", "rfc5321/4.1.1.4/16", "rfc5321/4.4/7", "rfc5321/4.4/15", "rfc4954/7/1")
@given(own=st.lists(st.sampled_from(OLD_RECEIVED), max_size=3).map(b"".join), at_most=5)
def check_puts_received_on_top(dial: Dial, mailbox: Mailbox, own: bytes) -> None:
    """The server's Received field stands above everything that the client sent, other Received fields included.

    Loops are found, and delays measured, by reading these fields from below.
    """
    message = _with_own_received(dial, mailbox, own)
    fields = fields_of(message)
    last_own = next((at for at, field in enumerate(fields) if field.startswith(b"X-Mailspec-Token")), 0)
    expect(added_received(message), "a Received field above those that the message had", f"{message.header!r}")
    below = [field for field in fields[last_own + 1 :] if is_called(field, b"Received")]
    sent = [field for field in fields_of(Delivered(own + b"\r\n")) if field]
    expect(len(below) == len(sent), f"{len(sent)} Received fields where the client had put them", f"{below!r}")


@must("rfc5321/4.4/6", "rfc5321/4.4/7", "rfc5321/3.7.2/2", "rfc5321/4.1.1.4/18")
@given(own=st.permutations(OLD_RECEIVED).map(b"".join), at_most=5)
def check_leaves_older_received_alone(dial: Dial, mailbox: Mailbox, own: bytes) -> None:
    """Received fields that the message has keep every octet and their order, well-formed or not."""
    message = _with_own_received(dial, mailbox, own)
    expect(own in message.octets, f"{own!r} as it was", f"{message.header!r}")


def _with_own_received(dial: Dial, mailbox: Mailbox, own: bytes) -> Delivered:
    return mailbox.wait_for(accepted(dial, mailbox, b"text\r\n", headers=own))


@must("rfc5321/4.4/2", "rfc5321/4.4/3", "rfc5321/4.4/32", "rfc5321/4.4/34", "rfc5321/4.4/35", "rfc5321/4.1.1.4/17")
def check_writes_received_in_the_grammar(dial: Dial, mailbox: Mailbox) -> None:
    """The Received field has a FROM clause, a BY clause, a semicolon, and date and time."""
    stamp = _stamp_of(mailbox.wait_for(accepted(dial, mailbox, b"text\r\n")))
    match = _STAMP.fullmatch(stamp)
    expect(match, "FROM and BY, each with a name or address, a semicolon, and the date", repr(stamp))
    date = match["date"].decode("ascii", "replace") if match else ""
    try:
        parsedate_to_datetime(date)
    except ValueError:
        raise ViolationError("date and time behind the semicolon", repr(stamp)) from None


@must("rfc5321/4.4/33", "rfc5321/F.5/1")
def check_writes_the_year_in_full(dial: Dial, mailbox: Mailbox) -> None:
    """The year in the Received field has four digits."""
    match = _DATE.search(_stamp_of(mailbox.wait_for(accepted(dial, mailbox, b"text\r\n"))).rpartition(b";")[2])
    if match is None:
        raise InconclusiveError("no date is found in the Received field")
    expect(len(match["year"]) >= 4, "a year of four digits", repr(match[0]))


@should("rfc5321/4.4/8", "rfc5321/4.4/10")
def check_writes_the_zone_as_an_offset(dial: Dial, mailbox: Mailbox) -> None:
    """The zone in the Received field is a numeric offset, not a name."""
    match = _DATE.search(_stamp_of(mailbox.wait_for(accepted(dial, mailbox, b"text\r\n"))).rpartition(b";")[2])
    if match is None:
        raise InconclusiveError("no date is found in the Received field")
    expect(re.fullmatch(rb"[+-]\d{4}", match["zone"]), "an offset such as +0100", repr(match[0]))


@must("rfc5321/4.4/14", "rfc5321/4.4/11", "rfc5321/4.4/12")
def check_begins_with_the_return_path(dial: Dial, mailbox: Mailbox) -> None:
    """Delivered mail begins with its Return-Path line, and a Received line follows above what the client sent.

    Fields that no RFC knows, such as Delivered-To, between the two are let pass.
    """
    message = mailbox.wait_for(accepted(dial, mailbox, b"text\r\n"))
    fields = fields_of(message)
    expect(is_called(fields[0], b"Return-Path"), "Return-Path as the first line", repr(fields[0]))
    expect(added_received(message), "a Received field before the message's own", f"{message.header!r}")


@should("rfc5321/4.4/20")
def check_has_one_return_path(dial: Dial, mailbox: Mailbox) -> None:
    """Delivered mail has exactly one Return-Path line."""
    message = mailbox.wait_for(accepted(dial, mailbox, b"text\r\n"))
    found = [field for field in fields_of(message) if is_called(field, b"Return-Path")]
    expect(len(found) == 1, "one Return-Path line", repr(found))


@must("rfc5321/4.4/13", "rfc5321/4.4/30", "rfc5321/C/6", "rfc5321/3.6.1/5")
@given(
    sender=st.sampled_from(("", "sender@client.example", "Mixed.Case+tag@client.example", "x@sub.client.example")),
    at_most=4,
)
def check_shows_the_reverse_path(dial: Dial, mailbox: Mailbox, sender: str) -> None:
    """The Return-Path line has the reverse-path that MAIL gave, in angle brackets; `<>` for none.

    Programs that answer mail by themselves look here for whom to answer, and for `<>` to know whom not to.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        if not smtp.mail(sender).positive:
            # A sender may be refused by policy; the judge's own is known to be taken.
            smtp.rset()
            sender = smtp.setting.sender
        else:
            smtp.rset()
        smtp.begin(sender=sender)
        if smtp.data().code != 354 or not smtp.text(mailbox.compose(token, b"text\r\n")).positive:
            raise InconclusiveError("the message was refused")
    message = mailbox.wait_for(token)
    found = [field for field in fields_of(message) if is_called(field, b"Return-Path")]
    local, _, domain = sender.rpartition("@")
    wanted = f"<{local}@{domain.lower()}>" if sender else "<>"
    got = [field.partition(b":")[2].strip().decode("ascii", "replace") for field in found]
    shown = [
        value.rpartition("@")[0] + "@" + value.rpartition("@")[2].lower() if "@" in value else value for value in got
    ]
    expect(wanted in shown, f"Return-Path: {wanted}", repr(found))
