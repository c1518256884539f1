"""What went in by BDAT comes out over IMAP and POP3, as it would have by DATA (RFC 3030 §2, §3)."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.delivery.reading_back import expect_came_through, over_imap, over_pop3
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import assert_same_octets
from conformance.fixtures import ImapDial, Mailbox, Pop3Dial
from conformance.fixtures import SmtpDial as Dial
from conformance.messages import Delivered
from conformance.smtp.chunks import greet_for_chunks, pieces_of, places_to_cut, send_chunk
from conformance.smtp.passage import MIME_8BIT, body_of
from conformance.smtp.strategies import dotted_bodies
from conformance.smtp.strategies_text import blank_bodies, eight_bit_bodies, joined

BODIES = st.builds(
    lambda dotted, blank, rest: b".\r\n..\r\n." + b"x" * 997 + b"\r\n" + dotted + blank + rest,
    dotted_bodies(),
    blank_bodies(),
    st.sampled_from((b"last\r\n", b"last", joined([b"."]), joined([b"", b".", b"QUIT", b""]))),
)
"""Text that a server which thinks of DATA would change: periods first of all, and a last line without its CRLF."""

_LONE_PERIOD = re.compile(rb"^\.\r\n", re.MULTILINE)

# A server that does not stuff ends its answer at a lone period, and what is left over would be read as further answers.
WITHOUT_LONE_PERIODS = BODIES.map(lambda body: _LONE_PERIOD.sub(b".x\r\n", body))


def _accepted(
    dial: Dial,
    mailbox: Mailbox,
    body: bytes,
    cuts: list[int],
    *,
    headers: bytes = b"",
    parameters: tuple[str, ...] = (),
) -> str:
    """Hand a message in by BDAT and wait until it has arrived; its token."""
    token = mailbox.token()
    chunks = pieces_of(mailbox.compose(token, body, headers=headers), cuts)
    with dial() as smtp:
        greet_for_chunks(smtp)
        smtp.begin(parameters=parameters)
        for number, chunk in enumerate(chunks, 1):
            reply = send_chunk(smtp, chunk, last=number == len(chunks))
            if not reply.positive:
                raise InconclusiveError(f"chunk {number} of {len(chunks)} was refused: {reply}")
    mailbox.wait_for(token)
    return token


def _expect_came_through(message: Delivered, sent: bytes) -> None:
    """As by DATA, save that a last line without CRLF may get one: nothing is said of where that is put in."""
    if not sent.endswith(b"\r\n"):
        sent += b"\r\n"
        message = Delivered(message.octets.removesuffix(b"\r\n") + b"\r\n")
    expect_came_through(message, sent)


@must("rfc3030/2/28", "rfc3030/2/13", "rfc3030/2/7", "rfc3501/6.4.5/9")
@given(body=BODIES, cuts=places_to_cut(), at_most=8)
def check_come_out_over_imap_as_they_went_in(
    dial: Dial, mailbox: Mailbox, imap: ImapDial, body: bytes, cuts: list[int]
) -> None:
    """A message in chunks, cut anywhere, is the same over IMAP octet for octet: no period is taken off any line."""
    token = _accepted(dial, mailbox, body, cuts)
    _expect_came_through(over_imap(imap, token).message, mailbox.compose(token, body))


@must("rfc3030/2/28", "rfc3030/2/13", "rfc3030/2/7", "rfc1939/5/27", "rfc1939/3/17")
@given(body=WITHOUT_LONE_PERIODS, cuts=places_to_cut(), at_most=8)
def check_come_out_over_pop3_as_they_went_in(
    dial: Dial, mailbox: Mailbox, pop3: Pop3Dial, body: bytes, cuts: list[int]
) -> None:
    """A message in chunks, cut anywhere, is the same over POP3 octet for octet: no period is taken off any line."""
    token = _accepted(dial, mailbox, body, cuts)
    _expect_came_through(over_pop3(pop3, token).message, mailbox.compose(token, body))


@must("rfc3030/2/7", "rfc6152/3/11")
@given(body=eight_bit_bodies(), cuts=places_to_cut(), at_most=6)
def check_keep_all_eight_bits(dial: Dial, mailbox: Mailbox, imap: ImapDial, body: bytes, cuts: list[int]) -> None:
    """8-bit text that was announced may come in chunks, and every octet above 127 arrives as it is."""
    if not dial.facts.offers("8BITMIME"):
        raise not_applicable("8BITMIME is not offered")
    token = _accepted(dial, mailbox, body, cuts, headers=MIME_8BIT, parameters=("BODY=8BITMIME",))
    got = bytes(octet for octet in body_of(over_imap(imap, token).message) if octet > 0x7F)
    assert_same_octets(got, bytes(octet for octet in body if octet > 0x7F), what="octets above 127")


MIME_BINARY = b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"

_ALL_BUT_NUL = bytes(range(1, 0x100))
"""Every octet that an IMAP literal may hold (RFC 3501 §9): NUL would show how IMAP copes, and nothing of SMTP."""


@must("rfc3030/3/9", "rfc3030/3/10")
@given(body=st.lists(st.sampled_from(_ALL_BUT_NUL), max_size=60).map(bytes), cuts=places_to_cut(), at_most=6)
def check_keep_every_bit_of_binary_messages(
    dial: Dial, mailbox: Mailbox, imap: ImapDial, body: bytes, cuts: list[int]
) -> None:
    """After BODY=BINARYMIME every octet of the chunks arrives as it is: a lone CR and a lone LF as well."""
    if not dial.facts.offers("BINARYMIME"):
        raise not_applicable("BINARYMIME is not offered")
    body = _ALL_BUT_NUL + b"\n.\n\r.\r" + body + b"end"
    token = _accepted(dial, mailbox, body, cuts, headers=MIME_BINARY, parameters=("BODY=BINARYMIME",))
    got = body_of(over_imap(imap, token).message)
    assert_same_octets(got.removesuffix(b"\r\n"), body, what="octets of body")
