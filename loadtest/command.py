"""`mailspec load`: the command line of a load run. Everything is checked before locust is imported."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import click

from loadtest.embedded import ACCOUNTS, EmbeddedServerError, embedded_server
from loadtest.machine import allow_many_files
from loadtest.option_groups import GroupedOptions
from loadtest.plan import LoadPlan
from loadtest.planning import Options, plan_from, scenario_named
from loadtest.rates.capacity import parse_objective
from loadtest.rates.finding import Wanted, find_capacity
from loadtest.scenarios.table import SCENARIOS, Scenario
from loadtest.target import DEFAULT_SENDER, TlsUse
from reports.load import LoadExit, LoadResult, encode_load, load_exit

_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")

FIND_CAPACITY = "find-capacity"

STEP_WARM_UP_S = 2.0
"""Of each step of find-capacity: how fast a server starts processes for sessions that all come at once is another
question.
"""


def seconds(text: str) -> float:
    """A length of time in seconds: `90`, `90s`, `1m30s`, `2h`; more than none.

    Raises:
        click.BadParameter: it is none of these.
    """
    match = _TIME.fullmatch(text)
    parts = [float(part or 0) for part in match.groups()] if match else [0.0]
    total_s = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if total_s <= 0:
        raise click.BadParameter(f"{text!r} is no length of time: write 10s, 1m30s or 2h")
    return total_s


def seconds_or_none(text: str) -> float:
    """As `seconds`, or 0 for none.

    Raises:
        click.BadParameter: it is neither.
    """
    return 0.0 if text in ("0", "0s") else seconds(text)


def share(text: str) -> float:
    """A share between 0 and 1, written as a percentage.

    Raises:
        click.BadParameter: it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", text)
    if match is None or float(match[1]) > 100:
        raise click.BadParameter(f"{text!r} is no share: write 1%")
    return float(match[1]) / 100


