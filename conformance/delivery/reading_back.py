"""One delivered message, as a POP3 client (RFC 1939) and as an IMAP client (RFC 3501) gets it."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.errors import InconclusiveError, ViolationError
from conformance.expectations import assert_same_octets
from conformance.fixtures import ImapDial, Mailbox, Pop3Dial, SmtpDial
from conformance.messages import Delivered
from conformance.smtp.passage import hand_in


@dataclass(frozen=True, slots=True)
class Found:
    """A message as one protocol shows it. `size` is what the protocol says of it beforehand, None if nothing."""

    message: Delivered
    size: int | None


def accepted(
    dial: SmtpDial, mailbox: Mailbox, body: bytes, *, headers: bytes = b"", parameters: tuple[str, ...] = ()
) -> str:
    """Hand a message in and wait until it has arrived; its token.

    Raises:
        InconclusiveError: it was refused, which is no matter of delivery.
        ViolationError: it was accepted and did not arrive.
    """
    token = mailbox.token()
    with dial() as smtp:
        smtp.greet()
        reply = hand_in(smtp, mailbox, token, body, headers=headers, parameters=parameters)
        if not reply.positive:
            raise InconclusiveError(f"the message was refused: {reply}")
    mailbox.wait_for(token)
    return token


def over_pop3(pop3: Pop3Dial, token: str) -> Found:
    """The message with this token, by LIST and RETR.

    Raises:
        InconclusiveError: POP3 does not show it, though it is in the mailbox.
    """
    with pop3() as session:
        session.log_in()
        stat = str(session.stat()).split()
        if len(stat) < 2 or not stat[1].isdigit():
            raise InconclusiveError(f"STAT does not say how many messages there are: {stat}")
        for number in range(int(stat[1]), 0, -1):
            listed = str(session.list(number)).split()
            response = session.retr(number)
            message = Delivered(response.content)
            if response.ok and message.token == token:
                size = int(listed[2]) if len(listed) > 2 and listed[2].isdigit() else None
                return Found(message, size)
    raise InconclusiveError(f"POP3 shows no message with the token {token}")


def over_imap(imap: ImapDial, token: str) -> Found:
    """The message with this token, by FETCH.

    Raises:
        InconclusiveError: IMAP does not show it, though it is in the mailbox.
    """
    with imap() as session:
        session.log_in()
        answer = session.select("INBOX", examine=True)
        exists = [response.number or 0 for response in answer.named("EXISTS")]
        for number in range(exists[-1] if exists else 0, 0, -1):
            items = session.command(f"FETCH {number} (RFC822.SIZE BODY.PEEK[])").fetched(number)
            octets, size = items.get("BODY[]"), items.get("RFC822.SIZE")
            if isinstance(octets, bytes) and Delivered(octets).token == token:
                said = int(size) if isinstance(size, bytes) and size.isdigit() else None
                return Found(Delivered(octets), said)
    raise InconclusiveError(f"IMAP shows no message with the token {token}")


def lines_of(header: bytes) -> list[bytes]:
    """The lines of a header, folded ones as they stand."""
    return header.removesuffix(b"\r\n").split(b"\r\n")


def expect_came_through(message: Delivered, sent: bytes) -> None:
    """The message holds what was sent octet for octet; further header fields may have been put in.

    A server may add fields (trace, filters' marks), and nothing tells it where except for Received and Return-Path. It
    may neither change nor drop nor reorder those that were there.

    Raises:
        ViolationError: a line of the header, or an octet of the body, is missing or another.
    """
    original = Delivered(sent)
    at = 0
    got = lines_of(message.header)
    for line in lines_of(original.header):
        try:
            at = got.index(line, at) + 1
        except ValueError:
            raise ViolationError(
                f"the header line {line!r} as it was sent, in its place", f"{message.header!r}"
            ) from None
    assert_same_octets(message.body, original.body, what="octets of body")
