"""LMTP: LHLO alone, a reply for each recipient, and what each planted fault does instead (RFC 2033)."""

from __future__ import annotations

import pytest

from reference_server.registry import FAULTS
from reference_server.serving import load_faults_and_variants
from reference_server.smtp.lmtp import LmtpCore
from reference_server.stores import Limits
from reference_server.stores.memory import MemoryStore
from tests.reference_server.smtp_dialogue import codes, fresh, greeted, inbox, play, said

load_faults_and_variants()

ALICE, BOB = "alice@example.test", "bob@example.test"
TAKEN, FULL = "250 2.0.0", "452 4.2.2"
RCPT = [f"RCPT TO:<{user}@example.test>\r\n" for user in ("alice", "carol", "bob", "bob")]
TO_ALL = "".join(["MAIL FROM:<>\r\n", *RCPT]).encode()


def store() -> MemoryStore:
    """Bob has no room."""
    made = MemoryStore({ALICE: "secret"})
    made.add_account(BOB, "secret", limits=Limits(messages=0))
    return made


def test_lhlo_takes_the_place_of_helo_and_ehlo() -> None:
    play(
        fresh(LmtpCore),
        """
        > EHLO x
        < 500 5.5.1
        > HELO x
        < 500 5.5.1
        > MAIL FROM:<>
        < 503
        > LHLO
        < 501
        > LHLO x
        << 250
        > MAIL FROM:<>
        < 250
        > LHLO x
        << 250
        > RCPT TO:<alice@example.test>
        < 503
        """,
    )


def test_the_greeting_says_lmtp_and_lhlo_lists_what_ehlo_would() -> None:
    core = LmtpCore(store(), fresh(LmtpCore).settings, fresh(LmtpCore).surroundings)
    assert core.connected(0.0)[0].octets == b"220 mail.example.test LMTP ready\r\n"  # type: ignore[union-attr]
    offered = said(core, b"LHLO x\r\n")
    for keyword in (b"PIPELINING", b"ENHANCEDSTATUSCODES", b"8BITMIME", b"CHUNKING", b"DSN", b"SMTPUTF8"):
        assert b"250-" + keyword + b"\r\n" in offered


