"""The ledger tells what became of every message, and adds up exactly over processes."""

from __future__ import annotations

from dataclasses import asdict
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.bookkeeping.ledger import Account, Ledger
from loadtest.mail.messages import Identity

RUN = "0123abcd"
MAILBOX = "alice@example.test"


def entered(*states: str, slots: int = 1, origin: int = 0) -> Ledger:
    """A message for each state, with its number as its digest; after a space, what is so of the last recipient."""
    ledger = Ledger(origin=origin, slots=slots)
    for state in states:
        number = ledger.enter(ledger.entered + 1, sender=5)
        outcome, _, for_the_last = state.partition(" ")
        if outcome == "accepted":
            ledger.accepted(number, 1.0 * number)
        elif outcome:
            getattr(ledger, outcome)(number)
        if for_the_last:
            getattr(ledger, for_the_last)(number, [slots - 1])
    return ledger


def found(ledger: Ledger, number: int, **changes: Any) -> bool:
    arguments: dict[str, Any] = {
        "mailbox": MAILBOX, "slot": 0, "uid": number, "digest": number, "at_s": 1.0 * number, "watched": False
    }  # fmt: skip
    origin = changes.pop("origin", ledger.origin)
    return ledger.close(Identity(origin, 5, number), **(arguments | changes))


def counts(ledger: Ledger, *, late_after_s: float = 10.0) -> dict[str, Any]:
    account = asdict(ledger.account(RUN, late_after_s=late_after_s))
    del account["named"]
    return {kind: count for kind, count in account.items() if count}


def test_every_accepted_message_that_is_found_once_and_whole_is_in_order() -> None:
    ledger = entered("accepted", "accepted")
    assert all(found(ledger, number) for number in (1, 2))
    assert not found(ledger, 2)  # the same copy, read again
    assert counts(ledger) == {"entered": 2, "sent": 2, "accepted": 2, "expected": 2, "delivered": 2}
    assert ledger.missing() == 0


def test_an_accepted_message_that_nobody_finds_is_missing_and_named() -> None:
    ledger = entered("accepted", "accepted")
    found(ledger, 1)
    account = ledger.account(RUN, late_after_s=10.0)
    assert (account.missing, account.delivered, ledger.missing()) == (1, 1, 1)
    assert account.named == {"missing": [f"{RUN}.000.00005.0000000002, recipient 1, accepted, accepted at 2.000 s"]}


def test_a_second_copy_is_a_double() -> None:
    ledger = entered("accepted")
    found(ledger, 1, uid=7)
    found(ledger, 1, uid=9)
    assert counts(ledger)["doubled"] == 1


@pytest.mark.parametrize("digest", [None, 99])
def test_a_body_that_is_not_the_one_handed_in_is_damaged(digest: int | None) -> None:
    ledger = entered("accepted")
    found(ledger, 1, digest=digest)
    assert counts(ledger)["damaged"] == 1


def test_late_is_told_only_where_somebody_watched() -> None:
    ledger = entered("accepted", "accepted", "accepted")
    found(ledger, 1, at_s=9.0, watched=True)
    found(ledger, 2, at_s=9.0, watched=False)
    found(ledger, 3, at_s=5.9, watched=True)
    assert counts(ledger, late_after_s=3.0)["late"] == 1


def test_a_message_after_a_later_one_of_the_same_sender_is_reordered() -> None:
    ledger = entered(*["accepted"] * 4)
    found(ledger, 2, uid=1)
    found(ledger, 1, uid=2)
    found(ledger, 4, uid=3)
    found(ledger, 3, uid=4, in_order=False)
    found(ledger, 2, uid=1)  # read once more from the beginning
    assert counts(ledger)["reordered"] == 1


def test_what_was_refused_and_is_there_all_the_same_is_told_apart_from_what_had_no_reply() -> None:
    ledger = entered("refused", "failed", "unconfirmed", "unconfirmed", "")
    for number in (1, 2, 3):
        found(ledger, number)
    assert counts(ledger) == {
        "entered": 5, "sent": 2, "refused": 1, "failed": 1, "unknown": 2, "in_flight": 1,
        "refused_but_delivered": 2, "unknown_but_delivered": 1,
    }  # fmt: skip


