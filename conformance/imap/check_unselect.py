"""UNSELECT: RFC 3691."""

from __future__ import annotations

from conformance.checks import must, should
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import need
from conformance.imap.expectations import expect_bad, expect_done, expect_refused
from conformance.imap.naming import status
from conformance.messages import compose


@must("rfc3691/2/4", "rfc3691/2/1", "rfc3691/2/3")
def check_leaves_the_mailbox_and_removes_nothing(folder: Folder) -> None:
    """UNSELECT leaves the selected mailbox like CLOSE, but what is marked \\Deleted stays."""
    with folder.opened([compose(folder.token(), b"kept\r\n")]) as imap:
        need(imap, "UNSELECT")
        imap.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
        expect_done(imap.command("UNSELECT"), because="UNSELECT is offered and a mailbox is selected")
        expect_refused(imap.command("FETCH 1 FLAGS"), because="no mailbox is selected any more")
        found = status(imap, folder.name.encode(), "MESSAGES")
        expect(found.get("MESSAGES") == 1, "the message that was marked", found)


@must("rfc3691/2/2", "rfc3501/3/2", "rfc3691/4/2")
def check_is_refused_with_nothing_selected(folder: Folder) -> None:
    """UNSELECT is refused while no mailbox is selected.

    RFC 3691 lists BAD for it; that a command at the wrong time may be answered NO as well, as the server likes, is what
    RFC 3501 §3 says of all commands.
    """
    with folder.log_in() as imap:
        need(imap, "UNSELECT")
        expect_refused(imap.command("UNSELECT"), because="no mailbox is selected")


@should("rfc3501/2.2.2/6", "rfc3691/2/2")
def check_takes_no_argument(folder: Folder) -> None:
    """UNSELECT with an argument is answered BAD.

    RFC 3691 lists the BAD among the results of the command; how strict a server is about syntax in general is a matter
    of SHOULD (RFC 3501 §2.2.2), as with STARTTLS.
    """
    with folder.log_in() as imap:
        need(imap, "UNSELECT")
        imap.select(folder.name)
        expect_bad(imap.command(f"UNSELECT {folder.name}"), because="UNSELECT takes no argument")
