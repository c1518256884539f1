"""The comparison with the RFC texts is itself compared: each kind of disagreement is found in a made-up RFC."""

from __future__ import annotations

import msgspec
import pytest

from conformance.catalogue import Basis, CatalogueFile, Party, Requirement
from reports.records import Level
from tests.catalogue.renumber import RenumberError, renumbered
from tests.catalogue.rfc_text import Section, read_rfc, skeleton
from tests.catalogue.test_against_rfc_texts import faults_of

TEXT = """
1.  Birds

   A bird MUST sing before the sun has risen over the hill behind the old town.  Its
   nest is round.  It MAY rest.

2.  Fish

   A fish SHOULD swim.
"""
SECTIONS = read_rfc(TEXT)


def bird(index: int, ordinal: int, level: Level, basis: Basis, rule: str = "in our own words") -> Requirement:
    return Requirement(
        id=f"rfc9999/1/{ordinal}",
        level=level,
        party=Party.BOTH,
        basis=basis,
        rule=rule,
        digest=SECTIONS["1"].sentences[index - 1].digest,
    )


SINGS = bird(1, 1, Level.MUST, Basis.KEYWORD)
ROUND = bird(2, 2, Level.MUST, Basis.PROSE)
RESTS = bird(3, 3, Level.MAY, Basis.KEYWORD)


def found(*entries: Requirement, complete: bool = False, sections: dict[str, Section] = SECTIONS) -> str:
    return "\n".join(faults_of(CatalogueFile(rfc="rfc9999", complete=complete, requirements=entries), sections))


def test_a_section_with_all_its_sentences_is_without_fault() -> None:
    assert found(SINGS, ROUND, RESTS) == ""


def test_prose_is_for_the_author_to_choose() -> None:
    assert found(SINGS, RESTS) == ""


def test_a_missing_sentence_with_a_key_word_is_found() -> None:
    assert "sentence 3" in found(SINGS, ROUND)


def test_a_missing_section_is_found_in_a_complete_file_only() -> None:
    assert "rfc9999/2: is missing" in found(SINGS, RESTS, complete=True)


def test_a_digest_from_elsewhere_is_found() -> None:
    assert "has its digest" in found(msgspec.structs.replace(SINGS, digest="0" * 16), SINGS, RESTS)


def test_entries_in_another_order_than_the_text_are_found() -> None:
    assert "stands before" in found(SINGS, RESTS, ROUND)


def test_a_section_the_rfc_does_not_have_is_found() -> None:
    assert "has no section 7" in found(msgspec.structs.replace(SINGS, id="rfc9999/7/1"))


def test_a_level_other_than_that_of_the_key_word_is_found() -> None:
    assert "level is SHOULD" in found(msgspec.structs.replace(SINGS, level=Level.SHOULD), RESTS)


@pytest.mark.parametrize(("entry", "basis"), [(SINGS, Basis.PROSE), (ROUND, Basis.KEYWORD)])
def test_a_wrong_basis_is_found(entry: Requirement, basis: Basis) -> None:
    assert f"basis is {basis.value}" in found(msgspec.structs.replace(entry, basis=basis), RESTS)


@pytest.mark.parametrize(
    "rule",
    [
        "a bird must sing before the sun has risen over the hill behind the old town",
        "every bird, great or small, is to sing before the sun has risen over the hill behind the old town",
    ],
)
def test_a_rule_that_repeats_the_rfc_is_found(rule: str) -> None:
    assert "repeats the RFC" in found(msgspec.structs.replace(SINGS, rule=rule), RESTS)


def test_renumbering_follows_the_text_and_touches_ids_only() -> None:
    right = "# birds\n" + skeleton(9999, SECTIONS["1"], frozenset({2}))
    wrong = right.replace("/1/2", "/1/9").replace("/1/3", "/1/1")
    assert wrong != right
    assert renumbered(wrong, SECTIONS) == right


def test_renumbering_names_the_entry_that_stands_in_the_wrong_place() -> None:
    blocks = skeleton(9999, SECTIONS["1"]).split("\n\n")
    with pytest.raises(RenumberError, match=r"rfc9999/1/1: is sentence 1 of its section; move it up"):
        renumbered("\n\n".join(reversed(blocks)), SECTIONS)


def test_renumbering_names_the_entry_whose_sentence_is_not_there() -> None:
    toml = skeleton(9999, SECTIONS["1"]).replace(SINGS.digest, "0" * 16)
    with pytest.raises(RenumberError, match="rfc9999/1/1: no sentence of section 1 has the digest"):
        renumbered(toml, SECTIONS)