def test_each_recipient_is_a_delivery_of_its_own() -> None:
    ledger = Ledger(origin=0, slots=3)
    three, one, partly = ledger.enter(1, sender=5), ledger.enter(2, sender=5, slots=1), ledger.enter(3, sender=5)
    ledger.accepted(three, 1.0)
    ledger.accepted(one, 1.0)
    ledger.accepted(partly, 1.0)
    ledger.not_for(partly, [1])
    for slot in (0, 2):
        found(ledger, three, slot=slot)
        found(ledger, partly, slot=slot)
    found(ledger, one)
    account = counts(ledger)
    assert (account["expected"], account["delivered"], account["missing"]) == (6, 5, 1)
    found(ledger, partly, slot=1)
    assert counts(ledger)["refused_but_delivered"] == 1
    name = f"{RUN}.000.00005.0000000003, recipient 2, accepted, accepted at 1.000 s, but not for this recipient"
    assert ledger.account(RUN, late_after_s=10.0).named["refused_but_delivered"][0].startswith(name)


@pytest.mark.parametrize("state", ["accepted", "refused"])
def test_a_recipient_without_a_reply_is_in_doubt_expected_nowhere_and_welcome(state: str) -> None:
    ledger = entered(state, slots=2)
    ledger.in_doubt_for(1, [1])
    found(ledger, 1, slot=0)
    assert ledger.missing() == 0
    before = counts(ledger)
    assert (before["in_doubt"], before.get("expected", 0)) == (1, int(state == "accepted"))
    assert before.get("refused_but_delivered", 0) == (state == "refused")
    named = ledger.account(RUN, late_after_s=10.0).named["in_doubt"]
    assert named[0].startswith(f"{RUN}.000.00005.0000000001, recipient 2, {state}")
    assert named[0].endswith("no reply for this recipient")
    found(ledger, 1, slot=1, at_s=90.0, watched=True)
    assert counts(ledger) == before | {"unknown_but_delivered": 1}
    found(ledger, 1, slot=1, uid=7, digest=None)
    assert counts(ledger) == before | {"unknown_but_delivered": 1, "doubled": 1, "damaged": 1}


def test_a_recipient_that_was_refused_by_name_stays_refused_where_the_message_is_unknown() -> None:
    ledger = entered("unconfirmed", slots=2)
    ledger.not_for(1, [0])
    found(ledger, 1, slot=0)
    found(ledger, 1, slot=1)
    assert counts(ledger) == {
        "entered": 1, "sent": 1, "unknown": 1, "refused_but_delivered": 1, "unknown_but_delivered": 1
    }  # fmt: skip


def test_messages_that_the_run_did_not_make_are_foreign() -> None:
    ledger = entered("accepted")
    ledger.foreign(MAILBOX, 3)
    ledger.foreign(MAILBOX, 3)
    assert not found(ledger, 2)  # a number never entered
    assert not found(ledger, 1, slot=1)
    assert counts(ledger)["foreign"] == 3


@pytest.mark.parametrize("slots", [0, 1, 2, 3, 4])
def test_a_message_takes_less_than_64_octets(slots: int) -> None:
    ledger = Ledger(origin=0, slots=slots)
    for number in range(100_000):
        ledger.accepted(ledger.enter(number, sender=5), 1.0)
    assert ledger.octets / 100_000 < 64


def test_a_million_messages_take_less_than_64_octets_each_and_so_do_those_of_another_process() -> None:
    ledger = Ledger(origin=0, slots=1)
    for number in range(1_000_000):
        ledger.enter(number, sender=5)
    assert ledger.octets / 1_000_000 < 32
    elsewhere = Ledger(origin=1, slots=1)
    for number in range(1, 100_001):
        found(elsewhere, number, origin=0)
    assert elsewhere.octets / 100_000 < 16