@click.command(
    cls=GroupedOptions,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 within the thresholds, 1 a threshold is broken or a message went wrong, 2 usage, 3 no "
    "verdict possible: nothing was measured, or the generator was the limit of an open load.",
)
@click.argument("scenario", required=False)
@click.argument("urls", nargs=-1, metavar="[URL...]")
@click.option(
    "--users", type=click.IntRange(1, 100_000), metavar="N", help="How many at once. Default: 10; of an open load 200."
)
@click.option("--run-time", type=seconds, help="As in 10s, 1m30s. Default: 10s; with --web until Ctrl-C.")
@click.option(
    "--warm-up", type=seconds_or_none, help="Load before that, not measured. Default: none; find-capacity: 2s."
)
@click.option(
    "--spawn-rate", type=click.FloatRange(0.01), metavar="N", help="Users that come per second. Default: all at once."
)
@click.option("--arrivals", metavar="SCHEDULE", help="Open load, as in '50/s'; --users is then the most at once.")
@click.option(
    "--slo", "objectives", multiple=True, metavar="CONDITION", help="What must hold, as in 'p99(submit) < 250ms'."
)
@click.option("--scenario", "searched", metavar="NAME", default="relay", show_default=True, help="The load to grow.")
@click.option(
    "--start-rate",
    type=click.FloatRange(0.01),
    metavar="N",
    default=10.0,
    show_default=True,
    help="Operations per second at first.",
)
@click.option("--step", type=seconds, default="10s", show_default=True, help="The length of a step.")
@click.option(
    "--max-rate",
    type=click.FloatRange(0.01),
    metavar="N",
    help="Operations per second at most, of all users together. Default: none; beyond this machine 50.",
)
@click.option(
    "--feed-rate",
    type=click.FloatRange(0.001),
    metavar="N",
    default=1.0,
    show_default=True,
    help="Messages per second for those who only read.",
)
@click.option(
    "--slow-clients", type=click.IntRange(1, 100_000), metavar="N", help="slow-clients: how many dawdle. Default: 100."
)
@click.option(
    "--message-size",
    metavar="SIZE",
    default="4096",
    show_default=True,
    help="Octets: 4096, 16k, 1k-64k, mixed (as in real mail), or a folder of .eml.",
)
@click.option("--pipelining", is_flag=True, help="MAIL, RCPT and DATA in one write (RFC 2920).")
@click.option(
    "--messages-per-session",
    type=click.IntRange(0),
    metavar="N",
    help="Messages before QUIT; 0: no end. Default: the scenario's.",
)
@click.option(
    "--recipients-per-message",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Default: all that --to names, or one.",
)
@click.option(
    "--pace",
    type=click.FloatRange(0),
    metavar="N",
    default=0.0,
    help="Operations per second and user at most; 0: no limit.",
)
@click.option(
    "--think-time",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="A user's pause between operations, on average. Default: the scenario's.",
)
@click.option(
    "--account", "accounts", multiple=True, metavar="USER:PASSWORD", help="Repeat for more; users take them in turn."
)
@click.option(
    "--to", "recipients", multiple=True, metavar="ADDRESS", help="Who gets mail. Default: the account itself."
)
@click.option("--from", "sender", metavar="ADDRESS", help=f"Who sends. Default: the account, or {DEFAULT_SENDER}.")
@click.option(
    "--domain", "domains", multiple=True, help="A test domain of yours: of accounts without one, and for --to."
)
@click.option(
    "--tls", type=click.Choice([use.value for use in TlsUse]), default="auto", help="STARTTLS; auto: if needed."
)
@click.option("--reply-timeout", type=seconds, default="10s", show_default=True, help="Longest wait for a reply.")
@click.option("--late-after", type=seconds, default="10s", show_default=True, help="A delivery after that is late.")
@click.option(
    "--settle", type=seconds, default="10s", show_default=True, help="Longest wait for the next missing message."
)
@click.option("--judge", type=share, default="0%", show_default=True, help="Share of replies held against the grammar.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the messages' text and the users' pauses.")
@click.option(
    "--fail-if",
    "fail_if",
    multiple=True,
    metavar="CONDITION",
    help="As in 'p99(submit) > 200ms', 'failures > 1%'. Always, unless said otherwise: failures, lost, doubled, "
    "damaged and refused_but_delivered > 0.",
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the record of the run there."
)
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a page there.")
@click.option("--web", is_flag=True, help="Serve locust's live page on loopback while the run lasts.")
@click.option(
    "--web-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=0,
    help="Its port. Default: the kernel chooses.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 999),
    metavar="N",
    default=1,
    show_default=True,
    help="Processes that make load.",
)
@click.option("--master", is_flag=True, help="Wait for --processes workers instead of starting them.")
@click.option("--worker", is_flag=True, help="Make load as a master says; needs no scenario.")
@click.option("--master-host", default="127.0.0.1", show_default=True, metavar="HOST", help="Where the master listens.")
@click.option("--master-port", type=click.IntRange(0, 65535), metavar="PORT", default=5557, show_default=True)
@click.option("--i-own-this-server", is_flag=True, help="Needed for any server beyond this machine.")
def load(
    *,
    json_file: Path | None,
    html_file: Path | None,
    web: bool,
    web_port: int,
    master: bool,
    worker: bool,
    master_host: str,
    master_port: int,
    objectives: tuple[str, ...],
    searched: str,
    warm_up: float | None,
    start_rate: float,
    step: float,
    **options: Any,
) -> None:
    """Put load on servers, and say what they carried, how fast, and whether a single message was lost.

    SCENARIO is one of those that `mailspec list scenarios` shows, or FILE.py with user classes of your own, or
    find-capacity, which grows the load of --scenario until --slo no longer holds or a message goes wrong. A URL is
    scheme://[user:password@]host[:port]. With the URL of a server that gives mailboxes out (imap, pop3) beside the one
    that takes messages in, and an account, every message is accounted for. Without a URL the load goes to the
    reference server.

    Recipients must lie in the domain of an account, in one named with --domain, or in one reserved for tests
    (RFC 2606).
    """
    if worker:
        _work(master_host, master_port)
        return
    wanted = None
    if options["scenario"] == FIND_CAPACITY:
        options["scenario"] = searched
        options["arrivals"] = f"{start_rate:.10g}/s"
        wanted = _wanted(objectives, start_rate, step)
        warm_up = STEP_WARM_UP_S if warm_up is None else warm_up
    elif objectives:
        raise click.UsageError("--slo belongs to find-capacity; --fail-if says when any other run has failed")
    try:
        with ExitStack() as stack:
            plan = _plan(stack, {**options, "warm_up": warm_up or 0.0}, until_ended=web, files=(json_file, html_file))
            listen = (master_host, master_port) if master else None
            result = _run(plan, web_port=web_port if web else None, listen=listen, wanted=wanted)
    except KeyboardInterrupt:
        _no_verdict("interrupted before anything was measured")
    _write(result, plan.scenario, json_file, html_file)
    raise SystemExit(int(load_exit(result)))


