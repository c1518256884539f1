"""`conformance.checks`: how checks are declared, and what must hold of all that come with mailspec."""

from __future__ import annotations

import re

import pytest
from hypothesis import strategies as st

from conformance.catalogue import catalogue
from conformance.checks import (
    SUITES,
    Check,
    Tier,
    all_checks,
    check_of,
    cuts_itself,
    destructive,
    given,
    intrusive,
    may,
    must,
    should,
    takes_minutes,
)
from conformance.oracles import ORACLES, Oracle
from conformance.plugin import FIXTURES
from reports.records import Level


def declared(function: object) -> Check:
    check = check_of(function)
    assert check is not None
    return check


def test_a_declaration_holds_citation_level_input_and_tier() -> None:
    @should("rfc5321/4.1.1.5/2", "rfc5321/4.1.1.5/3")
    @given(at_most=3, word=st.just("x"))
    @cuts_itself
    def check_something(dial: object, mailbox: object, word: str) -> None:
        """What a server does.

        Why it matters.
        """

    check = declared(check_something)
    assert check.id == "conformance/test_checks/something"
    assert (check.level, check.tier, check.at_most_examples) == (Level.SHOULD, Tier.INTRUSIVE, 3)
    assert check.requirements == ("rfc5321/4.1.1.5/2", "rfc5321/4.1.1.5/3")
    assert check.fixtures == ("dial", "mailbox")
    assert (check.title, check.rationale) == ("What a server does.", "Why it matters.")
    assert check.cuts_itself


def test_a_check_that_takes_minutes_is_put_once_and_not_cut() -> None:
    @should("rfc5321/4.5.3.2.7/1")
    @takes_minutes
    def check_waits(dial: object) -> None:
        """Waits."""

    assert declared(check_waits).takes_minutes
    assert declared(check_waits).cuts_itself


def test_tiers_can_be_said() -> None:
    @may("rfc5321/4.2/1")
    @destructive
    def check_floods(dial: object) -> None:
        """Floods."""

    @must("rfc5321/4.2/1")
    @intrusive
    def check_sends(dial: object) -> None:
        """Sends."""

    assert declared(check_floods).tier is Tier.DESTRUCTIVE
    assert declared(check_floods).level is Level.MAY
    assert declared(check_sends).tier is Tier.INTRUSIVE


def test_a_check_without_a_rule_in_words_is_refused() -> None:
    def check_silent(dial: object) -> None:
        pass

    with pytest.raises(TypeError, match="docstring"):
        must("rfc5321/4.2/1")(check_silent)


def test_a_check_without_a_requirement_is_refused() -> None:
    with pytest.raises(TypeError, match="requirement"):
        must()


def test_a_strategy_must_have_its_parameter() -> None:
    with pytest.raises(TypeError, match="no parameter body"):

        @given(body=st.binary())
        def check_nothing(dial: object) -> None:
            """Nothing."""


@pytest.mark.parametrize("check", all_checks().values(), ids=lambda check: check.id)
def test_a_check_names_catalogued_requirements_of_its_own_level(check: Check) -> None:
    entries = [catalogue()[name] for name in check.requirements]
    assert entries[0].level is check.level
    assert all(entry.party.value != "client" for entry in entries)
    assert not [entry.id for entry in entries if entry.unobservable]


@pytest.mark.parametrize("check", all_checks().values(), ids=lambda check: check.id)
def test_a_check_says_what_a_conforming_server_does(check: Check) -> None:
    assert re.fullmatch(r"[a-z0-9]+/[a-z0-9_]+/[a-z0-9_]+", check.id)
    assert check.title.endswith(".")
    assert set(check.fixtures) <= set(FIXTURES)


@pytest.mark.parametrize("oracle", ORACLES.values(), ids=lambda oracle: oracle.id)
def test_an_oracle_names_catalogued_requirements_of_its_own_level(oracle: Oracle) -> None:
    assert catalogue()[oracle.requirements[0]].level is oracle.level
    assert all(name in catalogue() for name in oracle.requirements)


@pytest.mark.parametrize(("suite", "least"), [("smtp", 25), ("lmtp", 1), ("pop3", 15), ("imap", 25), ("delivery", 5)])
def test_every_suite_tries_generated_input(suite: str, least: int) -> None:
    assert suite in SUITES
    properties = [check for check in all_checks().values() if check.suite == suite and check.strategies]
    assert len(properties) >= least
