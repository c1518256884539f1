"""Message numbers: RFC 1939 §4, §5."""

from __future__ import annotations

from conformance.checks import given, must
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.pop3.listings import expect_each_refused, sizes
from conformance.pop3.strategies import subsets
from conformance.session import setting_up

# The third and fourth name message 1 to a server that counts in 32 or 64 bits.
_NONE_HAS = (b"0", b"4", b"4294967297", b"18446744073709551617", b"999999999")
_WITH_NUMBER = (b"LIST %b", b"RETR %b", b"DELE %b", b"TOP %b 0", b"UIDL %b")


def _bodies(count: int) -> list[bytes]:
    """Bodies of as many different sizes."""
    return [b"x" * 10 * number + b"\r\n" for number in range(1, count + 1)]


@must("rfc1939/4/14", "rfc1939/4/13", "rfc1939/5/16")
def check_run_from_one_without_a_gap(maildrop: Maildrop) -> None:
    """Messages are numbered from 1 upwards without a gap, and LIST has one line for each."""
    for count in (1, 12):
        maildrop.fill(_bodies(count))
        with maildrop.opened() as pop3:
            response = pop3.list()
            numbers = [int(line.split()[0]) for line in response.lines if line[:1].isdigit()]
            expect(numbers == list(range(1, len(response.lines) + 1)), "the numbers from 1 without a gap", numbers)
            expect(len(numbers) >= count, f"at least {count} messages: so many were put in", numbers)


@must("rfc1939/4/13")
@given(at_most=8, marked=subsets(of=5))
def check_stay_with_their_messages(maildrop: Maildrop, marked: frozenset[int]) -> None:
    """A number means the same message all through the session, whatever is deleted meanwhile.

    A client that deletes 1, 2 and 3 in turn would otherwise delete 1, 3 and 5.
    """
    maildrop.fill(_bodies(5))
    with maildrop.opened() as pop3:
        before = sizes(pop3.list())
        for number in sorted(marked):
            with setting_up("DELE"):
                pop3.dele(number)
        after = sizes(pop3.list())
        moved = {number: octets for number, octets in after.items() if before.get(number) != octets}
        expect(not moved, f"sizes by number as they were: {before}", after)


@must("rfc1939/5/22", "rfc1939/7/20")
@given(at_most=8, marked=subsets(of=4))
def check_of_deleted_messages_are_not_listed(maildrop: Maildrop, marked: frozenset[int]) -> None:
    """LIST and UIDL leave out the messages that are marked as deleted."""
    maildrop.fill(_bodies(4))
    with maildrop.opened() as pop3:
        before = {"LIST": len(pop3.list().lines), "UIDL": len(pop3.uidl().lines)}
        for number in sorted(marked):
            with setting_up("DELE"):
                pop3.dele(number)
        for name, response in (("LIST", pop3.list()), ("UIDL", pop3.uidl())):
            if response.ok:
                left, wanted = len(response.lines), before[name] - len(marked)
                expect(left == wanted, f"{wanted} lines from {name}", f"{left} lines")


@must("rfc1939/5/32", "rfc1939/5/12", "rfc1939/5/24", "rfc1939/5/29", "rfc1939/7/3", "rfc1939/7/9")
def check_of_deleted_messages_are_refused(maildrop: Maildrop) -> None:
    """Every command that names a message marked as deleted is answered -ERR."""
    maildrop.fill(_bodies(3))
    for command in _WITH_NUMBER:
        with maildrop.opened() as pop3:
            with setting_up("DELE"):
                pop3.dele(2)
            response = pop3.command(command % b"2")
            expect(not response.ok, f"-ERR to {command % b'2'!r} after DELE 2", response)
            pop3.drop()


@must("rfc1939/5/28", "rfc1939/5/23", "rfc1939/5/34", "rfc1939/7/8", "rfc1939/7/23")
def check_that_no_message_has_are_refused(maildrop: Maildrop) -> None:
    """A number that no message has is answered -ERR by every command: 0, one too many, and numbers of many digits."""
    maildrop.fill(_bodies(3))
    commands = [command % number for command in _WITH_NUMBER for number in _NONE_HAS]
    expect_each_refused(maildrop.opened, commands, because="no message has that number")
