"""Requirement ids as readers cite them."""

from __future__ import annotations

import pytest

from reports.citations import cite, rfc_name


@pytest.mark.parametrize(
    ("requirement", "label", "url"),
    [
        ("rfc5321/4.5.2/3", "RFC 5321 §4.5.2", "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2"),
        ("rfc1939/5/1", "RFC 1939 §5", "https://www.rfc-editor.org/rfc/rfc1939#section-5"),
        ("rfc5321/A.1/2", "RFC 5321 appendix A.1", "https://www.rfc-editor.org/rfc/rfc5321#appendix-A.1"),
    ],
)
def test_an_id_is_cited_by_rfc_and_section(requirement: str, label: str, url: str) -> None:
    citation = cite(requirement)
    assert (citation.label, citation.url) == (label, url)


@pytest.mark.parametrize("requirement", ["", "rfc5321", "rfc5321/4.5.2", "rfc1/1/1\n", 'rfc5321/4"onclick=/1', "x/1/1"])
def test_an_id_of_another_form_is_shown_as_it_stands_and_never_linked(requirement: str) -> None:
    assert (cite(requirement).label, cite(requirement).url) == (requirement, "")


def test_an_rfc_is_named_as_usual() -> None:
    assert rfc_name("rfc5321") == rfc_name("RFC 5321") == "RFC 5321"
    assert rfc_name("local policy") == "local policy"
