"""Servers on trial: clean, with one fault, or a variant, each judged by the checks of its protocol.

One process, one host thread, a fresh server and store for each subject; no nested pytest.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

from conformance.bench import Bench
from conformance.checks import Check, Tier, all_checks
from conformance.oracles import ORACLES
from conformance.plan import Plan, Profile, Segment
from conformance.runner import run_check
from conformance.target import Account, target_of
from conformance.wire.connection import Patience
from reference_server.core import Settings
from reference_server.links import link_named
from reference_server.registry import FAULTS, VARIANTS, Fault, Variant
from reference_server.running import Host, running_server
from reference_server.serving import load_faults_and_variants
from reports.records import CheckResult, Verdict

load_faults_and_variants()

ACCOUNTS = (Account("alice@example.test", "secret"), Account("bob@example.test", "secret"))
PLAN = Plan(profile=Profile.QUICK, tier=Tier.DESTRUCTIVE, shrink=False, minute_s=0.2)
"""For the checks that should convict: what a quick run does, cuts included. Its minutes are short ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefPlan(Plan):
    """For the many checks that should not: two examples each, or the matrix of all pairs would take an hour."""

    @property
    def examples(self) -> int:
        """Examples of each property."""
        return 2


BRIEF = BriefPlan(tier=Tier.DESTRUCTIVE, segment=Segment.WHOLE, shrink=False, minute_s=0.02)
PATIENCE = Patience(connect_s=5.0, reply_s=4.0)
"""Only a fault that hangs costs that long; a clean server on a slow machine must not be convicted for its slowness."""

DELIVERY_S = 4.0
"""The reference server delivers before it replies; only a fault that loses mail costs that long."""

SERVICES = ("smtp", "submission", "lmtp", "pop3", "imap")
SUITES_OF: Mapping[str, tuple[str, ...]] = {
    "smtp": ("smtp", "delivery"),
    "lmtp": ("lmtp",),
    "pop3": ("pop3", "delivery"),
    "imap": ("imap", "delivery"),
}


@cache
def host() -> Host:
    """The thread on which all subjects of this process live."""
    return Host()


@contextmanager
def bench_with(
    cores: Mapping[str, type],
    *,
    plan: Plan = PLAN,
    cleartext: bool = False,
    links: Iterable[str] = (),
    store: str = "memory",
) -> Iterator[Bench]:
    """A bench before a fresh server that runs these cores in place of its own, behind these links, on that store."""
    settings = Settings(allow_cleartext=cleartext)
    around = [link_named(text) for text in links]
    with running_server(
        protocols=SERVICES, store=store, cores=cores, settings=settings, links=around, on=host()
    ) as server:
        target = target_of([server.urls[name] for name in SERVICES], ACCOUNTS, patience=PATIENCE)
        bench = Bench(replace(target, delivery_s=DELIVERY_S), plan)
        bench.discover()
        try:
            yield bench
        finally:
            bench.close()
        assert not server.errors, server.errors


def results_of(cores: Mapping[str, type], checks: Iterable[Check]) -> list[CheckResult]:
    """What these checks and the oracles say of a server with these cores."""
    with bench_with(cores) as bench:
        results = [run_check(bench, check) for check in checks]
        return results + bench.oracles.results([])


def brief_results_of(cores: Mapping[str, type], checks: Iterable[Check]) -> list[CheckResult]:
    """The same with few examples, where log-in in clear is allowed: handshakes would take half the time."""
    with bench_with(cores, plan=BRIEF, cleartext=True) as bench:
        results = [run_check(bench, check) for check in checks]
        return results + bench.oracles.results([])


def results_on(store: str, checks: Iterable[Check]) -> list[CheckResult]:
    """What these checks and the oracles say of a conforming server that keeps its mail there. Few examples."""
    with bench_with({}, plan=BRIEF, store=store) as bench:
        results = [run_check(bench, check) for check in checks]
        return results + bench.oracles.results([])


@cache
def about_cleartext() -> frozenset[str]:
    """Ids of the checks to which it matters that log-in in clear is allowed; those need the server as it is."""
    results = brief_results_of({}, all_checks().values())
    return frozenset(result.check for result in results if result.verdict is not Verdict.SATISFIED)


def linked_results_of(link: str, checks: Iterable[Check]) -> list[CheckResult]:
    """What these checks and the oracles say of a conforming server behind a link. Few examples."""
    with bench_with({}, plan=BRIEF, cleartext=True, links=[link]) as bench:
        results = [run_check(bench, check) for check in checks]
        return results + bench.oracles.results([])


def is_seen_by(oracle: str, cores: Mapping[str, type], checks: Iterable[Check]) -> bool:
    """Whether the oracle sees anything in any of these checks; stops at the first."""
    with bench_with(cores) as bench:
        for check in checks:
            run_check(bench, check)
            if oracle in convictions(bench.oracles.results([])):
                return True
    return False


