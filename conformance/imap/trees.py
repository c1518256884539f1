"""A small hierarchy of mailboxes, and which of its names a LIST pattern matches: RFC 3501 §6.3.8.

The model is written from the RFC: `*` matches any run of characters, `%` any run without the delimiter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.fixtures import Folder
from conformance.imap.naming import create, names_in
from conformance.imap.session import ImapSession, quoted

ENDS = ("", "a", "ab", "/a", "/ab", "/b", "/a/b", "/a/ab")
"""Ends of the names of the tree, behind its root's name; `/` stands for the delimiter. All levels are mailboxes."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The names of one tree, and the delimiter, which is None where there is no hierarchy."""

    root: bytes
    delimiter: bytes | None
    names: frozenset[bytes]

    def end(self, text: str) -> bytes:
        """A name or pattern behind the root's, with the delimiter put in; where there is none, `/` is left out."""
        return self.root + text.encode().replace(b"/", self.delimiter or b"")

    def matching(self, pattern: bytes) -> set[bytes]:
        """The names of the tree that fit a pattern."""
        level = b"[^%b]*" % re.escape(self.delimiter) if self.delimiter else b".*"
        pieces = re.split(rb"([*%])", pattern)
        expression = b"".join(
            b".*" if piece == b"*" else level if piece == b"%" else re.escape(piece) for piece in pieces
        )
        return {name for name in self.names if re.fullmatch(expression, name, re.DOTALL)}


def planted_tree(folder: Folder, imap: ImapSession) -> Tree:
    """A tree whose root is beside the folder, made the first time that it is asked for.

    Raises:
        InconclusiveError: the server refuses to make it.
    """
    root = folder.name.encode() + b"-tree"
    delimiter = folder.delimiter(imap)
    ends = [end for end in ENDS if delimiter or "/" not in end]
    names = [root + end.encode().replace(b"/", delimiter or b"") for end in ends]
    there = names_in(imap.command(b'LIST "" ' + quoted(root + b"*")))
    for name in names:
        if name not in there:
            create(imap, name)
    return Tree(root, delimiter, frozenset(names))
