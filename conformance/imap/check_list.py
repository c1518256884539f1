"""LIST: RFC 3501 §6.3.8, §7.2.2."""

from __future__ import annotations

from hypothesis import strategies as st

from conformance.checks import given, must
from conformance.errors import ViolationError, not_applicable
from conformance.expectations import expect
from conformance.fixtures import Folder
from conformance.imap.expectations import expect_done, expect_refused
from conformance.imap.naming import create, listed
from conformance.imap.session import quoted
from conformance.imap.strategies_mailboxes import patterns
from conformance.imap.trees import planted_tree


def _shown(names: set[bytes]) -> str:
    return b", ".join(sorted(names)).decode("ascii", "backslashreplace") or "none"


@must("rfc3501/6.3.8/5", "rfc3501/6.3.8/1", "rfc3501/6.3.8/17", "rfc3501/6.3.8/18", "rfc3501/7.2.2/1")
@given(pattern=patterns())
def check_names_exactly_what_the_pattern_matches(folder: Folder, pattern: str) -> None:
    """LIST names every mailbox that the pattern matches and no other.

    `*` stands for any run of characters and `%` for any without the delimiter, the empty run in both cases; the judge
    compares with a model of its own hierarchy.
    """
    with folder.log_in() as imap:
        tree = planted_tree(folder, imap)
        whole = tree.end(pattern)
        found = set(listed(imap, whole)) & tree.names
        wanted = tree.matching(whole)
        expect(found == wanted, f"LIST {whole!r} to name {_shown(wanted)}", _shown(found))
        # What else is named must match as well, whatever it is.
        others = {name for name in listed(imap, whole) if not name.startswith(tree.root)}
        expect(not others, f"only names that begin with {tree.root!r}", _shown(others))


@must("rfc3501/6.3.8/6", "rfc3501/6.3.8/10")
@given(pattern=st.sampled_from(("%", "*", "a", "a%", "%b", "a*b")))
def check_reads_the_pattern_from_the_reference_on(folder: Folder, pattern: str) -> None:
    """With a level of the hierarchy as the reference the pattern is read from there on.

    How a reference is worked in is the server's choice in odd cases; a level with its delimiter and a pattern that
    begins with neither delimiter nor `#` is the plain one.
    """
    with folder.log_in() as imap:
        tree = planted_tree(folder, imap)
        if tree.delimiter is None:
            raise not_applicable("mailbox names have no hierarchy")
        reference = tree.end("/")
        found = set(listed(imap, pattern.encode(), reference=reference))
        wanted = tree.matching(reference + pattern.encode())
        expect(found == wanted, f"LIST {reference!r} {pattern!r} to name {_shown(wanted)}", _shown(found))


@must("rfc3501/6.3.8/9", "rfc3501/6.3.8/7")
def check_tells_the_delimiter_for_an_empty_pattern(folder: Folder) -> None:
    """LIST with an empty pattern returns the delimiter and the root of the reference, whatever mailboxes there are."""
    with folder.log_in() as imap:
        for reference in (b"", folder.name.encode()):
            answer = imap.command(b"LIST " + quoted(reference) + b' ""')
            expect_done(answer, because="an empty pattern asks for the delimiter")
            found = answer.named("LIST")
            if len(found) != 1:
                raise ViolationError(f"one LIST response to reference {reference!r} and an empty pattern", str(answer))
            delimiter = found[0].values[1] if len(found[0].values) > 1 else b""
            expect(
                delimiter is None or (isinstance(delimiter, bytes) and len(delimiter) == 1),
                "one character, or NIL, as the delimiter",
                found[0],
            )


@must("rfc3501/6.3.8/19", "rfc3501/6.3.8/20")
def check_names_levels_for_a_percent_sign_at_the_end(folder: Folder) -> None:
    """A pattern with `%` at its end names levels of hierarchy too, and those that are no mailbox have \\Noselect."""
    with folder.log_in() as imap:
        delimiter = folder.delimiter(imap)
        if delimiter is None:
            raise not_applicable("mailbox names have no hierarchy")
        top = folder.new_name()
        level = top + delimiter + b"level"
        create(imap, level + delimiter + b"below")
        # Whether CREATE made the level or not, it is no mailbox afterwards.
        imap.command(b"DELETE " + quoted(level))
        found = listed(imap, top + delimiter + b"%")
        expect(level in found, f"LIST to name the level {level!r}", _shown(set(found)))
        if found[level].selectable:
            expect_done(imap.command(b"EXAMINE " + quoted(level)), because=f"{level!r} is listed without \\Noselect")
        else:
            expect_refused(imap.command(b"EXAMINE " + quoted(level)), because=f"{level!r} is listed with \\Noselect")


@must("rfc3501/6.3.8/22")
@given(pattern=st.sampled_from((b"INBOX", b"inbox", b"InBox", b"*", b"%", b"inb%", b"INB*", b"%x")))
def check_names_inbox_in_any_case(folder: Folder, pattern: bytes) -> None:
    """LIST names INBOX wherever the pattern, put in capitals, matches it."""
    with folder.log_in() as imap:
        found = listed(imap, pattern)
        expect(b"INBOX" in found, f"INBOX among what {pattern!r} matches", _shown(set(found)))


@must("rfc3501/5.1.1/2", "rfc3501/7.2.2/7")
def check_gives_one_delimiter_within_a_hierarchy(folder: Folder) -> None:
    """Everything below one top-level name has the same delimiter."""
    with folder.log_in() as imap:
        tree = planted_tree(folder, imap)
        found = listed(imap, tree.root + b"*")
        delimiters = {entry.delimiter for name, entry in found.items() if name in tree.names}
        expect(len(delimiters) == 1, f"the delimiter {tree.delimiter!r} everywhere", sorted(map(str, delimiters)))