def test_data_needs_a_recipient_and_each_recipient_has_its_reply() -> None:
    core = greeted(LmtpCore, store=store())
    assert codes(core, b"MAIL FROM:<>\r\nRCPT TO:<carol@example.test>\r\nDATA\r\nRSET\r\n")[2] == "503 5.5.1"
    assert codes(core, TO_ALL) == ["250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "250 2.1.5"]
    assert codes(core, b"DATA\r\n\r\n.\r\nNOOP\r\n") == ["354", TAKEN, FULL, FULL, TAKEN]
    assert len(inbox(core)) == 1


LAST_CHUNK = b"BDAT 0 LAST\r\n"
DATA = b"DATA\r\n\r\n.\r\n"
NOBODY = b"MAIL FROM:<>\r\nRCPT TO:<carol@example.test>\r\n"
RIGHT = [TAKEN, FULL, FULL]

# The last replies of each fault to these octets, and those of the server that has none.
DIALOGUES = {
    "lmtp-answers-once-for-all": (TO_ALL + DATA, ["354", TAKEN], RIGHT),
    "lmtp-answers-in-one-reply": (TO_ALL + DATA, ["354", FULL], RIGHT),
    "lmtp-answers-in-reverse": (TO_ALL + DATA, [FULL, FULL, TAKEN], RIGHT),
    "lmtp-answers-for-refused-recipients": (TO_ALL + DATA, [*RIGHT, "550 5.1.1"], RIGHT),
    "lmtp-answers-once-for-each-mailbox": (TO_ALL + DATA, ["354", TAKEN, FULL], RIGHT),
    "lmtp-says-yes-for-all": (TO_ALL + DATA, [TAKEN] * 3, RIGHT),
    "lmtp-takes-data-without-recipients": (NOBODY + DATA, ["354"], ["503 5.5.1", "500 5.5.1", "500 5.5.1"]),
    "lmtp-answers-data-without-recipients-with-554": (NOBODY + b"DATA\r\n", ["554 5.5.1"], ["503 5.5.1"]),
    "lmtp-answers-the-last-chunk-once": (TO_ALL + LAST_CHUNK, ["250 2.1.5", TAKEN], RIGHT),
    "lmtp-answers-every-chunk-for-all": (TO_ALL + b"BDAT 2\r\n\r\n", [TAKEN] * 3, ["250 2.1.5", TAKEN]),
    "lmtp-answers-the-last-chunk-for-nobody": (NOBODY + LAST_CHUNK, ["503 5.5.1"], ["550 5.1.1"]),
    "lmtp-takes-ehlo": (b"HELO x\r\n", ["250"], ["500 5.5.1"]),
    "lmtp-knows-no-rset": (b"RSET\r\n", ["500 5.5.1"], ["250 2.0.0"]),
    "lmtp-answers-ehlo-with-503": (b"EHLO x\r\nHELO x\r\n", ["503 5.5.1"] * 2, ["500 5.5.1"] * 2),
    "lmtp-refuses-wishes-for-notifications": (b"MAIL FROM:<> RET=HDRS\r\n", ["550 5.7.1"], ["250 2.1.0"]),
    "lmtp-takes-any-ret": (b"MAIL FROM:<> RET=SOME\r\n", ["250 2.1.0"], ["501 5.5.4"]),
}


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_fault_answers_as_no_lmtp_server_should(name: str) -> None:
    octets, faulty, right = DIALOGUES[name]
    for kind, wanted in ((FAULTS[name].core, faulty), (LmtpCore, right)):
        replies = [reply.replace(" mail.example.test", "") for reply in codes(greeted(kind, store=store()), octets)]
        assert replies[len(replies) - len(wanted) :] == wanted


@pytest.mark.parametrize(
    ("name", "keyword"),
    [
        ("lmtp-lists-nothing-after-lhlo", b"SIZE"),
        ("lmtp-offers-no-pipelining", b"PIPELINING"),
        ("lmtp-offers-no-status-codes", b"ENHANCEDSTATUSCODES"),
        ("lmtp-offers-no-8bitmime", b"8BITMIME"),
    ],
)
def test_a_fault_leaves_out_what_lmtp_has_to_offer(name: str, keyword: bytes) -> None:
    assert keyword not in said(fresh(FAULTS[name].core), b"LHLO x\r\n")


def test_without_status_codes_there_are_none() -> None:
    assert said(greeted(FAULTS["lmtp-offers-no-status-codes"].core), b"NOOP\r\n") == b"250 ok\r\n"


def test_a_fault_loses_what_it_has_accepted() -> None:
    core = greeted(FAULTS["lmtp-delivers-to-the-first-alone"].core)
    sent = b"MAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\nRCPT TO:<alice@example.test>\r\n" + DATA
    assert codes(core, sent)[-2:] == [TAKEN, TAKEN]
    assert inbox(core, ALICE) == []
    assert len(inbox(core, BOB)) == 1


def test_a_fault_does_not_know_lhlo() -> None:
    core = fresh(FAULTS["lmtp-does-not-know-lhlo"].core)
    assert codes(core, b"LHLO x\r\nNOOP\r\n") == ["500 5.5.1", "250 2.0.0"]


def test_every_fault_of_lmtp_is_shown_here() -> None:
    shown = {*DIALOGUES, "lmtp-lists-nothing-after-lhlo", "lmtp-delivers-to-the-first-alone", "lmtp-does-not-know-lhlo"}
    shown |= {f"lmtp-offers-no-{what}" for what in ("pipelining", "status-codes", "8bitmime")}
    assert shown == {name for name, fault in FAULTS.items() if fault.protocol == "lmtp"}
