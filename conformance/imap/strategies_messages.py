"""Generated messages for IMAP checks: headers, bodies, and what goes into literals (RFC 5322, RFC 3501 §4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_PRINTABLE = st.integers(0x20, 0x7E)

ODD_LINES = (
    b"",
    b".",
    b"..",
    b"A9 NOOP",
    b"A9 LOGOUT",
    b"* 99 EXISTS",
    b"{5}",
    b"{5+}",
    b")",
    b'"',
    b"\\",
    b"+ go on",
    b" ",
    b"\t",
    b"--",
    b"x" * 998,
)
"""Lines that mean something to one protocol or store or another."""


@dataclass(frozen=True, slots=True)
class Written:
    """A message as the judge wrote it: field lines, each with its CRLF and any folding, and a body."""

    fields: tuple[bytes, ...]
    body: bytes

    @property
    def header(self) -> bytes:
        """The header with its blank line."""
        return b"".join(self.fields) + b"\r\n"

    @property
    def octets(self) -> bytes:
        """The whole message."""
        return self.header + self.body

    def subset(self, names: Iterable[bytes], *, keep: bool) -> bytes:
        """The fields of these names, or all others, and the blank line."""
        wanted = {name.upper() for name in names}
        chosen = [line for line in self.fields if (line.partition(b":")[0].upper() in wanted) is keep]
        return b"".join(chosen) + b"\r\n"


PLAIN_FIELDS = (
    b"From: Ann Author <ann@client.example>\r\n",
    b"To: reader@server.example\r\n",
    b"Date: Mon, 05 Jan 2026 12:00:00 +0000\r\n",
    b"Subject: plain\r\n",
    b"Message-ID: <plain@client.example>\r\n",
)


def plain(body: bytes = b"Hello.\r\n", *, subject: bytes = b"plain") -> bytes:
    """An ordinary message that no server can object to."""
    lines = tuple(b"Subject: " + subject + b"\r\n" if each.startswith(b"Subject") else each for each in PLAIN_FIELDS)
    return Written(lines, body).octets


def text_lines(max_octets: int = 60) -> SearchStrategy[bytes]:
    """One line of printable US-ASCII text without its CRLF."""
    return st.lists(_PRINTABLE, max_size=max_octets).map(bytes)


def bodies() -> SearchStrategy[bytes]:
    """Bodies of any lines, an odd one always among them, each with its CRLF. 7-bit, no bare CR or LF."""
    line = st.one_of(st.sampled_from(ODD_LINES), text_lines().filter(lambda text: not text.startswith(b"From ")))
    return st.builds(
        lambda before, odd, after: b"".join(each + b"\r\n" for each in (*before, odd, *after)),
        st.lists(line, max_size=3),
        st.sampled_from(ODD_LINES),
        st.lists(line, max_size=3),
    )


def tempting_bodies() -> SearchStrategy[bytes]:
    """Bodies that stores like to change: a line that begins with `From `, and no line end at the very end."""
    return bodies().map(lambda body: body + b"From here on\r\n>From there on\r\n" + body + b"no line end")


EXTRA_NAMES = (b"X-One", b"X-Two", b"X-One-More", b"Received", b"Comments")


def _field(name: bytes, words: list[bytes], *, folded: bool) -> bytes:
    return name + b": " + (b"\r\n " if folded else b" ").join(words) + b"\r\n"


def messages(texts: SearchStrategy[bytes] | None = None) -> SearchStrategy[Written]:
    """Messages with further fields, some twice, some folded, in front of and behind the usual ones."""
    word = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8).map(str.encode)
    further = st.builds(
        lambda name, words, folded: _field(name, words, folded=folded),
        st.sampled_from(EXTRA_NAMES),
        st.lists(word, min_size=1, max_size=4),
        st.booleans(),
    )
    return st.builds(
        lambda front, back, body: Written((*front, *PLAIN_FIELDS, *back), body),
        st.lists(further, max_size=3),
        # One name is a prefix of another, and one field is there twice, in every message.
        st.lists(further, max_size=3).map(
            lambda more: [b"X-One: a\r\n b\r\n", b"x-one-more: c\r\n", *more, b"X-ONE: d\r\n"]
        ),
        bodies() if texts is None else texts,
    )


def trapped_octets() -> SearchStrategy[bytes]:
    """What a literal may hold and a careless server runs: always a whole command line among other things."""
    piece = st.sampled_from(
        (b"x", b'"', b"\\", b"(", b")", b"{5}", b"{5+}", b"\r\n", b" ", b"*", b"%", b"\r", b"\n", b"A8 LOGOUT\r\n")
    )
    some = st.lists(piece, max_size=6).map(b"".join)
    return st.builds(lambda before, after: before + b"\r\nA9 NOOP\r\n" + after, some, some)


def in_any_case(text: str) -> SearchStrategy[str]:
    """The same letters in capitals and small letters as it comes, never just as given."""
    return st.lists(st.booleans(), min_size=len(text), max_size=len(text)).map(
        lambda upper: "".join(c.upper() if up else c.lower() for c, up in zip(text, upper, strict=True))
    )
