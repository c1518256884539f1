"""Sentences of RFC prose, and the key words of RFC 2119 in them.

White space is folded, so that a sentence is the same however it was broken into lines. List items, table rows, lines of
ABNF, the comments below them and lines of dialogue are units of their own; the sentence that such a display interrupts
is put together again and stands before the display. A full stop does not end a sentence after an abbreviation, inside
quotes or parentheses, or before a lower-case letter.

One sentence is one requirement: where a sentence has several key words it counts once, under the strongest of them. The
paragraph that says how key words are to be read (RFC 2119) is no requirement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from tests.catalogue.rfc_pages import BULLET, indentation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEY_WORD = re.compile(r"\b(MUST(?: NOT)?|SHALL(?: NOT)?|SHOULD(?: NOT)?|REQUIRED|(?:NOT )?RECOMMENDED|MAY|OPTIONAL)\b")
STRENGTH = {"MUST": 3, "SHALL": 3, "REQUIRED": 3, "SHOULD": 2, "RECOMMENDED": 2, "MAY": 1, "OPTIONAL": 1}
LEVELS = {3: "MUST", 2: "SHOULD", 1: "MAY"}

ABBREVIATIONS = frozenset(
    {"e.g", "i.e", "vs", "cf", "al", "resp", "viz", "approx", "incl", "fig", "figs", "mr", "dr", "jr"}
)
STOP = re.compile(r"[.?!][\"')\]]*(?P<space>\s+)(?=[A-Z0-9\"'(\[<\\*`$+%])")
ABNF = re.compile(r"\s*<?[A-Za-z][\w.-]*>?\s*(?:=/?|::=)(?:\s|$)")
DIALOGUE = re.compile(r"\s*(?:[CSR]|C & S|S & C|[CS]\d?|client|server)\s*:(?:\s|$)", re.IGNORECASE)
COMMENT = re.compile(r"\s*;+\s?")
INLINE_COMMENT = re.compile(r'(?P<code>\s*[^\s;"](?:[^;"]|"[^"]*")*);+(?P<comment>.*)$')
REPLY = re.compile(r"\s*(?:[1-5][0-9yz]{2}[ -]\S|\+OK\b|-ERR\b)")
DRAWING = re.compile(r"[+|][-=+]{3,}|-{4,}|={4,}|_{4,}|<-{2,}|-{2,}>")


@dataclass(frozen=True, slots=True)
class _Block:
    text: str
    indent: int
    display: bool
    item: bool


def fold(text: str) -> str:
    """One space for each run of white space, none at the ends."""
    return " ".join(text.split())


def digest(sentence: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the folded sentence: what the catalogue stores."""
    return sha256(fold(sentence).encode()).hexdigest()[:16]


def level_words(sentence: str) -> tuple[str, ...]:
    """The key words of RFC 2119 in capitals, in the order of the sentence; none where it only says how to read them.

    Nor has an index or table of contents any: its lines are dots and page numbers.
    """
    if "....." in sentence:
        return ()
    words = tuple(KEY_WORD.findall(sentence))
    quoted = len(re.findall(rf"[\"']{KEY_WORD.pattern}[,.]?[\"']", sentence))
    explains = quoted >= 3 or (len(set(words)) >= 3 and re.search(r"interpreted|key ?words", sentence, re.IGNORECASE))
    return () if explains else words


def level(sentence: str) -> str | None:
    """MUST, SHOULD or MAY: the strongest key word of the sentence, a negative under its positive; None without any."""
    strengths = [STRENGTH[word.removeprefix("NOT ").removesuffix(" NOT")] for word in level_words(sentence)]
    return LEVELS[max(strengths)] if strengths else None


def sentences_of(lines: Sequence[str]) -> list[str]:
    """The sentences and display lines of a section, folded, in the order of the text."""
    found: list[str] = []
    for block in _joined([block for chunk in _chunks(lines) for block in _blocks(chunk)]):
        # A comment in a grammar may hold sentences; a line of dialogue is one unit whatever stops it has.
        whole = block.display and not KEY_WORD.search(block.text)
        found.extend([fold(block.text)] if whole else split_sentences(block.text))
    return found


def split_sentences(paragraph: str) -> list[str]:
    """The sentences of one paragraph, folded."""
    shielded = _shielded(paragraph)
    sentences: list[str] = []
    start = 0
    for stop in STOP.finditer(paragraph):
        before = paragraph[start : stop.start()]
        if not shielded[stop.start()] and not _abbreviates(before, wide=len(stop["space"]) > 1):
            sentences.append(fold(paragraph[start : stop.end()]))
            start = stop.end()
    sentences.append(fold(paragraph[start:]))
    return [sentence for sentence in sentences if sentence]


def _abbreviates(before: str, *, wide: bool) -> bool:
    """Whether the full stop after these words is part of the last one, or of a list number."""
    words = before.split()
    last = words[-1].lstrip("\"'([").lower() if words else ""
    if len(words) == 1 and re.fullmatch(r"\d+|[A-Za-z]", last):
        return True  # "1." or "a." opens an item
    if last == "etc":
        return not wide  # two spaces after it: the sentence ends here as well
    return last in ABBREVIATIONS or (last != "" and not last.strip("."))  # the dots of an ellipsis


