"""The sentences of an RFC as the catalogue counts them, for its tests and its authors.

`python -m tests.catalogue.rfc_text 5321 --section 4.5.2` lists every sentence with its index, digest and key words;
with `--skeleton` it prints the entries to be filled in (those with a key word, and the prose ones named by `--prose`).
The texts are read from `../shared/rfc`, seen from the project's root, and never copied into the project.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.catalogue.rfc_pages import section_lines
from tests.catalogue.rfc_sentences import digest, level, level_words, sentences_of

RFC_TEXTS = Path(__file__).resolve().parents[2].parent / "shared" / "rfc"
"""Where the unmodified RFC texts lie; tests that need them skip where they are not there."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, or one line of a display; `index` counts all of them in the section from 1."""

    section: str
    index: int
    text: str

    @property
    def digest(self) -> str:
        """What the catalogue stores in place of the sentence."""
        return digest(self.text)

    @property
    def words(self) -> tuple[str, ...]:
        """Its key words of RFC 2119."""
        return level_words(self.text)

    @property
    def level(self) -> str | None:
        """MUST, SHOULD, MAY, or None where it has no key word."""
        return level(self.text)


@dataclass(frozen=True, slots=True)
class Section:
    """One numbered section with its own sentences, those of its subsections not included."""

    number: str
    title: str
    sentences: tuple[Sentence, ...]


def read_rfc(text: str) -> dict[str, Section]:
    """The sections of an RFC by number, in the order of the text."""
    sections: dict[str, Section] = {}
    for lines in section_lines(text):
        texts = sentences_of(lines.lines)
        if (before := sections.get(lines.number)) is not None:
            texts = [*(sentence.text for sentence in before.sentences), *texts]  # a heading repeated: one section
        numbered = tuple(Sentence(lines.number, index, each) for index, each in enumerate(texts, 1))
        sections[lines.number] = Section(lines.number, lines.title, numbered)
    return sections


@cache
def rfc_sections(number: int) -> dict[str, Section]:
    """The sections of the RFC with this number; FileNotFoundError where its text is not there."""
    return read_rfc((RFC_TEXTS / f"rfc{number}.txt").read_text(encoding="utf-8-sig"))


def listing(section: Section) -> str:
    """Every sentence of a section for an author to read and choose from."""
    lines = [f"§{section.number} {section.title}"]
    for each in section.sentences:
        lines.append(f"  [{each.index}] {each.digest} {','.join(each.words) or '-'}\n      {each.text}")
    return "\n".join(lines) + "\n"


def skeleton(rfc: int, section: Section, prose: frozenset[int] = frozenset()) -> str:
    """Catalogue entries of a section with the rule left empty, which the loader refuses until it is written."""
    entries: list[str] = []
    for each in section.sentences:
        if each.level or each.index in prose:
            entries.append(
                "[[requirement]]\n"
                f'id = "rfc{rfc}/{section.number}/{len(entries) + 1}"\n'
                f'level = "{each.level or "MUST"}"\n'
                'party = ""\n'
                f'basis = "{"keyword" if each.level else "prose"}"\n'
                'rule = ""\n'
                f'digest = "{each.digest}"\n'
            )
    return "\n".join(entries)


def main() -> int:
    """The command for catalogue authors."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.catalogue.rfc_text", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("rfc", type=int, help="number of the RFC, such as 5321")
    parser.add_argument(
        "--section", action="append", help="only this section (repeatable); 4.5. means 4.5 and all below it"
    )
    parser.add_argument("--keywords", action="store_true", help="list only the sentences with a key word")
    parser.add_argument("--skeleton", action="store_true", help="print TOML entries to be filled in")
    parser.add_argument(
        "--prose", default="", metavar="N,N", help="with --skeleton and one --section: these sentences as well"
    )
    options = parser.parse_args()
    try:
        sections = rfc_sections(options.rfc)
    except FileNotFoundError as error:
        parser.error(f"no text of RFC {options.rfc}: {error.filename}")
    wanted = [each for each in sections.values() if _wanted(each.number, options.section)]
    if not wanted:
        parser.error(f"RFC {options.rfc} has no such section; it has {', '.join(sections)}")
    prose = frozenset(int(index) for index in options.prose.split(",") if index)
    if prose and (len(wanted) != 1 or not options.skeleton):
        parser.error("--prose goes with --skeleton and exactly one --section: its numbers are those of one section")
    if unknown := prose - {each.index for each in wanted[0].sentences}:
        parser.error(f"§{wanted[0].number} has no sentence {min(unknown)}; it has {len(wanted[0].sentences)}")
    for section in wanted:
        if options.skeleton:
            written = skeleton(options.rfc, section, prose)
        elif options.keywords:
            kept = tuple(each for each in section.sentences if each.level)
            written = listing(Section(section.number, section.title, kept)) if kept else ""
        else:
            written = listing(section)
        if written:
            sys.stdout.write(written + "\n")
    return 0


def _wanted(number: str, asked: list[str] | None) -> bool:
    return not asked or any(
        number == each.rstrip(".") or (each.endswith(".") and number.startswith(each)) for each in asked
    )


if __name__ == "__main__":
    sys.exit(main())
