"""SUBSCRIBE, UNSUBSCRIBE and LSUB: RFC 3501 §6.3.6, §6.3.7, §6.3.9."""

from __future__ import annotations

from conformance.checks import given, must
from conformance.errors import InconclusiveError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.expectations import expect_done
from conformance.imap.naming import create, listed
from conformance.imap.session import ImapSession, quoted
from conformance.imap.strategies_mailboxes import closed_patterns, odd_ends
from conformance.imap.trees import planted_tree


def _subscribed(imap: ImapSession, pattern: bytes) -> set[bytes]:
    return set(listed(imap, pattern, command="LSUB"))


def _subscribe(imap: ImapSession, name: bytes) -> None:
    answer = imap.command(b"SUBSCRIBE " + quoted(name))
    if not answer.ok:
        raise InconclusiveError(f"SUBSCRIBE {name!r} was refused: {answer.tagged}")


@must("rfc3501/6.3.6/1", "rfc3501/6.3.6/2", "rfc3501/6.3.7/1", "rfc3501/6.3.7/2", "rfc3501/6.3.9/1")
@given(end=odd_ends())
def check_names_what_is_subscribed_and_nothing_else(folder: Folder, end: bytes) -> None:
    """A name is in LSUB from SUBSCRIBE on and until UNSUBSCRIBE, and another mailbox is not."""
    with folder.log_in() as imap:
        delimiter = folder.delimiter(imap)
        name = folder.new_name(end.replace(delimiter, b"-") if delimiter else end)
        if not imap.command(b"CREATE " + quoted(name)).ok:
            return
        if name in _subscribed(imap, name):
            # Servers that subscribe what they create are not forbidden: only taking off is the client's alone (§6.3.6).
            imap.command(b"UNSUBSCRIBE " + quoted(name))
            there = name in _subscribed(imap, name)
            expect(not there, f"LSUB not to name {name!r}, which is not subscribed", "it does")
        expect_done(imap.command(b"SUBSCRIBE " + quoted(name)), because="the mailbox is there")
        expect(name in _subscribed(imap, name), f"LSUB to name {name!r}, which is subscribed", "it does not")
        expect_done(imap.command(b"UNSUBSCRIBE " + quoted(name)), because="the name is subscribed")
        expect(name not in _subscribed(imap, name), f"LSUB no longer to name {name!r}", "it does")


@must("rfc3501/6.3.6/4", "rfc3501/6.3.9/5")
def check_keeps_a_subscription_when_the_mailbox_is_gone(folder: Folder) -> None:
    """A name stays subscribed, and in LSUB, when its mailbox is deleted.

    The server must not take it off the list by its own decision: the mailbox may come again, as one that is written to
    once a year does.
    """
    with folder.log_in() as imap:
        name = folder.new_name()
        create(imap, name)
        _subscribe(imap, name)
        if not imap.command(b"DELETE " + quoted(name)).ok:
            raise InconclusiveError("the mailbox could not be deleted")
        expect(name in _subscribed(imap, name), f"LSUB still to name {name!r}", "it does not")
    with folder.log_in() as imap:
        expect(name in _subscribed(imap, name), f"LSUB still to name {name!r} in a later session", "it does not")


@must("rfc3501/6.3.9/4")
def check_names_the_level_above_for_a_percent_sign(folder: Folder) -> None:
    """LSUB with `%` names, with \\Noselect, a level that is not subscribed where something below it is."""
    with folder.log_in() as imap:
        delimiter = folder.delimiter(imap)
        if delimiter is None:
            raise not_applicable("mailbox names have no hierarchy")
        top = folder.new_name()
        name = top + delimiter + b"bar"
        create(imap, name)
        _subscribe(imap, name)
        # Where CREATE made the level and subscribed it along, it would be named for its own sake.
        imap.command(b"UNSUBSCRIBE " + quoted(top))
        found = listed(imap, top + b"%", command="LSUB")
        expect(top in found, f"LSUB to name the level {top!r}", sorted(found) or "no LSUB response")
        expect(not found[top].selectable, f"{top!r} with \\Noselect", sorted(found[top].attributes))


@must("rfc3501/6.3.9/2")
@given(pattern=closed_patterns())
def check_reads_patterns_as_list_does(folder: Folder, pattern: str) -> None:
    """Wildcards mean the same in LSUB as in LIST."""
    with folder.log_in() as imap:
        tree = planted_tree(folder, imap)
        missing = tree.names - _subscribed(imap, tree.root + b"*")
        for name in sorted(missing):
            _subscribe(imap, name)
        whole = tree.end(pattern)
        found, wanted = _subscribed(imap, whole), tree.matching(whole)
        expect(found == wanted, f"LSUB {whole!r} to name {sorted(wanted)}", sorted(found))
