"""Rules compiled to regular expressions, exactly: by taking bracketed groups out first.

The IMAP grammar nests (a body holds bodies), which regular expressions cannot express, but every recursion in it
passes through a pair of parentheses, and outside free text a quote or parenthesis is never anything but structure
(RFC 9051 §9). So each `"(" … ")"` and each `DQUOTE … DQUOTE` of the grammar becomes a *kind* of group with a regular
inside. A response is then matched from its innermost groups outwards: each group is replaced by a token that
lists every kind it is an instance of, and the next group out matches tokens instead of text. What remains is one
regular line. No recursion, no backtracking across groups, and the language is that of the ABNF.

`Compiler` refuses rules to which this does not apply: an unpaired bracket, or recursion outside one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.wire.imap_grammar.syntax import (
    Chars,
    Choice,
    Expr,
    GrammarFaultError,
    Ref,
    Repeat,
    RuleBook,
    Sequence,
    Word,
)

OPEN_TOKEN, CLOSE_TOKEN = "\ue000", "\ue001"
"""Brackets of the token that stands for a group; between them one marker for each kind the group is."""

LITERAL_TOKEN, LITERAL8_TOKEN = "\ue002", "\ue003"
_FIRST_MARKER = 0xE010

_PAIRS = {ord("("): ord(")"), ord('"'): ord('"')}
_STRUCTURE = frozenset(b'()"\r\n\x00')
# What may follow a word that is being told apart from a longer one.
_WORD_END = r"(?![^ )\]])"


@dataclass(frozen=True, slots=True)
class GroupKind:
    """One bracketed part of the grammar: the pattern of its inside and the marker it leaves in a token."""

    marker: str
    pattern: re.Pattern[str]


@dataclass
class Compiler:
    """Compiles rules of one grammar; the kinds of groups found on the way are collected in `parens` and `quotes`."""

    rules: RuleBook
    but_not: Mapping[str, str]
    numeric: Mapping[str, str]
    parens: list[GroupKind] = field(default_factory=list)
    quotes: list[GroupKind] = field(default_factory=list)
    _markers: dict[Expr, str] = field(default_factory=dict)
    _pending: list[tuple[int, Expr, str]] = field(default_factory=list)
    _folded: dict[str, str] = field(default_factory=dict)
    _open_rules: list[str] = field(default_factory=list)

    def plain(self, rule: str) -> re.Pattern[str]:
        """A rule over the octets themselves, for lines of free text. It may not recurse."""
        return re.compile(self._regex(Ref(rule), fold=False), re.DOTALL)

    def folded(self, rule: str) -> re.Pattern[str]:
        """A rule over a line whose groups and literals have been replaced by tokens."""
        pattern = re.compile(self._regex(Ref(rule), fold=True), re.DOTALL)
        while self._pending:
            bracket, inside, marker = self._pending.pop()
            in_quotes = bracket == ord('"')
            kind = GroupKind(marker, re.compile(self._regex(inside, fold=not in_quotes), re.DOTALL))
            (self.quotes if in_quotes else self.parens).append(kind)
        return pattern

    def _regex(self, expr: Expr, *, fold: bool) -> str:
        match expr:
            case Chars(octets):
                if fold and octets & _STRUCTURE:
                    raise GrammarFaultError(f"unpaired structure in {self._open_rules}")
                return _char_class(octets)
            case Word(text):
                return f"(?i:{re.escape(text)})"
            case Ref(name):
                return self._rule(name, fold=fold)
            case Sequence(parts):
                return "".join(self._fold(parts) if fold else (self._regex(p, fold=False) for p in parts))
            case Choice(options):
                return self._choice(options, fold=fold)
            case Repeat(item, low, high):  # pragma: no branch - the last kind of expression there is
                inner = self._regex(item, fold=fold)
                if self._octets(item) is None:
                    inner = f"(?:{inner})"
                return inner + _QUANTIFIERS.get((low, high), f"{{{low},{'' if high is None else high}}}")

    def _rule(self, name: str, *, fold: bool) -> str:
        if name in self.numeric:
            return self.numeric[name]
        if fold and name in _LITERALS:
            return _LITERALS[name]
        if fold and name in self._folded:
            return self._folded[name]
        if name in self._open_rules:
            raise GrammarFaultError(f"{name} recurses outside a bracket: {self._open_rules}")
        self._open_rules.append(name)
        regex = self._regex(self.rules[name], fold=fold)
        if name in self.but_not:
            regex = f"(?!(?:{self._regex(Ref(self.but_not[name]), fold=fold)}){_WORD_END}){regex}"
        self._open_rules.pop()
        if fold:
            self._folded[name] = regex
        return regex

    def _choice(self, options: tuple[Expr, ...], *, fold: bool) -> str:
        """Alternatives; single octets among them become one class, which the matcher handles much faster."""
        octets: frozenset[int] = frozenset()
        others = []
        for option in options:
            single = self._octets(option)
            if single is None:
                others.append(self._regex(option, fold=fold))
            else:
                octets |= single
        if octets:
            others.insert(0, self._regex(Chars(octets), fold=fold))
        return f"(?:{'|'.join(others)})" if len(others) > 1 else others[0]

    def _octets(self, expr: Expr) -> frozenset[int] | None:
        """The set an expression stands for if it is always exactly one octet."""
        match expr:
            case Chars(octets):
                return octets
            case Ref(name) if name not in self.numeric and name not in self.but_not and name in self.rules:
                return None if name in self._open_rules else self._octets(self.rules[name])
            case Choice(options):
                sets = [self._octets(option) for option in options]
                return frozenset().union(*(s for s in sets if s)) if all(sets) else None
        return None

    def _fold(self, parts: tuple[Expr, ...]) -> list[str]:
        """A sequence with each bracketed stretch replaced by the pattern of a token that has its marker."""
        out: list[str] = []
        at = 0
        while at < len(parts):
            octets = self._octets(parts[at])
            opening = next(iter(octets)) if octets is not None and len(octets) == 1 else None
            if opening not in _PAIRS:
                out.append(self._regex(parts[at], fold=True))
                at += 1
                continue
            end = at + 1
            closing = frozenset({_PAIRS[opening]})
            while end < len(parts) and self._octets(parts[end]) != closing:
                end += 1
            if end == len(parts):
                raise GrammarFaultError(f"bracket never closed in {self._open_rules}")
            out.append(self._group(opening, Sequence(parts[at + 1 : end])))
            at = end + 1
        return out

    def _group(self, bracket: int, inside: Sequence) -> str:
        key = Sequence((Chars(frozenset({bracket})), inside))
        if key not in self._markers:
            self._markers[key] = chr(_FIRST_MARKER + len(self._markers))
            self._pending.append((bracket, inside, self._markers[key]))
        marker = self._markers[key]
        return f"{OPEN_TOKEN}[^{marker}{CLOSE_TOKEN}]*{marker}[^{CLOSE_TOKEN}]*{CLOSE_TOKEN}"


_LITERALS = {"literal": LITERAL_TOKEN, "literal8": LITERAL8_TOKEN}
_QUANTIFIERS = {(0, None): "*", (1, None): "+", (0, 1): "?"}


def _char_class(octets: frozenset[int]) -> str:
    if len(octets) == 1:
        return re.escape(chr(next(iter(octets))))
    runs: list[list[int]] = []
    for octet in sorted(octets):
        if runs and runs[-1][1] == octet - 1:
            runs[-1][1] = octet
        else:
            runs.append([octet, octet])
    return "[" + "".join(f"\\x{low:02x}" + (f"-\\x{high:02x}" if high > low else "") for low, high in runs) + "]"
