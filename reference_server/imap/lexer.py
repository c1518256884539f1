"""Words, quoted strings and comments of structured header fields (RFC 5322 §3.2, RFC 2045 §5.1).

Total and linear: whatever does not close ends with the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

MAX_FIELD_OCTETS = 262_144
"""How much of one structured field is looked at."""

# FWS: a line end and the white space after it; unfolding takes away the line end only     (RFC 5322 §2.2.3)
LINE_ENDS = re.compile(rb"\r?\n")
WHITE_SPACE = re.compile(rb"[ \t\r\n]+")
# quoted-string = DQUOTE *(qtext / quoted-pair) DQUOTE; left open, it runs to the end of the field
QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)', re.DOTALL)
# domain-literal = "[" *dtext "]"
DOMAIN_LITERAL = re.compile(rb"\[[^\[\]\\]*+\]")
QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
COMMENT_PIECE = re.compile(rb"\\.|[()]", re.DOTALL)


class Kind(Enum):
    """What a word is."""

    ATOM = "atom or token"
    QUOTED = "quoted string, unquoted"
    SPECIAL = "a single delimiter"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a structured field."""

    kind: Kind
    octets: bytes

    def is_special(self, octet: bytes) -> bool:
        """Whether it is this delimiter (and not the same octet in quotes)."""
        return self.kind is Kind.SPECIAL and self.octets == octet


def unfolded(octets: bytes) -> bytes:
    """A field's value on one line (RFC 5322 §2.2.3), without white space around it."""
    octets = octets.strip(b" \t\r\n")
    return LINE_ENDS.sub(b"", octets) if b"\n" in octets else octets


def words(value: bytes, atom: re.Pattern[bytes]) -> Iterator[Word]:
    """The words of a value; white space and comments separate them. `atom` says what an atom is made of."""
    value = value[:MAX_FIELD_OCTETS]
    at = 0
    while at < len(value):
        if space := WHITE_SPACE.match(value, at):
            at = space.end()
        elif value[at] == 0x28:
            at = _end_of_comment(value, at)
        elif found := QUOTED.match(value, at):
            at = found.end()
            yield Word(Kind.QUOTED, QUOTED_PAIR.sub(rb"\1", found[1]))
        elif (found := atom.match(value, at)) or (found := DOMAIN_LITERAL.match(value, at)):
            at = found.end()
            yield Word(Kind.ATOM, found[0])
        else:
            at += 1
            yield Word(Kind.SPECIAL, value[at - 1 : at])


def _end_of_comment(value: bytes, at: int) -> int:
    """comment = "(" *([FWS] ccontent) [FWS] ")"; comments nest, counted here rather than by recursion."""
    depth = 0
    for piece in COMMENT_PIECE.finditer(value, at):
        if piece[0] == b"(":
            depth += 1
        elif piece[0] == b")":
            depth -= 1
            if depth == 0:
                return piece.end()
    return len(value)
