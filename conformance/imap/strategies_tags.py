"""Tags, and commands that are none: RFC 3501 §2.2.1, §9."""

from __future__ import annotations

import re

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

# tag = 1*<any ASTRING-CHAR except "+">: printable, no space, none of ( ) { % * " \ +. ] is one of them too, but it has
# a check of its own: a server that trips over it is not to fail the others for it.
TAG_CHARACTERS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '(){%*"\\+]')

AWKWARD_TAGS = (b"NIL", b"OK", b"a", b"A", b"0", b"NOOP", b"}", b"[A", b"a.b-c_d", b"#$&'", b"x" * 64)
"""Legal tags that a server could take for something else, or fold the case of."""


def tags() -> SearchStrategy[bytes]:
    """Legal tags of up to 24 characters, and the awkward ones."""
    generated = st.text(TAG_CHARACTERS, min_size=1, max_size=24).map(str.encode)
    return st.one_of(st.sampled_from(AWKWARD_TAGS), generated)


def bracketed_tags() -> SearchStrategy[bytes]:
    """Tags with a closing square bracket, which an atom may not hold and a tag may."""
    return st.sampled_from((b"]", b"[A]", b"A]", b"]A", b"A]B", b"]]"))


def pipelines() -> SearchStrategy[list[bytes]]:
    """Several different legal tags, none of which is of the form that the judge's own have."""
    foreign = tags().filter(lambda tag: re.fullmatch(rb"A[0-9]+", tag) is None)
    return st.lists(foreign, min_size=2, max_size=6, unique=True)


def command_names() -> SearchStrategy[str]:
    """Commands without arguments, valid after log-in, with the case of each letter at will."""
    return st.sampled_from(("NOOP", "CAPABILITY", 'LIST "" ""', 'LSUB "" ""')).flatmap(
        lambda name: st.lists(st.booleans(), min_size=len(name), max_size=len(name)).map(
            lambda lower: "".join(c.lower() if low else c for c, low in zip(name, lower, strict=True))
        )
    )


def unknown_commands() -> SearchStrategy[bytes]:
    """Names that are no command's, with or without arguments. UID is one, and out of place without a mailbox."""
    names = st.sampled_from((b"NOOPS", b"NOO", b"FROBNICATE", b"LISTS", b"X", b"NOOP,", b"EHLO", b"GET"))
    return st.tuples(names, st.sampled_from((b"", b" 1", b' "x"', b" (x y)"))).map(b"".join)


def misspaced_commands() -> SearchStrategy[bytes]:
    """Commands that are right but for one space too many, or a TAB in place of a space."""
    return st.sampled_from((
        b" NOOP", b"NOOP ", b"NOOP  ", b'LIST  "" ""', b'LIST ""  ""', b'LIST\t"" ""', b'LIST "" "" ',
        b"NOOP\t", b"\tNOOP", b'STATUS INBOX  (MESSAGES)', b"STATUS INBOX (MESSAGES  RECENT)",
        b"STATUS INBOX ( MESSAGES)", b"STATUS INBOX (MESSAGES )", b"STATUS INBOX (MESSAGES) ", b"CAPABILITY ",
    ))  # fmt: skip


def miscounted_commands() -> SearchStrategy[bytes]:
    """Commands with an argument missing or left over."""
    return st.sampled_from((
        b"NOOP 1", b"CAPABILITY x", b"LIST", b'LIST ""', b'LIST "" "" ""', b"SELECT", b"STATUS INBOX",
        b"STATUS (MESSAGES)", b"STATUS INBOX ()", b"STATUS INBOX MESSAGES", b"STATUS INBOX (MESSAGES", b"CREATE",
        b"DELETE", b"RENAME x", b"SUBSCRIBE", b'LIST "" "', b"STATUS INBOX (MESSAGES))",
    ))  # fmt: skip


def foreign_octets() -> SearchStrategy[bytes]:
    """Commands with an octet that no atom and no quoted string may hold."""
    octet = st.one_of(st.sampled_from((b"\0", b"\x80", b"\xff", b"\xe9", b"\x7f")), st.integers(128, 255).map(_octet))
    return st.tuples(
        st.sampled_from(((b"NOO", b"P"), (b"", b"NOOP"), (b"NOOP", b""), (b"STATUS IN", b"BOX (MESSAGES)"))), octet
    ).map(lambda drawn: drawn[0][0] + drawn[1] + drawn[0][1])


def _octet(code: int) -> bytes:
    return bytes([code])
