"""The catalogue against the RFCs themselves: places, order, digests, levels, completeness, and words of our own.

Skipped where the texts are not at hand: they are not part of the project.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import pytest

from conformance.catalogue import Basis, CatalogueFile, Requirement, catalogue_files
from tests.catalogue.rfc_text import RFC_TEXTS, Section, rfc_sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LONGEST_COMMON_RUN_WORDS = 11
GREATEST_SIMILARITY = 0.9

needs_texts = pytest.mark.skipif(not RFC_TEXTS.is_dir(), reason=f"the RFC texts are not in {RFC_TEXTS}")
every_file = pytest.mark.parametrize("file", catalogue_files(), ids=lambda file: file.rfc)


def faults_of(file: CatalogueFile, sections: Mapping[str, Section]) -> list[str]:
    """Everything in which a catalogue file and the text of its RFC disagree."""
    found: list[str] = []
    by_section: dict[str, list[Requirement]] = {}
    for each in file.requirements:
        by_section.setdefault(each.section, []).append(each)
    for number, entries in by_section.items():
        if number in sections:
            found += _section_faults(entries, sections[number])
        else:
            found.append(f"{entries[0].id}: {file.rfc} has no section {number}")
    if file.complete:
        for number, section in sections.items():
            if number not in by_section and any(each.level for each in section.sentences):
                found.append(f"{file.rfc}/{number}: is missing, but the file says that it is complete")
    return found


def _section_faults(entries: Sequence[Requirement], section: Section) -> Iterator[str]:
    place = 0
    covered: set[int] = set()
    for each in entries:
        places = [sentence for sentence in section.sentences if sentence.digest == each.digest]
        later = [sentence for sentence in places if sentence.index > place]
        if not places:
            yield f"{each.id}: no sentence of §{section.number} has its digest"
            continue
        if not later:
            yield f"{each.id}: its sentence stands before that of the entry above"
            continue
        sentence = later[0]
        place = sentence.index
        covered.add(place)
        if (each.basis is Basis.KEYWORD) != (sentence.level is not None):
            yield f"{each.id}: basis is {each.basis.value}, but its sentence has the key words {sentence.words}"
        elif sentence.level and sentence.level != each.level.value:
            yield f"{each.id}: level is {each.level.value}, but its sentence has the key words {sentence.words}"
        yield from _copying(each, sentence.text)
    for sentence in section.sentences:
        if sentence.level and sentence.index not in covered:
            yield f"§{section.number}: sentence {sentence.index} ({sentence.digest}) has no entry: {sentence.words}"


def _copying(entry: Requirement, sentence: str) -> Iterator[str]:
    theirs = _words(sentence)
    for name, text in (("rule", entry.rule), ("unobservable", entry.unobservable)):
        ours = _words(text)
        run = SequenceMatcher(None, ours, theirs, autojunk=False).find_longest_match().size
        similarity = SequenceMatcher(None, " ".join(ours), " ".join(theirs), autojunk=False).ratio()
        if run > LONGEST_COMMON_RUN_WORDS or similarity >= GREATEST_SIMILARITY:
            yield f"{entry.id}: {name} repeats the RFC ({run} words in a row, likeness {similarity:.2f}); say it anew"


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text.lower())


@needs_texts
@every_file
def test_the_catalogue_agrees_with_the_text_of_the_rfc(file: CatalogueFile) -> None:
    assert faults_of(file, rfc_sections(int(file.rfc.removeprefix("rfc")))) == []
