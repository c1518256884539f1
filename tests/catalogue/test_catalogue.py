"""The loader of the catalogue: what it reads, and what its refusals say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from conformance.catalogue import (
    Basis,
    CatalogueError,
    Party,
    UnknownRequirementError,
    catalogue,
    catalogue_files,
    read_catalogue_file,
    read_catalogue_folder,
    requirement,
    section_order,
)
from reports.records import Level

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "id": '"rfc9999/4.1.1.5/1"',
    "level": '"MUST"',
    "party": '"server"',
    "basis": '"keyword"',
    "rule": '"RSET discards the transaction"',
    "digest": '"0123456789abcdef"',
}


def entry(**changes: str | None) -> str:
    """One entry in TOML; a key set to None is left out."""
    keys = {**GOOD, **changes}
    return "[[requirement]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)


def numbered(*ids: str) -> str:
    return "".join(entry(id=f'"{each}"') for each in ids)


def refusal(folder: Path, toml: str, name: str = "rfc9999.toml") -> str:
    path = folder / name
    path.write_text(toml, encoding="utf-8")
    with pytest.raises(CatalogueError) as caught:
        read_catalogue_file(path)
    return str(caught.value)


def test_an_entry_is_read_with_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "rfc9999.toml"
    path.write_text("complete = true\n" + entry(unobservable='"stays inside"'), encoding="utf-8")
    file = read_catalogue_file(path)
    (only,) = file.requirements
    assert (file.rfc, file.complete) == ("rfc9999", True)
    assert (only.rfc, only.section, only.ordinal) == ("rfc9999", "4.1.1.5", 1)
    assert (only.level, only.party, only.basis) == (Level.MUST, Party.SERVER, Basis.KEYWORD)
    assert only.unobservable == "stays inside"


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_every_key_is_needed(tmp_path: Path, missing: str) -> None:
    assert f"`{missing}`" in refusal(tmp_path, entry(**{missing: None}))


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        (entry(remark='"x"'), "unknown field `remark`"),
        (entry(level='"MUST NOT"'), "MUST NOT"),
        (entry(party='"everybody"'), "everybody"),
        (entry(rule='"  "'), "`rule` is empty"),
        (entry(unobservable='""'), "`unobservable` is empty"),
        (entry(digest='"0123456789ABCDEF"'), "16 lower-case hexadecimal digits"),
        (entry(id='"rfc9999/4.1.1.5"'), "rfcNNNN/section/ordinal"),
        (entry(id='"rfc9999/4.1./1"'), "rfcNNNN/section/ordinal"),
        (entry(id='"rfc9998/4.1/1"'), "move the entry to rfc9998.toml"),
        (numbered("rfc9999/4/1", "rfc9999/4/1"), "the id is given twice"),
        (numbered("rfc9999/4/2"), "the next entry of this section is rfc9999/4/1"),
        (numbered("rfc9999/4/1", "rfc9999/4/3"), "the next entry of this section is rfc9999/4/2"),
        (numbered("rfc9999/4.10/1", "rfc9999/4.9/1"), "rfc9999/4.9/1: stands after rfc9999/4.10/1"),
        (numbered("rfc9999/A/1", "rfc9999/1/1"), "put sections in the order of the RFC"),
        ("complete = 1\n", "write true or false"),
        ("title = 'x'\n", "unknown key 'title'"),
        ("[requirement]\nid = 'x'\n", "two brackets"),
        ("requirement = ['x']\n", "'x'"),
        ("[[requirement\n", "not valid TOML"),
    ],
)
def test_a_refusal_names_the_file_and_says_what_to_do(tmp_path: Path, toml: str, complaint: str) -> None:
    said = refusal(tmp_path, toml)
    assert said.startswith("rfc9999.toml: ")
    assert complaint in said


def test_a_refusal_of_an_entry_names_its_id(tmp_path: Path) -> None:
    assert "rfc9999/4.1.1.5/1" in refusal(tmp_path, entry(level='"maybe"'))


def test_a_file_is_named_after_its_rfc(tmp_path: Path) -> None:
    assert "name the file after its RFC" in refusal(tmp_path, entry(), name="rfc-smtp.toml")


def test_files_come_in_the_order_of_their_rfc_numbers(tmp_path: Path) -> None:
    for number in (10000, 9999, 821):
        text = entry(id=f'"rfc{number}/1/1"')
        (tmp_path / f"rfc{number}.toml").write_text(text, encoding="utf-8")
    assert [file.rfc for file in read_catalogue_folder(tmp_path)] == ["rfc821", "rfc9999", "rfc10000"]


def test_sections_sort_as_in_the_text() -> None:
    text_order = ["1", "2", "2.1", "2.9", "2.10", "2.10.1", "10", "A", "A.1", "F.2"]
    assert sorted(set(text_order), key=section_order) == text_order


def test_the_catalogue_of_this_package_is_found_by_id() -> None:
    assert len(catalogue()) == sum(len(file.requirements) for file in catalogue_files())
    found = requirement("rfc3207/4.2/8")
    assert found is catalogue()["rfc3207/4.2/8"]
    assert found.level is Level.MUST


@pytest.mark.parametrize(
    ("unknown", "hint"),
    [
        ("rfc3207/4.2/99", "section 4.2 runs from rfc3207/4.2/1 to rfc3207/4.2/8"),
        ("rfc3207/99/1", "the sections 2, 3, 4, 4.1, 4.2, 6"),
        ("rfc1/1/1", "has nothing of rfc1"),
        ("nonsense", "has nothing of nonsense"),
    ],
)
def test_an_unknown_id_is_answered_with_those_that_exist(unknown: str, hint: str) -> None:
    with pytest.raises(UnknownRequirementError) as caught:
        requirement(unknown)
    assert hint in str(caught.value)
