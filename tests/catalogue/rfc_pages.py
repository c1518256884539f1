"""RFC plain texts without their pages: the lines of each numbered section (RFC 2223 §3, RFC 7994 §4).

Footers, page headers, form feeds and the byte-order mark go; a paragraph cut by a page boundary is whole again.
Headings are what stands at the left margin with a number; the table of contents is indented or has dot leaders. The
text under an unnumbered heading (abstract, references without a number, addresses, licence) belongs to no section.
Where an RFC numbers nothing (RFC 854), its headings in capitals are counted: 1 at the left margin, 1.1 one step in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FOOTER = re.compile(r"\S.*\[Page\s+[\divxlc]+\]\s*$", re.IGNORECASE)
HEADER = re.compile(r"(?:RFC\s|Request for Comments).*\b\d{4}\s*$|RFC\s+\d+\s.*\S\s*$")
NUMBERED = re.compile(r"(?P<number>\d+(?:\.\d+)*)\.?\s+(?P<title>[^\s=:].*)$")
APPENDIX = re.compile(
    r"(?:Appendix\s+(?P<long>[A-Z](?:\.\d+)*)\b[.:]?\s*|(?P<short>[A-Z](?:\.\d+)+)\.?\s+|(?P<letter>[A-Z])\.\s+)"
    r"(?P<title>.*)$",
    re.IGNORECASE,
)
DOT_LEADER = re.compile(r"(?:\. ?){3,}\s*\d*\s*$")
UNNUMBERED = re.compile(
    r"(?:Abstract|Status of [Tt]h[ei]s|Copyright|Table of Contents|Full Copyright|Intellectual Property|Disclaimer"
    r"|Acknowledge?ments?\b|Authors?'?s?'? Address|Editors?'?s?'? Address|Contributors?\b|Index\s*$|Appendix\s*$"
    r"|(?:Normative |Informative )?References\s*$|Preface|Trademarks?\b|Notices?\s*$)",
    re.IGNORECASE,
)
BULLET = re.compile(r"(?:[-o*+]|\(?[0-9]{1,2}\)|[0-9]{1,2}\.|\(?[a-z]\)|[a-z]\.|\([ivx]+\))\s+(?=\S)")
"""What opens a list item, after the indentation."""
CAPITALS = re.compile(r"(?P<indent>| {3})(?P<title>[A-Z][A-Z]+(?: [A-Z\"]+)*)$")
"""A heading of an RFC that numbers none, at the first or the second level."""
SENTENCE_END = re.compile(r"[.?!:;][\"')\]]*\s*$")


@dataclass(frozen=True, slots=True)
class SectionLines:
    """The lines of one numbered section, without its heading and without those of its subsections."""

    number: str
    title: str
    lines: tuple[str, ...]


def body_lines(text: str) -> list[str]:
    """All lines of an RFC in one run, as if it had been printed on a single page."""
    lines: list[str] = []
    for page in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\f"):
        _append_page(lines, _trimmed(page.expandtabs().split("\n"), first=not lines))
    return lines


def section_lines(text: str) -> list[SectionLines]:
    """The numbered sections and lettered appendices of an RFC, in order; or, if it has none, those with a heading."""
    body = body_lines(text)
    return _numbered_sections(body) or _counted_sections(body)


def _numbered_sections(body: list[str]) -> list[SectionLines]:
    found: list[SectionLines] = []
    current: tuple[str, str] | None = None
    lines: list[str] = []
    at = 0
    while at < len(body):
        line = body[at]
        at += 1
        heading = heading_of(line)
        if heading is None and not UNNUMBERED.match(line):
            lines.append(line)
            continue
        if current:
            found.append(SectionLines(*current, tuple(lines)))
        current, lines = heading, []
        # A long title runs on below its own first word.
        while heading and at < len(body) and body[at].startswith("     "):
            at += 1
    if current:
        found.append(SectionLines(*current, tuple(lines)))
    return found


def _counted_sections(body: list[str]) -> list[SectionLines]:
    found: list[SectionLines] = []
    current: tuple[str, str] | None = None
    lines: list[str] = []
    section = subsection = 0
    for line in body:
        heading = CAPITALS.match(line)
        if heading is None:
            lines.append(line)
            continue
        if current:
            found.append(SectionLines(*current, tuple(lines)))
        section, subsection = (section, subsection + 1) if heading["indent"] else (section + 1, 0)
        current, lines = (f"{section}.{subsection}" if subsection else f"{section}", heading["title"]), []
    if current:
        found.append(SectionLines(*current, tuple(lines)))
    return found


def heading_of(line: str) -> tuple[str, str] | None:
    """The section number and title if this line is a heading, else None."""
    if not line or line[0].isspace() or DOT_LEADER.search(line):
        return None
    if match := NUMBERED.match(line):
        return match["number"], match["title"].strip()
    if match := APPENDIX.match(line):
        return (match["long"] or match["short"] or match["letter"]).upper(), match["title"].strip()
    return None


def indentation(line: str) -> int:
    """The number of spaces before the first character."""
    return len(line) - len(line.lstrip())


def _trimmed(lines: list[str], *, first: bool) -> list[str]:
    """One page without its header, footer and the blank lines around them."""
    lines = [line.rstrip() for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if lines and FOOTER.match(lines[-1]):
        lines.pop()
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    if lines and not first and HEADER.match(lines[0]):
        lines.pop(0)
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def _append_page(lines: list[str], page: list[str]) -> None:
    if lines and page and not _runs_on(lines[-1], page[0]):
        lines.append("")
    lines.extend(page)


def _runs_on(last: str, first: str) -> bool:
    """Whether the paragraph at the foot of one page goes on at the head of the next."""
    if heading_of(last) or heading_of(first) or not first.startswith(" "):
        return False
    if first.lstrip().startswith(";"):
        return ";" in last  # a comment in a grammar goes on
    if SENTENCE_END.search(last) or BULLET.match(first.lstrip()):
        return False
    # Only a line that is full breaks in mid-sentence; a short one is the last of a display.
    if first.lstrip()[0].isupper() and len(last) + len(first.split()[0]) < 64:
        return False
    # The continuation of a list item may be indented deeper than its first line, but never less than by its marker.
    return indentation(first) == indentation(last) or bool(BULLET.match(last.lstrip()))
