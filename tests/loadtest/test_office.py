"""`office` against the reference server: what people do, and what happens while they think."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_server.core import Close
from reference_server.imap.core import ImapCore
from reference_server.imap.session import RefusedError
from reference_server.imap.variants import Bare
from reports.load import LoadResult
from tests.loadtest.commands import as_user, finished, read
from tests.loadtest.eavesdropping import Overheard, overheard


def worked(heard: Overheard, tmp_path: Path, *arguments: str, actions: int = 1) -> LoadResult:
    """A run whose mailboxes are read to the end, with nothing wrong; as long as so many actions take here."""
    json_file = tmp_path / "load.json"
    urls = (as_user(heard.server.urls["imap"], "alice@example.test"), heard.server.urls["smtp"])
    for run_time in ("1s", "8s", "30s"):
        heard.sessions.clear()
        status, _, err = finished("office", *urls, *arguments, "--run-time", run_time, "--json", str(json_file))
        result = read(json_file)
        # A busy machine does not keep a schedule, which leaves an open run without a verdict.
        assert status == 0 or (status == 3 and result.load_model == "open"), err
        if result.summary.accepted >= actions:
            break
    ledger = result.summary.ledger
    assert ledger.closed
    assert ledger.delivered == ledger.expected > 0 == ledger.broken_promises
    assert result.summary.latency_us["action"].count == result.summary.accepted > 0
    return result


@pytest.mark.parametrize("base", [ImapCore, Bare])
def test_an_office_does_a_bit_of_everything(tmp_path: Path, base: type[ImapCore]) -> None:
    bob = ("--account", "bob@example.test:secret")
    with overheard(base=base) as heard:
        result = worked(heard, tmp_path, *bob, "--users", "4", "--think-time", "0.01", "--feed-rate", "40", actions=100)
    waiting = {"noop"} if base is Bare else {"idle", "done"}
    assert {"select", "search", "fetch", "store", "submit", "list", "status"} | waiting <= set(
        result.summary.latency_us
    )
    assert ("idle" in result.summary.latency_us) is (base is not Bare)


def test_new_mail_is_read_sooner_than_thinking_lasts(tmp_path: Path) -> None:
    with overheard() as heard:
        result = worked(heard, tmp_path, "--users", "1", "--think-time", "1000", "--feed-rate", "20", actions=3)
    assert result.summary.accepted >= 3
    # But for the first, all actions are for new mail. It may have been read in the one before, in which it came.
    assert 2 * result.summary.messages >= result.summary.accepted - 1


def test_at_a_pace_nobody_is_roused(tmp_path: Path) -> None:
    with overheard() as heard:
        result = worked(
            heard, tmp_path, "--users", "1", "--think-time", "0", "--pace", "0.001", "--feed-rate", "20"
        )  # fmt: skip
    assert result.summary.accepted == 1
    (said,) = heard.of("IDLE")
    assert said.count("IDLE") == 1


def test_nobody_idles_where_turns_are_due_on_a_schedule(tmp_path: Path) -> None:
    with overheard() as heard:
        result = worked(heard, tmp_path, "--users", "4", "--arrivals", "20/s", "--feed-rate", "20")
    assert heard.of("IDLE") == []
    assert result.summary.latency_us["noop"].count > 0


class NeverIdles(ImapCore):
    """Offers IDLE, and refuses it."""

    def on_idle(self, _: None) -> None:
        raise RefusedError("not today")


def test_a_server_that_refuses_to_let_people_idle_is_asked_by_noop(tmp_path: Path) -> None:
    with overheard(base=NeverIdles) as heard:
        result = worked(heard, tmp_path, "--users", "1", "--think-time", "0.05", "--feed-rate", "20", actions=4)
    assert result.summary.errors_by_kind["idle: refused"] > 0
    assert result.summary.ledger.failed == 0
    (said,) = heard.of("IDLE")
    assert said[said.index("IDLE") + 1] == "NOOP"


class EndsInIdle(ImapCore):
    """Goes down for each client that idles."""

    def on_idle(self, _: None) -> None:
        self.untagged(b"BYE enough")
        self.act(Close())


def test_a_server_that_ends_sessions_in_idle_is_called_again(tmp_path: Path) -> None:
    with overheard(base=EndsInIdle) as heard:
        result = worked(heard, tmp_path, "--users", "1", "--think-time", "0.05", "--feed-rate", "20", actions=4)
    assert result.summary.errors_by_kind["idle: refused"] > 1
    assert result.summary.ledger.failed == 0
    assert len(heard.of("IDLE")) > 1
