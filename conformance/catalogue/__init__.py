"""The catalogue: one entry for every normative sentence of the RFCs, read from the `rfcNNNN.toml` files beside it.

An id such as `rfc5321/4.1.1.5/2` is the RFC, the section, and the place of the sentence among the normative sentences
of that section. RFCs never change, so ids do not either. `rule` is in our own words; `digest` ties it to the RFC's
sentence, which is not copied here. A file that is marked `complete = true` has every normative sentence of its RFC.
"""

from __future__ import annotations

import re
import tomllib
from enum import Enum
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from reports.records import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ID = re.compile(r"rfc[1-9]\d*/(?:\d+|[A-Z])(?:\.\d+)*/[1-9]\d*")
"""The form of an id: RFC, section (`4.5.2`, or `F.2` in an appendix), ordinal from 1."""
DIGEST = re.compile(r"[0-9a-f]{16}")
"""The form of a digest: the first 16 hexadecimal digits of the SHA-256 of the sentence."""


class CatalogueError(Exception):
    """A catalogue file cannot be used; the message names the file, the entry and what to change."""


class UnknownRequirementError(KeyError):
    """No catalogue entry has this id; the message names those that come close."""

    def __str__(self) -> str:
        return str(self.args[0])


class Party(Enum):
    """Whom the sentence binds."""

    SERVER = "server"
    CLIENT = "client"
    BOTH = "both"


class Basis(Enum):
    """How the sentence binds: by a key word of RFC 2119 in capitals, or as plain prose without one."""

    KEYWORD = "keyword"
    PROSE = "prose"


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One normative sentence.

    `level` is how strongly it binds; a negative counts under its positive (MUST NOT as MUST), and a sentence with
    several key words under the strongest. `unobservable` is empty, or says why no check can see it kept or broken.
    """

    id: str
    level: Level
    party: Party
    basis: Basis
    rule: str
    digest: str
    unobservable: str = ""

    @property
    def rfc(self) -> str:
        """The RFC as in the file names: `rfc5321`."""
        return self.id.split("/")[0]

    @property
    def section(self) -> str:
        """The section without the final dot: `4.1.1.5`, or `F.2` in an appendix."""
        return self.id.split("/")[1]

    @property
    def ordinal(self) -> int:
        """Place among the normative sentences of the section, from 1."""
        return int(self.id.split("/")[2])


class CatalogueFile(msgspec.Struct, frozen=True, kw_only=True):
    """What one `rfcNNNN.toml` holds; `complete` says that no normative sentence of the RFC is missing."""

    rfc: str
    complete: bool
    requirements: tuple[Requirement, ...]


def section_order(section: str) -> tuple[tuple[int, str | int], ...]:
    """Sort key that puts sections in the order of the text: 2 before 10, and the appendices last."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in section.split("."))


def read_catalogue_file(path: Path) -> CatalogueFile:
    """Read one file; `CatalogueError` says which entry is wrong and what to do about it."""
    if not re.fullmatch(r"rfc[1-9]\d*", path.stem):
        raise CatalogueError(f"{path.name}: name the file after its RFC, such as rfc5321.toml")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name}: not valid TOML in UTF-8: {error}") from error
    complete = content.pop("complete", False)
    entries = content.pop("requirement", [])
    if content:
        raise CatalogueError(
            f"{path.name}: unknown key {min(content)!r}; only `complete` and [[requirement]] are known"
        )
    if not isinstance(complete, bool):
        raise CatalogueError(f"{path.name}: `complete` is {complete!r}; write true or false")
    if not isinstance(entries, list):
        raise CatalogueError(f"{path.name}: write entries as [[requirement]], with two brackets")
    requirements = tuple(_requirement(entry, path) for entry in entries)
    _refuse_disorder(requirements, path)
    return CatalogueFile(rfc=path.stem, complete=complete, requirements=requirements)


