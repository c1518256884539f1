"""What the reference server can be asked for by name: faults, variants and links, as entries and as a table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from itertools import groupby

from reference_server.links import LINKS
from reference_server.registry import Fault
from reference_server.serving import list_faults, list_variants

Entry = Mapping[str, object]

_NAME_COLUMNS = 40


def fault_entries() -> list[Entry]:
    """Every fault: `id`, `protocol`, `breaks`, `summary`, and `rare`: whether a load run alone can convict it."""
    return [
        {
            "id": fault.name,
            "protocol": fault.protocol,
            "breaks": list(fault.breaks),
            "summary": fault.summary,
            "rare": bool(fault.rare),
        }
        for fault in list_faults()
    ]


def variant_entries() -> list[Entry]:
    """Every variant: `id`, `protocol`, `summary`."""
    return [
        {"id": variant.name, "protocol": variant.protocol, "summary": variant.summary} for variant in list_variants()
    ]


def link_entries() -> list[Entry]:
    """Every link: `id`, `argument` and its `default` (both None where none is taken), `legal`, `summary`."""
    return [
        {
            "id": kind.name,
            "argument": kind.argument,
            "default": kind.default if kind.argument else None,
            "legal": kind.legal,
            "summary": kind.summary,
        }
        for kind in LINKS.values()
    ]


def table(*, width: int = 100) -> str:
    """Faults by protocol and by the requirements that they break, then variants by protocol, then links."""
    lines: list[str] = []
    for protocol, faults in groupby(list_faults(), key=lambda fault: fault.protocol):
        lines += [f"Faults of {protocol}, by the requirement that they break", ""]
        for breaks, of_requirement in groupby(sorted(faults, key=_by_requirement), key=lambda fault: fault.breaks):
            lines += textwrap.wrap(", ".join(breaks), width, initial_indent="  ", subsequent_indent="  ")
            for fault in of_requirement:
                lines += _row(fault.name, fault.summary, indent=4, width=width)
        lines.append("")
    for protocol, variants in groupby(list_variants(), key=lambda variant: variant.protocol):
        lines += [f"Variants of {protocol}: legal, of another taste", ""]
        for variant in variants:
            lines += _row(variant.name, variant.summary, indent=4, width=width)
        lines.append("")
    for legal, kinds in groupby(LINKS.values(), key=lambda kind: kind.legal):
        lines += [f"Links around any protocol, {'legal below the time-outs' if legal else 'broken'}", ""]
        for kind in kinds:
            lines += _row(f"{kind.name}[:N]" if kind.argument else kind.name, kind.summary, indent=4, width=width)
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _by_requirement(fault: Fault) -> tuple[object, ...]:
    return ([_natural(requirement) for requirement in fault.breaks], fault.breaks, fault.name)


def _natural(requirement: str) -> list[tuple[int, str]]:
    """Sections in the order of the RFC: 4.10 after 4.9."""
    pieces: Iterable[str] = requirement.replace("/", ".").split(".")
    return [(int(piece), "") if piece.isdigit() else (0, piece) for piece in pieces]


def _row(name: str, summary: str, *, indent: int, width: int) -> list[str]:
    """Name and summary side by side, below one another where the name is long."""
    margin = " " * (indent + _NAME_COLUMNS)
    start = f"{' ' * indent}{name} "
    rows = textwrap.wrap(summary, max(width, len(margin) + 20), initial_indent=margin, subsequent_indent=margin)
    if len(start) > len(margin):
        return [start.rstrip(), *rows]
    return [start.ljust(len(margin)) + rows[0].lstrip(), *rows[1:]]
