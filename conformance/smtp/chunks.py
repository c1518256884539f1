"""Mail text in chunks, as a client sends it: BDAT (RFC 3030 §2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.errors import InconclusiveError, ViolationError, not_applicable
from conformance.fixtures import Mailbox
from conformance.smtp.dialogue import settled
from conformance.smtp.session import SmtpSession
from conformance.wire.smtp import Reply


def bdat(octets: bytes, *, last: bool = False) -> bytes:
    """A BDAT command with the octets that it announces."""
    return b"BDAT %d%s\r\n" % (len(octets), b" LAST" if last else b"") + octets


def pieces_of(text: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The text cut at these places, in order; cuts beyond its end, or at its ends, are none."""
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(text)}), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def places_to_cut(*, most: int = 5) -> SearchStrategy[list[int]]:
    """Places to cut a short message at, near its beginning more often than not."""
    return st.lists(st.one_of(st.integers(1, 40), st.integers(1, 700)), max_size=most)


def greet_for_chunks(smtp: SmtpSession) -> None:
    """Greet a server that takes chunks.

    Raises:
        NotApplicableError: CHUNKING is not offered.
    """
    smtp.greet()
    if "CHUNKING" not in smtp.capabilities:
        raise not_applicable("CHUNKING is not offered")


def send_chunk(smtp: SmtpSession, octets: bytes, *, last: bool = False) -> Reply:
    """The reply to one chunk.

    Raises:
        InconclusiveError: it is put off (4yz): ask again later.
    """
    smtp.send(bdat(octets, last=last))
    return settled(smtp.read_reply())


def expect_chunks_are_taken(
    smtp: SmtpSession, mailbox: Mailbox, chunks: Sequence[bytes], *, parameters: Sequence[str] = ()
) -> None:
    """A message in these chunks is taken: 250 to each of them, the last one's for the message.

    Raises:
        ViolationError: a chunk got another answer, though the same message is accepted by DATA.
        InconclusiveError: it is not accepted by DATA either, or put off.
    """
    smtp.begin(parameters=parameters)
    for number, chunk in enumerate(chunks, 1):
        reply = send_chunk(smtp, chunk, last=number == len(chunks))
        if reply.code == 250:
            continue
        if reply.permanent:
            smtp.rset()
            by_data = mailbox.deliver(smtp, b"".join(chunks), parameters=parameters)
            if not by_data.positive:
                raise InconclusiveError(f"the same message is refused by DATA too: {by_data}")
        raise ViolationError(f"250 to chunk {number} of {len(chunks)}, of {len(chunk)} octets", str(reply))
