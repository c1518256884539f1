"""Mailbox names, right and wrong, and patterns for LIST: RFC 3501 §5.1, §6.3.8."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

ODD_ENDS = (
    b" with two words", b' "quoted"', b"\\back\\slash", b"(round)", b"[square]", b"{5}", b"{curly", b"&-", b"a&-b",
    b"&ZeVnLIqe-", b"&AOk-t&AOk-", b"~", b"!", b"$", b"'", b"?", b",", b";", b":", b"=", b"@", b"^", b"`", b"|", b"+",
    b"NIL", b"-", b"_x", b"0", b"x" * 64, b"&U,BTF2XlZyyKng-",
)  # fmt: skip
"""Ends of names that are awkward for one server or another; none has a usual delimiter, `#` or a wildcard."""


def odd_ends() -> SearchStrategy[bytes]:
    """Ends of mailbox names in correct modified UTF-7, 1 to 64 octets."""
    return st.one_of(st.sampled_from(ODD_ENDS), st.lists(st.sampled_from(ODD_ENDS[:-3]), max_size=3).map(b"".join))


NOT_UTF7 = (
    b"&", b"&x", b"&Jjo", b"&Jjo!", b"&ZeVnLIqe", b"a&b-c", b"&AGE-", b"&ZeU-&ZyyKng-", b"&A-", b"&Ze/n-", b"&ZeUA-",
)  # fmt: skip
"""Ends of names that break a rule of modified UTF-7 each.

An ampersand that opens nothing, a shift that is not closed, letters that need no shift, a null shift, `/` for `,`, and
octets that make no whole UTF-16 character.
"""


def broken_ends() -> SearchStrategy[bytes]:
    """Ends of mailbox names that are not modified UTF-7."""
    return st.sampled_from(NOT_UTF7)


def eight_bit_ends() -> SearchStrategy[bytes]:
    """Ends of mailbox names in UTF-8 or ISO 8859-1 as they are."""
    return st.sampled_from(("é".encode(), "日本".encode(), b"\xe9t\xe9", b"\xff"))


INBOX_SPELLINGS = (b"INBOX", b"inbox", b"Inbox", b"iNbOx", b"INBOx")


def inboxes() -> SearchStrategy[tuple[bytes, str]]:
    """INBOX in some case, and a form in which to write it: bare, quoted, literal."""
    return st.tuples(st.sampled_from(INBOX_SPELLINGS), st.sampled_from(("bare", "quoted", "literal")))


PIECES = ("*", "%", "a", "b", "ab", "", "/", "/a", "/b", "a/")
"""What patterns are made of; `/` stands for whatever the delimiter is."""


def closed_patterns() -> SearchStrategy[str]:
    """Patterns that do not end in `%`, which means something more in LSUB, those with `%` within foremost."""
    telling = st.sampled_from(("%b", "%ab", "/%b", "%/b", "*b", "a%b"))
    return st.one_of(telling, patterns().filter(lambda pattern: not pattern.endswith("%")))


def patterns() -> SearchStrategy[str]:
    """Patterns for the ends of names in `conformance.imap.trees`, the telling ones among them."""
    return st.one_of(
        st.sampled_from(
            ("*", "%", "/%", "/*", "*b", "%b", "/a/%", "/%/b", "*/b", "%/%", "/a*", "/a%", "a", "**", "%%")
        ),
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join),
    )
