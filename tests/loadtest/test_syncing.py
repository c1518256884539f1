"""`imap-sync` against the reference server: what a mail program says, keeps and reads."""

from __future__ import annotations

import re
from pathlib import Path

from reference_server.imap.variants import Bare
from reports.load import LoadResult
from tests.loadtest.commands import as_user, finished, read
from tests.loadtest.eavesdropping import Overheard, overheard

OFTEN = ("--think-time", "0.03", "--feed-rate", "20")


def synchronised(heard: Overheard, tmp_path: Path, *arguments: str, sessions: int = 1, rounds: int = 1) -> LoadResult:
    """A run whose mailboxes are read to the end, with nothing wrong; as long as so much takes here."""
    json_file = tmp_path / "load.json"
    urls = (as_user(heard.server.urls["imap"], "alice@example.test"), heard.server.urls["smtp"])
    for run_time in ("2s" if sessions > 1 else "1s", "8s", "30s"):
        heard.sessions.clear()
        status, _, err = finished("imap-sync", *urls, *arguments, "--run-time", run_time, "--json", str(json_file))
        assert status == 0, err
        result = read(json_file)
        if len(heard.of("LIST")) >= sessions and result.summary.accepted >= rounds:
            break
    ledger = result.summary.ledger
    assert ledger.closed
    assert ledger.delivered == ledger.expected > 0 == ledger.broken_promises
    assert result.summary.latency_us["sync"].count == result.summary.accepted > 0
    return result


def test_a_session_begins_with_what_the_server_can_do_and_has(tmp_path: Path) -> None:
    with overheard() as heard:
        result = synchronised(heard, tmp_path, *OFTEN, "--users", "1", sessions=3)
    first, second = heard.of("NAMESPACE")[:2]
    verbs = [said.split(" ")[0] for said in first]
    begins = ["ENABLE", "NAMESPACE", "LIST", "SELECT"]
    assert verbs[verbs.index("AUTHENTICATE") + 1 :][: len(begins)] == begins
    assert first[-1] == "LOGOUT"
    assert "ENABLE CONDSTORE QRESYNC UTF8=ACCEPT" in first
    assert 'LIST "" "*" RETURN (SPECIAL-USE)' in first
    assert 'SELECT "INBOX" (CONDSTORE)' in first
    # What is there is known by the second session, up to the change that the first one was told of.
    account = heard.server.store.account("alice@example.test")
    assert account is not None
    inbox = account.mailbox("INBOX")
    assert inbox is not None
    (resumed,) = (said for said in second if said.startswith("SELECT"))
    match = re.fullmatch(r'SELECT "INBOX" \(QRESYNC \(([0-9]+) [1-9][0-9]* 1:[1-9][0-9]*\)\)', resumed)
    assert match is not None
    assert int(match[1]) == inbox.uid_validity
    assert not any(said.endswith(" (FLAGS)") and said.startswith("UID FETCH 1:") for said in second)
    assert {"enable", "namespace", "list", "select", "fetch", "idle", "done"} <= set(result.summary.latency_us)


def test_without_qresync_flags_are_asked_for_since_the_last_session(tmp_path: Path) -> None:
    with overheard(without=(b"QRESYNC",)) as heard:
        synchronised(heard, tmp_path, *OFTEN, "--users", "1", sessions=3)
    later = heard.of("NAMESPACE")[1:]
    assert "ENABLE CONDSTORE UTF8=ACCEPT" in later[0]
    assert 'SELECT "INBOX" (CONDSTORE)' in later[0]
    flags = re.compile(r"UID FETCH 1:[0-9]+ \(FLAGS\) \(CHANGEDSINCE [1-9][0-9]*\)")
    assert any(flags.fullmatch(said) for session in later for said in session)


def test_a_server_without_extensions_is_asked_for_all_flags_and_by_noop(tmp_path: Path) -> None:
    with overheard(base=Bare) as heard:
        result = synchronised(heard, tmp_path, *OFTEN, "--users", "1", sessions=3)
    first, second = heard.of("LIST")[:2]
    for said in (first, second):
        assert 'LIST "" "*"' in said
        assert 'SELECT "INBOX"' in said
        # The first of ten rounds in a session has just opened INBOX, and needs no more news.
        assert said.count("NOOP") == 9
    assert "UID FETCH 1:* (FLAGS)" in first
    assert any(re.fullmatch(r"UID FETCH 1:[0-9]+ \(FLAGS\)", said) for said in second)
    assert not {"enable", "namespace", "idle"} & set(result.summary.latency_us)


def test_only_a_share_is_read_whole_and_the_ledger_closes_all_the_same(tmp_path: Path) -> None:
    with overheard() as heard:
        # Half of some ten messages in each round.
        result = synchronised(heard, tmp_path, "--think-time", "0.5", "--feed-rate", "100", "--users", "1")
    assert 0 < result.summary.messages < result.summary.ledger.delivered
    assert any("BODY.PEEK[HEADER.FIELDS" in said for session in heard.sessions for said in session)


def test_what_is_large_is_left_on_the_server(tmp_path: Path) -> None:
    with overheard() as heard:
        result = synchronised(heard, tmp_path, *OFTEN, "--users", "1", "--message-size", "60k")
    assert result.summary.messages == 0


def test_what_nobody_read_whole_is_read_after_the_run(tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    arguments = ("--think-time", "0.1", "--feed-rate", "40", "--users", "1", "--message-size", "60k")
    for run_time in ("1s", "8s", "30s"):
        with overheard(fault="damages-one-message-in-ten") as heard:
            urls = (as_user(heard.server.urls["imap"], "alice@example.test"), heard.server.urls["smtp"])
            status, _, err = finished("imap-sync", *urls, *arguments, "--run-time", run_time, "--json", str(json_file))
        result = read(json_file)
        if result.summary.ledger.expected >= 10:
            break
    assert status == 1, err
    ledger = result.summary.ledger
    # The server damages the fifth of each ten, which may be the one that was under way when the run ended.
    assert 0 < ledger.damaged == ledger.broken_promises
    assert abs(ledger.damaged - (ledger.expected + 5) // 10) <= 1
    assert result.summary.messages == 0


def test_new_mail_that_is_told_of_in_idle_is_fetched_at_once(tmp_path: Path) -> None:
    with overheard() as heard:
        account = heard.server.store.account("alice@example.test")
        assert account is not None
        account.create("Archive")
        result = synchronised(heard, tmp_path, "--think-time", "1000", "--feed-rate", "10", "--users", "1", rounds=3)
    assert result.summary.accepted >= 3
    (said, *_) = heard.of("NAMESPACE")
    # Other mailboxes have their turn by the clock.
    idles = said.index("IDLE")
    assert any(command.startswith("STATUS") for command in said[:idles])
    assert not any(command.startswith("STATUS") for command in said[idles:])


def test_several_programs_of_one_person_do_not_count_a_message_twice(tmp_path: Path) -> None:
    with overheard() as heard:
        bob = ("--account", "bob@example.test:secret")
        result = synchronised(heard, tmp_path, *OFTEN, *bob, "--users", "5")
    assert result.summary.ledger.doubled == 0
