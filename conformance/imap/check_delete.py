"""DELETE: RFC 3501 §6.3.4."""

from __future__ import annotations

from conformance.checks import given, intrusive, must
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.expectations import expect_done, expect_no, expect_refused
from conformance.imap.naming import create, listed
from conformance.imap.session import ImapSession, quoted
from conformance.imap.strategies_mailboxes import odd_ends


@must("rfc3501/6.3.4/3")
@given(end=odd_ends(), at_most=10)
def check_refuses_what_is_not_there(folder: Folder, end: bytes) -> None:
    """DELETE of a name that does not exist is answered NO."""
    with folder.log_in() as imap:
        delimiter = folder.delimiter(imap)
        name = folder.new_name(end.replace(delimiter, b"-") if delimiter else end)
        expect_no(imap.command(b"DELETE " + quoted(name)), because=f"there is no {name!r}")


@must("rfc3501/9/30", "rfc3501/6.3.4/3")
@intrusive
def check_refuses_inbox(folder: Folder) -> None:
    """DELETE of INBOX in any case is answered NO. A server that does it takes the user's mail."""
    with folder.log_in() as imap:
        for name in ("INBOX", '"inbox"', "InBox"):
            expect_no(imap.command(f"DELETE {name}"), because="INBOX cannot be deleted")


@must("rfc3501/6.3.4/2", "rfc3501/6.3.4/1")
def check_takes_the_mailbox_away(folder: Folder) -> None:
    """After DELETE the mailbox is no longer listed and can no longer be selected."""
    with folder.log_in() as imap:
        name = folder.new_name()
        create(imap, name)
        expect_done(imap.command(b"DELETE " + quoted(name)), because="the mailbox is there and has none below it")
        expect(name not in listed(imap, name), f"LIST not to name {name!r}, which is deleted", "it does")
        expect_refused(imap.command(b"SELECT " + quoted(name)), because="the mailbox is deleted")


def _with_inferior(folder: Folder, imap: ImapSession) -> tuple[bytes, bytes]:
    """A mailbox and one below it."""
    delimiter = folder.delimiter(imap)
    if delimiter is None:
        raise not_applicable("mailbox names have no hierarchy")
    name = folder.new_name()
    below = name + delimiter + b"below"
    create(imap, name)
    create(imap, below)
    return name, below


@must("rfc3501/6.3.4/4", "rfc3501/6.3.4/5")
def check_leaves_the_mailboxes_below_in_place(folder: Folder) -> None:
    """DELETE of a mailbox with others below it leaves those where they are."""
    with folder.log_in() as imap:
        name, below = _with_inferior(folder, imap)
        imap.command(b"DELETE " + quoted(name))
        expect(below in listed(imap, below), f"LIST to name {below!r} after DELETE {name!r}", "it does not")
        answer = imap.command(b"EXAMINE " + quoted(below))
        expect_done(answer, because=f"{below!r} stays when {name!r} is deleted")


@must("rfc3501/6.3.4/8", "rfc3501/7.2.2/3")
def check_leaves_a_level_behind_that_cannot_be_selected(folder: Folder) -> None:
    """A mailbox that is deleted while others are below it is at most a \\Noselect level afterwards."""
    with folder.log_in() as imap:
        name, _ = _with_inferior(folder, imap)
        if not imap.command(b"DELETE " + quoted(name)).ok:
            # §6.3.4 permits it; a server that cannot do it says NO (RFC 9051 §6.3.5 says so in as many words).
            raise not_applicable("a mailbox with others below it cannot be deleted")
        found = listed(imap, name)
        if name in found:
            expect(
                not found[name].selectable, f"{name!r} with \\Noselect, or not listed", sorted(found[name].attributes)
            )
        expect_refused(imap.command(b"SELECT " + quoted(name)), because="the mailbox is deleted")


@must("rfc3501/6.3.4/6")
def check_refuses_a_level_that_has_mailboxes_below(folder: Folder) -> None:
    """DELETE of a \\Noselect name with others below it is an error."""
    with folder.log_in() as imap:
        name, _ = _with_inferior(folder, imap)
        if not imap.command(b"DELETE " + quoted(name)).ok:
            raise not_applicable("a mailbox with others below it cannot be deleted")
        expect_refused(imap.command(b"DELETE " + quoted(name)), because="the name is only a level now")
