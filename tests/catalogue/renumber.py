"""Set the ordinals of a catalogue file anew from the order of the sentences in the RFC.

`python -m tests.catalogue.renumber conformance/catalogue/rfc5321.toml`, after entries were added to a section. It
rewrites the `id` lines and nothing else. Use it before a check or a fault names one of the ids: those stay.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.catalogue.rfc_text import Section, rfc_sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ID_LINE = re.compile(r'^(\s*id\s*=\s*)"[^"]*"', re.MULTILINE)


class RenumberError(Exception):
    """An entry has no place in the RFC, or stands in the wrong one; the message says which."""


def right_ids(entries: Iterable[Mapping[str, str]], sections: Mapping[str, Section]) -> Iterator[str]:
    """The id each entry ought to have, in the order of the file."""
    at: dict[str, int] = {}
    ordinal: dict[str, int] = {}
    for entry in entries:
        rfc, section, *_ = entry["id"].split("/")
        if section not in sections:
            raise RenumberError(f"{entry['id']}: {rfc} has no section {section}")
        places = [each.index for each in sections[section].sentences if each.digest == entry["digest"]]
        if not places:
            raise RenumberError(f"{entry['id']}: no sentence of section {section} has the digest {entry['digest']}")
        later = [place for place in places if place > at.get(section, 0)]
        if not later:
            raise RenumberError(f"{entry['id']}: is sentence {places[-1]} of its section; move it up in the file")
        at[section] = later[0]
        ordinal[section] = ordinal.get(section, 0) + 1
        yield f"{rfc}/{section}/{ordinal[section]}"


def renumbered(toml: str, sections: Mapping[str, Section]) -> str:
    """The text of a catalogue file with every id set right."""
    entries = tomllib.loads(toml).get("requirement", [])
    ids = list(right_ids(entries, sections))
    if len(ID_LINE.findall(toml)) != len(ids):
        raise RenumberError(f'{len(ids)} entries but {len(ID_LINE.findall(toml))} lines that read id = "…"')
    supply = iter(ids)
    return ID_LINE.sub(lambda line: f'{line[1]}"{next(supply)}"', toml)


def main(arguments: list[str]) -> int:
    """Renumber the files named on the command line; 1 and an explanation where one cannot be."""
    for path in map(Path, arguments):
        before = path.read_text(encoding="utf-8")
        try:
            after = renumbered(before, rfc_sections(int(path.stem.removeprefix("rfc"))))
        except (RenumberError, tomllib.TOMLDecodeError, KeyError) as error:
            sys.stderr.write(f"{path.name}: {error}\n")
            return 1
        changed = sum(a != b for a, b in zip(before.split("\n"), after.split("\n"), strict=True))
        path.write_text(after, encoding="utf-8")
        sys.stdout.write(f"{path.name}: {changed} ids changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
