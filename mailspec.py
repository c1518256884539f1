"""The command `mailspec`. Each subcommand imports what it needs only when it is called."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from conformance.configuration import Configuration
    from conformance.target import Account, Endpoint, Target
    from reports.records import CheckResult

VERSION = "0.1.0"
USAGE = 2
NO_VERDICT = 3
INTERRUPTED = 130
TIERS = ("safe", "intrusive", "destructive")
PROFILES = ("quick", "standard", "thorough")
SEGMENTS = ("each", "whole", "octets", "random")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="mailspec")
def main() -> None:
    """Tell whether a mail server speaks SMTP, LMTP, POP3 and IMAP as the RFCs say, and what load it carries."""


def _fail(message: str, status: int) -> NoReturn:
    from reports.octets import printable

    # The words may be a server's.
    click.echo(f"mailspec: {printable(message, keep_newlines=True)}", err=True)
    raise SystemExit(status)


def _make_writable(*folders: Path) -> None:
    """Make sure that reports can be written there, before a run has taken its time."""
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            _fail(f"nothing can be written to {folder}: {error.strerror}", USAGE)


# -- check ------------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("urls", nargs=-1, metavar="[URL...]")
@click.option("--account", "accounts", multiple=True, metavar="USER:PASSWORD", help="Test account; repeat for more.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help="Password of every account given without one, on the file's first line.",
)
@click.option("--domain", help="Judge the mail host of this domain (by MX), and the domain of accounts without one.")
@click.option("--resolver", metavar="ADDRESS[:PORT]", help="Name server for --domain.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="Default: mailspec.toml, if it is here.")
@click.option("--profile", type=click.Choice(PROFILES), default="standard", show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed tries the same examples.")
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    help="How much may be done to the server. Default: safe; intrusive without a URL.",
)
@click.option("--segment", type=click.Choice(SEGMENTS), default="each", show_default=True, help="How octets are cut.")
@click.option("--slow", is_flag=True, help="Also the checks that wait for the server's time-outs, for minutes each.")
@click.option("--only", multiple=True, metavar="PATTERN", help="Only checks whose id matches, as in 'smtp/*'.")
@click.option("--checks", "own_checks", multiple=True, type=click.Path(exists=True, path_type=Path), help="Own checks.")
@click.option("--strict", is_flag=True, help="SHOULD binds too.")
@click.option("--i-own-this-server", is_flag=True, help="Needed for intrusive checks beyond this machine.")
@click.option("--fault", "faults", multiple=True, help="Without a URL: a fault of the embedded server.")
@click.option("--variant", "variants", multiple=True, help="Without a URL: a variant of the embedded server.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("mailspec-report"),
    show_default=True,
    help="Report folder.",
)
@click.option("--jobs", type=click.IntRange(1, 2), default=2, show_default=True, help="Processes to judge with.")
@click.option("--junit", type=click.Path(path_type=Path), help="Also write JUnit XML.")
def check(
    urls: tuple[str, ...],
    accounts: tuple[str, ...],
    password_file: Path | None,
    domain: str | None,
    resolver: str | None,
    config_path: Path | None,
    profile: str,
    seed: int,
    tier: str | None,
    segment: str,
    slow: bool,  # noqa: FBT001 - click passes flags by keyword
    only: tuple[str, ...],
    own_checks: tuple[Path, ...],
    strict: bool,  # noqa: FBT001
    i_own_this_server: bool,  # noqa: FBT001
    faults: tuple[str, ...],
    variants: tuple[str, ...],
    output: Path,
    jobs: int,
    junit: Path | None,
) -> None:
    """Run the conformance suites against a mail system; without a URL, against the embedded reference server.

    A URL is scheme://[user:password@]host[:port]; schemes are smtp, smtps, submission, submissions, lmtp, pop3,
    pop3s, imap and imaps. Several URLs describe one mail system.

    Exit status: 0 conforms, 1 violations, 2 usage, 3 no verdict possible; 130 interrupted.
    """
    from conformance.checks import Tier
    from conformance.configuration import accounts_given, target_from
    from conformance.errors import HarnessError, UsageError
    from conformance.judging import InterruptedRunError, judge
    from conformance.parallel import judge_in_two
    from conformance.plan import MINUTE_S, Plan, Profile, Segment
    from conformance.progress import ProgressDisplay
    from reports.grade import exit_code
    from reports.terminal import render_text
    from reports.writing import write_report

    try:
        configuration, folder = _configuration(config_path)
        found = _mail_endpoint(domain, resolver, seed) if domain and not urls else None
        if found is not None:
            urls = (str(found),)
        embedded = not urls and not configuration.targets
        if (faults or variants) and not embedded:
            raise UsageError("--fault and --variant belong to the embedded server: give no URL")
        if (accounts or password_file) and embedded:
            raise UsageError("--account and --password-file are for a server of yours: give its URL")
        _make_writable(output, *([junit.absolute().parent] if junit else []))
        with contextlib.ExitStack() as stack:
            if embedded:
                urls = stack.enter_context(_embedded_server(faults, variants))
                target = _embedded_target(urls)
            else:
                named = accounts_given(accounts, password_file)
                target = target_from(configuration, folder, urls=urls, accounts=named, domain=domain)
                if found is not None:
                    target = dataclasses.replace(target, endpoints=(found,))
            chosen = Tier[(tier or ("intrusive" if embedded else "safe")).upper()]
            if chosen > Tier.SAFE and not target.is_loopback and not i_own_this_server:
                raise UsageError(
                    f"--tier {chosen.name.lower()} changes mailboxes on a server beyond this machine: "
                    "add --i-own-this-server if it is yours"
                )
            minute_s = MINUTE_S if slow else None
            plan = Plan(profile=Profile(profile), seed=seed, tier=chosen, segment=Segment(segment), minute_s=minute_s)
            with ProgressDisplay() as progress:
                run = (judge if jobs == 1 else judge_in_two)(
                    target,
                    plan,
                    tool_version=VERSION,
                    only=only,
                    own_checks=own_checks,
                    known=configuration.known_findings,
                    pytest_arguments=[f"--junitxml={junit.absolute()}"] if junit else [],
                    on_collected=progress.start,
                    on_result=progress.show,
                )
        status = int(exit_code(run.results, strict=strict))
    except UsageError as error:
        _fail(str(error), USAGE)
    except InterruptedRunError as interruption:
        run, status = interruption.run, INTERRUPTED
    except HarnessError as error:
        _fail(str(error), NO_VERDICT)
    except KeyboardInterrupt:
        _fail("interrupted before the first check", INTERRUPTED)
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    click.echo(render_text(run, width=width, strict=strict, run_file=str(output / "run.json")), nl=False)
    try:
        click.echo(f"\nReport: {write_report(run, output, strict=strict)}")
    except OSError as error:
        _fail(f"the report could not be written to {output}: {error.strerror}", NO_VERDICT)
    if status == INTERRUPTED:
        click.echo("mailspec: interrupted; the report has what was judged until then", err=True)
    raise SystemExit(status)


def _configuration(path: Path | None) -> tuple[Configuration, Path]:
    from conformance.configuration import Configuration, read_configuration

    if path is None:
        path = Path("mailspec.toml")
        if not path.exists():
            return Configuration(), Path()
    return read_configuration(path), path.parent


def _mail_endpoint(domain: str, resolver: str | None, seed: int) -> Endpoint:
    from conformance.mx import mail_endpoint

    def note(text: str) -> None:
        click.echo(f"mailspec: {text}", err=True)

    found = mail_endpoint(domain, resolver=resolver, seed=seed, note=note)
    note(f"mail for {domain} goes to {found.host} at {found.address}")
    return found


@contextlib.contextmanager
def _embedded_server(faults: tuple[str, ...], variants: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The reference server on ports the kernel chooses, in a process of its own, so that both cores work; its URLs."""
    from conformance.errors import UsageError
    from reference_server.process import server_process

    services = ("smtp", "submission", "lmtp", "pop3", "imap")
    with contextlib.ExitStack() as stack:
        try:
            urls = stack.enter_context(server_process(services=services, faults=faults, variants=variants))
        except (ValueError, OSError) as error:
            raise UsageError(str(error)) from error
        yield tuple(urls[name] for name in services)


