"""Servers that fail one message in so many: each the same ones, whoever hands them in, and nothing else."""

from __future__ import annotations

import pytest

from reference_server.registry import FAULTS
from reference_server.smtp.faults.rare import damaged
from reference_server.stores.memory import MemoryStore
from tests.reference_server.smtp_dialogue import USERS, codes, greeted

BODY = b"the body of this one\r\n"


def delivered(name: str, messages: int, *, per_session: int = 7) -> list[bytes]:
    """The bodies that lie in the mailbox after so many messages were accepted, in several sessions."""
    store = MemoryStore(USERS)
    for number in range(messages):
        if number % per_session == 0:
            session = greeted(FAULTS[name].core, store=store)
        assert codes(session, b"MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n") == [
            "250 2.1.0", "250 2.1.5", "354",
        ]  # fmt: skip
        assert codes(session, b"Subject: %d\r\n\r\n%d %b.\r\n" % (number, number, BODY)) == ["250 2.0.0"]
    inbox = store.account("bob@example.test").mailbox("INBOX")  # type: ignore[union-attr]
    assert inbox is not None
    return [message.octets.partition(b"\r\n\r\n")[2] for message in inbox.messages]


WHOLE = [b"%d %b" % (number, BODY) for number in range(30)]


def test_one_in_ten_is_lost() -> None:
    assert delivered("loses-one-message-in-ten", 30) == [body for n, body in enumerate(WHOLE) if n % 10 != 4]


def test_one_in_ten_is_doubled() -> None:
    assert delivered("doubles-one-message-in-ten", 30) == [
        body for n, body in enumerate(WHOLE) for _ in range(2 if n % 10 == 4 else 1)
    ]


def test_one_in_ten_is_damaged_in_one_octet_of_its_body() -> None:
    found = delivered("damages-one-message-in-ten", 30)
    assert [n for n, (body, whole) in enumerate(zip(found, WHOLE, strict=True)) if body != whole] == [4, 14, 24]
    assert [sum(a != b for a, b in zip(found[n], WHOLE[n], strict=True)) for n in (4, 14, 24)] == [1, 1, 1]


@pytest.mark.parametrize("what", ["loses", "doubles", "damages"])
def test_one_in_a_thousand_is_the_five_hundredth(what: str) -> None:
    expected = [b"%d %b" % (number, BODY) for number in range(520)]
    found = delivered(f"{what}-one-message-in-a-thousand", 520, per_session=100)
    assert found != expected
    assert found[:499] == expected[:499]
    assert found[-20:] == expected[-20:]


def test_two_servers_in_one_process_count_for_themselves() -> None:
    assert delivered("loses-one-message-in-ten", 4) == WHOLE[:4]
    assert delivered("loses-one-message-in-ten", 4) == WHOLE[:4]


def test_whatever_the_body_it_is_damaged_behind_the_header() -> None:
    for body in (b"", b"...\r\n", b"a\r\n", b"x" * 100 + b"\r\n"):
        text = b"Subject: x\r\n\r\n" + body
        assert damaged(text) != text
        assert damaged(text).startswith(b"Subject: x\r\n\r\n")


def test_rare_faults_say_what_convicts_them_and_are_those_of_this_kind_alone() -> None:
    rare = {name: fault.rare for name, fault in FAULTS.items() if fault.rare}
    assert rare.keys() == {
        f"{what}-one-message-in-{many}" for what in ("loses", "doubles", "damages") for many in ("ten", "a-thousand")
    }
    assert all("ledger" in reason for reason in rare.values())
