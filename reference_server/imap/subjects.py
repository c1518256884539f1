"""The base subject: a subject without `Re:`, `Fwd:` and their like (RFC 5256 §2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# subj-blob    = "[" *BLOBCHAR "]" *WSP
_BLOB = r"\[[^\[\]]*\] *"
BLOBS = re.compile(rf"(?:{_BLOB})*+")
LAST_BLOB = re.compile(rf"{_BLOB}\Z")
# subj-refwd   = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
REFWD = re.compile(rf"(?:re|fwd?) *(?:{_BLOB})?:", re.IGNORECASE)
# subj-trailer = "(fwd)" / WSP
TRAILER = "(fwd)"
# subj-fwd-hdr = "[fwd:"
FORWARDED = "[fwd:"
# White space other than a single space
WHITE_SPACE = re.compile(r"[ \t\r\n]{2,}|[\t\r\n]")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is left of a subject, and whether what was taken away shows a reply or a forward (RFC 5256 §3)."""

    base: str
    is_reply: bool


def base_subject(subject: str) -> Subject:
    """Steps 2 to 7 of RFC 5256 §2.1 on a decoded subject; step 1 as far as white space goes. Takes linear time."""
    text = " ".join(WHITE_SPACE.split(subject)) if WHITE_SPACE.search(subject) else subject
    start, end = 0, len(text)
    is_reply = False
    while True:
        shorter = _without_trailers(text, start, end)
        longer, had_refwd = _without_leaders(text, start, shorter)
        # A trailer that is no more than white space says nothing.
        is_reply = is_reply or had_refwd or text[shorter:end].strip(" ") != ""
        start, end = longer, shorter
        if not (text[start : start + len(FORWARDED)].lower() == FORWARDED and text.endswith("]", start, end)):
            return Subject(text[start:end], is_reply)
        start, end, is_reply = start + len(FORWARDED), end - 1, True


def _without_trailers(text: str, start: int, end: int) -> int:
    """Step 2: where the subject ends without subj-trailers."""
    while True:
        if text.endswith(" ", start, end):
            end -= 1
        elif text[max(start, end - len(TRAILER)) : end].lower() == TRAILER:
            end -= len(TRAILER)
        else:
            return end


def _without_leaders(text: str, start: int, end: int) -> tuple[int, bool]:
    """Steps 3 to 5: where the subject begins without subj-leaders and blobs, and whether a subj-refwd was among them.

    A row of blobs is looked at once: where no subj-refwd follows the row, none follows a part of it either.
    """
    had_refwd = False
    while True:
        while text.startswith(" ", start, end):
            start += 1
        after_blobs = BLOBS.match(text, start, end).end()  # type: ignore[union-attr]  # matches nothing, too
        refwd = REFWD.match(text, after_blobs, end)
        if refwd is None:
            break
        start, had_refwd = refwd.end(), True
    if after_blobs < end:
        return after_blobs, had_refwd
    # Blobs to the very end: the last one stays, since a base must not be empty.
    last = LAST_BLOB.search(text, start, end)
    return (last.start() if last else start), had_refwd
