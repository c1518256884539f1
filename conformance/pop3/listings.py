"""What POP3 responses mean, read leniently (RFC 1939 §5, §7): for checks that are not about their form.

A listing that cannot be read at all makes such a check inconclusive; the checks of the form itself say what is wrong.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.messages import Delivered
from conformance.pop3.session import Pop3Session
from conformance.session import setting_up
from conformance.wire.errors import ClosedError
from conformance.wire.pop3 import Response

OpenSession = Callable[[], AbstractContextManager[Pop3Session]]
"""`dial`, or `maildrop.opened`."""


def two_numbers(text: bytes) -> tuple[int, int]:
    """The first two words as decimal numbers: a drop listing or a scan listing.

    Raises:
        InconclusiveError: they are none.
    """
    with contextlib.suppress(ValueError):
        first, second = text.split()[:2]
        return int(first), int(second)
    raise InconclusiveError(f"no listing of two numbers: {text[:100]!r}")


def totals(response: Response) -> tuple[int, int]:
    """Messages and octets, as STAT gives them."""
    return two_numbers(response.text)


def sizes(response: Response) -> dict[int, int]:
    """Octets of each message by number, as LIST gives them."""
    return dict(two_numbers(line) for line in response.lines)


def unique_ids(pop3: Pop3Session) -> dict[int, bytes]:
    """The unique-id of each message by number, as UIDL gives them.

    Raises:
        NotApplicableError: the server has no UIDL.
        InconclusiveError: the listing cannot be read.
    """
    response = pop3.uidl()
    if not response.ok:
        raise not_applicable("the server has no UIDL (RFC 1939 §7 leaves it to the server)")
    found: dict[int, bytes] = {}
    for line in response.lines:
        number, _, unique_id = line.strip().partition(b" ")
        if not number.isdigit():
            raise InconclusiveError(f"no unique-id listing: {line[:100]!r}")
        found[int(number)] = unique_id.strip()
    return found


def tokens(pop3: Pop3Session) -> dict[int, str]:
    """The judge's token of each message by number; reads them all."""
    with setting_up("reading the maildrop"):
        return {number: Delivered(pop3.retr(number).content).token for number in sizes(pop3.list())}


def is_refusal(response: Response) -> bool:
    """Whether it is neither +OK nor the challenge of AUTH; how exactly -ERR is spelt is for the grammar to judge."""
    return not response.raw.startswith(b"+")


def expect_each_refused(open_session: OpenSession, commands: Iterable[bytes], *, because: str) -> None:
    """Every one of these commands is answered -ERR.

    A server may hang up on a client that errs again and again, so a connection closed after a refusal is opened anew.
    """
    left = list(commands)
    while left:
        with open_session() as pop3:
            refused = 0
            while left:
                try:
                    response = pop3.command(left[0])
                except ClosedError:
                    if not refused:
                        raise
                    break
                expect(is_refusal(response), f"-ERR to {left[0][:60]!r}: {because}", response)
                refused += 1
                del left[0]


def expect_one_answer(pop3: Pop3Session, *, to: str) -> None:
    """Nothing but one answer came to what was sent and answered before: the next answer belongs to the next command.

    Asked in the TRANSACTION state with STAT, whose answer is like no other.
    """
    response = pop3.stat()
    expect(response.ok and response.text[:1].isdigit(), f"one answer to {to}, then the drop listing", response)
