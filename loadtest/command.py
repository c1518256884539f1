"""`mailspec load`: the command line of a load run. Everything is checked before locust is imported."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from loadtest.messages import MessagePress
from loadtest.plan import LoadPlan, Patience, Persona
from loadtest.scenarios import SCENARIOS, Scenario
from loadtest.target import (
    DEFAULT_RECIPIENT,
    DEFAULT_SENDER,
    Account,
    Address,
    Target,
    TargetError,
    TlsUse,
    addresses_of,
    check_recipients,
    checked_address,
    parse_account,
    parse_target,
)
from loadtest.thresholds import conditions
from reports.load import LoadExit, LoadResult, encode_load, load_exit

_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


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


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 within the thresholds, 1 a threshold is broken, 2 usage, 3 no verdict possible.",
)
@click.argument("scenario", type=click.Choice(list(SCENARIOS)))
@click.argument("url")
@click.option("--users", type=click.IntRange(1, 100_000), default=10, show_default=True, help="How many at once.")
@click.option("--run-time", type=seconds, help="As in 10s, 1m30s. Default: 10s; with --web until Ctrl-C.")
@click.option("--spawn-rate", type=click.FloatRange(0.01), help="Users started per second. Default: all at once.")
@click.option("--message-size", type=click.IntRange(1, 1 << 30), default=4096, show_default=True, help="In octets.")
@click.option("--pipelining", is_flag=True, help="MAIL, RCPT and DATA in one write (RFC 2920).")
@click.option(
    "--messages-per-session",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Messages a user hands in before it quits; 0: it never does.",
)
@click.option(
    "--pace", type=click.FloatRange(0), default=0.0, help="Messages per second and user at most; 0: no limit."
)
@click.option("--account", "accounts", multiple=True, metavar="USER:PASSWORD", help="Log in; users take them in turn.")
@click.option("--to", "recipients", multiple=True, metavar="ADDRESS", help="Default: the account's own address.")
@click.option("--from", "sender", metavar="ADDRESS", help=f"Default: the account's own address, or {DEFAULT_SENDER}.")
@click.option(
    "--domain", "domains", multiple=True, help="A test domain of yours: of accounts without one, and for --to."
)
@click.option(
    "--tls", type=click.Choice([use.value for use in TlsUse]), default="auto", help="STARTTLS; auto: if needed."
)
@click.option("--reply-timeout", type=seconds, default="10s", show_default=True, help="Longest wait for a reply.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the messages' text and the users' pauses.")
@click.option(
    "--fail-if", "fail_if", multiple=True, metavar="CONDITION", help="As in 'p99(submit) > 200ms', 'failures > 1%'."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the result there.")
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write a page there.")
@click.option("--web", is_flag=True, help="Serve locust's live page on loopback while the run lasts.")
@click.option("--web-port", type=click.IntRange(0, 65535), default=0, help="Its port. Default: the kernel chooses.")
@click.option("--i-own-this-server", is_flag=True, help="Needed for any server beyond this machine.")
def load(
    scenario: str,
    url: str,
    users: int,
    run_time: float | None,
    spawn_rate: float | None,
    message_size: int,
    pipelining: bool,  # noqa: FBT001 - click passes flags by keyword
    messages_per_session: int,
    pace: float,
    accounts: tuple[str, ...],
    recipients: tuple[str, ...],
    sender: str | None,
    domains: tuple[str, ...],
    tls: str,
    reply_timeout: float,
    seed: int,
    fail_if: tuple[str, ...],
    json_file: Path | None,
    html_file: Path | None,
    web: bool,  # noqa: FBT001
    web_port: int,
    i_own_this_server: bool,  # noqa: FBT001
) -> None:
    """Put load on the server at URL, smtp://[user:password@]host[:port], and say what it carried.

    Recipients must lie in the domain of an account, in one named with --domain, or in one reserved for tests
    (RFC 2606). The load is closed: a user waits for its reply before it goes on.
    """
    try:
        target, in_url = parse_target(url, SCENARIOS[scenario].schemes)
        logins = ([in_url] if in_url else []) + [parse_account(text) for text in accounts]
        plan = LoadPlan(
            scenario=SCENARIOS[scenario],
            target=target,
            addresses=_addresses(target, owned=i_own_this_server),
            personas=_personas(logins, sender=sender, recipients=recipients, domains=domains),
            users=users,
            spawn_rate_per_s=spawn_rate or float(users),
            run_time_s=run_time or (None if web else 10.0),
            message_octets=message_size,
            pipelining=pipelining,
            messages_per_session=messages_per_session,
            pace_per_s=pace,
            tls=TlsUse(tls),
            patience=Patience(reply_s=reply_timeout),
            seed=seed,
            conditions=tuple(conditions(fail_if)),
        )
        _check_size(plan)
        _check_writable(json_file, html_file)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    result = _run(plan, web_port=web_port if web else None)
    _write(result, plan.scenario, json_file, html_file)
    raise SystemExit(int(load_exit(result)))


def _addresses(target: Target, *, owned: bool) -> tuple[Address, ...]:
    """What the host's name means; looked up once, so that the check holds for every connection."""
    try:
        addresses = target.resolve()
    except OSError as error:
        _no_verdict(f"{target.host} has no address: {error.strerror}")
    if not owned and not all(address.is_loopback for address in addresses):
        raise TargetError(f"{target} is beyond this machine: add --i-own-this-server if it is yours")
    return tuple(addresses)


def _personas(
    logins: Sequence[Account], *, sender: str | None, recipients: Sequence[str], domains: Sequence[str]
) -> tuple[Persona, ...]:
    own = addresses_of(logins, domain=domains[0] if domains else None)
    own_domains = {*domains, *(address.rpartition("@")[2] for address in own)}
    to = tuple(check_recipients(recipients, own_domains=own_domains))
    given_sender = checked_address(sender) if sender else None
    if not logins:
        return (Persona(account=None, sender=given_sender or DEFAULT_SENDER, recipients=to or (DEFAULT_RECIPIENT,)),)
    return tuple(
        Persona(account=account, sender=given_sender or address, recipients=to or (address,))
        for account, address in zip(logins, own, strict=True)
    )


def _check_size(plan: LoadPlan) -> None:
    """Raises ValueError where some user's header alone would not fit."""
    for persona in plan.personas:
        MessagePress(
            run_id="0" * 8,
            sender=persona.sender,
            recipients=persona.recipients,
            octets=plan.message_octets,
            seed=plan.seed,
            date=datetime.now(UTC),
        )


def _check_writable(*paths: Path | None) -> None:
    """A run of an hour must not end with a folder that is not there."""
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise ValueError(f"{path}: there is no such folder")


def _run(plan: LoadPlan, *, web_port: int | None) -> LoadResult:
    from loadtest.progress import ProgressLine

    try:
        from loadtest.running import NoVerdictError, run_load
        from loadtest.web import WebPageError

        with ProgressLine(sys.stderr) as line:
            line.announce(plan)
            try:
                return run_load(plan, web_port=web_port, on_page=line.page, on_second=line.show)
            except WebPageError as error:
                raise click.UsageError(str(error)) from error
            except NoVerdictError as error:
                _no_verdict(str(error))
    except KeyboardInterrupt:
        _no_verdict("interrupted before anything was measured")


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
