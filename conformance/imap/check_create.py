"""CREATE: RFC 3501 §6.3.3."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.answers import number, value
from conformance.imap.expectations import expect_done, expect_no
from conformance.imap.naming import create, listed, status
from conformance.imap.session import ImapSession, quoted
from conformance.imap.strategies_mailboxes import INBOX_SPELLINGS
from conformance.messages import compose


@must("rfc3501/6.3.3/2", "rfc3501/6.3.3/3")
def check_refuses_what_is_there_already(folder: Folder) -> None:
    """CREATE of a mailbox that exists is answered NO, and leaves that mailbox as it was."""
    with folder.opened([compose(folder.token(), b"kept\r\n")]) as imap:
        expect_no(imap.command(b"CREATE " + quoted(folder.name)), because="the mailbox is there already")
        imap.command("CLOSE")
        found = status(imap, folder.name.encode(), "MESSAGES")
        expect(found.get("MESSAGES") == 1, "the mailbox with its message", found)


@must("rfc3501/9/27", "rfc3501/6.3.3/2")
@given(name=st.sampled_from(INBOX_SPELLINGS))
def check_refuses_inbox(folder: Folder, name: bytes) -> None:
    """CREATE of INBOX in any case is answered NO."""
    with folder.log_in() as imap:
        expect_no(imap.command(b"CREATE " + name), because="INBOX is always there")


def _hierarchy(folder: Folder, imap: ImapSession) -> bytes:
    delimiter = folder.delimiter(imap)
    if delimiter is None:
        raise not_applicable("mailbox names have no hierarchy")
    return delimiter


@must("rfc3501/6.3.3/4", "rfc3501/6.3.3/5")
def check_takes_a_delimiter_at_the_end_for_a_plan(folder: Folder) -> None:
    """CREATE of a name with the delimiter at its end succeeds, and makes the name without it.

    The client says by it that it means to create names below; a server that needs no such notice passes over it.
    """
    with folder.log_in() as imap:
        delimiter = _hierarchy(folder, imap)
        name = folder.new_name()
        expect_done(imap.command(b"CREATE " + quoted(name + delimiter)), because="the delimiter at the end is a plan")
        found = set(listed(imap, name + b"*"))
        expect(found == {name}, f"LIST to name {name!r}", sorted(found) or "no LIST response")
        expect_done(imap.command(b"DELETE " + quoted(name)), because="the name was created")


@should("rfc3501/6.3.3/6", "rfc3501/6.3.3/7")
def check_makes_the_levels_above(folder: Folder) -> None:
    """CREATE of a name below one that does not exist makes the levels above it."""
    with folder.log_in() as imap:
        delimiter = _hierarchy(folder, imap)
        top = folder.new_name()
        middle = top + delimiter + b"bar"
        name = middle + delimiter + b"zap"
        expect_done(imap.command(b"CREATE " + quoted(name)), because="the levels above are made along")
        for each in (top, middle, name):
            found = listed(imap, each)
            expect(each in found, f"LIST to name {each!r}", sorted(found) or "no LIST response")


def _newest_uid(imap: ImapSession, name: bytes) -> tuple[int, int]:
    """Append a message to an empty mailbox; UIDVALIDITY and the message's UID."""
    imap.append(name.decode("ascii"), compose("uid", b"x\r\n"))
    validity = status(imap, name, "UIDVALIDITY").get("UIDVALIDITY", 0)
    imap.select(name.decode("ascii"), examine=True)
    uid = number({"UID": value(imap.command("FETCH 1 UID").fetched(1), "UID")}, "UID")
    imap.command("CLOSE")
    return validity, uid


@must("rfc3501/6.3.3/8", "rfc3501/2.3.1.1/13", "rfc3501/6.3.4/9", "rfc3501/6.3.5/7", "rfc3501/2.3.1.1/1")
@given(way=st.sampled_from(("DELETE", "RENAME")))
def check_never_gives_a_namesake_the_same_uids(folder: Folder, way: str) -> None:
    """A mailbox created anew under an old name has another UIDVALIDITY, or its UIDs go on above the old ones.

    Otherwise a client that kept the old mailbox's messages takes the new ones for them.
    """
    with folder.log_in() as imap:
        name = folder.new_name()
        create(imap, name)
        old_validity, old_uid = _newest_uid(imap, name)
        gone = quoted(name) + (b" " + quoted(folder.new_name()) if way == "RENAME" else b"")
        expect_done(imap.command(way.encode() + b" " + gone), because="the mailbox was created just now")
        create(imap, name)
        validity, uid = _newest_uid(imap, name)
        expect(
            validity != old_validity or uid > old_uid,
            f"another UIDVALIDITY than {old_validity}, or a UID above {old_uid}, in the new mailbox",
            f"UIDVALIDITY {validity} and UID {uid}",
        )
