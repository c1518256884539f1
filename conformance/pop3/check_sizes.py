"""Sizes and the listings that tell them: RFC 1939 §5, §11."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.pop3.listings import sizes, totals, two_numbers
from conformance.pop3.session import Pop3Session
from conformance.pop3.strategies import sized_bodies, subsets
from conformance.session import setting_up
from conformance.wire.pop3 import Response

# "+OK" SP count SP octets, and number SP octets, with text of the server's own after them   (RFC 1939 §5)
_TWO_NUMBERS = re.compile(rb"[0-9]+ [0-9]+(?: .*)?")
_NOTHING_ELSE = re.compile(rb"[0-9]+ +[0-9]+")


def _sent_octets(response: Response) -> int:
    """Octets of what RETR sent, without the dots that byte-stuffing added."""
    return sum(len(line) - line.startswith(b"..") for line in response.stuffed)


@must("rfc1939/5/19", "rfc1939/11/1", "rfc1939/11/2", "rfc1939/5/14")
@given(at_most=10, bodies=st.lists(sized_bodies(), min_size=1, max_size=3))
def check_are_what_retr_sends(maildrop: Maildrop, bodies: list[bytes]) -> None:
    """LIST tells the exact octets of a message: two for each line end, none for byte-stuffing.

    Clients compare the size with what they received, and those that allocate by it lose the end of the message.
    """
    maildrop.fill(bodies)
    with maildrop.opened() as pop3:
        for number, octets in sizes(pop3.list()).items():
            with setting_up("RETR"):
                sent = _sent_octets(pop3.retr(number))
            expect(octets == sent, f"{sent} octets in the scan listing: as many as RETR sends", f"{octets} octets")
            _, alone = two_numbers(pop3.list(number).text)
            expect(alone == octets, f"the same size from LIST {number} as from LIST", f"{alone} and {octets} octets")


def _expect_totals_to_agree(pop3: Pop3Session) -> None:
    listed = sizes(pop3.list())
    response = pop3.stat()
    wanted = (len(listed), sum(listed.values()))
    expect(totals(response) == wanted, f"{wanted[0]} messages of {wanted[1]} octets, as LIST tells", response)


@must("rfc1939/5/8", "rfc1939/5/6")
@given(at_most=10, bodies=st.lists(sized_bodies(), max_size=4))
def check_add_up_to_the_drop_listing(maildrop: Maildrop, bodies: list[bytes]) -> None:
    """STAT tells the number of messages and the octets of them all, as LIST tells them one by one."""
    maildrop.fill(bodies)
    with maildrop.opened() as pop3:
        _expect_totals_to_agree(pop3)


@must("rfc1939/5/11")
@given(at_most=8, marked=subsets(of=4))
def check_of_deleted_messages_are_not_counted(maildrop: Maildrop, marked: frozenset[int]) -> None:
    """STAT counts no message that is marked as deleted, neither its number nor its octets."""
    bodies = [b"x" * 10 * number + b"\r\n" for number in range(1, 5)]
    maildrop.fill(bodies)
    with maildrop.opened() as pop3:
        before, size_of = totals(pop3.stat()), sizes(pop3.list())
        gone = sum(size_of.get(number, 0) for number in marked)
        for number in sorted(marked):
            with setting_up("DELE"):
                pop3.dele(number)
        response = pop3.stat()
        wanted = (before[0] - len(marked), before[1] - gone)
        expect(totals(response) == wanted, f"{wanted[0]} messages of {wanted[1]} octets are left", response)


@must("rfc1939/5/18", "rfc1939/5/7", "rfc1939/4/15", "rfc1939/5/15", "rfc1939/5/16")
def check_are_listed_in_the_one_form(maildrop: Maildrop) -> None:
    """Drop listing and scan listings are two decimal numbers with one space between, at the start of their line."""
    maildrop.fill([b"one\r\n", b"x" * 70 + b"\r\n"])
    with maildrop.opened() as pop3:
        stat, listing, one = pop3.stat(), pop3.list(), pop3.list(1)
        expect(_TWO_NUMBERS.fullmatch(stat.text), "+OK, number of messages, octets", stat)
        expect(_TWO_NUMBERS.fullmatch(one.text), "+OK, message number, octets", one)
        for line in listing.lines:
            expect(_TWO_NUMBERS.fullmatch(line.rstrip(b"\r\n")), "message number, one space, octets", line)


@should("rfc1939/5/20", "rfc1939/5/21", "rfc1939/5/9", "rfc1939/5/10")
def check_are_followed_by_nothing(maildrop: Maildrop) -> None:
    """Drop listing and scan listings end after the second number."""
    maildrop.fill([b"one\r\n", b"two\r\n"])
    with maildrop.opened() as pop3:
        listed = [pop3.stat().text, pop3.list(1).text, *(line.rstrip(b"\r\n") for line in pop3.list().lines)]
        for text in listed:
            two_numbers(text)
            expect(_NOTHING_ELSE.fullmatch(text.strip()), "the line end straight after the octets", text)


@must("rfc1939/5/17")
def check_of_an_empty_maildrop_are_an_empty_listing(maildrop: Maildrop) -> None:
    """LIST on an empty maildrop is answered +OK and the closing dot alone; STAT says 0 0."""
    maildrop.fill([])
    with maildrop.opened() as pop3:
        response = pop3.list()
        expect(response.ok, "+OK to LIST on an empty maildrop", response)
        expect(not response.lines, "no scan listing", response)
        stat = pop3.stat()
        expect(totals(stat) == (0, 0), "0 messages of 0 octets", stat)