def _wanted(objectives: tuple[str, ...], start_rate: float, step: float) -> Wanted:
    try:
        return Wanted(objective=parse_objective(objectives), start_per_s=start_rate, step_s=step)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _plan(stack: ExitStack, options: dict[str, Any], *, until_ended: bool, files: tuple[Path | None, ...]) -> LoadPlan:
    """The plan of the options; without a URL it is about a reference server that ends with the stack."""
    try:
        if options["scenario"] is None:
            raise ValueError(f"name a scenario: {', '.join(SCENARIOS)}")
        _check_writable(*files)
        if not options["urls"]:
            options["urls"] = stack.enter_context(embedded_server(scenario_named(options["scenario"])))
            options["accounts"] = options["accounts"] or ACCOUNTS
        return plan_from(Options(**options), until_ended=until_ended)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except EmbeddedServerError as error:
        _no_verdict(str(error))
    except OSError as error:
        _no_verdict(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))


def _work(host: str, port: int) -> None:
    from loadtest.distribution import work
    from loadtest.generators import GeneratorError

    allow_many_files()
    try:
        work(host=host, port=port)
    except GeneratorError as error:
        _no_verdict(str(error))


def _check_writable(*paths: Path | None) -> None:
    """A run of an hour must not end with a folder that is not there."""
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise ValueError(f"{path}: there is no such folder")


def _run(plan: LoadPlan, *, web_port: int | None, listen: tuple[str, int] | None, wanted: Wanted | None) -> LoadResult:
    from loadtest.contact import NoVerdictError
    from loadtest.distribution import Master, generator_for
    from loadtest.generators import Generator, GeneratorError
    from loadtest.progress import ProgressLine
    from loadtest.running import run_load
    from loadtest.web import WebPageError

    def generator(plan: LoadPlan) -> Generator:
        if listen is None:
            return generator_for(plan)
        master = Master(plan, host=listen[0], port=listen[1], own_workers=False)
        line.waiting(plan, f"{listen[0]}:{master.port}")
        return master

    allow_many_files()
    with ProgressLine(sys.stderr) as line:
        line.announce(plan, step_s=wanted.step_s if wanted is not None else None)

        def run(plan: LoadPlan) -> LoadResult:
            line.begin(plan)
            return run_load(
                plan,
                web_port=web_port,
                on_page=line.page,
                on_second=line.show,
                on_reading=line.reading,
                make_generator=generator,
            )

        try:
            return run(plan) if wanted is None else find_capacity(plan, wanted, run, on_step=line.step)
        except WebPageError as error:
            raise click.UsageError(str(error)) from error
        except (NoVerdictError, GeneratorError) as error:
            _no_verdict(str(error))


def _write(result: LoadResult, scenario: Scenario, json_file: Path | None, html_file: Path | None) -> None:
    from reports.load_html import render_load_html
    from reports.load_text import render_load_text

    if json_file is not None:
        _replace(json_file, encode_load(result))
    if html_file is not None:
        _replace(html_file, render_load_html(result, about=scenario.about).encode())
    click.echo(render_load_text(result), nl=False)


def _replace(path: Path, data: bytes) -> None:
    """Write the file as a whole: an interrupted write leaves the former one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _no_verdict(message: str) -> NoReturn:
    click.echo(f"mailspec: {message}", err=True)
    raise SystemExit(int(LoadExit.NO_VERDICT))
