"""Names for what is wrong with a response that the grammar refuses.

The recogniser only says no. To say what, each known fault of real servers is undone on a copy; if the copy is in the
grammar, that fault is the one. The verdict never depends on it: what no repair explains is `not_in_grammar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.wire.imap_grammar.compiler import CLOSE_TOKEN, LITERAL8_TOKEN, LITERAL_TOKEN, OPEN_TOKEN
from conformance.wire.imap_grammar.deviations import Deviation
from conformance.wire.imap_grammar.recogniser import (
    EMPTY_TOKEN,
    KNOWN_RESPONSES,
    conforms,
    folded,
    is_status,
    matchers,
    quote_token,
)
from conformance.wire.imap_grammar.skeleton import Skeleton

_WORTH_EXPLAINING = 1 << 16
"""Octets of a line up to which repairs are tried; each costs as much as recognising the line."""

# Without ASCII, a negated class that spans the Kelvin sign would not match "k" either.
_ASCII_CASE = re.IGNORECASE | re.ASCII

_MAX_PLACES = 40
"""Places of one repair that are told apart to find the guilty one."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One known fault: where it may be, and what a correct server would have sent there."""

    kind: str
    pattern: re.Pattern[str]
    correct: str
    detail: str


def _repair(kind: str, pattern: str, correct: str, detail: str) -> Repair:
    return Repair(kind, re.compile(pattern, _ASCII_CASE), correct, detail)


_BEFORE, _AFTER = r"(?<![^ (:,<\[])", r"(?![^ ):,>\]])"
_STRING = f"(?:{OPEN_TOKEN}[^{CLOSE_TOKEN}]*{CLOSE_TOKEN}|{LITERAL_TOKEN})"
_STATUS_WORDS = r"(?:OK|NO|BAD|PREAUTH|BYE)"


def repairs() -> tuple[Repair, ...]:
    """All known faults, the most telling first."""
    string = quote_token("x")
    return (
        _repair("missing_resp_text", rf"^(\S+ {_STATUS_WORDS})$", r"\1 ", "no SP after the status (RFC 9051 §9)"),
        _repair("missing_continuation_space", r"^\+(?! )", "+ ", "no SP after the + (RFC 9051 §9 continue-req)"),
        _repair(
            "missing_resp_text_space",
            rf"^((?:\S+ {_STATUS_WORDS}|\+) \[[^\]]*\])(?! )",
            r"\1 ",
            "no SP after the response code (RFC 9051 §9 resp-text)",
        ),
        _repair("trailing_space", r" +$", "", "space at the end of the line (RFC 9051 §9, note 2)"),
        _repair("double_space", r" {2,}", " ", "more than one space (RFC 9051 §9, note 2)"),
        _repair("space_inside_parens", r"(?<=\() +| +(?=\))", "", "space next to a parenthesis (RFC 9051 §9, note 2)"),
        _repair("space_between_groups", r"(?<=\)) +(?=\()", "", "space between groups (RFC 9051 §9 env-from, body)"),
        _repair("tab_for_space", r"\t", " ", "TAB in place of SP (RFC 9051 §9, note 2)"),
        _repair(
            "missing_space",
            rf"(?<=[){CLOSE_TOKEN}{LITERAL_TOKEN}])(?=[(\w{OPEN_TOKEN}{LITERAL_TOKEN}])|(?<=\w)(?=[({OPEN_TOKEN}])",
            " ",
            "no SP between two values (RFC 9051 §9)",
        ),
        _repair("number_too_large", rf"{_BEFORE}[0-9]{{10,}}{_AFTER}", "1", "number out of range (RFC 9051 §9 number)"),
        _repair("zero_not_allowed", rf"{_BEFORE}0+{_AFTER}", "1", "zero where only nz-number may stand (RFC 9051 §9)"),
        _repair("leading_zero", rf"{_BEFORE}0+(?=[1-9])", "", "nz-number with a leading zero (RFC 9051 §9)"),
        _repair("negative_number", rf"{_BEFORE}-[0-9]+{_AFTER}", "1", "numbers have no sign (RFC 9051 §9 number)"),
        _repair(
            "not_an_integer",
            rf"{_BEFORE}[0-9]+(?:\.[0-9]+|(?:\.[0-9]+)?e[+-]?[0-9]+){_AFTER}",
            "1",
            "a number is digits only (RFC 9051 §9 number)",
        ),
        _repair("nil_not_allowed", rf"{_BEFORE}NIL{_AFTER}", string, "NIL where a string must stand (RFC 9051 §9)"),
        _repair(
            "two_selectability_flags",
            rf"{_BEFORE}\\(?:NonExistent|Noselect|Marked|Unmarked){_AFTER}",
            r"\\Other",
            "more than one of \\NonExistent, \\Noselect, \\Marked, \\Unmarked (RFC 9051 §9 mbx-list-sflag)",
        ),
        _repair("recent_not_allowed", r"\\Recent", r"\\Seen", "\\Recent is only in FETCH FLAGS (RFC 9051 §9 flag)"),
        _repair(
            "illegal_in_atom", r"(?<=[\w$.-])\](?=\w)", "x", "] in a keyword (RFC 9051 §9 flag-keyword, ATOM-CHAR)"
        ),
        _repair("empty_list", r"\(\)", "NIL", "empty list where NIL or members must stand (RFC 9051 §9)"),
        _repair(
            "unquoted_string",
            rf'{_BEFORE}(?!NIL{_AFTER})[^ (){OPEN_TOKEN}{LITERAL8_TOKEN}"]+{_AFTER}',
            string,
            "atom where a string or NIL must stand (RFC 9051 §9)",
        ),
        _repair("literal8_not_allowed", LITERAL8_TOKEN, LITERAL_TOKEN, "literal8 is for BINARY (RFC 9051 §9 literal8)"),
        _repair("string_not_allowed", _STRING, "x", "string where an atom must stand (RFC 9051 §9)"),
        _repair("string_not_allowed", _STRING, "1", "string where a number must stand (RFC 9051 §9)"),
        _repair("missing_number", r"(?<=[0-9])(?=[ )])", " 1", "fewer numbers than RFC 9051 §7.5.2 has, as TEXT lines"),
    )


