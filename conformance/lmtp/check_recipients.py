"""One reply for each recipient after the text: RFC 2033 §4.2, §4.3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hypothesis import strategies as st

from conformance.checks import given, intrusive, must
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect, expect_code
from conformance.fixtures import LmtpDial as Dial
from conformance.fixtures import Mailbox
from conformance.lmtp.session import LmtpSession
from conformance.messages import compose
from conformance.smtp.dialogue import replies_until_farewell, settled
from conformance.wire.smtp import Reply

recipient_lists = st.lists(st.sampled_from(("first", "last", "nobody")), min_size=1, max_size=6)

ALWAYS = (["last", "nobody", "first"], ["first", "first"])
"""Of three one refused, so that two replies are due; and somebody who is named twice."""


def _addresses(dial: Dial, whom: Sequence[str]) -> list[str]:
    known = [account.address(dial.domain) or "" for account in dial.accounts]
    address_of = {"first": known[0], "last": known[-1], "nobody": f"mailspec-nobody@{dial.domain}"}
    return [address_of[name] for name in whom]


@contextmanager
def _with_envelope(
    dial: Dial, recipients: Sequence[str], *, chunks: bool = False
) -> Iterator[tuple[LmtpSession, list[str]]]:
    """A session with these recipients given, and those of them that were accepted."""
    with dial() as lmtp:
        lmtp.greet()
        if chunks and "CHUNKING" not in lmtp.capabilities:
            raise not_applicable("the server does not offer CHUNKING")
        replies = lmtp.envelope(recipients)
        yield lmtp, [address for address, reply in zip(recipients, replies, strict=True) if reply.positive]


def _expect_a_reply_for_each(replies: Sequence[Reply], accepted: Sequence[str], everybody: Sequence[str]) -> None:
    """As many replies as recipients; where a reply names one of them, it is the one whose turn it is."""
    got = "; ".join(map(str, replies)) or "none"
    expect(len(replies) == len(accepted), f"{len(accepted)} replies, for {', '.join(accepted)}", got)
    for address, reply in zip(accepted, replies, strict=True):
        text = b" ".join(reply.lines).decode("ascii", "replace").lower()
        named = {other for other in everybody if f"<{other.lower()}>" in text}
        expect(not named or address in named, f"a reply for {address} in its place", reply)


@must("rfc2033/4.2/2", "rfc2033/4.2/3", "rfc2033/4.2/6")
@given(whom=recipient_lists, at_most=10)
@intrusive
def check_the_text_is_answered_for_each(dial: Dial, whom: list[str]) -> None:
    """After DATA there is one reply for each RCPT that was accepted, in their order, and none for the others.

    The client counts. One reply too few and it waits for ever, one too many and each later one is taken for another's.
    """
    for names in (*ALWAYS, whom):
        addresses = _addresses(dial, names)
        with _with_envelope(dial, addresses) as (lmtp, accepted):
            if accepted:
                lmtp.by_data(compose(dial.token(), b"one line\r\n"))
                _expect_a_reply_for_each(replies_until_farewell(lmtp, allow_421=False), accepted, addresses)


@must("rfc2033/4.3/1", "rfc2033/4.3/2", "rfc2033/4.3/6")
@given(whom=recipient_lists, at_most=10)
@intrusive
def check_the_last_chunk_is_answered_for_each(dial: Dial, whom: list[str]) -> None:
    """After BDAT LAST there is one reply for each RCPT that was accepted, in their order."""
    for names in (*ALWAYS, whom):
        addresses = _addresses(dial, names)
        with _with_envelope(dial, addresses, chunks=True) as (lmtp, accepted):
            if accepted:
                lmtp.by_chunks(compose(dial.token(), b"one line\r\n"))
                _expect_a_reply_for_each(replies_until_farewell(lmtp, allow_421=False), accepted, addresses)


@must("rfc2033/4.3/7")
def check_other_chunks_are_answered_once(dial: Dial) -> None:
    """BDAT without LAST gets one reply, however many recipients there are."""
    with _with_envelope(dial, _addresses(dial, ["first", "last"]), chunks=True) as (lmtp, accepted):
        if len(accepted) < 2:
            raise InconclusiveError("the server takes only one of two recipients")
        lmtp.send(b"BDAT 9\r\nSubject: ")
        replies = replies_until_farewell(lmtp, allow_421=False)
        expect(len(replies) == 1, "one reply to BDAT without LAST", "; ".join(map(str, replies)) or "none")


@must("rfc2033/4.3/3")
def check_the_last_chunk_for_nobody_is_not_answered(dial: Dial) -> None:
    """BDAT LAST gets no reply where no RCPT was accepted: no recipients, no replies."""
    with _with_envelope(dial, _addresses(dial, ["nobody"]), chunks=True) as (lmtp, accepted):
        if accepted:
            raise not_applicable("the server accepts every recipient")
        lmtp.by_chunks(compose(dial.token(), b"one line\r\n"))
        replies = replies_until_farewell(lmtp, allow_421=False)
        expect(not replies, "no reply to BDAT LAST without a recipient", "; ".join(map(str, replies)))


@must("rfc2033/4.2/1")
def check_data_needs_a_recipient(dial: Dial) -> None:
    """DATA is answered 503 where no RCPT was accepted: after 354 there would be no reply to the text."""
    for names in ([], ["nobody"]):
        with _with_envelope(dial, _addresses(dial, names)) as (lmtp, accepted):
            if accepted:
                raise not_applicable("the server accepts every recipient")
            reply = settled(lmtp.data())
            if reply.code == 354:
                lmtp.abandon()
            expect_code(reply, {503}, because="no recipient was accepted")


@must("rfc2033/4.2/4", "rfc2033/4.2/5", "rfc2033/4.3/4", "rfc2033/4.3/5")
@given(verb=st.sampled_from(("DATA", "BDAT")), at_most=4)
def check_a_positive_reply_means_delivery(dial: Dial, mailbox: Mailbox, verb: str) -> None:
    """Whoever is answered for with 2yz has the message."""
    for command in dict.fromkeys(("DATA", verb)):
        by_chunks = command == "BDAT"
        token = dial.token()
        with _with_envelope(dial, _addresses(dial, ["last", "first"]), chunks=by_chunks) as (lmtp, accepted):
            if mailbox.address not in accepted:
                raise InconclusiveError(f"{mailbox.address} was not accepted")
            (lmtp.by_chunks if by_chunks else lmtp.by_data)(mailbox.compose(token, b"one line\r\n"))
            replies = replies_until_farewell(lmtp, allow_421=False)
            if len(replies) != len(accepted):
                raise InconclusiveError(f"{len(replies)} replies for {len(accepted)} recipients: which is whose?")
        if replies[accepted.index(mailbox.address)].positive:
            mailbox.wait_for(token)
