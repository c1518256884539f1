"""Mailbox names: RFC 3501 §4.5, §5.1, §9."""

from __future__ import annotations

from conformance.checks import given, must, should
from conformance.errors import ViolationError
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.expectations import expect_done, hear
from conformance.imap.naming import listed, status, status_items
from conformance.imap.session import ImapSession, quoted
from conformance.imap.strategies_mailboxes import broken_ends, eight_bit_ends, inboxes, odd_ends


@must("rfc3501/5.1.3/8", "rfc3501/7.2.2/10", "rfc3501/6.3.3/1", "rfc3501/5.1.3/11")
@given(end=odd_ends())
def check_gives_names_back_as_they_were_created(folder: Folder, end: bytes) -> None:
    """A name that CREATE took is listed octet for octet, and can be used as it was listed.

    That holds for spaces, quotes and backslashes, which have to be quoted, and for modified UTF-7, whose base64 is not
    to be touched. A server may refuse to create a name.
    """
    with folder.log_in() as imap:
        delimiter = folder.delimiter(imap)
        name = folder.new_name(end.replace(delimiter, b"-") if delimiter else end)
        if not imap.command(b"CREATE " + quoted(name)).ok:
            return
        found = listed(imap, name)
        expect(name in found, f"LIST to name {name!r}, which was created", sorted(found) or "no LIST response")
        status(imap, name, "MESSAGES")
        expect_done(imap.command(b"DELETE " + quoted(name)), because=f"{name!r} was created just now")


@must("rfc3501/4.5/2")
def check_takes_nil_for_a_mailbox_called_nil(folder: Folder) -> None:
    """NIL where a mailbox name belongs is the name NIL, whether quoted or not.

    A mailbox name is an astring, and an astring is never absent.
    """
    with folder.log_in() as imap:
        bare = imap.command("STATUS NIL (UIDVALIDITY)")
        in_quotes = imap.command('STATUS "NIL" (UIDVALIDITY)')
        for answer in (bare, in_quotes):
            if answer.tagged.name == b"BAD":
                raise ViolationError("OK or NO: NIL is a mailbox name like any other", str(answer.tagged))
        expect(bare.tagged.name == in_quotes.tagged.name, f"{in_quotes.tagged} to the bare name too", bare.tagged)


@must("rfc3501/5.1/4", "rfc3501/9/37", "rfc3501/9/38", "rfc3501/9/39")
@given(inbox=inboxes())
def check_knows_inbox_however_it_is_written(folder: Folder, inbox: tuple[bytes, str]) -> None:
    """INBOX in capitals or small letters, bare, quoted or as a literal is the same mailbox."""
    name, form = inbox
    with folder.log_in() as imap:
        plain = status(imap, b"INBOX", "UIDVALIDITY")
        if form == "literal":
            answer = imap.command_with_literals(b"STATUS ", name, b" (UIDVALIDITY)")
        else:
            written = quoted(name) if form == "quoted" else name
            answer = imap.command(b"STATUS " + written + b" (UIDVALIDITY)")
        expect_done(answer, because=f"{name!r} ({form}) is INBOX")
        expect(status_items(answer) == plain, f"the UIDVALIDITY of INBOX, {plain}", answer)


def _expect_not_created(imap: ImapSession, name: bytes, argument: bytes, why: str) -> None:
    tag = imap.next_tag()
    # A server that cannot read the line may blame no command in particular (§7.1.3), or hang up.
    heard = hear(imap, tag + b" CREATE " + argument + b"\r\n")
    if any(response.ok for response in heard.tagged(tag)):
        imap.command(b"DELETE " + argument)
        raise ViolationError(f"CREATE {name!r} refused: {why}", str(heard))


@should("rfc3501/5.1.3/9", "rfc3501/5.1.3/4", "rfc3501/5.1.3/6", "rfc3501/5.1.3/7")
@given(end=broken_ends(), at_most=11)
def check_refuses_names_that_are_no_modified_utf7(folder: Folder, end: bytes) -> None:
    """CREATE refuses a name whose ampersand does not begin a correct modified UTF-7 shift.

    A server that takes it has a mailbox that clients show under another name, or cannot open.
    """
    with folder.log_in() as imap:
        name = folder.new_name(end)
        _expect_not_created(imap, name, quoted(name), "the name is no modified UTF-7")


@should("rfc3501/5.1/3", "rfc3501/5.1/1")
@given(end=eight_bit_ends(), at_most=4)
def check_refuses_eight_bit_names(folder: Folder, end: bytes) -> None:
    """CREATE refuses a name with 8-bit octets, be it quoted or, as the syntax allows, a literal.

    With UTF8=ACCEPT enabled (RFC 6855) it would be another matter; the judge does not enable it.
    """
    with folder.log_in() as imap:
        name = folder.new_name(end)
        _expect_not_created(imap, name, quoted(name), "the name has 8-bit octets")
    with folder.log_in() as imap:
        answer = imap.command_with_literals(b"CREATE ", name, b"")
        if answer.ok:
            imap.command_with_literals(b"DELETE ", name, b"")
            raise ViolationError(f"CREATE {name!r} refused: the name has 8-bit octets", str(answer.tagged))