def _embedded_target(urls: tuple[str, ...]) -> Target:
    from conformance.target import Account, target_of

    accounts = (Account("alice@example.test", "secret"), Account("bob@example.test", "secret"))
    return dataclasses.replace(target_of(urls, accounts, domain="example.test"), name="embedded reference server")


# -- list, explain ----------------------------------------------------------------------------------------------------


@main.command(name="list")
@click.argument(
    "what", type=click.Choice(["checks", "requirements", "faults", "variants", "links", "scenarios"]), required=False
)
@click.option("--coverage", is_flag=True, help="Per RFC and level: sentences, checked, unobservable, open.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_command(what: str | None, coverage: bool, as_json: bool) -> None:  # noqa: FBT001
    """List checks, requirements, faults, variants, links or load scenarios; --coverage counts each RFC's sentences."""
    from conformance import listing

    if coverage:
        from conformance.coverage import coverage as rows
        from reports.terminal import render_coverage

        click.echo(listing.coverage_json(rows()) if as_json else render_coverage(rows()), nl=False)
        return
    what = what or "checks"
    if what == "checks":
        entries = listing.checks()
    elif what == "requirements":
        entries = listing.requirements()
    elif what == "scenarios":
        from loadtest.listing import scenario_entries

        entries = [*scenario_entries()]
    else:
        from reference_server.listing import fault_entries, link_entries, variant_entries

        entries = {"faults": fault_entries, "variants": variant_entries, "links": link_entries}[what]()
    click.echo(listing.as_json(entries) if as_json else listing.as_text(entries), nl=False)


@main.command()
@click.argument("identifier", metavar="ID")
def explain(identifier: str) -> None:
    """Explain a check or a requirement: the rule, why it matters, what proves it. Or a load scenario: who does what."""
    from conformance.listing import explanation
    from loadtest.listing import scenario_explained
    from reference_server.listing import fault_entries

    text = scenario_explained(identifier) or explanation(identifier, fault_entries())
    if text is None:
        _fail(f"nothing is called {identifier}: see mailspec list checks, requirements, or scenarios", USAGE)
    click.echo(text, nl=False)


# -- report, replay ---------------------------------------------------------------------------------------------------


@main.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write an HTML page there.")
@click.option("--baseline", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Compare with this run.")
def report(runs: tuple[Path, ...], html: Path | None, baseline: Path | None) -> None:
    """Render recorded runs again: one run, a matrix of several, or a comparison with a baseline.

    Of load runs, one by itself, or two compared.
    """
    from reports.rendering import render_records

    try:
        before = baseline.read_bytes() if baseline else None
        text, page = render_records([path.read_bytes() for path in runs], baseline=before)
    except ValueError as error:
        _fail(str(error), USAGE)
    click.echo(text, nl=False)
    if html is not None:
        _write(html, page.encode())


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        _fail(f"{path} cannot be written: {error.strerror}", USAGE)


@main.command()
@click.argument("run", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("identifier", metavar="ID")
@click.argument("url", required=False)
@click.option("--account", "accounts", multiple=True, metavar="USER:PASSWORD", help="Fills in the passwords left out.")
@click.option("--script", type=click.Path(path_type=Path), help="Write a standalone Python script instead.")
@click.option("--pcap", type=click.Path(path_type=Path), help="Write the transcript as a packet capture instead.")
@click.option("--i-own-this-server", is_flag=True, help="Needed for any server beyond this machine.")
def replay(
    run: Path,
    identifier: str,
    url: str | None,
    accounts: tuple[str, ...],
    script: Path | None,
    pcap: Path | None,
    i_own_this_server: bool,  # noqa: FBT001
) -> None:
    """Put a recorded finding to a server again, octet for octet, without the suite; URL defaults to the one judged."""
    from conformance.errors import HarnessError, UsageError
    from conformance.replay import replay as put_again
    from conformance.target import parse_account, parse_url
    from reports.records import decode_run

    try:
        results = {result.check: result for result in decode_run(run.read_bytes()).results}
        if identifier not in results:
            raise UsageError(f"{run} has no result of {identifier}: its findings are {_findings(results.values())}")
        result = results[identifier]
        if script is not None or pcap is not None:
            _export(result, script, pcap)
            return
        endpoint, account = parse_url(url or result.url)
        known: list[Account] = [parse_account(text) for text in accounts] + ([account] if account else [])
        for line in put_again(result, endpoint, known, beyond_loopback=i_own_this_server):
            click.echo(line)
    except UsageError as error:
        _fail(str(error), USAGE)
    except HarnessError as error:
        _fail(str(error), NO_VERDICT)
    except ValueError as error:
        _fail(str(error), USAGE)
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)


def _findings(results: Iterable[CheckResult]) -> str:
    from reports.records import Verdict

    return ", ".join(result.check for result in results if result.verdict is Verdict.VIOLATED) or "none"


def _export(result: CheckResult, script: Path | None, pcap: Path | None) -> None:
    from reports.pcap import pcap_of
    from reports.replay_script import script_of

    if script is not None:
        _write(script, script_of(result).encode())
    if pcap is not None:
        _write(pcap, pcap_of(result))


# -- serve ------------------------------------------------------------------------------------------------------------


_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@main.command()
@click.option("--port", "ports", multiple=True, metavar="NAME=PORT", help="Fix a port, as in imap=1143; repeatable.")
@click.option("--only", help="Comma-separated listeners, as in imap,smtp.")
@click.option("--user", "users", multiple=True, metavar="NAME:PASSWORD", help="Replace the default accounts.")
@click.option("--users", "users_file", type=_FILE, help="Accounts from a TOML file, described in docs/users.md.")
@click.option("--no-shared-secrets", is_flag=True, help="Keep no password in clear: no CRAM-MD5, no APOP.")
@click.option("--hash-password", is_flag=True, help="Read a password, print its line for the users file, and end.")
@click.option("--certificate", "chains", multiple=True, type=_FILE, help="A certificate chain in PEM; needs --key.")
@click.option("--key", "keys", multiple=True, type=_FILE, help="The key of the certificate.")
@click.option("--client-ca", type=_FILE, help="Ask for client certificates of this authority (EXTERNAL).")
@click.option(
    "--quota",
    type=click.IntRange(0),
    default=10**9,
    show_default=True,
    metavar="OCTETS",
    help="Of each user for whom the users file sets none; 0: no limit.",
)
@click.option("--login-delay", type=click.IntRange(0), default=0, metavar="SECONDS", help="POP3's LOGIN-DELAY.")
@click.option("--fault", "faults", multiple=True, help="Break a rule; repeatable. See mailspec list faults.")
@click.option("--variant", "variants", multiple=True, help="A legal server of another taste; repeatable.")
@click.option("--link", "links", multiple=True, metavar="[PROTOCOL/]NAME[:N]", help="A bad line; repeatable.")
@click.option("--empty", is_flag=True, help="Leave out the mail that the default users find in memory.")
@click.option(
    "--store", default="memory", show_default=True, metavar="KIND[:PATH]", help="Or sqlite:PATH, maildir:PATH."
)
@click.option("--allow-cleartext", is_flag=True, help="Permit plain-text log-in without TLS.")
@click.option("--host", "address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--allow-remote", is_flag=True, help="Let --host be other than loopback.")
@click.option("--ca-file", type=click.Path(path_type=Path), help="Write the certificate authority's certificate there.")
@click.option("--list-faults", is_flag=True, help="List faults by requirement, variants and links, and end.")
def serve(
    ports: tuple[str, ...],
    only: str | None,
    users: tuple[str, ...],
    users_file: Path | None,
    no_shared_secrets: bool,  # noqa: FBT001
    hash_password: bool,  # noqa: FBT001
    chains: tuple[Path, ...],
    keys: tuple[Path, ...],
    client_ca: Path | None,
    quota: int,
    login_delay: int,
    faults: tuple[str, ...],
    variants: tuple[str, ...],
    links: tuple[str, ...],
    empty: bool,  # noqa: FBT001
    store: str,
    allow_cleartext: bool,  # noqa: FBT001
    address: str,
    allow_remote: bool,  # noqa: FBT001
    ca_file: Path | None,
    list_faults: bool,  # noqa: FBT001
) -> None:
    """Run the reference server; once all listeners are up, print one URL a line."""
    from reference_server import listing, serving
    from reference_server.accounts.users_file import hashed

    if list_faults:
        width = min(shutil.get_terminal_size((100, 24)).columns, 120)
        click.echo(listing.table(width=width), nl=False)
        return
    try:
        if hash_password:
            terminal = sys.stdin.isatty()
            word = click.prompt("Password", hide_input=True, err=True) if terminal else sys.stdin.readline()
            click.echo(hashed(word.removesuffix("\n")))
            return
        if len(chains) != len(keys):
            raise ValueError("--certificate and --key go in pairs")
        serving.serve(
            ports={name: int(port) for name, port in (_pair(text, "=", "NAME=PORT") for text in ports)},
            only=only.split(",") if only else None,
            users=dict(_pair(text, ":", "NAME:PASSWORD") for text in users) or None,
            faults=faults,
            variants=variants,
            links=links,
            store=store,
            seeded=not empty,
            allow_cleartext=allow_cleartext,
            host=address,
            allow_remote=allow_remote,
            ca_file=ca_file,
            users_file=users_file,
            shared_secrets=not no_shared_secrets,
            certificates=list(zip(chains, keys, strict=True)),
            client_ca=client_ca,
            login_delay_s=login_delay,
            quota_octets=quota,
        )
    except (ValueError, OSError) as error:
        _fail(str(error), USAGE)


def _pair(text: str, separator: str, form: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found or not name:
        raise ValueError(f"write {form}")
    return name, value


# -- load -------------------------------------------------------------------------------------------------------------


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="SCENARIO [URL...]")
def load(arguments: tuple[str, ...]) -> None:
    """Put load on a mail server: mailspec load submit smtp://127.0.0.1:2525 --users 20 --run-time 60s."""
    # gevent patches the standard library, which must come before anything else is imported.
    from loadtest.command import load as run_load

    run_load.main(args=list(arguments), prog_name="mailspec load")


if __name__ == "__main__":
    sys.exit(main())
