"""The page is whole, self-contained, and proof against a hostile server."""

from __future__ import annotations

import base64
import hashlib
import re

import msgspec
import pytest

from reports.html import CLIP_CHARACTERS, render_html
from reports.records import Verdict
from tests.reports.example_run import COVERAGE, DOT_KEPT, HOSTILE, KNOWN, RESULTS, example_run, sent, without_verdict
from tests.reports.page import Page, assert_harmless


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render_html(example_run()))


def test_elements_are_nested_properly_and_all_closed(page: Page) -> None:
    assert (page.misnested, page.open) == ([], [])


def test_a_servers_script_shows_as_text(page: Page) -> None:
    assert page.text.count("<script>alert(1)</script>") >= 2  # in the transcript, and as the target's greeting
    assert "<b>done</b>" in page.text
    assert "<i>try later</i>" in page.text
    assert "X-<u>ODD</u>" in page.text
    assert "<b>other</b>" in page.text  # a name in the certificate
    assert "Seen: the sequence is kept as it came, <s>and</s> some" in page.text
    assert not {"b", "i", "s", "u"} & set(page.tags)


def test_a_certificate_is_shown_with_what_a_client_would_hold_against_it(page: Page) -> None:
    assert "TLSv1.3, TLS_AES_256_GCM_SHA384" in page.text
    assert "issued by CN=Example CA; valid from 2025-11-01 to 2026-02-01" in page.text
    assert "it does not name mx.example.test; it expired on 2026-02-01" in page.text


def test_the_page_runs_nothing_and_loads_nothing(page: Page) -> None:
    assert_harmless(page)


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else(page: Page) -> None:
    (policy,) = (a["content"] or "" for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert rules == {
        "default-src": "'none'",
        "style-src": digest("".join(page.styles)),
        "script-src": digest("".join(page.scripts)),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_every_link_within_the_page_has_its_target_and_ids_are_unique(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    inner = [href[1:] for href in page.attributes("href") if href.startswith("#")]
    assert set(inner) <= set(ids)
    assert set(page.attributes("aria-labelledby")) <= set(ids)


def test_the_verdict_is_the_pages_only_top_heading_and_its_title(page: Page) -> None:
    assert page.tags.count("h1") == 1
    assert "Violates 3 MUST rules: mx.example.test (mailspec)" in page.text


def test_a_finding_says_rule_section_expectation_evidence_and_how_to_replay_it(page: Page) -> None:
    for words in (
        "A leading period is removed from every line that has more on it.",
        "RFC 5321 §4.5.2: the receiver takes one period off every line",
        "the body '..\\r\\n'",
        "Transcript, shrunk from 37 examples",
        "A3 FETCH 1 BODY.PEEK[TEXT]CRLF",
        "mailspec replay run.json smtp/transparency/removes_exactly_one_leading_dot",
        "the server fell silent",
        "Seen in 3 checks",
    ):
        assert words in page.text
    assert "https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2" in page.attributes("href")


def test_findings_come_before_coverage_and_the_list_of_checks(page: Page) -> None:
    ids = [i for i in page.attributes("id") if i in {"findings", "open", "coverage", "checks", "run"}]
    assert ids == ["findings", "open", "coverage", "checks", "run"]


def test_undecided_checks_are_grouped_by_their_reason(page: Page) -> None:
    assert "the server does not offer UIDL 2 checks" in page.text


def test_a_session_number_is_shown_only_where_there_are_several() -> None:
    assert "#2" in Page(render_html(example_run(results=(DOT_KEPT,)))).text
    alone = msgspec.structs.replace(DOT_KEPT, transcript=DOT_KEPT.transcript[:3])
    assert "#1" not in Page(render_html(example_run(results=(alone,)))).text


def test_every_state_has_its_word_beside_its_shape(page: Page) -> None:
    for words in ("✗ violated", "✓ satisfied", "? inconclusive", "– not applicable"):
        assert words in page.text


def test_the_bars_of_one_level_fill_the_whole_width() -> None:
    text = render_html(example_run())
    for row in COVERAGE:
        if row.sentences:
            assert f"{row.checked:,} checked, {row.unobservable:,} unobservable, {row.open:,} open" in text
    bars = re.findall(r'<svg aria-hidden="true">(<rect class="part-\w+" x=.*?)</svg>', text)
    assert len(bars) == sum(1 for row in COVERAGE if row.sentences)
    for bar in bars:
        assert sum(float(width) for width in re.findall(r' width="([0-9.]+)%"', bar)) == pytest.approx(100, abs=0.05)


def test_a_long_text_and_a_long_transcript_lose_their_middle_and_say_so() -> None:
    events = tuple(sent(float(n), b"NOOP %d\r\n" % n) for n in range(200))
    long = msgspec.structs.replace(DOT_KEPT, got="x" * (CLIP_CHARACTERS + 100), transcript=events)
    page = Page(render_html(example_run(results=(long,))))
    assert "‹… 100 characters left out …›" in page.text
    assert "158 turns left out" in page.text
    assert "NOOP 199" in page.text
    assert "NOOP 100" not in page.text


def test_hostile_names_and_reasons_are_escaped_wherever_they_stand() -> None:
    evil = HOSTILE.decode()
    hostile = msgspec.structs.replace(
        DOT_KEPT,
        check=evil,
        title=evil,
        requirements=(evil,),
        rules={evil: evil},
        reason=evil,
        expected=evil,
        got=evil,
        rationale=evil,
        seen_in=(evil,),
        url=evil,
    )
    run = example_run(results=(hostile, without_verdict(evil, Verdict.INCONCLUSIVE, evil)), name=evil)
    coverage = tuple(msgspec.structs.replace(row, rfc=evil) for row in COVERAGE[:1])
    run = msgspec.structs.replace(run, coverage=coverage, profile=evil, tier=evil, started_at=evil, tool_version=evil)
    assert_harmless(Page(render_html(run, run_file=evil)))


def test_an_empty_run_has_no_verdict_and_still_makes_a_page() -> None:
    run = msgspec.structs.replace(example_run(results=()), coverage=())
    page = Page(render_html(run))
    assert "No verdict" in page.text
    assert "No check found a violation." in page.text
    assert "No coverage was recorded" in page.text


def test_a_clean_run_reads_as_conforming() -> None:
    results = tuple(result for result in RESULTS if result.verdict is Verdict.SATISFIED)
    text = render_html(example_run(results=results))
    assert 'class="hero grade-conforms"' in text
    assert "<h1>Conforms</h1>" in text


def test_known_findings_stand_apart_with_their_reason() -> None:
    outdated = msgspec.structs.replace(KNOWN, verdict=Verdict.SATISFIED, check="pop3/top/other")
    page = Page(render_html(example_run(results=(*RESULTS, KNOWN, outdated))))
    assert_harmless(page)
    assert "known" in page.attributes("id")
    assert "Declared known: ticket <4711>" in page.text
    assert "No longer shows; take the declaration back" in page.text
    assert "✗ violated, known" in page.text
