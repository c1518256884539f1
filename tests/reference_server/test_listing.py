"""What the server can be asked for, as entries for machines and as a table for people."""

from __future__ import annotations

import pytest

from reference_server import listing
from reference_server.links import LINKS
from reference_server.serving import list_faults, list_variants


def test_every_fault_variant_and_link_is_an_entry() -> None:
    assert [entry["id"] for entry in listing.fault_entries()] == [fault.name for fault in list_faults()]
    assert [entry["id"] for entry in listing.variant_entries()] == [variant.name for variant in list_variants()]
    links = {entry["id"]: entry for entry in listing.link_entries()}
    assert links.keys() == LINKS.keys()
    assert (links["stall"]["argument"], links["stall"]["default"], links["stall"]["legal"]) == ("seconds", 1, True)
    assert (links["bare-lf"]["argument"], links["bare-lf"]["default"], links["bare-lf"]["legal"]) == (None, None, False)


@pytest.mark.parametrize("width", [60, 100])
def test_the_table_has_each_once_and_fits_the_terminal(width: int) -> None:
    lines = listing.table(width=width).splitlines()
    names = [line.split()[0] for line in lines if line.startswith("    ") and not line.startswith(" " * 10)]
    wanted = [fault.name for fault in list_faults()] + [variant.name for variant in list_variants()]
    assert sorted(names) == sorted(
        wanted + [f"{kind.name}[:N]" if kind.argument else kind.name for kind in LINKS.values()]
    )
    longest_word = max(len(word) for line in lines for word in line.split())
    assert all(len(line) <= max(width, 64, longest_word + 4) for line in lines)


def test_faults_stand_below_the_requirement_that_they_break_in_the_order_of_the_rfc() -> None:
    lines = listing.table().splitlines()
    heading = lines.index("Faults of pop3, by the requirement that they break")
    rest = lines[heading + 2 :]
    of_pop3 = rest[: rest.index("")]
    requirements = [line.strip() for line in of_pop3 if line.startswith("  rfc")]
    assert requirements.index("rfc1939/3/4") < requirements.index("rfc1939/11/1")
    below = of_pop3[of_pop3.index(f"  {requirements[0]}") + 1]
    name = below.split()[0]
    assert requirements[0] == ", ".join(next(fault.breaks for fault in list_faults() if fault.name == name))
