"""The macros ALL, FAST and FULL, and what never changes of a message: RFC 3501 §6.4.5, §2.3.1.1."""

from __future__ import annotations

from conformance.checks import must
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import expect_ok, fetched_one, set_up
from conformance.imap.strategies_messages import plain

FAST = ("FLAGS", "INTERNALDATE", "RFC822.SIZE")
ALL = (*FAST, "ENVELOPE")
FULL = (*ALL, "BODY")


@must("rfc3501/6.4.5/4", "rfc3501/6.4.5/5", "rfc3501/6.4.5/6")
def check_a_macro_is_worth_the_items_it_stands_for(folder: Folder) -> None:
    """ALL, FAST and FULL return the items that they stand for, with the values that these have."""
    with folder.opened([plain()]) as imap:
        expected = fetched_one(imap, " ".join(FULL))
        for macro, items in (("FAST", FAST), ("ALL", ALL), ("FULL", FULL), ("fast", FAST)):
            told = expect_ok(imap.command(f"FETCH 1 {macro}"), f"FETCH {macro}").fetched(1)
            wanted = {item: expected[item] for item in items if item in expected}
            got = {item: told[item] for item in items if item in told}
            expect(got == wanted, f"{macro} to return {', '.join(items)}", ", ".join(told))


STATIC = "UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[]"


@must("rfc3501/2.3.1.1/15", "rfc3501/6.4.5/1", "rfc3501/9/45", "rfc3501/2.3.1.1/3")
def check_what_is_static_never_changes(folder: Folder) -> None:
    """UID, internal date, size, envelope, structure and text stay as they are whatever happens to the flags.

    Clients cache them for good, under the UID.
    """
    with folder.opened([plain()]) as imap:
        before = fetched_one(imap, STATIC)
        set_up(imap, "STORE 1 +FLAGS (\\Flagged \\Seen)")
        again = fetched_one(imap, STATIC)
    with folder.opened_again() as imap:
        later = fetched_one(imap, STATIC)
    for name, was in before.items():
        if name == "FLAGS":  # told unasked, and not static
            continue
        for now in (again, later):
            expect(name not in now or now[name] == was, f"{name} as before: {was!r}", repr(now.get(name)))