def explain(raw: bytes, skeleton: Skeleton) -> list[Deviation]:
    """Why a response without octet faults is refused; at least one deviation."""
    text = skeleton.text
    if is_status(text):
        return (
            _bad_utf8(raw)
            or _known_faults(skeleton)
            or [Deviation("not_in_grammar", 0, "no status response or continuation (RFC 9051 §9)")]
        )
    if (unclosed := text.find('"')) >= 0:
        return [Deviation("bad_quoted_string", skeleton.offset(unclosed), "quoted string without end (RFC 9051 §4.3)")]
    if (bad := text.find(EMPTY_TOKEN)) >= 0:
        return [_bad_quoted(raw, skeleton.offset(bad))]
    if name := re.match(r"\* (?:[0-9]+ )?([a-z][^ (){%*\]\x00-\x1f\x7f-\uffff]*)(?![^ ])", text, _ASCII_CASE):
        word = name[1].upper()
        if not KNOWN_RESPONSES.fullmatch(word):
            return [Deviation("unknown_response", name.start(1), f"{word}: no grammar known, not judged")]
    line = folded(text)
    if line.problem == "unbalanced":
        return [Deviation("unbalanced", skeleton.offset(line.problem_at), "parentheses do not pair (RFC 9051 §9)")]
    if line.problem is not None:
        return [
            Deviation(line.problem, skeleton.offset(line.problem_at), "nested or grouped beyond the limit: not judged")
        ]
    if matchers().lenient_fetch.fullmatch(line.text):
        where = _somewhere(skeleton)
        return [Deviation("unknown_item", where.at, f"{where.detail}: no grammar known, not judged")]
    return _literal_count(skeleton) or _known_faults(skeleton) or [_somewhere(skeleton)]


def _bad_utf8(raw: bytes) -> list[Deviation]:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return [Deviation("bad_utf8", error.start, "text is neither ASCII nor UTF-8 (RFC 9051 §9 text)")]
    return []


def _bad_quoted(raw: bytes, at: int) -> Deviation:
    """A quoted string with an illegal inside starts at `at`."""
    inside = re.compile(rb'"((?:[^"\\]|\\.)*)"').match(raw, at)
    why = "backslash before something other than a quote or backslash, or an octet that may not stand there"
    if inside is not None and _bad_utf8(inside[1]):
        return Deviation("bad_utf8", at, "quoted string is neither ASCII nor UTF-8 (RFC 9051 §9 QUOTED-CHAR)")
    return Deviation("bad_quoted_string", at, f"{why} (RFC 9051 §9 QUOTED-CHAR)")


