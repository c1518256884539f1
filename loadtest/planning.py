"""From the words of the command line to a plan. Everything that can be wrong is said here, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice

from loadtest.bookkeeping.thresholds import NEED_READING, CountCondition, parse_condition
from loadtest.mail.messages import Letterhead
from loadtest.mail.supply import press_of
from loadtest.own_scenarios import own_scenario
from loadtest.plan import Endpoint, LoadPlan, Patience, Persona
from loadtest.rates.schedule import parse_schedule
from loadtest.scenarios.table import ROLES, SCENARIOS, Scenario
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

FOREIGN_RATE_PER_S = 50.0
"""Operations per second at most on a server beyond this machine, unless --max-rate says otherwise."""

CLOSED_USERS = 10
OPEN_USERS = 200
"""Users where --users does not say. In an open load they are the most that can be at work at once."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says, by the names of its options."""

    scenario: str
    urls: tuple[str, ...]
    users: int | None = None
    run_time: float | None = None
    warm_up: float = 0.0
    spawn_rate: float | None = None
    message_size: str = "4096"
    pipelining: bool = False
    messages_per_session: int | None = None
    recipients_per_message: int | None = None
    pace: float = 0.0
    think_time: float | None = None
    arrivals: str | None = None
    max_rate: float | None = None
    feed_rate: float = 1.0
    slow_clients: int | None = None
    accounts: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    sender: str | None = None
    domains: tuple[str, ...] = ()
    tls: str = "auto"
    reply_timeout: float = 10.0
    late_after: float = 10.0
    settle: float = 10.0
    seed: int = 0
    fail_if: tuple[str, ...] = ()
    judge: float = 0.0
    processes: int = 1
    i_own_this_server: bool = False


def plan_from(options: Options, *, until_ended: bool) -> LoadPlan:
    """The plan, checked; `until_ended` where a run without --run-time goes on until it is told to end.

    Raises:
        ValueError: something in the options cannot be; the text says what to write instead.
        OSError: a server's name has no address.
    """
    scenario = scenario_named(options.scenario)
    parsed = _assigned(scenario, options.urls)
    endpoints = tuple(Endpoint(role=role, target=target, addresses=_looked_up(target)) for role, target, _ in parsed)
    far = [endpoint for endpoint in endpoints if not all(address.is_loopback for address in endpoint.addresses)]
    if far and not options.i_own_this_server:
        raise TargetError(f"{far[0].target} is beyond this machine: add --i-own-this-server if it is yours")
    logins = list(dict.fromkeys([account for *_, account in parsed if account]))
    logins += [account for account in map(parse_account, options.accounts) if account not in logins]
    needs_account = scenario.needs_account
    if scenario.account_unless is not None:
        needs_account = endpoints[0].target.scheme not in scenario.account_unless
    if needs_account and not logins:
        raise TargetError(f"{scenario.name} needs an account: put user:password@ into the URL, or add --account")
    addresses = addresses_of(logins, domain=options.domains[0] if options.domains else None)
    if options.slow_clients is not None and not scenario.slow_clients:
        raise ValueError(f"{scenario.name} has no slow clients: --slow-clients belongs to slow-clients")
    per_session = options.messages_per_session
    users = options.users or (OPEN_USERS if options.arrivals else CLOSED_USERS)
    plan = LoadPlan(
        scenario=scenario,
        endpoints=endpoints,
        personas=_personas(scenario, logins, addresses, options),
        readers=dict(zip(addresses, logins, strict=True)),
        users=users,
        spawn_rate_per_s=options.spawn_rate or min(float(users), scenario.spawn_per_s or users),
        run_time_s=options.run_time or (None if until_ended else 10.0),
        warm_up_s=options.warm_up,
        messages=options.message_size,
        pipelining=options.pipelining,
        messages_per_session=scenario.messages_per_session if per_session is None else per_session,
        pace_per_s=options.pace,
        think_s=scenario.think_s if options.think_time is None else options.think_time,
        arrivals=options.arrivals,
        feed_per_s=options.feed_rate,
        slow_clients=scenario.slow_clients if options.slow_clients is None else options.slow_clients,
        max_rate_per_s=options.max_rate or (FOREIGN_RATE_PER_S if far else None),
        tls=TlsUse(options.tls),
        patience=Patience(reply_s=options.reply_timeout),
        seed=options.seed,
        fail_if=tuple(options.fail_if),
        judge_share=options.judge,
        late_after_s=options.late_after,
        settle_s=options.settle,
        processes=options.processes,
    )
    if plan.arrivals:
        peak = parse_schedule(plan.arrivals).peak_per_s
        if plan.max_rate_per_s is not None and peak > plan.max_rate_per_s:
            # What the limit holds up would count as the server's doing.
            raise ValueError(
                f"--arrivals goes up to {peak:g}/s, and at most {plan.max_rate_per_s:g}/s may be: --max-rate"
            )
    if plan.arrivals and (options.think_time or options.pace):
        raise ValueError("--arrivals says when operations begin, whatever the users think: no --think-time, no --pace")
    if plan.max_rate_per_s is not None and _is_fed(plan) and plan.feed_per_s > plan.max_rate_per_s:
        raise ValueError(
            f"--feed-rate is {plan.feed_per_s:g}/s, and at most {plan.max_rate_per_s:g}/s may be: --max-rate"
        )
    if scenario.headline == "push":
        if plan.arrivals:
            raise ValueError(f"{scenario.name}: pushes come when mail does; --feed-rate says how often")
        if plan.reads_mailboxes and len(plan.personas) % plan.processes:
            raise ValueError(
                f"{scenario.name}: give {plan.processes} accounts, or twice as many: one process feeds each"
            )
    _check_conditions(plan)
    _check_messages(plan)
    return plan


