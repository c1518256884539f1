"""What `mailspec list` and `mailspec explain` say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from conformance.catalogue import Requirement, catalogue
from conformance.checks import Check, all_checks
from conformance.oracles import ORACLES
from reports.records import CoverageRow

Entry = Mapping[str, object]


def checks() -> list[Entry]:
    """All checks and always-on oracles."""
    found: list[Entry] = [
        {
            "id": check.id,
            "level": check.level.value,
            "tier": check.tier.name.lower(),
            "kind": "property" if check.strategies else "example",
            "requirements": list(check.requirements),
            "summary": check.title,
        }
        for check in all_checks().values()
    ]
    found += [
        {
            "id": oracle.id,
            "level": oracle.level.value,
            "tier": "safe",
            "kind": "oracle",
            "requirements": list(oracle.requirements),
            "summary": oracle.title,
        }
        for oracle in ORACLES.values()
    ]
    return found


def requirements() -> list[Entry]:
    """The whole catalogue."""
    return [
        {"id": entry.id, "level": entry.level.value, "party": entry.party.value, "summary": entry.rule}
        for entry in catalogue().values()
    ]


def as_text(entries: Sequence[Entry]) -> str:
    """One line an entry: id, level where there is one, summary; columns as wide as the widest id."""
    width = max((len(str(entry["id"])) for entry in entries), default=0)
    lines = []
    for entry in entries:
        level = f"{entry['level']!s:<7}" if "level" in entry else ""
        lines.append(f"{entry['id']!s:<{width}}  {level}{entry['summary']}\n")
    return "".join(lines)


def as_json(entries: Sequence[Entry]) -> str:
    """The same as JSON."""
    return json.dumps([dict(entry) for entry in entries], indent=1) + "\n"


def coverage_json(rows: Iterable[CoverageRow]) -> str:
    """Coverage as `{rfc: {level: {sentences, checked, unobservable, open}}}`."""
    table: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        counts = msgspec.to_builtins(row)
        table.setdefault(row.rfc, {})[row.level.value] = {
            name: counts[name] for name in ("sentences", "checked", "unobservable", "open")
        }
    return json.dumps(table, indent=1) + "\n"


def explanation(identifier: str, faults: Iterable[Entry]) -> str | None:
    """The explanation of a check or a requirement, or None if nothing has that id.

    `faults` are the reference server's, as `{"id", "breaks", "summary"}`: what proves the check.
    """
    of_faults = list(faults)
    if (check := all_checks().get(identifier)) is not None:
        return _explain_check(check, of_faults)
    if (oracle := ORACLES.get(identifier)) is not None:
        lines = [oracle.id, f"  {oracle.title}", "", "  An always-on oracle: it looks at every check of its protocol."]
        lines += _rules(oracle.requirements) + _proofs(oracle.requirements, of_faults)
        if oracle.rationale:
            lines += ["", f"  {oracle.rationale}"]
        return "\n".join(lines) + "\n"
    if (entry := catalogue().get(identifier)) is not None:
        return _explain_requirement(entry, of_faults)
    return None


def _explain_check(check: Check, faults: Sequence[Entry]) -> str:
    kind = "property, generated input" if check.strategies else "example"
    lines = [
        check.id,
        f"  {check.title}",
        "",
        f"  {check.level.value}, tier {check.tier.name.lower()}, {kind}",
    ]
    lines += _rules(check.requirements)
    if check.rationale:
        lines += ["", *(f"  {line}".rstrip() for line in check.rationale.splitlines())]
    lines += _proofs(check.requirements, faults)
    lines += ["", f"  Run it alone: mailspec check URL... --only '{check.id}'"]
    return "\n".join(lines) + "\n"


def _explain_requirement(entry: Requirement, faults: Sequence[Entry]) -> str:
    lines = [
        entry.id,
        f"  {entry.rule}",
        "",
        f"  {entry.level.value}, binds {entry.party.value}",
        f"  {_cite(entry.id)}",
    ]
    if entry.unobservable:
        lines += ["", f"  No check can see it: {entry.unobservable}"]
    judging = [check.id for check in all_checks().values() if entry.id in check.requirements]
    judging += [oracle.id for oracle in ORACLES.values() if entry.id in oracle.requirements]
    lines += ["", "  Checked by:" if judging else "  No check yet."] + [f"    {name}" for name in judging]
    return "\n".join(lines + _proofs((entry.id,), faults)) + "\n"


def _cite(identifier: str) -> str:
    rfc, section, _ = identifier.split("/")
    return f"RFC {rfc.removeprefix('rfc')} §{section}: https://www.rfc-editor.org/rfc/{rfc}#section-{section}"


def _rules(identifiers: Iterable[str]) -> list[str]:
    lines = ["", "  Rules:"]
    for identifier in identifiers:
        entry = catalogue().get(identifier)
        lines.append(f"    {identifier}  {entry.rule if entry else ''}".rstrip())
        lines.append(f"      {_cite(identifier)}")
    return lines


def _proofs(identifiers: Iterable[str], faults: Sequence[Entry]) -> list[str]:
    wanted = set(identifiers)
    # What strikes one message in so many proves the ledger of a load run, and no check.
    proving = [fault for fault in faults if wanted & set(_names(fault["breaks"])) and not fault.get("rare")]
    if not proving:
        return []
    return ["", "  Proved by the faults:"] + [f"    {fault['id']}  {fault['summary']}" for fault in proving]


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | tuple) else []
