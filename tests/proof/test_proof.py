"""The four statements on which every verdict of the suites rests."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.checks import SUITES, Check, all_checks
from conformance.oracles import ORACLES, Oracle
from reference_server.registry import VARIANTS, Fault, Variant
from reports.records import CheckResult, Verdict
from tests.proof.subjects import (
    ASKED_OF_SUBMISSION_ALONE,
    ASKED_OF_VARIANTS,
    about_cleartext,
    brief_results_of,
    candidates,
    checks_for,
    convictions,
    in_this_run,
    is_seen_by,
    naming,
    results_of,
    results_on,
    served_faults,
    served_variants,
)


def _shown(results: dict[str, CheckResult]) -> str:
    return "\n".join(
        f"{name}: expected {result.expected}; got {result.got} {list(result.seen_in)}"
        for name, result in results.items()
    )


@pytest.mark.parametrize("suite", SUITES)
def test_a_clean_server_is_found_wanting_in_nothing(suite: str) -> None:
    results = results_of({}, [check for check in all_checks().values() if check.suite == suite])
    assert results
    assert not convictions(results), _shown(convictions(results))
    unanswered = {result.check: result.reason for result in results if result.verdict is not Verdict.SATISFIED}
    assert unanswered.keys() <= ASKED_OF_VARIANTS.keys(), (
        f"the reference server must give every check something to judge: {unanswered}"
    )


@pytest.mark.parametrize(("check", "variant"), ASKED_OF_VARIANTS.items())
def test_what_the_clean_server_cannot_be_asked_a_variant_answers(check: str, variant: str) -> None:
    found = VARIANTS[variant]
    (result, *_) = results_of({found.protocol: found.core}, [all_checks()[check]])
    assert result.verdict is Verdict.SATISFIED, result


@pytest.mark.parametrize("store", ["sqlite", "maildir"])
@pytest.mark.parametrize("suite", SUITES)
def test_a_clean_server_is_found_wanting_in_nothing_wherever_its_mail_is_kept(
    suite: str, store: str, tmp_path: Path
) -> None:
    results = results_on(f"{store}:{tmp_path / 'mail'}", [c for c in all_checks().values() if c.suite == suite])
    unanswered = {result.check: result.reason for result in results if result.verdict is not Verdict.SATISFIED}
    assert results
    assert not convictions(results), _shown(convictions(results))
    assert unanswered.keys() <= ASKED_OF_VARIANTS.keys(), (
        f"what every check can judge on one store it can judge on the others: {unanswered}"
    )


@pytest.mark.parametrize("fault", served_faults(), ids=lambda fault: fault.name)
def test_a_fault_is_convicted_by_a_check_of_its_requirement(fault: Fault) -> None:
    named = naming(fault)
    checks = checks_for(fault.protocol)
    # An oracle may see its fault in any check, so all of them are then put.
    closely = [check for check in checks if check.id in named or named & ORACLES.keys()]
    convicted = convictions(results_of({fault.protocol: fault.core}, closely))
    assert set(convicted) & named, f"nothing that names {fault.breaks} convicts it: {_shown(convicted)}"
    _expect_no_stray(fault, convicted)
    assert all(reason for reason in fault.also.values()), "each further conviction needs its reason"


@pytest.mark.parametrize("fault", served_faults(), ids=lambda fault: fault.name)
def test_a_fault_is_convicted_by_no_other_check(fault: Fault) -> None:
    named = naming(fault)
    others = [check for check in checks_for(fault.protocol) if check.id not in named]
    chosen = [check for check in others if in_this_run(fault, check)]
    cores: dict[str, type] = {fault.protocol: fault.core}
    _expect_no_stray(fault, convictions(results_of(cores, [c for c in chosen if c.id in about_cleartext()])))
    _expect_no_stray(fault, convictions(brief_results_of(cores, [c for c in chosen if c.id not in about_cleartext()])))


def _expect_no_stray(fault: Fault, convicted: dict[str, CheckResult]) -> None:
    stray = {name: result for name, result in convicted.items() if name not in naming(fault) | set(fault.also)}
    assert not stray, _shown(stray)


@pytest.mark.parametrize("check", all_checks().values(), ids=lambda check: check.id)
def test_every_check_convicts_a_fault(check: Check) -> None:
    tried = candidates(check.id, check.requirements)
    assert tried, f"no fault breaks {check.requirements}"
    assert any(check.id in convictions(results_of({fault.protocol: fault.core}, [check])) for fault in tried), (
        f"none of {[fault.name for fault in tried]} is convicted"
    )


@pytest.mark.parametrize("oracle", ORACLES.values(), ids=lambda oracle: oracle.id)
def test_every_oracle_convicts_a_fault(oracle: Oracle) -> None:
    tried = candidates(oracle.id, oracle.requirements)
    assert tried, f"no fault breaks {oracle.requirements}"
    assert any(is_seen_by(oracle.id, {fault.protocol: fault.core}, checks_for(fault.protocol)) for fault in tried), (
        f"none of {[fault.name for fault in tried]} is convicted"
    )


@pytest.mark.parametrize("variant", served_variants(), ids=lambda variant: variant.name)
def test_no_variant_is_convicted(variant: Variant) -> None:
    checks = [check for check in checks_for(variant.protocol) if check.id not in ASKED_OF_SUBMISSION_ALONE]
    convicted = convictions(results_of({variant.protocol: variant.core}, checks))
    assert not convicted, _shown(convicted)
