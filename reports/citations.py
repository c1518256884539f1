"""Requirement ids such as `rfc5321/4.5.2/3` as a reader cites them, and where the RFC can be read.

An id that does not have this form is shown as it stands and never becomes a link: ids come from files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ID = re.compile(r"rfc([1-9][0-9]{0,4})/((?:[0-9]{1,3}|[A-Z])(?:\.[0-9]{1,3})*)/[0-9]{1,4}[a-z]?")


@dataclass(frozen=True, slots=True)
class Citation:
    """One requirement id, the words a reader cites it by, and the address of the section (empty: none known)."""

    requirement: str
    label: str
    url: str


def cite(requirement: str) -> Citation:
    """The citation of a requirement id: `RFC 5321 §4.5.2` for `rfc5321/4.5.2/3`."""
    match = _ID.fullmatch(requirement)
    if match is None:
        return Citation(requirement, requirement, "")
    rfc, section = match.groups()
    appendix = section[0].isalpha()
    anchor = f"{'appendix' if appendix else 'section'}-{section}"
    label = f"RFC {rfc} {'appendix ' if appendix else '§'}{section}"
    return Citation(requirement, label, f"https://www.rfc-editor.org/rfc/rfc{rfc}#{anchor}")


def rfc_name(name: str) -> str:
    """`RFC 5321` for `rfc5321`; anything else as it stands."""
    match = re.fullmatch(r"(?i)rfc ?([0-9]+)", name)
    return f"RFC {match[1]}" if match else name
