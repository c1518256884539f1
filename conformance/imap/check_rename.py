"""RENAME: RFC 3501 §6.3.5."""

from __future__ import annotations

from conformance.checks import intrusive, must, should
from conformance.errors import not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder, Mailbox
from conformance.imap.expectations import expect_done, expect_no
from conformance.imap.naming import create, listed, status
from conformance.imap.session import ImapSession, quoted
from conformance.messages import compose


def _rename(old: bytes, new: bytes) -> bytes:
    return b"RENAME " + quoted(old) + b" " + quoted(new)


@must("rfc3501/6.3.5/1")
def check_gives_the_mailbox_its_new_name(folder: Folder) -> None:
    """After RENAME the mailbox is there with its messages under the new name, and not under the old one."""
    with folder.log_in() as imap:
        old, new = folder.new_name(), folder.new_name(b"-new")
        create(imap, old)
        imap.append(old.decode("ascii"), compose(folder.token(), b"moved along\r\n"))
        expect_done(imap.command(_rename(old, new)), because="the one name is there and the other is not")
        found = listed(imap, folder.name.encode() + b"*")
        expect(new in found and old not in found, f"LIST to name {new!r} and no longer {old!r}", sorted(found))
        count = status(imap, new, "MESSAGES")
        expect(count.get("MESSAGES") == 1, "the mailbox with its message", count)


@must("rfc3501/6.3.5/2", "rfc3501/6.3.5/3")
def check_refuses_names_that_do_not_fit(folder: Folder) -> None:
    """RENAME from a name that does not exist, or to one that does, is answered NO and changes nothing."""
    with folder.log_in() as imap:
        one, other, none = folder.new_name(), folder.new_name(), folder.new_name()
        create(imap, one)
        create(imap, other)
        expect_no(imap.command(_rename(none, folder.new_name())), because=f"there is no {none!r}")
        expect_no(imap.command(_rename(one, other)), because=f"{other!r} is there already")
        found = listed(imap, folder.name.encode() + b"*")
        expect({one, other} <= set(found), "both mailboxes as they were", sorted(found))


@must("rfc3501/9/49")
def check_refuses_inbox_as_the_new_name(folder: Folder) -> None:
    """RENAME to INBOX in any case is answered NO."""
    with folder.log_in() as imap:
        name = folder.new_name()
        create(imap, name)
        for inbox in (b"INBOX", b"inbox", b"InBox"):
            expect_no(imap.command(_rename(name, inbox)), because="INBOX is always there")


def _delimiter(folder: Folder, imap: ImapSession) -> bytes:
    delimiter = folder.delimiter(imap)
    if delimiter is None:
        raise not_applicable("mailbox names have no hierarchy")
    return delimiter


@must("rfc3501/6.3.5/4")
def check_takes_the_mailboxes_below_along(folder: Folder) -> None:
    """RENAME renames the mailboxes below as well, and no mailbox whose name only begins alike."""
    with folder.log_in() as imap:
        delimiter = _delimiter(folder, imap)
        old, new = folder.new_name(b"old"), folder.new_name(b"new")
        below, deeper = delimiter + b"bar", delimiter + b"bar" + delimiter + b"zap"
        alike = old + b"er"
        for name in (old, old + below, old + deeper, alike):
            create(imap, name)
        expect_done(imap.command(_rename(old, new)), because="the one name is there and the other is not")
        found = set(listed(imap, folder.name.encode() + b"*"))
        wanted = {new, new + below, new + deeper, alike}
        gone = {old, old + below, old + deeper}
        expect(wanted <= found and not gone & found, f"{sorted(wanted)} and none of {sorted(gone)}", sorted(found))


@should("rfc3501/6.3.5/5", "rfc3501/6.3.5/6")
def check_makes_the_levels_above(folder: Folder) -> None:
    """RENAME to a name below one that does not exist makes the levels above it."""
    with folder.log_in() as imap:
        delimiter = _delimiter(folder, imap)
        old, top = folder.new_name(), folder.new_name()
        middle = top + delimiter + b"rag"
        create(imap, old)
        answer = imap.command(_rename(old, middle + delimiter + b"zowie"))
        expect_done(answer, because="the levels above are made along")
        for each in (top, middle):
            expect(each in listed(imap, each), f"LIST to name {each!r}", "it does not")


@must("rfc3501/6.3.5/9")
@intrusive
def check_of_inbox_moves_its_messages_and_leaves_it_empty(mailbox: Mailbox, folder: Folder) -> None:
    """RENAME of INBOX moves its messages to the new mailbox, and INBOX stays, empty.

    The account's INBOX has been emptied for this check, so that only the judge's own message is moved.
    """
    with folder.log_in() as imap:
        imap.append("INBOX", mailbox.compose(mailbox.token(), b"moved along\r\n"))
        new = folder.new_name()
        if not imap.command(_rename(b"INBOX", new)).ok:
            # §6.3.5 says that this is permitted, and in the same breath lets a server refuse any RENAME with NO.
            raise not_applicable("RENAME of INBOX is refused")
        there, left = status(imap, new, "MESSAGES"), status(imap, b"INBOX", "MESSAGES")
        expect(there.get("MESSAGES") == 1, "the message in the new mailbox", there)
        expect(left.get("MESSAGES") == 0, "an empty INBOX", left)
