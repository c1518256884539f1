"""How much of each RFC the checks judge, per level: every catalogue entry is checked, unobservable or open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from conformance.catalogue import catalogue
from conformance.checks import all_checks
from conformance.oracles import ORACLES
from reports.records import CoverageRow, Level


def judged_requirements() -> frozenset[str]:
    """Ids of all requirements that a check or an always-on oracle names."""
    named: set[str] = set()
    for check in all_checks().values():
        named.update(check.requirements)
    for oracle in ORACLES.values():
        named.update(oracle.requirements)
    return frozenset(named)


def coverage(judged: Iterable[str] | None = None) -> list[CoverageRow]:
    """One row for each RFC and level that has entries, RFCs in numeric order."""
    named = judged_requirements() if judged is None else frozenset(judged)
    counts: dict[tuple[str, Level], Counter[str]] = {}
    for entry in catalogue().values():
        kind = "checked" if entry.id in named else "unobservable" if entry.unobservable else "open"
        counts.setdefault((entry.rfc, entry.level), Counter())[kind] += 1
    order = {level: number for number, level in enumerate(Level)}
    return [
        CoverageRow(
            rfc=rfc,
            level=level,
            sentences=sum(kinds.values()),
            checked=kinds["checked"],
            unobservable=kinds["unobservable"],
            open=kinds["open"],
        )
        for (rfc, level), kinds in sorted(counts.items(), key=lambda item: (int(item[0][0][3:]), order[item[0][1]]))
    ]