def _is_fed(plan: LoadPlan) -> bool:
    """Whether messages come for those who only read."""
    return "inbound" in plan.scenario.takes and plan.endpoint("inbound") is not None


def _looked_up(target: Target) -> tuple[Address, ...]:
    try:
        return tuple(target.resolve())
    except OSError as error:
        raise OSError(error.errno, f"{target.host} has no address: {error.strerror}") from error


def scenario_named(name: str) -> Scenario:
    """The scenario of this name, or the one that a locust file of the user's own makes.

    Raises:
        ValueError: there is none.
    """
    path, _, class_name = name.partition(":")
    if path.endswith(".py"):
        return own_scenario(path, class_name)
    if name not in SCENARIOS:
        raise ValueError(f"there is no scenario {name}, but {', '.join(SCENARIOS)}, or a locust file FILE.py")
    return SCENARIOS[name]


def _assigned(scenario: Scenario, urls: Sequence[str]) -> list[tuple[str, Target, Account | None]]:
    """For each URL the role that it fills; the scenario's needs come first, in its own order."""
    free = [*scenario.needs, *scenario.takes]
    found = []
    for url in urls:
        scheme = url.partition("://")[0]
        role = next((role for role in free if scheme in ROLES[role]), None)
        if role is None:
            schemes = dict.fromkeys(s for role in (*scenario.needs, *scenario.takes) for s in ROLES[role])
            target, _ = parse_target(url, schemes)  # says what is wrong with the URL itself, if it is that
            raise TargetError(f"{target}: {scenario.name} has no use for another server of this kind")
        free.remove(role)
        found.append((role, *parse_target(url, ROLES[role])))
    missing = [role for role in scenario.needs if role in free]
    if missing:
        raise TargetError(f"{scenario.name} needs a URL of {' or '.join(f'{s}://' for s in ROLES[missing[0]])}")
    order = [*scenario.needs, *scenario.takes]
    return sorted(found, key=lambda one: order.index(one[0]))


def _personas(
    scenario: Scenario, logins: Sequence[Account], addresses: Sequence[str], options: Options
) -> tuple[Persona, ...]:
    own_domains = {*options.domains, *(address.rpartition("@")[2] for address in addresses)}
    pool = check_recipients(options.recipients, own_domains=own_domains) or list(addresses) or [DEFAULT_RECIPIENT]
    # The null sender is one, too (RFC 5321 §4.5.5).
    sender = checked_address(options.sender) if options.sender else options.sender
    wanted = options.recipients_per_message
    if wanted is not None and wanted > len(pool):
        raise TargetError(f"{wanted} recipients a message, but only {len(pool)} to choose from: add --to")

    def recipients(number: int, own: str | None) -> tuple[str, ...]:
        if wanted is not None:
            return tuple(islice(cycle(pool), number % len(pool), number % len(pool) + wanted))
        return (own,) if own is not None and not options.recipients else tuple(pool)

    if not logins:
        count = len(pool) if wanted is not None else 1
        return tuple(
            Persona(
                account=None, sender=DEFAULT_SENDER if sender is None else sender, recipients=recipients(number, None)
            )
            for number in range(count)
        )
    return tuple(
        Persona(
            account=account,
            sender=sender if sender is not None else address if scenario.logs_in else DEFAULT_SENDER,
            recipients=recipients(number, address),
        )
        for number, (account, address) in enumerate(zip(logins, addresses, strict=True))
    )


def _check_conditions(plan: LoadPlan) -> None:
    """Raises ValueError where a condition cannot be read, or is about mailboxes that nobody reads."""
    own = [parse_condition(text) for text in plan.fail_if]
    unread = [c for c in own if isinstance(c, CountCondition) and c.quantity in NEED_READING]
    if unread and not plan.reads_mailboxes:
        raise ValueError(
            f"{unread[0].text!r}: who is to know? Add the URL of an imap or pop3 server that gives the mailboxes out, "
            "with an account"
        )


def _check_messages(plan: LoadPlan) -> None:
    """Raises ValueError where messages of this kind cannot be made, or some user's header alone would not fit."""
    for persona in plan.personas:
        letterhead = Letterhead(
            run_id="0" * 8,
            origin=0,
            sender_number=0,
            sender=persona.sender,
            recipients=persona.recipients,
            date=datetime.now(UTC),
        )
        press_of(letterhead, plan.messages, seed=plan.seed)


def recipients_of(personas: Iterable[Persona]) -> list[str]:
    """Everybody who is written to, once each."""
    return list(dict.fromkeys(recipient for persona in personas for recipient in persona.recipients))
