"""What a person sees while checks run: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reports.octets import printable
from reports.records import CheckResult, Verdict

MARK = {
    Verdict.SATISFIED: ("ok", "green"),
    Verdict.VIOLATED: ("VIOLATED", "bold red"),
    Verdict.NOT_APPLICABLE: ("n/a", "dim"),
    Verdict.INCONCLUSIVE: ("no verdict", "yellow"),
}


class ProgressDisplay:
    """A context manager; `start` and `show` are what `conformance.judging` calls.

    On a terminal only what is wrong gets a line of its own above the bar. Elsewhere every check does, so that a log
    tells how far the run came. Reasons quote the server, so that nothing in them may steer the terminal.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._counts: Counter[Verdict] = Counter()
        self._total = 0
        self._bar: Progress | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=28),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, total: int) -> None:
        """So many checks will run."""
        self._total = total
        if self._bar is not None:
            self._bar.add_task("checks", total=total)

    def show(self, result: CheckResult) -> None:
        """One check is done."""
        self._counts[result.verdict] += 1
        word, style = MARK[result.verdict]
        if self._bar is None:
            number = sum(self._counts.values())
            why = f"  {printable(result.reason)}" if result.reason else ""
            self._console.print(
                f"{number:>4}/{self._total}  {word:<10}  {result.check}  {result.duration_s:.2f} s{why}",
                markup=False,
                soft_wrap=True,
            )
            return
        if result.verdict in (Verdict.VIOLATED, Verdict.INCONCLUSIVE):
            why = f"  [dim]{escape(printable(result.reason))}[/]" if result.reason else ""
            self._bar.console.print(f"[{style}]{word:<10}[/]  {escape(result.check)}{why}")
        for task in self._bar.tasks:
            self._bar.update(task.id, advance=1, description=_shortened(result.check))


def _shortened(check: str, width: int = 44) -> str:
    return escape(check if len(check) <= width else check[: width - 1] + "…").ljust(width)