def read_catalogue_folder(folder: Path) -> tuple[CatalogueFile, ...]:
    """Read every `rfc*.toml` of a folder, lowest RFC number first."""
    files = [read_catalogue_file(path) for path in folder.glob("rfc*.toml")]
    return tuple(sorted(files, key=lambda file: int(file.rfc.removeprefix("rfc"))))


@cache
def catalogue_files() -> tuple[CatalogueFile, ...]:
    """The files of this package, read once."""
    return read_catalogue_folder(Path(__file__).parent)


@cache
def catalogue() -> Mapping[str, Requirement]:
    """Every requirement by its id, in the order of RFC number, section and sentence; read once."""
    return MappingProxyType({each.id: each for file in catalogue_files() for each in file.requirements})


def requirement(requirement_id: str) -> Requirement:
    """The requirement with this id; `UnknownRequirementError` names the ids of that section or RFC that exist."""
    try:
        return catalogue()[requirement_id]
    except KeyError:
        raise UnknownRequirementError(_unknown(requirement_id, catalogue())) from None


def _requirement(entry: Any, path: Path) -> Requirement:
    name = entry.get("id", "an entry without id") if isinstance(entry, dict) else repr(entry)
    try:
        read = msgspec.convert(entry, Requirement)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{path.name}: {name}: {error}") from error
    if not ID.fullmatch(read.id):
        raise CatalogueError(f"{path.name}: {read.id}: an id reads rfcNNNN/section/ordinal, such as rfc5321/4.1.1.5/2")
    if read.rfc != path.stem:
        raise CatalogueError(f"{path.name}: {read.id}: move the entry to {read.rfc}.toml, or mend its id")
    if not read.rule.strip():
        raise CatalogueError(f"{path.name}: {read.id}: `rule` is empty; say in our own words what is required")
    if not DIGEST.fullmatch(read.digest):
        raise CatalogueError(
            f"{path.name}: {read.id}: `digest` is {read.digest!r}; it takes 16 lower-case hexadecimal digits"
        )
    if "unobservable" in entry and not read.unobservable.strip():
        raise CatalogueError(f"{path.name}: {read.id}: `unobservable` is empty; give the reason, or leave the key out")
    return read


def _refuse_disorder(requirements: tuple[Requirement, ...], path: Path) -> None:
    """Ids are unique and stand in the order of the text, and each section counts from 1 without a gap."""
    seen: set[str] = set()
    for each in requirements:
        if each.id in seen:
            raise CatalogueError(f"{path.name}: {each.id}: the id is given twice; renumber the section")
        seen.add(each.id)
    for before, after in pairwise(requirements):
        if section_order(after.section) < section_order(before.section):
            raise CatalogueError(
                f"{path.name}: {after.id}: stands after {before.id}; put sections in the order of the RFC"
            )
    expected: dict[str, int] = {}
    for each in requirements:
        expected[each.section] = expected.get(each.section, 0) + 1
        if each.ordinal != expected[each.section]:
            right = f"{each.rfc}/{each.section}/{expected[each.section]}"
            raise CatalogueError(
                f"{path.name}: {each.id}: the next entry of this section is {right}; renumber the section"
            )


def _unknown(requirement_id: str, known: Iterable[str]) -> str:
    rfc, _, rest = requirement_id.partition("/")
    of_rfc = [each for each in known if each.startswith(f"{rfc}/")]
    if not of_rfc:
        return f"no requirement {requirement_id}: the catalogue has nothing of {rfc}"
    section = rest.rpartition("/")[0]
    of_section = [each for each in of_rfc if each.startswith(f"{rfc}/{section}/")]
    if of_section:
        return f"no requirement {requirement_id}: section {section} runs from {of_section[0]} to {of_section[-1]}"
    sections = ", ".join(dict.fromkeys(each.split("/")[1] for each in of_rfc))
    return f"no requirement {requirement_id}: of {rfc} the catalogue has the sections {sections}"