@pytest.mark.parametrize("slots", [1, 2, 3, 4])
def test_a_message_that_another_process_has_entered_takes_less_than_64_octets_too(slots: int) -> None:
    elsewhere = Ledger(origin=1, slots=slots)
    for number in range(1, 100_001):
        for slot in range(slots):
            found(elsewhere, number, origin=0, slot=slot)
    assert elsewhere.octets / 100_000 < 64


def test_a_damaged_number_costs_a_block_and_no_more() -> None:
    ledger = entered("accepted")
    found(ledger, 9_999_999_999)
    found(ledger, 0)
    assert ledger.octets < 20_000
    assert counts(ledger)["foreign"] == 2


def test_times_and_uids_that_do_not_fit_count_as_the_nearest_that_do() -> None:
    ledger = entered("")
    ledger.accepted(1, 1e9)
    found(ledger, 1, uid=1 << 40, at_s=-1.0, digest=None)
    (name,) = ledger.account(RUN, late_after_s=10.0).named["damaged"]
    assert name.endswith("accepted at 4294967.295 s, found as UID 4294967295 at 0.000 s")


def test_who_saw_a_message_first_says_whether_it_was_late() -> None:
    ledger = entered("accepted", "accepted", "accepted")
    found(ledger, 1, at_s=2.0, watched=False)
    found(ledger, 1, at_s=60.0, watched=True)  # read again later: it came long before
    found(ledger, 2, at_s=60.0, watched=True)
    found(ledger, 2, at_s=90.0, watched=False)
    found(ledger, 3, at_s=60.0, watched=False)
    assert counts(ledger)["late"] == 1


def test_one_copy_read_by_imap_and_by_pop3_is_one_copy() -> None:
    for order in permutations([(7, True), (1, False)]):
        ledger = entered("accepted", "accepted")
        for uid, in_order in order:
            found(ledger, 1, uid=uid, in_order=in_order)
        for uid, in_order in ((7, False), (8, False)):
            found(ledger, 2, uid=uid, in_order=in_order)
        assert counts(ledger)["doubled"] == 1


def test_order_is_that_of_each_sender_and_mailbox() -> None:
    ledger = Ledger(origin=0, slots=2)
    for sender in (1, 2, 1, 2):
        ledger.accepted(ledger.enter(0, sender=sender), 1.0)
    for number, slot, uid in ((1, 0, 4), (2, 0, 3), (3, 0, 5), (4, 0, 6), (1, 1, 9), (3, 1, 8)):
        ledger.close(Identity(0, 0, number), mailbox=MAILBOX, slot=slot, uid=uid, digest=0, at_s=2.0, watched=False)
    account = ledger.account(RUN, late_after_s=10.0)
    assert account.reordered == 1
    assert account.named["reordered"][0].startswith(f"{RUN}.000.00001.0000000001, recipient 2")


@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(
                ["enter", "accepted", "refused", "failed", "unconfirmed", "close", "not_for", "in_doubt_for"]
            ),
            st.integers(1, 6),
        ),
        max_size=40,
    )
)
def test_whatever_is_told_in_whatever_order_the_books_balance(calls: list[tuple[str, int]]) -> None:
    ledger = Ledger(origin=0, slots=1)
    refused, doubtful = set(), set()
    for call, number in calls:
        if call == "enter":
            ledger.enter(number, sender=5)
        elif call == "close":
            found(ledger, number)
        elif number > ledger.entered:
            continue
        elif call == "not_for":
            ledger.not_for(number, [0])
            refused.add(number)
        elif call == "in_doubt_for":
            ledger.in_doubt_for(number, [0])
            doubtful.add(number)
        else:
            getattr(ledger, call)(*((number, 1.0) if call == "accepted" else (number,)))
    account = ledger.account(RUN, late_after_s=1.0)
    assert account.entered == ledger.entered == sum(call == "enter" for call, _ in calls)
    assert account.entered == (
        account.accepted + account.refused + account.failed + account.unknown + account.in_flight
    )
    assert account.expected == account.delivered + account.missing
    assert account.accepted - len(refused | doubtful) <= account.expected <= account.accepted
    assert account.in_doubt <= len(doubtful - refused)
    assert account.missing == ledger.missing()


