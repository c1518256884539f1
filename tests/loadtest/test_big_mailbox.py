"""`big-mailbox` against the reference server: how the mailbox is filled, and that each size is what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_server.imap.core import ImapCore
from reference_server.imap.literals import RawCommand
from reports.load import LoadResult
from tests.loadtest.commands import as_user, finished, read
from tests.loadtest.eavesdropping import Overheard, overheard

SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
ROUNDS = 5
AT_ONCE = 100
"""As the scenario documents them; its module is locust's, which patches the standard library."""

STEPS = {"select", "fetch", "search", "fetch one message", "store"}


def filled(heard: Overheard, tmp_path: Path, *arguments: str) -> LoadResult:
    """A run that went well, and left nothing or says so: the end of a run does not wait long for a server."""
    json_file = tmp_path / "load.json"
    url = as_user(heard.server.urls["imap"], "alice@example.test")
    limits = ("--users", "1", "--run-time", "2s", "--json", str(json_file))
    status, _, err = finished("big-mailbox", url, *arguments, *limits)
    assert status == 0, err
    result = read(json_file)
    account = heard.server.store.account("alice@example.test")
    assert account is not None
    name = f"mailspec-load-{result.run_id}-0"
    # A DELETE that was answered too late has been carried out all the same.
    assert account.mailbox(name) is None or f"delete: {name} may be left behind" in result.summary.errors_by_kind
    return result


def test_the_mailbox_is_removed(tmp_path: Path) -> None:
    with overheard() as heard:
        for _ in range(5):
            # A few hundred messages, which a server removes in time unless its machine is very busy.
            result = filled(heard, tmp_path, "--think-time", "0.6")
            if "delete" in result.summary.latency_us:
                break
        account = heard.server.store.account("alice@example.test")
    assert account is not None
    assert account.mailbox(f"mailspec-load-{result.run_id}-0") is None


def appends(heard: Overheard) -> int:
    return sum(command.startswith("APPEND") for session in heard.sessions for command in session)


@pytest.mark.parametrize("without", [(), (b"MULTIAPPEND",), (b"MULTIAPPEND", b"LITERAL+")])
def test_each_size_is_what_the_server_says_however_the_mailbox_was_filled(
    tmp_path: Path, without: tuple[bytes, ...]
) -> None:
    searched: list[int] = []

    class Counting(ImapCore):
        """Keeps how many messages it said there are, at each SEARCH."""

        last = 0

        def untagged(self, text: bytes) -> None:
            if text.endswith(b" EXISTS"):
                self.last = int(text.split()[0])
            super().untagged(text)

        def on_command(self, raw: RawCommand) -> None:
            if b"UID SEARCH UNSEEN" in raw.lines[0]:
                searched.append(self.last)
            super().on_command(raw)

    with overheard(base=Counting, without=without) as heard:
        result = filled(heard, tmp_path, "--message-size", "600")
    assert searched == [size for size in SIZES for _ in range(ROUNDS)][: len(searched)]
    # The end of the run may have come between the first commands at a size and its SEARCH.
    sizes = sorted({point.mailbox_messages for point in result.series})
    assert sizes == list(SIZES[: len(sizes)])
    assert set(searched) <= set(sizes)
    assert {point.phase for point in result.series} == STEPS
    assert all(1 <= point.count <= ROUNDS for point in result.series)
    latency, stored = result.summary.latency_us, max(searched)
    if without:
        assert "multiappend" not in latency
        assert appends(heard) >= stored
    else:
        assert "append" not in latency
        assert stored / AT_ONCE <= appends(heard) <= latency["multiappend"].count + 1
    assert set(latency) >= {"create", "select", "fetch", "search", "store"}


def test_messages_that_are_large_come_in_fewer_at_a_time(tmp_path: Path) -> None:
    with overheard() as heard:
        result = filled(heard, tmp_path, "--message-size", "64k")
    # 16 of them go beyond a million octets, which makes seven commands for the first hundred.
    assert result.summary.latency_us["multiappend"].count >= 7
