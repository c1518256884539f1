"""The `subscriptions` file of a Maildir, as Dovecot has it: version 2 is written, both versions are read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reference_server.stores import maildirnames as names
from reference_server.stores.uidlist import replace_file

# subscriptions = "V" HTAB "2" LF LF *(level *(HTAB level) LF)
_HEADER = "V\t2"


def read(directory: Path) -> frozenset[str]:
    """Subscribed names; lines that are none are passed over."""
    try:
        lines = (directory / "subscriptions").read_text("ascii", "replace").split("\n")
    except FileNotFoundError:
        return frozenset()
    if lines[0] == _HEADER:
        found = (names.name_of("." + line.replace("\t", ".")) for line in lines[2:])
    else:
        found = (names.name_of("." + line) for line in lines)
    return frozenset(name for name in found if name)


def write(directory: Path, subscribed: Iterable[str]) -> None:
    """Write the file anew, in one step."""
    lines = sorted(names.directory_of(name)[1:].replace(".", "\t") for name in subscribed)
    replace_file(directory / "subscriptions", "".join(f"{line}\n" for line in (_HEADER, "", *lines)).encode("ascii"))
