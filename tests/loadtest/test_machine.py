"""What the machine that makes the load has no means for is told of as its own limit, never as the server's failure."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from loadtest.bookkeeping.books import Books
from loadtest.bookkeeping.ledger import Ledger
from loadtest.bookkeeping.thresholds import parse_condition
from loadtest.desk import Findings
from loadtest.machine import LIMITS, limits_met
from loadtest.results import summary_of
from reports.load import LoadExit, LoadResult, load_exit
from tests.loadtest.commands import ROOT, finished, read
from tests.loadtest.scripted_server import Peer, serving


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_are_kinds_of_failure_as_sessions_name_them(name: str) -> None:
    assert errno.errorcode[getattr(errno, name)] == name
    assert limits_met({f"connect: {name}": 1}) == f"1 connection was not made, as {LIMITS[name]}: {name}"


def test_all_that_met_a_limit_are_counted_whoever_they_were() -> None:
    met = {
        "connect: EMFILE": 1_000,
        "reader: connect: EMFILE": 1,
        "slow client: connect: EMFILE": 1,
        "mail: ENOBUFS": 1,
        "connect: timeout": 9,
    }
    assert limits_met(met) == (
        f"1,002 connections were not made, as {LIMITS['EMFILE']}: EMFILE; "
        f"1 connection was not made, as {LIMITS['ENOBUFS']}: ENOBUFS"
    )


@pytest.mark.parametrize(
    "kind", ["connect: timeout", "reader: auth: 550 connect: EMFILE", "quit: -ERR EMFILE", "EMFILE", "connect: EPERM"]
)
def test_nothing_else_is_taken_for_one(kind: str) -> None:
    assert limits_met({kind: 5}) == ""


def test_an_operation_that_a_limit_prevented_is_no_failure_of_the_server() -> None:
    books = Books()
    for kind in ("EMFILE", "EMFILE", "timeout"):
        books.attempt()
        books.fail(phase="connect", kind=kind, now=0.5)
    assert (books.failed, books.prevented) == (3, 2)
    summary = summary_of(Findings(books, Ledger(origin=0, slots=0)), duration_s=1.0)
    assert (summary.ledger.failed, summary.ledger.prevented, summary.ledger.failures) == (3, 2, 1)
    for quantity in ("failures", "failed"):
        assert parse_condition(f"{quantity} > 0").judge(summary).value == "1"


def test_a_run_has_as_many_files_as_the_system_allows() -> None:
    asked = (
        "import resource; from loadtest.machine import allow_many_files; allow_many_files(); "
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    command = ["sh", "-c", 'ulimit -Sn 100 && ulimit -Hn 200 && exec "$@"', "sh", sys.executable, "-c", asked]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "(200, 200)\n"


def run_short_of_files(tmp_path: Path, *arguments: str) -> tuple[int, str, LoadResult]:
    """60 users on a server that holds on to every other one, where a process may have 50 files open."""
    connections = iter(range(10**6))

    def script(peer: Peer) -> None:
        if next(connections) % 2:
            peer.until_gone()
            return
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n", b"221 bye\r\n")

    json_file = tmp_path / "load.json"
    limit = ("--users", "60", "--run-time", "2s", "--reply-timeout", "60s", "--json", str(json_file))
    with serving(script) as address:
        url = f"smtp://127.0.0.1:{address.sockaddr[1]}"
        status, out, err = finished("connections", url, *limit, *arguments, files=50)
    assert json_file.exists(), err
    return status, " ".join(out.split()), read(json_file)


def test_a_closed_run_that_met_a_limit_says_so_and_blames_nobody(tmp_path: Path) -> None:
    status, out, result = run_short_of_files(tmp_path)
    ledger = result.summary.ledger
    assert status == 0, out
    assert ledger.prevented == ledger.failed == result.summary.errors_by_kind["connect: EMFILE"] > 0
    assert result.generator_saturated.endswith("ulimit -Hn): EMFILE")
    assert f"The generator was the limit ({result.generator_saturated})" in out


def test_an_open_run_that_met_a_limit_has_no_verdict(tmp_path: Path) -> None:
    status, out, result = run_short_of_files(tmp_path, "--arrivals", "100/s")
    assert (status, load_exit(result)) == (3, LoadExit.NO_VERDICT), out
    assert result.summary.accepted > 0
    assert result.summary.ledger.failures == 0
    assert "EMFILE" in result.generator_saturated
    assert f"The generator was the limit: {result.generator_saturated}." in out