def checks_for(protocol: str) -> list[Check]:
    """All checks that a core of this protocol can fail."""
    return [check for check in all_checks().values() if check.suite in SUITES_OF[protocol]]


def judged_as(result: CheckResult) -> str:
    """The id under which a result counts: all kinds of broken IMAP grammar are one oracle."""
    return "imap/grammar/response" if result.check.startswith("imap/grammar/") else result.check


ASKED_OF_VARIANTS: Mapping[str, str] = {
    "smtp/starttls/what_waits_for_tls_is_answered_530": "smtp-demands-tls",
    "smtp/binarymime/is_refused_where_it_is_not_offered": "smtp-without-extensions",
    "smtp/submitted_text/sender_is_a_valid_address": "smtp-completes-submissions",
    "smtp/refusal/is_554_or_521": "smtp-gives-no-service",
    "smtp/refusal/554_is_followed_by_a_session": "smtp-gives-no-service",
    "smtp/refusal/521_waits_for_a_command": "smtp-accepts-no-mail",
    "smtp/refusal/521_means_no_mail": "smtp-accepts-no-mail",
    "delivery/notifications/have_a_null_reverse_path": "smtp-bounces-late",
    "delivery/notifications/pass_over_source_routes": "smtp-bounces-late",
    "delivery/notifications/go_to_nobody_in_the_header": "smtp-bounces-late",
    "delivery/notifications/are_not_sent_about_notifications": "smtp-bounces-late",
    "delivery/notifications/name_every_failed_recipient": "smtp-bounces-late",
    "delivery/notifications/are_one_for_all_recipients": "smtp-bounces-late",
    "delivery/notifications/have_the_standard_format": "smtp-bounces-late",
    "delivery/failures/are_reported_unless_the_sender_said_no": "smtp-bounces-late",
    "delivery/failures/are_not_reported_to_who_said_no": "smtp-bounces-late",
    "delivery/failures/are_called_failures": "smtp-bounces-late",
    "delivery/failures/have_a_status_of_failure": "smtp-bounces-late",
    "delivery/failures/name_what_the_sender_named": "smtp-bounces-late",
    "delivery/failures/bring_the_header_alone_back_on_request": "smtp-bounces-late",
    "delivery/failures/bring_the_whole_message_back_on_request": "smtp-bounces-late",
    "delivery/failures/under_requiretls_bring_the_header_back_alone": "smtp-bounces-late",
    "smtp/directory/expands_to_one_mailbox_a_line": "smtp-expands-users",
    "smtp/smtputf8/addresses_that_must_be_ascii_have_their_codes": "smtp-keeps-addresses-in-ascii",
    "delivery/internationalized_header/refusals_have_their_code": "smtp-wants-ascii-headers",
}
"""Checks that have nothing to ask a server which does things the usual way, and the variant that they are put to."""

ASKED_OF_SUBMISSION_ALONE = frozenset(
    {"smtp/submission/offers_auth", "smtp/submission/offers_what_user_agents_count_on"}
)
"""What a submission service has to offer and an MTA need not: the variants are legal MTAs, on all their ports."""

WHOLE_MATRIX = os.environ.get("MAILSPEC_PROOF") == "whole"
"""Every pair of fault and check: `make proof`. Otherwise one pair in SHARE, always the same ones."""

SHARE = 16


def in_this_run(fault: Fault, check: Check) -> bool:
    """Whether this fault is put before this check, of which no conviction is expected."""
    return WHOLE_MATRIX or zlib.crc32(f"{fault.name} {check.id}".encode()) % SHARE == 0


def convictions(results: Iterable[CheckResult]) -> dict[str, CheckResult]:
    """The violated results by id."""
    return {judged_as(result): result for result in results if result.verdict is Verdict.VIOLATED}


def naming(fault: Fault) -> set[str]:
    """Ids of the checks and oracles that name a requirement which the fault breaks."""
    broken = set(fault.breaks)
    named = {check.id for check in all_checks().values() if broken & set(check.requirements)}
    return named | {oracle.id for oracle in ORACLES.values() if broken & set(oracle.requirements)}


def candidates(judge: str, requirements: Iterable[str]) -> list[Fault]:
    """Faults that should be convicted by the check or oracle of this id."""
    wanted = set(requirements)
    return [fault for fault in judged_faults() if wanted & set(fault.breaks) or judge in fault.also]


def judged_faults() -> list[Fault]:
    """All faults but those that no check can be counted on to meet; their entries say why, and what convicts them."""
    return [fault for fault in FAULTS.values() if not fault.rare]


def served_faults() -> list[Fault]:
    """All faults that checks have to convict, of protocols that have a suite."""
    return [fault for fault in judged_faults() if SUITES_OF[fault.protocol]]


def served_variants() -> list[Variant]:
    """All variants of protocols that have a suite."""
    return [variant for variant in VARIANTS.values() if SUITES_OF[variant.protocol]]
