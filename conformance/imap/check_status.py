"""STATUS: RFC 3501 §6.3.10, §7.2.4."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import exists
from conformance.imap.expectations import expect_no
from conformance.imap.naming import create, names_in, status, status_items
from conformance.imap.session import quoted
from conformance.messages import compose

ITEMS = ("MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN")


@must("rfc3501/6.3.10/7", "rfc3501/6.3.10/8", "rfc3501/6.3.10/9", "rfc3501/6.3.10/10", "rfc3501/6.3.10/11")
@given(between=st.one_of(st.lists(st.booleans(), max_size=3), st.none()))
def check_counts_as_select_does(folder: Folder, between: Sequence[bool] | None) -> None:
    """The five items are what SELECT of the same mailbox then tells, and UNSEEN is the count of unseen messages.

    UNSEEN means another thing in SELECT: the number of the first one. Servers that mix the two show folders with wrong
    counts.
    """
    # The first message is seen and the last one is not, so that their number is never their count.
    seen = () if between is None else (True, *between, False)
    with folder.log_in() as imap:
        name = folder.new_name()
        create(imap, name)
        for each in seen:
            imap.append(name.decode("ascii"), compose(folder.token(), b"x\r\n"), flags=("\\Seen",) if each else ())
        told = status(imap, name, " ".join(ITEMS))
        selected = imap.select(name.decode("ascii"))
        recent = selected.named("RECENT")
        shown = {
            "MESSAGES": exists(selected) or 0,
            "RECENT": (recent[-1].number or 0) if recent else 0,
            "UIDNEXT": int(selected.code("UIDNEXT") or 0) or told.get("UIDNEXT"),
            "UIDVALIDITY": int(selected.code("UIDVALIDITY") or 0),
            "UNSEEN": seen.count(False),
        }
        expect(told == shown, f"{shown}, as SELECT has it", told)


@must("rfc3501/6.3.10/2")
@given(items=st.permutations(ITEMS))
def check_changes_nothing(folder: Folder, items: Sequence[str]) -> None:
    """STATUS selects nothing, and takes \\Recent from no message."""
    with folder.log_in() as imap:
        name = folder.new_name()
        create(imap, name)
        imap.append(name.decode("ascii"), compose(folder.token(), b"x\r\n"))
        first, second = status(imap, name, " ".join(items)), status(imap, name, " ".join(items))
        expect(first == second, f"the same a second time: {first}", second)
        selected = imap.select(name.decode("ascii"))
        recent = selected.named("RECENT")
        count = recent[-1].number if recent else None
        expect(count == first.get("RECENT"), f"{first.get('RECENT')} RECENT, as before STATUS", count)


@must("rfc3501/6.3.10/1", "rfc3501/6.3.10/3")
@given(end=st.sampled_from((b"-none", b"*", b"%", b"-none*")))
def check_refuses_what_has_no_status(folder: Folder, end: bytes) -> None:
    """STATUS of a name that does not exist is answered NO; a wildcard in the name stands for itself."""
    with folder.log_in() as imap:
        answer = imap.command(b"STATUS " + quoted(folder.name.encode() + end) + b" (MESSAGES)")
        expect_no(answer, because="there is no mailbox of that name")
        expect(not answer.named("STATUS"), "no STATUS response", answer)


@must("rfc3501/7.2.4/1")
@given(items=st.lists(st.sampled_from(ITEMS), min_size=1, unique=True))
def check_tells_the_name_and_what_was_asked(folder: Folder, items: Sequence[str]) -> None:
    """The STATUS response has the name that was asked about and the items that were asked for, each once."""
    with folder.log_in() as imap:
        answer = imap.command(b"STATUS " + quoted(folder.name) + b" (" + " ".join(items).encode() + b")")
        found = status_items(answer)
        expect(set(found) == set(items), f"the items {sorted(items)}", sorted(found))
        name = answer.named("STATUS")[0].values[0]
        expect(name == folder.name.encode(), f"the name {folder.name}", name)
        expect(not names_in(answer), "no LIST response", answer)
