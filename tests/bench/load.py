"""`python -m tests.bench.load`: what a message costs the load generator, beside its peers; see docs/benchmarks-load.md.

Generators take turns against the same smtp-sink, and who goes first changes from round to round. A ratio is of two
rates of the same round; the processor time is the generator's own.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from loadtest.scenarios.table import SCENARIOS
from reports.load import decode_load
from tests.bench import report, servers
from tests.bench.clients import WrongAnswerError
from tests.bench.measuring import Books, in_turn, processor_time_s
from tests.bench.report import Aim
from tests.bench.servers import MissingError, Server

PROJECT = Path(__file__).parents[2]

OURS = "mailspec load relay"
SOURCE = "smtp-source -d -s 20 -l 4096"
POSTAL = "postal -t 20 -m 4 -M 4"
TWO = "two processes"
ONE = "one process"

PIPELINED = "4 KiB messages, 20 sessions kept open, pipelined"
STEPS = "4 KiB messages, 20 sessions kept open, command by command"
HASHED = "SMTP with its own content hash, command by command"
PROCESSES = "two worker processes against one, each with a third of a core, pipelined, every reply judged"

SESSIONS = 20
MESSAGES = 60_000
RUN_S = 4
POSTAL_WARM_UP_S = 1.0
SLICE_S, SLICES = 0.1, 3

AIMS = (
    Aim(work=PIPELINED, subject=OURS, against=SOURCE, ratio=1.2),
    Aim(work=STEPS, subject=OURS, against=SOURCE, ratio=0.8),
    Aim(work=HASHED, subject=OURS, against=POSTAL, ratio=2.0),
    Aim(work=PROCESSES, subject=TWO, against=ONE, ratio=1.7),
)


def main() -> None:
    """Measure, then print, write JSON and, where asked, the documentation."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument(
        "--json", type=Path, default=PROJECT / "mailspec-bench-load.json", help="where to write figures"
    )
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/benchmarks-load.md")
    arguments = parser.parse_args()
    date = datetime.now(UTC).date().isoformat()
    about = report.machine(servers.versions())
    books = Books()
    notes = []
    try:
        with servers.smtp_sink() as sink, servers.postfix_tool("smtp-source") as (program, environment):

            def peer() -> tuple[int, float, float]:
                return smtp_source(program, environment, sink)

            for work, flags in ((PIPELINED, ["--pipelining"]), (STEPS, [])):
                alternate(
                    books, work, {OURS: lambda flags=flags: ours(sink, *flags), SOURCE: peer}, arguments.rounds  # type: ignore[misc]
                )  # fmt: skip
            notes.append(sinks_limit(program, environment, sink))
            notes.append(beside_each_other(books, sink, arguments.rounds))
    except MissingError as error:
        for work, subjects in ((PIPELINED, (OURS, SOURCE)), (STEPS, (OURS, SOURCE)), (PROCESSES, (TWO, ONE))):
            for subject in subjects:
                books.missing(work, subject, str(error))
    beside_postal(books, arguments.rounds)
    notes.append(idle())
    report.to_terminal(books, notes, about, subject="load generator", wanted=AIMS)
    report.to_json(arguments.json, books, {}, about, date=date, rounds=arguments.rounds, wanted=AIMS)
    if arguments.write_docs:
        path = PROJECT / "docs" / "benchmarks-load.md"
        report.to_docs(path, books, notes, about, date=date, rounds=arguments.rounds, wanted=AIMS)


Run = Callable[[], tuple[int, float, float]]
"""Makes load once: messages, wall time and the generator's processor time, both in seconds."""


def alternate(books: Books, work: str, generators: dict[str, Run], rounds: int) -> None:
    """The same work by each generator in turn."""
    for number in range(rounds):
        for name in in_turn(list(generators), number):
            count, elapsed_s, cpu_s = generators[name]()
            # The table knows one count for all rounds; ours is ended by time, so its figures are put in terms of that.
            share = MESSAGES / count
            books.note(work, name, count=MESSAGES, unit="messages", elapsed_s=elapsed_s * share, cpu_s=cpu_s * share)


