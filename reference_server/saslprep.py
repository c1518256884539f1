"""Names and passwords made comparable: the SASLprep profile of stringprep (RFC 4013, RFC 3454)."""

from __future__ import annotations

import stringprep
from unicodedata import ucd_3_2_0

# RFC 4013 §2.3, in the order in which it lists them.
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepare(text: str) -> str:
    """The prepared form of a name or password, as a query: code points unassigned in Unicode 3.2 pass (RFC 4013 §2.5).

    Raises:
        ValueError: it holds a prohibited character, or mixes directions (RFC 3454 §6).
    """
    if text.isascii() and text.isprintable():
        return text
    # §2.1: other spaces become the space, some characters vanish.
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    if any(prohibited(character) for character in prepared for prohibited in _PROHIBITED):
        raise ValueError("prohibited character")
    # RFC 3454 §6: right-to-left text begins and ends as such, and holds no left-to-right character.
    if any(map(stringprep.in_table_d1, prepared)) and not (
        stringprep.in_table_d1(prepared[0])
        and stringprep.in_table_d1(prepared[-1])
        and not any(map(stringprep.in_table_d2, prepared))
    ):
        raise ValueError("mixed directions")
    return prepared