SIGHTINGS = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(1, 5), st.integers(0, 1), st.integers(1, 3), st.sampled_from([None, 1, 2]),
        st.integers(0, 20), st.booleans(), st.booleans(),
    ),
    max_size=12,
)  # fmt: skip
STATES = st.lists(
    st.sampled_from(["accepted", "refused", "failed", "unconfirmed", "", "accepted in_doubt_for", "refused not_for"]),
    max_size=4,
)


def sight(ledger: Ledger, sightings: list[tuple[int, int, int, int, int | None, int, bool, bool]]) -> None:
    for origin, number, slot, uid, digest, at_s, watched, in_order in sightings:
        # The digest that was entered, none for a message that contradicts itself, or that of another body altogether.
        told = {None: None, 1: number, 2: number + 100}[digest]
        found(
            ledger, number, origin=origin, slot=slot, uid=uid, digest=told, at_s=at_s, watched=watched,
            in_order=in_order,
        )  # fmt: skip


@given(states=st.tuples(STATES, STATES), sightings=st.tuples(SIGHTINGS, SIGHTINGS))
def test_ledgers_of_two_processes_add_up_in_any_order(
    states: tuple[list[str], list[str]], sightings: tuple[Any, Any]
) -> None:
    parts = []
    for origin in (0, 1):
        part = entered(*states[origin], slots=2, origin=origin)
        sight(part, sightings[origin])
        parts.append(part.encode())

    def merged(order: tuple[int, ...]) -> Account:
        whole = Ledger(origin=0, slots=2)
        for origin in order:
            whole.merge(parts[origin])
        return whole.account(RUN, late_after_s=3.0)

    # One process that knows all that was entered, and then sees all that was seen.
    alone = Ledger(origin=0, slots=2)
    for origin in (0, 1):
        alone.merge(entered(*states[origin], slots=2, origin=origin).encode())
    sight(alone, sightings[0] + sightings[1])
    expected = alone.account(RUN, late_after_s=3.0)
    assert merged((0, 1)) == merged((1, 0)) == expected


@given(states=st.tuples(STATES, STATES, STATES), sightings=st.tuples(SIGHTINGS, SIGHTINGS, SIGHTINGS))
def test_ledgers_may_be_merged_in_any_order_and_grouping(
    states: tuple[list[str], ...], sightings: tuple[Any, ...]
) -> None:
    parts = []
    for origin in (0, 1, 2):
        part = entered(*states[origin], slots=2, origin=origin)
        sight(part, sightings[origin])
        parts.append(part.encode())
    accounts = []
    for one, two, three in permutations(parts):
        left, right = Ledger(origin=0, slots=2), Ledger(origin=0, slots=2)
        left.merge(one)
        left.merge(two)
        left.merge(three)
        right.merge(two)
        right.merge(three)
        right.merge(one)
        again = Ledger(origin=0, slots=2)
        again.merge(right.encode())
        accounts += [ledger.account(RUN, late_after_s=3.0) for ledger in (left, right, again)]
    assert all(account == accounts[0] for account in accounts)


def test_a_body_read_elsewhere_is_compared_with_the_one_entered() -> None:
    """A message may agree with itself and still be another than the one handed in."""
    whole = entered("accepted", "accepted", "accepted")
    elsewhere = Ledger(origin=1, slots=1)
    for number, uid, digest in ((1, 1, 1), (2, 2, 99), (3, 3, 3), (3, 3, 99)):
        found(elsewhere, number, origin=0, uid=uid, digest=digest)
    for ledger in (whole, Ledger(origin=2, slots=1)):
        ledger.merge(elsewhere.encode())
        ledger.merge(whole.encode()) if ledger is not whole else None
        account = ledger.account(RUN, late_after_s=10.0)
        assert (account.delivered, account.damaged) == (3, 2)


def test_ledgers_that_do_not_belong_together_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="slots"):
        Ledger(origin=0, slots=1).merge(Ledger(origin=1, slots=2).encode())
    with pytest.raises(ValueError, match="two processes"):
        entered("accepted").merge(entered("accepted").encode())