def ours(sink: Server, *flags: str) -> tuple[int, float, float]:
    """`mailspec load relay` in one process, histograms and ledger on."""
    with tempfile.TemporaryDirectory(prefix="mailspec-bench-") as folder:
        path = Path(folder) / "load.json"
        command = [
            *(sys.executable, "-m", "mailspec", "load", "relay", f"smtp://127.0.0.1:{sink.ports['smtp']}"),
            *(
                "--users",
                str(SESSIONS),
                "--run-time",
                f"{RUN_S}s",
                "--message-size",
                "4096",
                "--processes",
                "1",
            ),
            *("--json", str(path), *flags),
        ]
        done = subprocess.run(command, capture_output=True, cwd=PROJECT)
        if done.returncode:
            raise WrongAnswerError(f"mailspec load says: {done.stderr.decode(errors='replace')[-500:]}")
        return messages_of(path)


def messages_of(path: Path) -> tuple[int, float, float]:
    """What a run of ours did."""
    result = decode_load(path.read_bytes())
    ledger = result.summary.ledger
    if ledger.failed or ledger.refused or result.summary.accepted != ledger.attempted:
        raise WrongAnswerError(f"not every message was accepted: {ledger}")
    return result.summary.accepted, result.duration_s, sum(process.cpu_s for process in result.processes)


def smtp_source(
    program: str, environment: dict[str, str], sink: Server, *, at_once: int = 1
) -> tuple[int, float, float]:
    """Postfix's generator, so many of it at once."""
    command = [
        *(program, "-d", "-s", str(SESSIONS), "-m", str(MESSAGES), "-l", "4096"),
        *("-f", "sender@client.example", "-t", "alice@example.test", f"127.0.0.1:{sink.ports['smtp']}"),
    ]
    cpu_before_s, before_s = _children_s(), time.perf_counter()
    running = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(at_once)]
    for process in running:
        _, err = process.communicate()
        if process.returncode or err:
            raise WrongAnswerError(f"smtp-source says: {err.decode(errors='replace')[:300]}")
    return MESSAGES * at_once, time.perf_counter() - before_s, _children_s() - cpu_before_s


def beside_each_other(books: Books, sink: Server, rounds: int) -> str:
    """One worker and two of them under one master, at work that costs the generator more than the target."""
    cpu_before_s, before_s = processor_time_s(sink.pid), time.perf_counter()
    alternate(books, PROCESSES, {TWO: lambda: in_slices(sink, 2), ONE: lambda: in_slices(sink, 1)}, rounds)
    cpu_s, elapsed_s = processor_time_s(sink.pid) - cpu_before_s, time.perf_counter() - before_s
    return f"of a core smtp-sink used {cpu_s / elapsed_s:.0%}, starts included, while one and two processes took turns"


