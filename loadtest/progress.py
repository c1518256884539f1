"""What a person sees while a load run lasts: one line that is written anew on a terminal, a line a second elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from loadtest.plan import LoadPlan
from loadtest.planning import recipients_of
from loadtest.scenarios.table import ROLES
from reports.load import Step
from reports.load_wording import milliseconds, step_sign
from reports.octets import printable
from reports.wording import count

if TYPE_CHECKING:
    from loadtest.generators import Glimpse


class ProgressLine:
    """A context manager; its methods are what `run_load` calls."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._shown = False
        self._before = (0.0, 0)
        self._operations = "operations"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and self._shown:
            self._write("\n")

    def announce(self, plan: LoadPlan, *, step_s: float | None = None) -> None:
        """What is about to be done, and to whom; `step_s` where it is a search in steps of so many seconds."""
        self._operations = plan.scenario.operations
        recipients = recipients_of(plan.personas)
        to = ", ".join(recipients[:3]) + (f" and {len(recipients) - 3} more" if len(recipients) > 3 else "")
        length = "until Ctrl-C" if plan.run_time_s is None else f"for {plan.run_time_s:g} s"
        if step_s is not None:
            length = f"rising in steps of {step_s:g} s"
        length += f" after {plan.warm_up_s:g} s of warm-up" if plan.warm_up_s else ""
        users = count(plan.users, "user")
        load = f"{plan.arrivals}, at most {users}" if plan.arrivals else users
        load += f" and {count(plan.slow_clients, 'slow client')}" if plan.slow_clients else ""
        limit = f", at most {plan.max_rate_per_s:g} operations/s" if plan.max_rate_per_s else ""
        size = f"{int(plan.messages):,} octets" if plan.messages.isdigit() else f"size {plan.messages}"
        mail = f", messages of {size} to {to}" if _hands_in(plan) else ""
        self._write(f"{plan.scenario.name} on {plan.urls}: {load}, {length}{limit}{mail}\n")

    def waiting(self, plan: LoadPlan, address: str) -> None:
        """The master waits for workers."""
        host, _, port = address.rpartition(":")
        workers = count(plan.processes, "worker")
        command = f"mailspec load --worker --master-host {host} --master-port {port}"
        self._write(f"waiting for {workers}, each started by: {command}\n")

    def page(self, url: str) -> None:
        """Where locust's web page is."""
        self._write(f"locust's page: {url}\n")

    def show(self, glimpse: Glimpse) -> None:
        """One second more."""
        at_s, done = self._before
        self._before = (glimpse.elapsed_s, glimpse.done)
        # Where the warm-up ends counting begins anew.
        since = glimpse.done - done if glimpse.done >= done else glimpse.done
        rate = since / max(glimpse.elapsed_s - at_s, 1e-9)
        warming = "  (warming up)" if glimpse.elapsed_s < 0 else ""
        line = (
            f"{glimpse.elapsed_s:6.0f} s  {glimpse.users:5,} users  {glimpse.done:9,} {self._operations}  "
            f"{rate:8,.0f}/s  {glimpse.refused:,} refused  {glimpse.failed:,} failed  "
            f"p99 {_latency(glimpse.p99_us)}{warming}"
        )
        self._write(f"\r\x1b[K{line}" if self._live else f"{line}\n")
        self._shown = True

    def begin(self, plan: LoadPlan) -> None:
        """A run begins, the first or one of several."""
        self._before = (-plan.warm_up_s, 0)

    def step(self, step: Step) -> None:
        """A step of a search is over."""
        said = "holds" if step.met else printable(step.reason)
        figures = f"{step.achieved_per_s:,.1f}/s carried, p99 {_latency(step.p99_us)}"
        line = f"{step_sign(step)} {step.offered_per_s:g}/s offered: {figures}: {said}\n"
        self._write(f"\r\x1b[K{line}" if self._live else line)

    def reading(self, missing: int) -> None:
        """The mailboxes have been read once more."""
        line = f"reading mailboxes: {count(missing, 'delivery', 'deliveries')} missing"
        self._write(f"\r\x1b[K{line}" if self._live else f"{line}\n")
        self._shown = True

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _hands_in(plan: LoadPlan) -> bool:
    """Whether the load has messages that somebody gets."""
    schemes = {endpoint.target.scheme for endpoint in plan.endpoints}
    return plan.scenario.hands_in and not schemes <= {*ROLES["pop3"], *ROLES["imap"]}


def _latency(us: int) -> str:
    # Nothing went well yet, which is something else than in no time.
    return f"{milliseconds(us)} ms" if us else "–"
