"""PREVIEW: the first words of a message, as a person reads them (RFC 8970).

Total and bounded: only the start of a part is looked at.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from reference_server.imap.charsets import to_text
from reference_server.imap.decoded import transfer_decoded
from reference_server.imap.encoding import leaves, transfer_encoding
from reference_server.imap.mime import Entity, Parameterized, parameterized

MAX_CHARACTERS = 200
"""RFC 8970 §3.3 asks for no more, and forbids more than 256."""

MAX_LOOKED_AT_OCTETS = 16_384
"""How much of a part is looked at."""

MAX_LAZY_OCTETS = 262_144
"""A message of this size is taken apart without undue delay; a larger one is not (RFC 8970 §4.1)."""

# One piece of markup, also one that is not closed
TAG = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([A-Za-z]*)[^>]*(?:>|\Z)", re.DOTALL)

UNSEEN = frozenset({"head", "script", "style", "title"})
"""Elements whose text is not for reading."""


def preview_of(message: Entity) -> str:
    """At most `MAX_CHARACTERS` of the first text that has any; empty if there is none (RFC 8970 §3.2)."""
    for part in _texts(message):
        text = _text_of(part)
        text = plain_text(text) if part.subtype == b"HTML" else text
        shown = "".join(filter(str.isprintable, " ".join(text.split())))[:MAX_CHARACTERS].rstrip()
        if shown:
            return shown
    return ""


def _texts(message: Entity) -> Iterator[Entity]:
    """Parts to look at, those that need no conversion in front; no attachments."""
    texts = [part for part in leaves(message) if part.type == b"TEXT" and not _is_attached(part)]
    yield from (part for part in texts if part.subtype == b"PLAIN")
    yield from (part for part in texts if part.subtype != b"PLAIN")


def _is_attached(part: Entity) -> bool:
    return parameterized(part.first(b"CONTENT-DISPOSITION") or b"").value.upper() == b"ATTACHMENT"


def _text_of(part: Entity) -> str:
    charset = Parameterized(b"", part.parameters).parameter(b"CHARSET") or b"UTF-8"
    # UTF-8 has ASCII in it, and shows what is really there.
    name = "utf-8" if charset.upper() == b"US-ASCII" else charset.decode("ascii", "replace")
    return to_text(transfer_decoded(part.body_octets[:MAX_LOOKED_AT_OCTETS], transfer_encoding(part)), name)


def plain_text(markup: str) -> str:
    """The text of HTML: a space for each tag, nothing of what is not shown."""
    pieces: list[str] = []
    hidden = ""
    at = 0
    for tag in TAG.finditer(markup):
        if not hidden:
            pieces.append(markup[at : tag.start()])
        at = tag.end()
        name = (tag[2] or "").lower()
        if not hidden and not tag[1] and name in UNSEEN:
            hidden = name
        elif tag[1] and name == hidden:
            hidden = ""
    if not hidden:
        pieces.append(markup[at:])
    return html.unescape(" ".join(pieces))
