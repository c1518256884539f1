"""BDAT, the command: its form, its place among the others, and what its last chunk ends (RFC 3030 §2)."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import destructive, given, must, should
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect, expect_code, expect_done, expect_refused
from conformance.fixtures import Mailbox
from conformance.fixtures import SmtpDial as Dial
from conformance.smtp.chunks import (
    expect_chunks_are_taken,
    greet_for_chunks,
    pieces_of,
    places_to_cut,
    send_chunk,
)
from conformance.smtp.dialogue import ask, expect_no_recipients, settled
from conformance.wire.errors import SilenceError

LARGEST_TRY = 32 * 1024 * 1024
"""Octets above which no message is sent just to see whether the limit holds."""

MEBIBYTE = 1024 * 1024


@must("rfc3030/2/8", "rfc3030/2/12", "rfc3030/2/13", "rfc3030/2/17", "rfc3030/2/2")
@given(cuts=places_to_cut(), empty_last=st.booleans())
def check_each_chunk_is_answered_250(dial: Dial, mailbox: Mailbox, cuts: list[int], *, empty_last: bool) -> None:
    """Every chunk of a message gets its own 250, and with the last one, which may be empty, the message is whole.

    A client that waits for an answer to each chunk would hang without it, or believe in a message that is not there.
    """
    token = mailbox.token()
    message = mailbox.compose(token, b"first line\r\nsecond line\r\n")
    with dial() as smtp:
        greet_for_chunks(smtp)
        expect_chunks_are_taken(smtp, mailbox, [*pieces_of(message, cuts), *([b""] if empty_last else ())])
        expect_no_recipients(smtp, because="the last chunk ended the transaction")
    mailbox.wait_for(token)


@must("rfc3030/2/3", "rfc3030/2/4", "rfc3030/2/2")
@given(form=st.sampled_from((b"BDAT %d LAST", b"BDAT 0000%d LAST", b"bdat %d last", b"Bdat 0%d Last")), at_most=6)
def check_the_command_is_read_in_all_its_forms(dial: Dial, mailbox: Mailbox, form: bytes) -> None:
    """The size may have zeros in front, and BDAT and LAST are understood in any case."""
    message = mailbox.compose(mailbox.token(), b"one line\r\n")
    with dial() as smtp:
        greet_for_chunks(smtp)
        smtp.begin()
        reply = send_chunk(smtp, message, last=True)
        if not reply.positive:
            raise InconclusiveError(f"BDAT in its usual form is refused: {reply}")
        smtp.begin()
        smtp.send(form % len(message) + b"\r\n" + message)
        reply = settled(smtp.read_reply())
        expect_code(reply, {250}, because=f"{form.decode() % len(message)} announces the same octets")


@should("rfc5321/4.3.2/7", "rfc3030/2/3", "rfc3030/2/2")
@given(size=st.sampled_from(("-1", "x", "", "1x", "0x0", "1.0", "+0", "LAST", "0 LATER", "0,LAST")), at_most=8)
def check_sizes_that_are_no_numbers_are_refused(dial: Dial, size: str) -> None:
    """BDAT without a size of digits, or with another word than LAST behind it, is refused, and nothing is delivered.

    The grammar binds who writes the command; that a server refuses what is not in it is advice (RFC 5321 §4.3.2).

    No octets follow here: what a server made of them would be its guess. It may as well end the session, since it
    cannot know where the next command begins.
    """
    with dial() as smtp:
        greet_for_chunks(smtp)
        smtp.begin()
        line = f"BDAT {size}".rstrip()
        try:
            reply = ask(smtp, line)
        except SilenceError:
            # Waiting for octets is a guess too, but nothing is obeyed by it.
            smtp.abandon()
            dial.remark(f"the server waits for more after {line}")
            return
        if reply is None:
            return
        # What is refused may end the session as well.
        smtp.abandon()
        expect_refused(reply, because=f"{line} is not in the grammar of BDAT")


@must("rfc3030/2/15")
@given(chunk=st.sampled_from((b"", b"NOOP\r\n", b"x" * 300)), last=st.booleans(), at_most=5)
def check_after_the_last_chunk_another_is_answered_503(
    dial: Dial, mailbox: Mailbox, chunk: bytes, *, last: bool
) -> None:
    """BDAT behind BDAT LAST is answered 503: that message is complete, and the next one has no recipients yet."""
    message = mailbox.compose(mailbox.token(), b"one line\r\n")
    with dial() as smtp:
        greet_for_chunks(smtp)
        smtp.begin()
        if not send_chunk(smtp, message, last=True).positive:
            raise InconclusiveError("the message is refused")
        # An empty chunk that is not the last may be refused for what it is.
        reply = send_chunk(smtp, chunk, last=last or not chunk)
        # RFC 3030 §2 leaves open what state that ends in; what becomes of the octets `check_chunks` judges.
        smtp.abandon()
        expect_code(reply, {503}, because="the chunk before was the last")


@must("rfc3030/2/24")
@given(chunk=st.sampled_from((b"Subject: x\r\n\r\n", b"x")), at_most=2)
def check_data_after_bdat_is_answered_503(dial: Dial, chunk: bytes) -> None:
    """DATA after BDAT in the same transaction is answered 503."""
    with dial() as smtp:
        greet_for_chunks(smtp)
        smtp.begin()
        reply = send_chunk(smtp, chunk)
        if not reply.positive:
            raise InconclusiveError(f"the chunk is refused: {reply}")
        reply = settled(smtp.data())
        if reply.code == 354:
            smtp.raw_text(b".\r\n")
        # What RSET does among chunks is judged below.
        smtp.abandon()
        expect_code(reply, {503}, because="the message is under way in chunks")


@must("rfc3030/2/22")
@given(chunks=st.lists(st.sampled_from((b"X-Left-Over: 1\r\n", b"\r\nleft over\r\n", b"left")), min_size=1, max_size=3))
def check_rset_throws_chunks_away(dial: Dial, mailbox: Mailbox, chunks: list[bytes]) -> None:
    """RSET among chunks ends the transaction, and nothing of them is found in the next message.

    What stays is read by the next message's recipients, who are not those that it was meant for.
    """
    token = mailbox.token()
    message = mailbox.compose(token, b"one line\r\n")
    with dial() as smtp:
        greet_for_chunks(smtp)
        smtp.begin()
        for chunk in chunks:
            if not send_chunk(smtp, chunk).positive:
                raise InconclusiveError("a chunk is refused")
        expect_code(smtp.rset(), {250}, because="RSET may come between two chunks")
        reply = settled(smtp.rcpt(smtp.recipient))
        expect(reply.permanent, "a refusal of RCPT: RSET dropped the sender", reply)
        expect_chunks_are_taken(smtp, mailbox, [message])
    got = mailbox.wait_for(token)
    expect(
        b"left" not in got.octets.lower().split(b"\r\n\r\n")[-1], "the second message alone", repr(got.octets[-200:])
    )
    expect(b"X-Left-Over" not in got.octets, "the second message alone", repr(got.octets[:600]))


@must("rfc3030/2/5", "rfc3030/2/26")
@given(ways=st.lists(st.booleans(), max_size=3))
def check_data_and_bdat_take_turns(dial: Dial, mailbox: Mailbox, ways: list[bool]) -> None:
    """A session may send one message by DATA and the next in chunks, in any order."""
    with dial() as smtp:
        greet_for_chunks(smtp)
        for chunked in (True, False, True, *ways):
            message = mailbox.compose(mailbox.token(), b"one line\r\n")
            smtp.begin()
            if chunked:
                reply = send_chunk(smtp, message, last=True)
            else:
                reply = settled(smtp.data())
                expect_code(reply, {354}, because="DATA is as good as BDAT for the next message")
                reply = settled(smtp.text(message))
            if not reply.positive:
                raise InconclusiveError(f"a plain message is refused: {reply}")


@must("rfc1870/4/2", "rfc3030/2/18")
@destructive
def check_more_than_the_limit_in_chunks_is_answered_552(dial: Dial, mailbox: Mailbox) -> None:
    """Chunks that together exceed the number announced by SIZE are refused with 552, their octets thrown away."""
    with dial() as smtp:
        greet_for_chunks(smtp)
        announced = smtp.capabilities.get("SIZE", "")
        limit = int(announced) if announced.isascii() and announced.isdigit() else 0
        if not 0 < limit <= LARGEST_TRY:
            raise not_applicable(f"no limit of up to {LARGEST_TRY} octets is announced: SIZE {announced}")
        smtp.begin()
        reply = send_chunk(smtp, mailbox.compose(mailbox.token(), b""))
        # The last chunk is too much long before its end, so that there is a rest to be thrown away.
        left = limit + MEBIBYTE
        while left > 0 and reply.positive:
            chunk = (b"NOOP" + b"x" * 72 + b"\r\n") * (min(left, 2 * MEBIBYTE) // 78)
            left = left - len(chunk) if left > 2 * MEBIBYTE else 0
            reply = send_chunk(smtp, chunk, last=not left)
        if not reply.positive and not reply.permanent:
            raise InconclusiveError(f"a chunk is neither taken nor refused: {reply}")
        expect_code(reply, {552}, because=f"the chunks are larger than {limit}")
        expect_done(smtp.rset(), because="what came in the chunks is no command")
