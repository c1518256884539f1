"""UIDL: RFC 1939 §7."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Maildrop
from conformance.pop3.listings import sizes, tokens, unique_ids
from conformance.pop3.session import Pop3Session
from conformance.pop3.strategies import plain_bodies, subsets
from conformance.session import setting_up

# number SP unique-id; the unique-id is 1*70(%x21-7E)         (RFC 1939 §7)
_LISTING = re.compile(rb"[0-9]+ [\x21-\x7e]{1,70}")


def _ids_by_token(pop3: Pop3Session) -> dict[str, bytes]:
    ids = unique_ids(pop3)
    return {token: ids[number] for number, token in tokens(pop3).items() if token and number in ids}


@must("rfc1939/7/14", "rfc1939/7/15", "rfc1939/7/16", "rfc1939/7/17", "rfc1939/7/12")
@given(at_most=10, bodies=st.lists(plain_bodies(), min_size=1, max_size=4))
def check_lists_number_and_unique_id(maildrop: Maildrop, bodies: list[bytes]) -> None:
    """A line of UIDL is number, one space and a unique-id of 1 to 70 characters from 0x21 to 0x7E, and no more."""
    maildrop.fill(bodies)
    with maildrop.opened() as pop3:
        response = pop3.uidl()
        if not response.ok:
            raise not_applicable("the server has no UIDL (RFC 1939 §7 leaves it to the server)")
        for line in response.lines:
            expect(_LISTING.fullmatch(line.rstrip(b"\r\n")), "number, one space, 1 to 70 visible characters", line)


@must("rfc1939/7/13", "rfc1939/7/11")
@given(at_most=8, count=st.integers(0, 6))
def check_agrees_with_list(maildrop: Maildrop, count: int) -> None:
    """UIDL lists the same messages as LIST, and UIDL with a number tells the same of that one."""
    maildrop.fill([b"message\r\n"] * count)
    with maildrop.opened() as pop3:
        ids, listed = unique_ids(pop3), sizes(pop3.list())
        expect(ids.keys() == listed.keys(), f"the numbers that LIST has: {sorted(listed)}", sorted(ids))
        for number, unique_id in ids.items():
            response = pop3.uidl(number)
            wanted = b"%d %b" % (number, unique_id)
            expect(response.ok and response.text.strip() == wanted, f"+OK {wanted.decode('latin-1')}", response)


@must("rfc1939/7/17")
def check_gives_each_message_its_own(maildrop: Maildrop) -> None:
    """No two messages that differ have the same unique-id, alike as they may be in size and date.

    A client that keeps mail on the server takes a message with a known unique-id for one it has, and never fetches it.
    """
    maildrop.fill([b"aaaa\r\n", b"aaab\r\n", b"baaa\r\n", b"aaaa\r\n", b"\r\n"])
    with maildrop.opened() as pop3:
        ids = unique_ids(pop3)
        expect(len(set(ids.values())) == len(ids), "as many unique-ids as messages", ids)


@must("rfc1939/7/18", "rfc1939/7/17")
def check_stays_the_same_in_every_session(maildrop: Maildrop) -> None:
    """A message keeps its unique-id from session to session, whether one ended with QUIT or without."""
    maildrop.fill([b"one\r\n", b"two\r\n", b"three\r\n"])
    with maildrop.opened() as pop3:
        first = _ids_by_token(pop3)
        pop3.drop()
    for how in ("a connection that was dropped", "QUIT"):
        with maildrop.opened() as pop3:
            again = _ids_by_token(pop3)
        kept = {token: again.get(token) for token in first}
        expect(kept == first, f"the same unique-ids after {how}: {first}", again)


@must("rfc1939/7/17")
@given(at_most=8, marked=subsets(of=4))
def check_stays_the_same_when_others_go(maildrop: Maildrop, marked: frozenset[int]) -> None:
    """A message keeps its unique-id when others are removed, although its number changes."""
    maildrop.fill([b"%d\r\n" % number for number in range(4)])
    with maildrop.opened() as pop3:
        before = _ids_by_token(pop3)
        for number in marked:
            with setting_up("DELE"):
                pop3.dele(number)
    with maildrop.opened() as pop3:
        after = _ids_by_token(pop3)
    changed = {token: unique_id for token, unique_id in after.items() if before.get(token, unique_id) != unique_id}
    expect(not changed, f"the unique-ids from before: {before}", after)


@should("rfc1939/7/19")
def check_gives_no_unique_id_again(maildrop: Maildrop) -> None:
    """The unique-id of a message that is gone is not given to a later one."""
    maildrop.fill([b"first\r\n", b"second\r\n"])
    with maildrop.opened() as pop3:
        old = set(unique_ids(pop3).values())
    maildrop.fill([b"third, of another size\r\n", b"fourth, of a size of its own\r\n"])
    with maildrop.opened() as pop3:
        new = set(unique_ids(pop3).values())
    expect(not old & new, f"unique-ids other than those of the messages that are gone: {sorted(old)}", sorted(new))
