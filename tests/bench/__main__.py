"""`python -m tests.bench`: the reference server's speed and size beside its peers'; see docs/benchmarks.md."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import report, servers, works
from tests.bench.measuring import Books

WORKS = ("smtp", "imap", "pop3", "idle", "start")
PROJECT = Path(__file__).parents[2]


def main() -> None:
    """Measure what was asked for, then print, write JSON and, where asked, the documentation."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"any of {', '.join(WORKS)}; all of them by default")
    parser.add_argument("--rounds", type=int, default=5, help="of each paired work (default: 5)")
    parser.add_argument("--json", type=Path, default=PROJECT / "mailspec-bench.json", help="where to write the figures")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--connections", type=int, default=works.IDLE_CONNECTIONS, help="in the idle work")
    arguments = parser.parse_args()
    wanted = arguments.works or WORKS
    if unknown := set(wanted) - set(WORKS):
        parser.error(f"there is no work {', '.join(sorted(unknown))}")
    date = datetime.now(UTC).date().isoformat()
    about = report.machine(servers.versions())
    books = Books()
    idle: dict[str, int] = {}
    idle_missing = ""
    if "start" in wanted:
        works.start(books, 2 * arguments.rounds)
    if "smtp" in wanted:
        works.smtp(books, arguments.rounds)
    if "imap" in wanted:
        works.imap(books, arguments.rounds)
    if "pop3" in wanted:
        works.pop3(books, arguments.rounds)
    if "idle" in wanted:
        idle_missing, idle = works.idle(books, arguments.connections)
    notes = list(report.sizes(books, idle, idle_missing))
    report.to_terminal(books, notes, about)
    report.to_json(arguments.json, books, idle, about, date=date, rounds=arguments.rounds)
    if arguments.write_docs:
        report.to_docs(PROJECT / "docs" / "benchmarks.md", books, notes, about, date=date, rounds=arguments.rounds)


if __name__ == "__main__":
    main()
