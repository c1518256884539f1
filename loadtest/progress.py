"""What a person sees while a load run lasts: one line that is written anew on a terminal, a line a second elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from loadtest.plan import LoadPlan

if TYPE_CHECKING:
    from loadtest.running import Glimpse


class ProgressLine:
    """A context manager; its methods are what `run_load` calls."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._shown = False
        self._before = (0.0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and self._shown:
            self._write("\n")

    def announce(self, plan: LoadPlan) -> None:
        """What is about to be done, and to whom."""
        recipients = list(dict.fromkeys(r for persona in plan.personas for r in persona.recipients))
        to = ", ".join(recipients[:3]) + (f" and {len(recipients) - 3} more" if len(recipients) > 3 else "")
        length = "until Ctrl-C" if plan.run_time_s is None else f"for {plan.run_time_s:g} s"
        self._write(
            f"{plan.scenario.name}: {plan.users} users, {length}, messages of {plan.message_octets:,} octets "
            f"through {plan.target} to {to}\n"
        )

    def page(self, url: str) -> None:
        """Where locust's web page is."""
        self._write(f"locust's page: {url}\n")

    def show(self, glimpse: Glimpse) -> None:
        """One second more."""
        books = glimpse.books
        at_s, accepted = self._before
        self._before = (glimpse.elapsed_s, books.accepted)
        rate = (books.accepted - accepted) / max(glimpse.elapsed_s - at_s, 1e-9)
        p99_us = books.histograms["submit"].percentiles_us((99,))[0]
        line = (
            f"{glimpse.elapsed_s:6.0f} s  {glimpse.users:5,} users  {books.accepted:9,} accepted  {rate:8,.0f}/s  "
            f"{books.refused:,} refused  {books.failed:,} failed  p99 {p99_us / 1000:,.1f} ms"
        )
        self._write(f"\r\x1b[K{line}" if self._live else f"{line}\n")
        self._shown = True

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