def _known_faults(skeleton: Skeleton) -> list[Deviation]:
    """The one repair, or failing that the fewest, that make the line conform."""
    text = skeleton.text
    if len(text) > _WORTH_EXPLAINING:
        return []
    candidates = [r for r in repairs() if r.pattern.search(text)]
    for repair in candidates:
        places = list(repair.pattern.finditer(text))
        if conforms(_mend(repair, text, places)):
            return [_found(skeleton, repair, places)]
        if 1 < len(places) <= _MAX_PLACES:
            for place in places:
                if conforms(_mend(repair, text, [place])):
                    return [_found(skeleton, repair, [place])]
    return _several_faults(skeleton, candidates)


def _several_faults(skeleton: Skeleton, candidates: list[Repair]) -> list[Deviation]:
    """Faults of more than one kind in a line: all the spaces first, then with wrong numbers."""
    # Not the missing ones: neighbours without a space are right in an address list.
    spaces = [r for r in candidates if "space" in r.kind and r.kind != "missing_space"]
    numbers = [r for r in candidates if r.kind in _NUMBER_FAULTS]
    for needed in (spaces, [*spaces, *numbers]):
        if not conforms(_apply(needed, skeleton.text)):
            continue
        for repair in list(needed):
            fewer = [r for r in needed if r is not repair]
            if conforms(_apply(fewer, skeleton.text)):
                needed = fewer
        return [_found(skeleton, r, list(r.pattern.finditer(skeleton.text))) for r in needed]
    return []


_NUMBER_FAULTS = frozenset(
    {"number_too_large", "zero_not_allowed", "negative_number", "not_an_integer", "leading_zero"}
)


def _apply(chosen: list[Repair], text: str) -> str:
    for repair in chosen:
        text = repair.pattern.sub(repair.correct, text)
    return text


def _mend(repair: Repair, text: str, places: list[re.Match[str]]) -> str:
    """The text with one repair made at these places."""
    parts, at = [], 0
    for place in places:
        parts += [text[at : place.start()], place.expand(repair.correct)]
        at = place.end()
    return "".join([*parts, text[at:]])


def _found(skeleton: Skeleton, repair: Repair, places: list[re.Match[str]]) -> Deviation:
    """The deviation a repair has shown, at the first of the places that cannot stay as it was."""
    guilty = places[0]
    if 1 < len(places) <= _MAX_PLACES:
        for kept in places:
            if not conforms(_mend(repair, skeleton.text, [p for p in places if p is not kept])):
                guilty = kept
                break
    # A pattern that takes the start of the line along shows its fault where it ends.
    at = guilty.end() if repair.pattern.pattern.startswith("^") else guilty.start()
    return Deviation(repair.kind, skeleton.offset(at), repair.detail)


def _literal_count(skeleton: Skeleton) -> list[Deviation]:
    """After a literal come a space, a parenthesis or the end; anything else and its count was off."""
    stray = re.search(f"{LITERAL_TOKEN}(?![ )]|$)", skeleton.text)
    if stray is None or conforms(f"{skeleton.text[: stray.end()]} {skeleton.text[stray.end() :]}"):
        return []
    return [Deviation("literal_count", skeleton.offset(stray.end()), "octets follow a literal's count (RFC 9051 §4.3)")]


def _somewhere(skeleton: Skeleton) -> Deviation:
    """A refusal that no known fault explains, narrowed to one item where the response is a FETCH."""
    head = re.match(r"\* [1-9][0-9]* FETCH \((?=.*\)$)", skeleton.text, re.IGNORECASE)
    if head is not None and len(skeleton.text) <= _WORTH_EXPLAINING:
        for at, item in _items(skeleton.text[head.end() : -1]):  # pragma: no branch - some item is guilty
            if not conforms(f"* 1 FETCH ({item})"):
                name = re.split("[ \\[]", item)[0]
                where = skeleton.offset(head.end() + at)
                return Deviation("not_in_grammar", where, f"FETCH item {name} (RFC 9051 §9 msg-att)")
    return Deviation("not_in_grammar", 0, "the response as a whole (RFC 9051 §9)")


def _items(inside: str) -> Iterator[tuple[int, str]]:
    """The name and value pairs of a FETCH response and where they start: every second space outside brackets cuts."""
    depth = spaces = start = 0
    for at, char in enumerate(inside):
        depth += (char in "([") - (char in ")]")
        if char == " " and depth == 0:
            spaces += 1
            if spaces % 2 == 0:
                yield start, inside[start:at]
                start = at + 1
    yield start, inside[start:]
