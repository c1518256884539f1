"""The table of a run: rates, ratios and aims; on a terminal, as JSON, and between the marks in docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import works
from tests.bench.measuring import Books, Measurement
from tests.bench.works import MEMORY, SQLITE

BEGIN, END = "<!-- the table: written by make bench -->", "<!-- end of the table -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """`subject` does this work at least `ratio` times as fast as `against`."""

    work: str
    subject: str
    against: str
    ratio: float


def aims() -> Iterator[Aim]:
    """Every comparison that is made, in the order of the table."""
    for subject in (MEMORY, SQLITE):
        # A null sink neither stores nor syncs: only the memory store is held to it.
        if subject == MEMORY:
            yield Aim(work=works.SMTP, subject=subject, against="smtp-sink", ratio=0.8)
            yield Aim(work=works.SMTP, subject=subject, against="aiosmtpd", ratio=6.0)
        for work in works.IMAP_WORKS:
            yield Aim(work=work, subject=subject, against="Dovecot", ratio=1.0 if subject == MEMORY else 0.5)
            if subject == MEMORY:
                search = work in (works.SUBJECT, works.TEXT)
                yield Aim(work=work, subject=subject, against="pymap", ratio=2.0 if search else 5.0)
        for work in works.POP3_WORKS:
            yield Aim(work=work, subject=subject, against="Dovecot", ratio=1.0 if subject == MEMORY else 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One row: what was measured of an aim. `ratio` and `worst` are of rates, `cpu_ratio` of the median costs."""

    aim: Aim
    ours: Measurement
    peer: Measurement
    ratio: float
    worst: float
    cpu_ratio: float

    @property
    def met(self) -> bool:
        return self.ratio >= self.aim.ratio


def comparisons(books: Books, wanted: Iterable[Aim] | None = None) -> list[Comparison | tuple[Aim, str]]:
    """Each aim with its figures, or with the reason why there are none; those of the reference server by default."""
    found: list[Comparison | tuple[Aim, str]] = []
    for aim in aims() if wanted is None else wanted:
        ours, peer = books.of(aim.work, aim.subject), books.of(aim.work, aim.against)
        if ours is None or peer is None:
            continue
        if not (ours.elapsed_s and peer.elapsed_s):
            found.append((aim, ours.missing or peer.missing))
            continue
        pairs = zip(ours.elapsed_s, peer.elapsed_s, strict=True)
        ratios = [(peer_s / peer.count) / (ours_s / ours.count) for ours_s, peer_s in pairs]
        found.append(
            Comparison(
                aim=aim,
                ours=ours,
                peer=peer,
                ratio=statistics.median(ratios),
                worst=min(ratios),
                cpu_ratio=peer.cpu_us / ours.cpu_us if ours.cpu_us else 0.0,
            )
        )
    return found


HEADINGS = ("work", "of", "per second", "against", "per second", "ratio", "worst", "by CPU", "aim", "")


def rows(books: Books, wanted: Iterable[Aim] | None = None) -> Iterator[tuple[str, ...]]:
    """The comparisons as text, in the columns of `HEADINGS`."""
    for each in comparisons(books, wanted):
        if isinstance(each, tuple):
            aim, why = each
            yield (aim.work, aim.subject, "", aim.against, "", "", "", "", f"{aim.ratio:g}", f"not measured: {why}")
            continue
        yield (
            each.aim.work,
            each.aim.subject,
            f"{each.ours.per_s:,.0f}",
            each.aim.against,
            f"{each.peer.per_s:,.0f}",
            f"{each.ratio:.2f}",
            f"{each.worst:.2f}",
            f"{each.cpu_ratio:.2f}",
            f"{each.aim.ratio:g}",
            "met" if each.met else "missed",
        )


def sizes(books: Books, idle: dict[str, int], idle_missing: str) -> Iterator[str]:
    """What is measured against a limit, a sentence each."""
    if idle:
        pss, before = idle["pss_octets"] / 1e6, idle["rss_before_octets"] / 1e6
        each = (idle["rss_octets"] - idle["rss_before_octets"]) / idle["connections"] / 1000
        verdict = "met" if pss < 300 else "missed"
        yield (
            f"{idle['connections']:,} IMAP connections logged in and in IDLE: {pss:.0f} MB of server memory (PSS), "
            f"{before:.0f} MB before the first, {each:.1f} kB each; aim under 300 MB for 10,000: {verdict}"
        )
    elif idle_missing:
        yield f"10,000 IMAP connections in IDLE: not measured: {idle_missing}"
    if started := books.of(works.START, MEMORY):
        median, most = statistics.median(started.elapsed_s), max(started.elapsed_s)
        yield (
            f"start until the first greeting, whole process: {median:.2f} s (median of {len(started.elapsed_s)}; "
            f"slowest {most:.2f} s; {statistics.median(started.cpu_s):.2f} s of processor time); aim under 0.5 s: "
            f"{'met' if median < 0.5 else 'missed'}"
        )


def machine(versions: dict[str, str]) -> dict[str, str]:
    """What it was measured on."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    return {
        "processor": f"{len(os.sched_getaffinity(0))} cores, {model}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **versions,
    }


def to_terminal(
    books: Books,
    notes: list[str],
    about: dict[str, str],
    *,
    subject: str = "reference server",
    wanted: Iterable[Aim] | None = None,
) -> None:
    """Print the table."""
    table = Table(title=f"mailspec's {subject} against others, measured side by side")
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if number in {2, 4, 5, 6, 7, 8} else "left", overflow="fold")
    for row in rows(books, wanted):
        table.add_row(*row, style="" if row[-1] == "met" else "yellow")
    console = Console(width=max(Console().width, 170))
    console.print(table)
    for note in notes:
        console.print(note, highlight=False)
    console.print(", ".join(f"{name} {value}" for name, value in about.items()), highlight=False)


def to_json(
    path: Path,
    books: Books,
    idle: dict[str, int],
    about: dict[str, str],
    *,
    date: str,
    rounds: int,
    wanted: Iterable[Aim] | None = None,
) -> None:
    """Write everything that was measured."""
    compared = [
        {**asdict(each.aim), "measured": each.ratio, "worst": each.worst, "by_cpu": each.cpu_ratio, "met": each.met}
        if isinstance(each, Comparison)
        else {**asdict(each[0]), "missing": each[1]}
        for each in comparisons(books, wanted)
    ]
    found = {
        "date": date,
        "machine": about,
        "rounds": rounds,
        "comparisons": compared,
        "idle": idle,
        "measurements": [asdict(each) for each in books.all()],
    }
    path.write_text(json.dumps(found, indent=1) + "\n")


def to_docs(
    path: Path,
    books: Books,
    notes: list[str],
    about: dict[str, str],
    *,
    date: str,
    rounds: int,
    wanted: Iterable[Aim] | None = None,
) -> None:
    """Put the table between the marks.

    Raises:
        ValueError: the page has no marks.
    """
    page = path.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} has no marks for the table")
    lines = [
        f"Measured on {date}, {rounds} rounds. " + "; ".join(f"{name}: {value}" for name, value in about.items()) + ".",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|" + "|".join("--:" if number in {2, 4, 5, 6, 7, 8} else "--" for number in range(len(HEADINGS))) + "|",
        *("| " + " | ".join(row) + " |" for row in rows(books, wanted)),
        "",
        *(f"- {note}" for note in notes),
    ]
    path.write_text(before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + after)


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
