"""NOOP: RFC 3501 §6.1.2."""

from __future__ import annotations

from conformance.checks import must
from conformance.fixtures import Folder
from conformance.fixtures import ImapDial as Dial
from conformance.imap.expectations import expect_done


@must("rfc3501/6.1.2/1", "rfc3501/6.1/1", "rfc3501/9/22")
def check_always_succeeds(dial: Dial, folder: Folder) -> None:
    """NOOP is answered OK in every state."""
    with dial() as imap:
        expect_done(imap.command("NOOP"), because="NOOP always succeeds, before log-in too")
        imap.log_in()
        expect_done(imap.command("NOOP"), because="NOOP always succeeds, after log-in too")
        imap.select(folder.name)
        expect_done(imap.command("NOOP"), because="NOOP always succeeds, with a mailbox selected too")
