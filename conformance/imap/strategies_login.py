"""Credentials in right and wrong forms: RFC 3501 §6.2, RFC 4616 §2, RFC 4648 §3."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.imap.session import quoted

# 1*ASTRING-CHAR
BARE = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')

FORMS = ("bare", "quoted", "literal")
"""How an astring can be written."""


def argument_forms() -> SearchStrategy[tuple[str, str]]:
    """A form for the user's name and one for the password."""
    return st.tuples(st.sampled_from(FORMS), st.sampled_from(FORMS))


def login_parts(name: bytes, password: bytes, forms: tuple[str, str]) -> Sequence[bytes]:
    """LOGIN with its arguments in these forms, as parts for `ImapSession.command_with_literals`.

    What cannot stand bare is quoted, and what cannot stand in quotes is a literal.
    """
    parts = [b"LOGIN"]
    for octets, form in zip((name, password), forms, strict=True):
        quotable = not re.search(rb"[\x00\r\n\x80-\xff]", octets)
        parts[-1] += b" "
        if form == "bare" and BARE.fullmatch(octets):
            parts[-1] += octets
        elif form != "literal" and quotable:
            parts[-1] += quoted(octets)
        else:
            parts += [octets, b""]
    return parts


def wrong_passwords() -> SearchStrategy[str]:
    """How a password is made wrong, as a word for `made_wrong`."""
    return st.sampled_from(("longer", "shorter", "empty", "other case", "other", "space before"))


def made_wrong(password: str, how: str) -> str:
    """A password near the right one and yet another."""
    wrong = {
        "longer": password + "x",
        "shorter": password[:-1],
        "empty": "",
        "other case": password.swapcase(),
        "other": "mailspec-" + password[::-1] + "-wrong",
        "space before": " " + password,
    }[how]
    # SASLprep drops nothing that is tried here, but a password of digits has no other case.
    return wrong if wrong not in (password, password.strip()) else password + "x"


def plain(authzid: str, name: str, password: str) -> bytes:
    """The one message of PLAIN (RFC 4616 §2), before base64."""
    return b"\0".join(part.encode() for part in (authzid, name, password))


def broken_plain_messages(name: str, password: str) -> Sequence[tuple[str, bytes]]:
    """Messages that the grammar of PLAIN does not allow, with what is wrong, though name and password are right."""
    right = plain("", name, password)
    return (
        ("a third NUL", right + b"\0"),
        ("a third NUL with something behind it", right + b"\0x"),
        ("no NUL at all", name.encode()),
        ("only one NUL", name.encode() + b"\0" + password.encode()),
        ("an empty name", plain("", "", password)),
        ("an empty password", plain("", name, "")),
        ("nothing", b""),
    )


def damaged_base64(octets: bytes) -> Sequence[tuple[str, bytes]]:
    """Right octets in base64 with one thing wrong: a character that is not of the alphabet (RFC 4648 §3.3)."""
    right = base64.b64encode(octets)
    middle = len(right) // 2
    return (
        ("an exclamation mark", right[:middle] + b"!" + right[middle:]),
        ("a space", right[:middle] + b" " + right[middle:]),
        ("a hyphen", right[:middle] + b"-" + right[middle:]),
        ("a full stop at the end", right + b"."),
        ("a space at the end", right + b" "),
    )


def badly_padded(octets: bytes) -> Sequence[tuple[str, bytes]]:
    """Right octets in base64 whose length is no multiple of four, or with pad characters where none belong."""
    right = base64.b64encode(octets)
    found = [("one pad character too many", right + b"="), ("pad characters of a group of their own", right + b"====")]
    if right.endswith(b"="):
        found.append(("no pad characters", right.rstrip(b"=")))
    return found