def _shielded(paragraph: str) -> list[bool]:
    """For each character, whether it stands inside quotes or parentheses that are closed later in the paragraph."""
    shielded = [False] * (len(paragraph) + 1)
    opened: list[int] = []
    quoted_since: int | None = None
    for at, character in enumerate(paragraph):
        if character == '"':
            if quoted_since is None:
                quoted_since = at
            else:
                # Only what a quote really spans; a stray mark must not swallow the paragraph.
                if at - quoted_since < 200:
                    # Its own last full stop may end the sentence around it, unless it quotes nothing but the stop.
                    until = at - 1 if paragraph[quoted_since + 1 : at].strip(". ") else at
                    shielded[quoted_since + 1 : until] = [True] * max(0, until - quoted_since - 1)
                quoted_since = None
        elif quoted_since is None and character == "(":
            opened.append(at)
        elif quoted_since is None and character == ")" and opened:
            since = opened.pop()
            if not opened and at - since < 600:
                shielded[since:at] = [True] * (at - since)
                shielded[at - 1] = _whole_sentence_in_parentheses(paragraph, since) is False
    return shielded


def _whole_sentence_in_parentheses(paragraph: str, opening: int) -> bool:
    """Whether the parenthesis stands between sentences: then its own last full stop ends one."""
    before = paragraph[:opening].rstrip()
    return not before or before[-1] in ".?!"


def _chunks(lines: Iterable[str]) -> Iterable[list[str]]:
    chunk: list[str] = []
    for line in lines:
        if line.strip():
            chunk.append(line)
        elif chunk:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _blocks(chunk: list[str]) -> list[_Block]:
    """The paragraphs, list items and display lines in a run of lines without a blank one."""
    if _is_display(chunk):
        grammar = any(ABNF.match(line) or COMMENT.match(line) for line in chunk)
        units = _grammar_units(chunk) if grammar else chunk
        return [_Block(unit, indentation(unit), display=True, item=False) for unit in units]
    groups: list[list[str]] = []
    for line in chunk:
        if groups and not _opens(line, groups[-1]):
            groups[-1].append(line)
        else:
            groups.append([line])
    return [_prose(group) for group in groups]


def _grammar_units(chunk: list[str]) -> list[str]:
    """The lines of a grammar, and each comment in it whole, however many lines it runs over."""
    units: list[str] = []
    in_comment = False
    for line, below in zip(chunk, [*chunk[1:], ""], strict=True):
        inline = INLINE_COMMENT.match(line)
        if inline:
            units += [inline["code"], " ".join([" " * indentation(line), inline["comment"].strip()])]
        elif (comment := COMMENT.match(line)) and in_comment:
            units[-1] += f" {line[comment.end() :].strip()}"
        elif in_comment and COMMENT.match(below) and re.fullmatch(r"[a-z ]+", line):
            units[-1] += f" {line.strip()}"  # RFC 5321 §4.4 breaks comments without a new semicolon
            continue
        else:
            units.append(line[: indentation(line)] + line[comment.end() :] if comment else line)
        in_comment = bool(inline or comment)
    return units


def _prose(group: list[str]) -> _Block:
    first = group[0].lstrip()
    marker = BULLET.match(first)
    text = " ".join([first[marker.end() :] if marker else first, *(line.strip() for line in group[1:])])
    # A word broken at its hyphen or slash is whole again: "reverse-" + "path".
    text = re.sub(r"(?<=[a-z])- (?=[a-z])", "-", text) if any(line.endswith("-") for line in group) else text
    return _Block(text, indentation(group[0]), display=False, item=marker is not None)


def _opens(line: str, group: list[str]) -> bool:
    """Whether this line opens a block of its own after the lines of the group."""
    indent, first = indentation(line), indentation(group[0])
    if BULLET.match(line.lstrip()):
        after_item = BULLET.match(group[0].lstrip()) and indent == first
        return bool(after_item or group[-1].rstrip().endswith(":") or indent > indentation(group[-1]))
    if BULLET.match(group[0].lstrip()):
        return indent < first
    if len(group) > 1:
        return indent < indentation(group[-1]) and indent <= first
    # A short line with deeper ones below it is a term and its explanation, unless the paragraph just hangs.
    room = 72 - len(group[0].rstrip()) - len(line.split()[0])
    return indent > first and room > 2


def _is_display(chunk: list[str]) -> bool:
    """Whether the lines are ABNF, a dialogue, a table, a drawing or a list of replies, not prose."""
    marked = sum(any(mark.match(line) for mark in (ABNF, DIALOGUE, REPLY, COMMENT)) for line in chunk)
    drawn = sum(bool(DRAWING.search(line)) for line in chunk)
    if (marked and marked * 2 >= len(chunk)) or ABNF.match(chunk[0]) or DIALOGUE.match(chunk[0]):
        return True
    if drawn:
        return True
    columns = sum(bool(re.search(r"[^\s.?!:]\s{3,}\S", line.strip())) for line in chunk)
    return len(chunk) > 1 and columns * 2 > len(chunk)


def _joined(blocks: list[_Block]) -> list[_Block]:
    """The blocks with each sentence that a display interrupts put together again, before the display."""
    result: list[_Block] = []
    open_at: int | None = None
    for block in blocks:
        if open_at is not None:
            begun = result[open_at]
            if not block.display and not block.item and block.indent == begun.indent and block.text[:1].islower():
                result[open_at] = _Block(f"{begun.text} {block.text}", begun.indent, display=False, item=begun.item)
                open_at = None if block.text.rstrip().endswith((".", "?", "!")) else open_at
                continue
            short = len(block.text) < 60 and not block.text.rstrip().endswith((".", "?", "!", ":"))
            if not block.display and not block.item and short and begun.text.rstrip().endswith(":"):
                block = _Block(block.text, block.indent, display=True, item=False)
        result.append(block)
        if not block.display and block.indent <= (result[open_at].indent if open_at is not None else block.indent):
            unfinished = not block.text.rstrip().endswith((".", "?", "!", '."', ".)"))
            open_at = len(result) - 1 if unfinished and not block.item else None
    return result