def in_slices(sink: Server, workers: int) -> tuple[int, float, float]:
    """So many workers, of which each may run for one of `SLICES`, of `SLICE_S` each, in turn.

    Two cores have no room for two busy workers and their target. In slices both have the same core in turn, as if each
    had a slower one of its own; what is measured is whether their rates add up, with all that a run of several
    processes does besides. In slices that are left over something else is busy, so that the core never falls asleep.
    """
    with tempfile.TemporaryDirectory(prefix="mailspec-bench-") as folder:
        path = Path(folder) / "load.json"
        master = subprocess.Popen(
            [
                *(sys.executable, "-m", "mailspec", "load", "relay", f"smtp://127.0.0.1:{sink.ports['smtp']}"),
                *("--users", str(SESSIONS), "--run-time", f"{RUN_S}s", "--message-size", "4096", "--pipelining"),
                *("--judge", "100%", "--json", str(path), "--processes", str(workers), "--master"),
                *("--master-port", "0"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        assert master.stderr is not None
        port = next(match[1] for line in master.stderr if (match := re.search(r"--master-port (\d+)", line)))
        command = [sys.executable, "-m", "mailspec", "load", "--worker", "--master-port", port]
        running = [subprocess.Popen(command, cwd=PROJECT) for _ in range(workers)]
        other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        slices = [*running, *[other] * (SLICES - workers)]
        try:
            while master.poll() is None:
                for process in slices:
                    process.send_signal(signal.SIGCONT)
                    time.sleep(SLICE_S)
                    process.send_signal(signal.SIGSTOP)
        finally:
            other.kill()
            other.wait()
            for worker in running:
                worker.send_signal(signal.SIGCONT)
                worker.wait()
            told = master.communicate()[1]
        if master.returncode:
            raise WrongAnswerError(f"mailspec load says: {told[-500:]}")
        return messages_of(path)


def sinks_limit(program: str, environment: dict[str, str], sink: Server) -> str:
    """How much the target takes from two generators at once, and what a message costs it."""
    cpu_before_s = processor_time_s(sink.pid)
    count, elapsed_s, _ = smtp_source(program, environment, sink, at_once=2)
    cpu_us = (processor_time_s(sink.pid) - cpu_before_s) / count * 1e6
    cores = len(os.sched_getaffinity(0))
    return (
        f"smtp-sink's own limit: {count / elapsed_s:,.0f} messages a second from two of smtp-source at once, which "
        f"share {cores} cores with it; {cpu_us:.0f} µs of its processor time each, command by command, so that "
        f"{1e6 / cpu_us:,.0f} a second would fill its core"
    )


def beside_postal(books: Books, rounds: int) -> None:
    """postal prints its counts once a minute at best, so a second smtp-sink counts the messages of both."""
    program = shutil.which("postal", path="/usr/sbin:/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        for name in (OURS, POSTAL):
            books.missing(HASHED, name, "postal is not installed (Debian's package of this name)")
        return
    try:
        with tempfile.TemporaryDirectory(prefix="mailspec-bench-") as folder:
            counted = Path(folder) / "counted"
            people = Path(folder) / "people"
            people.write_text("alice@example.test\n")
            with servers.smtp_sink(counted=counted) as sink:
                alternate(
                    books,
                    HASHED,
                    {OURS: lambda: ours(sink), POSTAL: lambda: postal(program, people, sink, counted)},
                    rounds,
                )
    except MissingError as error:
        for name in (OURS, POSTAL):
            books.missing(HASHED, name, str(error))


def postal(program: str, people: Path, sink: Server, counted: Path) -> tuple[int, float, float]:
    """postal for `RUN_S`, once its threads are up; its rate limit as high as it goes."""
    command = [
        *(program, "-t", str(SESSIONS), "-m", "4", "-M", "4", "-c", "1000000", "-r", "10000000"),
        *(f"[127.0.0.1]{sink.ports['smtp']}", str(people)),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=people.parent) as process:
        try:
            time.sleep(POSTAL_WARM_UP_S)
            count, cpu_s, before_s = _counted(counted), processor_time_s(process.pid), time.perf_counter()
            time.sleep(RUN_S)
            count = _counted(counted) - count
            cpu_s, elapsed_s = processor_time_s(process.pid) - cpu_s, time.perf_counter() - before_s
        finally:
            process.kill()  # it ends by itself only when its threads feel like it
    if count <= 0:
        raise WrongAnswerError("postal sent nothing")
    return count, elapsed_s, cpu_s


def idle() -> str:
    """Ten thousand idle IMAP sessions in one process; see the aim."""
    aim = "10,000 idle IMAP sessions in one process (aim: at most 600 MB, push latency p99 reported)"
    if "imap-idle" not in SCENARIOS:
        return f"{aim}: not measured, as the scenario imap-idle is not there yet"
    with servers.ours("reference server", "imap", "smtp") as server, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "load.json"
        command = [
            *(sys.executable, "-m", "mailspec", "load", "imap-idle"),
            *(f"imap://alice%40example.test:secret@127.0.0.1:{server.ports['imap']}",),
            *(f"smtp://127.0.0.1:{server.ports['smtp']}", "--users", "10000", "--run-time", "60s", "--json", str(path)),
        ]
        before_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        done = subprocess.run(command, capture_output=True, cwd=PROJECT)
        most_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        if done.returncode or not path.exists():
            return f"{aim}: not measured: {done.stderr.decode(errors='replace')[-200:]}"
        push = decode_load(path.read_bytes()).summary.latency_us.get("push")
    size = f"{most_kib / 1000:,.0f} MB" if most_kib > before_kib else f"at most {before_kib / 1000:,.0f} MB"
    return f"{aim}: {size}; push p99 " + (f"{push.p99 / 1000:.1f} ms" if push else "not measured")


def _counted(path: Path) -> int:
    """Messages that `smtp-sink -c` has counted; its counters follow each other in one line without end."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 200, 0))
        found = re.findall(rb"mesg=\s*(\d+)\D", file.read())
    return int(found[-1]) if found else 0


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
