"""`conformance.listing` and `conformance.coverage`: what `mailspec list` and `mailspec explain` say."""

from __future__ import annotations

import json

import pytest

from conformance import listing
from conformance.catalogue import catalogue
from conformance.checks import all_checks
from conformance.coverage import coverage, judged_requirements
from conformance.oracles import ORACLES
from reports.records import CoverageRow, Level

FAULTS: list[listing.Entry] = [
    {"id": "keeps-it", "breaks": ["rfc5321/4.1.1.5/2"], "summary": "Keeps it."},
    {"id": "other", "breaks": ["rfc1939/3/3"], "summary": "Another."},
]


def test_checks_and_oracles_are_listed_once_each() -> None:
    entries = listing.checks()
    ids = [str(entry["id"]) for entry in entries]
    assert sorted(ids) == sorted([*all_checks(), *ORACLES])
    assert {entry["kind"] for entry in entries} == {"property", "example", "oracle"}
    assert json.loads(listing.as_json(entries)) == [dict(entry) for entry in entries]


def test_requirements_are_the_catalogue() -> None:
    assert [entry["id"] for entry in listing.requirements()] == list(catalogue())


def test_text_has_columns_as_wide_as_the_widest_id() -> None:
    entries: list[listing.Entry] = [{"id": "a", "level": "MUST", "summary": "x"}, {"id": "long", "summary": "y"}]
    assert listing.as_text(entries) == "a     MUST   x\nlong  y\n"
    assert listing.as_text([]) == ""


def test_a_check_is_explained_by_its_rule_and_the_faults_that_prove_it() -> None:
    said = listing.explanation("smtp/rset/discards_the_pending_transaction", FAULTS)
    assert said is not None
    assert "rfc5321/4.1.1.5/2" in said
    assert "https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.5" in said
    assert "keeps-it" in said
    assert "other" not in said


def test_a_requirement_names_what_judges_it_or_why_nothing_can() -> None:
    said = listing.explanation("rfc5321/4.1.1.5/2", FAULTS)
    assert said is not None
    assert "smtp/rset/discards_the_pending_transaction" in said
    hidden = next(entry for entry in catalogue().values() if entry.unobservable)
    assert f"No check can see it: {hidden.unobservable}" in str(listing.explanation(hidden.id, []))
    judged = judged_requirements()
    unjudged = next(entry for entry in catalogue().values() if entry.id not in judged)
    assert "No check yet." in str(listing.explanation(unjudged.id, []))


@pytest.mark.parametrize("oracle", ["smtp/synchrony/one_answer_to_each_command", "pop3/grammar/bare_lf"])
def test_an_oracle_is_explained(oracle: str) -> None:
    assert "always-on oracle" in str(listing.explanation(oracle, FAULTS))


def test_what_nothing_is_called_has_no_explanation() -> None:
    assert listing.explanation("no/such/thing", FAULTS) is None


def test_coverage_counts_every_entry_of_the_catalogue_once() -> None:
    rows = coverage()
    assert sum(row.sentences for row in rows) == len(catalogue())
    rfcs = [int(row.rfc[3:]) for row in rows]
    assert rfcs == sorted(rfcs)
    assert sum(row.checked for row in rows) == len(judged_requirements() & set(catalogue()))


def test_coverage_of_nothing_judged_has_nothing_checked() -> None:
    rows = coverage([])
    assert all(row.checked == 0 for row in rows)
    one = coverage(["rfc5321/4.1.1.5/2"])
    assert [(row.rfc, row.level, row.checked) for row in one if row.checked] == [("rfc5321", Level.MUST, 1)]


def test_coverage_as_json_is_by_rfc_and_level() -> None:
    row = CoverageRow(rfc="rfc1", level=Level.MAY, sentences=3, checked=1, unobservable=1, open=1)
    counts = {"sentences": 3, "checked": 1, "unobservable": 1, "open": 1}
    assert json.loads(listing.coverage_json([row])) == {"rfc1": {"MAY": counts}}
